//! What leaves the bill, and whose it is.

use std::collections::{BTreeMap, BTreeSet};

use super::bill::{Bill, Leaving};
use super::price::{Priced, Release};
use crate::model::snapshot::GpuNode;
use crate::model::units::Hourly;

/// What a set of scenarios comes to.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Outcome {
    /// By scenario: what of its value leaves the bill, before what it adds.
    pub(super) leaves: Vec<Hourly>,
    /// By scenario: why nodes that it empties stay on the bill, in words.
    pub(super) stays: Vec<BTreeSet<String>>,
    /// By pool: what its nodes that go away cost beyond the value of the scenarios, and how many there are.
    pub(super) pools: BTreeMap<String, (Hourly, u32)>,
    /// Names of the nodes that go away for good.
    pub(super) gone: BTreeSet<String>,
}

impl Outcome {
    /// What leaves the bill beyond the scenarios' own value.
    pub(super) fn beyond(&self) -> Hourly {
        self.pools.values().map(|(hourly, _)| *hourly).sum()
    }
}

pub(super) fn releases<'p>(set: &'p [&'p Priced]) -> impl Iterator<Item = (usize, &'p Release)> {
    let rows = set.iter().enumerate();
    rows.flat_map(|(row, priced)| priced.releases.iter().map(move |release| (row, release)))
}

/// Nodes that leave the bill; the scenarios whose pods were on those that stay are told why.
pub(super) fn let_go<'a>(
    bill: &mut Bill<'a>,
    nodes: Vec<&'a GpuNode>,
    set: &[&Priced],
    outcome: &mut Outcome,
) -> Vec<Leaving<'a>> {
    let (leaving, staying) = bill.leave(nodes);
    for (node, why) in staying {
        let words = bill.in_words(&why);
        for (row, _) in releases(set).filter(|(_, release)| release.node == node.name) {
            outcome.stays[row].insert(words.clone());
        }
    }
    leaving
}

pub(super) fn pool_of(node: &GpuNode) -> String {
    node.pool.clone().unwrap_or_else(|| node.name.clone())
}

/// Gives the price of a node that goes away to the scenarios whose pods were on it, each its own share and no more than it gives
/// back in all; returns the rest.
pub(super) fn take(
    hourly: Hourly,
    on_it: impl Iterator<Item = (usize, Hourly)>,
    set: &[&Priced],
    leaves: &mut [Hourly],
) -> Hourly {
    let least = |a: Hourly, b: Hourly| if a.get() < b.get() { a } else { b };
    let mut rest = hourly;
    for (row, own) in on_it {
        let open = set[row].value - leaves[row];
        let own = least(least(own, rest), open);
        leaves[row] += own;
        rest -= own;
    }
    rest
}

/// Gives money to scenarios in proportion to what they gave back and does not leave the bill yet; returns the rest.
pub(super) fn spread<'r>(
    hourly: Hourly,
    elsewhere: impl Iterator<Item = (usize, &'r Release)>,
    set: &[&Priced],
    leaves: &mut [Hourly],
) -> Hourly {
    let mut given: BTreeMap<usize, Hourly> = BTreeMap::new();
    for (row, release) in elsewhere {
        *given.entry(row).or_insert(Hourly::ZERO) += release.hourly * release.share;
    }
    for (row, value) in &mut given {
        let open = set[*row].value - leaves[*row];
        *value = if value.get() < open.get() { *value } else { open };
    }
    let total: Hourly = given.values().copied().sum();
    if total.get() <= 0.0 {
        return hourly;
    }
    let part = (hourly.get() / total.get()).min(1.0);
    for (row, value) in given {
        leaves[row] += value * part;
    }
    hourly - total * part
}
