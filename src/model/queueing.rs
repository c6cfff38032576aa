//! Work that waits for quota: Kueue's queues as they were read, and what they say of workloads.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cluster::{Labels, ObjectRef, Resources};

/// Kueue's objects, as far as they are about GPUs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Queues {
    /// The queues that have quota.
    #[serde(default)]
    pub cluster_queues: Vec<ClusterQueue>,
    /// The queues that namespaces submit to.
    #[serde(default)]
    pub local_queues: Vec<LocalQueue>,
    /// What quota is of: kinds of nodes.
    #[serde(default)]
    pub flavors: Vec<Flavor>,
    /// What is or was in a queue and asks for GPUs.
    #[serde(default)]
    pub workloads: Vec<QueuedWorkload>,
}

impl Queues {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A ClusterQueue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterQueue {
    /// Its name.
    pub name: String,
    /// The cohort with which it shares quota.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cohort: Option<String>,
    /// Whether it admits nothing at present.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// Its quotas of GPUs.
    #[serde(default)]
    pub quotas: Vec<Quota>,
}

/// How much of a resource a queue may use, and does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Quota {
    /// Of which flavor.
    pub flavor: String,
    /// Of which resource, such as `nvidia.com/gpu`.
    pub resource: String,
    /// Its own quota, in devices.
    pub nominal: f64,
    /// What it may borrow from its cohort beyond that; `None` where there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub borrowing_limit: Option<f64>,
    /// What admitted workloads use of it, borrowed or not; `None` where Kueue does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<f64>,
}

/// A LocalQueue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalQueue {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The ClusterQueue behind it.
    pub cluster_queue: String,
}

/// A ResourceFlavor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flavor {
    /// Its name.
    pub name: String,
    /// Labels of its nodes.
    #[serde(default)]
    pub node_labels: Labels,
}

/// A Kueue Workload: a job, or a pod, on its way to quota.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct QueuedWorkload {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The job that it stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<ObjectRef>,
    /// Its LocalQueue.
    pub queue: String,
    /// The ClusterQueue that reserved quota for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_queue: Option<String>,
    /// The GPUs that all its pods ask for.
    #[serde(default)]
    pub gpus: Resources,
    /// Since when it has been waiting, or was until it was admitted; `None` where it was evicted and admitted again, since
    /// nothing tells when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<Timestamp>,
    /// When it was admitted, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admitted: Option<Timestamp>,
    /// Whether it is done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub finished: bool,
    /// Whether somebody set it aside (`active: false`), so that it waits for nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inactive: bool,
}

/// What a queue says of a workload.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Queueing {
    /// Its LocalQueue.
    pub queue: String,
    /// The ClusterQueue behind it, where known.
    pub cluster_queue: Option<String>,
    /// What is in the queue for it; `None` where only labels name the queue.
    pub runs: Option<QueuedRuns>,
    /// Quotas of GPUs of the ClusterQueue.
    #[serde(default)]
    pub quotas: Vec<Quota>,
}

/// Runs that are or were in a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct QueuedRuns {
    /// Admitted and not done.
    pub admitted: u32,
    /// Waiting.
    pub waiting: u32,
    /// GPUs that the waiting ones ask for.
    pub gpus_waiting: f64,
    /// Seconds for which the first of them has been waiting.
    pub waiting_seconds: Option<i64>,
    /// Seconds of the longest wait of all that still exist, admitted or not.
    pub longest_seconds: Option<i64>,
}

/// The name under which pods stand that wait for a node without a queue of Kueue: no ClusterQueue can have it.
pub const WITHOUT_A_QUEUE: &str = "(pods without a node)";

/// A ClusterQueue at the window's end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueueState {
    /// The queue with its quotas.
    pub queue: ClusterQueue,
    /// What is in it.
    pub runs: QueuedRuns,
}
