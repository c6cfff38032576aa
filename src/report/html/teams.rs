//! Spend by team: what each holds and pays, and what the plan would take off its bill.

use super::super::figures::{gpus, percent};
use super::super::teams::{Team, teams, together};
use super::super::worth::Worth;
use super::Page;
use super::element::{Element, cell, chapter, el, p, span, table};
use super::svg::scale::percent as width;

pub(super) fn section(page: &Page<'_>) -> Element {
    let teams = teams(page.plan);
    let found = section_head();
    if teams.is_empty() {
        return found.add(p("No workload holds GPUs."));
    }
    let all = together(&teams);
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

fn row(page: &Page<'_>, team: &Team<'_>, all: Worth) -> Vec<Element> {
    let currency = &page.plan.currency;
    let share = team.share(all);
    let saves = match team.leaves(page.plan, &page.names) {
        None => cell("–"),
        Some(worth) if worth.whole().is_none() => cell(worth.amount(currency)),
        Some(worth) => span("leaves", worth.amount(currency)),
    };
    let name = match team.name {
        Some(name) => cell(name),
        None => span("quiet", "nobody is named"),
    };
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
        cell(team.worth.amount(currency)),
        cell(percent(share)),
        bar,
        cell(gpus(team.gpus())),
        cell(team.workloads.len().to_string()),
        saves,
    ]
}
