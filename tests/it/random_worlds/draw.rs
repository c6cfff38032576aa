//! A cluster drawn from a seed: pools of nodes, some committed to, some waited for, with workloads that work, rest, or do both.

use std::collections::BTreeMap;

use gpuwise::model::commitment::{Commitment, CommitmentKind, Covers};
use gpuwise::model::gpu::{DeviceId, GpuKind, GpuModel};
use gpuwise::model::queueing::{ClusterQueue, QueueState, QueuedRuns};
use gpuwise::model::scheduling::Scheduling;
use gpuwise::model::snapshot::{ByCategory, GpuNode, PriceBasis, Snapshot, Spend};
use gpuwise::model::time::{Grid, Window};
use gpuwise::model::units::{GpuCount, Hourly, Monthly, Share};
use gpuwise::model::usage::{Column, Signal};
use gpuwise::model::workload::{CapacityType, Class, Classified, DeviceUse, PodUse, PriceSource, Workload};
use jiff::Timestamp;

use crate::generator::random::Rng;

use super::behaviour::{Behaviour, behaviour};

/// Hours of history of the random worlds: as much as the levers need.
const HOURS: i64 = 76;

/// Hours of history in which a weekly pattern shows, and in which of so many worlds there are as many.
const WEEKS: i64 = 15 * 24;
const ONE_IN: u64 = 12;
pub(super) const END: i64 = 1_794_787_200;

/// Instance type, GPU, GPUs, list price an hour.
const TYPES: [(&str, &str, u32, f64); 4] = [
    ("p4d.24xlarge", "A100-40GB", 8, 21.957_6),
    ("p5.48xlarge", "H100-80GB", 8, 55.04),
    ("g6e.12xlarge", "L40S", 4, 10.492_64),
    ("g6.12xlarge", "L4", 4, 4.601_6),
];

/// So many hours after the end.
fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(END + hour * 3_600).unwrap()
}

fn grid(hours: i64) -> Grid {
    Grid {
        window: Window {
            start: at(-hours),
            end: at(0),
        },
        step_seconds: 3_600,
    }
}

/// A pool of nodes of one type, and what of it is committed to.
pub(crate) struct Pool {
    pub(crate) name: String,
    pub(crate) of: (&'static str, &'static str, u32, f64),
    pub(crate) nodes: u32,
    pub(crate) consolidates: bool,
    pub(crate) capacity: CapacityType,
    pub(crate) committed: Option<(u32, f64)>,
    pub(crate) waiting: f64,
    /// The queue whose work runs on it.
    pub(crate) queue: String,
    hours: i64,
    /// GPUs that a pod may have, and pods that a workload has at most.
    sizes: [u32; 4],
    most_pods: i64,
}

fn pool(rng: &mut Rng, number: usize, before: Option<&Pool>) -> Pool {
    let same = before.filter(|_| rng.whole(0, 2) == 0);
    let of = same.map_or(TYPES[number], |pool| pool.of);
    let nodes = rng.whole(1, if same.is_some() { 3 } else { 5 }) as u32;
    // Nodes that are worth the same; pods move to those of the other pool too.
    let free =
        |pool: &&Pool| pool.committed.is_none() && pool.waiting == 0.0 && pool.capacity == CapacityType::OnDemand;
    let alike = same.filter(free).filter(|_| rng.whole(0, 1) == 0);
    let committed = (alike.is_none() && rng.whole(0, 2) == 0)
        .then(|| (rng.whole(1, i64::from(nodes)) as u32, of.3 * rng.range(0.4, 0.9)));
    Pool {
        name: format!("pool-{number}"),
        of,
        nodes,
        consolidates: rng.whole(0, 1) == 0,
        capacity: match rng.whole(0, 9) {
            _ if alike.is_some() => CapacityType::OnDemand,
            0 => CapacityType::Reserved,
            _ => CapacityType::OnDemand,
        },
        committed,
        waiting: if alike.is_none() && rng.whole(0, 3) == 0 {
            (rng.whole(1, 3) * 4) as f64
        } else {
            0.0
        },
        queue: alike.map_or_else(|| format!("pool-{number}"), |pool| pool.queue.clone()),
        hours: HOURS,
        sizes: [1, 1, 2, 4],
        most_pods: 4,
    }
}

impl Pool {
    fn blended(&self) -> f64 {
        let list = self.of.3;
        self.committed.map_or(list, |(nodes, hourly)| {
            let nodes = f64::from(nodes);
            (nodes * hourly + (f64::from(self.nodes) - nodes) * list) / f64::from(self.nodes)
        })
    }

    fn node(&self, number: u32, commitment: Option<usize>) -> GpuNode {
        GpuNode {
            name: format!("{}-{number}", self.name),
            pool: Some(self.name.clone()),
            elastic: true,
            goes_after_hours: Some(0.0),
            consolidates: self.consolidates,
            labels: BTreeMap::from([("queue".to_owned(), self.queue.clone())]),
            taints: Vec::new(),
            strict_daemons: None,
            instance_type: Some(self.of.0.to_owned()),
            region: Some("us-east-1".to_owned()),
            gpu: Some(GpuModel(self.of.1.to_owned())),
            gpus: self.of.2,
            shared: false,
            slices: BTreeMap::new(),
            cpu: None,
            memory: None,
            capacity: self.capacity,
            hourly: Some(Hourly::new(self.blended())),
            price: Some(source()),
            present: Share::new(1.0).unwrap(),
            listed: self.committed.is_none(),
            measured: false,
            on_demand: self.committed.map(|_| Hourly::new(self.of.3)),
            commitment,
            queues: vec![self.queue.clone()],
            strangers: 0,
        }
    }
}

impl Pool {
    /// What keeps its pods on its nodes, and on those of pools like it.
    fn scheduling(&self) -> Scheduling {
        Scheduling {
            node_selector: BTreeMap::from([("queue".to_owned(), self.queue.clone())]),
            ..Scheduling::default()
        }
    }
}

fn source() -> PriceSource {
    PriceSource {
        source: "test".to_owned(),
        as_of: "2026-11-16".to_owned(),
    }
}

fn workload(rng: &mut Rng, number: usize, pools: &[Pool], free: &mut BTreeMap<String, u32>) -> Option<Workload> {
    let pool = &pools[rng.whole(0, pools.len() as i64 - 1) as usize];
    let (kind, class) = *[
        ("Deployment", Class::Inference),
        ("StatefulSet", Class::Inference),
        ("Notebook", Class::Notebook),
        ("JobSet", Class::Training),
    ]
    .get(rng.whole(0, 3) as usize)?;
    let each = *pool.sizes.get(rng.whole(0, 3) as usize)?;
    let behaviour = behaviour(rng, each, pool.hours >= WEEKS);
    let name = format!("w{number}");
    let mut pods = Vec::new();
    for replica in 0..rng.whole(1, pool.most_pods) {
        let places: Vec<String> = (0..pool.nodes)
            .map(|node| format!("{}-{node}", pool.name))
            .filter(|node| free[node] >= each)
            .collect();
        let Some(node) = places.get(rng.whole(0, places.len().max(1) as i64 - 1) as usize) else {
            break;
        };
        *free.get_mut(node)? -= each;
        let share = f64::from(each) / f64::from(pool.of.2);
        pods.push(pod(
            &format!("{name}-{replica}"),
            node,
            pool,
            each,
            pool.blended() * share,
            &behaviour,
        ));
    }
    let monthly: Hourly = pods.iter().filter_map(|pod| pod.hourly).sum();
    (!pods.is_empty()).then(|| Workload {
        id: format!("c/ns/{kind}/{name}"),
        cluster: "c".to_owned(),
        group: "apps".to_owned(),
        kind: kind.to_owned(),
        namespace: "ns".to_owned(),
        name,
        labels: BTreeMap::new(),
        overrides: BTreeMap::new(),
        owner: None,
        owner_because: None,
        class: drawn(class),
        runs: 1,
        family: false,
        replicas: None,
        deployed: None,
        autoscaler: None,
        budget: None,
        queue: None,
        pools: Vec::new(),
        gpus: GpuCount::new(pods.iter().map(|pod| f64::from(pod.gpus)).sum()),
        gpu: Some(GpuKind::whole(pool.of.1)),
        capacity: pool.capacity,
        pod_requests: BTreeMap::new(),
        scheduling: pool.scheduling(),
        monthly: Some(monthly.monthly()),
        price: Some(source()),
        serving: None,
        histograms: BTreeMap::new(),
        requests: None,
        start_seconds: Vec::new(),
        pods,
    })
}

fn drawn(class: Class) -> Classified {
    Classified {
        class,
        confidence: 0.9,
        because: vec!["drawn".to_owned()],
    }
}

fn pod(name: &str, node: &str, pool: &Pool, gpus: u32, hourly: f64, behaviour: &Behaviour) -> PodUse {
    let grid = grid(pool.hours);
    let column = |value: f64| Column::from_options(vec![Some(value); grid.points()]);
    let by_day = |work: f64, rest: f64| {
        let at = |point: usize| Some(if behaviour.works(point, grid) { work } else { rest });
        Column::from_options((0..grid.points()).map(at))
    };
    let device = |(gpu, (activity, memory)): (usize, &(f64, f64))| DeviceUse {
        device: Some(DeviceId {
            node: node.to_owned(),
            uuid: format!("{name}-{gpu}"),
            mig_instance: None,
        }),
        signals: BTreeMap::from([
            (Signal::EngineActive, by_day(*activity, 0.0)),
            (Signal::GpuUtil, by_day(activity * 100.0, 0.0)),
            (Signal::MemoryUsed, column(*memory)),
            (Signal::Power, by_day(20.0 + activity * 200.0, 20.0)),
        ]),
    };
    PodUse {
        name: name.to_owned(),
        node: Some(node.to_owned()),
        run: None,
        capacity: pool.capacity,
        from: at(-pool.hours),
        to: at(0),
        running: true,
        pinned: false,
        shared: false,
        gpus,
        share: 1.0,
        gpu: Some(GpuKind::whole(pool.of.1)),
        hourly: Some(Hourly::new(hourly)),
        price_steps: Vec::new(),
        devices: behaviour.gpus.iter().enumerate().map(device).collect(),
        server: BTreeMap::new(),
    }
}

pub(crate) fn world(seed: u64) -> (Vec<Pool>, Snapshot) {
    let hours = if seed.is_multiple_of(ONE_IN) { WEEKS } else { HOURS };
    let mut rng = Rng::new(seed);
    let mut pools: Vec<Pool> = Vec::new();
    for number in 0..rng.whole(1, 4) as usize {
        // Of three with the same nodes there are too many ways to move pods for all to be tried.
        let alone = |pool: &&Pool| pools.iter().filter(|other| other.of.0 == pool.of.0).count() == 1;
        let before = pools.last().filter(alone);
        let mut next = pool(&mut rng, number, before);
        next.hours = hours;
        pools.push(next);
    }
    let count = rng.whole(1, 9) as usize;
    let snapshot = filled(&mut rng, &pools, count, hours);
    (pools, snapshot)
}

/// A large cluster: so many workloads on so many nodes of four types, half of which consolidate.
#[allow(dead_code, reason = "only the bench wants one")]
pub(crate) fn large(workloads: usize, nodes: u32, hours: i64) -> Snapshot {
    let mut rng = Rng::new(1);
    let of_type = |number: usize| Pool {
        name: format!("pool-{number}"),
        of: TYPES[number],
        nodes: nodes / 4,
        consolidates: number.is_multiple_of(2),
        capacity: CapacityType::OnDemand,
        committed: (number == 1).then(|| (nodes / 8, TYPES[number].3 * 0.55)),
        waiting: 0.0,
        queue: format!("pool-{number}"),
        hours,
        sizes: [1; 4],
        most_pods: 1,
    };
    let pools: Vec<Pool> = (0..4).map(of_type).collect();
    filled(&mut rng, &pools, workloads, hours)
}

fn filled(rng: &mut Rng, pools: &[Pool], count: usize, hours: i64) -> Snapshot {
    let mut commitments = Vec::new();
    let mut nodes = Vec::new();
    for pool in pools {
        let held = pool.committed.map(|(covered, hourly)| {
            commitments.push(Commitment {
                name: format!("plan of {}", pool.name),
                kind: CommitmentKind::SavingsPlan,
                covers: Covers::InstanceType(pool.of.0.to_owned()),
                region: None,
                nodes: Some(covered),
                hourly: Some(Hourly::new(hourly)),
                amount: None,
                from: None,
                until: at(5_000),
                place: "policy.yaml:1".to_owned(),
            });
            commitments.len() - 1
        });
        nodes.extend((0..pool.nodes).map(|number| pool.node(number, held)));
    }
    let mut free: BTreeMap<String, u32> = nodes.iter().map(|node| (node.name.clone(), node.gpus)).collect();
    let mut workloads: Vec<Workload> = (0..count)
        .filter_map(|number| workload(rng, number, pools, &mut free))
        .collect();
    workloads.sort_by(|a, b| a.id.cmp(&b.id));
    let monthly: Monthly = nodes.iter().filter_map(|node| node.hourly).sum::<Hourly>().monthly();
    let queue = |pool: &Pool| QueueState {
        queue: ClusterQueue {
            name: pool.queue.clone(),
            ..ClusterQueue::default()
        },
        runs: QueuedRuns {
            gpus_waiting: pool.waiting,
            ..QueuedRuns::default()
        },
    };
    Snapshot {
        cluster: "c".to_owned(),
        grid: grid(hours),
        currency: "USD".to_owned(),
        gpus: nodes.iter().map(|node| node.gpus).sum(),
        gpus_with_metrics: 0,
        spot_nodes: Vec::new(),
        samples: 0,
        servers_read: true,
        requests_read: false,
        absent: Vec::new(),
        gaps: Vec::new(),
        queues: pools.iter().filter(|pool| pool.queue == pool.name).map(queue).collect(),
        commitments,
        spend: Some(Spend {
            monthly,
            unallocated: Monthly::ZERO,
            basis: PriceBasis::List,
            by_category: ByCategory {
                gpu: monthly,
                ..ByCategory::default()
            },
        }),
        nodes,
        workloads,
    }
}
