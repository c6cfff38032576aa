//! A cluster that is changed as a plan says, priced from scratch: an autoscaler of its own that tries every way to move what
//! may be moved.

use std::collections::BTreeSet;

use gpuwise::catalog::Catalog;
use gpuwise::model::plan::Plan;
use gpuwise::model::scenario::Move;
use gpuwise::model::snapshot::Snapshot;
use gpuwise::model::workload::CapacityType;

use super::draw::Pool;

/// What is on a node: GPUs of a pod, and whether it may be moved.
type Load = Vec<(u32, bool)>;

/// The nodes of a pool that an autoscaler keeps at the least, as it may move what can be moved: by trying every set of them.
fn kept(pool: &Pool, loads: &[Load]) -> u32 {
    let busy: Vec<&Load> = loads.iter().filter(|load| !load.is_empty()).collect();
    if pool.capacity == CapacityType::Reserved {
        return pool.nodes;
    }
    if !pool.consolidates {
        return busy.len() as u32;
    }
    let sets = 0..1_u32 << busy.len();
    let fits = |emptied: &u32| {
        let is_emptied = |at: usize| emptied >> at & 1 == 1;
        let mut room = Vec::new();
        let mut moved = Vec::new();
        for (at, load) in busy.iter().enumerate() {
            if !is_emptied(at) {
                room.push(pool.of.2 - load.iter().map(|(gpus, _)| gpus).sum::<u32>());
            } else if load.iter().any(|(_, movable)| !movable) {
                return false;
            } else {
                moved.extend(load.iter().map(|(gpus, _)| *gpus));
            }
        }
        moved.sort_unstable_by(|a, b| b.cmp(a));
        pack(&moved, &mut room)
    };
    let most = sets.filter(fits).map(u32::count_ones).max().unwrap_or(0);
    busy.len() as u32 - most
}

/// Whether items fit the room, by trying every place.
fn pack(items: &[u32], room: &mut [u32]) -> bool {
    let Some((first, rest)) = items.split_first() else {
        return true;
    };
    let mut tried = BTreeSet::new();
    for at in 0..room.len() {
        if room[at] >= *first && tried.insert(room[at]) {
            room[at] -= first;
            let fits = pack(rest, room);
            room[at] += first;
            if fits {
                return true;
            }
        }
    }
    false
}

/// What a pool costs an hour with so many nodes kept by what is on them, and what waits filling the others.
fn cost(pool: &Pool, before: u32, kept: u32) -> f64 {
    // What is waited for fills nodes that were there; more of them than before nobody starts for it here.
    let filled = (pool.waiting / f64::from(pool.of.2)).ceil() as u32;
    let nodes = (kept + filled).min(before);
    let (covered, hourly) = pool.committed.unwrap_or((0, 0.0));
    f64::from(covered) * hourly + f64::from(nodes.saturating_sub(covered)) * pool.of.3
}

/// What the cluster costs an hour less once the plan is carried out, priced from scratch.
pub(crate) fn repriced(pools: &[Pool], snapshot: &Snapshot, plan: &Plan) -> f64 {
    let mut saved = 0.0;
    for pool in pools {
        let loads = |changed: bool| -> Vec<Load> {
            let on = |node: u32| {
                let name = format!("{}-{node}", pool.name);
                let pods = snapshot
                    .workloads
                    .iter()
                    .flat_map(|one| one.pods.iter().map(move |pod| (one, pod)));
                let own = pods.filter(|(_, pod)| pod.node.as_deref() == Some(&name));
                own.filter_map(|(one, pod)| {
                    let row = plan.accepted.iter().find(|row| changed && row.subject.id == one.id);
                    let gpus = row.map_or(pod.gpus, |row| left(&row.moves, pod.gpus));
                    let movable = matches!(one.kind.as_str(), "Deployment" | "StatefulSet");
                    (gpus > 0).then_some((gpus, movable))
                })
                .collect()
            };
            (0..pool.nodes).map(on).collect()
        };
        let (before, after) = (kept(pool, &loads(false)), kept(pool, &loads(true)));
        saved += cost(pool, before, before) - cost(pool, before, after);
    }
    for row in &plan.accepted {
        saved -= row
            .to
            .get("new_nodes")
            .and_then(|nodes| nodes.as_str())
            .map_or(0.0, new_nodes);
    }
    saved
}

/// GPUs that a pod holds where it is, once all moves are made.
fn left(moves: &[Move], gpus: u32) -> u32 {
    moves.iter().fold(gpus, |gpus, change| match change {
        Move::RequestGpus { to, .. } => gpus.min(*to),
        Move::ScaleToZero | Move::UseGpu { .. } => 0,
        Move::SleepDuring { .. } | Move::UseSpot { .. } => gpus,
    })
}

/// The price of `2 x g6.xlarge`, by the list.
fn new_nodes(text: &str) -> f64 {
    let Some((count, name)) = text.split_once(" x ") else {
        return 0.0;
    };
    let catalog = Catalog::shipped().unwrap();
    let list = catalog.instance(name).and_then(|row| row.list_price()).unwrap();
    count.parse::<f64>().unwrap() * list.get()
}
