//! What a ScaledObject that is taken gets wrong all the same: settings that cap it, never wake it, or do nothing.

use super::query::{self, Ends, Query};
use super::spec::ScaledObject;
use super::triggers::{Outside, Scaler, Trigger};
use crate::replay::hpa::manifest::Target;

/// Advice on one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind it is, the same in every release.
    pub code: &'static str,
    /// The field that it is about.
    pub field: String,
    /// What is wrong, and what would be right.
    pub words: String,
}

/// Prefixes of metrics that the pods of a workload themselves export: without replicas there are none.
const OF_PODS: [&str; 11] = [
    "vllm:",
    "vllm_",
    "sglang:",
    "sglang_",
    "tgi_",
    "te_",
    "nv_inference_",
    "nv_trt_llm_",
    "trtllm_",
    "container_",
    "DCGM_FI_",
];

/// Metrics of GPUs that say nothing of how much more load would fit.
const OF_DEVICES: [&str; 7] = [
    "DCGM_FI_DEV_GPU_UTIL",
    "DCGM_FI_DEV_MEM_COPY_UTIL",
    "DCGM_FI_DEV_FB_USED",
    "DCGM_FI_DEV_FB_FREE",
    "nvidia_smi_utilization_gpu_ratio",
    "nvidia_gpu_duty_cycle",
    "kubernetes_io:container_accelerator_duty_cycle",
];

/// Endings of metrics that are shares of one.
const SHARES: [&str; 3] = ["_perc", "_ratio", "_saturation"];

/// Everything that is to be said of one, in the order of its triggers.
pub fn findings(object: &ScaledObject) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, trigger) in object.triggers.iter().enumerate() {
        if let Scaler::Outside(outside) = &trigger.scaler {
            of_trigger(object, &format!("spec.triggers[{at}]"), (trigger, outside), &mut found);
        }
    }
    of_object(object, &mut found);
    found
}

/// Whether a metric of this name, as exporters or adapters write it, is one of those of GPUs.
pub(in crate::replay) fn tells_devices(name: &str) -> bool {
    let name = name.to_lowercase().replace(':', "_");
    let known = OF_DEVICES
        .iter()
        .any(|device| name.contains(&device.to_lowercase().replace(':', "_")));
    known
        || ["gpu_util", "gpu-util", "gpu_duty_cycle"]
            .iter()
            .any(|part| name.contains(part))
}

fn add(found: &mut Vec<Finding>, code: &'static str, field: impl Into<String>, words: impl Into<String>) {
    let (field, words) = (field.into(), words.into());
    found.push(Finding { code, field, words });
}

fn is_of_pods(query: &Query) -> bool {
    !query.metrics.is_empty() && query.metrics.iter().all(|name| tells_pods(name))
}

/// Whether pods themselves export a metric of this name.
pub(in crate::replay) fn tells_pods(name: &str) -> bool {
    OF_PODS.iter().any(|prefix| name.starts_with(prefix))
}

fn of_trigger(object: &ScaledObject, path: &str, (trigger, outside): (&Trigger, &Outside), found: &mut Vec<Finding>) {
    let target = match trigger.metric.target {
        Target::Value(milli) | Target::AverageValue(milli) => milli as f64 / 1_000.0,
        Target::Utilization(_) => return,
    };
    if object.modifiers.is_none() && outside.activation > target {
        add(
            found,
            "activation-above-threshold",
            format!("{path}.metadata"),
            format!(
                "it is not active up to {}, though {target} asks for a replica already: with no replica, loads in between are served by nobody",
                outside.activation
            ),
        );
    }
    let Some(text) = &outside.query else { return };
    let place = format!("{path}.metadata.query");
    let Some(query) = query::read(text) else {
        let words = "it does not parse as PromQL: a query with an error counts as a failing trigger";
        return add(found, "query-unreadable", place, words);
    };
    if query.may_be_several {
        let words = "it may answer with several series, and KEDA takes exactly one: aggregate over all of them";
        add(found, "several-series", &*place, words);
    }
    if object.modifiers.is_none()
        && matches!(trigger.metric.target, Target::AverageValue(_))
        && query.ends == Ends::Stays
    {
        capped(&place, &query, target, found);
    }
    let device = query.metrics.iter().find(|name| OF_DEVICES.contains(&name.as_str()));
    if let Some(name) = device {
        let words = format!(
            "{name} tells that a GPU was busy or held memory, not how much more load it could take: scale on requests that wait or run"
        );
        add(found, "gpu-utilization", &*place, words);
    }
    if outside.ignore_null_values && is_of_pods(&query) {
        add(
            found,
            "absent-counts-as-zero",
            format!("{path}.metadata.ignoreNullValues"),
            "the pods themselves export this metric: where it is absent, for want of replicas or of a scrape, it counts as no load at all; set \"false\", with a fallback",
        );
    }
}

/// Asks for no more replicas than its largest value over the threshold.
fn capped(place: &str, query: &Query, target: f64, found: &mut Vec<Finding>) {
    let share = |name: &String| SHARES.iter().any(|ending| name.ends_with(ending));
    let bound = match query.metrics.as_slice() {
        [name] if share(name) => format!(
            "as {name} is at most 1, that is {} replicas",
            (1.0 / target).ceil().max(1.0)
        ),
        _ => "that is the largest value over the threshold, rounded up".to_owned(),
    };
    let words = format!(
        "`{}` does not grow with the replicas, and AverageValue divides it by them: it never asks for more than value / {target}; {bound}. Use `sum`, or metricType Value",
        query.word
    );
    add(found, "capped-by-query", place, words);
}

fn of_object(object: &ScaledObject, found: &mut Vec<Finding>) {
    let sleeps = object.min == 0 || object.idle == Some(0);
    if sleeps && !object.triggers.iter().any(wakes) {
        let words = "at zero replicas every metric of its triggers is gone, so nothing wakes it: add a trigger on a queue in front of it (a gateway's), or keep one replica";
        add(found, "never-wakes", "spec.triggers", words);
    }
    let cached = object.triggers.iter().any(|trigger| trigger.use_cached_metrics);
    let between_only = object.min > 0 && object.idle.is_none();
    if object.written.polling && between_only && !cached {
        let words = "it does nothing: from one replica on the autoscaler reads metrics itself, every 15 s. It counts only with minReplicaCount 0, idleReplicaCount, or useCachedMetrics";
        add(found, "polling-inert", "spec.pollingInterval", words);
    }
    if object.written.cooldown && between_only {
        let words = "it does nothing: it counts only on the way to zero or to idleReplicaCount. Scaling down is slowed by the autoscaler's stabilization window";
        add(found, "cooldown-inert", "spec.cooldownPeriod", words);
    }
    if object.idle.is_some_and(|idle| idle > 0) {
        let words = "the autoscaler brings these replicas up to its minimum at the next sync, and KEDA takes them away again: only 0 works";
        add(found, "idle-above-zero", "spec.idleReplicaCount", words);
    }
    if object.fallback.is_some() && !object.falls_back() {
        let words = "it never stands in: with a formula the target must be a whole number";
        add(found, "fallback-off", "spec.fallback", words);
    }
}

/// Whether a trigger has a value without replicas, as far as its query tells.
fn wakes(trigger: &Trigger) -> bool {
    match &trigger.scaler {
        Scaler::Pods => false,
        Scaler::Cron(_) => true,
        Scaler::Outside(outside) => {
            let query = outside.query.as_deref().and_then(query::read);
            !query.as_ref().is_some_and(is_of_pods)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::spec::read;
    use super::*;

    fn codes(spec: &str, query: &str, metadata: &str) -> Vec<&'static str> {
        let text = format!(
            "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: a}}\nspec:\n  scaleTargetRef: {{name: a}}\n{spec}  triggers:\n  - type: prometheus\n    metadata: {{serverAddress: 'http://p', query: '{query}', {metadata}}}\n"
        );
        findings(&read(&text).unwrap())
            .into_iter()
            .map(|one| one.code)
            .collect()
    }

    const GATEWAY: &str = "sum(llm_d_epp_flow_control_queue_size)";
    const MIN: &str = "  minReplicaCount: 1\n";

    #[test]
    fn a_queue_in_front_needs_no_advice() {
        assert_eq!(codes("", GATEWAY, "threshold: \"5\""), Vec::<&str>::new());
        let demand = "sum(rate(gateway_requests_total[1m])) + sum(gateway_queue)";
        assert_eq!(codes(MIN, demand, "threshold: \"5\""), Vec::<&str>::new());
    }

    #[test]
    fn a_query_that_does_not_grow_caps_the_replicas() {
        let strict = "threshold: \"0.95\", ignoreNullValues: \"false\"";
        assert_eq!(codes(MIN, "max(vllm:kv_cache_usage_perc)", strict), ["capped-by-query"]);
        assert_eq!(
            codes(MIN, "100 * avg(vllm:kv_cache_usage_perc)", strict),
            ["capped-by-query"]
        );
        assert_eq!(
            codes(MIN, "max_over_time(sum(vllm:kv_cache_usage_perc)[5m:15s])", strict),
            Vec::<&str>::new()
        );
        assert_eq!(codes(MIN, "max(a) + sum(b)", strict), Vec::<&str>::new());
        let text = format!(
            "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: a}}\nspec:\n  minReplicaCount: 1\n  scaleTargetRef: {{name: a}}\n  triggers:\n  - type: prometheus\n    metadata: {{serverAddress: 'http://p', query: 'max(vllm:kv_cache_usage_perc)', {strict}}}\n"
        );
        let found = findings(&read(&text).unwrap());
        assert!(found[0].words.contains("that is 2 replicas"), "{found:?}");
        assert_eq!(found[0].field, "spec.triggers[0].metadata.query");
        let value = text.replace("type: prometheus\n", "type: prometheus\n    metricType: Value\n");
        assert_eq!(findings(&read(&value).unwrap()), []);
    }

    #[test]
    fn metrics_of_pods_never_wake_them_and_are_no_load_where_they_are_absent() {
        let own = "sum(vllm:num_requests_waiting)";
        assert_eq!(
            codes("", own, "threshold: \"5\""),
            ["absent-counts-as-zero", "never-wakes"]
        );
        assert_eq!(
            codes("", own, "threshold: \"5\", ignoreNullValues: \"false\""),
            ["never-wakes"]
        );
        assert_eq!(
            codes(MIN, own, "threshold: \"5\", ignoreNullValues: \"false\""),
            Vec::<&str>::new()
        );
        let idle = "  minReplicaCount: 2\n  idleReplicaCount: 0\n";
        assert_eq!(
            codes(idle, own, "threshold: \"5\", ignoreNullValues: \"false\""),
            ["never-wakes"]
        );
        let both = "sum({__name__=\"vllm:num_requests_waiting\"}) + sum(gateway_queue)";
        assert_eq!(codes("", both, "threshold: \"5\""), Vec::<&str>::new());
    }

    #[test]
    fn settings_that_do_nothing_or_harm_are_told() {
        assert_eq!(
            codes("", GATEWAY, "threshold: \"10\", activationThreshold: \"50\""),
            ["activation-above-threshold"]
        );
        let inert = "  minReplicaCount: 1\n  pollingInterval: 15\n  cooldownPeriod: 60\n";
        assert_eq!(
            codes(inert, GATEWAY, "threshold: \"5\""),
            ["polling-inert", "cooldown-inert"]
        );
        let counts = "  minReplicaCount: 0\n  pollingInterval: 15\n  cooldownPeriod: 60\n";
        assert_eq!(codes(counts, GATEWAY, "threshold: \"5\""), Vec::<&str>::new());
        let idle = "  minReplicaCount: 3\n  idleReplicaCount: 1\n";
        assert_eq!(codes(idle, GATEWAY, "threshold: \"5\""), ["idle-above-zero"]);
        let off = "  advanced: {scalingModifiers: {formula: \"1\", target: \"0.5\"}}\n  fallback: {failureThreshold: 3, replicas: 2}\n";
        assert_eq!(codes(off, GATEWAY, "threshold: \"5\""), ["fallback-off"]);
    }

    #[test]
    fn queries_are_one_series_of_metrics_that_tell_load() {
        let gpu = codes(
            MIN,
            "sum(DCGM_FI_DEV_GPU_UTIL)",
            "threshold: \"80\", ignoreNullValues: \"false\"",
        );
        assert_eq!(gpu, ["gpu-utilization"]);
        assert_eq!(
            codes(MIN, "sum by (pod) (queue)", "threshold: \"5\""),
            ["several-series"]
        );
        assert_eq!(codes(MIN, "queue", "threshold: \"5\""), ["several-series"]);
        assert_eq!(codes(MIN, "sum(queue", "threshold: \"5\""), ["query-unreadable"]);
    }
}
