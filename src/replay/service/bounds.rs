//! What a pool's service must keep to: latencies at quantiles, and the share of requests that is refused.

use super::outcome::Day;
use crate::model::objective::{Latency, LatencyTarget, Objective};

/// One bound on a latency.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// Of what.
    pub of: Latency,
    /// At which quantile, 0 to 1.
    pub at: f64,
    /// No more than that.
    pub seconds: f64,
    /// Whether somebody wants it; else it is what is there today.
    pub wanted: bool,
}

/// All bounds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bounds {
    /// On latencies.
    pub latencies: Vec<Bound>,
    /// On the share of requests that are refused.
    pub refused: f64,
}

impl Bounds {
    /// Those that somebody set, nearer by as much as the replay tells latencies too short (`margin`, of the first token and between
    /// tokens); where nobody did, what the replay of the present policy has, and `slack` of it more: a change must not make it
    /// worse. The present policy's refusals are a bound in any case.
    pub fn of(objective: &Objective, present: &Day, (slack, margin): (f64, (f64, f64))) -> Self {
        let set = |target: &LatencyTarget| Bound {
            of: target.of,
            at: target.at.ratio(),
            seconds: target.at_most.as_secs_f64()
                / match target.of {
                    Latency::FirstToken => margin.0,
                    Latency::InterToken => margin.1,
                    Latency::Whole => margin.0.max(margin.1),
                },
            wanted: true,
        };
        let mut latencies: Vec<Bound> = objective.latencies.iter().map(set).collect();
        for of in [Latency::FirstToken, Latency::InterToken] {
            let nobody_said = !objective.latencies.iter().any(|target| target.of == of);
            // At p99 too: one hour in a week in which all wait is less than a twentieth of its requests.
            for at in [0.95, 0.99].into_iter().filter(|_| nobody_said) {
                let seen = present.of(of).quantile(at);
                latencies.extend(seen.map(|seconds| Bound {
                    of,
                    at,
                    seconds: seconds * (1.0 + slack),
                    wanted: false,
                }));
            }
        }
        let permitted = objective.rejected.as_ref().map(|target| target.at_most.ratio());
        Self {
            latencies,
            refused: permitted.unwrap_or(0.0).max(present.refused_share().unwrap_or(0.0)),
        }
    }

    /// With what somebody wants nearer by this share.
    #[must_use]
    pub fn tighter(mut self, share: f64) -> Self {
        let wanted = self.latencies.iter_mut().filter(|bound| bound.wanted);
        wanted.for_each(|bound| bound.seconds *= 1.0 - share);
        self
    }

    /// The first that these days break; `None` where they keep to all.
    pub fn broken(&self, days: &Day) -> Option<Broken> {
        let late = self.latencies.iter().find(|bound| {
            let found = days.of(bound.of).quantile(bound.at);
            found.is_some_and(|found| found > bound.seconds)
        });
        if let Some(bound) = late {
            return Some(Broken::Latency(*bound));
        }
        let refused = days.refused_share().unwrap_or(0.0);
        (refused > self.refused + 1e-9).then_some(Broken::Refused(refused))
    }
}

/// A bound that is broken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Broken {
    /// A latency is longer.
    Latency(Bound),
    /// More requests are refused: this share.
    Refused(f64),
    /// More requests than may find no replica and wait for one to start: this share.
    Held(f64),
}
