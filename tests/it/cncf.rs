//! What exporters of certified clusters really wrote (CNCF AI conformance, v1.35), read as a careful reader would. The files are not
//! part of the project; without them the test says so, and rows of the same shapes stand in.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gpuwise::catalog::Catalog;
use gpuwise::model::cluster::{Container, Inventory, Labels, Node, Pod};
use gpuwise::model::reading::{Reading, Series};
use gpuwise::model::snapshot::Snapshot;
use gpuwise::model::time::{Grid, Window};
use gpuwise::model::usage::{Column, Signal};
use gpuwise::policy::price_sheet::PriceSheet;
use gpuwise::sources::collect::Outline;

/// As ericsson-ccd's exporter wrote it, on a GPU at work.
const BUSY: &str = r#"
DCGM_FI_DEV_SM_CLOCK{gpu="0",UUID="GPU-6d5c",pci_bus_id="00000000:37:00.0",device="nvidia0",modelName="Tesla T4",Hostname="cp-1",DCGM_FI_DRIVER_VERSION="590.48.01"} 660
# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-6d5c",pci_bus_id="00000000:37:00.0",device="nvidia0",modelName="Tesla T4",Hostname="cp-1",DCGM_FI_DRIVER_VERSION="590.48.01"} 91
DCGM_FI_DEV_FB_FREE{gpu="0",UUID="GPU-6d5c",pci_bus_id="00000000:37:00.0",device="nvidia0",modelName="Tesla T4",Hostname="cp-1",DCGM_FI_DRIVER_VERSION="590.48.01"} 9791
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-6d5c",pci_bus_id="00000000:37:00.0",device="nvidia0",modelName="Tesla T4",Hostname="cp-1",DCGM_FI_DRIVER_VERSION="590.48.01"} 5120
DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-6d5c",pci_bus_id="00000000:37:00.0",device="nvidia0",modelName="Tesla T4",Hostname="cp-1",DCGM_FI_DRIVER_VERSION="590.48.01"} 68.244000
DCGM_FI_PROF_GR_ENGINE_ACTIVE{gpu="0",UUID="GPU-6d5c",pci_bus_id="00000000:37:00.0",device="nvidia0",modelName="Tesla T4",Hostname="cp-1",DCGM_FI_DRIVER_VERSION="590.48.01"} 0.156205
"#;

fn folder() -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let given = std::env::var_os("GPUWISE_CNCF").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| root.join("../shared/data/cncf"));
    folder.is_dir().then_some(folder)
}

/// Metric, labels and value of a line of the exposition format; `None` for any other line of a report.
fn row(line: &str) -> Option<(&str, Labels, f64)> {
    let (metric, rest) = line.split_once('{')?;
    let (labels, value) = rest.rsplit_once("} ")?;
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    let pair = |text: &str| {
        let (name, value) = text.split_once("=\"")?;
        Some((name.to_owned(), value.to_owned()))
    };
    let labels: Option<Labels> = labels.strip_suffix('"')?.split("\",").map(pair).collect();
    Some((metric, labels?, value.trim().parse().ok()?)).filter(|_| is_name(metric))
}

/// The rows that carry signals, once each, with what the scraper adds.
fn series(text: &str, catalog: &Catalog, grid: Grid, added: &[(&str, &str)]) -> Vec<Series> {
    let mut found: BTreeMap<(Signal, Labels), f64> = BTreeMap::new();
    for (metric, mut labels, value) in text.lines().filter_map(row) {
        let carries = |signal: &Signal| catalog.metric_names(*signal).any(|name| name == metric);
        if let Some(signal) = Signal::ALL.into_iter().find(carries) {
            labels.extend(
                added
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
            );
            found.insert((signal, labels), value);
        }
    }
    let all = |value| Column::from_options(vec![Some(value); grid.points()]);
    found
        .into_iter()
        .map(|((signal, labels), value)| Series {
            signal,
            labels,
            column: all(value),
        })
        .collect()
}

/// The cluster of one node on which one pod holds the GPU, with what the exporter's text tells of it.
fn snapshot(text: &str, added: &[(&str, &str)]) -> Snapshot {
    let catalog = Catalog::shipped().unwrap();
    let grid = Grid {
        window: Window {
            start: "2026-03-01T00:00:00Z".parse().unwrap(),
            end: "2026-03-01T01:00:00Z".parse().unwrap(),
        },
        step_seconds: 60,
    };
    let series = series(text, &catalog, grid, added);
    let host = series[0].labels["Hostname"].clone();
    let gpus = BTreeMap::from([("nvidia.com/gpu".to_owned(), 1.0)]);
    let inventory = Inventory {
        nodes: vec![Node {
            name: host.clone(),
            allocatable: gpus.clone(),
            ..Node::default()
        }],
        pods: vec![Pod {
            namespace: "ml".to_owned(),
            name: "holder".to_owned(),
            node: Some(host),
            phase: "Running".to_owned(),
            containers: vec![Container {
                requests: gpus,
                ..Container::default()
            }],
            ..Pod::default()
        }],
        ..Inventory::default()
    };
    let reading = Reading {
        cluster: "cncf".to_owned(),
        grid,
        currency: "USD".to_owned(),
        inventory,
        series: Vec::new(),
        requests: Vec::new(),
        asked: Signal::ALL.to_vec(),
        gaps: Vec::new(),
    };
    let sheet = PriceSheet::default();
    let labels: Vec<Labels> = series.iter().map(|series| series.labels.clone()).collect();
    let outline = Outline::of(
        &reading,
        labels.iter(),
        std::iter::empty(),
        &catalog,
        &gpuwise::policy::attribution::NOBODY,
        &sheet,
    );
    let part = outline.part(series, None);
    let tally = part.tally();
    outline.whole(part.workloads, tally)
}

/// What the one pod's one GPU was seen to do.
fn figures(snapshot: &Snapshot) -> (String, BTreeMap<&'static str, f64>) {
    assert_eq!((snapshot.workloads.len(), snapshot.gpus_with_metrics), (1, 1));
    let pod = &snapshot.workloads[0].pods[0];
    let device = match pod.devices.as_slice() {
        [device] => device,
        devices => panic!("{} devices", devices.len()),
    };
    let values = device.signals.iter();
    let values = values.map(|(signal, column)| (signal.name(), column.max().unwrap()));
    (pod.gpu.as_ref().unwrap().to_string(), values.collect())
}

/// What Prometheus adds without `honorLabels` where the exporter maps pods.
const HELD: [(&str, &str); 4] = [
    ("exported_namespace", "ml"),
    ("exported_pod", "holder"),
    ("namespace", "gpu-operator"),
    ("pod", "nvidia-dcgm-exporter-zxgzh"),
];

#[test]
fn that_a_kernel_ran_is_not_how_much_of_the_gpu_worked() {
    let (gpu, found) = figures(&snapshot(BUSY, &HELD));
    assert_eq!(gpu, "T4");
    let expected = [
        ("engine_active", 0.156205),
        ("gpu_util", 91.0),
        ("memory_used", 5120.0),
        ("power", 68.244),
    ];
    assert_eq!(found, BTreeMap::from(expected));
}

#[test]
fn a_row_that_names_only_the_exporter_is_nobodys() {
    // As upcloud's Prometheus has them; the pod on the GPU is known to Kubernetes, and the exporter maps none.
    let own = [
        ("container", "exporter"),
        ("namespace", "default"),
        ("pod", "dcgm-exporter-zxgzh"),
        ("service", "dcgm-exporter"),
    ];
    // As ericsson-ccd's scraper adds them: nothing that is called a pod.
    let none = [("kubernetes_name", "nvidia-dcgm-exporter"), ("nodename", "cp-1")];
    for added in [&own[..], &none[..]] {
        let snapshot = snapshot(BUSY, added);
        assert_eq!((snapshot.workloads.len(), snapshot.gpus_with_metrics), (1, 1));
        assert!(snapshot.workloads[0].pods[0].devices.is_empty(), "{added:?}");
        assert!(snapshot.absent.contains(&Signal::MemoryUsed));
    }
}

#[test]
fn exporters_of_certified_clusters_say_what_their_files_say() {
    let Some(folder) = folder() else {
        println!("skipped: the conformance reports are not here; point GPUWISE_CNCF at their folder");
        return;
    };
    // File, GPU, percent of time with a kernel, activity of engine, tensor pipe and memory, MiB, watts.
    let files = [
        (
            "v1.35_ericsson-ccd_accelerator_metrics.md",
            "T4",
            [91.0, 0.156205, 0.005822, 0.092781, 5120.0, 68.244],
        ),
        (
            "v1.35_upcloud_accelerator-metrics.md",
            "L40S",
            [0.0, 0.0, 0.0, 0.000131, 0.0, 35.686],
        ),
        (
            "v1.35_kops_tests_TestObservability_AcceleratorMetrics_ViaDCGM_output.md",
            "L4",
            [0.0, 0.0, 0.0, 0.0, 0.0, 16.365],
        ),
    ];
    let names = [
        "gpu_util",
        "engine_active",
        "tensor_active",
        "dram_active",
        "memory_used",
        "power",
    ];
    for (file, gpu, values) in files {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let snapshot = snapshot(&text, &HELD);
        let (found_gpu, found) = figures(&snapshot);
        assert_eq!(
            (found_gpu.as_str(), &found),
            (gpu, &names.into_iter().zip(values).collect()),
            "{file}"
        );
        // Off by default, and so unknown, not zero.
        assert!(snapshot.absent.contains(&Signal::SmActive), "{file}");
    }
}
