//! The lever's words: proposals, and why there is none.

use serde_json::{Value, json};

use super::super::evidence::{absent, fact};
use crate::model::gap::Gap;
use crate::model::objective::Latency;
use crate::model::scenario::{Calibrated, Evidence, Interval, Level, Move, Proposal, Replayed, ServiceEffect};
use crate::model::usage::Signal;
use crate::model::workload::Workload;
use crate::replay::service::bounds::Broken;
use crate::replay::service::calibration::Calibration;
use crate::replay::service::proof::Proof;

const REPLAY: &str = "replay of the requests that its servers counted";

pub(super) fn proposal(workload: &Workload, proof: &Proof, change: Move) -> Proposal {
    let (before, after) = proof.replica_hours();
    let name = format!("{}/{}", workload.namespace, workload.name);
    let title = match &change {
        Move::SetReplicas { from, to, .. } => format!("run {name} with {to} replicas in place of {from}"),
        Move::Autoscale { min, max, .. } => {
            format!("let {name} scale between {min} and {max} replicas with its requests")
        }
        _ => format!("change the replicas of {name}"),
    };
    let served = service(proof);
    Proposal {
        title,
        evidence: evidence(proof, (before, after)),
        service: Some(served),
        confidence: confidence(proof),
        risk: Level::Medium,
        needs_human: needs(proof, &change),
        rollback: match &change {
            Move::SetReplicas { from, .. } => format!("set its replicas back to {from}"),
            _ => "remove the autoscaler, and set its replicas back".to_owned(),
        },
        replayed: Some(replayed(proof)),
        effective: None,
        moves: vec![change],
    }
}

fn evidence(proof: &Proof, (before, after): (f64, f64)) -> Vec<Evidence> {
    let service = &proof.fitted.service;
    let days = proof.found.scored.len();
    let mut evidence = vec![
        fact("replica hours a day, as they were", REPLAY, Some(round(before))),
        fact(
            format!("replica hours a day, replayed on {days} days on which it was not tuned"),
            REPLAY,
            Some(round(after)),
        ),
        fact(
            "seconds between tokens of a request alone, by the fitted law",
            Signal::InterTokenLatency.name(),
            Some(service.law.alone),
        ),
        fact(
            "requests on a replica at most, as seen",
            Signal::RequestsRunning.name(),
            Some(proof.fitted.seen_batch.round()),
        ),
        fact(
            "seconds that a new replica is counted to take",
            "pods' creation and readiness",
            Some(proof.start_seconds),
        ),
    ];
    let checks = proof.calibration.checks.iter();
    evidence.extend(checks.map(|check| {
        let what = format!(
            "{} at p{:.0}: measured {}, replayed",
            check.figure,
            check.at * 100.0,
            round(check.measured)
        );
        fact(what, "replay of what really ran", Some(round(check.replayed)))
    }));
    evidence
}

/// Three digits, as far as figures of a replay go.
fn round(value: f64) -> f64 {
    if value.abs() < 1e-9 {
        return 0.0;
    }
    let scale = 10_f64.powf(3.0 - value.abs().log10().ceil());
    (value * scale).round() / scale
}

/// The time to the first token, before and after; the upper end is that of a service that is somewhat slower than fitted.
fn service(proof: &Proof) -> ServiceEffect {
    // Longer by as much as the replay of what ran was too short.
    let margin = proof.calibration.margin().0;
    let p95 =
        |day: &crate::replay::service::outcome::Day| day.first_token.quantile(0.95).map(|p95| round(p95 * margin));
    let checks = proof.calibration.checks.iter();
    let mut measured = checks.filter(|check| check.figure == "time_to_first_token" && check.at > 0.9);
    ServiceEffect {
        metric: "time_to_first_token_p95_seconds".to_owned(),
        before: measured.next().map(|check| round(check.measured)),
        after: Interval {
            low: None,
            mid: p95(&proof.found.after),
            high: p95(&proof.found.after_slower),
        },
    }
}

fn confidence(proof: &Proof) -> Level {
    let off = proof.calibration.latency_error().unwrap_or(1.0);
    match (proof.censored, proof.saving_a_day().and_then(|interval| interval.low)) {
        (true, _) | (_, None) => Level::Low,
        (false, Some(low)) if low > 0.0 && off <= 0.1 && proof.refusals_counted => Level::High,
        (false, Some(low)) if low > 0.0 => Level::Medium,
        _ => Level::Low,
    }
}

fn needs(proof: &Proof, change: &Move) -> Vec<String> {
    let mut needs = Vec::new();
    if let Move::Autoscale { min, max, .. } = change {
        needs.push(format!(
            "a GPU that is given back must be had again within {:.0} seconds when load returns, up to {max} replicas: ask whoever owns the \
             nodes, or keep more than {min}",
            proof.start_seconds
        ));
        needs.push(
            "its replica count must be handed over to the autoscaler without a reset: remove it from what is applied only once the autoscaler \
             holds it"
                .to_owned(),
        );
    }
    if proof.setting().min() == 1 {
        needs.push("with one replica the loss of its node or pod is an outage until another has started: ask for two where that counts".to_owned());
    }
    if !proof.refusals_counted {
        needs
            .push("nothing counts requests that are refused: look at its gateway's errors before and after".to_owned());
    }
    if proof.censored {
        needs.push("requests were refused on some days: more may be wanted than was counted".to_owned());
    }
    needs.push(
        "requests that take longer than its pods' grace period end with them: see terminationGracePeriodSeconds"
            .to_owned(),
    );
    needs
}

fn replayed(proof: &Proof) -> Replayed {
    let interval = proof.saving_a_day();
    let share = interval.and_then(|interval| {
        let mid = interval.mid.filter(|mid| *mid > 0.0)?;
        Some((interval.low? / mid, interval.high? / mid))
    });
    Replayed {
        machine: "service".to_owned(),
        calibration: Calibrated {
            // A fixed number of replicas proves nothing by its cost.
            cost_error: None,
            latency_error: proof.calibration.latency_error().map(round),
        },
        scored_days: u32::try_from(proof.found.scored.len()).unwrap_or(u32::MAX),
        saving_share: share,
        gives_back: None,
        figures: figures(proof),
    }
}

fn figures(proof: &Proof) -> Value {
    let day = |day: &crate::replay::service::outcome::Day| {
        json!({
            "time_to_first_token_p95_seconds": day.first_token.quantile(0.95).map(round),
            "inter_token_latency_p95_seconds": day.inter_token.quantile(0.95).map(round),
            "request_latency_p95_seconds": day.whole.quantile(0.95).map(round),
            "refused_share": day.refused_share().map(round),
        })
    };
    let frontier = proof
        .found
        .frontier
        .iter()
        .map(|(_, hours, batch)| json!([round(*hours), round(*batch)]));
    json!({
        "before": day(&proof.found.before),
        "after": day(&proof.found.after),
        "after_if_slower": day(&proof.found.after_slower),
        "replica_hours_a_day_by_requests_on_a_replica": frontier.collect::<Vec<_>>(),
    })
}

pub(super) fn broken(broken: &Broken) -> String {
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
        Broken::Refused(share) => format!("{:.2} % of its requests are refused", share * 100.0),
    }
}

pub(super) fn requests_not_read() -> Gap {
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

pub(super) fn autoscaler_is_not_replayed(workload: &Workload) -> Gap {
    let name = workload
        .autoscaler
        .as_ref()
        .map_or("", |autoscaler| autoscaler.name.as_str());
    Gap::new(
        "autoscaler-not-replayed",
        format!("whether another setting than that of the autoscaler {name} would do with less"),
        "an autoscaler that runs must be replayed first, with its own metrics, and that is not done yet",
        "compare settings with `gpuwise replay hpa`",
    )
}

pub(super) fn not_calibrated(calibration: &Calibration, tolerance: f64) -> Gap {
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
        "what fewer replicas would do to its requests",
        format!(
            "the replay of what really ran is off by more than {:.0} % on days that it did not see{worst}",
            tolerance * 100.0
        ),
        "nothing is proposed on a replay that cannot tell what was: see whether its servers changed within the window, and ask again",
    )
}

pub(super) fn too_short(days: usize, least: f64) -> Gap {
    Gap::new(
        "history-too-short",
        format!("{days} whole days of its requests"),
        format!("{least:.0} are needed: a week to learn from, and days that were not learned from to prove it"),
        "ask again later, or widen --window",
    )
}

pub(super) fn gaps(share: f64) -> Gap {
    Gap::new(
        "samples-missing",
        format!("its requests: {:.0} % of the scrapes are known", share * 100.0),
        "no more than 5 % may be missing, or a peak could hide in the hole",
        "see that Prometheus scrapes its servers without holes",
    )
}

pub(super) fn refused(days: usize) -> Gap {
    Gap::new(
        "demand-censored",
        "how many requests were wanted",
        format!("requests were refused or broken off on {days} days, and those who gave up are not counted"),
        "give it what it needs first, and judge it then",
    )
}

pub(super) fn no_start() -> Gap {
    Gap::new(
        "no-start-seen",
        "how long a new replica takes until it answers",
        "no pod of it was seen from its creation to its readiness",
        "let kube-state-metrics run, or give the API's pods a readiness probe",
    )
}

pub(super) fn histogram_missing(signal: Signal) -> Gap {
    absent(signal)
}

pub(super) fn never_calm() -> Gap {
    Gap::new(
        "never-calm",
        "what a first token takes when nothing waits",
        "requests waited in every hour of its first week",
        "give it what it needs first, and judge it then",
    )
}
