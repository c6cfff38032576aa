//! Whose an allocation is: what pods must agree in to be one account.

use std::collections::BTreeMap;

use serde_json::Value;

use super::allocation::{Held, Holder};
use crate::model::ledger::Account;

/// Labels that differ from pod to pod, or tell of the node: with them no two pods would be one account.
const NOT_THE_ACCOUNTS: [&str; 12] = [
    "pod_template_hash",
    "controller_revision_hash",
    "pod_template_generation",
    "statefulset_kubernetes_io_pod_name",
    "apps_kubernetes_io_pod_index",
    "controller_uid",
    "batch_kubernetes_io_controller_uid",
    "batch_kubernetes_io_job_name",
    "batch_kubernetes_io_job_completion_index",
    "job_name",
    "leaderworkerset_sigs_k8s_io_group_key",
    "kubernetes_io_metadata_name",
];

/// Beginnings of such labels.
const NOT_THE_ACCOUNTS_BEGIN: [&str; 4] = [
    "topology_kubernetes_io_",
    "kubectl_kubernetes_io_",
    "checksum_",
    "training_kubeflow_org_replica_index",
];

/// Characters of an annotation's value that are kept: longer ones are no attribution.
const LONGEST_VALUE: usize = 120;

/// The account of an allocation.
pub(super) fn account(held: &Held) -> Account {
    let Some(properties) = held.allocation.properties.as_ref() else {
        return Account {
            holder: held.holder,
            ..Account::default()
        };
    };
    let known = |text: &Option<String>| text.clone().filter(|text| !text.is_empty() && !text.starts_with("__"));
    let node = known(&properties.node);
    // An idle allocation has the node in its key alone.
    let of_key = || {
        let before = held.key.split('/').rev().nth(1)?;
        let is_cluster = properties.cluster.as_deref() == Some(before);
        (held.holder == Holder::Idle && !before.starts_with("__") && !is_cluster).then(|| before.to_owned())
    };
    Account {
        holder: held.holder,
        node: node.or_else(of_key),
        namespace: known(&properties.namespace),
        kind: known(&properties.controller_kind),
        controller: known(&properties.controller).or_else(|| known(&properties.pod)),
        labels: words(&properties.namespace_labels, &properties.labels),
        annotations: words(&properties.namespace_annotations, &properties.annotations),
    }
}

/// Labels or annotations that an account has: those of its pods before those of its namespace.
fn words(
    namespace: &Option<BTreeMap<String, Value>>,
    pods: &Option<BTreeMap<String, Value>>,
) -> BTreeMap<String, String> {
    let all = namespace.iter().chain(pods).flatten();
    let kept = all.filter(|(name, _)| {
        let name = name.as_str();
        !NOT_THE_ACCOUNTS.contains(&name) && !NOT_THE_ACCOUNTS_BEGIN.iter().any(|begin| name.starts_with(begin))
    });
    kept.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .filter(|(_, value)| !value.is_empty() && value.chars().count() <= LONGEST_VALUE)
        .collect()
}

/// The account of what is among the assets alone.
pub(super) fn asset_account(kind: &str) -> Account {
    Account {
        holder: Holder::Assets,
        controller: Some(kind.to_owned()),
        ..Account::default()
    }
}
