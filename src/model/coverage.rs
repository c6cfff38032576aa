//! What was seen of a cluster, and what was not, as a plan tells it.

use serde::{Deserialize, Serialize};

use super::units::Monthly;

/// What was seen of the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Clusters in the plan.
    pub clusters: Vec<String>,
    /// GPUs on the nodes.
    pub gpus: u32,
    /// GPUs of which any signal was read.
    pub gpus_with_metrics: u32,
    /// Workloads with GPUs.
    pub workloads: u32,
    /// Samples that were read of workloads.
    pub samples: u64,
    /// Share of spend that every lever could judge.
    pub spend_judged: Option<f64>,
    /// Share of spend of which some lever could not tell.
    pub spend_unknown: Option<f64>,
    /// Share of spend that no lever looks at.
    pub spend_out_of_scope: Option<f64>,
    /// What is missing, the most expensive first.
    pub gaps: Vec<GapRow>,
}

/// A gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GapRow {
    /// What is missing.
    pub what: String,
    /// Why.
    pub why: String,
    /// What closes it.
    pub fix: String,
    /// Spend behind it.
    pub monthly: Option<Monthly>,
}
