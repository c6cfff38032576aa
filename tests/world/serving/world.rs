//! A month of one workload, and what would have come of it under any policy.

use std::ops::Range;

use gpuwise::model::histogram::Histogram;
use gpuwise::model::requests::RequestHistory;
use gpuwise::model::time::{Grid, Window};
use jiff::Timestamp;

use super::autoscaler::Policy;
use super::draws::Draws;
use super::fleet::{Fleet, Site};
use super::load::{Arrivals, Load};
use super::tally::Served;

/// What users were promised: 95th percentiles, seconds, and the share of requests that may be refused.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Objective {
    /// Until the first token.
    pub(crate) ttft: f64,
    /// Between tokens.
    pub(crate) itl: f64,
    /// Refused.
    pub(crate) refused: f64,
}

impl Objective {
    /// Whether it was kept.
    pub(crate) fn kept(self, served: &Served) -> bool {
        let within = |seconds: f64, most: f64| seconds.is_nan() || seconds <= most;
        within(served.ttft.quantile(0.95), self.ttft)
            && within(served.itl.quantile(0.95), self.itl)
            && served.refused_share() <= self.refused
    }
}

/// One workload and how it was run.
#[derive(Debug, Clone)]
pub(crate) struct World {
    /// What it is asked.
    pub(crate) load: Load,
    /// What its replicas are like.
    pub(crate) site: Site,
    /// The policy that really ran.
    pub(crate) ran: Policy,
    /// What its users were promised.
    pub(crate) objective: Objective,
    /// Days.
    pub(crate) days: usize,
    /// Begin of the first day, unix seconds.
    pub(crate) start: i64,
    /// Chance that monitoring begins to miss scrapes at any of them.
    pub(crate) gaps: f64,
    /// Its luck: the same seed has the same days and requests under any policy.
    pub(crate) seed: u64,
}

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// Day by day.
    pub(crate) days: Vec<Served>,
    /// How long starts took, seconds.
    pub(crate) starts: Vec<f64>,
}

impl Outcome {
    /// All days together.
    pub(crate) fn all(&self) -> Served {
        let mut all = Served::default();
        self.days.iter().for_each(|day| all.merge(day));
        all
    }

    /// Replica-hours a day.
    pub(crate) fn daily_hours(&self) -> f64 {
        self.days.iter().map(|day| day.replica_hours).sum::<f64>() / self.days.len() as f64
    }
}

/// What the cluster's monitoring shows of the policy that ran.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    /// At every scrape.
    pub(crate) requests: RequestHistory,
    /// Seconds to the first token.
    pub(crate) ttft: Histogram,
    /// Seconds between tokens.
    pub(crate) itl: Histogram,
    /// Seconds of a request.
    pub e2e: Histogram,
    /// Tokens of prompts.
    pub(crate) prompt: Histogram,
    /// Tokens of answers.
    pub(crate) answer: Histogram,
    /// How long starts took that were seen, seconds.
    pub(crate) starts: Vec<f64>,
    /// Seconds for which pods were there on each day, ready or not.
    pub(crate) held: Vec<f64>,
}

impl World {
    /// Day of the week on which it begins, 0 for Monday.
    pub(crate) fn first_weekday(&self) -> usize {
        (self.start.div_euclid(86_400) + 3).rem_euclid(7) as usize
    }

    /// Day of the week of one of its days, 0 for Monday.
    pub(crate) fn weekday(&self, day: usize) -> usize {
        (self.first_weekday() + day) % 7
    }

    /// Another month of the same workload, with days and requests of its own: days that nobody has seen.
    pub(crate) fn again(&self, month: u64) -> Self {
        Self {
            seed: Draws::new(self.seed, 1_000 + month).whole(),
            ..self.clone()
        }
    }

    fn fleet<'a>(&'a self, policy: &'a Policy, days: Range<usize>, factors: &[f64], seed: u64) -> Fleet<'a> {
        let mut fleet = Fleet::new(&self.site, policy, days.len(), seed);
        let before = factors.first().copied().unwrap_or(1.0);
        let factors = std::iter::once(before).chain(factors.iter().copied()).collect();
        let first = (days.start as i64, self.weekday(days.start) as i64);
        fleet.run(Arrivals::new(&self.load, factors, first, seed));
        fleet
    }

    /// Its own days under a policy.
    pub(crate) fn run(&self, policy: &Policy) -> Outcome {
        let fleet = self.fleet(policy, 0..self.days, &self.load.days(self.days, self.seed), self.seed);
        Outcome {
            starts: fleet.starts.iter().map(|(_, seconds)| *seconds).collect(),
            days: fleet.tally.days,
        }
    }

    /// What monitoring saw of the policy that ran.
    pub(crate) fn watched(&self) -> Watched {
        let fleet = self.fleet(
            &self.ran,
            0..self.days,
            &self.load.days(self.days, self.seed),
            self.seed,
        );
        let at = |seconds: i64| Timestamp::from_second(seconds).unwrap_or_default();
        let window = Window {
            start: at(self.start),
            end: at(self.start + self.days as i64 * 86_400),
        };
        let grid = Grid {
            window,
            step_seconds: self.site.scrape,
        };
        let mut draws = Draws::new(self.seed, 6);
        let mut missing = 0;
        let gap: Vec<bool> = (0..grid.points())
            .map(|_| {
                let begins = draws.chance(self.gaps);
                missing = if begins {
                    1 + (draws.unit() * 20.0) as usize
                } else {
                    missing
                };
                missing = missing.saturating_sub(1);
                begins || missing > 0
            })
            .collect();
        let mut starts: Vec<f64> = fleet.starts.iter().map(|(_, seconds)| *seconds).collect();
        if starts.is_empty() {
            // New versions were rolled out: nobody scaled, but pods started.
            let (median, sigma) = self.site.start;
            let seen = 3 + (draws.unit() * 10.0) as usize;
            starts = (0..seen).map(|_| median * (sigma * draws.normal()).exp()).collect();
        }
        let [ttft, itl, e2e, prompt, answer] = fleet.tally.histograms(grid);
        let held = fleet.tally.days.iter().map(|day| day.replica_hours * 3_600.0);
        Watched {
            held: held.collect(),
            requests: fleet.tally.requests(grid, |at| gap[at]),
            ttft,
            itl,
            e2e,
            prompt,
            answer,
            starts,
        }
    }

    /// Replica-hours a day under a policy, day by day of these days, as they are on average over all luck: the days' own factors
    /// are taken evenly from their distribution in so many sweeps.
    pub(crate) fn expected(&self, policy: &Policy, days: Range<usize>, sweeps: usize) -> Vec<f64> {
        if let Policy::Fixed(count) = policy {
            return vec![24.0 * f64::from(*count); days.len()];
        }
        let mut hours = vec![0.0; days.len()];
        for sweep in 0..sweeps {
            let seed = Draws::new(self.seed, 2_000_000 + sweep as u64).whole();
            let factors = self.load.even_days(days.len(), sweep, sweeps);
            let fleet = self.fleet(policy, days.clone(), &factors, seed);
            for (hours, day) in hours.iter_mut().zip(&fleet.tally.days) {
                *hours += day.replica_hours / sweeps as f64;
            }
        }
        hours
    }

    /// Replica-hours that a policy saves a day against the one that ran, on average over all luck of these days and of a week.
    pub(crate) fn expected_saving(&self, policy: &Policy, days: Range<usize>, sweeps: usize) -> f64 {
        let (ran, would) = (
            self.expected(&self.ran, days.clone(), sweeps),
            self.expected(policy, days.clone(), sweeps),
        );
        // A workday counts a fifth of five sevenths, whatever the days in the window.
        let mean = |weekend: bool| {
            let of = days.clone().zip(ran.iter().zip(&would));
            let of = of.filter(|(day, _)| (self.weekday(*day) >= 5) == weekend);
            let saved: Vec<f64> = of.map(|(_, (ran, would))| ran - would).collect();
            saved.iter().sum::<f64>() / saved.len() as f64
        };
        (5.0 * mean(false) + 2.0 * mean(true)) / 7.0
    }
}
