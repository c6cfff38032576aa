//! What resource claims hold, in the snapshot.

use super::*;
use crate::model::devices::{DeviceAddress, DeviceClaim, ExtendedClaim, OfferedDevice};
use crate::model::gpu::GpuKind;
use crate::policy::attribution::NOBODY;
use crate::sources::collect::bins::Signals;
use crate::sources::prometheus::select::Pods;

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
fn a_series_that_names_a_claim_is_its_holders() {
    let pods = vec![
        claiming("a", &["first"]),
        claiming("b", &["second"]),
        claiming("c", &["both"]),
        claiming("d", &["both"]),
    ];
    let claims = vec![
        claim("first", &["gpu-11g.10gb"], &["a"]),
        claim("second", &["gpu-0"], &["b"]),
        claim("both", &["gpu-1"], &["c", "d"]),
    ];
    let mut reading = reading(dra(pods, claims), Vec::new());
    let mut add = |uuid: &str, claim: &str, more: &[(&str, &str)]| {
        let base = [
            ("UUID", uuid),
            ("Hostname", "n"),
            ("modelName", "NVIDIA H100 80GB HBM3"),
            // The exporter's own pod.
            ("namespace", "gpu-operator"),
            ("pod", "dcgm-exporter-x7k2p"),
            ("dra_claim_namespace", "ml"),
            ("dra_claim_name", claim),
        ];
        reading.series.push(Series {
            signal: Signal::EngineActive,
            labels: labels(&[&base[..], more].concat()),
            column: Column::from_options(vec![Some(0.5); reading.grid.points()]),
        });
    };
    // A slice, of which no slice's UUID is in the series; a GPU that no ResourceSlice tells of; a claim of two pods; one that is gone.
    add("GPU-1", "first", &[("GPU_I_ID", "7"), ("GPU_I_PROFILE", "1g.10gb")]);
    add("GPU-77", "second", &[]);
    add("GPU-5", "both", &[]);
    add("GPU-6", "gone", &[]);
    let snapshot = joined(&reading);
    let devices = |name: &str| {
        let workload = snapshot.workloads.iter().find(|w| w.name == name).unwrap();
        let devices = workload.pods[0].devices.iter();
        devices
            .map(|device| device.device.clone().unwrap().uuid)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (devices("of-a"), devices("of-b")),
        (vec!["GPU-1".to_owned()], vec!["GPU-77".to_owned()])
    );
    assert!(devices("of-c").is_empty() && devices("of-d").is_empty());
    // Read in parts, such a GPU is asked for by its UUID.
    let (catalog, sheet) = (Catalog::shipped().unwrap(), PriceSheet::default());
    let all = || reading.series.iter().map(|series| &series.labels);
    let outline = Outline::of(&reading, all(), [].iter(), &catalog, &NOBODY, &sheet);
    let bins = outline.bins(Signals { gpu: 1, server: 0 }, 1);
    let asked: Vec<String> = bins.iter().flat_map(Pods::device_matchers).collect();
    assert!(
        asked.iter().any(|matcher| matcher.ends_with(r#"UUID=~"GPU-77""#)),
        "{asked:?}"
    );
    assert!(
        asked
            .iter()
            .all(|matcher| !matcher.contains("GPU-5") && !matcher.contains("GPU-6")),
        "{asked:?}"
    );
}
