//! What was seen, workload by workload and in shares of spend.

use std::collections::{BTreeMap, BTreeSet};

use super::Scope;
use super::arrivals::{requests, starts};
use super::history::history;
use super::live::live;
use super::serving::{objectives, serving};
use crate::model::histogram::ServingRow;
use crate::model::history::HistoryRow;
use crate::model::objective::ObjectiveRow;
use crate::model::plan::{Busy, Coverage, GapRow, MemoryRow, Row, Unknown, Verdict, WorkloadRow};
use crate::model::requests::RequestsRow;
use crate::model::snapshot::ByCategory;
use crate::model::units::{GpuCount, Monthly};
use crate::model::usage::Signal;
use crate::model::workload::Workload;
use crate::recommenders::World;
use crate::recommenders::memory_need::memory_need;

/// Samples that may be missing where a figure is only shown, not judged by.
const SHOWN_WITH: f64 = 1.0;

/// What only a workload's history shows.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    busy: Option<Busy>,
    memory: MemoryRow,
    serving: Option<ServingRow>,
    requests: Option<RequestsRow>,
    objectives: Vec<ObjectiveRow>,
    history: Option<HistoryRow>,
}

pub(super) fn figures(workload: &Workload, world: &World<'_>) -> Figures {
    Figures {
        busy: busy(workload, world),
        memory: memory(workload, world),
        serving: serving(workload),
        requests: requests(workload),
        objectives: objectives(workload, &world.objective(workload)),
        history: history(workload, world),
    }
}

/// A row for each workload in scope; `figures` stand in the order of the snapshot's workloads.
pub(super) fn workload_rows(
    world: &World<'_>,
    figures: Vec<Figures>,
    scope: &Scope,
    changes: [&[Row]; 3],
    unknown: &[Unknown],
) -> Vec<WorkloadRow> {
    let changes: BTreeSet<&str> = changes
        .into_iter()
        .flatten()
        .map(|row| row.subject.id.as_str())
        .collect();
    let open: BTreeSet<&str> = unknown.iter().map(|row| row.subject.id.as_str()).collect();
    let verdict = |id: &str| match (changes.contains(id), open.contains(id)) {
        (true, _) => Verdict::Change,
        (false, true) => Verdict::Unknown,
        (false, false) => Verdict::Keep,
    };
    let workloads = world.snapshot.workloads.iter().zip(figures);
    workloads
        .filter(|(workload, _)| scope.holds(workload))
        .map(|(workload, figures)| workload_row(workload, verdict(&workload.id), figures, world))
        .collect()
}

fn workload_row(workload: &Workload, verdict: Verdict, figures: Figures, world: &World<'_>) -> WorkloadRow {
    WorkloadRow {
        id: workload.id.clone(),
        cluster: workload.cluster.clone(),
        group: workload.group.clone(),
        kind: workload.kind.clone(),
        namespace: workload.namespace.clone(),
        name: workload.name.clone(),
        owner: workload.owner.clone(),
        owner_because: workload.owner_because.clone(),
        verdict,
        class: workload.class.class,
        class_confidence: workload.class.confidence,
        class_because: workload.class.because.clone(),
        runs: workload.runs,
        queue: workload.queue.clone(),
        inference_pools: workload.pools.clone(),
        gpus: GpuCount::new((workload.gpus.get() * 1000.0).round() / 1000.0),
        gpu: workload.gpu.as_ref().map(ToString::to_string),
        capacity_type: workload.capacity,
        monthly: workload.monthly.map(Monthly::to_cents),
        price: workload.price.clone(),
        gpu_busy: figures.busy,
        memory_gib: figures.memory,
        serving: figures.serving,
        requests: figures.requests,
        start_seconds: starts(workload),
        live: Some(live(workload, world)),
        objectives: figures.objectives,
        history: figures.history,
    }
}

pub(super) fn rounded(ratio: f64) -> f64 {
    (ratio * 10_000.0).round() / 10_000.0
}

fn busy(workload: &Workload, world: &World<'_>) -> Option<Busy> {
    let signals = [(Signal::EngineActive, 1.0), (Signal::GpuUtil, 0.01)];
    signals.into_iter().find_map(|(signal, scale)| {
        let measured = workload.measured(signal, world.snapshot.grid);
        let [p50, p95, p99] = measured
            .quantiles([0.5, 0.95, 0.99])?
            .map(|value| rounded(value * scale));
        Some(Busy {
            p50,
            p95,
            p99,
            coverage: rounded(measured.coverage().ratio()),
            signal: signal.name().to_owned(),
        })
    })
}

fn memory(workload: &Workload, world: &World<'_>) -> MemoryRow {
    let grid = world.snapshot.grid;
    let gib = |mib: f64| (mib / 1024.0 * 100.0).round() / 100.0;
    let need = memory_need(workload, grid, SHOWN_WITH)
        .ok()
        .filter(|need| need.bound_only.is_none());
    MemoryRow {
        need_max: need.map(|need| gib(need.peak.mib())),
        reserved_max: workload.measured(Signal::MemoryUsed, grid).max().map(gib),
    }
}

pub(super) fn coverage(world: &World<'_>, workloads: &[WorkloadRow], unknown: &[Unknown]) -> Coverage {
    let snapshot = world.snapshot;
    let spend = snapshot
        .spend
        .as_ref()
        .map(|spend| spend.monthly.get())
        .filter(|total| *total > 0.0);
    let of = |wanted: fn(Verdict) -> bool| {
        let held = workloads
            .iter()
            .filter(|row| wanted(row.verdict))
            .filter_map(|row| row.monthly);
        spend.map(|total| (held.sum::<Monthly>().get() / total).min(1.0))
    };
    let open = of(|verdict| verdict == Verdict::Unknown).map(rounded);
    let judged = of(|verdict| verdict != Verdict::Unknown).map(rounded);
    let rest = judged
        .zip(open)
        .map(|(judged, open)| rounded((1.0 - judged - open).max(0.0)));
    Coverage {
        clusters: vec![snapshot.cluster.clone()],
        gpus: snapshot.gpus,
        gpus_with_metrics: snapshot.gpus_with_metrics,
        workloads: u32::try_from(workloads.len()).unwrap_or(u32::MAX),
        samples: snapshot.samples,
        spend_judged: judged,
        spend_unknown: open,
        spend_out_of_scope: rest,
        gaps: gaps(world, workloads, unknown),
    }
}

/// The gaps of reading and joining, signals that the whole cluster lacks, and samples that are missing here and there, with the
/// spend of the workloads that some lever could not tell for want of them.
fn gaps(world: &World<'_>, workloads: &[WorkloadRow], unknown: &[Unknown]) -> Vec<GapRow> {
    let snapshot = world.snapshot;
    let mut rows: Vec<GapRow> = snapshot
        .gaps
        .iter()
        .map(|priced| GapRow {
            what: priced.gap.what.clone(),
            why: priced.gap.why.clone(),
            fix: priced.gap.fix.clone(),
            monthly: priced.monthly.map(Monthly::to_cents),
        })
        .collect();
    for signal in &snapshot.absent {
        let missed = unknown
            .iter()
            .filter(|row| row.reason == "signal-missing" && row.missing.starts_with(signal.name()));
        let ids: BTreeSet<&str> = missed.map(|row| row.subject.id.as_str()).collect();
        if ids.is_empty() {
            continue;
        }
        rows.push(GapRow {
            what: format!("{signal} of every workload"),
            why: "no series of it is in the window".to_owned(),
            fix: signal.fix().to_owned(),
            monthly: cost_of(&ids, workloads),
        });
    }
    rows.extend(holes(workloads, unknown));
    rows.sort_by(|a, b| {
        let money = |row: &GapRow| row.monthly.map_or(-1.0, Monthly::get);
        money(b).total_cmp(&money(a)).then_with(|| a.what.cmp(&b.what))
    });
    rows
}

/// Samples that are missing of some workloads, too many for a lever.
fn holes(workloads: &[WorkloadRow], unknown: &[Unknown]) -> Option<GapRow> {
    let missed: Vec<&Unknown> = unknown.iter().filter(|row| row.reason == "samples-missing").collect();
    let first = missed.first()?;
    let ids: BTreeSet<&str> = missed.iter().map(|row| row.subject.id.as_str()).collect();
    let named = |id: &str| workloads.iter().find(|row| row.id == id).map(|row| &row.name);
    let example = named(&first.subject.id).unwrap_or(&first.subject.id);
    Some(GapRow {
        what: match ids.len() {
            1 => format!("part of the samples of {example}"),
            count => format!("part of the samples of {count} workloads"),
        },
        why: match ids.len() {
            1 => first.missing.clone(),
            _ => format!("{example}, for one: {}", first.missing),
        },
        fix: first.fix.clone(),
        monthly: cost_of(&ids, workloads),
    })
}

/// What these workloads cost together; `None` where one has no price.
fn cost_of(ids: &BTreeSet<&str>, workloads: &[WorkloadRow]) -> Option<Monthly> {
    let costs: BTreeMap<&str, Option<Monthly>> = workloads.iter().map(|row| (row.id.as_str(), row.monthly)).collect();
    ids.iter()
        .try_fold(Monthly::ZERO, |sum, id| Some(sum + costs.get(id).copied().flatten()?))
        .map(Monthly::to_cents)
}

pub(super) fn cents(by: ByCategory) -> ByCategory {
    ByCategory {
        gpu: by.gpu.to_cents(),
        storage: by.storage.map(Monthly::to_cents),
        network: by.network.map(Monthly::to_cents),
        other: by.other.map(Monthly::to_cents),
    }
}
