//! Instance types with GPUs, and their list prices.

use serde::Deserialize;

use super::Provenance;
use crate::model::gpu::GpuModel;
use crate::model::units::{Hourly, Memory};

/// An instance type of a cloud provider. Types with a fraction of a GPU (`g6f`, `Standard_NV6ads_A10_v5`, `g4-standard-6`)
/// are left out, so that none of them passes for a whole one.
#[derive(Debug, Clone, Deserialize)]
pub struct InstanceType {
    /// `aws`, `azure` or `gcp`.
    pub provider: String,
    /// The name that nodes carry.
    pub instance_type: String,
    /// The GPU it carries.
    pub gpu: GpuModel,
    /// How many of them.
    pub gpus: u32,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Main memory.
    #[serde(rename = "memory_mib")]
    pub memory: Memory,
    /// The region of the price.
    pub region: String,
    usd_per_hour: Option<f64>,
    /// Where the row comes from.
    #[serde(flatten)]
    pub provenance: Provenance,
}

impl InstanceType {
    /// The on-demand list price of the whole node in US dollars; `None` where the source has none. A price per GPU is
    /// this over [`gpus`](Self::gpus), and a freed GPU leaves the bill only with its node.
    pub fn list_price(&self) -> Option<Hourly> {
        self.usd_per_hour.map(Hourly::new)
    }
}
