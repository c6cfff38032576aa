//! `autoscaling`: replicas of a model server that requests do not need, found by replaying the requests themselves.

mod settings;
mod words;

use super::evidence::{keep, unknown};
use super::{Recommender, World};
use crate::model::gap::Gap;
use crate::model::scenario::{Candidate, Move, Subject};
use crate::model::usage::Signal;
use crate::model::workload::{Class, Workload};
use crate::policy::located::Mistake;
use crate::policy::section::Section;
use crate::replay::service::fit::Unfit;
use crate::replay::service::policies::{Setting, Watched};
use crate::replay::service::proof::{Known, Proof, Silent, prove};
use crate::replay::service::search::Stay;
use crate::replay::service::variant::Variant;

/// What is drawn in a replay is drawn from this: the same history gives the same answer.
const SEED: u64 = 20_26;

/// The lever.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoscaling {
    /// Days of history without which nothing is replayed.
    pub least_days: f64,
    /// By how much p50 and p95 of latencies and of requests in flight may be off in the replay of what really ran.
    pub tolerance: f64,
    /// The share of its replica hours that a change must save.
    pub least_saving_share: f64,
}

impl Autoscaling {
    /// Its settings, under its id.
    pub fn read(levers: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let mut own = levers.section("autoscaling", mistakes);
        let lever = Self {
            least_days: own.number("least_days", 9.0, 365.0, mistakes),
            tolerance: own.number("tolerance", 0.05, 0.5, mistakes),
            least_saving_share: own.number("least_saving_share", 0.01, 0.9, mistakes),
        };
        own.finish(mistakes);
        lever
    }

    fn judge(&self, workload: &Workload, world: &World<'_>) -> Result<Candidate, Gap> {
        if workload.class.class != Class::Inference {
            return Ok(keep(
                "not-serving",
                "it is not known to answer requests, and replicas that train or read are no answer to load",
            ));
        }
        if workload.running().next().is_none() {
            return Ok(keep("not-running", "it holds no GPUs now"));
        }
        let replicas = workload.running().count();
        if replicas < 2 {
            return Ok(keep(
                "one-replica",
                "it has one replica: fewer is none, which is idle-gpu's to tell",
            ));
        }
        if !matches!(workload.kind.as_str(), "Deployment" | "StatefulSet" | "ReplicaSet") {
            return Err(words::kind_is_not_replayed(workload));
        }
        if workload.autoscaler.is_some() {
            return Err(words::autoscaler_is_not_replayed(workload));
        }
        let Some(history) = &workload.requests else {
            return Err(words::requests_not_read());
        };
        let objective = world.objective(workload);
        let known = Known {
            history,
            histograms: &workload.histograms,
            limits: settings::limits(workload, world),
            start_seconds: &workload.start_seconds,
            picked: !workload.pools.is_empty(),
            objective: &objective,
            least: 1,
            scales: workload.kind != "StatefulSet",
            tolerance: self.tolerance,
            least_days: self.least_days as usize,
            seed: SEED,
        };
        match prove(&known, &Variant::AS_IT_IS) {
            Ok(proof) => Ok(self.propose_it(workload, &proof)),
            Err(silent) => self.silent(silent),
        }
    }

    fn propose_it(&self, workload: &Workload, proof: &Proof) -> Candidate {
        let (before, after) = proof.replica_hours();
        let saved = 1.0 - after / before.max(1e-9);
        if saved < self.least_saving_share {
            let because = format!(
                "replayed, the best setting saves {:.0} % of its replica hours",
                saved * 100.0
            );
            return keep("well-set", because);
        }
        let now = u32::try_from(workload.running().count()).unwrap_or(u32::MAX);
        // As the days on which it was scored were, and not as the setting that was found last would have been.
        let mean = (after / 24.0).max(f64::from(proof.setting().min()));
        let saves = round(before / 24.0 - mean);
        if mean >= f64::from(now) || saves <= 0.0 {
            return keep(
                "well-set",
                format!("it runs {now} replicas now, and the best setting takes as many"),
            );
        }
        let change = match proof.setting() {
            Setting::Fixed(to) if to >= now => {
                return keep("well-set", format!("it runs {now} replicas now, and needs {to}"));
            }
            Setting::Fixed(to) => Move::SetReplicas { from: now, to, saves },
            Setting::Scaled(scaling) => Move::Autoscale {
                metric: metric(scaling.watched).to_owned(),
                target: scaling.target_milli as f64 / 1_000.0,
                min: scaling.min,
                max: scaling.max,
                scale_down_window_seconds: u32::try_from(scaling.down_window).unwrap_or(u32::MAX),
                mean: round(mean),
                saves,
            },
        };
        Candidate::Move(Box::new(words::proposal(workload, proof, change)))
    }

    fn silent(&self, silent: Silent) -> Result<Candidate, Gap> {
        let gap = match silent {
            Silent::Stays(Stay::WellSet, calibration) => {
                let off = calibration.latency_error().map_or(0.0, |error| error * 100.0);
                return Ok(keep(
                    "well-set",
                    format!(
                        "hundreds of settings were replayed over its own requests, and none cheaper serves as well (the replay of what ran \
                         is off by {off:.0} % at most)"
                    ),
                ));
            }
            Silent::Stays(Stay::BrokenToday(broken), _) => {
                return Ok(keep(
                    "misses-its-objective",
                    format!("as it is, {}: fewer replicas are no answer", words::broken(&broken)),
                ));
            }
            Silent::Stays(Stay::NotOnUnseenDays(broken), _) => {
                return Ok(keep(
                    "no-worse-not-held",
                    format!(
                        "settings tuned on one week broke its bounds in the next: {}",
                        words::broken(&broken)
                    ),
                ));
            }
            Silent::One => {
                return Ok(keep(
                    "one-replica",
                    "never more than one of its replicas told of requests",
                ));
            }
            Silent::NotCalibrated(calibration) => words::not_calibrated(&calibration, self.tolerance),
            Silent::Short(days) => words::too_short(days, self.least_days),
            Silent::Gaps(share) => words::gaps(share),
            Silent::Refused(days) => words::refused(days),
            Silent::NoStart => words::no_start(),
            Silent::Unfit(Unfit::Missing(signal)) => words::histogram_missing(signal),
            Silent::Unfit(Unfit::FewHours) => words::histogram_missing(Signal::RequestsRunning),
            Silent::Unfit(Unfit::NeverCalm) => words::never_calm(),
        };
        Err(gap)
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

impl Recommender for Autoscaling {
    fn id(&self) -> &'static str {
        "autoscaling"
    }

    fn page(&self) -> &'static str {
        include_str!("autoscaling.md")
    }

    fn propose(&self, subject: Subject<'_>, world: &World<'_>) -> Vec<Candidate> {
        let Subject::Workload(workload) = subject;
        // Where nothing at all was read, that is told once, and not of every workload.
        if !world.snapshot.requests_read && workload.requests.is_none() {
            return Vec::new();
        }
        match self.judge(workload, world) {
            Ok(candidate) => vec![candidate],
            Err(missing) => unknown(missing),
        }
    }
}
