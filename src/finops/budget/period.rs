//! The month of a budget.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::model::time::Window;
use crate::policy::budgets::MonthKind;

/// A period in words.
pub(super) fn in_words(month: MonthKind, first: Date) -> String {
    match month {
        MonthKind::Calendar => first.strftime("%Y-%m").to_string(),
        MonthKind::ThirtyDays => format!("30 days from {first}"),
    }
}

/// The month of a moment: what ends at midnight of the first belongs to the month that is over.
pub(super) fn of(now: Timestamp, kind: MonthKind, zone: &TimeZone) -> Window {
    let last = Timestamp::from_second(now.as_second() - 1).unwrap_or(now);
    let first = last.to_zoned(zone.clone()).date().first_of_month();
    let next = match kind {
        MonthKind::Calendar => first.checked_add(Span::new().months(1)),
        MonthKind::ThirtyDays => first.checked_add(Span::new().days(30)),
    };
    let at = |date: Date| date.to_zoned(zone.clone()).map(|day| day.timestamp());
    Window {
        start: at(first).unwrap_or(now),
        end: next.and_then(at).unwrap_or(now),
    }
}
