//! Spend by team: what each holds and pays, and what the plan would take off its bill.

use std::collections::BTreeMap;

use crate::model::plan::WorkloadRow;
use crate::model::units::{GpuCount, Monthly};

use super::super::figures::{gpus, percent};
use super::super::worth::{Worth, leaves_bill};
use super::Page;
use super::element::{Element, cell, chapter, el, p, span, table};
use super::svg::scale::percent as width;

/// What a team holds and pays.
struct Team<'a> {
    /// `None` for what nobody is named for.
    name: Option<&'a str>,
    workloads: Vec<&'a WorkloadRow>,
    worth: Worth,
}

/// Teams, the most expensive first.
fn teams<'a>(page: &Page<'a>) -> Vec<Team<'a>> {
    let mut found: BTreeMap<Option<&str>, Vec<&WorkloadRow>> = BTreeMap::new();
    for row in &page.plan.workloads {
        let owner = row.owner.as_deref().filter(|owner| !owner.trim().is_empty());
        found.entry(owner).or_default().push(row);
    }
    let mut teams: Vec<Team<'_>> = found
        .into_iter()
        .map(|(name, workloads)| Team {
            name,
            worth: Worth::of(workloads.iter().map(|row| row.monthly)),
            workloads,
        })
        .collect();
    teams.sort_by(|a, b| b.worth.known.get().total_cmp(&a.worth.known.get()));
    teams
}

pub(super) fn section(page: &Page<'_>) -> Element {
    let teams = teams(page);
    let found = section_head();
    if teams.is_empty() {
        return found.add(p("No workload holds GPUs."));
    }
    let all: Monthly = teams.iter().map(|team| team.worth.known).sum();
    let rows: Vec<Vec<Element>> = teams.iter().map(|team| row(page, team, all)).collect();
    found.add(el("div").class("card").add(table(
        "What workloads of each team cost, and what the plan takes off it",
        &[
            "Team",
            "#A month",
            "#Share",
            "",
            "#GPUs held",
            "#Workloads",
            "#Leaves the bill",
        ],
        rows,
    )))
}

fn section_head() -> Element {
    chapter(
        "teams",
        "Spend by team",
        "By what says who owns a workload: a label, an annotation or its namespace. Capacity that no workload held is nobody's.",
    )
}

fn row(page: &Page<'_>, team: &Team<'_>, all: Monthly) -> Vec<Element> {
    let share = Some(team.worth.known.get() / all.get()).filter(|share| share.is_finite());
    let held: GpuCount = team.workloads.iter().map(|row| row.gpus).sum();
    let accepted = page.plan.accepted.iter().filter(|row| {
        let about = page.names.workload(&row.subject);
        about.is_some_and(|about| team.workloads.iter().any(|own| own.id == about.id))
    });
    let parts: Vec<Option<Monthly>> = accepted.map(|row| leaves_bill(page.plan, row)).collect();
    let saves = match (parts.is_empty(), page.plan.spend.is_some()) {
        (true, _) => cell("–"),
        (false, false) => cell("unknown"),
        (false, true) => span("leaves", page.money(Worth::of(parts).known)),
    };
    let name = match team.name {
        Some(name) => cell(name),
        None => span("quiet", "nobody is named"),
    };
    let known = team.workloads.iter().any(|row| row.monthly.is_some());
    let bar = el("svg")
        .class("share")
        .put("aria-hidden", "true")
        .put("height", "10")
        .add(
            el("rect")
                .class("f")
                .put("width", width(share.unwrap_or(0.0)))
                .put("height", "10")
                .put("rx", "2"),
        );
    vec![
        name,
        cell(if known {
            page.money(team.worth.known)
        } else {
            "unknown".to_owned()
        }),
        cell(percent(share)),
        bar,
        cell(gpus(held)),
        cell(team.workloads.len().to_string()),
        saves,
    ]
}
