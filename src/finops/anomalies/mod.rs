//! Days on which somebody spent far more than such days cost before, and who spent for the first time.
//!
//! A day is held against the same day of the week in the weeks before it, so that weekends and month's batch runs are no surprise:
//! the baseline is their median, which one odd week does not move. It is a spike where it is at least `TIMES` the baseline,
//! beyond `DEVIATIONS` robust standard deviations of all such comparisons before it (1.4826 times the median deviation), beyond a
//! floor of what is worth anybody's time, and no day more than a week before cost nearly as much.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{Span, Timestamp};

use crate::finops::cost::{Books, Line, Names, WHOLE_DAY};
use crate::model::finops::{Anomaly, AnomalyKind, Cause};
use crate::model::runs::is_run;
use crate::model::scenario::Interval;
use crate::model::units::{Money, to_cents};

/// A spike is so many times its baseline at least.
const TIMES: f64 = 1.5;

/// A day more than a week before that cost so much of it makes it no surprise.
const ALIKE: f64 = 0.8;

/// And beyond so many robust standard deviations.
const DEVIATIONS: f64 = 4.0;

/// And more than the baseline by this share of what everything costs on a day.
const SHARE_OF_ALL: f64 = 0.005;

/// Weeks before a day that it is held against.
const WEEKS: i64 = 4;

/// Whole days before a day without which nobody can tell whether it is unusual.
pub const LEAST_DAYS: usize = 14;

/// Days up to the last one in which anomalies are looked for: what is older was reported when it was new.
const RECENT: i64 = 14;

/// What a spender did on a day.
#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    cost: f64,
    gpu: f64,
    gpu_hours: f64,
}

type Days = BTreeMap<Date, Spent>;

/// The anomalies of the last days until `end` that the ledger tells of, the largest excess first, and how many days were looked at.
pub fn anomalies(books: &Books<'_>, lines: &[Line<'_>], end: Timestamp) -> (Vec<Anomaly>, usize) {
    let names = Names::new(books);
    let told: BTreeSet<Date> = books
        .ledger
        .days
        .iter()
        .filter(|day| day.told && day.window.hours() >= WHOLE_DAY && books.is_over(day, end))
        .map(|day| books.date(day))
        .collect();
    let Some(last) = told.last().copied() else {
        return (Vec::new(), 0);
    };
    let recent = |day: &Date| *day > last.saturating_sub(Span::new().days(RECENT));
    let looked_at = told.iter().skip(LEAST_DAYS).filter(|day| recent(day)).count();
    if looked_at == 0 {
        return (Vec::new(), 0);
    }
    let mut spenders: BTreeMap<String, Days> = BTreeMap::new();
    let mut all = Days::new();
    for line in lines.iter().filter(|line| told.contains(&line.day)) {
        let Some(who) = spender(line, &names) else { continue };
        for days in [spenders.entry(who).or_default(), &mut all] {
            let day = days.entry(line.day).or_default();
            day.cost += line.columns.total().get();
            day.gpu += (line.columns.gpu + line.columns.unused).get();
            day.gpu_hours += line.gpu_hours;
        }
    }
    let floor = SHARE_OF_ALL * median(all.values().map(|day| day.cost).collect()).unwrap_or(0.0);
    let mut found = Vec::new();
    for (who, days) in &spenders {
        let unusual: Vec<(Date, Look)> = told
            .iter()
            .filter(|day| recent(day))
            .filter_map(|day| Some((*day, look(days, &told, *day, floor)?)))
            .collect();
        found.extend(runs(who, days, &unusual));
    }
    found.sort_by(|a, b| {
        b.excess
            .get()
            .total_cmp(&a.excess.get())
            .then_with(|| a.who.cmp(&b.who))
    });
    (found, looked_at)
}

/// Who spends: a workload, else what is nobody's by what it is.
fn spender(line: &Line<'_>, names: &Names<'_>) -> Option<String> {
    if let Some(row) = line.workload.map(|at| names.row(at)) {
        return Some(format!("{}/{}", row.namespace, row.name));
    }
    let account = line.account;
    // Runs have a name of their own each: together they are their namespace's.
    let lasting = account
        .kind
        .as_deref()
        .is_some_and(|kind| kind != "pod" && !is_run(kind));
    match (&account.namespace, &account.controller) {
        (Some(namespace), Some(name)) if lasting => Some(format!("{namespace}/{name}")),
        (Some(namespace), _) => Some(namespace.clone()),
        // What is idle changes as others do.
        _ => None,
    }
}

/// Why a day is unusual.
#[derive(Debug, Clone, Copy)]
struct Look {
    kind: AnomalyKind,
    expected: f64,
    spread: f64,
    before: Spent,
}

fn look(days: &Days, told: &BTreeSet<Date>, day: Date, floor: f64) -> Option<Look> {
    let today = days.get(&day).copied().unwrap_or_default();
    let earlier: Vec<Date> = told.range(..day).copied().collect();
    if earlier.len() < LEAST_DAYS {
        return None;
    }
    let first = days.iter().find(|(_, spent)| spent.cost > 0.0).map(|(day, _)| *day)?;
    let never = earlier
        .iter()
        .all(|day| days.get(day).is_none_or(|spent| spent.cost <= 0.0));
    // Who has begun stays new for a week, after which there is something to hold it against.
    let is_new = never
        || (first > *earlier.first()?
            && day < first.saturating_add(Span::new().days(7))
            && began_late(first, &earlier));
    if is_new {
        return (today.cost > floor).then_some(Look {
            kind: AnomalyKind::NewSpender,
            expected: 0.0,
            spread: 0.0,
            before: Spent::default(),
        });
    }
    let (expected, before) = baseline(days, told, day)?;
    // What comes every ten days, or on the first of the month, has come before.
    let week = day.saturating_sub(Span::new().days(6));
    if earlier
        .iter()
        .any(|day| *day < week && days.get(day).is_some_and(|spent| spent.cost >= ALIKE * today.cost))
    {
        return None;
    }
    let off =
        |day: &Date| Some((days.get(day).copied().unwrap_or_default().cost - baseline(days, told, *day)?.0).abs());
    let spread = 1.4826 * median(earlier.iter().filter_map(off).collect()).unwrap_or(0.0);
    let excess = today.cost - expected;
    let is_spike = today.cost >= TIMES * expected && excess > DEVIATIONS * spread && excess > floor;
    is_spike.then_some(Look {
        kind: AnomalyKind::Spike,
        expected,
        spread,
        before,
    })
}

/// Whether there were days enough before it on which it could have spent.
fn began_late(first: Date, earlier: &[Date]) -> bool {
    earlier.iter().filter(|day| **day < first).count() >= LEAST_DAYS
}

/// What the same day of the week cost in the weeks before: the median, and the figures of the week that it is.
fn baseline(days: &Days, told: &BTreeSet<Date>, day: Date) -> Option<(f64, Spent)> {
    let mut before: Vec<Spent> = (1..=WEEKS)
        .filter_map(|weeks| day.checked_sub(Span::new().weeks(weeks)).ok())
        .filter(|earlier| told.contains(earlier))
        .map(|earlier| days.get(&earlier).copied().unwrap_or_default())
        .collect();
    before.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    let expected = median(before.iter().map(|spent| spent.cost).collect())?;
    // Of an even number the median is between two weeks, and so are the figures behind it.
    let (lower, upper) = (*before.get((before.len() - 1) / 2)?, *before.get(before.len() / 2)?);
    let middle = Spent {
        cost: expected,
        gpu: f64::midpoint(lower.gpu, upper.gpu),
        gpu_hours: f64::midpoint(lower.gpu_hours, upper.gpu_hours),
    };
    Some((expected, middle))
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], upper)
    } else {
        upper
    })
}

/// Unusual days in a row, of one kind, are one anomaly.
fn runs(who: &str, days: &Days, unusual: &[(Date, Look)]) -> Vec<Anomaly> {
    let mut all: Vec<Anomaly> = Vec::new();
    let mut parts: Vec<(f64, f64, f64)> = Vec::new();
    for (day, look) in unusual {
        let spent = days.get(day).copied().unwrap_or_default();
        let (quantity, price) = split(spent, look.before);
        let follows = all
            .last()
            .is_some_and(|last| last.kind == look.kind && last.last.tomorrow().is_ok_and(|next| next == *day));
        if !follows {
            all.push(Anomaly {
                first: *day,
                last: *day,
                who: who.to_owned(),
                kind: look.kind,
                cost: Money::ZERO,
                expected: Interval {
                    low: Some(0.0),
                    mid: Some(0.0),
                    high: Some(0.0),
                },
                excess: Money::ZERO,
                causes: Vec::new(),
            });
            parts.push((0.0, 0.0, 0.0));
        }
        let (Some(anomaly), Some(part)) = (all.last_mut(), parts.last_mut()) else {
            continue;
        };
        anomaly.last = *day;
        anomaly.cost += Money::new(spent.cost);
        anomaly.excess += Money::new(spent.cost - look.expected);
        // 1.645 standard deviations hold nine in ten.
        let half = 1.645 * look.spread;
        let add = |sum: Option<f64>, value: f64| sum.map(|sum| sum + value);
        anomaly.expected = Interval {
            low: add(anomaly.expected.low, (look.expected - half).max(0.0)),
            mid: add(anomaly.expected.mid, look.expected),
            high: add(anomaly.expected.high, look.expected + half),
        };
        part.0 += quantity;
        part.1 += price;
        part.2 += spent.cost - look.expected - quantity - price;
    }
    for (anomaly, parts) in all.iter_mut().zip(parts) {
        settle(anomaly, parts);
    }
    all
}

/// Figures to the cent, and what caused the excess.
fn settle(anomaly: &mut Anomaly, (quantity, price, rest): (f64, f64, f64)) {
    anomaly.cost = anomaly.cost.to_cents();
    anomaly.excess = anomaly.excess.to_cents();
    anomaly.expected = Interval {
        low: anomaly.expected.low.map(to_cents),
        mid: anomaly.expected.mid.map(to_cents),
        high: anomaly.expected.high.map(to_cents),
    };
    let parts = match anomaly.kind {
        AnomalyKind::NewSpender => vec![("new", quantity + price + rest)],
        AnomalyKind::Spike => vec![("quantity", quantity), ("price", price), ("other cost", rest)],
    };
    let least = 0.05 * anomaly.excess.get().abs();
    let cause = |(what, amount): (&str, f64)| Cause {
        who: anomaly.who.clone(),
        what: what.to_owned(),
        amount: Money::new(amount).to_cents(),
    };
    let mut causes: Vec<Cause> = parts
        .into_iter()
        .filter(|(_, amount)| amount.abs() > least)
        .map(cause)
        .collect();
    causes.sort_by(|a, b| b.amount.get().total_cmp(&a.amount.get()));
    anomaly.causes = causes;
}

/// How much of a change is more hours at the price of before, and how much another price for the hours of now.
fn split(now: Spent, before: Spent) -> (f64, f64) {
    if now.gpu_hours <= 0.0 {
        return (-before.gpu, 0.0);
    }
    let price_now = now.gpu / now.gpu_hours;
    let price_before = if before.gpu_hours > 0.0 {
        before.gpu / before.gpu_hours
    } else {
        price_now
    };
    (
        (now.gpu_hours - before.gpu_hours) * price_before,
        (price_now - price_before) * now.gpu_hours,
    )
}
