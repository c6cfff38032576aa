//! API objects as plain facts, from which both the JSON of the API and the reading are made.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fleet::Node;
use super::pods::{Owner, Pod};
use super::workload::{Kind, Workload};
use super::{END, SCRAPE, World};

/// Labels or annotations.
pub type Words = BTreeMap<String, String>;

/// An object that owns pods, directly or through others.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Itself.
    pub this: Owner,
    /// Its namespace.
    pub namespace: String,
    /// Its controller.
    pub owner: Option<Owner>,
    /// Its labels.
    pub labels: Words,
    /// Its annotations.
    pub annotations: Words,
    /// `spec.replicas`.
    pub replicas: Option<u32>,
    /// Index of its workload.
    pub workload: usize,
    /// When it was made.
    pub created: i64,
}

/// The field manager of `kubectl apply`.
pub const APPLIED_BY: &str = "kubectl-client-side-apply";

impl Object {
    /// Whether it was put there by `kubectl apply`, as what nobody owns and has replicas is.
    pub fn is_applied(&self) -> bool {
        self.owner.is_none() && self.replicas.is_some()
    }
}

fn words<const N: usize>(pairs: [(&str, &str); N]) -> Words {
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .collect()
}

/// The seconds at which kube-state-metrics is scraped.
pub fn ksm_seconds(start: i64, end: i64) -> impl Iterator<Item = i64> {
    (0..(end - start) / SCRAPE).map(move |at| start + 17 + at * SCRAPE)
}

/// Those of them in `(begin, end]`.
pub fn ksm_between(start: i64, begin: i64, end: i64) -> impl Iterator<Item = i64> {
    let place = |second: i64| (second - start - 17).div_euclid(SCRAPE) + 1;
    let all = (END - start) / SCRAPE;
    (place(begin).max(0)..place(end).min(all)).map(move |at| start + 17 + at * SCRAPE)
}

/// A node's labels: the cloud's, Karpenter's and GPU feature discovery's.
pub fn node_labels(node: &Node) -> Words {
    let (gpu, count) = (node.instance.gpu, node.instance.gpus.to_string());
    let memory = gpu.memory_mib.to_string();
    let family = node.instance.name.split('.').next().unwrap_or_default();
    let mut labels = words([
        ("kubernetes.io/hostname", &node.name),
        ("kubernetes.io/arch", "amd64"),
        ("kubernetes.io/os", "linux"),
        ("node.kubernetes.io/instance-type", node.instance.name),
        ("topology.kubernetes.io/region", "us-east-1"),
        ("topology.kubernetes.io/zone", node.zone),
        ("karpenter.sh/nodepool", node.pool.name),
        ("karpenter.sh/capacity-type", node.pool.capacity),
        ("karpenter.k8s.aws/instance-family", family),
        ("karpenter.k8s.aws/instance-gpu-name", gpu.karpenter),
        ("karpenter.k8s.aws/instance-gpu-count", &count),
        ("nvidia.com/gpu.present", "true"),
        ("nvidia.com/gpu.product", &gpu.product.replace(' ', "-")),
        ("nvidia.com/gpu.count", &count),
        ("nvidia.com/gpu.memory", &memory),
    ]);
    let (major, minor) = gpu.capability;
    labels.insert("nvidia.com/gpu.compute.major".to_owned(), major.to_string());
    labels.insert("nvidia.com/gpu.compute.minor".to_owned(), minor.to_string());
    labels
}

/// What a node offers to pods: name, amount, and the quantity as the API writes it. The system keeps a twenty-fifth.
pub fn allocatable(node: &Node) -> [(&'static str, f64, String); 3] {
    let millis = (node.instance.vcpus * 960.0).round();
    let kib = (node.instance.memory_gib * 0.96 * 1_048_576.0).round();
    let gpus = node.instance.gpus;
    [
        ("cpu", millis / 1000.0, format!("{millis}m")),
        ("memory", kib * 1024.0, format!("{kib}Ki")),
        ("nvidia.com/gpu", f64::from(gpus), gpus.to_string()),
    ]
}

/// Labels that a workload's objects share.
pub fn labels(workload: &Workload) -> Words {
    let mut labels = words([("app.kubernetes.io/name", &workload.name)]);
    if let Some(team) = &workload.team {
        labels.insert("team".to_owned(), team.clone());
    }
    labels
}

/// Labels of a pod, its controller's included.
pub fn pod_labels(world: &World, pod: &Pod) -> Words {
    let workload = &world.workloads[pod.workload];
    let (owner, replica) = (pod.owners[0].name.as_str(), pod.replica.to_string());
    let top = pod.owners.last().map_or(owner, |top| top.name.as_str());
    let mut own = labels(workload);
    own.extend(match workload.kind {
        Kind::Deployment => words([("pod-template-hash", owner.rsplit('-').next().unwrap_or_default())]),
        Kind::StatefulSet => words([("apps.kubernetes.io/pod-index", &replica)]),
        Kind::Notebook => words([("notebook-name", top), ("statefulset", owner)]),
        Kind::LeaderWorkerSet => words([
            ("leaderworkerset.sigs.k8s.io/name", top),
            ("leaderworkerset.sigs.k8s.io/group-index", "0"),
            ("leaderworkerset.sigs.k8s.io/worker-index", &replica),
        ]),
        Kind::CronJob | Kind::Job => words([("batch.kubernetes.io/job-name", owner)]),
        Kind::PyTorchJob => words([
            ("training.kubeflow.org/job-name", owner),
            ("training.kubeflow.org/operator-name", "pytorchjob-controller"),
            (
                "training.kubeflow.org/replica-type",
                if pod.replica == 0 { "master" } else { "worker" },
            ),
        ]),
        Kind::JobSet => words([
            ("batch.kubernetes.io/job-name", owner),
            ("jobset.sigs.k8s.io/jobset-name", top),
            ("jobset.sigs.k8s.io/replicatedjob-name", "workers"),
        ]),
    });
    own
}

/// Annotations of a workload's pods.
pub fn pod_annotations(workload: &Workload) -> Words {
    if workload.pinned {
        words([("karpenter.sh/do-not-disrupt", "true")])
    } else {
        Words::new()
    }
}

/// How a pod finds its nodes: by product, as most charts do.
pub fn node_selector(world: &World, pod: &Pod) -> Words {
    let gpu = world.nodes[pod.slot.node].instance.gpu;
    words([("nvidia.com/gpu.product", &gpu.product.replace(' ', "-"))])
}

/// Workloads with an autoscaler, and its bounds.
pub fn autoscalers(world: &World) -> impl Iterator<Item = (&Workload, (u32, u32))> {
    world
        .workloads
        .iter()
        .filter_map(|workload| Some((workload, workload.hpa?)))
}

/// What an autoscaler was told, every default said: the API server adds none.
pub fn hpa_spec(name: &str, (least, most): (u32, u32)) -> Value {
    let policy = |kind: &str, value: u32| json!({"type": kind, "value": value, "periodSeconds": 60});
    json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "minReplicas": least, "maxReplicas": most,
        "metrics": [{"type": "Pods", "pods": {
            "metric": {"name": "vllm:num_requests_waiting"},
            "target": {"type": "AverageValue", "averageValue": "5"},
        }}],
        "behavior": {
            "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [policy("Pods", 4), policy("Percent", 100)]},
            "scaleDown": {"stabilizationWindowSeconds": 300, "selectPolicy": "Max", "policies": [policy("Percent", 50)]},
        },
    })
}

/// ReplicaSets and Jobs that were there in the window, with their controllers: namespace, owned, owner.
pub fn owned_owners(world: &World) -> Vec<(String, Owner, Owner)> {
    let mut found = Vec::new();
    for pod in &world.pods {
        if let [owned, owner, ..] = &pod.owners[..]
            && matches!(owned.kind, "ReplicaSet" | "Job")
        {
            found.push((
                world.workloads[pod.workload].namespace.clone(),
                owned.clone(),
                owner.clone(),
            ));
        }
    }
    found.sort();
    found.dedup();
    found
}

/// When an owner was there: from its first pod on, until its last pod went; what is not a run stays.
pub fn lifetime(world: &World, owner: &Owner) -> (i64, i64) {
    let own = || {
        world
            .pods
            .iter()
            .filter(|pod| pod.owners.iter().any(|other| other == owner))
    };
    let begin = own().map(|pod| pod.created).min().unwrap_or(world.start);
    let runs = own().any(|pod| world.workloads[pod.workload].kind.runs()) && owner.kind != "CronJob";
    let gone = own()
        .map(|pod| pod.deleted.unwrap_or(i64::MAX))
        .max()
        .unwrap_or(i64::MAX);
    (begin, if runs { gone } else { i64::MAX })
}

/// Every controller that exists at the window's end. A Deployment keeps its former ReplicaSets, a CronJob outlives its runs.
pub fn controllers(world: &World) -> Vec<Object> {
    let mut found: BTreeMap<(String, Owner), Object> = BTreeMap::new();
    for pod in &world.pods {
        let workload = &world.workloads[pod.workload];
        for (depth, owner) in pod.owners.iter().enumerate() {
            let place = (workload.namespace.clone(), owner.clone());
            if owner.kind == "Pod" || found.contains_key(&place) {
                continue;
            }
            let (created, gone) = lifetime(world, owner);
            if gone > END {
                let object = Object {
                    this: owner.clone(),
                    namespace: workload.namespace.clone(),
                    owner: pod.owners.get(depth + 1).cloned(),
                    labels: labels(workload),
                    annotations: annotations(workload, owner),
                    replicas: replicas(workload, pod, owner),
                    workload: pod.workload,
                    created,
                };
                found.insert(place, object);
            }
        }
    }
    found.into_values().collect()
}

/// What its owner says to gpuwise stands on the object that its owner wrote.
fn annotations(workload: &Workload, owner: &Owner) -> Words {
    match owner.kind == workload.kind.name() {
        true => workload.annotations.clone(),
        false => Words::new(),
    }
}

fn replicas(workload: &Workload, pod: &Pod, owner: &Owner) -> Option<u32> {
    match (owner.kind, workload.kind) {
        ("ReplicaSet", _) if pod.ended.is_some() => Some(0),
        ("Deployment" | "ReplicaSet", _) | ("StatefulSet", Kind::StatefulSet) => Some(workload.replicas),
        ("StatefulSet", Kind::LeaderWorkerSet) if pod.replica > 0 && owner.name.ends_with("-0") => {
            Some(workload.replicas - 1)
        }
        ("StatefulSet" | "LeaderWorkerSet", _) => Some(1),
        _ => None,
    }
}
