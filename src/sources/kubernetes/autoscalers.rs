//! Horizontal pod autoscalers, and the ScaledObjects of KEDA that make some of them, in their own words.

use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::ApiResource;
use serde::Deserialize;
use serde_json::Value;

use super::error::KubernetesError;
use super::list::{Need, Reader};
use super::redact;
use super::served::{Kind, Served};
use crate::model::cluster::{Hpa, ObjectRef};

pub(super) const SCALED_OBJECTS: Kind = Kind {
    group: "keda.sh",
    kind: "ScaledObject",
    plural: "scaledobjects",
};

/// One of either. Its spec is kept as it is: a version of the API may say more than we know.
#[derive(Deserialize)]
struct Object {
    metadata: ObjectMeta,
    #[serde(default)]
    spec: Value,
}

/// Name of the ScaledObject that made an autoscaler, by namespace.
type Key = (String, String);

/// The autoscalers of the cluster, those of KEDA with what it was told.
pub(super) async fn read(reader: &mut Reader<'_>, served: &Served) -> Result<Vec<Hpa>, KubernetesError> {
    let read: Vec<(Hpa, Option<Key>)> = reader
        .list(
            &[ApiResource::erase::<HorizontalPodAutoscaler>(&())],
            Need::Useful,
            "which workloads are scaled by a horizontal pod autoscaler",
            hpa,
        )
        .await?;
    let mut told: BTreeMap<Key, Value> = BTreeMap::new();
    // Without discovery nothing tells a missing permission from a server that has nothing of the kind.
    let made = read.iter().any(|(_, maker)| maker.is_some());
    if served.has(SCALED_OBJECTS.group).unwrap_or(made) {
        let unknown = "what KEDA scales workloads by";
        let versions = served.versions(SCALED_OBJECTS, &["v1alpha1"]);
        let key = |object: Object| {
            let place = (object.metadata.namespace.unwrap_or_default(), object.metadata.name?);
            Some((place, plain(object.spec)))
        };
        told.extend(reader.list(&versions, Need::Useful, unknown, key).await?);
    }
    let with = |(hpa, maker): (Hpa, Option<Key>)| Hpa {
        scaled_object: maker.and_then(|maker| told.get(&maker).cloned()),
        ..hpa
    };
    let mut hpas: Vec<Hpa> = read.into_iter().map(with).collect();
    hpas.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    Ok(hpas)
}

/// An autoscaler, and the ScaledObject that made it; `None` for negative replicas, which no server lets in.
fn hpa(object: Object) -> Option<(Hpa, Option<Key>)> {
    let Object { metadata, spec } = object;
    let namespace = metadata.namespace.unwrap_or_default();
    let text = |name: &str| spec["scaleTargetRef"][name].as_str().unwrap_or_default().to_owned();
    let replicas = |name: &str| match &spec[name] {
        Value::Null => Some(1),
        count => u32::try_from(count.as_i64()?).ok(),
    };
    let owners = metadata.owner_references.unwrap_or_default();
    let maker = owners.into_iter().find(|owner| owner.kind == SCALED_OBJECTS.kind);
    let hpa = Hpa {
        name: metadata.name.unwrap_or_default(),
        target: ObjectRef {
            api_version: text("apiVersion"),
            kind: text("kind"),
            name: text("name"),
            uid: None,
        },
        min_replicas: replicas("minReplicas")?,
        max_replicas: replicas("maxReplicas")?,
        spec: Some(plain(spec)),
        scaled_object: None,
        namespace,
    };
    let maker = maker.map(|maker| (hpa.namespace.clone(), maker.name));
    Some((hpa, maker))
}

/// A spec without credentials: triggers may hold them, in metadata of such a name or in an address.
fn plain(mut spec: Value) -> Value {
    blank("", &mut spec);
    spec
}

fn blank(key: &str, value: &mut Value) {
    match value {
        Value::Object(members) => {
            // A selector's requirement calls its label `key`.
            let selects = members.contains_key("operator");
            for (name, member) in members {
                blank(if selects { "" } else { name }, member);
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|one| blank(key, one)),
        Value::String(text) => *text = redact::setting(key, text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_credential_of_a_trigger_is_kept_and_all_else_is() {
        let query = "sum(vllm:num_requests_waiting{model_name=\"m\"}) + sum(vllm:prompt_tokens_total{key=\"a\"})";
        let spec = json!({
            "minReplicaCount": 0, "cooldownPeriod": 300,
            "triggers": [
                {"type": "prometheus", "metadata": {"serverAddress": "https://me:word@prometheus:9090/x", "query": query,
                    "threshold": "5", "bearerToken": "abc", "customHeaders": "X-Key=abc,Y=1"}},
                {"type": "azure-servicebus", "metadata": {"connection": "Endpoint=sb://x/;SharedAccessKey=abc="}},
                {"type": "rabbitmq", "metadata": {"host": "amqp://guest:abc@rabbit:5672/v", "queueName": "q"}},
            ],
            "selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["chat"]}]},
        });
        let kept = plain(spec.clone());
        let text = kept.to_string();
        assert!(!text.contains("abc") && !text.contains("word"), "{text}");
        let of = |at: usize| &kept["triggers"][at]["metadata"];
        assert_eq!(
            (of(0)["query"].as_str(), of(0)["threshold"].as_str()),
            (Some(query), Some("5"))
        );
        assert_eq!(of(2)["queueName"], "q");
        assert_eq!(kept["selector"], spec["selector"]);
        assert_eq!(kept["cooldownPeriod"], 300);
    }
}
