//! A reading joined to the snapshot that is judged: which pod held which GPU when, who owns it, what it costs. Pure.

pub mod identity;
pub mod owners;
mod owner_labels;
pub mod devices;
pub mod claims;
pub mod nodes;
mod dialects;
pub mod lives;
pub mod class;
pub mod workloads;
pub mod queues;
pub mod spend;
mod unseen;

use std::collections::BTreeSet;

use crate::catalog::Catalog;
use crate::model::cluster::Inventory;
use crate::model::reading::Reading;
use crate::model::snapshot::{GpuNode, Snapshot};
use crate::model::usage::Signal;
use crate::model::workload::Workload;
use claims::Claims;
use owners::Owners;
use workloads::Sources;

/// Joins what was read. `owner_labels` name a team, the first that is there wins.
pub fn snapshot(reading: &Reading, catalog: &Catalog, owner_labels: &[String]) -> Snapshot {
    let inventory = &reading.inventory;
    let owners = Owners::of(inventory);
    let claims = Claims::of(inventory);
    let known = lives::known(reading, &claims);
    let joined = devices::join(reading, &known, &claims.holders_by_uuid(inventory), catalog);
    let lives = lives::lives(reading, &joined, &owners, &claims);
    let as_of = reading.grid.window.end.strftime("%Y-%m-%d").to_string();
    let facts = nodes::facts(inventory, catalog, &as_of);
    let mut workloads = workloads::workloads(
        &lives,
        Sources {
            cluster: &reading.cluster,
            grid: reading.grid,
            inventory,
            owners: &owners,
            joined: &joined,
            nodes: &facts,
            catalog,
            owner_labels,
        },
    );
    queues::attach(&mut workloads, inventory, &owners, reading.grid.window.end);
    let mut nodes = nodes::gpu_nodes(inventory, &facts);
    count_strangers(&mut nodes, inventory, &claims);
    let spend = spend::spend(inventory, &facts, &nodes, &workloads, reading.grid);
    let devices: BTreeSet<&str> = joined.seen.iter().map(|device| device.uuid.as_str()).collect();
    let gpus = gpus(&nodes, &workloads);
    Snapshot {
        cluster: reading.cluster.clone(),
        grid: reading.grid,
        currency: reading.currency.clone(),
        gaps: unseen::gaps(reading, (&owners, &claims), &lives, &nodes, &workloads),
        absent: absent(reading),
        spend,
        gpus,
        gpus_with_metrics: u32::try_from(devices.len()).unwrap_or(u32::MAX).min(gpus),
        samples: reading.samples(),
        nodes,
        queues: queues::states(&inventory.queues, reading.grid.window.end),
        workloads,
    }
}

/// GPUs on the nodes; where no node could be read, those that workloads hold at the end.
fn gpus(nodes: &[GpuNode], workloads: &[Workload]) -> u32 {
    if nodes.is_empty() {
        return workloads.iter().flat_map(Workload::running).map(|pod| pod.gpus).sum();
    }
    nodes.iter().map(|node| node.gpus).sum()
}

fn absent(reading: &Reading) -> Vec<Signal> {
    let present: BTreeSet<Signal> = reading.series.iter().map(|series| series.signal).collect();
    let asked = reading.asked.iter().copied();
    asked.filter(|signal| !present.contains(signal)).collect()
}

/// Pods that claim devices of which nobody told us (DRA): their nodes are never empty.
fn count_strangers(nodes: &mut [GpuNode], inventory: &Inventory, claims: &Claims<'_>) {
    for pod in inventory
        .pods
        .iter()
        .filter(|pod| pod.finished.is_none() && claims.is_unread(pod))
    {
        let node = nodes.iter_mut().find(|node| Some(&node.name) == pod.node.as_ref());
        if let Some(node) = node {
            node.strangers += 1;
        }
    }
}

#[cfg(test)]
mod tests;
