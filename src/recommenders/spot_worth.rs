//! What an hour of spot capacity comes to for a workload once restarts, work done again and what stands in are paid: replayed over
//! how such capacity came and went here, or bounded by how often it was taken away.

use std::collections::BTreeMap;

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::evidence::fact;
use super::spot_history::SpotHistory;
use super::spot_offers::SpotOffer;
use crate::model::scenario::{Effective, Evidence, Interval, SCORED_DAYS_AT_LEAST};
use crate::replay::spot::bounds::Rate;
use crate::replay::spot::gang::Gang;
use crate::replay::spot::job::{Job, Rates, run};
use crate::replay::spot::pool::{Pool, Served, serve_by};
use crate::replay::spot::prices::{BadPrice, Prices};
use crate::replay::spot::starts::{Starts, begins};
use crate::replay::spot::strategy::Strategy;

/// A restart takes no less than this, whatever was seen: a node, an image and a model are loaded. An assumption.
pub(super) const RESTART_AT_LEAST: i64 = 600;

/// Seconds from one replayed start of a run to the next.
const START_EVERY: i64 = 1_800;

/// The share of a day that must be known for it to be scored.
const KNOWN_AT_LEAST: f64 = 0.9;

const DAY: i64 = 86_400;

/// What is replayed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Work {
    /// Nodes that it needs, at once where it is a run.
    pub(super) nodes: u32,
    /// Hours of a usual run; `None` for what runs on.
    pub(super) run_hours: Option<f64>,
    /// Seconds that an interruption costs.
    pub(super) restart: i64,
    /// What an hour of one of its nodes costs now.
    pub(super) now: f64,
}

/// What an hour comes to, with the figures behind it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Worth {
    pub(super) effective: Effective,
    /// The share of replica-hours that were served.
    pub(super) served: Option<f64>,
    pub(super) evidence: Vec<Evidence>,
}

/// Replayed where ten days of the cluster's own history can be scored, else by the bounds of its count; `None` where no such node
/// was ever there.
pub(super) fn worth(work: &Work, offer: &SpotOffer, history: &SpotHistory<'_>) -> Option<Worth> {
    let rate = history.rate()?;
    let replayed = days(work, offer, history).ok()?;
    if replayed.len() >= SCORED_DAYS_AT_LEAST as usize {
        return Some(by_replay(work, offer, &rate, &replayed));
    }
    let (low, high) = by_rate(work, offer, &rate);
    let per_node = format!(
        "an hour of {} with its restarts, between {low:.2} and {high:.2} by what that count allows; {} days could be replayed, and {SCORED_DAYS_AT_LEAST} are needed",
        offer.instance_type,
        replayed.len()
    );
    Some(Worth {
        // Nothing is promised that the worst of the bounds does not hold.
        effective: Effective {
            hourly: Interval {
                low: Some(low),
                mid: Some(high),
                high: Some(high),
            },
            scored_days: None,
        },
        served: None,
        evidence: vec![fact(per_node, SOURCE, Some(rounded(high)))],
    })
}

/// To four digits.
pub(super) fn rounded(figure: f64) -> f64 {
    (figure * 10_000.0).round() / 10_000.0
}

const SOURCE: &str = "spot nodes of this cluster, by the Kubernetes API, kube-state-metrics and the bill";

/// An hour at the lowest and the highest rate that a count allows, to first order.
fn by_rate(work: &Work, offer: &SpotOffer, rate: &Rate) -> (f64, f64) {
    let nodes = if work.run_hours.is_some() { work.nodes } else { 1 };
    let of = rate.of_gang(nodes);
    let with = |per_hour: f64| offer.hourly.get() * (1.0 + per_hour * work.restart as f64 / 3_600.0);
    (with(of.low), with(of.high))
}

/// What an hour of work on one node came to on a day, and the share that was served.
type Day = (f64, f64);

/// Days that can be scored.
fn days(work: &Work, offer: &SpotOffer, history: &SpotHistory<'_>) -> Result<Vec<Day>, BadPrice> {
    let rates = Rates {
        on_demand: work.now,
        spot: Prices::fixed(offer.hourly.get())?,
    };
    Ok(match work.run_hours {
        Some(hours) => of_runs(work, hours, history, &rates),
        None => of_replicas(work, history, &rates),
    })
}

/// Runs that begin every half an hour, on spot capacity and on demand when that is not there; a day is the mean of those that began
/// in it. One is scored where the next one and a half of its length is known.
fn of_runs(work: &Work, hours: f64, history: &SpotHistory<'_>, rates: &Rates) -> Vec<Day> {
    let seconds = (hours * 3_600.0).round() as i64;
    let Ok(job) = Job::new(seconds, seconds + seconds / 2, work.restart, None, work.nodes) else {
        return Vec::new();
    };
    let gang = Gang::of(&history.trace(work.nodes), work.nodes, 1);
    let starts = Starts {
        every: START_EVERY,
        most: None,
        seed: 1,
    };
    let mut by_day: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for begin in begins(&job, &gang, starts) {
        let cost = run(&job, Strategy::SpotElseOnDemand, &gang, rates, begin).cost;
        by_day
            .entry(begin / DAY)
            .or_default()
            .push(cost / hours / f64::from(work.nodes));
    }
    let mean = |all: Vec<f64>| all.iter().sum::<f64>() / all.len().max(1) as f64;
    by_day.into_values().map(|costs| (mean(costs), 1.0)).collect()
}

/// Replicas day by day, with on-demand capacity in place of what is not there.
fn of_replicas(work: &Work, history: &SpotHistory<'_>, rates: &Rates) -> Vec<Day> {
    let trace = history.trace(work.nodes);
    let pool = Pool {
        base: 0,
        fallback: true,
        cold_start: work.restart,
    };
    let day = |served: &Served| {
        let known = served.wanted / (24.0 * f64::from(work.nodes));
        (known >= KNOWN_AT_LEAST).then(|| (served.cost / served.wanted, served.share().unwrap_or(0.0)))
    };
    let span = (0, trace.length / DAY * DAY);
    let days = serve_by(&pool, &[(0, work.nodes)], &trace, rates, (span, DAY), 1);
    days.iter().filter_map(day).collect()
}

/// The mean over days, its studentised interval at 90 %, and what the count of interruptions and the price leave open beyond.
fn by_replay(work: &Work, offer: &SpotOffer, rate: &Rate, days: &[Day]) -> Worth {
    let count = days.len() as f64;
    let mean = days.iter().map(|day| day.0).sum::<f64>() / count;
    // Runs of several days see the same hours.
    let apart = count * (24.0 / work.run_hours.unwrap_or(24.0)).min(1.0);
    let spread = days.iter().map(|day| (day.0 - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let freedom = (apart - 1.0).max(1.0);
    let t = StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |t| t.inverse_cdf(0.95));
    let half = if spread > 0.0 { t * (spread / apart).sqrt() } else { 0.0 };
    let (least, most) = by_rate(work, offer, rate);
    let (cheap, dear) = (offer.bounds.0.get(), offer.bounds.1.get());
    let of_price = |bound: f64| bound / offer.hourly.get().max(f64::MIN_POSITIVE);
    let low = (mean - half).min(least) * of_price(cheap).min(1.0);
    let high = (mean + half).max(most) * of_price(dear).max(1.0);
    let served = days.iter().map(|day| day.1).sum::<f64>() / count;
    let mut evidence = vec![fact(
        format!(
            "an hour of {} with its restarts and on-demand capacity when it was away, replayed over {} days",
            offer.instance_type,
            days.len()
        ),
        SOURCE,
        Some(rounded(mean)),
    )];
    if work.run_hours.is_none() {
        evidence.push(fact(
            "share of replica-hours that were served in that replay",
            SOURCE,
            Some(rounded(served)),
        ));
    }
    Worth {
        effective: Effective {
            hourly: Interval {
                low: Some(low),
                mid: Some(mean),
                high: Some(high),
            },
            scored_days: u32::try_from(days.len()).ok(),
        },
        served: work.run_hours.is_none().then_some(served),
        evidence,
    }
}
