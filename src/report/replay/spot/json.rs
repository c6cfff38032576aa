//! What a replay over spot capacity found, for scripts. What is not known is null.

use serde_json::{Value, json};

use super::{AtRate, Replayed, hours};
use crate::replay::spot::bounds::{Rate, monthly_share};
use crate::replay::spot::expected::Expected;
use crate::replay::spot::pool::Served;
use crate::replay::spot::read::Read;
use crate::replay::spot::starts::Spread;

/// A spread, or null.
fn spread(spread: Option<Spread>) -> Value {
    spread.map_or(
        Value::Null,
        |of| json!({"mean": of.mean, "p5": of.p5, "p50": of.p50, "p95": of.p95}),
    )
}

fn expected_json(of: &Expected) -> Value {
    json!({
        "mtbf_hours": of.mtbf_hours.is_finite().then_some(of.mtbf_hours),
        "interval_seconds": of.interval_seconds,
        "waste": of.waste,
        "hours": of.hours,
        "cost": of.cost,
        "breaks_even_at": of.breaks_even_at,
    })
}

fn rate_json(rate: &Rate) -> Value {
    json!({"events": rate.events, "hours": rate.hours, "low": rate.low, "mid": rate.mid(), "high": rate.high})
}

fn trace_json(read: &Read) -> Value {
    let figures = read.trace.figures();
    json!({
        "kind": read.kind,
        "watched_hours": figures.watched_hours,
        "unknown_hours": hours(read.trace.length) - figures.watched_hours,
        "nodes_mean": figures.nodes_mean,
        "nodes_most": figures.nodes_most,
        "availability": figures.availability,
        "taken": figures.taken,
        "taken_per_hour": figures.taken_per_hour,
        "taken_per_node_hour": figures.rate.as_ref().map(rate_json),
        "lines_that_go_back": read.went_back,
    })
}

/// A job from every start, each of them told.
pub fn json(replayed: &Replayed<'_>) -> String {
    let strategies = replayed.tried.iter().map(|tried| {
        let starts = tried.runs.iter().map(|run| {
            json!({
                "start_seconds": run.begin,
                "cost": run.took.map(|_| run.cost),
                "hours": run.took.map(hours),
                "missed": run.missed(replayed.job),
                "interruptions": run.interruptions,
                "spot_hours": hours(run.spot),
                "on_demand_hours": hours(run.on_demand),
            })
        });
        json!({
            "strategy": tried.strategy.name(),
            "holds_deadlines": tried.strategy.holds_deadlines(),
            "cost": spread(tried.cost),
            "completion_hours": spread(tried.hours),
            "saving": spread(tried.saving),
            "misses": tried.misses,
            "starts": tried.runs.len(),
            "unfinished": tried.unfinished,
            "misses_at_most": tried.misses_at_most,
            "interruptions": tried.interruptions,
            "spot_share": tried.spot_share,
            "runs": starts.collect::<Vec<Value>>(),
        })
    });
    let job = replayed.job;
    let answer = json!({
        "trace": trace_json(replayed.read),
        "task_hours": hours(job.work),
        "deadline_hours": hours(job.deadline),
        "restart_hours": hours(job.restart),
        "gang": job.nodes,
        "checkpoint": job.interval.map(|(between, write)| json!({"interval_seconds": between, "write_seconds": write})),
        "deadlines_that_fit": replayed.windows,
        "on_demand_is_assumed_available": true,
        "strategies": strategies.collect::<Vec<Value>>(),
        "by_rate": replayed.by_rate.as_ref().map(|bounds| bounds.iter().map(expected_json).collect::<Vec<Value>>()),
    });
    format!("{answer}\n")
}

/// A job at a rate.
pub fn at_rate_json(of: &AtRate<'_>) -> String {
    let found = of.expected.iter().map(|(name, found)| {
        let mut told = expected_json(found);
        told["rate"] = json!(name.to_lowercase());
        told
    });
    let answer = json!({
        "task_hours": hours(of.job.work),
        "gang": of.job.nodes,
        "on_demand_cost": hours(of.job.work) * of.on_demand * f64::from(of.job.nodes),
        "spot_price": of.spot,
        "counted": of.counted.as_ref().map(rate_json),
        "published_lower_bound_per_hour": of.monthly.and_then(monthly_share),
        "expected": found.collect::<Vec<Value>>(),
    });
    format!("{answer}\n")
}

/// What a pool of replicas served.
pub fn pool_json(read: &Read, served: &Served) -> String {
    let answer = json!({
        "trace": trace_json(read),
        "share_served": served.share(),
        "wanted_hours": served.wanted,
        "served_hours": served.served,
        "shortfall_hours": served.shortfall,
        "interruptions": served.interruptions,
        "spot_hours": served.spot,
        "on_demand_hours": served.on_demand,
        "cost": served.cost,
        "on_demand_cost": served.on_demand_cost,
        "saving": served.saving(),
        "on_demand_is_assumed_available": true,
    });
    format!("{answer}\n")
}
