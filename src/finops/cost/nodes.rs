//! A day's GPU nodes: who held how much of each, what each cost, and how that is laid on who held it.

use std::collections::BTreeMap;

use super::corrections::Corrections;
use super::laid::{IdleNode, NodeDay, Told, laid, moved};
use super::line::Desk;
use crate::model::amount::Amount;
use crate::model::ledger::{Account, Holder};

/// A day of which the history has so much is whole.
pub(super) const WHOLE: f64 = 0.95;

/// What is idle of a node that has no account of its own.
static NOBODYS: Account = Account {
    holder: Holder::Idle,
    node: None,
    namespace: None,
    kind: None,
    controller: None,
    labels: BTreeMap::new(),
    annotations: BTreeMap::new(),
};

impl<'a> Desk<'a, '_> {
    /// GPU hours of each entry: as the source counts them, and of MIG slices and resource claims, which it does not see, as the
    /// plan's history has them.
    pub(super) fn gpu_hours(
        &self,
        accounts: &[Option<&Account>],
        workloads: &[Option<usize>],
        corrections: &mut Corrections,
    ) -> Vec<f64> {
        let mut hours: Vec<f64> = self.day.entries.iter().map(|entry| entry.gpu_hours).collect();
        let mut of_workload: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, workload) in workloads.iter().enumerate() {
            let on_gpus = accounts[at]
                .and_then(|one| one.node.as_deref())
                .and_then(|node| self.names.gpus_of(node));
            if let (Some(workload), Some(_)) = (workload, on_gpus) {
                of_workload.entry(*workload).or_default().push(at);
            }
        }
        for (workload, entries) in of_workload {
            let told: f64 = entries.iter().map(|at| hours[*at]).sum();
            if told > 0.0 {
                let seen = self.seen(workload).unwrap_or_else(|| self.usual(workload));
                // Of GPUs in slices or shared in time the source counts slices and shares as GPUs; the history has their parts.
                if seen > 0.0 && seen < told && entries.iter().any(|at| self.is_cut(accounts[*at])) {
                    entries.iter().for_each(|at| hours[*at] *= seen / told);
                }
                continue;
            }
            // On a day outside of the history, whose GPUs are counted on other days held none; of others the history's mean is all
            // there is to know.
            let (seen, usual) = match self.seen(workload) {
                Some(seen) => (seen, false),
                None if self.names.is_uncounted(workload) => (self.usual(workload), true),
                None => continue,
            };
            if seen <= 0.0 {
                continue;
            }
            let each = seen / entries.len() as f64;
            let mut cost = Amount::ZERO;
            for at in entries {
                hours[at] = each;
                let node = accounts[at].and_then(|one| one.node.as_deref()).unwrap_or_default();
                let (capacity, whole) = (self.capacity(node), self.whole(node, accounts).0);
                cost += whole.times(if capacity > 0.0 { each / capacity } else { 0.0 });
            }
            let (code, what) = match usual {
                false => (
                    "unseen-slices",
                    "MIG slices and resource claims, which the cost source calls idle, laid on who holds them",
                ),
                true => (
                    "unseen-slices-before",
                    "the same on days before the history of GPUs, by what was held on average within it: an estimate",
                ),
            };
            corrections.moves(code, what, cost);
        }
        hours
    }

    /// GPU hours of a workload as its history has them; of a day of which it has a part only, as if that went on. `None` for a day
    /// outside of it.
    fn seen(&self, workload: usize) -> Option<f64> {
        let day = self.names.day(workload, self.date)?;
        let hours = self.day.window.hours();
        let part = day.hours > 0.0 && day.hours < WHOLE * hours;
        Some(day.gpu_hours * if part { hours / day.hours } else { 1.0 })
    }

    /// As many GPU hours as it held on average over the days of its history.
    fn usual(&self, workload: usize) -> f64 {
        self.names.mean_gpus(workload).unwrap_or(0.0) * self.day.window.hours()
    }

    /// Whether the GPUs of an account's node are cut into slices, or shared in time.
    fn is_cut(&self, account: Option<&Account>) -> bool {
        let node = account
            .and_then(|one| one.node.as_deref())
            .and_then(|name| self.names.node_like(name));
        node.is_some_and(|node| node.shared || !node.slices.is_empty())
    }

    /// GPUs of a node times the hours for which it was there.
    pub(super) fn capacity(&self, node: &str) -> f64 {
        let there = self
            .day
            .nodes
            .get(node)
            .map_or(self.day.window.hours(), |(hours, _)| *hours);
        self.names.gpus_of(node).unwrap_or(0.0) * there
    }

    /// What a whole node cost: as told of the asset, else of its allocations; and what it costs by contract, where the plan does
    /// not go by what was told.
    pub(super) fn whole(&self, node: &str, accounts: &[Option<&Account>]) -> (Amount, Option<(Amount, String)>) {
        let on_it = |at: &usize| accounts[*at].is_some_and(|one| one.node.as_deref() == Some(node));
        let allocated = || {
            let entries = (0..accounts.len()).filter(on_it);
            entries.map(|at| self.day.entries[at].costs.of_node()).sum()
        };
        let asset = self.day.nodes.get(node);
        let told: Amount = asset.map_or_else(allocated, |(_, cost)| *cost);
        let instead = self.names.node_like(node).and_then(|here| {
            let hours = asset.map_or(self.day.window.hours(), |(hours, _)| *hours);
            let price = here.price.as_ref()?;
            let hourly = here.hourly?;
            let by_contract = here.commitment.is_some();
            let cost = Amount::new(hourly.get() * hours)?;
            (by_contract || !here.measured).then(|| (cost, price.source.clone()))
        });
        (told, instead)
    }

    /// Lays GPU nodes on their GPUs. Gives what is idle of each, and by how much the nodes' assets are more than their allocations.
    pub(super) fn lay(
        &self,
        accounts: &[Option<&'a Account>],
        hours: &[f64],
        costs: &mut [Told],
        corrections: &mut Corrections,
    ) -> (Vec<IdleNode<'a>>, Amount) {
        let mut on_nodes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, account) in accounts.iter().enumerate() {
            let node = account.and_then(|one| one.node.as_deref());
            if let Some(node) = node.filter(|node| self.names.gpus_of(node).is_some()) {
                on_nodes.entry(node).or_default().push(at);
            }
        }
        let (mut idle, mut excess) = (Vec::new(), Amount::ZERO);
        for (node, entries) in on_nodes {
            let (told, instead) = self.whole(node, accounts);
            let allocated: Amount = entries.iter().map(|at| self.day.entries[*at].costs.of_node()).sum();
            excess += told - allocated;
            let cost = match instead {
                Some((cost, source)) => {
                    corrections.adds("price", format!("GPU nodes at the price of {source}"), cost - told);
                    cost
                }
                None => told,
            };
            let holds = |at: &&usize| accounts[**at].is_some_and(|one| one.holder.is_pods()) && hours[**at] > 0.0;
            let held = entries.iter().filter(holds).map(|at| (*at, hours[*at])).collect();
            let capacity = self.capacity(node);
            let (parts, rest) = laid(&NodeDay { cost, capacity, held });
            // Holders of more than there is share what there is.
            let whole = capacity.max(parts.iter().map(|(at, _)| hours[*at]).sum());
            let list = self.list(node);
            for at in &entries {
                let part = parts
                    .iter()
                    .find(|(entry, _)| entry == at)
                    .map_or(Amount::ZERO, |(_, part)| *part);
                let told = self.day.entries[*at].costs;
                if accounts[*at].is_some_and(|one| one.holder.is_pods()) {
                    corrections.moves(
                        "gpu-nodes",
                        "GPU nodes laid on their GPUs, CPUs and memory included",
                        moved(told, part),
                    );
                }
                let share = if whole > 0.0 { hours[*at] / whole } else { 0.0 };
                costs[*at] = Told {
                    of_gpu_node: Some(part),
                    list: list.map(|list| list.times(share)),
                    ..Told::of(told)
                };
            }
            if !rest.is_zero() {
                let held: f64 = parts.iter().map(|(at, _)| hours[*at]).sum();
                let share = if capacity > 0.0 {
                    (1.0 - held / capacity).max(0.0)
                } else {
                    1.0
                };
                idle.push(IdleNode {
                    account: self.idle_account(node),
                    cost: rest,
                    list: list.map(|list| list.times(share)),
                });
            }
        }
        (idle, excess)
    }

    /// The account of what is idle on a node: the source's, or one without a node.
    pub(super) fn idle_account(&self, node: &str) -> &'a Account {
        let of_node = |one: &&Account| one.holder == Holder::Idle && one.node.as_deref() == Some(node);
        self.books.ledger.accounts.iter().find(of_node).unwrap_or(&NOBODYS)
    }

    /// What a whole node would cost that day at list prices.
    pub(super) fn list(&self, node: &str) -> Option<Amount> {
        if self.books.plan.currency != "USD" {
            return None;
        }
        let region = self
            .books
            .ledger
            .nodes
            .get(node)
            .and_then(|node| node.region.as_deref());
        let history = self
            .books
            .catalog
            .list_prices(self.names.instance_type(node)?, region)?;
        let hours = self
            .day
            .nodes
            .get(node)
            .map_or(self.day.window.hours(), |(hours, _)| *hours);
        Amount::new(history.at(self.day.window.start)?.hourly.get() * hours)
    }
}
