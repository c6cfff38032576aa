//! Searches whose answer is known.

use super::*;
use crate::model::requests::RequestHistory;
use crate::model::usage::Column;
use crate::replay::service::demand::tests::grid;
use crate::replay::service::law::Law;
use crate::replay::service::pool::Routing;

const DAYS: usize = 15;

/// Two weeks and a day of so many requests a second, of prompts of 400 and answers of 100 tokens: three seconds each.
fn history(rate: f64, servers: f64) -> RequestHistory {
    let points = DAYS * 1_440;
    let each = |value: f64| Column::from_options((0..points).map(|_| Some(value)));
    let mut history = RequestHistory::unknown(grid(points as i64, 60));
    history.servers = each(servers);
    history.finished = each(rate * 60.0);
    history.running = each(rate * 3.0);
    history.waiting = each(0.0);
    history.prompt_tokens = each(rate * 60.0 * 400.0);
    history.answer_tokens = each(rate * 60.0 * 100.0);
    history
}

fn searched(rate: f64, servers: f64, known: &[f64; DAYS]) -> Result<Found, Stay> {
    changed(rate, servers, known, &Variant::AS_IT_IS)
}

fn changed(rate: f64, servers: f64, known: &[f64; DAYS], variant: &Variant) -> Result<Found, Stay> {
    let history = history(rate, servers);
    let service = Service {
        law: Law::line(0.028, 0.001, 16.0),
        prefill_tokens_per_second: 8_000.0,
        overhead_seconds: 0.01,
        chunk_tokens: 2_048.0,
        most_running: 8,
        cache_tokens: None,
        patience_seconds: None,
    };
    let around = Surroundings {
        routing: Routing::LeastLoaded,
        holds_requests: false,
        start_seconds: vec![120.0],
        grace_seconds: 30.0,
        sync_seconds: 15.0,
        seed: 1,
    };
    search(&Case {
        demand: &Demand::of(&history, &BTreeMap::new()),
        service: &service,
        most_batch: (8.0, 16.0),
        margin: (1.0, 1.0),
        around: &around,
        start_seconds: &[120.0],
        present: &AsItWas::of(&history),
        autoscaled: None,
        objective: &Objective {
            latencies: Vec::new(),
            rejected: None,
        },
        least: 1,
        scales: false,
        known,
        days: DAYS,
        slower: 0.08,
        variant,
        exhaustive: false,
    })
}

#[test]
fn what_nobody_asks_of_is_given_back_and_what_was_not_seen_saves_nothing() {
    let found = searched(0.01, 3.0, &[1.0; DAYS]).unwrap();
    assert!(found.setting.min() < 3, "{:?}", found.setting);
    assert_eq!(found.scored.len(), DAYS - BEFORE);
    assert!(found.scored.iter().all(|day| day.after < day.before));
    // One of the days was not seen: it is no day of the proof.
    let mut known = [1.0; DAYS];
    known[9] = 0.4;
    let found = searched(0.01, 3.0, &known).unwrap();
    assert!(found.scored.len() == DAYS - BEFORE - 1 && found.scored.iter().all(|day| day.day != 9));
}

#[test]
fn what_is_needed_stays() {
    // Eight a replica at most, and 2 x 3 s of work a second: fewer than two would never catch up, and two wait more than today.
    assert_eq!(searched(2.0, 2.0, &[1.0; DAYS]), Err(Stay::WellSet));
}

/// Replicas of half the devices, which take this many times as long.
fn halved(step: f64) -> Variant {
    Variant {
        step,
        prefill: 1.0 / step,
        devices: 0.5,
        ..Variant::AS_IT_IS
    }
}

#[test]
fn of_replicas_half_the_size_as_many_cost_half() {
    let known = [1.0; DAYS];
    // One replica that is hardly asked: nothing else than its size can change.
    let found = changed(0.01, 1.0, &known, &halved(1.0)).unwrap();
    assert_eq!(found.setting, Setting::Fixed(1));
    let whole = |day: &Scored| (day.before, day.after);
    assert!(found.scored.iter().all(|day| whole(day) == (86_400.0, 43_200.0)));
    assert!((found.walked_seconds - 43_200.0 * (DAYS - BEFORE) as f64).abs() < 1e-6);
    // It waits for each token twice as long: worse than today, where nobody said what may be.
    assert_eq!(changed(0.01, 1.0, &known, &halved(2.0)), Err(Stay::WellSet));
}

#[test]
fn what_may_be_slower_than_today_is_no_advice() {
    let known = [1.0; DAYS];
    let doubtful = Variant {
        off: (0.5, 0.0),
        ..halved(1.0)
    };
    assert_eq!(changed(0.01, 1.0, &known, &doubtful), Err(Stay::WellSet));
}
