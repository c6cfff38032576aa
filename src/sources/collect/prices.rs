//! What a whole node costs an hour: measured first, by the owner's sheet where nothing was measured, by the dated public
//! list where the sheet has no row. A price that cannot be is not used, and named.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::nodes::NodeFacts;
use super::unseen::listed;
use crate::model::cluster::{Inventory, NodeCost};
use crate::model::gap::Gap;
use crate::model::snapshot::PricedGap;
use crate::model::units::{Hourly, Monthly};
use crate::model::workload::PriceSource;
use crate::policy::price_book::{NodeType, PriceBook};
use crate::policy::price_sheet::PriceSheet;

/// A node that was billed for less is not looked at: its hours are known to some minutes only.
const LEAST_HOURS: f64 = 2.0;

/// What a node costs, and who says so.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Price {
    /// The whole node, at the window's end.
    pub hourly: Option<Hourly>,
    /// What held from when on, where it changed within the window.
    pub steps: Vec<(Timestamp, Hourly)>,
    /// Where the price comes from.
    pub source: Option<PriceSource>,
    /// Whether it is what is really paid.
    pub effective: bool,
    /// Whether it is a public list's.
    pub listed: bool,
    /// Whether it is what the bill says, whatever has been committed to included.
    pub billed: bool,
    /// Whether the cost source says it of this node, and is believed.
    pub measured: bool,
    /// Whether a commitment says it, and no bill.
    pub committed: bool,
    /// The measured price that was not believed.
    pub refused: Option<Refused>,
}

/// A price that is not used.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// The price of the node.
    pub hourly: Hourly,
    /// What is wrong with it, such as `is 9.9 times the list; ...`.
    pub why: String,
    /// Whether the cost source made it up.
    pub by_default: bool,
}

impl Price {
    /// What it cost on average between two moments.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> Option<Hourly> {
        let (begin, end) = (from.as_second(), to.as_second());
        if self.steps.len() < 2 || end <= begin {
            return self.hourly;
        }
        let mut sum = 0.0;
        for (at, (start, price)) in self.steps.iter().enumerate() {
            // The first price is the earliest that is known.
            let start = if at == 0 { begin } else { start.as_second() };
            let until = self.steps.get(at + 1).map_or(end, |(next, _)| next.as_second());
            sum += price.get() * (until.min(end) - start.max(begin)).max(0) as f64;
        }
        Some(Hourly::new(sum / (end - begin) as f64))
    }

    /// How many times its price at the window's end it cost from which moment on; empty where it did not change.
    pub fn relative(&self) -> Vec<(Timestamp, f64)> {
        let now = self.hourly.filter(|now| self.steps.len() >= 2 && now.get() > 0.0);
        let steps = now.into_iter().flat_map(|now| {
            let times = move |(from, hourly): &(Timestamp, Hourly)| (*from, hourly.get() / now.get());
            self.steps.iter().map(times)
        });
        steps.collect()
    }
}

/// The price of a node.
pub fn price(cost: Option<&NodeCost>, node: &NodeType<'_>, book: &PriceBook<'_>, as_of: &str) -> Price {
    let measured = cost.filter(|cost| cost.hours > 0.0 && cost.total_cost > 0.0);
    let refused = measured.and_then(|cost| refused(cost, node, book));
    if let Some(cost) = measured.filter(|_| refused.is_none()) {
        let adjusted = if cost.adjusted { ", adjusted to the bill" } else { "" };
        return Price {
            hourly: Some(Hourly::new(cost.total_cost / cost.hours)),
            source: Some(PriceSource {
                source: format!("{} assets{adjusted}", cost.told_by.name()),
                as_of: as_of.to_owned(),
            }),
            effective: cost.adjusted,
            billed: cost.adjusted,
            measured: true,
            ..Price::default()
        };
    }
    let Some(quote) = book.quote(node) else {
        return Price {
            refused,
            ..Price::default()
        };
    };
    Price {
        hourly: Some(quote.hourly),
        steps: quote.steps,
        source: Some(quote.source),
        effective: quote.effective,
        listed: !quote.effective,
        refused,
        ..Price::default()
    }
}

/// Why a measured price is not believed. The whole node is looked at, as the whole node is priced: the cost source's own
/// split over cores, memory and GPUs is used nowhere.
fn refused(cost: &NodeCost, node: &NodeType<'_>, book: &PriceBook<'_>) -> Option<Refused> {
    let hourly = Hourly::new(cost.total_cost / cost.hours);
    if node.gpus == 0 || book.is_confirmed(node, hourly) {
        return None;
    }
    if cost.by_default && !cost.adjusted {
        return Some(Refused {
            hourly,
            why: format!(
                "is made of {}'s built-in prices of a core, a GiB and a GPU, which it takes where it knows none",
                cost.told_by.name()
            ),
            by_default: true,
        });
    }
    let odd = book
        .odd(node, hourly, cost.adjusted)
        .filter(|_| cost.hours >= LEAST_HOURS)?;
    Some(Refused {
        hourly,
        why: odd.0,
        by_default: false,
    })
}

/// The currency of a reading: its cost source's, or the sheet's where nothing was billed.
pub fn currency<'a>(read: &'a str, inventory: &Inventory, sheet: &'a PriceSheet) -> &'a str {
    // Without a row a rate is enough, by which public lists are read.
    let tells = !sheet.rows.is_empty() || !sheet.commitments.is_empty() || sheet.per_usd.is_some();
    if inventory.node_costs.is_empty() && tells {
        return &sheet.currency;
    }
    read
}

/// A node's name, the node, and its price that was not believed.
type Disbelieved<'a> = (&'a str, &'a NodeFacts, &'a Refused);

/// Prices that were not used, measured ones by what they say and rows of the sheet one by one.
pub(super) fn gaps(facts: &BTreeMap<String, NodeFacts>, book: &PriceBook<'_>, currency: &str) -> Vec<PricedGap> {
    let mut alike: BTreeMap<(&str, &str), Vec<Disbelieved<'_>>> = BTreeMap::new();
    for (name, node) in facts {
        let Some(refused) = &node.price.refused else { continue };
        let kind = node.instance_type.as_deref().unwrap_or_default();
        alike
            .entry((kind, &refused.why))
            .or_default()
            .push((name, node, refused));
    }
    let mut gaps: Vec<PricedGap> = alike
        .into_iter()
        .map(|((kind, why), nodes)| measured(kind, why, &nodes))
        .collect();
    for (row, odd) in book.odd_rows() {
        gaps.push(plain(Gap::new(
            "odd-sheet-price",
            format!("whether the price sheet's {} an hour at {} is right", row.hourly.get(), row.place),
            format!("it {}; the row was not used", odd.0),
            "correct the row, give it the region or the days for which it holds, or add `confirmed: true` if it is right",
        )));
    }
    if let Some(other) = book.other_currency(currency) {
        gaps.push(plain(Gap::new(
            "price-sheet-currency",
            "what the price sheet's rows are worth",
            format!("they are in {other} and the cost source's figures in {currency}; no row was used"),
            format!("give the sheet in {currency}"),
        )));
    } else if book.per_usd().is_none() {
        gaps.push(plain(Gap::new(
            "price-currency",
            "prices of public lists, and whether measured ones are plausible",
            format!("costs are in {currency}, public lists in USD, and no rate is known"),
            format!("set prices.currency to {currency} and prices.per_usd to what a dollar costs in it"),
        )));
    }
    gaps
}

fn plain(gap: Gap) -> PricedGap {
    PricedGap { gap, monthly: None }
}

fn measured(kind: &str, why: &str, nodes: &[Disbelieved<'_>]) -> PricedGap {
    let what = if kind.is_empty() { "node" } else { kind };
    let (_, first, refused) = nodes[0];
    let used = match (&first.price.hourly, &first.price.source) {
        (Some(hourly), Some(source)) => format!(
            "{} an hour was used ({}, {})",
            hourly.get(),
            source.source,
            source.as_of
        ),
        _ => "nothing else is known, so that it has no price".to_owned(),
    };
    let names = listed(nodes.iter().map(|(name, ..)| *name));
    let (code, fix) = if refused.by_default {
        (
            "default-prices",
            "give the cost source your prices (customPricing, or access to the provider's), or give --price-sheet",
        )
    } else {
        (
            "odd-price",
            "correct the price in the cost source's configuration; if it is right, put it in a price sheet with `confirmed: true`",
        )
    };
    PricedGap {
        gap: Gap::new(
            code,
            format!("what a {what} costs ({} nodes: {names})", nodes.len()),
            format!(
                "the {:.4} an hour from the cost source {why}; {used}",
                refused.hourly.get()
            ),
            fix,
        ),
        monthly: Some(
            nodes
                .iter()
                .map(|(.., refused)| refused.hourly.monthly())
                .sum::<Monthly>(),
        ),
    }
}

#[cfg(test)]
mod tests;
