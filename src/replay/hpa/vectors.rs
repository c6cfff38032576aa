//! Recorded inputs of the real controller, answered: one JSON object per line, sequences of syncs and single functions.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::limits::{Event, Events, Recommendation, limited_without_behavior, stabilized, stabilized_without_behavior};
use super::proposal::{Asked, Class, Failure, Pod, Proposal, Tolerance, Warmup};
use super::proposal::{by_average_value, by_value};
use super::quantity::Quantity;
use super::recorded::{PodRow, Samples, ready_of};
use super::sequences::{self, Sequence};
use super::spec::{Behavior, Rules};

/// A line that is no vector.
#[derive(Debug, thiserror::Error)]
pub enum BadVector {
    /// It does not read as one.
    #[error("it is no vector: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// It names a function that there is none of.
    #[error("there is no function `{0}`")]
    Unknown(String),
}

/// The answer to one line, as one line.
///
/// # Errors
/// What is wrong with it.
pub fn answer(line: &str) -> Result<String, BadVector> {
    let vector: Value = serde_json::from_str(line)?;
    if vector.get("steps").is_some() {
        let sequence: Sequence = serde_json::from_value(vector)?;
        return Ok(sequences::answer(&sequence).to_string());
    }
    let unit: Unit = serde_json::from_value(vector)?;
    // What does not fit 32 bits depends on the controller's platform.
    let out = match unit.tags.iter().flatten().any(|tag| tag == "extreme") {
        true => Value::Null,
        false => of_unit(&unit.function, unit.input)?,
    };
    Ok(json!({"id": unit.id, "out": out}).to_string())
}

#[derive(Deserialize)]
struct Unit {
    id: String,
    #[serde(rename = "fn")]
    function: String,
    tags: Option<Vec<String>>,
    #[serde(rename = "in")]
    input: Value,
}

fn of_unit(function: &str, input: Value) -> Result<Value, BadVector> {
    Ok(match function {
        "metric_replicas" | "resource_util" | "group_pods" => of_pods(function, &serde_json::from_value(input)?),
        "external_value" | "object_value" | "external_average" | "object_average" => {
            without_pods(function, &serde_json::from_value(input)?)
        }
        "scale_up_limit" | "scale_down_limit" | "convert_behavior" | "store_event" => {
            of_events(function, &serde_json::from_value(input)?)
        }
        "stabilize_behavior" | "stabilize_legacy" => of_history(function, serde_json::from_value(input)?),
        "convert_legacy" => {
            let of: Bounded = serde_json::from_value(input)?;
            let limited = limited_without_behavior(of.current, of.desired, (of.min, of.max));
            json!({"desired": limited.replicas, "reason": limited.reason})
        }
        "defaults" => defaulted(input)?,
        "tolerance" => {
            let of: Within = serde_json::from_value(input)?;
            let value = of.tolerance.as_f64();
            let holds = Tolerance { up: value, down: value }.holds(of.ratio);
            json!({"value": number(value), "within": holds})
        }
        other => return Err(BadVector::Unknown(other.to_owned())),
    })
}

#[derive(Deserialize)]
struct Bounded {
    current: i32,
    desired: i32,
    min: i32,
    max: i32,
}

#[derive(Deserialize)]
struct Within {
    tolerance: Quantity,
    ratio: f64,
}

/// What metrics are asked with, in the vectors' words.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Measured {
    now: i64,
    current: i32,
    #[serde(default)]
    target: i64,
    #[serde(default)]
    resource: String,
    tol: Tolerated,
    #[serde(default)]
    cpu_initialization_period_seconds: i64,
    #[serde(default)]
    initial_readiness_delay_seconds: i64,
    #[serde(default)]
    pods: Option<Vec<PodRow>>,
    m: Samples,
}

#[derive(Clone, Copy, Deserialize)]
struct Tolerated {
    up: f64,
    down: f64,
}

fn of_pods(function: &str, of: &Measured) -> Value {
    let pods: Vec<Pod> = of.pods.iter().flatten().map(|row| row.0).collect();
    let samples = of.m.of_pods();
    let asked = Asked {
        pods: &pods,
        samples: &samples,
        cpu: of.resource == "cpu",
        current: of.current,
        tolerance: Tolerance {
            up: of.tol.up,
            down: of.tol.down,
        },
        warmup: Warmup {
            cpu: of.cpu_initialization_period_seconds * 1_000,
            readiness: of.initial_readiness_delay_seconds * 1_000,
        },
        now: of.now,
    };
    match function {
        "group_pods" => {
            let classes = asked.classes();
            let name = |class: &Class| match class {
                Class::Ready => "ready",
                Class::Unready => "unready",
                Class::Missing => "missing",
                Class::Ignored => "ignored",
            };
            let ready = classes.iter().filter(|class| **class == Class::Ready).count();
            json!({"ready_count": ready, "class": classes.iter().map(name).collect::<Vec<_>>()})
        }
        "metric_replicas" => told(asked.by_average(of.target)),
        _ => told(i32::try_from(of.target).map_or(Err("no metrics returned"), |target| asked.by_utilization(target))),
    }
}

fn told(proposal: Result<Proposal, Failure>) -> Value {
    let proposal = match proposal {
        Err(failure) => return json!({"err": failure}),
        Ok(proposal) => proposal,
    };
    let mut out = Map::from_iter([("replicas".to_owned(), json!(proposal.replicas))]);
    out.extend(proposal.usage.map(|usage| ("usage".to_owned(), json!(usage))));
    out.extend(
        proposal
            .utilization
            .map(|percent| ("utilization".to_owned(), json!(percent))),
    );
    Value::Object(out)
}

fn without_pods(function: &str, of: &Measured) -> Value {
    let pods: Vec<Pod> = of.pods.iter().flatten().map(|row| row.0).collect();
    let tolerance = Tolerance {
        up: of.tol.up,
        down: of.tol.down,
    };
    let usage = of.m.sum().unwrap_or(0);
    match function {
        "external_value" | "object_value" => told(by_value(usage, of.target, of.current, ready_of(&pods), tolerance)),
        _ => told(Ok(by_average_value(usage, of.target, of.current, tolerance))),
    }
}

#[derive(Clone, Copy, Deserialize)]
struct At {
    t: i64,
    n: i32,
}

fn events(rows: Option<&Vec<At>>) -> Vec<Event> {
    let event = |row: &At| Event {
        at: row.t,
        change: row.n,
        outdated: false,
    };
    rows.into_iter().flatten().map(event).collect()
}

fn written(events: &[Event]) -> Value {
    let row = |event: &Event| json!({"t": event.at, "n": event.change});
    Value::Array(events.iter().map(row).collect())
}

#[derive(Deserialize)]
struct OfEvents {
    now: i64,
    current: i32,
    #[serde(default)]
    desired: i32,
    #[serde(default)]
    min: i32,
    #[serde(default)]
    max: i32,
    #[serde(default)]
    rules: Rules,
    #[serde(default)]
    up: Rules,
    #[serde(default)]
    down: Rules,
    up_events: Option<Vec<At>>,
    down_events: Option<Vec<At>>,
}

fn of_events(function: &str, of: &OfEvents) -> Value {
    let mut known = Events {
        up: events(of.up_events.as_ref()),
        down: events(of.down_events.as_ref()),
    };
    match function {
        "scale_up_limit" => json!({"limit": known.up_limit(&of.rules, of.current, of.now)}),
        "scale_down_limit" => json!({"limit": known.down_limit(&of.rules, of.current, of.now)}),
        "convert_behavior" => {
            let limited = known.limited((&of.up, &of.down), (of.current, of.desired), (of.min, of.max), of.now);
            json!({"desired": limited.replicas, "reason": limited.reason})
        }
        _ => {
            known.store((&of.up, &of.down), (of.current, of.desired), of.now);
            json!({"up_events": written(&known.up), "down_events": written(&known.down)})
        }
    }
}

#[derive(Deserialize)]
struct OfHistory {
    now: i64,
    #[serde(default)]
    current: i32,
    desired: i32,
    #[serde(default)]
    window: i64,
    #[serde(default)]
    up_window: i64,
    #[serde(default)]
    down_window: i64,
    recs: Option<Vec<At>>,
}

fn of_history(function: &str, of: OfHistory) -> Value {
    let one = |row: At| Recommendation {
        at: row.t,
        replicas: row.n,
    };
    let mut history: Vec<Recommendation> = of.recs.into_iter().flatten().map(one).collect();
    let (steady, reason) = if function == "stabilize_legacy" {
        (
            stabilized_without_behavior(&mut history, of.window, of.desired, of.now),
            None,
        )
    } else {
        let windows = (of.up_window, of.down_window);
        let steady = stabilized(&mut history, windows, (of.current, of.desired), of.now);
        let up = of.desired >= of.current;
        (
            steady,
            Some(if up { "ScaleUpStabilized" } else { "ScaleDownStabilized" }),
        )
    };
    let row = |one: &Recommendation| json!({"t": one.at, "n": one.replicas});
    let mut out = Map::from_iter([
        ("stabilized".to_owned(), json!(steady)),
        ("recs".to_owned(), Value::Array(history.iter().map(row).collect())),
    ]);
    out.extend(reason.map(|reason| ("reason".to_owned(), json!(reason))));
    Value::Object(out)
}

/// Whole numbers without a fraction, as the vectors write them.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 {
        json!(value as i64)
    } else {
        json!(value)
    }
}

/// A spec with everything that the API server fills in, and what follows from it.
fn defaulted(mut spec: Value) -> Result<Value, BadVector> {
    const TOLERANCE: f64 = 0.1;
    if spec["minReplicas"].is_null() {
        spec["minReplicas"] = json!(1);
    }
    if spec["metrics"].as_array().is_none_or(Vec::is_empty) {
        let target = json!({"type": "Utilization", "averageUtilization": 80});
        spec["metrics"] = json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]);
    }
    let behavior: Option<Behavior> = serde_json::from_value(spec["behavior"].take())?;
    let behavior = behavior.map(Behavior::defaulted);
    spec["behavior"] = serde_json::to_value(&behavior)?;
    let targets: Vec<Option<i64>> = spec["metrics"]
        .as_array()
        .into_iter()
        .flatten()
        .map(sequences::target_of)
        .collect();
    let tolerance = |rules: Option<&Rules>| {
        let own = rules.and_then(|rules| rules.tolerance.as_ref());
        own.map_or(TOLERANCE, Quantity::as_f64)
    };
    let of = |which: fn(&Behavior) -> Option<&Rules>| tolerance(behavior.as_ref().and_then(which));
    let effective = json!({
        "minReplicas": spec["minReplicas"],
        "targets_milli": targets,
        "tolerance_up": number(of(|all| all.scale_up.as_ref())),
        "tolerance_down": number(of(|all| all.scale_down.as_ref())),
        "behavior": behavior,
    });
    Ok(json!({"spec": spec, "effective": effective}))
}
