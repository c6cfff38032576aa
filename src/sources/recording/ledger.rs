//! The ledger without names: what days cost stays, whose it was is called otherwise.

use std::collections::BTreeMap;

use super::kept::reads_as;
use super::names::Text;
use crate::model::ledger::{Holder, Ledger};

/// Hands over every text of it that could name something. Annotations are prose, and go.
pub(super) fn texts(ledger: &mut Ledger, visit: &mut impl FnMut(Text, &mut String)) {
    for account in &mut ledger.accounts {
        account.annotations.clear();
        account.node.iter_mut().for_each(|node| visit(Text::Id, node));
        account.namespace.iter_mut().for_each(|name| visit(Text::Name, name));
        // Of an asset it is a word of the cost source's or ours for what it is.
        if account.holder != Holder::Assets {
            account.controller.iter_mut().for_each(|name| visit(Text::Name, name));
        }
        for (key, value) in &mut account.labels {
            if let Some(text) = reads_as(key, value) {
                visit(text, value);
            }
        }
    }
    ledger.nodes = named(std::mem::take(&mut ledger.nodes), visit);
    for day in &mut ledger.days {
        day.nodes = named(std::mem::take(&mut day.nodes), visit);
    }
    ordered(ledger);
}

fn named<T>(nodes: BTreeMap<String, T>, visit: &mut impl FnMut(Text, &mut String)) -> BTreeMap<String, T> {
    let rename = |(mut name, node)| {
        visit(Text::Id, &mut name);
        (name, node)
    };
    nodes.into_iter().map(rename).collect()
}

/// Accounts by their names now: the order that they had would tell of the names that they had.
fn ordered(ledger: &mut Ledger) {
    let mut order: Vec<usize> = (0..ledger.accounts.len()).collect();
    order.sort_by(|a, b| ledger.accounts[*a].cmp(&ledger.accounts[*b]));
    let mut places = vec![0u32; order.len()];
    for (new, old) in order.iter().enumerate() {
        places[*old] = u32::try_from(new).unwrap_or(u32::MAX);
    }
    ledger.accounts = order.iter().map(|old| ledger.accounts[*old].clone()).collect();
    for day in &mut ledger.days {
        for entry in &mut day.entries {
            entry.account = places.get(entry.account as usize).copied().unwrap_or(entry.account);
        }
        day.entries.sort_by_key(|entry| entry.account);
    }
}
