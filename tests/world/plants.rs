//! The kinds of services that are planted. Each draws its size and load from the seed, inside ranges that keep its truth.

use super::fleet::pool_named;
use super::hardware::{Gpu, Instance};
use super::load::{Pattern, spread};
use super::random::Rng;
use super::workload::{
    BLOCK, Behaviour, Intent, Kind, Life, Memory, Model, Need, Request, Server, Untouched, Workload,
};

/// Where a workload stands: namespace, name, value of the team label (empty for none), pool, replicas.
pub type Place = (&'static str, &'static str, &'static str, &'static str, u32);

/// MiB that a server takes besides weights and cache: context, activations, graphs.
const OVERHEAD: f64 = 2560.0;
/// Bytes in a MiB.
const MIB: f64 = 1_048_576.0;

/// Models by their config.json: parameters, bytes of one, bytes of keys and values of a token.
pub const LLAMA_8B: Model = model("meta-llama/Llama-3.1-8B-Instruct", 8.03e9, 2.0, 131_072.0);
/// Safety classifier on the same architecture.
pub const GUARD_8B: Model = model("meta-llama/Llama-Guard-3-8B", 8.03e9, 2.0, 131_072.0);
/// The same in 8-bit floats, cache too.
pub const LLAMA_8B_FP8: Model = model("RedHatAI/Meta-Llama-3.1-8B-Instruct-FP8", 8.03e9, 1.0, 65_536.0);
/// Too large for one GPU in half precision.
pub const LLAMA_70B: Model = model("meta-llama/Llama-3.3-70B-Instruct", 70.55e9, 2.0, 327_680.0);
/// The same in 8-bit floats, cache too: fits one 80 GB GPU.
pub const LLAMA_70B_FP8: Model = model("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", 70.55e9, 1.0, 163_840.0);
/// Too large for one machine of today.
pub const LLAMA_405B_FP8: Model = model("meta-llama/Llama-3.1-405B-Instruct-FP8", 405.85e9, 1.0, 516_096.0);
/// Middle-sized.
pub const QWEN_14B: Model = model("Qwen/Qwen2.5-14B-Instruct", 14.77e9, 2.0, 196_608.0);
/// For code.
pub const CODER_7B: Model = model("Qwen/Qwen2.5-Coder-7B-Instruct", 7.62e9, 2.0, 57_344.0);

const fn model(name: &'static str, parameters: f64, bytes: f64, kv_bytes: f64) -> Model {
    Model {
        name,
        parameters,
        bytes,
        kv_bytes,
    }
}

/// The GPU that a pool carries.
pub fn gpu_in(pool: &str) -> &'static Gpu {
    Instance::named(pool_named(pool).instance).gpu
}

/// A workload that does nothing yet: a Deployment of one GPU a pod, always there.
pub fn bare(place: Place, kind: Kind, gpus: u32, behaviour: Behaviour) -> Workload {
    let (namespace, name, team, pool, replicas) = place;
    let need = Need {
        memory_mib: behaviour.memory.peak(),
        engine: behaviour.peak,
        dram: behaviour.peak * behaviour.profile[2],
        fp8: false,
        nvlink: false,
    };
    Workload {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        kind,
        team: (!team.is_empty()).then(|| team.to_owned()),
        pool,
        gpus,
        replicas,
        request: Request {
            cpu: 3.0,
            memory_gib: 12.0,
        },
        image: "registry.northlight.example/serving:2026.10".to_owned(),
        args: Vec::new(),
        env: Vec::new(),
        behaviour,
        untouched: Untouched::default(),
        server: None,
        asked: None,
        annotations: std::collections::BTreeMap::new(),
        life: Life::Always,
        scrape_holes: false,
        pinned: false,
        breaks: None,
        budget: None,
        hpa: None,
        need,
        idle: (Intent::Keep, "", "it works".to_owned()),
        smaller: (Intent::Any, "not planted".to_owned()),
        spot: (Intent::Keep, "nobody saw that it bears interruptions".to_owned()),
        unused: (Intent::Keep, "", "every GPU of a pod is touched".to_owned()),
    }
}

/// A service's GPUs: peak of engine activity, memory in use.
pub fn service(pattern: Pattern, peak: f64, memory: Memory) -> Behaviour {
    Behaviour {
        pattern,
        peak,
        profile: [0.55, 0.22, 0.35],
        memory,
        saturates_util: false,
        blind_util: false,
    }
}

/// Day and night as people live, with bursts as ServeGen's clients have them.
pub fn people(rng: &mut Rng) -> Pattern {
    Pattern::Diurnal {
        weekend: rng.range(0.45, 0.8),
        burst: spread(rng.range(1.06, 2.5), rng.range(0.02, 0.5)),
    }
}

/// A service with models in memory and no model server that reports (Triton, embeddings, rerankers, images).
pub fn plain_service(place: Place, image: &str, args: &[&str], behaviour: Behaviour) -> Workload {
    let mut workload = bare(place, Kind::Deployment, 1, behaviour);
    workload.image = image.to_owned();
    workload.args = args.iter().map(|arg| (*arg).to_owned()).collect();
    workload
}

/// How a vLLM server is set up.
pub struct Setup {
    /// What it serves.
    pub model: Model,
    /// GPUs over which each layer is split; a leader and its workers repeat it.
    pub tensor_parallel: u32,
    /// Share of the memory that it reserves.
    pub reserve: f64,
    /// Requests in flight on a replica at full level.
    pub in_flight: f64,
    /// Tokens of a request in the cache.
    pub context_tokens: f64,
    /// How load comes and goes.
    pub pattern: Pattern,
}

/// A vLLM server. It reserves its memory at the start; its need is weights, the cache in use at the most, and overhead.
pub fn vllm(place: Place, kind: Kind, setup: Setup) -> Workload {
    let (pool, model, split) = (place.3, setup.model, f64::from(setup.tensor_parallel));
    // Pipeline stages of a leader and its workers share the layers.
    let stages = if kind == Kind::LeaderWorkerSet {
        f64::from(place.4)
    } else {
        1.0
    };
    let gpu = gpu_in(pool);
    let devices = split * stages;
    let weights_mib = model.parameters * model.bytes / MIB / devices;
    let reserved = (gpu.memory_mib * setup.reserve).floor();
    let cache_mib = (reserved - weights_mib - OVERHEAD) * devices;
    assert!(cache_mib > 1000.0, "{} does not fit {}", model.name, gpu.model);
    // Requests in execution waver by half their root, never by more than 3.5 of these.
    let most = if setup.in_flight < 4.0 {
        4.0
    } else {
        setup.in_flight + 1.75 * setup.in_flight.sqrt()
    };
    let used_mib = (most * setup.context_tokens * model.kv_bytes / MIB).min(cache_mib);
    // Measured share of the bandwidth that a lone request reaches (AIConfigurator's silicon samples): 0.5-0.68 on one GPU,
    // 0.27-0.44 on four, 0.17-0.28 on eight.
    let reached = if split >= 8.0 {
        0.22
    } else if split >= 4.0 {
        0.35
    } else {
        0.58
    };
    let alone = model.parameters * model.bytes / (gpu.bandwidth * 1e9 * split * reached);
    let fp8 = model.bytes < 1.5;
    let engine = 0.96 * (1.0 - (-setup.in_flight).exp());
    let mut workload = bare(
        place,
        kind,
        setup.tensor_parallel,
        service(setup.pattern, engine, Memory::Flat(reserved)),
    );
    workload.image = "vllm/vllm-openai:v0.12.0".to_owned();
    workload.request.memory_gib = 24.0;
    workload.args = vllm_args(model.name, setup.tensor_parallel, stages, setup.reserve, fp8);
    workload.need = Need {
        memory_mib: weights_mib + used_mib / devices + OVERHEAD,
        engine,
        dram: engine * 0.62,
        fp8,
        nvlink: setup.tensor_parallel >= 8,
    };
    workload.server = Some(Server {
        model,
        served_as: model.name.to_owned(),
        tensor_parallel: setup.tensor_parallel,
        in_flight: setup.in_flight,
        context_tokens: setup.context_tokens,
        answer_tokens: 240.0,
        blocks: (cache_mib * MIB / model.kv_bytes / BLOCK) as u64,
        cache_dtype: if fp8 { "fp8" } else { "auto" },
        token_seconds: (alone, 0.000_35),
    });
    workload
}

fn vllm_args(model: &str, tensor_parallel: u32, stages: f64, reserve: f64, fp8: bool) -> Vec<String> {
    let mut args = vec![
        "--model".to_owned(),
        model.to_owned(),
        "--tensor-parallel-size".to_owned(),
        tensor_parallel.to_string(),
    ];
    if stages > 1.0 {
        args.extend(["--pipeline-parallel-size".to_owned(), format!("{stages}")]);
    }
    args.extend(["--gpu-memory-utilization".to_owned(), format!("{reserve}")]);
    if fp8 {
        args.extend(["--kv-cache-dtype".to_owned(), "fp8".to_owned()]);
    } else {
        args.extend(["--dtype".to_owned(), "bfloat16".to_owned()]);
    }
    args
}

/// Requests in flight at which a server's engine is this active.
pub fn in_flight_at(engine: f64) -> f64 {
    -(1.0 - engine / 0.96).ln()
}

/// States what `smaller-gpu` must say.
pub fn smaller(mut workload: Workload, intent: Intent, why: &str) -> Workload {
    workload.smaller = (intent, why.to_owned());
    workload
}

/// States what `idle-gpu` must say, and to what it should change.
pub fn idle(mut workload: Workload, intent: Intent, to: &'static str, why: &str) -> Workload {
    workload.idle = (intent, to, why.to_owned());
    workload
}
