//! What of a model server fits fewer GPUs with its weights in eight bits: all in measured memory.

use super::super::World;
use super::super::evidence::{figure, measured};
use super::super::memory_need::{beside, model_unknown};
use crate::model::gap::Gap;
use crate::model::scenario::Evidence;
use crate::model::serving::{Precision, Serving};
use crate::model::units::Memory;
use crate::model::usage::Signal;
use crate::model::workload::Workload;
use crate::replay::service::variant::Variant;

/// Times as long as something takes, and by which share more, and less, it takes nine times of ten.
pub type Times = (f64, (f64, f64));

/// Times as long as before a step takes with weights in half the bits on half the GPUs: of 220 measured pairs with eight and four
/// bits half took no longer, nine of ten no more than 1.35 times as long, and one of ten less than 0.87 (AIConfigurator, 2026, at
/// the same batch; 25 pairs with sixteen and eight bits lie lower).
pub const HALVED: Times = (1.13, (0.195, 0.23));

/// The same where the GPU computes as before: as if nothing were won. Of 275 measured pairs with one and two GPUs half took no
/// longer than 1.54 times as long, nine of ten no more than 1.68, and one of ten less than 1.23.
pub const HALVED_WEIGHTS_ONLY: Times = (1.54, (0.09, 0.2));

/// The same on as many GPUs: of 25 measured pairs with sixteen and eight bits half took no more than 1.03 times as long,
/// nine of ten no more than 1.23, and one of ten less than 0.9.
pub const AS_MANY: Times = (1.03, (0.2, 0.13));

/// How full a cache is at p99 from which more of it lets more requests in.
const CACHE_BINDS: f64 = 0.8;

/// Memory of a replica as it is, over all its GPUs, and as it would be.
#[derive(Debug, Clone)]
pub(super) struct Fit {
    /// GPUs of a replica.
    pub(super) gpus: u32,
    replicas: usize,
    /// Held on each GPU.
    held: Memory,
    /// On each GPU.
    beside: Memory,
    /// Over all GPUs.
    weights: Memory,
    quantized: Memory,
    cache: Memory,
    tokens: f64,
    /// The share of the cache in use at p99.
    used: f64,
    evidence: Vec<Evidence>,
    /// Whether pods hold no other GPUs than those over which layers are split.
    is_split_over_all: bool,
}

/// What can be tried.
pub(super) enum Room {
    /// GPUs of a replica.
    Rooms(Vec<u32>),
    /// Fewer GPUs hold the weights, and not the cache that is used.
    CacheDoesNotFit(String),
    /// There are no fewer, and more cache wins nothing.
    NothingToWin(String),
}

impl Fit {
    pub(super) fn of(
        workload: &Workload,
        serving: &Serving,
        world: &World<'_>,
        missing_at_most: f64,
    ) -> Result<Self, Gap> {
        let grid = world.snapshot.grid;
        let used_memory = measured(workload, Signal::MemoryUsed, grid, missing_at_most)?;
        let cache_used = measured(workload, Signal::KvCacheUsage, grid, missing_at_most)?;
        let held = Memory::from_mib(used_memory.max().unwrap_or(f64::INFINITY));
        let (Some(weights), Some(cache), Some(split), Some(parameters), Some(kv_cache)) = (
            serving.weights_per_gpu(),
            serving.cache_per_gpu(1.0),
            serving.tensor_parallel,
            serving.parameters,
            serving.kv_cache,
        ) else {
            return Err(model_unknown(serving));
        };
        let used = cache_used.quantile(0.99).unwrap_or(1.0);
        let all = |each: Memory| Memory::from_mib(each.mib() * f64::from(split));
        Ok(Self {
            gpus: split,
            replicas: workload.running().count(),
            held,
            beside: beside(held, weights, cache),
            weights: all(weights),
            quantized: Memory::from_bytes(parameters * Precision::Fp8.bytes()),
            cache: all(cache),
            tokens: kv_cache.tokens as f64,
            used,
            evidence: vec![
                figure(
                    "memory held on the fullest GPU, MiB at most",
                    Signal::MemoryUsed,
                    Some(held.mib()),
                    &used_memory,
                ),
                figure(
                    "share of the cache in use at the 99th percentile",
                    Signal::KvCacheUsage,
                    Some(used),
                    &cache_used,
                ),
            ],
            is_split_over_all: workload.running().all(|pod| pod.gpus == split),
        })
    }

    /// The share of what the server holds that its weights take.
    pub(super) fn weights_share(&self) -> f64 {
        self.weights.mib() / (self.held.mib() * f64::from(self.gpus))
    }

    pub(super) fn weights_in_words(&self) -> String {
        format!(
            "its weights take {} of the {} that it holds: there is little to win",
            gigabytes(self.weights),
            gigabytes(Memory::from_mib(self.held.mib() * f64::from(self.gpus)))
        )
    }

    /// The cache that so many GPUs have room for, beside weights in eight bits.
    fn cache_on(&self, gpus: u32) -> Memory {
        let gpus = f64::from(gpus);
        Memory::from_mib((gpus * (self.held.mib() - self.beside.mib()) - self.quantized.mib()).max(0.0))
    }

    /// The tokens that it holds.
    pub(super) fn cache_tokens(&self, gpus: u32) -> f64 {
        self.tokens * self.cache_on(gpus).mib() / self.cache.mib().max(1e-9)
    }

    /// What can be tried: half the GPUs, as no measured pair tells of fewer, and as many with more cache.
    pub(super) fn room(&self) -> Room {
        let half = self.gpus / 2;
        let halves = self.gpus >= 2 && self.gpus.is_multiple_of(2) && self.is_split_over_all;
        let in_use = Memory::from_mib(self.cache.mib() * self.used);
        let fits = halves && self.cache_on(half) >= in_use;
        let binds = self.used >= CACHE_BINDS && self.replicas > 1;
        let mut rooms = Vec::new();
        if fits {
            rooms.push(half);
        }
        if binds {
            rooms.push(self.gpus);
        }
        if !rooms.is_empty() {
            return Room::Rooms(rooms);
        }
        if halves {
            return Room::CacheDoesNotFit(format!(
                "it keeps its {} GPUs a replica for its cache: {:.0} % of {} was in use at the 99th percentile, which is {}, and beside weights \
                 in FP8 {half} GPUs leave {}",
                self.gpus,
                self.used * 100.0,
                gigabytes(self.cache),
                gigabytes(in_use),
                gigabytes(self.cache_on(half))
            ));
        }
        let gpus = match self.gpus {
            1 => "a replica has one GPU already".to_owned(),
            more => format!("no half of its {more} GPUs can hold a replica as it is split"),
        };
        Room::NothingToWin(format!(
            "{gpus}, and its cache, {:.0} % full at the 99th percentile, is not what it lacks",
            self.used * 100.0
        ))
    }

    /// What each replica is then.
    pub(super) fn variant(&self, gpus: u32, weight_only: bool) -> Variant {
        let (step, off) = match (gpus < self.gpus, weight_only) {
            (true, false) => HALVED,
            (true, true) => HALVED_WEIGHTS_ONLY,
            (false, _) => AS_MANY,
        };
        let devices = f64::from(gpus) / f64::from(self.gpus);
        Variant {
            step,
            off,
            // Prompts are bound by arithmetic, of which no gain is counted.
            prefill: devices,
            cache_tokens: Some(self.cache_tokens(gpus)),
            devices,
            ..Variant::AS_IT_IS
        }
    }

    pub(super) fn evidence(&self, gpus: u32) -> Vec<Evidence> {
        let told = |what: String, value: Memory| Evidence {
            what,
            query: "arithmetic over measured memory, the catalogue's parameters and the server's cache_config_info"
                .to_owned(),
            value: Some(value.mib()),
            coverage: None,
        };
        let mut evidence = self.evidence.clone();
        evidence.extend([
            told("weights of a replica, MiB".to_owned(), self.weights),
            told("weights of a replica in eight bits, MiB".to_owned(), self.quantized),
            told("cache of a replica, MiB".to_owned(), self.cache),
            told(
                format!("cache of a replica on {gpus} GPUs then, MiB"),
                self.cache_on(gpus),
            ),
        ]);
        evidence
    }
}

/// In units of 10^9 bytes, as vendors and model cards write them.
fn gigabytes(memory: Memory) -> String {
    format!("{:.0} GB", memory.bytes() / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 70.6 billion parameters on four GPUs of 80 GB, of which a server takes nine tenths.
    fn fit(used: f64) -> Fit {
        let gb = |gigabytes: f64| Memory::from_bytes(gigabytes * 1e9);
        let weights = gb(141.2);
        let cache = gb(4.0 * (72.0 - 3.5) - 141.2);
        Fit {
            gpus: 4,
            replicas: 1,
            held: gb(72.0),
            beside: gb(3.5),
            weights,
            quantized: gb(70.6),
            cache,
            tokens: 400_000.0,
            used,
            evidence: Vec::new(),
            is_split_over_all: true,
        }
    }

    #[test]
    fn a_cache_that_is_used_must_fit() {
        // 60 % of 133 GB are 80 GB, and two GPUs have 66 GB left.
        let Room::CacheDoesNotFit(words) = fit(0.6).room() else {
            panic!("the cache does not fit");
        };
        assert!(
            words.contains("60 % of 133 GB") && words.contains("80 GB") && words.ends_with("2 GPUs leave 66 GB"),
            "{words}"
        );
        assert!(matches!(fit(0.49).room(), Room::Rooms(gpus) if gpus == [2]));
        assert!((fit(0.3).cache_tokens(2) / 400_000.0 - 66.4 / 132.8).abs() < 1e-9);
    }

    #[test]
    fn more_cache_helps_those_that_lack_it() {
        let mut full = fit(0.95);
        full.replicas = 3;
        assert!(matches!(full.room(), Room::Rooms(gpus) if gpus == [4]));
        assert!((full.cache_tokens(4) / 400_000.0 - (132.8 + 70.6) / 132.8).abs() < 1e-9);
        full.gpus = 3;
        full.used = 0.3;
        assert!(matches!(full.room(), Room::NothingToWin(_)));
    }

    #[test]
    fn what_only_stores_weights_so_is_no_quicker() {
        let (computes, stores) = (fit(0.3).variant(2, false), fit(0.3).variant(2, true));
        assert!(computes.step < stores.step && stores.step * (1.0 + stores.off.0) < 2.0);
        assert_eq!((computes.devices, computes.prefill), (0.5, 0.5));
        assert!(fit(0.3).variant(4, false).step < computes.step);
    }
}
