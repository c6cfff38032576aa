//! A ledger where no cost source told one: GPUs that were held, day by day, at the prices of their nodes.

use std::collections::BTreeMap;

use jiff::Span;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::model::amount::Amount;
use crate::model::ledger::{Account, Costs, Entry, Holder, Ledger, LedgerDay, ToldBy};
use crate::model::plan::Plan;
use crate::model::time::Window;
use crate::model::units::HOURS_PER_MONTH;

/// What the plan's workloads held, and, spread evenly over the days, what nobody held.
pub fn of(plan: &Plan, zone: &TimeZone) -> Ledger {
    let mut accounts: Vec<Account> = plan
        .workloads
        .iter()
        .map(|row| Account {
            namespace: Some(row.namespace.clone()),
            kind: Some(row.kind.to_lowercase()),
            controller: Some(row.name.clone()),
            ..Account::default()
        })
        .collect();
    let idle = u32::try_from(accounts.len()).unwrap_or(u32::MAX);
    accounts.push(Account {
        holder: Holder::Idle,
        ..Account::default()
    });
    let unallocated = plan
        .spend
        .as_ref()
        .map(|spend| spend.unallocated_monthly.get() / HOURS_PER_MONTH);
    let (mut days, unpriced) = held(plan);
    // Nodes cost money also where nobody holds a GPU of them.
    if days.is_empty() && unallocated.is_some() {
        days.extend(dates(plan.window, zone).map(|date| (date, Vec::new())));
    }
    let day = |(date, mut entries): (Date, Vec<Entry>)| {
        let window = within(date, zone, plan.window)?;
        if let Some(gpu) = unallocated.and_then(|hourly| Amount::new(hourly * window.hours())) {
            entries.push(Entry {
                account: idle,
                gpu_hours: 0.0,
                costs: Costs {
                    gpu,
                    ..Costs::default()
                },
            });
        }
        Some(LedgerDay {
            window,
            told: !entries.is_empty(),
            entries,
            nodes: BTreeMap::new(),
            unpriced: unpriced.get(&date).copied().unwrap_or(0),
        })
    };
    Ledger {
        told_by: ToldBy::Prices,
        accounts,
        nodes: BTreeMap::new(),
        days: days.into_iter().filter_map(day).collect(),
    }
}

/// What each workload held on each day, by its place, and how many of them held GPUs without a price.
fn held(plan: &Plan) -> (BTreeMap<Date, Vec<Entry>>, BTreeMap<Date, u32>) {
    let mut days: BTreeMap<Date, Vec<Entry>> = BTreeMap::new();
    let mut unpriced: BTreeMap<Date, u32> = BTreeMap::new();
    for (at, row) in plan.workloads.iter().enumerate() {
        for day in row.history.iter().flat_map(|history| &history.days) {
            let entries = days.entry(day.day).or_default();
            if day.gpu_hours <= 0.0 {
                continue;
            }
            // Hours at no known price are no hours at no cost: what an hour cost would be wrong by them.
            let Some(gpu) = day.cost.and_then(|cost| Amount::new(cost.get())) else {
                *unpriced.entry(day.day).or_default() += 1;
                continue;
            };
            entries.push(Entry {
                account: u32::try_from(at).unwrap_or(u32::MAX),
                gpu_hours: day.gpu_hours,
                costs: Costs {
                    gpu,
                    ..Costs::default()
                },
            });
        }
    }
    (days, unpriced)
}

/// The dates of a window.
fn dates(window: Window, zone: &TimeZone) -> impl Iterator<Item = Date> {
    let date = |at: jiff::Timestamp| at.to_zoned(zone.clone()).date();
    let end = window.end;
    let zone = zone.clone();
    let begins = move |date: &Date| date.to_zoned(zone.clone()).is_ok_and(|at| at.timestamp() < end);
    date(window.start).series(Span::new().days(1)).take_while(begins)
}

/// The part of a day that lies in the plan's window.
fn within(date: Date, zone: &TimeZone, window: Window) -> Option<Window> {
    let start = date.to_zoned(zone.clone()).ok()?.timestamp();
    let end = date
        .checked_add(Span::new().days(1))
        .ok()?
        .to_zoned(zone.clone())
        .ok()?
        .timestamp();
    let (start, end) = (start.max(window.start), end.min(window.end));
    (start < end).then_some(Window { start, end })
}
