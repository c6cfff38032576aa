//! A Kubernetes API that is down when a plan is made again: the cluster keeps its name, no workload is said to be lost, and
//! which cluster of several it is stays open rather than guessed.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::binary::{self, Ran, SOURCE, USAGE};
use crate::generator::HOUR;
use crate::past::{TURN, cluster, store};
use crate::servers::{kubeconfig, prometheus_is_installed};

/// A kubeconfig whose context is called `world`, and whose server nobody runs.
fn away(folder: &Path) -> PathBuf {
    let nobody = json!({"server": "http://127.0.0.1:1"});
    kubeconfig(&folder.join("away"), &nobody, &json!({}))
}

fn run(command: &str, until: i64, prometheus: &str, config: &Path, more: &[&str]) -> Ran {
    let until = jiff::Timestamp::from_second(until).unwrap().to_string();
    let window = [
        command, "--format", "json", "--step", "60", "--window", "73h", "--until", &until,
    ];
    let sources = ["--prometheus", prometheus, "--kubeconfig", config.to_str().unwrap()];
    binary::run_with(&[&window, &sources[..], more].concat(), &[])
}

#[tokio::test]
async fn a_plan_without_kubernetes_follows_one_with_it() {
    if !prometheus_is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (_running, url) = store(&[""], TURN, folder.path()).await;
    let earlier = folder.path().join("earlier.json");
    let earlier = earlier.to_str().unwrap();
    let ran = run(
        "analyze",
        TURN - HOUR,
        &url,
        &cluster(TURN, folder.path()),
        &["--output", earlier],
    );
    ran.tells(0, &[]);
    let ran = run("analyze", TURN, &url, &away(folder.path()), &["--previous", earlier]);
    ran.tells(0, &["going on without it"]);
    let plan: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(plan["coverage"]["clusters"], json!(["world"]));
    let followed = plan["since"]["changes"].as_array().unwrap();
    assert!(!followed.is_empty(), "nothing was planned before");
    for change in followed {
        assert_eq!(change["outcome"], "unknown", "{change:#}");
        assert!(change["because"].is_string(), "{change:#}");
    }
    let ran = run("doctor", TURN, &url, &away(folder.path()), &[]);
    let checkup: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &checkup["cluster"]), (SOURCE, &json!("world")));
    assert!(
        !ran.stdout.contains("--no-kubernetes)"),
        "nobody chose to do without: {}",
        ran.stdout
    );
}

#[tokio::test]
async fn of_several_clusters_the_context_names_ours_or_the_outage_is_the_error() {
    if !prometheus_is_installed() {
        return;
    }
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let away = away(folders[0].path());
    let (_first, named) = store(&["world", "b"], TURN, folders[0].path()).await;
    let ran = run("analyze", TURN, &named, &away, &[]);
    ran.tells(0, &["going on without it", r#"cluster="world" was taken"#]);
    let (_second, others) = store(&["a", "b"], TURN, folders[1].path()).await;
    let ran = run("analyze", TURN, &others, &away, &[]);
    // Not a mistake of who called: once the API is back, its nodes tell.
    ran.fails(
        SOURCE,
        &[
            "http://127.0.0.1:1",
            r#"cluster="a", cluster="b""#,
            "--prometheus-matcher",
        ],
    );
    let chosen = ["--prometheus-matcher", r#"cluster="b""#];
    run("analyze", TURN, &others, &away, &chosen).tells(0, &["going on without it"]);
}

/// Nobody told labels: a selector would hold nothing, or with `!=` everything, and either would look like an answer.
#[tokio::test]
async fn labels_that_nobody_told_are_not_selected_by() {
    if !prometheus_is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (_running, url) = store(&[""], TURN, folder.path()).await;
    let away = away(folder.path());
    let recording = folder.path().join("recording");
    let recording = recording.to_str().unwrap();
    let until = jiff::Timestamp::from_second(TURN).unwrap().to_string();
    let record = [
        "record",
        "--no-kubernetes",
        "--prometheus",
        &url,
        "--window",
        "73h",
        "--until",
        &until,
        "--output",
        recording,
    ];
    binary::run(&record).tells(0, &[]);
    for selector in ["team=chat", "team!=chat"] {
        // Down, it is the source that fails; chosen to do without, it is the question.
        let ran = run("analyze", TURN, &url, &away, &["--selector", selector]);
        ran.fails(SOURCE, &["--selector", "http://127.0.0.1:1"]);
        let ran = binary::run(&["analyze", "--recording", recording, "--selector", selector]);
        ran.fails(USAGE, &["--selector", "--no-kubernetes", "--namespace"]);
        let ran = run("doctor", TURN, &url, &away, &["--selector", selector]);
        ran.tells(SOURCE, &[]);
        let checkup: Value = serde_json::from_str(&ran.stdout).unwrap();
        let checks = checkup["checks"].as_array().unwrap();
        let about = |what: &str| checks.iter().find(|check| check["what"] == what);
        let hole = about("which workloads --selector asks for").unwrap();
        assert_eq!(hole["seen"], "all are looked at");
        let looked_at = about("pod to its GPUs' metrics").unwrap();
        assert!(
            looked_at["seen"].as_str().unwrap().starts_with("1 of 1 "),
            "{looked_at:#}"
        );
    }
    binary::run(&["doctor", "--recording", recording, "--selector", "team"]).tells(0, &[]);
}
