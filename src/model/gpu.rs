//! What a GPU is: a canonical model name, and perhaps a MIG slice of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A canonical GPU model such as `H100-80GB`, `A100-80GB`, `L40S`: the key of the catalogue's GPU table. A model the
/// catalogue does not know keeps the name it was read under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GpuModel(pub String);

impl fmt::Display for GpuModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A whole GPU or one MIG slice of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GpuKind {
    /// The GPU.
    pub model: GpuModel,
    /// The slice, such as `1g.10gb`; `None` is the whole GPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mig: Option<String>,
}

impl GpuKind {
    /// A whole GPU of this model.
    pub fn whole(model: &str) -> Self {
        Self {
            model: GpuModel(model.to_owned()),
            mig: None,
        }
    }

    /// One MIG slice of this model.
    pub fn slice(model: &str, profile: &str) -> Self {
        Self {
            model: GpuModel(model.to_owned()),
            mig: Some(profile.to_owned()),
        }
    }
}

impl fmt::Display for GpuKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.mig {
            Some(profile) => write!(f, "{}/{profile}", self.model),
            None => write!(f, "{}", self.model),
        }
    }
}

/// What an extended resource is, where it is a GPU or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GpuResource<'n> {
    /// Whole GPUs, or what the node offers as such (slices under MIG's `single` strategy, time slices).
    Gpu,
    /// Time slices, or MPS shares, under a name of their own.
    Shared,
    /// Slices of this MIG profile, or of another vendor's partition.
    Slice(&'n str),
}

/// Reads a resource's name: `nvidia.com/gpu` and `nvidia.com/mig-1g.10gb` are, `nvidia.com/gpumem` (an amount of memory),
/// `nvidia.com/hostdev` and network devices are not. Names as the device plugins of NVIDIA, AMD, Intel and Alibaba Cloud
/// register them.
pub fn gpu_resource(name: &str) -> Option<GpuResource<'_>> {
    let (vendor, device) = name.split_once('/')?;
    match (vendor, device) {
        ("nvidia.com" | "amd.com", "gpu")
        | ("gpu.intel.com", "i915" | "xe")
        | ("habana.ai", "gaudi")
        | ("alibabacloud.com", "gpu-count") => Some(GpuResource::Gpu),
        ("nvidia.com", "gpu.shared") => Some(GpuResource::Shared),
        ("nvidia.com", device) => {
            let profile = device.strip_prefix("mig-")?;
            Some(GpuResource::Slice(profile.strip_suffix(".shared").unwrap_or(profile)))
        }
        // Instinct's partitions: single, dual, quad and core, each with a memory mode.
        ("amd.com", device) => device.contains("px_nps").then_some(GpuResource::Slice(device)),
        _ => None,
    }
}

/// One device as its exporter names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceId {
    /// The node, or what the exporter calls its host.
    pub node: String,
    /// The GPU's UUID.
    pub uuid: String,
    /// The MIG instance on it (`GPU_I_ID`), where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mig_instance: Option<String>,
}
