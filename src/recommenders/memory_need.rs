//! What memory a workload needs on each GPU, which for a server that takes its memory at the start is not what it holds.

use super::evidence::{figure, measured};
use crate::model::gap::Gap;
use crate::model::scenario::Evidence;
use crate::model::serving::Serving;
use crate::model::time::Grid;
use crate::model::units::Memory;
use crate::model::usage::Signal;
use crate::model::workload::Workload;

/// Memory that a server needs besides weights and cache: activations, CUDA graphs, the context. AIConfigurator reserves as
/// much.
const OVERHEAD: Memory = Memory::from_mib(3.5 * 1024.0);

/// The lifetime maximum of need on the fullest GPU.
#[derive(Debug, Clone, PartialEq)]
pub struct Need {
    /// The maximum.
    pub peak: Memory,
    /// Set where the figure is only what is reserved, so that the need may be less: what is missing to know it.
    pub bound_only: Option<Gap>,
    /// The figures.
    pub evidence: Vec<Evidence>,
}

/// The need of a workload.
///
/// # Errors
/// The gap, where memory was not measured well enough.
pub fn memory_need(workload: &Workload, grid: Grid, missing_at_most: f64) -> Result<Need, Gap> {
    let used = measured(workload, Signal::MemoryUsed, grid, missing_at_most)?;
    let held = Memory::from_mib(used.max().unwrap_or(f64::INFINITY));
    let held_evidence = figure(
        "memory held on the fullest GPU, MiB at most",
        Signal::MemoryUsed,
        Some(held.mib()),
        &used,
    );
    let Some(serving) = workload.serving.as_ref().filter(|serving| serving.preallocates) else {
        return Ok(Need {
            peak: held,
            bound_only: None,
            evidence: vec![held_evidence],
        });
    };
    match of_server(workload, serving, held, grid, missing_at_most) {
        Ok(mut need) => {
            need.evidence.insert(0, held_evidence);
            Ok(need)
        }
        Err(gap) => Ok(Need {
            peak: held,
            bound_only: Some(gap),
            evidence: vec![held_evidence],
        }),
    }
}

fn of_server(
    workload: &Workload,
    serving: &Serving,
    held: Memory,
    grid: Grid,
    missing_at_most: f64,
) -> Result<Need, Gap> {
    let cache_used = measured(workload, Signal::KvCacheUsage, grid, missing_at_most)?;
    let fullest = cache_used.max().unwrap_or(1.0);
    let (Some(weights), Some(reserved), Some(filled)) = (
        serving.weights_per_gpu(),
        serving.cache_per_gpu(1.0),
        serving.cache_per_gpu(fullest),
    ) else {
        return Err(model_unknown(serving));
    };
    let overhead = beside(held, weights, reserved);
    let peak = Memory::from_mib(weights.mib() + filled.mib() + overhead.mib());
    let told = |what: &str, value: Memory| Evidence {
        what: what.to_owned(),
        query: serving.because.join("; "),
        value: Some(value.mib()),
        coverage: None,
    };
    Ok(Need {
        peak,
        bound_only: None,
        evidence: vec![
            told("weights on each GPU, MiB", weights),
            figure(
                "share of the cache in use, at most",
                Signal::KvCacheUsage,
                Some(fullest),
                &cache_used,
            ),
            told("cache filled on each GPU, MiB at most", filled),
            told("memory needed on the fullest GPU, MiB at most", peak),
        ],
    })
}

/// What a server takes on each GPU besides weights and cache: what it holds beyond them was taken for something.
pub fn beside(held: Memory, weights: Memory, reserved: Memory) -> Memory {
    OVERHEAD.max(Memory::from_mib(held.mib() - weights.mib() - reserved.mib()))
}

/// What is missing to tell what a server needs of the memory that it takes at the start.
pub fn model_unknown(serving: &Serving) -> Gap {
    Gap::new(
        "model-unknown",
        format!("what {} needs of the memory it takes at the start", serving.server),
        unknown_parts(serving).join(", "),
        "name the model by its public id in the server's arguments (--model), its --dtype, and have Prometheus scrape \
         the server's cache_config_info",
    )
}

fn unknown_parts(serving: &Serving) -> Vec<String> {
    let parts = [
        (serving.parameters.is_none(), "its parameters are not known"),
        (serving.precision.is_none(), "its precision is not known"),
        (serving.tensor_parallel.is_none(), "its tensor parallelism is not known"),
        (
            serving.kv_cache.is_none(),
            "cache_config, which tells the size of its cache, is not read",
        ),
        (
            serving.kv_cache.is_some_and(|cache| cache.bytes_per_token.is_none()),
            "what a token takes in its cache is not known",
        ),
    ];
    parts
        .into_iter()
        .filter(|(missing, _)| *missing)
        .map(|(_, why)| why.to_owned())
        .collect()
}
