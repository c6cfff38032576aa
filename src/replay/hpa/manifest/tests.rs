//! Every rule of the API server, with its message.

use serde_json::json;

use super::*;
use crate::replay::hpa::spec::{Policy, PolicyType, Select};

const HEAD: &str = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: llama}\n";
const TARGET: &str = "  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: llama}\n";

fn with(spec: &str) -> String {
    format!("{HEAD}spec:\n{TARGET}{spec}")
}

fn faults(text: &str) -> Vec<String> {
    let refused = read(text, false).expect_err("it is refused");
    refused.0.iter().map(ToString::to_string).collect()
}

/// One metric of this source and target, and what is wrong with it.
fn of_metric(metric: &str) -> Vec<String> {
    faults(&with(&format!("  maxReplicas: 5\n  metrics: [{metric}]\n")))
}

const QUEUE: &str = "{type: External, external: {metric: {name: queue, selector: {matchLabels: {app: llama}}}, target: {type: AverageValue, averageValue: 1500m}}}";

#[test]
fn a_whole_autoscaler_is_read_and_completed() {
    let text = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: llama}}\n---\n{}  behavior:\n    scaleUp: {{tolerance: 50m, policies: [{{type: Pods, value: 2, periodSeconds: 60}}]}}\n",
        with(&format!(
            "  minReplicas: 2\n  maxReplicas: 8\n  metrics:\n  - {QUEUE}\n  - {{type: Resource, resource: {{name: cpu, target: {{type: Utilization, averageUtilization: 70}}}}}}\n"
        ))
    );
    let read = read(&text, false).unwrap();
    assert_eq!((read.name.as_str(), read.target.kind.as_str()), ("llama", "Deployment"));
    assert_eq!((read.autoscaler.min, read.autoscaler.max), (2, 8));
    assert_eq!(read.autoscaler.tolerance, Tolerance { up: 0.05, down: 0.1 });
    assert!(read.autoscaler.has_metric_without_pods);
    assert_eq!(read.metrics[0].target, Target::AverageValue(1_500));
    let Source::External(queue) = &read.metrics[0].source else {
        panic!("{read:?}")
    };
    assert_eq!(queue.selector, Some(json!({"matchLabels": {"app": "llama"}})));
    assert_eq!(read.metrics[1].target, Target::Utilization(70));
    let names: Vec<String> = read.metrics.iter().map(Metric::name).collect();
    assert_eq!(names, ["queue", "cpu"]);
    let behavior = read.autoscaler.behavior.unwrap();
    let (up, down) = (behavior.scale_up.unwrap(), behavior.scale_down.unwrap());
    assert_eq!(
        (up.stabilization_window_seconds, up.select_policy),
        (Some(0), Some(Select::Max))
    );
    let own = Policy {
        r#type: PolicyType::Pods,
        value: 2,
        period_seconds: 60,
    };
    assert_eq!(up.policies, Some(vec![own]));
    assert_eq!(down.policies.map(|all| all.len()), Some(1));
}

#[test]
fn json_lists_and_numbers_as_quantities_are_read_and_what_is_not_given_is_usual() {
    let item = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"},
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "ReplicationController", "name": "a"}}
    });
    let mut list = json!({"apiVersion": "v1", "kind": "List", "items": [item]});
    let usual = read(&list.to_string(), false).unwrap();
    assert_eq!((usual.autoscaler.min, usual.metrics.len()), (1, 1));
    assert_eq!(usual.metrics[0].target, Target::Utilization(80));
    assert_eq!(usual.autoscaler.behavior, None);
    let target = json!({"type": "Value", "value": 0.25});
    list["items"][0]["spec"]["metrics"] =
        json!([{"type": "External", "external": {"metric": {"name": "m"}, "target": target}}]);
    assert_eq!(
        read(&list.to_string(), false).unwrap().metrics[0].target,
        Target::Value(250)
    );
}

#[test]
fn replicas_have_bounds() {
    assert_eq!(
        faults(&with("  minReplicas: 1\n")),
        [
            "spec.maxReplicas: Invalid value: 0: must be greater than 0",
            "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`"
        ]
    );
    assert_eq!(
        faults(&with("  minReplicas: 9\n  maxReplicas: 3\n")),
        ["spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"]
    );
    assert_eq!(
        faults(&with(&format!(
            "  minReplicas: 0\n  maxReplicas: 3\n  metrics: [{QUEUE}]\n"
        ))),
        ["spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"]
    );
    let zero = with(&format!("  minReplicas: 0\n  maxReplicas: 3\n  metrics: [{QUEUE}]\n"));
    assert_eq!(read(&zero, true).unwrap().autoscaler.min, 0);
    let without = read(&with("  minReplicas: 0\n  maxReplicas: 3\n"), true).unwrap_err();
    assert_eq!(
        without.to_string(),
        "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas"
    );
}

#[test]
fn what_it_scales_is_named_and_of_a_group() {
    let text = format!("{HEAD}spec:\n  maxReplicas: 3\n  scaleTargetRef: {{apiVersion: v1, kind: a/b}}\n");
    assert_eq!(
        faults(&text),
        [
            "spec.scaleTargetRef.kind: Invalid value: \"a/b\": may not contain '/'",
            "spec.scaleTargetRef.name: Required value",
            "spec.scaleTargetRef.apiVersion: Invalid value: \"v1\": apiVersion must specify API group"
        ]
    );
}

#[test]
fn unknown_fields_and_wrong_kinds_are_told_where_they_stand() {
    let text = with("  maxReplica: 5\n  maxReplicas: '5'\n  metrics: 7\n");
    assert_eq!(
        faults(&text),
        [
            "spec.maxReplica: unknown field",
            "spec.maxReplicas: Invalid value: \"5\": must be a whole number of 32 bits",
            "spec.metrics: Invalid value: 7: must be a list"
        ]
    );
    let nameless = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: Llama_1, label: {}}\n";
    let told = faults(&format!("{nameless}spec:\n{TARGET}  maxReplicas: 5\n"));
    assert_eq!(told[0], "metadata.label: unknown field");
    assert!(
        told[1].starts_with("metadata.name: Invalid value: \"Llama_1\": "),
        "{told:?}"
    );
}

#[test]
fn every_source_stands_alone_and_says_its_type() {
    assert_eq!(
        of_metric("{}"),
        [
            "spec.metrics[0].type: Required value: must specify a metric source type",
            "spec.metrics[0].type: Unsupported value: \"\": supported values: \"ContainerResource\", \"External\", \"Object\", \"Pods\", \"Resource\""
        ]
    );
    assert_eq!(
        of_metric("{type: Pods}"),
        ["spec.metrics[0].pods: Required value: must populate information for the given metric source"]
    );
    let two = QUEUE.replacen("external:", "resource: {name: cpu}, external:", 1);
    assert_eq!(
        of_metric(&two),
        ["spec.metrics[0].resource: Forbidden: must populate the given metric source only"]
    );
}

#[test]
fn targets_are_of_their_source() {
    let external = |target: &str| {
        of_metric(&format!(
            "{{type: External, external: {{metric: {{name: q}}, target: {target}}}}}"
        ))
    };
    let at = "spec.metrics[0].external.target";
    assert_eq!(
        external("{type: AverageValue}"),
        [format!(
            "{at}.averageValue: Required value: must set either a target value for metric or a per-pod target"
        )]
    );
    assert_eq!(
        external("{type: Value, value: 1, averageValue: 1}"),
        [format!(
            "{at}.value: Forbidden: may not set both a target value for metric and a per-pod target"
        )]
    );
    assert_eq!(
        external("{type: Ratio, value: -1m}"),
        [
            format!("{at}.type: Invalid value: \"Ratio\": must be either Utilization, Value, or AverageValue"),
            format!("{at}.value: Invalid value: \"-1m\": must be positive")
        ]
    );
    assert_eq!(
        external("{type: Value, value: many}"),
        [format!(
            "{at}.value: Invalid value: \"many\": must be a quantity such as 1500m, 2, 1Gi or 1e3"
        )]
    );
    let pods = of_metric("{type: Pods, pods: {metric: {name: q}, target: {type: Value, value: 1}}}");
    assert_eq!(
        pods,
        ["spec.metrics[0].pods.target.averageValue: Required value: must specify a positive target averageValue"]
    );
    let object = "{type: Object, object: {describedObject: {kind: Service, name: s}, metric: {name: q}, target: {type: Value, averageValue: 1}}}";
    assert!(of_metric(object)[0].starts_with("spec.metrics[0].object.target.type: Invalid value: \"Value\": "));
}

#[test]
fn resources_have_a_name_and_one_target() {
    let at = "spec.metrics[0].resource";
    assert_eq!(
        of_metric("{type: Resource, resource: {target: {type: Utilization}}}"),
        [
            format!("{at}.name: Required value: must specify a resource name"),
            format!(
                "{at}.target.averageUtilization: Required value: must set either a target raw value or a target utilization"
            )
        ]
    );
    assert_eq!(
        of_metric(
            "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 0, averageValue: 1}}}"
        ),
        [
            format!("{at}.target.averageUtilization: Invalid value: 0: must be greater than 0"),
            format!(
                "{at}.target.averageValue: Forbidden: may not set both a target raw value and a target utilization"
            )
        ]
    );
    let container = of_metric(
        "{type: ContainerResource, containerResource: {name: gpu, container: A, target: {type: AverageValue, averageValue: 1}}}",
    );
    assert_eq!(
        container[0],
        "spec.metrics[0].containerResource.name: Invalid value: \"gpu\": must be a standard resource for containers"
    );
    assert!(
        container[1].starts_with("spec.metrics[0].containerResource.container: Invalid value: \"A\": "),
        "{container:?}"
    );
    assert_eq!(container.len(), 2);
}

#[test]
fn metrics_have_names_that_are_part_of_a_path() {
    let named = |name: &str| of_metric(&QUEUE.replacen("name: queue", &format!("name: {name}"), 1));
    assert_eq!(
        named("''"),
        ["spec.metrics[0].external.metric.name: Required value: must specify a metric name"]
    );
    assert_eq!(
        named("a/b"),
        ["spec.metrics[0].external.metric.name: Invalid value: \"a/b\": may not contain '/'"]
    );
}

#[test]
fn behaviour_has_bounds_and_all_that_is_wrong_is_told_at_once() {
    let told = faults(&with(
        "  maxReplicas: 5\n  behavior:\n    scaleUp: {stabilizationWindowSeconds: 3601, selectPolicy: Most, policies: []}\n    scaleDown:\n      stabilizationWindowSeconds: -1\n      tolerance: -0.1\n      policies:\n      - {type: Pods, value: 0, periodSeconds: 1801}\n      - {type: Replicas, value: 1}\n",
    ));
    let (up, down) = ("spec.behavior.scaleUp", "spec.behavior.scaleDown");
    assert_eq!(
        told,
        [
            format!("{up}.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600"),
            format!("{up}.selectPolicy: Unsupported value: \"Most\": supported values: \"Disabled\", \"Max\", \"Min\""),
            format!("{up}.policies: Required value: must specify at least one Policy"),
            format!("{down}.stabilizationWindowSeconds: Invalid value: -1: must be greater than or equal to zero"),
            format!("{down}.policies[0].value: Invalid value: 0: must be greater than zero"),
            format!("{down}.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800"),
            format!(
                "{down}.policies[1].type: Unsupported value: \"Replicas\": supported values: \"Percent\", \"Pods\""
            ),
            format!("{down}.policies[1].periodSeconds: Invalid value: 0: must be greater than zero"),
            format!("{down}.tolerance: Invalid value: \"-0.1\": must be greater than or equal to 0"),
        ]
    );
}

#[test]
fn other_texts_are_told_apart() {
    assert_eq!(
        faults("kind: Pod\n"),
        ["there is no HorizontalPodAutoscaler of autoscaling/v2 in it"]
    );
    let twice = format!("{}---\n{}", with("  maxReplicas: 5\n"), with("  maxReplicas: 5\n"));
    assert_eq!(
        faults(&twice),
        ["there are 2 of kind HorizontalPodAutoscaler in it; give one"]
    );
    let old = with("  maxReplicas: 5\n").replace("autoscaling/v2", "autoscaling/v1");
    assert_eq!(
        faults(&old),
        ["apiVersion: Invalid value: \"autoscaling/v1\": a HorizontalPodAutoscaler is read of autoscaling/v2"]
    );
    assert!(faults("a: [1\n")[0].starts_with("line "), "{:?}", faults("a: [1\n"));
    let key = with("  maxReplicas: 5\n  maxReplicas: 6\n");
    assert!(faults(&key)[0].contains("maxReplicas"), "{:?}", faults(&key));
}
