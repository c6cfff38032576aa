//! Planted services that answer requests, simulated one by one: too many replicas for the night, seats that keep others waiting, a
//! prefix cache that is off, weights in twice the bits, and nodes that cost less as spot capacity.

use super::load::Pattern;
use super::plants::{LLAMA_8B, LLAMA_70B, Place, Setup, bare, plain_service, service, vllm};
use super::random::Rng;
use super::serving::asked::Asked;
use super::workload::{Intent, Kind, Life, Memory, Model, Workload};
use super::{END, HOUR};

/// What usual services are asked, as far as plants do not say otherwise.
fn asked(peak: f64, weekend: f64) -> Asked {
    Asked {
        peak,
        depth: 1.0,
        weekend,
        prompt: 400.0,
        answer: 2_000.0,
        token_seconds: 0.04,
        prefill: 8_000.0,
        seats: 64,
        gaps: 0.0,
        cache: 0.0,
        patience: None,
    }
}

/// A vLLM server whose requests are simulated; its pods were replaced once, so that it is known how long they take to start.
fn simulated(place: Place, model: Model, tensor_parallel: u32, asked: Asked, objective: &[(&str, &str)]) -> Workload {
    // Little: requests on a replica in the highest hour.
    let in_flight = (asked.peak * asked.answer * asked.token_seconds / f64::from(place.4)).max(1.0);
    let setup = Setup {
        model,
        tensor_parallel,
        reserve: 0.9,
        in_flight: 1.5 * in_flight,
        context_tokens: asked.prompt + asked.answer / 2.0,
        pattern: Pattern::Silent,
    };
    let mut workload = vllm(place, Kind::Deployment, setup);
    workload.life = Life::RolledAt(END - 9 * 24 * HOUR + 9 * HOUR);
    workload
        .args
        .extend(["--max-num-seqs".to_owned(), asked.seats.to_string()]);
    workload.annotations = objective
        .iter()
        .map(|(percentile, bound)| (format!("gpuwise.dev/{percentile}"), (*bound).to_owned()))
        .collect();
    let cache = workload
        .server
        .as_ref()
        .map_or(0.0, super::workload::Server::cache_tokens);
    workload.asked = Some(Asked { cache, ..asked });
    workload
}

/// As many replicas by night and on weekends as by day, when hardly anybody asks.
pub fn awake_at_night(place: Place) -> Workload {
    let asked = Asked {
        depth: 2.4,
        answer: 300.0,
        token_seconds: 0.025,
        seats: 64,
        ..asked(0.65, 0.15)
    };
    let objective = [("ttft-p95", "3s"), ("itl-p95", "40ms"), ("rejected", "0.5%")];
    simulated(place, LLAMA_8B, 1, asked, &objective)
}

/// Four requests at once on each replica, while others wait and the cache is empty.
pub fn few_seats(place: Place) -> Workload {
    let asked = Asked {
        depth: 2.4,
        answer: 1_200.0,
        seats: 4,
        ..asked(0.2, 0.4)
    };
    simulated(place, LLAMA_8B, 1, asked, &[("ttft-p95", "40s"), ("itl-p95", "80ms")])
}

/// Long prompts that begin alike, with the prefix cache off.
pub fn computes_beginnings_again(place: Place) -> Workload {
    let asked = Asked {
        prompt: 12_000.0,
        answer: 150.0,
        token_seconds: 0.02,
        seats: 32,
        ..asked(0.27, 0.7)
    };
    let mut workload = simulated(place, LLAMA_8B, 1, asked, &[("ttft-p95", "8s"), ("itl-p95", "200ms")]);
    workload.args.push("--no-enable-prefix-caching".to_owned());
    workload
}

/// Sixteen bits a weight over four GPUs, whose cache is hardly used.
pub fn twice_the_bits(place: Place) -> Workload {
    let asked = Asked {
        token_seconds: 0.05,
        answer: 1_000.0,
        ..asked(0.03, 0.7)
    };
    simulated(place, LLAMA_70B, 4, asked, &[("ttft-p95", "3s"), ("itl-p95", "200ms")])
}

/// Two busy replicas and a budget, on nodes that the cluster has as spot capacity, too.
pub fn bears_interruptions(rng: &mut Rng, place: Place) -> Workload {
    const TRITON: &str = "nvcr.io/nvidia/tritonserver:26.06-py3";
    let memory = Memory::Flat(rng.range(34_000.0, 38_000.0).round());
    let behaviour = service(super::plants::people(rng), rng.range(0.75, 0.9), memory);
    let plain = plain_service(place, TRITON, &["--model-repository=/models"], behaviour.clone());
    let mut workload = bare(place, Kind::Deployment, 4, behaviour);
    (workload.image, workload.args) = (plain.image, plain.args);
    workload.budget = Some(1);
    workload.spot = (
        Intent::Change,
        "replicas with a disruption budget, and nodes of their type were spot capacity for all of the window"
            .to_owned(),
    );
    workload
}
