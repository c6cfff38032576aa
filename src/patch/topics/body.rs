//! What a pull request says: what changes, what it saves and how that is known, what may go wrong, what a person must check.

use std::fmt::Write;

use crate::model::plan::{Plan, Proof, Row};
use crate::model::scenario::Interval;
use crate::patch::patches::Patch;
use crate::report::safe;

pub(super) fn title(plan: &Plan, name: &str, done: &[(&Row, Patch)]) -> String {
    match done {
        [(row, _)] => capital(&safe::plain(&row.title)),
        several => {
            let sum: f64 = several.iter().filter_map(|(row, _)| row.saving.monthly.mid).sum();
            let changes = several.len();
            format!("{changes} changes for {name}: {} {} a month", money(sum), plan.currency)
        }
    }
}

pub(super) fn message(title: &str, done: &[(&Row, Patch)]) -> String {
    let rows: Vec<String> = done
        .iter()
        .map(|(row, _)| format!("- {}", safe::plain(&row.id)))
        .collect();
    format!(
        "{title}\n\nProposed by gpuwise from what was measured:\n{}\n",
        rows.join("\n")
    )
}

pub(super) fn body(plan: &Plan, done: &[(&Row, Patch)]) -> String {
    let mut text = String::new();
    for (row, patch) in done {
        one(plan, row, patch, &mut text);
    }
    let (start, end) = (plan.window.start, plan.window.end);
    _ = write!(
        text,
        "---\nMeasured from {start} to {end}. Amounts are {} a month of 730 hours. This pull request is kept up to date while nobody \
         commits to its branch. Close it for \"not now\": it comes back only when it saves materially more. For \"never\", or until a \
         date, write a decision:\n\n```yaml\n{}```\n",
        plan.currency,
        done.iter()
            .map(|(row, _)| format!(
                "- {{id: \"{}\", decision: reject, reason: ..., owner: ..., date: ...}}\n",
                safe::plain(&row.id)
            ))
            .collect::<String>()
    );
    text
}

fn one(plan: &Plan, row: &Row, patch: &Patch, text: &mut String) {
    _ = writeln!(text, "## {}\n", safe::markdown(&capital(&row.title)));
    _ = writeln!(text, "| | now | then |\n|---|---|---|");
    for (field, before) in row
        .from
        .iter()
        .filter(|(field, before)| row.to.get(*field) != Some(before))
    {
        let after = row.to.get(field).map(shown).unwrap_or_default();
        _ = writeln!(
            text,
            "| {} | {} | {after} |",
            safe::markdown(&field.replace('_', " ")),
            shown(before)
        );
    }
    for (field, after) in row.to.iter().filter(|(field, _)| !row.from.contains_key(*field)) {
        _ = writeln!(
            text,
            "| {} | | {} |",
            safe::markdown(&field.replace('_', " ")),
            shown(after)
        );
    }
    saving(plan, row, text);
    checks(row, patch, text);
    if !row.evidence.is_empty() {
        text.push_str("\n<details><summary>Evidence</summary>\n\n");
        for evidence in &row.evidence {
            let value = evidence
                .value
                .map(|value| format!(": {}", figure(value)))
                .unwrap_or_default();
            let query = match evidence.query.is_empty() {
                true => String::new(),
                false => format!(" (`{}`)", safe::plain(&evidence.query).replace('`', "'")),
            };
            _ = writeln!(text, "- {}{value}{query}", safe::markdown(&capital(&evidence.what)));
        }
        text.push_str("\n</details>\n");
    }
    text.push('\n');
}

fn saving(plan: &Plan, row: &Row, text: &mut String) {
    let saving = &row.saving;
    let (leaves, frees) = (saving.leaves_bill_monthly.get(), saving.frees_capacity_monthly.get());
    _ = writeln!(
        text,
        "\n**It saves {} {} a month{}**: {} leave the bill, {} free capacity for others.",
        money(saving.monthly.mid.unwrap_or(0.0)),
        plan.currency,
        between(saving.monthly),
        money(leaves),
        money(frees)
    );
    let proof = match row.proof {
        Proof::Replayed => "It was replayed over the workload's own history",
        Proof::Arithmetic => "It is computed from measured figures, and was not replayed",
        Proof::None => "Nothing proves it",
    };
    let days = row
        .replay
        .as_ref()
        .and_then(|replay| replay.get("scored_days")?.as_u64());
    let days = days
        .map(|days| format!(", {days} days of it scored"))
        .unwrap_or_default();
    let level = |level| {
        serde_json::to_value(level)
            .ok()
            .and_then(|level| level.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    _ = writeln!(
        text,
        "{proof}{days}. Confidence: {}. Risk: {}.",
        level(row.confidence),
        level(row.risk)
    );
    if let Some(service) = &row.service {
        let before = service.before.map_or_else(|| "not measured".to_owned(), figure);
        let after = service.after.mid.map_or_else(|| "not known".to_owned(), figure);
        let metric = safe::markdown(&service.metric);
        _ = writeln!(
            text,
            "\nUsers notice, {metric}: {before} before, {after}{} after.",
            between(service.after)
        );
    }
}

fn checks(row: &Row, patch: &Patch, text: &mut String) {
    if !row.needs_human.is_empty() {
        text.push_str("\n**Before merging**\n\n");
        for check in &row.needs_human {
            _ = writeln!(text, "- [ ] {}", words(&capital(check)));
        }
    }
    if !patch.notes.is_empty() {
        text.push_str("\n**To know**\n\n");
        for note in &patch.notes {
            _ = writeln!(text, "- {}", words(&capital(note)));
        }
    }
    _ = writeln!(
        text,
        "\n**To undo it**: {}.",
        safe::markdown(row.rollback.trim_end_matches('.'))
    );
}

fn between(interval: Interval) -> String {
    match (interval.low, interval.high) {
        (Some(low), Some(high)) => format!(" (90 % from {} to {})", money(low), money(high)),
        _ => String::new(),
    }
}

fn shown(value: &serde_json::Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    safe::markdown(&text).replace('|', "\\|")
}

/// Whole units, with commas.
fn money(amount: f64) -> String {
    let digits = format!("{:.0}", amount.abs());
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if amount <= -0.5 { "-" } else { "" };
    format!("{sign}{grouped}")
}

fn figure(value: f64) -> String {
    let digits = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 1.0 {
        2
    } else {
        4
    };
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A sentence; a name with a dot or an underscore in it stays as it is.
fn capital(text: &str) -> String {
    let first = text.split_whitespace().next().unwrap_or_default();
    if first.trim_end_matches(['.', ',', ':']).contains(['_', '.', '/', '=']) {
        return text.to_owned();
    }
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Words of ours, in which what stands between backticks is to be typed.
fn words(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let part = |(at, part): (usize, &str)| match at % 2 {
        0 => safe::markdown(part),
        _ => format!("`{}`", safe::plain(part)),
    };
    parts.map(part).collect()
}
