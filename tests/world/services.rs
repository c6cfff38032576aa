//! Planted services: what should move to a smaller GPU, and what looks as if it should and must not.

use super::load::Pattern;
use super::plants::{
    CODER_7B, GUARD_8B, LLAMA_8B, LLAMA_8B_FP8, LLAMA_70B, LLAMA_70B_FP8, LLAMA_405B_FP8, Place, QWEN_14B, Setup,
    in_flight_at, people, plain_service, service, smaller, vllm,
};
use super::random::Rng;
use super::workload::{Intent, Kind, Memory, Model, Workload};

const EMBEDDING: &str = "ghcr.io/huggingface/text-embeddings-inference:89-1.8";
const TRITON: &str = "nvcr.io/nvidia/tritonserver:26.06-py3";
const IMAGES: &str = "registry.northlight.example/vision/diffusers-server:1.14";

/// An embedding service of about 6 GiB at 7 to 12 percent on a data-centre GPU.
pub fn light_embedding(rng: &mut Rng, place: Place, model: &str) -> Workload {
    let peak = rng.range(0.07, 0.12);
    let memory = Memory::Flat(rng.range(5_600.0, 6_600.0).round());
    let behaviour = service(people(rng), peak, memory);
    let workload = plain_service(place, EMBEDDING, &["--model-id", model, "--port", "8080"], behaviour);
    smaller(
        workload,
        Intent::Change,
        "6 GiB and at most 12 percent busy: any cheaper GPU holds it",
    )
}

/// A reranker of about 4 GiB that is hardly busy.
pub fn light_reranker(rng: &mut Rng, place: Place) -> Workload {
    let peak = rng.range(0.04, 0.06);
    let memory = Memory::Flat(rng.range(3_600.0, 4_400.0).round());
    let behaviour = service(people(rng), peak, memory);
    let mut workload = plain_service(place, EMBEDDING, &["--port", "8080"], behaviour);
    workload.env = vec![("MODEL_ID".to_owned(), "BAAI/bge-reranker-v2-m3".to_owned())];
    smaller(
        workload,
        Intent::Change,
        "4 GiB and at most 6 percent busy: the smallest GPU holds it",
    )
}

/// Image generation that peaks at 20 GiB and is rarely busy.
pub fn light_images(rng: &mut Rng, place: Place) -> Workload {
    let peak = rng.range(0.14, 0.19);
    let memory = Memory::Swaps {
        base: rng.range(11_500.0, 13_000.0).round(),
        peak: rng.range(19_600.0, 20_480.0).round(),
    };
    let behaviour = service(people(rng), peak, memory);
    let workload = plain_service(
        place,
        IMAGES,
        &["--model", "stabilityai/stable-diffusion-xl-base-1.0"],
        behaviour,
    );
    smaller(
        workload,
        Intent::Change,
        "peaks at 20 GiB and 19 percent: half of a cheaper GPU",
    )
}

/// A vLLM server whose reservation is nine tenths of the GPU and whose need is a quarter.
pub fn light_vllm(rng: &mut Rng, place: Place, model: Model) -> Workload {
    let setup = Setup {
        model,
        tensor_parallel: 1,
        reserve: 0.9,
        in_flight: in_flight_at(rng.range(0.07, 0.115)),
        context_tokens: rng.range(1_200.0, 2_600.0).round(),
        pattern: people(rng),
    };
    let why = "reserves 90 percent, needs weights and a sliver of cache; at most 12 percent busy";
    smaller(vllm(place, Kind::Deployment, setup), Intent::Change, why)
}

/// Llama 8B, light.
pub fn light_chat(rng: &mut Rng, place: Place) -> Workload {
    light_vllm(rng, place, LLAMA_8B)
}

/// A safety classifier, light.
pub fn light_guard(rng: &mut Rng, place: Place) -> Workload {
    light_vllm(rng, place, GUARD_8B)
}

/// Llama 8B in 8-bit floats, light: only GPUs that multiply in them will do.
pub fn light_fp8(rng: &mut Rng, place: Place) -> Workload {
    let mut workload = light_vllm(rng, place, LLAMA_8B_FP8);
    "8-bit floats: of the cheaper GPUs only those of compute capability 8.9".clone_into(&mut workload.smaller.1);
    workload
}

/// Control: 31 GiB, and for a minute every two hours 71 GiB.
pub fn memory_spikes(rng: &mut Rng, place: Place) -> Workload {
    let memory = Memory::Spikes {
        base: 31.0 * 1024.0,
        peak: 71.0 * 1024.0,
        every: 7_200,
    };
    let behaviour = service(people(rng), rng.range(0.10, 0.18), memory);
    let args = ["--model-repository=/models", "--model-control-mode=explicit"];
    let workload = plain_service(place, TRITON, &args, behaviour);
    smaller(
        workload,
        Intent::Keep,
        "31 GiB nearly always, 71 GiB for one minute every two hours",
    )
}

/// Control: mean activity below a tenth, memory up to 55 GiB when models are swapped (as the pods of Alibaba's GenTD26
/// trace: mean duty 7.6 percent, p75 10, p90 25).
pub fn swapping_studio(rng: &mut Rng, place: Place) -> Workload {
    let memory = Memory::Swaps {
        base: rng.range(30_000.0, 34_000.0).round(),
        peak: rng.range(55.0 * 1024.0, 58.0 * 1024.0).round(),
    };
    let pattern = Pattern::Bursts {
        base: 0.08,
        minutes: 60,
    };
    let behaviour = service(pattern, rng.range(0.35, 0.5), memory);
    let workload = plain_service(place, IMAGES, &["--pipelines", "/models/pipelines.yaml"], behaviour);
    smaller(
        workload,
        Intent::Keep,
        "hardly busy, but its memory peaks at 55 GiB: above every smaller GPU",
    )
}

/// Control: four GPUs full of cache and requests.
pub fn busy_large(rng: &mut Rng, place: Place) -> Workload {
    let setup = Setup {
        model: LLAMA_70B,
        tensor_parallel: 4,
        reserve: 0.9,
        in_flight: rng.range(116.0, 128.0).round(),
        context_tokens: 3_400.0,
        pattern: people(rng),
    };
    let mut workload = vllm(place, Kind::Deployment, setup);
    workload.hpa = Some((place.4, place.4 * 2));
    smaller(workload, Intent::Keep, "four GPUs whose cache is used to nine tenths")
}

/// Control: a model of two machines.
pub fn leader_and_workers(rng: &mut Rng, place: Place) -> Workload {
    let setup = Setup {
        model: LLAMA_405B_FP8,
        tensor_parallel: 8,
        reserve: 0.92,
        in_flight: rng.range(70.0, 95.0).round(),
        context_tokens: 4_000.0,
        pattern: people(rng),
    };
    let workload = vllm(place, Kind::LeaderWorkerSet, setup);
    smaller(workload, Intent::Keep, "eight GPUs a pod that talk over NVLink")
}

/// Control: decode bound by memory bandwidth; SMs and tensor pipes look idle.
pub fn bandwidth_bound(rng: &mut Rng, place: Place) -> Workload {
    let setup = Setup {
        model: QWEN_14B,
        tensor_parallel: 1,
        reserve: 0.9,
        in_flight: rng.range(5.0, 7.0),
        context_tokens: 2_000.0,
        pattern: people(rng),
    };
    let why =
        "memory is read at 0.6 of the cycles: a GPU of less bandwidth cannot follow, however idle its tensor pipes";
    smaller(vllm(place, Kind::Deployment, setup), Intent::Keep, why)
}

/// Control: 8-bit floats that fill an 80 GB GPU. The A100 has the memory, but not the arithmetic.
pub fn large_fp8(rng: &mut Rng, place: Place) -> Workload {
    let setup = Setup {
        model: LLAMA_70B_FP8,
        tensor_parallel: 1,
        reserve: 0.95,
        in_flight: in_flight_at(rng.range(0.2, 0.3)),
        context_tokens: 6_000.0,
        pattern: people(rng),
    };
    let why = "66 GiB of weights in 8-bit floats: only larger GPUs that multiply in them hold it";
    smaller(vllm(place, Kind::Deployment, setup), Intent::Keep, why)
}

/// Control: a server that reserved its memory and does not say what it serves.
pub fn nameless(rng: &mut Rng, place: Place) -> Workload {
    let mut workload = light_vllm(rng, place, QWEN_14B);
    workload.args = vec!["--config".to_owned(), "/etc/vllm/config.yaml".to_owned()];
    if let Some(server) = &mut workload.server {
        "assistant".clone_into(&mut server.served_as);
    }
    smaller(
        workload,
        Intent::Unknown,
        "a reservation of 90 percent, and nothing says which model it holds",
    )
}

/// Control: little on the average, full for over an hour a day.
pub fn daily_burst(rng: &mut Rng, place: Place) -> Workload {
    let pattern = Pattern::Bursts {
        base: 0.05,
        minutes: rng.whole(75, 110),
    };
    let behaviour = service(
        pattern,
        rng.range(0.92, 0.97),
        Memory::Flat(rng.range(9_000.0, 14_000.0).round()),
    );
    let workload = plain_service(place, TRITON, &["--model-repository=/models"], behaviour);
    smaller(
        workload,
        Intent::Keep,
        "8 percent busy on the average, over 90 percent for more than an hour a day",
    )
}

/// Control: busy, and nothing cheaper is there.
pub fn on_the_cheapest(rng: &mut Rng, place: Place) -> Workload {
    let behaviour = service(
        people(rng),
        rng.range(0.2, 0.5),
        Memory::Flat(rng.range(4_000.0, 9_000.0).round()),
    );
    let workload = plain_service(place, TRITON, &["--model-repository=/models"], behaviour);
    smaller(workload, Intent::Keep, "already on the cheapest GPU of the cluster")
}

/// Control: on the right GPU, busy by day.
pub fn busy_small(rng: &mut Rng, place: Place) -> Workload {
    let setup = Setup {
        model: LLAMA_8B,
        tensor_parallel: 1,
        reserve: 0.9,
        in_flight: rng.range(42.0, 60.0).round(),
        context_tokens: 2_500.0,
        pattern: people(rng),
    };
    smaller(
        vllm(place, Kind::Deployment, setup),
        Intent::Keep,
        "weights and used cache exceed every cheaper GPU",
    )
}

/// A service that needs most of its memory and is busy by day.
pub fn busy_speech(rng: &mut Rng, place: Place) -> Workload {
    let behaviour = service(
        people(rng),
        rng.range(0.5, 0.8),
        Memory::Flat(rng.range(28_000.0, 36_000.0).round()),
    );
    let workload = plain_service(place, TRITON, &["--model-repository=/models"], behaviour);
    smaller(workload, Intent::Keep, "its memory exceeds every cheaper GPU")
}

/// A busy service about which nothing is planted.
pub fn unplanted(rng: &mut Rng, place: Place) -> Workload {
    let behaviour = service(
        people(rng),
        rng.range(0.5, 0.9),
        Memory::Flat(rng.range(7_000.0, 12_000.0).round()),
    );
    plain_service(place, TRITON, &["--model-repository=/models"], behaviour)
}

/// A code assistant that people use while they work; who sets its pattern states its truth.
pub fn code_assistant(rng: &mut Rng, place: Place, pattern: Pattern) -> Workload {
    let setup = Setup {
        model: CODER_7B,
        tensor_parallel: 1,
        reserve: 0.9,
        in_flight: rng.range(2.0, 5.0),
        context_tokens: 3_000.0,
        pattern,
    };
    vllm(place, Kind::Deployment, setup)
}
