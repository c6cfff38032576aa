//! Planted GPUs that nobody touches: requested with the rest of a pod, and idle in every run, or in all but one.

use super::HOUR;
use super::load::Pattern;
use super::plants::{LLAMA_8B, Place, Setup, vllm};
use super::random::Rng;
use super::training::{Cadence, Effort, family};
use super::workload::{Intent, Kind, Untouched, Workload};

/// A family whose runs request eight GPUs and start five processes.
pub fn five_of_eight(rng: &mut Rng, place: Place, start: i64) -> Workload {
    let mut workload = eight(rng, place, start);
    workload.untouched = Untouched {
        gpus: 3,
        but_in_run: None,
    };
    unused(
        workload,
        Intent::Change,
        "5 GPUs",
        "three of eight GPUs are untouched in every run",
    )
}

/// Control: the same, but one run in the middle uses them all.
pub fn once_all_eight(rng: &mut Rng, place: Place, start: i64) -> Workload {
    let mut workload = eight(rng, place, start);
    workload.untouched = Untouched {
        gpus: 3,
        but_in_run: Some(2),
    };
    unused(
        workload,
        Intent::Keep,
        "",
        "three of eight GPUs are untouched in all runs but one",
    )
}

fn eight(rng: &mut Rng, place: Place, start: i64) -> Workload {
    let effort = Effort::draw(rng, 33.0);
    let when = (start, Cadence::Queue(20.0, 4.0));
    let mut workload = family(rng, place, Kind::Job, 8, effort, when);
    workload.smaller = (Intent::Any, "not planted".to_owned());
    workload
}

/// A server whose pods request four GPUs and split their model over two.
pub fn half_a_server(rng: &mut Rng, place: Place) -> Workload {
    let setup = Setup {
        model: LLAMA_8B,
        tensor_parallel: 2,
        reserve: 0.9,
        in_flight: rng.range(3.0, 6.0),
        context_tokens: 1_200.0,
        pattern: Pattern::Steady {
            checkpoint_every: 5 * HOUR,
        },
    };
    let mut workload = vllm(place, Kind::Deployment, setup);
    workload.gpus = 4;
    workload.untouched = Untouched {
        gpus: 2,
        but_in_run: None,
    };
    unused(
        workload,
        Intent::Change,
        "2 GPUs",
        "two of four GPUs are untouched, as its arguments say",
    )
}

/// States what `unused-gpus` must say, and to what it should change.
fn unused(mut workload: Workload, intent: Intent, to: &'static str, why: &str) -> Workload {
    workload.unused = (intent, to, why.to_owned());
    workload
}
