//! Where the money goes: spend by what it is for beside what is usual, and the walk from spend today to spend after.

use std::collections::BTreeMap;

use crate::model::units::Monthly;

use super::super::figures::{UNKNOWN, percent};
use super::super::words::{opening, sentence};
use super::super::worth::overlap;
use super::Page;
use super::element::{Element, cell, chapter, el, more, p, table};
use super::svg::shares::{Part, shares};
use super::svg::waterfall::{Kind, Step, begins_at, waterfall};
use super::svg::{drawing, legend};

/// Groups of changes that have a bar of their own.
const GROUPS: usize = 8;

pub(super) fn section(page: &Page<'_>) -> Element {
    let found = section_head();
    if page.plan.spend.is_none() {
        return found.add(p(
            "No node has a price, so nothing can be said of money: --costs URL reads Kubecost or OpenCost.",
        ));
    }
    let walk = walk(page);
    found.add(el("div").class("pair").all(composition(page)).all(walk))
}

fn section_head() -> Element {
    chapter("money", "Where the money goes", "")
}

fn composition(page: &Page<'_>) -> Option<Element> {
    let parts = parts(page)?;
    let compared = parts.iter().any(|part| part.usual.is_some());
    let unallocated = page.plan.spend.as_ref()?.unallocated_monthly;
    let said: Vec<String> = parts
        .iter()
        .map(|part| match part.usual {
            Some(usual) => format!("{}: {} (usually {})", part.label, part.said, percent(Some(usual))),
            None => format!("{}: {}", part.label, part.said),
        })
        .collect();
    let chart = shares(
        "composition",
        &parts,
        ("Spend by what it is for", &format!("{}.", said.join("; "))),
    );
    let mut marks = vec![("solid", "held by workloads"), ("soft", "held by nobody")];
    if compared {
        marks.push(("tick", "usual share"));
    }
    let stands_out = page.plan.finops.iter().flat_map(|finops| &finops.composition);
    let stands_out = stands_out.filter_map(|row| row.stands_out.as_ref());
    let stands_out: Vec<Element> = stands_out
        .map(|words| p(opening(&sentence(words))).class("small"))
        .collect();
    let caption = format!(
        "Of what is spent on GPUs, no workload held {} a month.",
        page.money(unallocated)
    );
    Some(
        el("div")
            .class("card stack")
            .add(el("h3").text("Composition"))
            .add(drawing(&caption, chart, [legend(&marks)]))
            .all(stands_out)
            .add(figures_of(&parts)),
    )
}

fn figures_of(parts: &[Part]) -> Element {
    let rows = parts.iter().map(|part| {
        vec![
            cell(&part.label),
            cell(&part.said),
            cell(
                part.usual
                    .map_or_else(|| UNKNOWN.to_owned(), |usual| percent(Some(usual))),
            ),
        ]
    });
    more(
        "The same as a table",
        table(
            "Spend by what it is for",
            &["Category", "#A month", "#Usual share"],
            rows,
        ),
    )
}

/// Spend by category: as the plan compares it, else as it was read.
fn parts(page: &Page<'_>) -> Option<Vec<Part>> {
    let spend = page.plan.spend.as_ref()?;
    let total = spend.monthly.get();
    let held_by_nobody = spend.unallocated_monthly.get() / total;
    let part = |name: &str, monthly: Option<Monthly>, share: Option<f64>, usual: Option<f64>| Part {
        label: match name {
            "gpu" => "GPUs".to_owned(),
            other => opening(other),
        },
        said: match monthly {
            Some(amount) => format!("{}, {}", page.money(amount), percent(share)),
            None => UNKNOWN.to_owned(),
        },
        share,
        apart: (name == "gpu").then_some(held_by_nobody).filter(|share| *share > 0.0),
        usual,
    };
    let compared = page.plan.finops.as_ref().map(|finops| &finops.composition);
    if let Some(rows) = compared.filter(|rows| !rows.is_empty()) {
        let rows = rows
            .iter()
            .map(|row| part(&row.category, row.monthly, row.share, Some(row.usual_share)));
        return Some(rows.collect());
    }
    let by = &spend.by_category;
    let all = [
        ("gpu", Some(by.gpu)),
        ("storage", by.storage),
        ("network", by.network),
        ("other", by.other),
    ];
    let share = |amount: Option<Monthly>| Some(amount?.get() / total).filter(|share| share.is_finite());
    Some(
        all.into_iter()
            .map(|(name, amount)| part(name, amount, share(amount), None))
            .collect(),
    )
}

/// From spend today to spend after; `None` where the plan saves nothing that is known.
fn walk(page: &Page<'_>) -> Option<Element> {
    let steps = steps(page)?;
    let begin = begins_at(&steps);
    let said: Vec<String> = steps
        .iter()
        .map(|step| format!("{}: {}", step.label, step.said))
        .collect();
    let chart = waterfall(
        &steps,
        ("From spend today to spend after", &format!("{}.", said.join("; "))),
    );
    let mut caption = match overlap(page.plan) {
        Some(overlap) => format!(
            "What each lever would save were it alone. Overlap: {}",
            sentence(&overlap)
        ),
        None => "What each lever would save were it alone.".to_owned(),
    };
    if begin > 0.0 {
        caption.push_str(&format!(" Bars begin at {}, not at zero.", page.tick(begin)));
    }
    let rows = steps.iter().map(|step| vec![cell(&step.label), cell(&step.said)]);
    let rows: Vec<Vec<Element>> = rows.collect();
    Some(
        el("div")
            .class("card stack")
            .add(el("h3").text("From spend today to spend after"))
            .add(drawing(
                &caption,
                chart,
                [legend(&[
                    ("solid", "saved, were it alone"),
                    ("amber", "counted twice"),
                    ("hatched", "freed, and still on the bill"),
                ])],
            ))
            .add(more(
                "The same as a table",
                table("From spend today to spend after", &["Step", "#A month"], rows),
            )),
    )
}

/// Changes by the levers that ask for them, with what they would save alone, the most first; those of small worth together.
fn groups(page: &Page<'_>) -> Vec<(String, f64)> {
    let mut found: BTreeMap<String, (f64, usize)> = BTreeMap::new();
    for row in &page.plan.accepted {
        let alone = row.saving.alone_monthly.get();
        // What a node pool adds is what the changes on it save together: alone it is nothing.
        if row.subject.kind == "NodePool" && alone.abs() < 0.005 {
            continue;
        }
        let group = found.entry(row.levers.join(" + ")).or_default();
        *group = (group.0 + alone, group.1 + 1);
    }
    let mut groups: Vec<(String, f64)> = found
        .into_iter()
        .map(|(levers, (alone, count))| match count {
            1 => (levers, alone),
            many => (format!("{levers} × {many}"), alone),
        })
        .collect();
    groups.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    if groups.len() > GROUPS {
        let rest: f64 = groups.drain(GROUPS - 1..).map(|(_, alone)| alone).sum();
        groups.push(("other levers".to_owned(), rest));
    }
    groups
}

/// The steps of the walk: they begin at the plan's spend and end at it less what leaves the bill, to the cent.
pub(super) fn steps(page: &Page<'_>) -> Option<Vec<Step>> {
    let plan = page.plan;
    let spend = plan.spend.as_ref()?.monthly.get();
    plan.saving.monthly.mid.filter(|_| !plan.accepted.is_empty())?;
    let mut steps = vec![Step {
        kind: Kind::Level,
        label: "Spend today".to_owned(),
        said: page.tick(spend),
        from: 0.0,
        to: spend,
    }];
    let mut at = spend;
    let mut walk = |kind: Kind, label: String, change: f64| {
        let amount = page.tick(change.abs());
        let said = match change {
            change if change > 0.005 => format!("+{amount}"),
            change if change < -0.005 => format!("−{amount}"),
            _ => "none".to_owned(),
        };
        steps.push(Step {
            kind,
            label,
            said,
            from: at,
            to: at + change,
        });
        at += change;
    };
    for (label, alone) in groups(page) {
        walk(Kind::Saved, label, -alone);
    }
    let overlap = plan.saving.overlap_monthly.get();
    let twice = if overlap < 0.0 {
        "Saved only together"
    } else {
        "Overlap: counted twice"
    };
    walk(Kind::Overlap, twice.to_owned(), overlap);
    walk(
        Kind::Freed,
        "Freed, and still on the bill".to_owned(),
        plan.saving.frees_capacity_monthly.get(),
    );
    let after = spend - plan.saving.leaves_bill_monthly.get();
    steps.push(Step {
        kind: Kind::Level,
        label: "Spend after".to_owned(),
        said: page.tick(after),
        from: 0.0,
        to: after,
    });
    Some(steps)
}
