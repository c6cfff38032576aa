//! What GPUs cost: by the list, as this cluster pays for them, by other ways to buy them, and per hour of real work.

use serde::Serialize;

use super::time::Window;
use super::units::Hourly;
use super::workload::PriceSource;

/// Prices of the GPUs that a cluster has or may have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prices {
    /// The interface's version.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// `Prices`.
    pub kind: String,
    /// The cluster.
    pub cluster: String,
    /// The history that the measured figures stand on.
    pub window: Window,
    /// The currency of every figure.
    pub currency: String,
    /// By GPU model, those of the cluster first.
    pub gpus: Vec<GpuPrices>,
    /// Prices that were not believed or not known.
    pub gaps: Vec<PriceGap>,
}

/// Prices of one GPU of a model, an hour, with its share of the node. `None` is not known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GpuPrices {
    /// The model.
    pub gpu: String,
    /// How many of them the cluster's nodes have now.
    pub gpus: u32,
    /// By the price sheet or the public list.
    pub on_demand: Option<Figure>,
    /// What the cluster really pays: its nodes' measured or agreed prices over their GPUs.
    pub effective: Option<Figure>,
    /// Under a commitment.
    pub committed: Option<Figure>,
    /// As spot capacity.
    pub spot: Option<Figure>,
    /// What the hours held by workloads cost, over the hours in which their GPUs were busy.
    pub busy_hour: Option<Figure>,
}

/// A price with its origin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// Of one GPU.
    pub hourly: Hourly,
    /// What it is of, such as `p5.48xlarge / 8`.
    pub of: String,
    /// Who says so, and when.
    #[serde(flatten)]
    pub price: PriceSource,
}

/// A price that is in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceGap {
    /// What is not known.
    pub what: String,
    /// Why.
    pub why: String,
    /// What to do.
    pub fix: String,
}
