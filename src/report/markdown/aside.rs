//! `## Held` and `## Experiments`: changes that are not in the plan's saving, and what stands between.

use crate::model::plan::{Plan, Row};

use super::super::figures::count;
use super::super::groups::{self, HeldGroup};
use super::super::headline::{bare, sentence};
use super::super::names::{Names, change};
use super::super::worth::effect;
use super::escaped;

/// Rows that one rule shows, and experiments that the section shows.
const ROWS: usize = 10;

pub(super) fn held(plan: &Plan, names: &Names<'_>) -> String {
    let mut text = "## Held\n\n".to_owned();
    if plan.held_back.is_empty() {
        text.push_str("No rule holds a change back.\n");
        return text;
    }
    for group in groups::held(plan) {
        text.push_str(&format!(
            "- **{}**: {}, {} if each were made alone.\n",
            escaped(&rule(&group)),
            count(group.rows.len(), "change", "changes"),
            escaped(&group.worth.text(&plan.currency))
        ));
        for row in group.rows.iter().take(ROWS) {
            text.push_str(&format!("  - Held: {}.\n", escaped(&line(plan, names, row))));
        }
        let more = group.rows.len().saturating_sub(ROWS);
        if more > 0 {
            text.push_str(&format!(
                "  - And {more} more: `gpuwise analyze --format json` lists them under `held_back`.\n"
            ));
        }
    }
    text
}

/// The rule in words, where it stands and until when.
fn rule(group: &HeldGroup<'_>) -> String {
    let rule = match group.rule {
        "" => "a rule that the plan does not name",
        rule => rule,
    };
    let place = match group.place {
        "" => String::new(),
        place => format!(" ({place})"),
    };
    let until = group.until.map_or_else(String::new, |until| format!(", until {until}"));
    format!("{rule}{place}{until}")
}

fn line(plan: &Plan, names: &Names<'_>, row: &Row) -> String {
    let owner = names
        .owner(&row.subject)
        .map_or_else(String::new, |owner| format!(" ({owner})"));
    format!(
        "{}{owner}: {}; {}",
        names.of(&row.subject),
        change(row),
        effect(plan, row)
    )
}

/// Nothing where there are none: a heading over nothing would look like an omission.
pub(super) fn experiments(plan: &Plan, names: &Names<'_>) -> Option<String> {
    if plan.experiments.is_empty() {
        return None;
    }
    let mut text = "## Experiments\n\nNot in the saving above until an owner records that one passed.\n\n".to_owned();
    for row in plan.experiments.iter().take(ROWS) {
        let run = row.experiment.as_deref().unwrap_or("The plan does not say what to run");
        text.push_str(&format!(
            "- Try {}: {}; {}. To run: {} Undo: {}\n",
            escaped(&names.of(&row.subject)),
            escaped(&bare(&row.title)),
            escaped(&effect(plan, row)),
            escaped(&sentence(run)),
            escaped(&sentence(&row.rollback))
        ));
    }
    let more = plan.experiments.len().saturating_sub(ROWS);
    if more > 0 {
        text.push_str(&format!(
            "- And {more} more: `gpuwise analyze --format json` lists them under `experiments`.\n"
        ));
    }
    Some(text)
}
