//! What a sleep that held on the days before comes to in the month after it, which nobody had seen.

use super::*;
use crate::replay::random::Draws;
use crate::replay::schedule::History;

/// A Monday.
const FIRST: i64 = 20_745;

/// Days that are known, and days after them.
const SEEN: usize = 30;
const AFTER: usize = 30;

/// Somebody's habits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Habit {
    /// From eight to six, by the clock.
    Clock,
    /// About half past eight to about six, within half an hour.
    Office,
    /// The same, within an hour.
    Loose,
    /// By the clock, and once in so many nights for an hour.
    OnCall,
    /// By the clock, and on one Saturday in five.
    Saturdays,
    /// By the clock, from one week on two hours later.
    Moves,
}

const HABITS: [Habit; 6] = [
    Habit::Clock,
    Habit::Office,
    Habit::Loose,
    Habit::OnCall,
    Habit::Saturdays,
    Habit::Moves,
];

/// Minutes of a day at work, from and to.
fn at_work(habit: Habit, at: usize, draws: &mut Draws) -> Vec<(f64, f64)> {
    let weekday = at % 7 < 5;
    let mut day = |from: f64, to: f64, spread: f64| (from + spread * draws.normal(), to + spread * draws.normal());
    let mut work = Vec::new();
    if weekday {
        work.push(match habit {
            Habit::Office => day(510.0, 1_080.0, 30.0),
            Habit::Loose => day(510.0, 1_080.0, 60.0),
            Habit::Moves if at >= 21 => (600.0, 1_200.0),
            _ => (480.0, 1_080.0),
        });
    }
    if habit == Habit::OnCall && draws.unit() < 0.05 {
        let from = 1_140.0 + 240.0 * draws.unit();
        work.push((from, from + 60.0));
    }
    if habit == Habit::Saturdays && at % 7 == 5 && draws.unit() < 0.2 {
        work.push((600.0, 780.0));
    }
    work
}

/// Days of such habits in points of ten minutes.
fn days(habit: Habit, seed: u64) -> Vec<Day> {
    let mut draws = Draws::apart(seed, habit as u64);
    let day = |at: usize| {
        let mut day = Day::new(FIRST + at as i64, true);
        let work = at_work(habit, at, &mut draws);
        for point in 0..144 {
            let (from, to) = (f64::from(point) * 10.0, f64::from(point + 1) * 10.0);
            let works = work.iter().any(|(begins, ends)| *begins < to && *ends > from);
            let hour = &mut day.hours[(point / 6) as usize];
            hour.points += 1;
            hour.there += 1;
            hour.held += 1.0 / 6.0;
            hour.expected += 1;
            hour.known += 1;
            hour.at_work += u32::from(works);
            hour.at_rest += u32::from(!works);
        }
        day
    };
    (0..SEEN + AFTER).map(day).collect()
}

/// Days of the month after on which work falls into these hours.
fn disturbed_after(days: &[Day], hours: &WeekHours) -> usize {
    let sleeps = |of_week: usize| hours.hours().iter().any(|hour| usize::from(*hour) == of_week);
    let disturbed = |day: &&Day| day.of_week().any(|(of_week, hour)| hour.at_work > 0 && sleeps(of_week));
    days[SEEN..].iter().filter(disturbed).count()
}

/// Of a hundred months: how many got a proposal, and on how many days of a month after it work came in the hours of sleep.
fn promised(habit: Habit) -> (i32, f64) {
    let (mut proposed, mut disturbed) = (0, 0);
    for seed in 0..100 {
        let days = days(habit, seed);
        let history = History {
            step_seconds: 600,
            days: days[..SEEN].to_vec(),
        };
        let taught = |days: &[Day]| Pattern::of(days).hours_to_sleep(4, 1);
        let Some(hours) = taught(&history.days) else { continue };
        let replay = replay(&history, &hours, 14.0, taught);
        if replay.disturbed_share().is_some_and(|share| share <= 0.05) {
            proposed += 1;
            disturbed += disturbed_after(&days, &hours);
        }
    }
    (proposed, disturbed as f64 / f64::from(proposed.max(1)))
}

#[test]
fn a_sleep_that_held_holds_in_the_month_after_it() {
    let found: BTreeMap<Habit, (i32, f64)> = HABITS.iter().map(|habit| (*habit, promised(*habit))).collect();
    for (habit, most) in [(Habit::Clock, 0.0), (Habit::Office, 0.02), (Habit::Loose, 0.1)] {
        let (proposed, disturbed) = found[&habit];
        assert!(proposed >= 90 && disturbed <= most, "{habit:?}: {found:?}");
    }
    // Whom nobody can foresee is left alone where that was seen; where it was not, a month may bring it.
    let (proposed, disturbed) = found[&Habit::OnCall];
    assert!(proposed <= 70 && disturbed <= 1.2, "{found:?}");
    let (_, disturbed) = found[&Habit::Saturdays];
    assert!(disturbed <= 0.4, "{found:?}");
    assert_eq!(
        found[&Habit::Moves].0,
        0,
        "what moved two weeks ago may move again: {found:?}"
    );
}
