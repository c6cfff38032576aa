//! `idle-gpu`: GPUs that a workload holds and does not use, always or at the same hours of every week.

use jiff::tz::TimeZone;

use super::evidence::{fact, figure, keep, measured, not_to_be_disrupted, shared_devices, unknown};
use super::rested::Rested;
use super::{Recommender, World, scheduled, weekly};
use crate::model::gap::{Gap, SERVERS_LEFT_OUT};
use crate::model::scenario::{Candidate, Evidence, Level, Move, Proposal, Subject, WeekHours};
use crate::model::usage::Signal;
use crate::model::workload::{Class, Measured, PodUse, Workload};
use crate::policy::located::Mistake;
use crate::policy::section::Section;
use crate::replay::schedule::{Day, Replay, replay};

/// How sure it must be of what does not show a server that it serves: a plain Deployment may do anything.
const SURELY_SERVES: f64 = 0.8;

/// The lever.
#[derive(Debug, Clone, PartialEq)]
pub struct IdleGpu {
    /// Days of history without which nothing is called idle.
    pub least_days: f64,
    /// Days without which no weekly pattern is seen.
    pub least_days_for_schedule: f64,
    /// Engine activity, 0 to 1, up to which a GPU is at rest.
    pub activity_at_most: f64,
    /// Share of the power limit up to which it is at rest.
    pub power_share_at_most: f64,
    /// Hours at a stretch that make a sleep worthwhile.
    pub least_hours_at_rest: f64,
    /// Share of samples that may be missing.
    pub missing_at_most: f64,
    /// Share of replayed days on which work may have fallen into hours of sleep.
    pub disturbed_days_at_most: f64,
}

impl IdleGpu {
    /// Its settings, under its id.
    pub fn read(levers: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let mut own = levers.section("idle-gpu", mistakes);
        let lever = Self {
            least_days: own.number("least_days", 1.0, 365.0, mistakes),
            least_days_for_schedule: own.number("least_days_for_schedule", 14.0, 365.0, mistakes),
            activity_at_most: own.number("activity_at_most", 0.0, 0.05, mistakes),
            power_share_at_most: own.number("power_share_at_most", 0.05, 0.5, mistakes),
            least_hours_at_rest: own.number("least_hours_at_rest", 2.0, 24.0, mistakes),
            missing_at_most: own.number("missing_at_most", 0.0, 0.2, mistakes),
            disturbed_days_at_most: own.number("disturbed_days_at_most", 0.0, 0.5, mistakes),
        };
        own.finish(mistakes);
        lever
    }

    /// What was measured of activity, and which signals said it; each at rest up to its own bound.
    fn activity<'w>(&self, workload: &'w Workload, world: &World<'_>) -> Result<Activity<'w>, Gap> {
        let grid = world.snapshot.grid;
        let engine = measured(workload, Signal::EngineActive, grid, self.missing_at_most);
        let util = measured(workload, Signal::GpuUtil, grid, self.missing_at_most).ok();
        // Of a slice the exporter says a utilization of zero, whatever runs (NVIDIA/dcgm-exporter issue 216).
        let of_slice = |pod: &PodUse| pod.gpu.as_ref().is_some_and(|kind| kind.mig.is_some());
        let util = util.filter(|_| !workload.pods.iter().any(of_slice));
        let signals: Vec<(Signal, Measured<'_>, f64)> = match (engine, util) {
            (Ok(engine), Some(util)) => vec![(Signal::EngineActive, engine, 1.0), (Signal::GpuUtil, util, 0.01)],
            (Ok(engine), None) => vec![(Signal::EngineActive, engine, 1.0)],
            // Utilization counts every moment in which any kernel ran, so that it stands in where it is zero throughout.
            (Err(gap), Some(util)) if gap.code == "signal-missing" => vec![(Signal::GpuUtil, util, 0.01)],
            (Err(gap), _) => return Err(gap),
        };
        Ok(Activity { signals })
    }

    /// Whether power agrees that nothing ran.
    fn power(&self, workload: &Workload, world: &World<'_>) -> Result<Evidence, Gap> {
        let power = measured(workload, Signal::Power, world.snapshot.grid, self.missing_at_most)?;
        let kind = workload.gpu.as_ref();
        let limit = kind
            .and_then(|kind| world.catalog.gpu(&kind.model))
            .and_then(|spec| spec.tdp_watts);
        let Some(limit) = limit else {
            let model = kind.map_or_else(|| "its GPU".to_owned(), ToString::to_string);
            return Err(Gap::new(
                "no-power-limit",
                format!("the power limit of {model}"),
                "the catalogue has none, so power cannot confirm that the GPU is at rest",
                "tell us the board's power limit, with its source, so that the catalogue can learn it",
            ));
        };
        let watts = power.quantile(0.99).unwrap_or(f64::INFINITY);
        if watts > limit * self.power_share_at_most {
            return Err(Gap::new(
                "signals-disagree",
                "whether its GPUs are at rest",
                format!("activity says so, but power is {watts:.0} W of {limit:.0} W at the 99th percentile"),
                "see on the node what draws power (nvidia-smi), and whether the exporter maps the GPU to the right pod",
            ));
        }
        let what = format!("power at the 99th percentile, of a limit of {limit:.0} W");
        Ok(figure(what, Signal::Power, Some(watts), &power))
    }

    fn judge(&self, workload: &Workload, world: &World<'_>) -> Result<Candidate, Gap> {
        if workload.running().next().is_none() {
            return Ok(keep("not-running", "it holds no GPUs now"));
        }
        if workload.pods.iter().any(|pod| pod.shared) {
            return Err(shared_devices());
        }
        let days = workload.hours_held() / 24.0;
        if days < self.least_days {
            return Err(Gap::new(
                "history-too-short",
                format!("{days:.1} days of history"),
                format!("under {} days a pause is no rest", self.least_days),
                "ask again later, or widen --window if it is older than the window",
            ));
        }
        let activity = self.activity(workload, world)?;
        let asked = served(workload).is_some_and(|most| most > 0.0);
        let at_rest = activity.peak() <= self.activity_at_most;
        if at_rest && !asked {
            requests_read(workload, world)?;
            let power = self.power(workload, world)?;
            let proposal = self.stop((workload, world), &activity, power, days);
            return Ok(Candidate::Move(Box::new(proposal)));
        }
        if let Some(candidate) = weekly::sleep(self, workload, world, &activity, days)? {
            if matches!(candidate, Candidate::Move(_)) {
                requests_read(workload, world)?;
            }
            return Ok(candidate);
        }
        let because = if at_rest {
            format!("its server had requests, though {}", activity.in_words("hardly worked"))
        } else {
            activity.in_words("worked")
        };
        Ok(keep("in-use", because))
    }

    fn stop(
        &self,
        (workload, world): (&Workload, &World<'_>),
        activity: &Activity<'_>,
        power: Evidence,
        days: f64,
    ) -> Proposal {
        let replay = self.replay_of_stopping(workload, world, activity);
        let mut evidence = activity.evidence();
        evidence.push(power);
        if let Some(most) = served(workload) {
            evidence.push(fact(
                "requests in execution or finished, at most",
                "requests_running, requests_finished",
                Some(most),
            ));
        }
        evidence.push(fact(
            "days of history",
            "kube-state-metrics and the Kubernetes API",
            Some(days),
        ));
        evidence.extend(scheduled::evidence(workload, world, &replay));
        let (title, how, undo) = how_to_stop(workload);
        let mut needs_human = vec![how, again(workload, world)];
        needs_human.extend(not_to_be_disrupted(workload));
        Proposal {
            moves: vec![Move::ScaleToZero],
            title,
            evidence,
            service: None,
            confidence: if days >= 7.0 && activity.signals.len() > 1 {
                Level::High
            } else {
                Level::Medium
            },
            risk: if matches!(workload.class.class, Class::Inference | Class::Unknown) {
                Level::Medium
            } else {
                Level::Low
            },
            needs_human,
            rollback: undo,
            experiment: None,
            replayed: scheduled::replayed(workload, &replay),
            effective: None,
        }
    }

    /// Each day as if it had been stopped on what the days before it showed.
    fn replay_of_stopping(&self, workload: &Workload, world: &World<'_>, activity: &Activity<'_>) -> Replay {
        let timezone = TimeZone::get(&world.objectives.timezone).unwrap_or(TimeZone::UTC);
        let grid = world.snapshot.grid;
        let history = Rested::of(workload, grid, &timezone, (activity, self.activity_at_most)).history;
        let always = WeekHours::new(0..=u8::MAX);
        let worked = |days: &[Day]| days.iter().flat_map(|day| &day.hours).any(|hour| hour.at_work > 0);
        let taught = |days: &[Day]| (!worked(days)).then(|| always.clone());
        replay(&history, &always, self.least_days, taught)
    }
}

impl Recommender for IdleGpu {
    fn id(&self) -> &'static str {
        "idle-gpu"
    }

    fn page(&self) -> &'static str {
        include_str!("idle_gpu.md")
    }

    fn propose(&self, subject: Subject<'_>, world: &World<'_>) -> Vec<Candidate> {
        let Subject::Workload(workload) = subject;
        match self.judge(workload, world) {
            Ok(candidate) => vec![candidate],
            Err(missing) => unknown(missing),
        }
    }
}

/// Activity as it was measured: each signal with the factor that makes it a ratio.
#[derive(Debug)]
pub(super) struct Activity<'w> {
    pub(super) signals: Vec<(Signal, Measured<'w>, f64)>,
}

impl Activity<'_> {
    /// The highest ratio that any signal shows.
    fn peak(&self) -> f64 {
        let peaks = self
            .signals
            .iter()
            .filter_map(|(_, measured, scale)| Some(measured.max()? * scale));
        peaks.fold(0.0, f64::max)
    }

    pub(super) fn evidence(&self) -> Vec<Evidence> {
        let evidence = |(signal, measured, scale): &(Signal, Measured<'_>, f64)| {
            let peak = measured.max().map(|max| max * scale);
            figure(format!("{signal} in its highest sample, of 1"), *signal, peak, measured)
        };
        self.signals.iter().map(evidence).collect()
    }

    fn in_words(&self, worked: &str) -> String {
        let Some((signal, measured, scale)) = self.signals.first() else {
            return format!("its GPUs {worked}");
        };
        let percent =
            |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| format!("{:.1}", value * scale * 100.0));
        format!(
            "its GPUs {worked}: {signal} {} % on average, {} % at most",
            percent(measured.mean()),
            percent(measured.max())
        )
    }
}

/// The most requests that any sample shows; `None` where no server's metrics are there.
pub(super) fn served(workload: &Workload) -> Option<f64> {
    let signals = [
        Signal::RequestsRunning,
        Signal::RequestsWaiting,
        Signal::RequestsFinished,
        Signal::TokensGenerated,
    ];
    let columns = workload
        .pods
        .iter()
        .flat_map(|pod| signals.iter().filter_map(|signal| pod.server.get(signal)));
    columns.filter_map(crate::model::usage::Column::max).reduce(f64::max)
}

/// Whether a workload that shows no requests is known to have had none. A short request is over before the GPU's activity shows
/// it, so that of what serves, or may, requests must have been read.
///
/// # Errors
/// The gap, where they were not.
fn requests_read(workload: &Workload, world: &World<'_>) -> Result<(), Gap> {
    if served(workload).is_some() {
        return Ok(());
    }
    let class = &workload.class;
    let left_out = world.snapshot.gaps.iter().find(|gap| gap.gap.code == SERVERS_LEFT_OUT);
    if let Some(gap) = left_out.filter(|_| matches!(class.class, Class::Inference | Class::Unknown)) {
        return Err(gap.gap.clone());
    }
    let is_said_to = class.class == Class::Inference && class.confidence >= SURELY_SERVES;
    let serves = workload.serving.is_some() || is_said_to;
    // Its server told something, and not this; or no server told anything.
    let tells = workload.pods.iter().any(|pod| !pod.server.is_empty());
    if tells || (serves && !world.snapshot.servers_read) {
        return Err(Gap::new(
            "requests-not-read",
            "whether anybody asked its server",
            "its GPUs hardly worked, but requests too short for that to show are in its server's metrics alone, and these were \
             not read",
            "let Prometheus scrape the metrics of its model server, and see that they were not refused",
        ));
    }
    Ok(())
}

fn how_to_stop(workload: &Workload) -> (String, String, String) {
    let name = format!("{}/{}", workload.namespace, workload.name);
    match workload.kind.as_str() {
        "Notebook" => (
            format!("stop the notebook {name}"),
            "its owner should save what lives only in memory".to_owned(),
            "start it again from the notebook list".to_owned(),
        ),
        "Deployment" | "StatefulSet" | "ReplicaSet" | "LeaderWorkerSet" => (
            format!("scale {name} to zero"),
            "whoever calls it gets an error until it is scaled up again: ask its owner".to_owned(),
            "set its replicas back".to_owned(),
        ),
        "InferenceService" | "LLMInferenceService" | "RayService" => (
            format!("let {name} scale to zero"),
            "the first request after a pause waits for it to start".to_owned(),
            "set its minimum of replicas back".to_owned(),
        ),
        kind => (
            format!("suspend {name}"),
            format!("a {kind} that is suspended loses what it has not saved: ask its owner"),
            "resume it".to_owned(),
        ),
    }
}

fn again(workload: &Workload, world: &World<'_>) -> String {
    let gpu = workload
        .gpu
        .as_ref()
        .map_or_else(|| "its GPU".to_owned(), ToString::to_string);
    let what = format!("{gpu} may not be had again at once when it is asked for");
    scheduled::again(workload, world, &what)
}

/// Whether it is of a kind that can sleep and wake by the clock.
pub(super) fn can_sleep(workload: &Workload) -> bool {
    let replicated = matches!(
        workload.kind.as_str(),
        "Deployment" | "StatefulSet" | "LeaderWorkerSet" | "InferenceService" | "Notebook"
    );
    replicated && !workload.family
}
