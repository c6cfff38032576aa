//! A job from every moment of a trace at which it could have begun, and how its cost, its time and its delays spread.

use super::bounds::share_at_most;
use super::gang::Gang;
use super::job::{Job, Outcome, Rates, run};
use super::prices::cost;
use super::strategy::Strategy;
use super::{HOUR, Random};

/// From when a job begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Starts {
    /// Seconds from one start to the next.
    pub every: i64,
    /// No more of them than so many, drawn.
    pub most: Option<usize>,
    /// What is drawn is drawn from this.
    pub seed: u64,
}

/// How figures spread, one of each start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// 5th percentile, by nearest rank.
    pub p5: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
}

impl Spread {
    /// Of at least one figure.
    pub fn of(figures: impl Iterator<Item = f64>) -> Option<Self> {
        let mut all: Vec<f64> = figures.collect();
        all.sort_by(f64::total_cmp);
        let rank = |q: f64| {
            let at = (q * all.len() as f64).ceil() as usize;
            all.get(at.saturating_sub(1)).copied()
        };
        Some(Self {
            mean: all.iter().sum::<f64>() / all.len().max(1) as f64,
            p5: rank(0.05)?,
            p50: rank(0.5)?,
            p95: rank(0.95)?,
        })
    }
}

/// A strategy from every start.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// The strategy.
    pub strategy: Strategy,
    /// Each run, by its start.
    pub runs: Vec<Outcome>,
    /// Runs that were late, or not done when the trace ended.
    pub misses: u64,
    /// Runs that were not done when the trace ended, so that neither their time nor their cost is known.
    pub unfinished: u64,
    /// The share of runs that may be late, at most, at 95 %: as many trials as deadlines fit into what was watched, since runs
    /// that begin close to each other see the same hours. `None` for a strategy that holds its deadlines by what it is.
    pub misses_at_most: Option<f64>,
    /// Cost; `None` where a run was not done.
    pub cost: Option<Spread>,
    /// Hours until it was done; `None` where a run was not done.
    pub hours: Option<Spread>,
    /// What is saved against on-demand capacity, as a share; `None` where a run was not done.
    pub saving: Option<Spread>,
    /// Interruptions of a run, on average.
    pub interruptions: f64,
    /// The share of paid time on spot capacity.
    pub spot_share: f64,
}

/// Seconds at which a job begins: those from which its deadline lies in what was watched.
pub fn begins(job: &Job, gang: &Gang, starts: Starts) -> Vec<i64> {
    let every = starts.every.max(1);
    let last = gang.length - job.deadline;
    let all = (0..).map(|at| at * every).take_while(|begin| *begin <= last);
    let mut known: Vec<i64> = all
        .filter(|begin| gang.is_known(*begin, begin + job.deadline))
        .collect();
    if let Some(most) = starts.most.filter(|most| *most < known.len()) {
        let order = Random::new(starts.seed).order(known.len());
        known = order.into_iter().take(most).map(|at| known[at]).collect();
        known.sort_unstable();
    }
    known
}

/// How many deadlines fit, one after the other, into what was watched from these starts on.
pub fn windows(job: &Job, begins: &[i64]) -> u64 {
    let (mut fit, mut free) = (0, i64::MIN);
    for begin in begins {
        if *begin >= free {
            fit += 1;
            free = begin + job.deadline;
        }
    }
    fit
}

/// A strategy, from each of these seconds on; `None` without any.
pub fn tried(job: &Job, strategy: Strategy, gang: &Gang, rates: &Rates, begins: &[i64]) -> Option<Tried> {
    let runs: Vec<Outcome> = begins
        .iter()
        .map(|begin| run(job, strategy, gang, rates, *begin))
        .collect();
    if runs.is_empty() {
        return None;
    }
    let count = runs.len() as u64;
    let misses = runs.iter().filter(|run| run.missed(job)).count() as u64;
    let unfinished = runs.iter().filter(|run| run.took.is_none()).count() as u64;
    let windows = windows(job, begins);
    let on_demand = cost(rates.on_demand, job.work) * f64::from(job.nodes);
    let spread = |figure: &dyn Fn(&Outcome) -> f64| {
        let all = runs.iter().map(figure);
        Spread::of(all).filter(|_| unfinished == 0)
    };
    let spot: i64 = runs.iter().map(|run| run.spot).sum();
    let paid: i64 = runs.iter().map(|run| run.spot + run.on_demand).sum();
    Some(Tried {
        strategy,
        misses,
        unfinished,
        misses_at_most: (!strategy.holds_deadlines())
            .then(|| share_at_most((misses * windows).div_ceil(count), windows, 0.95)),
        cost: spread(&|run| run.cost),
        hours: spread(&|run| run.took.unwrap_or_default() as f64 / HOUR),
        saving: spread(&|run| 1.0 - run.cost / on_demand).filter(|_| on_demand > 0.0),
        interruptions: runs.iter().map(|run| f64::from(run.interruptions)).sum::<f64>() / count as f64,
        spot_share: if paid > 0 { spot as f64 / paid as f64 } else { 0.0 },
        runs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::spot::prices::Prices;
    use crate::replay::spot::trace::Trace;

    fn rates() -> Rates {
        Rates {
            on_demand: 3.0,
            spot: Prices::fixed(1.0).unwrap(),
        }
    }

    fn every(every: i64, most: Option<usize>) -> Starts {
        Starts { every, most, seed: 5 }
    }

    #[test]
    fn a_start_whose_deadline_was_not_watched_is_none() {
        let trace = Trace::of_counts(&[(0, Some(1)), (50, None), (60, Some(1))], 120, None, 0);
        let job = Job::new(20, 30, 1, None, 1).unwrap();
        let gang = Gang::of(&trace, 1, 0);
        assert_eq!(begins(&job, &gang, every(10, None)), [0, 10, 20, 60, 70, 80, 90]);
        let drawn = begins(&job, &gang, every(10, Some(3)));
        assert_eq!(drawn.len(), 3);
        assert_eq!(drawn, begins(&job, &gang, every(10, Some(3))));
        assert_eq!(windows(&job, &begins(&job, &gang, every(10, None))), 3);
        assert_eq!(tried(&job, Strategy::Greedy, &gang, &rates(), &[]), None);
    }

    #[test]
    fn a_run_that_was_not_done_leaves_the_cost_unknown() {
        let trace = Trace::of_counts(&[(0, Some(1)), (50, Some(0))], 100, None, 0);
        let job = Job::new(20, 40, 1, None, 1).unwrap();
        let gang = Gang::of(&trace, 1, 0);
        let found = tried(&job, Strategy::SpotOnly, &gang, &rates(), &[0, 40, 60]).unwrap();
        assert_eq!(
            (found.misses, found.unfinished, found.cost, found.saving),
            (2, 2, None, None)
        );
        // Two of three starts, of two deadlines that fit: both.
        assert_eq!(found.misses_at_most, Some(1.0));
        let held = tried(&job, Strategy::Greedy, &gang, &rates(), &[0, 40, 60]).unwrap();
        assert_eq!((held.misses, held.unfinished, held.misses_at_most), (0, 0, None));
        let lucky = tried(&job, Strategy::SpotOnly, &gang, &rates(), &[0]).unwrap();
        let bound = lucky.misses_at_most.unwrap();
        assert!((bound - 0.95).abs() < 1e-6, "none of one is not never: {bound}");
    }

    #[test]
    fn figures_spread_by_nearest_rank() {
        let spread = Spread::of((1..=100).map(f64::from)).unwrap();
        assert_eq!(
            (spread.p5, spread.p50, spread.p95, spread.mean),
            (5.0, 50.0, 95.0, 50.5)
        );
        assert_eq!(Spread::of(std::iter::empty()), None);
    }
}
