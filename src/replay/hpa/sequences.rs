//! A sequence of syncs as the vectors record it, run through the machine.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::proposal::{Asked, Pod, PodSamples, Tolerance, Warmup, by_average_value, by_value};
use super::quantity::Quantity;
use super::recorded::{PodRow, Samples, ready_of};
use super::spec::Behavior;
use super::{Autoscaler, Conditions, Controller, Faults, Flags, Proposals};

/// A recorded sequence.
#[derive(Deserialize)]
pub(super) struct Sequence {
    id: String,
    spec: Value,
    controller: Settings,
    effective: Effective,
    initial: Initial,
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    downscale_stabilization_seconds: i64,
    cpu_initialization_period_seconds: i64,
    initial_readiness_delay_seconds: i64,
    scale_to_zero_feature: bool,
}

#[derive(Deserialize)]
struct Effective {
    #[serde(rename = "minReplicas")]
    min: i32,
    targets_milli: Vec<i64>,
    tolerance_up: f64,
    tolerance_down: f64,
    behavior: Option<Behavior>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Initial {
    spec_replicas: i32,
}

#[derive(Deserialize)]
struct Step {
    t: i64,
    #[serde(default)]
    restart: bool,
    set_spec: Option<i32>,
    hpa: Option<Value>,
    effective: Option<Effective>,
    #[serde(default)]
    get_fail: bool,
    #[serde(default)]
    put_fail: bool,
    #[serde(default)]
    status: i32,
    rdy: Option<(usize, usize)>,
    pods: Option<Vec<PodRow>>,
    m: Option<Vec<Option<Samples>>>,
}

/// A metric as the machine needs it.
struct Metric {
    kind: Kind,
    target: i64,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Value,
    AverageValue,
    OfPods { cpu: bool },
    Utilization { cpu: bool },
}

/// The object with a metric's target, whatever its type.
fn source_of(metric: &Value) -> Option<&Value> {
    let kind = metric.get("type")?.as_str()?;
    let mut letters = kind.chars();
    let field = letters.next()?.to_lowercase().collect::<String>() + letters.as_str();
    metric.get(&field)
}

/// A metric's target in thousandths, or in percent of requests.
pub(super) fn target_of(metric: &Value) -> Option<i64> {
    let target = source_of(metric)?.get("target")?;
    if let Some(percent) = target.get("averageUtilization").and_then(Value::as_i64) {
        return Some(percent);
    }
    let quantity = target.get("averageValue").or_else(|| target.get("value"))?.as_str()?;
    quantity.parse::<Quantity>().ok()?.milli()
}

fn kind_of(metric: &Value) -> Kind {
    let source = source_of(metric);
    let target = source.and_then(|source| source.get("target"));
    let cpu = source.and_then(|source| source.get("name")).and_then(Value::as_str) == Some("cpu");
    let target_is = |field: &str| target.is_some_and(|target| target.get(field).is_some());
    match metric.get("type").and_then(Value::as_str) {
        Some("External" | "Object") if target_is("averageValue") => Kind::AverageValue,
        Some("External" | "Object") => Kind::Value,
        _ if target_is("averageUtilization") => Kind::Utilization { cpu },
        _ => Kind::OfPods { cpu },
    }
}

/// The reason of `ScalingActive` where a metric fails.
fn reason_of(metric: &Value) -> &'static str {
    match metric.get("type").and_then(Value::as_str) {
        Some("External") => "FailedGetExternalMetric",
        Some("Object") => "FailedGetObjectMetric",
        Some("Pods") => "FailedGetPodsMetric",
        Some("ContainerResource") => "FailedGetContainerResourceMetric",
        _ => "FailedGetResourceMetric",
    }
}

/// An autoscaler with its metrics.
struct Asking {
    autoscaler: Autoscaler,
    metrics: Vec<(Metric, &'static str)>,
}

impl Asking {
    fn of(spec: &Value, effective: &Effective) -> Self {
        let utilization = json!({"type": "Utilization", "averageUtilization": 80});
        let usual = json!({"type": "Resource", "resource": {"name": "cpu", "target": utilization}});
        let written: Vec<&Value> = spec["metrics"].as_array().into_iter().flatten().collect();
        let all = if written.is_empty() { vec![&usual] } else { written };
        let metrics: Vec<(Metric, &'static str)> = all
            .iter()
            .zip(&effective.targets_milli)
            .map(|(metric, target)| {
                let kind = kind_of(metric);
                (Metric { kind, target: *target }, reason_of(metric))
            })
            .collect();
        let without_pods = |(metric, _): &(Metric, _)| matches!(metric.kind, Kind::Value | Kind::AverageValue);
        Self {
            autoscaler: Autoscaler {
                min: effective.min,
                max: spec["maxReplicas"]
                    .as_i64()
                    .and_then(|max| i32::try_from(max).ok())
                    .unwrap_or(i32::MAX),
                behavior: effective.behavior.clone(),
                tolerance: Tolerance {
                    up: effective.tolerance_up,
                    down: effective.tolerance_down,
                },
                has_metric_without_pods: metrics.iter().any(without_pods),
            },
            metrics,
        }
    }

    fn proposals(&self, step: &Step, current: i32, settings: Settings) -> Proposals {
        let pods: Vec<Pod> = step.pods.iter().flatten().map(|row| row.0).collect();
        let ready = step.rdy.unwrap_or_else(|| ready_of(&pods));
        let tolerance = self.autoscaler.tolerance;
        let propose = |(at, (metric, reason)): (usize, &(Metric, &'static str))| {
            let samples = step.m.as_ref().and_then(|all| all.get(at)?.as_ref()).ok_or(*reason)?;
            let of_pods: PodSamples = samples.of_pods();
            let asked = |cpu: bool| Asked {
                pods: &pods,
                samples: &of_pods,
                cpu,
                current,
                tolerance,
                warmup: Warmup {
                    cpu: settings.cpu_initialization_period_seconds * 1_000,
                    readiness: settings.initial_readiness_delay_seconds * 1_000,
                },
                now: step.t,
            };
            let proposed = match metric.kind {
                Kind::Value => by_value(samples.sum().ok_or(*reason)?, metric.target, current, ready, tolerance),
                Kind::AverageValue => Ok(by_average_value(
                    samples.sum().ok_or(*reason)?,
                    metric.target,
                    step.status,
                    tolerance,
                )),
                Kind::OfPods { cpu } => asked(cpu).by_average(metric.target),
                Kind::Utilization { cpu } => {
                    let target = i32::try_from(metric.target).map_err(|_| *reason)?;
                    asked(cpu).by_utilization(target)
                }
            };
            proposed.map(|proposal| proposal.replicas).map_err(|_| *reason)
        };
        self.metrics.iter().enumerate().map(propose).collect()
    }
}

/// What the machine did at every step.
pub(super) fn answer(sequence: &Sequence) -> Value {
    let settings = sequence.controller;
    let flags = Flags {
        downscale_stabilization_seconds: settings.downscale_stabilization_seconds,
        scale_to_zero: settings.scale_to_zero_feature,
    };
    let mut asking = Asking::of(&sequence.spec, &sequence.effective);
    let mut controller = Controller::default();
    let mut replicas = sequence.initial.spec_replicas;
    let mut steps = Vec::new();
    for step in &sequence.steps {
        if let (Some(spec), Some(effective)) = (&step.hpa, &step.effective) {
            asking = Asking::of(spec, effective);
        }
        if step.restart {
            controller.restart();
        }
        replicas = step.set_spec.unwrap_or(replicas);
        let faults = Faults {
            get: step.get_fail,
            put: step.put_fail,
        };
        let proposals = || asking.proposals(step, replicas, settings);
        let synced = controller.sync((&asking.autoscaler, flags), (step.t, replicas), faults, proposals);
        replicas = synced.written.unwrap_or(replicas);
        let mut out = Map::from_iter([
            ("cur".to_owned(), json!(synced.current)),
            ("w".to_owned(), json!(synced.written)),
            ("des".to_owned(), json!(controller.desired)),
            ("c".to_owned(), conditions(&controller.conditions)),
        ]);
        out.extend(synced.proposals.map(|all| ("p".to_owned(), json!(all))));
        if synced.failed {
            out.insert("err".to_owned(), json!(true));
        }
        steps.push(Value::Object(out));
    }
    json!({"id": sequence.id, "steps": steps})
}

fn conditions(all: &Conditions) -> Value {
    let Conditions {
        able_to_scale,
        scaling_active,
        scaling_limited,
        scaled_to_zero,
    } = all;
    let word = |(is_true, reason): (bool, &str)| format!("{} {reason}", if is_true { "T" } else { "F" });
    let told = [able_to_scale, scaling_active, scaling_limited, scaled_to_zero].map(|one| one.map(word));
    json!(told)
}
