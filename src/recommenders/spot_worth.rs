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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::gpu::GpuModel;
    use crate::model::spot::{SpotEnd, SpotNode};
    use crate::model::time::Window;
    use crate::model::units::Hourly;
    use crate::model::workload::PriceSource;
    use jiff::Timestamp;

    const HOUR: i64 = 3_600;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * HOUR).unwrap()
    }

    fn offer(hourly: f64, bounds: (f64, f64)) -> SpotOffer {
        SpotOffer {
            instance_type: "p4d.24xlarge".to_owned(),
            gpu: GpuModel("A100-40GB".to_owned()),
            gpus: 8,
            hourly: Hourly::new(hourly),
            bounds: (Hourly::new(bounds.0), Hourly::new(bounds.1)),
            price: PriceSource {
                source: "a test".to_owned(),
                as_of: "2026-11-16".to_owned(),
            },
            interrupted: None,
            interrupted_source: None,
        }
    }

    fn node(name: &str, (from, to): (i64, i64), end: SpotEnd) -> SpotNode {
        SpotNode {
            name: name.to_owned(),
            instance_type: None,
            from: at(from),
            to: at(to),
            end,
        }
    }

    fn work(nodes: u32, run_hours: Option<f64>) -> Work {
        Work {
            nodes,
            run_hours,
            restart: RESTART_AT_LEAST,
            now: 20.0,
        }
    }

    /// Over two weeks of these nodes.
    fn worth_over(nodes: &[SpotNode], work: &Work, offer: &SpotOffer) -> Option<Worth> {
        let (start, end) = (at(0), at(14 * 24));
        worth(work, offer, &SpotHistory::new(Window { start, end }, nodes))
    }

    fn interval(worth: &Worth) -> [f64; 3] {
        let of = worth.effective.hourly;
        [of.low, of.mid, of.high].map(Option::unwrap)
    }

    /// A node every two days, each taken after two, and the next an hour later.
    fn taken_six_times() -> Vec<SpotNode> {
        let one = |at_day: i64| {
            let (from, to) = (at_day * 24 + i64::from(at_day > 0), (at_day + 2) * 24);
            let end = match at_day {
                12 => SpotEnd::There,
                _ => SpotEnd::Taken { back: at(to + 1) },
            };
            node(&format!("n{at_day}"), (from, to), end)
        };
        (0..14).step_by(2).map(one).collect()
    }

    #[test]
    fn a_node_that_stayed_costs_its_price_and_what_was_not_seen_widens_it() {
        let stayed = [node("n", (0, 14 * 24), SpotEnd::There)];
        for run_hours in [None, Some(12.0)] {
            let found = worth_over(&stayed, &work(1, run_hours), &offer(9.0, (9.0, 9.0))).unwrap();
            let [low, mid, high] = interval(&found);
            assert!((mid - 9.0).abs() < 1e-9 && (low - 9.0).abs() < 1e-9, "{low} {mid}");
            // Three over 336 hours, ten minutes each.
            assert!((high - 9.0 * (1.0 + 2.9957 / 336.0 / 6.0)).abs() < 1e-4, "{high}");
            // A run of twelve hours that begins on the last day does not end within what is known.
            assert_eq!(found.effective.proved_on(), Some(14));
        }
        let dear = worth_over(&stayed, &work(1, None), &offer(9.0, (8.0, 12.0))).unwrap();
        let [low, _, high] = interval(&dear);
        assert!(low < 8.01 && high > 12.0, "{low} {high}");
    }

    #[test]
    fn interruptions_cost_restarts_and_on_demand_hours() {
        let found = worth_over(&taken_six_times(), &work(1, None), &offer(9.0, (9.0, 9.0))).unwrap();
        let [low, mid, high] = interval(&found);
        // Of 336 hours six are on demand, and ten minutes of each hour of spot after them too.
        let wanted = (330.0 * 9.0 + 6.0 * 20.0 + 6.0 / 6.0 * 20.0) / 336.0;
        assert!((mid - wanted).abs() < 1e-6, "{mid} is not {wanted}");
        assert!(low < mid && mid < high);
        let served = found.served.unwrap();
        assert!((served - (1.0 - 6.0 / 6.0 / 336.0)).abs() < 1e-6, "{served}");
    }

    #[test]
    fn a_gang_is_stopped_by_any_of_its_nodes() {
        let mut nodes = taken_six_times();
        nodes.push(node("stays", (0, 14 * 24), SpotEnd::There));
        let of = |nodes_at_once| {
            let found = worth_over(&nodes, &work(nodes_at_once, Some(8.0)), &offer(9.0, (9.0, 9.0))).unwrap();
            interval(&found)[1]
        };
        assert!(of(2) > of(1), "{} {}", of(2), of(1));
    }

    #[test]
    fn a_short_history_is_bounded_and_not_replayed() {
        let short = [node("n", (12 * 24, 14 * 24), SpotEnd::There)];
        let found = worth_over(&short, &work(1, None), &offer(9.0, (9.0, 9.0))).unwrap();
        assert_eq!(found.effective.proved_on(), None);
        let [low, mid, high] = interval(&found);
        assert!(low == 9.0 && mid == high && high > 9.05, "{low} {high}");
        // So many at once it never had.
        let long = [node("n", (0, 14 * 24), SpotEnd::There)];
        let found = worth_over(&long, &work(2, None), &offer(9.0, (9.0, 9.0))).unwrap();
        assert_eq!((found.effective.proved_on(), found.served), (None, None));
        assert_eq!(worth_over(&[], &work(1, None), &offer(9.0, (9.0, 9.0))), None);
    }
}
