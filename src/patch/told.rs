//! What patches say to people and to scripts: diffs with the reason above each, a summary, JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::diff::diff;
use super::patches::{Made, Patch, Refused};
use super::place::Changes;
use crate::model::plan::{Plan, Row};
use crate::report::safe;

fn row<'p>(plan: &'p Plan, id: &str) -> Option<&'p Row> {
    plan.accepted.iter().chain(&plan.experiments).find(|row| row.id == id)
}

/// Why a row is there, in a few lines: what it saves, and how that is known.
fn reason(row: &Row, currency: &str) -> Vec<String> {
    let saving = row.saving.monthly.mid.unwrap_or(0.0);
    let interval = match (row.saving.monthly.low, row.saving.monthly.high) {
        (Some(low), Some(high)) => format!(" (90 % from {low:.0} to {high:.0})"),
        _ => String::new(),
    };
    let leaves = row.saving.leaves_bill_monthly.get();
    let proof = serde_json::to_value(row.proof)
        .ok()
        .and_then(|proof| proof.as_str().map(str::to_owned));
    let mut lines = vec![format!(
        "saves {saving:.0} {currency} a month{interval}, of which {leaves:.0} leave the bill; proof: {}",
        proof.unwrap_or_default()
    )];
    lines.extend(row.needs_human.iter().map(|what| format!("check: {what}")));
    lines.push(format!("to undo it: {}", row.rollback));
    lines
}

/// Unified diffs, each with its reason above it as lines that `git apply` and `patch` pass over.
pub fn diffs(plan: &Plan, made: &[Made]) -> String {
    let mut text = String::new();
    for made in made {
        match made {
            Made::Patch(patch) => {
                _ = writeln!(text, "# {}", safe::plain(&patch.title));
                let reason = row(plan, &patch.row).map(|row| reason(row, &plan.currency));
                for line in reason.iter().flatten().chain(&patch.notes) {
                    comment(&mut text, line);
                }
                if patch.changes.is_empty() {
                    _ = writeln!(text, "# the manifests say so already");
                }
                _ = writeln!(text, "{}", diff(&patch.changes));
            }
            Made::Refused(refused) => {
                _ = writeln!(text, "# no patch: {}", safe::plain(&refused.title));
                comment(&mut text, &refused.why);
                text.push('\n');
            }
        }
    }
    text
}

fn comment(text: &mut String, words: &str) {
    for line in words.lines() {
        let column = line.len() - line.trim_start().len();
        _ = writeln!(text, "#   {:column$}{}", "", safe::plain(line));
    }
}

/// What there is to do, a line each, for a terminal; and how to go on where nothing was written.
pub fn summary(made: &[Made], written: bool) -> String {
    let mut text = String::new();
    let patches: Vec<&Patch> = patches(made).collect();
    for patch in &patches {
        _ = writeln!(text, "{}", safe::plain(&patch.title));
        match patch.changes.is_empty() {
            true => _ = writeln!(text, "    {} says so already", safe::plain(&patch.file)),
            false => {
                for (path, change) in &patch.changes {
                    let new = if change.before.is_none() { " (new)" } else { "" };
                    _ = writeln!(text, "    {}{new}", safe::plain(path));
                }
            }
        }
        for note in &patch.notes {
            _ = writeln!(text, "    note: {}", safe::plain(note));
        }
    }
    let refused: Vec<&Refused> = refused(made).collect();
    if !refused.is_empty() {
        _ = writeln!(text, "{}No patch:", if patches.is_empty() { "" } else { "\n" });
        for one in &refused {
            _ = writeln!(text, "{}", safe::plain(&one.title));
            for line in one.why.lines() {
                _ = writeln!(text, "    {}", safe::plain(line));
            }
        }
    }
    if !written && patches.iter().any(|patch| !patch.changes.is_empty()) {
        text.push_str("\nNothing is written yet: --diff shows the changes, --write makes them.\n");
    }
    if made.is_empty() {
        text.push_str("The plan has no change that is made in manifests.\n");
    }
    text
}

/// The same for scripts.
///
/// # Errors
/// None that is known: everything in it can be written.
pub fn json(plan: &Plan, made: &[Made]) -> Result<String, serde_json::Error> {
    let file = |(path, change): (&String, &super::place::FileChange)| {
        let change = Changes::from([(path.clone(), change.clone())]);
        json!({"path": path, "new": change.values().all(|one| one.before.is_none()), "diff": diff(&change)})
    };
    let patch = |patch: &Patch| {
        let files: Vec<Value> = patch.changes.iter().map(file).collect();
        json!({"row": patch.row, "title": patch.title, "manifest": patch.file, "files": files, "notes": patch.notes})
    };
    let told = json!({
        "apiVersion": plan.api_version,
        "kind": "Patches",
        "patches": patches(made).map(patch).collect::<Vec<_>>(),
        "refused": refused(made).collect::<Vec<_>>(),
    });
    let text = serde_json::to_string_pretty(&told)?;
    Ok(safe::json(&text) + "\n")
}

fn patches(made: &[Made]) -> impl Iterator<Item = &Patch> {
    made.iter().filter_map(|made| match made {
        Made::Patch(patch) => Some(patch),
        Made::Refused(_) => None,
    })
}

fn refused(made: &[Made]) -> impl Iterator<Item = &Refused> {
    made.iter().filter_map(|made| match made {
        Made::Refused(refused) => Some(refused),
        Made::Patch(_) => None,
    })
}
