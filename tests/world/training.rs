//! Planted training and batch work: families of runs, as owners start them.

use super::load::Pattern;
use super::plants::{Place, bare, idle, smaller};
use super::random::Rng;
use super::workload::{Behaviour, Intent, Kind, Life, Memory, Workload};
use super::{END, HOUR};

/// When a family runs within a window.
#[derive(Debug, Clone, Copy)]
pub enum Cadence {
    /// Every night at this hour, for about so many hours.
    Nightly(i64, f64),
    /// One after the other, each for about so many hours, with pauses of about so many.
    Queue(f64, f64),
}

/// How a family's GPUs work.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// MiB on each GPU.
    pub memory_mib: f64,
    /// SM activity. The Acme trace has medians of 0.50 (Seren) and 0.33 (Kalos) under a GPU_UTIL of 97 to 99.
    pub sm: f64,
}

impl Effort {
    /// Draws one with this much memory, give or take a twentieth.
    pub fn draw(rng: &mut Rng, memory_gib: f64) -> Self {
        Self {
            memory_mib: (memory_gib * 1024.0 * rng.range(0.97, 1.05)).round(),
            sm: rng.range(0.38, 0.50),
        }
    }
}

fn behaviour(effort: Effort) -> Behaviour {
    Behaviour {
        pattern: Pattern::Steady {
            checkpoint_every: 3 * HOUR,
        },
        peak: 0.98,
        profile: [effort.sm, effort.sm * 0.62, effort.sm * 0.75],
        memory: Memory::Flat(effort.memory_mib),
        saturates_util: true,
        blind_util: false,
    }
}

fn runs(rng: &mut Rng, start: i64, cadence: Cadence) -> Vec<(i64, i64)> {
    let mut runs = Vec::new();
    match cadence {
        Cadence::Nightly(hour, hours) => {
            let mut at = start + hour * HOUR;
            while at < END {
                let length = (hours * rng.range(0.85, 1.15) * HOUR as f64) as i64;
                runs.push((at, at + length));
                at += 24 * HOUR;
            }
        }
        Cadence::Queue(hours, pause) => {
            let mut at = start - (hours * rng.range(0.2, 0.8) * HOUR as f64) as i64;
            while at < END {
                let end = at + (hours * rng.range(0.6, 1.4) * HOUR as f64) as i64;
                runs.push((at, end));
                at = end + ((pause * rng.range(0.3, 1.7)) * HOUR as f64).max(600.0) as i64;
            }
        }
    }
    runs
}

/// A family of training runs of several GPUs that talk over NVLink, or of one.
pub fn family(rng: &mut Rng, place: Place, kind: Kind, gpus: u32, effort: Effort, when: (i64, Cadence)) -> Workload {
    let mut workload = bare(place, kind, gpus, behaviour(effort));
    workload.life = Life::Runs(runs(rng, when.0, when.1));
    workload.image = "registry.northlight.example/training/trainer:2026.41".to_owned();
    workload.args = ["torchrun", "--nproc-per-node", "auto", "/app/train.py"]
        .map(str::to_owned)
        .to_vec();
    workload.env = vec![("WORLD_SIZE".to_owned(), (gpus * place.4).to_string())];
    workload.request.cpu = f64::from(gpus) * 6.0;
    workload.request.memory_gib = f64::from(gpus) * 64.0;
    workload.need.nvlink = gpus >= 8;
    workload.pinned = kind != Kind::CronJob;
    let workload = idle(
        workload,
        Intent::Keep,
        "",
        "its GPUs are given back between runs, and work while it runs",
    );
    let why = if gpus >= 8 {
        "eight GPUs that talk over NVLink, with a GPU_UTIL of 98 and half of the SMs at work"
    } else {
        "half of the SMs at work all the time, and more memory than any cheaper GPU has"
    };
    smaller(workload, Intent::Keep, why)
}

/// Batch inference over stored data.
pub fn batch(rng: &mut Rng, place: Place, kind: Kind, when: (i64, Cadence)) -> Workload {
    let mut behaviour = behaviour(Effort {
        memory_mib: rng.range(11_000.0, 17_000.0).round(),
        sm: rng.range(0.4, 0.6),
    });
    behaviour.peak = rng.range(0.85, 0.95);
    let mut workload = bare(place, kind, 1, behaviour);
    workload.life = Life::Runs(runs(rng, when.0, when.1));
    workload.image = "registry.northlight.example/data/batch-infer:5.0".to_owned();
    workload.args = ["python", "/app/offline.py", "--shard", "auto"]
        .map(str::to_owned)
        .to_vec();
    idle(
        workload,
        Intent::Keep,
        "",
        "its GPUs are given back between runs, and work while it runs",
    )
}
