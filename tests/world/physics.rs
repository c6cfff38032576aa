//! What a GPU and a server show for a given load. One activity drives every reading, so that they agree with each other:
//! who serves tokens draws power.

use super::hardware::Gpu;
use super::load::HOLD;
use super::random::{normal, poisson, unit};
use super::workload::{Behaviour, Memory, Server};

/// One sample of a device as an exporter prints it, whole ticks each: utilization in percent, then engine, SM, tensor and
/// memory activity in thousandths, then memory in MiB, then power in watts.
pub type Ticks = [u32; 7];

/// What a tick of each reading is worth.
pub const TICK: [f64; 7] = [1.0, 0.001, 0.001, 0.001, 0.001, 1.0, 1.0];

/// Seconds that a container takes to start, load its weights and warm up.
pub const WARM_UP: i64 = 240;

/// A device that nothing runs on. The last watt wavers, as boards do.
pub fn idle(gpu: &Gpu, key: u64, second: i64) -> Ticks {
    let watts = gpu.idle_watts + (unit(key ^ 7, second.div_euclid(72 * HOLD)) * 2.0).floor();
    [0, 0, 0, 0, 0, 0, watts as u32]
}

/// A device in the hands of a pod at a level of its load. `fine` adds the noise of single minutes.
pub fn busy(
    gpu: &Gpu,
    behaviour: &Behaviour,
    server: Option<&Server>,
    at: (u64, u64),
    (second, mut level, fine): (i64, f64, bool),
) -> Ticks {
    let (load_key, device_key) = at;
    if fine && level > 0.0 {
        // Always downwards: the peak stays the bound that margins count on.
        level *= 1.0 - 0.06 * unit(device_key, second);
    }
    let (engine, [sm, tensor, dram]) = match server {
        Some(server) => serving(server, behaviour.peak, level),
        None => (behaviour.peak * level, behaviour.profile),
    };
    // Calm worlds keep a mix of work for half a day, the same on all devices of a workload: what differs less compresses
    // better.
    let (grain, kept) = if fine { (device_key, 1) } else { (load_key, 24) };
    let wobble = 1.0 - 0.05 * unit(grain ^ 3, second.div_euclid(3 * kept * HOLD));
    let (sm, tensor, dram) = (engine * sm * wobble, engine * tensor * wobble, engine * dram * wobble);
    let util = match () {
        () if behaviour.blind_util => 0.0,
        () if behaviour.saturates_util && level > 0.5 => {
            97.0 + (3.6 * unit(grain ^ 5, second.div_euclid(kept.min(3) * HOLD))).floor()
        }
        () => (engine * 104.0).min(100.0),
    };
    let activity = (0.15 * engine + 0.35 * sm + 0.3 * tensor + 0.35 * dram).min(1.0);
    let base = idle(gpu, device_key, second)[6];
    let watts = f64::from(base) + (gpu.limit_watts - gpu.idle_watts) * activity;
    let thousandths = |ratio: f64| (ratio * 1000.0).round() as u32;
    [
        util.round() as u32,
        thousandths(engine),
        thousandths(sm),
        thousandths(tensor),
        thousandths(dram),
        memory(behaviour.memory, device_key, second) as u32,
        watts.round() as u32,
    ]
}

/// A device whose pod is starting: weights arrive, nothing computes.
pub fn warming(gpu: &Gpu, behaviour: &Behaviour, key: u64, second: i64, age: i64) -> Ticks {
    let mut ticks = idle(gpu, key, second);
    // Never above what the pod holds later, or a start would look like a peak.
    let share = (age as f64 / WARM_UP as f64).clamp(0.0, 1.0);
    let held = match behaviour.memory {
        Memory::Flat(mib) | Memory::Spikes { base: mib, .. } | Memory::Swaps { base: mib, .. } => mib,
    };
    ticks[5] = (held * share) as u32;
    ticks
}

fn memory(memory: Memory, key: u64, second: i64) -> f64 {
    match memory {
        Memory::Flat(mib) => mib,
        Memory::Spikes { base, peak, every } => {
            let into = (second + (key % 3_600) as i64).rem_euclid(every);
            if into >= every - 60 { peak } else { base }
        }
        Memory::Swaps { base, peak } => {
            // The first window of every day loads all, so that no day lacks the peak.
            let window = second.div_euclid(HOLD);
            let loads = window.rem_euclid(144) == 60 || unit(key ^ 9, window) < 0.08;
            if loads { peak } else { base }
        }
    }
}

/// Engine activity, and SM, tensor and memory activity while active, of a server at this level. Any request in flight keeps
/// kernels running, so the engine is active as long as there is one; SMs and tensor pipes fill with the batch, and memory
/// is read once a step whatever the batch (decode is bound by bandwidth).
fn serving(server: &Server, peak: f64, level: f64) -> (f64, [f64; 3]) {
    let batch = server.in_flight * level;
    let engine = (0.96 * (1.0 - (-batch).exp())).min(peak);
    let filled = (batch / 64.0).min(1.0);
    (engine, [0.35 + 0.4 * filled, 0.04 + 0.26 * filled, 0.62 - 0.1 * filled])
}

/// One scrape of a server.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ServerMoment {
    /// Requests in execution.
    pub running: u64,
    /// Requests waiting.
    pub waiting: u64,
    /// Share of the cache in use, thousandths.
    pub cache: u64,
    /// Requests finished since the scrape before.
    pub finished: u64,
}

/// A server between two scrapes that are `seconds` apart.
pub fn served(server: &Server, behaviour: &Behaviour, at: (u64, u64), second: i64, seconds: i64) -> ServerMoment {
    let (load_key, pod_key) = at;
    let level = behaviour.pattern.level(load_key, second);
    let batch = server.in_flight * level;
    if batch <= 0.0 {
        return ServerMoment::default();
    }
    let (alone, each) = server.token_seconds;
    // Little: every request in flight yields a token per step of the batch.
    let per_second = batch / (alone + each * batch) / server.answer_tokens;
    let expected = per_second * seconds as f64;
    let few = expected < 30.0;
    let finished = if few {
        poisson(unit(pod_key ^ 11, second), expected)
    } else {
        expected.round() as u64
    };
    let running = match batch {
        batch if batch < 4.0 => poisson(unit(pod_key ^ 13, second), batch).min(4),
        batch => (batch + 0.5 * batch.sqrt() * normal(pod_key ^ 13, second.div_euclid(HOLD)))
            .round()
            .max(1.0) as u64,
    };
    let cache = running as f64 * server.context_tokens / server.cache_tokens();
    let waiting = if cache > 0.9 {
        (running as f64 * (cache - 0.9)).ceil() as u64
    } else {
        0
    };
    ServerMoment {
        running,
        waiting,
        cache: (cache.min(1.0) * 1000.0).round() as u64,
        finished,
    }
}
