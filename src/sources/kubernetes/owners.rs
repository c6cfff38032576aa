//! Who owns whom: from GPU pods up to what a person wrote, by UID.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Deserialize;
use serde_json::Value;

use super::error::KubernetesError;
use super::kinds::{SCALABLE, kind_of, resource_of};
use super::list::{Need, Reader};
use super::{objects, quantity};
use crate::model::cluster::{Controller, Labels, ObjectRef, Pod};

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
    owner_references: Option<Vec<OwnerReference>>,
}

/// Objects of the kinds that were listed, by UID.
#[derive(Default)]
struct Listed {
    kinds: BTreeSet<(String, String)>,
    by_uid: HashMap<String, Controller>,
    /// UIDs of those whose pods, had they any, would ask for GPUs.
    ask: BTreeSet<String>,
}

/// The owners of GPU pods, and the scalable objects whose pods would ask for GPUs but that have none. Pods that own others
/// move from `others` to `pods`.
pub(super) async fn of(
    reader: &mut Reader<'_>,
    pods: &mut Vec<Pod>,
    mut others: HashMap<String, Pod>,
) -> Result<Vec<Controller>, KubernetesError> {
    let mut listed = Listed::default();
    let mut kept = BTreeMap::new();
    let owners: Vec<ObjectRef> = pods.iter().filter_map(|pod| pod.owner.clone()).collect();
    climb(reader, &mut listed, &mut kept, owners, pods, &mut others).await?;
    for kind in scalable(reader, &listed).await {
        list(reader, &mut listed, &kind).await?;
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
    listed: &mut Listed,
    kept: &mut BTreeMap<String, Controller>,
    mut owners: Vec<ObjectRef>,
    pods: &mut Vec<Pod>,
    others: &mut HashMap<String, Pod>,
) -> Result<(), KubernetesError> {
    for _ in 0..DEPTH {
        let kinds: BTreeSet<(String, String)> = owners.iter().map(kind_of).collect();
        for kind in &kinds {
            list(reader, listed, kind).await?;
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

/// The kinds that may be scaled to zero and are worth asking for. A server refuses (403) to list what it does not even have,
/// so that an operator that is not installed would look like a missing permission.
async fn scalable(reader: &Reader<'_>, listed: &Listed) -> Vec<(String, String)> {
    let kinds = SCALABLE.map(|(version, kind)| (version.to_owned(), kind.to_owned()));
    let open: Vec<(String, String)> = kinds.into_iter().filter(|kind| !listed.kinds.contains(kind)).collect();
    let served = match reader.connection.client.list_api_groups().await {
        Ok(groups) => groups.groups,
        Err(_) => return open,
    };
    let is_served = |(version, _): &(String, String)| {
        let group = version.split_once('/').map_or("", |(group, _)| group);
        group == "apps" || served.iter().any(|one| one.name == group)
    };
    open.into_iter().filter(is_served).collect()
}

async fn list(reader: &mut Reader<'_>, listed: &mut Listed, kind: &(String, String)) -> Result<(), KubernetesError> {
    let (version, name) = kind;
    let Some(resource) = resource_of(version, name) else {
        return Ok(());
    };
    if !listed.kinds.insert(kind.clone()) {
        return Ok(());
    }
    let asks_when_scaled = SCALABLE.contains(&(version.as_str(), name.as_str()));
    let unknown = format!("who owns GPU pods through a {name}, and with how many replicas");
    let found = reader
        .list(&resource, Need::Useful, &unknown, |owner: Owner| {
            let asks = asks_when_scaled && templates(&owner.spec).any(asks_for_gpus);
            Some((controller(owner, version, name), asks))
        })
        .await?;
    for (controller, asks) in found {
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

fn controller(owner: Owner, api_version: &str, kind: &str) -> Controller {
    let replicas = owner.spec.get("replicas").and_then(Value::as_u64);
    Controller {
        this: ObjectRef {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            name: owner.metadata.name,
            uid: Some(owner.metadata.uid),
        },
        namespace: owner.metadata.namespace,
        owner: objects::controller_of(owner.metadata.owner_references.as_deref().unwrap_or_default()),
        labels: owner.metadata.labels.unwrap_or_default(),
        replicas: replicas.and_then(|replicas| u32::try_from(replicas).ok()),
    }
}

/// The pod specs of an object: a LeaderWorkerSet has two.
fn templates(spec: &Value) -> impl Iterator<Item = &Value> {
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
fn asks_for_gpus(pod: &Value) -> bool {
    let all = |field| pod.get(field).and_then(Value::as_array).into_iter().flatten();
    let is_sidecar = |container: &&Value| container.get("restartPolicy").and_then(Value::as_str) == Some("Always");
    let containers = all("containers").chain(all("initContainers").filter(is_sidecar));
    let mut amounts = containers
        .flat_map(|container| ["/resources/requests", "/resources/limits"].map(|path| container.pointer(path)))
        .filter_map(|amounts| amounts?.as_object())
        .flatten();
    let claims = pod.get("resourceClaims").and_then(Value::as_array);
    claims.is_some_and(|claims| !claims.is_empty())
        || amounts.any(|(name, amount)| objects::is_gpu(name) && is_some(amount))
}

fn is_some(amount: &Value) -> bool {
    let figure = amount.as_f64().or_else(|| quantity::parse(amount.as_str()?));
    figure.is_some_and(|figure| figure > 0.0)
}
