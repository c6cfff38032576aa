//! Permissions: what the owner does not want changed is held back, with the rule and its place.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::price::Priced;
use crate::model::plan::HeldBy;
use crate::model::scenario::{Move, SCORED_DAYS_AT_LEAST};
use crate::model::snapshot::Snapshot;
use crate::model::workload::{Class, Workload};
use crate::policy::decisions::Decision;
use crate::policy::located::Place;
use crate::policy::permissions::{Permissions, Placed};
use crate::policy::rules::{self, Facts, Verdict};
use crate::policy::scope::Known;
use crate::policy::{Policy, moment};

mod facts;
mod decided;
mod asked;
#[cfg(test)]
pub(crate) mod tests;

pub(super) use asked::refused;
pub(super) use decided::Decisions;

/// A scenario, and what holds it back.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Guarded {
    pub(super) priced: Priced,
    pub(super) held: Option<HeldBy>,
}

pub(super) fn guard(priced: Vec<Priced>, policy: &Policy, decisions: &[Decision], snapshot: &Snapshot) -> Vec<Guarded> {
    let (now, zone) = (snapshot.grid.window.end, zone(policy));
    let guard = Guard {
        permissions: &policy.permissions,
        known: Known::of(snapshot),
        cluster: facts::cluster(snapshot),
        decisions: Decisions::new(decisions, now, &zone),
        now,
        zone: &zone,
    };
    let guarded = |mut priced: Priced| {
        let workload = &snapshot.workloads[priced.workload];
        // What was tried out, and held, is a change like others.
        if guard.decisions.passed(workload, &priced.levers) {
            priced.proposal.experiment = None;
        }
        Guarded {
            held: guard.held(&priced, workload),
            priced,
        }
    };
    let mut guarded: Vec<Guarded> = priced.into_iter().map(guarded).collect();
    if let Some(most) = &policy.permissions.most_changes {
        keep_the_best(&mut guarded, most);
    }
    guarded
}

/// Where a rule stands that is this program's own.
pub(super) const OURS: &str = "gpuwise";

/// What nobody has replayed, and what arithmetic cannot show.
fn unproven(priced: &Priced) -> Option<HeldBy> {
    if priced.proposal.proved_on().is_some() {
        return None;
    }
    let mut moves = priced.proposal.moves.iter();
    moves
        .any(|change| matches!(change, Move::UseSpot { .. }))
        .then(|| HeldBy {
            rule: format!(
                "spot capacity is advised only once it was replayed over {SCORED_DAYS_AT_LEAST} days of how it came and went in this cluster"
            ),
            place: OURS.to_owned(),
            until: None,
        })
}

struct Guard<'a> {
    permissions: &'a Permissions,
    known: Known,
    cluster: Facts,
    decisions: Decisions<'a>,
    /// The end of the plan's window: the clock is not read.
    now: Timestamp,
    zone: &'a TimeZone,
}

impl Guard<'_> {
    /// The first permission that a scenario lacks: where, when, and then how much.
    fn held(&self, priced: &Priced, workload: &Workload) -> Option<HeldBy> {
        self.place(priced, workload)
            .or_else(|| self.decisions.held(workload, &priced.levers))
            .or_else(|| self.asked(priced, workload))
            .or_else(|| self.freeze(workload))
            .or_else(|| self.rules(priced, workload))
            .or_else(|| self.limits(priced, workload))
            .or_else(|| unproven(priced))
    }

    fn place(&self, priced: &Priced, workload: &Workload) -> Option<HeldBy> {
        let namespace = &workload.namespace;
        let mut frozen = self.permissions.frozen_namespaces.iter();
        if let Some((_, place)) = frozen.find(|(frozen, _)| frozen == namespace) {
            return Some(rule(
                format!("nothing may be changed in the namespace {namespace}"),
                place,
            ));
        }
        let scope = &self.permissions.scope;
        let mut levers = priced.levers.iter();
        let (why, place) = levers.find_map(|lever| scope.leaves_out(workload, lever, self.known))?;
        Some(rule(why, place))
    }

    /// Of several freezes, the one that lasts longest.
    fn freeze(&self, workload: &Workload) -> Option<HeldBy> {
        let holding = self.permissions.freezes.iter().filter_map(|freeze| {
            let end = freeze.end(workload, self.known, self.now, self.zone)?;
            Some((freeze, end))
        });
        let (freeze, end) = holding.reduce(|longest, next| if next.1 > longest.1 { next } else { longest })?;
        Some(HeldBy {
            until: Some(moment::in_words(&end)),
            ..rule(freeze.rule(), &freeze.place)
        })
    }

    /// The first rule that is not true of it, or that cannot be told.
    fn rules(&self, priced: &Priced, workload: &Workload) -> Option<HeldBy> {
        let rules = &self.permissions.rules;
        if rules.is_empty() {
            return None;
        }
        let days = history_days(workload, self.now);
        // A rule speaks of one lever: of several none may break it.
        let (asked, verdict) = priced.levers.iter().find_map(|lever| {
            let labels = self.known.labels(workload);
            let told = facts::of(self.cluster.clone(), (priced, lever), workload, labels, days);
            rules::forbids(rules, &told)
        })?;
        let why = match verdict {
            Verdict::Permitted => return None,
            Verdict::Refused(message) => format!("rule `{}`: {message}", asked.name),
            Verdict::Failed(why) => format!("rule `{}` cannot be told, so nothing is changed: {why}", asked.name),
        };
        Some(rule(why, &asked.place))
    }

    fn limits(&self, priced: &Priced, workload: &Workload) -> Option<HeldBy> {
        let permissions = self.permissions;
        let days = &permissions.least_history_days;
        if history_days(workload, self.now) < days.value {
            let why = format!("less than {} days of history are not enough for a change", days.value);
            return Some(rule(why, &days.place));
        }
        let confidence = &permissions.least_confidence;
        if priced.proposal.confidence < confidence.value {
            let least = facts::level(confidence.value);
            return Some(rule(
                format!("confidence below {least} is not enough for a change"),
                &confidence.place,
            ));
        }
        let replicas = &permissions.least_serving_replicas;
        let fewer = fewest(priced).is_some_and(|fewest| fewest < replicas.value);
        if fewer && workload.class.class == Class::Inference {
            let why = format!(
                "a workload that serves keeps {} of its replicas at least",
                replicas.value
            );
            return Some(rule(why, &replicas.place));
        }
        let least = permissions.least_monthly;
        // Of several changes each must be worth it.
        let adds = priced.beyond_parts.unwrap_or_else(|| priced.net());
        (adds.monthly() < least).then(|| {
            let why = format!("a saving below {} a month is not worth a change", least.get());
            rule(why, &permissions.least_monthly_place)
        })
    }
}

/// The time zone in which days are meant.
pub(super) fn zone(policy: &Policy) -> TimeZone {
    TimeZone::get(&policy.objectives.timezone).unwrap_or(TimeZone::UTC)
}

/// Since when it was seen, in days before the window's end.
fn history_days(workload: &Workload, now: Timestamp) -> f64 {
    let first = workload.pods.iter().map(|pod| pod.from).min();
    first.map_or(0.0, |first| (now.as_second() - first.as_second()) as f64 / 86_400.0)
}

/// The fewest replicas that it leaves at some hour, where it changes how many there are.
fn fewest(priced: &Priced) -> Option<u32> {
    let left = |change: &Move| match change {
        Move::ScaleToZero | Move::SleepDuring { .. } => Some(0),
        Move::SetReplicas { to, .. } => Some(*to),
        Move::Autoscale { min, .. } => Some(*min),
        Move::RequestGpus { .. }
        | Move::UseSpot { .. }
        | Move::UseGpu { .. }
        | Move::Quantize { .. }
        | Move::SetTensorParallel { .. }
        | Move::SetBatchLimit { .. }
        | Move::CachePrefixes { .. }
        | Move::SetCheckpointInterval { .. } => None,
    };
    priced.proposal.moves.iter().filter_map(left).min()
}

/// Of all workloads with something that is permitted, those that save most keep it.
fn keep_the_best(guarded: &mut [Guarded], most: &Placed<usize>) {
    let mut best: BTreeMap<usize, f64> = BTreeMap::new();
    // What is only tried out is no change of the plan.
    let counts = |candidate: &Guarded| candidate.held.is_none() && candidate.priced.proposal.experiment.is_none();
    for candidate in guarded.iter().filter(|candidate| counts(candidate)) {
        let saving = candidate.priced.net().get();
        let known = best.entry(candidate.priced.workload).or_insert(saving);
        *known = known.max(saving);
    }
    let mut order: Vec<(usize, f64)> = best.into_iter().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let kept: BTreeSet<usize> = order
        .into_iter()
        .take(most.value)
        .map(|(workload, _)| workload)
        .collect();
    let changes = if most.value == 1 { "change" } else { "changes" };
    let why = format!("a plan has {} {changes} at most, and others save more", most.value);
    let beyond = |candidate: &&mut Guarded| counts(candidate) && !kept.contains(&candidate.priced.workload);
    for candidate in guarded.iter_mut().filter(beyond) {
        candidate.held = Some(rule(why.clone(), &most.place));
    }
}

fn rule(rule: String, place: &Place) -> HeldBy {
    HeldBy {
        rule,
        place: format!("{}:{}", place.file, place.line),
        until: None,
    }
}
