//! What a replay shows for a proposal: the figures behind it, how sure it is, and what a person must know.

use super::super::evidence::fact;
use super::autoscaler;
use crate::model::scenario::{Evidence, Interval, Level, Move, ServiceEffect};
use crate::model::usage::Signal;
use crate::model::workload::Workload;
use crate::replay::service::proof::Proof;

const REPLAY: &str = "replay of the requests that its servers counted";

pub(in crate::recommenders) fn evidence(proof: &Proof) -> Vec<Evidence> {
    let (before, after) = proof.replica_hours();
    let service = &proof.fitted.service;
    let days = proof.found.scored.len();
    let mut evidence = vec![
        fact("replica hours a day, as they were", REPLAY, Some(round(before))),
        fact(
            format!("replica hours a day, replayed on {days} days"),
            REPLAY,
            Some(round(after)),
        ),
        fact(
            "replica hours a day of what the same search found week by week, each on the week after the one that it was tuned on",
            REPLAY,
            Some(round(proof.walked_hours())),
        ),
        fact(
            "seconds between tokens of a request alone, by the fitted law",
            Signal::InterTokenLatency.name(),
            Some(round(service.law.seconds(1.0))),
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
    if let Some(hours) = proof.hours {
        let what = format!(
            "replica hours of its autoscaler on days that were not fitted on: measured {}, replayed",
            round(hours.measured)
        );
        evidence.push(fact(what, "replay of what really ran", Some(round(hours.replayed))));
    }
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
pub(super) fn round(value: f64) -> f64 {
    if value.abs() < 1e-9 {
        return 0.0;
    }
    let scale = 10_f64.powf(3.0 - value.abs().log10().ceil());
    (value * scale).round() / scale
}

/// The time to the first token, both by the same replay: histograms of servers are too coarse to be held against one. The upper end is
/// that of a service that is somewhat slower than fitted.
pub(in crate::recommenders) fn service(proof: &Proof) -> ServiceEffect {
    // Longer by as much as the replay of what ran was too short.
    let margin = proof.calibration.margin().0;
    let p95 =
        |day: &crate::replay::service::outcome::Day| day.first_token.quantile(0.95).map(|p95| round(p95 * margin));
    ServiceEffect {
        metric: "time_to_first_token_p95_seconds".to_owned(),
        before: p95(&proof.found.before),
        after: Interval {
            low: None,
            mid: p95(&proof.found.after),
            high: p95(&proof.found.after_slower),
        },
    }
}

pub(in crate::recommenders) fn confidence(proof: &Proof) -> Level {
    let off = proof.calibration.latency_error().unwrap_or(1.0);
    match (proof.censored, proof.saving_a_day().and_then(|interval| interval.low)) {
        (true, _) | (_, None) => Level::Low,
        (false, Some(low)) if low > 0.0 && off <= 0.1 && proof.refusals_counted => Level::High,
        (false, Some(low)) if low > 0.0 => Level::Medium,
        _ => Level::Low,
    }
}

pub(in crate::recommenders) fn needs(workload: &Workload, proof: &Proof, change: Option<&Move>) -> Vec<String> {
    let mut needs = Vec::new();
    if let Some(Move::Autoscale { metric, min, max, .. }) = change {
        needs.push(format!(
            "a GPU that is given back must be had again within {:.0} seconds when load returns, up to {max} replicas: ask whoever owns the \
             nodes, or keep more than {min}",
            proof.start_seconds
        ));
        match &workload.autoscaler {
            Some(autoscaler) => needs.extend(autoscaler::needs(autoscaler, metric)),
            None => needs.push(
                "its replica count must be handed over to the autoscaler without a reset: remove it from what is applied only once the \
                 autoscaler holds it"
                    .to_owned(),
            ),
        }
    }
    if proof.setting().min() == 0 {
        needs.push(format!(
            "while no replica is there its gateway must hold requests and KEDA must ask it how many (gpuwise.dev/gateway-queue), and a \
             second trigger must watch the rate of requests, as one that comes and goes between two scrapes keeps a replica, too: {} % of \
             its requests would have waited for a start, and clients must have the patience",
            round(proof.found.after.held_share() * 100.0)
        ));
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
