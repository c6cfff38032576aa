//! Lines added up to rows by what people ask for.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Days;
use super::columns::Columns;
use super::key::Key;
use super::line::Line;
use super::names::{Names, sanitised};
use crate::model::amount::Amount;
use crate::model::ledger::Holder;

/// What was done for the money.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Measures {
    /// GPUs held, times hours; `None` by category, as hours of work are of no single one.
    pub gpu_hours: Option<f64>,
    /// The part of them in which work was done, of what was measured; `None` where nothing was.
    pub busy_gpu_hours: Option<f64>,
    /// The share of the GPU hours of which it was measured.
    pub measured_share: Option<f64>,
    /// What an hour of a busy GPU cost.
    pub per_busy_gpu_hour: Option<f64>,
    /// Tokens generated, of what was read.
    pub tokens: Option<f64>,
    /// What a million of them cost.
    pub per_million_tokens: Option<f64>,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CostRow {
    /// Its value for each key that was asked for; `null` where the cost has none, as of what is idle or shared.
    pub key: BTreeMap<String, Option<String>>,
    /// Whose it is where that is no pod's: `idle`, `unmounted`, `shared`, `assets`, `unallocated`; `others` where it is many rows together.
    pub holder: Option<String>,
    /// How many rows it stands for.
    pub rows: usize,
    /// What it was for.
    pub columns: Columns,
    /// What of `idle` is of GPU nodes.
    pub idle_gpu: Amount,
    /// All of it.
    pub total: Amount,
    /// Its share of everything, 0 to 1; `None` where everything is no positive amount.
    pub share: Option<f64>,
    /// What it cost in the span before; `None` where that is not known.
    pub previous: Option<Amount>,
    /// Its change a day against that: 0.1 is a tenth more; `None` where nothing was spent before, or that is not known.
    pub change: Option<f64>,
    /// What was done for it.
    pub measures: Measures,
    /// What the GPU nodes in it would cost at list prices; `None` unless a list has all of them.
    pub list: Option<Amount>,
}

/// The values of a row's keys, and whose it is where that is no pod's.
pub(super) type Place = (Vec<Option<String>>, Option<Holder>);

/// A row that is being added up.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Sum {
    columns: Columns,
    idle_gpu: Amount,
    /// Whether hours of work are its own.
    whole: bool,
    gpu_hours: f64,
    /// Cost and hours where it was measured.
    busy: Option<(Amount, f64, f64)>,
    tokens: Option<(Amount, f64)>,
    list: Amount,
    listed: bool,
    unlisted: bool,
}

impl Sum {
    fn add(&mut self, line: &Line<'_>, columns: Columns, whole: bool) {
        self.columns += columns;
        if whole || !columns.idle.is_zero() {
            self.idle_gpu += line.idle_gpu;
        }
        if !whole {
            return;
        }
        self.whole = true;
        self.gpu_hours += line.gpu_hours;
        let gpu = line.columns.gpu + line.columns.unused;
        if let Some(hours) = line.busy_gpu_hours {
            let sum = self.busy.get_or_insert_default();
            sum.0 += gpu;
            sum.1 += hours;
            sum.2 += line.gpu_hours;
        }
        if let Some(tokens) = line.tokens {
            let sum = self.tokens.get_or_insert_default();
            sum.0 += line.columns.total();
            sum.1 += tokens;
        }
        match line.list {
            Some(list) => {
                self.list += list;
                self.listed = true;
            }
            None => self.unlisted |= line.gpu_hours > 0.0 || !line.idle_gpu.is_zero(),
        }
    }

    fn merge(&mut self, other: &Self) {
        self.whole |= other.whole;
        self.columns += other.columns;
        self.idle_gpu += other.idle_gpu;
        self.gpu_hours += other.gpu_hours;
        if let Some(theirs) = other.busy {
            let ours = self.busy.get_or_insert_default();
            *ours = (ours.0 + theirs.0, ours.1 + theirs.1, ours.2 + theirs.2);
        }
        if let Some(theirs) = other.tokens {
            let ours = self.tokens.get_or_insert_default();
            *ours = (ours.0 + theirs.0, ours.1 + theirs.1);
        }
        self.list += other.list;
        self.listed |= other.listed;
        self.unlisted |= other.unlisted;
    }

    fn measures(&self) -> Measures {
        let busy = self.busy.filter(|_| self.gpu_hours > 0.0);
        Measures {
            gpu_hours: self.whole.then_some(self.gpu_hours),
            busy_gpu_hours: busy.map(|(_, hours, _)| hours),
            measured_share: busy.map(|(_, _, held)| held / self.gpu_hours),
            per_busy_gpu_hour: busy
                .filter(|one| one.1 > 0.0)
                .map(|(cost, hours, _)| cost.get() / hours),
            tokens: self.tokens.map(|(_, tokens)| tokens),
            per_million_tokens: self
                .tokens
                .filter(|one| one.1 > 0.0)
                .map(|(cost, tokens)| cost.get() / tokens * 1e6),
        }
    }

    fn row(&self, key: BTreeMap<String, Option<String>>, holder: Option<String>, rows: usize) -> CostRow {
        CostRow {
            key,
            holder,
            rows,
            columns: self.columns,
            idle_gpu: self.idle_gpu,
            total: self.columns.total(),
            share: None,
            previous: None,
            change: None,
            measures: self.measures(),
            list: Some(self.list).filter(|_| self.listed && !self.unlisted),
        }
    }
}

/// The sums of lines by keys.
pub(super) fn sums(lines: &[Line<'_>], by: &[Key], names: &Names<'_>) -> BTreeMap<Place, Sum> {
    let mut all: BTreeMap<Place, Sum> = BTreeMap::new();
    let by_category = by.contains(&Key::Category);
    for line in lines {
        if !by_category {
            all.entry(place(line, by, names, None))
                .or_default()
                .add(line, line.columns, true);
            continue;
        }
        for at in 0..Columns::COUNT {
            let columns = line.columns.only(at);
            if columns != Columns::default() {
                let place = place(line, by, names, Some(Columns::NAMES[at]));
                all.entry(place).or_default().add(line, columns, false);
            }
        }
    }
    all.retain(|_, sum| sum.columns != Columns::default() || sum.gpu_hours > 0.0);
    all
}

/// Rows of these lines, in the order of their keys.
pub(super) fn rows(lines: &[Line<'_>], by: &[Key], names: &Names<'_>) -> Groups {
    Groups {
        by: by.iter().map(Key::name).collect(),
        all: sums(lines, by, names)
            .into_iter()
            .map(|(place, sum)| (place, sum, None))
            .collect(),
        days: (Days::default(), Days::default()),
    }
}

/// Rows before they are ranked, each with what it cost before.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Groups {
    by: Vec<String>,
    all: Vec<(Place, Sum, Option<Amount>)>,
    days: (Days, Days),
}

/// Sets what rows cost before. Who spent only before has a row of nothing now, so that what they cost before adds up, too.
pub(super) fn compare(groups: &mut Groups, mut before: BTreeMap<Place, Sum>, days: (Days, Days)) {
    groups.days = days;
    // A day was in no span before.
    if days.1.told == 0 || groups.by.iter().any(|key| key == "day") {
        return;
    }
    for (place, _, previous) in &mut groups.all {
        let sum = before.remove(place);
        *previous = Some(sum.map_or(Amount::ZERO, |sum| sum.columns.total()));
    }
    for (place, sum) in before {
        let none = Sum {
            whole: sum.whole,
            ..Sum::default()
        };
        groups.all.push((place, none, Some(sum.columns.total())));
    }
}

/// The row of everything.
pub(super) fn total(now: &[Line<'_>], then: &[Line<'_>], days: (Days, Days)) -> CostRow {
    let mut sum = Sum::default();
    now.iter().for_each(|line| sum.add(line, line.columns, true));
    let mut row = sum.row(BTreeMap::new(), None, 1);
    let before: Amount = then.iter().map(|line| line.columns.total()).sum();
    row.previous = (days.1.told > 0).then_some(before);
    row.change = change(row.total, row.previous, days);
    row.share = (row.total.get() > 0.0).then_some(1.0);
    row
}

/// Rows by what they cost, the long tail as one row, so that nothing is lost.
pub(super) fn ranked(groups: Groups, limit: Option<usize>, total: &CostRow) -> Vec<CostRow> {
    let Groups { by, mut all, days } = groups;
    all.sort_by(|a, b| {
        let cost = |sum: &Sum| sum.columns.total();
        cost(&b.1).cmp(&cost(&a.1)).then_with(|| a.0.cmp(&b.0))
    });
    let by_day = by.iter().any(|key| key == "day");
    if by_day {
        all.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let kept = match limit {
        Some(limit) if all.len() > limit && !by_day => limit.saturating_sub(1),
        _ => all.len(),
    };
    let tail = all.split_off(kept);
    let finish = |mut row: CostRow, previous: Option<Amount>| {
        row.previous = previous;
        row.change = change(row.total, previous, days);
        row.share = (total.total.get() > 0.0).then(|| row.total.get() / total.total.get());
        row
    };
    let mut rows: Vec<CostRow> = all
        .into_iter()
        .map(|((values, holder), sum, previous)| {
            let key = by.iter().cloned().zip(values).collect();
            finish(sum.row(key, holder.map(word), 1), previous)
        })
        .collect();
    if !tail.is_empty() {
        let mut sum = Sum::default();
        let mut previous = None;
        for (_, one, before) in &tail {
            sum.merge(one);
            if let Some(before) = before {
                *previous.get_or_insert(Amount::ZERO) += *before;
            }
        }
        let key = by.iter().map(|key| (key.clone(), None)).collect();
        rows.push(finish(sum.row(key, Some("others".to_owned()), tail.len()), previous));
    }
    rows
}

/// Change a day against the span before; nothing was spent before is no ratio.
fn change(now: Amount, before: Option<Amount>, days: (Days, Days)) -> Option<f64> {
    let before = before?.get() / days.1.hours.max(1.0);
    let now = now.get() / days.0.hours.max(1.0);
    (before > 0.0).then(|| now / before - 1.0)
}

/// How a holder that is no pod is called.
pub(super) fn word(holder: Holder) -> String {
    match holder {
        Holder::Pods => "pods",
        Holder::Idle => "idle",
        Holder::Unallocated => "unallocated",
        Holder::Unmounted => "unmounted",
        Holder::Shared => "shared",
        Holder::Assets => "assets",
    }
    .to_owned()
}

fn place(line: &Line<'_>, by: &[Key], names: &Names<'_>, category: Option<&str>) -> Place {
    let values: Vec<Option<String>> = by.iter().map(|key| value(line, key, names, category)).collect();
    // What is nobody's stands apart unless every key means it all the same, as its node does.
    let nobodys = !line.account.holder.is_pods() && values.iter().any(Option::is_none);
    (values, nobodys.then_some(line.account.holder))
}

pub(super) fn value(line: &Line<'_>, key: &Key, names: &Names<'_>, category: Option<&str>) -> Option<String> {
    let account = line.account;
    match key {
        Key::Cluster => Some(names.cluster()),
        Key::Namespace => account.namespace.clone(),
        Key::Team => names.team(account, line.workload),
        Key::Workload => {
            if let Some(row) = line.workload.map(|at| names.row(at)) {
                return Some(format!("{}/{}", row.namespace, row.name));
            }
            Some(format!(
                "{}/{}",
                account.namespace.as_deref()?,
                account.controller.as_deref()?
            ))
        }
        Key::Class => {
            let row = names.row(line.workload?);
            serde_json::to_value(row.class).ok()?.as_str().map(str::to_owned)
        }
        Key::Gpu if line.gpu_hours > 0.0 || !line.idle_gpu.is_zero() => names.gpu(account, line.workload),
        Key::Gpu => None,
        Key::Node => account.node.clone(),
        Key::InstanceType => names.instance_type(account.node.as_deref()?).map(str::to_owned),
        Key::Capacity => names.capacity(account, line.workload).map(str::to_owned),
        Key::Category => category.map(str::to_owned),
        Key::Day => Some(line.day.to_string()),
        Key::Label(name) => account.labels.get(&sanitised(name)).cloned(),
        Key::Annotation(name) => account.annotations.get(&sanitised(name)).cloned(),
    }
}
