//! Judging and planning a large cluster from memory, without a byte read.

use std::time::Instant;

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::model::progress::Silent;
use gpuwise::model::snapshot::Snapshot;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::draw::large;

/// Hours of history: fourteen days.
const HOURS: i64 = 14 * 24;

/// So many workloads on so many nodes.
pub(crate) fn measure(workloads: usize, nodes: u32) {
    // Of two pools all GPUs are taken before the others are as full.
    let mut snapshot = large(workloads * 6 / 5, nodes, HOURS);
    let policy = "objectives:\n  approved_gpus: [L4, L40S, A100-40GB]\n".to_owned();
    let judge = Judge::new(&[("policy.yaml".to_owned(), policy)], Catalog::shipped().unwrap()).unwrap();
    let with_history = snapshot.workloads.clone();
    snapshot
        .workloads
        .iter_mut()
        .for_each(|workload| workload.forget_samples());
    let (scope, began) = (Scope::default(), Instant::now());
    let hearing = judge.hearing(&snapshot, &scope);
    let heard = with_history
        .into_par_iter()
        .map(|one| hearing.hear(one, &Silent))
        .collect();
    let judged = began.elapsed().as_secs_f64();
    let plan = hearing.plan(heard, |workloads| Snapshot {
        workloads,
        ..snapshot.clone()
    });
    println!(
        "{} workloads on {} nodes, {} GPUs, {HOURS} hourly points: judged in {judged:.2} s, planned in {:.2} s; {} changes",
        plan.workloads.len(),
        snapshot.nodes.len(),
        snapshot.gpus,
        began.elapsed().as_secs_f64() - judged,
        plan.accepted.len()
    );
}
