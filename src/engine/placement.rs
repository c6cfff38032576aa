//! Which pods stand on which GPU nodes at the window's end, and which nodes are empty once some of them are gone.

use std::collections::{BTreeMap, BTreeSet};

use super::groups::Groups;
use super::packing::{self, Bin, Item, Room};
use crate::model::scheduling::Neighbour;
use crate::model::snapshot::{GpuNode, Snapshot};
use crate::model::units::{Hourly, Memory};
use crate::model::workload::{CapacityType, Workload};

/// A pod on a node.
#[derive(Debug)]
struct Placed<'a> {
    workload: usize,
    pod: &'a str,
    takes: Room,
    movable: bool,
}

/// The cluster at the window's end.
#[derive(Debug)]
pub(super) struct Placement<'a> {
    snapshot: &'a Snapshot,
    /// By the node's place in the snapshot.
    pods: Vec<Vec<Placed<'a>>>,
    groups: Groups<'a>,
    /// Nodes that would go away without any pod being gone: they are nobody's saving here.
    already: BTreeSet<usize>,
}

/// Pods that change, each by its workload's place and its name, with the devices that they keep: none for those that are gone.
pub(super) type Changes<'g> = BTreeMap<(usize, &'g str), u32>;

impl<'a> Placement<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let nodes = snapshot.nodes.iter().enumerate();
        let places: BTreeMap<&str, usize> = nodes.map(|(at, node)| (node.name.as_str(), at)).collect();
        let mut pods: Vec<Vec<Placed<'a>>> = snapshot.nodes.iter().map(|_| Vec::new()).collect();
        for (place, workload) in snapshot.workloads.iter().enumerate() {
            for pod in workload.running() {
                let Some(at) = pod.node.as_deref().and_then(|node| places.get(node)) else {
                    continue;
                };
                let request = |name: &str| workload.pod_requests.get(name).copied().unwrap_or(0.0);
                pods[*at].push(Placed {
                    workload: place,
                    pod: &pod.name,
                    takes: Room {
                        gpus: pod.gpus,
                        cpu: request("cpu"),
                        memory: request("memory"),
                    },
                    movable: !pod.pinned
                        && moves_without_loss(workload)
                        && pod.gpu.as_ref().is_some_and(|kind| kind.mig.is_none()),
                });
            }
        }
        let groups = Groups::of(snapshot);
        let mut placement = Self {
            snapshot,
            pods,
            groups,
            already: BTreeSet::new(),
        };
        placement.already = placement.empty_among(0..snapshot.nodes.len(), &Changes::new());
        placement
    }

    /// Nodes that go away once these pods have changed: those that are left without a GPU pod, and where the pool is one that
    /// consolidates, those whose last pods fit the free places of other nodes like them, and may run there.
    pub(super) fn emptied(&self, changes: &Changes<'_>) -> Vec<&'a GpuNode> {
        // Where no pod changes no node does.
        let touched = (0..self.pods.len()).filter(|at| {
            let mut pods = self.pods[*at].iter();
            pods.any(|placed| changes.contains_key(&(placed.workload, placed.pod)))
        });
        let then = self.empty_among(touched, changes);
        // Those on which nothing is left come first: what moves to others may empty this node of a pool or that.
        let moved = |at: &usize| self.staying(*at, changes).next().is_some();
        let (moved, bare): (Vec<usize>, Vec<usize>) = then.iter().copied().partition(moved);
        let then: Vec<&'a GpuNode> = bare
            .into_iter()
            .chain(moved)
            .map(|at| &self.snapshot.nodes[at])
            .collect();
        let already: Vec<&'a GpuNode> = self.already.iter().map(|at| &self.snapshot.nodes[*at]).collect();
        self.beyond(then, &already)
    }

    /// What of `then` goes beyond `before`. Pods that move may empty one node instead of another: of a group as many count as
    /// there are more of.
    pub(super) fn beyond(&self, then: Vec<&'a GpuNode>, before: &[&'a GpuNode]) -> Vec<&'a GpuNode> {
        let group = |node: &&'a GpuNode| self.groups.of_node(&node.name);
        let mut more: BTreeMap<usize, i64> = BTreeMap::new();
        for group in then.iter().filter_map(group) {
            *more.entry(group).or_insert(0) += 1;
        }
        for group in before.iter().filter_map(group) {
            // A group that is in none of `then` was not looked at.
            more.entry(group).and_modify(|more| *more -= 1);
        }
        let known: BTreeSet<&str> = before.iter().map(|node| node.name.as_str()).collect();
        let is_new = |node: &&GpuNode| !known.contains(node.name.as_str());
        let mut newly: Vec<&GpuNode> = then.into_iter().filter(is_new).collect();
        newly.retain(|node| match group(node).and_then(|group| more.get_mut(&group)) {
            Some(left) => {
                *left -= 1;
                *left >= 0
            }
            None => true,
        });
        newly.sort_by(|a, b| a.name.cmp(&b.name));
        newly
    }

    /// The cluster that stands here.
    pub(super) fn snapshot(&self) -> &'a Snapshot {
        self.snapshot
    }

    /// Nodes that do not go away by themselves.
    pub(super) fn lasting(&self) -> impl Iterator<Item = &'a GpuNode> {
        let nodes = self.snapshot.nodes.iter().enumerate();
        nodes.filter(|(at, _)| !self.already.contains(at)).map(|(_, node)| node)
    }

    /// Whether a place on this node may be one for pods of the pool.
    pub(super) fn reaches(&self, node: &str, pool: &str) -> bool {
        let same = || {
            self.groups
                .of_node(node)
                .is_some_and(|group| self.groups.pools.contains(&(pool, group)))
        };
        let node = self.snapshot.node(node);
        node.is_some_and(|node| node.pool.as_deref() == Some(pool)) || same()
    }

    /// Nodes that are empty once these pods have changed, of those named and of the groups that they belong to.
    fn empty_among(&self, nodes: impl Iterator<Item = usize>, changes: &Changes<'_>) -> BTreeSet<usize> {
        let mut empty = BTreeSet::new();
        let mut groups: BTreeSet<usize> = BTreeSet::new();
        for at in nodes {
            let node = &self.snapshot.nodes[at];
            if leaves_bill(node) && self.staying(at, changes).next().is_none() {
                empty.insert(at);
            }
            groups.extend(self.groups.of_node(&node.name));
        }
        for group in groups {
            self.empty_group(&self.groups.nodes[group], changes, &mut empty);
        }
        empty
    }

    /// Those of a group that are empty, and those that become empty when as many as can are emptied.
    fn empty_group(&self, group: &[usize], changes: &Changes<'_>, empty: &mut BTreeSet<usize>) {
        let (mut nodes, mut bins) = (Vec::new(), Vec::new());
        // Each pod with the node that it is on.
        let mut pods: Vec<(usize, &Placed<'a>)> = Vec::new();
        for at in group {
            let bin = self.bin(*at, changes, &mut pods);
            let is_bare = bin.on_it().next().is_none();
            if is_bare && leaves_bill(&self.snapshot.nodes[*at]) {
                empty.insert(*at);
                continue;
            }
            nodes.push(*at);
            bins.push(bin);
        }
        let may = |item: usize, host: usize, bin: &Bin| {
            let (from, placed) = pods[item];
            let others = bin.on_it().map(|other| pods[other].1.workload);
            self.may_move((from, nodes[host]), placed.workload, others)
        };
        let emptied = packing::emptied(bins, may);
        empty.extend(emptied.into_iter().map(|bin| nodes[bin]));
    }

    /// Whether the scheduler lets a pod of this workload onto another node, with pods of these workloads on it.
    fn may_move(&self, (from, to): (usize, usize), workload: usize, mut others: impl Iterator<Item = usize>) -> bool {
        let (from, to) = (&self.snapshot.nodes[from], &self.snapshot.nodes[to]);
        let scheduling = &self.snapshot.workloads[workload].scheduling;
        let pod = self.neighbour(workload);
        scheduling.lets_onto(&to.name, &to.labels, &to.taints)
            && scheduling.keeps().all(|key| from.labels.get(key) == to.labels.get(key))
            && others.all(|other| pod.bears(self.neighbour(other)))
    }

    fn neighbour(&self, workload: usize) -> Neighbour<'a> {
        let workload = &self.snapshot.workloads[workload];
        Neighbour {
            namespace: &workload.namespace,
            scheduling: &workload.scheduling,
        }
    }

    /// Pods that stay on a node, with what they take of it then.
    fn staying<'g>(&'g self, at: usize, changes: &'g Changes<'_>) -> impl Iterator<Item = (&'g Placed<'a>, Room)> {
        self.pods[at].iter().filter_map(|placed| {
            let mut takes = placed.takes;
            let keeps = changes.get(&(placed.workload, placed.pod));
            takes.gpus = keeps.copied().unwrap_or(takes.gpus);
            (keeps != Some(&0)).then_some((placed, takes))
        })
    }

    /// What is left on a node and of it; its pods are numbered as they join the others.
    fn bin<'g>(&'g self, at: usize, changes: &'g Changes<'_>, pods: &mut Vec<(usize, &'g Placed<'a>)>) -> Bin {
        // Other pods than those with GPUs use a node too; what they leave is not known, so a fifth is kept for them.
        const FOR_US: f64 = 0.8;
        let node = &self.snapshot.nodes[at];
        let ours = |have: Option<f64>| have.map_or(f64::INFINITY, |have| have * FOR_US);
        let mut bin = Bin {
            free: Room {
                gpus: node.gpus,
                cpu: ours(node.cpu),
                memory: ours(node.memory.map(Memory::bytes)),
            },
            stays: !(node.consolidates && leaves_bill(node)),
            ..Bin::default()
        };
        for (placed, takes) in self.staying(at, changes) {
            let number = pods.len();
            pods.push((at, placed));
            bin.free.take(&takes);
            match placed.movable {
                true => bin.items.push(Item { number, takes }),
                false => bin.fixed.push(number),
            }
        }
        bin
    }
}

/// Whether anything is saved when this node is empty: it has a price, is not committed to, something or somebody can remove
/// it, and nobody we do not know is on it.
fn leaves_bill(node: &GpuNode) -> bool {
    node.elastic
        && node.strangers == 0
        && node.capacity != CapacityType::Reserved
        && node.hourly.is_some_and(|h| h > Hourly::ZERO)
}

/// Whether its pods may be moved to another node: replicas of a service start again, a run or a notebook loses work. Nothing
/// moves against a disruption budget, nor what each replica has on a volume that may be its node's own.
fn moves_without_loss(workload: &Workload) -> bool {
    let replicated = matches!(
        workload.kind.as_str(),
        "Deployment" | "StatefulSet" | "ReplicaSet" | "InferenceService" | "LLMInferenceService"
    );
    let may_be_local = workload.kind == "StatefulSet" && workload.scheduling.claims;
    replicated && !workload.family && !may_be_local && !workload.scheduling.stays()
}
