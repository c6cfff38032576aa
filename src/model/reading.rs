//! A cluster as it was read: inventory and series on one grid, before any judgement. A live run and a recording pass
//! through this form, so that both give the same plan.

use std::collections::BTreeMap;

use super::cluster::{Inventory, Labels};
use super::gap::Gap;
use super::requests::RequestHistory;
use super::time::Grid;
use super::usage::{Column, Signal};

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The cluster's name; OpenCost's, the context's or the owner's word for it.
    pub cluster: String,
    /// Window and step of every column.
    pub grid: Grid,
    /// Currency of every cost.
    pub currency: String,
    /// The objects and their costs.
    pub inventory: Inventory,
    /// The series, ordered by signal and labels, no two alike.
    pub series: Vec<Series>,
    /// Requests at scrape interval, of the serving workloads whose GPUs cost the most, in that order.
    pub requests: Vec<RequestsOf>,
    /// Signals that were asked for. One that was asked for and has no series is absent in the cluster, not forgotten.
    pub asked: Vec<Signal>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// One series on the reading's grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What it measures.
    pub signal: Signal,
    /// The labels by which it was grouped; empty ones left out.
    pub labels: Labels,
    /// Its values and gaps.
    pub column: Column,
}

/// The requests of a workload. It is named as it is found again when the reading is joined, in a recording, too.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestsOf {
    /// API group of the object that an owner would edit.
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What its servers counted.
    pub history: RequestHistory,
}

impl Reading {
    /// Puts series and objects into their one order, so that the order in which servers answered leaves no trace. Series
    /// that agree in signal and labels become one, the larger value winning.
    pub fn settle(&mut self) {
        let mut merged: BTreeMap<(Signal, Labels), Column> = BTreeMap::new();
        for series in std::mem::take(&mut self.series) {
            match merged.entry((series.signal, series.labels)) {
                std::collections::btree_map::Entry::Occupied(mut seen) => seen.get_mut().merge_max(&series.column),
                std::collections::btree_map::Entry::Vacant(free) => _ = free.insert(series.column),
            }
        }
        let series = |((signal, labels), column)| Series { signal, labels, column };
        self.series = merged.into_iter().map(series).collect();
        self.inventory.settle();
        self.asked.sort();
        self.asked.dedup();
        self.gaps.sort();
        self.gaps.dedup();
    }

    /// How many samples it holds, gaps not counted.
    pub fn samples(&self) -> u64 {
        self.series.iter().map(|series| series.column.count() as u64).sum()
    }
}

impl Inventory {
    fn settle(&mut self) {
        self.nodes.sort_by(|a, b| a.name.cmp(&b.name));
        self.pods
            .sort_by(|a, b| (&a.namespace, &a.name, &a.uid).cmp(&(&b.namespace, &b.name, &b.uid)));
        let place = |c: &super::cluster::Controller| (c.namespace.clone(), c.this.clone());
        self.controllers.sort_by_key(place);
        self.controllers.dedup_by_key(|c| place(c));
        self.hpas
            .sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        self.devices.sort();
        self.devices.dedup();
        self.device_claims
            .sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        self.pools.sort();
        self.pools.dedup();
        let queues = &mut self.queues;
        queues.cluster_queues.sort_by(|a, b| a.name.cmp(&b.name));
        queues
            .local_queues
            .sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        queues.flavors.sort_by(|a, b| a.name.cmp(&b.name));
        queues
            .workloads
            .sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        self.pod_history
            .sort_by(|a, b| (&a.namespace, &a.name, a.first, &a.uid).cmp(&(&b.namespace, &b.name, b.first, &b.uid)));
        self.owner_history.sort();
        self.owner_history.dedup();
        self.node_costs.sort_by(|a, b| a.node.cmp(&b.node));
        self.other_costs.sort_by_key(|cost| cost.category);
    }
}
