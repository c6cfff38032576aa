//! `unused-gpus`: pods that request several GPUs, of which some were never touched in any run.

use std::collections::BTreeSet;

use super::evidence::{absent, fact, keep, not_to_be_disrupted, shared_devices, unknown};
use super::{Recommender, World};
use crate::model::gap::Gap;
use crate::model::scenario::{Candidate, Level, Move, Proposal, Subject};
use crate::model::time::Grid;
use crate::model::units::Memory;
use crate::model::usage::{Column, Signal};
use crate::model::workload::{Class, DeviceUse, PodUse, Workload, hours_held};
use crate::policy::located::Mistake;
use crate::policy::section::Section;

/// The lever.
#[derive(Debug, Clone, PartialEq)]
pub struct UnusedGpus {
    /// Days of history without which no GPU is called unused.
    pub least_days: f64,
    /// Runs without which a job's GPUs are not called unused.
    pub least_runs: f64,
    /// Hours that a pod must have lived to tell what it uses.
    pub least_hours_of_a_pod: f64,
    /// Engine activity, 0 to 1, up to which a GPU was not touched.
    pub activity_at_most: f64,
    /// Memory up to which a GPU holds nothing but a context.
    pub memory_at_most: Memory,
    /// Share of the power limit up to which it is at rest.
    pub power_share_at_most: f64,
    /// Share of samples that may be missing, of any single GPU.
    pub missing_at_most: f64,
}

/// What the pods that tell something showed together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Seen {
    pods: usize,
    /// GPUs that one of them touched at most.
    used: u32,
    /// Of the GPUs that none touched: the highest activity, memory in MiB, and watts.
    activity: f64,
    memory: f64,
    watts: f64,
    /// The least share of samples that was there, of any GPU.
    coverage: f64,
}

/// What one GPU of one pod did at most.
#[derive(Debug, Clone, Copy)]
struct Peak {
    activity: f64,
    memory: Option<f64>,
    watts: Option<f64>,
    coverage: f64,
}

impl UnusedGpus {
    /// Its settings, under its id.
    pub fn read(levers: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let mut own = levers.section("unused-gpus", mistakes);
        let lever = Self {
            least_days: own.number("least_days", 0.5, 365.0, mistakes),
            least_runs: own.number("least_runs", 1.0, 1000.0, mistakes),
            least_hours_of_a_pod: own.number("least_hours_of_a_pod", 0.25, 168.0, mistakes),
            activity_at_most: own.number("activity_at_most", 0.0, 0.05, mistakes),
            memory_at_most: Memory::from_mib(own.number("memory_at_most_mib", 0.0, 4096.0, mistakes)),
            power_share_at_most: own.number("power_share_at_most", 0.05, 0.5, mistakes),
            missing_at_most: own.number("missing_at_most", 0.0, 0.2, mistakes),
        };
        own.finish(mistakes);
        lever
    }

    fn judge(&self, workload: &Workload, world: &World<'_>) -> Result<Candidate, Gap> {
        let Some(newest) = workload.pods.iter().max_by_key(|pod| (pod.running, pod.to)) else {
            return Ok(keep("not-running", "it holds no GPUs"));
        };
        let each = newest.gpus;
        if each < 2 {
            return Ok(keep("one-gpu", "each of its pods holds one GPU"));
        }
        if !newest.running && !workload.family {
            return Ok(keep("not-running", "it holds no GPUs now"));
        }
        if workload.pods.iter().any(|pod| pod.shared) {
            return Err(shared_devices());
        }
        let of_newest = |pod: &&PodUse| pod.running || (workload.family && pod.run == newest.run);
        let other = workload.pods.iter().filter(of_newest).find(|pod| pod.gpus != each);
        if let Some(other) = other {
            return Err(Gap::new(
                "mixed-pods",
                "what one pod of it needs",
                format!("some of its pods hold {each} GPUs and others {}", other.gpus),
                "judge its roles one by one: GPUs of each pod are in the exporter's metrics",
            ));
        }
        // What it requested before is another setup.
        let own = workload.pods.iter().filter(|pod| pod.gpus == each);
        let (pods, short): (Vec<&PodUse>, Vec<&PodUse>) = own.partition(|pod| pod.hours() >= self.least_hours_of_a_pod);
        self.enough(workload, &pods, &short)?;
        let mut seen = self.look(&pods, each, world.snapshot.grid)?;
        // What hardly lived need not show what it left alone, but what it used it used.
        let used = |pod: &&PodUse| pod.devices.iter().filter(|device| self.touched(pod, device)).count();
        let most = short.iter().map(used).max().unwrap_or(0);
        seen.used = seen.used.max(u32::try_from(most).unwrap_or(each));
        if seen.used == each {
            return Ok(keep(
                "all-used",
                format!("all {each} GPUs of a pod were in use, in at least one of its pods or runs"),
            ));
        }
        if seen.used == 0 {
            return Ok(keep(
                "none-used",
                "none of its GPUs was ever in use, which is idle-gpu's to tell",
            ));
        }
        self.agrees(workload, world, &seen)?;
        let needs = workload.serving.as_ref().and_then(|serving| serving.tensor_parallel);
        if let Some(split) = needs.filter(|split| *split > seen.used) {
            return Err(Gap::new(
                "signals-disagree",
                "how many GPUs it uses",
                format!(
                    "its arguments split the model over {split}, and metrics show {} in use",
                    seen.used
                ),
                "see on the node which GPUs its processes are on (nvidia-smi)",
            ));
        }
        Ok(Candidate::Move(Box::new(self.proposal(workload, each, &seen, &pods))))
    }

    fn enough(&self, workload: &Workload, pods: &[&PodUse], short: &[&PodUse]) -> Result<(), Gap> {
        if let Some(young) = short.iter().find(|pod| pod.running) {
            return Err(Gap::new(
                "history-too-short",
                format!("{:.1} hours of {}", young.hours(), young.name),
                "a pod that has just begun may use what those before it left alone",
                "ask again in some hours",
            ));
        }
        let days = days(pods);
        let runs = runs(pods) as f64;
        if days >= self.least_days && (!workload.family || runs >= self.least_runs) && !pods.is_empty() {
            return Ok(());
        }
        Err(Gap::new(
            "history-too-short",
            format!("{days:.1} days of history, {runs} runs"),
            format!(
                "under {} days, or {} runs of what ends, the next may use what these left alone",
                self.least_days, self.least_runs
            ),
            "ask again later, or widen --window if it is older than the window",
        ))
    }

    /// What the pods did, each GPU by itself.
    fn look(&self, pods: &[&PodUse], each: u32, grid: Grid) -> Result<Seen, Gap> {
        let mut seen = Seen {
            pods: pods.len(),
            coverage: 1.0,
            ..Seen::default()
        };
        for pod in pods {
            if pod.devices.len() != each as usize {
                return Err(Gap::new(
                    "gpus-not-seen",
                    format!(
                        "what {} of the {each} GPUs of a pod did",
                        each as usize - pod.devices.len().min(each as usize)
                    ),
                    format!(
                        "{} holds them and no series names them: a GPU that nobody sees is not unused",
                        pod.name
                    ),
                    Signal::GpuUtil.fix(),
                ));
            }
            let mut used = 0;
            for device in &pod.devices {
                let peak = self.peak(pod, device, grid)?;
                seen.coverage = seen.coverage.min(peak.coverage);
                // Memory tells of weights that wait, as a standby's do, even where nothing ran.
                let holds = peak.memory.is_none_or(|mib| mib > self.memory_at_most.mib());
                if peak.activity > self.activity_at_most || holds {
                    used += 1;
                    continue;
                }
                seen.activity = seen.activity.max(peak.activity);
                seen.memory = seen.memory.max(peak.memory.unwrap_or(f64::INFINITY));
                seen.watts = seen.watts.max(peak.watts.unwrap_or(f64::INFINITY));
            }
            seen.used = seen.used.max(used);
        }
        Ok(seen)
    }

    /// Whether anything of a GPU shows use, however little of it was seen.
    fn touched(&self, pod: &PodUse, device: &DeviceUse) -> bool {
        let sliced = pod.gpu.as_ref().is_some_and(|kind| kind.mig.is_some());
        let most = |signal: Signal| device.signals.get(&signal).and_then(Column::max).unwrap_or(0.0);
        let util = if sliced { 0.0 } else { most(Signal::GpuUtil) / 100.0 };
        most(Signal::EngineActive).max(util) > self.activity_at_most
            || most(Signal::MemoryUsed) > self.memory_at_most.mib()
    }

    fn peak(&self, pod: &PodUse, device: &DeviceUse, grid: Grid) -> Result<Peak, Gap> {
        let sliced = pod.gpu.as_ref().is_some_and(|kind| kind.mig.is_some());
        // Of a slice the exporter says a utilization of zero, whatever runs (NVIDIA/dcgm-exporter issue 216).
        let util = device.signals.get(&Signal::GpuUtil).filter(|_| !sliced);
        let engine = device.signals.get(&Signal::EngineActive);
        let scaled = [(engine, 1.0), (util, 0.01)];
        let there = || scaled.iter().filter_map(|(column, scale)| Some(((*column)?, *scale)));
        let memory = device.signals.get(&Signal::MemoryUsed);
        if there().next().is_none() {
            return Err(absent(Signal::EngineActive));
        }
        let Some(memory) = memory else {
            return Err(absent(Signal::MemoryUsed));
        };
        let points = pod.points(grid).max(1) as f64;
        let share = |count: usize| (count as f64 / points).min(1.0);
        // Of two signals that tell the same one may have a hole.
        let told = there().map(|(column, _)| column.count()).max().unwrap_or(0);
        let coverage = share(told.min(memory.count()));
        if 1.0 - coverage > self.missing_at_most {
            return Err(Gap::new(
                "samples-missing",
                format!(
                    "{:.0} % of the samples of a GPU of {} are missing",
                    (1.0 - coverage) * 100.0,
                    pod.name
                ),
                format!(
                    "no more than {:.0} % may be, or its use could hide in the hole",
                    self.missing_at_most * 100.0
                ),
                "see that Prometheus scrapes without holes and keeps the whole window",
            ));
        }
        Ok(Peak {
            activity: there()
                .filter_map(|(column, scale)| Some(column.max()? * scale))
                .fold(0.0, f64::max),
            memory: memory.max(),
            watts: device.signals.get(&Signal::Power).and_then(|power| power.max()),
            coverage,
        })
    }

    /// Whether power agrees that GPUs were not touched; where it is not read, nothing contradicts activity and memory.
    fn agrees(&self, workload: &Workload, world: &World<'_>, seen: &Seen) -> Result<(), Gap> {
        let kind = workload.gpu.as_ref();
        let limit = kind
            .and_then(|kind| world.catalog.gpu(&kind.model))
            .and_then(|spec| spec.tdp_watts);
        let Some(limit) = limit.filter(|_| seen.watts.is_finite()) else {
            return Ok(());
        };
        if seen.watts <= limit * self.power_share_at_most {
            return Ok(());
        }
        Err(Gap::new(
            "signals-disagree",
            "whether its GPUs are unused",
            format!(
                "neither activity nor memory shows it, but power reaches {:.0} W of {limit:.0} W",
                seen.watts
            ),
            "see on the node what draws power (nvidia-smi), and whether the exporter maps the GPU to the right pod",
        ))
    }

    fn proposal(&self, workload: &Workload, each: u32, seen: &Seen, pods: &[&PodUse]) -> Proposal {
        let (used, days) = (seen.used, days(pods));
        let name = format!("{}/{}", workload.namespace, workload.name);
        let figure = |what: String, signal: Signal, value: f64| crate::model::scenario::Evidence {
            what,
            query: signal.name().to_owned(),
            value: Some(value),
            coverage: Some(seen.coverage),
        };
        let mut evidence = vec![
            figure(
                format!("GPUs of a pod that were ever in use, of {each}, at most"),
                Signal::EngineActive,
                f64::from(used),
            ),
            figure(
                "activity of the others in their highest sample, of 1".to_owned(),
                Signal::EngineActive,
                seen.activity,
            ),
            figure(
                "memory of the others, MiB at most".to_owned(),
                Signal::MemoryUsed,
                seen.memory,
            ),
        ];
        if seen.watts.is_finite() {
            evidence.push(figure(
                "power of the others, watts at most".to_owned(),
                Signal::Power,
                seen.watts,
            ));
        }
        let lives = "kube-state-metrics and the Kubernetes API";
        evidence.push(fact("pods that were looked at", lives, Some(seen.pods as f64)));
        evidence.push(fact("days of history", lives, Some(days)));
        let trains = matches!(workload.class.class, Class::Training | Class::Batch | Class::Unknown);
        let (few, processes) = match used {
            1 => ("1 GPU".to_owned(), "1 process".to_owned()),
            _ => (format!("{used} GPUs"), format!("{used} processes")),
        };
        let mut needs_human = Vec::new();
        if trains {
            needs_human.push(format!(
                "its launcher must start no more than {processes} a pod: ask its owner, as the size of the world may change"
            ));
        } else {
            needs_human.push(format!("its server must be told of no more than {few} a pod"));
        }
        needs_human.extend(not_to_be_disrupted(workload));
        Proposal {
            moves: vec![Move::RequestGpus { from: each, to: used }],
            title: format!("request {few} a pod instead of {each} in {name}"),
            evidence,
            service: None,
            confidence: match days >= 7.0 && (!workload.family || runs(pods) >= 5) {
                true => Level::High,
                false => Level::Medium,
            },
            risk: if trains { Level::Medium } else { Level::Low },
            needs_human,
            rollback: format!("request {each} GPUs again"),
            experiment: None,
            replayed: None,
            effective: None,
        }
    }
}

/// Runs of which pods were looked at.
fn runs(pods: &[&PodUse]) -> usize {
    let runs: BTreeSet<&Option<String>> = pods.iter().map(|pod| &pod.run).collect();
    runs.len()
}

/// Days for which at least one of these pods was there.
fn days(pods: &[&PodUse]) -> f64 {
    hours_held(pods.iter().copied()) / 24.0
}

impl Recommender for UnusedGpus {
    fn id(&self) -> &'static str {
        "unused-gpus"
    }

    fn page(&self) -> &'static str {
        include_str!("unused_gpus.md")
    }

    fn propose(&self, subject: Subject<'_>, world: &World<'_>) -> Vec<Candidate> {
        let Subject::Workload(workload) = subject;
        match self.judge(workload, world) {
            Ok(candidate) => vec![candidate],
            Err(missing) => unknown(missing),
        }
    }
}
