//! Demand whose truth is known.

use jiff::Timestamp;

use super::*;
use crate::model::time::Window;

pub(crate) fn grid(steps: i64, step_seconds: u32) -> Grid {
    let at = |second| Timestamp::from_second(second).unwrap();
    let end = steps * i64::from(step_seconds);
    let window = Window {
        start: at(0),
        end: at(end),
    };
    Grid { window, step_seconds }
}

fn column(values: &[f64]) -> Column {
    Column::from_options(values.iter().map(|value| (!value.is_nan()).then_some(*value)))
}

const GAP: f64 = f64::NAN;

#[test]
fn what_arrived_is_what_ended_and_what_is_there_more() {
    let mut history = RequestHistory::unknown(grid(6, 15));
    history.finished = column(&[0.0, 2.0, 3.0, GAP, 1.0, 0.0]);
    history.running = column(&[1.0, 4.0, 2.0, 2.0, 2.0, 3.0]);
    history.waiting = column(&[0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    let demand = Demand::of(&history, &BTreeMap::new());
    // The first has nothing before it; the fourth was not counted. 3 - 3 = 0 in the third.
    assert_eq!(demand.arrived, [None, Some(6.0), Some(0.0), None, Some(1.0), Some(1.0)]);
}

#[test]
fn what_a_step_has_too_little_is_taken_from_the_next() {
    let mut history = RequestHistory::unknown(grid(4, 15));
    history.finished = column(&[0.0, 0.0, 5.0, 0.0]);
    history.running = column(&[5.0, 3.0, 0.0, 1.0]);
    history.waiting = column(&[0.0; 4]);
    let demand = Demand::of(&history, &BTreeMap::new());
    // Two vanish before they are counted as ended: the total stays.
    assert_eq!(demand.arrived, [None, Some(0.0), Some(0.0), Some(1.0)]);
}

#[test]
fn refused_requests_are_demand_and_mark_their_day() {
    let steps = 2 * 5_760;
    let mut history = RequestHistory::unknown(grid(steps, 15));
    let zeros = vec![0.0; steps as usize];
    history.finished = column(&zeros);
    history.running = column(&zeros);
    history.waiting = column(&zeros);
    let mut refused = zeros.clone();
    refused[6_000] = 4.0;
    history.rejected = Some(column(&refused));
    let demand = Demand::of(&history, &BTreeMap::new());
    assert_eq!(demand.censored, [false, true]);
    assert_eq!(demand.arrived[6_000], Some(4.0));
    let known = demand.known();
    assert!((known[0] - 5_759.0 / 5_760.0).abs() < 1e-9 && (known[1] - 1.0).abs() < 1e-9);
}

#[test]
fn requests_are_as_many_and_as_long_as_were_counted() {
    let steps = 5_760;
    let mut history = RequestHistory::unknown(grid(steps, 15));
    let each = |value: f64| column(&vec![value; steps as usize]);
    history.finished = each(7.3);
    history.running = each(20.0);
    history.waiting = each(0.0);
    history.prompt_tokens = each(7.3 * 900.0);
    history.cached_tokens = Some(each(7.3 * 300.0));
    history.answer_tokens = each(7.3 * 120.0);
    let spread = Buckets::new([(100.0, 500.0), (200.0, 900.0), (f64::INFINITY, 1_000.0)], None);
    let hours = grid(steps, 15).hourly();
    let histogram = Histogram {
        grid: hours,
        steps: vec![spread; hours.points()],
    };
    let histograms = BTreeMap::from([(Signal::AnswerTokens, histogram)]);
    let demand = Demand::of(&history, &histograms);
    let all: Vec<Request> = demand.requests(3).collect();
    assert!((all.len() as f64 - 7.3 * 5_759.0).abs() <= 1.0, "{}", all.len());
    assert!(all.windows(2).all(|pair| pair[0].at <= pair[1].at));
    let mean = |of: fn(&Request) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
    assert!((mean(|request| request.answer) / 120.0 - 1.0).abs() < 0.02);
    assert!((mean(|request| request.prompt) / 600.0 - 1.0).abs() < 0.03);
    assert!((mean(|request| request.cached) / 300.0 - 1.0).abs() < 0.03);
    assert_eq!(all, demand.requests(3).collect::<Vec<_>>());
}
