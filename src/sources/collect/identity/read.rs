//! The single facts of a model server's command line.

use super::command::Given;
use super::{Found, Server, is_model_id};
use crate::catalog::Catalog;
use crate::catalog::models::{ModelSpec, is_gguf, quantization_hint};
use crate::model::serving::Precision;

impl Found<'_> {
    /// An option, or the environment variable that stands for it.
    fn given(&self, options: &[&str], variables: &[&str]) -> Option<Given> {
        let variable = || variables.iter().find_map(|name| self.container.env.get(*name));
        let read = |value: &String| {
            if value.contains('$') {
                Given::Unknown(value.clone())
            } else {
                Given::Value(value.clone())
            }
        };
        self.command.option(options).or_else(|| variable().map(read))
    }

    pub(super) fn dtype(&self) -> Option<Given> {
        self.given(&["--dtype"], &["DTYPE"])
    }

    /// The model as the server was told, else as its metrics name it.
    pub(super) fn model(&self, label: Option<&str>, because: &mut Vec<String>) -> Option<String> {
        let command = &self.command;
        let first = || command.first().filter(|word| is_model_id(word)).map(Given::new);
        let given = match self.server {
            Server::Vllm => command
                .positional("vllm", &["serve"])
                .or_else(|| self.given(&["--model", "--model-id", "--model-dir", "--model-path"], &[]))
                .or_else(first),
            Server::Sglang => self.given(&["--model-path", "--model"], &[]),
            Server::Tgi | Server::Tei => self.given(&["--model-id"], &["MODEL_ID", "HF_MODEL_ID"]),
            Server::TrtLlm => command
                .positional("trtllm-serve", &["serve"])
                .or_else(|| self.given(&["--model-path", "--model"], &[])),
            Server::LlamaCpp => self.given(
                &["-m", "--model", "-hf", "-hfr", "--hf-repo"],
                &["LLAMA_ARG_MODEL", "LLAMA_ARG_HF_REPO"],
            ),
            Server::Ollama => command.positional("ollama", &["run", "pull"]).filter(
                |given| !matches!(given, Given::Value(word) if word == "serve" || word == "run" || word == "pull"),
            ),
            // Its repository may hold many.
            Server::Triton => None,
        };
        match given {
            Some(Given::Value(model)) => {
                because.push(format!("model `{model}`: container `{}`", self.container.name));
                return Some(model);
            }
            Some(Given::Unknown(word)) => because.push(format!("the command names the model by a variable, `{word}`")),
            None => {}
        }
        let label = label.filter(|label| !label.is_empty())?;
        because.push(format!("model `{label}`: label model_name of its metrics"));
        Some(label.to_owned())
    }

    /// The catalogue's row: by the model's name, else, where that is a path, by the name that the metrics give it.
    pub(super) fn spec<'c>(
        &self,
        model: Option<&str>,
        label: Option<&str>,
        catalog: &'c Catalog,
    ) -> Option<&'c ModelSpec> {
        let model = model?;
        let repository = match self.server {
            // A repository's name may carry the file's format: `owner/name-GGUF:Q4_K_M`.
            Server::LlamaCpp => model.rsplit_once(':').map_or(model, |(name, _)| name),
            _ => model,
        };
        let path = model.starts_with('/') || model.contains("://");
        catalog
            .model(repository)
            .or_else(|| label.filter(|_| path).and_then(|label| catalog.model(label)))
    }

    /// The parameters of the weights that the server holds.
    pub(super) fn parameters(
        &self,
        model: Option<&str>,
        spec: Option<&ModelSpec>,
        because: &mut Vec<String>,
    ) -> Option<f64> {
        let model = model?;
        const ADAPTERS: [&str; 5] = [
            "--enable-lora",
            "--lora-modules",
            "--lora-paths",
            "--lora-adapters",
            "--lora",
        ];
        if self.command.has(&ADAPTERS) || self.container.env.contains_key("LORA_ADAPTERS") {
            because.push("parameters unknown: adapters (LoRA) are loaded beside the model".to_owned());
            return None;
        }
        const DRAFTS: [&str; 5] = [
            "--speculative-config",
            "--speculative-model",
            "--speculative-draft-model-path",
            "--speculative-draft-model",
            "--model-draft",
        ];
        let draft = self.command.option(&DRAFTS);
        // Guessing from the prompt's own n-grams needs no second model.
        let ngrams = matches!(&draft, Some(Given::Value(text)) if text.to_lowercase().contains("ngram"));
        if self.command.has(&DRAFTS) && !ngrams {
            because
                .push("parameters unknown: a draft model (speculative decoding) is loaded beside the model".to_owned());
            return None;
        }
        if let Some(spec) = spec {
            let parameters = spec.parameters()?;
            let billions = parameters / 1e9;
            let source = &spec.provenance.source;
            because.push(format!(
                "{billions} billion parameters: catalogue, {} ({source})",
                spec.id
            ));
            return Some(parameters);
        }
        let (parameters, at_most) = parameters_in_name(model)?;
        let bound = if at_most { "at most " } else { "" };
        because.push(format!(
            "{bound}{} billion parameters: only the name `{model}` says so, the catalogue does not have it",
            parameters / 1e9
        ));
        Some(parameters)
    }

    /// How the weights are stored.
    pub(super) fn precision(
        &self,
        model: Option<&str>,
        spec: Option<&ModelSpec>,
        because: &mut Vec<String>,
    ) -> Option<Precision> {
        let hint = model.and_then(quantization_hint);
        let flag = self.given(&["--quantization", "-q", "--quantize"], &["QUANTIZE", "QUANTIZATION"]);
        match flag {
            Some(Given::Unknown(word)) => {
                because.push(format!("precision unknown: quantization is a variable, `{word}`"));
                return None;
            }
            Some(Given::Value(method)) if !matches!(method.to_lowercase().as_str(), "none" | "null") => {
                let precision = hint.or_else(|| self.quantized(&method));
                because.push(match precision {
                    Some(precision) => format!("precision {precision:?}: quantization `{method}`"),
                    None => format!("precision unknown: quantization `{method}` does not tell the width"),
                });
                return precision;
            }
            _ => {}
        }
        if let Some(precision) = hint {
            because.push(format!("precision {precision:?}: the model's name"));
            return Some(precision);
        }
        // Files of these two are quantized unless they say otherwise, in formats of mixed width.
        if matches!(self.server, Server::LlamaCpp | Server::Ollama) || model.is_some_and(is_gguf) {
            return None;
        }
        let native = spec.and_then(|spec| spec.precision);
        let published = |precision| {
            matches!(
                precision,
                Precision::Fp8 | Precision::Int8 | Precision::Int4 | Precision::Fp4
            )
        };
        if !native.is_some_and(published) {
            match self.dtype() {
                Some(Given::Value(name)) if name != "auto" => {
                    let precision = dtype(&name)?;
                    because.push(format!("precision {precision:?}: dtype `{name}`"));
                    return Some(precision);
                }
                Some(Given::Unknown(_)) => return None,
                _ => {}
            }
        }
        if let (Some(precision), Some(spec)) = (native, spec) {
            because.push(format!("precision {precision:?}: as {} is published", spec.id));
        }
        native
    }

    /// The width behind a method of quantization; `None` where the method has several.
    fn quantized(&self, method: &str) -> Option<Precision> {
        match (self.server, method.to_lowercase().replace('_', "-").as_str()) {
            (_, "fp8" | "w8a8-fp8" | "fbgemm-fp8" | "ptpc-fp8" | "modelopt-fp8") => Some(Precision::Fp8),
            (_, "nvfp4" | "mxfp4" | "modelopt-fp4" | "petit-nvfp4") => Some(Precision::Fp4),
            (_, "w8a8-int8" | "int8" | "eetq") => Some(Precision::Int8),
            // TGI's is 8 bits wide, the others' 4.
            (Server::Tgi, "bitsandbytes") => Some(Precision::Int8),
            (_, "bitsandbytes" | "bitsandbytes-nf4" | "bitsandbytes-fp4") => Some(Precision::Int4),
            (_, "awq" | "awq-marlin" | "gptq" | "gptq-marlin" | "gptq-marlin-24" | "moe-wna16") => {
                Some(Precision::Int4)
            }
            _ => None,
        }
    }

    /// GPUs over which each layer is split.
    pub(super) fn tensor_parallel(&self, because: &mut Vec<String>) -> Option<u32> {
        let given = match self.server {
            Server::Vllm => self.given(&["-tp", "--tp", "--tensor-parallel-size"], &[]),
            Server::Sglang => self.given(&["--tp", "--tp-size", "--tensor-parallel-size"], &[]),
            Server::TrtLlm => self.given(&["--tp-size", "--tp"], &[]),
            Server::Tgi => self.given(&["--num-shard"], &["NUM_SHARD"]),
            Server::Triton | Server::LlamaCpp | Server::Tei | Server::Ollama => None,
        };
        match given {
            Some(Given::Value(text)) => {
                let split = text.parse().ok().filter(|split| *split > 0)?;
                because.push(format!("tensor parallel {split}: container `{}`", self.container.name));
                return Some(split);
            }
            Some(Given::Unknown(word)) => {
                because.push(format!("tensor parallel unknown: it is a variable, `{word}`"));
                return None;
            }
            None => {}
        }
        match self.server {
            Server::Vllm | Server::Sglang | Server::TrtLlm if self.own => {
                because.push(format!("tensor parallel 1: the default of {}", self.server.name()));
                Some(1)
            }
            // It spreads over every GPU that it sees.
            Server::Tgi => {
                let gpus = self.gpus()?;
                because.push(format!("tensor parallel {gpus}: tgi takes all GPUs of its container"));
                Some(gpus)
            }
            _ => self.gpus().filter(|gpus| *gpus == 1).inspect(|_| {
                because.push("tensor parallel 1: the container has one GPU".to_owned());
            }),
        }
    }

    /// Splits and copies that the figures do not divide by.
    pub(super) fn note_other_splits(&self, because: &mut Vec<String>) {
        let splits = [
            ("pipeline", ["-pp", "--pp", "--pp-size", "--pipeline-parallel-size"]),
            ("data", ["-dp", "--dp", "--dp-size", "--data-parallel-size"]),
        ];
        for (kind, names) in splits {
            match self.command.option(&names) {
                Some(Given::Value(n)) if n != "1" => {
                    because.push(format!("{kind} parallel {n}, by which nothing here is divided"));
                }
                Some(Given::Unknown(word)) => because.push(format!("{kind} parallel is a variable, `{word}`")),
                _ => {}
            }
        }
    }

    /// Whole GPUs that its container requests.
    fn gpus(&self) -> Option<u32> {
        let asked = self
            .container
            .requests
            .get("nvidia.com/gpu")
            .or_else(|| self.container.requests.get("amd.com/gpu"))?;
        (*asked >= 1.0 && asked.fract() == 0.0).then_some(*asked as u32)
    }
}

/// A number type by the names that servers know it under.
pub(super) fn dtype(name: &str) -> Option<Precision> {
    match name.to_lowercase().as_str() {
        "half" | "float16" | "fp16" => Some(Precision::Fp16),
        "bfloat16" | "bf16" => Some(Precision::Bf16),
        "float" | "float32" | "fp32" => Some(Precision::Fp32),
        _ => None,
    }
}

/// How a cache is stored, by the value of its option or label.
pub(super) fn cache_precision(name: &str) -> Option<Precision> {
    let name = name.to_lowercase();
    if name.starts_with("fp8") {
        return Some(Precision::Fp8);
    }
    dtype(name.strip_prefix("torch.").unwrap_or(&name)).or((name == "int8").then_some(Precision::Int8))
}

/// Parameters as a name states them, in units, and whether that is an upper bound: `8B`, `30B-A3B` (30), `8x7B` (at most
/// 56, since its experts share what is not expert). A name that counts experts apart, as `17B-16E`, states active
/// parameters only.
pub(super) fn parameters_in_name(name: &str) -> Option<(f64, bool)> {
    let name = name.trim_end_matches('/');
    let tail = name.rsplit('/').next()?.to_lowercase();
    let words = || tail.split(['-', '_', ':', ' ']);
    let number = |text: &str| text.parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0);
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    if words().any(|word| word.strip_suffix('e').is_some_and(digits)) {
        return None;
    }
    words().find_map(|word| {
        let size = word.strip_suffix('b')?;
        match size.split_once('x') {
            Some((experts, each)) => Some((number(experts)? * number(each)? * 1e9, true)),
            None => size
                .starts_with(|c: char| c.is_ascii_digit())
                .then_some((number(size)? * 1e9, false)),
        }
    })
}
