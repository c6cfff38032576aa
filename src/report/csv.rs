//! The changes of a plan for a spreadsheet: a line for each that is accepted, to be tried out or held back.
//!
//! As RFC 4180 has it: lines end in CRLF, and what holds a comma or a quote is quoted. Figures are plain numbers, and empty where
//! they are not known. Text that a spreadsheet would take for a formula (it begins with `=`, `+`, `-` or `@`) begins with an
//! apostrophe, which spreadsheets read as "what follows is text".

use serde_json::Value;

use crate::model::plan::{Plan, Proof, Row};

use super::names::{Names, change};
use super::proof::{level, service};
use super::safe::plain;
use super::worth::is_priced;

/// The columns. New ones come at the end.
const COLUMNS: [&str; 30] = [
    "list",
    "rank",
    "id",
    "subject_kind",
    "cluster",
    "namespace",
    "name",
    "owner",
    "levers",
    "title",
    "change",
    "currency",
    "leaves_bill_monthly",
    "frees_capacity_monthly",
    "saving_monthly",
    "saving_monthly_low",
    "saving_monthly_high",
    "alone_monthly",
    "frees_gpus",
    "service",
    "proof",
    "scored_days",
    "confidence",
    "risk",
    "needs_human",
    "rollback",
    "held_by",
    "held_until",
    "decision",
    "experiment",
];

/// A cell.
enum Cell {
    /// What somebody wrote.
    Text(String),
    /// A figure; `None` where it is not known.
    Figure(Option<f64>),
}

/// The lines, header first.
pub fn csv(plan: &Plan) -> String {
    let names = Names::new(plan);
    let mut text = line(COLUMNS.iter().map(|column| (*column).to_owned()));
    for (list, rows) in [
        ("accepted", &plan.accepted),
        ("experiments", &plan.experiments),
        ("held_back", &plan.held_back),
    ] {
        for (at, row) in rows.iter().enumerate() {
            text.push_str(&line(cells(plan, &names, (list, at + 1), row).into_iter().map(written)));
        }
    }
    text
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.map(quoted).collect();
    format!("{}\r\n", cells.join(","))
}

fn quoted(cell: String) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

fn written(cell: Cell) -> String {
    match cell {
        Cell::Figure(figure) => figure
            .filter(|figure| figure.is_finite())
            .map_or_else(String::new, |figure| (figure + 0.0).to_string()),
        Cell::Text(text) => {
            let text = plain(&text);
            match text.starts_with(['=', '+', '-', '@']) {
                true => format!("'{text}"),
                false => text,
            }
        }
    }
}

fn cells(plan: &Plan, names: &Names<'_>, (list, rank): (&str, usize), row: &Row) -> [Cell; COLUMNS.len()] {
    let text = |text: &str| Cell::Text(text.to_owned());
    let priced = is_priced(plan, row);
    let money = |amount: Option<f64>| Cell::Figure(amount.filter(|_| priced));
    let saving = &row.saving;
    let workload = names.workload(&row.subject);
    let scored = row.replay.as_ref().and_then(|replay| replay.get("scored_days"));
    let held = row.held_by.as_ref();
    let proof = match row.proof {
        Proof::Replayed => "replayed",
        Proof::Arithmetic => "arithmetic",
        Proof::None => "none",
    };
    [
        text(list),
        Cell::Figure(Some(rank as f64)),
        text(&row.id),
        text(&row.subject.kind),
        text(workload.map_or("", |workload| &workload.cluster)),
        text(workload.map_or("", |workload| &workload.namespace)),
        text(workload.map_or(row.subject.id.as_str(), |workload| &workload.name)),
        text(workload.and_then(|workload| workload.owner.as_deref()).unwrap_or("")),
        Cell::Text(row.levers.join(" ")),
        text(&row.title),
        Cell::Text(change(row)),
        text(&plan.currency),
        money(Some(saving.leaves_bill_monthly.get())),
        money(Some(saving.frees_capacity_monthly.get())),
        money(saving.monthly.mid),
        money(saving.monthly.low),
        money(saving.monthly.high),
        money(Some(saving.alone_monthly.get())),
        Cell::Figure(Some(saving.frees_gpus.get())),
        Cell::Text(row.service.as_ref().map_or_else(String::new, |_| service(row))),
        text(proof),
        Cell::Figure(scored.and_then(Value::as_f64)),
        text(level(row.confidence)),
        text(level(row.risk)),
        Cell::Text(row.needs_human.join("; ")),
        text(&row.rollback),
        Cell::Text(held.map_or_else(String::new, |by| format!("{} ({})", by.rule, by.place))),
        text(held.and_then(|by| by.until.as_deref()).unwrap_or("")),
        text(row.decision.as_ref().map_or("", |decided| &decided.decision)),
        text(row.experiment.as_deref().unwrap_or("")),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    /// What a reader of RFC 4180 finds.
    fn read(text: &str) -> Vec<Vec<String>> {
        let mut reader = ::csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(text.as_bytes());
        let record = |record: Result<::csv::StringRecord, _>| record.unwrap().iter().map(str::to_owned).collect();
        reader.records().map(record).collect()
    }

    #[test]
    fn every_change_is_a_line_with_its_list() {
        let plan = sample::plan();
        let lines = read(&csv(&plan));
        let lists: Vec<&str> = lines.iter().map(|line| line[0].as_str()).collect();
        assert_eq!(lists, ["list", "accepted", "accepted", "experiments", "held_back"]);
        assert_eq!(lines[0], COLUMNS);
        let at = |name: &str| COLUMNS.iter().position(|column| *column == name).unwrap();
        assert_eq!(lines[1][at("leaves_bill_monthly")], "80000");
        assert_eq!(lines[1][at("saving_monthly_low")], "");
        assert_eq!(lines[4][at("held_by")], "frozen until the release (policy.yaml:12)");
    }

    #[test]
    fn what_is_not_known_is_empty_and_not_nothing() {
        let lines = read(&csv(&sample::unpriced()));
        let money = COLUMNS
            .iter()
            .position(|column| *column == "leaves_bill_monthly")
            .unwrap();
        assert!((money..money + 6).all(|at| lines[1][at].is_empty()), "{:?}", lines[1]);
    }

    #[test]
    fn no_text_is_a_formula_or_ends_its_line() {
        for hostile in ["=cmd|'/c calc'!A1", "+1", "-1", "@x", "\t=1", "a\r\n\"b\",c", "  =2"] {
            let mut plan = sample::plan();
            plan.workloads[0].name = hostile.to_owned();
            plan.accepted[0].title = hostile.to_owned();
            let text = csv(&plan);
            let lines = read(&text);
            assert_eq!(lines.len(), 5, "{text}");
            let title = &lines[1][9];
            assert!(!title.starts_with(['=', '+', '-', '@', '\t']), "{title}");
        }
    }
}
