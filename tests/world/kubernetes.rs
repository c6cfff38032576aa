//! A world as the Kubernetes API lists it, by path, for a fake server.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::objects::{self, Object};
use super::pods::{Owner, Pod};
use super::streams::container_of;
use super::workload::Workload;
use super::{END, World};

/// Path, API version and kind of every list; a reader that asks for more gets the 404 of a group that is not served.
const LISTS: [(&str, &str, &str); 15] = [
    ("/api/v1/nodes", "v1", "Node"),
    ("/api/v1/pods", "v1", "Pod"),
    ("/apis/apps/v1/deployments", "apps/v1", "Deployment"),
    ("/apis/apps/v1/replicasets", "apps/v1", "ReplicaSet"),
    ("/apis/apps/v1/statefulsets", "apps/v1", "StatefulSet"),
    ("/apis/apps/v1/daemonsets", "apps/v1", "DaemonSet"),
    ("/apis/batch/v1/jobs", "batch/v1", "Job"),
    ("/apis/batch/v1/cronjobs", "batch/v1", "CronJob"),
    (
        "/apis/autoscaling/v2/horizontalpodautoscalers",
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
    ),
    (
        "/apis/policy/v1/poddisruptionbudgets",
        "policy/v1",
        "PodDisruptionBudget",
    ),
    ("/apis/kubeflow.org/v1/pytorchjobs", "kubeflow.org/v1", "PyTorchJob"),
    ("/apis/kubeflow.org/v1/notebooks", "kubeflow.org/v1", "Notebook"),
    (
        "/apis/jobset.x-k8s.io/v1alpha2/jobsets",
        "jobset.x-k8s.io/v1alpha2",
        "JobSet",
    ),
    (
        "/apis/leaderworkerset.x-k8s.io/v1/leaderworkersets",
        "leaderworkerset.x-k8s.io/v1",
        "LeaderWorkerSet",
    ),
    ("/apis/karpenter.sh/v1/nodepools", "karpenter.sh/v1", "NodePool"),
];

impl World {
    /// The answer to a list of every path that is served, and what discovery says of them.
    pub fn kubernetes(&self) -> BTreeMap<String, Value> {
        let mut items: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        items.insert("Node", self.nodes.iter().map(|node| node_json(self, node)).collect());
        let existing = self.pods.iter().filter(|pod| pod.exists_at(END));
        let mut pods: Vec<Value> = existing.map(|pod| pod_json(self, pod)).collect();
        pods.extend(self.nodes.iter().map(|node| exporter_json(self, node)));
        items.insert("Pod", pods);
        for object in objects::controllers(self) {
            items
                .entry(object.this.kind)
                .or_default()
                .push(object_json(self, &object));
        }
        let scaled = objects::autoscalers(self).map(|(workload, bounds)| hpa_json(self, workload, bounds));
        items.insert("HorizontalPodAutoscaler", scaled.collect());
        let budgets = self.workloads.iter().filter_map(|workload| budget_json(self, workload));
        items.insert("PodDisruptionBudget", budgets.collect());
        items.insert("NodePool", self.pools().map(node_pool_json).collect());
        let mut answers = discovery();
        for (path, version, kind) in LISTS {
            let list = json!({
                "apiVersion": version, "kind": format!("{kind}List"), "metadata": {"resourceVersion": "184467440"},
                "items": items.remove(kind).unwrap_or_default(),
            });
            answers.insert(path.to_owned(), list);
        }
        answers
    }
}

/// `/version`, `/api`, `/apis`, and the resources of every group.
fn discovery() -> BTreeMap<String, Value> {
    let version = json!({"major": "1", "minor": "35", "gitVersion": "v1.35.2-eks-3f1a2b4", "platform": "linux/amd64"});
    let core = json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []});
    let mut answers = BTreeMap::from([("/version".to_owned(), version), ("/api".to_owned(), core)]);
    let mut groups: BTreeMap<&str, Value> = BTreeMap::new();
    let mut resources: BTreeMap<(String, &str), Vec<Value>> = BTreeMap::new();
    for (path, version, kind) in LISTS {
        let (base, plural) = path.rsplit_once('/').unwrap_or((path, ""));
        let resource = json!({
            "name": plural, "singularName": kind.to_lowercase(), "namespaced": !matches!(kind, "Node" | "NodePool"), "kind": kind,
            "verbs": ["get", "list", "watch"],
        });
        resources.entry((base.to_owned(), version)).or_default().push(resource);
        if let Some((group, short)) = version.split_once('/') {
            let served = json!({"groupVersion": version, "version": short});
            groups.insert(
                group,
                json!({"name": group, "versions": [served], "preferredVersion": served}),
            );
        }
    }
    for ((base, version), list) in resources {
        let answer = json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": list});
        answers.insert(base, answer);
    }
    let list: Vec<Value> = groups.into_values().collect();
    answers.insert(
        "/apis".to_owned(),
        json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": list}),
    );
    answers
}

/// RFC 3339, as the API writes times.
pub fn stamp(second: i64) -> String {
    jiff::Timestamp::from_second(second)
        .map(|at| at.to_string())
        .unwrap_or_default()
}

fn references(owner: Option<&Owner>) -> Value {
    let one = |owner: &Owner| {
        json!([{
            "apiVersion": owner.api_version, "kind": owner.kind, "name": owner.name, "uid": owner.uid,
            "controller": true, "blockOwnerDeletion": true,
        }])
    };
    owner.map_or_else(|| json!([]), one)
}

fn node_json(world: &World, node: &super::fleet::Node) -> Value {
    let allocatable: Map<String, Value> = objects::allocatable(node)
        .into_iter()
        .map(|(name, _, quantity)| (name.to_owned(), quantity.into()))
        .collect();
    json!({
        "metadata": {
            "name": node.name, "uid": super::random::uuid(node.key), "labels": objects::node_labels(node),
            "creationTimestamp": stamp(node.created.min(world.start)), "resourceVersion": "1",
        },
        "spec": {
            "providerID": format!("aws:///{}/{}", node.zone, node.instance_id),
            "taints": [{"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}],
        },
        "status": {
            "allocatable": allocatable,
            "capacity": {
                "cpu": format!("{}", node.instance.vcpus), "memory": format!("{}Gi", node.instance.memory_gib),
                "nvidia.com/gpu": node.instance.gpus.to_string(),
            },
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    })
}

fn pod_json(world: &World, pod: &Pod) -> Value {
    let workload = &world.workloads[pod.workload];
    let phase = pod.phase_at(END);
    let state = match pod.ended {
        Some(ended) => json!({"terminated": {
            "exitCode": 0, "reason": "Completed", "startedAt": stamp(pod.started), "finishedAt": stamp(ended),
        }}),
        None => json!({"running": {"startedAt": stamp(pod.started)}}),
    };
    json!({
        "metadata": {
            "namespace": workload.namespace, "name": pod.name, "uid": pod.uid, "creationTimestamp": stamp(pod.created),
            "labels": objects::pod_labels(world, pod), "annotations": objects::pod_annotations(workload),
            "ownerReferences": references(pod.owners.first()),
        },
        "spec": pod_spec(world, workload, Some(pod)),
        "status": {
            "phase": phase, "startTime": stamp(pod.started),
            "conditions": [{
                "type": "Ready", "status": if pod.is_ready_at(END) { "True" } else { "False" },
                "lastTransitionTime": stamp(pod.ended.unwrap_or(pod.ready()).min(END)),
            }],
            "containerStatuses": [{
                "name": container_of(workload), "ready": phase == "Running", "restartCount": 0,
                "image": workload.image, "imageID": workload.image, "state": state,
            }],
        },
    })
}

/// The spec of a pod, or of the template it was made from.
fn pod_spec(world: &World, workload: &Workload, pod: Option<&Pod>) -> Value {
    let env = workload
        .env
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}));
    let secret = json!({"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}});
    let gpus = workload.gpus.to_string();
    let (cpu, memory) = (
        workload.request.cpu.to_string(),
        format!("{}Gi", workload.request.memory_gib),
    );
    let mut spec = json!({
        "containers": [{
            "name": container_of(workload), "image": workload.image, "args": workload.args,
            "env": env.chain([secret]).collect::<Vec<_>>(),
            "resources": {
                "requests": {"cpu": cpu, "memory": memory, "nvidia.com/gpu": gpus},
                "limits": {"memory": memory, "nvidia.com/gpu": gpus},
            },
        }],
        "restartPolicy": if workload.kind.runs() { "Never" } else { "Always" },
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    });
    if let Some(pod) = pod {
        spec["nodeName"] = world.nodes[pod.slot.node].name.clone().into();
        spec["nodeSelector"] = json!(objects::node_selector(world, pod));
    }
    spec
}

/// A pool that moves pods together.
fn node_pool_json(name: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "disruption": {
                "consolidationPolicy": "WhenEmptyOrUnderutilized", "consolidateAfter": "0s", "budgets": [{"nodes": "10%"}],
            },
            "template": {"spec": {"expireAfter": "720h"}},
        },
    })
}

/// A pod without GPUs: the exporter's.
fn exporter_json(world: &World, node: &super::fleet::Node) -> Value {
    let name = node.exporter(END);
    let began = stamp(node.exporter_restart.unwrap_or(node.created));
    let owner = Owner {
        api_version: "apps/v1",
        kind: "DaemonSet",
        name: "nvidia-dcgm-exporter".to_owned(),
        uid: super::random::uuid(world.key("nvidia-dcgm-exporter")),
    };
    json!({
        "metadata": {
            "namespace": "gpu-operator", "name": name, "uid": super::random::uuid(world.key(&name)),
            "creationTimestamp": began, "labels": {"app": "nvidia-dcgm-exporter"}, "ownerReferences": references(Some(&owner)),
        },
        "spec": {"nodeName": node.name, "containers": [{
            "name": "nvidia-dcgm-exporter", "image": "nvcr.io/nvidia/k8s/dcgm-exporter:4.8.2", "resources": {},
        }]},
        "status": {"phase": "Running", "startTime": began},
    })
}

fn object_json(world: &World, object: &Object) -> Value {
    let workload = &world.workloads[object.workload];
    let template = json!({
        "metadata": {"labels": objects::labels(workload)},
        "spec": pod_spec(world, workload, None),
    });
    let mut spec = match object.this.kind {
        "LeaderWorkerSet" => json!({"leaderWorkerTemplate": {"size": workload.replicas, "workerTemplate": template}}),
        "CronJob" => json!({"schedule": "0 1 * * *", "successfulJobsHistoryLimit": 1,
            "jobTemplate": {"spec": {"template": template}}}),
        "PyTorchJob" => json!({"pytorchReplicaSpecs": {"Master": {"replicas": 1, "template": template}}}),
        "JobSet" => json!({"replicatedJobs": [{"name": "workers", "replicas": 1,
            "template": {"spec": {"parallelism": workload.replicas, "template": template}}}]}),
        "Job" => json!({"parallelism": workload.replicas, "completions": workload.replicas, "template": template}),
        _ => json!({"selector": {"matchLabels": objects::labels(workload)}, "template": template}),
    };
    if let Some(replicas) = object.replicas {
        spec["replicas"] = replicas.into();
    }
    let mut written = json!({
        "apiVersion": object.this.api_version, "kind": object.this.kind,
        "metadata": {
            "namespace": object.namespace, "name": object.this.name, "uid": object.this.uid, "labels": object.labels,
            "creationTimestamp": stamp(object.created), "ownerReferences": references(object.owner.as_ref()),
        },
        "spec": spec,
    });
    if !object.annotations.is_empty() {
        written["metadata"]["annotations"] = json!(object.annotations);
    }
    if object.is_applied() {
        let last = json!({"apiVersion": object.this.api_version, "kind": object.this.kind, "spec": written["spec"]});
        written["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
            last.to_string().into();
        written["metadata"]["managedFields"] = json!([{
            "manager": objects::APPLIED_BY, "operation": "Update", "apiVersion": object.this.api_version, "fieldsType": "FieldsV1",
            "fieldsV1": {"f:metadata": {"f:labels": {}}, "f:spec": {"f:replicas": {}, "f:template": {}}},
        }]);
    }
    written
}

fn budget_json(world: &World, workload: &Workload) -> Option<Value> {
    let (allowed, name) = (workload.budget?, &workload.name);
    Some(json!({
        "metadata": {"namespace": workload.namespace, "name": name, "uid": super::random::uuid(world.key(&format!("PodDisruptionBudget {name}")))},
        "spec": {"maxUnavailable": allowed, "selector": {"matchLabels": objects::labels(workload)}},
        "status": {"disruptionsAllowed": allowed, "currentHealthy": workload.replicas, "desiredHealthy": workload.replicas - allowed, "expectedPods": workload.replicas},
    }))
}

fn hpa_json(world: &World, workload: &Workload, bounds: (u32, u32)) -> Value {
    let name = &workload.name;
    json!({
        "metadata": {
            "namespace": workload.namespace, "name": name,
            "uid": super::random::uuid(world.key(&format!("HorizontalPodAutoscaler {name}"))),
            "creationTimestamp": stamp(world.start),
        },
        "spec": objects::hpa_spec(name, bounds),
        "status": {"currentReplicas": workload.replicas, "desiredReplicas": workload.replicas},
    })
}
