//! The objects of a case, and the series that its exporters would name after them.

use std::collections::BTreeMap;

use gpuwise::catalog::Catalog;
use gpuwise::model::budget::DisruptionBudget;
use gpuwise::model::cluster::{
    Container, Controller, Hpa, Inventory, Labels, ObjectRef, OwnerRecord, Pod, PodRecord, Port, Resources,
};
use gpuwise::model::gpu::GpuModel;
use gpuwise::model::reading::{Reading, Series};
use gpuwise::model::time::{Grid, Window};
use gpuwise::model::usage::{Column, Signal};
use jiff::Timestamp;
use serde_json::Value;

use super::file::{Case, Node, Workload, seconds};
use super::queues::{pending, queues};
use super::signals::{Of, column, lay};
use crate::generator::hardware::{A10G, A100_40, A100_80, Gpu, H100, L4, L40S, T4};

/// One pod of a workload: where it ran, on which devices of the node, and from when to when, in seconds of the window.
struct Placed<'a> {
    node: &'a Node,
    devices: Vec<u32>,
    life: (i64, i64),
    /// Which run it is of, and which pod among all of its workload.
    run: usize,
}

impl Case {
    /// What Prometheus and Kubernetes would have answered.
    pub(crate) fn reading(&self, catalog: &Catalog) -> Reading {
        let grid = self.grid();
        let mut reading = Reading {
            cluster: "case".to_owned(),
            grid,
            currency: "USD".to_owned(),
            inventory: Inventory {
                nodes: (self.nodes.iter().filter(|node| !node.gone))
                    .map(|node| node.read(grid, catalog))
                    .collect(),
                node_pools: self.node_pools(),
                queues: queues(self.waiting, grid),
                pods: pending(self.pending).into_iter().collect(),
                node_costs: self.nodes.iter().filter_map(|node| node.bill(catalog)).collect(),
                ..Inventory::default()
            },
            series: Vec::new(),
            requests: Vec::new(),
            asked: Signal::ALL.to_vec(),
            gaps: Vec::new(),
        };
        let mut taken: BTreeMap<&str, u32> = BTreeMap::new();
        for workload in &self.workloads {
            let placed = self.place(workload, &mut taken);
            for (number, pod) in placed.iter().enumerate() {
                workload.add_pod(pod, number, grid, &mut reading.inventory);
            }
            let budget = workload.budget.map(|allowed| DisruptionBudget {
                namespace: workload.namespace.clone(),
                name: workload.name.clone(),
                match_labels: workload.labels.clone(),
                allowed,
                ..DisruptionBudget::default()
            });
            reading.inventory.disruption_budgets.extend(budget);
            workload.add_series(&placed, grid, catalog, &mut reading.series);
            workload.add_requests(grid, &mut reading);
        }
        reading.settle();
        reading
    }

    fn grid(&self) -> Grid {
        let end = self.window.ends;
        let start = Timestamp::from_second(end.as_second() - self.window.days * 86_400).unwrap();
        let step_seconds = u32::try_from(seconds(self.window.step)).unwrap();
        Grid {
            window: Window { start, end },
            step_seconds,
        }
    }

    /// Pods on the next free devices of their nodes; runs of one entry follow each other on the same ones.
    fn place<'a>(&'a self, workload: &'a Workload, taken: &mut BTreeMap<&'a str, u32>) -> Vec<Placed<'a>> {
        let length = self.window.days * 86_400;
        let mut placed = Vec::new();
        for pods in &workload.pods {
            let node = self.nodes.iter().find(|node| node.name == pods.node);
            let node = node.unwrap_or_else(|| panic!("no node is called {}", pods.node));
            for _ in 0..pods.count {
                let next = taken.entry(&node.name).or_default();
                let first = pods.gpu.unwrap_or(*next);
                *next = (*next).max(first + workload.gpus);
                for (run, life) in pods.when().spans(length).into_iter().enumerate() {
                    let lives = pods.lives(run, life).into_iter();
                    placed.extend(lives.map(|life| Placed {
                        node,
                        devices: (first..first + workload.gpus).collect(),
                        life,
                        run,
                    }));
                }
            }
        }
        placed
    }
}

/// A day before the window.
pub(super) const BEFORE: i64 = -86_400;

/// So many seconds after the window's beginning.
pub(super) fn at(grid: Grid, second: i64) -> Timestamp {
    Timestamp::from_second(grid.window.start.as_second() + second).unwrap()
}

pub(super) fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).into_iter().collect()
}

pub(super) fn gpu_of(node: &Node, catalog: &Catalog) -> &'static Gpu {
    let listed = catalog.instance(&node.instance_type);
    let listed = listed.unwrap_or_else(|| panic!("no instance type is called {}", node.instance_type));
    let known = [&H100, &A100_80, &A100_40, &L40S, &L4, &A10G, &T4];
    let found = known
        .into_iter()
        .find(|gpu| listed.gpu == GpuModel(gpu.model.to_owned()));
    found.unwrap_or_else(|| panic!("what the driver calls {} is not told here", listed.gpu))
}

/// The owners of a pod, the nearest first: kind and name.
fn owners(kind: &str, name: &str, run: usize) -> Vec<(String, String)> {
    let chain = |links: &[(&str, String)]| links.iter().map(|(k, n)| ((*k).to_owned(), n.clone())).collect();
    let of_run = format!("{name}-{}", 100 + run);
    match kind {
        "Deployment" => chain(&[("ReplicaSet", format!("{name}-6c9d8f7b5")), (kind, name.to_owned())]),
        "Notebook" => chain(&[("StatefulSet", name.to_owned()), (kind, name.to_owned())]),
        "CronJob" => chain(&[("Job", of_run), (kind, name.to_owned())]),
        "StatefulSet" => chain(&[(kind, name.to_owned())]),
        "Job" | "PyTorchJob" => chain(&[(kind, of_run)]),
        "Pod" => Vec::new(),
        other => panic!("how a {other} owns its pods is not told here"),
    }
}

fn api_version(kind: &str) -> &'static str {
    match kind {
        "Notebook" | "PyTorchJob" => "kubeflow.org/v1",
        "Job" | "CronJob" => "batch/v1",
        _ => "apps/v1",
    }
}

impl Workload {
    fn pod_name(&self, number: usize, run: usize) -> String {
        match self.kind.as_str() {
            "Job" | "PyTorchJob" | "CronJob" => format!("{}-{}-worker-{number}", self.name, 100 + run),
            _ => format!("{}-{number}", self.name),
        }
    }

    fn requests(&self) -> Resources {
        let mut requests = self.gpu_requests();
        requests.extend(self.cpu.map(|cpu| ("cpu".to_owned(), cpu)));
        let bytes = |memory: &super::file::Amount| memory.get() * 1024.0 * 1024.0;
        requests.extend(self.memory.as_ref().map(|memory| ("memory".to_owned(), bytes(memory))));
        requests
    }

    fn gpu_requests(&self) -> Resources {
        let resource = match &self.slice {
            Some(profile) => format!("nvidia.com/mig-{profile}"),
            None => "nvidia.com/gpu".to_owned(),
        };
        Resources::from([(resource, f64::from(self.gpus))])
    }

    /// The pod as the API shows it while it is there, its record in kube-state-metrics, its owners.
    fn add_pod(&self, pod: &Placed<'_>, number: usize, grid: Grid, inventory: &mut Inventory) {
        let at = |second: i64| at(grid, second);
        let length = grid.window.end.as_second() - grid.window.start.as_second();
        let runs = pod.life.1 == length;
        let name = self.pod_name(number, pod.run);
        let owners = owners(&self.kind, &self.name, pod.run);
        let reference = |(kind, name): &(String, String)| ObjectRef {
            api_version: api_version(kind).to_owned(),
            kind: kind.clone(),
            name: name.clone(),
            uid: Some(format!("{}/{kind}/{name}", self.namespace)),
        };
        let begins = self.start.filter(|_| pod.life.0 > 0).map(super::file::seconds);
        inventory.pod_history.push(PodRecord {
            namespace: self.namespace.clone(),
            name: name.clone(),
            uid: Some(format!("{}/{name}", self.namespace)),
            node: Some(pod.node.name.clone()),
            owner_kind: owners.first().map(|(kind, _)| kind.clone()),
            owner_name: owners.first().map(|(_, name)| name.clone()),
            requests: self.gpu_requests(),
            first: at(pod.life.0),
            last: at(pod.life.1),
            created: begins.map(|_| at(pod.life.0)),
            ready: begins.map(|start| at(pod.life.0 + start)),
        });
        for (depth, owner) in owners.iter().enumerate() {
            let above = owners.get(depth + 1);
            inventory.owner_history.extend(above.map(|above| OwnerRecord {
                namespace: self.namespace.clone(),
                kind: owner.0.clone(),
                name: owner.1.clone(),
                owner_kind: above.0.clone(),
                owner_name: above.1.clone(),
            }));
            // Of runs that are over only history tells.
            if runs || !matches!(owner.0.as_str(), "Job" | "PyTorchJob") {
                inventory.controllers.push(Controller {
                    this: reference(owner),
                    namespace: self.namespace.clone(),
                    owner: above.map(reference),
                    labels: (self.labels.clone().into_iter().chain(self.owner_labels.clone())).collect(),
                    annotations: self.owner_annotations.clone(),
                    replicas: None,
                    deployed: None,
                    args: Vec::new(),
                });
            }
        }
        self.add_autoscaler(inventory);
        if runs {
            inventory.pods.push(Pod {
                namespace: self.namespace.clone(),
                uid: format!("{}/{name}", self.namespace),
                name,
                node: Some(pod.node.name.clone()),
                phase: "Running".to_owned(),
                labels: self.labels.clone(),
                annotations: self.annotations.clone(),
                owner: owners.first().map(reference),
                containers: vec![self.container()],
                scheduling: self.scheduling.clone(),
                // One that was there when the window began is older.
                started: Some(at(if pod.life.0 == 0 { BEFORE } else { pod.life.0 })),
                ..Pod::default()
            });
        }
    }

    fn container(&self) -> Container {
        Container {
            name: "main".to_owned(),
            image: self.image.clone(),
            args: self.args.split_whitespace().map(str::to_owned).collect(),
            env: Labels::new(),
            requests: self.requests(),
            // A Deployment of a case is a service, and looks like one.
            ports: Vec::from_iter((self.kind == "Deployment").then(|| Port {
                number: 8080,
                name: "http".to_owned(),
            })),
            probed: self.kind == "Deployment",
            ..Container::default()
        }
    }

    fn add_autoscaler(&self, inventory: &mut Inventory) {
        let known = inventory.hpas.iter().any(|hpa| hpa.name == self.name);
        let bounds = |spec: &Value, fewest: &str, most: &str| {
            let count = |field: &str| u32::try_from(spec[field].as_u64().unwrap()).unwrap();
            (count(fewest), count(most))
        };
        let of_spec = |spec| bounds(spec, "minReplicas", "maxReplicas");
        let of_object = |spec| bounds(spec, "minReplicaCount", "maxReplicaCount");
        let given = self.hpa.or_else(|| self.hpa_spec.as_ref().map(of_spec));
        let given = given.or_else(|| self.scaled_object.as_ref().map(of_object));
        let Some((min_replicas, max_replicas)) = given.filter(|_| !known) else {
            return;
        };
        inventory.hpas.push(Hpa {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            target: ObjectRef {
                api_version: api_version(&self.kind).to_owned(),
                kind: self.kind.clone(),
                name: self.name.clone(),
                uid: None,
            },
            min_replicas,
            max_replicas,
            spec: self.hpa_spec.clone(),
            scaled_object: self.scaled_object.clone(),
        });
    }

    fn add_series(&self, placed: &[Placed<'_>], grid: Grid, catalog: &Catalog, series: &mut Vec<Series>) {
        for (signal, layers) in &self.signals {
            let laid = lay(*signal, layers, grid);
            for (number, pod) in placed.iter().enumerate() {
                let name = self.pod_name(number, pod.run);
                let labels: Vec<Labels> = match signal.is_gpu() {
                    true => pod
                        .devices
                        .iter()
                        .map(|at| self.device_labels(pod.node, *at, &name, catalog))
                        .collect(),
                    false => vec![self.server_labels(&name)],
                };
                let (pod, run, life) = (number, pod.run, pod.life);
                let told = labels.into_iter().enumerate().map(|(gpu, labels)| Series {
                    signal: *signal,
                    labels,
                    column: column(*signal, &laid, Of { pod, run, gpu }, life, grid),
                });
                series.extend(told.filter(|series| series.column.count() > 0));
            }
        }
        for (number, pod) in placed.iter().enumerate() {
            let mut labels = self.server_labels(&self.pod_name(number, pod.run));
            labels.extend(self.cache_config.clone().unwrap_or_default());
            series.extend(self.cache_config.is_some().then(|| Series {
                signal: Signal::CacheConfig,
                labels,
                column: Column::from_options(vec![Some(1.0); grid.points()]),
            }));
        }
    }

    /// As dcgm-exporter names a device, scraped without `honorLabels`. The slices of a GPU carry its UUID.
    fn device_labels(&self, node: &Node, at: u32, pod: &str, catalog: &Catalog) -> Labels {
        let gpu = gpu_of(node, catalog);
        let on_one = self.slice.as_ref().map_or(1, |slice| {
            let mut profiles = catalog.mig_profiles(catalog.model_named(gpu.model).unwrap());
            profiles.find(|row| row.profile == *slice).unwrap().max_per_gpu
        });
        let board = at / on_one;
        let mut labels = labels([
            ("UUID", &format!("GPU-{}-{board}", node.name)),
            ("gpu", &board.to_string()),
            ("modelName", gpu.product),
            ("Hostname", &node.name),
            ("namespace", "gpu-operator"),
            ("pod", "nvidia-dcgm-exporter-x7k2p"),
            ("container", "nvidia-dcgm-exporter"),
            ("exported_namespace", &self.namespace),
            ("exported_pod", pod),
            ("exported_container", "main"),
        ]);
        if let Some(slice) = &self.slice {
            labels.insert("GPU_I_ID".to_owned(), (at % on_one + 7).to_string());
            labels.insert("GPU_I_PROFILE".to_owned(), slice.clone());
        }
        labels
    }

    fn server_labels(&self, pod: &str) -> Labels {
        labels([("namespace", &self.namespace), ("pod", pod), ("engine", "0")])
    }
}
