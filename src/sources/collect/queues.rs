//! What Kueue says of workloads: their queue, whether they are admitted, and how long they wait.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::lives::gpu_requests;
use super::owners::{Owners, Top};
use crate::model::cluster::{Inventory, Labels, ObjectRef, Pod};
use crate::model::queueing::{
    ClusterQueue, QueueState, QueuedRuns, QueuedWorkload, Queueing, Queues, Quota, WITHOUT_A_QUEUE,
};
use crate::model::runs::stem;
use crate::model::workload::Workload;

const QUEUE_LABELS: [&str; 2] = ["kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/local-queue-name"];

/// The ClusterQueues with what is in them at `now`, by name.
pub fn states(queues: &Queues, now: Timestamp) -> Vec<QueueState> {
    let mut states: Vec<QueueState> = queues
        .cluster_queues
        .iter()
        .map(|queue| {
            let own = queues.workloads.iter();
            let own = own.filter(|one| behind(queues, one).as_deref() == Some(queue.name.as_str()));
            QueueState {
                queue: queue.clone(),
                runs: runs(own, now),
            }
        })
        .collect();
    states.sort_by(|a, b| a.queue.name.cmp(&b.queue.name));
    states
}

/// ClusterQueues that have quota of GPUs on nodes with these labels, by name. A flavor that names no labels is of any node, and
/// so is one that was not read: better to think that work may come than that none will.
pub fn admitting(node: &Labels, queues: &Queues) -> Vec<String> {
    let suits = |quota: &Quota| {
        let flavor = queues.flavors.iter().find(|flavor| flavor.name == quota.flavor);
        let mut labels = flavor.into_iter().flat_map(|flavor| &flavor.node_labels);
        labels.all(|(name, value)| node.get(name) == Some(value))
    };
    let admit = queues
        .cluster_queues
        .iter()
        .filter(|queue| queue.quotas.iter().any(suits));
    let mut names: Vec<String> = admit.map(|queue| queue.name.clone()).collect();
    // A pod without a node may get any.
    names.push(WITHOUT_A_QUEUE.to_owned());
    names.sort();
    names
}

/// Pods that ask for GPUs and have no node yet, as a queue of its own: they take what is freed as a queue's work does. Those
/// that Kueue holds back are in its queues.
pub fn without_a_node(inventory: &Inventory) -> Option<QueueState> {
    let is_kueues = |pod: &Pod| {
        let mut labels = QUEUE_LABELS.iter().chain(&["kueue.x-k8s.io/managed"]);
        labels.any(|label| pod.labels.contains_key(*label))
    };
    let waits = |pod: &&Pod| pod.node.is_none() && pod.finished.is_none() && pod.phase == "Pending" && !is_kueues(pod);
    let waiting: Vec<f64> = inventory
        .pods
        .iter()
        .filter(waits)
        .map(|pod| gpu_requests(&pod.requests()).values().sum())
        .collect();
    let gpus_waiting: f64 = waiting.iter().sum();
    (gpus_waiting > 0.0).then(|| QueueState {
        queue: ClusterQueue {
            name: WITHOUT_A_QUEUE.to_owned(),
            ..ClusterQueue::default()
        },
        runs: QueuedRuns {
            waiting: u32::try_from(waiting.len()).unwrap_or(u32::MAX),
            gpus_waiting,
            ..QueuedRuns::default()
        },
    })
}

/// The ClusterQueue that a workload is in: the one that reserved quota for it, or else the one behind its LocalQueue.
fn behind(queues: &Queues, workload: &QueuedWorkload) -> Option<String> {
    let reserved = workload.cluster_queue.clone();
    reserved.or_else(|| cluster_queue(queues, &workload.namespace, &workload.queue))
}

fn cluster_queue(queues: &Queues, namespace: &str, queue: &str) -> Option<String> {
    let mut local = queues.local_queues.iter();
    let local = local.find(|local| local.namespace == namespace && local.name == queue)?;
    Some(local.cluster_queue.clone())
}

fn runs<'q>(workloads: impl Iterator<Item = &'q QueuedWorkload>, now: Timestamp) -> QueuedRuns {
    let mut runs = QueuedRuns::default();
    for one in workloads {
        let until = one.admitted.unwrap_or(now);
        let seconds = one.queued.map(|queued| (until.as_second() - queued.as_second()).max(0));
        // What somebody set aside, and what ended without being admitted, waits for nothing.
        if one.admitted.is_none() && (one.inactive || one.finished) {
            continue;
        }
        runs.longest_seconds = runs.longest_seconds.max(seconds);
        if one.admitted.is_none() {
            runs.waiting += 1;
            runs.gpus_waiting += one.gpus.values().sum::<f64>();
            runs.waiting_seconds = runs.waiting_seconds.max(seconds);
        } else if !one.finished {
            runs.admitted += 1;
        }
    }
    runs
}

/// Tells workloads what their queues say of them.
pub fn attach(workloads: &mut [Workload], inventory: &Inventory, owners: &Owners<'_>, now: Timestamp) {
    let queues = &inventory.queues;
    let mut queued: BTreeMap<usize, Vec<&QueuedWorkload>> = BTreeMap::new();
    for one in &queues.workloads {
        let owner = |owner: &ObjectRef| owners.of_reference(&one.namespace, owner.clone());
        let top = one.owner.as_ref().map(owner);
        if let Some(place) = top.and_then(|top| place_of(workloads, &top)) {
            queued.entry(place).or_default().push(one);
        }
    }
    for (place, workload) in workloads.iter_mut().enumerate() {
        let own = queued.remove(&place).unwrap_or_default();
        // The queue of the newest, if the owner moved from one to another.
        let newest = own.iter().max_by_key(|one| (one.queued, &one.name));
        let labelled = || {
            let label = QUEUE_LABELS.iter().find_map(|label| workload.labels.get(*label));
            label.filter(|queue| !queue.is_empty()).cloned()
        };
        let Some(queue) = newest.map(|one| one.queue.clone()).or_else(labelled) else {
            continue;
        };
        let behind = newest
            .and_then(|one| behind(queues, one))
            .or_else(|| cluster_queue(queues, &workload.namespace, &queue))
            .or_else(|| workload.labels.get("kueue.x-k8s.io/cluster-queue-name").cloned());
        let quotas = queues.cluster_queues.iter();
        let quotas = quotas.filter(|queue| Some(&queue.name) == behind.as_ref());
        workload.queue = Some(Queueing {
            quotas: quotas.flat_map(|queue| queue.quotas.clone()).collect(),
            runs: (!own.is_empty()).then(|| runs(own.into_iter(), now)),
            cluster_queue: behind,
            queue,
        });
    }
}

/// The workload that an object is, or is a run of.
fn place_of(workloads: &[Workload], top: &Top) -> Option<usize> {
    let same = |workload: &Workload| workload.kind == top.kind && workload.namespace == top.namespace;
    let exact = workloads.iter().position(|one| same(one) && one.name == top.name);
    let family = |one: &Workload| same(one) && one.family && stem(&one.name) == stem(&top.name);
    exact.or_else(|| workloads.iter().position(family))
}
