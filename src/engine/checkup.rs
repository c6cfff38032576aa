//! What a reading allows to be judged: signals, joins and prices, counted.

use std::collections::{BTreeMap, BTreeSet};

use super::{Scope, served};
use crate::model::checkup::{Area, Check, State};
use crate::model::snapshot::Snapshot;
use crate::model::usage::Signal;
use crate::model::workload::{Class, PodUse, Workload};

/// Signals without which levers cannot tell.
const NEEDED: [Signal; 4] = [Signal::GpuUtil, Signal::EngineActive, Signal::MemoryUsed, Signal::Power];

/// Share from which on a join or a signal counts as whole: pods that have just begun have no sample yet.
const WHOLE: f64 = 0.95;

/// The checks of a snapshot with its history; of its workloads, those in scope are looked at.
pub fn checkup(snapshot: &Snapshot, scope: &Scope) -> Vec<Check> {
    let seen = Seen { snapshot, scope };
    let mut checks: Vec<Check> = Signal::every().map(|signal| signal_check(seen, signal)).collect();
    let mut serving: BTreeMap<&str, &Workload> = BTreeMap::new();
    let running = running(seen).filter(|(workload, pod)| workload.serving.is_some() && !pod.server.is_empty());
    serving.extend(running.map(|(workload, _)| (workload.id.as_str(), workload)));
    checks.extend(served::checks(serving.into_values()));
    checks.extend(joins(seen));
    checks.extend(prices(snapshot));
    checks.extend(snapshot.gaps.iter().map(|priced| {
        let gap = &priced.gap;
        Check::lacking(State::Hole, Area::Gaps, &gap.what, &gap.why, &gap.fix)
    }));
    checks
}

#[derive(Clone, Copy)]
struct Seen<'s> {
    snapshot: &'s Snapshot,
    scope: &'s Scope,
}

fn running(seen: Seen<'_>) -> impl Iterator<Item = (&Workload, &PodUse)> {
    let of = |workload| Workload::running(workload).map(move |pod| (workload, pod));
    let asked = |workload: &&Workload| seen.scope.holds(workload);
    seen.snapshot.workloads.iter().filter(asked).flat_map(of)
}

/// How much there is of something: `12 of 40 (30 %)`.
fn ratio(part: usize, whole: usize, what: &str) -> (f64, String) {
    let share = if whole > 0 { part as f64 / whole as f64 } else { 0.0 };
    (
        share,
        format!("{part} of {whole} {what} ({:.0} %)", (share * 100.0).floor()),
    )
}

/// A check that is good where nearly all of it is there; `None` where there is nothing to look at.
fn of_all(area: Area, what: &str, (part, whole): (usize, usize), noun: &str, short: State, fix: &str) -> Option<Check> {
    let (share, seen) = ratio(part, whole, noun);
    (whole > 0).then(|| {
        if share >= WHOLE {
            Check::good(area, what, seen)
        } else {
            Check::lacking(short, area, what, seen, fix)
        }
    })
}

fn serves(workload: &Workload) -> bool {
    workload.serving.is_some() || workload.class.class == Class::Inference
}

fn signal_check(all: Seen<'_>, signal: Signal) -> Check {
    let short = if NEEDED.contains(&signal) {
        State::Hole
    } else {
        State::Absent
    };
    let counted = if signal.is_gpu() {
        let held = running(all).map(|(_, pod)| pod.gpus as usize).sum();
        let has = |pod: &PodUse| {
            pod.devices
                .iter()
                .filter(|device| device.signals.contains_key(&signal))
                .count()
        };
        let seen = running(all).map(|(_, pod)| has(pod).min(pod.gpus as usize)).sum();
        of_all(
            Area::Signals,
            signal.name(),
            (seen, held),
            "GPUs that pods hold",
            short,
            signal.fix(),
        )
    } else if signal.is_histogram() {
        let mut serving: BTreeMap<&str, &Workload> = BTreeMap::new();
        serving.extend(running(all).filter(|(w, _)| serves(w)).map(|(w, _)| (w.id.as_str(), w)));
        let seen = serving.values().filter(|w| w.histograms.contains_key(&signal)).count();
        of_all(
            Area::Signals,
            signal.name(),
            (seen, serving.len()),
            "workloads that serve",
            short,
            signal.fix(),
        )
    } else {
        let servers: Vec<&PodUse> = running(all).filter(|(w, _)| serves(w)).map(|(_, pod)| pod).collect();
        let seen = servers.iter().filter(|pod| pod.server.contains_key(&signal)).count();
        of_all(
            Area::Signals,
            signal.name(),
            (seen, servers.len()),
            "pods that serve",
            short,
            signal.fix(),
        )
    };
    counted.unwrap_or_else(|| {
        let seen = "nothing runs now that would have it";
        Check::good(Area::Signals, signal.name(), seen)
    })
}

fn joins(seen: Seen<'_>) -> Vec<Check> {
    let snapshot = seen.snapshot;
    let pods: Vec<(&Workload, &PodUse)> = running(seen).collect();
    let count = |wanted: &dyn Fn(&Workload, &PodUse) -> bool| pods.iter().filter(|(w, pod)| wanted(w, pod)).count();
    let workloads: BTreeSet<&str> = pods.iter().map(|(workload, _)| workload.id.as_str()).collect();
    let owned = snapshot
        .workloads
        .iter()
        .filter(|w| w.owner.is_some() && workloads.contains(w.id.as_str()));
    [
        of_all(
            Area::Joins,
            "GPU to metrics",
            (snapshot.gpus_with_metrics as usize, snapshot.gpus as usize),
            "GPUs on nodes",
            State::Hole,
            "run dcgm-exporter on every GPU node and have Prometheus scrape it",
        ),
        of_all(
            Area::Joins,
            "pod to its GPUs' metrics",
            (count(&|_, pod| !pod.devices.is_empty()), pods.len()),
            "running pods with GPUs",
            State::Hole,
            "switch pod mapping on in dcgm-exporter (DCGM_EXPORTER_KUBERNETES=true)",
        ),
        of_all(
            Area::Joins,
            "pod to what its owner would edit",
            (count(&|workload, _| workload.kind != "Pod"), pods.len()),
            "running pods with GPUs",
            State::Absent,
            "pods that nothing controls are judged one by one; where something does, let gpuwise read it",
        ),
        of_all(
            Area::Joins,
            "workload to its team",
            (owned.count(), workloads.len()),
            "running workloads",
            State::Absent,
            "label workloads with their team; `attribution.owner_labels` in the policy names the labels that count",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn prices(snapshot: &Snapshot) -> Vec<Check> {
    let priced = snapshot.nodes.iter().filter(|node| node.hourly.is_some()).count();
    let mut checks: Vec<Check> = of_all(
        Area::Prices,
        "node to its price",
        (priced, snapshot.nodes.len()),
        "GPU nodes",
        State::Hole,
        "point --costs at OpenCost or Kubecost, or label nodes with node.kubernetes.io/instance-type",
    )
    .into_iter()
    .collect();
    let mut sources: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for price in snapshot.nodes.iter().filter_map(|node| node.price.as_ref()) {
        *sources
            .entry((price.source.as_str(), price.as_of.as_str()))
            .or_insert(0) += 1;
    }
    checks.extend(sources.into_iter().map(|((source, as_of), nodes)| {
        let noun = if nodes == 1 { "GPU node" } else { "GPU nodes" };
        Check::good(Area::Prices, format!("{source}, {as_of}"), format!("{nodes} {noun}"))
    }));
    checks
}
