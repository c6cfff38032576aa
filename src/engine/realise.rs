//! What really leaves the bill when a set of scenarios is taken together: the nodes that go away, shared among the
//! scenarios that emptied them.

use std::collections::{BTreeMap, BTreeSet};

use super::bill::{Bill, Leaving};
use super::placement::{Changes, Placement};
use super::price::{NOTHING, Priced, Release};
use crate::model::scenario::{Move, WeekHours};
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
    add_sleeping(placement, &mut bill, set, (&changes, &emptied), &mut outcome);
    tell_what_stays(placement, set, &mut outcome);
    outcome
}

fn releases<'p>(set: &'p [&'p Priced]) -> impl Iterator<Item = (usize, &'p Release)> {
    let rows = set.iter().enumerate();
    rows.flat_map(|(row, priced)| priced.releases.iter().map(move |release| (row, release)))
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

/// Nodes that leave the bill; the scenarios whose pods were on those that stay are told why.
fn let_go<'a>(
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

fn pool_of(node: &GpuNode) -> String {
    node.pool.clone().unwrap_or_else(|| node.name.clone())
}

/// The share of the week for which a node is gone that goes so many hours after it is empty.
fn asleep_for(priced: &Priced, after_hours: f64) -> f64 {
    let hours = priced.proposal.moves.iter().find_map(|change| match change {
        Move::SleepDuring { hours, .. } => Some(hours),
        _ => None,
    });
    let blocks = hours.into_iter().flat_map(WeekHours::blocks);
    let gone = blocks.map(|(from, to)| {
        let length = (i32::from(to) - i32::from(from)).rem_euclid(168);
        (f64::from(if length == 0 { 168 } else { length }) - after_hours).max(0.0)
    });
    gone.sum::<f64>() / WeekHours::COUNT as f64
}

/// Gives the price of a node that goes away to the scenarios whose pods were on it, each its own share and no more than it gives
/// back in all; returns the rest.
fn take<'r>(
    hourly: Hourly,
    on_it: impl Iterator<Item = (usize, &'r Release)>,
    set: &[&Priced],
    leaves: &mut [Hourly],
) -> Hourly {
    let least = |a: Hourly, b: Hourly| if a.get() < b.get() { a } else { b };
    let mut rest = hourly;
    for (row, release) in on_it {
        let open = set[row].value - leaves[row];
        let own = least(least(release.hourly * release.share, rest), open);
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
fn add_sleeping<'a>(
    placement: &Placement<'a>,
    bill: &mut Bill<'a>,
    set: &[&Priced],
    (changes, already): (&Changes<'_>, &[&'a GpuNode]),
    outcome: &mut Outcome,
) {
    let (mut together, mut gone) = (changes.clone(), already.to_vec());
    let by_day = bill.clone();
    for (row, priced) in set.iter().enumerate() {
        let asleep = || priced.releases.iter().filter(|release| release.share < 1.0);
        let Some(share) = asleep().next().map(|release| release.share) else {
            continue;
        };
        let for_good = || priced.releases.iter().filter(|release| release.share >= 1.0);
        let own = || asleep().map(|release| ((priced.workload, release.pod.as_str()), release.left));
        let mut alone = changes.clone();
        alone.extend(own());
        together.extend(own());
        // Pods that stay awake fill a place once, whoever sleeps beside it; and who sleeps at other hours frees none.
        let by_itself = placement.beyond(placement.emptied(&alone), already);
        let beside = placement.beyond(placement.emptied(&together), &gone);
        let newly = if beside.len() < by_itself.len() {
            beside
        } else {
            by_itself
        };
        let (newly, stays): (Vec<_>, Vec<_>) = newly.into_iter().partition(|node| node.goes_after_hours.is_some());
        if !stays.is_empty() {
            outcome.stays[row].insert("nothing is known to remove its nodes every night".to_owned());
        }
        gone.extend(newly.iter().copied());
        bill.at_other_hours(&by_day);
        for leaving in let_go(bill, newly, set, outcome) {
            let share = asleep_for(priced, leaving.node.goes_after_hours.unwrap_or(f64::INFINITY)).min(share);
            // With the night also goes what was given back of it for good.
            let on_it = asleep()
                .chain(for_good())
                .filter(|release| release.node == leaving.node.name);
            let left = take(
                leaving.hourly * share,
                on_it.map(|release| (row, release)),
                set,
                &mut outcome.leaves,
            );
            // What others gave back beside it goes with the node too.
            let pool = pool_of(leaving.node);
            let elsewhere = releases(set).filter(|(_, release)| placement.reaches(&release.node, &pool));
            let left = spread(left, elsewhere, set, &mut outcome.leaves);
            if left.get() > NOTHING {
                outcome.pools.entry(pool).or_insert((Hourly::ZERO, 0)).0 += left;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::guard::tests::priced;

    #[test]
    fn a_node_is_gone_for_what_is_left_of_the_night_when_it_goes() {
        let mut asleep = priced(0, 100.0);
        // Ten hours on Monday, and a weekend that runs over the week's end.
        let hours = WeekHours::new((0..4).chain(20..30).chain(140..168));
        asleep.proposal.moves = vec![Move::SleepDuring {
            hours,
            timezone: "UTC".to_owned(),
        }];
        let gone = |after: f64| (asleep_for(&asleep, after) * 168.0).round();
        assert_eq!((gone(0.0), gone(2.0), gone(10.0), gone(24.0)), (42.0, 38.0, 22.0, 8.0));
        assert_eq!(gone(f64::INFINITY), 0.0);
        assert_eq!(asleep_for(&priced(0, 100.0), 0.0), 0.0, "what does not sleep");
    }
}
