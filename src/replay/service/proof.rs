//! From what was counted to what may be said: fit on the first week, prove on the days after it that the fit gives back what was,
//! search week by week, and only then propose.

use super::calibration::Calibration;
use super::checked::{Checked, Was, around, calibrated};
use super::demand::Demand;
use super::fit::{Fitted, Unfit};
use super::known::Known;
use super::law::BEYOND;
use super::policies::{AsItWas, Setting};
use super::pool::{DAY, Policy as _, Routing, Surroundings, replay};
use super::ran::{Hours, Ran, Scraped};
use super::search::{self, BEFORE, Case, Found, KNOWN, Stay, search};
use super::variant::Variant;
use crate::model::scenario::Interval;
use crate::replay::interval;

/// The share of days with refused requests above which nobody knows what was asked.
const CENSORED: f64 = 0.2;

/// How much slower than fitted a service may turn out: nine of ten held-out batches of 1,507 measured ones (AIConfigurator, 2026)
/// were within it.
pub const SLOWER: f64 = 0.08;

/// A change that was replayed.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// What was found.
    pub found: Found,
    /// How far the replay of what was is off.
    pub calibration: Calibration,
    /// Replica hours of the days that were not fitted on, where an autoscaler ran.
    pub hours: Option<Hours>,
    /// What was fitted.
    pub fitted: Fitted,
    /// How requests are spread.
    pub routing: Routing,
    /// Seconds that a start is thought to take: nine of ten and a half took no longer.
    pub start_seconds: f64,
    /// Whether requests were refused on some day, so that more was wanted than came.
    pub censored: bool,
    /// Whether anything counts refused requests.
    pub refusals_counted: bool,
    /// Replicas that ran, at most.
    pub most_replicas: u32,
    /// The first day of the history, in days since 1970.
    pub first_day: i64,
}

/// Why nothing is said.
#[derive(Debug, Clone, PartialEq)]
pub enum Silent {
    /// So many days, where more are asked for.
    Short(usize),
    /// Such a share is known.
    Gaps(f64),
    /// Requests were refused on so many days.
    Refused(usize),
    /// No start was ever seen.
    NoStart,
    /// Nothing could be fitted.
    Unfit(Unfit),
    /// The replay of what was is not what was.
    NotCalibrated(Calibration),
    /// The autoscaler that ran, replayed, does not take as many replica hours as it did.
    OtherHours(Hours),
    /// Nothing better was found.
    Stays(Stay, Calibration),
    /// It has one replica, or none.
    One,
}

/// Proves that with replicas changed like this, and as many of them as requests need, less does; or says why it does not.
///
/// # Errors
/// Why nothing is said.
pub fn prove(known: &Known<'_>, variant: &Variant) -> Result<Proof, Silent> {
    let present = AsItWas::of(known.history).holding(known.held_seconds);
    if variant.devices >= 1.0 && present.most() <= known.least {
        return Err(Silent::One);
    }
    let demand = Demand::of(known.history, known.histograms);
    let days = whole_days(known, &demand)?;
    let start_seconds = late(known.start_seconds).ok_or(Silent::NoStart)?;
    let Checked {
        routing,
        fitted,
        calibration,
        lately,
        most_batch,
    } = calibrated(&Was {
        known,
        demand: &demand,
        present: &present,
        days,
        start_seconds,
    })
    .map_err(Silent::Unfit)?;
    if !calibration.holds() {
        return Err(Silent::NotCalibrated(calibration));
    }
    if !lately.holds_where_told() {
        return Err(Silent::NotCalibrated(lately));
    }
    let hours = ran_again(known, &demand, &present, (days, routing, &fitted));
    if let Some(hours) = hours.filter(|hours| !hours.hold()) {
        return Err(Silent::OtherHours(hours));
    }
    let around = around(known, routing, start_seconds);
    let shares = demand.known();
    let case = Case {
        demand: &demand,
        service: &fitted.service,
        most_batch: (fitted.seen_batch * BEYOND, most_batch * BEYOND),
        margin: calibration.margin(),
        around: &around,
        start_seconds: known.start_seconds,
        present: &present,
        objective: known.objective,
        autoscaled: known.ran.map(Ran::most),
        least: known.least,
        scales: known.scales,
        known: &shares,
        days,
        slower: SLOWER,
        variant,
        exhaustive: known.exhaustive,
    };
    match search(&case) {
        Ok(found) => Ok(Proof {
            found,
            calibration,
            hours,
            routing,
            start_seconds,
            censored: demand.censored.contains(&true),
            refusals_counted: known.history.rejected.is_some(),
            most_replicas: present.most(),
            first_day: known.history.grid.window.start.as_second().div_euclid(DAY as i64),
            fitted,
        }),
        Err(stay) => Err(Silent::Stays(stay, calibration)),
    }
}

/// The autoscaler that ran, run again over the fitted service: replica hours of the days that were not fitted on.
fn ran_again(
    known: &Known<'_>,
    demand: &Demand,
    present: &AsItWas,
    (days, routing, fitted): (usize, Routing, &Fitted),
) -> Option<Hours> {
    let begin = known.history.grid.window.start.as_millisecond();
    let policy = known.ran?.begun(begin, present.first());
    let mut scraped = Scraped::new(policy, f64::from(known.history.grid.step_seconds), days);
    let around = Surroundings {
        // As they were, and not as late as they may be.
        start_seconds: known.start_seconds.to_vec(),
        ..around(known, routing, 0.0)
    };
    let arrivals = demand.requests(known.seed);
    replay(&fitted.service, &around, &mut scraped, arrivals, days as f64 * DAY);
    let shares = demand.known();
    let is_known = |day: usize| shares.get(day).is_some_and(|share| *share >= KNOWN);
    Some(scraped.hours(present, &(BEFORE..days), is_known))
}

/// Whole days, where enough of each is known.
fn whole_days(known: &Known<'_>, demand: &Demand) -> Result<usize, Silent> {
    let days = (demand.seconds() / DAY + 1e-9) as usize;
    if days < known.least_days.max(BEFORE + 1) {
        return Err(Silent::Short(days));
    }
    let shares = demand.known();
    let share = shares.iter().take(days).sum::<f64>() / days as f64;
    if share < KNOWN {
        return Err(Silent::Gaps(share));
    }
    let refused = demand.censored.iter().take(days).filter(|day| **day).count();
    if refused as f64 > CENSORED * days as f64 {
        return Err(Silent::Refused(refused));
    }
    Ok(days)
}

/// The 95th percentile of starts; of few the longest.
fn late(starts: &[f64]) -> Option<f64> {
    crate::model::usage::quantile(starts.to_vec(), 0.95)
}

impl Proof {
    /// Replica hours a day before and after, over the days on which it was scored; of replicas of the size that they have now.
    pub fn replica_hours(&self) -> (f64, f64) {
        let sum = |of: fn(&search::Scored) -> f64| self.found.scored.iter().map(of).sum::<f64>();
        (self.a_day(sum(|day| day.before)), self.a_day(sum(|day| day.after)))
    }

    /// Replica hours a day on the same days under the settings that the search found week by week.
    pub fn walked_hours(&self) -> f64 {
        self.a_day(self.found.walked_seconds)
    }

    fn a_day(&self, seconds: f64) -> f64 {
        seconds / 3_600.0 / self.found.scored.len().max(1) as f64
    }

    /// Replica hours saved a day with their 90 % interval; `None` with fewer than ten scored days.
    pub fn saving_a_day(&self) -> Option<Interval> {
        const HOUR: f64 = 3_600.0;
        let scored = &self.found.scored;
        let day = |one: &search::Scored| interval::Day {
            number: self.first_day + one.day as i64,
            saving: (one.before - one.after) / HOUR,
            known: 1.0,
        };
        let end = |which: usize| {
            let of = scored.iter().map(|one| (one.before - one.ends[which]) / HOUR);
            of.collect()
        };
        let days: Vec<interval::Day> = scored.iter().map(day).collect();
        interval::daily(&days, &[end(0), end(1)])
    }

    /// The setting.
    pub fn setting(&self) -> Setting {
        self.found.setting
    }
}
