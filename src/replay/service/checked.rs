//! The service that gives back best what was measured: under each way in which requests may be spread, and of twice the batch the
//! dearest that the first week allows.

use std::ops::Range;

use super::calibration::{Calibration, Check};
use super::demand::Demand;
use super::fit::{Fitted, Unfit, fit};
use super::known::Known;
use super::law::DOUBLED;
use super::outcome::{Day, together};
use super::policies::AsItWas;
use super::pool::{DAY, Routing, Surroundings, replay};
use super::search::BEFORE;

/// Days at the end of which the server is as it is now; of so few figures may be off by this much more.
const LATELY: usize = 2;
const FEW: f64 = 1.6;

/// Seconds that a pod has to end, where it says nothing else: Kubernetes' default.
const GRACE_SECONDS: f64 = 30.0;

/// By how much the slowest tokens of the first week may be slower than measured for a doubling not to be too dear.
const TOO_DEAR: f64 = 0.03;

/// A service that was held against what was.
pub(super) struct Checked {
    pub(super) routing: Routing,
    pub(super) fitted: Fitted,
    pub(super) calibration: Calibration,
    /// The same over the last days alone, in which its server may have changed.
    pub(super) lately: Calibration,
    /// Requests on one replica at most in the replay of what ran: servers tell their number now and then only.
    pub(super) most_batch: f64,
}

/// What surrounds replicas.
pub(super) fn around(known: &Known<'_>, routing: Routing, start_seconds: f64) -> Surroundings {
    Surroundings {
        routing,
        // Else what comes while none is ready is counted as refused: that something holds it nobody has seen.
        holds_requests: known.least == 0,
        start_seconds: vec![start_seconds],
        grace_seconds: GRACE_SECONDS,
        sync_seconds: 15.0,
        seed: known.seed,
    }
}

/// What really ran, of so many days, with starts that take so long.
pub(super) struct Was<'a> {
    pub(super) known: &'a Known<'a>,
    pub(super) demand: &'a Demand,
    pub(super) present: &'a AsItWas,
    pub(super) days: usize,
    pub(super) start_seconds: f64,
}

/// The service fitted on the first week, under the routing that gives back best what was on the days after it.
pub(super) fn calibrated(was: &Was<'_>) -> Result<Checked, Unfit> {
    let routings: &[Routing] = match was.known.picked {
        true => &[Routing::LeastLoaded],
        false => &[Routing::Random, Routing::LeastLoaded],
    };
    let tried = routings.iter().map(|routing| was.under(*routing));
    let nearer = |best: Checked, other: Checked| match distance(&other.calibration) < distance(&best.calibration) {
        true => other,
        false => best,
    };
    tried
        .reduce(|best, other| Ok(nearer(best?, other?)))
        .unwrap_or(Err(Unfit::FewHours))
}

impl Was<'_> {
    /// With requests spread like this. A history of hardly more than one batch does not tell what two at once cost; the slowest
    /// tokens of a week do, where there were enough of them.
    fn under(&self, routing: Routing) -> Result<Checked, Unfit> {
        let [dearest, cheaper @ ..] = DOUBLED;
        let (mut fitted, mut replayed) = self.with(routing, dearest)?;
        for doubled in cheaper {
            if fitted.tells || !self.is_too_dear(&replayed) {
                break;
            }
            (fitted, replayed) = self.with(routing, doubled)?;
        }
        let tolerance = self.known.tolerance;
        Ok(Checked {
            routing,
            calibration: self.check(&replayed, BEFORE..self.days, tolerance),
            lately: self.check(&replayed, self.days - LATELY..self.days, tolerance * FEW),
            most_batch: replayed.iter().map(|day| day.most_batch).max().unwrap_or(1) as f64,
            fitted,
        })
    }

    /// What is fitted, and the replay of what ran with it.
    fn with(&self, routing: Routing, doubled: f64) -> Result<(Fitted, Vec<Day>), Unfit> {
        let known = self.known;
        let asked = (known.limits, routing, doubled);
        let fitted = fit(known.history, known.histograms, self.demand, asked, 0..BEFORE)?;
        let around = around(known, routing, self.start_seconds);
        let arrivals = self.demand.requests(known.seed);
        let mut policy = self.present.clone();
        let replayed = replay(&fitted.service, &around, &mut policy, arrivals, self.days as f64 * DAY);
        Ok((fitted, replayed))
    }

    fn is_too_dear(&self, replayed: &[Day]) -> bool {
        let week = self.check(replayed, 0..BEFORE, self.known.tolerance);
        let slowest = |check: &&Check| check.figure == "inter_token_latency" && check.at > 0.9;
        let checks = week.checks.iter().filter(slowest);
        checks
            .into_iter()
            .any(|check| check.replayed > check.measured * (1.0 + TOO_DEAR))
    }

    fn check(&self, replayed: &[Day], days: Range<usize>, tolerance: f64) -> Calibration {
        let known = self.known;
        let replayed = together(&replayed[days.clone()]);
        Calibration::of(known.history, known.histograms, (&replayed, &days), tolerance)
    }
}

fn distance(calibration: &Calibration) -> f64 {
    let errors = calibration.checks.iter().map(Check::error);
    errors.map(|error| if error.is_finite() { error } else { 10.0 }).sum()
}
