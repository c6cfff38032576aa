//! Nodes with GPUs: what they carry, how they are bought, what the whole node costs.

use std::collections::BTreeMap;

use super::prices::{Price, price};
use super::spend::covered_hours;
use crate::catalog::Catalog;
use crate::model::cluster::{Inventory, Labels, Node, NodeCost};
use crate::model::gpu::{GpuKind, GpuModel};
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
    /// How it is bought.
    pub capacity: CapacityType,
    /// Its instance type.
    pub instance_type: Option<String>,
    /// Where it is.
    pub region: Option<String>,
    /// What the whole node costs.
    pub price: Price,
}

const POOL_LABELS: [&str; 5] = [
    "karpenter.sh/nodepool",
    "eks.amazonaws.com/nodegroup",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "alpha.eksctl.io/nodegroup-name",
];

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
    let mut facts = BTreeMap::new();
    for node in &inventory.nodes {
        let cost = costs.get(node.name.as_str()).copied();
        facts.insert(node.name.clone(), of(Some(node), cost, catalog, book, as_of));
    }
    for (name, cost) in costs {
        let gone = || of(None, Some(cost), catalog, book, as_of);
        facts.entry(name.to_owned()).or_insert_with(gone);
    }
    facts
}

fn of(node: Option<&Node>, cost: Option<&NodeCost>, catalog: &Catalog, book: &PriceBook<'_>, as_of: &str) -> NodeFacts {
    let empty = Labels::new();
    let labels = node.map_or(&empty, |node| &node.labels);
    let instance_type = instance_type(labels).or_else(|| cost?.instance_type.clone());
    let listed = instance_type.as_deref().and_then(|name| catalog.instance(name));
    let product = labels.get("nvidia.com/gpu.product");
    let gpu = product
        .or_else(|| labels.get("cloud.google.com/gke-accelerator"))
        .and_then(|name| catalog.model_named(name))
        .or_else(|| listed.map(|row| &row.gpu))
        .cloned();
    let single_slice = product.and_then(|name| {
        let (_, profile) = name.split_once("-MIG-")?;
        Some(profile.trim_end_matches("-SHARED").to_owned())
    });
    let offered = node.and_then(|node| node.allocatable.get("nvidia.com/gpu")).copied();
    // Under the single strategy both the offer and the label count slices.
    let counted = match single_slice {
        None => offered.filter(|count| *count > 0.0),
        Some(_) => None,
    };
    let billed = cost.and_then(|cost| cost.gpus).filter(|count| *count > 0.0);
    let gpus = listed
        .map(|row| row.gpus)
        .or_else(|| counted.or(billed).map(|count| count.round() as u32));
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
        single_slice,
        capacity,
        instance_type,
        region,
        price,
    }
}

fn instance_type(labels: &Labels) -> Option<String> {
    INSTANCE_LABELS.iter().find_map(|label| labels.get(*label)).cloned()
}

fn capacity(labels: &Labels, cost: Option<&NodeCost>) -> CapacityType {
    let label = |name: &str| labels.get(name).map(|value| value.to_lowercase());
    let karpenter = label("karpenter.sh/capacity-type").or_else(|| label("eks.amazonaws.com/capacityType"));
    let gke = label("cloud.google.com/gke-spot").or_else(|| label("cloud.google.com/gke-preemptible"));
    let azure = label("kubernetes.azure.com/scalesetpriority");
    match karpenter.as_deref() {
        Some("spot") => return CapacityType::Spot,
        Some("reserved" | "capacity_block") => return CapacityType::Reserved,
        Some("on-demand" | "on_demand") => return CapacityType::OnDemand,
        _ => {}
    }
    if gke.as_deref() == Some("true") || azure.as_deref() == Some("spot") {
        return CapacityType::Spot;
    }
    match cost.and_then(|cost| cost.spot) {
        Some(true) => CapacityType::Spot,
        Some(false) => CapacityType::OnDemand,
        None => CapacityType::Unknown,
    }
}

/// The GPU nodes that exist now, by name.
pub fn gpu_nodes(inventory: &Inventory, facts: &BTreeMap<String, NodeFacts>, grid: Grid) -> Vec<GpuNode> {
    let offers_gpus = |node: &&Node| {
        let gpu_resource = |name: &str| name.starts_with("nvidia.com/gpu") || name.starts_with("nvidia.com/mig-");
        let offered = node.allocatable.iter().any(|(name, n)| gpu_resource(name) && *n > 0.0);
        // Devices that DRA hands out are no extended resource.
        offered || node.labels.contains_key("nvidia.com/gpu.product")
    };
    let mut nodes: Vec<GpuNode> = inventory
        .nodes
        .iter()
        .filter(offers_gpus)
        .filter_map(|node| Some(gpu_node(node, facts.get(&node.name)?, present(node, inventory, grid))))
        .collect();
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

fn gpu_node(node: &Node, facts: &NodeFacts, present: Share) -> GpuNode {
    let pool = POOL_LABELS.iter().find_map(|label| node.labels.get(*label));
    let mut slices: BTreeMap<String, u32> = BTreeMap::new();
    for (name, count) in &node.allocatable {
        if let Some(profile) = name.strip_prefix("nvidia.com/mig-") {
            slices.insert(profile.to_owned(), count.round() as u32);
        }
    }
    if let (Some(profile), Some(count)) = (&facts.single_slice, node.allocatable.get("nvidia.com/gpu")) {
        slices.insert(profile.clone(), count.round() as u32);
    }
    GpuNode {
        name: node.name.clone(),
        pool: pool.cloned(),
        elastic: pool.is_some(),
        consolidates: node.labels.contains_key(POOL_LABELS[0]),
        instance_type: instance_type(&node.labels),
        gpu: facts.gpu.clone(),
        gpus: facts.gpus.unwrap_or(0),
        slices,
        cpu: node.allocatable.get("cpu").copied(),
        memory: node.allocatable.get("memory").copied().map(Memory::from_bytes),
        capacity: facts.capacity,
        region: facts.region.clone(),
        hourly: facts.price.hourly,
        price: facts.price.source.clone(),
        present,
        listed: facts.price.listed,
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
