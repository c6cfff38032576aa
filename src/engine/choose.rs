//! One scenario a workload at most, and of those the set that saves money together.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::ask::{Answers, Left};
use super::guard::{Guarded, OURS};
use super::placement::Placement;
use super::price::Priced;
use super::realise::{Outcome, realise};
use super::remembered::Remembered;
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

/// What each lever would save most on a workload.
type Levers = BTreeMap<(usize, &'static str), f64>;

/// A workload's scenarios that nothing forbids, the one that saves most first, and the first that had to be given up.
struct Choice {
    priced: Priced,
    next: VecDeque<Priced>,
    lost: Option<(Priced, HeldBy)>,
}

impl Choice {
    /// Gives the present scenario up for the next one; where there is none, the first that was lost is held back.
    fn give_up(self, rule: String, held: &mut Vec<(Priced, HeldBy)>) -> Option<Self> {
        let Self { priced, mut next, lost } = self;
        let lost = lost.unwrap_or((priced, engine_rule(rule)));
        let Some(priced) = next.pop_front() else {
            held.push(lost);
            return None;
        };
        Some(Self {
            priced,
            next,
            lost: Some(lost),
        })
    }
}

pub(super) fn choose(
    guarded: Vec<Guarded>,
    answers: &mut Answers,
    snapshot: &Snapshot,
    offers: &Offers,
    remembered: &Remembered,
) -> Chosen {
    let placement = Placement::of(snapshot);
    let mut levers: Levers = Levers::new();
    let mut by_workload: BTreeMap<usize, Vec<Guarded>> = BTreeMap::new();
    for candidate in guarded {
        let workload = candidate.priced.workload;
        let most = levers.entry((workload, candidate.priced.lever)).or_insert(f64::MIN);
        *most = most.max(candidate.priced.net().get());
        by_workload.entry(workload).or_default().push(candidate);
    }
    let mut open: Vec<Choice> = Vec::new();
    let mut held: Vec<(Priced, HeldBy)> = Vec::new();
    for mut candidates in by_workload.into_values() {
        // The most money first; what is equal keeps the order of the levers, so that it does not depend on anything else.
        let weight = |candidate: &Guarded| remembered.weight(&candidate.priced, snapshot);
        candidates.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
        let permitted = |candidate: &Guarded| candidate.held.is_none();
        let (mut next, forbidden): (VecDeque<_>, VecDeque<_>) = candidates.into_iter().partition(permitted);
        match next.pop_front() {
            Some(best) => {
                // What would save more and may not be done is worth knowing beside what may.
                let net = best.priced.net().get();
                let more = |other: &Guarded| other.priced.lever != best.priced.lever && other.priced.net().get() > net;
                held.extend(worth_knowing(forbidden, more));
                open.push(Choice {
                    priced: best.priced,
                    next: next.into_iter().map(|candidate| candidate.priced).collect(),
                    lost: None,
                });
            }
            None => {
                held.extend(worth_knowing(forbidden, |_| true));
            }
        }
    }
    let (open, outcome) = settle(&placement, open, &mut held, offers);
    let changed: BTreeSet<usize> = open.iter().map(|choice| choice.priced.workload).collect();
    let beside: BTreeSet<(usize, &str)> = held.iter().map(|(priced, _)| (priced.workload, priced.lever)).collect();
    // What stands in a row of its own is not said to give way, and no lever is said so twice.
    levers.retain(|lever, _| !beside.contains(lever));
    let mut told = changed;
    for (priced, _) in &held {
        if told.insert(priced.workload) {
            supersede(priced, None, &levers, answers);
        }
    }
    for choice in &open {
        supersede(&choice.priced, choice.lost.as_ref(), &levers, answers);
    }
    let accepted: Vec<Priced> = open.into_iter().map(|choice| choice.priced).collect();
    let alone = accepted
        .iter()
        .map(|priced| {
            let only = realise(&placement, &[priced]);
            priced.net() + only.beyond()
        })
        .collect();
    Chosen {
        accepted,
        outcome,
        alone,
        held,
    }
}

/// Of what may not be done, the first that people decided on, or else the first.
fn worth_knowing(forbidden: VecDeque<Guarded>, wanted: impl Fn(&Guarded) -> bool) -> Option<(Priced, HeldBy)> {
    let mut wanted: VecDeque<Guarded> = forbidden.into_iter().filter(wanted).collect();
    let by_people = |one: &Guarded| one.held.as_ref().is_some_and(|held| held.place != OURS);
    let at = wanted.iter().position(by_people).unwrap_or(0);
    let one = wanted.remove(at)?;
    Some((one.priced, one.held?))
}

/// Levers whose scenario lost to another's on the same workload say so.
fn supersede(chosen: &Priced, lost: Option<&(Priced, HeldBy)>, levers: &Levers, answers: &mut Answers) {
    let others = levers
        .iter()
        .filter(|((workload, lever), _)| *workload == chosen.workload && *lever != chosen.lever);
    for ((workload, lever), most) in others {
        let because = match lost.filter(|(priced, _)| priced.lever == *lever) {
            Some((_, held)) => format!("{}; {} can be done instead", held.rule, chosen.lever),
            None if *most <= chosen.net().get() => {
                format!("{} saves more on it, and both cannot be done", chosen.lever)
            }
            None => format!("{} stands for it, and both cannot be done", chosen.lever),
        };
        answers.kept.push(Left {
            workload: *workload,
            lever,
            why: Reason::new("superseded", because),
        });
    }
}

/// Gives scenarios up until what is left can be done together and adds nothing to the bill.
fn settle(
    placement: &Placement<'_>,
    mut open: Vec<Choice>,
    held: &mut Vec<(Priced, HeldBy)>,
    offers: &Offers,
) -> (Vec<Choice>, Outcome) {
    loop {
        open.sort_by_key(|choice| choice.priced.workload);
        let set: Vec<&Priced> = open.iter().map(|choice| &choice.priced).collect();
        let mut given_up = without_slices(&set, offers);
        if given_up.is_empty() {
            let outcome = realise(placement, &set);
            given_up = only_adding(&set, &outcome);
            if given_up.is_empty() {
                return (open, outcome);
            }
        }
        let mut kept = Vec::new();
        for (row, choice) in open.into_iter().enumerate() {
            match given_up.remove(&row) {
                None => kept.push(choice),
                Some(rule) => kept.extend(choice.give_up(rule, held)),
            }
        }
        open = kept;
    }
}

/// Slices that are free are free once: the scenario that saves most takes them first. Those that go without, with the rule.
fn without_slices(set: &[&Priced], offers: &Offers) -> BTreeMap<usize, String> {
    let mut free: BTreeMap<&GpuKind, u32> = offers.free_slices().iter().map(|(kind, n)| (kind, *n)).collect();
    let mut order: Vec<(usize, &Priced)> = set.iter().copied().enumerate().collect();
    order.sort_by(|(_, a), (_, b)| {
        b.net()
            .get()
            .total_cmp(&a.net().get())
            .then(a.workload.cmp(&b.workload))
    });
    let mut without = BTreeMap::new();
    for (row, priced) in order {
        let Some((kind, wants)) = &priced.takes else { continue };
        match free.get_mut(kind).filter(|have| **have >= *wants) {
            Some(have) => *have -= wants,
            None => {
                let rule = format!("the free slices of {kind} go to workloads that save more with them");
                without.insert(row, rule);
            }
        }
    }
    without
}

/// What would only add to the bill: new nodes for GPUs that stay on it.
fn only_adding(set: &[&Priced], outcome: &Outcome) -> BTreeMap<usize, String> {
    let adds = |row: &usize| outcome.leaves[*row] < set[*row].added;
    let rule = |row: usize| {
        let why: Vec<&str> = outcome.stays[row].iter().map(String::as_str).collect();
        let why = match why.is_empty() {
            true => "others use them, they are committed to, or nothing removes them".to_owned(),
            false => why.join("; "),
        };
        format!("it would add nodes to the bill while those that it leaves stay on it: {why}")
    };
    (0..set.len()).filter(adds).map(|row| (row, rule(row))).collect()
}

fn engine_rule(rule: String) -> HeldBy {
    HeldBy {
        rule,
        place: OURS.to_owned(),
        until: None,
    }
}
