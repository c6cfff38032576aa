//! The cost report as CSV (RFC 4180): a line a row, figures as plain numbers, unknown as nothing.

use crate::finops::cost::{Columns, CostReport, CostRow};
use crate::report::safe::plain;

/// A cell of text that no spreadsheet takes for a formula: one that begins as formulas do gets an apostrophe before it, which is
/// how spreadsheets themselves mark text.
pub(in crate::report) fn text_cell(text: &str) -> String {
    let text = plain(text);
    match text.chars().next() {
        Some('=' | '+' | '-' | '@') => format!("'{text}"),
        _ => text,
    }
}

/// The report, the total as the last line.
///
/// # Errors
/// When it cannot be written as such.
pub fn csv(report: &CostReport) -> Result<String, ::csv::Error> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let mut head: Vec<String> = report.by.iter().map(|key| text_cell(key)).collect();
    head.push("holder".to_owned());
    head.extend(Columns::NAMES.map(str::to_owned));
    let measures = [
        "total",
        "share",
        "previous",
        "change",
        "gpu_hours",
        "busy_gpu_hours",
        "cost_per_busy_gpu_hour",
        "tokens",
        "cost_per_million_tokens",
        "list",
        "currency",
    ];
    head.extend(measures.map(str::to_owned));
    writer.write_record(&head)?;
    for row in &report.rows {
        writer.write_record(cells(report, row, row.holder.as_deref().unwrap_or_default()))?;
    }
    writer.write_record(cells(report, &report.total, "total"))?;
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn cells(report: &CostReport, row: &CostRow, holder: &str) -> Vec<String> {
    let maybe = |value: Option<f64>| {
        value
            .filter(|value| value.is_finite())
            .map_or(String::new(), |value| value.to_string())
    };
    let value = |key: &String| {
        row.key
            .get(key)
            .cloned()
            .flatten()
            .map_or(String::new(), |value| text_cell(&value))
    };
    let mut cells: Vec<String> = report.by.iter().map(value).collect();
    cells.push(holder.to_owned());
    cells.extend(row.columns.all().map(|amount| format!("{:.2}", amount.get())));
    let measures = &row.measures;
    cells.push(format!("{:.2}", row.total.get()));
    cells.push(maybe(row.share));
    cells.push(
        row.previous
            .map_or(String::new(), |before| format!("{:.2}", before.get())),
    );
    cells.push(maybe(row.change));
    cells.push(maybe(measures.gpu_hours));
    cells.push(maybe(measures.busy_gpu_hours));
    cells.push(maybe(measures.per_busy_gpu_hour));
    cells.push(maybe(measures.tokens));
    cells.push(maybe(measures.per_million_tokens));
    cells.push(row.list.map_or(String::new(), |list| format!("{:.2}", list.get())));
    cells.push(text_cell(&report.currency));
    cells
}
