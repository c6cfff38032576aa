//! A whole world whose labels change in mid-window, or that is half read: the plan is the one that would have been, or a
//! smaller one.

use std::io::Write;
use std::process::Command;
use std::sync::LazyLock;

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::model::cluster::{Inventory, Labels};
use gpuwise::model::gap::{Gap, KUBERNETES_DOWN};
use gpuwise::model::plan::{Plan, Row, Unknown};
use gpuwise::model::progress::Silent;
use gpuwise::model::reading::{Reading, Series};
use gpuwise::model::usage::{Column, Signal};
use gpuwise::pipeline;
use gpuwise::sources::recording;
use serde_json::{Value, json};

use crate::generator::{END, HOUR, Size, World};
use crate::servers::{prometheus_is_installed, prometheus_over};
use crate::{binary, servers};

static WHOLE: LazyLock<(Reading, Plan)> = LazyLock::new(|| {
    let reading = World::generate(4, Size::Small, 3).to_reading(900);
    let plan = plan(&reading);
    (reading, plan)
});

fn plan(reading: &Reading) -> Plan {
    let judge = Judge::new(&[], Catalog::shipped().unwrap()).unwrap();
    pipeline::analyze(reading, &judge, &Scope::default(), &Silent).unwrap()
}

/// The part of a column up to a point, and that behind it.
fn parted(column: &Column, at: usize) -> [Column; 2] {
    let mut parts = [Column::gaps(column.len()), Column::gaps(column.len())];
    for (index, value) in column.samples() {
        parts[usize::from(index >= at)].set(index, value);
    }
    parts
}

/// What becomes of a series' labels.
type Change = fn(&mut Labels);

/// GPU series that go on under changed labels from the middle of the window.
fn relabelled(change: Change) -> Reading {
    let mut reading = WHOLE.0.clone();
    let middle = reading.grid.points() / 2;
    let mut later = Vec::new();
    for series in reading.series.iter_mut().filter(|series| series.signal.is_gpu()) {
        let [before, after] = parted(&series.column, middle);
        series.column = before;
        let mut labels = series.labels.clone();
        change(&mut labels);
        later.push(Series {
            signal: series.signal,
            labels,
            column: after,
        });
    }
    reading.series.extend(later);
    reading.series.retain(|series| series.column.count() > 0);
    reading.settle();
    reading
}

fn rename(labels: &mut Labels, from: &str, to: &str) {
    if let Some(value) = labels.remove(from) {
        labels.insert(to.to_owned(), value);
    }
}

fn change(labels: &mut Labels, name: &str, change: impl Fn(&str) -> String) {
    if let Some(value) = labels.get_mut(name) {
        *value = change(value);
    }
}

#[test]
fn an_exporter_that_is_upgraded_in_mid_window_changes_no_plan() {
    let changes: [(&str, Change); 5] = [
        ("Hostname became hostname", |labels| {
            rename(labels, "Hostname", "hostname")
        }),
        ("hostname became Hostname", |labels| {
            rename(labels, "hostname", "Hostname")
        }),
        ("models' names gained dashes", |labels| {
            change(labels, "modelName", |model| model.replace(' ', "-"));
        }),
        ("the exporter names its own pod for its host", |labels| {
            for name in ["Hostname", "hostname"] {
                change(labels, name, |node| format!("dcgm-exporter-{:x}", node.len() * 7919));
            }
        }),
        ("the exporter's pod was replaced", |labels| {
            if labels.contains_key("exported_pod") {
                change(labels, "pod", |pod| format!("{pod}-new"));
            }
        }),
    ];
    let whole = serde_json::to_string_pretty(&WHOLE.1).unwrap();
    let mut changed = 0;
    for (what, change) in changes {
        let reading = relabelled(change);
        changed += usize::from(reading.series.len() > WHOLE.0.series.len());
        let plan = serde_json::to_string_pretty(&plan(&reading)).unwrap();
        let differ = whole.lines().zip(plan.lines()).find(|(one, other)| one != other);
        assert!(plan == whole, "{what}: {differ:?}");
    }
    assert!(changed >= 4, "the world has {changed} of the labels that change");
}

#[test]
fn what_is_not_read_adds_no_proposal() {
    let whole = &WHOLE.1;
    assert!(!whole.accepted.is_empty());
    let known = |row: &Row| {
        let rows = whole.accepted.iter().chain(&whole.held_back);
        rows.into_iter()
            .any(|other| other.subject == row.subject && other.moves == row.moves)
    };
    // The Kubernetes API is down: what kube-state-metrics and OpenCost tell is still there, and would be enough for changes
    // of objects that others own.
    let mut reading = WHOLE.0.clone();
    let down = Gap::new(
        KUBERNETES_DOWN,
        "nodes, owners and what runs in pods",
        "503",
        "bring it back",
    );
    reading.gaps.push(down.clone());
    let told = std::mem::take(&mut reading.inventory);
    reading.inventory = Inventory {
        pod_history: told.pod_history.clone(),
        owner_history: told.owner_history.clone(),
        node_costs: told.node_costs.clone(),
        other_costs: told.other_costs.clone(),
        ..Inventory::default()
    };
    let without_kubernetes = plan(&reading);
    let told_why = |row: &Unknown| row.reason == down.code && row.fix == down.fix;
    assert!(
        without_kubernetes.unknown.iter().any(told_why),
        "{:?}",
        without_kubernetes.unknown
    );
    assert!(without_kubernetes.accepted.is_empty() && without_kubernetes.held_back.is_empty());
    assert!(without_kubernetes.spend.is_some());
    // The cost source is down.
    reading.gaps.clear();
    reading.inventory = Inventory {
        node_costs: Vec::new(),
        other_costs: Vec::new(),
        ..told
    };
    let without_costs = plan(&reading);
    for (what, plan) in [("Kubernetes", without_kubernetes), ("costs", without_costs)] {
        assert!(!plan.workloads.is_empty(), "without {what}");
        for row in plan.accepted.iter().chain(&plan.held_back) {
            assert!(known(row), "only without {what}: {} ({})", row.title, row.subject.id);
        }
    }
}

/// A server that starts again counts from zero; one that is scraped twice counts once.
#[tokio::test]
async fn a_counter_that_starts_again_is_no_negative_rate() {
    if !prometheus_is_installed() {
        return;
    }
    // A token a second, since before the window, and a restart every half hour.
    let (start, scrape) = (END - 3 * HOUR, 15);
    let folder = tempfile::tempdir().unwrap();
    let (_running, url) = prometheus_over(folder.path(), |out| {
        writeln!(out, "# TYPE vllm:generation_tokens counter")?;
        for replica in ["a", "b"] {
            for second in (start..=END).step_by(scrape) {
                let labels = format!(r#"namespace="ml",pod="chat-0",prometheus_replica="{replica}""#);
                let counted = (second - start) % 1800;
                writeln!(out, "vllm:generation_tokens_total{{{labels}}} {counted} {second}")?;
            }
        }
        writeln!(out, "# EOF")
    })
    .await;
    let output = folder.path().join("recording");
    let until = jiff::Timestamp::from_second(END).unwrap().to_string();
    let run = Command::new(env!("CARGO_BIN_EXE_gpuwise"))
        .args([
            "record",
            "--no-kubernetes",
            "--step",
            "60",
            "--window",
            "2h",
            "--until",
            &until,
        ])
        .args(["--prometheus", &url, "--output", output.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let read = recording::read(&output).unwrap();
    let tokens: Vec<&Series> = read
        .series
        .iter()
        .filter(|one| one.signal == Signal::TokensGenerated)
        .collect();
    assert_eq!(tokens.len(), 1, "{:?}", read.series);
    let rates: Vec<f64> = tokens[0].column.samples().map(|(_, rate)| rate).collect();
    assert!(rates.len() >= 115, "{} points", rates.len());
    // Around a restart, what was counted between the last scrape and it is lost, and nothing is made up.
    assert!(rates.iter().all(|rate| (0.8..=1.01).contains(rate)), "{rates:?}");
}

/// A Prometheus that is down is one source of three: what there is and what it costs is told, nothing is proposed, and nobody is
/// told to install what is there.
#[test]
fn without_prometheus_the_rest_is_told_and_nothing_is_proposed() {
    let world = World::generate(4, Size::Small, 3);
    let folder = tempfile::tempdir().unwrap();
    let api = json!({"server": servers::kubernetes(&world)});
    let config = servers::kubeconfig(&folder.path().join("kubeconfig"), &api, &json!({}));
    let costs = servers::opencost(World::generate(4, Size::Small, 3));
    let until = jiff::Timestamp::from_second(END).unwrap().to_string();
    let fixed = [
        "--prometheus",
        "http://127.0.0.1:1",
        "--costs",
        &costs,
        "--until",
        &until,
        "--window",
        "24h",
    ];
    let config = ["--kubeconfig", config.to_str().unwrap()];
    let run = |more: &[&str]| binary::run(&[more, &fixed[..], &config].concat());
    let ran = run(&["analyze", "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("going on without it"), "{}", ran.stderr);
    let plan: Value = serde_json::from_str(&ran.stdout).unwrap();
    let gaps = plan["coverage"]["gaps"].as_array().unwrap();
    let down = gaps
        .iter()
        .find(|gap| gap["fix"] == "bring Prometheus back, and run again")
        .unwrap();
    assert!(down["why"].as_str().unwrap().contains("http://127.0.0.1:1"), "{down}");
    assert!(plan["spend"]["monthly"].as_f64().unwrap() > 1000.0);
    let priced = plan["workloads"].as_array().unwrap().iter();
    let sources: Vec<&Value> = priced.map(|row| &row["price"]["source"]).collect();
    assert!(
        !sources.is_empty() && sources.iter().all(|source| source.to_string().contains("OpenCost")),
        "{sources:?}"
    );
    assert_eq!((&plan["accepted"], &plan["held_back"]), (&json!([]), &json!([])));
    let unknown = plan["unknown"].as_array().unwrap();
    assert!(!unknown.is_empty());
    for one in unknown {
        assert_eq!(one["fix"], "bring Prometheus back, and run again", "{one}");
    }
    assert_eq!(run(&["analyze", "--strict"]).code, 3);
    // What is kept should be whole.
    let kept = folder.path().join("recording");
    assert_eq!(run(&["record", "--output", kept.to_str().unwrap()]).code, 4);
    // A server that answers, and wrongly, is no outage, and where nothing else is read, there is no rest.
    let alone = ["analyze", "--no-kubernetes", "--prometheus", "http://127.0.0.1:1"];
    assert_eq!(binary::run(&alone).code, 4);
}
