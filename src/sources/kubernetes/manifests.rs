//! Objects of a cluster as manifests of them would be: without what the server and its controllers write.

use std::collections::BTreeSet;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::core::ApiResource;
use serde_json::{Map, Value};

use super::autoscalers::SCALED_OBJECTS;
use super::connect::Connection;
use super::error::KubernetesError;
use super::kinds::known;
use super::list::{Need, Reader, shown};
use super::node_pools::NODE_POOLS;
use super::served::{Kind, Served};
use crate::model::gap::Gap;
use crate::model::progress::Progress;

/// An object that is looked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// Its API group; empty for the core group.
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Definitions of custom kinds.
pub(super) const DEFINITIONS: Kind = Kind {
    group: "apiextensions.k8s.io",
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
};

fn group(object: &Value) -> Option<&str> {
    let (group, _) = object.get("apiVersion")?.as_str()?.split_once('/')?;
    Some(group)
}

/// What is looked for, the autoscalers that people wrote in its namespaces, the disruption budgets there, Karpenter's node pools,
/// and the definitions of what is of a custom kind; and what could not be read.
///
/// # Errors
/// When the server cannot be reached or does not accept the credentials. What may not be listed is a gap.
pub async fn manifests(
    connection: &Connection,
    wanted: &BTreeSet<Named>,
    progress: &dyn Progress,
) -> Result<(Vec<Value>, Vec<Gap>), KubernetesError> {
    let mut reader = Reader {
        connection,
        progress,
        gaps: Vec::new(),
    };
    let served = Served::ask(connection).await;
    let mut all = Vec::new();
    let kinds: BTreeSet<(&str, &str)> = wanted
        .iter()
        .map(|one| (one.group.as_str(), one.kind.as_str()))
        .collect();
    for (group, kind) in kinds {
        let Some((kind, version)) = known(group, kind) else {
            continue;
        };
        let is_wanted = |object: &Value| {
            let named = Named {
                group: kind.group.to_owned(),
                kind: kind.kind.to_owned(),
                namespace: text(object, "namespace"),
                name: text(object, "name"),
            };
            wanted.contains(&named)
        };
        let versions = served.versions(kind, &[version]);
        all.extend(of_kind(&mut reader, &versions, is_wanted).await?);
    }
    let spaces: BTreeSet<&str> = wanted.iter().map(|one| one.namespace.as_str()).collect();
    // One that something else made is changed there.
    let by_people = |object: &Value| object.pointer("/metadata/ownerReferences").is_none();
    let beside = |object: &Value| by_people(object) && spaces.contains(text(object, "namespace").as_str());
    let autoscalers = [ApiResource::erase::<HorizontalPodAutoscaler>(&())];
    all.extend(of_kind(&mut reader, &autoscalers, beside).await?);
    if served.has(SCALED_OBJECTS.group) != Some(false) {
        let versions = served.versions(SCALED_OBJECTS, &["v1alpha1"]);
        all.extend(of_kind(&mut reader, &versions, beside).await?);
    }
    // One guards pods whoever made it.
    let here = |object: &Value| spaces.contains(text(object, "namespace").as_str());
    let budgets = [ApiResource::erase::<PodDisruptionBudget>(&())];
    all.extend(of_kind(&mut reader, &budgets, here).await?);
    if served.has(NODE_POOLS.group) == Some(true) {
        let versions = served.versions(NODE_POOLS, &["v1"]);
        all.extend(of_kind(&mut reader, &versions, by_people).await?);
    }
    if served.has(DEFINITIONS.group) != Some(false) {
        let groups: BTreeSet<&str> = all.iter().filter_map(group).collect();
        // Those that patches may make are held to theirs as well.
        let groups: BTreeSet<String> = groups.into_iter().chain(["keda.sh"]).map(str::to_owned).collect();
        let is_wanted = |object: &Value| {
            let group = object.pointer("/spec/group").and_then(Value::as_str);
            group.is_some_and(|group| groups.contains(group))
        };
        let versions = served.versions(DEFINITIONS, &["v1"]);
        all.extend(of_kind(&mut reader, &versions, is_wanted).await?);
    }
    Ok((all, reader.gaps))
}

/// Objects of a kind, in the first of the versions in which there are any.
async fn of_kind(
    reader: &mut Reader<'_>,
    versions: &[ApiResource],
    keep: impl Fn(&Value) -> bool,
) -> Result<Vec<Value>, KubernetesError> {
    for resource in versions {
        let unknown = format!("{} as they are, which patches are made over", shown(resource));
        let found = reader
            .list(
                std::slice::from_ref(resource),
                Need::Useful,
                &unknown,
                |object: Value| keep(&object).then(|| as_written(object, resource)),
            )
            .await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

fn text(object: &Value, field: &str) -> String {
    let metadata = object.get("metadata");
    let value = metadata.and_then(|metadata| metadata.get(field)?.as_str());
    value.unwrap_or_default().to_owned()
}

/// What its owner may have written: the elements of a list do not say what they are, and nobody writes a status.
fn as_written(object: Value, resource: &ApiResource) -> Value {
    let mut written = Map::new();
    written.insert("apiVersion".to_owned(), resource.api_version.clone().into());
    written.insert("kind".to_owned(), resource.kind.clone().into());
    let Value::Object(mut fields) = object else {
        return Value::Object(written);
    };
    let mut metadata = Map::new();
    if let Some(Value::Object(mut own)) = fields.remove("metadata") {
        for field in ["name", "namespace", "labels", "annotations"] {
            metadata.extend(own.remove(field).map(|value| (field.to_owned(), value)));
        }
    }
    if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        annotations.remove("deployment.kubernetes.io/revision");
    }
    written.insert("metadata".to_owned(), Value::Object(metadata));
    for field in ["apiVersion", "kind", "status"] {
        fields.remove(field);
    }
    written.extend(fields);
    Value::Object(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_server_writes_is_left_out() {
        let gvk = kube::core::GroupVersionKind::gvk("apps", "v1", "Deployment");
        let resource = ApiResource::from_gvk_with_plural(&gvk, "deployments");
        let live = json!({
            "metadata": {
                "name": "router", "namespace": "chat", "uid": "1", "resourceVersion": "2", "generation": 3,
                "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [{"manager": "kubectl"}],
                "annotations": {
                    "kubectl.kubernetes.io/last-applied-configuration": "{}", "deployment.kubernetes.io/revision": "4", "mine": "yes",
                },
            },
            "spec": {"replicas": 2},
            "status": {"replicas": 2},
        });
        let written = as_written(live, &resource);
        assert_eq!(
            written,
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "router", "namespace": "chat", "annotations": {"mine": "yes"}},
                "spec": {"replicas": 2},
            })
        );
    }
}
