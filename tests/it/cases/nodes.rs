//! The nodes of a case: what Kubernetes and a cost source say of them, and what Karpenter does with them.

use std::collections::BTreeSet;

use gpuwise::catalog::Catalog;
use gpuwise::model::cluster::{CostProduct, Node as ReadNode, NodeCost, Resources};
use gpuwise::model::node_pool::{NodePool, Removes};
use gpuwise::model::time::Grid;

use super::file::{Case, Node, seconds};
use super::inventory::{BEFORE, at, gpu_of, labels};

impl Case {
    pub(super) fn node_pools(&self) -> Vec<NodePool> {
        let names: BTreeSet<&String> = self.nodes.iter().filter_map(|node| node.pool.as_ref()).collect();
        let pool = |name: &String| NodePool {
            name: name.clone(),
            removes: match self.when_empty.contains(name) {
                true => Removes::Empty,
                false => Removes::Underutilized,
            },
            after_hours: Some(0.0),
        };
        names.into_iter().map(pool).collect()
    }
}

impl Node {
    pub(super) fn read(&self, grid: Grid, catalog: &Catalog) -> ReadNode {
        let product = gpu_of(self, catalog).product.replace(' ', "-");
        let listed = catalog.instance(&self.instance_type).unwrap();
        let mut labels = labels([
            ("kubernetes.io/hostname", &self.name),
            ("node.kubernetes.io/instance-type", &self.instance_type),
            ("nvidia.com/gpu.product", &product),
        ]);
        let told = [
            ("karpenter.sh/nodepool", &self.pool),
            ("karpenter.sh/capacity-type", &self.capacity),
            ("topology.kubernetes.io/zone", &self.zone),
        ];
        for (label, value) in told {
            labels.extend(value.iter().map(|value| (label.to_owned(), value.clone())));
        }
        // The system keeps a twenty-fifth.
        let mut allocatable = Resources::from([
            ("cpu".to_owned(), f64::from(listed.vcpus) * 0.96),
            ("memory".to_owned(), listed.memory.bytes() * 0.96),
        ]);
        if self.slices.is_empty() {
            allocatable.insert("nvidia.com/gpu".to_owned(), f64::from(listed.gpus));
        }
        let slices = self.slices.iter();
        allocatable.extend(slices.map(|(profile, n)| (format!("nvidia.com/mig-{profile}"), f64::from(*n))));
        ReadNode {
            name: self.name.clone(),
            labels,
            allocatable,
            taints: self.taints.clone(),
            created: Some(at(grid, self.since.map_or(BEFORE, seconds))),
            ..ReadNode::default()
        }
    }
}

impl Node {
    pub(super) fn bill(&self, catalog: &Catalog) -> Option<NodeCost> {
        let bill = self.bill?;
        let listed = catalog.instance(&self.instance_type)?;
        Some(NodeCost {
            node: self.name.clone(),
            instance_type: Some(self.instance_type.clone()),
            hours: bill.hours,
            total_cost: bill.hourly * bill.hours,
            gpus: Some(f64::from(listed.gpus)),
            spot: Some(self.capacity.as_deref() == Some("spot")),
            adjusted: false,
            region: None,
            by_default: false,
            told_by: CostProduct::default(),
        })
    }
}
