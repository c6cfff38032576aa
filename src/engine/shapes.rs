//! What a change changes, before and after, as plans write it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::price::Priced;
use crate::model::plan::Shape;
use crate::model::scenario::{Move, WeekHours};
use crate::model::workload::Workload;

/// Both.
pub(super) fn shapes(priced: &Priced, workload: &Workload) -> (Shape, Shape) {
    let mut from = Shape::new();
    let mut to = Shape::new();
    let mut set = |key: &str, before: Value, after: Value| {
        from.insert(key.to_owned(), before);
        to.insert(key.to_owned(), after);
    };
    let running = workload.running().count();
    let mut added = None;
    let mut moves = priced.proposal.moves.iter();
    let fewer = moves.any(|change| matches!(change, Move::RequestGpus { .. }));
    for change in &priced.proposal.moves {
        match change {
            Move::ScaleToZero => set("pods", json!(running), json!(0)),
            Move::SleepDuring { hours, timezone } => {
                let asleep = format!("{} ({timezone})", in_words(hours));
                set("asleep", json!("never"), json!(asleep));
            }
            Move::RequestGpus { from, to } => set("gpus_per_pod", json!(from), json!(to)),
            Move::Quantize { from, to, weight_only } => {
                let weights = if *weight_only { " (weights only)" } else { "" };
                set("weights", json!(from), json!(format!("{}{weights}", to.name())));
            }
            Move::SetTensorParallel { from, to } => set("tensor_parallel", json!(from), json!(to)),
            Move::SetBatchLimit { from, to } => set("most_requests_at_once", json!(from), json!(to)),
            Move::CachePrefixes { found } => {
                let cached = format!("on, {:.0} % of prompt tokens found", found * 100.0);
                set("prefix_cache", json!("off"), json!(cached));
            }
            Move::SetCheckpointInterval {
                from_seconds,
                to_seconds,
                ..
            } => set("checkpoint_every_seconds", json!(from_seconds), json!(to_seconds)),
            Move::SetReplicas { from, to, .. } => set("replicas", json!(from), json!(to)),
            Move::Autoscale { .. } => {
                let (now, then) = scaled(change, workload);
                set("replicas", now, then);
            }
            Move::UseSpot { instance_type, .. } => {
                set("capacity_type", json!(workload.capacity), json!("spot"));
                set("nodes", json!(instance_type), json!(instance_type));
            }
            Move::UseGpu { from, to, per_pod, .. } => {
                set("gpu", json!(from.to_string()), json!(to.to_string()));
                if !fewer {
                    set("gpus_per_pod", json!(per_pod), json!(per_pod));
                }
                let nodes = priced
                    .added_nodes
                    .clone()
                    .unwrap_or_else(|| "none, on free slices".to_owned());
                added = Some(json!(nodes));
            }
        }
    }
    if let Some(nodes) = added {
        to.insert("new_nodes".to_owned(), nodes);
    }
    (from, to)
}

/// Replicas under an autoscaler, before and after.
fn scaled(change: &Move, workload: &Workload) -> (Value, Value) {
    let Move::Autoscale {
        metric,
        target,
        min,
        max,
        mean,
        ..
    } = change
    else {
        return (Value::Null, Value::Null);
    };
    let own = workload.autoscaler.as_ref();
    let now = own.map_or(json!(max), |own| {
        json!(format!("{} to {}", own.min_replicas, own.max_replicas))
    });
    let then = format!("{min} to {max}, {mean:.1} on average, at {target} {metric} each");
    (now, json!(then))
}

/// `Mon 20:00 to Tue 06:00, ...`, days with the same hours together.
fn in_words(hours: &WeekHours) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let mut by_clock: BTreeMap<(u8, u8, bool), Vec<&str>> = BTreeMap::new();
    let mut long = Vec::new();
    for (from, to) in hours.blocks() {
        let length = (i32::from(to) - i32::from(from)).rem_euclid(168);
        let day = DAYS[usize::from(from / 24) % 7];
        if length > 24 {
            let last = DAYS[usize::from(to / 24) % 7];
            long.push(format!("{day} {:02}:00 to {last} {:02}:00", from % 24, to % 24));
        } else {
            let ends_next_day = from % 24 + u8::try_from(length).unwrap_or(24) >= 24;
            by_clock
                .entry((from % 24, to % 24, ends_next_day))
                .or_default()
                .push(day);
        }
    }
    let mut parts: Vec<String> = by_clock
        .into_iter()
        .map(|((from, to, next), days)| {
            let next = if next { " the next day" } else { "" };
            format!("{} {from:02}:00 to {to:02}:00{next}", days.join(", "))
        })
        .collect();
    parts.extend(long);
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_read_like_a_timetable() {
        let night = |day: u8| (20..30).map(move |hour| day * 24 + hour);
        let weekdays = WeekHours::new((0..4).flat_map(night));
        assert_eq!(in_words(&weekdays), "Mon, Tue, Wed, Thu 20:00 to 06:00 the next day");
        let weekend = WeekHours::new((4 * 24 + 20)..168);
        assert_eq!(in_words(&weekend), "Fri 20:00 to Mon 00:00");
    }
}
