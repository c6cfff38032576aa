//! One store that keeps two clusters whose pods have names in common, as Thanos and Mimir do: each is read as if it were
//! alone, and what one of them lacks is a hole of that one.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::generator::{END, HOUR, Size, World};
use crate::servers::{self, Running, kubeconfig, prometheus_is_installed};

/// Days as short as a test likes them.
const DAY: i64 = 8 * HOUR;

/// What is read before the window, by ranges that reach back.
const BEFORE: i64 = 600;

const START: i64 = END - 3 * DAY;

/// A cluster with its API and its costs.
struct Cluster {
    name: &'static str,
    world: World,
    costs: String,
    kubeconfig: PathBuf,
}

impl Cluster {
    fn new(name: &'static str, seed: u64, folder: &tempfile::TempDir) -> Self {
        let world = || World::generate(seed, Size::Small, 2);
        let server = json!({"server": servers::kubernetes(&world())});
        Self {
            name,
            world: world(),
            costs: servers::opencost(world()),
            kubeconfig: kubeconfig(&folder.path().join(format!("{name}.json")), &server, &json!({})),
        }
    }

    /// The same cluster as its scraper sends it to a store of several.
    fn sent(&mut self) -> &World {
        self.world.external.insert("cluster", self.name.to_owned());
        &self.world
    }

    fn pods(&self) -> BTreeSet<(&str, &str)> {
        let workload = |at: usize| self.world.workloads[at].namespace.as_str();
        let pods = self
            .world
            .pods
            .iter()
            .filter(|pod| pod.ended.is_none_or(|ended| ended > START));
        pods.map(|pod| (workload(pod.workload), pod.name.as_str())).collect()
    }

    fn ask(&self, command: &str, prometheus: &str, further: &[&str]) -> Output {
        let until = jiff::Timestamp::from_second(END).unwrap().to_string();
        Command::new(env!("CARGO_BIN_EXE_gpuwise"))
            .args([command, "--format", "json", "--window", "24h", "--until", &until])
            .args(["--prometheus", prometheus, "--costs", &self.costs])
            .args(further)
            .output()
            .unwrap()
    }

    /// The plan, and what was said on the way.
    fn plan(&self, prometheus: &str, further: &[&str]) -> (String, String) {
        let config = ["--kubeconfig", self.kubeconfig.to_str().unwrap()];
        let output = self.ask("analyze", prometheus, &[&config, further].concat());
        let said = text(output.stderr);
        assert!(output.status.success(), "{said}");
        (text(output.stdout), said)
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn json(plan: &str) -> Value {
    serde_json::from_str(plan).unwrap()
}

/// Workloads and levers of what is accepted.
fn accepted(plan: &Value) -> BTreeSet<String> {
    let rows = plan["accepted"].as_array().unwrap().iter();
    rows.map(|row| format!("{} {}", row["subject"]["id"], row["levers"]))
        .collect()
}

fn gap<'p>(plan: &'p Value, said: &str) -> &'p Value {
    let gaps = plan["coverage"]["gaps"].as_array().unwrap();
    let found = gaps.iter().find(|gap| gap["what"].as_str().unwrap().contains(said));
    found.unwrap_or_else(|| panic!("no `{said}` in {gaps:#?}"))
}

/// The servers: one with both clusters, of which b lacks its second day, and one for each alone, which lacks nothing.
struct Stage {
    a: Cluster,
    b: Cluster,
    store: String,
    a_alone: String,
    b_alone: String,
    _running: [Running; 3],
    _folders: [tempfile::TempDir; 3],
}

impl Stage {
    async fn set() -> Self {
        let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let (mut a, mut b) = (Cluster::new("a", 4, &folders[0]), Cluster::new("b", 8, &folders[0]));
        let whole = (START - BEFORE, END);
        let (first, a_alone) = servers::prometheus(&a.world, whole, folders[1].path()).await;
        let (second, b_alone) = servers::prometheus(&b.world, whole, folders[2].path()).await;
        let (before, after) = ((START - BEFORE, START + DAY), (END - DAY, END));
        let (sent, other) = (a.sent(), b.sent());
        let said = [(sent, whole), (other, before), (other, after)];
        let (third, store) = servers::store(&said, folders[0].path()).await;
        Self {
            a,
            b,
            store,
            a_alone,
            b_alone,
            _running: [first, second, third],
            _folders: folders,
        }
    }
}

#[tokio::test]
async fn two_clusters_in_one_store_are_read_as_if_each_were_alone() {
    if !prometheus_is_installed() {
        return;
    }
    let stage = Stage::set().await;
    let (a, b) = (&stage.a, &stage.b);
    let (of_a, of_b) = (a.pods(), b.pods());
    assert!(
        of_a.intersection(&of_b).count() > 1,
        "no pods of one name: {of_a:?}, {of_b:?}"
    );

    let (alone, _) = a.plan(&stage.a_alone, &[]);
    let (named, _) = a.plan(&stage.store, &["--prometheus-matcher", r#"cluster="a""#]);
    assert!(named == alone, "a in the store is not a alone");

    // Its nodes tell, and the choice is told.
    let (by_nodes, said) = a.plan(&stage.store, &[]);
    assert!(said.contains(r#"cluster="a" was taken for this cluster"#), "{said}");
    let mut plan = json(&by_nodes);
    let told = gap(&plan, "series of other clusters in this store (cluster=\"b\")").clone();
    assert_eq!(
        told["fix"],
        r#"confirm it with --prometheus-matcher 'cluster="a"', or name another"#
    );
    plan["coverage"]["gaps"]
        .as_array_mut()
        .unwrap()
        .retain(|gap| *gap != told);
    assert!(plan == json(&alone), "a by its nodes is not a alone");

    hole(&stage);
    let (a, store) = (&stage.a, &stage.store);
    let output = a.ask("analyze", store, &["--no-kubernetes"]);
    let said = text(output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains(r#"several clusters (cluster="a", cluster="b")"#),
        "{said}"
    );
    assert!(said.contains("--prometheus-matcher 'cluster=\"a\"'"), "{said}");
    let output = a.ask("doctor", store, &["--no-kubernetes"]);
    let (checks, said) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(
        checks.contains("several clusters") && checks.contains("--prometheus-matcher"),
        "{checks}"
    );
}

/// What b lacks is told with its fix and its money, nothing is extrapolated over it, and no change is accepted that it could
/// have overturned.
fn hole(stage: &Stage) {
    let b = &stage.b;
    let (whole, _) = b.plan(&stage.b_alone, &[]);
    let (holed, _) = b.plan(&stage.store, &["--prometheus-matcher", r#"cluster="b""#]);
    let (whole, holed) = (json(&whole), json(&holed));
    assert!(!accepted(&whole).is_empty(), "{whole:#}");
    assert!(accepted(&holed).is_subset(&accepted(&whole)), "{holed:#}");
    let told = gap(&holed, "part of the samples of");
    let share = told["why"]
        .as_str()
        .unwrap()
        .split(" % of its samples are missing")
        .next();
    let share = share.and_then(|text| text.rsplit(' ').next()?.parse::<u32>().ok());
    assert!(share.is_some_and(|percent| percent >= 33), "{told:#}");
    assert!(
        told["fix"].as_str().unwrap().contains("keeps the whole window"),
        "{told:#}"
    );
    let missed: f64 = missed(&holed).iter().map(|id| monthly(&holed, id)).sum();
    assert!(
        missed > 0.0 && (told["monthly"].as_f64().unwrap() - missed).abs() < 0.02,
        "{missed} {told:#}"
    );
    // A pod that still exists says itself since when it runs; one that is gone is billed for what was seen of it.
    let all = |plan: &Value| -> f64 { rows(plan).iter().map(|row| row["monthly"].as_f64().unwrap()).sum() };
    assert!(all(&holed) < all(&whole), "{} of {}", all(&holed), all(&whole));
    for row in rows(&holed).iter().filter(|row| row["kind"] == "Deployment") {
        let seen = row["gpu_busy"]["coverage"].as_f64().unwrap();
        assert!(seen < 0.7, "{row:#}");
    }
    assert_eq!(whole["coverage"]["gpus"], holed["coverage"]["gpus"]);
    let samples = |plan: &Value| plan["coverage"]["samples"].as_f64().unwrap();
    assert!(samples(&holed) < 0.7 * samples(&whole));
}

/// Workloads of which samples are missing.
fn missed(plan: &Value) -> BTreeSet<&str> {
    let rows = plan["unknown"].as_array().unwrap().iter();
    let missed = rows.filter(|row| row["reason"] == "samples-missing");
    missed.map(|row| row["subject"]["id"].as_str().unwrap()).collect()
}

fn rows(plan: &Value) -> &[Value] {
    plan["workloads"].as_array().unwrap()
}

fn monthly(plan: &Value, id: &str) -> f64 {
    let row = rows(plan).iter().find(|row| row["id"] == id);
    row.unwrap_or_else(|| panic!("no {id}"))["monthly"].as_f64().unwrap()
}
