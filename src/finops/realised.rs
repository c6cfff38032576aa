//! What changes really saved: days after each beside days before it, corrected for load.

use jiff::civil::Date;

use super::load::{Day, saved, weights};
use super::promises::DAYS_PER_MONTH;
use super::regime;
use crate::model::history::HistoryDay;
use crate::model::plan::{Plan, Row, WorkloadRow};
use crate::model::returns::Measured;
use crate::model::scenario::{Interval, Move};
use crate::model::since::{Outcome, Since};
use crate::model::units::{Money, Monthly};

/// Hours that a day must have to be a whole one: clocks change.
const WHOLE_DAY: f64 = 22.9;

/// Days on each side without which nothing is measured.
const LEAST_DAYS: usize = 3;

/// The share of days on each side of which work must be known so that it corrects.
const LEAST_KNOWN: f64 = 0.8;

/// Measures what was saved by those changes of an earlier plan that were made, whoever made them.
pub fn measure(since: &mut Since, earlier: &Plan, now: &Plan) {
    let mut seen: Vec<(String, String)> = Vec::new();
    for change in &mut since.changes {
        let Some(row) = earlier.accepted.iter().find(|row| row.id == change.id) else {
            continue;
        };
        if !matches!(change.outcome, Outcome::Done | Outcome::Gone) {
            continue;
        }
        let before = seen.iter().find(|(subject, _)| *subject == row.subject.id);
        let found = match before {
            // Nobody can tell two changes of one workload apart.
            Some((_, other)) => nothing((0, 0), format!("it is measured together with {other}")),
            None => measured(row, change.outcome, earlier, now).unwrap_or_else(|why| nothing(why.days, why.because)),
        };
        // With one that has no figure nothing is measured.
        if found.monthly.mid.is_some() {
            seen.push((row.subject.id.clone(), row.id.clone()));
        }
        change.measured = Some(found);
    }
}

/// No figure, and why.
fn nothing(days: (usize, usize), because: String) -> Measured {
    let count = |days: usize| u32::try_from(days).unwrap_or(u32::MAX);
    Measured {
        monthly: Interval::default(),
        uncorrected_monthly: None,
        corrected_by: None,
        load: None,
        days: (count(days.0), count(days.1)),
        because: Some(because),
    }
}

/// Why there is no figure.
struct Why {
    /// Days before and after that there are.
    days: (usize, usize),
    because: String,
}

fn why(because: &str) -> Why {
    Why {
        days: (0, 0),
        because: because.to_owned(),
    }
}

fn measured(row: &Row, outcome: Outcome, earlier: &Plan, now: &Plan) -> Result<Measured, Why> {
    if earlier.currency != now.currency {
        let (then, today) = (&earlier.currency, &now.currency);
        return Err(why(&format!("the earlier plan is in {then}, and this one in {today}")));
    }
    let workload = earlier.workload(&row.subject.id);
    let then = workload.and_then(|workload| workload.history.as_ref());
    let then = then.ok_or_else(|| why("the earlier plan keeps no history of it"))?;
    let last = then.days.last().map(|day| day.day);
    let last = last.ok_or_else(|| why("the earlier plan keeps no day of it"))?;
    let before: Vec<&HistoryDay> = then.days.iter().filter(|day| is_whole(day)).collect();
    let all = days_now(row, outcome, now)?;
    // A day that the earlier plan saw in part, or where clocks of two zones part, is of neither side.
    let later = all.iter().filter(|day| is_whole(day) && day.day > last);
    let skip = usize::from(earlier.timezone != now.timezone);
    let later: Vec<&HistoryDay> = later.skip(skip).collect();
    let from = regime::since(&row.moves, &before, &later);
    let after = &later[from.first.min(later.len())..];
    if before.len() < LEAST_DAYS || after.len() < LEAST_DAYS {
        let because = format!(
            "{} whole days with a price before and {} since it was made: {LEAST_DAYS} of each are needed",
            before.len(),
            after.len()
        );
        return Err(Why {
            days: (before.len(), after.len()),
            because,
        });
    }
    let mut notes = Vec::new();
    if from.first > 0 {
        notes.push(format!("{} days until it was made are left out", from.first));
    }
    if !from.shows {
        notes.push("neither its GPUs nor their price show when it was made: all days since count".to_owned());
    }
    Ok(compared(row, workload, (&before, after), notes))
}

/// The days that this plan saw of the workload; of one that is gone because the change was to hold nothing, days of nothing.
fn days_now(row: &Row, outcome: Outcome, now: &Plan) -> Result<Vec<HistoryDay>, Why> {
    if outcome == Outcome::Gone {
        if !row.moves.iter().all(|change| matches!(change, Move::ScaleToZero)) {
            return Err(why("its workload is gone, which this change did not ask for"));
        }
        let other = now.workloads.iter().find_map(|workload| workload.history.as_ref());
        let days = other.ok_or_else(|| why("this plan keeps no days"))?.days.iter();
        return Ok(days.map(|day| empty(day.day, day.hours)).collect());
    }
    let history = now
        .workload(&row.subject.id)
        .and_then(|workload| workload.history.as_ref());
    let history = history.ok_or_else(|| why("this plan keeps no history of it"))?;
    Ok(history.days.clone())
}

fn empty(day: Date, hours: f64) -> HistoryDay {
    HistoryDay {
        day,
        hours,
        gpu_hours: 0.0,
        busy_gpu_hours: Some(0.0),
        cost: Some(Money::ZERO),
        requests: None,
        tokens: None,
    }
}

fn is_whole(day: &HistoryDay) -> bool {
    day.hours >= WHOLE_DAY && day.cost.is_some()
}

/// Days before and after.
type Sides<'d> = (&'d [&'d HistoryDay], &'d [&'d HistoryDay]);

fn compared(row: &Row, workload: Option<&WorkloadRow>, sides: Sides<'_>, mut notes: Vec<String>) -> Measured {
    let work = work(row, sides);
    let of = |days: &[&HistoryDay]| -> Vec<Day> {
        let known = |day: &&&HistoryDay| work.is_none_or(|(_, of)| of(day).is_some());
        days.iter().filter(known).map(|day| day_of(day, work)).collect()
    };
    let (before, after) = (of(sides.0), of(sides.1));
    let scaler = workload.and_then(|workload| workload.live.as_ref()?.autoscaler.as_ref());
    let saved = saved(&before, &after, scaler.is_some());
    let left_out = sides.0.len() + sides.1.len() - before.len() - after.len();
    if left_out > 0 {
        notes.push(format!("{left_out} days of unknown load are left out"));
    }
    match work {
        None if !stops(row) => notes.push("nothing tells of its load on most days".to_owned()),
        Some((name, _)) if !saved.follows => {
            notes.push(format!(
                "its cost did not follow {name} before, so that load corrects nothing"
            ));
        }
        _ => {}
    }
    let monthly = |daily: f64| Monthly::new(daily * DAYS_PER_MONTH).to_cents();
    let mean = |days: &[Day]| {
        days.iter()
            .zip(weights(days))
            .map(|(day, weight)| day.cost * weight)
            .sum::<f64>()
    };
    let end = |daily: Option<f64>| daily.map(|daily| monthly(daily).get());
    Measured {
        monthly: Interval {
            low: end(saved.daily.low),
            mid: end(saved.daily.mid),
            high: end(saved.daily.high),
        },
        uncorrected_monthly: Some(monthly(mean(&before) - mean(&after))),
        corrected_by: work.filter(|_| saved.follows).map(|(name, _)| name.to_owned()),
        load: saved.load.map(|load| (load * 1000.0).round() / 1000.0),
        ..nothing((before.len(), after.len()), String::new())
    }
    .because(notes)
}

impl Measured {
    fn because(self, notes: Vec<String>) -> Self {
        Self {
            because: (!notes.is_empty()).then(|| notes.join("; ")),
            ..self
        }
    }
}

fn day_of(day: &HistoryDay, work: Option<Work>) -> Day {
    Day {
        weekday: usize::try_from(day.day.weekday().to_monday_zero_offset()).unwrap_or(0),
        cost: day.cost.map_or(0.0, Money::get),
        work: work.and_then(|(_, of)| of(day)),
    }
}

/// What is counted as work: its name, and how much of it a day had.
type Work = (&'static str, fn(&HistoryDay) -> Option<f64>);

/// Whether the change is to hold nothing: then there is no load to correct for.
fn stops(row: &Row) -> bool {
    row.moves.iter().all(|change| matches!(change, Move::ScaleToZero))
}

/// The best work that is known on enough days of both sides.
fn work(row: &Row, (before, after): Sides<'_>) -> Option<Work> {
    if stops(row) {
        return None;
    }
    let all: [Work; 3] = [
        ("tokens generated", |day| day.tokens),
        ("requests", |day| day.requests),
        ("busy GPU hours", |day| day.busy_gpu_hours),
    ];
    // An hour of another GPU, or of another way to run, is not the same work.
    let other_hours = |change: &Move| {
        !matches!(
            change,
            Move::UseSpot { .. } | Move::SleepDuring { .. } | Move::SetReplicas { .. } | Move::Autoscale { .. }
        )
    };
    let enough = if row.moves.iter().any(other_hours) { 2 } else { 3 };
    all.into_iter().take(enough).find(|(_, of)| {
        [before, after].iter().all(|days| {
            let known: Vec<f64> = days.iter().filter_map(|day| of(day)).collect();
            let some = known.iter().sum::<f64>() > 0.0;
            some && known.len() >= LEAST_DAYS && known.len() as f64 >= LEAST_KNOWN * days.len() as f64
        })
    })
}
