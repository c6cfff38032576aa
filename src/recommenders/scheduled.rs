//! What a replayed schedule is said to come to, and what was seen of whether its GPUs could be had again.

use jiff::{Span, civil};
use serde_json::{Value, json};

use super::World;
use super::evidence::fact;
use crate::model::scenario::{Calibrated, Evidence, Interval, Replayed, SCORED_DAYS_AT_LEAST};
use crate::model::snapshot::GpuNode;
use crate::model::usage::quantile;
use crate::model::workload::Workload;
use crate::replay::schedule::{Replay, Scored};

const REPLAY: &str = "replay of its history, each day under what the days before it showed";

/// What a node that was always there may seem to lack of the window, for the edges of bills and scrapes.
const EDGES: f64 = 0.02;

/// Days that are named where work was disturbed.
const NAMED: usize = 3;

/// Seconds from a pod's creation to its readiness: nine in ten and a half took no longer; `None` where none was seen.
pub(super) fn starts_take(workload: &Workload) -> Option<f64> {
    quantile(workload.start_seconds.clone(), 0.95)
}

/// What the replay found, and how starts went.
pub(super) fn evidence(workload: &Workload, world: &World<'_>, replay: &Replay) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    let days = replay.scored().count();
    if let (Some(held), Some(off)) = (replay.held_a_day(), replay.off_a_day().and_then(|off| off.mid)) {
        let what = format!("device hours a day that it held on {days} days of that replay");
        evidence.push(fact(what, REPLAY, Some(round(held))));
        evidence.push(fact("those of them that would have been off", REPLAY, Some(round(off))));
    }
    if replay.judged() > 0 {
        let what = format!(
            "days of {} on which work fell into hours that would have been off",
            replay.judged()
        );
        evidence.push(fact(what, REPLAY, Some(replay.disturbed().count() as f64)));
    }
    if replay.wake_ups() > 0 {
        let what = "seconds that whoever came then would have waited for a start at p95, all together";
        evidence.push(fact(what, REPLAY, waited(workload, replay)));
    }
    if let Some(seconds) = starts_take(workload) {
        let starts = workload.start_seconds.len();
        let what = format!("seconds from creation to readiness of its pods at p95, of {starts} starts seen");
        evidence.push(fact(what, "pods' creation and readiness", Some(seconds.round())));
    }
    if let Some((pool, came)) = came(workload, world) {
        let what = format!("nodes of {pool} with such GPUs that came within the window and are there");
        evidence.push(fact(
            what,
            "the bill, kube-state-metrics and the Kubernetes API",
            Some(came as f64),
        ));
    }
    evidence
}

/// Seconds of waiting for starts; `None` where nobody saw how long one takes.
fn waited(workload: &Workload, replay: &Replay) -> Option<f64> {
    starts_take(workload).map(|seconds| (seconds * f64::from(replay.wake_ups())).round())
}

/// The proof, where enough days were scored.
pub(super) fn replayed(workload: &Workload, replay: &Replay) -> Option<Replayed> {
    let scored_days = u32::try_from(replay.scored().count()).unwrap_or(u32::MAX);
    if scored_days < SCORED_DAYS_AT_LEAST {
        return None;
    }
    let (off, held) = (replay.off_a_day()?, replay.held_a_day()?);
    Some(Replayed {
        machine: "schedule".to_owned(),
        // What really ran holds what it held: that proves nothing.
        calibration: Calibrated {
            cost_error: None,
            latency_error: None,
        },
        scored_days,
        saving_share: share(&off, held),
        gives_back: replay.devices_off(),
        figures: figures(workload, replay, &off, held),
    })
}

/// Ends of the interval as shares of the figure: nobody saves less than nothing, or more than is held.
fn share(off: &Interval, held: f64) -> Option<(f64, f64)> {
    let mid = off.mid.filter(|mid| *mid > 0.0)?;
    let end = |end: f64| end.clamp(0.0, held.max(mid)) / mid;
    Some((end(off.low?), end(off.high?)))
}

fn figures(workload: &Workload, replay: &Replay, off: &Interval, held: f64) -> Value {
    let disturbed: f64 = replay.days.iter().map(|day| day.disturbed).sum();
    let by_day = replay.scored().map(|day| {
        json!({
            "day": date(day.number),
            "before": round(day.held),
            "after": round(day.held - day.off),
            "disturbed_hours": round(day.disturbed),
        })
    });
    json!({
        "device_hours_by_day": by_day.collect::<Vec<_>>(),
        "device_hours_a_day": {"held": round(held), "off": off.mid.map(round)},
        "days_disturbed": replay.disturbed().count(),
        "share_of_days_disturbed_at_most": round(replay.disturbed_share_at_most()),
        "hours_of_work_disturbed": round(disturbed),
        "waits_for_a_start": replay.wake_ups(),
        "seconds_waited": waited(workload, replay),
        "start_seconds_p95": starts_take(workload).map(f64::round),
    })
}

/// Why a schedule is not proposed that the days before would have taught.
pub(super) fn not_held(replay: &Replay) -> String {
    let days: Vec<&Scored> = replay.disturbed().collect();
    let named = days.iter().rev().take(NAMED).rev();
    let named: Vec<String> = named
        .map(|day| format!("{} ({:.1} hours)", date(day.number), day.disturbed))
        .collect();
    let last = if days.len() > NAMED { ", the last of them" } else { "" };
    format!(
        "it rests at the same hours of every week, but on {} of {} days it worked in hours that the days before would have had it \
         sleep{last}: {}",
        days.len(),
        replay.judged(),
        named.join(", ")
    )
}

/// The day of this number of days since 1970.
pub(super) fn date(number: i64) -> String {
    let days = Span::new().try_days(number);
    let date = days.and_then(|days| civil::date(1970, 1, 1).checked_add(days));
    date.map_or_else(|_| number.to_string(), |date| date.to_string())
}

/// A warning that GPUs may not be had again, with what was seen of it.
pub(super) fn again(workload: &Workload, world: &World<'_>, warning: &str) -> String {
    let starts = match (starts_take(workload), workload.start_seconds.len()) {
        (Some(seconds), 1) => format!("the one start of its pods that was seen took {}", minutes(seconds)),
        (Some(seconds), starts) => {
            format!(
                "of {starts} starts of its pods that were seen, 95 in 100 took no longer than {}",
                minutes(seconds)
            )
        }
        (None, _) => "no start of its pods was seen, so nobody knows how long one takes".to_owned(),
    };
    let nodes = match (nodes_go(workload, world), came(workload, world)) {
        (false, _) => "; its nodes stay, and others may take their GPUs meanwhile".to_owned(),
        (true, Some((pool, 0))) => {
            format!("; its nodes may go meanwhile, and no node of {pool} that is there came within the window")
        }
        (true, Some((pool, 1))) => format!("; its nodes may go meanwhile; one of {pool} came within the window"),
        (true, Some((pool, came))) => format!("; its nodes may go meanwhile; {came} of {pool} came within the window"),
        (true, None) => "; its nodes may go meanwhile, and nothing tells how others came".to_owned(),
    };
    let waiting = waiting(workload, world);
    let queue = match waiting.round() as u32 {
        0 => String::new(),
        1 => "; 1 GPU is waited for now".to_owned(),
        gpus => format!("; {gpus} GPUs are waited for now"),
    };
    format!("{warning}: {starts}{nodes}{queue}")
}

fn minutes(seconds: f64) -> String {
    if seconds < 120.0 {
        format!("{seconds:.0} seconds")
    } else {
        format!("{:.0} minutes", (seconds / 60.0).ceil())
    }
}

/// The nodes that it is on.
fn own_nodes<'w>(workload: &'w Workload, world: &World<'w>) -> impl Iterator<Item = &'w GpuNode> {
    let snapshot = world.snapshot;
    let nodes = workload.running().filter_map(|pod| pod.node.as_deref());
    nodes.filter_map(|name| snapshot.node(name))
}

/// Whether any of its nodes may go away when it is empty.
fn nodes_go(workload: &Workload, world: &World<'_>) -> bool {
    own_nodes(workload, world).any(|node| node.elastic)
}

/// The pool that its nodes are of, and how many of those with such GPUs came within the window; `None` where they are of none, or
/// of several.
fn came<'w>(workload: &'w Workload, world: &World<'w>) -> Option<(&'w str, usize)> {
    let mut own = own_nodes(workload, world);
    let first = own.next()?;
    let pool = first.pool.as_deref()?;
    if own.any(|node| node.pool.as_deref() != Some(pool)) {
        return None;
    }
    let alike = |node: &&GpuNode| node.pool.as_deref() == Some(pool) && node.gpu == first.gpu;
    let alike = world.snapshot.nodes.iter().filter(alike);
    Some((pool, alike.filter(|node| node.present.ratio() < 1.0 - EDGES).count()))
}

/// GPUs that work waits for which its nodes would admit.
fn waiting(workload: &Workload, world: &World<'_>) -> f64 {
    let snapshot = world.snapshot;
    let admits = |name: &String| own_nodes(workload, world).any(|node| node.queues.contains(name));
    let queues = snapshot.queues.iter().filter(|state| !state.queue.stopped);
    let queues = queues.filter(|state| admits(&state.queue.name));
    queues.map(|state| state.runs.gpus_waiting).sum()
}

/// Three digits.
fn round(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests;
