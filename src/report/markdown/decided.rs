//! `## Decided`: what owners said of changes, and what of it has no effect.

use crate::model::plan::Plan;

use super::super::decided::{decided, decided_in_words, note_in_words};
use super::super::names::Names;
use super::escaped;

/// Lines that each part shows.
const LINES: usize = 20;

/// Nothing where nobody said anything.
pub(super) fn section(plan: &Plan, names: &Names<'_>) -> Option<String> {
    let decided = decided(plan);
    if decided.is_empty() && plan.notes.is_empty() {
        return None;
    }
    let mut text = "## Decided\n\n".to_owned();
    let on_rows = decided.iter().map(|(row, decided)| {
        let levers = row.levers.join(" + ");
        let line = format!("{levers}: {}", decided_in_words(decided));
        format!("- **{}**: {}.\n", escaped(&names.of(&row.subject)), escaped(&line))
    });
    let notes = plan.notes.iter();
    let notes = notes.map(|note| format!("- Without effect: {}.\n", escaped(&note_in_words(note))));
    for (lines, count, key) in [
        (on_rows.take(LINES).collect::<String>(), decided.len(), "decision"),
        (notes.take(LINES).collect::<String>(), plan.notes.len(), "notes"),
    ] {
        text.push_str(&lines);
        if count > LINES {
            let more = count - LINES;
            text.push_str(&format!(
                "- And {more} more: `gpuwise analyze --format json` lists them under `{key}`.\n"
            ));
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::super::markdown;
    use crate::model::plan::{Decided, Note};

    fn accepted(reason: &str) -> Decided {
        Decided {
            decision: "accept".to_owned(),
            by: "team-chat".to_owned(),
            reason: reason.to_owned(),
            until: Some("2027-01-01".to_owned()),
            date: Some("2026-11-02".to_owned()),
            place: "decisions.yaml:3".to_owned(),
        }
    }

    #[test]
    fn what_was_decided_stands_with_owner_reason_and_term() {
        let mut plan = sample::plan();
        assert!(!markdown(&plan).contains("## Decided"));
        plan.accepted[0].decision = Some(accepted("the launch is over."));
        plan.notes = vec![Note {
            what: "reject idle-gpu of ml/gone by ops".to_owned(),
            why: "no workload with GPUs is called so".to_owned(),
            place: "decisions.yaml:9".to_owned(),
        }];
        let text = markdown(&plan);
        let (_, section) = text.split_once("## Decided\n\n").unwrap();
        let lines: Vec<&str> = section.lines().take(2).collect();
        assert!(
            lines[0].ends_with(
                "accepted by team-chat on 2026-11-02, until 2027-01-01: the launch is over (decisions.yaml:3)."
            ),
            "{}",
            lines[0]
        );
        assert_eq!(
            lines[1],
            "- Without effect: reject idle-gpu of ml/gone by ops: no workload with GPUs is called so (decisions.yaml:9)."
        );
    }

    #[test]
    fn a_reason_cannot_end_its_line_or_open_a_tag_and_many_are_counted() {
        let mut plan = sample::plan();
        plan.accepted = vec![plan.accepted[0].clone(); 30];
        for row in &mut plan.accepted {
            row.decision = Some(accepted("a\n# <b>b</b>"));
        }
        let text = markdown(&plan);
        let (_, section) = text.split_once("## Decided\n\n").unwrap();
        let section = section.split("\n## ").next().unwrap();
        assert_eq!(section.trim_end().lines().count(), 21, "{section}");
        assert!(!section.contains("<b>"), "{section}");
        assert!(section.contains("And 10 more"), "{section}");
    }
}
