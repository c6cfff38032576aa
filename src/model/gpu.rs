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
