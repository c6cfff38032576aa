//! Small readings joined as a whole: what stands in the snapshot of a cluster that was half read.

mod changing;
mod claims;
mod parts;
mod pools;
mod queues;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Outline;
use crate::catalog::Catalog;
use crate::model::cluster::{Container, Inventory, Labels, Node, ObjectRef, Pod, PodRecord, Resources};
use crate::model::gap::{Gap, unknown_without};
use crate::model::reading::{Reading, Series};
use crate::model::snapshot::Snapshot;
use crate::model::time::{Grid, Window};
use crate::model::usage::{Column, Signal};
use crate::policy::price_sheet::PriceSheet;

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// A node with eight H100 at $55.04 an hour.
pub(super) fn node(name: &str) -> Node {
    Node {
        name: name.to_owned(),
        labels: labels(&[("node.kubernetes.io/instance-type", "p5.48xlarge")]),
        allocatable: Resources::from([("nvidia.com/gpu".to_owned(), 8.0)]),
        ..Node::default()
    }
}

/// A pod that has run on node `n` since before the window.
pub(super) fn pod(name: &str, owner: Option<(&str, &str, &str)>, gpus: f64) -> Pod {
    Pod {
        namespace: "ml".to_owned(),
        name: name.to_owned(),
        uid: format!("uid-{name}"),
        node: Some("n".to_owned()),
        phase: "Running".to_owned(),
        owner: owner.map(|(api_version, kind, name)| ObjectRef {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            uid: Some(format!("uid-{name}")),
        }),
        containers: vec![Container {
            name: "main".to_owned(),
            requests: Resources::from([("nvidia.com/gpu".to_owned(), gpus)]),
            ..Container::default()
        }],
        started: Some(at("2026-11-01T00:00:00Z")),
        ..Pod::default()
    }
}

pub(super) fn reading(inventory: Inventory, gaps: Vec<Gap>) -> Reading {
    Reading {
        cluster: "test".to_owned(),
        grid: Grid {
            window: Window {
                start: at("2026-11-20T00:00:00Z"),
                end: at("2026-11-21T00:00:00Z"),
            },
            step_seconds: 60,
        },
        currency: "USD".to_owned(),
        inventory,
        series: Vec::new(),
        requests: Vec::new(),
        asked: Vec::new(),
        gaps,
    }
}

pub(super) fn joined(reading: &Reading) -> Snapshot {
    let catalog = Catalog::shipped().unwrap();
    let labels = reading.series.iter().map(|series| &series.labels);
    let sheet = PriceSheet::default();
    let outline = Outline::of(
        reading,
        labels,
        std::iter::empty(),
        &catalog,
        &crate::policy::attribution::NOBODY,
        &sheet,
    );
    let part = outline.part(reading.series.clone(), None);
    let tally = part.tally();
    outline.whole(part.workloads, tally)
}

/// Names of the workloads with their kinds, and the GPUs that each holds.
pub(super) fn held(snapshot: &Snapshot) -> BTreeMap<String, f64> {
    let row = |w: &crate::model::workload::Workload| (format!("{}/{}", w.kind, w.name), w.gpus.get());
    snapshot.workloads.iter().map(row).collect()
}

#[test]
fn an_owner_that_may_not_be_read_is_named_by_labels_and_the_gap_has_its_money() {
    let mut inventory = Inventory {
        nodes: vec![node("n")],
        ..Inventory::default()
    };
    for (replica, hash) in [
        ("chat-647c6f456b-sdsh9", "647c6f456b"),
        ("chat-6774cbb654-btf44", "6774cbb654"),
    ] {
        let set = format!("chat-{hash}");
        let mut pod = pod(replica, Some(("apps/v1", "ReplicaSet", &set)), 2.0);
        pod.labels = labels(&[("pod-template-hash", hash)]);
        inventory.pods.push(pod);
    }
    let forbidden = Gap::new("kubernetes-forbidden", unknown_without("ReplicaSet"), "403", "grant it");
    let snapshot = joined(&reading(inventory, vec![forbidden]));
    assert_eq!(held(&snapshot), BTreeMap::from([("Deployment/chat".to_owned(), 4.0)]));
    let gap = snapshot
        .gaps
        .iter()
        .find(|gap| gap.gap.code == "kubernetes-forbidden")
        .unwrap();
    // Half of a node at $55.04 an hour, 730 hours a month.
    assert!(
        (gap.monthly.unwrap().get() - 55.04 / 2.0 * 730.0).abs() < 0.01,
        "{gap:?}"
    );
    assert!(
        snapshot.gaps.iter().all(|gap| gap.gap.code != "owner-missing"),
        "{:?}",
        snapshot.gaps
    );
    // With every permission, the same hole is an owner that is gone.
    let mut inventory = Inventory {
        nodes: vec![node("n")],
        ..Inventory::default()
    };
    inventory
        .pods
        .push(pod("job-x7k2p", Some(("batch/v1", "Job", "job")), 8.0));
    let snapshot = joined(&reading(inventory, Vec::new()));
    let gone = snapshot
        .gaps
        .iter()
        .find(|gap| gap.gap.code == "owner-missing")
        .unwrap();
    assert!(gone.gap.what.contains("Job job"), "{gone:?}");
    assert!((gone.monthly.unwrap().get() - 55.04 * 730.0).abs() < 0.01, "{gone:?}");
}

#[test]
fn a_kind_of_ones_own_is_no_gap() {
    let inventory = Inventory {
        nodes: vec![node("n")],
        pods: vec![pod("own-0", Some(("ai.example.com/v1", "ModelServer", "own")), 8.0)],
        ..Inventory::default()
    };
    let snapshot = joined(&reading(inventory, Vec::new()));
    assert_eq!(held(&snapshot), BTreeMap::from([("ModelServer/own".to_owned(), 8.0)]));
    assert!(
        snapshot.gaps.iter().all(|gap| gap.gap.code != "owner-missing"),
        "{:?}",
        snapshot.gaps
    );
}

#[test]
fn time_slices_are_counted_and_priced_as_shares() {
    let mut node = node("n");
    node.labels.extend(labels(&[
        ("nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3-SHARED"),
        ("nvidia.com/gpu.replicas", "4"),
    ]));
    let own = Some(("ai.example.com/v1", "ModelServer", "own"));
    let inventory = Inventory {
        nodes: vec![node],
        pods: vec![pod("own-0", own, 2.0)],
        ..Inventory::default()
    };
    let snapshot = joined(&reading(inventory, Vec::new()));
    let workload = &snapshot.workloads[0];
    assert_eq!(workload.gpus.get(), 0.5);
    assert!(workload.pods[0].shared);
    // Half of one of eight GPUs at $55.04 an hour.
    assert!((workload.monthly.unwrap().get() - 55.04 / 16.0 * 730.0).abs() < 0.01);
}

#[test]
fn memory_and_network_devices_are_no_gpus() {
    let mut pod = pod("own-0", Some(("ai.example.com/v1", "ModelServer", "own")), 1.0);
    pod.containers[0].requests.extend([
        ("nvidia.com/gpumem".to_owned(), 8000.0),
        ("nvidia.com/hostdev".to_owned(), 4.0),
    ]);
    let inventory = Inventory {
        nodes: vec![node("n")],
        pods: vec![pod],
        ..Inventory::default()
    };
    assert_eq!(held(&joined(&reading(inventory, Vec::new())))["ModelServer/own"], 1.0);
}

#[test]
fn without_kubernetes_a_pods_name_tells_no_more_than_it_says() {
    let mut reading = reading(Inventory::default(), Vec::new());
    for pod in [
        "gpt-4-0",
        "gpt-4-1",
        "gpt-5-0",
        "chat-647c6f456b-sdsh9",
        "chat-6774cbb654-btf44",
    ] {
        reading.series.push(Series {
            signal: Signal::GpuUtil,
            labels: labels(&[
                ("UUID", &format!("GPU-{pod}")),
                ("Hostname", "n"),
                ("namespace", "ml"),
                ("pod", pod),
                ("modelName", "NVIDIA H100 80GB HBM3"),
            ]),
            column: Column::from_options(vec![Some(50.0); reading.grid.points()]),
        });
    }
    let names = |reading: &Reading| -> Vec<(String, i64)> {
        let held = held(&joined(reading));
        held.into_iter()
            .map(|(name, gpus)| (name, gpus.round() as i64))
            .collect()
    };
    let expected = [("Pod/chat", 2), ("Pod/gpt-4", 2), ("Pod/gpt-5-0", 1)];
    assert_eq!(names(&reading), expected.map(|(name, gpus)| (name.to_owned(), gpus)));
    reading.series.clear();
    // What kube-state-metrics remembers has its true owner.
    reading.inventory.pod_history.push(PodRecord {
        namespace: "ml".to_owned(),
        name: "worker-0".to_owned(),
        uid: None,
        node: Some("n".to_owned()),
        owner_kind: Some("RayCluster".to_owned()),
        owner_name: Some("shared".to_owned()),
        requests: Resources::from([("nvidia.com/gpu".to_owned(), 1.0)]),
        first: reading.grid.window.start,
        last: reading.grid.window.end,
        created: None,
        ready: None,
    });
    assert_eq!(names(&reading), [("RayCluster/shared".to_owned(), 1)]);
}
