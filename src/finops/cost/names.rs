//! Who is behind an account: the workload that the plan knows, its team, and what its node is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;

use super::Books;
use crate::model::history::HistoryDay;
use crate::model::ledger::Account;
use crate::model::plan::WorkloadRow;
use crate::model::runs::{is_run, is_schedule, stem};
use crate::model::snapshot::GpuNode;
use crate::model::workload::CapacityType;
use crate::policy::attribution::OWNER;

/// Finds who is behind an account.
#[derive(Debug)]
pub struct Names<'a> {
    books: &'a Books<'a>,
    exact: HashMap<(&'a str, String, &'a str), usize>,
    by_namespace: BTreeMap<&'a str, Vec<usize>>,
    history: HashMap<(usize, Date), &'a HistoryDay>,
    nodes: HashMap<&'a str, &'a GpuNode>,
    /// Nodes of a type that are alike in price and in how their GPUs are handed out, by type and by whether they are spot capacity.
    alike: HashMap<(&'a str, bool), Option<&'a GpuNode>>,
    /// Workloads whose GPUs the source counts on no day, though history does: slices and claims.
    uncounted: BTreeSet<usize>,
    teams: Vec<(String, String)>,
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
        let mut names = Self {
            books,
            exact,
            by_namespace,
            history,
            alike: alike(books.nodes),
            uncounted: BTreeSet::new(),
            nodes: books.nodes.iter().map(|node| (node.name.as_str(), node)).collect(),
            teams: books
                .attribution
                .labels
                .iter()
                .map(|label| (label.clone(), sanitised(label)))
                .collect(),
        };
        names.uncounted = names.uncounted();
        names
    }

    fn uncounted(&self) -> BTreeSet<usize> {
        let ledger = self.books.ledger;
        let workloads: Vec<Option<usize>> = ledger.accounts.iter().map(|one| self.workload(one)).collect();
        let mut counted: BTreeMap<usize, f64> = BTreeMap::new();
        for entry in ledger.days.iter().flat_map(|day| &day.entries) {
            if let Some(Some(at)) = workloads.get(entry.account as usize) {
                *counted.entry(*at).or_default() += entry.gpu_hours;
            }
        }
        let never = counted.into_iter().filter(|(_, hours)| *hours <= 0.0);
        never.map(|(at, _)| at).collect()
    }

    /// Whether the source counts none of a workload's GPUs on any day.
    pub fn is_uncounted(&self, workload: usize) -> bool {
        self.uncounted.contains(&workload)
    }

    /// The workload whose pods an account is of, as its place in the plan. Runs of a template are one workload there, under the
    /// name that they share; a run that is long gone may be known by its own name alone.
    pub fn workload(&self, account: &Account) -> Option<usize> {
        let (namespace, name) = (account.namespace.as_deref()?, account.controller.as_deref()?);
        let kind = account.kind.as_deref().unwrap_or("pod");
        if let Some(at) = self.exact.get(&(namespace, kind.to_owned(), name)) {
            return Some(*at);
        }
        let of_namespace = self.by_namespace.get(namespace)?;
        let is = |at: &&usize| {
            let row = self.row(**at);
            let runs = is_run(&row.kind) || is_schedule(&row.kind) || row.kind == "Pod";
            let own = row.kind.eq_ignore_ascii_case(kind) || is_schedule(&row.kind);
            match kind {
                // Whose pod it was nobody told: its controller's name stands before its own.
                "pod" => {
                    runs && name
                        .strip_prefix(row.name.as_str())
                        .is_some_and(|rest| rest.starts_with('-'))
                }
                _ => runs && own && stem(name) == row.name,
            }
        };
        let own = of_namespace.iter().filter(is);
        own.max_by_key(|at| {
            let row = self.row(**at);
            (row.kind.eq_ignore_ascii_case(kind), row.name.len())
        })
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

    /// The node, where it exists now; of one that is gone, one of its type, where all of these cost the same.
    pub fn node_like(&self, name: &str) -> Option<&'a GpuNode> {
        self.node(name).or_else(|| {
            let gone = self.books.ledger.nodes.get(name)?;
            let key = (gone.instance_type.as_deref()?, gone.spot?);
            let like = (*self.alike.get(&key)?)?;
            let near = gone.region.is_none() || like.region.is_none() || gone.region == like.region;
            near.then_some(like)
        })
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
        let said = account.annotations.get(&sanitised(OWNER));
        let annotations = said
            .map(|owner| (OWNER.to_owned(), owner.clone()))
            .into_iter()
            .collect();
        let owner = attribution.owner((namespace, name), &labels, &annotations);
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

/// One node of each type for all of them; `None` where they differ.
fn alike(nodes: &[GpuNode]) -> HashMap<(&str, bool), Option<&GpuNode>> {
    let mut all: HashMap<(&str, bool), Option<&GpuNode>> = HashMap::new();
    let same = |a: &GpuNode, b: &GpuNode| {
        let cut = |node: &GpuNode| node.shared || !node.slices.is_empty();
        (a.hourly, &a.price, a.region.as_ref(), cut(a)) == (b.hourly, &b.price, b.region.as_ref(), cut(b))
    };
    for node in nodes {
        let Some(kind) = node.instance_type.as_deref() else {
            continue;
        };
        let one = all
            .entry((kind, node.capacity == CapacityType::Spot))
            .or_insert(Some(node));
        *one = one.filter(|one| same(one, node));
    }
    all
}
