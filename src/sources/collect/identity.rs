//! What a serving workload serves, read from its containers' command lines, and from the metrics where those are silent.

pub(crate) mod command;
mod limits;
mod read;
#[cfg(test)]
mod tests;

use crate::catalog::Catalog;
use crate::catalog::models::ModelSpec;
use crate::model::cluster::{Container, Labels};
use crate::model::serving::{KvCache, Precision, Serving};
use command::{Command, Given};

/// A program that serves models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Vllm,
    Sglang,
    Tgi,
    TrtLlm,
    Triton,
    LlamaCpp,
    Tei,
    Ollama,
}

impl Server {
    fn name(self) -> &'static str {
        match self {
            Self::Vllm => "vllm",
            Self::Sglang => "sglang",
            Self::Tgi => "tgi",
            Self::TrtLlm => "trtllm",
            Self::Triton => "triton",
            Self::LlamaCpp => "llama.cpp",
            Self::Tei => "tei",
            Self::Ollama => "ollama",
        }
    }

    /// Whether it takes its memory at the start. Triton leaves that to its backends.
    fn preallocates(self) -> bool {
        matches!(self, Self::Vllm | Self::Sglang | Self::Tgi | Self::TrtLlm)
    }

    /// The server that a command starts.
    fn started_by(command: &Command) -> Option<Self> {
        let module = |name: &str| command.mentions(name);
        if command.runs_sub("vllm", "serve") || module("vllm.entrypoints.") || module("dynamo.vllm") {
            Some(Self::Vllm)
        } else if module("sglang.launch_server") || command.runs_sub("sglang", "serve") || module("dynamo.sglang") {
            Some(Self::Sglang)
        } else if command.runs("text-generation-launcher") {
            Some(Self::Tgi)
        } else if command.runs("text-embeddings-router") {
            Some(Self::Tei)
        } else if command.runs("trtllm-serve") || module("tensorrt_llm.commands.serve") || module("dynamo.trtllm") {
            Some(Self::TrtLlm)
        } else if command.runs("tritonserver") {
            Some(Self::Triton)
        } else if command.runs("llama-server") {
            Some(Self::LlamaCpp)
        } else if command.runs("ollama") {
            Some(Self::Ollama)
        } else {
            None
        }
    }

    /// The server that an image is made for, by the last part of its name.
    fn of_image(image: &str) -> Option<Self> {
        let path = image.split('@').next().unwrap_or(image);
        let name = path.rsplit('/').next().unwrap_or(path);
        let name = name.split(':').next().unwrap_or(name).to_lowercase();
        // These stand beside servers and carry their names.
        const HELPERS: [&str; 13] = [
            "router",
            "operator",
            "gateway",
            "proxy",
            "exporter",
            "webui",
            "bench",
            "controller",
            "sidecar",
            "train",
            "tuning",
            "utils",
            "client",
        ];
        // Triton's kit for those who ask it carries the server's name and has no server.
        if HELPERS.iter().any(|helper| name.contains(helper)) || path.ends_with("-sdk") {
            return None;
        }
        // Its images' last part says no more than `release`.
        if path.contains("/tensorrt-llm/") {
            return Some(Self::TrtLlm);
        }
        let made_for = [
            ("tensorrtllm", Self::TrtLlm),
            ("text-generation-inference", Self::Tgi),
            ("text-embeddings-inference", Self::Tei),
            ("huggingfaceserver", Self::Vllm),
            ("sglang", Self::Sglang),
            ("vllm", Self::Vllm),
            ("tritonserver", Self::Triton),
            ("llama.cpp", Self::LlamaCpp),
            ("ollama", Self::Ollama),
        ];
        made_for
            .into_iter()
            .find(|(part, _)| name.contains(part))
            .map(|(_, server)| server)
    }
}

/// A server in a container.
struct Found<'a> {
    server: Server,
    container: &'a Container,
    command: Command,
    /// Whether the command line is the server's own, so that what it leaves out has the server's default.
    own: bool,
}

impl Found<'_> {
    /// Whether it takes its memory at the start. Triton does with the backends that keep a cache, of which there are images; in what
    /// its other images hold, the command names no backend.
    fn preallocates(&self, because: &mut Vec<String>) -> bool {
        if self.server != Server::Triton {
            return self.server.preallocates();
        }
        let image = &self.container.image;
        let backend = ["trtllm", "vllm"].into_iter().find(|backend| image.contains(backend));
        if let Some(backend) = backend {
            because.push(format!(
                "takes its memory at the start: `{image}` is Triton's image for {backend}"
            ));
        }
        backend.is_some()
    }
}

/// What a workload serves, by its containers; `None` where none of them is a known model server.
///
/// `cache` are the labels of vLLM's or SGLang's `cache_config_info` metric, `model_name` the `model_name` label of its metrics.
/// A field that nothing tells stays `None`, and `because` says where each of the others was read.
pub fn serving(
    containers: &[Container],
    cache: Option<&Labels>,
    model_name: Option<&str>,
    catalog: &Catalog,
) -> Option<Serving> {
    let Some(found) = recognise(containers) else {
        // Only these publish such a metric, whatever started them.
        let labels = cache?;
        let (server, label) = match labels.contains_key("num_pages") {
            true => (Server::Sglang, "num_pages"),
            false => (Server::Vllm, "num_gpu_blocks"),
        };
        let name = server.name();
        let mut because = vec![format!(
            "server {name}: the metric cache_config_info, whose label {label} is {name}'s"
        )];
        let spec = model_name.and_then(|name| catalog.model(name));
        return Some(Serving {
            server: name.to_owned(),
            preallocates: true,
            model: model_name.map(str::to_owned),
            kv_cache: kv_cache(labels, spec, None, None, None, &mut because),
            because,
            ..Serving::default()
        });
    };
    let mut because = vec![format!(
        "server {}: container `{}`, {}",
        found.server.name(),
        found.container.name,
        if found.own { "its command line" } else { "its image" }
    )];
    let model = found.model(model_name, &mut because);
    let spec = found.spec(model.as_deref(), model_name, catalog);
    let parameters = found.parameters(model.as_deref(), spec, &mut because);
    let precision = found.precision(model.as_deref(), spec, &mut because);
    let tensor_parallel = found.tensor_parallel(&mut because);
    found.note_other_splits(&mut because);
    let (most_running, step_tokens) = found.limits(&mut because);
    let prefix_cache = found.prefix_cache(&mut because);
    let flag = found.command.option(&["--kv-cache-dtype"]);
    let dtype = found.dtype();
    let kv_cache = cache.and_then(|labels| kv_cache(labels, spec, flag, dtype.as_ref(), tensor_parallel, &mut because));
    Some(Serving {
        server: found.server.name().to_owned(),
        preallocates: found.preallocates(&mut because),
        model,
        parameters,
        precision,
        tensor_parallel,
        kv_cache,
        most_running,
        step_tokens,
        prefix_cache,
        because,
    })
}

/// The container that serves: one whose command starts a server, else one whose image is made for it.
fn recognise(containers: &[Container]) -> Option<Found<'_>> {
    for container in containers {
        for command in command::commands(container) {
            if let Some(server) = Server::started_by(&command) {
                return Some(Found {
                    server,
                    container,
                    command,
                    own: true,
                });
            }
        }
    }
    containers.iter().find_map(|container| {
        let server = Server::of_image(&container.image)?;
        let command = command::commands(container).into_iter().next().unwrap_or_default();
        // A server's image that does something else: holds the pod open, joins a Ray cluster.
        if ["sleep", "tail", "ray", "jupyter"]
            .iter()
            .any(|other| command.starts(other))
        {
            return None;
        }
        let own = command.first().is_none_or(is_model_id);
        Some(Found {
            server,
            container,
            command,
            own,
        })
    })
}

/// Whether a word is an id such as `Qwen/Qwen3-8B`, which the images of servers take as their first argument.
fn is_model_id(word: &str) -> bool {
    let parts: Vec<&str> = word.split('/').collect();
    matches!(parts.as_slice(), [owner, name] if !owner.is_empty() && !name.is_empty())
}

/// A cache of keys and values, from the labels that its server publishes about it.
fn kv_cache(
    labels: &Labels,
    spec: Option<&ModelSpec>,
    flag: Option<Given>,
    dtype: Option<&Given>,
    tensor_parallel: Option<u32>,
    because: &mut Vec<String>,
) -> Option<KvCache> {
    let number = |name: &str| labels.get(name)?.parse::<u64>().ok();
    // vLLM has blocks, SGLang pages.
    let geometry = [
        ("num_gpu_blocks", "block_size", "blocks"),
        ("num_pages", "page_size", "pages"),
    ];
    let (blocks, size, what) = geometry
        .into_iter()
        .find_map(|(count, size, what)| Some((number(count)?, number(size)?, what)))?;
    because.push(format!(
        "cache: {blocks} {what} of {size} tokens by the labels of cache_config_info"
    ));
    let told = labels.get("cache_dtype").filter(|dtype| *dtype != "auto");
    let precision = match told.cloned().map(Given::Value).or(flag) {
        Some(Given::Value(name)) if name != "auto" => read::cache_precision(&name),
        Some(Given::Unknown(_)) => None,
        // The cache follows what the model computes in, which takes two bytes unless it was asked for four.
        _ => match dtype {
            Some(Given::Value(name)) if read::dtype(name) == Some(Precision::Fp32) => Some(Precision::Fp32),
            Some(Given::Unknown(_)) => None,
            _ => Some(Precision::Bf16),
        },
    };
    let plain = spec.zip(precision).and_then(|(spec, precision)| {
        let bytes = spec.kv_bytes_per_token(precision)?;
        // Fewer heads than GPUs: each GPU keeps one, so that some are kept more than once.
        let copies = tensor_parallel.zip(spec.kv_heads).map_or(1.0, |(gpus, heads)| {
            (f64::from(gpus) / f64::from(heads.max(1))).max(1.0)
        });
        Some(bytes * copies)
    });
    if let (Some(bytes), Some(spec)) = (plain, spec) {
        because.push(format!(
            "cache: {bytes:.0} bytes a token by the architecture of {}",
            spec.id
        ));
    }
    Some(KvCache {
        tokens: blocks.checked_mul(size)?,
        bytes_per_token: plain,
    })
}
