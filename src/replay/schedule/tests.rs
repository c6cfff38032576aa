//! Planted histories: what was held, what worked, and what a replay must say of it.

use proptest::prelude::*;

use super::*;

/// A Monday.
const MONDAY: i64 = 20_745;

/// Ten-minute points.
const STEP: u32 = 600;

/// A day on which one device was held, with work in these hours.
fn day(number: i64, at_work: &[usize]) -> Day {
    let mut day = Day::new(number, true);
    for (hour, of) in day.hours.iter_mut().enumerate() {
        let work = if at_work.contains(&hour) { 6 } else { 0 };
        *of = Hour {
            points: 6,
            there: 6,
            held: 1.0,
            expected: 6,
            known: 6,
            at_rest: 6 - work,
            at_work: work,
        };
    }
    day
}

fn history(days: Vec<Day>) -> History {
    History {
        step_seconds: STEP,
        days,
    }
}

/// Hours of the week in which nothing worked on the same hour of any day.
fn rests_daily(days: &[Day]) -> Option<WeekHours> {
    let worked = |hour: usize| days.iter().any(|day| day.hours[hour].at_work > 0);
    let hours: Vec<u8> = (0_u8..168).filter(|hour| !worked(usize::from(*hour) % 24)).collect();
    (!hours.is_empty()).then(|| WeekHours::new(hours))
}

fn office_days(count: i64) -> Vec<Day> {
    (0..count)
        .map(|at| day(MONDAY + at, &[9, 10, 11, 12, 13, 14, 15, 16]))
        .collect()
}

fn replayed(history: &History) -> Replay {
    let proposed = rests_daily(&history.days).unwrap();
    replay(history, &proposed, 7.0, rests_daily)
}

#[test]
fn days_are_scored_from_the_eighth_on_by_what_was_off_on_them() {
    let replay = replayed(&history(office_days(21)));
    assert_eq!(replay.scored().count(), 14);
    assert_eq!(replay.days[0].number, MONDAY + 7);
    assert!(replay.days.iter().all(|day| (day.held, day.off) == (24.0, 16.0)));
    assert_eq!((replay.disturbed().count(), replay.disturbed_share()), (0, Some(0.0)));
    let off = replay.off_a_day().unwrap();
    assert!((off.mid.unwrap() - 16.0).abs() < 1e-9 && (off.high.unwrap() - 16.0).abs() < 1e-9);
    assert!((replay.held_a_day().unwrap() - 24.0).abs() < 1e-9);
    assert!((replay.devices_off().unwrap() - 16.0 / 24.0).abs() < 1e-9);
    // None of fourteen days does not say never.
    let at_most = replay.disturbed_share_at_most();
    assert!((0.19..0.20).contains(&at_most), "{at_most}");
    assert!((off.low.unwrap() - 16.0 * (1.0 - at_most)).abs() < 1e-9, "{off:?}");
}

#[test]
fn under_ten_scored_days_there_is_no_interval() {
    let of = |days| replayed(&history(office_days(days)));
    assert_eq!((of(7).judged(), of(7).disturbed_share()), (0, None));
    assert_eq!((of(16).judged(), of(16).off_a_day()), (9, None));
    assert!(of(17).off_a_day().is_some());
}

#[test]
fn a_day_is_judged_by_the_days_before_it_and_not_by_itself() {
    let mut days = office_days(21);
    // At ten and eleven at night on the fifteenth day, and nowhere else.
    days[14] = day(MONDAY + 14, &[9, 10, 11, 12, 13, 14, 15, 16, 22, 23]);
    let replay = replayed(&history(days));
    let hit: Vec<&Scored> = replay.disturbed().collect();
    assert_eq!(hit.len(), 1, "all days together would have shown those hours at work");
    assert_eq!(
        (hit[0].number, hit[0].disturbed, hit[0].wake_ups),
        (MONDAY + 14, 2.0, 1)
    );
    // What is proposed leaves these two hours on, so that no day counts them as saved.
    assert!(replay.days.iter().all(|day| day.off == 14.0), "{:?}", replay.days);
}

#[test]
fn a_stretch_of_work_over_midnight_is_one_wait() {
    let mut days = office_days(21);
    days[14] = day(MONDAY + 14, &[9, 23]);
    days[15] = day(MONDAY + 15, &[0, 1, 9, 20]);
    let replay = replayed(&history(days));
    let hit: Vec<(i64, u32)> = replay.disturbed().map(|day| (day.number, day.wake_ups)).collect();
    // The night's second half was no new wait; the evening of the next day was.
    assert_eq!(hit, [(MONDAY + 14, 1), (MONDAY + 15, 1)]);
    assert_eq!(replay.wake_ups(), 2);
}

#[test]
fn days_with_holes_are_not_scored_and_unseen_hours_are_not_saved() {
    let mut days = office_days(21);
    // Two hours of one night are not known: more than one in twenty of the day.
    for hour in [2, 3] {
        days[10].hours[hour].known = 0;
        days[10].hours[hour].at_rest = 0;
    }
    // One hour: the day is scored without it.
    days[12].hours[2].known = 0;
    days[12].hours[2].at_rest = 0;
    let replay = replayed(&history(days));
    assert_eq!(replay.scored().count(), 13);
    assert!(replay.scored().all(|day| day.number != MONDAY + 10));
    let with_a_hole = replay.days.iter().find(|day| day.number == MONDAY + 12).unwrap();
    assert_eq!(with_a_hole.off, 15.0);
}

#[test]
fn a_hole_hides_no_work_that_was_seen_on_the_same_day() {
    let mut days = office_days(21);
    days[14] = day(MONDAY + 14, &[9, 10, 22]);
    for hour in [2, 3] {
        days[14].hours[hour].known = 0;
        days[14].hours[hour].at_rest = 0;
    }
    let replay = replayed(&history(days));
    assert_eq!((replay.scored().count(), replay.disturbed().count()), (13, 1));
    assert_eq!(replay.disturbed_share(), Some(1.0 / 14.0));
}

#[test]
fn days_that_the_window_cuts_and_days_before_it_was_there_teach_and_score_nothing() {
    let mut days = office_days(21);
    for day in &mut days[..5] {
        day.hours = [Hour::default(); 24];
    }
    days[20].whole = false;
    let replay = replayed(&history(days));
    let numbers: Vec<i64> = replay.scored().map(|day| day.number - MONDAY).collect();
    assert_eq!(numbers, (12..20).collect::<Vec<i64>>());
}

#[test]
fn an_hour_that_comes_twice_counts_twice_and_one_that_is_left_out_not_at_all() {
    let mut days = office_days(21);
    let twice = &mut days[13].hours[2];
    *twice = Hour {
        points: 12,
        there: 12,
        held: 2.0,
        expected: 12,
        known: 12,
        at_rest: 12,
        at_work: 0,
    };
    days[20].hours[2] = Hour::default();
    let replay = replayed(&history(days));
    let of = |at: i64| replay.days.iter().find(|day| day.number == MONDAY + at).unwrap();
    assert_eq!((of(13).hours, of(13).held, of(13).off), (25.0, 25.0, 17.0));
    assert_eq!((of(20).hours, of(20).held, of(20).off), (23.0, 23.0, 15.0));
    assert_eq!(replay.disturbed().count(), 0);
}

#[test]
fn where_the_days_before_teach_nothing_nothing_is_saved() {
    let history = history(office_days(21));
    let proposed = rests_daily(&history.days).unwrap();
    let replay = replay(&history, &proposed, 7.0, |_| None);
    assert_eq!(replay.days.len(), 14);
    assert!(replay.days.iter().all(|day| day.off == 0.0 && day.wake_ups == 0));
}

/// Days with work drawn for every hour.
fn drawn() -> impl Strategy<Value = Vec<Vec<bool>>> {
    prop::collection::vec(prop::collection::vec(prop::bool::weighted(0.05), 24), 8..25)
}

fn of_drawn(drawn: &[Vec<bool>]) -> History {
    let days = (MONDAY..).zip(drawn).map(|(number, worked)| {
        let at_work: Vec<usize> = (0..24).filter(|hour| worked[*hour]).collect();
        day(number, &at_work)
    });
    history(days.collect())
}

proptest! {
    /// What came in the hours of sleep was work, and what was saved was held and was none.
    #[test]
    fn nothing_is_saved_that_was_not_held_at_rest(drawn in drawn()) {
        let history = of_drawn(&drawn);
        let Some(proposed) = rests_daily(&history.days) else { return Ok(()) };
        let replay = replay(&history, &proposed, 7.0, rests_daily);
        for scored in &replay.days {
            let worked = drawn[(scored.number - MONDAY) as usize].iter().filter(|work| **work).count() as f64;
            prop_assert!(scored.off <= scored.held - worked);
            prop_assert!(scored.disturbed <= worked);
            prop_assert!(scored.disturbed > 0.0 || scored.wake_ups == 0);
        }
    }

    /// More work on a day never makes that day look less disturbed, and never adds to what is saved on any day: whoever asks for
    /// more is never answered with a longer sleep.
    #[test]
    fn more_work_never_makes_a_day_look_better(drawn in drawn(), at in 7_usize..24, hour in 0_usize..24) {
        let mut more = drawn.clone();
        let at = at.min(more.len() - 1);
        more[at][hour] = true;
        let (less, more) = (of_drawn(&drawn), of_drawn(&more));
        let (Some(of_less), Some(of_more)) = (rests_daily(&less.days), rests_daily(&more.days)) else { return Ok(()) };
        let less = replay(&less, &of_less, 7.0, rests_daily);
        let more = replay(&more, &of_more, 7.0, rests_daily);
        for (less, more) in less.days.iter().zip(&more.days) {
            prop_assert!(more.off <= less.off);
            if more.number == MONDAY + at as i64 {
                prop_assert!(more.disturbed >= less.disturbed);
            }
        }
    }
}
