//! What owners decided, in words.

use crate::model::plan::{Decided, Note, Plan, Row};

use super::safe::plain;
use super::words::bare;

/// Who decided what, why and until when.
pub(super) fn decided_in_words(decided: &Decided) -> String {
    let word = match decided.decision.as_str() {
        "accept" => "accepted",
        "snooze" => "snoozed",
        "reject" => "rejected",
        "experiment-passed" => "experiment passed, says",
        other => other,
    };
    let by = if word.ends_with("says") { "" } else { " by" };
    let date = decided
        .date
        .as_ref()
        .map_or_else(String::new, |date| format!(" on {date}"));
    let until = decided
        .until
        .as_ref()
        .map_or_else(String::new, |until| format!(", until {until}"));
    let reason = bare(&decided.reason);
    plain(&format!(
        "{word}{by} {}{date}{until}: {reason} ({})",
        decided.by, decided.place
    ))
}

/// Rows that were decided on, in the order of the plan.
pub(super) fn decided(plan: &Plan) -> Vec<(&Row, &Decided)> {
    let rows = plan.accepted.iter().chain(&plan.experiments).chain(&plan.held_back);
    rows.filter_map(|row| Some((row, row.decision.as_ref()?))).collect()
}

/// Something that was said and has no effect, and why.
pub(super) fn note_in_words(note: &Note) -> String {
    plain(&format!("{}: {} ({})", note.what, bare(&note.why), note.place))
}
