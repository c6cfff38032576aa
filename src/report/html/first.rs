//! The answer: what to do first, why, what it saves, and how to do it and undo it; then the figures that the rest explains.

use crate::model::plan::Row;
use crate::model::units::Monthly;

use super::super::figures::{count, percent};
use super::super::headline::{basis, headline};
use super::super::names::change;
use super::super::proof::{grade, level};
use super::super::why::why;
use super::super::words::{opening, sentence};
use super::super::worth::{effect, given_back, is_priced, is_to_do, leaves_bill, to_do};
use super::element::{Element, el, p, span};
use super::svg::scale::percent as width;
use super::{Page, row};

pub(super) fn section(page: &Page<'_>) -> Element {
    let mut rows = page.plan.accepted.iter().enumerate();
    let answer = match rows.find(|(_, row)| is_to_do(row)) {
        Some((at, first)) => change_first(page, first, at + 1),
        None => nothing_accepted(page),
    };
    el("section")
        .id("first")
        .set("aria-labelledby", "first-title")
        .add(answer)
        .add(tiles(page))
}

/// What a plan without a change says instead.
fn nothing_accepted(page: &Page<'_>) -> Element {
    let [.., first] = headline(page.plan, &page.names);
    let card = el("div")
        .class("card first")
        .add(el("p").class("overline").text("Do this first"))
        .add(el("h2").id("first-title").text(first.text));
    card.all(first.more.map(|more| p(more).class("why")))
}

/// The first row that is something to do, which stands at this place of the plan.
fn change_first(page: &Page<'_>, first: &Row, at: usize) -> Element {
    let title = el("div")
        .add(el("p").class("overline").text("Do this first"))
        .add(el("h2").id("first-title").text(opening(&first.title)))
        .add(p(change(first)).class("quiet"))
        .add(p(why(first)).class("why"))
        .all(before_larger(page, first).map(|text| p(text).class("small quiet")));
    let head = el("div").class("first-head").add(title).add(worth(page, first));
    let more = to_do(&page.plan.accepted).saturating_sub(1);
    let others = (more > 0).then(|| {
        let others = count(more, "other change", "other changes");
        el("a").to("changes").text(format!("and {others} to decide on"))
    });
    let own = el("a")
        .to(&format!("{}-{at}", Page::CHANGE))
        .text("Its evidence and proof");
    let rest = p("")
        .class("small quiet")
        .add(own)
        .all(others.map(|others| el("span").text(" · ").add(others)));
    el("div")
        .class("card first")
        .add(head)
        .add(facts(page, first))
        .all(row::command(page, first).map(|command| {
            el("div").class("facts").add(
                el("div")
                    .add(span("small quiet", "To make the pull request"))
                    .add(command),
            )
        }))
        .add(rest)
}

/// Why it stands before one that saves more.
fn before_larger(page: &Page<'_>, first: &Row) -> Option<String> {
    let saves = |row: &Row| leaves_bill(page.plan, row).map_or(0.0, Monthly::get);
    let decisions = page.plan.accepted.iter().filter(|row| is_to_do(row));
    let largest = decisions.max_by(|a, b| saves(a).total_cmp(&saves(b)))?;
    if saves(largest) <= saves(first) {
        return None;
    }
    Some(format!(
        "It comes first for its risk, which is {}: {} saves more, {} a month, at {} risk. Medium risk must save twice as much to come first, \
         high risk four times.",
        level(first.risk),
        page.names.of(&largest.subject),
        page.money(Monthly::new(saves(largest))),
        level(largest.risk)
    ))
}

fn worth(page: &Page<'_>, first: &Row) -> Element {
    let saves = leaves_bill(page.plan, first).filter(|amount| amount.get() > 0.0);
    let worth = el("div").class("worth");
    match saves {
        Some(amount) => worth
            .add(el("strong").text(page.money(amount)))
            .add(p("a month leaves the bill").class("quiet small")),
        None if is_priced(page.plan, first) => worth
            .add(el("strong").text(page.money(first.saving.frees_capacity_monthly)))
            .add(p("a month of capacity is freed").class("quiet small")),
        None => worth.add(p(effect(page.plan, first)).class("quiet")),
    }
}

fn facts(page: &Page<'_>, first: &Row) -> Element {
    let fact = |name: &str, what: Element| el("div").add(el("dt").text(name)).add(el("dd").add(what));
    let risk = el("span").add(row::risk(first.risk)).text(format!(
        " {}; confidence {}",
        grade(first),
        level(first.confidence)
    ));
    let owner = page.names.owner(&first.subject);
    let owner = owner.unwrap_or_else(|| "nobody is named".to_owned());
    let before = match first.needs_human.first() {
        Some(need) => opening(&sentence(need)),
        None => "Nothing but the review of the pull request.".to_owned(),
    };
    el("dl")
        .class("facts")
        .add(fact("Saves", el("span").text(opening(&effect(page.plan, first)))))
        .add(fact("Who decides", el("span").text(owner)))
        .add(fact("Before it", el("span").text(before)))
        .add(fact("Risk and proof", risk))
        .add(fact(
            "How to undo it",
            el("span").text(opening(&sentence(&first.rollback))),
        ))
}

fn tiles(page: &Page<'_>) -> Element {
    el("div")
        .class("tiles")
        .add(spend(page))
        .all(saving(page))
        .add(judged(page))
}

fn tile(name: Element, figure: &str, about: &str) -> Element {
    el("div")
        .class("tile")
        .add(name)
        .add(el("strong").text(figure))
        .add(p(about))
}

fn overline(swatch: Option<&str>, text: &str) -> Element {
    let swatch = swatch.map(|class| el("span").class(&format!("swatch {class}")).set("aria-hidden", "true"));
    el("p").class("overline").all(swatch).text(text)
}

fn spend(page: &Page<'_>) -> Element {
    match &page.plan.spend {
        Some(spend) => tile(
            overline(Some("grey"), "Spend today"),
            &page.money(spend.monthly),
            &format!(
                "a month, {}. No workload held {} of it.",
                basis(spend),
                page.money(spend.unallocated_monthly)
            ),
        ),
        None => tile(
            overline(Some("grey"), "Spend today"),
            "unknown",
            "No node has a price. --costs URL reads Kubecost or OpenCost.",
        ),
    }
}

/// Two amounts that are not to be added: what leaves the bill, and what only others can use.
fn saving(page: &Page<'_>) -> [Element; 2] {
    let plan = page.plan;
    let (leaves, frees) = (
        overline(Some("solid"), "Leaves the bill"),
        overline(Some("hatched"), "Only freed"),
    );
    let freed = given_back(&plan.accepted);
    let Some(spend) = plan.spend.as_ref().filter(|_| plan.saving.monthly.mid.is_some()) else {
        return [
            tile(leaves, "unknown", "Prices are missing."),
            tile(frees, "unknown", &format!("With the changes: {freed}.")),
        ];
    };
    let share = plan.saving.leaves_bill_monthly.get() / spend.monthly.get();
    let interval = match (plan.saving.monthly.low, plan.saving.monthly.high) {
        (Some(low), Some(high)) => format!(
            " With what is only freed, between {} and {}.",
            page.money(Monthly::new(low)),
            page.money(Monthly::new(high))
        ),
        _ => String::new(),
    };
    [
        tile(
            leaves,
            &page.money(plan.saving.leaves_bill_monthly),
            &format!(
                "a month, {} of spend, with {}.{interval}",
                percent(Some(share)),
                count(to_do(&plan.accepted), "change", "changes")
            ),
        ),
        tile(
            frees,
            &page.money(plan.saving.frees_capacity_monthly),
            &format!("a month of capacity that others can use; the bill stays. In all {freed}."),
        ),
    ]
}

fn judged(page: &Page<'_>) -> Element {
    let coverage = &page.plan.coverage;
    let parts = [
        ("judged", coverage.spend_judged, "f"),
        ("cannot be told", coverage.spend_unknown, "fw"),
        ("out of scope", coverage.spend_out_of_scope, "fq"),
    ];
    let tile = el("div").class("tile").add(overline(None, "Judged"));
    if parts.iter().all(|(_, share, _)| share.is_none()) {
        let seen = count(coverage.workloads as usize, "workload", "workloads");
        return tile
            .add(el("strong").text("unknown"))
            .add(p(format!("The share of spend is unknown; {seen} with GPUs seen.")));
    }
    let mut from = 0.0;
    let bars = parts.iter().filter_map(|(_, share, class)| {
        let share = share.filter(|share| share.is_finite())?.clamp(0.0, 1.0);
        let bar = el("rect")
            .class(class)
            .put("x", width(from))
            .put("width", width(share))
            .put("height", "8");
        from += share;
        Some(bar)
    });
    let words: Vec<String> = parts
        .iter()
        .map(|(name, share, _)| format!("{} {name}", percent(*share)))
        .collect();
    let bars: Vec<Element> = bars.collect();
    tile.add(el("strong").text(percent(coverage.spend_judged)))
        .add(
            el("svg")
                .class("chart")
                .put("role", "img")
                .put("aria-labelledby", "judged-t judged-d")
                .put("height", "8")
                .put("width", "100%")
                .add(el("title").id("judged-t").text("Share of spend that was judged"))
                .add(el("desc").id("judged-d").text(words.join(", ")))
                .all(bars),
        )
        .add(
            p("of spend. ")
                .text(format!(
                    "{} cannot be told, {} is out of scope: ",
                    percent(coverage.spend_unknown),
                    percent(coverage.spend_out_of_scope)
                ))
                .add(el("a").to("unseen").text("what is missing"))
                .text("."),
        )
}
