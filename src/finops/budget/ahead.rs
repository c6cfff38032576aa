//! Where a month's spend leads: what it comes to by the pattern of the week, and on which day the money runs out.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Span, Timestamp};

use super::{Day, Desk};
use crate::finops::cost::WHOLE_DAY;
use crate::finops::forecast::Forecast;
use crate::model::amount::Amount;
use crate::model::finops::StandsOn;
use crate::model::scenario::Interval;
use crate::model::time::Window;
use crate::model::units::to_cents;

/// No forecast.
pub(super) const NONE: Interval = Interval {
    low: None,
    mid: None,
    high: None,
};

impl Desk<'_> {
    /// What the whole period costs: what was spent, and what its other days will.
    pub(super) fn forecast(
        &self,
        days: &BTreeMap<Date, Day>,
        told: &[(Date, Day)],
        period: Window,
        spent: Amount,
    ) -> Interval {
        let whole = |(date, day): (&Date, &Day)| (day.hours >= WHOLE_DAY).then(|| (*date, day.cost.get()));
        let past: Vec<(Date, f64)> = days.iter().filter_map(whole).collect();
        let Some(fitted) = Forecast::fit(&past) else {
            return NONE;
        };
        let mut coming = Vec::new();
        let mut date = period.start.to_zoned(self.books.zone.clone()).date();
        while let Some(start) = self.starts(date).filter(|start| *start < period.end) {
            let Ok(next) = date.checked_add(Span::new().days(1)) else {
                break;
            };
            let end = self.starts(next).map_or(period.end, |end| end.min(period.end));
            let hours = (end.as_second() - start.as_second()) as f64 / 3600.0;
            let seen = told
                .iter()
                .find(|(day, _)| *day == date)
                .map_or(0.0, |(_, day)| day.hours);
            let left = (1.0 - seen / hours.max(1.0)).max(0.0);
            if left > 1e-6 {
                coming.push((date, left));
            }
            date = next;
        }
        let rest = fitted.sum(&coming);
        let whole = |part: Option<f64>| part.map(|part| to_cents(part + spent.get()));
        Interval {
            low: whole(rest.low),
            mid: whole(rest.mid),
            high: whole(rest.high),
        }
    }

    /// The first day by whose end more is spent than may be: as it was, and from then on by the mean of the days so far, which also
    /// stands for days of which nobody told.
    pub(super) fn runs_out(
        &self,
        amount: Amount,
        told: &[(Date, Day)],
        period: Window,
        stands_on: Option<StandsOn>,
    ) -> Option<Date> {
        let mut spent = Amount::ZERO;
        let mut hours = 0.0;
        for (date, day) in told {
            spent += day.cost;
            hours += day.hours;
            if spent > amount {
                return Some(*date);
            }
        }
        if stands_on != Some(StandsOn::Projection) {
            return None;
        }
        let hourly = spent.get() / hours;
        if hourly <= 0.0 || hours <= 0.0 {
            return None;
        }
        let left = amount.get() / hourly * 3600.0;
        let at = period
            .start
            .checked_add(jiff::SignedDuration::from_secs_f64(left.min(1e9)))
            .ok()?;
        // What is spent to the last cent at the period's end holds.
        let slack = jiff::SignedDuration::from_secs(1);
        let date = |at: Timestamp| at.to_zoned(self.books.zone.clone()).date();
        // By the days that were told, it has not run out yet.
        (at + slack < period.end).then(|| date(at).max(date(self.now)))
    }
}
