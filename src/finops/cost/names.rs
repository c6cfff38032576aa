//! Who is behind an account: the workload that the plan knows, its team, and what its node is.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;

use super::Books;
use crate::model::history::HistoryDay;
use crate::model::ledger::Account;
use crate::model::plan::WorkloadRow;
use crate::model::snapshot::GpuNode;
use crate::model::workload::CapacityType;

/// Finds who is behind an account.
#[derive(Debug)]
pub struct Names<'a> {
    books: &'a Books<'a>,
    exact: HashMap<(&'a str, String, &'a str), usize>,
    by_namespace: BTreeMap<&'a str, Vec<usize>>,
    history: HashMap<(usize, Date), &'a HistoryDay>,
    nodes: HashMap<&'a str, &'a GpuNode>,
    teams: Vec<(String, String)>,
}

/// Kinds of controllers that are made anew for each run, under a name that begins with their template's.
const PER_RUN: [&str; 12] = [
    "job",
    "pod",
    "workflow",
    "jobset",
    "raycluster",
    "rayjob",
    "pytorchjob",
    "mpijob",
    "tfjob",
    "trainjob",
    "pipelinerun",
    "taskrun",
];

/// Whether a controller of this kind, in small letters, has a name of its own for each run.
pub fn is_made_per_run(kind: &str) -> bool {
    PER_RUN.contains(&kind)
}

/// A label's name as Prometheus allows it.
pub(super) fn sanitised(name: &str) -> String {
    name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '_', "_")
}

impl<'a> Names<'a> {
    /// Of these books.
    pub fn new(books: &'a Books<'a>) -> Self {
        let mut exact = HashMap::new();
        let mut by_namespace: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut history = HashMap::new();
        for (at, row) in books.plan.workloads.iter().enumerate() {
            exact.insert((row.namespace.as_str(), row.kind.to_lowercase(), row.name.as_str()), at);
            by_namespace.entry(&row.namespace).or_default().push(at);
            for day in row.history.iter().flat_map(|history| &history.days) {
                history.insert((at, day.day), day);
            }
        }
        Self {
            books,
            exact,
            by_namespace,
            history,
            nodes: books.nodes.iter().map(|node| (node.name.as_str(), node)).collect(),
            teams: books
                .attribution
                .labels
                .iter()
                .map(|label| (label.clone(), sanitised(label)))
                .collect(),
        }
    }

    /// The workload whose pods an account is of, as its place in the plan. A run of a template has a name of its own that begins
    /// with the template's.
    pub fn workload(&self, account: &Account) -> Option<usize> {
        let (namespace, name) = (account.namespace.as_deref()?, account.controller.as_deref()?);
        let kind = account.kind.clone().unwrap_or_default();
        if let Some(at) = self.exact.get(&(namespace, kind, name)) {
            return Some(*at);
        }
        if !account.kind.as_deref().is_none_or(is_made_per_run) {
            return None;
        }
        let of_namespace = self.by_namespace.get(namespace)?;
        let row = |at: &usize| &self.books.plan.workloads[*at];
        let begins = |at: &&usize| {
            let own = row(at).name.as_str();
            own == name || name.strip_prefix(own).is_some_and(|rest| rest.starts_with('-'))
        };
        of_namespace
            .iter()
            .filter(begins)
            .max_by_key(|at| row(at).name.len())
            .copied()
    }

    /// The cluster's name.
    pub fn cluster(&self) -> String {
        self.books.plan.coverage.clusters.join(", ")
    }

    /// The plan's row of a workload.
    pub fn row(&self, at: usize) -> &'a WorkloadRow {
        &self.books.plan.workloads[at]
    }

    /// A workload's day.
    pub fn day(&self, workload: usize, day: Date) -> Option<&'a HistoryDay> {
        self.history.get(&(workload, day)).copied()
    }

    /// GPUs that a workload held on average over the days of its history; `None` without any.
    pub fn mean_gpus(&self, workload: usize) -> Option<f64> {
        let days = &self.row(workload).history.as_ref()?.days;
        let (held, hours) = days
            .iter()
            .fold((0.0, 0.0), |sum, day| (sum.0 + day.gpu_hours, sum.1 + day.hours));
        (hours > 0.0).then(|| held / hours)
    }

    /// The node, where it exists now and has GPUs.
    pub fn node(&self, name: &str) -> Option<&'a GpuNode> {
        self.nodes.get(name).copied()
    }

    /// GPUs of a node, existing or gone; `None` where it has none, or nobody knows.
    pub fn gpus_of(&self, node: &str) -> Option<f64> {
        let known = self.node(node).map(|node| f64::from(node.gpus));
        let told = || self.books.ledger.nodes.get(node)?.gpus;
        known.or_else(told).filter(|gpus| *gpus > 0.0)
    }

    /// The team: the workload's, else by the account's labels and namespace, as the policy says.
    pub fn team(&self, account: &Account, workload: Option<usize>) -> Option<String> {
        if let Some(owner) = workload.and_then(|at| self.row(at).owner.clone()) {
            return Some(owner);
        }
        let namespace = account.namespace.as_deref()?;
        let own = |(label, clean): &(String, String)| Some((label.clone(), account.labels.get(clean)?.clone()));
        let labels = self.teams.iter().filter_map(own).collect();
        let name = account.controller.as_deref().unwrap_or_default();
        let attribution = self.books.attribution;
        let owner = attribution.owner((namespace, name), &labels, &BTreeMap::new());
        owner.map(|(team, _)| team)
    }

    /// The GPU model: the node's, else the workload's.
    pub fn gpu(&self, account: &Account, workload: Option<usize>) -> Option<String> {
        let of_node = account.node.as_deref().and_then(|name| {
            let here = self.node(name).and_then(|node| node.gpu.as_ref());
            let by_type = || {
                let of_type = self.books.ledger.nodes.get(name)?.instance_type.as_deref()?;
                Some(&self.books.catalog.instance(of_type)?.gpu)
            };
            here.or_else(by_type).map(ToString::to_string)
        });
        of_node.or_else(|| workload.and_then(|at| self.row(at).gpu.clone()))
    }

    /// The type of node.
    pub fn instance_type(&self, node: &str) -> Option<&'a str> {
        let here = self.node(node).and_then(|node| node.instance_type.as_deref());
        here.or_else(|| self.books.ledger.nodes.get(node)?.instance_type.as_deref())
    }

    /// How the node is bought.
    pub fn capacity(&self, account: &Account, workload: Option<usize>) -> Option<&'static str> {
        let word = |capacity: CapacityType| match capacity {
            CapacityType::OnDemand => Some("on-demand"),
            CapacityType::Spot => Some("spot"),
            CapacityType::Reserved => Some("reserved"),
            CapacityType::Unknown => None,
        };
        let here = account
            .node
            .as_deref()
            .and_then(|name| self.node(name))
            .and_then(|node| word(node.capacity));
        let told = || {
            let spot = self.books.ledger.nodes.get(account.node.as_deref()?)?.spot?;
            Some(if spot { "spot" } else { "on-demand" })
        };
        here.or_else(told)
            .or_else(|| workload.and_then(|at| word(self.row(at).capacity_type)))
    }
}
