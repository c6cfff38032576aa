//! Kueue: queues, their quotas of GPUs, and the work in them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Deserialize;
use serde_json::Value;

use super::error::KubernetesError;
use super::list::{Need, Reader};
use super::served::{Kind, Served};
use super::{objects, quantity};
use crate::model::cluster::{Labels, ObjectRef, Pod, Resources};
use crate::model::gpu::gpu_resource;
use crate::model::queueing::{ClusterQueue, Flavor, LocalQueue, QueuedWorkload, Queues, Quota};

const GROUP: &str = "kueue.x-k8s.io";

const VERSIONS: [&str; 2] = ["v1beta2", "v1beta1"];

pub(super) const KINDS: [Kind; 4] = [
    kind("ClusterQueue", "clusterqueues"),
    kind("LocalQueue", "localqueues"),
    kind("ResourceFlavor", "resourceflavors"),
    kind("Workload", "workloads"),
];

const fn kind(kind: &'static str, plural: &'static str) -> Kind {
    Kind {
        group: GROUP,
        kind,
        plural,
    }
}

/// As much of an object as is needed; what its operator writes is read leniently.
#[derive(Deserialize)]
struct Object {
    metadata: Meta,
    #[serde(default)]
    spec: Value,
    #[serde(default)]
    status: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default)]
    namespace: String,
    name: String,
    #[serde(default)]
    creation_timestamp: Option<Timestamp>,
    #[serde(default)]
    owner_references: Option<Vec<OwnerReference>>,
}

/// Kueue's objects, where the server has them.
pub(super) async fn read(reader: &mut Reader<'_>, served: &Served, pods: &[Pod]) -> Result<Queues, KubernetesError> {
    let marked = |pod: &Pod| pod.labels.keys().any(|label| label.starts_with(GROUP));
    // Without discovery, a refusal would look like a missing permission on a server that has nothing of the kind.
    if !served.has(GROUP).unwrap_or_else(|| pods.iter().any(marked)) {
        return Ok(Queues::default());
    }
    let unknown = "which quotas of GPUs queues have, and how long work waits for them";
    let mut lists: [Vec<Object>; 4] = Default::default();
    for (kind, list) in KINDS.into_iter().zip(&mut lists) {
        let versions = served.versions(kind, &VERSIONS);
        *list = reader.list(&versions, Need::Useful, unknown, Some).await?;
        list.sort_by(|a, b| (&a.metadata.namespace, &a.metadata.name).cmp(&(&b.metadata.namespace, &b.metadata.name)));
    }
    let [cluster_queues, local_queues, flavors, workloads] = lists;
    Ok(Queues {
        cluster_queues: cluster_queues.into_iter().map(cluster_queue).collect(),
        local_queues: local_queues.into_iter().map(local_queue).collect(),
        flavors: flavors.into_iter().map(flavor).collect(),
        workloads: workloads.into_iter().filter_map(workload).collect(),
    })
}

/// The jobs that ask for GPUs in a queue: they are suspended, so that no pod leads to them.
pub(super) fn owners(queues: &Queues) -> Vec<ObjectRef> {
    queues.workloads.iter().filter_map(|one| one.owner.clone()).collect()
}

fn text(value: &Value, field: &str) -> Option<String> {
    value
        .get(field)?
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn all<'v>(value: &'v Value, path: &str) -> impl Iterator<Item = &'v Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

/// A quantity, written as text or as a number.
fn amount(value: Option<&Value>) -> Option<f64> {
    let value = value?;
    value.as_f64().or_else(|| quantity::parse(value.as_str()?))
}

fn cluster_queue(object: Object) -> ClusterQueue {
    let (spec, status) = (&object.spec, &object.status);
    // Usage is of admitted workloads; a reservation may yet be given back.
    let mut used: BTreeMap<(String, String), f64> = BTreeMap::new();
    for flavor in all(status, "/flavorsUsage") {
        for resource in all(flavor, "/resources") {
            if let (Some(flavor), Some(name)) = (text(flavor, "name"), text(resource, "name")) {
                used.extend(amount(resource.get("total")).map(|total| ((flavor, name), total)));
            }
        }
    }
    let mut quotas = Vec::new();
    for flavor in all(spec, "/resourceGroups").flat_map(|group| all(group, "/flavors")) {
        for resource in all(flavor, "/resources") {
            let (Some(flavor), Some(name)) = (text(flavor, "name"), text(resource, "name")) else {
                continue;
            };
            let nominal = amount(resource.get("nominalQuota"));
            let Some(nominal) = nominal.filter(|_| gpu_resource(&name).is_some()) else {
                continue;
            };
            quotas.push(Quota {
                used: used.get(&(flavor.clone(), name.clone())).copied(),
                flavor,
                resource: name,
                nominal,
                borrowing_limit: amount(resource.get("borrowingLimit")),
            });
        }
    }
    ClusterQueue {
        name: object.metadata.name,
        // Called `cohort` until v1beta2.
        cohort: text(spec, "cohortName").or_else(|| text(spec, "cohort")),
        stopped: text(spec, "stopPolicy").is_some_and(|policy| policy != "None"),
        quotas,
    }
}

fn local_queue(object: Object) -> LocalQueue {
    LocalQueue {
        cluster_queue: text(&object.spec, "clusterQueue").unwrap_or_default(),
        namespace: object.metadata.namespace,
        name: object.metadata.name,
    }
}

fn flavor(object: Object) -> Flavor {
    let labels = object.spec.get("nodeLabels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten();
    let node_labels: Labels = labels
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect();
    Flavor {
        name: object.metadata.name,
        node_labels,
    }
}

/// A workload that asks for GPUs; `None` for any other.
fn workload(object: Object) -> Option<QueuedWorkload> {
    let (spec, status, meta) = (&object.spec, &object.status, object.metadata);
    let gpus = asked(spec);
    if gpus.is_empty() {
        return None;
    }
    let condition = |name: &str| {
        let named = |one: &&Value| one.get("type").and_then(Value::as_str) == Some(name);
        let condition = all(status, "/conditions").find(named)?;
        let at: Option<Timestamp> = text(condition, "lastTransitionTime").and_then(|at| at.parse().ok());
        Some((text(condition, "status")? == "True", at))
    };
    let since = |name: &str| condition(name).filter(|(holds, _)| *holds).and_then(|(_, at)| at);
    let admitted = since("Admitted");
    let queued = match (admitted, condition("Evicted")) {
        (_, None) => meta.creation_timestamp,
        (None, Some((_, evicted))) => evicted,
        // It ran, was evicted and runs again: since when it had been waiting nothing tells.
        (Some(_), Some(_)) => None,
    };
    let owners = meta.owner_references.unwrap_or_default();
    let owner = objects::controller_of(&owners).or_else(|| owners.first().map(objects::reference));
    Some(QueuedWorkload {
        namespace: meta.namespace,
        name: meta.name,
        owner,
        queue: text(spec, "queueName").unwrap_or_default(),
        cluster_queue: status
            .get("admission")
            .and_then(|admission| text(admission, "clusterQueue")),
        gpus,
        queued,
        admitted,
        finished: since("Finished").is_some(),
        inactive: spec.get("active").and_then(Value::as_bool) == Some(false),
    })
}

/// The GPUs that all pods of a workload ask for.
fn asked(spec: &Value) -> Resources {
    let mut gpus = Resources::new();
    for set in all(spec, "/podSets") {
        let pods = amount(set.get("count")).unwrap_or(1.0);
        for container in all(set, "/template/spec/containers") {
            let of = |path: &str| container.pointer(path).and_then(Value::as_object);
            let mut own: BTreeMap<&String, f64> = BTreeMap::new();
            for amounts in ["/resources/requests", "/resources/limits"].into_iter().filter_map(of) {
                let known = amounts.iter().filter(|(name, _)| gpu_resource(name).is_some());
                own.extend(known.filter_map(|(name, value)| Some((name, amount(Some(value))?))));
            }
            for (name, amount) in own.into_iter().filter(|(_, amount)| *amount > 0.0) {
                *gpus.entry(name.clone()).or_insert(0.0) += amount * pods;
            }
        }
    }
    gpus
}
