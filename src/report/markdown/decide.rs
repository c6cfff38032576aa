//! `## Decide this week`: the changes at the top of the plan, in a table that fits a meeting.

use crate::model::plan::{Plan, Row};

use super::super::DECISIONS;
use super::super::figures::{UNKNOWN, count, maybe_money};
use super::super::groups::needs;
use super::super::names::{Names, change};
use super::super::proof::{proof, service};
use super::super::words::sentence;
use super::super::worth::{Worth, gpus_of, leaves_bill, overlap};
use super::{escaped, table_row};

const HEADER: &str = "\
| Workload | Owner | From → to | Leaves the bill | GPUs freed | Effect on service | Proof | Undo |
|---|---|---|--:|--:|---|---|---|
";

pub(super) fn section(plan: &Plan, names: &Names<'_>) -> String {
    let mut text = "## Decide this week\n\n".to_owned();
    if plan.accepted.is_empty() {
        text.push_str("No change can be proposed as it stands.\n");
        return text;
    }
    text.push_str(HEADER);
    let (now, later) = plan.accepted.split_at(plan.accepted.len().min(DECISIONS));
    for row in now {
        text.push_str(&table_row(&cells(plan, names, row)));
    }
    if let Some(overlap) = overlap(plan) {
        text.push_str(&format!("\nOverlap: {}.\n", escaped(&overlap)));
    }
    if !later.is_empty() {
        let worth = Worth::of(later.iter().map(|row| leaves_bill(plan, row)));
        text.push_str(&format!(
            "\n{} more, {} leaving the bill: `gpuwise analyze --format json` lists them under `accepted`.\n",
            count(later.len(), "row", "rows"),
            escaped(&worth.text(&plan.currency))
        ));
    }
    text.push_str(&before(names, now));
    text
}

fn cells(plan: &Plan, names: &Names<'_>, row: &Row) -> [String; 8] {
    [
        names.of(&row.subject),
        names.owner(&row.subject).unwrap_or_else(|| UNKNOWN.to_owned()),
        change(row),
        maybe_money(leaves_bill(plan, row), &plan.currency),
        gpus_of(row),
        service(row),
        proof(row),
        row.rollback.clone(),
    ]
}

/// What people must do before they merge.
fn before(names: &Names<'_>, rows: &[Row]) -> String {
    let needs = needs(names, rows);
    if needs.is_empty() {
        return String::new();
    }
    let lines: String = needs
        .iter()
        .map(|(need, whose)| format!("- **{}**: {}\n", escaped(&whose.join(", ")), escaped(&sentence(need))))
        .collect();
    format!("\nBefore you merge:\n\n{lines}")
}
