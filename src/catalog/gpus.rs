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
    pub bandwidth_gb_per_second: Option<f64>,
    /// Peak half-precision tensor throughput, TFLOP/s.
    pub fp16_tflops: Option<f64>,
    /// Peak FP8 tensor throughput, TFLOP/s; `None` where the GPU has none or its figure is not known.
    pub fp8_tflops: Option<f64>,
    /// Whether its tensor cores compute in FP8; without them FP8 weights save memory only.
    #[serde(deserialize_with = "yes_or_no")]
    pub fp8: bool,
    /// Peak single-precision throughput outside tensor cores, TFLOP/s.
    pub fp32_tflops: Option<f64>,
    /// Board power limit, watts.
    pub tdp_watts: Option<f64>,
    /// CUDA compute capability, major and minor.
    #[serde(deserialize_with = "capability")]
    pub compute_capability: Option<(u8, u8)>,
    /// Whether it can be sliced.
    #[serde(deserialize_with = "yes_or_no")]
    pub mig: bool,
    /// Whether NVLink joins the GPUs of a usual server board; `None` where boards differ or nothing is known.
    #[serde(deserialize_with = "yes_no_or_unknown")]
    pub nvlink: Option<bool>,
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
    /// Memory of one slice as nvidia-smi prints it, below the name's round figure; drivers differ by a few hundred MiB.
    #[serde(rename = "memory_mib")]
    pub memory: Option<Memory>,
    /// Where the row comes from.
    #[serde(flatten)]
    pub provenance: Provenance,
}

impl MigProfile {
    /// How many of the GPU's compute slices it takes.
    pub fn compute_slices(&self) -> Option<u32> {
        compute_slices(&self.profile)
    }
}

/// The compute slices that a profile's name gives: 3 for `3g.20gb`, `3g.20gb+me` and `3g.20gb.me`, and 1 for
/// `1c.3g.20gb`, a compute instance that shares the memory of its three slices with others.
pub fn compute_slices(profile: &str) -> Option<u32> {
    let count = |part: &str, unit: char| part.strip_suffix(unit)?.parse().ok().filter(|n| (1..=7).contains(n));
    let (first, rest) = profile.trim().split_once('.')?;
    if let Some(own) = count(first, 'c') {
        let (slices, memory) = rest.split_once('.')?;
        count(slices, 'g').filter(|whole| *whole >= own && has_size(memory))?;
        return Some(own);
    }
    count(first, 'g').filter(|_| has_size(rest))
}

/// Whether a profile's tail begins with a size such as `10gb`.
fn has_size(tail: &str) -> bool {
    let digits = tail.trim_start_matches(|c: char| c.is_ascii_digit());
    digits.len() < tail.len() && digits.starts_with("gb")
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

fn yes_no_or_unknown<'de, D: Deserializer<'de>>(input: D) -> Result<Option<bool>, D::Error> {
    match String::deserialize(input)?.as_str() {
        "yes" => Ok(Some(true)),
        "no" => Ok(Some(false)),
        "" => Ok(None),
        other => Err(serde::de::Error::custom(format!(
            "expected yes, no or nothing, got `{other}`"
        ))),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_names_its_compute_slices() {
        for (profile, slices) in [
            ("1g.5gb", Some(1)),
            ("3g.20gb", Some(3)),
            ("7g.141gb", Some(7)),
            ("4g.96gb", Some(4)),
            ("1g.10gb+me", Some(1)),
            ("1g.10gb.me", Some(1)),
            ("1g.24gb-me", Some(1)),
            ("1c.3g.20gb", Some(1)),
            ("2c.7g.80gb", Some(2)),
            ("3c.2g.20gb", None),
            ("8g.96gb", None),
            ("0g.5gb", None),
            ("1g", None),
            ("1g.gb", None),
            ("gpu", None),
        ] {
            assert_eq!(compute_slices(profile), slices, "{profile}");
        }
    }
}
