//! What the cost source told of nodes and of everything else, before any reduction.

use serde::{Deserialize, Serialize};

/// What a node cost over the window, GPUs, CPUs and memory together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeCost {
    /// The node.
    pub node: String,
    /// Its instance type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// Its region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Hours for which it was billed.
    pub hours: f64,
    /// What it cost in those hours, adjustments included.
    pub total_cost: f64,
    /// Its GPUs, where the source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<f64>,
    /// Whether it was spot capacity, where the source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot: Option<bool>,
    /// Whether the source adjusted list prices to the bill.
    #[serde(default)]
    pub adjusted: bool,
    /// Whether the source knew no price and took its built-in ones for a core, a GiB and a GPU.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_default: bool,
    /// Who says so.
    #[serde(default, skip_serializing_if = "CostProduct::is_open_cost")]
    pub told_by: CostProduct,
}

/// Which product tells costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CostProduct {
    /// OpenCost.
    #[default]
    OpenCost,
    /// Kubecost, which is built on it.
    Kubecost,
}

impl CostProduct {
    /// Whether it is OpenCost itself.
    pub fn is_open_cost(&self) -> bool {
        *self == Self::OpenCost
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenCost => "OpenCost",
            Self::Kubecost => "Kubecost",
        }
    }
}

/// Where money goes besides nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CostCategory {
    /// Volumes.
    Storage,
    /// Traffic and load balancers.
    Network,
    /// Control planes, shared and external cost.
    Other,
}

/// Cost of the window that is no node's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OtherCost {
    /// What for.
    pub category: CostCategory,
    /// What it cost over the window.
    pub total_cost: f64,
    /// Hours of the window that the figure covers.
    pub hours: f64,
}
