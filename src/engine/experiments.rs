//! Changes that somebody must try out first: they stand in a list of their own, and no saving counts them until an owner says that
//! what was to hold held.

use std::collections::BTreeMap;

use super::choose::worth_knowing;
use super::guard::Guarded;
use super::placement::Placement;
use super::price::Priced;
use super::realise::realise;
use crate::model::plan::HeldBy;
use crate::model::units::Hourly;

/// What is to be tried out.
#[derive(Debug, Default)]
pub(super) struct Experiments {
    /// Of each lever on each workload what saves most, with what would leave the bill were it the only change, less what it adds.
    pub(super) open: Vec<(Priced, Hourly)>,
    /// What may not be tried out, and why.
    pub(super) held: Vec<(Priced, HeldBy)>,
}

/// Takes out of what was priced what must be tried out first.
pub(super) fn apart(guarded: Vec<Guarded>) -> (Vec<Guarded>, Vec<Guarded>) {
    guarded
        .into_iter()
        .partition(|one| one.priced.proposal.experiment.is_none())
}

/// One experiment of each lever on each workload.
pub(super) fn of(guarded: Vec<Guarded>, placement: &Placement<'_>) -> Experiments {
    let mut by_lever: BTreeMap<(usize, Vec<&'static str>), Vec<Guarded>> = BTreeMap::new();
    for one in guarded {
        let key = (one.priced.workload, one.priced.levers.clone());
        by_lever.entry(key).or_default().push(one);
    }
    let mut found = Experiments::default();
    for mut alternatives in by_lever.into_values() {
        alternatives.sort_by(|a, b| b.priced.net().get().total_cmp(&a.priced.net().get()));
        let (permitted, forbidden): (Vec<Guarded>, Vec<Guarded>) =
            alternatives.into_iter().partition(|one| one.held.is_none());
        match permitted.into_iter().next() {
            Some(best) => {
                let leaves = realise(placement, &[&best.priced]).leaves[0] - best.priced.added;
                found.open.push((best.priced, leaves));
            }
            None => found.held.extend(worth_knowing(forbidden.into(), |_| true)),
        }
    }
    found
}
