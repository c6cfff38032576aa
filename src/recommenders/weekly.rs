//! The weekly pattern behind `idle-gpu`: clock hours in which a workload was at rest on every weekday or every weekend day.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::World;
use super::evidence::{fact, keep, not_to_be_disrupted};
use super::idle_gpu::{Activity, IdleGpu, can_sleep};
use super::rested::Rested;
use super::scheduled::{self, starts_take};
use crate::model::gap::Gap;
use crate::model::scenario::{Candidate, Level, Move, Proposal, WeekHours};
use crate::model::usage::Signal;
use crate::model::workload::Workload;
use crate::replay::schedule::{Day, Hour, Replay, replay};

/// Weekdays, on each of which there must have been work in every whole week: what works on some days only is a standby or a
/// queue, whose next turn no clock knows.
const WEEKDAYS: usize = 5;

/// Hours that a weekend's rest must last, as there are only two days of it each week to learn from.
const WEEKEND_HOURS: usize = 12;

/// Hours that are left after work ends: the next evening may be later than all that were seen.
const AFTER_WORK: usize = 1;

/// What every hour of the week was like: at rest in all weeks, at work in one, or not seen.
struct Pattern {
    /// By hour of the week: points at rest, points at work.
    seen: Vec<(u32, u32)>,
    /// By day whether there was work, of each week that was seen from its first hour to its last.
    whole_weeks: Vec<[bool; 7]>,
}

/// A proposal to sleep, where a pattern carries it and carried it on the days that it was not learned from.
///
/// # Errors
/// A gap, where a pattern is there and power contradicts it.
pub(super) fn sleep(
    lever: &IdleGpu,
    workload: &Workload,
    world: &World<'_>,
    activity: &Activity<'_>,
    days: f64,
) -> Result<Option<Candidate>, Gap> {
    if !can_sleep(workload) || days < lever.least_days_for_schedule {
        return Ok(None);
    }
    let timezone = TimeZone::get(&world.objectives.timezone).unwrap_or(TimeZone::UTC);
    let grid = world.snapshot.grid;
    let rested = Rested::of(workload, grid, &timezone, (activity, lever.activity_at_most));
    let (least, lead) = (lever.least_hours_at_rest.ceil() as usize, lead(workload));
    let taught = |days: &[Day]| Pattern::of(days).hours_to_sleep(least, lead);
    let Some(hours) = taught(&rested.history.days) else {
        return Ok(None);
    };
    let pattern = Pattern::of(&rested.history.days);
    let watts = watts_at_rest(workload, &rested, &pattern.seen);
    let kind = workload.gpu.as_ref();
    let limit = kind
        .and_then(|kind| world.catalog.gpu(&kind.model))
        .and_then(|spec| spec.tdp_watts);
    if workload.measured(Signal::Power, grid).is_empty() {
        return Err(super::evidence::absent(Signal::Power));
    }
    if limit.is_none_or(|limit| watts > limit * lever.power_share_at_most) {
        return Err(Gap::new(
            "signals-disagree",
            "whether its GPUs are at rest at the same hours of every week",
            format!("activity says so, but power reaches {watts:.0} W in those hours"),
            "see on the node what draws power at night (nvidia-smi)",
        ));
    }
    let replay = replay(&rested.history, &hours, lever.least_days_for_schedule, taught);
    if replay
        .disturbed_share()
        .is_some_and(|share| share > lever.disturbed_days_at_most)
    {
        return Ok(Some(keep("schedule-not-held", scheduled::not_held(&replay))));
    }
    Ok(Some(Candidate::Move(Box::new(proposal(
        (workload, world),
        activity,
        hours,
        (watts, days),
        &replay,
    )))))
}

/// Hours that are left before work begins: one, or as many as starts of its pods took.
fn lead(workload: &Workload) -> usize {
    starts_take(workload).map_or(1, |seconds| ((seconds / 3_600.0).ceil() as usize).max(1))
}

fn proposal(
    (workload, world): (&Workload, &World<'_>),
    activity: &Activity<'_>,
    hours: WeekHours,
    (watts, days): (f64, f64),
    replay: &Replay,
) -> Proposal {
    let timezone = world.objectives.timezone.clone();
    let mut evidence = activity.evidence();
    let share = hours.share();
    let what = "share of the week at rest, in the same hours of every week";
    evidence.push(fact(what, "engine_active, gpu_util", Some(share)));
    let what = "power in those hours, watts at most";
    evidence.push(fact(what, "power", Some(watts)));
    evidence.push(fact(
        "days of history",
        "kube-state-metrics and the Kubernetes API",
        Some(days),
    ));
    evidence.push(fact(
        "starts that a week would take",
        "the hours in which it would sleep",
        Some(hours.blocks().len() as f64),
    ));
    evidence.extend(scheduled::evidence(workload, world, replay));
    let mut needs_human = vec![
        "whoever works at an unusual hour waits for it to start, or wakes it by hand".to_owned(),
        scheduled::again(workload, world, "its GPUs may not be had again at once in the morning"),
    ];
    needs_human.extend(not_to_be_disrupted(workload));
    let replayed = scheduled::replayed(workload, replay);
    Proposal {
        title: format!(
            "let {}/{} sleep {} hours a week",
            workload.namespace,
            workload.name,
            hours.hours().len()
        ),
        moves: vec![Move::SleepDuring { hours, timezone }],
        evidence,
        service: None,
        confidence: if replayed.is_some() { Level::Medium } else { Level::Low },
        risk: Level::Medium,
        needs_human,
        rollback: "remove the schedule".to_owned(),
        experiment: None,
        replayed,
        effective: None,
    }
}

impl Pattern {
    fn of(days: &[Day]) -> Self {
        let mut pattern = Self {
            seen: vec![(0, 0); WeekHours::COUNT],
            whole_weeks: Vec::new(),
        };
        let hours = days
            .iter()
            .flat_map(|day| day.of_week().map(|(of_week, hour)| (day.week(), of_week, *hour)));
        let hours: Vec<(i64, usize, Hour)> = hours.filter(|(_, _, hour)| hour.points > 0).collect();
        for (_, of_week, hour) in &hours {
            let seen = &mut pattern.seen[*of_week];
            seen.0 += hour.at_rest;
            seen.1 += hour.at_work;
        }
        // What began within the window, or ended, says nothing of the weeks in which it was not there.
        let first = hours.iter().position(|(_, _, hour)| hour.seen());
        let last = hours.iter().rposition(|(_, _, hour)| hour.seen());
        let there = first.zip(last).map_or(&[][..], |(first, last)| &hours[first..=last]);
        let mut weeks: BTreeMap<i64, ([bool; 2], [bool; 7])> = BTreeMap::new();
        for (week, of_week, hour) in there {
            let (ends, worked) = weeks.entry(*week).or_default();
            ends[0] |= *of_week == 0;
            ends[1] |= *of_week == WeekHours::COUNT - 1;
            worked[of_week / 24] |= hour.at_work > 0;
        }
        let whole = weeks.into_values().filter(|(ends, _)| *ends == [true, true]);
        pattern.whole_weeks = whole.map(|(_, worked)| worked).collect();
        pattern
    }

    fn at_rest(&self, day: usize, hour: usize) -> bool {
        let (rest, work) = self.seen[day * 24 + hour];
        rest > 0 && work == 0
    }

    /// Nights that are alike on all weekdays, and weekends; one hour is left when work ends, and some to wake up in. `None`
    /// where there are none, or where there was no work on some weekday.
    fn hours_to_sleep(&self, least: usize, lead: usize) -> Option<WeekHours> {
        let too_rare = |week: &[bool; 7]| week[..WEEKDAYS].iter().any(|worked| !worked);
        if self.whole_weeks.is_empty() || self.whole_weeks.iter().any(too_rare) {
            return None;
        }
        let night = |hour: usize| (0..5).all(|day| self.at_rest(day, hour));
        let weekend = |hour: usize| (5..7).all(|day| self.at_rest(day, hour));
        let rests_all_weekend = (0..24).filter(|hour| weekend(*hour)).count() >= WEEKEND_HOURS;
        let rests = |hour_of_week: usize| {
            let (day, hour) = (hour_of_week / 24, hour_of_week % 24);
            if day < 5 {
                night(hour)
            } else {
                rests_all_weekend && weekend(hour)
            }
        };
        let all = WeekHours::new((0_u8..168).filter(|hour| rests(usize::from(*hour))));
        let mut kept = Vec::new();
        for (from, to) in all.blocks() {
            let length = (usize::from(to) + WeekHours::COUNT - usize::from(from)) % WeekHours::COUNT;
            let length = if length == 0 { WeekHours::COUNT } else { length };
            if length >= least + lead + AFTER_WORK {
                let hours = (AFTER_WORK..length - lead).map(|offset| (usize::from(from) + offset) % WeekHours::COUNT);
                kept.extend(hours.filter_map(|hour| u8::try_from(hour).ok()));
            }
        }
        (!kept.is_empty()).then(|| WeekHours::new(kept))
    }
}

fn watts_at_rest(workload: &Workload, rested: &Rested, seen: &[(u32, u32)]) -> f64 {
    let devices = workload.pods.iter().flat_map(|pod| &pod.devices);
    let columns = devices.filter_map(|device| device.signals.get(&Signal::Power));
    let mut resting: Vec<f64> = Vec::new();
    for column in columns {
        let at_rest = |at: usize| seen[rested.hour_of_week(at)].1 == 0;
        resting.extend(column.samples().filter(|(at, _)| at_rest(*at)).map(|(_, watts)| watts));
    }
    crate::model::usage::quantile(resting, 0.99).unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod promised;
#[cfg(test)]
mod tests;
