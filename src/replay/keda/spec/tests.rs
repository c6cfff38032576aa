//! Every rule for a ScaledObject, with its message, and the autoscaler that is made of it.

use super::super::triggers::Scaler;
use super::*;
use crate::replay::hpa::manifest::{Metric, Source, Target};
use crate::replay::hpa::spec::Select;

const HEAD: &str = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\n";
const QUEUE: &str =
    "{type: prometheus, name: queue, metadata: {serverAddress: 'http://p', query: sum(q), threshold: '16'}}";
const CPU: &str = "{type: cpu, metricType: Utilization, metadata: {value: '70'}}";

fn text(spec: &str, triggers: &str) -> String {
    format!(
        "{HEAD}metadata: {{name: llama}}\nspec:\n  scaleTargetRef: {{name: llama}}\n{spec}  triggers: [{triggers}]\n"
    )
}

fn taken(spec: &str, triggers: &str) -> ScaledObject {
    read(&text(spec, triggers)).unwrap()
}

fn faults(text: &str) -> Vec<String> {
    let refused = read(text).expect_err("it is refused");
    refused.0.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_not_given_is_usual() {
    let object = taken("", QUEUE);
    assert_eq!(
        (
            object.polling_seconds,
            object.cooldown_seconds,
            object.initial_cooldown_seconds
        ),
        (30, 300, 0)
    );
    assert_eq!((object.min, object.max, object.idle), (0, 100, None));
    assert_eq!(
        (object.target.api_version.as_str(), object.target.kind.as_str()),
        ("apps/v1", "Deployment")
    );
    assert_eq!((object.written, object.pauses), (Written::default(), Pauses::default()));
    let Scaler::Outside(outside) = &object.triggers[0].scaler else {
        panic!()
    };
    assert!(outside.ignore_null_values && outside.activation == 0.0);
    let made = object.autoscaler();
    assert_eq!(
        (made.autoscaler.min, made.autoscaler.max, made.autoscaler.behavior),
        (1, 100, None)
    );
    assert_eq!(made.metrics[0].target, Target::AverageValue(16_000));
    assert_eq!(made.metrics[0].name(), "s0-prometheus");
}

#[test]
fn the_autoscaler_that_is_made_has_its_metrics_by_type_and_its_behaviour() {
    let behavior = "  minReplicaCount: 2\n  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: 60}}}}\n";
    let of_pod = "{type: memory, metricType: AverageValue, metadata: {value: 1Gi, containerName: main}}";
    let made = taken(behavior, &format!("{CPU}, {QUEUE}, {of_pod}")).autoscaler();
    let names: Vec<String> = made.metrics.iter().map(Metric::name).collect();
    assert_eq!(names, ["main/memory", "s1-prometheus", "cpu"]);
    assert_eq!(
        (made.autoscaler.min, made.metrics[2].target),
        (2, Target::Utilization(70))
    );
    let down = made.autoscaler.behavior.unwrap().scale_down.unwrap();
    assert_eq!(
        (down.stabilization_window_seconds, down.select_policy),
        (Some(60), Some(Select::Max))
    );
}

#[test]
fn a_formula_makes_one_metric_beside_those_of_whole_pods() {
    let modifiers = "  advanced: {scalingModifiers: {formula: 'queue / 2', target: '2.5', activationTarget: '1', metricType: Value}}\n";
    let object = taken(modifiers, &format!("{QUEUE}, {CPU}"));
    let metrics = object.autoscaler().metrics;
    assert_eq!(
        metrics.iter().map(Metric::name).collect::<Vec<_>>(),
        ["cpu", "composite-metric"]
    );
    assert_eq!(metrics[1].target, Target::Value(2_500));
    assert!(matches!(metrics[1].source, Source::External(_)));
    assert_eq!(object.modifiers.unwrap().activation, 1.0);
}

#[test]
fn bounds_and_numbers_are_told_all_at_once() {
    let spec = "  pollingInterval: 0\n  cooldownPeriod: -1\n  minReplicaCount: 8\n  maxReplicaCount: 4\n  idleReplicaCount: 8\n  maxReplica: 5\n";
    assert_eq!(
        faults(&text(spec, QUEUE)),
        [
            "spec.maxReplica: unknown field",
            "spec.pollingInterval: Invalid value: 0: should be greater than or equal to 1",
            "spec.cooldownPeriod: Invalid value: -1: should be greater than or equal to 0",
            "spec.minReplicaCount: Invalid value: 8: must be less than or equal to maxReplicaCount, 4",
            "spec.idleReplicaCount: Invalid value: 8: must be less than minReplicaCount, 8"
        ]
    );
    assert_eq!(
        faults(&text("  minReplicaCount: 101\n", QUEUE)),
        ["spec.minReplicaCount: Invalid value: 101: must be less than or equal to maxReplicaCount, 100"]
    );
    assert_eq!(
        faults(&text("  idleReplicaCount: 0\n", QUEUE)),
        ["spec.idleReplicaCount: Invalid value: 0: must be less than minReplicaCount, 0"]
    );
    // A minimum of zero that is written counts as one.
    assert_eq!(
        taken("  idleReplicaCount: 0\n  minReplicaCount: 0\n", QUEUE).idle,
        Some(0)
    );
}

#[test]
fn triggers_must_be_there_once_and_of_a_kind_that_is_known() {
    assert_eq!(
        faults(&text("", "")),
        ["spec.triggers: Required value: no triggers defined in the ScaledObject"]
    );
    assert_eq!(
        faults(&text("", &format!("{QUEUE}, {QUEUE}"))),
        [
            "spec.triggers[1].name: Invalid value: \"queue\": it is defined multiple times in the ScaledObject, but it must be unique"
        ]
    );
    assert_eq!(
        faults(&text("", CPU)),
        [
            "spec.minReplicaCount: Invalid value: 0: with cpu and memory triggers alone nothing scales to zero or wakes; it must be 1 or more"
        ]
    );
    let told = faults(&text(
        "",
        "{type: mqtt, metadata: {}}, {type: cron}, {metadata: {a: 5}}",
    ));
    assert!(
        told[0].starts_with("spec.triggers[0].type: Invalid value: \"mqtt\": it cannot be replayed"),
        "{told:?}"
    );
    assert_eq!(told[1], "spec.triggers[1].metadata: Required value");
    assert_eq!(told[2], "spec.triggers[1].metadata.timezone: Required value");
    assert_eq!(
        told[6],
        "spec.triggers[2].metadata.a: Invalid value: 5: must be a string"
    );
    assert_eq!(told[7], "spec.triggers[2].type: Required value");
}

#[test]
fn what_a_trigger_needs_is_told_by_its_path() {
    let at = "spec.triggers[0].metadata";
    let one = |trigger: &str| faults(&text("", trigger));
    assert_eq!(
        one(
            "{type: prometheus, metricType: Utilization, metadata: {query: q, threshold: many, ignoreNullValues: maybe}}"
        ),
        [
            format!("{at}.serverAddress: Required value"),
            format!("{at}.threshold: Invalid value: \"many\": must be a number"),
            format!("{at}.ignoreNullValues: Invalid value: \"maybe\": must be true or false"),
        ]
    );
    let zero = QUEUE.replace("'16'", "'0.0004'");
    assert_eq!(
        one(&zero),
        [format!(
            "{at}.threshold: Invalid value: 0.0004: the autoscaler that KEDA makes of it is refused: a target must be positive"
        )]
    );
    let share = QUEUE.replace("type: prometheus", "type: prometheus, metricType: Utilization");
    assert_eq!(
        one(&share),
        [
            "spec.triggers[0].metricType: Unsupported value: \"Utilization\": supported values: \"AverageValue\", \"Value\""
        ]
    );
    let cron = "{type: cron, useCachedMetrics: true, metadata: {timezone: Mars/Base, start: 0 8 * * *, end: 61 8 * * *, desiredReplicas: '0'}}";
    let told = one(cron);
    assert_eq!(
        told[0],
        "spec.triggers[0].useCachedMetrics: Forbidden: property \"useCachedMetrics\" is not supported for \"cron\" scaler"
    );
    assert!(
        told[1].starts_with(&format!("{at}.timezone: Invalid value: \"Mars/Base\"")),
        "{told:?}"
    );
    assert!(
        told[2].starts_with(&format!("{at}.end: Invalid value: \"61 8 * * *\"")),
        "{told:?}"
    );
    assert!(
        told[3].starts_with(&format!("{at}.desiredReplicas: Invalid value: \"0\"")),
        "{told:?}"
    );
    let cpu = "{type: cpu, metadata: {value: '70'}}";
    let told = faults(&text("  minReplicaCount: 1\n", cpu));
    assert_eq!(
        told,
        ["spec.triggers[0].metricType: Unsupported value: \"\": supported values: \"AverageValue\", \"Utilization\""]
    );
}

#[test]
fn fallbacks_and_formulas_have_rules() {
    assert_eq!(
        faults(&text(
            "  minReplicaCount: 1\n  fallback: {failureThreshold: -1, behavior: hope}\n",
            CPU
        )),
        [
            "spec.fallback.failureThreshold: Invalid value: -1: should be greater than or equal to 0",
            "spec.fallback.replicas: Required value",
            "spec.fallback.behavior: Unsupported value: \"hope\": supported values: \"static\", \"currentReplicas\", \"currentReplicasIfHigher\", \"currentReplicasIfLower\", \"scalingModifiers\"",
            "spec.fallback: Forbidden: no trigger but cpu and memory is there, and for those there is no fallback"
        ]
    );
    assert_eq!(
        faults(&text(
            "  fallback: {failureThreshold: 3, replicas: 1, behavior: scalingModifiers}\n",
            QUEUE
        )),
        [
            "spec.fallback.behavior: Forbidden: scalingModifiers fallback behavior requires scalingModifiers.formula to be defined"
        ]
    );
    let at = "spec.advanced.scalingModifiers";
    let of = |modifiers: &str| {
        faults(&text(
            &format!("  advanced: {{scalingModifiers: {modifiers}}}\n"),
            QUEUE,
        ))
    };
    assert_eq!(of("{target: '2'}"), [format!("{at}.formula: Required value")]);
    assert_eq!(
        of("{formula: queue + other, target: '0', activationTarget: x, metricType: Utilization}"),
        [
            format!("{at}.formula: Invalid value: \"queue + other\": unknown name `other`: no trigger is called so"),
            format!("{at}.target: Invalid value: \"0\": must be a number of at least 0.001"),
            format!("{at}.activationTarget: Invalid value: \"x\": must be a number"),
            format!(
                "{at}.metricType: Unsupported value: \"Utilization\": supported values: \"AverageValue\", \"Value\""
            )
        ]
    );
    let behavior = "  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleUp: {policies: []}}}}\n";
    assert_eq!(
        faults(&text(behavior, QUEUE)),
        [
            "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleUp.policies: Required value: must specify at least one Policy"
        ]
    );
}

#[test]
fn names_fit_into_labels_and_targets_are_named() {
    let long = text("", QUEUE).replace("{name: llama}\nspec", &format!("{{name: {}}}\nspec", "a".repeat(55)));
    assert!(faults(&long)[0].starts_with("metadata.name: Invalid value: \"keda-hpa-aaa"));
    let nobody = text("", QUEUE).replace("scaleTargetRef: {name: llama}", "scaleTargetRef: {kind: StatefulSet}");
    assert_eq!(faults(&nobody), ["spec.scaleTargetRef.name: Required value"]);
    let nothing = text("", QUEUE).replace("  scaleTargetRef: {name: llama}\n", "");
    assert_eq!(faults(&nothing), ["spec.scaleTargetRef: Required value"]);
}

#[test]
fn annotations_pause_and_force() {
    let with = |annotations: &str| {
        text("", QUEUE).replace(
            "{name: llama}\nspec",
            &format!("{{name: llama, annotations: {{{annotations}}}}}\nspec"),
        )
    };
    let paused = read(&with("autoscaling.keda.sh/paused-replicas: '3'")).unwrap();
    assert_eq!((paused.pauses.all, paused.pauses.replicas), (true, Some(3)));
    assert!(!read(&with("autoscaling.keda.sh/paused: 'false'")).unwrap().pauses.all);
    assert!(read(&with("autoscaling.keda.sh/paused: please")).unwrap().pauses.all);
    assert!(
        read(&with("autoscaling.keda.sh/force-activation: 'true'"))
            .unwrap()
            .pauses
            .force_activation
    );
    let down = read(&with("autoscaling.keda.sh/paused-scale-in: 'true'")).unwrap();
    let behavior = down.autoscaler().autoscaler.behavior.unwrap();
    assert_eq!(behavior.scale_down.unwrap().select_policy, Some(Select::Disabled));
    assert_eq!(behavior.scale_up.unwrap().select_policy, Some(Select::Max));
    assert_eq!(
        faults(&with("autoscaling.keda.sh/paused-replicas: few")),
        [
            "metadata.annotations[autoscaling.keda.sh/paused-replicas]: Invalid value: \"few\": must be a whole number of replicas"
        ]
    );
    let unquoted = faults(&with("autoscaling.keda.sh/paused: true"));
    assert_eq!(
        unquoted,
        ["metadata.annotations.autoscaling.keda.sh/paused: Invalid value: true: must be a string"]
    );
}
