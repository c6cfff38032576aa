//! Nodes between which pods are moved together: those that are worth the same, so that it does not matter which of them goes.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::snapshot::{GpuNode, Snapshot};
use crate::model::units::Hourly;

/// Groups of nodes that stand for each other on the bill, whatever their pools.
#[derive(Debug, Default)]
pub(super) struct Groups<'a> {
    /// By group: the places of its nodes in the snapshot.
    pub(super) nodes: Vec<Vec<usize>>,
    /// Which pools a group has nodes of.
    pub(super) pools: BTreeSet<(&'a str, usize)>,
    by_name: BTreeMap<&'a str, usize>,
}

impl<'a> Groups<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let mut alike: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (at, node) in snapshot.nodes.iter().enumerate() {
            if let Some(worth) = worth(node) {
                alike.entry(worth).or_default().push(at);
            }
        }
        let mut groups = Self::default();
        // Without one that is emptied nothing moves.
        let moves = |nodes: &&Vec<usize>| nodes.iter().any(|at| snapshot.nodes[*at].consolidates);
        for (group, nodes) in alike.values().filter(moves).enumerate() {
            for at in nodes {
                let node = &snapshot.nodes[*at];
                groups.by_name.insert(&node.name, group);
                groups.pools.extend(node.pool.as_deref().map(|pool| (pool, group)));
            }
            groups.nodes.push(nodes.clone());
        }
        groups
    }

    /// The group of a node.
    pub(super) fn of_node(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

/// What nodes have in common that are worth the same; `None` for those whose GPUs are not handed out as a whole, to pods that are
/// known.
fn worth(node: &GpuNode) -> Option<impl Ord> {
    let is_whole = !node.shared && node.slices.is_empty() && node.strangers == 0;
    // A bill's sums over hours differ in digits that nobody pays.
    let near = |hourly: Option<Hourly>| hourly.map(|hourly| (hourly.get() * 1_000.0).round() as i64);
    is_whole.then(|| {
        let costs = (near(node.hourly), near(node.on_demand), node.commitment);
        (&node.gpu, &node.instance_type, node.capacity, costs, &node.queues)
    })
}
