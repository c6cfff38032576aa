//! What every lever says of one workload: changes first, then what it holds right, then what it cannot tell.

use serde_json::Value;

use crate::model::plan::{Plan, Row, SubjectRef, WorkloadRow};
use crate::model::scenario::Evidence;

use super::super::decided::decided_in_words;
use super::super::figures::{UNKNOWN, maybe_money, number, percent};
use super::super::names::change;
use super::super::proof::{proof, service};
use super::super::realised::measured_in_words;
use super::super::safe::plain;
use super::super::since::outcome_in_words;
use super::super::words::{bare, sentence};
use super::super::worth::effect;

pub(super) fn verdicts(plan: &Plan, workload: &WorkloadRow) -> String {
    let own = SubjectRef::workload(&workload.id);
    let mut blocks: Vec<String> = since(plan, &own).collect();
    let total = plan.accepted.len();
    for (at, row) in plan.accepted.iter().enumerate().filter(|(_, row)| row.subject == own) {
        let standing = format!("change, number {} of {total} in the plan", at + 1);
        blocks.push(change_block(plan, row, &standing));
    }
    for row in plan.held_back.iter().filter(|row| row.subject == own) {
        blocks.push(change_block(plan, row, &held(row)));
    }
    for row in plan.experiments.iter().filter(|row| row.subject == own) {
        blocks.push(change_block(plan, row, "experiment, not in the plan's saving"));
    }
    for row in plan.kept.iter().filter(|row| row.subject == own) {
        let text = format!(
            "{}: keep ({})\n{}",
            plain(&row.lever),
            plain(&row.reason),
            line("Because", &row.because)
        );
        blocks.push(text);
    }
    for row in plan.unknown.iter().filter(|row| row.subject == own) {
        blocks.push(format!(
            "{}: unknown ({})\n{}{}",
            plain(&row.lever),
            plain(&row.reason),
            line("Missing", &row.missing),
            line("Fix", &row.fix)
        ));
    }
    if blocks.is_empty() {
        return "No lever says anything of it.\n".to_owned();
    }
    blocks.join("\n")
}

/// What became of the earlier plan's changes of it.
fn since<'p>(plan: &'p Plan, own: &'p SubjectRef) -> impl Iterator<Item = String> + 'p {
    let changes = plan.since.iter().flat_map(|since| &since.changes);
    changes.filter(move |change| change.subject == *own).map(|change| {
        let mut text = format!("earlier plan: {}\n", outcome_in_words(change.outcome));
        text.push_str(&line("What", &change.title));
        text.push_str(&line(
            "Saving",
            &format!("{} a month predicted", maybe_money(change.monthly, &plan.currency)),
        ));
        if let Some(measured) = &change.measured {
            text.push_str(&line("Measured", &measured_in_words(measured, &plan.currency)));
        }
        if let Some(because) = &change.because {
            text.push_str(&line("Because", because));
        }
        text
    })
}

fn held(row: &Row) -> String {
    match &row.held_by {
        Some(by) => {
            let until = by
                .until
                .as_ref()
                .map_or_else(String::new, |until| format!(", until {until}"));
            plain(&format!("held back by {} ({}){until}", by.rule, by.place))
        }
        None => "held back by a rule that the plan does not name".to_owned(),
    }
}

fn change_block(plan: &Plan, row: &Row, standing: &str) -> String {
    let mut text = format!("{}: {standing}\n", plain(&row.levers.join(" + ")));
    text.push_str(&line("What", &row.title));
    text.push_str(&line("Change", &change(row)));
    text.push_str(&line("Saving", &effect(plan, row)));
    text.push_str(&line("Service", &service(row)));
    text.push_str(&line("Proof", &proof(row)));
    for evidence in &row.evidence {
        text.push_str(&line("Evidence", &figure(evidence)));
    }
    for need in &row.needs_human {
        text.push_str(&line("Before", &sentence(need)));
    }
    if let Some(experiment) = &row.experiment {
        text.push_str(&line("To run", &sentence(experiment)));
    }
    text.push_str(&line("Undo", &sentence(&row.rollback)));
    if let Some(decided) = &row.decision {
        text.push_str(&line("Decision", &decided_in_words(decided)));
    }
    if let Some(request) = &row.pull_request {
        text.push_str(&line("Request", &words(request)));
    }
    text.push_str(&line("Row", &row.id));
    text
}

fn figure(evidence: &Evidence) -> String {
    let value = evidence.value.map_or_else(|| UNKNOWN.to_owned(), number);
    let coverage = match evidence.coverage {
        Some(coverage) => format!("{} of expected samples", percent(Some(coverage))),
        None => format!("coverage {UNKNOWN}"),
    };
    format!(
        "{}: {value} ({coverage}; {})",
        bare(&evidence.what),
        plain(&evidence.query)
    )
}

fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn line(label: &str, text: &str) -> String {
    format!("  {label:<8} {}\n", plain(text))
}
