//! What a model server serves: the model, how its weights are stored and split, and how much cache it holds.

use serde::{Deserialize, Serialize};

use super::units::Memory;

/// How numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    Fp32,
    /// bfloat16; needs compute capability 8.0.
    Bf16,
    /// 16-bit floats.
    Fp16,
    /// 8-bit floats.
    Fp8,
    /// 8-bit integers.
    Int8,
    /// 4-bit integers (AWQ, GPTQ).
    Int4,
    /// 4-bit floats.
    Fp4,
}

impl Precision {
    /// As plans write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Bf16 => "bf16",
            Self::Fp16 => "fp16",
            Self::Fp8 => "fp8",
            Self::Int8 => "int8",
            Self::Int4 => "int4",
            Self::Fp4 => "fp4",
        }
    }

    /// Bytes that one parameter takes, scales of quantized formats included at their published upper end.
    pub fn bytes(self) -> f64 {
        match self {
            Self::Fp32 => 4.0,
            Self::Bf16 | Self::Fp16 => 2.0,
            Self::Fp8 | Self::Int8 => 1.0,
            Self::Int4 | Self::Fp4 => 0.56,
        }
    }
}

/// The cache of keys and values that a server reserves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KvCache {
    /// Tokens that fit one replica (`num_gpu_blocks` times `block_size`).
    pub tokens: u64,
    /// Bytes a token takes over all the replica's GPUs; `None` where the architecture is not known.
    pub bytes_per_token: Option<f64>,
}

/// What a serving workload serves. Every field that could not be told is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Serving {
    /// `vllm`, `sglang`, `tgi`, `triton`, ...
    pub server: String,
    /// Whether the server takes its memory at the start, so that what is in use says nothing of need.
    pub preallocates: bool,
    /// The model's name as the server was told.
    pub model: Option<String>,
    /// Its parameters, in units.
    pub parameters: Option<f64>,
    /// How its weights are stored.
    pub precision: Option<Precision>,
    /// GPUs over which each layer is split.
    pub tensor_parallel: Option<u32>,
    /// Its cache.
    pub kv_cache: Option<KvCache>,
    /// Requests in execution at once at most, by its arguments.
    #[serde(default)]
    pub most_running: Option<u32>,
    /// Tokens that one step computes at most, by its arguments.
    #[serde(default)]
    pub step_tokens: Option<u32>,
    /// Whether it keeps what prompts have in common, where its arguments say.
    #[serde(default)]
    pub prefix_cache: Option<bool>,
    /// Where each of these was read.
    pub because: Vec<String>,
}

impl Serving {
    /// Memory of the weights on each GPU.
    pub fn weights_per_gpu(&self) -> Option<Memory> {
        let split = f64::from(self.tensor_parallel?.max(1));
        Some(Memory::from_bytes(self.parameters? * self.precision?.bytes() / split))
    }

    /// Memory on each GPU of a cache that is full to this share.
    pub fn cache_per_gpu(&self, used: f64) -> Option<Memory> {
        let cache = self.kv_cache?;
        let split = f64::from(self.tensor_parallel?.max(1));
        Some(Memory::from_bytes(
            cache.tokens as f64 * cache.bytes_per_token? * used / split,
        ))
    }
}
