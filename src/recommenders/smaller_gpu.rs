//! `smaller-gpu`: a cheaper GPU or slice that holds the lifetime maximum of memory need and the load at its worst.

use super::capability::{self, Capability};
use super::evidence::{fact, figure, keep, measured, not_to_be_disrupted, shared_devices, unknown};
use super::memory_need::{Need, memory_need};
use super::targets::{self, Obstacle};
use super::{Recommender, World};
use crate::model::gap::Gap;
use crate::model::scenario::{Candidate, Evidence, Interval, Level, Move, Proposal, ServiceEffect, Subject};
use crate::model::units::Hourly;
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
pub(super) struct Demand {
    /// Memory.
    pub(super) need: Need,
    /// How busy its busiest device is now, of 1.
    pub(super) busy: f64,
    busy_evidence: Evidence,
    days: f64,
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
            return Ok(vec![keep("not-running", "it holds no GPUs now".to_owned())]);
        }
        if workload.pods.iter().any(|pod| pod.shared) {
            return Err(shared_devices());
        }
        let (now, hourly) = self.present(workload, world)?;
        let cheaper = targets::cheaper(workload, world, &now, hourly);
        let unpriced = targets::unpriced(world, &now);
        if cheaper.is_empty() && unpriced.is_empty() {
            let because = format!("no approved GPU costs less than {} for it", now.kind);
            return Ok(vec![keep("no-cheaper-gpu", because)]);
        }
        let demand = self.demand(workload, world)?;
        let mut moves = Vec::new();
        let mut obstacles = Vec::new();
        for target in &cheaper {
            match targets::obstacle(self, workload, (&now, target), &demand) {
                None => moves.push(self.proposal(workload, &now, target, &demand)),
                Some(obstacle) => obstacles.push((target, obstacle)),
            }
        }
        if moves.is_empty() {
            for target in &unpriced {
                match targets::obstacle(self, workload, (&now, target), &demand) {
                    None => return Err(targets::no_price(&target.kind)),
                    Some(obstacle) => obstacles.push((target, obstacle)),
                }
            }
            return nothing_fits(&now, &obstacles, &demand);
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
                let Some(kind) = kind else {
                    return Gap::new(
                        "no-gpu-model",
                        "which GPU it runs on",
                        "neither the exporter nor its node names a GPU that the catalogue knows",
                        "run GPU feature discovery, so that nodes carry nvidia.com/gpu.product",
                    );
                };
                Gap::new(
                    "no-gpu-model",
                    format!("the speed of {kind}"),
                    "the catalogue has no figures by which it could be compared with other GPUs",
                    "nothing: figures of another vendor's software would say what nobody measured",
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
        needs_human.extend(not_to_be_disrupted(workload));
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
            risk: if matches!(workload.class.class, Class::Inference | Class::Unknown) {
                Level::Medium
            } else {
                Level::Low
            },
            needs_human,
            rollback: format!("set its node selector back to {}", now.kind),
            experiment: None,
            replayed: None,
            effective: None,
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

fn nothing_fits(
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
    if let Some((target, _)) = obstacles.iter().find(|(_, obstacle)| *obstacle == Obstacle::Speed) {
        return Err(targets::no_speed(&target.kind));
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
    let because = format!("it stays on {}: {}", now.kind, words.join("; "));
    Ok(vec![keep(code, because)])
}
