//! The cost report: whose money it was, by whatever people ask, in rows that add up to what the cost source says, with every
//! correction in a row of its own.

mod columns;
mod corrections;
mod group;
mod key;
mod laid;
mod line;
mod nodes;
mod names;
mod round;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use serde::Serialize;

use crate::catalog::Catalog;
use crate::engine::Scope;
use crate::model::amount::Amount;
use crate::model::coverage::GapRow;
use crate::model::finops::{Anomaly, CompositionRow};
use crate::model::gap::{UNKNOWN_OF_FAILED_DAYS, UNKNOWN_WITHOUT_LEDGER};
use crate::model::ledger::{Ledger, LedgerDay, ToldBy};
use crate::model::plan::{API_VERSION, Plan};
use crate::model::snapshot::GpuNode;
use crate::model::time::{Window, dates_in_words};
use crate::policy::attribution::Attribution;

pub use columns::Columns;
pub use corrections::{Correction, Reconciliation};
pub use group::{CostRow, Measures};
pub use key::{KEYS, Key};
pub use line::{Line, in_scope, lines};
pub use names::Names;

use super::composition;

/// Hours that a whole day has at least: clocks change, and the edges of data are known to some minutes.
pub(crate) const WHOLE_DAY: f64 = 22.5;

/// What a report is made of.
#[derive(Debug, Clone, Copy)]
pub struct Books<'a> {
    /// Workloads with their history, and what was not seen.
    pub plan: &'a Plan,
    /// GPU nodes that exist, with their prices.
    pub nodes: &'a [GpuNode],
    /// What each day cost.
    pub ledger: &'a Ledger,
    /// Whose workloads are.
    pub attribution: &'a Attribution,
    /// Facts of instance types.
    pub catalog: &'a Catalog,
    /// The time zone of days.
    pub zone: &'a TimeZone,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The span.
    pub period: Window,
    /// The span that it is compared with.
    pub before: Window,
    /// By what rows are made.
    pub by: Vec<Key>,
    /// Whose cost is asked about.
    pub scope: Scope,
    /// Most rows; the rest is one row.
    pub limit: Option<usize>,
}

/// A cost report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CostReport {
    /// `gpuwise/v1alpha1`.
    #[serde(rename = "apiVersion")]
    pub api_version: &'static str,
    /// `CostReport`.
    pub kind: &'static str,
    /// The cluster.
    pub cluster: String,
    /// The currency of every amount.
    pub currency: String,
    /// The time zone of days.
    pub timezone: String,
    /// Who told what days cost.
    pub told_by: ToldBy,
    /// The span.
    pub period: Window,
    /// Days in it, and of how many of them the source told.
    pub days: Days,
    /// The span that it is compared with, and its days.
    pub before: Window,
    /// Days in that.
    pub days_before: Days,
    /// By what rows are made.
    pub by: Vec<String>,
    /// The rows, the most expensive first; the last may be many together.
    pub rows: Vec<CostRow>,
    /// All of them.
    pub total: CostRow,
    /// From what the source says to the total.
    pub reconciliation: Reconciliation,
    /// What money goes for, beside the usual shares.
    pub composition: Vec<CompositionRow>,
    /// Days on which somebody spent far more than was to be expected.
    pub anomalies: Vec<Anomaly>,
    /// What a reader must know: days without data, figures that are missing.
    pub notes: Vec<String>,
}

/// Days of a span.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Days {
    /// How many there are.
    pub asked: usize,
    /// Of how many the source told.
    pub told: usize,
    /// The hours of these: the last day may not be over.
    pub hours: f64,
}

/// Why there is no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoReport {
    /// No day of the span has data.
    #[error(
        "there is no cost data from {from} to {to}: the cost source tells of {known}. Ask for a span that it has, with --window, \
         --until or --month"
    )]
    NoData {
        /// Its beginning.
        from: Date,
        /// Its last day.
        to: Date,
        /// What there is.
        known: String,
    },
}

impl Books<'_> {
    /// Why nobody told what days cost, where one was asked and did not.
    pub(super) fn why_no_ledger(&self) -> Option<String> {
        let gap = self.gap(UNKNOWN_WITHOUT_LEDGER)?;
        Some(format!("the cost source did not tell what days cost ({})", gap.why))
    }

    /// What days the source failed to tell of, and why.
    fn untold_days(&self) -> Option<String> {
        let gap = self.gap(UNKNOWN_OF_FAILED_DAYS)?;
        Some(format!("not known is {}: {}", gap.what, gap.why))
    }

    fn gap(&self, what: &str) -> Option<&GapRow> {
        self.plan.coverage.gaps.iter().find(|gap| gap.what.starts_with(what))
    }

    /// Days of a span, by what they are called in the time zone: a source may keep them on another grid.
    pub(super) fn days_in(&self, span: Window) -> impl Iterator<Item = &LedgerDay> {
        let (first, last) = self.dates(span);
        self.ledger
            .days
            .iter()
            .filter(move |day| (first..=last).contains(&self.date(day)))
    }

    /// The first and the last date of a span.
    fn dates(&self, span: Window) -> (Date, Date) {
        let date = |at: Timestamp| at.to_zoned(self.zone.clone()).date();
        let last = Timestamp::from_second(span.end.as_second() - 1).unwrap_or(span.end);
        (date(span.start), date(last.max(span.start)))
    }

    /// Dates of a span of which nobody told.
    fn untold(&self, span: Window) -> Vec<Date> {
        let told: BTreeSet<Date> = self
            .days_in(span)
            .filter(|day| day.told)
            .map(|day| self.date(day))
            .collect();
        let (first, last) = self.dates(span);
        let all = first.series(Span::new().days(1)).take_while(|date| *date <= last);
        all.filter(|date| !told.contains(date)).collect()
    }

    fn days(&self, span: Window) -> Days {
        let told = self.days_in(span).filter(|day| day.told);
        let (dates, hours) = told.fold((BTreeSet::new(), 0.0), |(mut dates, hours), day| {
            dates.insert(self.date(day));
            (dates, hours + day.window.hours())
        });
        Days {
            asked: dates.len() + self.untold(span).len(),
            told: dates.len(),
            hours,
        }
    }

    /// Whether a ledger's day is over at a moment: it ends by then, or the date in the time zone that it stands for does.
    pub(super) fn is_over(&self, day: &LedgerDay, at: Timestamp) -> bool {
        let date_ends = || {
            let next = self.date(day).tomorrow().ok()?;
            Some(next.to_zoned(self.zone.clone()).ok()?.timestamp())
        };
        day.window.end <= at || date_ends().is_some_and(|end| end <= at)
    }

    /// The date on which a ledger's day is, in the time zone of days.
    pub(super) fn date(&self, day: &LedgerDay) -> Date {
        // Days of UTC begin at another hour than the zone's: the middle of both is the same day. Of a day that was cut, that is the
        // middle of the whole day: the first was cut at its beginning, others at their end.
        let length = day.window.end.duration_since(day.window.start);
        let half = if day.window.hours() >= WHOLE_DAY {
            length / 2
        } else {
            SignedDuration::from_hours(12)
        };
        let is = |other: Option<&LedgerDay>| other.is_some_and(|other| other.window == day.window);
        let days = &self.ledger.days;
        let middle = match (is(days.first()), is(days.last())) {
            (true, true) => day.window.start + length / 2,
            (true, false) => day.window.end - half,
            _ => day.window.start + half,
        };
        middle.to_zoned(self.zone.clone()).date()
    }
}

/// Makes the report.
///
/// # Errors
/// When no day of the span has data.
pub fn report(books: &Books<'_>, asked: &Asked) -> Result<CostReport, NoReport> {
    let days = books.days(asked.period);
    if days.told == 0 {
        return Err(no_data(books, asked.period));
    }
    let days_before = books.days(asked.before);
    let (now, corrections) = lines(books, asked.period, &asked.scope);
    let (then, _) = lines(books, asked.before, &asked.scope);
    let names = Names::new(books);
    let previous = group::sums(&then, &asked.by, &names);
    let mut groups = group::rows(&now, &asked.by, &names);
    group::compare(&mut groups, previous, (days, days_before));
    let total = group::total(&now, &then, (days, days_before));
    let (rows, total) = round::rounded(group::ranked(groups, asked.limit, &total), total);
    let partial = !asked.scope.is_everything();
    Ok(CostReport {
        api_version: API_VERSION,
        kind: "CostReport",
        cluster: books.plan.coverage.clusters.join(", "),
        currency: books.plan.currency.clone(),
        timezone: books.zone.iana_name().unwrap_or("UTC").to_owned(),
        told_by: books.ledger.told_by,
        period: asked.period,
        days,
        before: asked.before,
        days_before,
        by: asked.by.iter().map(Key::name).collect(),
        composition: composition_of(&total, days),
        reconciliation: corrections.settled(partial, total.total),
        anomalies: Vec::new(),
        notes: notes(books, asked, days, days_before),
        rows,
        total,
    })
}

fn composition_of(total: &CostRow, days: Days) -> Vec<CompositionRow> {
    let columns = &total.columns;
    let per_month = |amount: Amount| crate::model::units::Hourly::new(amount.get() / days.hours.max(1.0)).monthly();
    let known = |amount: Amount| (!amount.is_zero()).then(|| per_month(amount));
    composition::composition(&crate::model::snapshot::ByCategory {
        gpu: per_month(columns.gpu + columns.unused + total.idle_gpu),
        storage: known(columns.storage),
        network: known(columns.network),
        other: known(columns.compute + columns.other + columns.idle - total.idle_gpu),
    })
}

fn no_data(books: &Books<'_>, span: Window) -> NoReport {
    let date = |at: Timestamp| at.to_zoned(books.zone.clone()).date();
    let told: Vec<Date> = books
        .ledger
        .days
        .iter()
        .filter(|day| day.told)
        .map(|day| books.date(day))
        .collect();
    let known = match (told.first(), told.last()) {
        (Some(first), Some(last)) => format!("{} days from {first} to {last}", told.len()),
        _ => "none".to_owned(),
    };
    let last = span.end.as_second().saturating_sub(1).max(span.start.as_second());
    NoReport::NoData {
        from: date(span.start),
        to: date(Timestamp::from_second(last).unwrap_or(span.end)),
        known,
    }
}

fn notes(books: &Books<'_>, asked: &Asked, days: Days, before: Days) -> Vec<String> {
    let mut notes = Vec::new();
    if days.told < days.asked {
        notes.push(format!(
            "{} of {} days have no data ({}): figures are of the others, and nothing is filled in",
            days.asked - days.told,
            days.asked,
            dates_in_words(books.untold(asked.period))
        ));
    }
    if before.told == 0 {
        notes.push("of the span before there is no data, so that nothing is compared".to_owned());
    }
    let unpriced: u32 = books.days_in(asked.period).map(|day| day.unpriced).sum();
    let by_prices = books.ledger.told_by == ToldBy::Prices;
    if unpriced > 0 && by_prices {
        notes.push(format!(
            "{unpriced} times a workload held GPUs without a price for a day: neither cost nor hours of these are in the total"
        ));
    } else if unpriced > 0 {
        notes.push(format!(
            "{unpriced} figures were null, counted by the day, and are not in the total"
        ));
    }
    if by_prices {
        notes.push(format!(
            "{}: these are GPUs that were held, at the prices of their nodes; CPUs, volumes and traffic are unknown, and what no pod \
             held is spread evenly over the days",
            books.why_no_ledger().as_deref().unwrap_or("no cost source told")
        ));
    }
    notes.extend(books.untold_days());
    if asked.by.contains(&Key::Node) && books.ledger.told_by == ToldBy::Prices {
        notes.push("by node nothing is known without a cost source".to_owned());
    }
    notes
}
