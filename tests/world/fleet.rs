//! The machines: pools that grow as workloads ask, one slot of devices for each replica.

use super::END;
use super::hardware::Instance;
use super::random::{self, unit};
use super::workload::Workload;

/// A pool of like machines.
#[derive(Debug)]
pub struct Pool {
    /// Its name, as workloads ask for it.
    pub name: &'static str,
    /// Its machine type.
    pub instance: &'static str,
    /// `on-demand`, `spot` or `reserved`.
    pub capacity: &'static str,
}

/// What spot capacity costs, as a share of on-demand: an assumption inside the range that providers publish.
const SPOT_SHARE: f64 = 0.41;

const fn pool(name: &'static str, instance: &'static str, capacity: &'static str) -> Pool {
    Pool {
        name,
        instance,
        capacity,
    }
}

/// Every pool a world may have.
static POOLS: [Pool; 16] = [
    pool("h100-reserved", "p5.48xlarge", "reserved"),
    pool("h100", "p5.48xlarge", "on-demand"),
    pool("h100-single", "p5.4xlarge", "on-demand"),
    pool("a100-80-reserved", "p4de.24xlarge", "reserved"),
    pool("a100-80", "p4de.24xlarge", "on-demand"),
    pool("a100-40", "p4d.24xlarge", "on-demand"),
    pool("a100-40-spot", "p4d.24xlarge", "spot"),
    pool("l40s-single", "g6e.xlarge", "on-demand"),
    pool("l40s-quad", "g6e.12xlarge", "on-demand"),
    pool("l40s-quad-tags", "g6e.12xlarge", "on-demand"),
    pool("l40s-quad-spot", "g6e.12xlarge", "spot"),
    pool("l40s", "g6e.48xlarge", "on-demand"),
    pool("l4-single", "g6.xlarge", "on-demand"),
    pool("l4-quad-spot", "g6.12xlarge", "spot"),
    pool("a10g-single", "g5.xlarge", "on-demand"),
    pool("a10g-quad", "g5.12xlarge", "on-demand"),
];

/// The pool of this name.
pub fn pool_named(name: &str) -> &'static Pool {
    let found = POOLS.iter().find(|pool| pool.name == name);
    found.unwrap_or_else(|| panic!("no pool is called {name}"))
}

impl super::World {
    /// The pools that its nodes belong to, by name.
    pub fn pools(&self) -> impl Iterator<Item = &'static str> {
        let names: std::collections::BTreeSet<&str> = self.nodes.iter().map(|node| node.pool.name).collect();
        names.into_iter()
    }
}

/// A machine.
#[derive(Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its pool.
    pub pool: &'static Pool,
    /// Its type.
    pub instance: &'static Instance,
    /// Its zone.
    pub zone: &'static str,
    /// Its instance identifier at the provider.
    pub instance_id: String,
    /// When it joined.
    pub created: i64,
    /// Draws that concern it.
    pub key: u64,
    /// UUIDs of its GPUs.
    pub uuids: Vec<String>,
    /// GPUs that some workload's slot covers.
    pub taken: u32,
    /// Whether its exporter says `Hostname` or, since 2026-05, `hostname`.
    pub old_dialect: bool,
    /// Second of each minute at which it is scraped.
    pub offset: i64,
    /// When its exporter's pod was replaced, if it was.
    pub exporter_restart: Option<i64>,
    /// Whether scrapes fail so often that little can be concluded.
    pub holes: bool,
}

impl Node {
    /// What it costs an hour.
    pub fn hourly(&self) -> f64 {
        let share = if self.pool.capacity == "spot" { SPOT_SHARE } else { 1.0 };
        self.instance.hourly * share
    }

    /// The name of its exporter's pod at a second.
    pub fn exporter(&self, second: i64) -> String {
        let later = self.exporter_restart.is_some_and(|restart| second >= restart);
        format!(
            "nvidia-dcgm-exporter-{}",
            random::suffix(self.key ^ u64::from(later), 5)
        )
    }

    /// Whether its scrape at this second failed: some minutes in a few hours of a hundred, the exporter's restart, and, on a
    /// machine with holes, half an hour in every three.
    pub fn scrape_failed(&self, second: i64) -> bool {
        let hour = second.div_euclid(3600);
        let draw = unit(self.key ^ 21, hour);
        let begin = (draw * 100_000.0) as i64 % 3_000;
        let short = draw < 0.02 && (begin..begin + 180).contains(&second.rem_euclid(3600));
        let restart = self
            .exporter_restart
            .is_some_and(|at| (at - 200..at + 40).contains(&second));
        let span = second.div_euclid(10_800);
        let hole = (unit(self.key ^ 23, span) * 7_200.0) as i64;
        let holed = self.holes && (hole..hole + 2_400).contains(&second.rem_euclid(10_800));
        short || restart || holed
    }
}

/// Where one replica runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Index of the node.
    pub node: usize,
    /// Indexes of its GPUs on the node.
    pub devices: Vec<usize>,
}

/// Places every replica of every workload; slots by workload, nodes in the order in which they were needed.
pub fn place(workloads: &[Workload], seed: u64, start: i64) -> (Vec<Node>, Vec<Vec<Slot>>) {
    let mut nodes: Vec<Node> = Vec::new();
    let mut slots = Vec::new();
    for workload in workloads {
        let pool = pool_named(workload.pool);
        let size = Instance::named(pool.instance).gpus;
        assert!(workload.gpus <= size, "{} does not fit its pool", workload.name);
        let mut own = Vec::new();
        for _ in 0..workload.replicas {
            let fits = |node: &Node| {
                node.pool.name == pool.name && node.taken + workload.gpus <= size && node.holes == workload.scrape_holes
            };
            let at = nodes.iter().position(fits).unwrap_or_else(|| {
                nodes.push(new_node(pool, nodes.len(), seed, start));
                nodes.len() - 1
            });
            nodes[at].holes = workload.scrape_holes;
            let first = nodes[at].taken as usize;
            nodes[at].taken += workload.gpus;
            own.push(Slot {
                node: at,
                devices: (first..first + workload.gpus as usize).collect(),
            });
        }
        slots.push(own);
    }
    (nodes, slots)
}

fn new_node(pool: &'static Pool, index: usize, seed: u64, start: i64) -> Node {
    let instance = Instance::named(pool.instance);
    let key = random::key(seed, &format!("node {index} of {}", pool.name));
    let (second, third) = ((key >> 8) % 250 + 2, (key >> 24) % 64);
    let span = (END - start) as f64;
    Node {
        name: format!("ip-10-{}-{third}-{second}.ec2.internal", index % 200 + 16),
        pool,
        instance,
        zone: ["us-east-1a", "us-east-1b", "us-east-1d"][(key % 3) as usize],
        instance_id: format!("i-0{:016x}", random::mix(key)),
        created: start - 86_400 * (5 + (key % 90) as i64) - (key % 80_000) as i64,
        key,
        uuids: (0..u64::from(instance.gpus))
            .map(|gpu| format!("GPU-{}", random::uuid(key.wrapping_add(1 + gpu))))
            .collect(),
        taken: 0,
        old_dialect: key.is_multiple_of(2),
        offset: 3 + (key % 53) as i64,
        exporter_restart: key
            .is_multiple_of(3)
            .then(|| start + (span * (0.2 + 0.6 * unit(key, 31))) as i64),
        holes: false,
    }
}
