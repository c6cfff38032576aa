//! Nodes with GPUs: what they carry, how they are bought, what the whole node costs.

use std::collections::{BTreeMap, BTreeSet};

use super::commitments::Cover;
use super::dialects;
use super::prices::{Price, price};
use super::queues;
use super::spend::covered_hours;
use crate::catalog::Catalog;
use crate::model::cluster::{Inventory, Labels, Node, NodeCost, Resources};
use crate::model::devices::OfferedDevice;
use crate::model::gpu::{GpuKind, GpuModel, GpuResource, gpu_resource};
use crate::model::node_pool::NodePool;
use crate::model::snapshot::GpuNode;
use crate::model::time::Grid;
use crate::model::units::{Memory, Share};
use crate::model::workload::CapacityType;
use crate::policy::price_book::{NodeType, PriceBook};

/// What is known of a node that held GPUs within the window, gone or not.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeFacts {
    /// Its GPU.
    pub gpu: Option<GpuModel>,
    /// Its GPUs, whole ones also where they are cut.
    pub gpus: Option<u32>,
    /// Whether every GPU is cut into slices of this profile (the `single` strategy, under which a slice is requested as
    /// `nvidia.com/gpu`).
    pub single_slice: Option<String>,
    /// MIG devices that DRA drivers offer on it, by profile.
    pub claimable_slices: BTreeMap<String, u32>,
    /// Its labels.
    pub labels: Labels,
    /// How it is bought.
    pub capacity: CapacityType,
    /// Its instance type.
    pub instance_type: Option<String>,
    /// Where it is.
    pub region: Option<String>,
    /// What the whole node costs.
    pub price: Price,
}

impl NodeFacts {
    /// Whether the devices behind these requests are handed out several times (time slices, MPS), and which part of a device
    /// one request then is; `Some(None)` where nobody says.
    pub fn sliced_in_time(&self, requests: &Resources) -> Option<Option<f64>> {
        let shared = requests
            .keys()
            .find_map(|name| dialects::replicas(&self.labels, name))?;
        Some(shared.map(|replicas| 1.0 / f64::from(replicas)))
    }
}

const REGION_LABELS: [&str; 2] = [
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/region",
];

const INSTANCE_LABELS: [&str; 2] = ["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"];

/// Facts about every node that exists or was billed, by name.
pub fn facts(
    inventory: &Inventory,
    catalog: &Catalog,
    book: &PriceBook<'_>,
    as_of: &str,
) -> BTreeMap<String, NodeFacts> {
    let costs: BTreeMap<&str, &NodeCost> = inventory
        .node_costs
        .iter()
        .map(|cost| (cost.node.as_str(), cost))
        .collect();
    let mut devices: BTreeMap<&str, Vec<&OfferedDevice>> = BTreeMap::new();
    for device in &inventory.devices {
        if let Some(node) = &device.node {
            devices.entry(node).or_default().push(device);
        }
    }
    let mut facts = BTreeMap::new();
    for node in &inventory.nodes {
        let cost = costs.get(node.name.as_str()).copied();
        let devices = devices.remove(node.name.as_str()).unwrap_or_default();
        facts.insert(node.name.clone(), of(node, &devices, cost, catalog, book, as_of));
    }
    for (name, cost) in costs {
        let gone = || of(&Node::default(), &[], Some(cost), catalog, book, as_of);
        facts.entry(name.to_owned()).or_insert_with(gone);
    }
    facts
}

fn of(
    node: &Node,
    devices: &[&OfferedDevice],
    cost: Option<&NodeCost>,
    catalog: &Catalog,
    book: &PriceBook<'_>,
    as_of: &str,
) -> NodeFacts {
    let labels = &node.labels;
    let instance_type = instance_type(labels).or_else(|| cost?.instance_type.clone());
    let listed = instance_type.as_deref().and_then(|name| catalog.instance(name));
    let products = devices.iter().filter_map(|device| device.product.as_ref());
    let claimable = || products.into_iter().find_map(|name| catalog.model_named(name)).cloned();
    let billed = || {
        let billed = cost.and_then(|cost| cost.gpus).filter(|count| *count > 0.0);
        billed.map(|count| count.round() as u32)
    };
    let gpu = dialects::model(labels, listed, catalog).or_else(claimable);
    let gpus = dialects::count(node, listed, catalog)
        .or_else(|| boards(devices))
        .or_else(billed);
    let region = REGION_LABELS.iter().find_map(|label| labels.get(*label)).cloned();
    let region = region.or_else(|| cost?.region.clone());
    let capacity = capacity(labels, cost);
    let kind = NodeType {
        instance_type: instance_type.as_deref(),
        gpu: gpu.as_ref(),
        gpus: gpus.unwrap_or(0),
        region: region.as_deref(),
        capacity,
    };
    let price = price(cost, &kind, book, as_of);
    NodeFacts {
        gpu,
        gpus,
        single_slice: dialects::single_slice(labels),
        claimable_slices: slices(devices),
        labels: labels.clone(),
        capacity,
        instance_type,
        region,
        price,
    }
}

/// How many GPUs stand behind devices: a GPU, its slices, and the GPU as a virtual machine takes it are one.
fn boards(devices: &[&OfferedDevice]) -> Option<u32> {
    let board = |device: &&&OfferedDevice| {
        let uuid = || device.parent_uuid.clone().or_else(|| device.uuid.clone());
        device
            .pci_bus_id
            .clone()
            .or_else(uuid)
            .unwrap_or_else(|| device.address.device.clone())
    };
    let boards: BTreeSet<String> = devices.iter().map(|device| board(&device)).collect();
    u32::try_from(boards.len()).ok().filter(|count| *count > 0)
}

/// Slices that exist, by profile; ways in which a GPU might yet be cut are none.
fn slices(devices: &[&OfferedDevice]) -> BTreeMap<String, u32> {
    let mut slices = BTreeMap::new();
    for device in devices.iter().filter(|device| !device.on_demand) {
        if let Some(profile) = &device.profile {
            *slices.entry(profile.clone()).or_insert(0) += 1;
        }
    }
    slices
}

fn instance_type(labels: &Labels) -> Option<String> {
    INSTANCE_LABELS.iter().find_map(|label| labels.get(*label)).cloned()
}

fn capacity(labels: &Labels, cost: Option<&NodeCost>) -> CapacityType {
    match (dialects::capacity(labels), cost.and_then(|cost| cost.spot)) {
        (CapacityType::Unknown, Some(true)) => CapacityType::Spot,
        (CapacityType::Unknown, Some(false)) => CapacityType::OnDemand,
        (told, _) => told,
    }
}

/// The GPU nodes that exist now, by name.
pub fn gpu_nodes(
    inventory: &Inventory,
    facts: &BTreeMap<String, NodeFacts>,
    cover: &Cover,
    grid: Grid,
) -> Vec<GpuNode> {
    let claimable: BTreeSet<&String> = inventory
        .devices
        .iter()
        .filter_map(|device| device.node.as_ref())
        .collect();
    let offers_gpus = |node: &&Node| {
        let offered = |(name, count): (&String, &f64)| gpu_resource(name).is_some() && *count > 0.0;
        // Devices that DRA hands out are no extended resource.
        node.allocatable.iter().any(offered)
            || claimable.contains(&node.name)
            || node.labels.contains_key("nvidia.com/gpu.product")
    };
    let mut nodes: Vec<GpuNode> = inventory
        .nodes
        .iter()
        .filter(offers_gpus)
        .filter_map(|node| {
            let present = present(node, inventory, grid);
            Some(gpu_node(node, facts.get(&node.name)?, present, &inventory.node_pools))
        })
        .collect();
    for node in &mut nodes {
        let (commitment, on_demand) = cover.nodes.get(&node.name).copied().unzip();
        node.commitment = commitment;
        node.on_demand = on_demand.flatten();
        let labels = facts.get(&node.name).map(|facts| &facts.labels);
        node.queues = labels.map_or_else(Vec::new, |labels| queues::admitting(labels, &inventory.queues));
    }
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    nodes
}

/// The share of the window for which a node was billed; where no bill names it, the share for which it is known to have
/// existed.
fn present(node: &Node, inventory: &Inventory, grid: Grid) -> Share {
    let window = grid.window;
    let billed = inventory.node_costs.iter().find(|cost| cost.node == node.name);
    let share = match (billed, node.created) {
        (Some(cost), _) => cost.hours / covered_hours(inventory, grid),
        (None, Some(created)) => window.hours_alive(created, window.end) / window.hours(),
        (None, None) => 1.0,
    };
    Share::new(share.min(1.0)).unwrap_or_default()
}

fn gpu_node(node: &Node, facts: &NodeFacts, present: Share, pools: &[NodePool]) -> GpuNode {
    let mut slices = facts.claimable_slices.clone();
    for (name, count) in &node.allocatable {
        let profile = match gpu_resource(name) {
            Some(GpuResource::Slice(profile)) => profile,
            Some(GpuResource::Gpu) => match &facts.single_slice {
                Some(profile) => profile,
                None => continue,
            },
            _ => continue,
        };
        let replicas = dialects::replicas(&node.labels, name).flatten().unwrap_or(1);
        let count = (count / f64::from(replicas)).round() as u32;
        *slices.entry(profile.to_owned()).or_insert(0) += count;
    }
    GpuNode {
        name: node.name.clone(),
        pool: dialects::pool(node),
        elastic: dialects::is_elastic(node, pools),
        goes_after_hours: dialects::goes_after_hours(node, pools),
        consolidates: dialects::consolidates(node, pools),
        labels: node.labels.clone(),
        taints: node.taints.clone(),
        strict_daemons: node.strict_daemons.clone(),
        instance_type: facts.instance_type.clone(),
        gpu: facts.gpu.clone(),
        gpus: facts.gpus.unwrap_or(0),
        shared: node
            .allocatable
            .keys()
            .any(|name| dialects::replicas(&node.labels, name).is_some()),
        slices,
        cpu: node.allocatable.get("cpu").copied(),
        memory: node.allocatable.get("memory").copied().map(Memory::from_bytes),
        capacity: facts.capacity,
        region: facts.region.clone(),
        hourly: facts.price.hourly,
        price: facts.price.source.clone(),
        present,
        on_demand: None,
        commitment: None,
        queues: Vec::new(),
        listed: facts.price.listed,
        measured: facts.price.measured,
        strangers: 0,
    }
}

/// What one device of this kind is of the whole node: one over its GPUs, and of that the slice's share of compute.
pub fn share_of_node(kind: Option<&GpuKind>, facts: &NodeFacts, catalog: &Catalog) -> Option<f64> {
    let gpus = f64::from(facts.gpus.filter(|count| *count > 0)?);
    let slice = kind.map_or(Some(1.0), |kind| catalog.compute_share(kind))?;
    Some(slice / gpus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cluster::CostProduct;
    use crate::model::time::Window;
    use crate::model::units::Hourly;
    use crate::policy::price_sheet::PriceSheet;

    fn node(labels: &[(&str, &str)], gpus: f64) -> Node {
        Node {
            name: "n".to_owned(),
            labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            allocatable: BTreeMap::from([("nvidia.com/gpu".to_owned(), gpus)]),
            ..Node::default()
        }
    }

    fn facts_of(node: Node, costs: Vec<NodeCost>) -> NodeFacts {
        let inventory = Inventory {
            nodes: vec![node],
            node_costs: costs,
            ..Inventory::default()
        };
        let catalog = Catalog::shipped().unwrap();
        let sheet = PriceSheet::default();
        let window = Window {
            start: "2026-11-02T00:00:00Z".parse().unwrap(),
            end: "2026-11-16T00:00:00Z".parse().unwrap(),
        };
        let book = PriceBook::new(&catalog, &sheet, "USD", window);
        facts(&inventory, &catalog, &book, "2026-11-16").remove("n").unwrap()
    }

    #[test]
    fn what_was_billed_comes_before_the_list() {
        let labels = [("node.kubernetes.io/instance-type", "p5.48xlarge")];
        let listed = facts_of(node(&labels, 8.0), Vec::new());
        assert_eq!(listed.price.hourly, Some(Hourly::new(55.04)));
        let cost = NodeCost {
            node: "n".to_owned(),
            instance_type: None,
            region: None,
            hours: 10.0,
            total_cost: 400.0,
            gpus: Some(8.0),
            spot: None,
            adjusted: true,
            by_default: false,
            told_by: CostProduct::default(),
        };
        let billed = facts_of(node(&labels, 8.0), vec![cost]);
        assert_eq!(
            (billed.price.hourly, billed.price.effective),
            (Some(Hourly::new(40.0)), true)
        );
    }

    #[test]
    fn spot_without_a_bill_has_no_price() {
        let labels = [
            ("node.kubernetes.io/instance-type", "p5.48xlarge"),
            ("karpenter.sh/capacity-type", "spot"),
        ];
        assert_eq!(facts_of(node(&labels, 8.0), Vec::new()).price.hourly, None);
    }

    #[test]
    fn the_single_strategy_counts_slices_and_we_count_gpus() {
        let labels = [
            ("node.kubernetes.io/instance-type", "p4d.24xlarge"),
            ("nvidia.com/gpu.product", "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"),
        ];
        let facts = facts_of(node(&labels, 56.0), Vec::new());
        assert_eq!((facts.gpus, facts.single_slice.as_deref()), (Some(8), Some("1g.5gb")));
        let slice = GpuKind::slice("A100-40GB", "1g.5gb");
        let catalog = Catalog::shipped().unwrap();
        assert!((share_of_node(Some(&slice), &facts, &catalog).unwrap() - 1.0 / 56.0).abs() < 1e-12);
    }
}
