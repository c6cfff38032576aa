//! Autoscalers: a new ScaledObject, or other settings of the one that is there.

use serde_json::{Value, json};

use super::scaled_object::{ScaledObject, prometheus};
use super::sleep::can_be_scaled;
use super::{About, Refusal, Wish, set};
use crate::model::scenario::Move;
use crate::model::usage::Signal;
use crate::patch::podspec::{at, element, under};
use crate::patch::yaml::{Edit, Pointer};

/// What a replayed setting says.
#[derive(Debug, Clone, Copy)]
struct Setting<'m> {
    metric: &'m str,
    target: f64,
    min: u32,
    max: u32,
    window: u32,
}

pub(super) fn autoscale(about: About<'_>, change: &Move, wish: &mut Wish) -> Result<(), Refusal> {
    let Move::Autoscale {
        metric,
        target,
        min,
        max,
        scale_down_window_seconds,
        ..
    } = change
    else {
        return Ok(());
    };
    let setting = Setting {
        metric,
        target: *target,
        min: *min,
        max: *max,
        window: *scale_down_window_seconds,
    };
    match (about.scaler, about.live.autoscaler.is_some()) {
        // It was made before, and is on its way into the cluster.
        (Some(scaler), _) if object(about, setting).is_ok_and(|own| own.get("spec") == scaler.get("spec")) => Ok(()),
        (Some(scaler), _) => existing(about, scaler, setting, wish),
        (None, true) => Err(Refusal::new(
            "autoscaler-not-found",
            "an autoscaler is on it in the cluster, and none is among the files that were read: a second one would write its replicas in turn",
        )),
        (None, false) => new(about, setting, wish),
    }
}

/// A ScaledObject with a setting.
fn object(about: About<'_>, setting: Setting<'_>) -> Result<Value, Refusal> {
    if !can_be_scaled(about.kind()) {
        return Err(Refusal::new(
            "for-its-owner",
            format!("what scales a {} is its own operator", about.kind()),
        ));
    }
    let server = prometheus_of(about)?;
    let mut query = query(about, setting.metric)?;
    if setting.min == 0 {
        // Without replicas there is nobody to tell a number, and what cannot be asked brings the fallback's replicas.
        query = format!("({query}) or (vector(0) and on() sum({}) == 0)", counted(about)?);
    }
    promql_parser::parser::parse(&query)
        .map_err(|why| Refusal::new("metric-unknown", format!("`{query}` is no query: {why}")))?;
    let mut triggers = vec![prometheus(server, &query, setting.target)];
    if setting.min == 0 {
        let Some(queue) = about.live.gateway_queue.as_deref() else {
            return Err(Refusal::new(
                "no-gateway",
                "nothing would wake it: no gateway that holds requests is told",
            ));
        };
        triggers.push(prometheus(server, queue, setting.target));
    }
    let object = ScaledObject {
        min: setting.min,
        max: setting.max,
        triggers,
        cooldown: (setting.min == 0).then_some(setting.window),
        window: Some(setting.window),
        fallback: Some(setting.max),
    };
    Ok(object.on(about))
}

fn new(about: About<'_>, setting: Setting<'_>, wish: &mut Wish) -> Result<(), Refusal> {
    wish.new.push(object(about, setting)?);
    wish.handover = Some(about.hands_over(setting.max));
    if setting.min == 0 {
        wish.notes.push(
            "a gauge that is scraped each minute misses requests that are shorter: have KEDA ask often, or add a trigger on the rate of \
             requests that arrive"
                .to_owned(),
        );
    }
    wish.notes.push(format!(
        "KEDA must run in the cluster (keda.sh/v1alpha1) and reach {}; while it cannot, there are {} replicas",
        prometheus_of(about)?,
        setting.max
    ));
    Ok(())
}

/// How many replicas there are, as kube-state-metrics counts them.
fn counted(about: About<'_>) -> Result<String, Refusal> {
    let kind = match about.kind() {
        "Deployment" => "deployment",
        "StatefulSet" => "statefulset",
        other => {
            let why = format!(
                "nobody counts the replicas of a {other}, so that none of them looks like a hole in its metrics"
            );
            return Err(Refusal::new("metric-unknown", why));
        }
    };
    let (namespace, name) = (about.namespace, about.name);
    Ok(format!(
        "kube_{kind}_status_replicas{{namespace=\"{namespace}\",{kind}=\"{name}\"}}"
    ))
}

fn prometheus_of(about: About<'_>) -> Result<&str, Refusal> {
    about.settings.prometheus.as_deref().ok_or_else(|| {
        Refusal::new(
            "prometheus-unknown",
            "a ScaledObject asks Prometheus from within the cluster, and nobody told where that is: set `patches.prometheus` in the policy",
        )
    })
}

/// The metrics of a server that carry a signal, as its pods have them.
fn metrics<'a>(about: About<'a>, signal: Signal) -> Option<&'a str> {
    let prefix = match (about.live.server.as_deref()?, about.kind()) {
        ("vllm", "RayService" | "RayCluster") => "ray_vllm_",
        ("vllm", _) => "vllm:",
        ("sglang", _) => "sglang:",
        ("tgi", _) => "tgi_",
        _ => return None,
    };
    about.catalog.metric_names(signal).find(|name| name.starts_with(prefix))
}

/// One number for the whole workload: KEDA takes a query with several elements for a failure.
fn query(about: About<'_>, metric: &str) -> Result<String, Refusal> {
    let unknown = || {
        Refusal::new(
            "metric-unknown",
            "what its server calls the requests that it executes and lets wait is not known",
        )
    };
    let running = metrics(about, Signal::RequestsRunning).ok_or_else(unknown)?;
    let pods = pods(about.kind(), about.name);
    let own = format!("namespace=\"{}\",pod=~\"{pods}\"", about.namespace);
    let query = match metric {
        "requests-running" => format!("sum({running}{{{own}}})"),
        "requests-in-flight" => {
            let waiting = metrics(about, Signal::RequestsWaiting).ok_or_else(unknown)?;
            format!("sum({running}{{{own}}}) + sum({waiting}{{{own}}})")
        }
        other => {
            return Err(Refusal::new(
                "metric-unknown",
                format!("{other} is no metric of requests"),
            ));
        }
    };
    Ok(query)
}

/// Pods of a workload by their names, and of no other whose name begins alike.
fn pods(kind: &str, name: &str) -> String {
    let name = name.replace('.', "\\\\.");
    match kind {
        "StatefulSet" => format!("{name}-[0-9]+"),
        "LeaderWorkerSet" => format!("{name}-[0-9]+(-[0-9]+)?"),
        _ => format!("{name}-[0-9a-z]+-[0-9a-z]{{5}}"),
    }
}

fn existing(about: About<'_>, scaler: &Value, setting: Setting<'_>, wish: &mut Wish) -> Result<(), Refusal> {
    match scaler.get("kind").and_then(Value::as_str) {
        Some("ScaledObject") => scaled_object(scaler, setting, &mut wish.scaler),
        Some("HorizontalPodAutoscaler") => horizontal(about, scaler, setting, &mut wish.scaler),
        other => Err(Refusal::new(
            "autoscaler-unknown",
            format!("how a {} is set is not known", other.unwrap_or("thing without kind")),
        )),
    }
}

/// Whether a query, or the name of a metric, is about what a setting was replayed with.
fn is_about(told: &str, metric: &str) -> bool {
    let told = told.to_lowercase();
    let running = told.contains("running") || told.contains("batch_current_size");
    let waiting = told.contains("waiting") || told.contains("queue");
    let both = told.contains("in_flight") || told.contains("inflight") || (running && waiting);
    match metric {
        "requests-in-flight" => both,
        "requests-running" => running && !waiting,
        _ => false,
    }
}

fn root(steps: &[&str]) -> Pointer {
    under(&Pointer(Vec::new()), steps)
}

/// Sets a field unless it has that value.
fn put(scaler: &Value, place: Pointer, value: Value, edits: &mut Vec<Edit>) {
    if at(scaler, &place) != Some(&value) {
        edits.push(set(place, value));
    }
}

fn scaled_object(scaler: &Value, setting: Setting<'_>, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let triggers = scaler.pointer("/spec/triggers").and_then(Value::as_array);
    let [trigger] = triggers.map_or(&[][..], Vec::as_slice) else {
        return Err(Refusal::new(
            "several-metrics",
            "its ScaledObject has several triggers, of which the replay searched one: which stays is for its owner to say",
        ));
    };
    let list = root(&["spec", "triggers"]);
    let metadata = under(&element(&list, 0), &["metadata"]);
    let text = |path: &str| trigger.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let average = matches!(text("/metricType"), "" | "AverageValue");
    if text("/type") != "prometheus" || !average || !is_about(text("/metadata/query"), setting.metric) {
        return Err(Refusal::new(
            "autoscaler-unknown",
            format!(
                "the trigger of its ScaledObject does not ask for the average of {}: its owner changes it",
                setting.metric
            ),
        ));
    }
    if trigger.pointer("/metadata/threshold").is_none() {
        return Err(Refusal::new(
            "autoscaler-unknown",
            "the trigger of its ScaledObject has no threshold",
        ));
    }
    put(scaler, root(&["spec", "minReplicaCount"]), json!(setting.min), edits);
    put(scaler, root(&["spec", "maxReplicaCount"]), json!(setting.max), edits);
    put(
        scaler,
        under(&metadata, &["threshold"]),
        json!(setting.target.to_string()),
        edits,
    );
    // A series that is gone is no load of zero.
    put(scaler, under(&metadata, &["ignoreNullValues"]), json!("false"), edits);
    let behavior = [
        "spec",
        "advanced",
        "horizontalPodAutoscalerConfig",
        "behavior",
        "scaleDown",
        "stabilizationWindowSeconds",
    ];
    put(scaler, root(&behavior), json!(setting.window), edits);
    Ok(())
}

fn horizontal(about: About<'_>, scaler: &Value, setting: Setting<'_>, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let version = scaler.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    if version != "autoscaling/v2" {
        return Err(Refusal::new(
            "autoscaler-unknown",
            format!(
                "its HorizontalPodAutoscaler is written in {version}, which has no such fields: write it in autoscaling/v2 first"
            ),
        ));
    }
    let metrics = scaler.pointer("/spec/metrics").and_then(Value::as_array);
    let [metric] = metrics.map_or(&[][..], Vec::as_slice) else {
        return Err(Refusal::new(
            "several-metrics",
            "its HorizontalPodAutoscaler has no metric or several, of which the replay searched one: which stays is for its owner to say",
        ));
    };
    let named = ["/pods/metric/name", "/external/metric/name", "/object/metric/name"];
    let name = named
        .into_iter()
        .find_map(|path| metric.pointer(path).and_then(Value::as_str))
        .unwrap_or_default();
    if !is_about(name, setting.metric) {
        return Err(Refusal::new(
            "autoscaler-unknown",
            format!(
                "its HorizontalPodAutoscaler looks at `{name}`, and not by its name at {}: its owner changes it",
                setting.metric
            ),
        ));
    }
    let one = element(&root(&["spec", "metrics"]), 0);
    let of = ["pods", "external", "object"]
        .into_iter()
        .find(|kind| metric.get(*kind).is_some());
    let target = of.map(|kind| under(&one, &[kind, "target", "averageValue"]));
    let Some(target) = target.filter(|target| at(scaler, target).is_some()) else {
        return Err(Refusal::new(
            "autoscaler-unknown",
            format!(
                "the metric of the HorizontalPodAutoscaler of {} has no average value as its target",
                about.who()
            ),
        ));
    };
    put(scaler, root(&["spec", "minReplicas"]), json!(setting.min), edits);
    put(scaler, root(&["spec", "maxReplicas"]), json!(setting.max), edits);
    put(scaler, target, quantity(setting.target), edits);
    let window = root(&["spec", "behavior", "scaleDown", "stabilizationWindowSeconds"]);
    put(scaler, window, json!(setting.window), edits);
    Ok(())
}

/// A number as Kubernetes writes amounts: in thousandths where it is no whole one.
fn quantity(number: f64) -> Value {
    let thousandths = (number * 1000.0).round();
    if (thousandths / 1000.0).fract() == 0.0 {
        json!(format!("{}", thousandths / 1000.0))
    } else {
        json!(format!("{thousandths}m"))
    }
}
