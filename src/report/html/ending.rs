//! What was left alone and why, what could not be seen and what closes each hole, what the figures mean, and where they are from.

use std::collections::BTreeSet;

use crate::model::plan::Plan;

use super::super::assumptions::{Piece, assumptions as lines};
use super::super::figures::{count, number, window};
use super::super::groups::{
    Hole, KeptGroup, UnknownGroup, holes, kept, listed, subjects_in_words, unknown as unknown_groups,
};
use super::super::headline::behind;
use super::super::words::{bare, opening, sentence};
use super::super::worth::Worth;
use super::Page;
use super::element::{Element, chapter, el, p, span};

/// Names that a group of workloads shows; the rest is counted.
const NAMES: usize = 5;

/// Missing things that are shown.
const MISSING: usize = 15;

pub(super) fn alone(page: &Page<'_>) -> Element {
    let found = chapter("alone", "Left alone and why", "");
    if page.plan.kept.is_empty() {
        return found.add(p("Nothing was found right as it is."));
    }
    let groups = kept(page.plan, &page.names);
    let levers = groups.chunk_by(|a, b| a.lever == b.lever);
    let cards = levers.map(|lever| lever_of(page, lever));
    found.add(el("ol").class("rows").all(cards))
}

fn lever_of(page: &Page<'_>, groups: &[KeptGroup<'_>]) -> Element {
    let id = groups.first().map_or("", |group| group.lever);
    let subjects = groups.iter().flat_map(|group| &group.rows).map(|row| &row.subject);
    let summary = el("summary").class("lever").add(
        el("span")
            .add(span("name", id))
            .add(span("what", format!(" leaves {} alone", subjects_in_words(subjects)))),
    );
    let reasons = groups.iter().map(|group| {
        el("li")
            .add(span("tag", group.reason))
            .prose(format!(" {}", reason(page, group)))
    });
    let list = el("ul").class("items").all(reasons);
    el("li").add(el("details").add(summary).add(el("div").class("inside").add(list)))
}

fn reason(page: &Page<'_>, group: &KeptGroup<'_>) -> String {
    let names = &page.names;
    let text = format!(
        "{}, {}: {}.",
        subjects_in_words(group.rows.iter().map(|row| &row.subject)),
        group.worth.text(&page.plan.currency),
        listed(group.rows.iter().map(|row| names.of(&row.subject)), NAMES)
    );
    let Some(first) = group.rows.first() else {
        return text;
    };
    let because = sentence(&first.because);
    match group.rows.iter().all(|row| row.because == first.because) {
        true => format!("{text} {}", opening(&because)),
        false => format!("{text} For {}: {because}", names.of(&first.subject)),
    }
}

pub(super) fn unseen(page: &Page<'_>) -> Element {
    let plan = page.plan;
    let found = chapter(
        "unseen",
        "Not visible",
        "What could not be told, the most expensive first, and what closes each hole.",
    );
    if plan.unknown.is_empty() && plan.coverage.gaps.is_empty() {
        return found.add(p("Nothing that was asked for is missing."));
    }
    let groups = unknown_groups(plan, &page.names);
    let rest = rest(page, &groups);
    let shown = holes(plan, groups, MISSING).into_iter().map(|found| match found {
        Hole::Missing(group) => missing(page, &group),
        Hole::Gap(gap) => hole(
            &bare(&gap.what),
            &behind(plan, gap),
            &opening(&sentence(&gap.why)),
            &sentence(&gap.fix),
        ),
    });
    let list = el("ul").class("items").all(shown).all(rest);
    found.add(el("div").class("card").add(list))
}

fn hole(what: &str, worth: &str, why: &str, fix: &str) -> Element {
    let fix = p("").add(el("b").text("Fix: ")).prose(fix);
    el("li")
        .add(
            el("div")
                .class("head-line")
                .add(el("h3").prose(opening(what)))
                .add(span("quiet small", worth)),
        )
        .add(p(why).class("quiet"))
        .add(fix)
}

fn missing(page: &Page<'_>, group: &UnknownGroup<'_>) -> Element {
    let names = &page.names;
    let what = match group.subjects.first() {
        Some(first) if !group.same => format!("{} (so said of {})", bare(group.missing), names.of(first)),
        _ => bare(group.missing),
    };
    let levers: Vec<&str> = group.levers.iter().copied().collect();
    let scope = format!(
        "Missing for {}: {}. Asked for by {}.",
        subjects_in_words(group.subjects.iter().copied()),
        listed(group.subjects.iter().map(|subject| names.of(subject)), NAMES),
        levers.join(", ")
    );
    hole(
        &what,
        &group.worth.text(&page.plan.currency),
        &scope,
        &sentence(group.fix),
    )
}

fn rest(page: &Page<'_>, groups: &[UnknownGroup<'_>]) -> Option<Element> {
    let rest = groups.get(MISSING..).filter(|rest| !rest.is_empty())?;
    let subjects: BTreeSet<_> = rest.iter().flat_map(|group| &group.subjects).copied().collect();
    let worth = Worth::of(subjects.into_iter().map(|subject| page.names.monthly(subject)));
    Some(el("li").class("quiet").text(format!(
        "And {}, {} behind them: the plan's JSON lists them under `unknown`.",
        count(rest.len(), "more missing thing", "more missing things"),
        worth.text(&page.plan.currency)
    )))
}

pub(super) fn assumptions(page: &Page<'_>) -> Element {
    let items = lines(page.plan).into_iter().map(|pieces| {
        pieces.into_iter().fold(el("li"), |line, piece| match piece {
            Piece::Told(text) => line.text(text),
            Piece::Own(text) => line.prose(text),
        })
    });
    chapter("assumptions", "Assumptions", "").add(el("div").class("card").add(el("ul").class("list").all(items)))
}

pub(super) fn footer(page: &Page<'_>) -> Element {
    let plan: &Plan = page.plan;
    el("footer")
        .add(p(format!(
            "Made by gpuwise {} from {}, {} samples read. Interface {}.",
            env!("CARGO_PKG_VERSION"),
            window(plan.window),
            number(plan.coverage.samples as f64),
            plan.api_version
        )))
        .add(
            p("To make it again: ")
                .add(el("code").text("gpuwise analyze --format html --output report.html"))
                .text(" with the same sources. The same figures for scripts: ")
                .add(el("code").text("--format json"))
                .text(" or ")
                .add(el("code").text("--format csv"))
                .text("."),
        )
}
