//! Patches as the topics of pull requests: which rows go together, and what each pull request says.

mod body;

use std::collections::{BTreeMap, BTreeSet};

use super::index::Index;
use super::patches::{Made, Patch, Refused, With, patches, together};
use super::place::Changes;
use crate::model::plan::{Plan, Row};
use crate::model::tree::Tree;
use crate::policy::patches::Topic as By;

/// What one pull request is to contain.
#[derive(Debug, Clone, PartialEq)]
pub struct Topic {
    /// The branch, by which it is known.
    pub branch: String,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Of the commit.
    pub message: String,
    /// Whom to ask.
    pub reviewers: Vec<String>,
    /// Its files.
    pub changes: Changes,
    /// What it saves a month.
    pub monthly: f64,
}

/// What all branches of a cluster begin with.
pub fn prefix(plan: &Plan) -> String {
    let clusters: Vec<String> = plan.coverage.clusters.iter().map(|name| plain(name)).collect();
    format!("gpuwise/{}/", clusters.join("-"))
}

/// The topics of a plan, those that save most first, and the rows that are no patch. Each is made of the folder as it is.
pub fn topics(plan: &Plan, tree: &Tree, index: &Index, with: With<'_>) -> (Vec<Topic>, Vec<Refused>) {
    let mut groups: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in plan.accepted.iter().filter(|row| row.subject.kind == "Workload") {
        groups
            .entry(name(plan, row, with.settings.topic))
            .or_default()
            .push(row);
    }
    let (mut topics, mut refused) = (Vec::new(), Vec::new());
    for (name, rows) in groups {
        let made = patches(plan, &rows, &mut tree.clone(), &mut index.clone(), with);
        let changes = together(&made);
        let mut done: Vec<(&Row, Patch)> = Vec::new();
        for (row, made) in rows.iter().zip(made) {
            match made {
                Made::Patch(patch) if patch.changes.is_empty() => {}
                Made::Patch(patch) => done.push((row, patch)),
                Made::Refused(one) => refused.push(one),
            }
        }
        if !done.is_empty() {
            let rows: BTreeSet<String> = done.iter().flat_map(|(row, _)| owner(plan, row)).collect();
            let asked = rows.iter().filter_map(|owner| with.settings.reviewers.get(owner));
            let (title, text) = (body::title(plan, &name, &done), body::body(plan, &done));
            topics.push(Topic {
                branch: format!("{}{name}", prefix(plan)),
                message: body::message(&title, &done),
                title,
                body: text,
                reviewers: asked.flatten().cloned().collect(),
                changes,
                monthly: done.iter().filter_map(|(row, _)| row.saving.monthly.mid).sum(),
            });
        }
    }
    topics.sort_by(|a, b| b.monthly.total_cmp(&a.monthly).then_with(|| a.branch.cmp(&b.branch)));
    (topics, refused)
}

fn owner(plan: &Plan, row: &Row) -> Option<String> {
    plan.workload(&row.subject.id)?.owner.clone()
}

/// What tells a topic from others of its cluster.
fn name(plan: &Plan, row: &Row, by: By) -> String {
    match by {
        By::Team => format!(
            "team-{}",
            plain(&owner(plan, row).unwrap_or_else(|| "nobody".to_owned()))
        ),
        By::Lever => format!("lever-{}", plain(&row.levers.join("-"))),
        By::Workload => match plan.workload(&row.subject.id) {
            // Kinds are few and well known; that `a-b` and `c` is not `a` and `b-c` the dots see to, which no namespace has.
            Some(own) => format!("{}.{}.{}", own.kind.to_lowercase(), own.namespace, plain(&own.name)),
            None => plain(&row.id),
        },
    }
}

/// A name as it may stand in a branch.
fn plain(name: &str) -> String {
    let kept = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') {
            c
        } else {
            '-'
        }
    };
    let name: String = name.chars().map(kept).collect();
    name.trim_matches(['.', '-']).to_owned()
}
