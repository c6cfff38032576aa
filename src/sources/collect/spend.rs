//! What the cluster costs: the bill where a cost source tells it, the GPU nodes at their prices where none does.

use std::collections::BTreeMap;

use super::nodes::NodeFacts;
use crate::model::cluster::{CostCategory, Inventory, NodeCost};
use crate::model::snapshot::{ByCategory, GpuNode, PriceBasis, Spend};
use crate::model::time::Grid;
use crate::model::units::{Hourly, Monthly};
use crate::model::workload::Workload;

/// Spend at the window's rate; `None` where nothing has a price.
pub fn spend(
    inventory: &Inventory,
    facts: &BTreeMap<String, NodeFacts>,
    nodes: &[GpuNode],
    workloads: &[Workload],
    grid: Grid,
) -> Option<Spend> {
    let by_category = if inventory.node_costs.is_empty() {
        by_list(nodes, facts, grid)?
    } else {
        by_bill(inventory, facts, grid)
    };
    let parts = [by_category.storage, by_category.network, by_category.other];
    let monthly = by_category.gpu + parts.into_iter().flatten().sum();
    let held: Monthly = workloads.iter().filter_map(|workload| workload.monthly).sum();
    let rest = by_category.gpu - held;
    Some(Spend {
        monthly,
        // The edges of lives are known to a step only, which may add up to a little more than the node.
        unallocated: if rest.get() > 0.0 { rest } else { Monthly::ZERO },
        basis: basis(facts),
        by_category,
    })
}

fn by_list(nodes: &[GpuNode], facts: &BTreeMap<String, NodeFacts>, grid: Grid) -> Option<ByCategory> {
    let over_window = |node: &GpuNode| facts.get(&node.name)?.price.between(grid.window.start, grid.window.end);
    let priced: Vec<Hourly> = nodes.iter().filter_map(over_window).collect();
    (!priced.is_empty()).then(|| ByCategory {
        gpu: priced.into_iter().sum::<Hourly>().monthly(),
        ..ByCategory::default()
    })
}

/// Hours of the window that the bill covers. Days that the cost source does not have are no days at zero cost: rates are
/// taken over those it has. Without such a hole some node or volume is billed for all of the window.
pub(super) fn covered_hours(inventory: &Inventory, grid: Grid) -> f64 {
    let nodes = inventory.node_costs.iter().map(|cost| cost.hours);
    let others = inventory.other_costs.iter().map(|cost| cost.hours);
    let billed = nodes.chain(others).fold(0.0, f64::max).min(grid.window.hours());
    if billed > 0.0 { billed } else { grid.window.hours() }
}

fn by_bill(inventory: &Inventory, facts: &BTreeMap<String, NodeFacts>, grid: Grid) -> ByCategory {
    let hours = covered_hours(inventory, grid);
    let rate = |total: f64| Hourly::new(total / hours).monthly();
    let is_gpu = |node: &str| facts.get(node).is_some_and(|facts| facts.gpus.unwrap_or(0) > 0);
    // What was not believed is no spend either; where nothing else is known, nothing is.
    let amount = |cost: &NodeCost| match facts.get(&cost.node).map(|facts| &facts.price) {
        Some(price) if price.refused.is_some() || price.committed => {
            let over_window = price.between(grid.window.start, grid.window.end);
            over_window.map_or(0.0, |hourly| hourly.get() * cost.hours)
        }
        _ => cost.total_cost,
    };
    let of_nodes = |gpu: bool| {
        let costs = inventory.node_costs.iter().filter(|cost| is_gpu(&cost.node) == gpu);
        rate(costs.map(amount).sum())
    };
    let of = |category: CostCategory| {
        let costs: Vec<f64> = inventory
            .other_costs
            .iter()
            .filter(|cost| cost.category == category)
            .map(|cost| cost.total_cost)
            .collect();
        (!costs.is_empty()).then(|| rate(costs.iter().sum()))
    };
    let plain = of_nodes(false);
    let shared = of(CostCategory::Other).unwrap_or(Monthly::ZERO);
    ByCategory {
        gpu: of_nodes(true),
        storage: of(CostCategory::Storage),
        network: of(CostCategory::Network),
        other: Some(plain + shared),
    }
}

fn basis(facts: &BTreeMap<String, NodeFacts>) -> PriceBasis {
    let priced: Vec<bool> = facts
        .values()
        .filter(|facts| facts.price.hourly.is_some())
        .map(|facts| facts.price.effective)
        .collect();
    match (
        priced.iter().any(|effective| *effective),
        priced.iter().all(|effective| *effective),
    ) {
        (true, true) => PriceBasis::Effective,
        (true, false) => PriceBasis::Mixed,
        _ => PriceBasis::List,
    }
}
