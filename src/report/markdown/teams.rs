//! `## Spend by team`: what each holds and pays, and what the plan takes off its bill.

use crate::model::plan::Plan;

use super::super::figures::{count, gpus, percent};
use super::super::names::Names;
use super::super::teams::{teams, together};
use super::{escaped, table_row};

/// Teams that are shown.
const TEAMS: usize = 8;

const HEADER: &str = "\
| Team | A month | Share | GPUs held | Leaves the bill |
|---|--:|--:|--:|--:|
";

/// Nothing without workloads.
pub(super) fn section(plan: &Plan, names: &Names<'_>) -> Option<String> {
    let teams = teams(plan);
    if teams.is_empty() {
        return None;
    }
    let all = together(&teams);
    let mut text = format!("## Spend by team\n\n{HEADER}");
    for team in teams.iter().take(TEAMS) {
        let leaves = team
            .leaves(plan, names)
            .map_or_else(|| "-".to_owned(), |worth| worth.amount(&plan.currency));
        text.push_str(&table_row(&[
            team.name.map_or_else(|| "nobody is named".to_owned(), str::to_owned),
            team.worth.amount(&plan.currency),
            percent(team.share(all)),
            gpus(team.gpus()),
            leaves,
        ]));
    }
    if let Some(others) = teams.get(TEAMS..).filter(|others| !others.is_empty()) {
        let line = format!(
            "{}, {}: `gpuwise cost --by team` has each.",
            count(others.len(), "other team", "other teams"),
            together(others).text(&plan.currency)
        );
        text.push_str(&format!("\n{}\n", escaped(&line)));
    }
    Some(text)
}
