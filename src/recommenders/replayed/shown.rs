//! What a replay of requests adds to a row of the plan: replica hours day by day, what was tried, and how service would have been.

use serde_json::{Value, json};

use super::super::scheduled::date;
use super::evidence::round;
use super::{counted, metric};
use crate::model::objective::Latency;
use crate::model::scenario::{Calibrated, Replayed};
use crate::replay::service::bounds::Broken;
use crate::replay::service::outcome::Day;
use crate::replay::service::policies::Setting;
use crate::replay::service::proof::Proof;
use crate::replay::service::search::Scored;
use crate::replay::service::search::tried::{Breaks, Tried};

pub(in crate::recommenders) fn shown(proof: &Proof) -> Replayed {
    let interval = proof.saving_a_day();
    let share = interval.and_then(|interval| {
        let mid = interval.mid.filter(|mid| *mid > 0.0)?;
        Some((interval.low? / mid, interval.high? / mid))
    });
    Replayed {
        machine: "service".to_owned(),
        calibration: Calibrated {
            // A fixed number of replicas proves nothing by its cost.
            cost_error: proof.hours.map(|hours| round(hours.error())),
            latency_error: proof.calibration.latency_error().map(round),
        },
        scored_days: u32::try_from(proof.found.scored.len()).unwrap_or(u32::MAX),
        saving_share: share,
        gives_back: None,
        figures: figures(proof),
    }
}

fn figures(proof: &Proof) -> Value {
    let day = |day: &Day| {
        json!({
            "time_to_first_token_p95_seconds": day.first_token.quantile(0.95).map(round),
            "inter_token_latency_p95_seconds": day.inter_token.quantile(0.95).map(round),
            "request_latency_p95_seconds": day.whole.quantile(0.95).map(round),
            "refused_share": day.refused_share().map(round),
            "held_share": round(day.held_share()),
        })
    };
    let fluid = proof
        .found
        .frontier
        .iter()
        .map(|(_, hours, batch)| json!([round(*hours), round(*batch)]));
    json!({
        "replica_hours_by_day": proof.found.scored.iter().map(|day| scored(proof, day)).collect::<Vec<_>>(),
        "frontier": proof.found.tried.as_ref().map(|tried| frontier(proof, tried)),
        "before": day(&proof.found.before),
        "after": day(&proof.found.after),
        "after_if_slower": day(&proof.found.after_slower),
        "replica_hours_a_day_by_requests_on_a_replica": fluid.collect::<Vec<_>>(),
    })
}

/// A day on which the change was scored: replica hours of replicas of the size that they have now, as they were and as they would
/// have been, and between what ends the latter lies were the service slower or quicker than it seems.
fn scored(proof: &Proof, day: &Scored) -> Value {
    let hours = |seconds: f64| round(seconds / 3_600.0);
    let [slower, quicker] = day.ends;
    json!({
        "day": date(proof.first_day + day.day as i64),
        "before": hours(day.before),
        "after": hours(day.after),
        "low": hours(day.after.min(slower).min(quicker)),
        "high": hours(day.after.max(slower).max(quicker)),
    })
}

/// What was tried on the days on which the setting was tuned: the share of replica hours that each saves, beside the latency
/// that binds, the bound that it was held to, and what else speaks against it.
fn frontier(proof: &Proof, tried: &Tried) -> Value {
    let chosen = proof.setting();
    let settings = tried.settings.iter().map(|one| {
        json!({
            "setting": named(one.setting),
            "saving_share": round(one.saved),
            "seconds": round(one.seconds),
            "breaks": one.breaks.map(against),
            "chosen": one.setting == chosen,
        })
    });
    json!({
        "latency": latency(tried.bound.of),
        "quantile": tried.bound.at,
        "bound_seconds": round(tried.bound.seconds),
        "bound_is": if tried.bound.wanted { "objective" } else { "today" },
        "as_it_was_seconds": tried.as_it_was.map(round),
        "days": tried.days,
        "settings": settings.collect::<Vec<_>>(),
    })
}

fn latency(of: Latency) -> &'static str {
    match of {
        Latency::FirstToken => "time to the first token",
        Latency::InterToken => "time between tokens",
        Latency::Whole => "time to the last token",
    }
}

/// What speaks against a setting, in words.
fn against(breaks: Breaks) -> String {
    let broken = |broken: Broken| match broken {
        Broken::Latency(bound) => format!("{} at p{}", latency(bound.of), round(bound.at * 100.0)),
        Broken::Refused(share) => format!("{} % of requests refused", round(share * 100.0)),
        Broken::Held(share) => format!("{} % of requests wait for a start", round(share * 100.0)),
    };
    match breaks {
        Breaks::Bound(bound) => broken(bound),
        Breaks::IfSlower(bound) => format!("{}, were the service slower", broken(bound)),
        Breaks::Batch => "batches larger than the fitted service is believed for".to_owned(),
        Breaks::Cost => "costs no less".to_owned(),
    }
}

fn named(setting: Setting) -> String {
    match setting {
        Setting::Fixed(replicas) => counted(replicas),
        Setting::Scaled(scaling) => format!(
            "{} to {} replicas at {} {} each, down after {} s",
            scaling.min,
            scaling.max,
            round(scaling.target_milli as f64 / 1_000.0),
            metric(scaling.watched),
            scaling.down_window
        ),
    }
}
