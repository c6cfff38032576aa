//! What a pod asks for, counted as the scheduler counts it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::quantity;
use crate::model::cluster::Resources;

/// Amounts as figures. The server lets in no quantity that cannot be read, so that none is lost here.
pub(super) fn resources(amounts: Option<BTreeMap<String, Quantity>>) -> Resources {
    let amounts = amounts.unwrap_or_default();
    amounts
        .into_iter()
        .filter_map(|(name, Quantity(text))| Some((name, quantity::parse(&text)?)))
        .collect()
}

/// What a container requests. An extended resource cannot be overcommitted: its limit is its request.
pub(super) fn of_container(container: &core::Container) -> Resources {
    let asked = container.resources.clone().unwrap_or_default();
    let mut requests = resources(asked.requests);
    for (name, amount) in resources(asked.limits) {
        if name.contains('/') {
            requests.entry(name).or_insert(amount);
        }
    }
    requests
}

/// An init container that keeps running beside the others.
pub(super) fn is_sidecar(container: &core::Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// What the scheduler counts for a pod, where that is not the sum of its containers and sidecars.
///
/// Init containers run one after the other, each beside the sidecars that were started before it; the pod counts for the
/// most of any moment (`k8s.io/component-helpers/resource`). Requests of the pod as a whole (since 1.34) take the place of
/// that sum, and the overhead of its runtime comes on top.
pub(super) fn counted(spec: &core::PodSpec) -> Option<Resources> {
    let init = || spec.init_containers.iter().flatten();
    let together = spec.containers.iter().chain(init().filter(|one| is_sidecar(one)));
    let sum = together.map(of_container).fold(Resources::new(), added);
    let mut counted = sum.clone();
    let mut sidecars = Resources::new();
    for container in init() {
        let own = of_container(container);
        if is_sidecar(container) {
            sidecars = added(sidecars, own);
        } else {
            for (name, amount) in added(sidecars.clone(), own) {
                let most = counted.entry(name).or_insert(0.0);
                *most = most.max(amount);
            }
        }
    }
    let whole = spec.resources.as_ref().and_then(|whole| whole.requests.clone());
    counted.extend(resources(whole));
    let counted = added(counted, resources(spec.overhead.clone()));
    (counted != sum).then_some(counted)
}

fn added(mut sum: Resources, more: Resources) -> Resources {
    for (name, amount) in more {
        *sum.entry(name).or_insert(0.0) += amount;
    }
    sum
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn counted_of(spec: Value) -> Option<Resources> {
        counted(&serde_json::from_value(spec).unwrap())
    }

    fn container(name: &str, limits: Value) -> Value {
        json!({"name": name, "resources": {"requests": limits.clone(), "limits": limits}})
    }

    #[test]
    fn init_containers_count_for_the_most_of_any_moment() {
        let mut proxy = container("proxy", json!({"nvidia.com/gpu": "1"}));
        proxy["restartPolicy"] = "Always".into();
        // The sidecar runs beside the check (1 + 4) and beside the server (1 + 2); the loader ran before it (3).
        let spec = json!({
            "initContainers": [
                container("load", json!({"nvidia.com/gpu": "3"})),
                proxy,
                container("check", json!({"nvidia.com/gpu": "4", "cpu": "100m"})),
            ],
            "containers": [container("main", json!({"nvidia.com/gpu": "2", "cpu": "4"}))],
        });
        let counted = counted_of(spec).unwrap();
        assert_eq!(counted["nvidia.com/gpu"], 5.0);
        assert_eq!(counted["cpu"], 4.0);
    }

    #[test]
    fn the_pods_own_requests_stand_for_its_containers() {
        let spec = json!({
            "resources": {"requests": {"cpu": "16", "memory": "64Gi"}},
            "overhead": {"cpu": "250m"},
            "containers": [container("main", json!({"nvidia.com/gpu": "2", "cpu": "4"}))],
        });
        let counted = counted_of(spec).unwrap();
        assert_eq!(counted["cpu"], 16.25);
        assert_eq!(counted["memory"], 68_719_476_736.0);
        assert_eq!(counted["nvidia.com/gpu"], 2.0);
    }

    #[test]
    fn a_plain_pod_is_the_sum_of_its_containers() {
        let spec = json!({
            "initContainers": [container("load", json!({"cpu": "1"}))],
            "containers": [container("main", json!({"nvidia.com/gpu": "2", "cpu": "4"}))],
        });
        assert_eq!(counted_of(spec), None);
    }
}
