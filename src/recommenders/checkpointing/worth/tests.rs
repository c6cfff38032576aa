//! Intervals and savings with known answers.

use super::super::seen::tests::{run as seen_run, shown};
use super::*;

fn terms(write: f64, lost: f64, rates: [f64; 3]) -> Terms {
    Terms {
        write,
        restart: 600.0,
        now: None,
        lost: Lost::exactly(lost),
        rates,
    }
}

#[test]
fn the_published_intervals_are_proposed_in_whole_minutes() {
    for (mtbf_hours, minutes) in [(24.0, 117), (6.0, 57), (0.25, 9)] {
        let rate = 1.0 / mtbf_hours;
        let worth = terms(300.0, 10.0, [rate; 3]).worth().unwrap();
        assert_eq!(worth.interval, minutes * 60, "at an MTBF of {mtbf_hours} h");
    }
    let quick = terms(0.1, 1.0, [1.0; 3]).worth().unwrap();
    assert_eq!(quick.interval, 27, "a tenth of a second, once an hour");
}

#[test]
fn the_published_waste_is_what_is_left() {
    // Each to half of its last digit.
    for (rate, write, percent, digit) in [(0.2, 60.0, 11.5, 0.05), (0.5, 300.0, 37.0, 0.5)] {
        let worth = terms(write, 1.0, [rate; 3]).worth().unwrap();
        assert!((worth.then * 100.0 - percent).abs() <= digit, "{worth:?}");
        assert!((worth.now - rate).abs() < 1e-12, "{worth:?}");
        let saves = worth.now - worth.then;
        assert_eq!(worth.saves, (saves, saves));
    }
}

#[test]
fn of_a_wide_count_the_least_is_promised() {
    // One interruption in a hundred hours, by Garwood.
    let wide = terms(60.0, 5.0, [0.000_253, 0.01, 0.0557]).worth().unwrap();
    assert!(wide.saves.0 < 0.0 && wide.saves.1 > 0.2, "{wide:?}");
    assert!(
        wide.bounds.0 > wide.interval && wide.interval > wide.bounds.1,
        "{wide:?}"
    );
    // What an interruption cost may be no more than a restart and half an interval.
    let lost = Lost {
        least: 0.0,
        median: 2.0,
        most: 4.0,
    };
    let doubtful = Terms {
        lost,
        ..terms(60.0, 0.0, [0.1; 3])
    }
    .worth()
    .unwrap();
    assert!(
        doubtful.saves.0 < 0.0 && doubtful.saves.1 > doubtful.now - doubtful.then,
        "{doubtful:?}"
    );
}

#[test]
fn writing_too_often_is_waste_too() {
    let often = Terms {
        now: Some(60.0),
        ..terms(30.0, 0.2, [0.05; 3])
    };
    let worth = often.worth().unwrap();
    assert!(worth.interval > 1_800 && worth.saves.0 > 0.45, "{worth:?}");
}

#[test]
fn no_write_time_gives_no_interval() {
    let told = terms(0.0, 1.0, [0.1; 3]).worth().unwrap_err().to_string();
    assert_eq!(told, "the time of a checkpoint must be above zero and finite, and is 0");
}

/// Runs of six hours on ten days, of which the first so many lost their pod after five and did so much again.
fn ten_days(broken: usize, again: f64) -> Vec<Run> {
    let one = |day: usize| {
        let at = day as f64 * 24.0;
        match day < broken {
            true => seen_run(&[(at, at + 5.0), (at + 5.25, at + 6.25 + again)]),
            false => seen_run(&[(at, at + 6.0)]),
        }
    };
    (0..10).map(one).collect()
}

#[test]
fn runs_are_replayed_with_their_interruptions_where_they_were() {
    let terms = terms(60.0, 5.0, [0.05; 3]);
    let found = replay(&shown(&ten_days(4, 5.0)), &terms, 3_600).unwrap();
    // Four checkpoints before the interruption; then a restart, two hours of work, and a checkpoint between them.
    let broken = 18_000.0 + 600.0 + 7_260.0;
    // Five checkpoints of a minute.
    let whole = 21_600.0 + 300.0;
    assert!((found.held - (4.0 * 11.0 + 6.0 * 6.0)).abs() < 1e-9, "{found:?}");
    assert!(
        (found.then * 3_600.0 - (4.0 * broken + 6.0 * whole)).abs() < 1e-6,
        "{found:?}"
    );
    // What ran did all of its work again, but no restart of ten minutes was in it.
    assert!((found.off - 600.0 / 39_600.0).abs() < 1e-9, "{found:?}");
    assert_eq!(found.days, 10);
    let (low, high) = found.saves;
    assert!(low > 0.0 && low < found.saved() && found.saved() < high, "{found:?}");
}

#[test]
fn a_replay_without_checkpoints_is_off_where_there_were_some() {
    let terms = terms(60.0, 1.0, [0.05; 3]);
    let found = replay(&shown(&ten_days(4, 1.0)), &terms, 3_600).unwrap();
    assert!(found.off > 0.4, "{found:?}");
    let told = Terms {
        now: Some(7_200.0),
        ..terms
    };
    let found = replay(&shown(&ten_days(4, 1.0)), &told, 3_600).unwrap();
    assert!(found.off < 0.1, "{found:?}");
    assert_eq!(
        replay(&shown(&ten_days(0, 0.0)), &terms, 3_600),
        None,
        "nothing to learn from"
    );
}
