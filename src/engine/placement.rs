//! Which pods stand on which GPU nodes at the window's end, and which nodes are empty once some of them are gone.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::snapshot::{GpuNode, Snapshot};
use crate::model::units::Hourly;
use crate::model::workload::{CapacityType, Workload};

/// A pod on a node.
#[derive(Debug, Clone, PartialEq)]
struct Placed {
    workload: usize,
    pod: String,
    gpus: u32,
    cpu: f64,
    memory: f64,
    movable: bool,
}

/// The cluster at the window's end.
#[derive(Debug)]
pub(super) struct Placement<'a> {
    snapshot: &'a Snapshot,
    pods: BTreeMap<&'a str, Vec<Placed>>,
}

/// Pods that are gone, each by its workload's place and its name.
pub(super) type Gone = BTreeSet<(usize, String)>;

impl<'a> Placement<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let mut pods: BTreeMap<&str, Vec<Placed>> = BTreeMap::new();
        for (place, workload) in snapshot.workloads.iter().enumerate() {
            for pod in workload.running() {
                let Some(node) = pod.node.as_deref() else { continue };
                let request = |name: &str| workload.pod_requests.get(name).copied().unwrap_or(0.0);
                pods.entry(node).or_default().push(Placed {
                    workload: place,
                    pod: pod.name.clone(),
                    gpus: pod.gpus,
                    cpu: request("cpu"),
                    memory: request("memory"),
                    movable: !pod.pinned
                        && moves_without_loss(workload)
                        && pod.gpu.as_ref().is_some_and(|k| k.mig.is_none()),
                });
            }
        }
        Self { snapshot, pods }
    }

    /// Nodes that go away once these pods are gone: those that are left without a GPU pod, and where the pool is one that
    /// consolidates, those whose last pods fit the free places of its other nodes. What would go away without any pod
    /// being gone is not counted: it is nobody's saving here.
    pub(super) fn emptied(&self, gone: &Gone) -> Vec<&'a GpuNode> {
        let already = self.empty_nodes(&Gone::new());
        let then = self.empty_nodes(gone);
        let goes = |node: &&GpuNode| then.contains(node.name.as_str()) && !already.contains(node.name.as_str());
        self.snapshot.nodes.iter().filter(goes).collect()
    }

    /// Whether this node belongs to the pool.
    pub(super) fn pool_is(&self, node: &str, pool: &str) -> bool {
        self.snapshot
            .node(node)
            .is_some_and(|node| node.pool.as_deref() == Some(pool))
    }

    fn empty_nodes(&self, gone: &Gone) -> BTreeSet<&'a str> {
        let mut empty = BTreeSet::new();
        let mut pools: BTreeMap<(&str, &str), Vec<Left<'a>>> = BTreeMap::new();
        for node in self.snapshot.nodes.iter().filter(|node| leaves_bill(node)) {
            let stays = |placed: &&Placed| !gone.contains(&(placed.workload, placed.pod.clone()));
            let placed = self.pods.get(node.name.as_str()).into_iter().flatten();
            let pods: Vec<Placed> = placed.filter(stays).cloned().collect();
            if pods.is_empty() {
                empty.insert(node.name.as_str());
            } else if node.consolidates
                && let (Some(pool), Some(kind)) = (node.pool.as_deref(), node.instance_type.as_deref())
            {
                pools.entry((pool, kind)).or_default().push(Left { node, pods });
            }
        }
        for left in pools.into_values() {
            consolidate(left, &mut empty);
        }
        empty
    }
}

/// A node that still has pods.
struct Left<'a> {
    node: &'a GpuNode,
    pods: Vec<Placed>,
}

impl Left<'_> {
    fn gpus(&self) -> u32 {
        self.pods.iter().map(|pod| pod.gpus).sum()
    }

    fn takes(&self, pod: &Placed) -> bool {
        let cpu: f64 = self.pods.iter().map(|pod| pod.cpu).sum();
        let memory: f64 = self.pods.iter().map(|pod| pod.memory).sum();
        // Other pods than those with GPUs use a node too; what they leave is not known, so a fifth is kept for them.
        const FOR_US: f64 = 0.8;
        let fits = |have: Option<f64>, used: f64| have.is_none_or(|have| used <= have * FOR_US);
        self.gpus() + pod.gpus <= self.node.gpus
            && fits(self.node.cpu, cpu + pod.cpu)
            && fits(
                self.node.memory.map(crate::model::units::Memory::bytes),
                memory + pod.memory,
            )
    }
}

/// Empties node after node of one pool, the least filled first, as long as all its pods find a place on the others.
fn consolidate<'a>(mut nodes: Vec<Left<'a>>, empty: &mut BTreeSet<&'a str>) {
    nodes.sort_by(|a, b| a.gpus().cmp(&b.gpus()).then_with(|| a.node.name.cmp(&b.node.name)));
    let mut next = 0;
    while next < nodes.len() {
        let pods = nodes[next].pods.clone();
        if pods.iter().all(|pod| pod.movable) {
            let mut trial: Vec<Vec<Placed>> = nodes.iter().map(|left| left.pods.clone()).collect();
            // The fullest first, so that places are not broken up.
            let placed = pods.iter().all(|pod| {
                let host = (next + 1..nodes.len()).rev().find(|host| {
                    let left = Left {
                        node: nodes[*host].node,
                        pods: trial[*host].clone(),
                    };
                    left.takes(pod)
                });
                host.map(|host| trial[host].push(pod.clone())).is_some()
            });
            if placed {
                empty.insert(nodes[next].node.name.as_str());
                for (left, pods) in nodes.iter_mut().zip(trial) {
                    left.pods = pods;
                }
                nodes.remove(next);
                continue;
            }
        }
        next += 1;
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

/// Whether its pods may be moved to another node: replicas of a service start again, a run or a notebook loses work.
fn moves_without_loss(workload: &Workload) -> bool {
    matches!(
        workload.kind.as_str(),
        "Deployment" | "StatefulSet" | "ReplicaSet" | "InferenceService" | "LLMInferenceService"
    ) && !workload.family
}
