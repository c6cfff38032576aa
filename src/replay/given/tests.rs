//! Autoscalers over values that are given: what they write, and when.

use super::super::hpa::manifest;
use super::super::keda::spec;
use super::*;

const SETTING: Setting = Setting {
    start: 60_000,
    replicas: None,
    flags: Flags {
        downscale_stabilization_seconds: 300,
        scale_to_zero: false,
    },
};

fn hpa(metric: &str) -> Subject {
    let text = format!(
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: a}}\nspec:\n  maxReplicas: 10\n  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: a}}\n  metrics: [{metric}]\n"
    );
    Subject::hpa(manifest::read(&text, false).unwrap())
}

fn keda(spec: &str) -> Subject {
    let text = format!(
        "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: a}}\nspec:\n  scaleTargetRef: {{name: a}}\n{spec}"
    );
    Subject::Keda(Box::new(spec::read(&text).unwrap()))
}

const QUEUE: &str =
    "{type: External, external: {metric: {name: queue}, target: {type: AverageValue, averageValue: 10}}}";

/// One minute each of these values.
fn run(subject: &Subject, column: &str, values: &[&str], setting: Setting) -> Run {
    let lines: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(at, value)| format!("{},{value}", at * 60))
        .collect();
    let text = format!("time,{column}\n{}\n", lines.join("\n"));
    subject.run(&load::read(&text, &subject.wanted()).unwrap(), setting)
}

fn changes(run: &Run) -> Vec<(i64, i32)> {
    run.changes
        .iter()
        .map(|change| (change.at / 1_000, change.to))
        .collect()
}

#[test]
fn an_autoscaler_follows_what_is_given() {
    let found = run(&hpa(QUEUE), "queue", &["5", "35", "35", "35"], SETTING);
    assert_eq!(changes(&found), [(60, 4)]);
    assert_eq!(found.changes[0].proposed, Some(4));
    assert_eq!(found.changes[0].values, [Some(35.0)]);
    // One replica for a minute, four for three.
    assert!(
        (found.replica_hours - (1.0 + 12.0) / 60.0).abs() < 1e-3,
        "{}",
        found.replica_hours
    );
    let fixed = Setting {
        replicas: Some(4),
        ..SETTING
    };
    assert_eq!(changes(&run(&hpa(QUEUE), "s0", &["40", "40"], fixed)), []);
}

#[test]
fn pods_that_start_are_not_ready_and_count_as_such() {
    let cpu = "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}";
    // One pod at twice its target asks for two; while the second starts, it counts with nothing used.
    let found = run(&hpa(cpu), "cpu", &["100", "100", "100", "100"], SETTING);
    assert_eq!(changes(&found), [(0, 2), (60, 4), (120, 8), (180, 10)]);
    let at_once = Setting { start: 0, ..SETTING };
    assert_eq!(
        changes(&run(&hpa(cpu), "cpu", &["100", "100"], at_once))[..3],
        [(0, 2), (15, 4), (30, 8)]
    );
}

#[test]
fn a_hole_is_no_value_and_scales_nothing() {
    let subject = hpa(QUEUE);
    let text = "time,queue\n0,60\n15,60\n30,60\n900,10\n915,10\n";
    let found = subject.run(&load::read(text, &subject.wanted()).unwrap(), SETTING);
    assert_eq!(found.holes, [(52_000 + 500, 900_000)]);
    assert!(found.failed_syncs > 50, "{}", found.failed_syncs);
    // After it no recommendation is left to hold the replicas.
    assert_eq!(changes(&found), [(0, 4), (15, 6), (903, 1)]);
    let hidden = found.moments.iter().find(|moment| moment.at > 60_000).unwrap();
    assert_eq!((hidden.replicas, hidden.value), (6, None));
}

#[test]
fn a_scaled_object_wakes_scales_and_sleeps() {
    let trigger =
        "{type: prometheus, name: queue, metadata: {serverAddress: 'http://p', query: sum(q), threshold: '10'}}";
    let subject = keda(&format!("  cooldownPeriod: 60\n  triggers: [{trigger}]\n"));
    let found = run(&subject, "queue", &["0", "25", "25", "0", "0", "0"], SETTING);
    assert_eq!(found.names, ["queue"]);
    let written: Vec<(i64, Writer, i32)> = found
        .changes
        .iter()
        .map(|one| (one.at / 1_000, one.by, one.to))
        .collect();
    assert_eq!(
        written,
        [
            (60, Writer::Operator, 1),
            (60, Writer::Autoscaler, 3),
            (240, Writer::Operator, 0)
        ]
    );
    // An empty cell is an absent series, which counts as zero here.
    let absent = run(&subject, "queue", &["25", "", "", "", ""], SETTING);
    assert_eq!(
        absent.changes.last().map(|one| (one.by, one.to)),
        Some((Writer::Operator, 0))
    );
}

#[test]
fn the_clock_needs_no_column_and_triggers_of_pods_do() {
    let cron = "{type: cron, metadata: {timezone: Etc/UTC, start: 1 0 * * *, end: 3 0 * * *, desiredReplicas: '3'}}";
    let cpu = "{type: cpu, metricType: Utilization, metadata: {value: '50'}}";
    let subject = keda(&format!("  minReplicaCount: 1\n  triggers: [{cron}, {cpu}]\n"));
    assert_eq!(subject.wanted(), [["cpu", "s1"]]);
    let found = run(&subject, "s1", &["50", "50", "50"], SETTING);
    assert_eq!(changes(&found), [(60, 3)]);
}
