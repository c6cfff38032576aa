//! `## Left alone and why`: what every lever found right as it is, by lever and reason.

use crate::model::plan::Plan;

use super::super::groups::{KeptGroup, kept, listed, subjects_in_words};
use super::super::names::Names;
use super::super::words::{capital, sentence};
use super::{NAMES, escaped};

pub(super) fn section(plan: &Plan, names: &Names<'_>) -> String {
    let mut text = "## Left alone and why\n\n".to_owned();
    if plan.kept.is_empty() {
        text.push_str("Nothing was found right as it is.\n");
        return text;
    }
    let groups = kept(plan, names);
    for lever in groups.chunk_by(|a, b| a.lever == b.lever) {
        let id = lever.first().map_or("", |group| group.lever);
        let subjects = lever.iter().flat_map(|group| &group.rows).map(|row| &row.subject);
        text.push_str(&format!(
            "- **{}** leaves {} alone:\n",
            escaped(id),
            subjects_in_words(subjects)
        ));
        for group in lever {
            text.push_str(&format!(
                "  - *{}*: {}\n",
                escaped(group.reason),
                escaped(&reason(plan, names, group))
            ));
        }
    }
    text
}

fn reason(plan: &Plan, names: &Names<'_>, group: &KeptGroup<'_>) -> String {
    let mut text = format!(
        "{}, {}: {}.",
        subjects_in_words(group.rows.iter().map(|row| &row.subject)),
        group.worth.text(&plan.currency),
        listed(group.rows.iter().map(|row| names.of(&row.subject)), NAMES),
    );
    if let Some(first) = group.rows.first() {
        let same = group.rows.iter().all(|row| row.because == first.because);
        let because = sentence(&first.because);
        if same {
            text.push_str(&format!(" {}", capital(&because)));
        } else {
            text.push_str(&format!(" For {}: {because}", names.of(&first.subject)));
        }
    }
    text
}
