//! What is true of each workload, by construction. The margins live here: a change that is planted is right by far, and a
//! control that is planted would be broken by far, so that no reasonable judge can differ.

use std::collections::BTreeSet;

use super::fleet::pool_named;
use super::hardware::{Gpu, INSTANCES, Instance};
use super::workload::{Intent, Need, Workload, slices};

/// A planted change fills at most this share of the target's memory.
pub const EASY_MEMORY: f64 = 0.60;
/// A planted change is at most this busy on the target, after the worst slowdown.
pub const EASY_BUSY: f64 = 0.50;
/// What a target may be filled and busied to before a move to it is no longer called acceptable.
const SAFE: (f64, f64) = (0.90, 0.95);
/// A control exceeds the limit that it stands for by at least this factor.
pub const BROKEN: f64 = 1.15;
/// The highest memory activity that GPUs reach (DCGM's field documentation: about 0.8).
const DRAM_CEILING: f64 = 0.8;

/// What a verdict must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// A change to one of these: GPU models, or slices as `MODEL/PROFILE`; `scale-to-zero` or `schedule` for idle ones.
    Change {
        /// Any of them is right.
        to: Vec<String>,
    },
    /// No change. To say that it cannot be known is no error either, but a miss.
    Keep,
    /// It cannot be known from what can be seen.
    Unknown,
    /// Not planted: says nothing about a verdict.
    Any,
}

/// The truth about one workload and one lever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    /// Namespace of the workload.
    pub namespace: String,
    /// Kind of the object that its owner edits.
    pub kind: String,
    /// Its name; the stem of the runs' names, for Job, PyTorchJob and JobSet.
    pub name: String,
    /// The id of a lever.
    pub lever: String,
    /// What a verdict must be.
    pub expect: Expect,
    /// Why.
    pub why: String,
}

/// The truths of a world: four a workload, in the order of the workloads. Candidates for `smaller-gpu` are the GPU models
/// that the world's nodes carry, and slices of them. Below a week of history no change can be demanded of anyone.
pub fn truths(workloads: &[Workload], days: i64) -> Vec<Truth> {
    let present: BTreeSet<&str> = workloads.iter().map(|w| gpu_of(w).model).collect();
    let mut truths = Vec::new();
    for workload in workloads {
        let (intent, to, why) = &workload.idle;
        let least = if *to == "schedule" { 14 } else { 7 };
        let idle = match intent {
            Intent::Change if days < least => Expect::Any,
            Intent::Change => Expect::Change {
                to: vec![(*to).to_owned()],
            },
            Intent::Keep if days < 7 => Expect::Any,
            Intent::Keep => Expect::Keep,
            Intent::Unknown => Expect::Unknown,
            Intent::Any => Expect::Any,
        };
        truths.push(truth(workload, "idle-gpu", idle, why));
        let (intent, why) = &workload.smaller;
        let smaller = match intent {
            Intent::Change if days < 7 => Expect::Any,
            Intent::Change => Expect::Change {
                to: acceptable(workload, &present),
            },
            Intent::Keep => Expect::Keep,
            Intent::Unknown => Expect::Unknown,
            Intent::Any => Expect::Any,
        };
        truths.push(truth(workload, "smaller-gpu", smaller, why));
        let (intent, to, why) = &workload.unused;
        let unused = match intent {
            Intent::Change if days < 7 => Expect::Any,
            Intent::Change => Expect::Change {
                to: vec![(*to).to_owned()],
            },
            Intent::Keep => Expect::Keep,
            Intent::Unknown => Expect::Unknown,
            Intent::Any => Expect::Any,
        };
        truths.push(truth(workload, "unused-gpus", unused, why));
        let (intent, why) = &workload.spot;
        let spot = match intent {
            Intent::Change if days < 7 => Expect::Any,
            // How often such a node is taken away only nodes of that type tell.
            Intent::Change if !has_spot(workload, workloads) => Expect::Unknown,
            Intent::Change => Expect::Change {
                to: vec!["spot".to_owned()],
            },
            Intent::Keep => Expect::Keep,
            Intent::Unknown => Expect::Unknown,
            Intent::Any => Expect::Any,
        };
        truths.push(truth(workload, "spot-migration", spot, why));
    }
    truths
}

/// Whether the world has spot nodes of the type that a workload runs on.
fn has_spot(workload: &Workload, all: &[Workload]) -> bool {
    let instance = pool_named(workload.pool).instance;
    let mut pools = all.iter().map(|other| pool_named(other.pool));
    pools.any(|pool| pool.capacity == "spot" && pool.instance == instance)
}

fn truth(workload: &Workload, lever: &str, expect: Expect, why: &str) -> Truth {
    Truth {
        namespace: workload.namespace.clone(),
        kind: workload.kind.name().to_owned(),
        name: workload.name.clone(),
        lever: lever.to_owned(),
        expect,
        why: why.to_owned(),
    }
}

/// The GPU that a workload runs on.
pub fn gpu_of(workload: &Workload) -> &'static Gpu {
    Instance::named(pool_named(workload.pool).instance).gpu
}

/// A GPU or a slice, seen from a workload.
struct Target {
    name: String,
    memory_mib: f64,
    /// Least and most time that the same arithmetic takes.
    slowdown: (f64, f64),
    /// How much longer the same memory traffic takes.
    traffic: f64,
    fp8: bool,
    nvlink: bool,
}

fn targets(workload: &Workload, present: &BTreeSet<&str>) -> Vec<Target> {
    let own = gpu_of(workload);
    let mut models: Vec<&'static Gpu> = INSTANCES.iter().map(|instance| instance.gpu).collect();
    models.dedup();
    models.retain(|gpu| present.contains(gpu.model));
    let mut found = Vec::new();
    for gpu in models {
        if gpu.cheapest() < own.cheapest() {
            found.push(Target {
                name: gpu.model.to_owned(),
                memory_mib: gpu.memory_mib,
                slowdown: own.slowdown(gpu),
                traffic: own.bandwidth / gpu.bandwidth,
                fp8: gpu.fp8,
                nvlink: gpu.nvlink,
            });
        }
        // A slice is one device of one pod: tensor parallelism does not cross slices.
        let single = workload.gpus == 1 && gpu.cheapest() <= own.cheapest();
        for (profile, sevenths, share) in slices(gpu).iter().filter(|_| single) {
            let (least, most) = own.slowdown(gpu);
            let (compute, traffic) = (7.0 / sevenths, 1.0 / share);
            found.push(Target {
                name: format!("{}/{profile}", gpu.model),
                memory_mib: gpu.memory_mib * share,
                slowdown: (least * compute.min(traffic), most * compute.max(traffic)),
                traffic: own.bandwidth / gpu.bandwidth * traffic,
                fp8: gpu.fp8,
                nvlink: false,
            });
        }
    }
    found
}

impl Target {
    fn lacks(&self, need: &Need) -> bool {
        (need.fp8 && !self.fp8) || (need.nvlink && !self.nvlink)
    }

    fn holds(&self, need: &Need, memory: f64, busy: f64) -> bool {
        !self.lacks(need)
            && need.memory_mib <= memory * self.memory_mib
            && need.engine * self.slowdown.1.max(1.0) <= busy
    }

    fn breaks(&self, need: &Need) -> bool {
        self.lacks(need)
            || need.memory_mib >= BROKEN * self.memory_mib
            || need.engine * self.slowdown.0 >= BROKEN * SAFE.1
            || need.dram * self.traffic >= BROKEN * DRAM_CEILING
    }
}

fn acceptable(workload: &Workload, present: &BTreeSet<&str>) -> Vec<String> {
    let good = |target: &Target| target.holds(&workload.need, SAFE.0, SAFE.1);
    targets(workload, present)
        .into_iter()
        .filter(good)
        .map(|target| target.name)
        .collect()
}

/// Where a workload's plan and its margins disagree: a change that is not easy on any whole GPU of the world, or a control
/// that some target would carry.
pub fn broken_margins(workloads: &[Workload]) -> Vec<String> {
    let present: BTreeSet<&str> = workloads.iter().map(|w| gpu_of(w).model).collect();
    let mut broken = Vec::new();
    for workload in workloads {
        let targets = targets(workload, &present);
        let wrong = match workload.smaller.0 {
            Intent::Change => {
                let easy = |t: &&Target| t.holds(&workload.need, EASY_MEMORY, EASY_BUSY) && !t.name.contains('/');
                targets
                    .iter()
                    .find(easy)
                    .is_none()
                    .then(|| "no whole GPU holds it easily".to_owned())
            }
            Intent::Keep => {
                let carried = targets.iter().find(|target| !target.breaks(&workload.need));
                carried.map(|target| format!("{} would carry it", target.name))
            }
            Intent::Unknown | Intent::Any => None,
        };
        if let Some(wrong) = wrong {
            broken.push(format!(
                "{}/{}: {wrong}: {:?}",
                workload.namespace, workload.name, workload.need
            ));
        }
    }
    broken
}
