//! Series whose labels change within the window: the exporter is upgraded, its pod replaced, a pod starts again on another
//! GPU. A workload's history stays whole, and no GPU is counted twice.

use super::*;
use crate::model::workload::Workload;

/// Points of a day of minutes.
const POINTS: usize = 1440;

/// A series of this pod's GPU with these labels besides, from one point up to another.
fn series(signal: Signal, pod: &str, pairs: &[(&str, &str)], span: std::ops::Range<usize>) -> Series {
    let named = [
        ("UUID", "GPU-1"),
        ("Hostname", "n"),
        ("modelName", "NVIDIA H100 80GB HBM3"),
        ("exported_namespace", "ml"),
        ("exported_pod", pod),
        ("namespace", "gpu-operator"),
        ("pod", "dcgm-exporter-x"),
    ];
    let mut labels = labels(&named);
    for (name, value) in pairs {
        labels.insert((*name).to_owned(), (*value).to_owned());
    }
    // Empty is absent, as in Prometheus.
    labels.retain(|_, value| !value.is_empty());
    Series {
        signal,
        labels,
        column: Column::from_options((0..POINTS).map(|at| span.contains(&at).then_some(50.0))),
    }
}

fn with(series: Vec<Series>, inventory: Inventory) -> Reading {
    let mut reading = reading(inventory, Vec::new());
    reading.series = series;
    reading.settle();
    reading
}

/// The only workload of some series that nothing but metrics tells of.
fn measured_alone(series: Vec<Series>) -> Workload {
    let mut snapshot = joined(&with(series, Inventory::default()));
    assert_eq!(snapshot.workloads.len(), 1, "{:?}", held(&snapshot));
    snapshot.workloads.remove(0)
}

/// GPUs it held on average, devices in its pods, samples of them, whether any is thought to be shared.
fn told(workload: &Workload) -> (f64, usize, usize, bool) {
    let devices = || workload.pods.iter().flat_map(|pod| &pod.devices);
    let columns = devices().flat_map(|device| device.signals.values());
    (
        workload.gpus.get(),
        devices().count(),
        columns.map(Column::count).sum(),
        workload.pods.iter().any(|pod| pod.shared),
    )
}

#[test]
fn an_exporter_that_is_upgraded_goes_on_with_the_same_gpu() {
    let later: [(&str, &[(&str, &str)]); 5] = [
        ("Hostname became hostname", &[("Hostname", ""), ("hostname", "n")]),
        (
            "the model's name gained dashes",
            &[("modelName", "NVIDIA-H100-80GB-HBM3")],
        ),
        ("its pod was replaced", &[("pod", "dcgm-exporter-y")]),
        (
            "it names its own pod where it named the node",
            &[("Hostname", "dcgm-exporter-y")],
        ),
        (
            "labels are honoured",
            &[
                ("exported_namespace", ""),
                ("exported_pod", ""),
                ("namespace", "ml"),
                ("pod", "chat-0"),
            ],
        ),
    ];
    let own = Some(("ai.example.com/v1", "ModelServer", "chat"));
    for (what, labels) in later {
        // Both are there for a step, and for an hour.
        for both in [1, 60] {
            let halves = vec![
                series(Signal::GpuUtil, "chat-0", &[], 0..700 + both),
                series(Signal::GpuUtil, "chat-0", labels, 700..POINTS),
            ];
            let inventory = Inventory {
                nodes: vec![node("n")],
                pods: vec![pod("chat-0", own, 1.0)],
                ..Inventory::default()
            };
            let snapshot = joined(&with(halves.clone(), inventory));
            assert_eq!(
                held(&snapshot),
                BTreeMap::from([("ModelServer/chat".to_owned(), 1.0)]),
                "{what}"
            );
            assert_eq!(told(&snapshot.workloads[0]), (1.0, 1, POINTS, false), "{what}");
            assert_eq!(snapshot.gpus_with_metrics, 1, "{what}");
            // A plain label is believed only where a pod is known, or no other is in use.
            if what != "labels are honoured" {
                assert_eq!(
                    told(&measured_alone(halves)),
                    (1.0, 1, POINTS, false),
                    "{what}, metrics alone"
                );
            }
        }
    }
}

#[test]
fn two_exporters_of_one_gpu_hide_no_gpu_that_has_none() {
    // Two GPUs requested, one of them exported twice: half of the history is missing, however many samples there are.
    let twice = vec![
        series(Signal::GpuUtil, "chat-0", &[], 0..POINTS),
        series(Signal::GpuUtil, "chat-0", &[("Hostname", "dcgm-exporter-y")], 0..POINTS),
    ];
    let own = Some(("ai.example.com/v1", "ModelServer", "chat"));
    let inventory = Inventory {
        nodes: vec![node("n")],
        pods: vec![pod("chat-0", own, 2.0)],
        ..Inventory::default()
    };
    let reading = with(twice, inventory);
    let snapshot = joined(&reading);
    let coverage = snapshot.workloads[0].measured(Signal::GpuUtil, reading.grid).coverage();
    assert_eq!(coverage.ratio(), 0.5);
}

#[test]
fn a_pod_that_starts_again_elsewhere_holds_one_gpu_after_the_other() {
    let moved = vec![
        series(Signal::GpuUtil, "chat-0", &[], 0..701),
        series(
            Signal::GpuUtil,
            "chat-0",
            &[("UUID", "GPU-2"), ("Hostname", "a")],
            700..POINTS,
        ),
    ];
    // Each keeps what was measured of it, both the step of the handover.
    let workload = measured_alone(moved.clone());
    assert_eq!(told(&workload), (1.0, 2, POINTS + 1, false));
    assert_eq!(workload.pods[0].node.as_deref(), Some("a"), "where it is now");
    // Two at once are two.
    let both = vec![
        series(Signal::GpuUtil, "chat-0", &[], 0..POINTS),
        series(Signal::GpuUtil, "chat-0", &[("UUID", "GPU-2")], 0..POINTS),
        series(Signal::GpuUtil, "chat-0", &[("UUID", "GPU-3")], 1000..POINTS),
    ];
    assert_eq!(told(&measured_alone(both)).0, 3.0);
    // With Kubernetes, the life before it is another's, and the GPU that it left is not its own.
    let own = Some(("ai.example.com/v1", "ModelServer", "chat"));
    let mut again = pod("chat-0", own, 1.0);
    again.started = Some(at("2026-11-20T11:40:00Z"));
    let inventory = Inventory {
        nodes: vec![node("n")],
        pods: vec![again],
        ..Inventory::default()
    };
    let snapshot = joined(&with(moved, inventory));
    let (_, devices, samples, shared) = told(&snapshot.workloads[0]);
    assert_eq!((devices, samples, shared), (2, 741, false));
}

#[test]
fn a_gpu_that_comes_back_under_another_node_is_one_gpu() {
    // A cloud hands the same board out again with another machine.
    let series = vec![
        series(Signal::GpuUtil, "one-0", &[], 0..700),
        series(Signal::GpuUtil, "two-0", &[("Hostname", "m")], 720..POINTS),
    ];
    let snapshot = joined(&with(series, Inventory::default()));
    let rows: Vec<_> = snapshot.workloads.iter().map(told).collect();
    assert_eq!(
        rows.iter().map(|row| (row.1, row.2, row.3)).collect::<Vec<_>>(),
        [(1, 700, false), (1, 720, false)]
    );
    let held: f64 = rows.iter().map(|row| row.0).sum();
    assert!((held - 1420.0 / 1440.0).abs() < 1e-9, "{held}");
    let nodes: Vec<_> = snapshot.workloads.iter().map(|w| w.pods[0].node.as_deref()).collect();
    assert_eq!(nodes, [Some("n"), Some("m")]);
}

#[test]
fn clocks_that_disagree_count_nothing_twice() {
    let own = Some(("ai.example.com/v1", "ModelServer", "chat"));
    let started = |when: &str| {
        let mut late = pod("chat-0", own, 1.0);
        late.started = Some(at(when));
        let inventory = Inventory {
            nodes: vec![node("n")],
            pods: vec![late],
            ..Inventory::default()
        };
        joined(&with(
            vec![series(Signal::GpuUtil, "chat-0", &[], 0..POINTS)],
            inventory,
        ))
    };
    // The node's clock is ten minutes ahead of Prometheus': the pod seems to begin after its first samples.
    let ahead = started("2026-11-20T00:10:00Z");
    let (gpus, devices, samples, shared) = told(&ahead.workloads[0]);
    assert_eq!(
        (ahead.workloads.len(), devices, samples, shared),
        (1, 1, POINTS - 10, false)
    );
    assert!((gpus - 1430.0 / 1440.0).abs() < 1e-9, "{gpus}");
    // It seems to begin after the window: what was measured is one pod's, and no pod holds more.
    let beyond = started("2026-11-21T00:10:00Z");
    let held: f64 = beyond.workloads.iter().map(|workload| workload.gpus.get()).sum();
    assert_eq!((beyond.workloads.len(), held), (1, 1.0), "{:?}", self::held(&beyond));
    assert_eq!(beyond.gpus_with_metrics, 1);
}
