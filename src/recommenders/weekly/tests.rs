//! The pattern of a week, and that more work never makes a sleep longer.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::rested::tests::{days, grid, workload};
use super::*;

/// Hours of the week that sleep, of a history in which these hours since its beginning, a Monday, were at work.
fn sleeps(weeks: i64, at_work: &BTreeSet<i64>, lead: usize) -> Option<WeekHours> {
    let grid = grid("2026-11-02T00:00:00Z", weeks * 7);
    let start = grid.window.start.as_second();
    let worked = |second: i64| at_work.contains(&((second - start) / 3_600));
    let one = workload(grid, |second| Some(f64::from(u8::from(worked(second)))));
    Pattern::of(&days(&one, grid, "UTC")).hours_to_sleep(4, lead)
}

/// From eight to six on weekdays.
fn office(weeks: i64) -> BTreeSet<i64> {
    let hours = 0..weeks * 168;
    hours
        .filter(|hour| hour % 168 < 120 && (8..18).contains(&(hour % 24)))
        .collect()
}

#[test]
fn as_many_hours_are_left_as_a_start_takes() {
    let starts = |seconds: Vec<f64>| {
        let grid = grid("2026-11-02T00:00:00Z", 1);
        let mut one = workload(grid, |_| Some(0.0));
        one.start_seconds = seconds;
        lead(&one)
    };
    assert_eq!(starts(Vec::new()), 1);
    assert_eq!(starts(vec![240.0, 3_600.0]), 1);
    assert_eq!(starts(vec![240.0, 3_700.0]), 2);
    let asleep = |lead| sleeps(2, &office(2), lead).unwrap();
    assert_eq!((asleep(1).hours().len(), asleep(2).hours().len()), (108, 103));
    assert!(asleep(1).hours().contains(&6) && !asleep(2).hours().contains(&6));
    // Nights of six hours are worth a sleep of four, on weekdays, and none of three.
    let short: BTreeSet<i64> = (0..336).filter(|hour| hour % 24 >= 6).collect();
    assert_eq!(sleeps(2, &short, 1).map(|hours| hours.hours().len()), Some(20));
    assert_eq!(sleeps(2, &short, 2), None);
}

#[test]
fn what_worked_on_some_days_only_does_not_sleep() {
    let mut lazy = office(2);
    lazy.retain(|hour| !(72..96).contains(hour));
    assert_eq!(sleeps(2, &lazy, 1), None, "nobody came on a Thursday");
    assert_eq!(sleeps(2, &BTreeSet::new(), 1), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// More work takes hours of sleep away, and adds none.
    #[test]
    fn more_work_never_makes_a_sleep_longer(extra in prop::collection::btree_set(0_i64..336, 0..4), lead in 1_usize..3) {
        let mut more = office(2);
        let without = sleeps(2, &more, lead).unwrap();
        more.extend(extra);
        if let Some(with) = sleeps(2, &more, lead) {
            prop_assert!(with.hours().iter().all(|hour| without.hours().contains(hour)));
        }
    }
}
