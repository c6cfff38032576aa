//! Jobs on traces, beside a simulator that ticks second by second and shares no code with them.

mod ticks;

use proptest::prelude::{ProptestConfig, any, prop, prop_assert, prop_assert_eq, proptest};
use proptest::strategy::Strategy as _;

use super::gang::Gang;
use super::job::{Job, Outcome, Rates, run};
use super::prices::Prices;
use super::starts::{Starts, begins, tried};
use super::strategy::Strategy;
use super::trace::Trace;
use ticks::{Ticked, tick};

fn rates(on_demand: f64, spot: f64) -> Rates {
    Rates {
        on_demand,
        spot: Prices::fixed(spot).unwrap(),
    }
}

/// One node that is there in the spans of `true`, each of so many seconds.
fn flips(spans: &[(bool, i64)]) -> (Trace, Vec<bool>) {
    let mut readings = Vec::new();
    let mut seconds = Vec::new();
    for (there, length) in spans {
        readings.push((seconds.len() as i64, Some(u32::from(*there))));
        seconds.resize(seconds.len() + *length as usize, *there);
    }
    (Trace::of_counts(&readings, seconds.len() as i64, None, 0), seconds)
}

const HOURS: i64 = 3_600;

#[test]
fn forty_eight_hours_cost_what_was_published() {
    let job = Job::new(48 * HOURS, 52 * HOURS, 180, None, 1).unwrap();
    let rates = rates(3.06, 0.9731);
    let cents = |cost: f64| (cost * 100.0).round() / 100.0;
    let (always, _) = flips(&[(true, 60 * HOURS)]);
    let (never, _) = flips(&[(false, 60 * HOURS)]);
    let of = |trace: &Trace, strategy| run(&job, strategy, &Gang::of(trace, 1, 0), &rates, 0);
    for strategy in Strategy::ALL {
        let wanted = if strategy == Strategy::OnDemand { 146.88 } else { 46.71 };
        assert_eq!(cents(of(&always, strategy).cost), wanted, "{strategy}");
        let on_none = of(&never, strategy);
        match strategy {
            Strategy::SpotOnly => assert_eq!((on_none.took, on_none.cost), (None, 0.0)),
            // It waits whenever it is ahead, and pays for the restarts.
            Strategy::UniformProgress => assert!(!on_none.missed(&job) && (146.88..155.0).contains(&on_none.cost)),
            _ => assert_eq!(cents(on_none.cost), 146.88, "{strategy}"),
        }
    }
}

#[test]
fn a_gang_pays_for_each_of_its_nodes_and_stops_with_any() {
    let trace = Trace::of_counts(&[(0, Some(2)), (100, Some(1)), (150, Some(2))], 1_000, None, 4);
    let job = Job::new(300, 900, 10, None, 2).unwrap();
    let found = run(&job, Strategy::SpotOnly, &Gang::of(&trace, 2, 9), &rates(36.0, 3.6), 0);
    assert_eq!((found.took, found.interruptions, found.spot), (Some(360), 1, 310));
    assert!((found.cost - 0.62).abs() < 1e-12, "{}", found.cost);
}

#[test]
fn work_since_the_last_checkpoint_is_lost() {
    let (trace, _) = flips(&[(true, 100), (false, 20), (true, 500)]);
    // Thirty seconds of work and a checkpoint of five: at second 100 the third cycle had 30 seconds, and none of them saved.
    let job = Job::new(120, 600, 0, Some((30, 5)), 1).unwrap();
    let found = run(&job, Strategy::SpotOnly, &Gang::of(&trace, 1, 0), &rates(1.0, 1.0), 0);
    // Sixty seconds saved; sixty more with one checkpoint between them.
    assert_eq!((found.took, found.interruptions), (Some(120 + 60 + 5), 1));
}

#[test]
fn changing_at_every_turn_misses_deadlines_that_the_net_holds() {
    let spans: Vec<(bool, i64)> = (0..200).map(|at| (at % 2 == 0, 100)).collect();
    let (trace, _) = flips(&spans);
    let gang = Gang::of(&trace, 1, 0);
    // A restart takes as long as spot capacity stays: nothing is ever done on it.
    let job = Job::new(1_000, 2_000, 100, None, 1).unwrap();
    let starts = Starts {
        every: 37,
        most: None,
        seed: 0,
    };
    let begins = begins(&job, &gang, starts);
    let misses = |strategy| tried(&job, strategy, &gang, &rates(3.0, 1.0), &begins).unwrap().misses;
    assert!(misses(Strategy::SpotElseOnDemand) > 100 && misses(Strategy::SpotOnly) > 100);
    assert_eq!((misses(Strategy::Greedy), misses(Strategy::UniformProgress)), (0, 0));
}

#[derive(Debug, Clone)]
struct Scene {
    spans: Vec<(bool, i64)>,
    job: Job,
    begin: i64,
}

fn scenes() -> impl proptest::strategy::Strategy<Value = Scene> {
    let spans = prop::collection::vec((any::<bool>(), 1_i64..90), 8..40);
    let interval = prop::option::of((1_i64..40, 0_i64..8));
    (spans, 1_i64..200, 0_i64..160, 0_i64..20, interval, 0_i64..50).prop_map(|all| {
        let (spans, work, slack, restart, interval, begin) = all;
        Scene {
            spans,
            job: Job::new(work, work + slack, restart, interval, 1).unwrap(),
            begin,
        }
    })
}

impl Scene {
    fn run(&self, strategy: Strategy, rates: &Rates) -> Outcome {
        let gang = Gang::of(&flips(&self.spans).0, 1, 0);
        run(&self.job, strategy, &gang, rates, self.begin)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Second by second, by another program: the same time, the same bill, the same interruptions.
    #[test]
    fn it_is_what_ticking_gives(scene in scenes()) {
        let (_, seconds) = flips(&scene.spans);
        for strategy in Strategy::ALL {
            let found = scene.run(strategy, &rates(36.0, 3.6));
            let job = &scene.job;
            let wanted = tick(strategy.name(), &seconds, scene.begin as usize, (job.work, job.deadline, job.restart), job.interval);
            let told = Ticked {
                took: found.took,
                interruptions: found.interruptions,
                spot: found.spot,
                on_demand: found.on_demand,
            };
            prop_assert_eq!(told, wanted, "{}", strategy);
        }
    }

    /// With on-demand capacity always there, and room for a restart beside the work, no net tears.
    #[test]
    fn nets_hold(scene in scenes()) {
        for strategy in Strategy::ALL.into_iter().filter(|strategy| strategy.holds_deadlines()) {
            prop_assert!(!scene.run(strategy, &rates(3.0, 1.0)).missed(&scene.job), "{}", strategy);
        }
    }

    /// A dearer hour of either kind never makes a run cheaper, and on-demand costs its hours.
    #[test]
    fn cost_follows_prices(scene in scenes(), spot in 0.0_f64..3.0, more in 0.0_f64..2.0) {
        for strategy in Strategy::ALL {
            let cost = |on_demand, spot| scene.run(strategy, &rates(on_demand, spot)).cost;
            let base = cost(3.0, spot);
            prop_assert!(cost(3.0, spot + more) >= base && cost(3.0 + more, spot) >= base);
        }
        let on_demand = scene.run(Strategy::OnDemand, &rates(3.0, spot));
        prop_assert_eq!(on_demand.cost, scene.job.work as f64 / 3_600.0 * 3.0);
        prop_assert_eq!(on_demand.took, Some(scene.job.work));
    }

    /// Nothing is done in less time than it takes, and nothing is cheaper than all of it at the lower price.
    #[test]
    fn nobody_works_for_nothing(scene in scenes()) {
        for strategy in Strategy::ALL {
            let found = scene.run(strategy, &rates(3.0, 1.0));
            if let Some(took) = found.took {
                prop_assert!(took >= scene.job.work && found.spot + found.on_demand <= took);
                prop_assert!(found.cost >= scene.job.work as f64 / 3_600.0 - 1e-12);
            }
        }
    }
}
