//! What a workload is asked in a few figures, as cases and casts state it.

use gpuwise::model::time::Window;
use serde::Deserialize;

use super::autoscaler::Policy;
use super::fleet::{Routing, Site};
use super::load::Load;
use super::replica::Law;
use super::world::{Objective, World};

/// What a workload is asked, and how quick it is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Requests a second at the highest hour of a workday.
    pub(crate) peak: f64,
    /// How deep the night is: with 1 half as many come, with 6 none.
    #[serde(default = "usual_night")]
    pub(crate) depth: f64,
    /// How many come on a weekend's day, of a workday's.
    #[serde(default = "usual_weekend")]
    pub(crate) weekend: f64,
    /// Tokens of a prompt, on average.
    pub(crate) prompt: f64,
    /// Tokens of an answer, on average.
    pub(crate) answer: f64,
    /// Seconds from one token to the next of a request alone; each beside it adds a fiftieth.
    pub(crate) token_seconds: f64,
    /// Tokens of prompts that are computed in a second.
    pub(crate) prefill: f64,
    /// Requests in execution at once.
    pub(crate) seats: usize,
    /// The chance that a scrape is missed, with those after it.
    #[serde(default)]
    pub(crate) gaps: f64,
    /// Tokens that a replica's cache holds.
    #[serde(default = "roomy")]
    pub(crate) cache: f64,
    /// Seconds after which clients give up.
    pub(crate) patience: Option<f64>,
}

fn usual_night() -> f64 {
    1.0
}

fn usual_weekend() -> f64 {
    0.7
}

fn roomy() -> f64 {
    400_000.0
}

impl Asked {
    /// A month, or less, of it under a policy.
    pub(crate) fn world(&self, ran: Policy, window: Window) -> World {
        let load = Load {
            peak: self.peak,
            depth: self.depth,
            week: [1.0, 1.0, 1.0, 1.0, 1.0, self.weekend, self.weekend],
            day_sigma: 0.05,
            day_rho: 0.3,
            window_sigma: 0.05,
            bursts: (0.0, 1.0),
            cv: 1.1,
            growth: 0.0,
            prompt: (self.prompt, 0.6),
            answer: (self.answer, 0.6),
            cached: 0.0,
        };
        let law = Law {
            alone: self.token_seconds,
            each: self.token_seconds / 50.0,
            bend: 0.0,
            context: 0.0,
            prompt: 1.0 / self.prefill,
            overlap: 0.1,
            budget: 2_048.0,
            seats: self.seats,
            cache: self.cache,
            noise: 0.02,
            servers: 0.0,
            patience: self.patience.unwrap_or(f64::INFINITY),
        };
        World {
            load,
            site: Site {
                law,
                routing: Routing::Random,
                start: (120.0, 0.2),
                scrape: 60,
            },
            ran,
            objective: Objective {
                ttft: 1.0,
                itl: 1.0,
                refused: 0.0,
            },
            days: ((window.end.as_second() - window.start.as_second()) / 86_400) as usize,
            start: window.start.as_second(),
            gaps: self.gaps,
            seed: 7,
        }
    }
}
