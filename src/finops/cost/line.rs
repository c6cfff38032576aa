//! The lines of a cost report, before anything is added up: what an account cost on a day, in columns, with the work that was done
//! for it.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::columns::Columns;
use super::corrections::Corrections;
use super::laid::{IdleNode, Told};
use super::names::{Names, sanitised};
use super::nodes::WHOLE;
use super::{Books, Scope};
use crate::model::amount::Amount;
use crate::model::history::HistoryDay;
use crate::model::ledger::{Account, Costs, Holder, LedgerDay, ToldBy};
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
    for day in books.days_in(span).filter(|day| day.told) {
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
pub(super) struct Desk<'a, 'n> {
    pub(super) books: &'a Books<'a>,
    pub(super) names: &'n Names<'a>,
    pub(super) day: &'a LedgerDay,
    pub(super) date: Date,
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
        for IdleNode { account, cost, list } in idle {
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

    /// What nodes' assets are more than their allocations is on GPU nodes already: it is taken from the rest of all nodes, or, where
    /// the source tells what is idle of the whole cluster, from that.
    fn take_back(&self, lines: &mut [Line<'a>], excess: Amount, corrections: &mut Corrections) {
        if excess.is_zero() {
            return;
        }
        let idle = |line: &Line<'_>| line.account.holder == Holder::Idle && line.account.node.is_none();
        let rest = |line: &Line<'_>| {
            line.account.holder == Holder::Assets && line.account.controller.as_deref() == Some("nodes")
        };
        let at = lines.iter().position(idle).or_else(|| lines.iter().position(rest));
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
        // Prices of nodes tell of GPU nodes alone.
        if account.holder == Holder::Idle && self.books.ledger.told_by == ToldBy::Prices {
            line.idle_gpu = columns.idle;
        }
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
            // Of a day of which history has a part, the tokens of that part are not those of its cost.
            let whole = |day: &&HistoryDay| day.hours >= WHOLE * self.day.window.hours();
            let tokens = self.names.day(at, self.date).filter(whole).and_then(|day| day.tokens);
            line.tokens =
                tokens.map(|tokens| tokens * line.gpu_hours / hours.get(&at).copied().unwrap_or(line.gpu_hours));
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
