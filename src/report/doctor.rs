//! A checkup as text.

use crate::model::checkup::{Area, Check, Checkup, State};

use super::figures::{count, window};
use super::safe::{self, plain};

/// Areas in the order in which they are told, each with its heading.
const AREAS: [(Area, &str); 5] = [
    (Area::Sources, "Sources"),
    (Area::Signals, "Signals"),
    (Area::Joins, "Joins"),
    (Area::Prices, "Prices"),
    (Area::Gaps, "Not visible"),
];

/// The checkup as indented JSON.
///
/// # Errors
/// None that a checkup can cause; the type says what the serializer may return.
pub fn json(checkup: &Checkup) -> Result<String, serde_json::Error> {
    let mut text = safe::json(&serde_json::to_string_pretty(checkup)?);
    text.push('\n');
    Ok(text)
}

/// The checkup for a terminal: a line a check, its fix beneath it, and what it all comes to.
pub fn table(checkup: &Checkup) -> String {
    let mut text = String::new();
    if let (Some(cluster), Some(seen)) = (&checkup.cluster, checkup.window) {
        text.push_str(&format!("{}, {}\n", plain(cluster), window(seen)));
    }
    for (area, heading) in AREAS {
        let own: Vec<&Check> = checkup.checks.iter().filter(|check| check.area == area).collect();
        if own.is_empty() {
            continue;
        }
        text.push_str(&format!("\n{heading}\n"));
        for (at, check) in own.iter().enumerate() {
            // One fix for several checks stands beneath the last of them.
            let again = own.get(at + 1).is_some_and(|next| next.fix == check.fix);
            text.push_str(&lines(check, !again));
        }
    }
    text.push('\n');
    text.push_str(&verdict(checkup));
    text
}

fn lines(check: &Check, with_fix: bool) -> String {
    let state = match check.state {
        State::Good => "ok",
        State::Absent => "-",
        State::Hole => "hole",
        State::Failed => "FAILED",
    };
    let mut text = format!("  {state:<6}  {}: {}\n", plain(&check.what), plain(&check.seen));
    if let Some(fix) = check.fix.as_ref().filter(|_| with_fix) {
        text.push_str(&format!("          fix: {}\n", plain(fix)));
    }
    text
}

fn verdict(checkup: &Checkup) -> String {
    let of = |state| checkup.checks.iter().filter(|check| check.state == state).count();
    match (of(State::Failed), of(State::Hole)) {
        (0, 0) => "Everything that verdicts need is there.\n".to_owned(),
        (0, holes) => format!(
            "{}: what depends on them will be unknown, never guessed.\n",
            count(holes, "hole", "holes")
        ),
        (failed, holes) => format!(
            "{} failed{}.\n",
            count(failed, "source", "sources"),
            if holes > 0 {
                format!(", and there are {}", count(holes, "hole", "holes"))
            } else {
                String::new()
            }
        ),
    }
}
