//! A fluid beside the events that it stands for.

use std::collections::BTreeMap;

use super::super::demand::tests::grid;
use super::super::law::Law;
use super::super::outcome;
use super::super::policies::Scaling;
use super::super::pool::{Routing, Surroundings, replay};
use super::*;
use crate::model::requests::RequestHistory;
use crate::model::usage::Column;

fn service() -> Service {
    Service {
        law: Law::line(0.012, 0.0006, 64.0),
        prefill_tokens_per_second: 12_000.0,
        overhead_seconds: 0.02,
        chunk_tokens: 2_048.0,
        most_running: 64,
        cache_tokens: None,
        patience_seconds: None,
    }
}

/// Two days that rise and fall, of prompts of 600 and answers of 200 tokens.
fn demand(peak: f64) -> Demand {
    let points = 2 * 5_760;
    let rate = |at: usize| peak * (0.55 - 0.45 * (at as f64 / 5_760.0 * std::f64::consts::TAU).cos()) * 15.0;
    let column = |of: &dyn Fn(usize) -> f64| Column::from_options((0..points).map(|at| Some(of(at))));
    let mut history = RequestHistory::unknown(grid(points as i64, 15));
    history.finished = column(&rate);
    history.running = column(&|_| 10.0);
    history.waiting = column(&|_| 0.0);
    history.prompt_tokens = column(&|at| rate(at) * 600.0);
    history.answer_tokens = column(&|at| rate(at) * 200.0);
    Demand::of(&history, &BTreeMap::new())
}

fn events(setting: Setting, demand: &Demand) -> outcome::Day {
    let around = Surroundings {
        routing: Routing::LeastLoaded,
        holds_requests: false,
        start_seconds: vec![120.0],
        grace_seconds: 30.0,
        sync_seconds: 15.0,
        seed: 1,
    };
    let days = replay(
        &service(),
        &around,
        &mut *setting.policy(),
        demand.requests(1),
        demand.seconds(),
    );
    outcome::together(&days)
}

#[test]
fn a_fluid_scales_as_the_pool_does() {
    let demand = demand(6.0);
    let fluid = Fluid::new(&service(), (&demand, 1.0), 120.0, Bounds::default());
    for target in [4_000, 8_000, 16_000] {
        let setting = Setting::Scaled(Scaling {
            watched: Watched::InFlight,
            target_milli: target,
            min: 1,
            max: 12,
            down_window: 300,
        });
        let flowed = together(&fluid.run(setting)).replica_seconds;
        let replayed = events(setting, &demand).replica_seconds;
        // Chance makes an autoscaler look at peaks: the pool has somewhat more replicas, never fewer by much.
        assert!(
            flowed > 0.75 * replayed && flowed < 1.03 * replayed,
            "{target}: {flowed} for {replayed}"
        );
    }
}

#[test]
fn what_is_beyond_a_bound_is_counted() {
    let demand = demand(6.0);
    let bound = |of, seconds| super::super::bounds::Bound {
        of,
        at: 0.95,
        seconds,
        wanted: true,
    };
    let bounds = Bounds {
        latencies: vec![bound(Latency::InterToken, 0.030), bound(Latency::FirstToken, 1.0)],
        refused: 0.0,
    };
    let fluid = Fluid::new(&service(), (&demand, 1.0), 120.0, bounds.clone());
    let of = |replicas| together(&fluid.run(Setting::Fixed(replicas)));
    assert!(of(12).keeps(&bounds));
    assert!(!of(1).keeps(&bounds), "one replica is overrun");
    assert!(of(1).late[1] > of(2).late[1]);
    let none = of(0);
    assert_eq!(none.refused, none.arrived);
}
