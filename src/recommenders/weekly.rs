//! The weekly pattern behind `idle-gpu`: clock hours in which a workload was at rest on every weekday or every weekend day.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::World;
use super::evidence::{fact, not_to_be_disrupted};
use super::idle_gpu::{Activity, IdleGpu, can_sleep};
use crate::model::gap::Gap;
use crate::model::scenario::{Candidate, Level, Move, Proposal, WeekHours};
use crate::model::usage::Signal;
use crate::model::workload::Workload;

/// Weekdays, on each of which there must have been work in every whole week: what works on some days only is a standby or a
/// queue, whose next turn no clock knows.
const WEEKDAYS: usize = 5;

/// Hours that a weekend's rest must last, as there are only two days of it each week to learn from.
const WEEKEND_HOURS: usize = 12;

/// What every hour of the week was like: at rest in all weeks, at work in one, or not seen.
struct Pattern {
    /// By hour of the week: samples at rest, samples at work.
    seen: Vec<(u32, u32)>,
    /// By day whether there was work, of each week that was seen from its first hour to its last.
    whole_weeks: Vec<[bool; 7]>,
    /// Power at rest, highest.
    watts_at_rest: f64,
}

/// A proposal to sleep, where a pattern carries it.
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
    let pattern = Pattern::of(lever, workload, world, activity);
    let too_rare = |week: &[bool; 7]| week[..WEEKDAYS].iter().any(|worked| !worked);
    if pattern.whole_weeks.is_empty() || pattern.whole_weeks.iter().any(too_rare) {
        return Ok(None);
    }
    let hours = pattern.hours_to_sleep(lever.least_hours_at_rest.ceil() as usize);
    if hours.hours().is_empty() {
        return Ok(None);
    }
    let kind = workload.gpu.as_ref();
    let limit = kind
        .and_then(|kind| world.catalog.gpu(&kind.model))
        .and_then(|spec| spec.tdp_watts);
    if workload.measured(Signal::Power, world.snapshot.grid).is_empty() {
        return Err(super::evidence::absent(Signal::Power));
    }
    if limit.is_none_or(|limit| pattern.watts_at_rest > limit * lever.power_share_at_most) {
        return Err(Gap::new(
            "signals-disagree",
            "whether its GPUs are at rest at the same hours of every week",
            format!(
                "activity says so, but power reaches {:.0} W in those hours",
                pattern.watts_at_rest
            ),
            "see on the node what draws power at night (nvidia-smi)",
        ));
    }
    Ok(Some(Candidate::Move(Box::new(proposal(
        workload, world, activity, &pattern, hours, days,
    )))))
}

fn proposal(
    workload: &Workload,
    world: &World<'_>,
    activity: &Activity<'_>,
    pattern: &Pattern,
    hours: WeekHours,
    days: f64,
) -> Proposal {
    let timezone = world.objectives.timezone.clone();
    let mut evidence = activity.evidence();
    let share = hours.share();
    let what = "share of the week at rest, in the same hours of every week";
    evidence.push(fact(what, "engine_active, gpu_util", Some(share)));
    let what = "power in those hours, watts at most";
    evidence.push(fact(what, "power", Some(pattern.watts_at_rest)));
    evidence.push(fact(
        "days of history",
        "kube-state-metrics and the Kubernetes API",
        Some(days),
    ));
    let mut needs_human = vec![
        "whoever works at an unusual hour waits for it to start, or wakes it by hand".to_owned(),
        "its GPUs may not be had again at once in the morning".to_owned(),
    ];
    needs_human.extend(not_to_be_disrupted(workload));
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
        confidence: if days >= 27.0 { Level::Medium } else { Level::Low },
        risk: Level::Medium,
        needs_human,
        rollback: "remove the schedule".to_owned(),
        experiment: None,
        replayed: None,
        effective: None,
    }
}

impl Pattern {
    fn of(lever: &IdleGpu, workload: &Workload, world: &World<'_>, activity: &Activity<'_>) -> Self {
        let grid = world.snapshot.grid;
        let timezone = TimeZone::get(&world.objectives.timezone).unwrap_or(TimeZone::UTC);
        let places = Places::of(grid.points(), |at| grid.second(at), &timezone);
        let mut pattern = Self {
            seen: vec![(0, 0); WeekHours::COUNT],
            whole_weeks: Vec::new(),
            watts_at_rest: 0.0,
        };
        let servers = [
            Signal::RequestsRunning,
            Signal::RequestsFinished,
            Signal::TokensGenerated,
        ];
        let mut busy = vec![false; grid.points()];
        let mut known = vec![false; grid.points()];
        for pod in &workload.pods {
            let gpu = pod.devices.iter().flat_map(|device| {
                let of = |(signal, _, scale): &(Signal, _, f64)| Some((device.signals.get(signal)?, *scale));
                activity.signals.iter().filter_map(of)
            });
            let server = servers
                .iter()
                .filter_map(|signal| Some((pod.server.get(signal)?, f64::INFINITY)));
            for (column, scale) in gpu.chain(server) {
                for (at, value) in column.samples() {
                    known[at] = true;
                    // Of a server any request at all is work.
                    busy[at] |= value > 0.0 && value * scale > lever.activity_at_most;
                }
            }
        }
        let mut worked = vec![[false; 7]; places.weeks];
        for at in (0..grid.points()).filter(|at| known[*at]) {
            let (week, hour) = places.at[at];
            let seen = &mut pattern.seen[hour];
            if busy[at] {
                seen.1 += 1;
                worked[week][hour / 24] = true;
            } else {
                seen.0 += 1;
            }
        }
        // What began within the window, or ended, says nothing of the weeks in which it was not there.
        let first = known.iter().position(|known| *known).unwrap_or_default();
        let last = known.iter().rposition(|known| *known).unwrap_or_default();
        let seen = places.at.get(first..=last).unwrap_or_default();
        let whole = |week: &usize| seen.contains(&(*week, 0)) && seen.contains(&(*week, WeekHours::COUNT - 1));
        pattern.whole_weeks = (0..places.weeks).filter(whole).map(|week| worked[week]).collect();
        pattern.watts_at_rest = watts_at_rest(workload, &places, &pattern.seen);
        pattern
    }

    fn at_rest(&self, day: usize, hour: usize) -> bool {
        let (rest, work) = self.seen[day * 24 + hour];
        rest > 0 && work == 0
    }

    /// Nights that are alike on all weekdays, and weekends; an hour is left at the end of each block to wake up in.
    fn hours_to_sleep(&self, least: usize) -> WeekHours {
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
            if length > least {
                let hours = (0..length - 1).map(|offset| (usize::from(from) + offset) % WeekHours::COUNT);
                kept.extend(hours.filter_map(|hour| u8::try_from(hour).ok()));
            }
        }
        WeekHours::new(kept)
    }
}

fn watts_at_rest(workload: &Workload, places: &Places, seen: &[(u32, u32)]) -> f64 {
    let devices = workload.pods.iter().flat_map(|pod| &pod.devices);
    let columns = devices.filter_map(|device| device.signals.get(&Signal::Power));
    let mut resting: Vec<f64> = Vec::new();
    for column in columns {
        let at_rest = |at: usize| seen[places.at[at].1].1 == 0;
        resting.extend(column.samples().filter(|(at, _)| at_rest(*at)).map(|(_, watts)| watts));
    }
    crate::model::usage::quantile(resting, 0.99).unwrap_or(f64::INFINITY)
}

/// Week and hour of the week of every point.
struct Places {
    at: Vec<(usize, usize)>,
    weeks: usize,
}

impl Places {
    fn of(points: usize, second: impl Fn(usize) -> i64, timezone: &TimeZone) -> Self {
        let mut at = Vec::with_capacity(points);
        let mut first_monday = None;
        let mut weeks = 0;
        for index in 0..points {
            // A point stands for the step that ends with it.
            let zoned = Timestamp::from_second(second(index) - 1)
                .unwrap_or(Timestamp::UNIX_EPOCH)
                .to_zoned(timezone.clone());
            let weekday = usize::try_from(zoned.weekday().to_monday_zero_offset()).unwrap_or(0);
            let hour = usize::try_from(zoned.hour()).unwrap_or(0);
            let monday = zoned
                .date()
                .saturating_sub(Span::new().days(i64::try_from(weekday).unwrap_or(0)));
            let first = *first_monday.get_or_insert(monday);
            let week = usize::try_from((monday - first).get_days() / 7).unwrap_or(0);
            weeks = weeks.max(week + 1);
            at.push((week, weekday * 24 + hour));
        }
        Self { at, weeks }
    }
}
