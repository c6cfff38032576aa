//! What a counterfactual machine found, for people and for scripts.

mod chart;
pub mod scaling;
pub mod served;
pub mod spot;

use std::num::NonZeroUsize;

use serde_json::json;

use super::figures::{number, percent};
use crate::replay::checkpoint::Checkpoints;
use crate::replay::prefix_cache::Held;

/// What a prefix cache would have held, in words.
pub fn prefix_cache(held: &Held, block_tokens: NonZeroUsize, most: Option<NonZeroUsize>) -> String {
    let tokens = |blocks: u64| number(blocks as f64 * block_tokens.get() as f64);
    let cache = match most {
        Some(most) => format!(
            "{} blocks ({} tokens)",
            number(most.get() as f64),
            tokens(most.get() as u64)
        ),
        None => "without bound".to_owned(),
    };
    format!(
        "Cache     {cache}\nPrompts   {} requests, {} tokens in blocks of {block_tokens}\nHits      {} tokens, {} of them: they need no prefill\n",
        number(held.requests as f64),
        tokens(held.blocks),
        tokens(held.hits),
        percent(held.hit_rate()),
    )
}

/// The same for scripts: `hit_rate`, the share of prompt tokens, with the tokens behind it.
pub fn prefix_cache_json(held: &Held, block_tokens: NonZeroUsize) -> String {
    let tokens = |blocks: u64| blocks * block_tokens.get() as u64;
    let answer = json!({
        "hit_rate": held.hit_rate(),
        "requests": held.requests,
        "prompt_tokens": tokens(held.blocks),
        "hit_tokens": tokens(held.hits),
    });
    format!("{answer}\n")
}

/// The interval of checkpoints and what it costs, in words.
pub fn checkpoint(checkpoints: &Checkpoints) -> String {
    let interval = checkpoints.interval_seconds();
    format!(
        "Interval  a checkpoint after every {} minutes of work (Daly)\nWaste     {} of the time is no progress: writing, work done again, restarts\n",
        number((interval / 6.0).round() / 10.0),
        percent(Some(checkpoints.waste(interval))),
    )
}

/// The same for scripts: `interval_seconds` and `waste`, a share of the time.
pub fn checkpoint_json(checkpoints: &Checkpoints) -> String {
    let interval = checkpoints.interval_seconds();
    let rounded = |value: f64, digits: f64| (value * digits).round() / digits;
    let answer = json!({
        "interval_seconds": rounded(interval, 10.0),
        "waste": rounded(checkpoints.waste(interval), 10_000.0),
    });
    format!("{answer}\n")
}
