//! What became of pull requests, for people and for scripts.

use std::fmt::Write;

use serde_json::{Value, json};

use super::forge::{Done, Outcome, Topic};
use crate::patch::patches::Refused;
use crate::report::safe;

/// A line or two each; of a dry run all that would be written.
pub fn table(outcomes: &[Outcome], topics: &[Topic], refused: &[Refused], dry: bool) -> String {
    let mut text = String::new();
    if dry && outcomes.iter().any(|outcome| outcome.done.is_write()) {
        text.push_str("Nothing was written. What would be:\n\n");
    }
    for outcome in outcomes {
        let topic = outcome.topic.and_then(|at| topics.get(at));
        let title = topic.map_or(outcome.branch.as_str(), |topic| topic.title.as_str());
        _ = writeln!(text, "{}", safe::plain(title));
        _ = writeln!(text, "    {}", safe::plain(&outcome.done.to_string()));
        match &outcome.pull_request {
            Some(link) => _ = writeln!(text, "    {}", safe::plain(&link.url)),
            None => _ = writeln!(text, "    branch {}", safe::plain(&outcome.branch)),
        }
        for note in &outcome.notes {
            _ = writeln!(text, "    note: {}", safe::plain(note));
        }
        if let Some(written) = outcome.written.as_ref().filter(|_| dry) {
            let lines = |text: &mut String, words: &str| {
                words
                    .lines()
                    .for_each(|line| _ = writeln!(text, "    | {}", safe::lines(line).trim_end()))
            };
            lines(&mut text, &format!("{}\n\n{}", written.title, written.body));
            for file in &written.files {
                _ = writeln!(text, "    file {}", safe::plain(&file.path));
            }
        }
    }
    if !refused.is_empty() {
        text.push_str(if outcomes.is_empty() {
            "No patch:\n"
        } else {
            "\nNo patch:\n"
        });
        for one in refused {
            _ = writeln!(text, "{}", safe::plain(&one.title));
            one.why
                .lines()
                .for_each(|line| _ = writeln!(text, "    {}", safe::plain(line)));
        }
    }
    if outcomes.is_empty() && refused.is_empty() {
        text.push_str("The plan has no change that is made in manifests.\n");
    }
    text
}

/// Everything.
///
/// # Errors
/// None that is known: everything in it can be written.
pub fn json(
    outcomes: &[Outcome],
    topics: &[Topic],
    refused: &[Refused],
    dry: bool,
) -> Result<String, serde_json::Error> {
    let one = |outcome: &Outcome| -> Value {
        let topic = outcome.topic.and_then(|at| topics.get(at));
        let written = outcome.written.as_ref().map(|written| {
            let files: Vec<Value> = written
                .files
                .iter()
                .map(|file| json!({"path": file.path, "after": file.after}))
                .collect();
            json!({"title": written.title, "body": written.body, "files": files})
        });
        json!({
            "branch": outcome.branch,
            "title": topic.map(|topic| topic.title.as_str()),
            "monthly": topic.map(|topic| topic.monthly),
            "done": code(&outcome.done),
            "told": outcome.done.to_string(),
            "pull_request": outcome.pull_request.as_ref().map(|link| json!({"number": link.number, "url": link.url})),
            "notes": outcome.notes,
            "written": written.filter(|_| dry),
        })
    };
    let told = json!({
        "kind": "PullRequests",
        "dry_run": dry,
        "outcomes": outcomes.iter().map(one).collect::<Vec<_>>(),
        "refused": refused,
    });
    Ok(safe::json(&serde_json::to_string_pretty(&told)?) + "\n")
}

/// A stable word for what was done.
fn code(done: &Done) -> &'static str {
    match done {
        Done::Created => "created",
        Done::Updated => "updated",
        Done::Unchanged => "unchanged",
        Done::InBase => "in-base",
        Done::Merged => "merged",
        Done::NotNow { .. } => "not-now",
        Done::Waiting { .. } => "waiting",
        Done::Foreign => "foreign",
        Done::Stale { .. } => "stale",
        Done::Refused { .. } => "refused",
        Done::Failed(_) => "failed",
        Done::NotTried => "not-tried",
        Done::Closed { .. } => "closed",
        Done::Abandoned => "abandoned",
        Done::Swept => "swept",
        Done::Left => "left",
    }
}
