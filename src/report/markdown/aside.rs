//! `## Held` and `## Experiments`: changes that are not in the plan's saving, and what stands between.

use crate::model::plan::{Plan, Row};

use super::super::figures::count;
use super::super::groups;
use super::super::names::{Names, change};
use super::super::words::{bare, sentence};
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
            "- **{}**: {}, {}{}.\n",
            escaped(&group.rule_in_words()),
            count(group.rows.len(), "change", "changes"),
            escaped(&group.worth.text(&plan.currency)),
            if group.rows.len() > 1 {
                " counted one by one"
            } else {
                ""
            }
        ));
        for row in group.rows.iter().take(ROWS) {
            text.push_str(&format!("  - {}.\n", line(plan, names, row)));
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

fn line(plan: &Plan, names: &Names<'_>, row: &Row) -> String {
    let owner = names
        .owner(&row.subject)
        .map_or_else(String::new, |owner| format!(" ({})", escaped(&owner)));
    format!(
        "**{}**{owner}: {}",
        escaped(&names.of(&row.subject)),
        escaped(&format!("{}; {}", change(row), effect(plan, row)))
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
            "- **{}**: {}; {}. To run: {} Undo: {}\n",
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
