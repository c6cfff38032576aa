//! GPUs that `smaller-gpu` may name for a workload, and why one of them will not do.

use super::World;
use super::capability::{self, Capability, DRIVER_RESERVE};
use super::smaller_gpu::{Demand, SmallerGpu};
use crate::model::gap::Gap;
use crate::model::gpu::GpuKind;
use crate::model::units::{Hourly, Memory};
use crate::model::workload::Workload;

/// Why a kind will not do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Obstacle {
    /// It is too small.
    Memory {
        /// What may be used of it, headroom left.
        room: Memory,
    },
    /// It is too slow.
    Busy {
        /// How busy it could be, of 1.
        times: f64,
    },
    /// It may be too slow.
    Speed,
    /// It may not compute in the workload's precision.
    Precision,
    /// Its GPUs are not joined.
    NoLink,
}

/// Approved kinds that cost less for the workload's pods than what they hold now, the cheapest first.
pub(super) fn cheaper(workload: &Workload, world: &World<'_>, now: &Capability, hourly: Hourly) -> Vec<Capability> {
    let each = workload.gpus_per_pod();
    let pods = u32::try_from(workload.running().count()).unwrap_or(1).max(1);
    let mut found: Vec<(f64, Capability)> = Vec::new();
    for kind in world.offers.kinds() {
        let price = world.offers.cheapest(kind, pods, each, &workload.pod_requests);
        if let Some(((.., nodes), target)) = price.zip(capability::of(kind, world.catalog)) {
            found.push((nodes.get() / f64::from(pods), target));
        }
    }
    // A slice that nobody holds is on the bill already; it takes one GPU's pod, as slices are not joined.
    let slices = world
        .offers
        .free_slices()
        .iter()
        .filter(|(_, free)| each == 1 && *free >= pods);
    for (kind, _) in slices {
        if let Some(target) = capability::of(kind, world.catalog) {
            found.push((0.0, target));
        }
    }
    let here = |target: &Capability| target.kind == now.kind;
    found.retain(|(price, target)| !here(target) && *price < hourly.get());
    found.sort_by(|a, b| {
        a.0.total_cmp(&b.0)
            .then_with(|| a.1.memory.mib().total_cmp(&b.1.memory.mib()))
    });
    found.into_iter().map(|(_, target)| target).collect()
}

/// Approved kinds of which no price is known and which may cost less: what is no worse in anything is not expected to.
pub(super) fn unpriced(world: &World<'_>, now: &Capability) -> Vec<Capability> {
    let kinds = world.offers.unpriced().iter();
    let known = kinds.filter_map(|kind| capability::of(kind, world.catalog));
    let is_less = |target: &Capability| {
        let slower = capability::slowdown(now, target).is_none_or(|times| times > 1.0);
        target.kind != now.kind && (slower || target.memory < now.memory)
    };
    known.filter(is_less).collect()
}

/// What stands against moving a workload from one kind to another.
pub(super) fn obstacle(
    lever: &SmallerGpu,
    workload: &Workload,
    (now, target): (&Capability, &Capability),
    demand: &Demand,
) -> Option<Obstacle> {
    let room = Memory::from_mib((target.memory.mib() - DRIVER_RESERVE.mib()) / (1.0 + lever.memory_headroom));
    if demand.need.peak > room {
        return Some(Obstacle::Memory { room });
    }
    if workload.gpus_per_pod() > 1 && now.nvlink != Some(false) && target.nvlink != Some(true) {
        return Some(Obstacle::NoLink);
    }
    let precision = workload.serving.as_ref().and_then(|serving| serving.precision);
    if !capability::computes(now, target, precision) {
        return Some(Obstacle::Precision);
    }
    let slowdown = capability::slowdown(now, target);
    let times = demand.busy * slowdown.unwrap_or_else(|| capability::slowdown_at_least(now, target));
    if times > lever.busy_at_most {
        return Some(Obstacle::Busy { times });
    }
    slowdown.is_none().then_some(Obstacle::Speed)
}

impl Obstacle {
    pub(super) fn in_words(&self, target: &Capability, demand: &Demand) -> String {
        let kind = &target.kind;
        match self {
            Self::Memory { room } => {
                format!(
                    "{kind} has room for {:.1} GiB and it needs {:.1} GiB at its peak",
                    room.gib(),
                    demand.need.peak.gib()
                )
            }
            Self::Busy { times } => {
                format!("{kind} could be {:.0} % busy at its worst", times * 100.0)
            }
            Self::Speed => format!("how fast {kind} is, is not known well enough"),
            Self::Precision => format!("{kind} may not compute in its precision"),
            Self::NoLink => format!("{kind} are not joined by NVLink as its GPUs are"),
        }
    }
}

/// An approved kind fits, and what it costs is not known.
pub(super) fn no_price(kind: &GpuKind) -> Gap {
    Gap::new(
        "no-price",
        format!("what {kind} costs"),
        "it is approved and would do, but neither a node of the cluster nor a price list tells its price",
        "point --costs at OpenCost or Kubecost once the cluster has a node of it, or approve another GPU",
    )
}

/// A kind has the memory, and what is known of its speed does not rule it out.
pub(super) fn no_speed(kind: &GpuKind) -> Gap {
    Gap::new(
        "no-gpu-speed",
        format!("whether {kind} is fast enough"),
        "the catalogue has no figure for its tensor throughput that sources agree on, and by its bandwidth it may be",
        "approve another GPU beside it, or try it on one replica",
    )
}
