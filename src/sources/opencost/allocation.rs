//! Allocations: what a pod, a namespace or another aggregate cost, as OpenCost and Kubecost tell it.
//!
//! A key is an opaque name: with `aggregate=namespace,label:app` OpenCost prints `default/redis`, Kubecost
//! `default/app=redis`, and values may hold slashes, so that it is never split; what it stands for is in the properties.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::decode::{BodyError, number, sets};
pub use crate::model::ledger::Holder;

/// Reads whose an allocation is from its key. By node or by cluster the idle one has a prefix.
fn holder(key: &str) -> Holder {
    match key {
        _ if key.ends_with("__idle__") => Holder::Idle,
        "__unallocated__" => Holder::Unallocated,
        "__shared__" | "__external__" => Holder::Shared,
        _ if key.contains("__unmounted__") => Holder::Unmounted,
        _ => Holder::Pods,
    }
}

/// What an allocation is of, as far as all of it agrees.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Properties {
    /// The cluster.
    pub cluster: Option<String>,
    /// The name of an asset.
    pub name: Option<String>,
    /// The node.
    pub node: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
    /// Kind of the controller, in small letters.
    pub controller_kind: Option<String>,
    /// Name of the controller.
    pub controller: Option<String>,
    /// The pod.
    pub pod: Option<String>,
    /// The container.
    pub container: Option<String>,
    /// Labels with names as Prometheus allows them: `a-b`, `a.b` and `a_b` are all `a_b`.
    pub labels: Option<BTreeMap<String, serde_json::Value>>,
    /// Annotations, likewise.
    pub annotations: Option<BTreeMap<String, serde_json::Value>>,
    /// Labels of the namespace, likewise.
    pub namespace_labels: Option<BTreeMap<String, serde_json::Value>>,
    /// Annotations of the namespace, likewise.
    pub namespace_annotations: Option<BTreeMap<String, serde_json::Value>>,
}

/// An allocation. A figure that is null, which the server sends for what is no number, is not known.
///
/// Its GPU efficiency is left alone: it is one for a GPU that does nothing, and an eighth for eight that are busy.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Allocation {
    /// What it is of.
    pub properties: Option<Properties>,
    /// For how long it was there. Figures per hour are figures over this, never over the length of the window that was
    /// asked for: `7d` ends at the coming midnight, and nothing runs in what is still to come.
    #[serde(deserialize_with = "number")]
    pub minutes: Option<f64>,
    /// GPUs held, times hours; zero for MIG slices and DRA claims, which the server does not see.
    #[serde(deserialize_with = "number")]
    pub gpu_hours: Option<f64>,
    #[serde(deserialize_with = "number")]
    cpu_cost: Option<f64>,
    #[serde(deserialize_with = "number")]
    cpu_cost_adjustment: Option<f64>,
    #[serde(deserialize_with = "number")]
    gpu_cost: Option<f64>,
    #[serde(deserialize_with = "number")]
    gpu_cost_adjustment: Option<f64>,
    #[serde(deserialize_with = "number")]
    ram_cost: Option<f64>,
    #[serde(deserialize_with = "number")]
    ram_cost_adjustment: Option<f64>,
    #[serde(deserialize_with = "number")]
    pv_cost: Option<f64>,
    #[serde(deserialize_with = "number")]
    pv_cost_adjustment: Option<f64>,
    #[serde(deserialize_with = "number")]
    network_cost: Option<f64>,
    #[serde(deserialize_with = "number")]
    network_cost_adjustment: Option<f64>,
    #[serde(deserialize_with = "number")]
    load_balancer_cost: Option<f64>,
    #[serde(deserialize_with = "number")]
    load_balancer_cost_adjustment: Option<f64>,
    /// What is shared out to it.
    #[serde(deserialize_with = "number")]
    pub shared_cost: Option<f64>,
    /// What it cost outside the cluster.
    #[serde(deserialize_with = "number")]
    pub external_cost: Option<f64>,
    /// All of it, adjustments and shares included.
    #[serde(deserialize_with = "number")]
    pub total_cost: Option<f64>,
    #[serde(deserialize_with = "number")]
    gpu_request_average: Option<f64>,
    gpu_allocation: Option<GpuAllocation>,
}

/// What 1.113 and newer tell of GPUs in a place of its own.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct GpuAllocation {
    #[serde(deserialize_with = "number")]
    gpu_request_average: Option<f64>,
}

impl Allocation {
    /// CPUs, adjustment included; so are the others.
    pub fn cpu(&self) -> Option<f64> {
        sum(self.cpu_cost, self.cpu_cost_adjustment)
    }

    /// GPUs. By the server's own split of a node's price, which is not ours.
    pub fn gpu(&self) -> Option<f64> {
        sum(self.gpu_cost, self.gpu_cost_adjustment)
    }

    /// Memory.
    pub fn memory(&self) -> Option<f64> {
        sum(self.ram_cost, self.ram_cost_adjustment)
    }

    /// Volumes.
    pub fn storage(&self) -> Option<f64> {
        sum(self.pv_cost, self.pv_cost_adjustment)
    }

    /// Traffic.
    pub fn network(&self) -> Option<f64> {
        sum(self.network_cost, self.network_cost_adjustment)
    }

    /// Load balancers.
    pub fn load_balancers(&self) -> Option<f64> {
        sum(self.load_balancer_cost, self.load_balancer_cost_adjustment)
    }

    /// GPUs requested on average, wherever this version tells them.
    pub fn gpus_requested(&self) -> Option<f64> {
        let nested = self.gpu_allocation.as_ref().and_then(|gpu| gpu.gpu_request_average);
        nested.or(self.gpu_request_average)
    }
}

/// An allocation with its key and whose it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// As the server prints it.
    pub key: String,
    /// Whose it is.
    pub holder: Holder,
    /// The figures.
    pub allocation: Allocation,
}

/// The allocations of all sets of an answer, nulls left out.
///
/// # Errors
/// When it is no answer, or says that it failed.
pub fn allocations(body: &[u8]) -> Result<Vec<Held>, BodyError> {
    let entries = sets(body)?;
    Ok(entries
        .into_iter()
        .map(|(key, allocation)| held(key, allocation))
        .collect())
}

pub(super) fn held(key: String, allocation: Allocation) -> Held {
    Held {
        holder: holder(&key),
        key,
        allocation,
    }
}

/// A sum in which what is not known counts for nothing, unless nothing is known.
pub(super) fn sum(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (known, None) | (None, known) => known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &str) -> Vec<Held> {
        allocations(format!(r#"{{"code": 200, "data": {data}}}"#).as_bytes()).unwrap()
    }

    #[test]
    fn what_nobody_holds_is_told_by_its_key() {
        let keys = [
            ("__idle__", Holder::Idle),
            ("gpu-node-1/__idle__", Holder::Idle),
            ("__unallocated__", Holder::Unallocated),
            (
                "c/__unmounted__/__unmounted__/__unmounted__/__unmounted__",
                Holder::Unmounted,
            ),
            ("__shared__", Holder::Shared),
            ("default/app=redis", Holder::Pods),
            ("R&D/chat/__idle__er", Holder::Pods),
        ];
        for (key, holder) in keys {
            let rows = read(&format!(r#"[{{"{key}": {{"totalCost": 1}}}}, null, {{}}]"#));
            assert_eq!((rows.len(), rows[0].holder, rows[0].key.as_str()), (1, holder, key));
        }
    }

    #[test]
    fn gpus_are_found_where_each_version_has_them() {
        let old = read(r#"[{"a": {"gpuRequestAverage": 8, "gpuHours": 4}}]"#);
        let new = read(
            r#"[{"a": {"gpuAllocation": {"gpuDevice": "nvidia0", "isGPUShared": null, "gpuRequestAverage": 8}}}]"#,
        );
        let none = read(r#"[{"a": {"gpuAllocation": null}}]"#);
        assert_eq!(old[0].allocation.gpus_requested(), Some(8.0));
        assert_eq!(new[0].allocation.gpus_requested(), Some(8.0));
        assert_eq!(none[0].allocation.gpus_requested(), None);
    }

    #[test]
    fn an_adjustment_belongs_to_the_cost_and_null_is_not_zero() {
        let rows = read(r#"[{"a": {"gpuCost": 10.0, "gpuCostAdjustment": -4.0, "ramCost": null, "networkCost": 2}}]"#);
        let allocation = &rows[0].allocation;
        assert_eq!(allocation.gpu(), Some(6.0));
        assert_eq!((allocation.memory(), allocation.network()), (None, Some(2.0)));
    }
}
