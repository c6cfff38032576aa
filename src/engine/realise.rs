//! What really leaves the bill when a set of scenarios is taken together: the nodes that go away, shared among the
//! scenarios that emptied them.

use std::collections::{BTreeMap, BTreeSet};

use super::bill::Bill;
use super::credit::{Outcome, let_go, pool_of, releases, spread, take};
use super::nights;
use super::placement::{Changes, Placement};
use super::price::{NOTHING, Priced, Release};
use crate::model::units::Hourly;

/// Realises a set of scenarios.
pub(super) fn realise(placement: &Placement<'_>, set: &[&Priced]) -> Outcome {
    let for_good = || releases(set).filter(|(_, release)| release.share >= 1.0);
    let changes: Changes<'_> = for_good()
        .map(|(row, release)| ((set[row].workload, release.pod.as_str()), release.left))
        .collect();
    let own = |priced: &&Priced| if priced.own_nodes { priced.value } else { Hourly::ZERO };
    let mut outcome = Outcome {
        leaves: set.iter().map(own).collect(),
        stays: vec![BTreeSet::new(); set.len()],
        ..Outcome::default()
    };
    let mut bill = Bill::of(placement);
    let emptied = placement.emptied(&changes);
    let leaving = let_go(&mut bill, emptied.clone(), set, &mut outcome);
    outcome.gone = leaving.iter().map(|leaving| leaving.node.name.clone()).collect();
    let mut rest: BTreeMap<String, (Hourly, u32)> = BTreeMap::new();
    for leaving in &leaving {
        let on_it = for_good().filter(|(_, release)| release.node == leaving.node.name && release.left == 0);
        let on_it = on_it.map(|(row, release)| (row, release.hourly * release.share));
        let left = take(leaving.hourly, on_it, set, &mut outcome.leaves);
        let pool = rest.entry(pool_of(leaving.node)).or_insert((Hourly::ZERO, 0));
        pool.0 += left;
        pool.1 += 1;
    }
    // A node that was emptied by moving others' pods is worth what the scenarios gave back elsewhere in its pool.
    for (pool, (hourly, count)) in rest {
        let on_it = |release: &Release| release.left == 0 && outcome.gone.contains(&release.node);
        let elsewhere = for_good().filter(|(_, release)| !on_it(release) && placement.reaches(&release.node, &pool));
        let left = spread(hourly, elsewhere, set, &mut outcome.leaves);
        if left.get() > NOTHING {
            outcome.pools.insert(pool, (left, count));
        }
    }
    nights::add(placement, &bill, set, (&changes, &emptied), &mut outcome);
    tell_what_stays(placement, set, &mut outcome);
    outcome
}

/// Why what a scenario gives back stays on the bill, where it is not only that others use its nodes.
fn tell_what_stays(placement: &Placement<'_>, set: &[&Priced], outcome: &mut Outcome) {
    let bill = Bill::of(placement);
    for (row, release) in releases(set) {
        let all_leaves = (set[row].value - outcome.leaves[row]).get() <= NOTHING;
        if all_leaves || outcome.gone.contains(&release.node) {
            continue;
        }
        let node = placement.snapshot().node(&release.node);
        if let Some(why) = node.and_then(|node| bill.would_stay(node)) {
            outcome.stays[row].insert(bill.in_words(&why));
        }
    }
}
