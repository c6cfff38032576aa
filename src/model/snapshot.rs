//! The world at one time, joined: workloads with their history and price, GPU nodes, spend, and what is not known.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::cluster::Labels;
use super::commitment::Commitment;
use super::gap::Gap;
use super::gpu::GpuModel;
use super::queueing::QueueState;
use super::spot::SpotNode;
use super::time::Grid;
use super::units::{Hourly, Memory, Monthly, Share};
use super::usage::Signal;
use super::workload::{CapacityType, PriceSource, Workload};

/// Whose figures the prices are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PriceBasis {
    /// Public list prices.
    List,
    /// What is really paid, discounts included.
    Effective,
    /// Some of each.
    Mixed,
}

/// Spend by what it is for, at the window's rate.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ByCategory {
    /// Nodes with GPUs.
    pub gpu: Monthly,
    /// Volumes.
    pub storage: Option<Monthly>,
    /// Traffic and load balancers.
    pub network: Option<Monthly>,
    /// Nodes without GPUs, control planes, what is shared.
    pub other: Option<Monthly>,
}

/// What the cluster costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Spend {
    /// All of it.
    pub monthly: Monthly,
    /// GPU capacity on nodes that no workload held.
    pub unallocated: Monthly,
    /// Whose figures.
    pub basis: PriceBasis,
    /// By what it is for.
    pub by_category: ByCategory,
}

/// A node with GPUs that exists now.
#[derive(Debug, Clone, PartialEq)]
pub struct GpuNode {
    /// Its name.
    pub name: String,
    /// The pool it belongs to, such as a Karpenter NodePool.
    pub pool: Option<String>,
    /// Whether something, or somebody, removes it when it is not needed: it is of a pool that may shrink.
    pub elastic: bool,
    /// Hours for which it must be empty until something removes it, at any time of the day; `None` where nothing is known to.
    pub goes_after_hours: Option<f64>,
    /// Whether pods are moved together so that it may become empty (Karpenter's consolidation).
    pub consolidates: bool,
    /// Its labels and taints, by which the scheduler chooses it.
    pub labels: Labels,
    /// As `key=value:effect`.
    pub taints: Vec<String>,
    /// DaemonSets with a pod on it that does not bear the taint of a workload's own nodes; `None` where nobody told.
    pub strict_daemons: Option<BTreeSet<String>>,
    /// Its instance type.
    pub instance_type: Option<String>,
    /// Where it is.
    pub region: Option<String>,
    /// Its GPU.
    pub gpu: Option<GpuModel>,
    /// How many GPUs it has.
    pub gpus: u32,
    /// Whether its GPUs are handed out to several pods each (time slices, MPS): none is to be had as a whole.
    pub shared: bool,
    /// MIG devices it offers, by profile.
    pub slices: BTreeMap<String, u32>,
    /// CPUs it offers, in cores.
    pub cpu: Option<f64>,
    /// Memory it offers.
    pub memory: Option<Memory>,
    /// How it is bought.
    pub capacity: CapacityType,
    /// What the whole node costs.
    pub hourly: Option<Hourly>,
    /// Where its price comes from.
    pub price: Option<PriceSource>,
    /// The share of the window for which it was there: a node that comes and goes is on the bill for no more.
    pub present: Share,
    /// Whether that is a public list, and no measurement or contract.
    pub listed: bool,
    /// Whether that is what the cost source says of it.
    pub measured: bool,
    /// What a node like it costs that no commitment covers, where a commitment covers nodes like it.
    pub on_demand: Option<Hourly>,
    /// The commitment that covers nodes like it, by its place in [`Snapshot::commitments`].
    pub commitment: Option<usize>,
    /// ClusterQueues of Kueue that admit work onto it.
    pub queues: Vec<String>,
    /// Pods of no workload we know that hold GPUs on it, so that it is never thought empty.
    pub strangers: u32,
}

/// A gap with the money that stands behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct PricedGap {
    /// What is not known.
    pub gap: Gap,
    /// Spend of the workloads it keeps from being judged; `None` where that cannot be told.
    pub monthly: Option<Monthly>,
}

/// The world that is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The cluster's name.
    pub cluster: String,
    /// Window and step of every column.
    pub grid: Grid,
    /// Currency of every price.
    pub currency: String,
    /// The workloads with GPUs, by id.
    pub workloads: Vec<Workload>,
    /// The nodes with GPUs, by name.
    pub nodes: Vec<GpuNode>,
    /// Nodes with GPUs that were spot capacity within the window, gone or not, by type and time.
    pub spot_nodes: Vec<SpotNode>,
    /// Kueue's queues at the window's end, by name.
    pub queues: Vec<QueueState>,
    /// Commitments that are in force at the window's end and cover nodes of it.
    pub commitments: Vec<Commitment>,
    /// What it costs; `None` where no node has a price.
    pub spend: Option<Spend>,
    /// GPUs on the nodes.
    pub gpus: u32,
    /// GPUs of which any signal was read.
    pub gpus_with_metrics: u32,
    /// Samples that were read.
    pub samples: u64,
    /// Whether any model server's series were read, so that one without requests is known to have had none.
    pub servers_read: bool,
    /// Whether any workload's requests were read at scrape interval, so that one without them is known to have a hole.
    pub requests_read: bool,
    /// Signals of which no series was read although they were asked for.
    pub absent: Vec<Signal>,
    /// What could not be read or joined.
    pub gaps: Vec<PricedGap>,
}

impl Snapshot {
    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<&GpuNode> {
        self.nodes
            .binary_search_by(|node| node.name.as_str().cmp(name))
            .ok()
            .map(|at| &self.nodes[at])
    }
}
