//! Permissions: what the owner does not want changed is held back, with the rule and its place.

use super::price::Priced;
use crate::model::plan::HeldBy;
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
    (priced.net().monthly() < least).then(|| {
        let rule_in_words = format!("a saving below {} a month is not worth a change", least.get());
        rule(rule_in_words, &permissions.least_monthly_place)
    })
}

fn rule(rule: String, place: &Place) -> HeldBy {
    HeldBy {
        rule,
        place: format!("{}:{}", place.file, place.line),
        until: None,
    }
}
