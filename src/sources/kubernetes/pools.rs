//! InferencePools: which pods an endpoint picker chooses among, in the group of the inference extension and in its former one.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::error::KubernetesError;
use super::list::{Need, Reader};
use super::served::{Kind, Served};
use crate::model::cluster::Labels;
use crate::model::pools::InferencePool;

/// The group now and the one before it was general, each with its version; a cluster may have both while it moves.
pub(super) const KINDS: [(Kind, &str); 2] = [
    (kind("inference.networking.k8s.io"), "v1"),
    (kind("inference.networking.x-k8s.io"), "v1alpha2"),
];

const fn kind(group: &'static str) -> Kind {
    Kind {
        group,
        kind: "InferencePool",
        plural: "inferencepools",
    }
}

#[derive(Deserialize)]
struct Object {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    namespace: String,
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    selector: Option<Selector>,
    #[serde(default, alias = "extensionRef")]
    endpoint_picker_ref: Option<Picker>,
}

/// Labels within `matchLabels`, or, in the former group, bare.
#[derive(Deserialize)]
#[serde(untagged)]
enum Selector {
    #[serde(rename_all = "camelCase")]
    Now {
        match_labels: Labels,
    },
    Before(Labels),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Picker {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    failure_mode: Option<String>,
}

/// The pools of the cluster, where it has any.
pub(super) async fn read(reader: &mut Reader<'_>, served: &Served) -> Result<Vec<InferencePool>, KubernetesError> {
    let mut found: BTreeMap<(String, String), InferencePool> = BTreeMap::new();
    for (kind, version) in KINDS {
        // Without discovery nothing tells a missing permission from a server that has nothing of the kind.
        if served.has(kind.group) != Some(true) {
            continue;
        }
        let unknown = "which model servers are behind an endpoint picker";
        let versions = served.versions(kind, &[version]);
        let pools: Vec<InferencePool> = reader
            .list(&versions, Need::Useful, unknown, |object| Some(pool(object)))
            .await?;
        for pool in pools {
            // What stands in both groups is the new one's.
            found.entry((pool.namespace.clone(), pool.name.clone())).or_insert(pool);
        }
    }
    Ok(found.into_values().collect())
}

fn pool(object: Object) -> InferencePool {
    let (selector, picker) = (object.spec.selector, object.spec.endpoint_picker_ref);
    let mode = picker.as_ref().and_then(|picker| picker.failure_mode.as_deref());
    InferencePool {
        namespace: object.metadata.namespace,
        name: object.metadata.name,
        selector: match selector {
            Some(Selector::Now { match_labels } | Selector::Before(match_labels)) => match_labels,
            None => Labels::new(),
        },
        fails_open: mode.map(|mode| mode == "FailOpen"),
        picker: picker.and_then(|picker| picker.name),
    }
}
