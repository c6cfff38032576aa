//! Permissions: what the owner does not want changed is held back, with the rule and its place.

use super::price::Priced;
use crate::model::plan::HeldBy;
use crate::model::scenario::Move;
use crate::model::snapshot::Snapshot;
use crate::policy::Permissions;
use crate::policy::located::Place;

/// A scenario, and what holds it back.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Guarded {
    pub(super) priced: Priced,
    pub(super) held: Option<HeldBy>,
}

pub(super) fn guard(priced: Vec<Priced>, permissions: &Permissions, snapshot: &Snapshot) -> Vec<Guarded> {
    let guarded = |priced: Priced| Guarded {
        held: held(&priced, permissions, snapshot),
        priced,
    };
    priced.into_iter().map(guarded).collect()
}

fn held(priced: &Priced, permissions: &Permissions, snapshot: &Snapshot) -> Option<HeldBy> {
    let namespace = &snapshot.workloads[priced.workload].namespace;
    let frozen = permissions
        .frozen_namespaces
        .iter()
        .find(|(frozen, _)| frozen == namespace);
    if let Some((_, place)) = frozen {
        return Some(rule(
            format!("nothing may be changed in the namespace {namespace}"),
            place,
        ));
    }
    let least = permissions.least_monthly;
    if priced.net().monthly() < least {
        let rule_in_words = format!("a saving below {} a month is not worth a change", least.get());
        return Some(rule(rule_in_words, &permissions.least_monthly_place));
    }
    unproven(priced)
}

/// What nobody has replayed, and what arithmetic cannot show.
fn unproven(priced: &Priced) -> Option<HeldBy> {
    let mut moves = priced.proposal.moves.iter();
    moves
        .any(|change| matches!(change, Move::UseSpot { .. }))
        .then(|| HeldBy {
            rule: "spot capacity is advised only once it was replayed over how it came and went, and this version has no such replay"
                .to_owned(),
            place: "gpuwise".to_owned(),
            until: None,
        })
}

fn rule(rule: String, place: &Place) -> HeldBy {
    HeldBy {
        rule,
        place: format!("{}:{}", place.file, place.line),
        until: None,
    }
}
