//! The sum of days: what each cluster's nodes, volumes and traffic cost.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::allocation::{Held, Holder, sum};
use super::decode::Asset;
use crate::model::cluster::{CostCategory, CostProduct, NodeCost};
use crate::model::time::Window;

/// How OpenCost calls the label with the instance type; Prometheus knows no dots.
const INSTANCE_TYPE_LABELS: [&str; 4] = [
    "node_kubernetes_io_instance_type",
    "label_node_kubernetes_io_instance_type",
    "beta_kubernetes_io_instance_type",
    "label_beta_kubernetes_io_instance_type",
];

const REGION_LABELS: [&str; 4] = [
    "topology_kubernetes_io_region",
    "label_topology_kubernetes_io_region",
    "failure_domain_beta_kubernetes_io_region",
    "label_failure_domain_beta_kubernetes_io_region",
];

/// The costs of one cluster.
#[derive(Debug, Default)]
pub(super) struct ClusterTally {
    nodes: BTreeMap<String, NodeCost>,
    pub(super) others: BTreeMap<CostCategory, f64>,
}

/// The costs of all clusters that a server knows.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// By cluster; what names none is under the empty name.
    pub(super) clusters: BTreeMap<String, ClusterTally>,
    /// Assets, by the day, whose cost or time is null.
    pub(super) unpriced: usize,
    /// Whether traffic is among the assets.
    pub(super) has_network: bool,
    /// Whether load balancers are.
    pub(super) has_load_balancers: bool,
}

impl Tally {
    /// Adds what was asked for `day`.
    pub(super) fn add_asset(&mut self, asset: &Asset, day: Window) {
        let kind = asset.kind.as_deref().unwrap_or_default();
        self.has_network |= kind == "Network";
        self.has_load_balancers |= kind == "LoadBalancer";
        let properties = asset.properties.as_ref();
        let name = properties.and_then(|properties| properties.name.clone());
        let (Some(cost), Some(minutes), false) = (asset.total_cost, asset.minutes, kind == "Node" && name.is_none())
        else {
            self.unpriced += 1;
            return;
        };
        let hours = asset_hours(asset, minutes, day);
        let share = if minutes > 0.0 { hours * 60.0 / minutes } else { 1.0 };
        let cluster = properties.and_then(|properties| properties.cluster.clone());
        let cluster = self.clusters.entry(cluster.unwrap_or_default()).or_default();
        match (kind, name) {
            ("Node", Some(name)) => cluster.add_node(name, asset, cost * share, hours),
            ("Disk", _) => cluster.add(CostCategory::Storage, cost * share),
            ("Network" | "LoadBalancer", _) => cluster.add(CostCategory::Network, cost * share),
            _ => cluster.add(CostCategory::Other, cost * share),
        }
    }

    /// Adds the traffic of a cluster, as far as it is not among the assets; says whether any was told.
    pub(super) fn add_allocation(&mut self, held: &Held, day: Window) -> bool {
        // What nobody holds has no traffic; a server that lists it unasked must not add days.
        if held.holder == Holder::Idle {
            return false;
        }
        let allocation = &held.allocation;
        let network = allocation.network().filter(|_| !self.has_network);
        let balancers = allocation.load_balancers().filter(|_| !self.has_load_balancers);
        let Some(cost) = sum(network.or(balancers), network.and(balancers)) else {
            return false;
        };
        let share = allocation.minutes.map_or(1.0, |minutes| within(minutes, day));
        let named = allocation.properties.as_ref().and_then(|of| of.cluster.clone());
        let cluster = named.unwrap_or_else(|| held.key.clone());
        let cluster = if self.clusters.contains_key(&cluster) {
            cluster
        } else {
            String::new()
        };
        self.clusters
            .entry(cluster)
            .or_default()
            .add(CostCategory::Network, cost * share);
        true
    }
}

impl ClusterTally {
    fn add(&mut self, category: CostCategory, cost: f64) {
        *self.others.entry(category).or_insert(0.0) += cost;
    }

    fn add_node(&mut self, name: String, asset: &Asset, cost: f64, hours: f64) {
        let node = self.nodes.entry(name.clone()).or_insert_with(|| NodeCost {
            node: name,
            instance_type: None,
            region: None,
            hours: 0.0,
            total_cost: 0.0,
            gpus: None,
            spot: None,
            adjusted: false,
            by_default: false,
            told_by: CostProduct::default(),
        });
        node.hours += hours;
        node.total_cost += cost;
        // Days come newest first: what the newest says holds.
        node.instance_type = node.instance_type.take().or_else(|| instance_type(asset));
        node.region = node.region.take().or_else(|| region(asset));
        node.gpus = node.gpus.or(asset.gpu_count);
        node.spot = node.spot.or(asset.preemptible.map(|preemptible| preemptible > 0.0));
        node.by_default |= by_default(asset);
        node.adjusted |= [asset.adjustment, asset.discount]
            .into_iter()
            .flatten()
            .any(|figure| figure.abs() > 0.0);
    }

    /// Its nodes, with those of `other` of the same name added.
    pub(super) fn merge(&mut self, other: Self) {
        for (category, cost) in other.others {
            self.add(category, cost);
        }
        for (name, theirs) in other.nodes {
            match self.nodes.entry(name) {
                std::collections::btree_map::Entry::Vacant(entry) => _ = entry.insert(theirs),
                std::collections::btree_map::Entry::Occupied(mut entry) => {
                    let ours = entry.get_mut();
                    ours.hours += theirs.hours;
                    ours.total_cost += theirs.total_cost;
                    ours.adjusted |= theirs.adjusted;
                    ours.by_default |= theirs.by_default;
                }
            }
        }
    }

    /// What each node cost that was there.
    pub(super) fn into_nodes(self) -> Vec<NodeCost> {
        self.nodes.into_values().filter(|node| node.hours > 0.0).collect()
    }
}

pub(super) fn instance_type(asset: &Asset) -> Option<String> {
    let given = asset.node_type.clone().filter(|name| !name.is_empty());
    given.or_else(|| label(asset, &INSTANCE_TYPE_LABELS))
}

pub(super) fn region(asset: &Asset) -> Option<String> {
    label(asset, &REGION_LABELS)
}

fn label(asset: &Asset, names: &[&str]) -> Option<String> {
    let labels = asset.labels.as_ref()?;
    names
        .iter()
        .find_map(|name| labels.get(*name)?.as_str().map(str::to_owned))
}

/// Hours of an asset that lie in the day: a server that keeps whole days answers for one when asked for a part.
pub(super) fn asset_hours(asset: &Asset, minutes: f64, day: Window) -> f64 {
    let time = |text: &Option<String>| text.as_ref()?.parse::<Timestamp>().ok();
    // Null, and the year one, are no times.
    let known = |at: &Timestamp| at.as_second() > 0;
    let start = time(&asset.start).filter(known);
    let end = time(&asset.end).filter(known);
    match (start, end) {
        (Some(start), Some(end)) if end > start => {
            let length = (end.as_second() - start.as_second()) as f64 / 60.0;
            day.hours_alive(start, end) * (minutes / length).min(1.0)
        }
        _ => minutes * within(minutes, day) / 60.0,
    }
}

/// What OpenCost charges an hour for a core, a GiB and a GPU where it knows no price (`configs/default.json`, which AWS,
/// GCP and Alibaba share, and `configs/azure.json`). Where it knows the node's price it splits that in this proportion,
/// which is why its GPU cost is never used: of a p5.48xlarge at 55.04 it calls 2.34 the price of one GPU, an eighth is 6.88.
const DEFAULT_PRICES: [[f64; 3]; 2] = [[0.031_611, 0.004_237, 0.95], [0.039, 0.001_917, 0.042_892_5]];

/// Whether a node was priced by these defaults: no bill and no list says so.
fn by_default(asset: &Asset) -> bool {
    const GIB: f64 = 1_073_741_824.0;
    let rate = |cost: Option<f64>, amount: Option<f64>| Some(cost? / amount.filter(|amount| *amount > 0.0)?);
    let rates = [
        rate(asset.cpu_cost, asset.cpu_core_hours),
        rate(asset.ram_cost, asset.ram_byte_hours.map(|bytes| bytes / GIB)),
        rate(asset.gpu_cost, asset.gpu_hours),
    ];
    DEFAULT_PRICES.iter().any(|defaults| {
        let pairs = rates.iter().zip(defaults);
        // Figures have five decimals, which leaves little of a short life.
        pairs
            .into_iter()
            .all(|(rate, default)| rate.is_some_and(|rate| (rate / default - 1.0).abs() < 0.005))
    })
}

/// The share of a figure that belongs to the day: a server that keeps whole days answers for one when asked for a part.
pub(super) fn within(minutes: f64, day: Window) -> f64 {
    let asked = day.hours() * 60.0;
    if minutes > asked { asked / minutes } else { 1.0 }
}
