//! Two plans of one cluster, compared: what became of the changes that the earlier one accepted.

use std::collections::BTreeSet;

use super::Scope;
use crate::model::gap::{UNKNOWN_WITHOUT_KUBERNETES, UNKNOWN_WITHOUT_PROMETHEUS, unknown_without};
use crate::model::plan::{Plan, Row, WorkloadRow};
use crate::model::scenario::Move;
use crate::model::since::{Followed, Outcome, Since};
use crate::model::units::Monthly;
use crate::model::workload::CapacityType;

/// Share by which GPUs held may exceed what a schedule leaves, and it is still followed: nodes start early, pods end late.
const SCHEDULE_SLACK: f64 = 0.1;

/// Why two plans cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotComparable {
    /// They speak of different clusters.
    #[error("the earlier plan is of {earlier}, and this one of {now}: give a plan of the same cluster")]
    Clusters {
        /// Those of the earlier plan.
        earlier: String,
        /// Those of this one.
        now: String,
    },
    /// The earlier one is not earlier.
    #[error("the earlier plan's history ends at {earlier}, which is not before the end of this one's, {now}")]
    NotEarlier {
        /// Its end.
        earlier: jiff::Timestamp,
        /// This one's.
        now: jiff::Timestamp,
    },
}

/// What has happened since an earlier plan, where `scope` is what the later one was asked about.
///
/// A change is done where the workload now is as the change would have it, whoever did it.
///
/// # Errors
/// When the plans are not of the same clusters, or the earlier one is not earlier.
pub fn since(earlier: &Plan, now: &Plan, scope: &Scope) -> Result<Since, NotComparable> {
    let (then, today) = (&earlier.coverage.clusters, &now.coverage.clusters);
    if then.iter().collect::<BTreeSet<_>>() != today.iter().collect::<BTreeSet<_>>() {
        return Err(NotComparable::Clusters {
            earlier: then.join(", "),
            now: today.join(", "),
        });
    }
    if earlier.window.end >= now.window.end {
        return Err(NotComparable::NotEarlier {
            earlier: earlier.window.end,
            now: now.window.end,
        });
    }
    // A pool's row follows from its workloads' rows: nobody decides on it.
    let changes = earlier.accepted.iter().filter(|row| !row.moves.is_empty());
    let known: BTreeSet<&str> = ids(&earlier.accepted).chain(ids(&earlier.held_back)).collect();
    let new = now.accepted.iter().filter(|row| !row.moves.is_empty());
    Ok(Since {
        window: earlier.window,
        spend_monthly: earlier.spend.as_ref().map(|spend| spend.monthly),
        changes: changes.map(|row| followed(row, earlier, now, scope)).collect(),
        new: new
            .filter(|row| !known.contains(row.id.as_str()))
            .map(|row| row.id.clone())
            .collect(),
    })
}

fn ids(rows: &[Row]) -> impl Iterator<Item = &str> {
    rows.iter().map(|row| row.id.as_str())
}

fn followed(row: &Row, earlier: &Plan, now: &Plan, scope: &Scope) -> Followed {
    let before = earlier.workload(&row.subject.id);
    let (outcome, because) = outcome(row, before, now, scope);
    Followed {
        id: row.id.clone(),
        subject: row.subject.clone(),
        name: before.map_or_else(
            || row.subject.id.clone(),
            |workload| format!("{}/{}", workload.namespace, workload.name),
        ),
        title: row.title.clone(),
        monthly: earlier.spend.as_ref().and(row.saving.monthly.mid).map(Monthly::new),
        outcome,
        because,
        measured: None,
    }
}

fn outcome(row: &Row, before: Option<&WorkloadRow>, now: &Plan, scope: &Scope) -> (Outcome, Option<String>) {
    let own = |lever: &str, subject: &str| row.levers.iter().any(|own| own == lever) && row.subject.id == subject;
    if let Some(again) = now.accepted.iter().find(|again| again.id == row.id) {
        let other = again.to != row.to;
        return (Outcome::Open, other.then(|| format!("now: {}", again.title)));
    }
    if let Some(held) = now.held_back.iter().find(|held| held.id == row.id) {
        return (Outcome::Held, held.held_by.as_ref().map(|by| by.rule.clone()));
    }
    let Some(after) = now.workload(&row.subject.id) else {
        if before.is_some_and(|before| !scope.surely_held(before)) {
            return (Outcome::NotAsked, None);
        }
        return match hidden(before, now) {
            Some(why) => (Outcome::Unknown, Some(why.to_owned())),
            None => (Outcome::Gone, None),
        };
    };
    let kept = now.kept.iter().find(|kept| own(&kept.lever, &kept.subject.id));
    let reason = kept.map(|kept| kept.reason.as_str());
    if row.moves.iter().all(|change| is_done(change, before, after, reason)) {
        return (Outcome::Done, None);
    }
    if let Some(kept) = kept {
        return (Outcome::Withdrawn, Some(kept.because.clone()));
    }
    let untold = now.unknown.iter().find(|untold| own(&untold.lever, &untold.subject.id));
    match untold {
        Some(untold) => (Outcome::Unknown, Some(untold.missing.clone())),
        None => (Outcome::NotAsked, None),
    }
}

/// Why a workload that is not in a plan may be there all the same: who owns pods was not read, so that it goes by another name,
/// or which pods there were, so that only those of this moment are seen.
fn hidden<'p>(before: Option<&WorkloadRow>, now: &'p Plan) -> Option<&'p str> {
    let kept_from_us = before.map(|before| unknown_without(&before.kind));
    let hidden = [UNKNOWN_WITHOUT_KUBERNETES, UNKNOWN_WITHOUT_PROMETHEUS]
        .into_iter()
        .chain(kept_from_us.as_deref());
    let hidden: Vec<&str> = hidden.collect();
    let gap = now
        .coverage
        .gaps
        .iter()
        .find(|gap| hidden.contains(&gap.what.as_str()))?;
    Some(&gap.why)
}

/// What levers say of what is already as they would have it.
const QUANTIZED: &str = "already-quantized";
const CACHED: &str = "already-cached";
const RESUMES: &str = "resumes";

/// Whether the workload is as the change would have it; `reason` is why its lever leaves it alone now.
fn is_done(change: &Move, before: Option<&WorkloadRow>, after: &WorkloadRow, reason: Option<&str>) -> bool {
    match change {
        Move::ScaleToZero => reason == Some("not-running"),
        Move::UseSpot { .. } => after.capacity_type == CapacityType::Spot,
        Move::UseGpu { to, .. } => after.gpu.as_deref() == Some(to.to_string().as_str()),
        Move::Quantize { .. } | Move::SetTensorParallel { .. } => reason == Some(QUANTIZED),
        Move::CachePrefixes { .. } => reason == Some(CACHED),
        Move::SetCheckpointInterval { .. } => reason == Some(RESUMES),
        // By itself it gives nothing back: what goes with it tells.
        Move::SetBatchLimit { .. } => true,
        // Fewer pods hold fewer GPUs too, and some of theirs may still be unused.
        Move::RequestGpus { .. } => {
            matches!(reason, Some("all-used" | "one-gpu" | QUANTIZED))
                && before.is_some_and(|before| after.gpus < before.gpus)
        }
        // Fewer replicas hold fewer GPUs, whatever else has happened.
        Move::SetReplicas { to, saves, .. } => {
            let mean = f64::from(*to);
            holds_at_most(before, after, mean / (mean + saves).max(1e-9))
        }
        Move::Autoscale { mean, saves, .. } => holds_at_most(before, after, mean / (mean + saves).max(1e-9)),
        // A workload that sleeps holds GPUs for the rest of the week only.
        Move::SleepDuring { hours, .. } => holds_at_most(before, after, 1.0 - hours.share()),
    }
}

/// Whether it holds no more than this share of the GPUs that it held.
fn holds_at_most(before: Option<&WorkloadRow>, after: &WorkloadRow, share: f64) -> bool {
    before.is_some_and(|before| after.gpus.get() <= before.gpus.get() * share * (1.0 + SCHEDULE_SLACK))
}
