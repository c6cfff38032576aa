//! Who owns whom: from GPU pods up to what a person wrote, by UID.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Deserialize;
use serde_json::{Value, json};

use super::deployed::{self, Managed, Marks};
use super::error::KubernetesError;
use super::kinds::{self, SCALABLE};
use super::list::{Need, Reader};
use super::served::Served;
use super::{objects, quantity, redact};
use crate::model::cluster::{Controller, Labels, ObjectRef, Pod};
use crate::model::gap::unknown_without;
use crate::model::gpu::gpu_resource;

/// The longest known chain has five (worker pod, its StatefulSet, leader pod, its StatefulSet, LeaderWorkerSet, service).
const DEPTH: usize = 8;

/// As much of any owner as is needed; the rest of a page is skipped as it is read.
#[derive(Deserialize)]
struct Owner {
    metadata: OwnerMeta,
    // What the rest of a custom resource looks like is its operator's affair.
    #[serde(default)]
    spec: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OwnerMeta {
    #[serde(default)]
    namespace: String,
    name: String,
    uid: String,
    #[serde(default)]
    labels: Option<Labels>,
    #[serde(default)]
    annotations: Option<Labels>,
    #[serde(default)]
    owner_references: Option<Vec<OwnerReference>>,
    #[serde(default)]
    managed_fields: Option<Vec<Managed>>,
}

impl OwnerMeta {
    fn marks(&self) -> Marks<'_> {
        Marks {
            namespace: &self.namespace,
            labels: self.labels.as_ref(),
            annotations: self.annotations.as_ref(),
        }
    }
}

/// Objects of the kinds that were listed, by UID.
struct Listed<'s> {
    served: &'s Served,
    /// Group and kind.
    kinds: BTreeSet<(String, String)>,
    by_uid: HashMap<String, Controller>,
    /// UIDs of those whose pods, had they any, would ask for GPUs.
    ask: BTreeSet<String>,
}

/// The owners of GPU pods, and the scalable objects whose pods would ask for GPUs but that have none. Pods that own others
/// move from `others` to `pods`.
pub(super) async fn of(
    reader: &mut Reader<'_>,
    served: &Served,
    pods: &mut Vec<Pod>,
    mut others: HashMap<String, Pod>,
    waiting: &[ObjectRef],
) -> Result<Vec<Controller>, KubernetesError> {
    let mut listed = Listed {
        served,
        kinds: BTreeSet::new(),
        by_uid: HashMap::new(),
        ask: BTreeSet::new(),
    };
    let mut kept = BTreeMap::new();
    let owners = pods.iter().filter_map(|pod| pod.owner.as_ref());
    let owners: Vec<ObjectRef> = owners.chain(waiting).cloned().collect();
    climb(reader, &mut listed, &mut kept, owners, pods, &mut others).await?;
    for (group, kind) in SCALABLE {
        // A server refuses (403) to list what it does not even have, so that an operator that is not installed would look
        // like a missing permission.
        if group == "apps" || served.has(group) != Some(false) {
            list(reader, &mut listed, (group, kind), &[]).await?;
        }
    }
    let mut owners = Vec::new();
    for uid in std::mem::take(&mut listed.ask) {
        if let Some(controller) = listed.by_uid.remove(&uid) {
            owners.extend(controller.owner.clone());
            kept.insert(uid, controller);
        }
    }
    climb(reader, &mut listed, &mut kept, owners, pods, &mut others).await?;
    Ok(kept.into_values().collect())
}

/// Follows owners upwards, a generation at a time, so that each kind is listed once. A chain that comes back to itself ends:
/// what was taken is no longer there to be taken.
async fn climb(
    reader: &mut Reader<'_>,
    listed: &mut Listed<'_>,
    kept: &mut BTreeMap<String, Controller>,
    mut owners: Vec<ObjectRef>,
    pods: &mut Vec<Pod>,
    others: &mut HashMap<String, Pod>,
) -> Result<(), KubernetesError> {
    for _ in 0..DEPTH {
        let mut kinds: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
        for owner in &owners {
            let version = owner.api_version.rsplit('/').next().unwrap_or_default();
            let versions = kinds.entry((owner.group(), owner.kind.as_str())).or_default();
            versions.insert(version);
        }
        for (kind, versions) in kinds {
            let named: Vec<&str> = versions.into_iter().collect();
            list(reader, listed, kind, &named).await?;
        }
        let mut next = Vec::new();
        for uid in owners.into_iter().filter_map(|owner| owner.uid) {
            if let Some(pod) = others.remove(&uid) {
                next.extend(pod.owner.clone());
                pods.push(pod);
            } else if let Some(controller) = listed.by_uid.remove(&uid) {
                next.extend(controller.owner.clone());
                kept.insert(uid, controller);
            }
        }
        if next.is_empty() {
            break;
        }
        owners = next;
    }
    Ok(())
}

async fn list(
    reader: &mut Reader<'_>,
    listed: &mut Listed<'_>,
    (group, name): (&str, &str),
    named: &[&str],
) -> Result<(), KubernetesError> {
    let Some((kind, version)) = kinds::known(group, name) else {
        return Ok(());
    };
    if !listed.kinds.insert((group.to_owned(), name.to_owned())) {
        return Ok(());
    }
    let asks_when_scaled = SCALABLE.contains(&(group, name));
    let usual = [version];
    let named = if named.is_empty() { &usual[..] } else { named };
    let versions = listed.served.versions(kind, named);
    let found = reader
        .list(&versions, Need::Useful, &unknown_without(name), |owner: Owner| {
            let asks = asks_when_scaled && templates(&owner.spec).any(asks_for_gpus);
            Some((owner, asks))
        })
        .await?;
    for (owner, asks) in found {
        let controller = controller(owner, kind.group, version, name);
        let Some(uid) = controller.this.uid.clone() else {
            continue;
        };
        if asks {
            listed.ask.insert(uid.clone());
        }
        listed.by_uid.insert(uid, controller);
    }
    Ok(())
}

fn controller(owner: Owner, group: &str, version: &str, kind: &str) -> Controller {
    let replicas = owner.spec.get("replicas").and_then(Value::as_u64);
    let args = command_line(kind, &owner.spec);
    let deployed = deployed::of(
        &owner.metadata.marks(),
        owner.metadata.managed_fields.as_deref().unwrap_or_default(),
    );
    Controller {
        this: ObjectRef {
            // The group is what tells kinds apart; in which of its versions an object was read says nothing of it.
            api_version: if group.is_empty() {
                version.to_owned()
            } else {
                format!("{group}/{version}")
            },
            kind: kind.to_owned(),
            name: owner.metadata.name,
            uid: Some(owner.metadata.uid),
        },
        namespace: owner.metadata.namespace,
        owner: objects::controller_of(owner.metadata.owner_references.as_deref().unwrap_or_default()),
        labels: owner.metadata.labels.unwrap_or_default(),
        annotations: objects::for_us(owner.metadata.annotations.unwrap_or_default()),
        replicas: replicas.and_then(|replicas| u32::try_from(replicas).ok()),
        deployed,
        args: redact::command_line(&args),
    }
}

/// What an object has others run, where its pods do not show it.
fn command_line(kind: &str, spec: &Value) -> Vec<String> {
    let text = |path: &str| spec.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let entrypoint = match kind {
        "RayJob" => text("/entrypoint"),
        "RayCronJob" => text("/jobTemplate/entrypoint"),
        "SparkApplication" => return spark(spec),
        // Between its runs it has no pod that would show it.
        "CronJob" => return in_container(spec, "/jobTemplate/spec/template/spec/containers"),
        // Those of its pods that hold GPUs wait for what another one starts in them.
        "MPIJob" => return in_container(spec, "/mpiReplicaSpecs/Launcher/template/spec/containers"),
        "ScheduledSparkApplication" => return spec.get("template").map(spark).unwrap_or_default(),
        _ => None,
    };
    let through_a_shell = |entrypoint| vec!["sh".to_owned(), "-c".to_owned(), entrypoint];
    entrypoint.map(through_a_shell).unwrap_or_default()
}

/// The command line of the container that asks for GPUs, or else of the first.
fn in_container(spec: &Value, path: &str) -> Vec<String> {
    let containers = spec.pointer(path).and_then(Value::as_array);
    let asks = |container: &&Value| asks_for_gpus(&json!({"containers": [container]}));
    let all = || containers.into_iter().flatten();
    let Some(container) = all().find(asks).or_else(|| all().next()) else {
        return Vec::new();
    };
    let words = ["command", "args"].map(|name| container.get(name).and_then(Value::as_array));
    let words = words.into_iter().flatten().flatten();
    words.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn spark(spec: &Value) -> Vec<String> {
    let named = ["mainApplicationFile", "mainClass"].map(|name| spec.get(name).and_then(Value::as_str));
    let arguments = spec.get("arguments").and_then(Value::as_array).into_iter().flatten();
    let words = named.into_iter().flatten().chain(arguments.filter_map(Value::as_str));
    words.map(str::to_owned).collect()
}

/// The pod specs of an object: a LeaderWorkerSet has two.
pub(super) fn templates(spec: &Value) -> impl Iterator<Item = &Value> {
    [
        "/template/spec",
        "/leaderWorkerTemplate/leaderTemplate/spec",
        "/leaderWorkerTemplate/workerTemplate/spec",
    ]
    .into_iter()
    .filter_map(|path| spec.pointer(path))
}

/// Whether pods of this spec would ask for GPUs. Read without types, since a custom resource may say `nvidia.com/gpu: 8`
/// where a pod says `"8"`.
pub(super) fn asks_for_gpus(pod: &Value) -> bool {
    let all = |field| pod.get(field).and_then(Value::as_array).into_iter().flatten();
    let containers = all("containers").chain(all("initContainers"));
    let mut amounts = containers
        .flat_map(|container| ["/resources/requests", "/resources/limits"].map(|path| container.pointer(path)))
        .filter_map(|amounts| amounts?.as_object())
        .flatten();
    let claims = pod.get("resourceClaims").and_then(Value::as_array);
    claims.is_some_and(|claims| !claims.is_empty())
        || amounts.any(|(name, amount)| gpu_resource(name).is_some() && is_some(amount))
}

fn is_some(amount: &Value) -> bool {
    let figure = amount.as_f64().or_else(|| quantity::parse(amount.as_str()?));
    figure.is_some_and(|figure| figure > 0.0)
}
