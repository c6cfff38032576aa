//! Which nodes commitments cover, and what those cost.

mod credits;

use std::collections::{BTreeMap, BTreeSet};

use super::nodes::NodeFacts;
use crate::model::cluster::Inventory;
use crate::model::commitment::{Commitment, CommitmentKind, Covers};
use crate::model::gap::Gap;
use crate::model::snapshot::PricedGap;
use crate::model::time::Window;
use crate::model::units::Hourly;
use crate::model::workload::{CapacityType, PriceSource};
use crate::policy::price_sheet::PriceSheet;

/// Commitments over the nodes of a cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cover {
    /// Those in force at the window's end.
    pub held: Vec<Commitment>,
    /// By node: the place of its commitment in `held`, and what it would cost without.
    pub nodes: BTreeMap<String, (usize, Option<Hourly>)>,
    /// Terms that ended, and capacity that is paid for and not there.
    pub gaps: Vec<PricedGap>,
}

/// Lays commitments over the nodes that exist, and prices those by them that no bill prices: as a commitment is to no single
/// node, all nodes of its kind cost what they cost together.
pub(super) fn cover(
    facts: &mut BTreeMap<String, NodeFacts>,
    inventory: &Inventory,
    sheet: &PriceSheet,
    currency: &str,
    window: Window,
) -> Cover {
    let mut cover = Cover::default();
    let ended_by_then = |one: &&Commitment| one.until <= window.end;
    cover.gaps = sheet.commitments.iter().filter(ended_by_then).map(ended).collect();
    let same_currency = currency == sheet.currency;
    let is_credit = |one: &Commitment| one.kind == CommitmentKind::Credits;
    let holds = |one: &&Commitment| one.holds(window.end);
    let others = sheet.commitments.iter().filter(|one| !is_credit(one));
    for commitment in joined(others.filter(holds)) {
        if commitment.hourly.is_some() && !same_currency {
            cover.gaps.push(foreign(&commitment, &sheet.currency, currency));
        }
        lay(&mut cover, facts, inventory, commitment, same_currency);
    }
    // Credits pay what is left to pay under all others, so that they come last.
    let all: Vec<&Commitment> = sheet.commitments.iter().filter(|one| is_credit(one)).collect();
    let (lasting, told) = credits::lasting(&all, facts, inventory, same_currency, window.end);
    cover.gaps.extend(told);
    for commitment in joined(lasting.iter().filter(holds)) {
        lay(&mut cover, facts, inventory, commitment, same_currency);
    }
    cover
}

/// Lays one over the nodes that it may cover.
fn lay(
    cover: &mut Cover,
    facts: &mut BTreeMap<String, NodeFacts>,
    inventory: &Inventory,
    commitment: Commitment,
    same_currency: bool,
) {
    let own: BTreeSet<String> = own_nodes(&commitment, facts, inventory).cloned().collect();
    // Nodes that two different commitments may cover, and nodes of different sizes under one: which of them it is for nobody
    // says, so that none of them is thought to leave the bill.
    let others: BTreeSet<usize> = own.iter().filter_map(|name| Some(cover.nodes.get(name)?.0)).collect();
    let sizes: BTreeSet<Option<u32>> = own.iter().filter_map(|name| Some(facts.get(name)?.gpus)).collect();
    let is_clear = others.is_empty() && sizes.len() <= 1;
    let own: Vec<String> = own.into_iter().filter(|name| !cover.nodes.contains_key(name)).collect();
    let money = commitment.hourly.filter(|_| same_currency && is_clear);
    let unused = commitment
        .nodes
        .and_then(|covered| (covered as usize).checked_sub(own.len()));
    // Credits that no node uses are there the next day.
    if let Some(unused) = unused.filter(|unused| *unused > 0 && is_clear && commitment.kind != CommitmentKind::Credits)
    {
        cover.gaps.push(idle(&commitment, own.len(), unused, money));
    }
    for name in &own {
        let alone = facts.get(name).and_then(|facts| facts.price.hourly);
        cover.nodes.insert(name.clone(), (cover.held.len(), alone));
    }
    if let Some(money) = money {
        price(facts, &own, &commitment, money);
    }
    let nodes = commitment.nodes.filter(|_| is_clear);
    for other in others {
        cover.held[other].nodes = None;
    }
    cover.held.push(Commitment { nodes, ..commitment });
}

/// Commitments to the same nodes as one: a ladder of terms covers as many as all of them, until the last of them ends.
fn joined<'c>(all: impl Iterator<Item = &'c Commitment>) -> Vec<Commitment> {
    let mut joined: Vec<Commitment> = Vec::new();
    for one in all {
        let same = |other: &&mut Commitment| other.covers == one.covers && other.region == one.region;
        let Some(other) = joined.iter_mut().find(same) else {
            joined.push(one.clone());
            continue;
        };
        other.hourly = (|| {
            let (a, b) = (f64::from(other.nodes?), f64::from(one.nodes?));
            Some((other.hourly? * a + one.hourly? * b) * (1.0 / (a + b)))
        })();
        other.nodes = other.nodes.zip(one.nodes).map(|(a, b)| a + b);
        other.name = format!("{} and {}", other.name, one.name);
        other.place = format!("{}, {}", other.place, one.place);
        other.until = other.until.max(one.until);
    }
    joined
}

/// The names of nodes that exist and that it covers, or some of them.
fn own_nodes<'n>(
    commitment: &Commitment,
    facts: &BTreeMap<String, NodeFacts>,
    inventory: &'n Inventory,
) -> impl Iterator<Item = &'n String> {
    let names = inventory.nodes.iter().map(|node| &node.name);
    names.filter(|name| facts.get(*name).is_some_and(|facts| suits(commitment, facts)))
}

fn suits(commitment: &Commitment, node: &NodeFacts) -> bool {
    let kind = match &commitment.covers {
        Covers::InstanceType(name) => node.instance_type.as_ref() == Some(name),
        Covers::Gpu(model) => node.gpu.as_ref() == Some(model),
    };
    let region = commitment.region.as_ref();
    // No plan is for spot capacity.
    kind && node.capacity != CapacityType::Spot
        && region.is_none_or(|region| node.region.as_ref().is_none_or(|own| own == region))
}

/// The mean over all nodes of the kind: those that are covered at the commitment's price, the others as they were.
fn price(facts: &mut BTreeMap<String, NodeFacts>, own: &[String], commitment: &Commitment, hourly: Hourly) {
    // What was billed holds the commitment already.
    let open = |name: &&String| facts.get(*name).is_some_and(|facts| !facts.price.effective);
    let own: Vec<&String> = own.iter().filter(open).collect();
    let covered = commitment
        .nodes
        .map_or(own.len(), |nodes| own.len().min(nodes as usize));
    let others = own.len() - covered;
    let alone: Option<Hourly> = own.iter().map(|name| facts.get(*name)?.price.hourly).sum();
    let mean = match (others, alone) {
        _ if own.is_empty() => return,
        (0, _) => hourly,
        (_, Some(sum)) => {
            let one = sum * (1.0 / own.len() as f64);
            (hourly * covered as f64 + one * others as f64) * (1.0 / own.len() as f64)
        }
        (_, None) => return,
    };
    for name in own {
        if let Some(node) = facts.get_mut(name) {
            node.price.hourly = Some(mean);
            node.price.steps = Vec::new();
            node.price.effective = true;
            node.price.listed = false;
            node.price.committed = true;
            node.price.source = Some(PriceSource {
                source: match others {
                    0 => format!("{} ({})", commitment.name, commitment.place),
                    _ => format!(
                        "{} ({}) for {covered} nodes, {others} without",
                        commitment.name, commitment.place
                    ),
                },
                as_of: commitment.until_day(),
            });
        }
    }
}

fn foreign(commitment: &Commitment, own: &str, other: &str) -> PricedGap {
    PricedGap {
        gap: Gap::new(
            "commitment-currency",
            format!("what the nodes of {} cost", commitment.name),
            format!(
                "its price is in {own} ({}) and the cost source's figures in {other}, so that it was not used",
                commitment.place
            ),
            format!("give `prices` in {other}"),
        ),
        monthly: None,
    }
}

fn ended(commitment: &Commitment) -> PricedGap {
    PricedGap {
        gap: Gap::new(
            "commitment-ended",
            format!("what {} covers", commitment.name),
            format!(
                "it ended on {} ({}), so that its nodes are priced and judged as if nobody had committed to them",
                commitment.until_day(),
                commitment.place
            ),
            "take it out of the policy, or write the day on which the new term ends",
        ),
        monthly: None,
    }
}

fn idle(commitment: &Commitment, there: usize, unused: usize, hourly: Option<Hourly>) -> PricedGap {
    PricedGap {
        gap: Gap::new(
            "commitment-unused",
            format!("who uses {unused} of the nodes of {}", commitment.name),
            format!(
                "it covers {} nodes ({}), and {there} of its kind are in this cluster; what is paid for the others is in no \
                 figure here",
                there + unused,
                commitment.place
            ),
            "see whether another cluster uses them, and if so write how many are for this one",
        ),
        monthly: hourly.map(|hourly| (hourly * unused as f64).monthly()),
    }
}

#[cfg(test)]
mod tests;
