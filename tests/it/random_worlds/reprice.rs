//! A cluster that is changed as a plan says, priced from scratch: an autoscaler of its own that tries every way to move what
//! may be moved.

use std::collections::{BTreeMap, BTreeSet};

use gpuwise::catalog::Catalog;
use gpuwise::model::plan::{Plan, Row};
use gpuwise::model::scenario::Move;
use gpuwise::model::snapshot::Snapshot;
use gpuwise::model::workload::CapacityType;

use super::draw::Pool;

/// What is on a node: GPUs of a pod, and whether it may be moved.
type Load = Vec<(u32, bool)>;

/// The nodes that an autoscaler keeps of each pool of one queue, for every way to move what it can move that leaves all pods a
/// place: by trying every set of nodes.
fn ways(pools: &[&Pool], loads: &[Vec<Load>]) -> Vec<Vec<u32>> {
    let nodes: Vec<(usize, &Load)> = (0..pools.len())
        .flat_map(|pool| loads[pool].iter().map(move |load| (pool, load)))
        // What is empty goes, unless it is paid for anyhow.
        .filter(|(pool, load)| !load.is_empty() || pools[*pool].capacity == CapacityType::Reserved)
        .collect();
    let may_go = |at: &usize| {
        let (pool, load) = nodes[*at];
        let consolidates = pools[pool].consolidates && pools[pool].capacity != CapacityType::Reserved;
        consolidates && load.iter().all(|(_, movable)| *movable)
    };
    let open: Vec<usize> = (0..nodes.len()).filter(may_go).collect();
    let mut ways = Vec::new();
    for set in 0..1_u32 << open.len() {
        let is_emptied = |at: usize| {
            open.iter()
                .position(|one| *one == at)
                .is_some_and(|bit| set >> bit & 1 == 1)
        };
        let (mut room, mut moved, mut kept) = (Vec::new(), Vec::new(), vec![0; pools.len()]);
        for (at, (pool, load)) in nodes.iter().enumerate() {
            let gpus = load.iter().map(|(gpus, _)| *gpus);
            if is_emptied(at) {
                moved.extend(gpus);
            } else {
                room.push(pools[*pool].of.2 - gpus.sum::<u32>());
                kept[*pool] += 1;
            }
        }
        moved.sort_unstable_by(|a, b| b.cmp(a));
        if pack(&moved, &mut room) {
            ways.push(kept);
        }
    }
    ways
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
    let nodes = if filled == 0 { kept } else { (kept + filled).min(before) };
    let (covered, hourly) = pool.committed.unwrap_or((0, 0.0));
    f64::from(covered) * hourly + f64::from(nodes.saturating_sub(covered)) * pool.of.3
}

/// What the cluster costs an hour less once the plan is carried out, priced from scratch for every hour of a week.
pub(crate) fn repriced(pools: &[Pool], snapshot: &Snapshot, plan: &Plan) -> f64 {
    // Hours in which the same workloads are asleep are alike.
    let mut alike: BTreeMap<BTreeSet<&str>, u32> = BTreeMap::new();
    for hour in 0..168 {
        let asleep = plan.accepted.iter().filter(|row| sleeps(row, hour));
        *alike
            .entry(asleep.map(|row| row.subject.id.as_str()).collect())
            .or_insert(0) += 1;
    }
    let mut saved = 0.0;
    for (asleep, hours) in &alike {
        let share = f64::from(*hours) / 168.0;
        saved += share * saved_by(pools, snapshot, (plan, asleep));
        let nodes = plan.accepted.iter().filter_map(|row| {
            let nodes = row.to.get("new_nodes")?.as_str()?;
            let goes = asleep.contains(row.subject.id.as_str()) && goes_when_empty(pools, nodes);
            (!goes).then(|| new_nodes(nodes))
        });
        saved -= share * nodes.sum::<f64>();
    }
    saved
}

fn sleeps(row: &Row, hour: u8) -> bool {
    let mut moves = row.moves.iter();
    moves.any(|change| matches!(change, Move::SleepDuring { hours, .. } if hours.hours().contains(&hour)))
}

/// Whether something is seen to remove such nodes: of those that the cluster does not have nobody knows.
fn goes_when_empty(pools: &[Pool], nodes: &str) -> bool {
    let on_demand = |pool: &&Pool| pool.capacity == CapacityType::OnDemand;
    pools
        .iter()
        .filter(on_demand)
        .any(|pool| nodes.ends_with(&format!(" x {}", pool.of.0)))
}

/// What its present nodes cost less while these workloads sleep.
fn saved_by(pools: &[Pool], snapshot: &Snapshot, then: (&Plan, &BTreeSet<&str>)) -> f64 {
    let mut saved = 0.0;
    let queues: BTreeSet<&str> = pools.iter().map(|pool| pool.queue.as_str()).collect();
    for queue in queues {
        let own: Vec<&Pool> = pools.iter().filter(|pool| pool.queue == queue).collect();
        let loads = |then: Option<(&Plan, &BTreeSet<&str>)>| -> Vec<Vec<Load>> {
            own.iter().map(|pool| loads(pool, snapshot, then)).collect()
        };
        let total = |before: &[u32], kept: &[u32]| -> f64 {
            let costs = own.iter().zip(before.iter().zip(kept));
            costs.map(|(pool, (before, kept))| cost(pool, *before, *kept)).sum()
        };
        let least = |ways: &[Vec<u32>], of: &dyn Fn(&[u32]) -> f64| {
            let costs = ways.iter().map(|kept| (of(kept), kept.clone()));
            costs.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
        };
        let (cost_before, before) = least(&ways(&own, &loads(None)), &|kept| total(kept, kept));
        let (cost_after, _) = least(&ways(&own, &loads(Some(then))), &|kept| total(&before, kept));
        saved += cost_before - cost_after;
    }
    saved
}

/// What is on each node of a pool, as it is or once a plan is carried out and these workloads sleep.
fn loads(pool: &Pool, snapshot: &Snapshot, then: Option<(&Plan, &BTreeSet<&str>)>) -> Vec<Load> {
    let on = |node: u32| {
        let name = format!("{}-{node}", pool.name);
        let pods = snapshot
            .workloads
            .iter()
            .flat_map(|one| one.pods.iter().map(move |pod| (one, pod)));
        let own = pods.filter(|(_, pod)| pod.node.as_deref() == Some(&name));
        own.filter_map(|(one, pod)| {
            let gpus = match then {
                None => pod.gpus,
                Some((_, asleep)) if asleep.contains(one.id.as_str()) => 0,
                Some((plan, _)) => {
                    let row = plan.accepted.iter().find(|row| row.subject.id == one.id);
                    row.map_or(pod.gpus, |row| left(&row.moves, pod.gpus))
                }
            };
            let movable = matches!(one.kind.as_str(), "Deployment" | "StatefulSet");
            (gpus > 0).then_some((gpus, movable))
        })
        .collect()
    };
    (0..pool.nodes).map(on).collect()
}

/// GPUs that a pod holds where it is, once all moves are made.
fn left(moves: &[Move], gpus: u32) -> u32 {
    moves.iter().fold(gpus, |gpus, change| match change {
        Move::RequestGpus { to, .. } => gpus.min(*to),
        Move::ScaleToZero | Move::UseGpu { .. } => 0,
        // The worlds' levers know nothing of requests.
        Move::SetReplicas { .. }
        | Move::Autoscale { .. }
        | Move::Quantize { .. }
        | Move::SetTensorParallel { .. }
        | Move::SetBatchLimit { .. }
        | Move::CachePrefixes { .. } => unreachable!("nothing of theirs is replayed"),
        Move::SleepDuring { .. } | Move::UseSpot { .. } | Move::SetCheckpointInterval { .. } => gpus,
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
