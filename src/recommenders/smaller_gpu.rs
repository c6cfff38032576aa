//! `smaller-gpu`: a cheaper GPU or slice that holds the lifetime maximum of memory need and the load at its worst.

use super::capability::{self, Capability, DRIVER_RESERVE};
use super::evidence::{fact, figure, measured, shared_devices, unknown};
use super::memory_need::{Need, memory_need};
use super::{Recommender, World};
use crate::model::gap::{Gap, Reason};
use crate::model::scenario::{Candidate, Evidence, Interval, Level, Move, Proposal, ServiceEffect, Subject};
use crate::model::units::{Hourly, Memory};
use crate::model::usage::Signal;
use crate::model::workload::{Class, Workload};
use crate::policy::located::Mistake;
use crate::policy::section::Section;

/// Alternatives handed on for pricing.
const ALTERNATIVES: usize = 3;

/// The lever.
#[derive(Debug, Clone, PartialEq)]
pub struct SmallerGpu {
    /// Days of history without which no peak is believed.
    pub least_days: f64,
    /// Days below which confidence is low.
    pub days_for_confidence: f64,
    /// Room above the maximum of memory need.
    pub memory_headroom: f64,
    /// How busy the smaller GPU may be at the 99th percentile.
    pub busy_at_most: f64,
    /// Share of samples that may be missing.
    pub missing_at_most: f64,
}

/// What a workload asks of a GPU at its worst.
struct Demand {
    need: Need,
    busy: f64,
    busy_evidence: Evidence,
    days: f64,
}

/// Why a cheaper kind will not do.
#[derive(Debug, Clone, PartialEq)]
enum Obstacle {
    Memory { has: Memory },
    Busy { times: f64 },
    Slowdown,
    Precision,
    NoLink,
}

impl SmallerGpu {
    /// Its settings, under its id.
    pub fn read(levers: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let mut own = levers.section("smaller-gpu", mistakes);
        let lever = Self {
            least_days: own.number("least_days", 0.5, 365.0, mistakes),
            days_for_confidence: own.number("days_for_confidence", 1.0, 365.0, mistakes),
            memory_headroom: own.number("memory_headroom", 0.05, 1.0, mistakes),
            busy_at_most: own.number("busy_at_most", 0.1, 0.95, mistakes),
            missing_at_most: own.number("missing_at_most", 0.0, 0.2, mistakes),
        };
        own.finish(mistakes);
        lever
    }

    fn judge(&self, workload: &Workload, world: &World<'_>) -> Result<Vec<Candidate>, Gap> {
        if workload.running().next().is_none() && !workload.family {
            return Ok(keep("not-running", "it holds no GPUs now".to_owned()));
        }
        if workload.pods.iter().any(|pod| pod.shared) {
            return Err(shared_devices());
        }
        let (now, hourly) = self.present(workload, world)?;
        let cheaper = cheaper(workload, world, &now, hourly);
        if cheaper.is_empty() {
            let because = format!("no approved GPU costs less than {} for it", now.kind);
            return Ok(keep("no-cheaper-gpu", because));
        }
        let demand = self.demand(workload, world)?;
        let mut moves = Vec::new();
        let mut obstacles = Vec::new();
        for target in &cheaper {
            match self.obstacle(workload, &now, target, &demand) {
                None => moves.push(self.proposal(workload, &now, target, &demand)),
                Some(obstacle) => obstacles.push((target, obstacle)),
            }
        }
        if moves.is_empty() {
            return self.nothing_fits(&now, &obstacles, &demand);
        }
        moves.truncate(ALTERNATIVES);
        Ok(moves
            .into_iter()
            .map(|proposal| Candidate::Move(Box::new(proposal)))
            .collect())
    }

    /// What it runs on now, and what that costs an hour while it runs.
    fn present(&self, workload: &Workload, world: &World<'_>) -> Result<(Capability, Hourly), Gap> {
        let kind = workload.gpu.as_ref();
        let now = kind
            .and_then(|kind| capability::of(kind, world.catalog))
            .ok_or_else(|| {
                Gap::new(
                    "no-gpu-model",
                    kind.map_or_else(
                        || "which GPU it runs on".to_owned(),
                        |kind| format!("the data sheet of {kind}"),
                    ),
                    "neither the exporter nor its node names a GPU that the catalogue knows",
                    "run GPU feature discovery, so that nodes carry nvidia.com/gpu.product",
                )
            })?;
        if workload.pods.iter().any(|pod| pod.gpu.as_ref() != kind) {
            return Err(Gap::new(
                "mixed-gpus",
                "what it needs of one kind of GPU",
                "its pods ran on several kinds within the window, so that their figures cannot be compared",
                "pin it to one kind with a node selector, or ask again when the change is older than the window",
            ));
        }
        let newest = workload.pods.iter().max_by_key(|pod| pod.to);
        let hourly = newest
            .and_then(|pod| pod.hourly)
            .filter(|_| workload.monthly.is_some())
            .ok_or_else(|| {
                Gap::new(
                    "no-price",
                    "what it costs now",
                    "its node has no price",
                    "point --costs at OpenCost or Kubecost, or label nodes with node.kubernetes.io/instance-type",
                )
            })?;
        Ok((now, hourly))
    }

    fn demand(&self, workload: &Workload, world: &World<'_>) -> Result<Demand, Gap> {
        let grid = world.snapshot.grid;
        let days = workload.hours_held() / 24.0;
        if days < self.least_days || (workload.family && workload.runs < 3) {
            return Err(Gap::new(
                "history-too-short",
                format!("{days:.1} days of history, {} runs", workload.runs),
                format!(
                    "no peak is believed under {} days, or three runs of what ends",
                    self.least_days
                ),
                "ask again later, or widen --window if it is older than the window",
            ));
        }
        let need = memory_need(workload, grid, self.missing_at_most)?;
        let (busy, busy_evidence) = self.busy(workload, world)?;
        Ok(Demand {
            need,
            busy,
            busy_evidence,
            days,
        })
    }

    /// How busy its busiest device was at the 99th percentile. Engine activity tells it; where it is not read, utilization is
    /// at least as much, and power must not contradict it.
    fn busy(&self, workload: &Workload, world: &World<'_>) -> Result<(f64, Evidence), Gap> {
        let grid = world.snapshot.grid;
        let (q, what) = busy_quantile(grid.step_seconds);
        let of = |signal: Signal, scale: f64| workload.highest_quantile(signal, q).map(|value| value * scale);
        match measured(workload, Signal::EngineActive, grid, self.missing_at_most) {
            Ok(engine) => {
                let busy = of(Signal::EngineActive, 1.0).unwrap_or(f64::INFINITY);
                Ok((busy, figure(what, Signal::EngineActive, Some(busy), &engine)))
            }
            Err(gap) if gap.code == "signal-missing" => {
                let sliced = workload.gpu.as_ref().is_some_and(|kind| kind.mig.is_some());
                let util = measured(workload, Signal::GpuUtil, grid, self.missing_at_most);
                let Ok(util) = util else { return Err(gap) };
                // The exporter gives utilization per board, which says nothing of a slice.
                if sliced {
                    return Err(gap);
                }
                let limit = workload
                    .gpu
                    .as_ref()
                    .and_then(|kind| world.catalog.gpu(&kind.model)?.tdp_watts);
                let power = of(Signal::Power, 1.0)
                    .zip(limit)
                    .map_or(0.0, |(watts, limit)| watts / limit);
                let busy = of(Signal::GpuUtil, 0.01).unwrap_or(f64::INFINITY);
                if power > busy + 0.3 {
                    return Err(Gap::new(
                        "signals-disagree",
                        "how busy its GPUs are",
                        format!(
                            "utilization is {:.0} % and power {:.0} % of the limit",
                            busy * 100.0,
                            power * 100.0
                        ),
                        Signal::EngineActive.fix(),
                    ));
                }
                Ok((busy, figure(what, Signal::GpuUtil, Some(busy), &util)))
            }
            Err(gap) => Err(gap),
        }
    }

    fn obstacle(
        &self,
        workload: &Workload,
        now: &Capability,
        target: &Capability,
        demand: &Demand,
    ) -> Option<Obstacle> {
        let room = Memory::from_mib(target.memory.mib() - DRIVER_RESERVE.mib());
        if demand.need.peak.mib() * (1.0 + self.memory_headroom) > room.mib() {
            return Some(Obstacle::Memory { has: target.memory });
        }
        if workload.gpus_per_pod() > 1 && now.nvlink != Some(false) && target.nvlink != Some(true) {
            return Some(Obstacle::NoLink);
        }
        let precision = workload.serving.as_ref().and_then(|serving| serving.precision);
        if !capability::computes(now, target, precision) {
            return Some(Obstacle::Precision);
        }
        let Some(slowdown) = capability::slowdown(now, target) else {
            return Some(Obstacle::Slowdown);
        };
        let times = demand.busy * slowdown;
        (times > self.busy_at_most).then_some(Obstacle::Busy { times })
    }

    fn nothing_fits(
        &self,
        now: &Capability,
        obstacles: &[(&Capability, Obstacle)],
        demand: &Demand,
    ) -> Result<Vec<Candidate>, Gap> {
        // What is needed is only known to be no more than what is reserved: then too much is no verdict.
        let only_memory = obstacles
            .iter()
            .any(|(_, obstacle)| matches!(obstacle, Obstacle::Memory { .. }));
        if let (true, Some(gap)) = (only_memory, &demand.need.bound_only) {
            return Err(gap.clone());
        }
        let words: Vec<String> = obstacles
            .iter()
            .map(|(target, obstacle)| obstacle.in_words(target, demand))
            .collect();
        let code = match obstacles.first() {
            Some((_, Obstacle::Memory { .. })) => "memory-peak",
            Some((_, Obstacle::Busy { .. })) => "too-busy",
            _ => "no-gpu-that-fits",
        };
        Ok(keep(code, format!("it stays on {}: {}", now.kind, words.join("; "))))
    }

    fn proposal(&self, workload: &Workload, now: &Capability, target: &Capability, demand: &Demand) -> Proposal {
        let slowdown = capability::slowdown(now, target).unwrap_or(1.0);
        let mut evidence = demand.need.evidence.clone();
        evidence.push(demand.busy_evidence.clone());
        let what = format!("times that work may take longer on {}, at worst", target.kind);
        evidence.push(fact(what, "catalogue: bandwidth and tensor throughput", Some(slowdown)));
        evidence.push(fact(
            "days of history",
            "kube-state-metrics and the Kubernetes API",
            Some(demand.days),
        ));
        let mut needs_human = vec![format!(
            "its image must hold kernels for {}{}",
            target.kind,
            target
                .compute_capability
                .map_or_else(String::new, |(major, minor)| format!(
                    " (compute capability {major}.{minor})"
                ))
        )];
        if slowdown > 1.0 {
            needs_human.push(format!(
                "a request may spend up to {slowdown:.1} times as long on the GPU: check it on one replica first"
            ));
        }
        let sure = demand.days >= self.days_for_confidence && demand.busy_evidence.query == Signal::EngineActive.name();
        Proposal {
            moves: vec![Move::UseGpu {
                from: now.kind.clone(),
                to: target.kind.clone(),
                per_pod: workload.gpus_per_pod(),
                slowdown,
            }],
            title: format!(
                "move {}/{} from {} to {}",
                workload.namespace, workload.name, now.kind, target.kind
            ),
            evidence,
            service: Some(ServiceEffect {
                metric: "time on the GPU per request, times, at most".to_owned(),
                before: Some(1.0),
                after: Interval {
                    low: None,
                    mid: Some(slowdown),
                    high: None,
                },
            }),
            confidence: if sure { Level::Medium } else { Level::Low },
            risk: if workload.class.class == Class::Inference {
                Level::Medium
            } else {
                Level::Low
            },
            needs_human,
            rollback: format!("set its node selector back to {}", now.kind),
        }
    }
}

impl Obstacle {
    fn in_words(&self, target: &Capability, demand: &Demand) -> String {
        let kind = &target.kind;
        match self {
            Self::Memory { has } => {
                format!(
                    "{kind} has {:.0} GiB and it needs {:.1} GiB at its peak",
                    has.gib(),
                    demand.need.peak.gib()
                )
            }
            Self::Busy { times } => {
                format!("{kind} could be {:.0} % busy at its worst", times * 100.0)
            }
            Self::Slowdown => format!("how fast {kind} is, is not known well enough"),
            Self::Precision => format!("{kind} may not compute in its precision"),
            Self::NoLink => format!("{kind} are not joined by NVLink as its GPUs are"),
        }
    }
}

impl Recommender for SmallerGpu {
    fn id(&self) -> &'static str {
        "smaller-gpu"
    }

    fn page(&self) -> &'static str {
        include_str!("smaller_gpu.md")
    }

    fn propose(&self, subject: Subject<'_>, world: &World<'_>) -> Vec<Candidate> {
        let Subject::Workload(workload) = subject;
        self.judge(workload, world).unwrap_or_else(unknown)
    }
}

/// Which quantile is the worst that counts. Means of several minutes hide the bursts between them, so that of those the
/// highest counts.
fn busy_quantile(step_seconds: u32) -> (f64, &'static str) {
    if step_seconds > 120 {
        (1.0, "busiest GPU in its busiest step, of 1")
    } else {
        (0.99, "busiest GPU at the 99th percentile, of 1")
    }
}

/// Approved kinds that cost less for the workload's pods than what they hold now, the cheapest first.
fn cheaper(workload: &Workload, world: &World<'_>, now: &Capability, hourly: Hourly) -> Vec<Capability> {
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

fn keep(code: &str, because: String) -> Vec<Candidate> {
    vec![Candidate::Keep {
        because: Reason::new(code, because),
    }]
}
