//! Devices that drivers offer and resource claims hold (dynamic resource allocation, `resource.k8s.io`).

use serde::{Deserialize, Serialize};

/// Where a device is to be found: unique in a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceAddress {
    /// The driver that hands it out, such as `gpu.nvidia.com`.
    pub driver: String,
    /// The driver's pool, mostly one a node.
    pub pool: String,
    /// Its name in the pool, such as `gpu-0`.
    pub device: String,
}

/// A GPU, or a slice of one, as a driver's ResourceSlices offer it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OfferedDevice {
    /// Where it is to be found.
    #[serde(flatten)]
    pub address: DeviceAddress,
    /// The node it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The product name as the driver gives it, such as `NVIDIA H100 80GB HBM3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Its UUID: the GPU's, or the MIG device's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// UUID of the GPU that it is a slice of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_uuid: Option<String>,
    /// The PCI address of its GPU, the same for a GPU, its slices, and the GPU as a virtual machine would take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pci_bus_id: Option<String>,
    /// The MIG profile, such as `1g.10gb`; `None` is a whole GPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Whether it exists only once it is claimed: one of the ways to cut a GPU, and not one that was cut.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_demand: bool,
}

/// A ResourceClaim that has its devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceClaim {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The GPUs and slices allocated to it; those with administrator's access, which take nothing from anybody, left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceAddress>,
    /// UIDs of those that may use it: pods, each with all its devices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reserved_for: Vec<String>,
}

/// The claim that the scheduler makes for a pod whose extended resources DRA provides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtendedClaim {
    /// The claim's name.
    pub claim: String,
    /// The resources in the pod's requests that it stands for: they are not to be counted beside it.
    pub resources: Vec<String>,
}

/// Whether a DRA driver hands out GPUs. Others hand out network devices, or channels between GPUs.
pub fn is_gpu_driver(driver: &str) -> bool {
    driver.starts_with("gpu.") || driver == "gaudi.intel.com"
}
