//! Budgets and unusual days as text: a table for a terminal, Markdown for a review, JSON for programs.

use serde::Serialize;

use super::figures::{UNKNOWN, money, number};
use super::ruled::ruled;
use super::safe::{self, plain};
use crate::model::finops::{Anomaly, AnomalyKind, BudgetRow, BudgetStatus, Finops};
use crate::model::ledger::ToldBy;
use crate::model::plan::{API_VERSION, Plan};
use crate::model::scenario::Interval;
use crate::model::time::Window;
use crate::model::units::{Money, Monthly};

/// Columns of the table.
const WIDTH: u16 = 130;

const HEADS: [&str; 8] = [
    "Budget",
    "For",
    "Status",
    "Of",
    "Spent",
    "Projected",
    "Forecast",
    "Runs out",
];

fn amount(value: f64, currency: &str) -> String {
    money(Monthly::new(value), currency)
}

fn maybe(value: Option<Money>, currency: &str) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| amount(value.get(), currency))
}

/// A status as it is printed.
pub(super) fn status(status: BudgetStatus) -> &'static str {
    match status {
        BudgetStatus::Ok => "OK",
        BudgetStatus::Warning => "WARNING",
        BudgetStatus::Critical => "CRITICAL",
        BudgetStatus::Unknown => "UNKNOWN",
    }
}

fn interval(figure: &Interval, currency: &str) -> String {
    let Some(mid) = figure.mid else {
        return UNKNOWN.to_owned();
    };
    match (figure.low, figure.high) {
        (Some(low), Some(high)) => format!(
            "{} ({} to {})",
            amount(mid, currency),
            amount(low, currency),
            amount(high, currency)
        ),
        _ => amount(mid, currency),
    }
}

fn cells(row: &BudgetRow, currency: &str, month: bool) -> [String; 8] {
    [
        match month {
            true => format!("{} ({})", plain(&row.name), plain(&row.month)),
            false => plain(&row.name),
        },
        plain(&row.scope),
        status(row.status).to_owned(),
        maybe(row.amount, currency),
        format!(
            "{} in {} of {} days",
            maybe(row.spent, currency),
            number((row.elapsed_days * 10.0).round() / 10.0),
            number(row.days.round())
        ),
        maybe(row.projected, currency),
        interval(&row.forecast, currency),
        match (row.status, row.runs_out) {
            (_, Some(date)) => date.to_string(),
            (BudgetStatus::Unknown, None) => UNKNOWN.to_owned(),
            (_, None) => "-".to_owned(),
        },
    ]
}

/// An anomaly in a sentence.
pub(super) fn unusual(one: &Anomaly, currency: &str) -> String {
    let days = if one.first == one.last {
        format!("on {}", one.first)
    } else {
        format!("from {} to {}", one.first, one.last)
    };
    let cost = amount(one.cost.get(), currency);
    let who = plain(&one.who);
    match one.kind {
        AnomalyKind::NewSpender => format!("{who} is new: {cost} {days}, and nothing before"),
        AnomalyKind::Spike => {
            let causes: Vec<String> = one
                .causes
                .iter()
                .map(|cause| {
                    let what = match cause.what.as_str() {
                        "quantity" => "more GPU hours",
                        "price" => "a higher price",
                        other => other,
                    };
                    format!("{} for {what}", amount(cause.amount.get(), currency))
                })
                .collect();
            let causes = if causes.is_empty() {
                String::new()
            } else {
                format!(": {}", causes.join(", "))
            };
            format!(
                "{who} cost {cost} {days}, where {} was to be expected{causes}",
                interval(&one.expected, currency)
            )
        }
    }
}

fn lines(plan: &Plan, told: &Finops) -> Vec<String> {
    let mut lines = Vec::new();
    for row in &told.budgets {
        lines.extend(
            row.notes
                .iter()
                .map(|note| format!("{}: {}.", plain(&row.name), plain(note))),
        );
    }
    lines.extend(
        told.anomalies
            .iter()
            .map(|one| format!("Unusual: {}.", unusual(one, &plan.currency))),
    );
    lines
}

/// The month, where all budgets are of one; others say theirs in their names.
fn in_month(told: &Finops) -> String {
    let mut months: Vec<&str> = told.budgets.iter().map(|row| row.month.as_str()).collect();
    months.dedup();
    match months[..] {
        [month] => format!(" in {month}"),
        _ => String::new(),
    }
}

/// What the columns mean, in a line.
const LEGEND: &str = "Projected is spend per elapsed day times the days of the month, and tells the status once a day is over: over the budget \
    WARNING, over 110 % of it CRITICAL. Forecast goes by the days of the week, with an interval of 90 %.";

/// Budgets as a table for a terminal.
pub fn table(plan: &Plan, told: &Finops) -> String {
    let apart = in_month(told).is_empty();
    let rows = told
        .budgets
        .iter()
        .map(|row| cells(row, &plan.currency, apart).to_vec())
        .collect();
    let clusters = plan.coverage.clusters.join(", ");
    let mut text = format!("{}{}\n\n", plain(&clusters), in_month(told));
    text.push_str(&ruled(&HEADS.map(str::to_owned), rows, 3, WIDTH));
    text.push_str(&format!("\n{LEGEND}\n"));
    for line in lines(plan, told) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// Budgets as Markdown.
pub fn markdown(plan: &Plan, told: &Finops) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| safe::markdown(cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let apart = in_month(told).is_empty();
    let clusters = plan.coverage.clusters.join(", ");
    let mut text = format!("**{}{}**\n\n", safe::markdown(&plain(&clusters)), in_month(told));
    text.push_str(&line(&HEADS.map(str::to_owned)));
    text.push_str("| --- | --- | --- | ---: | ---: | ---: | ---: | --- |\n");
    for row in &told.budgets {
        text.push_str(&line(&cells(row, &plan.currency, apart)));
    }
    text.push_str(&format!("\n{LEGEND}\n\n"));
    for line in lines(plan, told) {
        text.push_str(&format!("- {}\n", safe::markdown(&line)));
    }
    text
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    clusters: &'a [String],
    currency: &'a str,
    as_of: jiff::Timestamp,
    /// Who told what days cost.
    told_by: ToldBy,
    window: Window,
    budgets: &'a [BudgetRow],
    anomalies: &'a [Anomaly],
    days_judged: usize,
}

/// Budgets as JSON.
///
/// # Errors
/// When they cannot be written as such.
pub fn json(
    (plan, told_by, now): (&Plan, ToldBy, jiff::Timestamp),
    told: &Finops,
) -> Result<String, serde_json::Error> {
    let document = Document {
        api_version: API_VERSION,
        kind: "BudgetReport",
        clusters: &plan.coverage.clusters,
        currency: &plan.currency,
        as_of: now,
        told_by,
        window: plan.window,
        budgets: &told.budgets,
        anomalies: &told.anomalies,
        days_judged: told.days_judged,
    };
    Ok(safe::json(&serde_json::to_string_pretty(&document)?) + "\n")
}
