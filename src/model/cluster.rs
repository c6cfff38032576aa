//! The inventory of a cluster as it was read, before any reduction: what a live run and a recording share.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::budget::DisruptionBudget;
pub use super::costs::{CostCategory, CostProduct, NodeCost, OtherCost};
use super::devices::{DeviceClaim, ExtendedClaim, OfferedDevice};
use super::ledger::Ledger;
use super::manifest::Deployed;
use super::metrics::MetricFacts;
use super::node_pool::NodePool;
use super::pools::InferencePool;
use super::queueing::Queues;
use super::scheduling::Scheduling;

/// Amounts of resources by their Kubernetes name: `cpu` in cores, `memory` in bytes, `nvidia.com/gpu` and
/// `nvidia.com/mig-1g.10gb` in devices.
pub type Resources = BTreeMap<String, f64>;

/// Labels or annotations.
pub type Labels = BTreeMap<String, String>;

/// Everything that the Kubernetes API, kube-state-metrics' history and the cost source told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// Nodes that exist now.
    #[serde(default)]
    pub nodes: Vec<Node>,
    /// Pods that exist now and ask for GPUs, or own such pods (LeaderWorkerSet leaders).
    #[serde(default)]
    pub pods: Vec<Pod>,
    /// Objects that own pods, or own their owners.
    #[serde(default)]
    pub controllers: Vec<Controller>,
    /// Horizontal pod autoscalers.
    #[serde(default)]
    pub hpas: Vec<Hpa>,
    /// Pod disruption budgets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disruption_budgets: Vec<DisruptionBudget>,
    /// Karpenter's node pools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub node_pools: Vec<NodePool>,
    /// GPUs and slices that DRA drivers offer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<OfferedDevice>,
    /// Resource claims that have their devices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub device_claims: Vec<DeviceClaim>,
    /// Kueue's queues and what waits in them.
    #[serde(default, skip_serializing_if = "Queues::is_empty")]
    pub queues: Queues,
    /// Pools of model servers behind an endpoint picker.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<InferencePool>,
    /// Pods with GPUs that were seen running within the window, gone or not (kube-state-metrics).
    #[serde(default)]
    pub pod_history: Vec<PodRecord>,
    /// Owners of owners that were seen within the window: ReplicaSet to Deployment, Job to CronJob (kube-state-metrics).
    #[serde(default)]
    pub owner_history: Vec<OwnerRecord>,
    /// What nodes cost over the window.
    #[serde(default)]
    pub node_costs: Vec<NodeCost>,
    /// What else costs.
    #[serde(default)]
    pub other_costs: Vec<OtherCost>,
    /// What each day cost and whose it was; `None` where that was not asked for, or nobody told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Ledger>,
    /// Which metrics the store has, with which labels; `None` where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<MetricFacts>,
}

/// A reference to an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Such as `apps/v1`; empty where only the kind is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Such as `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its UID, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

impl ObjectRef {
    /// The API group: `apps` of `apps/v1`, empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }
}

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// All its labels: GPU product, instance type, capacity type, pool.
    #[serde(default)]
    pub labels: Labels,
    /// Annotations that say what may remove it, and to which set of machines it belongs.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub annotations: Labels,
    /// What it offers to pods.
    #[serde(default)]
    pub allocatable: Resources,
    /// Its taints as `key=value:effect`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<String>,
    /// When it joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Pods on it that ask for no GPU and are not of every node, so that it is not empty without its GPU pods.
    #[serde(default, skip_serializing_if = "is_none")]
    pub other_pods: u32,
    /// DaemonSets with a pod on it that does not bear the taint of a workload's own nodes, as `namespace/name`; `None` where
    /// nobody told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict_daemons: Option<BTreeSet<String>>,
}

fn is_none(count: &u32) -> bool {
    *count == 0
}

/// A container of a pod.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image.
    #[serde(default)]
    pub image: String,
    /// Command and arguments, tokens blanked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Environment that says what runs (model names, parallelism); never a secret.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub env: Labels,
    /// What it requests; extended resources from its limits.
    #[serde(default)]
    pub requests: Resources,
    /// Ports on which it says that it listens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// Whether the kubelet asks it over the network how it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probed: bool,
    /// Volumes that hold data: claims, folders of the node, shares. Not what is empty at the start or configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
}

/// A port of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Its number.
    pub number: u16,
    /// Its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// A volume in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where it is seen.
    pub path: String,
    /// The claim behind it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
}

/// A pod.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Where it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub phase: String,
    /// Its labels.
    #[serde(default)]
    pub labels: Labels,
    /// Annotations that change a judgement (`karpenter.sh/do-not-disrupt` and its like).
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub annotations: Labels,
    /// Who controls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<ObjectRef>,
    /// The PodGroup with which it is scheduled: all of the gang, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_group: Option<String>,
    /// Its containers, init containers left out.
    #[serde(default)]
    pub containers: Vec<Container>,
    /// `spec.nodeSelector`.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub node_selector: Labels,
    /// What else it requires of where it runs.
    #[serde(default, skip_serializing_if = "Scheduling::is_empty")]
    pub scheduling: Scheduling,
    /// What the scheduler counts for it, where that is not the sum of what its containers request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Resources>,
    /// Whether it claims devices through DRA, whose GPUs the resource requests do not show.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub claims_devices: bool,
    /// Names of the ResourceClaims that it uses, as far as they are made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<String>,
    /// The claim that stands for extended resources in its requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_claim: Option<ExtendedClaim>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// When it was ready, as long as it is and no container of it was restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Timestamp>,
    /// When its containers began to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Timestamp>,
}

impl Pod {
    /// What the scheduler counts for it: what its containers request together, unless an init container, or the pod as a
    /// whole, requests something else.
    pub fn requests(&self) -> Resources {
        if let Some(counted) = &self.counted {
            return counted.clone();
        }
        let mut sum = Resources::new();
        for (name, amount) in self.containers.iter().flat_map(|container| &container.requests) {
            *sum.entry(name.clone()).or_insert(0.0) += amount;
        }
        sum
    }
}

/// An object that owns pods, directly or through others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Controller {
    /// Itself.
    #[serde(flatten)]
    pub this: ObjectRef,
    /// Its namespace.
    pub namespace: String,
    /// Who controls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<ObjectRef>,
    /// Its labels.
    #[serde(default)]
    pub labels: Labels,
    /// Its annotations for us, `gpuwise.dev/...`.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub annotations: Labels,
    /// `spec.replicas`, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// How it came into the cluster; `None` where the API did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployed: Option<Deployed>,
    /// The command line that it has others run, which its pods do not show: a RayJob's entry point, a Spark application's
    /// file or class, what a CronJob runs at its hour. Tokens blanked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
}

/// A horizontal pod autoscaler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hpa {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it scales.
    pub target: ObjectRef,
    /// `spec.minReplicas`, one where absent.
    pub min_replicas: u32,
    /// `spec.maxReplicas`.
    pub max_replicas: u32,
    /// All of its `spec`, credentials blanked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<Value>,
    /// `spec` of the ScaledObject that made it, where KEDA did, credentials blanked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaled_object: Option<Value>,
}

/// A pod as kube-state-metrics saw it over the window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PodRecord {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID, where exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Where it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Kind of who controls it, such as `ReplicaSet`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_kind: Option<String>,
    /// Name of who controls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_name: Option<String>,
    /// The GPUs it requests.
    pub requests: Resources,
    /// Begin of the first step in which it was seen running.
    pub first: Timestamp,
    /// End of the last step in which it was seen running.
    pub last: Timestamp,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// When it was ready for the first time, as far as that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Timestamp>,
}

/// Who owned an owner within the window.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OwnerRecord {
    /// Namespace of both.
    pub namespace: String,
    /// Kind of what is owned: `ReplicaSet` or `Job`.
    pub kind: String,
    /// Name of what is owned.
    pub name: String,
    /// Kind of its owner.
    pub owner_kind: String,
    /// Name of its owner.
    pub owner_name: String,
}
