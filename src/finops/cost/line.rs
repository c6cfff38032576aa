//! The lines of a cost report, before anything is added up: what an account cost on a day, in columns, with the work that was done
//! for it.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::columns::Columns;
use super::corrections::Corrections;
use super::laid::{NodeDay, laid, moved};
use super::names::{Names, sanitised};
use super::{Books, Scope};
use crate::model::amount::Amount;
use crate::model::ledger::{Account, Costs, Holder, LedgerDay};
use crate::model::time::Window;

/// What an account cost on a day.
#[derive(Debug, Clone, PartialEq)]
pub struct Line<'a> {
    /// Whose it is.
    pub account: &'a Account,
    /// The plan's workload behind it, by its place.
    pub workload: Option<usize>,
    /// The day.
    pub day: Date,
    /// From when to when.
    pub window: Window,
    /// What it cost.
    pub columns: Columns,
    /// What of `idle` is of GPU nodes.
    pub idle_gpu: Amount,
    /// GPUs held, times hours.
    pub gpu_hours: f64,
    /// The part of them in which work was done; `None` where it was not measured.
    pub busy_gpu_hours: Option<f64>,
    /// Tokens generated; `None` where they were not read.
    pub tokens: Option<f64>,
    /// What its GPU nodes' part would cost at list prices; `None` where no list has them.
    pub list: Option<Amount>,
}

/// The lines of the days in a span, and what was corrected.
pub fn lines<'a>(books: &'a Books<'a>, span: Window, scope: &Scope) -> (Vec<Line<'a>>, Corrections) {
    let names = Names::new(books);
    let mut corrections = Corrections::default();
    let mut lines = Vec::new();
    for day in books.ledger.days_in(span.start, span.end).filter(|day| day.told) {
        let desk = Desk {
            books,
            names: &names,
            day,
            date: books.date(day),
        };
        desk.lines(&mut lines, &mut corrections);
    }
    if !scope.is_everything() {
        lines.retain(|line| in_scope(line, scope, &names));
    }
    (lines, corrections)
}

/// Whether a line is of what is asked about. What is nobody's is of everything alone.
pub fn in_scope(line: &Line<'_>, scope: &Scope, names: &Names<'_>) -> bool {
    if scope.is_everything() {
        return true;
    }
    let Some(namespace) = &line.account.namespace else {
        return false;
    };
    let team = names.team(line.account, line.workload);
    let clean = |labels: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        labels
            .iter()
            .map(|(name, value)| (sanitised(name), value.clone()))
            .collect()
    };
    scope.covers(namespace, team.as_ref()) && scope.selector.holds_as(&clean(&line.account.labels), sanitised)
}

/// A day that is being read.
struct Desk<'a, 'n> {
    books: &'a Books<'a>,
    names: &'n Names<'a>,
    day: &'a LedgerDay,
    date: Date,
}

impl<'a> Desk<'a, '_> {
    fn lines(&self, lines: &mut Vec<Line<'a>>, corrections: &mut Corrections) {
        let accounts: Vec<Option<&'a Account>> = self
            .day
            .entries
            .iter()
            .map(|entry| self.books.ledger.account(entry))
            .collect();
        let workloads: Vec<Option<usize>> = accounts
            .iter()
            .map(|account| account.and_then(|one| self.names.workload(one)))
            .collect();
        let hours = self.gpu_hours(&accounts, &workloads, corrections);
        let mut costs: Vec<Told> = self.day.entries.iter().map(|entry| Told::of(entry.costs)).collect();
        let (idle, excess) = self.lay(&accounts, &hours, &mut costs, corrections);
        let first = lines.len();
        for (at, account) in accounts.iter().enumerate() {
            let Some(account) = account else { continue };
            if account.holder == Holder::Assets {
                let name = account.controller.clone().unwrap_or_default();
                corrections.adds("assets", beside(&name), self.day.entries[at].costs.total());
            } else {
                corrections.source_total += self.day.entries[at].costs.total();
            }
            lines.push(self.line(account, workloads[at], hours[at], &costs[at]));
        }
        for (account, cost, list) in idle {
            lines.push(Line {
                idle_gpu: cost,
                list,
                ..self.bare(
                    account,
                    None,
                    Columns {
                        idle: cost,
                        ..Columns::default()
                    },
                )
            });
        }
        self.take_back(&mut lines[first..], excess, corrections);
        self.share_out_work(&mut lines[first..]);
    }

    /// GPU hours of each entry: as the source counts them, and of MIG slices and resource claims, which it does not see, as the
    /// plan's history has them.
    fn gpu_hours(
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
            let seen = self.names.day(workload, self.date).map_or(0.0, |day| day.gpu_hours);
            if told > 0.0 || seen <= 0.0 {
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
            corrections.moves(
                "unseen-slices",
                "MIG slices and resource claims, which the cost source calls idle, laid on who holds them",
                cost,
            );
        }
        hours
    }

    /// GPUs of a node times the hours for which it was there.
    fn capacity(&self, node: &str) -> f64 {
        let there = self
            .day
            .nodes
            .get(node)
            .map_or(self.day.window.hours(), |(hours, _)| *hours);
        self.names.gpus_of(node).unwrap_or(0.0) * there
    }

    /// What a whole node cost: as told of the asset, else of its allocations; and what it costs by contract, where the plan does
    /// not go by what was told.
    fn whole(&self, node: &str, accounts: &[Option<&Account>]) -> (Amount, Option<(Amount, String)>) {
        let on_it = |at: &usize| accounts[*at].is_some_and(|one| one.node.as_deref() == Some(node));
        let allocated = || {
            let entries = (0..accounts.len()).filter(on_it);
            entries.map(|at| self.day.entries[at].costs.of_node()).sum()
        };
        let asset = self.day.nodes.get(node);
        let told: Amount = asset.map_or_else(allocated, |(_, cost)| *cost);
        let instead = self.names.node(node).and_then(|here| {
            let hours = asset.map_or(self.day.window.hours(), |(hours, _)| *hours);
            let price = here.price.as_ref()?;
            let hourly = here.hourly?;
            let by_contract = here.commitment.is_some();
            let measured = price.source.contains(self.books.ledger.told_by.name());
            let cost = Amount::new(hourly.get() * hours)?;
            (by_contract || !measured).then(|| (cost, price.source.clone()))
        });
        (told, instead)
    }

    /// Lays GPU nodes on their GPUs. Gives what is idle of each, and by how much the nodes' assets are more than their allocations.
    fn lay(
        &self,
        accounts: &[Option<&'a Account>],
        hours: &[f64],
        costs: &mut [Told],
        corrections: &mut Corrections,
    ) -> (Vec<(&'a Account, Amount, Option<Amount>)>, Amount) {
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
                let share = if capacity > 0.0 { hours[*at] / capacity } else { 0.0 };
                costs[*at] = Told {
                    of_gpu_node: Some(part),
                    list: list.map(|list| list.times(share)),
                    ..Told::of(told)
                };
            }
            if let (false, Some(account)) = (rest.is_zero(), entries.first().and_then(|at| accounts[*at])) {
                let held: f64 = parts.iter().map(|(at, _)| hours[*at]).sum();
                let share = if capacity > 0.0 {
                    (1.0 - held / capacity).max(0.0)
                } else {
                    1.0
                };
                idle.push((
                    self.idle_account(node, account),
                    rest,
                    list.map(|list| list.times(share)),
                ));
            }
        }
        (idle, excess)
    }

    /// The account of what is idle on a node; where the source has none, that of somebody on it, as no other names the node.
    fn idle_account(&self, node: &str, fallback: &'a Account) -> &'a Account {
        let of_node = |one: &&Account| one.holder == Holder::Idle && one.node.as_deref() == Some(node);
        self.books.ledger.accounts.iter().find(of_node).unwrap_or(fallback)
    }

    /// What a whole node would cost that day at list prices.
    fn list(&self, node: &str) -> Option<Amount> {
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

    /// What nodes' assets are more than their allocations is on GPU nodes already: it is taken from the rest of all nodes, or, where
    /// the source tells what is idle of the whole cluster, from that.
    fn take_back(&self, lines: &mut [Line<'a>], excess: Amount, corrections: &mut Corrections) {
        if excess.is_zero() {
            return;
        }
        let idle = |line: &&mut Line<'_>| line.account.holder == Holder::Idle && line.account.node.is_none();
        let rest = |line: &&mut Line<'_>| {
            line.account.holder == Holder::Assets && line.account.controller.as_deref() == Some("nodes")
        };
        let at = lines
            .iter_mut()
            .position(|mut line| idle(&&mut line))
            .or_else(|| lines.iter_mut().position(|mut line| rest(&&mut line)));
        match at.and_then(|at| lines.get_mut(at)) {
            Some(line) => line.columns.idle -= excess,
            None => corrections.adds("nodes", "GPU nodes beyond their allocations".to_owned(), excess),
        }
    }

    fn bare(&self, account: &'a Account, workload: Option<usize>, columns: Columns) -> Line<'a> {
        Line {
            account,
            workload,
            day: self.date,
            window: self.day.window,
            columns,
            idle_gpu: Amount::ZERO,
            gpu_hours: 0.0,
            busy_gpu_hours: None,
            tokens: None,
            list: None,
        }
    }

    fn line(&self, account: &'a Account, workload: Option<usize>, hours: f64, told: &Told) -> Line<'a> {
        let costs = told.costs;
        let node = match told.of_gpu_node {
            Some(part) => Costs {
                gpu: part,
                ..Costs::default()
            },
            None => costs,
        };
        let mut columns = Columns {
            gpu: node.gpu,
            compute: node.cpu + node.memory,
            storage: costs.storage,
            network: costs.network + costs.load_balancers,
            other: costs.shared + costs.external,
            ..Columns::default()
        };
        let is_rest = account.holder == Holder::Assets && account.controller.as_deref() == Some("nodes");
        if account.holder == Holder::Idle || is_rest {
            columns.idle = columns.gpu + columns.compute;
            (columns.gpu, columns.compute) = (Amount::ZERO, Amount::ZERO);
        }
        let mut line = self.bare(account, workload, columns);
        if !account.holder.is_pods() {
            return line;
        }
        line.gpu_hours = hours;
        line.list = told.list;
        let seen = workload.and_then(|at| self.names.day(at, self.date));
        let busy = seen.and_then(|day| Some((day.busy_gpu_hours? / day.gpu_hours).clamp(0.0, 1.0)));
        if let Some(busy) = busy.filter(|busy| busy.is_finite() && hours > 0.0) {
            line.busy_gpu_hours = Some(hours * busy);
            let unused = columns.gpu.times(1.0 - busy);
            line.columns.unused = unused;
            line.columns.gpu -= unused;
        }
        line
    }

    /// Tokens of a workload's day, shared out over its lines by the GPU hours of each.
    fn share_out_work(&self, lines: &mut [Line<'a>]) {
        let mut hours: BTreeMap<usize, f64> = BTreeMap::new();
        for line in lines.iter() {
            if let Some(at) = line.workload {
                *hours.entry(at).or_default() += line.gpu_hours;
            }
        }
        for line in lines.iter_mut().filter(|line| line.gpu_hours > 0.0) {
            let Some(at) = line.workload else { continue };
            let tokens = self.names.day(at, self.date).and_then(|day| day.tokens);
            line.tokens =
                tokens.map(|tokens| tokens * line.gpu_hours / hours.get(&at).copied().unwrap_or(line.gpu_hours));
        }
    }
}

/// What was told of an entry, and what its part of a GPU node is.
struct Told {
    costs: Costs,
    of_gpu_node: Option<Amount>,
    list: Option<Amount>,
}

impl Told {
    fn of(costs: Costs) -> Self {
        Self {
            costs,
            of_gpu_node: None,
            list: None,
        }
    }
}

fn beside(kind: &str) -> String {
    match kind {
        "nodes" => "nodes, beyond what is allocated of them or idle".to_owned(),
        "volumes" => "volumes that are among the assets alone, such as root disks".to_owned(),
        "traffic" => "traffic that is among the assets alone".to_owned(),
        "load balancers" => "load balancers that are among the assets alone".to_owned(),
        "ClusterManagement" => "control planes, which allocations leave out".to_owned(),
        other => format!("{other}, which allocations leave out"),
    }
}
