//! The workload that a person means, or what they may have meant.

use thiserror::Error;

use crate::model::plan::{Plan, WorkloadRow};

use super::super::safe::plain;

/// Names that an error suggests.
const SUGGESTIONS: usize = 5;

/// No one workload has the name that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoSuchWorkload {
    /// None has it.
    #[error("no workload with GPUs is called `{name}`{}", suggestion(nearest))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest names, nearest first.
        nearest: Vec<String>,
    },
    /// Several have it.
    #[error("`{name}` may be any of {}: name one by its id\n  {}", candidates.len(), candidates.join("\n  "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Each as `cluster/namespace/name (kind), id ID`.
        candidates: Vec<String>,
    },
}

fn suggestion(nearest: &[String]) -> String {
    if nearest.is_empty() {
        return "; the plan has no workloads".to_owned();
    }
    format!("; the nearest names are {}", nearest.join(", "))
}

pub(super) fn find<'a>(plan: &'a Plan, name: &str) -> Result<&'a WorkloadRow, NoSuchWorkload> {
    if let Some(row) = plan.workload(name) {
        return Ok(row);
    }
    // The most exact reading wins: a workload named `a` in namespace `b` is not in doubt because of another kind of match.
    for matches in [is_full_name, is_qualified_name, is_name] {
        let found: Vec<&WorkloadRow> = plan.workloads.iter().filter(|row| matches(row, name)).collect();
        match found.as_slice() {
            [] => {}
            [row] => return Ok(row),
            several => {
                return Err(NoSuchWorkload::Ambiguous {
                    name: plain(name),
                    candidates: several.iter().map(|row| candidate(row)).collect(),
                });
            }
        }
    }
    Err(NoSuchWorkload::Unknown {
        name: plain(name),
        nearest: nearest(plan, name),
    })
}

fn is_full_name(row: &WorkloadRow, name: &str) -> bool {
    name.strip_prefix(row.cluster.as_str())
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|rest| is_qualified_name(row, rest))
}

fn is_qualified_name(row: &WorkloadRow, name: &str) -> bool {
    name.strip_prefix(row.namespace.as_str())
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|rest| rest == row.name)
}

fn is_name(row: &WorkloadRow, name: &str) -> bool {
    row.name == name
}

fn candidate(row: &WorkloadRow) -> String {
    plain(&format!(
        "{}/{}/{} ({}), id {}",
        row.cluster, row.namespace, row.name, row.kind, row.id
    ))
}

/// The names that lie nearest: those that hold what was asked for, then those with the fewest letters to change.
fn nearest(plan: &Plan, name: &str) -> Vec<String> {
    let asked = name.to_lowercase();
    let bare = asked.rsplit('/').next().unwrap_or(&asked);
    let mut ranked: Vec<(bool, usize, String)> = plan
        .workloads
        .iter()
        .map(|row| {
            let own = row.name.to_lowercase();
            let holds = !bare.is_empty() && own.contains(bare);
            let qualified = format!("{}/{}", row.namespace, row.name);
            let steps = distance(&own, bare).min(distance(&qualified.to_lowercase(), &asked));
            (!holds, steps, plain(&qualified))
        })
        .collect();
    ranked.sort_unstable();
    ranked.dedup_by(|a, b| a.2 == b.2);
    ranked.into_iter().take(SUGGESTIONS).map(|(.., name)| name).collect()
}

/// Letters to insert, remove or replace (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, a) in from.chars().enumerate() {
        let mut diagonal = at;
        let mut left = at + 1;
        row[0] = left;
        for (column, b) in to.iter().enumerate() {
            let above = row[column + 1];
            left = (diagonal + usize::from(a != *b)).min(above + 1).min(left + 1);
            row[column + 1] = left;
            diagonal = above;
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn distances_are_levenshteins() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn every_form_of_a_name_finds_it() {
        let plan = sample::plan();
        for name in ["w-chat", "prod-eu/chat/llama-70b", "chat/llama-70b", "llama-70b"] {
            assert_eq!(find(&plan, name).unwrap().id, "w-chat");
        }
    }

    #[test]
    fn a_name_of_two_lists_both() {
        let mut plan = sample::plan();
        plan.workloads[1].name = "llama-70b".to_owned();
        let error = find(&plan, "llama-70b").unwrap_err().to_string();
        assert!(
            error.contains("prod-eu/chat/llama-70b (Deployment), id w-chat"),
            "{error}"
        );
        assert!(
            error.contains("prod-eu/research/llama-70b (Deployment), id w-train"),
            "{error}"
        );
        assert_eq!(find(&plan, "chat/llama-70b").unwrap().id, "w-chat");
    }

    #[test]
    fn an_unknown_name_suggests_the_nearest() {
        let error = find(&sample::plan(), "chat/lama-70b").unwrap_err();
        let NoSuchWorkload::Unknown { nearest, .. } = &error else {
            unreachable!("it is not ambiguous");
        };
        assert_eq!(nearest[0], "chat/llama-70b");
        assert!(error.to_string().contains("the nearest names are chat/llama-70b, "));
        let error = find(&sample::empty(), "x").unwrap_err().to_string();
        assert_eq!(error, "no workload with GPUs is called `x`; the plan has no workloads");
    }
}
