//! Which workloads are behind an endpoint picker.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::cluster::Inventory;
use crate::model::workload::{Class, Classified, Workload};

/// Tells workloads in which pools their living pods are. What nothing else tells of a workload, its pool does: it serves.
pub(super) fn attach(workloads: &mut [Workload], inventory: &Inventory) {
    let mut of_pod: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for pod in inventory.pods.iter().filter(|pod| pod.finished.is_none()) {
        let pools = inventory.pools.iter();
        let own = pools.filter(|pool| pool.selects(&pod.namespace, &pod.labels));
        let names: BTreeSet<&str> = own.map(|pool| pool.name.as_str()).collect();
        if !names.is_empty() {
            of_pod.insert((&pod.namespace, &pod.name), names);
        }
    }
    for workload in workloads {
        let pods = workload.pods.iter().filter(|pod| pod.running);
        let pools = pods.filter_map(|pod| of_pod.get(&(workload.namespace.as_str(), pod.name.as_str())));
        let pools: BTreeSet<&str> = pools.flatten().copied().collect();
        let Some(first) = pools.first() else { continue };
        if workload.class.class == Class::Unknown {
            workload.class = Classified {
                class: Class::Inference,
                confidence: 0.95,
                because: vec![format!("its pods are in the InferencePool {first}")],
            };
        }
        workload.pools = pools.into_iter().map(str::to_owned).collect();
    }
}
