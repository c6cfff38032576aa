//! Which metrics a store has of a cluster, and which of their labels hold names of its nodes, namespaces, pods and devices: found by
//! comparing values, because exporters and scrapers disagree about the names of labels.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cluster::Labels;

/// What a metric tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetricRole {
    /// The share of time in which a GPU's engine was active, 0 to 1.
    GpuActivity,
    /// The share of time in which a kernel ran, in percent.
    GpuUtil,
    /// What a node costs an hour.
    NodeCost,
    /// GPUs of a node, as its cost source counts them.
    NodeGpus,
    /// Whether a node is spot capacity, 0 or 1.
    NodeIsSpot,
    /// GPUs that a container holds, as the cost source counts them.
    GpuAllocation,
    /// GPUs or slices that a node offers.
    NodeAllocatable,
    /// GPUs or slices that a container asks for.
    PodRequests,
    /// Whether a pod runs, 0 or 1.
    PodRunning,
    /// A node's labels as labels of a series.
    NodeLabels,
    /// Notices of interruptions that were received, a counter by kind.
    SpotNotices,
    /// Nodes that were taken out of service, a counter by reason.
    NodeDisruptions,
    /// What a handler of interruptions did to nodes, a counter.
    NodeActions,
}

/// What a store has of a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricFacts {
    /// When it was looked at.
    pub at: Timestamp,
    /// Matchers that every selector must carry, so that it is of this cluster alone: `cluster="prod-eu"`; empty where all is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub within: String,
    /// The metrics that have series, by role and name.
    pub metrics: Vec<MetricFact>,
}

/// One metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricFact {
    /// What it tells.
    pub role: MetricRole,
    /// Its name.
    pub name: String,
    /// Matchers, without braces, of those of its series that tell that; empty where all do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub matcher: String,
    /// Series in the store.
    pub series: u64,
    /// Series whose labels were looked at.
    pub looked_at: u64,
    /// Names of labels that any of these has.
    pub labels: BTreeSet<String>,
    /// Labels that hold names of this cluster's nodes; where the first is missing or holds something else, the next does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub node: Vec<String>,
    /// Series of which one of these names a node of this cluster.
    #[serde(default)]
    pub on_nodes: u64,
    /// Labels of namespace and name of a pod of this cluster that holds GPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodLabels>,
    /// The label of a GPU's identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Some series: of pods that hold GPUs where there are, in each dialect, and of others.
    pub examples: Vec<Example>,
    /// Whether there was any series a week before; `None` where that was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub week_before: Option<bool>,
}

/// A series of a metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// Its labels, without its name.
    pub labels: Labels,
    /// Whether it names a pod of this cluster that holds GPUs.
    pub held: bool,
}

/// Where a metric names pods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodLabels {
    /// The label of the namespace.
    pub namespace: String,
    /// The label of the name.
    pub name: String,
    /// Whether the same labels hold pods that hold no GPUs, such as the exporter's own, in other series.
    pub others: bool,
}

impl MetricFacts {
    /// The metric of this role with the most series.
    pub fn of(&self, role: MetricRole) -> Option<&MetricFact> {
        let of_role = self.metrics.iter().filter(|metric| metric.role == role);
        // The first of those that tie: names are in their order.
        of_role.rev().max_by_key(|metric| metric.series)
    }
}

impl MetricFact {
    /// Whether its series can be told apart by node.
    pub fn names_nodes(&self) -> bool {
        !self.node.is_empty()
    }
}
