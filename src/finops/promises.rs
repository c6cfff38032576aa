//! What is commonly promised for a strategy, beside what it would bring here and why that is less.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::promises::Promised;
use crate::model::plan::{Plan, Row};
use crate::model::returns::Promise;
use crate::model::units::{HOURS_PER_MONTH, Monthly};

/// Reasons that are named; the rest is counted.
const NAMED: usize = 3;

/// Each promise beside the plan. Every change of the plan stands with one strategy only: with that of its first lever.
pub(super) fn promises(plan: &Plan, promised: &[Promised]) -> Vec<Promise> {
    promised
        .iter()
        .map(|own| Here::of(plan, own, promised).promise())
        .collect()
}

/// Whether a change follows a strategy by this lever.
fn follows(promised: &Promised, lever: &str, row: &Row) -> bool {
    promised.levers().any(|own| own == lever) && row.moves.iter().any(|change| promised.has_move(&change.kind()))
}

/// What a strategy meets in a plan.
struct Here<'p> {
    plan: &'p Plan,
    promised: &'p Promised,
    /// Its changes that are accepted.
    accepted: Vec<&'p Row>,
    /// Its changes that are worth trying or held back.
    open: Vec<&'p Row>,
    /// How many changes it has a part in that stand with another strategy, by the name of that.
    elsewhere: BTreeMap<&'p str, usize>,
}

impl<'p> Here<'p> {
    fn of(plan: &'p Plan, promised: &'p Promised, all: &'p [Promised]) -> Self {
        let mut here = Self {
            plan,
            promised,
            accepted: Vec::new(),
            open: Vec::new(),
            elsewhere: BTreeMap::new(),
        };
        let open = plan.experiments.iter().chain(&plan.held_back);
        let rows = plan
            .accepted
            .iter()
            .map(|row| (row, true))
            .chain(open.map(|row| (row, false)));
        for (row, is_accepted) in rows {
            if !row.levers.iter().any(|lever| follows(promised, lever, row)) {
                continue;
            }
            let home = row
                .levers
                .iter()
                .find_map(|lever| all.iter().find(|one| follows(one, lever, row)));
            match home.filter(|home| home.strategy != promised.strategy) {
                Some(home) => *here.elsewhere.entry(home.strategy.as_str()).or_default() += 1,
                None if is_accepted => here.accepted.push(row),
                None => here.open.push(row),
            }
        }
        here
    }

    fn promise(&self) -> Promise {
        let open = self.open_by_workload();
        let accepted = total(self.accepted.iter().map(|row| saved(row)));
        let not_counted = total(open.values().copied());
        let here = accepted.zip(not_counted).map(|(sure, open)| (sure + open).to_cents());
        let here = here.filter(|_| self.can_be_told());
        let applies_to = self.applies_to().filter(|_| self.can_be_told());
        let share = here.zip(applies_to).filter(|(_, whole)| whole.get() > 0.0);
        Promise {
            strategy: self.promised.strategy.clone(),
            levers: self.promised.levers().map(str::to_owned).collect(),
            promised_share: self.promised.share,
            source: format!(
                "{} ({})",
                self.promised.provenance.source, self.promised.provenance.as_of
            ),
            applies_to_monthly: applies_to,
            here_monthly: here,
            here_share: share.map(|(saved, whole)| thousandths(saved.get() / whole.get())),
            not_counted_monthly: not_counted.map(Monthly::to_cents),
            because: self.because(),
        }
    }

    /// Of a workload with an accepted change nothing else counts, and of several others the one that saves most.
    fn open_by_workload(&self) -> BTreeMap<&'p str, Option<f64>> {
        let taken: BTreeSet<&str> = self.accepted.iter().map(|row| row.subject.id.as_str()).collect();
        let mut open: BTreeMap<&str, Option<f64>> = BTreeMap::new();
        for row in self.open.iter().filter(|row| !taken.contains(row.subject.id.as_str())) {
            let best = open.entry(row.subject.id.as_str()).or_insert(saved(row));
            *best = best.zip(saved(row)).map(|(best, own)| best.max(own));
        }
        open
    }

    /// The workloads of its changes, each once: one may have several.
    fn workloads(&self) -> BTreeSet<&'p str> {
        let rows = self.accepted.iter().chain(&self.open);
        rows.map(|row| row.subject.id.as_str()).collect()
    }

    /// What the workloads of its changes cost.
    fn applies_to(&self) -> Option<Monthly> {
        let cost = |id: &str| self.plan.workload(id).and_then(|workload| workload.monthly);
        total(self.workloads().into_iter().map(|id| cost(id).map(Monthly::get))).map(Monthly::to_cents)
    }

    /// Workloads that it would not change, each counted once, by code: those that its levers keep as they are, and those of which one
    /// of them cannot tell.
    fn said(&self) -> (BTreeMap<&'p str, usize>, BTreeMap<&'p str, usize>) {
        let own = |lever: &str| self.promised.levers().any(|own| own == lever);
        let changed = self.workloads();
        let mut codes: BTreeMap<&str, (&str, bool)> = BTreeMap::new();
        for row in self.plan.unknown.iter().filter(|row| own(&row.lever)) {
            codes.entry(&row.subject.id).or_insert((&row.reason, false));
        }
        for row in self.plan.kept.iter().filter(|row| own(&row.lever)) {
            codes.entry(&row.subject.id).or_insert((&row.reason, true));
        }
        let (mut kept, mut unknown) = (BTreeMap::new(), BTreeMap::new());
        for (_, (code, is_kept)) in codes.into_iter().filter(|(id, _)| !changed.contains(id)) {
            let side = if is_kept { &mut kept } else { &mut unknown };
            *side.entry(code).or_insert(0) += 1;
        }
        (kept, unknown)
    }

    /// Whether its levers were asked, and could tell of anything.
    fn can_be_told(&self) -> bool {
        let changes = self.accepted.len() + self.open.len() + self.elsewhere.len();
        self.plan.spend.is_some() && (changes > 0 || !self.said().0.is_empty())
    }

    fn because(&self) -> String {
        let (kept, unknown) = self.said();
        let changes = self.workloads().len();
        if self.promised.levers().next().is_none() {
            return "no lever does it yet, so that nobody tells what it would bring here".to_owned();
        }
        if changes + self.elsewhere.len() + kept.len() + unknown.len() == 0 {
            return "its levers were not asked".to_owned();
        }
        let mut parts = vec![match changes {
            0 => "it would change nothing".to_owned(),
            count => format!("it would change {}", workloads(count)),
        }];
        let open = self.open_by_workload().len();
        if open > 0 {
            parts.push(format!("{open} of these only worth trying or held back"));
        }
        for (other, count) in &self.elsewhere {
            let changes = if *count == 1 { "change" } else { "changes" };
            parts.push(format!("{count} more {changes} counted with {other}"));
        }
        let leaves: Monthly = self.accepted.iter().map(|row| row.saving.leaves_bill_monthly).sum();
        let all = total(self.accepted.iter().map(|row| saved(row))).unwrap_or_default();
        if all.get() - leaves.get() > 0.005 {
            let share = (1.0 - leaves.get() / all.get()) * 100.0;
            parts.push(format!(
                "{share:.0} % of what is accepted frees capacity and does not leave the bill"
            ));
        }
        parts.extend(reasons(&kept, "stays as it is", "stay as they are"));
        parts.extend(reasons(&unknown, "cannot be told", "cannot be told"));
        parts.join("; ")
    }
}

/// How many workloads are left alone, and why most of them are.
fn reasons(codes: &BTreeMap<&str, usize>, one: &str, many: &str) -> Option<String> {
    let count: usize = codes.values().sum();
    let mut most: Vec<(&str, usize)> = codes.iter().map(|(code, count)| (*code, *count)).collect();
    most.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let named = most.iter().take(NAMED);
    let named: Vec<String> = named
        .map(|(code, count)| format!("{} ({count})", code.replace('-', " ")))
        .collect();
    let verb = if count == 1 { one } else { many };
    let rest = if most.len() > NAMED { ", and others" } else { "" };
    (count > 0).then(|| format!("{} {verb}: {}{rest}", count, named.join(", ")))
}

fn workloads(count: usize) -> String {
    format!("{count} {}", if count == 1 { "workload" } else { "workloads" })
}

fn saved(row: &Row) -> Option<f64> {
    row.saving.monthly.mid
}

/// The sum; `None` where one of them is not known.
fn total(parts: impl Iterator<Item = Option<f64>>) -> Option<Monthly> {
    let sum: Option<f64> = parts.sum();
    sum.map(Monthly::new)
}

fn thousandths(ratio: f64) -> f64 {
    (ratio * 1000.0).round() / 1000.0
}

/// Days of the month that every monthly figure means.
pub(super) const DAYS_PER_MONTH: f64 = HOURS_PER_MONTH / 24.0;
