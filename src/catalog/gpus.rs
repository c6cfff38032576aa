//! GPUs: data sheets, the names under which they appear, and their MIG profiles.

use serde::{Deserialize, Deserializer};

use super::Provenance;
use crate::model::gpu::GpuModel;
use crate::model::units::Memory;

/// A GPU's data sheet. Peaks are dense: vendors' sheets quote twice that for 2:4 sparsity.
#[derive(Debug, Clone, Deserialize)]
pub struct GpuSpec {
    /// The canonical model.
    pub model: GpuModel,
    /// Memory of the whole board, the driver's reserve included.
    #[serde(rename = "memory_mib")]
    pub memory: Memory,
    /// Peak memory bandwidth, GB (10^9 bytes) per second.
    pub bandwidth_gb_per_second: f64,
    /// Peak half-precision tensor throughput, TFLOP/s.
    pub fp16_tflops: Option<f64>,
    /// Peak FP8 tensor throughput, TFLOP/s; `None` where the GPU has none or its figure is not known.
    pub fp8_tflops: Option<f64>,
    /// Board power limit, watts.
    pub tdp_watts: Option<f64>,
    /// CUDA compute capability, major and minor.
    #[serde(deserialize_with = "capability")]
    pub compute_capability: Option<(u8, u8)>,
    /// Whether it can be sliced.
    #[serde(deserialize_with = "yes_or_no")]
    pub mig: bool,
    /// Where the row comes from.
    #[serde(flatten)]
    pub provenance: Provenance,
}

/// One spelling of a GPU's name, normalised.
#[derive(Debug, Clone, Deserialize)]
pub struct GpuName {
    /// Upper case, dashes for blanks.
    pub name: String,
    /// The canonical model.
    pub model: GpuModel,
    /// Where the row comes from.
    #[serde(flatten)]
    pub provenance: Provenance,
}

/// One way to slice a GPU.
#[derive(Debug, Clone, Deserialize)]
pub struct MigProfile {
    /// The GPU.
    pub gpu: GpuModel,
    /// The profile, such as `1g.10gb`.
    pub profile: String,
    /// How many of it one GPU holds when it holds nothing else.
    pub max_per_gpu: u32,
    /// Where the row comes from.
    #[serde(flatten)]
    pub provenance: Provenance,
}

/// A name as the table has it: blanks are dashes (the exporter can do that itself), case does not matter, and what GPU
/// feature discovery appends for sharing (`-SHARED`) and MIG (`-MIG-<profile>`) says nothing of the board.
pub fn normalised(name: &str) -> String {
    let name = name.trim().replace(' ', "-").to_uppercase();
    let name = name.strip_suffix("-SHARED").unwrap_or(&name);
    let board = name.split_once("-MIG-").map_or(name, |(board, _)| board);
    board.to_owned()
}

fn yes_or_no<'de, D: Deserializer<'de>>(input: D) -> Result<bool, D::Error> {
    match String::deserialize(input)?.as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        other => Err(serde::de::Error::custom(format!("expected yes or no, got `{other}`"))),
    }
}

fn capability<'de, D: Deserializer<'de>>(input: D) -> Result<Option<(u8, u8)>, D::Error> {
    let text = String::deserialize(input)?;
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = text
        .split_once('.')
        .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    parsed
        .map(Some)
        .ok_or_else(|| serde::de::Error::custom(format!("expected major.minor, got `{text}`")))
}
