//! `gpuwise replay spot`: what it prints, what it refuses, and real traces where they are at hand.

use std::path::Path;

use serde_json::Value;

use super::beside;
use crate::binary::{self, Ran};

/// A job of so many hours, by this trace, at the prices of the paper.
fn spot(trace: &Path, job: [&str; 3], more: &[&str]) -> Ran {
    let [task, deadline, restart] = job;
    let own = [
        "replay",
        "spot",
        "--availability",
        trace.to_str().unwrap(),
        "--task-hours",
        task,
        "--deadline-hours",
        deadline,
        "--restart-hours",
        restart,
        "--on-demand",
        "3.06",
        "--spot",
        "0.9731",
    ];
    binary::run(&[&own[..], more].concat())
}

fn json_of(ran: Ran) -> Value {
    serde_json::from_str(&ran.printed()).unwrap()
}

fn strategy<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let mut all = answer["strategies"].as_array().unwrap().iter();
    all.find(|one| one["strategy"] == name).unwrap()
}

/// Spot capacity for a day, none for a day, and so on.
fn every_other_day(folder: &Path) -> std::path::PathBuf {
    let file = folder.join("trace.csv");
    let lines = (0..=20).map(|day| format!("{},{}\n", day * 86_400, (day + 1) % 2));
    std::fs::write(&file, format!("time,available\n{}", lines.collect::<String>())).unwrap();
    file
}

#[test]
fn a_strategy_that_missed_deadlines_is_called_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = every_other_day(folder.path());
    let job = ["30", "36", "0.2"];
    let printed = spot(&file, job, &[]).printed();
    assert!(printed.contains("spot-only missed "), "{printed}");
    assert!(
        printed.contains(" deadlines: never under a hard deadline."),
        "{printed}"
    );
    assert!(printed.contains("Assumed: on-demand capacity is there"), "{printed}");
    let answer = json_of(spot(&file, job, &["--format", "json"]));
    let greedy = strategy(&answer, "greedy");
    assert_eq!(
        (&greedy["misses"], &greedy["misses_at_most"]),
        (&Value::from(0), &Value::Null)
    );
    let only = strategy(&answer, "spot-only");
    assert!(only["misses"].as_u64().unwrap() > 0 && only["misses_at_most"].as_f64().unwrap() > 0.1);
    // Runs that the trace's end cut off leave their cost unknown, and it is null.
    assert_eq!(
        (only["unfinished"].as_u64().unwrap() > 0, only["cost"].is_null()),
        (true, true)
    );
    let cost = |name: &str| strategy(&answer, name)["cost"]["mean"].as_f64().unwrap();
    assert!((cost("on-demand") - 30.0 * 3.06).abs() < 1e-9);
    assert!(cost("uniform-progress") < cost("on-demand") && cost("greedy") < cost("on-demand"));
    let starts = strategy(&answer, "greedy")["runs"].as_array().unwrap();
    assert!(starts.len() > 1_000 && starts.iter().all(|run| run["missed"] == false));
}

#[test]
fn the_same_question_gets_the_same_answer() {
    let folder = tempfile::tempdir().unwrap();
    let file = every_other_day(folder.path());
    let ask = |seed| {
        spot(
            &file,
            ["10", "20", "0.1"],
            &["--sample", "50", "--seed", seed, "--format", "json"],
        )
        .printed()
    };
    assert_eq!(ask("7"), ask("7"));
    assert_ne!(ask("7"), ask("8"));
}

#[test]
fn a_price_over_time_is_paid_when_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace.csv");
    std::fs::write(&file, "time,available\n0,1\n360000,1\n").unwrap();
    let prices = folder.path().join("prices.csv");
    std::fs::write(&prices, "time,price\n0,1\n18000,3\n").unwrap();
    let mut command = vec![
        "replay",
        "spot",
        "--availability",
        file.to_str().unwrap(),
        "--on-demand",
        "4",
    ];
    command.extend([
        "--price-series",
        prices.to_str().unwrap(),
        "--task-hours",
        "10",
        "--deadline-hours",
        "12",
    ]);
    command.extend([
        "--strategy",
        "spot-only",
        "--start-every-minutes",
        "600",
        "--format",
        "json",
    ]);
    let answer = json_of(binary::run(&command));
    let runs = strategy(&answer, "spot-only")["runs"].as_array().unwrap();
    let costs: Vec<f64> = runs.iter().map(|run| run["cost"].as_f64().unwrap()).collect();
    assert_eq!(costs[..2], [5.0 + 15.0, 30.0]);
    std::fs::write(&prices, "2026-01-01,1\n").unwrap();
    assert!(
        binary::run(&command)
            .stderr
            .contains("prices.csv: line 1: the trace tells no time of day")
    );
}

#[test]
fn a_rate_has_both_its_bounds_and_a_published_share_is_one_of_them() {
    let ask = |more: &[&str]| {
        let own = [
            "replay",
            "spot",
            "--task-hours",
            "48",
            "--on-demand",
            "3.06",
            "--spot",
            "0.9731",
        ];
        binary::run(&[&own[..], more].concat())
    };
    let printed = ask(&["--interruptions", "0", "--node-hours", "100", "--restart-hours", "0.5"]).printed();
    assert!(
        printed.contains("Counted    0 in 100 node-hours: 0 an hour, between 0 and 0.03"),
        "{printed}"
    );
    assert!(printed.contains("none seen is not never"), "{printed}");
    let printed = ask(&[
        "--mtbf-hours",
        "5",
        "--checkpoint-seconds",
        "60",
        "--restart-hours",
        "0.1666667",
    ])
    .printed();
    // 0.2 an hour, a minute of writing, ten minutes of restart: 11.5 %.
    assert!(
        printed.contains("5 h between interruptions") && printed.contains("12% wasted"),
        "{printed}"
    );
    let printed = ask(&["--mtbf-hours", "5", "--monthly-interrupted", "0.05"]).printed();
    assert!(printed.contains("7.0e-5 an hour, a LOWER bound"), "{printed}");
    ask(&["--monthly-interrupted", "0.05"]).fails(binary::USAGE, &["is a lower bound, and never stands alone"]);
    ask(&["--mtbf-hours", "0"]).fails(binary::USAGE, &["--mtbf-hours must be above zero"]);
    ask(&["--interruptions", "1", "--node-hours", "0"]).fails(binary::USAGE, &["--node-hours must be above zero"]);
    ask(&["--mtbf-hours", "5", "--monthly-interrupted", "1"]).fails(binary::USAGE, &["must be a share"]);
}

#[test]
fn a_pool_of_replicas_is_served_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = every_other_day(folder.path());
    let ask = |more: &[&str]| {
        let own = ["replay", "spot", "--availability", file.to_str().unwrap()];
        let pool = [
            "--replicas",
            "2",
            "--on-demand-base",
            "1",
            "--on-demand",
            "3",
            "--spot",
            "1",
            "--format",
            "json",
        ];
        json_of(binary::run(&[&own[..], &pool, more].concat()))
    };
    let without = ask(&["--no-fallback"]);
    assert_eq!(
        (&without["share_served"], &without["interruptions"]),
        (&Value::from(0.75), &Value::from(10))
    );
    let with = ask(&["--cold-start-seconds", "360"]);
    // Ten times six minutes until the one that stands in serves.
    assert!((with["shortfall_hours"].as_f64().unwrap() - 1.0).abs() < 1e-9, "{with}");
}

#[test]
fn what_cannot_be_replayed_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.csv");
    std::fs::write(&file, "0,add,a\n60000,remove,b\n").unwrap();
    spot(&file, ["1", "2", "0"], &[]).fails(binary::USAGE, &["t.csv: line 2: b was never added"]);
    std::fs::write(&file, "0,add,a\n7200000,remove,a\n").unwrap();
    spot(&file, ["1", "3", "0"], &[]).fails(
        binary::USAGE,
        &["no span of 3 hours, the deadline, was watched without a gap: the trace has 2.0 hours in all"],
    );
    spot(&file, ["0", "1", "0"], &[]).fails(binary::USAGE, &["the work must be above zero"]);
    spot(&file, ["1", "1", "NaN"], &[]).fails(binary::USAGE, &["--restart-hours"]);
    spot(&file, ["1", "1", "0"], &["--strategy", "hope"]).fails(binary::USAGE, &["`hope` is none of on-demand"]);
    spot(Path::new("/nowhere.csv"), ["1", "1", "0"], &[]).fails(binary::USAGE, &["/nowhere.csv"]);
}

/// Traces of Bamboo (NSDI 2023): nodes that were taken, and hours; the share of the most nodes that were there on average.
#[test]
fn real_traces_are_read_as_they_were_recorded() {
    let Some(folder) = beside("GPUWISE_BAMBOO", "../shared/data/bamboo-spot") else {
        return;
    };
    let recorded = [
        ("p3-trace.csv", 167, 40_920.0, 0.0),
        ("g4dn-trace.csv", 74, 38_280.0, 0.0),
        ("v100x1-east1c.txt", 518, 87_013.0, 15.0),
        ("a100x1-east1b.txt", 154, 97_266.0, 0.0),
    ];
    for (name, taken, seconds, back) in recorded {
        let answer = json_of(spot(
            &folder.join(name),
            ["3", "4", "0.1"],
            &["--gang", "8", "--format", "json"],
        ));
        let trace = &answer["trace"];
        let hours = trace["watched_hours"].as_f64().unwrap() + trace["unknown_hours"].as_f64().unwrap();
        let told = (
            trace["taken"].as_u64().unwrap(),
            (hours * 3_600.0).round(),
            trace["lines_that_go_back"].as_f64().unwrap(),
        );
        assert_eq!(told, (taken, seconds, back), "{name}");
        for safe in ["greedy", "uniform-progress", "on-demand"] {
            assert_eq!(strategy(&answer, safe)["misses"], 0, "{name}: {safe}");
        }
    }
}
