//! One scenario a workload at most, and of those the set that saves money together.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::ask::{Answers, Left};
use super::compose::exclude;
use super::credit::Outcome;
use super::experiments;
use super::guard::{Guarded, OURS};
use super::placement::Placement;
use super::price::Priced;
use super::realise::realise;
use super::remembered::Remembered;
use crate::model::gap::Reason;
use crate::model::gpu::GpuKind;
use crate::model::plan::HeldBy;
use crate::model::scenario::Move;
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
    /// By scenario that is held back: what would leave the bill were it the only one, less what it adds.
    pub(super) held_leaves: Vec<Hourly>,
    /// What must be tried out first: no part of the set.
    pub(super) experiments: Vec<(Priced, Hourly)>,
}

/// What each lever would do on a workload by itself.
type Levers = BTreeMap<(usize, &'static str), Alone>;

/// What a lever would save most by itself, and how.
struct Alone {
    net: f64,
    moves: Vec<Move>,
}

/// Scenarios of several levers that may not be carried out, with the first reason.
type Stacks = BTreeMap<(usize, BTreeSet<&'static str>), String>;

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
    let (guarded, to_try) = experiments::apart(guarded);
    let to_try = experiments::of(to_try, &placement);
    let (mut levers, stacks) = apart(&guarded);
    let mut by_workload: BTreeMap<usize, Vec<Guarded>> = BTreeMap::new();
    for candidate in guarded {
        by_workload
            .entry(candidate.priced.workload)
            .or_default()
            .push(candidate);
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
                held.extend(worth_knowing(forbidden, |other| is_more(other, &best.priced, &stacks)));
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
    // What may not be done by itself may be done beside another change, after all.
    let done = |one: &Priced| open.iter().any(|choice| choice.priced.shares_a_lever(one));
    held.retain(|(priced, _)| !done(priced));
    tell(&open, &held, (&mut levers, &stacks), answers);
    held.extend(to_try.held);
    let accepted: Vec<Priced> = open.into_iter().map(|choice| choice.priced).collect();
    let alone = accepted
        .iter()
        .map(|priced| {
            let only = realise(&placement, &[priced]);
            priced.net() + only.beyond()
        })
        .collect();
    let held_leaves = held.iter().map(|(priced, _)| {
        let only = realise(&placement, &[priced]);
        only.leaves[0] - priced.added
    });
    Chosen {
        accepted,
        outcome,
        alone,
        held_leaves: held_leaves.collect(),
        held,
        experiments: to_try.open,
    }
}

/// Levers without a row of their own say why, and those with one say nothing else.
fn tell(open: &[Choice], held: &[(Priced, HeldBy)], (levers, stacks): (&mut Levers, &Stacks), answers: &mut Answers) {
    let changed: BTreeSet<usize> = open.iter().map(|choice| choice.priced.workload).collect();
    let of = |priced: &Priced| {
        let workload = priced.workload;
        let levers = priced.levers.clone().into_iter();
        levers.map(move |lever| (workload, lever))
    };
    let beside: BTreeSet<(usize, &str)> = held.iter().flat_map(|(priced, _)| of(priced)).collect();
    let done: BTreeSet<(usize, &str)> = open.iter().flat_map(|choice| of(&choice.priced)).collect();
    // A lever that saves nothing by itself, or cannot tell, may do so beside others.
    let in_a_row = |workload: usize, lever: &'static str| {
        let key = (workload, lever);
        beside.contains(&key) || done.contains(&key)
    };
    answers.kept.retain(|left| !in_a_row(left.workload, left.lever));
    answers.unknown.retain(|left| !in_a_row(left.workload, left.lever));
    // What stands in a row of its own is not said to give way, and no lever is said so twice.
    levers.retain(|lever, _| !beside.contains(lever));
    let mut told = changed;
    for (priced, _) in held {
        if told.insert(priced.workload) {
            supersede(priced, None, (&*levers, stacks), answers);
        }
    }
    for choice in open {
        supersede(&choice.priced, choice.lost.as_ref(), (&*levers, stacks), answers);
    }
}

/// What levers would do by themselves, and which of their sets may not be carried out.
fn apart(guarded: &[Guarded]) -> (Levers, Stacks) {
    let (mut levers, mut stacks) = (Levers::new(), Stacks::new());
    for Guarded { priced, held } in guarded {
        let net = priced.net().get();
        match (&priced.levers[..], held) {
            ([lever], _) => {
                let known = levers.get(&(priced.workload, *lever));
                if known.is_none_or(|known| known.net < net) {
                    let moves = priced.proposal.moves.clone();
                    levers.insert((priced.workload, *lever), Alone { net, moves });
                }
            }
            (several, Some(held)) => {
                let key = (priced.workload, several.iter().copied().collect());
                stacks.entry(key).or_insert_with(|| held.rule.clone());
            }
            (_, None) => {}
        }
    }
    (levers, stacks)
}

/// Whether something that may not be done saves more than what may, or more together with it.
fn is_more(other: &Guarded, best: &Priced, stacks: &Stacks) -> bool {
    let other = &other.priced;
    if other.levers.iter().any(|lever| best.levers.contains(lever)) {
        return false;
    }
    let both = best.levers.iter().chain(&other.levers).copied().collect();
    other.net().get() > best.net().get() || stacks.contains_key(&(best.workload, both))
}

/// Of what may not be done, the first that people decided on, or else the first.
pub(super) fn worth_knowing(
    forbidden: VecDeque<Guarded>,
    wanted: impl Fn(&Guarded) -> bool,
) -> Option<(Priced, HeldBy)> {
    let mut wanted: VecDeque<Guarded> = forbidden.into_iter().filter(wanted).collect();
    let by_people = |one: &Guarded| one.held.as_ref().is_some_and(|held| held.place != OURS);
    let at = wanted.iter().position(by_people).unwrap_or(0);
    let one = wanted.remove(at)?;
    Some((one.priced, one.held?))
}

/// Levers whose scenario lost to another's on the same workload say so.
fn supersede(
    chosen: &Priced,
    lost: Option<&(Priced, HeldBy)>,
    (levers, stacks): (&Levers, &Stacks),
    answers: &mut Answers,
) {
    let others = levers
        .range((chosen.workload, "")..)
        .take_while(|((workload, _), _)| *workload == chosen.workload)
        .filter(|((_, lever), _)| !chosen.levers.contains(lever));
    let name = chosen.levers.join(" with ");
    for ((workload, lever), alone) in others {
        let with: BTreeSet<&str> = chosen.levers.iter().copied().chain([*lever]).collect();
        let stacked = stacks.get(&(*workload, with));
        let better = if alone.net <= chosen.net().get() {
            "saves more on it"
        } else {
            "stands for it"
        };
        let because = match (lost.filter(|(priced, _)| priced.levers.contains(lever)), stacked) {
            (Some((_, held)), _) => format!("{}; {name} can be done instead", held.rule),
            (None, Some(rule)) => format!("{name} {better}, and with it this is held back: {rule}"),
            (None, None) if exclude(&alone.moves, &chosen.proposal.moves) => {
                format!("{name} {better}, and both cannot be done")
            }
            (None, None) => format!("{name} {better}, and this adds nothing to it"),
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
