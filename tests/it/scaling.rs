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
        &["line 1, column `gpu`: no such column is read; there are `queue`, `s0`"],
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
        vec!["replay", "hpa", "--vectors", "a", "--service", "b"],
        vec!["replay", "hpa", "--spec", "a", "--load", "b", "--before", "c"],
        vec!["replay", "hpa", "--service", "a"],
    ] {
        let ran = binary::run(&arguments);
        assert_eq!(ran.code, binary::USAGE, "{arguments:?}: {}", ran.stderr);
    }
}

/// What the README has below this heading.
fn section(heading: &str) -> String {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, rest) = readme.split_once(&format!("\n### {heading}\n")).unwrap();
    rest.split("\n### ").next().unwrap().to_owned()
}

/// The blocks of a language in a text.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let begins = format!("```{language}\n");
    let parts = text.split(&begins).skip(1);
    parts.map(|part| part.split("```").next().unwrap().to_owned()).collect()
}

/// The example of the README: a description of a replica, a specification, a load, and what is printed of them.
fn example() -> [String; 4] {
    let section = section("Before and after, with the queue");
    let one = |language: &str, at: usize| blocks(&section, language).swap_remove(at);
    [one("yaml", 0), one("yaml", 1), one("csv", 0), one("text", 0)]
}

/// Runs a machine over a pool that answers.
fn serve(machine: &str, [service, spec, load]: [&str; 3], more: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), spec, load);
    std::fs::write(folder.path().join("service.yaml"), service).unwrap();
    let mut arguments = vec![
        "replay",
        machine,
        "--spec",
        "spec.yaml",
        "--load",
        "load.csv",
        "--service",
        "service.yaml",
    ];
    arguments.extend(more);
    binary::run_in(folder.path(), &arguments, &[])
}

fn served(machine: &str, files: [&str; 3], more: &[&str]) -> Value {
    let more: Vec<&str> = more.iter().copied().chain(["--format", "json"]).collect();
    serde_json::from_str(&serve(machine, files, &more).printed()).unwrap()
}

#[test]
fn the_queue_before_and_after_is_what_the_readme_shows() {
    let [service, spec, load, shown] = example();
    let printed = serve("hpa", [&service, &spec, &load], &["--replicas", "4", "--hourly", "4"]).printed();
    assert!(
        printed.ends_with(&format!("\n\n{shown}")),
        "the README shows\n{shown}\nand it prints\n{printed}"
    );
    for told in [
        "Before    4 replicas, always\n",
        "After     HorizontalPodAutoscaler llama, 1 to 6 replicas, by\n",
    ] {
        assert!(printed.contains(told), "no `{told}` in:\n{printed}");
    }
    // Nobody tells what runs today: nothing is compared.
    let alone = serve("hpa", [&service, &spec, &load], &[]).printed();
    assert!(alone.contains("After     ") && !alone.contains("efore"), "{alone}");
    // Another draw of requests is another day, and nearly the same figures.
    let of = |seed: &str| {
        served(
            "hpa",
            [&service, &spec, &load],
            &["--replicas", "4", "--hourly", "4", "--seed", seed],
        )
    };
    let (one, other) = (of("1"), of("2"));
    assert_ne!(one["after"], other["after"]);
    let median = |answer: &Value| answer["before"]["request_seconds"]["p50"].as_f64().unwrap();
    assert!((median(&one) / median(&other) - 1.0).abs() < 0.05);
    let documented = section("Before and after, with the queue");
    for side in ["before", "after"] {
        for key in one[side]
            .as_object()
            .unwrap()
            .keys()
            .chain(one.as_object().unwrap().keys())
        {
            assert!(
                documented.contains(&format!("`{key}`")),
                "the README does not tell of `{key}`"
            );
        }
    }
    assert_eq!(one["before"]["cost"].as_f64(), Some(128.0));
    assert_eq!(one["after"]["objective"][1]["kept"], Value::Bool(false));
}

#[test]
fn what_decides_the_same_makes_no_difference() {
    let [service, spec, load, _] = example();
    let object = KEDA.replace("cooldownPeriod: 60", "minReplicaCount: 2\n  maxReplicaCount: 5");
    let same = served("keda", [&service, &object, &load], &["--before", "spec.yaml"]);
    assert_eq!(same["before"], same["after"]);
    let bound = spec
        .replace("minReplicas: 1", "minReplicas: 4")
        .replace("maxReplicas: 6", "maxReplicas: 4");
    let mut bound = served("hpa", [&service, &bound, &load], &["--replicas", "4"]);
    for side in ["before", "after"] {
        let side = bound[side].as_object_mut().unwrap();
        assert!(side.remove("policy").is_some() && side.remove("syncs").is_some());
    }
    assert_eq!(bound["before"], bound["after"]);
    assert_eq!(bound["before"]["replica_hours"].as_f64(), Some(32.0));
}

#[test]
fn a_queue_that_cannot_be_simulated_is_refused_with_what_to_do() {
    let [service, spec, load, _] = example();
    let cpu = spec
        .replace("type: Pods", "type: Resource")
        .replace("pods:", "resource:");
    let cpu = cpu.replace("metric: {name: \"vllm:num_requests_running\"}", "name: cpu");
    let gpu = KEDA.replace("vllm:num_requests_waiting", "DCGM_FI_DEV_GPU_UTIL");
    serve("hpa", [&service, &cpu, &load], &["--replicas", "4"]).fails(
        binary::USAGE,
        &[
            "spec.yaml: spec.metrics[0]: how much cpu pods use does not follow from their requests",
            "leave --service out",
        ],
    );
    serve("keda", [&service, &gpu, &load], &["--replicas", "4"]).fails(
        binary::USAGE,
        &[
            "spec.yaml: spec.triggers[0]: its query cannot be answered",
            "`DCGM_FI_DEV_GPU_UTIL`; say in the service file",
        ],
    );
    let stray = format!("{service}metrics: {{queue: waiting}}\n");
    serve("hpa", [&stray, &spec, &load], &["--replicas", "4"]).fails(
        binary::USAGE,
        &["service.yaml: metrics.queue: no metric of the specification is called so"],
    );
    serve("hpa", ["a: [1\n", &spec, &load], &["--replicas", "4"])
        .fails(binary::USAGE, &["service.yaml: line 1, column 4: unclosed bracket '['"]);
    // Of both files all at once.
    let bad = service
        .replace("max_num_seqs: 32", "max_num_seqs: 0")
        .replace("prompt_tokens: 900", "promt_tokens: 900");
    let huge = spec.replace("maxReplicas: 6", "maxReplicas: 5000");
    serve("hpa", [&bad, &huge, &load], &["--replicas", "4"]).fails(
        binary::USAGE,
        &[
            "service.yaml: promt_tokens: unknown field",
            "service.yaml: max_num_seqs: Invalid value: 0: must be a whole number from 1 to 100000",
            "spec.yaml: 5000 replicas are more than the 1000 that are simulated",
        ],
    );
    let holes = load
        .replace("2026-11-26T09:00:00Z,12\n", "")
        .replace("T10:00:00Z,9", "T10:00:00Z,");
    serve("hpa", [&service, &spec, &holes], &["--replicas", "4"]).fails(
        binary::USAGE,
        &[
            "load.csv: line 5, column `requests_per_second`: how many came is not known",
            "load.csv: line 5: nothing is given for the 7200 seconds before it",
        ],
    );
    serve("hpa", [&service, &spec, LOAD], &["--replicas", "4"]).fails(
        binary::USAGE,
        &["load.csv: line 1: there is no column `requests_per_second` or `requests`"],
    );
}
