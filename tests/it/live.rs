//! A live run end to end: a world's samples in a real Prometheus, its objects in a fake of the Kubernetes API and in a real
//! one, its costs in a fake of OpenCost, all on loopback. The plan of a live run, that of its recording and that of the
//! other API must be the same, byte for byte.

use std::path::{Path, PathBuf};

use gpuwise::sources::prometheus::select::held_by;
use gpuwise::sources::recording;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};

use crate::apiserver::{self, ApiServer};
use crate::binary;
use crate::deploy;
use crate::generator::{END, HOUR, Size, World};
use crate::servers::{self, Running, kubeconfig, prometheus_is_installed};

/// Enough for a peak to be believed.
const WINDOW_HOURS: i64 = 24;

/// More pods than a page of a list holds.
const BYSTANDERS: usize = 600;

/// A world whose samples and costs are served.
struct Stage {
    world: World,
    prometheus: String,
    costs: String,
    _running: Running,
    folder: tempfile::TempDir,
}

impl Stage {
    async fn set() -> Self {
        let world = World::generate(4, Size::Small, 2);
        let folder = tempfile::tempdir().unwrap();
        let span = (END - WINDOW_HOURS * HOUR - 600, END);
        let (running, prometheus) = servers::prometheus(&world, span, folder.path()).await;
        Self {
            world,
            prometheus,
            costs: servers::opencost(World::generate(4, Size::Small, 2)),
            _running: running,
            folder,
        }
    }

    /// A kubeconfig for a fake API server.
    fn fake(&self) -> std::path::PathBuf {
        let server = json!({"server": servers::kubernetes(&self.world)});
        kubeconfig(&self.folder.path().join("kubeconfig"), &server, &json!({}))
    }

    /// Runs a command against the servers and answers with what it printed.
    fn gpuwise(&self, command: &[&str], kubeconfig: &Path) -> String {
        self.told(command, kubeconfig).0
    }

    /// What was printed, and how many requests `--stats` counts.
    fn counted(&self, command: &[&str], kubeconfig: &Path) -> (String, u64) {
        let (plan, told) = self.told(&[command, &["--stats"]].concat(), kubeconfig);
        let count = told
            .split(" requests")
            .next()
            .and_then(|text| text.rsplit(' ').next()?.parse().ok());
        (plan, count.unwrap_or_else(|| panic!("no requests in `{told}`")))
    }

    fn told(&self, command: &[&str], kubeconfig: &Path) -> (String, String) {
        let until = jiff::Timestamp::from_second(END).unwrap().to_string();
        let window = format!("{WINDOW_HOURS}h");
        let sources = [
            ["--prometheus", &self.prometheus],
            ["--costs", &self.costs],
            ["--kubeconfig", kubeconfig.to_str().unwrap()],
            ["--until", &until],
            ["--window", &window],
        ];
        told(&[command, sources.as_flattened()].concat())
    }

    fn live_plan(&self, kubeconfig: &Path) -> String {
        self.gpuwise(&["analyze", "--format", "json"], kubeconfig)
    }

    /// The plan of a recording, and the inventory in it: what Kubernetes and OpenCost told.
    fn recorded(&self, kubeconfig: &Path) -> (String, String) {
        let folder = tempfile::tempdir_in(&self.folder).unwrap();
        let recording = self.record(folder.path(), &[], kubeconfig);
        let plan = judged(&recording, &[]);
        (plan, std::fs::read_to_string(recording.join("inventory.json")).unwrap())
    }

    fn record(&self, folder: &Path, more: &[&str], kubeconfig: &Path) -> PathBuf {
        let recording = folder.join("recording");
        let command = ["record", "--output", recording.to_str().unwrap()];
        self.gpuwise(&[&command, more].concat(), kubeconfig);
        recording
    }
}

/// The plan of a recording.
fn judged(recording: &Path, more: &[&str]) -> String {
    let command = [
        "analyze",
        "--format",
        "json",
        "--recording",
        recording.to_str().unwrap(),
    ];
    gpuwise(&[&command, more].concat())
}

/// Runs the binary and answers with what it printed.
fn gpuwise(arguments: &[&str]) -> String {
    told(arguments).0
}

/// The same with what it said on stderr.
fn told(arguments: &[&str]) -> (String, String) {
    let ran = binary::run(arguments);
    ran.tells(0, &[]);
    (ran.stdout, ran.stderr)
}

#[tokio::test]
async fn a_live_run_and_its_recording_give_the_same_plan() {
    if !prometheus_is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let costs = stage.costs.clone();
    let config = stage.fake();
    let (live, requests) = stage.counted(&["analyze", "--format", "json"], &config);
    let (recorded, _) = stage.recorded(&config);
    same("the live plan", &live, "that of its recording", &recorded);
    let queries = ["analyze", "--format", "json", "--no-remote-read"];
    let (by_queries, asked) = stage.counted(&queries, &config);
    same(
        "the plan from raw samples",
        &live,
        "that from range queries",
        &by_queries,
    );
    assert!(requests != asked, "remote read was not used");
    let without = Stage {
        costs: "http://127.0.0.1:1".to_owned(),
        ..stage
    };
    // A cost source that is down is a gap, with a plan from the rest.
    let plan: Value = serde_json::from_str(&without.live_plan(&config)).unwrap();
    let gaps = plan["coverage"]["gaps"].as_array().unwrap();
    let down = gaps
        .iter()
        .find(|gap| gap["what"] == "what this cluster really pays")
        .unwrap();
    assert!(down["why"].as_str().unwrap().contains("cannot be reached"), "{down}");
    assert_eq!(plan["spend"]["price_basis"], "list");
    let stage = Stage { costs, ..without };
    // So is a Kubernetes API that is down; nothing is proposed that it could have overturned.
    let away = kubeconfig(
        &stage.folder.path().join("away"),
        &json!({"server": "http://127.0.0.1:1"}),
        &json!({}),
    );
    let plan: Value = serde_json::from_str(&stage.live_plan(&away)).unwrap();
    let gaps = plan["coverage"]["gaps"].as_array().unwrap();
    let down = gaps
        .iter()
        .find(|gap| gap["why"].as_str().unwrap().contains("http://127.0.0.1:1"));
    assert!(
        down.unwrap()["fix"].as_str().unwrap().contains("run again"),
        "{gaps:#?}"
    );
    assert!(!plan["workloads"].as_array().unwrap().is_empty() && !plan["unknown"].as_array().unwrap().is_empty());
    assert_eq!((&plan["accepted"], &plan["held_back"]), (&json!([]), &json!([])));
    // Every workload by itself, as a cluster is read that does not fit in memory.
    let parts = ["analyze", "--format", "json", "--samples-at-once", "1"];
    let (parts, more) = stage.counted(&parts, &config);
    assert!(
        requests < 100 && more > 2 * requests,
        "{requests} requests, {more} in parts"
    );
    same("the plan made part by part", &parts, "that of the recording", &recorded);
    recorded_in_parts(&stage, &config, &live);
    check(&serde_json::from_str(&live).unwrap(), &stage.world);
}

/// Written and judged workload by workload, a recording holds what one that was made as a whole does.
fn recorded_in_parts(stage: &Stage, config: &Path, live: &str) {
    let folders = [(); 2].map(|()| tempfile::tempdir_in(&stage.folder).unwrap());
    let whole = stage.record(folders[0].path(), &[], config);
    let parts = stage.record(folders[1].path(), &["--samples-at-once", "1"], config);
    let (one, other) = (recording::read(&whole).unwrap(), recording::read(&parts).unwrap());
    let held = |series: &&gpuwise::model::reading::Series| held_by(&series.labels).is_some();
    let idle = one.series.len() - one.series.iter().filter(held).count();
    assert!(idle > 0, "no GPU of this world is idle");
    assert!(one == other, "{} and {} series", one.series.len(), other.series.len());
    for at_once in ["1", "100000000"] {
        let plan = judged(&parts, &["--samples-at-once", at_once]);
        same("the plan of a recording made in parts", &plan, "the live one", live);
    }
}

/// Two replicas of Prometheus under one roof (Thanos, Mimir) say everything twice, seconds apart.
#[tokio::test]
async fn what_two_replicas_say_is_counted_once() {
    if !prometheus_is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let config = stage.fake();
    let one: Value = serde_json::from_str(&stage.live_plan(&config)).unwrap();
    let span = (END - WINDOW_HOURS * HOUR - 600, END);
    let folder = tempfile::tempdir().unwrap();
    let (running, prometheus) = servers::replicated_prometheus(&stage.world, span, folder.path()).await;
    let twice = Stage {
        prometheus,
        _running: running,
        ..stage
    };
    let two: Value = serde_json::from_str(&twice.live_plan(&config)).unwrap();
    check(&two, &twice.world);
    let rows = |plan: &Value| -> Vec<Value> {
        let rows = plan["workloads"].as_array().unwrap().iter();
        rows.map(|row| json!([row["id"], row["runs"], row["verdict"], row["class"]]))
            .collect()
    };
    assert_eq!(rows(&one), rows(&two));
    for (one, two) in one["workloads"]
        .as_array()
        .unwrap()
        .iter()
        .zip(two["workloads"].as_array().unwrap())
    {
        // A life is known to the step at which its history is read.
        let close = |field: &str| {
            let (one, two) = (one[field].as_f64().unwrap(), two[field].as_f64().unwrap());
            (one - two).abs() <= one.abs() * 0.01
        };
        assert!(close("gpus") && close("monthly"), "{one:#}\n{two:#}");
    }
    let changes = |plan: &Value| -> Vec<Value> {
        let rows = plan["accepted"].as_array().unwrap().iter();
        rows.map(|row| json!([row["subject"], row["to"]])).collect()
    };
    assert_eq!(changes(&one), changes(&two));
}

/// With no other rights than `deploy/` grants, and more pods than a page holds.
#[tokio::test]
async fn a_real_api_server_gives_the_plan_that_the_fake_gives() {
    let Some(assets) = apiserver::assets().filter(|_| prometheus_is_installed()) else {
        return;
    };
    let stage = Stage::set().await;
    let mut lists = apiserver::lists(&stage.world);
    let pods = lists.get_mut("/api/v1/pods").unwrap()["items"].as_array_mut().unwrap();
    pods.extend((0..BYSTANDERS).map(|number| bystander(number, &stage.world)));
    let server = ApiServer::start(&assets, &lists).await;
    for object in deploy::objects() {
        server.apply(&object).await.unwrap();
    }
    let pods: Api<Pod> = Api::all(server.admin.clone());
    let first = pods.list(&ListParams::default().limit(500)).await.unwrap();
    assert!(first.metadata.continue_.is_some(), "all pods came at once");
    let config = server.kubeconfig("gpuwise", "gpuwise").await;
    let live = stage.live_plan(&config);
    let plan: Value = serde_json::from_str(&live).unwrap();
    let gaps = &plan["coverage"]["gaps"];
    assert!(
        !gaps.to_string().contains("(403)"),
        "deploy/ grants too little: {gaps:#}"
    );
    let (recorded, inventory) = stage.recorded(&config);
    same("the live plan", &live, "that of its recording", &recorded);
    let (fake_plan, fake_inventory) = stage.recorded(&stage.fake());
    same(
        "what the server told",
        &inventory,
        "what the fake told",
        &fake_inventory,
    );
    same("the server's plan", &live, "the fake's", &fake_plan);
    check(&plan, &stage.world);
}

/// A pod without GPUs that is on every node, whatever its taints. Its namespace sorts before all others, so that GPU pods stand on later pages.
fn bystander(number: usize, world: &World) -> Value {
    let node = &world.nodes[number % world.nodes.len()].name;
    json!({
        "metadata": {
            "namespace": "a-shop", "name": format!("web-{number:03}"), "creationTimestamp": "2026-11-01T00:00:00Z",
            "uid": format!("00000000-0000-4000-8000-{number:012}"),
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "DaemonSet", "name": "web", "controller": true,
                "uid": "00000000-0000-4000-8000-000000009999",
            }],
        },
        "spec": {"nodeName": node, "tolerations": [{"operator": "Exists"}], "containers": [{
            "name": "web", "image": "registry.example/web:1", "resources": {"requests": {"cpu": "100m"}},
        }]},
        "status": {"phase": "Running", "startTime": "2026-11-01T00:00:00Z"},
    })
}

/// Fails with the first lines that differ.
fn same(one: &str, text: &str, other: &str, other_text: &str) {
    let pairs = text
        .lines()
        .zip(other_text.lines())
        .filter(|(line, other)| line != other);
    let first: Vec<String> = pairs.take(5).map(|(line, other)| format!("{line}\n{other}")).collect();
    assert!(text == other_text, "{one} and {other} differ:\n{}", first.join("\n"));
}

/// The plan speaks of the world: every workload that runs at the end, every GPU, measured and priced.
fn check(plan: &Value, world: &World) {
    let names: Vec<&str> = plan["workloads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    for truth in world.truths.iter().filter(|truth| truth.kind == "Deployment") {
        assert!(
            names.contains(&truth.name.as_str()),
            "{} is not among {names:?}",
            truth.name
        );
    }
    let gpus: usize = world.nodes.iter().map(|node| node.uuids.len()).sum();
    assert_eq!(plan["coverage"]["gpus"], json!(gpus));
    assert_eq!(plan["coverage"]["gpus_with_metrics"], json!(gpus));
    assert!(plan["spend"]["monthly"].as_f64().unwrap() > 1000.0);
    let without_price: Vec<&Value> = plan["workloads"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["monthly"].is_null())
        .collect();
    assert!(without_price.is_empty(), "{without_price:#?}");
    let shrinks = plan["accepted"]
        .as_array()
        .unwrap()
        .iter()
        .any(|row| row["levers"] == json!(["smaller-gpu"]));
    assert!(shrinks, "no smaller GPU was found: {:#}", plan["unknown"]);
}
