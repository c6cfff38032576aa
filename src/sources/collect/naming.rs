//! Which pod a GPU's series speaks of: the one that it names, the one whose resource claim it names, or the one that holds the
//! GPU by a claim.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Catalog;
use crate::model::cluster::Labels;
use crate::model::gpu::DeviceId;
use crate::sources::prometheus::select::{held_by, uuid_in};

/// Namespace and name of a pod.
pub type PodKey = (String, String);

/// The device that a series speaks of. The row of a GPU that is cut into slices is not one of its slices.
pub(super) fn device_of(labels: &Labels) -> Option<DeviceId> {
    let node = labels.get("Hostname").or_else(|| labels.get("hostname"));
    Some(DeviceId {
        node: node.cloned().unwrap_or_default(),
        uuid: labels.get("UUID").or_else(|| labels.get("gpu_uuid")).cloned()?,
        mig_instance: labels.get("GPU_I_ID").cloned(),
    })
}

/// Which labels name a series' pod. On a GPU that nobody holds the exporter's own pod stands in `pod`, and without
/// `honorLabels` always, with the GPU's in `exported_pod`; so it is under `--use-old-namespace`, with the GPU's in `pod_name`. So a
/// plain label is believed where it names a pod that is known to hold GPUs; where none is known, unless the other label is in use or
/// it names an exporter.
pub(super) fn pod_of(labels: &Labels, exported: bool, known: &BTreeSet<PodKey>) -> Option<PodKey> {
    let pair = |namespace: &str, pod: &str| Some((labels.get(namespace)?.clone(), labels.get(pod)?.clone()));
    if let Some(key) = held_by(labels) {
        return Some(key);
    }
    let plain = pair("namespace", "pod")?;
    let exporter = [labels.get("container"), Some(&plain.1)];
    let exporter = exporter.into_iter().flatten().any(|name| name.contains("exporter"));
    (known.contains(&plain) || (known.is_empty() && !exported && !exporter)).then_some(plain)
}

/// The resource claim that a series names (dcgm-exporter with `KUBERNETES_ENABLE_DRA`).
fn claim_of(labels: &Labels) -> Option<(String, String)> {
    Some((
        labels.get("dra_claim_namespace")?.clone(),
        labels.get("dra_claim_name")?.clone(),
    ))
}

/// The pods of GPUs whose series name no pod but a claim that is a pod's alone, with the GPU's UUID.
pub fn claimed_by_label<'l>(
    all: impl Iterator<Item = &'l Labels>,
    exported: bool,
    known: &BTreeSet<PodKey>,
    by_claim: &BTreeMap<(String, String), PodKey>,
) -> BTreeSet<(String, PodKey)> {
    let nameless = all.filter(|labels| pod_of(labels, exported, known).is_none());
    let claimed = nameless.filter_map(|labels| {
        let pod = by_claim.get(&claim_of(labels)?)?;
        Some((uuid_in(labels)?.clone(), pod.clone()))
    });
    claimed.collect()
}

/// UUIDs of GPUs of which at least one series names no pod.
pub fn without_pod<'l>(
    all: impl Iterator<Item = &'l Labels>,
    exported: bool,
    known: &BTreeSet<PodKey>,
) -> BTreeSet<String> {
    let nameless = all.filter(|labels| pod_of(labels, exported, known).is_none());
    nameless.filter_map(|labels| uuid_in(labels).cloned()).collect()
}

/// How series name their pods.
#[derive(Debug, Clone, Copy)]
pub struct Naming<'a> {
    /// The pods that Kubernetes or its history told of.
    pub known: &'a BTreeSet<PodKey>,
    /// The pods that hold a GPU alone through a resource claim, by its UUID.
    pub claimed: &'a BTreeMap<String, PodKey>,
    /// The pods for which a resource claim is reserved alone, by its namespace and name.
    pub by_claim: &'a BTreeMap<(String, String), PodKey>,
    /// Whether any GPU series names its pod apart from the exporter's.
    pub exported: bool,
    /// Whether any server's series does.
    pub servers_exported: bool,
    /// Names of GPUs.
    pub catalog: &'a Catalog,
}

impl Naming<'_> {
    /// The pod of a GPU series.
    pub fn pod(&self, labels: &Labels) -> Option<PodKey> {
        let named = pod_of(labels, self.exported, self.known);
        // A slice has a claim of its own on the board's UUID.
        let by_claim = || self.by_claim.get(&claim_of(labels)?).cloned();
        // An exporter that does not know of DRA names no pod of its GPUs.
        let claimed = || {
            let device = device_of(labels).filter(|device| device.mig_instance.is_none())?;
            self.claimed.get(&device.uuid).cloned()
        };
        named.or_else(by_claim).or_else(claimed)
    }

    /// The pod of a server's series.
    pub fn server(&self, labels: &Labels) -> Option<PodKey> {
        pod_of(labels, self.servers_exported, self.known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn the_exporters_own_pod_holds_no_gpu() {
        let idle = labels(&[("namespace", "gpu-operator"), ("pod", "dcgm-exporter-x")]);
        assert_eq!(pod_of(&idle, true, &BTreeSet::new()), None);
        let held = labels(&[
            ("exported_namespace", "ml"),
            ("exported_pod", "chat-0"),
            ("pod", "dcgm-exporter-x"),
        ]);
        let pod = ("ml".to_owned(), "chat-0".to_owned());
        assert_eq!(pod_of(&held, true, &BTreeSet::new()), Some(pod.clone()));
        let honoured = labels(&[("namespace", "ml"), ("pod", "chat-0")]);
        assert_eq!(
            pod_of(&honoured, true, &BTreeSet::from([pod.clone()])),
            Some(pod.clone())
        );
        assert_eq!(pod_of(&honoured, false, &BTreeSet::new()), Some(pod.clone()));
        let known = BTreeSet::from([pod]);
        assert_eq!(pod_of(&idle, false, &known), None);
        assert_eq!(pod_of(&idle, false, &BTreeSet::new()), None);
    }
}
