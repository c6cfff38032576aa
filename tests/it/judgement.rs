//! The judge on generated worlds: what was planted is found, what is right is left alone, and money adds up.

mod words;

use std::sync::LazyLock;

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::model::plan::{Plan, Proof, Row, Verdict};
use gpuwise::model::progress::Silent;
use gpuwise::model::reading::Reading;
use gpuwise::model::usage::Signal;
use gpuwise::pipeline;

use crate::generator::truth::{Expect, Truth};
use crate::generator::{Size, World};

use words::in_words;
pub(crate) use words::target;

/// The step of the readings that are judged here: five minutes, so that a spike of a minute lies within one.
const STEP: u32 = 300;

/// A world with its reading and plan.
struct Judged {
    world: World,
    reading: Reading,
    plan: Plan,
}

/// Enough history for every lever.
static MEDIUM: LazyLock<Vec<Judged>> = LazyLock::new(|| [2, 5].into_iter().map(|seed| judged(seed, 21)).collect());

fn judged(seed: u64, days: u32) -> Judged {
    let world = World::generate(seed, Size::Medium, days);
    let reading = world.to_reading(STEP);
    let plan = analyze(&reading);
    Judged { world, reading, plan }
}

fn judge() -> Judge {
    Judge::new(&[], Catalog::shipped().unwrap()).unwrap()
}

fn analyze(reading: &Reading) -> Plan {
    pipeline::analyze(reading, &judge(), &Scope::default(), &Silent).unwrap()
}

/// The id of the workload that a truth speaks of.
fn id_of<'p>(plan: &'p Plan, truth: &Truth) -> &'p str {
    let own = |kind: &str, namespace: &str, name: &str| {
        kind == truth.kind && namespace == truth.namespace && name == truth.name
    };
    let row = plan
        .workloads
        .iter()
        .find(|row| own(&row.kind, &row.namespace, &row.name));
    let names: Vec<&str> = plan.workloads.iter().map(|row| row.id.as_str()).collect();
    &row.unwrap_or_else(|| {
        panic!(
            "no workload {}/{} {} among {names:#?}",
            truth.namespace, truth.name, truth.kind
        )
    })
    .id
}

fn proposals<'p>(plan: &'p Plan, id: &str, lever: &str) -> Vec<&'p Row> {
    let rows = plan.accepted.iter().chain(&plan.held_back);
    rows.filter(|row| row.subject.id == id && row.levers.iter().any(|l| l == lever))
        .collect()
}

/// What a lever said of a workload, for messages.
fn said(plan: &Plan, id: &str, lever: &str) -> String {
    let kept = plan
        .kept
        .iter()
        .filter(|row| row.subject.id == id && row.lever == lever);
    let kept = kept.map(|row| format!("keep: {}: {}", row.reason, row.because));
    let unknown = plan
        .unknown
        .iter()
        .filter(|row| row.subject.id == id && row.lever == lever);
    let unknown = unknown.map(|row| format!("unknown: {}: {}", row.reason, row.missing));
    let changes = proposals(plan, id, lever).into_iter();
    let changes = changes.map(|row| format!("change: {} ({:?})", target(row), row.held_by));
    kept.chain(unknown).chain(changes).collect::<Vec<_>>().join(" | ")
}

/// Where a plan misses a truth, in words.
fn misses(judged: &Judged) -> Vec<String> {
    let plan = &judged.plan;
    let mut misses = Vec::new();
    for truth in &judged.world.truths {
        let id = id_of(plan, truth);
        let found = proposals(plan, id, &truth.lever);
        let right = match &truth.expect {
            Expect::Change { to } => {
                let superseded = plan
                    .kept
                    .iter()
                    .any(|row| row.subject.id == id && row.lever == truth.lever && row.reason == "superseded");
                let mut moves = found.iter().flat_map(|row| &row.moves);
                superseded || moves.any(|change| to.contains(&in_words(change)))
            }
            Expect::Keep => found.is_empty(),
            Expect::Unknown => plan
                .unknown
                .iter()
                .any(|row| row.subject.id == id && row.lever == truth.lever),
            Expect::Any => true,
        };
        if !right {
            misses.push(format!(
                "{} {}/{}: expected {:?} as {}; got {}",
                truth.lever,
                truth.namespace,
                truth.name,
                truth.expect,
                truth.why,
                said(plan, id, &truth.lever)
            ));
        }
    }
    misses
}

#[test]
fn what_is_planted_is_found_and_what_is_right_is_left_alone() {
    for judged in MEDIUM.iter() {
        let misses = misses(judged);
        assert!(misses.is_empty(), "seed {}:\n{}", judged.world.seed, misses.join("\n"));
        let changes = judged
            .world
            .truths
            .iter()
            .filter(|truth| matches!(truth.expect, Expect::Change { .. }));
        assert!(changes.count() >= 6, "the world plants too little to show anything");
    }
}

#[test]
fn a_short_spike_of_memory_is_never_forgotten() {
    for judged in MEDIUM.iter() {
        let layout = judged.plan.workloads.iter().find(|row| row.name == "layout").unwrap();
        assert!(
            layout.memory_gib.reserved_max.unwrap() > 70.0,
            "{:?}",
            layout.memory_gib
        );
        for row in proposals(&judged.plan, &layout.id, "smaller-gpu") {
            assert!(!target(row).contains("L40S"), "{}", row.title);
        }
    }
}

#[test]
fn every_workload_has_a_verdict_of_every_lever() {
    for Judged { plan, .. } in MEDIUM.iter() {
        for workload in &plan.workloads {
            for lever in [
                "idle-gpu",
                "unused-gpus",
                "smaller-gpu",
                "spot-migration",
                "checkpointing",
            ] {
                let of = |id: &str, own: &str| id == workload.id && own == lever;
                let kept = plan.kept.iter().filter(|row| of(&row.subject.id, &row.lever)).count();
                let unknown = plan
                    .unknown
                    .iter()
                    .filter(|row| of(&row.subject.id, &row.lever))
                    .count();
                let changes = proposals(plan, &workload.id, lever).len();
                assert_eq!(
                    kept + unknown + changes,
                    1,
                    "{}: {}",
                    workload.id,
                    said(plan, &workload.id, lever)
                );
                assert!(
                    !said(plan, &workload.id, lever).is_empty(),
                    "{} has none of {lever}",
                    workload.id
                );
            }
            let changes = plan.accepted.iter().chain(&plan.held_back);
            let changed = changes.into_iter().any(|row| row.subject.id == workload.id);
            assert_eq!(workload.verdict == Verdict::Change, changed, "{}", workload.id);
        }
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 0.006
}

#[test]
fn money_adds_up() {
    for Judged { plan, .. } in MEDIUM.iter() {
        let spend = plan.spend.as_ref().unwrap();
        for row in plan.accepted.iter().chain(&plan.held_back) {
            let saving = row.saving;
            let mid = saving.monthly.mid.unwrap();
            assert!(
                close(
                    mid,
                    saving.leaves_bill_monthly.get() + saving.frees_capacity_monthly.get()
                ),
                "{}",
                row.id
            );
            let ends = saving.monthly.low.zip(saving.monthly.high);
            assert_eq!(
                ends.is_some(),
                row.proof == Proof::Replayed,
                "{}: no replay, no interval",
                row.id
            );
            let holds = |(low, high): (f64, f64)| 0.0 <= low && low <= mid && mid <= high + 0.006;
            assert!(ends.is_none_or(holds), "{}: {:?}", row.id, saving.monthly);
            if let Some(workload) = plan.workload(&row.subject.id) {
                assert!(mid <= workload.monthly.unwrap().get() + 0.006, "{}", row.id);
            }
        }
        for row in &plan.accepted {
            assert!(
                row.saving.leaves_bill_monthly.get() >= -0.006,
                "{} raises the bill",
                row.id
            );
        }
        let total = plan.saving;
        let sum = |of: fn(&Row) -> f64| plan.accepted.iter().map(of).sum::<f64>();
        assert!(close(
            total.monthly.mid.unwrap(),
            sum(|row| row.saving.monthly.mid.unwrap())
        ));
        assert!(close(
            total.leaves_bill_monthly.get(),
            sum(|row| row.saving.leaves_bill_monthly.get())
        ));
        let alone = sum(|row| row.saving.alone_monthly.get());
        assert!(close(total.overlap_monthly.get(), alone - total.monthly.mid.unwrap()));
        assert!(total.monthly.mid.unwrap() <= spend.monthly.get());
        let held: f64 = plan
            .workloads
            .iter()
            .filter_map(|row| row.monthly)
            .map(|m| m.get())
            .sum();
        assert!(
            held <= spend.by_category.gpu.get() * 1.001,
            "{held} of {}",
            spend.by_category.gpu.get()
        );
    }
}

/// A reading as if the cluster had never had this signal.
fn without(reading: &Reading, signal: Signal) -> Reading {
    let mut less = reading.clone();
    less.series.retain(|series| series.signal != signal);
    less
}

#[test]
fn what_a_lever_does_not_need_it_does_not_miss() {
    let judged = &MEDIUM[0];
    // Of histograms only `autoscaling` makes anything.
    let mut silent = judged.reading.clone();
    silent.series.retain(|series| !series.signal.is_histogram());
    let plan = analyze(&silent);
    assert!(plan.workloads.iter().all(|row| row.serving.is_none()));
    assert!(judged.plan.workloads.iter().any(|row| row.serving.is_some()));
    let others = |plan: &Plan| {
        let mut plan = plan.clone();
        let is_other = |row: &Row| !row.levers.iter().any(|lever| lever == "autoscaling");
        plan.accepted.retain(is_other);
        plan.held_back.retain(is_other);
        plan.kept.retain(|row| row.lever != "autoscaling");
        plan.unknown.retain(|row| row.lever != "autoscaling");
        (plan.accepted, plan.held_back, plan.kept, plan.unknown)
    };
    assert_eq!(others(&plan), others(&judged.plan));
}

#[test]
fn taking_a_signal_away_never_adds_a_proposal_and_names_itself() {
    let judged = &MEDIUM[0];
    let is_workload = |row: &&Row| row.subject.kind == "Workload";
    let before: Vec<(&str, String)> = judged
        .plan
        .accepted
        .iter()
        .chain(&judged.plan.held_back)
        .filter(is_workload)
        .map(|row| (row.subject.id.as_str(), target(row)))
        .collect();
    for signal in Signal::every() {
        let plan = analyze(&without(&judged.reading, signal));
        for row in plan
            .accepted
            .iter()
            .chain(&plan.held_back)
            .filter(|row| row.subject.kind == "Workload")
        {
            let known = before.iter().any(|(id, _)| *id == row.subject.id);
            assert!(known, "without {signal}: {} is new: {}", row.subject.id, row.title);
        }
        // Whatever is no longer proposed says what it lacks.
        for (id, change) in before.iter().filter(|(id, _)| judged.plan.workload(id).is_some()) {
            let still = plan
                .accepted
                .iter()
                .chain(&plan.held_back)
                .any(|row| row.subject.id == *id);
            let named = plan
                .unknown
                .iter()
                .any(|row| row.subject.id == *id && !row.fix.is_empty() && row.missing.contains(signal.name()));
            assert!(
                still || named,
                "without {signal}: {id} is silent about {change}: {} {}",
                said(&plan, id, "idle-gpu"),
                said(&plan, id, "smaller-gpu")
            );
        }
    }
    for needed in [Signal::MemoryUsed, Signal::Power] {
        let plan = analyze(&without(&judged.reading, needed));
        assert!(
            plan.unknown.len() > judged.plan.unknown.len(),
            "nothing depends on {needed}"
        );
        let gap = plan
            .coverage
            .gaps
            .iter()
            .find(|gap| gap.what.starts_with(needed.name()));
        assert!(gap.is_some_and(|gap| !gap.fix.is_empty()), "no gap names {needed}");
    }
}

#[test]
fn without_any_activity_nothing_is_called_idle() {
    let judged = &MEDIUM[0];
    let blind = without(&without(&judged.reading, Signal::EngineActive), Signal::GpuUtil);
    let plan = analyze(&blind);
    // Whether interruptions are borne is seen in lives and budgets, not in activity.
    let by_activity = |row: &&Row| row.levers != ["spot-migration"];
    let found: Vec<&Row> = plan
        .accepted
        .iter()
        .chain(&plan.held_back)
        .filter(by_activity)
        .collect();
    assert!(found.is_empty(), "{found:#?}");
    let named = plan
        .unknown
        .iter()
        .filter(|row| row.missing.contains("engine_active") && row.fix.contains("dcgm-exporter"));
    assert!(named.count() > 20);
}

#[test]
fn the_same_reading_gives_the_same_bytes() {
    let judged = &MEDIUM[0];
    let json = |plan: &Plan| gpuwise::report::json::json(plan).unwrap();
    assert_eq!(json(&analyze(&judged.reading)), json(&judged.plan));
    let mut shuffled = judged.reading.clone();
    shuffled.series.reverse();
    shuffled.inventory.pods.reverse();
    shuffled.inventory.nodes.reverse();
    shuffled.settle();
    assert_eq!(
        json(&analyze(&shuffled)),
        json(&judged.plan),
        "the order of answers leaves a trace"
    );
}
