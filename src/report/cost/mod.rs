//! The cost report as text: a table for a terminal, Markdown for a review, CSV and JSON for programs, and the columns of FOCUS.

mod csv;
mod focus;
#[cfg(test)]
mod tests;

use jiff::tz::TimeZone;

use crate::finops::cost::{Columns, Correction, CostReport, CostRow};
use crate::model::amount::Amount;
use crate::model::ledger::ToldBy;
use crate::model::units::Monthly;

use super::figures::{UNKNOWN, money, number, percent};
use super::ruled::ruled;
use super::safe::{self, plain};

pub use csv::csv;
pub use focus::focus;

/// How columns are called where people read them.
const HEADS: [&str; Columns::COUNT] = [
    "GPU",
    "Unused GPU",
    "CPU, memory",
    "Storage",
    "Network",
    "Other",
    "Idle",
];

/// How a row is called whose cost is no pod's.
pub(super) fn holder_in_words(holder: &str, rows: usize) -> String {
    match holder {
        "idle" => "(idle: held by nobody)".to_owned(),
        "unmounted" => "(volumes that nobody mounts)".to_owned(),
        "shared" => "(shared)".to_owned(),
        "assets" => "(the cluster itself)".to_owned(),
        "unallocated" => "(unallocated)".to_owned(),
        "others" => format!("({rows} others)"),
        other => format!("({other})"),
    }
}

fn label(row: &CostRow, by: &[String]) -> Vec<String> {
    if let Some(holder) = &row.holder {
        let mut cells: Vec<String> = by
            .iter()
            .map(|key| {
                row.key
                    .get(key)
                    .cloned()
                    .flatten()
                    .map_or_else(String::new, |value| plain(&value))
            })
            .collect();
        let words = holder_in_words(holder, row.rows);
        match cells.iter_mut().find(|cell| cell.is_empty()) {
            Some(cell) => *cell = words,
            None => cells.push(words),
        }
        return cells;
    }
    by.iter()
        .map(|key| match row.key.get(key).cloned().flatten() {
            Some(value) if !value.is_empty() => plain(&value),
            _ => format!("(no {key})"),
        })
        .collect()
}

fn amount(amount: Amount, currency: &str) -> String {
    money(Monthly::new(amount.get()), currency)
}

fn cell(value: Amount, currency: &str) -> String {
    if value.is_zero() {
        "-".to_owned()
    } else {
        amount(value, currency)
    }
}

/// A change as people read it: `+12%`, `-3%`, `new`.
fn change(row: &CostRow) -> String {
    match (row.change, row.previous) {
        (Some(change), _) if change.abs() < 0.005 => "same".to_owned(),
        (Some(change), _) if change >= 10.0 => format!("{} times", number((change + 1.0).round())),
        (Some(change), _) => format!("{:+.0}%", change * 100.0),
        (None, Some(before)) if before.is_zero() && row.total.get() > 0.0 => "new".to_owned(),
        (None, _) => UNKNOWN.to_owned(),
    }
}

/// Which columns have anything in them.
fn shown(report: &CostReport) -> Vec<usize> {
    let all = report.total.columns.all();
    let any = |at: &usize| !all[*at].is_zero() || report.rows.iter().any(|row| !row.columns.all()[*at].is_zero());
    (0..Columns::COUNT).filter(any).collect()
}

/// The place of the column of all else.
const OTHER: usize = 5;

/// Columns that a terminal has no room for: those under a hundredth of everything stand in that of all else, if there is one.
fn small(report: &CostReport) -> Vec<usize> {
    let all = report.total.columns.all();
    let is_small = |at: &usize| all[*at].get().abs() < 0.01 * report.total.total.get().abs() && *at != OTHER;
    let others = [3, 4].into_iter().filter(is_small);
    if all[OTHER].is_zero() {
        Vec::new()
    } else {
        others.collect()
    }
}

struct Sheet {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    texts: usize,
}

/// The cells of a report, which a terminal and Markdown share.
fn sheet(report: &CostReport, narrow: bool) -> Sheet {
    let columns = shown(report);
    let folded = if narrow { small(report) } else { Vec::new() };
    let columns: Vec<usize> = columns.into_iter().filter(|at| !folded.contains(at)).collect();
    let currency = &report.currency;
    let hours = |row: &CostRow| row.measures.gpu_hours.filter(|hours| *hours > 0.0);
    let has_hours = report.rows.iter().any(|row| hours(row).is_some());
    let has_tokens = report.total.measures.tokens.is_some();
    let mut head: Vec<String> = report.by.iter().map(|key| title(key)).collect();
    let texts = head.len();
    head.extend(columns.iter().map(|at| HEADS[*at].to_owned()));
    head.extend(["Total", "Share", "Change"].map(str::to_owned));
    if has_hours {
        head.extend(["GPU hours", "Busy hour"].map(str::to_owned));
    }
    if has_tokens {
        head.push("1M tokens".to_owned());
    }
    let rows = report.rows.iter().map(|row| (label(row, &report.by), row));
    let mut of_total = vec![String::new(); report.by.len().max(1)];
    "Total".clone_into(&mut of_total[0]);
    let rows = rows.chain([(of_total, &report.total)]).map(|(mut cells, row)| {
        cells.truncate(texts.max(1));
        let all = row.columns.all();
        let rest: Amount = folded.iter().map(|at| all[*at]).sum();
        let of = |at: &usize| if *at == OTHER { all[*at] + rest } else { all[*at] };
        cells.extend(columns.iter().map(|at| cell(of(at), currency)));
        cells.push(amount(row.total, currency));
        cells.push(percent(row.share));
        cells.push(change(row));
        let money = |value: Option<f64>| {
            value.map_or("-".to_owned(), |value| {
                super::figures::money(Monthly::new(value), currency)
            })
        };
        if has_hours {
            cells.push(hours(row).map_or_else(|| "-".to_owned(), |hours| number(hours.round())));
            cells.push(money(row.measures.per_busy_gpu_hour));
        }
        if has_tokens {
            cells.push(money(row.measures.per_million_tokens));
        }
        cells
    });
    Sheet {
        head,
        rows: rows.collect(),
        texts,
    }
}

fn title(key: &str) -> String {
    let plain = plain(key);
    let mut letters = plain.chars();
    match (plain.contains(':'), letters.next()) {
        (false, Some(first)) if plain == "gpu" => first.to_uppercase().chain("PU".chars()).collect(),
        (false, Some(first)) => first.to_uppercase().chain(letters).collect(),
        _ => plain,
    }
}

fn span(window: crate::model::time::Window, zone: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let date = |second: i64| {
        let at = jiff::Timestamp::from_second(second).unwrap_or(window.end);
        at.to_zoned(zone.clone()).date()
    };
    let (first, last) = (date(window.start.as_second()), date(window.end.as_second() - 1));
    format!("{first} to {last}")
}

/// What a reader must know of the figures, a sentence a line.
fn remarks(report: &CostReport) -> Vec<String> {
    let mut lines = Vec::new();
    let currency = &report.currency;
    let outstanding = report.composition.iter().filter_map(|row| row.stands_out.clone());
    let outstanding: Vec<String> = outstanding.collect();
    if !outstanding.is_empty() {
        lines.push(format!("Stands out: {}.", outstanding.join("; ")));
    }
    let reconciliation = &report.reconciliation;
    let told = exact(reconciliation.source_total, currency);
    lines.push(match report.told_by {
        ToldBy::Prices => {
            format!("By the prices of nodes that is {told} for these days, GPUs that nobody held included.")
        }
        by => format!("{} says {told} for these days, idle and shared included.", by.name()),
    });
    let told = |step: &&Correction| step.amount.cents() != 0 || step.moved.cents() != 0;
    for step in reconciliation.corrections.iter().filter(told) {
        let what = plain(&step.what);
        if step.amount.is_zero() {
            lines.push(format!(
                "  ({} of it stand elsewhere here: {what})",
                exact(step.moved, currency)
            ));
        } else {
            lines.push(format!("  {} {what}", signed(step.amount, currency)));
        }
    }
    lines.push(format!("  = {} in this report.", exact(reconciliation.total, currency)));
    if let Some(list) = report.total.list {
        let here = report.total.columns.gpu + report.total.columns.unused + report.total.idle_gpu;
        lines.push(format!(
            "GPU nodes cost {} as they are paid, and would cost {} at list prices.",
            amount(here, currency),
            amount(list, currency)
        ));
    }
    if let Some(share) = report.total.measures.measured_share.filter(|share| *share < 0.995) {
        lines.push(format!(
            "How busy GPUs were was measured for {} of their hours.",
            percent(Some(share))
        ));
    }
    let unusual = report.anomalies.iter().map(|one| super::budget::unusual(one, currency));
    lines.extend(unusual.map(|one| format!("Unusual: {one}.")));
    lines.extend(report.notes.iter().map(|note| format!("Note: {}.", plain(note))));
    lines
}

/// To the cent.
fn exact(amount: Amount, currency: &str) -> String {
    let text = format!("{:.2}", Amount::from_cents(amount.cents()).get());
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, "00"));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match currency {
        "USD" => format!("{sign}${grouped}.{rest}"),
        other => format!("{sign}{grouped}.{rest} {}", plain(other)),
    }
}

fn signed(amount: Amount, currency: &str) -> String {
    let text = exact(amount, currency);
    if amount.is_negative() { text } else { format!("+{text}") }
}

fn headline(report: &CostReport) -> String {
    let compared = match (report.total.change, report.total.previous) {
        (Some(_), _) => format!(
            ", {} a day against {}",
            match change(&report.total) {
                same if same == "same" => "the same".to_owned(),
                many if many.ends_with(" times") => format!("{many} as much"),
                other => other,
            },
            span(report.before, &report.timezone)
        ),
        _ => String::new(),
    };
    format!(
        "{}: {} from {} ({} of {} days told by {}){compared}.",
        plain(&report.cluster),
        amount(report.total.total, &report.currency),
        span(report.period, &report.timezone),
        report.days.told,
        report.days.asked,
        match report.told_by {
            ToldBy::Prices => "the history of GPUs",
            by => by.name(),
        }
    )
}

/// The report as a table for a terminal of this width.
pub fn table(report: &CostReport, width: u16) -> String {
    let sheet = sheet(report, true);
    let mut text = format!("{}\n\n", headline(report));
    text.push_str(&ruled(&sheet.head, sheet.rows, sheet.texts, width.max(60)));
    text.push('\n');
    for line in remarks(report) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The report as Markdown.
pub fn markdown(report: &CostReport) -> String {
    let sheet = sheet(report, false);
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| safe::markdown(cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut text = format!("{}\n\n", safe::markdown(&headline(report)));
    text.push_str(&line(&sheet.head));
    let rules = (0..sheet.head.len()).map(|at| if at < sheet.texts { "---" } else { "---:" });
    text.push_str(&format!("| {} |\n", rules.collect::<Vec<_>>().join(" | ")));
    for row in &sheet.rows {
        text.push_str(&line(row));
    }
    text.push('\n');
    for remark in remarks(report) {
        let (indent, remark) = match remark.strip_prefix("  ") {
            Some(rest) => ("  - ", rest.to_owned()),
            None => ("- ", remark),
        };
        text.push_str(&format!("{indent}{}\n", safe::markdown(&remark)));
    }
    text
}

/// The report as JSON.
///
/// # Errors
/// When it cannot be written as such.
pub fn json(report: &CostReport) -> Result<String, serde_json::Error> {
    Ok(safe::json(&serde_json::to_string_pretty(report)?) + "\n")
}
