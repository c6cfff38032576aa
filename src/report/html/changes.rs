//! What to decide: every accepted change in the plan's order, those of this week first, each with all that stands behind it.

use std::collections::BTreeSet;

use crate::model::plan::Row;
use crate::model::scenario::{Level, Move};

use super::super::DECISIONS;
use super::super::figures::{UNKNOWN, count, gpus, money, number};
use super::super::groups::needs;
use super::super::names::change;
use super::super::proof::{grade, level};
use super::super::words::{opening, sentence};
use super::super::worth::{Worth, is_priced, leaves_bill, overlap, replaces};
use super::element::{Element, chapter, el, more, p, span};
use super::{Page, row};

pub(super) fn section(page: &Page<'_>) -> Element {
    let rows = &page.plan.accepted;
    if rows.is_empty() {
        return chapter("changes", "Decide this week", "").add(p("No change can be proposed as it stands."));
    }
    let found = chapter("changes", "Decide this week", &lead(page));
    let columns = el("div")
        .class("columns")
        .put("aria-hidden", "true")
        .add(el("span"))
        .add(el("span"))
        .add(el("span").text("Change"))
        .add(span("number", "Leaves the bill"))
        .add(span("number", "GPUs freed"))
        .add(el("span").text("Risk"))
        .add(el("span").text("Proof"));
    let mut list = el("ol").id("plan").class("rows changes");
    for (at, row) in rows.iter().enumerate() {
        if at == DECISIONS {
            list = list.add(cut(page, &rows[at..]));
        }
        list = list.add(item(page, row, Page::CHANGE, at + 1));
    }
    found
        .add(filters(page))
        .add(el("p").id("plan-tally").class("tally").put("aria-live", "polite"))
        .add(columns)
        .add(list)
        .all(before(page))
}

fn lead(page: &Page<'_>) -> String {
    let overlap = overlap(page.plan).map(|overlap| format!(" Overlap: {}", sentence(&overlap)));
    format!(
        "Best first. Open one for its evidence, its proof and what must be done before it.{}",
        overlap.unwrap_or_default()
    )
}

/// Where what can wait begins.
fn cut(page: &Page<'_>, later: &[Row]) -> Element {
    let worth = Worth::of(later.iter().map(|row| leaves_bill(page.plan, row)));
    el("li")
        .class("cut")
        .put("data-after", DECISIONS.to_string())
        .text(format!(
            "Can wait: {}, {} leaving the bill",
            count(later.len(), "row", "rows"),
            worth.text(&page.plan.currency)
        ))
}

/// How much longer a request may take, where that is much: nobody should have to open a row to learn it.
fn slower(row: &Row) -> Option<String> {
    let times = row.moves.iter().map(|change| match change {
        Move::UseGpu { slowdown, .. } => *slowdown,
        _ => 1.0,
    });
    let times = times.fold(1.0, f64::max);
    (times >= 1.5).then(|| {
        format!(
            "may take up to {} times as long on the GPU",
            number((times * 10.0).round() / 10.0)
        )
    })
}

/// A row of a list; what is filtered and sorted by stands in its attributes.
pub(super) fn item(page: &Page<'_>, row: &Row, list: &str, at: usize) -> Element {
    let names = &page.names;
    let priced = is_priced(page.plan, row);
    let name = names.of(&row.subject);
    let owner = names.owner(&row.subject);
    let summary = el("summary")
        .add(span("rank", at.to_string()))
        .add(
            el("span")
                .add(span("name", &name))
                .all(owner.as_ref().map(|owner| span("quiet small", format!(" {owner}"))))
                .add(el("br"))
                .add(span("what", change(row)))
                .all(slower(row).map(|text| el("span").class("what slower").text(text))),
        )
        .add(amount(page, row))
        .add(span("gpus number", gpus(row.saving.frees_gpus)).all(replaces(row).then(|| span("quiet", "replaced"))))
        .add(el("span").class("risk").add(row::risk(row.risk)))
        .add(span("proof quiet small", grade(row)));
    let mut item = el("li")
        .id(&format!("{list}-{at}"))
        .put("data-rank", at.to_string())
        .set("data-lever", row.levers.join(" "))
        .put("data-risk", level(row.risk))
        .put("data-gpus", freed(row).to_string());
    if priced {
        item = item
            .put("data-leaves", row.saving.leaves_bill_monthly.get().to_string())
            .put("data-frees", row.saving.frees_capacity_monthly.get().to_string());
    }
    if let Some(workload) = names.workload(&row.subject) {
        item = item.set("data-namespace", &workload.namespace);
    }
    item.set("data-owner", owner.unwrap_or_default())
        .add(el("details").add(summary).add(row::inside(page, row, list, at)))
}

/// GPUs that it frees: none where others come in their place.
fn freed(row: &Row) -> f64 {
    if replaces(row) {
        0.0
    } else {
        row.saving.frees_gpus.get()
    }
}

/// What leaves the bill, and apart from it what is only freed.
fn amount(page: &Page<'_>, row: &Row) -> Element {
    let cell = el("span").class("amount");
    let Some(leaves) = leaves_bill(page.plan, row) else {
        return cell.text(UNKNOWN);
    };
    let frees = row.saving.frees_capacity_monthly;
    let currency = &page.plan.currency;
    let freed = (frees.to_cents().get() > 0.0).then(|| {
        span("quiet freed", "")
            .add(span("swatch", "").put("aria-hidden", "true"))
            .text(format!("{} freed", money(frees, currency)))
    });
    let class = if leaves.to_cents().get() > 0.0 {
        "leaves"
    } else {
        "quiet"
    };
    cell.add(span(class, money(leaves, currency))).all(freed)
}

fn filters(page: &Page<'_>) -> Element {
    let rows = &page.plan.accepted;
    let names = &page.names;
    let all = |of: &dyn Fn(&Row) -> Vec<String>| rows.iter().flat_map(of).collect::<BTreeSet<String>>();
    let namespace = |row: &Row| names.workload(&row.subject).map(|workload| workload.namespace.clone());
    el("form")
        .class("filters")
        .put("data-list", "plan")
        .put("data-noun", "rows")
        .put("role", "search")
        .put("aria-label", "Filter the changes")
        .flag("hidden")
        .add(field("Find (press /)", text("Name or change")))
        .add(choice(
            "Owner",
            "owner",
            &all(&|row| names.owner(&row.subject).into_iter().collect()),
        ))
        .add(choice(
            "Namespace",
            "namespace",
            &all(&|row| namespace(row).into_iter().collect()),
        ))
        .add(choice("Lever", "lever", &all(&|row| row.levers.clone())))
        .add(field("Risk", risks()))
        .add(field("Order", order()))
        .add(el("button").put("type", "reset").class("plain-button").text("Reset"))
}

pub(super) fn field(label: &str, control: Element) -> Element {
    el("label").text(label).add(control)
}

pub(super) fn text(hint: &str) -> Element {
    el("input")
        .put("type", "search")
        .put("data-key", "text")
        .put("placeholder", hint)
        .put("autocomplete", "off")
}

/// A list to choose from; `data-key` names the attribute that must be the same.
pub(super) fn choice(label: &str, key: &str, values: &BTreeSet<String>) -> Element {
    let options = values.iter().map(|value| el("option").set("value", value).text(value));
    let any = el("option").put("value", "").text("All");
    field(label, el("select").put("data-key", key).add(any).all(options))
}

fn risks() -> Element {
    let options = [Level::Low, Level::Medium, Level::High]
        .map(|risk| el("option").put("value", level(risk)).text(opening(level(risk))));
    let any = el("option").put("value", "").text("All");
    el("select").put("data-key", "risk").add(any).all(options)
}

fn order() -> Element {
    let orders = [
        ("rank", "Best first"),
        ("leaves", "Leaves the bill"),
        ("frees", "Only freed"),
        ("gpus", "GPUs freed"),
    ];
    let options = orders.map(|(value, words)| el("option").put("value", value).text(words));
    el("select").flag("data-order").all(options)
}

/// What people must do before they merge what is decided this week.
fn before(page: &Page<'_>) -> Option<Element> {
    let now = &page.plan.accepted[..page.plan.accepted.len().min(DECISIONS)];
    let needs = needs(&page.names, now);
    if needs.is_empty() {
        return None;
    }
    let lines = needs.iter().map(|(need, whose)| {
        el("li")
            .text(opening(&sentence(need)))
            .add(span("quiet small", format!(" {}", whose.join(", "))))
    });
    let title = format!(
        "Before you merge what is decided this week: {} to check",
        count(needs.len(), "thing", "things")
    );
    Some(
        el("div")
            .class("callout")
            .add(more(&title, el("ul").class("list").all(lines))),
    )
}
