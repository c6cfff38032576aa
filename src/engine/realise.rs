//! What really leaves the bill when a set of scenarios is taken together: the nodes that go away, shared among the
//! scenarios that emptied them.

use std::collections::{BTreeMap, BTreeSet};

use super::placement::{Gone, Placement};
use super::price::{Priced, Release};
use crate::model::snapshot::GpuNode;
use crate::model::units::Hourly;

/// What a set of scenarios comes to.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Outcome {
    /// By scenario: what of its value leaves the bill, before what it adds.
    pub(super) leaves: Vec<Hourly>,
    /// By pool: what its nodes that go away cost beyond the value of the scenarios, and how many there are.
    pub(super) pools: BTreeMap<String, (Hourly, u32)>,
}

impl Outcome {
    /// What leaves the bill beyond the scenarios' own value.
    pub(super) fn beyond(&self) -> Hourly {
        self.pools.values().map(|(hourly, _)| *hourly).sum()
    }
}

/// Realises a set of scenarios.
pub(super) fn realise(placement: &Placement<'_>, set: &[&Priced]) -> Outcome {
    let releases = || {
        set.iter()
            .enumerate()
            .flat_map(|(row, priced)| priced.releases.iter().map(move |r| (row, r)))
    };
    let gone_for_good: Gone<'_> = releases()
        .filter(|(_, release)| release.share >= 1.0)
        .map(|(row, release)| (set[row].workload, release.pod.as_str()))
        .collect();
    let mut outcome = Outcome {
        leaves: set
            .iter()
            .map(|priced| if priced.own_nodes { priced.value } else { Hourly::ZERO })
            .collect(),
        pools: BTreeMap::new(),
    };
    let emptied = placement.emptied(&gone_for_good);
    let names: BTreeSet<&str> = emptied.iter().map(|node| node.name.as_str()).collect();
    let mut rest: BTreeMap<String, (Hourly, u32)> = BTreeMap::new();
    for node in &emptied {
        let on_it = releases().filter(|(_, release)| release.node == node.name && release.share >= 1.0);
        let left = take(node, 1.0, on_it, &mut outcome.leaves);
        let pool = rest.entry(pool_of(node)).or_insert((Hourly::ZERO, 0));
        pool.0 += left;
        pool.1 += 1;
    }
    // A node that was emptied by moving others' pods is worth what the scenarios gave back elsewhere in its pool.
    for (pool, (hourly, count)) in rest {
        let is_emptied = |name: &str| names.contains(name);
        let elsewhere =
            releases().filter(|(_, r)| r.share >= 1.0 && !is_emptied(&r.node) && placement.pool_is(&r.node, &pool));
        let left = spread(hourly, elsewhere, set, &mut outcome.leaves);
        if left.get() > 0.005 / 730.0 {
            outcome.pools.insert(pool, (left, count));
        }
    }
    add_sleeping(placement, set, &gone_for_good, &mut outcome);
    outcome
}

fn pool_of(node: &GpuNode) -> String {
    node.pool.clone().unwrap_or_else(|| node.name.clone())
}

/// Gives the price of a node that goes away to the scenarios whose pods were on it, each its own share; returns the rest.
fn take<'r>(
    node: &GpuNode,
    share: f64,
    on_it: impl Iterator<Item = (usize, &'r Release)>,
    leaves: &mut [Hourly],
) -> Hourly {
    let mut rest = node.hourly.unwrap_or(Hourly::ZERO) * (node.present.ratio() * share);
    for (row, release) in on_it {
        let own = release.hourly * release.share;
        let own = if own.get() < rest.get() { own } else { rest };
        leaves[row] += own;
        rest -= own;
    }
    rest
}

/// Gives money to scenarios in proportion to what they gave back and does not leave the bill yet; returns the rest.
fn spread<'r>(
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

/// A node on which everything that stays sleeps at the same hours goes away for those hours.
fn add_sleeping(placement: &Placement<'_>, set: &[&Priced], gone: &Gone<'_>, outcome: &mut Outcome) {
    let already = placement.emptied(gone);
    for (row, priced) in set.iter().enumerate() {
        let sleeps = priced.releases.iter().any(|release| release.share < 1.0);
        if !sleeps {
            continue;
        }
        let mut asleep = gone.clone();
        asleep.extend(
            priced
                .releases
                .iter()
                .map(|release| (priced.workload, release.pod.as_str())),
        );
        let own_nodes = placement.emptied(&asleep);
        let newly = own_nodes
            .iter()
            .filter(|node| !already.iter().any(|other| other.name == node.name));
        for node in newly {
            let on_it = priced
                .releases
                .iter()
                .filter(|release| release.node == node.name)
                .map(|release| (row, release));
            let share = priced.releases.first().map_or(0.0, |release| release.share);
            let left = take(node, share, on_it, &mut outcome.leaves);
            if left.get() > 0.005 / 730.0 {
                let pool = outcome.pools.entry(pool_of(node)).or_insert((Hourly::ZERO, 0));
                pool.0 += left;
            }
        }
        let value = priced.value;
        if outcome.leaves[row] > value {
            outcome.leaves[row] = value;
        }
    }
}
