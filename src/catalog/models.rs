//! Open models: how large they are, and what their caches take.

use serde::{Deserialize, Deserializer};

use super::Provenance;
use crate::model::serving::Precision;

/// How a model attends, which decides what a token leaves in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Attention {
    /// Keys and values of every layer, for all heads or for groups of them.
    Gqa,
    /// Compressed keys and values (DeepSeek).
    Mla,
    /// Some or all layers keep a window only.
    Sliding,
    /// Some layers keep no keys and values at all, or a different number of them.
    Hybrid,
    /// Nothing is kept from one step to the next (embedding models, rerankers).
    None,
    /// The row's source does not say.
    Unknown,
}

/// An open model.
#[derive(Debug, Clone, Deserialize)]
pub struct ModelSpec {
    /// Its Hugging Face id.
    pub id: String,
    /// Other names of models with the same architecture and size, without their organisation.
    #[serde(deserialize_with = "bar_separated")]
    pub aliases: Vec<String>,
    parameters_b: Option<f64>,
    active_b: Option<f64>,
    /// Transformer layers.
    pub layers: Option<u32>,
    /// Heads that have keys and values of their own.
    pub kv_heads: Option<u32>,
    /// Numbers per head.
    pub head_dim: Option<u32>,
    /// How it attends.
    pub attention: Attention,
    /// How its weights are published; `None` where the source does not say.
    pub precision: Option<Precision>,
    /// Where the row comes from.
    #[serde(flatten)]
    pub provenance: Provenance,
}

impl ModelSpec {
    /// All its parameters, in units: what its weights take memory for.
    pub fn parameters(&self) -> Option<f64> {
        self.parameters_b.map(|billions| billions * 1e9)
    }

    /// The parameters that one token uses, in units: fewer than all where experts are chosen. `None` where the table does
    /// not tell experts from a dense model.
    pub fn active_parameters(&self) -> Option<f64> {
        let told = !matches!(self.attention, Attention::None | Attention::Unknown);
        let billions = self.active_b.or(self.parameters_b.filter(|_| told));
        billions.map(|billions| billions * 1e9)
    }

    /// Bytes that a token's keys and values take over all layers, stored at this precision; `None` where the plain
    /// product of layers, heads and numbers does not hold or its factors are not known.
    pub fn kv_bytes_per_token(&self, precision: Precision) -> Option<f64> {
        if self.attention != Attention::Gqa {
            return None;
        }
        let numbers = 2.0 * f64::from(self.layers?) * f64::from(self.kv_heads?) * f64::from(self.head_dim?);
        Some(numbers * precision.bytes())
    }
}

/// What quantizers append to names, longest first where one ends another. GGUF's formats mix widths, so they say nothing
/// that a [`Precision`] could hold.
const SUFFIXES: [(&str, Option<Precision>); 31] = [
    ("-unsloth-bnb-4bit", Some(Precision::Int4)),
    ("-bnb-4bit", Some(Precision::Int4)),
    ("-bnb-8bit", Some(Precision::Int8)),
    ("-4bit", Some(Precision::Int4)),
    ("-8bit", Some(Precision::Int8)),
    ("-awq-int4", Some(Precision::Int4)),
    ("-awq-4bit", Some(Precision::Int4)),
    ("-awq", Some(Precision::Int4)),
    ("-gptq-int4", Some(Precision::Int4)),
    ("-gptq-int8", Some(Precision::Int8)),
    ("-gptq", Some(Precision::Int4)),
    ("-int4", Some(Precision::Int4)),
    ("-int8", Some(Precision::Int8)),
    ("-quantized.w4a16", Some(Precision::Int4)),
    ("-quantized.w8a16", Some(Precision::Int8)),
    ("-quantized.w8a8", Some(Precision::Int8)),
    ("-w4a16", Some(Precision::Int4)),
    ("-w8a16", Some(Precision::Int8)),
    ("-w8a8", Some(Precision::Int8)),
    ("-fp8-static-pertensor", Some(Precision::Fp8)),
    ("-fp8-dynamic", Some(Precision::Fp8)),
    ("-fp8-block", Some(Precision::Fp8)),
    ("-fp8-kv", Some(Precision::Fp8)),
    ("-fp8", Some(Precision::Fp8)),
    ("-nvfp4", Some(Precision::Fp4)),
    ("-mxfp4", Some(Precision::Fp4)),
    ("-fp4", Some(Precision::Fp4)),
    ("-bf16", Some(Precision::Bf16)),
    ("-fp16", Some(Precision::Fp16)),
    ("-gguf", None),
    (":latest", None),
];

/// The precision that a name's ending gives, such as 4-bit integers for `...-AWQ`.
pub fn quantization_hint(name: &str) -> Option<Precision> {
    stripped(tail(name)).1
}

/// Whether a name says that its weights are in one of GGUF's formats, whose widths are mixed.
pub fn is_gguf(name: &str) -> bool {
    let name = name.to_lowercase();
    name.ends_with(".gguf") || name.contains("-gguf") || tail(&name).contains("-q") && gguf_stem(tail(&name)).is_some()
}

/// The row of a model: whole id first, then the part after the slash and the aliases, then the same without suffixes.
pub(super) fn find<'a>(models: &'a [ModelSpec], name: &str) -> Option<&'a ModelSpec> {
    let name = name.trim().trim_end_matches('/');
    if name.is_empty() {
        return None;
    }
    if let Some(exact) = models.iter().find(|row| row.id.eq_ignore_ascii_case(name)) {
        return Some(exact);
    }
    let named = |short: &str| {
        models.iter().find(|row| {
            tail(&row.id).eq_ignore_ascii_case(short) || row.aliases.iter().any(|a| a.eq_ignore_ascii_case(short))
        })
    };
    let short = tail(name);
    named(short).or_else(|| named(&stripped(short).0))
}

/// The part of an id, path or address after its last slash.
fn tail(name: &str) -> &str {
    let name = name.trim().trim_end_matches('/');
    name.rsplit_once('/').map_or(name, |(_, tail)| tail)
}

/// A name without what quantizers append to it, and what that said; the innermost statement about width wins.
fn stripped(name: &str) -> (String, Option<Precision>) {
    let mut name = name.to_lowercase();
    let mut said = None;
    if let Some(stem) = gguf_stem(&name) {
        name.truncate(stem);
    }
    while let Some((stem, hint)) = SUFFIXES
        .iter()
        .find_map(|(suffix, hint)| Some((name.strip_suffix(suffix)?.len(), *hint)))
    {
        name.truncate(stem);
        said = said.or(hint);
    }
    (name, said)
}

/// Where the ending of a GGUF file or Ollama tag such as `-Q4_K_M.gguf`, `:8b-instruct-q8_0` begins.
fn gguf_stem(name: &str) -> Option<usize> {
    let name = name.to_lowercase();
    let bare = name.strip_suffix(".gguf").unwrap_or(&name);
    let cut = bare.rfind(['-', '.']).filter(|at| {
        let mut format = bare[at + 1..].chars();
        format.next() == Some('q') && format.next().is_some_and(|c| c.is_ascii_digit()) && bare[at + 1..].contains('_')
    });
    match cut {
        // Ollama's tags put the kind of tuning between size and format.
        Some(at) if bare.contains(':') => Some(bare.find("-instruct").or_else(|| bare.find("-chat")).unwrap_or(at)),
        Some(at) => Some(at),
        None => (bare.len() < name.len()).then_some(bare.len()),
    }
}

fn bar_separated<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    let text = String::deserialize(input)?;
    Ok(text
        .split('|')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use std::collections::BTreeMap;

    #[test]
    fn the_caches_of_known_models_take_what_is_published_for_them() {
        let catalog = Catalog::shipped().unwrap();
        let bytes = |name: &str| catalog.model(name).unwrap().kv_bytes_per_token(Precision::Bf16);
        assert_eq!(bytes("meta-llama/Meta-Llama-3-8B-Instruct"), Some(131_072.0));
        assert_eq!(bytes("meta-llama/Llama-3.3-70B-Instruct"), Some(327_680.0));
        assert_eq!(bytes("Qwen/Qwen3-32B"), Some(262_144.0));
        assert_eq!(bytes("Qwen/Qwen3-32B-FP8"), Some(262_144.0));
        assert_eq!(bytes("deepseek-ai/DeepSeek-R1"), None);
        assert_eq!(bytes("google/gemma-2-9b-it"), None);
        assert_eq!(bytes("BAAI/bge-m3"), None);
        let llama = catalog.model("Llama-3.1-8B").unwrap();
        assert_eq!(llama.kv_bytes_per_token(Precision::Fp8), Some(65_536.0));
    }

    #[test]
    fn a_model_goes_by_many_names() {
        let catalog = Catalog::shipped().unwrap();
        let id = |name: &str| catalog.model(name).map(|row| row.id.as_str());
        let llama = Some("meta-llama/Llama-3.1-8B-Instruct");
        assert_eq!(id("meta-llama/llama-3.1-8b-instruct"), llama);
        assert_eq!(id("Meta-Llama-3.1-8B-Instruct"), llama);
        assert_eq!(id("hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4"), llama);
        assert_eq!(id("RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w8a8"), llama);
        assert_eq!(id("unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit"), llama);
        assert_eq!(id("/models/Llama-3.1-8B-Instruct/"), llama);
        assert_eq!(id("s3://weights/Llama-3.1-8B-Instruct"), llama);
        assert_eq!(id("llama3.1:8b-instruct-q4_K_M"), llama);
        assert_eq!(id("Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf"), llama);
        assert_eq!(id("llama3.1:latest"), llama);
        assert_eq!(
            id("Qwen/Qwen2.5-72B-Instruct-GPTQ-Int4"),
            Some("Qwen/Qwen2.5-72B-Instruct")
        );
        assert_eq!(
            id("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-NVFP4"),
            Some("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16")
        );
        assert_eq!(id("Llama-3.1-8B-of-mine"), None);
        assert_eq!(id(""), None);
    }

    #[test]
    fn a_name_tells_how_its_weights_are_stored() {
        assert_eq!(quantization_hint("Qwen/Qwen2.5-7B-Instruct-AWQ"), Some(Precision::Int4));
        assert_eq!(quantization_hint("x/y-GPTQ-Int8"), Some(Precision::Int8));
        assert_eq!(quantization_hint("x/y-FP8-dynamic"), Some(Precision::Fp8));
        assert_eq!(quantization_hint("x/y-NVFP4"), Some(Precision::Fp4));
        assert_eq!(quantization_hint("x/y-Q4_K_M.gguf"), None);
        assert_eq!(quantization_hint("Qwen/Qwen3-8B"), None);
        assert!(is_gguf("x/y-Q4_K_M.gguf") && is_gguf("bartowski/y-GGUF") && is_gguf("llama3.1:8b-instruct-q8_0"));
        assert!(!is_gguf("Qwen/QwQ-32B") && !is_gguf("Qwen/Qwen3-8B"));
    }

    #[test]
    fn no_name_is_two_models_and_every_plain_row_has_its_factors() {
        let catalog = Catalog::shipped().unwrap();
        assert!(catalog.models().len() > 100);
        let mut seen = BTreeMap::new();
        for row in catalog.models() {
            for name in std::iter::once(tail(&row.id)).chain(row.aliases.iter().map(String::as_str)) {
                let other = seen.insert(name.to_lowercase(), &row.id);
                assert!(other.is_none(), "{name} is both {other:?} and {}", row.id);
            }
            if row.attention == Attention::Gqa {
                assert!(row.kv_bytes_per_token(Precision::Bf16).is_some(), "{}", row.id);
                assert!(row.parameters().is_some() && row.precision.is_some(), "{}", row.id);
            }
            if let (Some(active), Some(all)) = (row.active_parameters(), row.parameters()) {
                assert!(active <= all, "{}", row.id);
            }
        }
    }
}
