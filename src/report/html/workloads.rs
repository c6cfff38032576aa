//! Every workload with GPUs, in a line each: its verdict, what it costs, how busy it was; opened, its history.

use std::collections::BTreeSet;

use crate::model::history::HistoryRow;
use crate::model::plan::{Verdict, WorkloadRow};
use crate::model::workload::{CapacityType, Class};

use super::super::figures::{UNKNOWN, busy as busy_in_words, count, gpus_in_words, number, percent};
use super::super::words::opening;
use super::Page;
use super::changes::{choice, field, text};
use super::element::{Element, cell, chapter, el, p, span};
use super::svg::history::spark;
use super::workload::{course, history, is_many, latencies, marks_of};

/// Steps of a chart as small as a word, of few workloads and of many: each is a whole number of steps of the larger charts.
const SPARK: usize = 42;
const FEWER_SPARK: usize = 21;

pub(super) fn section(page: &Page<'_>) -> Element {
    let rows = &page.plan.workloads;
    let found = section_head();
    if rows.is_empty() {
        return found.add(p("No workload with GPUs was seen."));
    }
    // The most expensive first; places in the page are those of the plan's order.
    let mut order: Vec<&WorkloadRow> = rows.iter().collect();
    let cost = |row: &WorkloadRow| row.monthly.map_or(-1.0, |monthly| monthly.get());
    order.sort_by(|a, b| cost(b).total_cmp(&cost(a)));
    let items = order.iter().enumerate().map(|(at, row)| item(page, row, at + 1));
    found
        .add(filters(page))
        .add(el("p").id("works-tally").class("tally").put("aria-live", "polite"))
        .all(is_many(page).then(marks_of))
        .add(el("ol").id("works").class("rows works").all(items))
}

fn section_head() -> Element {
    chapter(
        "workloads",
        "Every workload",
        "The most expensive first. Keep means that every lever finds it right as it is; unknown, that at least one could not \
         tell. `gpuwise explain --why NAME` tells the whole story of one.",
    )
}

fn filters(page: &Page<'_>) -> Element {
    let rows = &page.plan.workloads;
    let owners: BTreeSet<String> = rows.iter().filter_map(|row| row.owner.clone()).collect();
    let verdicts = [Verdict::Change, Verdict::Keep, Verdict::Unknown].map(|verdict| verdict_word(verdict).to_owned());
    let orders = [("rank", "Most expensive"), ("gpus", "GPUs held"), ("busy", "Busiest")];
    let orders = orders.map(|(value, words)| el("option").put("value", value).text(words));
    el("form")
        .class("filters")
        .put("data-list", "works")
        .put("data-noun", "workloads")
        .put("role", "search")
        .put("aria-label", "Filter the workloads")
        .flag("hidden")
        .add(field("Find", text("Name or team")))
        .add(choice("Owner", "owner", &owners))
        .add(choice("Verdict", "verdict", &verdicts.into_iter().collect()))
        .add(field("Order", el("select").flag("data-order").all(orders)))
        .add(el("button").put("type", "reset").class("plain-button").text("Reset"))
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Change => "change",
        Verdict::Keep => "keep",
        Verdict::Unknown => "unknown",
    }
}

fn verdict(verdict: Verdict) -> Element {
    let class = match verdict {
        Verdict::Change => "mark accent",
        Verdict::Keep => "mark good",
        Verdict::Unknown => "mark unknown",
    };
    el("span").class("verdict").add(span(class, verdict_word(verdict)))
}

fn item(page: &Page<'_>, row: &WorkloadRow, at: usize) -> Element {
    let place = page.places.get(row.id.as_str()).cloned().unwrap_or_default();
    let steps = if is_many(page) { FEWER_SPARK } else { SPARK };
    let course = row
        .history
        .as_ref()
        .map(|history| course(page, history).in_steps(steps));
    let spark = match course.filter(|course| course.mean.iter().any(Option::is_some)) {
        Some(course) => spark(&course),
        None => span("spark quiet small", ""),
    };
    let busy = row.gpu_busy.as_ref();
    // Of four GPUs of which two rest, the median says that all do.
    let mean = row.history.as_ref().and_then(mean);
    let how_busy = match (busy, mean) {
        (Some(busy), Some(mean)) => format!("{} busy on average", busy_in_words(mean, &busy.signal)),
        (Some(busy), None) => format!("{} busy at p50", busy_in_words(busy.p50, &busy.signal)),
        (None, _) => UNKNOWN.to_owned(),
    };
    let owner = row.owner.as_deref().unwrap_or("nobody is named");
    let kind = row.gpu.as_deref().unwrap_or("GPUs of unknown kind");
    let summary = el("summary")
        .add(
            el("span")
                .add(span("name", page.names.of_workload(row)))
                .add(el("br"))
                .add(span("what", format!("{owner} · {} {kind}", number(row.gpus.get())))),
        )
        .add(verdict(row.verdict))
        .add(spark)
        .add(span("busy number quiet small", how_busy))
        .add(span("amount", page.maybe(row.monthly)));
    let mut item = el("li")
        .id(&place)
        .put("data-rank", at.to_string())
        .set("data-owner", row.owner.as_deref().unwrap_or(""))
        .put("data-verdict", verdict_word(row.verdict))
        .put("data-gpus", row.gpus.get().to_string());
    if let Some(busy) = busy {
        item = item.put("data-busy", mean.unwrap_or(busy.p50).to_string());
    }
    item.add(el("details").add(summary).add(inside(page, row, &place)))
}

/// How busy its GPUs were over the days on which that was measured.
fn mean(history: &HistoryRow) -> Option<f64> {
    let measured = history
        .days
        .iter()
        .filter_map(|day| Some((day.busy_gpu_hours?, day.gpu_hours)));
    let (busy, held) = measured.fold((0.0, 0.0), |sum, day| (sum.0 + day.0, sum.1 + day.1));
    (held > 0.0).then(|| (busy / held).clamp(0.0, 1.0))
}

fn inside(page: &Page<'_>, row: &WorkloadRow, place: &str) -> Element {
    let rows = page.rows.get(row.id.as_str()).map_or(&[][..], Vec::as_slice);
    // A chart that stands with a change is not drawn again.
    let chart = match rows {
        [] => history(page, row, &format!("{place}-h")),
        _ => None,
    };
    let nothing =
        (row.history.is_none()).then(|| p("Nothing was measured of its GPUs over the window.").class("quiet"));
    let links = rows
        .iter()
        .map(|(place, row)| el("li").add(el("a").to(place).text(opening(&row.title))));
    let links = (!rows.is_empty()).then(|| {
        el("div")
            .add(el("h4").text("What is proposed, with its history"))
            .add(el("ul").class("list").all(links))
    });
    el("div")
        .class("inside")
        .add(facts(page, row))
        .all(links)
        .all(chart)
        .all(nothing)
        .all(latencies(row))
}

fn facts(page: &Page<'_>, row: &WorkloadRow) -> Element {
    let fact = |name: &str, what: String| el("div").add(el("dt").text(name)).add(el("dd").add(cell(what)));
    let class = match row.class {
        Class::Training => "training",
        Class::Inference => "inference",
        Class::Batch => "batch",
        Class::Notebook => "notebook",
        Class::Unknown => UNKNOWN,
    };
    let capacity = match row.capacity_type {
        CapacityType::OnDemand => "on demand",
        CapacityType::Spot => "spot",
        CapacityType::Reserved => "reserved",
        CapacityType::Unknown => "capacity of unknown type",
    };
    let busy = match &row.gpu_busy {
        Some(busy) => format!(
            "{} at p50, {} at p95, {} at p99, by {} ({} of samples there)",
            busy_in_words(busy.p50, &busy.signal),
            busy_in_words(busy.p95, &busy.signal),
            busy_in_words(busy.p99, &busy.signal),
            busy.signal,
            percent(Some(busy.coverage))
        ),
        None => UNKNOWN.to_owned(),
    };
    let kind = row.gpu.as_deref().unwrap_or("of unknown kind");
    let price = match (&row.monthly, &row.price) {
        (Some(_), Some(price)) => format!("{} a month; {}, {}", page.maybe(row.monthly), price.source, price.as_of),
        _ => page.maybe(row.monthly),
    };
    let bounds: Vec<String> = row
        .objectives
        .iter()
        .map(|bound| {
            let seen = bound.seen.map_or_else(|| UNKNOWN.to_owned(), number);
            format!(
                "{}: at most {} {}, seen {seen}",
                bound.what,
                number(bound.at_most),
                bound.unit
            )
        })
        .collect();
    let bounds = (!bounds.is_empty()).then(|| fact("Bounds", bounds.join("; ")));
    el("dl")
        .class("facts")
        .add(fact(
            "Work",
            format!("{class}; {}", count(row.runs as usize, "run", "runs")),
        ))
        .add(fact("GPUs", format!("{} {kind}, {capacity}", gpus_in_words(row.gpus))))
        .add(fact("Cost", price))
        .add(fact("Busy", busy))
        .all(bounds)
}
