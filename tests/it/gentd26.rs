//! GenTD26 (Alibaba, `cluster-trace-v2026-GenAI`): a day of an image-generation service as DCGM would have shown it, on
//! 80 GiB GPUs, with GPUs of 16, 24 and 48 GiB approved. The data is not part of the project; without it the test says so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::model::cluster::{Container, Controller, Inventory, Labels, Node, ObjectRef, Pod};
use gpuwise::model::progress::Silent;
use gpuwise::model::reading::{Reading, Series};
use gpuwise::model::scenario::Move;
use gpuwise::model::time::{Grid, Window};
use gpuwise::model::usage::{Column, Signal};
use gpuwise::pipeline;
use jiff::Timestamp;

const APPROVED: &str = "objectives:\n  approved_gpus: [T4, L4, A10G, L40S]\n";

/// Timestamps are scaled by this, so that 57 seconds of the file are a minute.
const SCALE: f64 = 0.95;

fn folder() -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let given = std::env::var_os("GPUWISE_GENTD26").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| root.join("../shared/data/gentd26"));
    folder.is_dir().then_some(folder)
}

/// Value by pod and minute.
fn read(folder: &std::path::Path, file: &str) -> BTreeMap<String, Vec<(i64, f64)>> {
    let mut rows: BTreeMap<String, Vec<(i64, f64)>> = BTreeMap::new();
    let mut table = csv::Reader::from_path(folder.join(file)).unwrap();
    let header = table.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|known| known == name).unwrap();
    let (value, time, pod) = (column("value"), column("timestamp_anon"), column("container_ip"));
    for row in table.records() {
        let row = row.unwrap();
        let number = |at: usize| row[at].parse::<f64>().ok();
        if let Some((value, time)) = number(value).zip(number(time)) {
            rows.entry(row[pod].to_owned())
                .or_default()
                .push(((time / SCALE) as i64, value));
        }
    }
    rows
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

struct Trace {
    memory: BTreeMap<String, Vec<(i64, f64)>>,
    duty: BTreeMap<String, Vec<(i64, f64)>>,
}

impl Trace {
    fn grid(&self) -> Grid {
        let times = || self.memory.values().flatten().map(|(time, _)| *time);
        let (first, last) = (times().min().unwrap() / 60 * 60, times().max().unwrap() / 60 * 60);
        Grid {
            window: Window {
                start: Timestamp::from_second(first - 60).unwrap(),
                end: Timestamp::from_second(last + 60).unwrap(),
            },
            step_seconds: 60,
        }
    }

    fn column(rows: &[(i64, f64)], grid: Grid, scale: f64) -> Column {
        let mut column = Column::gaps(grid.points());
        for (time, value) in rows {
            let Some(at) = grid.index_of(*time) else { continue };
            // Two samples in one minute: the larger, as the reader asks for.
            let value = column.get(at).map_or(value * scale, |known| known.max(value * scale));
            column.set(at, value);
        }
        column
    }

    /// Each pod a Deployment of its own, eight on a node with as many A100 of 80 GiB, in a pool that consolidates.
    fn reading(&self) -> Reading {
        let grid = self.grid();
        let mut inventory = Inventory::default();
        let mut series = Vec::new();
        for (number, pod) in self.memory.keys().enumerate() {
            let (name, node) = (format!("image-{number:02}"), format!("node-{:02}", number / 8));
            if number % 8 == 0 {
                inventory.nodes.push(node_of(&node));
            }
            let owner = ObjectRef {
                api_version: "apps/v1".to_owned(),
                kind: "Deployment".to_owned(),
                name: name.clone(),
                uid: Some(name.clone()),
            };
            inventory.controllers.push(Controller {
                this: owner.clone(),
                namespace: "image".to_owned(),
                owner: None,
                labels: Labels::new(),
                annotations: Labels::new(),
                replicas: Some(1),
                deployed: None,
                args: Vec::new(),
            });
            inventory
                .pods
                .push(pod_of(&name, &node, owner, &self.memory[pod], grid));
            let device = labels(&[
                ("UUID", &format!("GPU-{pod}")),
                ("modelName", "NVIDIA A100-SXM4-80GB"),
                ("Hostname", &node),
                ("exported_namespace", "image"),
                ("exported_pod", &format!("{name}-0")),
            ]);
            let mut add = |signal, column| {
                series.push(Series {
                    signal,
                    labels: device.clone(),
                    column,
                })
            };
            add(
                Signal::MemoryUsed,
                Self::column(&self.memory[pod], grid, 1.0 / (1024.0 * 1024.0)),
            );
            if let Some(duty) = self.duty.get(pod) {
                add(Signal::GpuUtil, Self::column(duty, grid, 1.0));
            }
        }
        let mut reading = Reading {
            cluster: "gentd26".to_owned(),
            grid,
            currency: "USD".to_owned(),
            inventory,
            series,
            requests: Vec::new(),
            asked: vec![Signal::GpuUtil, Signal::MemoryUsed],
            gaps: Vec::new(),
        };
        reading.settle();
        reading
    }
}

fn node_of(name: &str) -> Node {
    Node {
        name: name.to_owned(),
        labels: labels(&[
            ("node.kubernetes.io/instance-type", "p4de.24xlarge"),
            ("nvidia.com/gpu.product", "NVIDIA-A100-SXM4-80GB"),
            ("karpenter.sh/nodepool", "image"),
        ]),
        allocatable: BTreeMap::from([("nvidia.com/gpu".to_owned(), 8.0)]),
        ..Node::default()
    }
}

/// A pod that lives from its first sample to its last, and still runs where that is the trace's end.
fn pod_of(name: &str, node: &str, owner: ObjectRef, samples: &[(i64, f64)], grid: Grid) -> Pod {
    let times = || samples.iter().map(|(time, _)| *time);
    let (first, last) = (times().min().unwrap() - 60, times().max().unwrap());
    let ended = last + 600 < grid.window.end.as_second();
    Pod {
        namespace: "image".to_owned(),
        name: format!("{name}-0"),
        uid: format!("{name}-0"),
        node: Some(node.to_owned()),
        phase: if ended { "Succeeded" } else { "Running" }.to_owned(),
        labels: Labels::new(),
        annotations: Labels::new(),
        owner: Some(owner),
        containers: vec![Container {
            name: "pipeline".to_owned(),
            requests: BTreeMap::from([("nvidia.com/gpu".to_owned(), 1.0)]),
            ..Container::default()
        }],
        node_selector: Labels::new(),
        started: Timestamp::from_second(first).ok(),
        finished: Timestamp::from_second(last).ok().filter(|_| ended),
        ..Pod::default()
    }
}

#[test]
fn no_pod_gets_less_than_its_peak_and_most_that_fit_are_found() {
    let Some(folder) = folder() else {
        println!("skipped: GenTD26 is not here; point GPUWISE_GENTD26 at its folder");
        return;
    };
    let trace = Trace {
        memory: read(&folder, "pod_gpu_memory_used_bytes_anon.csv"),
        duty: read(&folder, "pod_gpu_duty_cycle_anon.csv"),
    };
    let reading = trace.reading();
    let catalog = Catalog::shipped().unwrap();
    let judge = Judge::new(&[("approved.yaml".to_owned(), APPROVED.to_owned())], catalog.clone()).unwrap();
    let plan = pipeline::analyze(&reading, &judge, &Scope::default(), &Silent).unwrap();
    let mut fit = 0;
    let mut found = 0;
    for (number, pod) in trace.memory.keys().enumerate() {
        let id = plan
            .workloads
            .iter()
            .find(|row| row.name == format!("image-{number:02}"))
            .unwrap()
            .id
            .clone();
        let peak = trace.memory[pod]
            .iter()
            .map(|(_, bytes)| bytes / (1024.0 * 1024.0))
            .fold(0.0, f64::max);
        let moved = plan
            .accepted
            .iter()
            .chain(&plan.held_back)
            .find(|row| row.subject.id == id && row.levers == ["smaller-gpu"]);
        if let Some(Move::UseGpu { to, .. }) = moved.and_then(|row| row.moves.first()) {
            let memory = catalog.gpu(&to.model).unwrap().memory.mib();
            assert!(
                memory > peak,
                "image-{number:02} peaks at {peak:.0} MiB and gets {to} with {memory:.0} MiB"
            );
            found += 1;
        }
        fit += usize::from(fits_something(&trace, pod, peak, &catalog));
    }
    println!(
        "{found} of {fit} pods that fit a cheaper GPU get it, of {} pods",
        trace.memory.len()
    );
    assert!(fit > 20, "the trace has too few pods that fit: {fit}");
    assert!(found * 10 >= fit * 6, "{found} of {fit}");
}

/// Whether its peak and its load, at the 99th percentile and stretched by the ratio of bandwidths, fit an approved GPU, with
/// no margin at all.
fn fits_something(trace: &Trace, pod: &str, peak: f64, catalog: &Catalog) -> bool {
    let mut duty: Vec<f64> = trace
        .duty
        .get(pod)
        .into_iter()
        .flatten()
        .map(|(_, percent)| percent / 100.0)
        .collect();
    duty.sort_by(f64::total_cmp);
    let Some(busy) = duty.get((duty.len() * 99).div_ceil(100).saturating_sub(1)) else {
        return false;
    };
    let spec = |model: &str| catalog.gpu(catalog.model_named(model).unwrap()).unwrap().clone();
    let now = spec("A100-80GB").bandwidth_gb_per_second.unwrap();
    ["T4", "L4", "A10G", "L40S"].into_iter().map(spec).any(|target| {
        let slower = now / target.bandwidth_gb_per_second.unwrap();
        peak <= target.memory.mib() && busy * slower <= 1.0
    })
}
