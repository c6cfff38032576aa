//! What a server allows, by its arguments, else by its defaults.

use super::super::World;
use crate::model::units::Memory;
use crate::model::workload::Workload;
use crate::replay::service::fit::Limits;

/// Requests in execution and tokens of a step where a server says nothing: vLLM's defaults on GPUs with less than 70 GiB, and on
/// every A100 (vLLM 0.11 to 0.30).
const SMALL: (usize, f64) = (256, 2_048.0);

/// The same on larger ones.
const LARGE: (usize, f64) = (1_024, 8_192.0);

/// Memory from which a GPU is a large one.
const LARGE_GIB: f64 = 70.0;

pub(in crate::recommenders) fn limits(workload: &Workload, world: &World<'_>) -> Limits {
    let serving = workload.serving.as_ref();
    let model = workload.gpu.as_ref().map(|kind| &kind.model);
    let spec = model.and_then(|model| world.catalog.gpu(model));
    let is_large =
        spec.is_some_and(|spec| spec.memory >= Memory::from_gib(LARGE_GIB) && !spec.model.0.contains("A100"));
    let (running, tokens) = if is_large { LARGE } else { SMALL };
    Limits {
        most_running: serving
            .and_then(|serving| serving.most_running)
            .map_or(running, |most| most as usize),
        chunk_tokens: serving
            .and_then(|serving| serving.step_tokens)
            .map_or(tokens, f64::from),
        cache_tokens: serving
            .and_then(|serving| serving.kv_cache)
            .map(|cache| cache.tokens as f64),
    }
}
