//! A world as OpenCost answers about it, for any window inside it.

use serde_json::{Map, Value, json};

use super::fleet::Node;
use super::kubernetes::stamp;
use super::objects;
use super::pods::Pod;
use super::streams::container_of;
use super::{CLUSTER, END, World};

/// How OpenCost splits a node's price over cores, GiB and GPUs where the provider has no price of a GPU
/// (`configs/aws.json`).
const SPLIT: [f64; 3] = [0.031_611, 0.004_237, 0.95];

/// What costs besides nodes: type, name, dollars an hour.
pub fn others(world: &World) -> Vec<(&'static str, String, f64)> {
    let models = world
        .workloads
        .iter()
        .filter(|workload| workload.server.is_some())
        .count();
    // gp3 at 0.08 dollars a GiB and month, a load balancer at 0.0225 an hour, an EKS control plane at 0.10 (us-east-1 list).
    let gib_hour = 0.08 / 730.0;
    let mut others = vec![
        ("Disk", "pvc-model-cache".to_owned(), 400.0 * models as f64 * gib_hour),
        ("Disk", "pvc-datasets".to_owned(), 8_000.0 * gib_hour),
        ("LoadBalancer", "ingress/gateway".to_owned(), 0.0225),
        ("ClusterManagement", "eks".to_owned(), 0.10),
    ];
    let roots = world
        .nodes
        .iter()
        .map(|node| ("Disk", format!("root-{}", node.instance_id), 200.0 * gib_hour));
    others.extend(roots);
    others
}

fn envelope(data: Value) -> Value {
    json!({"code": 200, "status": "success", "data": data, "message": "", "warning": ""})
}

/// Rounded as OpenCost rounds: five decimals.
fn cents(value: f64) -> f64 {
    (value * 1e5).round() / 1e5
}

/// The part of a node's price that is for its cores, its memory and its GPUs, an hour each.
fn parts(node: &Node) -> [f64; 3] {
    let amounts = [
        node.instance.vcpus,
        node.instance.memory_gib,
        f64::from(node.instance.gpus),
    ];
    let weights = [0, 1, 2].map(|at| amounts[at] * SPLIT[at]);
    let sum: f64 = weights.iter().sum();
    weights.map(|weight| node.hourly() * weight / sum)
}

fn span(from: i64, to: i64) -> Value {
    json!({"start": stamp(from), "end": stamp(to)})
}

impl World {
    /// `GET /assets?window=FROM,TO`: everything that cost in the part of the window that lies in this world.
    pub fn opencost_assets(&self, from: i64, to: i64) -> Value {
        let (begin, end) = (from.max(self.start), to.min(END));
        let minutes = ((end - begin).max(0) / 60) as f64;
        let mut assets = Map::new();
        if minutes > 0.0 {
            for node in &self.nodes {
                let key = format!(
                    "AWS/__undefined__/northlight/Compute/{CLUSTER}/Node/Kubernetes/{}/{}",
                    node.instance_id, node.name
                );
                assets.insert(key, node_asset(node, (from, to), (begin, end)));
            }
            for (kind, name, hourly) in others(self) {
                let category = if kind == "Disk" {
                    "Storage"
                } else if kind == "LoadBalancer" {
                    "Network"
                } else {
                    "Management"
                };
                let key = format!("AWS/__undefined__/northlight/{category}/{CLUSTER}/{kind}/Kubernetes/{name}/{name}");
                let cost = cents(hourly * minutes / 60.0);
                let asset = json!({
                    "type": kind,
                    "properties": {
                        "category": category, "provider": "AWS", "account": "northlight", "service": "Kubernetes",
                        "cluster": CLUSTER, "name": name, "providerID": name,
                    },
                    "labels": {}, "window": span(from, to), "start": stamp(begin), "end": stamp(end), "minutes": minutes,
                    "adjustment": 0.0, "totalCost": cost,
                });
                assets.insert(key, asset);
            }
        }
        envelope(Value::Object(assets))
    }

    /// `GET /allocation?window=FROM,TO`: one set, by cluster, node, namespace, pod and container; `idle` as
    /// `includeIdle=true`.
    pub fn opencost_allocation(&self, from: i64, to: i64, idle: bool) -> Value {
        let (begin, end) = (from.max(self.start), to.min(END));
        let mut set = Map::new();
        let mut rest: Vec<[f64; 3]> = self
            .nodes
            .iter()
            .map(|node| parts(node).map(|part| cents(part * (end - begin).max(0) as f64 / 3600.0)))
            .collect();
        let serving = |pod: &super::pods::Pod| self.workloads[pod.workload].server.is_some();
        let served: f64 = self
            .pods
            .iter()
            .filter(|pod| serving(pod))
            .map(|pod| (pod.ended.unwrap_or(END).min(end) - pod.started.max(begin)).max(0) as f64)
            .sum();
        for pod in &self.pods {
            let (first, last) = (pod.started.max(begin), pod.ended.unwrap_or(END).min(end));
            let hours = (last - first) as f64 / 3600.0;
            if hours <= 0.0 {
                continue;
            }
            let (workload, node) = (&self.workloads[pod.workload], &self.nodes[pod.slot.node]);
            let [cpu, ram, gpu] = parts(node);
            let held = f64::from(workload.gpus);
            let cpu_cost = cents(cpu * workload.request.cpu / node.instance.vcpus * hours);
            let ram_cost = cents(ram * workload.request.memory_gib / node.instance.memory_gib * hours);
            let gpu_cost = cents(gpu * held / f64::from(node.instance.gpus) * hours);
            for (rest, cost) in rest[pod.slot.node].iter_mut().zip([cpu_cost, ram_cost, gpu_cost]) {
                *rest -= cost;
            }
            // The cache of models is mounted by every model server alike.
            let volumes = match serving(pod) {
                true => self.disk("pvc-model-cache") * (end - begin) as f64 / 3600.0 * (last - first) as f64 / served,
                false => 0.0,
            };
            let pv_cost = cents(volumes);
            let ram_bytes = workload.request.memory_gib * 1_073_741_824.0;
            let container = container_of(workload);
            let name = format!(
                "{CLUSTER}/{}/{}/{}/{container}",
                node.name, workload.namespace, pod.name
            );
            let (kind, controller) = controller(pod).unzip();
            let allocation = json!({
                "name": name,
                "properties": {
                    "cluster": CLUSTER, "node": node.name, "container": container, "namespace": workload.namespace,
                    "pod": pod.name, "controller": controller, "controllerKind": kind,
                    "providerID": node.instance_id, "labels": sanitised(objects::pod_labels(self, pod)),
                },
                "window": span(from, to), "start": stamp(first), "end": stamp(last), "minutes": cents(hours * 60.0),
                "cpuCores": workload.request.cpu, "cpuCoreRequestAverage": workload.request.cpu,
                "cpuCoreHours": cents(workload.request.cpu * hours), "cpuCost": cpu_cost, "cpuCostAdjustment": 0.0,
                "gpuCount": held, "gpuHours": cents(held * hours), "gpuCost": gpu_cost, "gpuCostAdjustment": 0.0,
                "networkCost": 0.0, "loadBalancerCost": 0.0, "pvCost": pv_cost, "pvCostAdjustment": 0.0, "pvs": null,
                "ramBytes": ram_bytes, "ramByteRequestAverage": ram_bytes, "ramByteHours": cents(ram_bytes * hours),
                "ramCost": ram_cost, "ramCostAdjustment": 0.0, "sharedCost": 0.0, "externalCost": 0.0,
                "totalCost": cents(cpu_cost + ram_cost + gpu_cost + pv_cost), "rawAllocationOnly": null,
                "gpuAllocation": {
                    "gpuDevice": format!("nvidia{}", pod.slot.devices[0]), "gpuModel": node.instance.gpu.product,
                    "gpuUUID": node.uuids[pod.slot.devices[0]], "isGPUShared": false,
                    "gpuUsageAverage": null, "gpuRequestAverage": held,
                },
            });
            set.insert(name, allocation);
        }
        if idle && end > begin {
            self.unheld(&rest, (begin, end), &mut set);
        }
        envelope(json!([set]))
    }

    /// What no pod holds: the rest of each node, and the volume of datasets, which nobody mounts.
    fn unheld(&self, rest: &[[f64; 3]], (begin, end): (i64, i64), set: &mut Map<String, Value>) {
        let minutes = ((end - begin) / 60) as f64;
        // Whatever it is asked, it makes one of what is idle of all nodes.
        let [cpu, ram, gpu] = rest
            .iter()
            .fold([0.0; 3], |sum, one| [0, 1, 2].map(|at| sum[at] + one[at]));
        let idle = json!({
            "name": "__idle__", "properties": {"cluster": CLUSTER},
            "window": span(begin, end), "start": stamp(begin), "end": stamp(end), "minutes": minutes,
            "cpuCost": cents(cpu), "ramCost": cents(ram), "gpuCost": cents(gpu), "gpuHours": 0.0, "pvCost": 0.0,
            "totalCost": cents(cpu + ram + gpu), "gpuAllocation": null,
        });
        set.insert("__idle__".to_owned(), idle);
        let cost = cents(self.disk("pvc-datasets") * minutes / 60.0);
        let name = format!("{CLUSTER}/__unmounted__/__unmounted__/__unmounted__/__unmounted__");
        let allocation = json!({
            "name": name, "properties": {"cluster": CLUSTER, "namespace": "__unmounted__", "pod": "__unmounted__"},
            "window": span(begin, end), "start": stamp(begin), "end": stamp(end), "minutes": minutes,
            "cpuCost": 0.0, "ramCost": 0.0, "gpuCost": 0.0, "pvCost": cost, "totalCost": cost,
        });
        set.insert(name, allocation);
    }

    /// What a volume costs an hour.
    fn disk(&self, name: &str) -> f64 {
        let found = others(self).into_iter().find(|(_, own, _)| own == name);
        found.map_or(0.0, |(_, _, hourly)| hourly)
    }
}

/// Label names as Prometheus allows them.
fn sanitised(labels: objects::Words) -> objects::Words {
    let clean = |name: String| name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    labels.into_iter().map(|(name, value)| (clean(name), value)).collect()
}

fn node_asset(node: &Node, window: (i64, i64), (begin, end): (i64, i64)) -> Value {
    let hours = (end - begin) as f64 / 3600.0;
    let [cpu, ram, gpu] = parts(node).map(|part| cents(part * hours));
    let (instance, ram_bytes) = (node.instance, node.instance.memory_gib * 1_073_741_824.0);
    let labels: objects::Words = sanitised(objects::node_labels(node))
        .into_iter()
        .map(|(name, value)| (format!("label_{name}"), value))
        .collect();
    json!({
        "type": "Node",
        "properties": {
            "category": "Compute", "provider": "AWS", "account": "northlight", "service": "Kubernetes", "cluster": CLUSTER,
            "name": node.name, "providerID": node.instance_id,
        },
        "labels": labels, "window": span(window.0, window.1), "start": stamp(begin), "end": stamp(end),
        "minutes": hours * 60.0, "nodeType": instance.name, "pool": node.pool.name, "cpuCores": instance.vcpus,
        "ramBytes": ram_bytes, "cpuCoreHours": instance.vcpus * hours, "ramByteHours": ram_bytes * hours,
        "GPUHours": f64::from(instance.gpus) * hours,
        "cpuBreakdown": {"idle": 0.8, "other": 0.0, "system": 0.05, "user": 0.15},
        "ramBreakdown": {"idle": 0.6, "other": 0.0, "system": 0.05, "user": 0.35},
        "preemptible": if node.pool.capacity == "spot" { 1.0 } else { 0.0 }, "discount": 0.0,
        "cpuCost": cpu, "gpuCost": gpu, "gpuCount": f64::from(instance.gpus), "ramCost": ram, "adjustment": 0.0,
        "overhead": null, "totalCost": cents(node.hourly() * hours),
    })
}

/// The controller that OpenCost tells of a pod: the direct one, a Deployment instead of its ReplicaSet, the ReplicaSet of anything else
/// as a rollout; of kinds that it does not know, none.
fn controller(pod: &Pod) -> Option<(&'static str, String)> {
    let direct = pod.owners.first()?;
    let above = pod.owners.get(1);
    let kind = match direct.kind {
        "ReplicaSet" => match above {
            Some(above) if above.kind == "Deployment" => return Some(("deployment", above.name.clone())),
            Some(_) => "rollout",
            None => "replicaset",
        },
        "StatefulSet" => "statefulset",
        "DaemonSet" => "daemonset",
        "Job" => "job",
        _ => return None,
    };
    Some((kind, direct.name.clone()))
}
