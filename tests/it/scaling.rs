//! Autoscalers over values that are given, as people run them.

use std::path::Path;

use serde_json::Value;

use crate::binary::{self, Ran};

const HPA: &str = "apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: llama}
spec:
  minReplicas: 1
  maxReplicas: 10
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: llama}
  metrics:
  - type: External
    external:
      metric: {name: queue}
      target: {type: AverageValue, averageValue: 10}
";

const KEDA: &str = "apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: llama}
spec:
  scaleTargetRef: {name: llama}
  cooldownPeriod: 60
  triggers:
  - type: prometheus
    name: waiting
    metadata: {serverAddress: 'http://prometheus', query: 'sum(vllm:num_requests_waiting)', threshold: '10'}
";

/// Runs a machine in a folder with these two files.
fn replay(machine: &str, spec: &str, load: &str, more: &[&str], columns: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), spec, load);
    let mut arguments = vec!["replay", machine, "--spec", "spec.yaml", "--load", "load.csv"];
    arguments.extend(more);
    binary::run_in(folder.path(), &arguments, &[("COLUMNS", columns)])
}

fn write(folder: &Path, spec: &str, load: &str) {
    std::fs::write(folder.join("spec.yaml"), spec).unwrap();
    std::fs::write(folder.join("load.csv"), load).unwrap();
}

const LOAD: &str =
    "time,queue\n2026-11-26T08:00:00Z,5\n2026-11-26T08:01:00Z,35\n2026-11-26T08:02:00Z,35\n2026-11-26T08:03:00Z,35\n";

#[test]
fn an_autoscaler_is_shown_over_time_and_fits_the_terminal() {
    let printed = replay("hpa", HPA, LOAD, &["--hourly", "4"], "72").printed();
    assert!(printed.lines().all(|line| line.chars().count() <= 72), "{printed}");
    for told in [
        "Time      2026-11-26T08:00:00Z to 2026-11-26T08:04:00Z (0.1 hours)",
        "Replicas  1 to 4, 3.25 on average, 1 change",
        "Cost      0.22 replica-hours, 0.87 at 4 an hour",
        "Note      The values do not answer to the replicas",
        &format!("\n       4 |{}{}\n", " ".repeat(16), "#".repeat(46)),
        &format!("\n       0 |{}\n", "#".repeat(62)),
        "2026-11-26T08:01:00Z     1 > 4         4  autoscaler  queue 35\n",
    ] {
        assert!(printed.contains(told), "no `{told}` in:\n{printed}");
    }
    let narrow = replay("hpa", HPA, LOAD, &[], "10").printed();
    assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");
}

#[test]
fn scripts_get_every_change() {
    let load = LOAD.replace("queue", "s0").replace("08:02:00Z,35", "08:02:00Z,");
    let more = [
        "--format",
        "json",
        "--replicas",
        "2",
        "--hourly",
        "4",
        "--start-seconds",
        "0",
    ];
    let answer: Value = serde_json::from_str(&replay("hpa", HPA, &load, &more, "80").printed()).unwrap();
    let change = &answer["changes"][0];
    assert_eq!((change["from"].as_i64(), change["to"].as_i64()), (Some(2), Some(4)));
    assert_eq!(
        change["values"][0],
        serde_json::json!({"metric": "queue", "value": 35.0})
    );
    assert_eq!(
        (answer["syncs"].as_u64(), answer["failed_syncs"].as_u64()),
        (Some(16), Some(4))
    );
    let hours = answer["replica_hours"].as_f64().unwrap();
    assert!((hours - 14.0 / 60.0).abs() < 1e-3, "{hours}");
    assert!((answer["cost"].as_f64().unwrap() - 4.0 * hours).abs() < 1e-3);
}

#[test]
fn a_scaled_object_wakes_sleeps_and_gets_advice() {
    let load = "time,waiting\n0,0\n60,25\n120,25\n180,0\n240,0\n300,0\n";
    let printed = replay("keda", KEDA, load, &[], "100").printed();
    for told in [
        "0 > 1            keda        waiting 25",
        "1 > 3         3  autoscaler  waiting 25",
        "3 > 0            keda        waiting 0",
        "Advice    spec.triggers: at zero replicas every metric of its triggers is gone, so nothing wakes",
    ] {
        assert!(printed.contains(told), "no `{told}` in:\n{printed}");
    }
    let json: Value = serde_json::from_str(&replay("keda", KEDA, load, &["--format", "json"], "80").printed()).unwrap();
    let codes: Vec<&str> = json["advice"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["code"].as_str())
        .collect();
    assert_eq!(codes, ["absent-counts-as-zero", "never-wakes"]);
}

#[test]
fn a_hole_is_told() {
    let load = "time,queue\n0,60\n15,60\n30,60\n1830,60\n1845,60\n";
    let printed = replay("hpa", HPA, load, &[], "200").printed();
    assert!(
        printed.contains("Holes     1 hole in the values, 0.49 hours in all"),
        "{printed}"
    );
    assert!(
        printed.contains("had a metric without a value: nothing is scaled down then"),
        "{printed}"
    );
}

#[test]
fn what_an_api_server_would_refuse_is_told_by_field_all_at_once() {
    let spec = HPA
        .replace("maxReplicas: 10", "maxReplicas: 0")
        .replace("averageValue: 10", "averageValue: -1");
    let refused = replay("hpa", &spec, LOAD, &[], "80");
    refused.fails(
        binary::USAGE,
        &[
            "spec.yaml: spec.maxReplicas: Invalid value: 0: must be greater than 0",
            "spec.yaml: spec.metrics[0].external.target.averageValue: Invalid value: \"-1\": must be positive",
        ],
    );
    let spec = KEDA
        .replace("cooldownPeriod", "coolDownPeriod")
        .replace("threshold", "treshold");
    replay("keda", &spec, LOAD, &[], "80").fails(
        binary::USAGE,
        &[
            "spec.yaml: spec.coolDownPeriod: unknown field",
            "spec.yaml: spec.triggers[0].metadata.threshold: Required value",
        ],
    );
    replay("keda", HPA, LOAD, &[], "80").fails(binary::USAGE, &["there is no ScaledObject of keda.sh/v1alpha1 in it"]);
}

#[test]
fn a_load_that_is_none_is_told_by_line_and_column() {
    let load = "time,queue\n0,1\n15,-3\n15,inf\n";
    replay("hpa", HPA, load, &[], "80").fails(
        binary::USAGE,
        &[
            "load.csv: line 3, column `queue`: `-3` is below zero",
            "load.csv: line 4, column `time`: it is not later than the line before",
            "load.csv: line 4, column `queue`: `inf` is no finite number",
        ],
    );
    replay("hpa", HPA, "time,gpu\n0,1\n", &[], "80").fails(
        binary::USAGE,
        &["line 1, column `gpu`: no metric is called so; there are `queue`, `s0`"],
    );
    let counter = HPA.replace("name: queue", "name: requests_total");
    replay("hpa", &counter, "time,s0\n0,1\n15,2\n", &[], "80").printed();
    let load = "time,requests_total\n0,9\n15,2\n";
    replay("hpa", &counter, load, &[], "80").fails(binary::USAGE, &["a counter fell from 9 to 2", "give its rate"]);
}

#[test]
fn arguments_that_do_not_go_together_are_refused() {
    for arguments in [
        vec!["replay", "hpa"],
        vec!["replay", "hpa", "--spec", "a"],
        vec!["replay", "hpa", "--vectors", "a", "--spec", "b", "--load", "c"],
        vec!["replay", "keda", "--spec", "a", "--load", "b", "--start-seconds", "-1"],
        vec!["replay", "keda", "--spec", "a", "--load", "b", "--hourly", "NaN"],
        vec!["replay", "keda", "--spec", "/nowhere.yaml", "--load", "b"],
    ] {
        let ran = binary::run(&arguments);
        assert_eq!(ran.code, binary::USAGE, "{arguments:?}: {}", ran.stderr);
    }
}
