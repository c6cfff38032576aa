//! A pool of replicas, one to a node, over a trace: how much of what was wanted was served, and at what cost.

use std::collections::BTreeSet;

use super::job::Rates;
use super::prices::cost;
use super::trace::Trace;
use super::{HOUR, Random};

/// How a pool is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Replicas that are always on on-demand capacity.
    pub base: u32,
    /// Whether on-demand capacity takes the place of spot capacity that is not there, until it is. That it can be had is an
    /// assumption.
    pub fallback: bool,
    /// Seconds from a node's beginning until its replica serves.
    pub cold_start: i64,
}

/// What came of it, in replica-hours, over the time that was watched.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Served {
    /// Wanted.
    pub wanted: f64,
    /// Of those, served.
    pub served: f64,
    /// Of those, not served.
    pub shortfall: f64,
    /// Paid for on spot capacity.
    pub spot: f64,
    /// Paid for on on-demand capacity.
    pub on_demand: f64,
    /// Replicas that lost their node.
    pub interruptions: u32,
    /// What it cost.
    pub cost: f64,
    /// What it would have cost on on-demand capacity.
    pub on_demand_cost: f64,
}

impl Served {
    /// The share of wanted replica-hours that were served; `None` where none was wanted.
    pub fn share(&self) -> Option<f64> {
        (self.wanted > 0.0).then(|| self.served / self.wanted)
    }

    /// What is saved against on-demand capacity, as a share; `None` where that costs nothing.
    pub fn saving(&self) -> Option<f64> {
        (self.on_demand_cost > 0.0).then(|| 1.0 - self.cost / self.on_demand_cost)
    }
}

/// Serves from one second of a trace to another. `wanted` are replicas by the second from which they are wanted, in order; at the
/// beginning, and after each gap, all that is there serves at once: the pool was there before.
pub fn serve(pool: &Pool, wanted: &[(i64, u32)], trace: &Trace, rates: &Rates, span: (i64, i64), seed: u64) -> Served {
    let mut all = serve_by(pool, wanted, trace, rates, (span, span.1 - span.0), seed);
    all.pop().unwrap_or_default()
}

/// The same, told apart by spans of so many seconds, one after the other.
pub fn serve_by(
    pool: &Pool,
    wanted: &[(i64, u32)],
    trace: &Trace,
    rates: &Rates,
    (span, every): ((i64, i64), i64),
    seed: u64,
) -> Vec<Served> {
    let mut told = Vec::new();
    let begins = |number: i64| span.0 + number * every.max(1);
    let mut run = Run {
        pool,
        rates,
        rank: Random::new(seed).order(trace.nodes.len()),
        trace,
        own: BTreeSet::new(),
        standing_in: Vec::new(),
        served: Served::default(),
    };
    let mut times: BTreeSet<i64> = BTreeSet::from([span.0, span.1]);
    times.extend((1..).map(begins).take_while(|begin| *begin < span.1));
    times.extend(wanted.iter().map(|step| step.0));
    times.extend(trace.nodes.iter().flat_map(|node| [node.from, node.to]));
    times.extend(trace.unknown.iter().flat_map(|gap| [gap.0, gap.1]));
    let mut times: BTreeSet<i64> = times.range(span.0..=span.1).copied().collect();
    let mut fresh = true;
    while let Some(now) = times.pop_first() {
        if now == begins(told.len() as i64 + 1) {
            told.push(std::mem::take(&mut run.served));
        }
        let Some(&next) = times.first() else { break };
        let place = wanted.partition_point(|step| step.0 <= now);
        let target = place.checked_sub(1).map_or(0, |at| wanted[at].1);
        if trace.unknown.iter().any(|gap| (gap.0..gap.1).contains(&now)) {
            run.own.clear();
            run.standing_in.clear();
            fresh = true;
            continue;
        }
        let ready = if fresh { now } else { now + pool.cold_start };
        fresh = false;
        if let Some(wakes) = run.arrange(now, target, ready).filter(|wakes| *wakes < next) {
            times.insert(wakes);
        }
        run.pay(now, times.first().copied().unwrap_or(next), target);
    }
    if told.is_empty() || run.served != Served::default() {
        told.push(run.served);
    }
    told
}

struct Run<'a> {
    pool: &'a Pool,
    rates: &'a Rates,
    trace: &'a Trace,
    /// Which of several nodes is taken first.
    rank: Vec<usize>,
    /// Nodes in use, by rank, and from when each serves.
    own: BTreeSet<(usize, usize, i64)>,
    /// On-demand replicas in place of spot ones, by when they serve.
    standing_in: Vec<i64>,
    served: Served,
}

impl Run<'_> {
    /// Takes and leaves nodes; the next second at which another replica serves.
    fn arrange(&mut self, now: i64, target: u32, ready: i64) -> Option<i64> {
        let before = self.own.len();
        let nodes = &self.trace.nodes;
        self.own.retain(|(_, node, _)| nodes[*node].to > now);
        self.served.interruptions += u32::try_from(before - self.own.len()).unwrap_or(u32::MAX);
        let spot = target.saturating_sub(self.pool.base) as usize;
        while self.own.len() > spot {
            self.own.pop_last();
        }
        if self.own.len() < spot {
            let used: BTreeSet<usize> = self.own.iter().map(|own| own.1).collect();
            let there = |(at, node): (usize, &super::trace::Node)| {
                (node.from <= now && now < node.to && !used.contains(&at)).then(|| (self.rank[at], at, ready))
            };
            let mut free: Vec<(usize, usize, i64)> = nodes.iter().enumerate().filter_map(there).collect();
            free.sort_unstable();
            self.own.extend(free.into_iter().take(spot - self.own.len()));
        }
        if self.pool.fallback {
            let serving = self.own.iter().filter(|own| own.2 <= now).count();
            self.standing_in
                .resize(self.standing_in.len().max(spot - self.own.len()), ready);
            self.standing_in.truncate(spot - serving);
        }
        let later = self.own.iter().map(|own| own.2).chain(self.standing_in.iter().copied());
        later.filter(|ready| *ready > now).min()
    }

    fn pay(&mut self, now: i64, next: i64, target: u32) {
        let hours = (next - now) as f64 / HOUR;
        let base = target.min(self.pool.base);
        let serving = |ready: i64| ready <= now;
        let spot = self.own.iter().filter(|own| serving(own.2)).count();
        let standing_in = self.standing_in.iter().filter(|ready| serving(**ready)).count();
        let served = f64::from(target).min(f64::from(base) + (spot + standing_in) as f64);
        let told = &mut self.served;
        told.wanted += f64::from(target) * hours;
        told.served += served * hours;
        told.shortfall += (f64::from(target) - served) * hours;
        told.spot += self.own.len() as f64 * hours;
        let paid = f64::from(base) + self.standing_in.len() as f64;
        told.on_demand += paid * hours;
        told.cost += self.own.len() as f64 * self.rates.spot.between(now, next);
        told.cost += paid * cost(self.rates.on_demand, next - now);
        told.on_demand_cost += f64::from(target) * cost(self.rates.on_demand, next - now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::spot::prices::Prices;
    use proptest::prelude::*;

    fn rates() -> Rates {
        Rates {
            on_demand: 3.6,
            spot: Prices::fixed(1.2).unwrap(),
        }
    }

    fn pool(base: u32, fallback: bool, cold_start: i64) -> Pool {
        Pool {
            base,
            fallback,
            cold_start,
        }
    }

    /// Two nodes; one goes after 1,000 seconds, another comes at 2,000.
    fn trace() -> Trace {
        Trace::of_counts(&[(0, Some(2)), (1_000, Some(1)), (2_000, Some(2))], 10_000, None, 1)
    }

    fn seconds(hours: f64) -> f64 {
        (hours * HOUR).round()
    }

    #[test]
    fn what_went_is_missed_until_another_serves() {
        let served = serve(&pool(0, false, 300), &[(0, 2)], &trace(), &rates(), (0, 10_000), 1);
        assert_eq!((seconds(served.shortfall), served.interruptions), (1_300.0, 1));
        assert_eq!(seconds(served.served + served.shortfall), 20_000.0);
        assert_eq!((seconds(served.spot), served.on_demand), (19_000.0, 0.0));
    }

    #[test]
    fn on_demand_capacity_stands_in_and_is_paid_until_spot_serves_again() {
        let served = serve(&pool(0, true, 300), &[(0, 2)], &trace(), &rates(), (0, 10_000), 1);
        assert_eq!((seconds(served.shortfall), seconds(served.on_demand)), (300.0, 1_300.0));
        let wanted = 19_000.0 / HOUR * 1.2 + 1_300.0 / HOUR * 3.6;
        assert!((served.cost - wanted).abs() < 1e-9);
    }

    #[test]
    fn a_base_is_never_taken_away_and_nobody_serves_more_than_is_wanted() {
        let wanted = [(0, 1), (5_000, 0)];
        let served = serve(&pool(1, false, 0), &wanted, &trace(), &rates(), (0, 10_000), 1);
        assert_eq!(
            (served.spot, served.shortfall, seconds(served.on_demand)),
            (0.0, 0.0, 5_000.0)
        );
        assert_eq!(served.saving(), Some(0.0));
        assert_eq!(Served::default().share(), None);
    }

    #[test]
    fn days_are_told_apart_and_what_is_missing_over_midnight_stays_missing() {
        let by = serve_by(
            &pool(0, false, 300),
            &[(0, 2)],
            &trace(),
            &rates(),
            ((0, 10_000), 1_000),
            1,
        );
        let missed: Vec<f64> = by.iter().map(|served| seconds(served.shortfall)).collect();
        assert_eq!(missed, [0.0, 1_000.0, 300.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(
            by.iter().map(|served| served.interruptions).collect::<Vec<_>>()[..3],
            [0, 1, 0]
        );
    }

    #[test]
    fn what_nobody_watched_does_not_count() {
        let trace = Trace::of_counts(&[(0, Some(1)), (100, None), (200, Some(1))], 300, None, 1);
        let served = serve(&pool(0, false, 50), &[(0, 1)], &trace, &rates(), (0, 300), 1);
        assert_eq!((seconds(served.wanted), seconds(served.served)), (200.0, 200.0));
    }

    proptest! {
        /// Standing in never serves less, and what is wanted is served or not.
        #[test]
        fn hours_add_up(counts in prop::collection::vec(0_u32..5, 1..20), wanted in 0_u32..6, base in 0_u32..3, cold in 0_i64..400) {
            let readings: Vec<(i64, Option<u32>)> = (0_i64..).step_by(500).zip(counts.iter().map(|n| Some(*n))).collect();
            let length = 500 * readings.len() as i64;
            let trace = Trace::of_counts(&readings, length, None, 3);
            let of = |fallback| serve(&pool(base, fallback, cold), &[(0, wanted)], &trace, &rates(), (0, length), 3);
            let (without, with) = (of(false), of(true));
            for served in [without, with] {
                prop_assert!((served.served + served.shortfall - served.wanted).abs() < 1e-9);
                prop_assert!(served.shortfall >= -1e-9);
            }
            prop_assert!(with.served >= without.served - 1e-9);
        }
    }
}
