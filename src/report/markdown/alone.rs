//! `## Left alone and why`: what every lever found right as it is, by lever and reason.

use crate::model::plan::Plan;

use super::super::figures::count;
use super::super::groups::{KeptGroup, kept, listed};
use super::super::headline::sentence;
use super::super::names::Names;
use super::{NAMES, escaped};

pub(super) fn section(plan: &Plan, names: &Names<'_>) -> String {
    let mut text = "## Left alone and why\n\n".to_owned();
    if plan.kept.is_empty() {
        text.push_str("Nothing was found right as it is.\n");
        return text;
    }
    let groups = kept(plan, names);
    for lever in groups.chunk_by(|a, b| a.lever == b.lever) {
        let total: usize = lever.iter().map(|group| group.rows.len()).sum();
        let id = lever.first().map_or("", |group| group.lever);
        text.push_str(&format!(
            "- **{}** leaves {} alone:\n",
            escaped(id),
            count(total, "subject", "subjects")
        ));
        for group in lever {
            text.push_str(&format!("  - Because {}\n", escaped(&reason(plan, names, group))));
        }
    }
    text
}

fn reason(plan: &Plan, names: &Names<'_>, group: &KeptGroup<'_>) -> String {
    let shown = group.rows.iter().map(|row| names.of(&row.subject));
    let mut text = format!(
        "{}: {}, {}: {}.",
        group.reason,
        group.rows.len(),
        group.worth.text(&plan.currency),
        listed(shown, NAMES)
    );
    if let Some(first) = group.rows.first() {
        let same = group.rows.iter().all(|row| row.because == first.because);
        let because = sentence(&first.because);
        if same {
            text.push_str(&format!(" {because}"));
        } else {
            text.push_str(&format!(" Of {}: {because}", names.of(&first.subject)));
        }
    }
    text
}
