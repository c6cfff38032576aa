//! `## Spend by team`: what each holds and pays, and what the plan takes off its bill.

use crate::model::plan::Plan;
use crate::model::units::Monthly;

use super::super::figures::{UNKNOWN, gpus, maybe_money, percent};
use super::super::names::Names;
use super::super::teams::teams;
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
    let all: Monthly = teams.iter().map(|team| team.worth.known).sum();
    let mut text = format!("## Spend by team\n\n{HEADER}");
    for team in teams.iter().take(TEAMS) {
        let share = Some(team.worth.known.get() / all.get()).filter(|share| share.is_finite());
        let leaves = team
            .leaves(plan, names)
            .map_or_else(|| "-".to_owned(), |worth| worth.text(&plan.currency));
        text.push_str(&table_row(&[
            team.name.map_or_else(|| "nobody is named".to_owned(), str::to_owned),
            maybe_money(team.monthly(), &plan.currency),
            share.map_or_else(|| UNKNOWN.to_owned(), |share| percent(Some(share))),
            gpus(team.gpus()),
            leaves,
        ]));
    }
    if teams.len() > TEAMS {
        let others: Monthly = teams[TEAMS..].iter().map(|team| team.worth.known).sum();
        let line = format!(
            "{} other teams, {} a month: `gpuwise cost --by team` has each.",
            teams.len() - TEAMS,
            maybe_money(Some(others), &plan.currency)
        );
        text.push_str(&format!("\n{}\n", escaped(&line)));
    }
    Some(text)
}
