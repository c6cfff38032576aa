//! Whether series can be of the cluster whose nodes are known: metrics of one joined to the pods of another would call busy
//! pods idle.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use super::groups::{Known, Series};
use super::{GPUS, PODS, PROBES};
use crate::model::time::Window;

/// Names that an error lists.
const SHOWN: usize = 3;

/// How long a pod must hold its GPUs until series surely tell of it, besides the time between two probes.
const SURELY: SignedDuration = SignedDuration::from_hours(3);

/// Nodes of the series and nodes that should be among them, where none is.
pub(super) fn of_another(series: &[Series], known: &Known, window: Window) -> Option<(String, String)> {
    let probe = SignedDuration::from_secs((window.end.as_second() - window.start.as_second()) / i64::from(PROBES));
    let seen_until = window.end.checked_sub(probe + SURELY).unwrap_or(Timestamp::MIN);
    let held = known.held.iter().filter(|(_, since)| **since <= seen_until);
    let here: BTreeSet<&str> = held.map(|(node, _)| node.as_str()).collect();
    let told = series.iter().filter(|one| [GPUS, PODS].contains(&one.kind.as_str()));
    let told = told.flat_map(|one| &one.nodes).map(String::as_str);
    // An exporter that is not told its node gives the name of its own pod.
    let there: BTreeSet<&str> = told.filter(|node| !node.contains("exporter")).collect();
    let ours: BTreeSet<String> = known.nodes.iter().map(|node| short(node)).collect();
    if here.is_empty() || there.is_empty() || there.iter().any(|node| ours.contains(&short(node))) {
        return None;
    }
    Some((listed(&there), listed(&here)))
}

/// A node's name without its domain, which not everybody writes.
fn short(node: &str) -> String {
    let node = node.to_lowercase();
    match node.split_once('.') {
        Some((first, _)) if node.parse::<IpAddr>().is_err() => first.to_owned(),
        _ => node,
    }
}

fn listed(nodes: &BTreeSet<&str>) -> String {
    let shown: Vec<&str> = nodes.iter().take(SHOWN).copied().collect();
    let word = if nodes.len() == 1 { "node" } else { "nodes" };
    match nodes.len().saturating_sub(SHOWN) {
        0 => format!("{word} {}", shown.join(", ")),
        more => format!("{word} {} and {more} more", shown.join(", ")),
    }
}
