//! Rules made of what a real Prometheus has, evaluated by it: each expression tells what is true of the world.

use std::collections::BTreeMap;
use std::path::Path;

use gpuwise::catalog::Catalog;
use gpuwise::engine::Judge;
use gpuwise::finops::alerts::{Alerts, alerts};
use gpuwise::model::metrics::MetricFacts;
use gpuwise::sources::endpoint::Endpoint;
use gpuwise::sources::prometheus::client::PrometheusClient;
use gpuwise::sources::recording;
use jiff::Timestamp;
use serde_json::json;

use super::dialect::Dialect;
use super::{ALL, budgets, checked, names, test_files};
use crate::binary;
use crate::generator::pods::Pod;
use crate::generator::{END, HOUR, World};
use crate::servers::{self, Running, kubeconfig, prometheus_is_installed};

/// What the store holds: the windows of six hours, and not those of a day.
const HELD: i64 = 7 * HOUR;

/// Every threshold so low that whatever is joined shows.
const LOW: &str = "alerts:\n  daily_cost: 0\n  busy_below: 1\n  unmeasured: 0\n";

struct Stage {
    dialect: Dialect,
    world: World,
    /// The node whose exporter fell silent an hour ago.
    silent: usize,
    url: String,
    folder: tempfile::TempDir,
    _running: Running,
}

impl Stage {
    async fn set(dialect: Dialect, seed: u64) -> Self {
        let (world, folder) = (dialect.world(seed), tempfile::tempdir().unwrap());
        let held = |node: &usize| running(&world).any(|pod| pod.slot.node == *node);
        let silent = (0..world.nodes.len()).find(held).unwrap();
        let span = (END - HELD, END);
        let name = world.nodes[silent].name.clone();
        servers::load(&world, span, folder.path(), |text| dialect.told(silenced(&text, &name)));
        if !world.external.is_empty() {
            let mut other = dialect.world(seed + 2);
            other.external.insert("cluster", "two".to_owned());
            servers::load(&other, span, folder.path(), |text| text);
        }
        let (running, url) = servers::start_prometheus("prometheus", &[], folder.path()).await;
        Self {
            dialect,
            world,
            silent,
            url,
            folder,
            _running: running,
        }
    }

    fn gpuwise(&self, command: &[&str]) -> binary::Ran {
        let server = json!({"server": servers::kubernetes(&self.world)});
        let config = kubeconfig(&self.folder.path().join("kubeconfig"), &server, &json!({}));
        let until = Timestamp::from_second(END).unwrap().to_string();
        let sources = [
            ["--prometheus", &self.url],
            ["--kubeconfig", config.to_str().unwrap()],
            ["--until", &until],
            ["--window", "3h"],
        ];
        let ran = binary::run(&[command, sources.as_flattened()].concat());
        ran.tells(0, &[]);
        ran
    }

    /// What a recording of it keeps.
    fn recorded(&self, folder: &Path) -> MetricFacts {
        self.gpuwise(&["record", "--output", folder.to_str().unwrap()]);
        recording::read(folder).unwrap().inventory.metrics.unwrap()
    }

    /// The result of each alert's expression, by the name of its alert: labels and values.
    async fn evaluated(&self, made: &Alerts) -> BTreeMap<&'static str, Vec<(BTreeMap<String, String>, f64)>> {
        let client = PrometheusClient::new(&Endpoint::new(self.url.as_str())).unwrap();
        let at = Timestamp::from_second(END).unwrap();
        let mut results = BTreeMap::new();
        for rule in made.groups.iter().flat_map(|group| &group.rules) {
            let (rows, remarks) = client
                .instant(&rule.expr, at)
                .await
                .unwrap_or_else(|error| panic!("{error}\n{}", rule.expr));
            assert!(remarks.warnings.is_empty(), "{:?}", remarks.warnings);
            let row = |row: gpuwise::sources::prometheus::decode::SeriesRow| (row.labels, row.samples[0].1);
            results
                .entry(rule.alert)
                .or_insert_with(Vec::new)
                .extend(rows.into_iter().map(row));
        }
        results
    }
}

/// The text without what the exporter of this node would have said in the last hour.
fn silenced(text: &str, node: &str) -> String {
    let named = [format!("Hostname=\"{node}\""), format!("hostname=\"{node}\"")];
    let is_said = |line: &&str| {
        let late = line
            .rsplit(' ')
            .next()
            .and_then(|second| second.parse::<i64>().ok())
            .is_some_and(|second| second > END - HOUR);
        !(late && line.starts_with("DCGM_") && named.iter().any(|named| line.contains(named.as_str())))
    };
    let mut text: Vec<&str> = text.lines().filter(is_said).collect();
    text.push("");
    text.join("\n")
}

fn running(world: &World) -> impl Iterator<Item = &Pod> {
    world.pods.iter().filter(|pod| pod.runs_at(END - 60))
}

/// What a node's GPU costs a day with its share of the node.
fn gpu_day(world: &World, node: usize) -> f64 {
    24.0 * world.nodes[node].hourly() / world.nodes[node].uuids.len() as f64
}

fn low(facts: &MetricFacts, world: &World) -> Alerts {
    let judge = Judge::new(&[("low.yaml".to_owned(), LOW.to_owned())], Catalog::shipped().unwrap()).unwrap();
    alerts(facts, &judge.policy().alerts, &budgets(world), ("prod", Some("USD")))
}

fn close(value: f64, expected: f64) -> bool {
    (value - expected).abs() <= 0.02 * expected.abs().max(1.0)
}

#[tokio::test]
async fn each_expression_tells_what_is_true_of_the_cluster() {
    if !prometheus_is_installed() {
        return;
    }
    for (dialect, seed) in [(Dialect::PLAIN, 4), (Dialect::GIVES_WAY, 3), (Dialect::SEVERAL, 4)] {
        let stage = Stage::set(dialect, seed).await;
        let recording = stage.folder.path().join("recording");
        let facts = stage.recorded(&recording);
        let within = if stage.world.external.is_empty() {
            ""
        } else {
            r#"cluster="one""#
        };
        assert_eq!(facts.within, within, "{}", dialect.name);
        let made = low(&facts, &stage.world);
        assert_eq!(names(&made), ALL, "{}: {:?}", dialect.name, made.left_out);
        let (rules, tests) = test_files(&made);
        checked(&rules, &tests).unwrap_or_else(|said| panic!("{}: {said}\n{rules}", dialect.name));
        told(&stage, &stage.evaluated(&made).await);
        if dialect.name == Dialect::PLAIN.name {
            the_command_says_the_same_of_a_cluster_and_its_recording(&stage, &recording);
        }
    }
}

type Results = BTreeMap<&'static str, Vec<(BTreeMap<String, String>, f64)>>;

fn told(stage: &Stage, results: &Results) {
    let (world, name) = (&stage.world, stage.dialect.name);
    let nodes: f64 = world.nodes.iter().map(|node| 24.0 * node.hourly()).sum();
    let rate = results["GpuwiseCostRateHigh"].first().map_or(0.0, |(_, value)| *value);
    assert!(close(rate, nodes), "{name}: {rate} a day, and nodes cost {nodes}");
    // Hours are known: nothing of a day, of days, or of a week ago. Nothing is lost of costs.
    for alert in [
        "GpuwiseDailyCostHigh",
        "GpuwiseBudgetBurnsSlow",
        "GpuwiseBudgetProjectedOver",
        "GpuwiseCostSpike",
        "GpuwiseCostMetricsLost",
    ] {
        assert!(results[alert].is_empty(), "{name}: {alert} {:?}", results[alert]);
    }
    let silent = &world.nodes[stage.silent];
    let lost: Vec<&str> = results["GpuwiseGpuMetricsLost"]
        .iter()
        .map(|(labels, _)| labels["node"].as_str())
        .collect();
    assert_eq!(lost, [silent.name.as_str()], "{name}");
    let on_silent = |pod: &&Pod| pod.slot.node == stage.silent;
    let share = 100.0 * running(world).filter(on_silent).count() as f64 / running(world).count() as f64;
    let unmeasured = results["GpuwisePodMetricsLost"][0].1;
    assert!(
        close(unmeasured, share),
        "{name}: {unmeasured} % of pods, and {share} % are on the silent node"
    );
    held(stage, results);
    unheld(stage, results);
    budget(stage, results);
}

/// GPUs that one pod held for more than an hour, by namespace: none was busy all the time.
fn held(stage: &Stage, results: &Results) {
    let world = &stage.world;
    let mut expected: BTreeMap<&str, f64> = BTreeMap::new();
    let long = running(world).filter(|pod| pod.started < END - HOUR - 300 && pod.slot.node != stage.silent);
    for pod in long {
        let day = gpu_day(world, pod.slot.node) * pod.slot.devices.len() as f64;
        *expected
            .entry(world.workloads[pod.workload].namespace.as_str())
            .or_default() += day;
    }
    let idle = &results["GpuwiseIdleGpus"];
    let told: BTreeMap<&str, f64> = idle
        .iter()
        .map(|(labels, value)| (labels["namespace"].as_str(), *value))
        .collect();
    assert_eq!(
        told.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>(),
        "{}",
        stage.dialect.name
    );
    for (namespace, value) in &told {
        // An exporter that restarts is another series for an hour.
        assert!(
            *value <= expected[namespace] * 1.02,
            "{}: {namespace} {value} of {}",
            stage.dialect.name,
            expected[namespace]
        );
        assert!(
            *value >= expected[namespace] * 0.9,
            "{}: {namespace} {value} of {}",
            stage.dialect.name,
            expected[namespace]
        );
    }
}

fn unheld(stage: &Stage, results: &Results) {
    let world = &stage.world;
    let mut expected = 0.0;
    for (at, node) in world.nodes.iter().enumerate().filter(|(at, _)| *at != stage.silent) {
        let held: usize = running(world)
            .filter(|pod| pod.slot.node == at)
            .map(|pod| pod.slot.devices.len())
            .sum();
        expected += gpu_day(world, at) * (node.uuids.len() - held) as f64;
    }
    let told = results["GpuwiseUnheldGpus"].first().map_or(0.0, |(_, value)| *value);
    assert!(
        close(told, expected),
        "{}: {told} a day are free, and {expected} is so",
        stage.dialect.name
    );
}

/// Factors of the budgets are those of the policy: what burns is known from what nodes and pods cost.
fn budget(stage: &Stage, results: &Results) {
    let world = &stage.world;
    let [all, one] = &budgets(world)[..] else {
        panic!("two budgets")
    };
    let nodes: f64 = world.nodes.iter().map(|node| node.hourly()).sum();
    // A pod that is gone is still looked back at for five minutes.
    let seen = |pod: &Pod, at: i64| (0..5).any(|minute| pod.runs_at(at - 60 * minute));
    let of_pods = |at: i64| -> f64 {
        let own = |pod: &&Pod| one.namespaces.contains(&world.workloads[pod.workload].namespace) && seen(pod, at);
        let hourly = |pod: &Pod| gpu_day(world, pod.slot.node) / 24.0 * pod.slot.devices.len() as f64;
        world.pods.iter().filter(own).map(hourly).sum()
    };
    let mean = |points: i64| (0..points).map(|point| of_pods(END - 300 * point)).sum::<f64>() / points as f64;
    let burn = |hourly: f64, monthly: f64| hourly * 730.0 / monthly;
    let expected = [
        [burn(nodes, all.monthly); 2],
        [burn(mean(72), one.monthly), burn(mean(6), one.monthly)],
    ];
    let fires = expected.iter().filter(|[long, short]| long.min(*short) > 4.0);
    let mut burns: Vec<f64> = fires.map(|[long, _]| *long).collect();
    let told = results["GpuwiseBudgetBurnsFast"].iter();
    let mut told: Vec<f64> = told.map(|(_, value)| *value).collect();
    burns.sort_by(f64::total_cmp);
    told.sort_by(f64::total_cmp);
    let all_close = told.iter().zip(&burns).all(|(told, burn)| close(*told, *burn));
    assert!(
        told.len() == burns.len() && all_close,
        "{}: {told:?}, and {expected:?} are true",
        stage.dialect.name
    );
}

fn the_command_says_the_same_of_a_cluster_and_its_recording(stage: &Stage, recording: &Path) {
    let tests = stage.folder.path().join("tests.yaml");
    let files = ["--tests", tests.to_str().unwrap()];
    let alerts = [
        "alerts",
        "--cluster",
        "prod",
        "--rule-label",
        "release=kube-prometheus-stack",
        "--rule-namespace",
        "monitoring",
    ];
    let live = stage.gpuwise(&[&alerts[..], &files].concat());
    let folder = ["--recording", recording.to_str().unwrap()];
    let recorded = binary::run(&[&["alerts"], &alerts[3..], &folder].concat());
    recorded.tells(0, &["no cost of a week ago"]);
    let rules = |text: &str| {
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(rules(&live.stdout), rules(&recorded.stdout));
    // Nothing that answers here tells the currency.
    live.tells(0, &["nothing tells in which currency costs are"]);
    assert!(!live.stdout.contains("USD"), "{}", live.stdout);
    let object: serde_json::Value = serde_saphyr::from_str(&live.stdout).unwrap();
    assert_eq!(object["kind"], "PrometheusRule");
    assert_eq!(object["metadata"]["labels"]["release"], "kube-prometheus-stack");
    assert!(live.stderr.contains("tests.rules.yaml"), "{}", live.stderr);
    super::promtool(stage.folder.path(), &["check", "rules", "tests.rules.yaml"]).unwrap();
    super::promtool(stage.folder.path(), &["test", "rules", "tests.yaml"]).unwrap();
}
