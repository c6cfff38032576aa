//! What levers of model servers share: the replay of a workload's own requests, under a change of its replicas and of how many
//! there are, and what it says.

mod autoscaler;
mod evidence;
mod gaps;
mod settings;
mod shown;

pub(super) use autoscaler::{as_it_is, findings, name, with_findings};
pub(super) use evidence::{confidence, evidence, needs, service};
pub(super) use gaps::requests_not_read;
pub(super) use settings::limits;
pub(super) use shown::shown;

use super::World;
use super::evidence::keep;
use crate::model::gap::Gap;
use crate::model::scenario::{Candidate, Move};
use crate::model::workload::{Autoscaler, Class, Workload};
use crate::policy::located::Mistake;
use crate::policy::section::Section;
use crate::replay::given::Subject;
use crate::replay::served::binding::Known as Names;
use crate::replay::served::ran::{self, Again};
use crate::replay::service::known::Known;
use crate::replay::service::policies::{Setting, Watched};
use crate::replay::service::proof::{Proof, prove};
use crate::replay::service::ran::Ran;
use crate::replay::service::variant::Variant;

/// What is drawn in a replay is drawn from this: the same history gives the same answer.
const SEED: u64 = 20_26;

/// What a replay must come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Rigor {
    /// Days of history without which nothing is replayed.
    pub least_days: f64,
    /// By how much p50 and p95 of latencies and of requests in flight may be off in the replay of what really ran.
    pub tolerance: f64,
    /// The share of its replica hours that a change must save.
    pub least_saving_share: f64,
}

/// Why nothing is proposed.
#[derive(Debug)]
pub(super) enum Answer {
    /// It is right as it is, or something else is to be said.
    Candidate(Candidate),
    /// Something is missing.
    Gap(Gap),
}

impl From<Answer> for Candidate {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Candidate(candidate) => candidate,
            Answer::Gap(missing) => Self::Unknown { missing },
        }
    }
}

impl Rigor {
    /// Its settings, in the section of a lever.
    pub(super) fn read(own: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        Self {
            least_days: own.number("least_days", 9.0, 365.0, mistakes),
            tolerance: own.number("tolerance", 0.05, 0.5, mistakes),
            least_saving_share: own.number("least_saving_share", 0.01, 0.9, mistakes),
        }
    }

    /// What the replay of a change proves; `changed` tells in words what each replica would be, where that is not what it is.
    pub(super) fn prove(
        &self,
        workload: &Workload,
        world: &World<'_>,
        (variant, changed): (&Variant, Option<&str>),
    ) -> Result<Proof, Answer> {
        if !matches!(workload.kind.as_str(), "Deployment" | "StatefulSet" | "ReplicaSet") {
            return Err(Answer::Gap(gaps::kind_is_not_replayed(workload)));
        }
        let subject = subject(workload, variant)?;
        let again = subject.as_ref().map(|(autoscaler, subject)| {
            let again = Again::of(subject, &Names::of(world.catalog));
            again.map_err(|unbound| Answer::Gap(autoscaler::metric_is_not_replayed(autoscaler, &unbound)))
        });
        let again = again.transpose()?;
        let Some(history) = &workload.requests else {
            return Err(Answer::Gap(requests_not_read()));
        };
        let objective = world.objective(workload);
        let known = Known {
            history,
            histograms: &workload.histograms,
            limits: limits(workload, world),
            start_seconds: &workload.start_seconds,
            held_seconds: &workload.server_seconds(history.grid.window),
            picked: !workload.pools.is_empty(),
            objective: &objective,
            ran: again.as_ref().map(|again| again as &dyn Ran),
            least: u32::from(!wakes(workload, world)),
            scales: workload.kind != "StatefulSet",
            tolerance: self.tolerance,
            least_days: self.least_days as usize,
            seed: SEED,
            exhaustive: false,
        };
        let asked = (self.least_days, self.tolerance);
        let proof = prove(&known, variant).map_err(|silent| match gaps::silent(silent, asked, changed) {
            Ok(candidate) => Answer::Candidate(candidate),
            Err(missing) => Answer::Gap(missing),
        })?;
        let (before, after) = proof.replica_hours();
        let saved = 1.0 - after / before.max(1e-9);
        if saved < self.least_saving_share {
            let because = format!(
                "replayed, the best setting saves {:.0} % of its replica hours",
                saved * 100.0
            );
            return Err(Answer::Candidate(keep("well-set", because)));
        }
        Ok(proof)
    }
}

/// Whether the last replica may go: its gateway holds requests and something that is no HorizontalPodAutoscaler, which never goes
/// below one, can ask for the next.
fn wakes(workload: &Workload, world: &World<'_>) -> bool {
    let queue = world.objectives.gateway.queue_of(&workload.overrides);
    let autoscaler = workload.autoscaler.as_ref();
    queue.is_some() && autoscaler.is_none_or(|autoscaler| autoscaler.scaled_object.is_some())
}

/// What the autoscaler of a workload is told to do, where there is one.
fn subject<'w>(workload: &'w Workload, variant: &Variant) -> Result<Option<(&'w Autoscaler, Subject)>, Answer> {
    let Some(autoscaler) = &workload.autoscaler else {
        return Ok(None);
    };
    if *variant != Variant::AS_IT_IS {
        return Err(Answer::Gap(autoscaler::is_not_replayed_with_this(autoscaler)));
    }
    if workload.kind == "StatefulSet" {
        return Err(Answer::Gap(gaps::order_is_not_replayed(workload)));
    }
    let read = ran::subject(autoscaler);
    let subject = read.map_err(|faults| {
        let why = faults.map(|faults| faults.to_string());
        Answer::Gap(autoscaler::not_read(autoscaler, why))
    })?;
    Ok(Some((autoscaler, subject)))
}

/// What is no server that holds GPUs now.
pub(super) fn not_serving(workload: &Workload) -> Option<Candidate> {
    if workload.class.class != Class::Inference {
        return Some(keep(
            "not-serving",
            "it is not known to answer requests, and replicas that train or read are no answer to load",
        ));
    }
    let runs = workload.running().next().is_some();
    (!runs).then(|| keep("not-running", "it holds no GPUs now"))
}

/// The change of how many replicas there are that a proof asks for, of replicas of such a size; `None` where there are to be as
/// many as now.
///
/// # Errors
/// Why it saves nothing now, whatever it saved before.
pub(super) fn replicas(workload: &Workload, proof: &Proof, variant: &Variant) -> Result<Option<Move>, Candidate> {
    let (before, after) = proof.replica_hours();
    let now = u32::try_from(workload.running().count()).unwrap_or(u32::MAX);
    let mean = (after / 24.0 / variant.devices).max(f64::from(proof.setting().min()));
    let saves = round(before / 24.0 - mean * variant.devices);
    if workload.autoscaler.is_some() && saves <= 0.0 {
        return Err(keep(
            "well-set",
            "the best setting takes as many replicas as it had on average",
        ));
    }
    // An autoscaler has as many as the hour asks for.
    if workload.autoscaler.is_none() && (mean * variant.devices >= f64::from(now) || saves <= 0.0) {
        return Err(keep(
            "well-set",
            format!("it runs {} now, and the best setting takes as many", counted(now)),
        ));
    }
    match proof.setting() {
        Setting::Fixed(to) if to == now && variant.devices < 1.0 => Ok(None),
        Setting::Fixed(to) if to >= now => Err(keep(
            "well-set",
            format!("it runs {} now, and needs {to}", counted(now)),
        )),
        Setting::Fixed(to) => Ok(Some(Move::SetReplicas { from: now, to, saves })),
        Setting::Scaled(scaling) => Ok(Some(Move::Autoscale {
            metric: metric(scaling.watched).to_owned(),
            target: scaling.target_milli as f64 / 1_000.0,
            min: scaling.min,
            max: scaling.max,
            scale_down_window_seconds: u32::try_from(scaling.down_window).unwrap_or(u32::MAX),
            mean: round(mean),
            saves,
        })),
    }
}

/// `1 replica`, `2 replicas`.
pub(super) fn counted(replicas: u32) -> String {
    match replicas {
        1 => "1 replica".to_owned(),
        more => format!("{more} replicas"),
    }
}

/// What becomes of its replicas, as the second half of a title.
pub(super) fn then(change: &Move) -> String {
    match change {
        Move::SetReplicas { from, to, .. } => format!("run it with {} in place of {from}", counted(*to)),
        Move::Autoscale { min, max, .. } => format!("let it scale between {min} and {max} replicas"),
        _ => "change its replicas".to_owned(),
    }
}

/// To hundredths.
fn round(replicas: f64) -> f64 {
    (replicas * 100.0).round() / 100.0
}

/// What an autoscaler looks at, as plans name it.
fn metric(watched: Watched) -> &'static str {
    match watched {
        Watched::Running => "requests-running",
        Watched::InFlight => "requests-in-flight",
        Watched::Waiting => "requests-waiting",
    }
}

/// Whether nothing at all was read of requests: that is told once, and not of every workload.
pub(super) fn nothing_was_read(workload: &Workload, world: &World<'_>) -> bool {
    !world.snapshot.requests_read && workload.requests.is_none()
}
