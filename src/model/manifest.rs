//! What an edit of a workload's manifest must know of the live object: how it came into the cluster, who writes its replicas, and
//! where its pods may run.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::helm_values::ValuesFile;
use super::repository::Kept;

/// What put an object into the cluster, and does so again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Deployer {
    /// An Application of Argo CD.
    ArgoCd {
        /// Its name, `namespace/name` where it tells the namespace.
        application: String,
    },
    /// A Kustomization of Flux, which applies on the server's side and takes what others wrote.
    Flux {
        /// `namespace/name`.
        kustomization: String,
    },
    /// A HelmRelease of Flux.
    FluxHelm {
        /// `namespace/name`.
        release: String,
    },
    /// A release of Helm.
    Helm {
        /// Its name.
        release: String,
    },
    /// `kubectl apply --server-side`, or another that applies so.
    ServerSideApply {
        /// Its field manager.
        manager: String,
    },
    /// `kubectl apply`, which compares with what it applied last.
    ClientSideApply,
}

/// How an object came into the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// By what; `None` where nothing tells.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub deployer: Option<Deployer>,
    /// Field managers that own `spec.replicas`: who of them takes it away is harmless while another one is left.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub replicas_owned_by: BTreeSet<String>,
    /// Whether `spec.replicas` is in what `kubectl apply` applied last, so that leaving it out sets it to one; `None` where it never
    /// applied this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas_applied: Option<bool>,
    /// Where its deployer takes it from: each source of an Application of Argo CD, the one of a Kustomization of Flux. Empty where
    /// nothing tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<Kept>,
}

/// Which kind of autoscaler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScalerKind {
    /// A HorizontalPodAutoscaler that somebody wrote.
    HorizontalPodAutoscaler,
    /// KEDA's, which makes a HorizontalPodAutoscaler.
    ScaledObject,
}

/// The autoscaler of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scaler {
    /// Which kind.
    pub kind: ScalerKind,
    /// The HorizontalPodAutoscaler's name.
    pub name: String,
    /// Fewest replicas.
    pub min_replicas: u32,
    /// Most replicas.
    pub max_replicas: u32,
}

/// Labels by which nodes are chosen, with every value that nodes of one kind have; empty where nothing is known.
pub type NodeLabels = BTreeMap<String, BTreeSet<String>>;

/// The taint of nodes that one workload has for itself; its value tells which.
pub const OWN_NODES: &str = "gpuwise.dev/workload";

/// The live object behind a workload, as far as an edit of its manifest must know it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// `spec.replicas`, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// Its autoscaler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaler: Option<Scaler>,
    /// How it came into the cluster; `None` where the API did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployed: Option<Deployed>,
    /// The model server in it: `vllm`, `sglang`, `tgi`, `triton`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The query of what its gateway holds, as its owner told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_queue: Option<String>,
    /// Where its owner says that it is written down: a file or folder of the repository, and behind a `#` its name there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// Where its owner says that its settings stand in a file of values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<ValuesFile>,
    /// Labels of the nodes on which it runs.
    #[serde(default, skip_serializing_if = "NodeLabels::is_empty")]
    pub nodes: NodeLabels,
    /// DaemonSets on its nodes whose pods do not bear the taint [`OWN_NODES`], as `namespace/name`; `None` where nobody told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict_daemons: Option<BTreeSet<String>>,
    /// Whether Karpenter packs the pods of its nodes together, and the cluster's disruption budgets were read and none is about
    /// its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unguarded: bool,
}

/// The nodes that a change moves a workload to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landing {
    /// Their instance type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// Labels that nodes of this type and GPU have: those of the cluster's own, or else what their provider and NVIDIA write.
    pub labels: NodeLabels,
    /// Whether the cluster has such nodes now.
    pub there: bool,
}

/// Labels by which people choose nodes for their GPU, size, pool or price.
pub const CHOSEN_BY: [&str; 16] = [
    "cloud.google.com/gke-accelerator",
    "cloud.google.com/gke-nodepool",
    "cloud.google.com/gke-spot",
    "cloud.google.com/machine-family",
    "eks.amazonaws.com/capacityType",
    "eks.amazonaws.com/nodegroup",
    "karpenter.k8s.aws/instance-family",
    "karpenter.k8s.aws/instance-gpu-memory",
    "karpenter.k8s.aws/instance-gpu-name",
    "karpenter.sh/capacity-type",
    "karpenter.sh/nodepool",
    "kubernetes.azure.com/agentpool",
    "kubernetes.azure.com/scalesetpriority",
    "node.kubernetes.io/instance-type",
    "nvidia.com/gpu.memory",
    "nvidia.com/gpu.product",
];

/// The labels of these nodes by which people choose.
pub fn node_labels<'n>(nodes: impl IntoIterator<Item = &'n BTreeMap<String, String>>) -> NodeLabels {
    let mut found = NodeLabels::new();
    for labels in nodes {
        for key in CHOSEN_BY {
            if let Some(value) = labels.get(key) {
                found.entry(key.to_owned()).or_default().insert(value.clone());
            }
        }
    }
    found
}
