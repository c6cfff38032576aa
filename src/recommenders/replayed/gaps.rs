//! Why a replay says nothing, in words.

use super::super::evidence::{absent, keep};
use super::evidence::round;
use crate::model::gap::Gap;
use crate::model::objective::Latency;
use crate::model::scenario::Candidate;
use crate::model::usage::Signal;
use crate::model::workload::Workload;
use crate::replay::service::bounds::Broken;
use crate::replay::service::calibration::Calibration;
use crate::replay::service::fit::Unfit;
use crate::replay::service::proof::Silent;
use crate::replay::service::ran::{Hours, WITHIN};
use crate::replay::service::search::Stay;

/// What is said where a replay proves nothing: of so many days at least and such a tolerance; `changed` tells what each replica
/// would be, where that is not what it is.
///
/// # Errors
/// What is missing.
pub(super) fn silent(
    silent: Silent,
    (least_days, tolerance): (f64, f64),
    changed: Option<&str>,
) -> Result<Candidate, Gap> {
    let each = changed.map_or_else(String::new, |changed| format!("{changed}, "));
    let gap = match silent {
        Silent::Stays(Stay::WellSet, calibration) => {
            let off = calibration.latency_error().map_or(0.0, |error| error * 100.0);
            return Ok(keep(
                "well-set",
                format!(
                    "{each}hundreds of settings were replayed over its own requests, and none cheaper serves as well (the replay of what ran \
                     is off by {off:.0} % at most)"
                ),
            ));
        }
        Silent::Stays(Stay::BrokenToday(broken), _) => {
            return Ok(keep(
                "misses-its-objective",
                format!("as it is, {}: less is no answer", self::broken(&broken)),
            ));
        }
        Silent::Stays(Stay::NotOnUnseenDays(broken), _) => {
            return Ok(keep(
                "no-worse-not-held",
                format!(
                    "{each}settings tuned on one week broke its bounds in the next: {}",
                    self::broken(&broken)
                ),
            ));
        }
        Silent::One => {
            return Ok(keep(
                "one-replica",
                "never more than one of its replicas told of requests",
            ));
        }
        Silent::NotCalibrated(calibration) => not_calibrated(&calibration, tolerance),
        Silent::OtherHours(hours) => other_hours(&hours),
        Silent::Short(days) => too_short(days, least_days),
        Silent::Gaps(share) => self::gaps(share),
        Silent::Refused(days) => refused(days),
        Silent::NoStart => no_start(),
        Silent::Unfit(Unfit::Missing(signal)) => absent(signal),
        Silent::Unfit(Unfit::FewHours) => absent(Signal::RequestsRunning),
        Silent::Unfit(Unfit::NeverCalm) => never_calm(),
    };
    Err(gap)
}

fn broken(broken: &Broken) -> String {
    match broken {
        Broken::Latency(bound) => {
            let what = match bound.of {
                Latency::FirstToken => "the time to the first token",
                Latency::InterToken => "the time between tokens",
                Latency::Whole => "the time of a whole request",
            };
            format!(
                "{what} at p{:.0} is above {} seconds",
                bound.at * 100.0,
                round(bound.seconds)
            )
        }
        Broken::Held(share) => format!(
            "{} % of its requests would wait for a replica to start",
            round(share * 100.0)
        ),
        Broken::Refused(share) => format!("{} % of its requests are refused", round(share * 100.0)),
    }
}

pub(in crate::recommenders) fn requests_not_read() -> Gap {
    Gap::new(
        "requests-not-read",
        "its requests at the interval at which servers are scraped",
        "what arrives is rebuilt from them; gauges of minutes show what replicas made of it",
        "let Prometheus scrape the metrics of its model server, and let --replay-limit count it in: those whose GPUs cost most are read",
    )
}

pub(super) fn kind_is_not_replayed(workload: &Workload) -> Gap {
    Gap::new(
        "kind-not-replayed",
        format!("how a {} scales", workload.kind),
        "replicas of a Deployment or a StatefulSet are replayed; what this one does with its pods is not known here",
        "judge its replicas with `gpuwise replay hpa`",
    )
}

/// A StatefulSet under an autoscaler.
pub(super) fn order_is_not_replayed(workload: &Workload) -> Gap {
    Gap::new(
        "kind-not-replayed",
        format!("how a {} follows its autoscaler", workload.kind),
        "its replicas start one after the other, which is not replayed",
        "judge its replicas with `gpuwise replay hpa`",
    )
}

fn other_hours(hours: &Hours) -> Gap {
    Gap::new(
        "not-calibrated",
        "what another setting of its autoscaler would do",
        format!(
            "its autoscaler, run again, takes other replica hours than it took: {} were measured on days that were not fitted on, and the \
             replay has {}, which is off by more than {:.0} %",
            round(hours.measured),
            round(hours.replayed),
            WITHIN * 100.0
        ),
        "nothing is proposed on a replay that cannot tell what was: see whether its metric shows what its name says, whether others write its replicas, and whether its settings changed within the window",
    )
}

fn not_calibrated(calibration: &Calibration, tolerance: f64) -> Gap {
    let untold = || ": too few requests or buckets tell its figures".to_owned();
    let worst = calibration.worst().map_or_else(untold, |check| {
        format!(
            ": {} at p{:.0} was {}, and the replay has {}",
            check.figure,
            check.at * 100.0,
            round(check.measured),
            round(check.replayed)
        )
    });
    Gap::new(
        "not-calibrated",
        "what less would do to its requests",
        format!(
            "the replay of what really ran is off by more than {:.0} % on days that it did not see{worst}",
            tolerance * 100.0
        ),
        "nothing is proposed on a replay that cannot tell what was: see whether its servers changed within the window, and ask again",
    )
}

fn too_short(days: usize, least: f64) -> Gap {
    Gap::new(
        "history-too-short",
        format!("{days} whole days of its requests"),
        format!("{least:.0} are needed: a week to learn from, and days that were not learned from to prove it"),
        "ask again later, or widen --window",
    )
}

fn gaps(share: f64) -> Gap {
    Gap::new(
        "samples-missing",
        format!("its requests: {:.0} % of the scrapes are known", share * 100.0),
        "no more than 5 % may be missing, or a peak could hide in the hole",
        "see that Prometheus scrapes its servers without holes",
    )
}

fn refused(days: usize) -> Gap {
    Gap::new(
        "demand-censored",
        "how many requests were wanted",
        format!("requests were refused or broken off on {days} days, and those who gave up are not counted"),
        "give it what it needs first, and judge it then",
    )
}

fn no_start() -> Gap {
    Gap::new(
        "no-start-seen",
        "how long a new replica takes until it answers",
        "no pod of it was seen from its creation to its readiness",
        "let kube-state-metrics run, or give the API's pods a readiness probe",
    )
}

fn never_calm() -> Gap {
    Gap::new(
        "never-calm",
        "what a first token takes when nothing waits",
        "requests waited in every hour of its first week",
        "give it what it needs first, and judge it then",
    )
}
