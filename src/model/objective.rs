//! What answering requests may take: bounds on latency by percentile, and on the share of requests that are turned away.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::units::Share;
use super::usage::Signal;

/// Of which part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Latency {
    /// From its arrival to its first token.
    FirstToken,
    /// From one token to the next.
    InterToken,
    /// From its arrival to its last token.
    Whole,
}

impl Latency {
    /// As a policy calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::FirstToken => "ttft",
            Self::InterToken => "itl",
            Self::Whole => "e2e",
        }
    }

    /// What measures it.
    pub fn signal(self) -> Signal {
        match self {
            Self::FirstToken => Signal::TimeToFirstToken,
            Self::InterToken => Signal::InterTokenLatency,
            Self::Whole => Signal::RequestLatency,
        }
    }
}

/// Which of the requests, by how long they take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Percentile {
    /// The median.
    P50,
    /// The 90th.
    P90,
    /// The 95th.
    P95,
    /// The 99th.
    P99,
}

impl Percentile {
    /// As a ratio: 0.95 for the 95th.
    pub fn ratio(self) -> f64 {
        match self {
            Self::P50 => 0.5,
            Self::P90 => 0.9,
            Self::P95 => 0.95,
            Self::P99 => 0.99,
        }
    }
}

/// A bound on a latency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatencyTarget {
    /// As a policy calls it, such as `ttft_p95`.
    pub name: &'static str,
    /// Of what.
    pub of: Latency,
    /// Of which requests.
    pub at: Percentile,
    /// No more than that; never zero.
    pub at_most: Duration,
    /// Who says so, such as `policy.yaml:12`.
    pub place: String,
}

/// A bound on the share of requests that are turned away.
#[derive(Debug, Clone, PartialEq)]
pub struct RejectedTarget {
    /// No more than that, less than all.
    pub at_most: Share,
    /// Who says so.
    pub place: String,
}

/// All bounds on one workload; without any, nobody said what its requests may take.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Objective {
    /// On latencies, one a latency and percentile, in the order of those.
    pub latencies: Vec<LatencyTarget>,
    /// On requests that are turned away.
    pub rejected: Option<RejectedTarget>,
}

impl Objective {
    /// Whether nobody said anything.
    pub fn is_empty(&self) -> bool {
        self.latencies.is_empty() && self.rejected.is_none()
    }

    /// The bound that keeps this percentile lowest: its own, or that of a higher percentile.
    pub fn bound(&self, of: Latency, at: Percentile) -> Option<&LatencyTarget> {
        let binding = self
            .latencies
            .iter()
            .filter(|target| target.of == of && target.at >= at);
        binding.min_by_key(|target| target.at_most)
    }

    /// Takes another bound; of two on the same, the stricter.
    pub fn tighten(&mut self, target: LatencyTarget) {
        let place = self
            .latencies
            .binary_search_by_key(&(target.of, target.at), |own| (own.of, own.at));
        match place {
            Ok(at) if self.latencies[at].at_most <= target.at_most => {}
            Ok(at) => self.latencies[at] = target,
            Err(at) => self.latencies.insert(at, target),
        }
    }

    /// The same of requests that are turned away.
    pub fn tighten_rejected(&mut self, target: RejectedTarget) {
        if self.rejected.as_ref().is_none_or(|own| target.at_most < own.at_most) {
            self.rejected = Some(target);
        }
    }
}

/// One bound as a plan tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObjectiveRow {
    /// What it bounds: `ttft_p95`, `rejected`.
    pub what: String,
    /// The bound.
    pub at_most: f64,
    /// What it is counted in: `seconds`, or `share` (0 to 1).
    pub unit: String,
    /// What it was over the window; `None` where that is not known.
    pub seen: Option<f64>,
    /// Who says so, such as `policy.yaml:12`.
    #[serde(rename = "where")]
    pub place: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(at: Percentile, millis: u64) -> LatencyTarget {
        LatencyTarget {
            name: "ttft",
            of: Latency::FirstToken,
            at,
            at_most: Duration::from_millis(millis),
            place: millis.to_string(),
        }
    }

    #[test]
    fn of_two_bounds_on_the_same_the_stricter_counts() {
        let mut objective = Objective::default();
        for (at, millis) in [
            (Percentile::P99, 900),
            (Percentile::P50, 300),
            (Percentile::P99, 800),
            (Percentile::P50, 400),
        ] {
            objective.tighten(target(at, millis));
        }
        let places: Vec<&str> = objective.latencies.iter().map(|one| one.place.as_str()).collect();
        assert_eq!(places, ["300", "800"]);
        let rejected = |percent, place: &str| RejectedTarget {
            at_most: Share::from_percent(percent).unwrap(),
            place: place.to_owned(),
        };
        for (percent, place) in [(1.0, "a"), (0.5, "b"), (2.0, "c")] {
            objective.tighten_rejected(rejected(percent, place));
        }
        assert_eq!(objective.rejected.unwrap().place, "b");
    }

    #[test]
    fn a_bound_on_the_slowest_bounds_the_others_and_not_the_other_way_round() {
        let mut objective = Objective::default();
        objective.tighten(target(Percentile::P95, 500));
        let bound = |at| {
            objective
                .bound(Latency::FirstToken, at)
                .map(|target| target.at_most.as_millis())
        };
        assert_eq!(bound(Percentile::P50), Some(500));
        assert_eq!(bound(Percentile::P95), Some(500));
        assert_eq!(bound(Percentile::P99), None);
        assert_eq!(objective.bound(Latency::Whole, Percentile::P50), None);
    }
}
