//! What is said of a replay, and of whether GPUs could be had again.

use super::super::rested::tests::{grid, workload};
use super::*;
use crate::replay::schedule::Scored;

fn scored(number: i64, off: f64, wake_ups: u32) -> Scored {
    Scored {
        number,
        known: 1.0,
        scored: true,
        hours: 24.0,
        held: 24.0,
        off,
        disturbed: f64::from(wake_ups) * 2.0,
        wake_ups,
    }
}

fn some() -> Workload {
    workload(grid("2026-11-02T00:00:00Z", 1), |_| Some(0.0))
}

#[test]
fn it_is_a_proof_from_ten_scored_days_on() {
    let of = |days: i64| Replay {
        days: (20_745..20_745 + days).map(|day| scored(day, 12.0, 0)).collect(),
    };
    assert_eq!(replayed(&some(), &of(9)), None);
    let proof = replayed(&some(), &of(10)).unwrap();
    assert_eq!((proof.machine.as_str(), proof.scored_days), ("schedule", 10));
    assert_eq!(proof.gives_back, Some(0.5));
    // None of ten days allows one of four.
    let (low, high) = proof.saving_share.unwrap();
    assert!((0.7..0.8).contains(&low) && (high - 1.0).abs() < 1e-9, "{low} {high}");
    assert_eq!(
        proof.figures["start_seconds_p95"],
        Value::Null,
        "a start that nobody saw takes no time"
    );
}

#[test]
fn the_interval_is_that_of_the_days_and_within_what_is_held() {
    let off = [24.0, 0.0, 24.0, 24.0, 24.0, 24.0, 24.0, 0.0, 24.0, 24.0, 24.0, 24.0];
    let days = (20_745..).zip(off).map(|(day, off)| scored(day, off, 0)).collect();
    let proof = replayed(&some(), &Replay { days }).unwrap();
    let (low, high) = proof.saving_share.unwrap();
    let gives_back = proof.gives_back.unwrap();
    assert!((gives_back * 24.0 - proof.figures["device_hours_a_day"]["off"].as_f64().unwrap()).abs() < 1e-3);
    assert!((0.0..1.0).contains(&low) && high > 1.0, "{low} {high}");
    assert!(
        high * gives_back <= 1.0 + 1e-9,
        "more than is held: {high} of {gives_back}"
    );
}

#[test]
fn days_on_which_it_was_not_held_are_named() {
    let day = |at: i64| scored(20_745 + at, 12.0, u32::from(at == 3));
    let once = not_held(&Replay {
        days: (0..14).map(day).collect(),
    });
    assert!(
        once.ends_with(
            "on 1 of 14 days it worked in hours that the days before would have had it sleep: 2026-10-22 (2.0 hours)"
        ),
        "{once}"
    );
    let often = not_held(&Replay {
        days: (0..14).map(|at| scored(20_745 + at, 12.0, 1)).collect(),
    });
    assert!(
        often.contains("on 14 of 14 days") && often.contains("the last of them: 2026-10-30 (2.0 hours), 2026-10-31"),
        "{often}"
    );
}

#[test]
fn waits_are_counted_at_p95_and_unknown_where_no_start_was_seen() {
    let replay = Replay {
        days: (20_745..20_767)
            .map(|day| scored(day, 12.0, u32::from(day == 20_750)))
            .collect(),
    };
    let mut seen = some();
    let waited = |of: &Workload| replayed(of, &replay).unwrap().figures["seconds_waited"].clone();
    assert_eq!(waited(&seen), Value::Null);
    seen.start_seconds = vec![300.0];
    assert_eq!(waited(&seen), json!(300.0));
}

#[test]
fn a_start_at_p95_is_the_longest_of_few() {
    let mut seen = some();
    assert_eq!(starts_take(&seen), None);
    seen.start_seconds = vec![60.0, 900.0, 120.0];
    assert_eq!(starts_take(&seen), Some(900.0));
}

#[test]
fn minutes_are_never_rounded_down() {
    assert_eq!(
        (minutes(90.0), minutes(601.0)),
        ("90 seconds".to_owned(), "11 minutes".to_owned())
    );
}
