//! From what was counted to what may be said: fit on the first week, prove on the days after it that the fit gives back what was,
//! search week by week, and only then propose.

use std::collections::BTreeMap;
use std::ops::Range;

use super::calibration::Calibration;
use super::demand::Demand;
use super::fit::{Fitted, Limits, Unfit, fit};
use super::law::BEYOND;
use super::outcome::together;
use super::policies::{AsItWas, Setting};
use super::pool::{DAY, Policy as _, Routing, Surroundings, replay};
use super::ran::{Hours, Ran, Scraped};
use super::search::{self, BEFORE, Case, Found, KNOWN, Stay, search};
use super::variant::Variant;
use crate::model::histogram::Histogram;
use crate::model::objective::Objective;
use crate::model::requests::RequestHistory;
use crate::model::scenario::Interval;
use crate::model::usage::Signal;
use crate::replay::interval;

/// Days at the end of which the server is as it is now; of so few figures may be off by this much more.
const LATELY: usize = 2;
const FEW: f64 = 1.6;

/// The share of days with refused requests above which nobody knows what was asked.
const CENSORED: f64 = 0.2;

/// How much slower than fitted a service may turn out: nine of ten held-out batches of 1,507 measured ones (AIConfigurator, 2026)
/// were within it.
pub const SLOWER: f64 = 0.08;

/// Seconds that a pod has to end, where it says nothing else: Kubernetes' default.
const GRACE_SECONDS: f64 = 30.0;

/// What is known of a workload.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What its servers counted and held.
    pub history: &'a RequestHistory,
    /// Its latencies and lengths by hour.
    pub histograms: &'a BTreeMap<Signal, Histogram>,
    /// What its server allows.
    pub limits: Limits,
    /// Seconds that starts took.
    pub start_seconds: &'a [f64],
    /// Whether an endpoint picker chooses its replicas.
    pub picked: bool,
    /// What somebody wants of it.
    pub objective: &'a Objective,
    /// The autoscaler that ran, where one did.
    pub ran: Option<&'a dyn Ran>,
    /// The fewest replicas that may be proposed.
    pub least: u32,
    /// Whether its replicas start side by side.
    pub scales: bool,
    /// By how much latencies and requests in flight may be off in the replay of what was.
    pub tolerance: f64,
    /// Days that a history must have.
    pub least_days: usize,
    /// What is drawn is drawn from this.
    pub seed: u64,
    /// Whether every setting is replayed event by event, as to see whether the search misses one.
    pub exhaustive: bool,
}

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
    let present = AsItWas::of(known.history);
    if variant.devices >= 1.0 && present.most() <= known.least.max(1) {
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
    } = calibrated(known, &demand, &present, (days, start_seconds))?;
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

/// What surrounds replicas.
fn around(known: &Known<'_>, routing: Routing, start_seconds: f64) -> Surroundings {
    Surroundings {
        routing,
        // What is refused while none is ready is counted as refused: that something holds it nobody has seen.
        holds_requests: false,
        start_seconds: vec![start_seconds],
        grace_seconds: GRACE_SECONDS,
        sync_seconds: 15.0,
        seed: known.seed,
    }
}

/// A service that was held against what was.
struct Checked {
    routing: Routing,
    fitted: Fitted,
    calibration: Calibration,
    /// The same over the last days alone, in which its server may have changed.
    lately: Calibration,
    /// Requests on one replica at most in the replay of what ran: servers tell their number now and then only.
    most_batch: f64,
}

/// The service fitted on the first week, under the routing that gives back best what was on the days after it.
fn calibrated(
    known: &Known<'_>,
    demand: &Demand,
    present: &AsItWas,
    (days, start_seconds): (usize, f64),
) -> Result<Checked, Silent> {
    let held_out = BEFORE..days;
    let under = |routing: Routing| {
        let limits = (known.limits, routing);
        let fitted = fit(known.history, known.histograms, demand, limits, 0..BEFORE).map_err(Silent::Unfit)?;
        let mut was = present.clone();
        let around = around(known, routing, start_seconds);
        let arrivals = demand.requests(known.seed);
        let replayed = replay(&fitted.service, &around, &mut was, arrivals, days as f64 * DAY);
        let most_batch = replayed.iter().map(|day| day.most_batch).max().unwrap_or(1) as f64;
        let check = |days: &Range<usize>, tolerance: f64| {
            let replayed = together(&replayed[days.clone()]);
            Calibration::of(known.history, known.histograms, (&replayed, days), tolerance)
        };
        let calibration = check(&held_out, known.tolerance);
        let lately = check(&(days - LATELY..days), known.tolerance * FEW);
        Ok(Checked {
            routing,
            fitted,
            calibration,
            lately,
            most_batch,
        })
    };
    let routings: &[Routing] = match known.picked {
        true => &[Routing::LeastLoaded],
        false => &[Routing::Random, Routing::LeastLoaded],
    };
    let tried: Vec<_> = routings
        .iter()
        .map(|routing| under(*routing))
        .collect::<Result<_, _>>()?;
    let best = tried
        .into_iter()
        .min_by(|a, b| distance(&a.calibration).total_cmp(&distance(&b.calibration)));
    best.ok_or(Silent::One)
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

fn distance(calibration: &Calibration) -> f64 {
    let errors = calibration.checks.iter().map(super::calibration::Check::error);
    errors.map(|error| if error.is_finite() { error } else { 10.0 }).sum()
}

impl Proof {
    /// Replica hours a day before and after, over the days on which it was scored; of replicas of the size that they have now.
    pub fn replica_hours(&self) -> (f64, f64) {
        let days = self.found.scored.len().max(1) as f64;
        let sum = |of: fn(&search::Scored) -> f64| self.found.scored.iter().map(of).sum::<f64>() / 3_600.0 / days;
        // No less than the setting that is proposed would have taken.
        let proposed = self.found.proposed_seconds / 3_600.0 / days;
        (sum(|day| day.before), sum(|day| day.after).max(proposed))
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
        let draw = |which: usize| {
            scored
                .iter()
                .map(|one| (one.before - one.drawn[which]) / HOUR)
                .collect()
        };
        let days: Vec<interval::Day> = scored.iter().map(day).collect();
        interval::daily(&days, &[draw(0), draw(1)])
    }

    /// The setting.
    pub fn setting(&self) -> Setting {
        self.found.setting
    }
}
