//! Whether a fitted service, replayed under the policy that really ran, gives back what was really measured. What it cannot
//! give back it cannot foretell.

use std::collections::BTreeMap;
use std::ops::Range;

use super::hours::over;
use super::outcome::Day;
use super::sketch::Sketch;
use crate::model::histogram::{Buckets, Histogram};
use crate::model::requests::RequestHistory;
use crate::model::usage::{Signal, quantile};

/// One figure, as it was and as the replay has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Check {
    /// Which: `time_to_first_token`, `inter_token_latency` or `requests_in_flight`.
    pub figure: &'static str,
    /// At which quantile.
    pub at: f64,
    /// As it was.
    pub measured: f64,
    /// As the replay has it.
    pub replayed: f64,
    /// Whether that is near enough.
    pub holds: bool,
}

impl Check {
    /// How far off the replay is, of what was measured.
    pub fn error(&self) -> f64 {
        (self.replayed - self.measured).abs() / self.measured.abs().max(1e-9)
    }
}

/// All figures of days that the fit did not see.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Calibration {
    /// The figures.
    pub checks: Vec<Check>,
}

/// Requests by which a number in flight may be off, however few they are.
const ONE: f64 = 1.0;

impl Calibration {
    /// Compares the days of a replay with the same days as they were measured; a figure may be off by `tolerance`, a ratio.
    pub fn of(
        history: &RequestHistory,
        histograms: &BTreeMap<Signal, Histogram>,
        (replayed, days): (&Day, &Range<usize>),
        tolerance: f64,
    ) -> Self {
        let mut checks = Vec::new();
        let latencies = [
            ("time_to_first_token", Signal::TimeToFirstToken, &replayed.first_token),
            ("inter_token_latency", Signal::InterTokenLatency, &replayed.inter_token),
        ];
        for (figure, signal, sketch) in latencies {
            let measured = over(histograms, signal, history, days, |_| true);
            for at in [0.5, 0.95] {
                let pair = measured.as_ref().and_then(|measured| {
                    let replayed = in_buckets(sketch, measured)?;
                    Some((measured.quantile(at)?, replayed.quantile(at)?))
                });
                // What cannot be compared does not hold.
                let (measured, replayed) = pair.unwrap_or((f64::NAN, f64::NAN));
                checks.push(Check {
                    figure,
                    at,
                    measured,
                    replayed,
                    holds: (replayed - measured).abs() <= tolerance * measured,
                });
            }
        }
        let flying = in_flight(history, days);
        for at in [0.5, 0.95] {
            let measured = quantile(flying.clone(), at).unwrap_or(f64::NAN);
            // Whole requests, of which a sketch is off by some hundredths.
            let replayed = replayed.in_flight.quantile(at).map_or(f64::NAN, f64::round);
            checks.push(Check {
                figure: "requests_in_flight",
                at,
                measured,
                replayed,
                holds: (replayed - measured).abs() <= (tolerance * measured).max(ONE),
            });
        }
        Self { checks }
    }

    /// Whether every figure holds.
    pub fn holds(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|check| check.holds)
    }

    /// Whether every figure holds of which enough was seen to tell it.
    pub fn holds_where_told(&self) -> bool {
        self.checks
            .iter()
            .all(|check| check.holds || !check.error().is_finite())
    }

    /// The figure that is furthest off among those that do not hold; `None` where those could not be compared.
    pub fn worst(&self) -> Option<&Check> {
        let broken = self
            .checks
            .iter()
            .filter(|check| !check.holds && check.error().is_finite());
        broken.max_by(|a, b| a.error().total_cmp(&b.error()))
    }

    /// How many times as long p95 of the first token, and of the time between tokens, was as the replay has it; never less than
    /// one.
    pub fn margin(&self) -> (f64, f64) {
        let of = |figure: &str| {
            let checks = self
                .checks
                .iter()
                .filter(|check| check.figure == figure && check.at > 0.9);
            let times = checks.map(|check| check.measured / check.replayed.max(1e-9));
            times.filter(|times| times.is_finite()).fold(1.0, f64::max)
        };
        (of("time_to_first_token"), of("inter_token_latency"))
    }

    /// The largest error of a latency.
    pub fn latency_error(&self) -> Option<f64> {
        let latencies = self.checks.iter().filter(|check| check.figure != "requests_in_flight");
        latencies
            .map(Check::error)
            .filter(|error| error.is_finite())
            .reduce(f64::max)
    }
}

/// What a sketch counted, in the buckets of a histogram: so that both are told with the same coarseness.
fn in_buckets(sketch: &Sketch, like: &Buckets) -> Option<Buckets> {
    Buckets::new(like.up_to().map(|(bound, _)| (bound, sketch.up_to(bound))), None)
}

/// Requests in execution and waiting at each point of these days.
fn in_flight(history: &RequestHistory, days: &Range<usize>) -> Vec<f64> {
    let step = f64::from(history.grid.step_seconds);
    let points =
        (0..history.grid.points()).filter(|at| days.contains(&((*at as f64 * step / super::pool::DAY) as usize)));
    let flying = |at: usize| Some(history.running.get(at)? + history.waiting.get(at)?);
    points.filter_map(flying).collect()
}
