//! Which of the nodes that become empty leave the bill: not those that waiting work fills again, and not those that are
//! committed to.

use std::collections::BTreeMap;

use super::placement::Placement;
use crate::model::commitment::Commitment;
use crate::model::queueing::WITHOUT_A_QUEUE;
use crate::model::snapshot::{GpuNode, Snapshot};
use crate::model::units::Hourly;

/// What a node that was always there may seem to lack of the window, for the edges of bills and scrapes.
const EDGES: f64 = 0.02;

/// What the bill has room to let go, as nodes leave one after the other.
#[derive(Debug, Clone)]
pub(super) struct Bill<'a> {
    snapshot: &'a Snapshot,
    /// GPUs that wait, by ClusterQueue.
    waiting: BTreeMap<&'a str, f64>,
    /// By commitment: nodes of its kind beyond those that it covers.
    uncovered: Vec<usize>,
}

/// An empty node, and what of its price leaves the bill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Leaving<'a> {
    pub(super) node: &'a GpuNode,
    pub(super) hourly: Hourly,
}

/// Why an empty node stays on the bill.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stays {
    /// Work that waits in this queue fills it.
    Filled(String),
    /// It is committed to, by the commitment of this place.
    Committed(usize),
}

impl<'a> Bill<'a> {
    pub(super) fn of(placement: &Placement<'a>) -> Self {
        let snapshot = placement.snapshot();
        let open = snapshot.queues.iter().filter(|state| !state.queue.stopped);
        let waiting = open.map(|state| (state.queue.name.as_str(), state.runs.gpus_waiting));
        let uncovered = snapshot.commitments.iter().enumerate().map(|(at, held)| {
            // A node that was there for a part of the time uses the commitment for that part only.
            let own = placement.lasting().filter(|node| node.commitment == Some(at));
            let there: f64 = own.map(|node| (node.present.ratio() + EDGES).min(1.0)).sum();
            let covered = held.nodes.unwrap_or(u32::MAX);
            (there.floor() as usize).saturating_sub(covered as usize)
        });
        Self {
            snapshot,
            waiting: waiting.filter(|(_, gpus)| *gpus > 0.0).collect(),
            uncovered: uncovered.collect(),
        }
    }

    /// Lets empty nodes go as far as they may; those that stay, with the reason. The dearest are filled first, so that no more
    /// is promised than what leaves in any order.
    pub(super) fn leave(&mut self, mut nodes: Vec<&'a GpuNode>) -> (Vec<Leaving<'a>>, Vec<(&'a GpuNode, Stays)>) {
        let price = |node: &GpuNode| node.hourly.unwrap_or(Hourly::ZERO).get();
        nodes.sort_by(|a, b| price(b).total_cmp(&price(a)).then_with(|| a.name.cmp(&b.name)));
        let (mut leaving, mut staying) = (Vec::new(), Vec::new());
        for node in nodes {
            match self.holds(node) {
                Some(why) => staying.push((node, why)),
                None => leaving.push(Leaving {
                    node,
                    hourly: node.on_demand.or(node.hourly).unwrap_or(Hourly::ZERO) * node.present.ratio(),
                }),
            }
        }
        leaving.sort_by(|a, b| a.node.name.cmp(&b.node.name));
        (leaving, staying)
    }

    fn holds(&mut self, node: &GpuNode) -> Option<Stays> {
        for queue in &node.queues {
            if let Some(waiting) = self.waiting.get_mut(queue.as_str()).filter(|gpus| **gpus > 0.0) {
                *waiting -= f64::from(node.gpus);
                return Some(Stays::Filled(queue.clone()));
            }
        }
        let held = node.commitment?;
        match self.uncovered.get_mut(held) {
            Some(uncovered) if *uncovered > 0 => {
                *uncovered -= 1;
                None
            }
            _ => Some(Stays::Committed(held)),
        }
    }

    /// Why this node would stay on the bill were it the only one to become empty.
    pub(super) fn would_stay(&self, node: &GpuNode) -> Option<Stays> {
        self.clone().holds(node)
    }

    /// In the words of a report.
    pub(super) fn in_words(&self, why: &Stays) -> String {
        match why {
            Stays::Filled(queue) => {
                let states = self.snapshot.queues.iter();
                let state = states.into_iter().find(|state| state.queue.name == *queue);
                let waiting = format!("{:.0}", state.map_or(0.0, |state| state.runs.gpus_waiting));
                let (gpus, are) = if waiting == "1" { ("GPU", "is") } else { ("GPUs", "are") };
                match queue.as_str() {
                    WITHOUT_A_QUEUE => {
                        format!("pods that wait for a node ask for {waiting} {gpus}, and fill what is freed")
                    }
                    _ => {
                        format!("{waiting} {gpus} {are} waiting in queue {queue}, and work from it fills what is freed")
                    }
                }
            }
            Stays::Committed(at) => self
                .snapshot
                .commitments
                .get(*at)
                .map_or_else(|| "its nodes are committed to".to_owned(), Commitment::in_words),
        }
    }
}
