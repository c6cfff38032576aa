//! Small readings joined as a whole: what stands in the snapshot of a cluster that was half read.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Outline;
use crate::catalog::Catalog;
use crate::model::cluster::{Container, Inventory, Labels, Node, ObjectRef, Pod, PodRecord, Resources};
use crate::model::devices::{DeviceAddress, DeviceClaim, ExtendedClaim, OfferedDevice};
use crate::model::gap::Gap;
use crate::model::gpu::GpuKind;
use crate::model::queueing::{ClusterQueue, LocalQueue, QueuedRuns, QueuedWorkload, Queues, Quota};
use crate::model::reading::{Reading, Series};
use crate::model::snapshot::Snapshot;
use crate::model::time::{Grid, Window};
use crate::model::usage::{Column, Signal};
use crate::sources::kubernetes::kinds;

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
        asked: Vec::new(),
        gaps,
    }
}

pub(super) fn joined(reading: &Reading) -> Snapshot {
    let catalog = Catalog::shipped().unwrap();
    let labels = reading.series.iter().map(|series| &series.labels);
    let outline = Outline::of(reading, labels, std::iter::empty(), &catalog, &[]);
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
    let forbidden = Gap::new(
        "kubernetes-forbidden",
        kinds::unknown_without("ReplicaSet"),
        "403",
        "grant it",
    );
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

fn address(device: &str) -> DeviceAddress {
    DeviceAddress {
        driver: "gpu.nvidia.com".to_owned(),
        pool: "n".to_owned(),
        device: device.to_owned(),
    }
}

/// GPU number `number` of node `n`, or a slice of it.
fn device(number: u32, profile: Option<&str>) -> OfferedDevice {
    OfferedDevice {
        address: address(&format!("gpu-{number}{}", profile.unwrap_or_default())),
        node: Some("n".to_owned()),
        product: Some("NVIDIA H100 80GB HBM3".to_owned()),
        uuid: Some(format!("GPU-{number}{}", profile.unwrap_or_default())),
        parent_uuid: profile.map(|_| format!("GPU-{number}")),
        pci_bus_id: Some(format!("0000:0{number}:00.0")),
        profile: profile.map(str::to_owned),
        on_demand: false,
    }
}

/// A claim on these devices, reserved for pods of these names.
fn claim(name: &str, devices: &[&str], pods: &[&str]) -> DeviceClaim {
    DeviceClaim {
        namespace: "ml".to_owned(),
        name: name.to_owned(),
        devices: devices.iter().map(|device| address(device)).collect(),
        reserved_for: pods.iter().map(|pod| format!("uid-{pod}")).collect(),
    }
}

fn claiming(name: &str, claims: &[&str]) -> Pod {
    let owner = format!("of-{name}");
    let pod = pod(name, Some(("ai.example.com/v1", "ModelServer", &owner)), 0.0);
    Pod {
        claims_devices: true,
        claims: claims.iter().map(|claim| (*claim).to_owned()).collect(),
        ..pod
    }
}

/// A node of two H100 of which only DRA tells, and no catalogue.
fn dra(pods: Vec<Pod>, device_claims: Vec<DeviceClaim>) -> Inventory {
    Inventory {
        nodes: vec![Node {
            name: "n".to_owned(),
            ..Node::default()
        }],
        pods,
        devices: vec![device(0, None), device(1, None), device(1, Some("1g.10gb"))],
        device_claims,
        ..Inventory::default()
    }
}

#[test]
fn a_shared_claim_is_counted_once() {
    let pods = vec![
        claiming("a", &["both"]),
        claiming("b", &["both"]),
        claiming("c", &["slice"]),
        claiming("camera", &["network"]),
        claiming("d", &["unread"]),
    ];
    let claims = vec![
        claim("both", &["gpu-0"], &["a", "b"]),
        claim("slice", &["gpu-11g.10gb"], &["c"]),
        claim("network", &[], &["camera"]),
    ];
    let snapshot = joined(&reading(dra(pods, claims), Vec::new()));
    let held = held(&snapshot);
    assert_eq!(held["ModelServer/of-a"], 0.5);
    assert_eq!(held["ModelServer/of-b"], 0.5);
    assert!((held["ModelServer/of-c"] - 1.0 / 7.0).abs() < 1e-12);
    assert_eq!(held.len(), 3, "{held:?}");
    let of = |name: &str| snapshot.workloads.iter().find(|w| w.name == name).unwrap();
    assert!(of("of-a").pods[0].shared && !of("of-c").pods[0].shared);
    assert_eq!(of("of-a").gpu, Some(GpuKind::whole("H100-80GB")));
    assert_eq!(of("of-c").gpu, Some(GpuKind::slice("H100-80GB", "1g.10gb")));
    let node = snapshot.node("n").unwrap();
    assert_eq!((node.gpus, node.gpu.clone().unwrap().0.as_str()), (2, "H100-80GB"));
    // Only the pod whose claim nobody told of keeps the node, and it alone is a gap.
    assert_eq!(node.strangers, 1);
    let gap = snapshot
        .gaps
        .iter()
        .find(|gap| gap.gap.code == "device-claims")
        .unwrap();
    assert!(gap.gap.what.contains("of 1 pods"), "{gap:?}");
}

#[test]
fn a_claim_for_extended_resources_is_not_counted_beside_them() {
    let extended = |name: &str| {
        let owner = format!("of-{name}");
        Pod {
            claims_devices: true,
            extended_claim: Some(ExtendedClaim {
                claim: format!("{name}-extended"),
                resources: vec!["nvidia.com/gpu".to_owned()],
            }),
            ..pod(name, Some(("ai.example.com/v1", "ModelServer", &owner)), 1.0)
        }
    };
    // Of the second pod's claim nobody told us: its requests do.
    let pods = vec![extended("a"), extended("b")];
    let claims = vec![claim("a-extended", &["gpu-0"], &["a"])];
    let snapshot = joined(&reading(dra(pods, claims), Vec::new()));
    let held = held(&snapshot);
    assert_eq!(held["ModelServer/of-a"], 1.0);
    assert_eq!(held["ModelServer/of-b"], 1.0);
    assert_eq!(snapshot.node("n").unwrap().strangers, 0);
}

#[test]
fn a_series_without_a_pod_is_the_claim_holders() {
    let pods = vec![
        claiming("a", &["own"]),
        claiming("b", &["both"]),
        claiming("c", &["both"]),
    ];
    let claims = vec![claim("own", &["gpu-0"], &["a"]), claim("both", &["gpu-1"], &["b", "c"])];
    let mut reading = reading(dra(pods, claims), Vec::new());
    for uuid in ["GPU-0", "GPU-1"] {
        reading.series.push(Series {
            signal: Signal::GpuUtil,
            labels: labels(&[
                ("UUID", uuid),
                ("Hostname", "n"),
                ("modelName", "NVIDIA H100 80GB HBM3"),
            ]),
            column: Column::from_options(vec![Some(50.0); reading.grid.points()]),
        });
    }
    let snapshot = joined(&reading);
    let devices = |name: &str| {
        let workload = snapshot.workloads.iter().find(|w| w.name == name).unwrap();
        workload.pods[0].devices.len()
    };
    // Of a GPU that two pods hold, no figure is one pod's.
    assert_eq!((devices("of-a"), devices("of-b"), devices("of-c")), (1, 0, 0));
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
fn a_workload_knows_its_queue_and_how_long_it_waits() {
    let queued = |name: &str, queued: &str, admitted: Option<&str>| QueuedWorkload {
        namespace: "ml".to_owned(),
        name: format!("job-{name}"),
        owner: Some(ObjectRef {
            api_version: "batch/v1".to_owned(),
            kind: "Job".to_owned(),
            name: name.to_owned(),
            uid: Some(format!("uid-{name}")),
        }),
        queue: "team1".to_owned(),
        gpus: Resources::from([("nvidia.com/gpu".to_owned(), 8.0)]),
        queued: Some(at(queued)),
        admitted: admitted.map(at),
        ..QueuedWorkload::default()
    };
    let set_aside = QueuedWorkload {
        inactive: true,
        ..queued("sweep-5", "2026-11-01T00:00:00Z", None)
    };
    let quota = Quota {
        flavor: "h100".to_owned(),
        resource: "nvidia.com/gpu".to_owned(),
        nominal: 8.0,
        borrowing_limit: None,
        used: Some(8.0),
    };
    let gated = Pod {
        node: None,
        phase: "Pending".to_owned(),
        ..pod("sweep-3-x7k2p", Some(("batch/v1", "Job", "sweep-3")), 8.0)
    };
    let inventory = Inventory {
        nodes: vec![node("n")],
        pods: vec![pod("sweep-2-b4c5d", Some(("batch/v1", "Job", "sweep-2")), 8.0), gated],
        queues: Queues {
            cluster_queues: vec![ClusterQueue {
                name: "gpus".to_owned(),
                quotas: vec![quota.clone()],
                ..ClusterQueue::default()
            }],
            local_queues: vec![LocalQueue {
                namespace: "ml".to_owned(),
                name: "team1".to_owned(),
                cluster_queue: "gpus".to_owned(),
            }],
            workloads: vec![
                queued("sweep-2", "2026-11-20T01:00:00Z", Some("2026-11-20T06:00:00Z")),
                queued("sweep-3", "2026-11-20T22:00:00Z", None),
                queued("sweep-4", "2026-11-20T21:00:00Z", None),
                set_aside,
            ],
            ..Queues::default()
        },
        ..Inventory::default()
    };
    let snapshot = joined(&reading(inventory, Vec::new()));
    let [workload] = &snapshot.workloads[..] else {
        panic!("{:?}", held(&snapshot))
    };
    // What waits holds nothing.
    assert_eq!(workload.gpus.get(), 8.0);
    let expected = QueuedRuns {
        admitted: 1,
        waiting: 2,
        gpus_waiting: 16.0,
        waiting_seconds: Some(3 * 3600),
        longest_seconds: Some(5 * 3600),
    };
    let queue = workload.queue.as_ref().unwrap();
    assert_eq!(
        (queue.queue.as_str(), queue.cluster_queue.as_deref()),
        ("team1", Some("gpus"))
    );
    assert_eq!((queue.runs, &queue.quotas), (Some(expected), &vec![quota]));
    assert_eq!(snapshot.queues[0].runs, expected);
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
    });
    assert_eq!(names(&reading), [("RayCluster/shared".to_owned(), 1)]);
}
