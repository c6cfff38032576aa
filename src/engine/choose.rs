//! One scenario a workload at most, and of those the set that saves money together.

use std::collections::{BTreeMap, BTreeSet};

use super::ask::{Answers, Left};
use super::guard::Guarded;
use super::placement::Placement;
use super::price::Priced;
use super::realise::{Outcome, realise};
use crate::model::gap::Reason;
use crate::model::gpu::GpuKind;
use crate::model::plan::HeldBy;
use crate::model::snapshot::Snapshot;
use crate::model::units::Hourly;
use crate::recommenders::offers::Offers;

/// The plan's set, what it comes to, and what was left out of it.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) accepted: Vec<Priced>,
    pub(super) outcome: Outcome,
    /// By accepted scenario: what it would come to were it the only one.
    pub(super) alone: Vec<Hourly>,
    pub(super) held: Vec<(Priced, HeldBy)>,
}

pub(super) fn choose(guarded: Vec<Guarded>, answers: &mut Answers, snapshot: &Snapshot, offers: &Offers) -> Chosen {
    let placement = Placement::of(snapshot);
    let mut by_workload: BTreeMap<usize, Vec<Guarded>> = BTreeMap::new();
    for candidate in guarded {
        by_workload
            .entry(candidate.priced.workload)
            .or_default()
            .push(candidate);
    }
    let mut open: Vec<Priced> = Vec::new();
    let mut held: Vec<(Priced, HeldBy)> = Vec::new();
    for mut candidates in by_workload.into_values() {
        // The most money first; what is equal keeps the order of the levers, so that it does not depend on anything else.
        candidates.sort_by(|a, b| b.priced.net().get().total_cmp(&a.priced.net().get()));
        let best = candidates
            .iter()
            .position(|candidate| candidate.held.is_none())
            .unwrap_or(0);
        let chosen = candidates.remove(best);
        supersede(&chosen.priced, &candidates, answers);
        match chosen.held {
            None => open.push(chosen.priced),
            Some(rule) => held.push((chosen.priced, rule)),
        }
    }
    take_slices(&mut open, &mut held, offers);
    let outcome = settle(&placement, &mut open, &mut held);
    let alone = open
        .iter()
        .map(|priced| {
            let only = realise(&placement, &[priced]);
            priced.net() + only.beyond()
        })
        .collect();
    Chosen {
        accepted: open,
        outcome,
        alone,
        held,
    }
}

/// Levers whose scenario lost to another's on the same workload say so.
fn supersede(chosen: &Priced, others: &[Guarded], answers: &mut Answers) {
    let levers: BTreeSet<&'static str> = others.iter().map(|other| other.priced.lever).collect();
    for lever in levers.into_iter().filter(|lever| *lever != chosen.lever) {
        answers.kept.push(Left {
            workload: chosen.workload,
            lever,
            why: Reason::new(
                "superseded",
                format!("{} saves more on it, and both cannot be done", chosen.lever),
            ),
        });
    }
}

/// Slices that are free are free once: the scenario that saves most takes them first.
fn take_slices(open: &mut Vec<Priced>, held: &mut Vec<(Priced, HeldBy)>, offers: &Offers) {
    let mut free: BTreeMap<GpuKind, u32> = offers.free_slices().iter().cloned().collect();
    let mut order: Vec<Priced> = std::mem::take(open);
    order.sort_by(|a, b| {
        b.net()
            .get()
            .total_cmp(&a.net().get())
            .then(a.workload.cmp(&b.workload))
    });
    for priced in order {
        let left = priced
            .takes
            .as_ref()
            .map(|(kind, count)| (free.get(kind).copied().unwrap_or(0), kind.clone(), *count));
        match left {
            Some((have, kind, wants)) if have < wants => {
                let rule = format!("the free slices of {kind} go to workloads that save more with them");
                held.push((priced, engine_rule(rule)));
            }
            Some((have, kind, wants)) => {
                free.insert(kind, have - wants);
                open.push(priced);
            }
            None => open.push(priced),
        }
    }
}

/// Leaves out what would only add to the bill: new nodes for GPUs that stay on it.
fn settle(placement: &Placement<'_>, open: &mut Vec<Priced>, held: &mut Vec<(Priced, HeldBy)>) -> Outcome {
    loop {
        open.sort_by_key(|priced| priced.workload);
        let set: Vec<&Priced> = open.iter().collect();
        let outcome = realise(placement, &set);
        let adds: BTreeSet<usize> = (0..open.len())
            .filter(|row| outcome.leaves[*row] < open[*row].added)
            .collect();
        if adds.is_empty() {
            return outcome;
        }
        let mut kept = Vec::new();
        for (row, priced) in std::mem::take(open).into_iter().enumerate() {
            if adds.contains(&row) {
                let rule = "it would add nodes to the bill while those that it leaves stay on it, as others use them";
                held.push((priced, engine_rule(rule.to_owned())));
            } else {
                kept.push(priced);
            }
        }
        *open = kept;
    }
}

fn engine_rule(rule: String) -> HeldBy {
    HeldBy {
        rule,
        place: "gpuwise".to_owned(),
        until: None,
    }
}
