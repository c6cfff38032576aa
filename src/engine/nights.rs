//! Nodes that are gone while workloads sleep, by the hours of the week: who sleeps at the same hours empties them together.

use std::collections::{BTreeMap, BTreeSet};

use super::bill::{Bill, Leaving};
use super::credit::{Outcome, let_go, pool_of, releases, spread, take};
use super::placement::{Changes, Placement};
use super::price::{NOTHING, Priced, Release};
use crate::model::scenario::{Move, WeekHours};
use crate::model::snapshot::GpuNode;
use crate::model::units::Hourly;

/// A node that goes at some hours, and at which.
struct Gone<'a> {
    leaving: Leaving<'a>,
    hours: BTreeSet<u8>,
}

/// Adds what leaves the bill while workloads sleep, beyond the nodes that are gone for good.
pub(super) fn add<'a>(
    placement: &Placement<'a>,
    bill: &Bill<'a>,
    set: &[&Priced],
    (changes, already): (&Changes<'_>, &[&'a GpuNode]),
    outcome: &mut Outcome,
) {
    let mut gone: BTreeMap<&'a str, Gone<'a>> = BTreeMap::new();
    for (rows, hours) in alike(set) {
        let mut asleep = changes.clone();
        for row in &rows {
            let own = sleeping(set[*row]);
            asleep.extend(own.map(|release| ((set[*row].workload, release.pod.as_str()), release.left)));
        }
        let newly = placement.beyond(placement.emptied(&asleep), already);
        let (newly, stays): (Vec<_>, Vec<_>) = newly.into_iter().partition(|node| node.goes_after_hours.is_some());
        if !stays.is_empty() {
            let why = "nothing is known to remove its nodes every night".to_owned();
            for row in &rows {
                outcome.stays[*row].insert(why.clone());
            }
        }
        // At each hour work waits, and commitments are open, as they are by day.
        for leaving in let_go(&mut bill.clone(), newly, set, outcome) {
            let known = gone.entry(&leaving.node.name);
            let hours = hours.iter().copied();
            known
                .or_insert(Gone {
                    leaving,
                    hours: BTreeSet::new(),
                })
                .hours
                .extend(hours);
        }
    }
    for gone in gone.values() {
        credit(gone, placement, set, outcome);
    }
}

/// Hours of the week in which some scenarios sleep, with those that do.
fn alike(set: &[&Priced]) -> BTreeMap<BTreeSet<usize>, Vec<u8>> {
    let rows = set.iter().enumerate();
    let sleepers: Vec<(usize, &WeekHours)> = rows
        .filter(|(_, priced)| sleeping(priced).next().is_some())
        .filter_map(|(row, priced)| Some((row, hours_of(priced)?)))
        .collect();
    let mut alike: BTreeMap<BTreeSet<usize>, Vec<u8>> = BTreeMap::new();
    for hour in (0..=u8::MAX).take(WeekHours::COUNT) {
        let asleep = sleepers
            .iter()
            .filter(|(_, hours)| hours.hours().binary_search(&hour).is_ok());
        let asleep: BTreeSet<usize> = asleep.map(|(row, _)| *row).collect();
        if !asleep.is_empty() {
            alike.entry(asleep).or_default().push(hour);
        }
    }
    alike
}

fn hours_of(priced: &Priced) -> Option<&WeekHours> {
    priced.proposal.moves.iter().find_map(|change| match change {
        Move::SleepDuring { hours, .. } => Some(hours),
        _ => None,
    })
}

fn sleeping(priced: &Priced) -> impl Iterator<Item = &Release> {
    priced.releases.iter().filter(|release| release.share < 1.0)
}

/// Gives what such a node does not cost to those that slept on it at its hours, then to what was given back of it for good, and
/// to what was given back elsewhere.
fn credit(gone: &Gone<'_>, placement: &Placement<'_>, set: &[&Priced], outcome: &mut Outcome) {
    let Leaving { node, hourly } = gone.leaving;
    let lasts = share_gone(&gone.hours, node.goes_after_hours.unwrap_or(f64::INFINITY));
    let whole = gone.hours.len() as f64 / WeekHours::COUNT as f64;
    let on_it = |(_, release): &(usize, &Release)| release.node == node.name;
    let asleep = || releases(set).filter(on_it).filter(|(_, release)| release.share < 1.0);
    // Whoever was away in these hours already did not hold it: it is gone for as long as the one that was there most.
    let held = |row: usize, release: &Release| hours_of(set[row]).map(|hours| (release.share / hours.share()).min(1.0));
    let held_most = asleep().filter_map(|(row, release)| held(row, release));
    let lasts = lasts * held_most.reduce(f64::max).unwrap_or(1.0);
    let asleep = asleep().map(|(row, release)| {
        let own = hours_of(set[row]).map_or(&[][..], WeekHours::hours);
        let there = own.iter().filter(|hour| gone.hours.contains(hour)).count();
        let share = there as f64 / WeekHours::COUNT as f64;
        (row, release.hourly * (share * lasts / whole))
    });
    let for_good = releases(set).filter(on_it).filter(|(_, release)| release.share >= 1.0);
    let for_good = for_good.map(|(row, release)| (row, release.hourly * lasts));
    let left = take(hourly * lasts, asleep.chain(for_good), set, &mut outcome.leaves);
    let pool = pool_of(node);
    let elsewhere = releases(set).filter(|(_, release)| placement.reaches(&release.node, &pool));
    let left = spread(left, elsewhere, set, &mut outcome.leaves);
    if left.get() > NOTHING {
        outcome.pools.entry(pool).or_insert((Hourly::ZERO, 0)).0 += left;
    }
}

/// The share of the week for which a node is gone that goes so many hours after it is empty.
fn share_gone(hours: &BTreeSet<u8>, after_hours: f64) -> f64 {
    let blocks = WeekHours::new(hours.iter().copied()).blocks().into_iter();
    let gone = blocks.map(|(from, to)| {
        let length = (i32::from(to) - i32::from(from)).rem_euclid(168);
        (f64::from(if length == 0 { 168 } else { length }) - after_hours).max(0.0)
    });
    gone.sum::<f64>() / WeekHours::COUNT as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_gone_for_what_is_left_of_the_night_when_it_goes() {
        // Ten hours on Monday, and a weekend that runs over the week's end.
        let hours: BTreeSet<u8> = (0..4).chain(20..30).chain(140..168).collect();
        let gone = |after: f64| (share_gone(&hours, after) * 168.0).round();
        assert_eq!((gone(0.0), gone(2.0), gone(10.0), gone(24.0)), (42.0, 38.0, 22.0, 8.0));
        assert_eq!(gone(f64::INFINITY), 0.0);
        assert_eq!(share_gone(&BTreeSet::new(), 0.0), 0.0, "what does not sleep");
    }
}
