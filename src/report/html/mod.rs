//! The plan as one page for a browser: what to do first and why, where the money goes, every change with its proof, every workload
//! with its history, and what could not be seen. One file that needs nothing else: no network, no fonts, no libraries. It reads
//! without scripts; with them lists are filtered and sorted, and the theme is chosen.

mod aside;
mod budgets;
mod changes;
mod element;
mod ending;
mod first;
mod money;
mod past;
mod replayed;
mod returns;
mod row;
mod svg;
mod teams;
mod unusual;
mod workload;
mod workloads;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::model::plan::{Plan, Row, SubjectRef};
use crate::model::units::{Money, Monthly};

use super::figures::{self, count, window};
use super::names::Names;
use element::{Element, el, p};

/// How the page looks.
const STYLE: &str = include_str!("page.css");

/// What the page does.
const SCRIPT: &str = include_str!("page.js");

/// The one script that the page may run, by its SHA-256; a test holds it to [`SCRIPT`].
const SCRIPT_HASH: &str = include_str!("page.js.sha256");

/// The plan, with what every chapter asks of it.
struct Page<'a> {
    plan: &'a Plan,
    names: Names<'a>,
    /// Rows of every list by the workload that they are about: where they stand in the page, and they.
    rows: BTreeMap<&'a str, Vec<(String, &'a Row)>>,
    /// Where workloads stand in the page, by id.
    places: BTreeMap<&'a str, String>,
}

impl<'a> Page<'a> {
    fn new(plan: &'a Plan) -> Self {
        let mut rows: BTreeMap<&str, Vec<(String, &Row)>> = BTreeMap::new();
        for (list, all) in [
            (Page::CHANGE, &plan.accepted),
            (Page::TRY, &plan.experiments),
            (Page::HELD, &plan.held_back),
        ] {
            for (at, row) in all.iter().enumerate() {
                let place = (format!("{list}-{}", at + 1), row);
                rows.entry(row.subject.id.as_str()).or_default().push(place);
            }
        }
        let places = plan.workloads.iter().enumerate();
        let places = places.map(|(at, row)| (row.id.as_str(), format!("workload-{}", at + 1)));
        Self {
            plan,
            names: Names::new(plan),
            rows,
            places: places.collect(),
        }
    }

    const CHANGE: &'static str = "change";
    const TRY: &'static str = "try";
    const HELD: &'static str = "held";

    fn money(&self, amount: Monthly) -> String {
        figures::money(amount, &self.plan.currency)
    }

    fn maybe(&self, amount: Option<Monthly>) -> String {
        figures::maybe_money(amount, &self.plan.currency)
    }

    fn sum(&self, amount: Money) -> String {
        figures::sum(amount, &self.plan.currency)
    }

    fn maybe_sum(&self, amount: Option<Money>) -> String {
        amount.map_or_else(|| figures::UNKNOWN.to_owned(), |amount| self.sum(amount))
    }

    /// Money on an axis.
    fn tick(&self, amount: f64) -> String {
        self.money(Monthly::new(amount))
    }

    /// The name of what a row is about, as a link to it where it stands in the page.
    fn link(&self, subject: &SubjectRef) -> Element {
        let name = self.names.of(subject);
        match self
            .names
            .workload(subject)
            .and_then(|row| self.places.get(row.id.as_str()))
        {
            Some(place) => el("a").to(place).text(name),
            None => el("span").text(name),
        }
    }
}

/// The page.
///
/// Text that comes from the cluster is escaped: no name can end an element or an attribute, and no link leads out of the page.
pub fn html(plan: &Plan) -> String {
    let page = Page::new(plan);
    let chapters = [
        Some(("first", "Do this first", first::section(&page))),
        Some(("money", "Where the money goes", money::section(&page))),
        budgets::section(&page).map(|chapter| ("budgets", "Budgets", chapter)),
        unusual::section(&page).map(|chapter| ("unusual", "Unusual days", chapter)),
        Some(("changes", "Decide this week", changes::section(&page))),
        aside::experiments(&page).map(|chapter| ("experiments", "Experiments", chapter)),
        Some(("held", "Held and snoozed", aside::held(&page))),
        Some(("past", "Past promises, measured", past::section(&page))),
        returns::section(&page).map(|chapter| ("returns", "Return on investment", chapter)),
        Some(("teams", "Spend by team", teams::section(&page))),
        Some(("workloads", "Every workload", workloads::section(&page))),
        Some(("alone", "Left alone and why", ending::alone(&page))),
        Some(("unseen", "Not visible", ending::unseen(&page))),
        Some(("assumptions", "Assumptions", ending::assumptions(&page))),
    ];
    let chapters: Vec<(&str, &str, Element)> = chapters.into_iter().flatten().collect();
    let contents = chapters.iter().map(|(id, title, _)| (*id, *title));
    let contents = contents_of(contents);
    let main = el("main")
        .id("main")
        .all(chapters.into_iter().map(|(.., chapter)| chapter));
    let body = el("body")
        .add(el("a").class("skip").to("main").text("Skip to the answer"))
        .add(svg::shared(workload::frame(&page)))
        .add(
            el("div")
                .class("shell")
                .add(masthead(&page))
                .add(el("div").class("body").add(contents).add(main))
                .add(ending::footer(&page)),
        )
        .add(el("script").verbatim(SCRIPT));
    let html = el("html").set("lang", "en").add(head(&page)).add(body);
    format!("<!DOCTYPE html>\n{html}\n")
}

fn head(page: &Page<'_>) -> Element {
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        SCRIPT_HASH.trim()
    );
    let meta = |name: &'static str, content: &str| el("meta").put("name", name).put("content", content);
    el("head")
        .add(el("meta").put("charset", "utf-8"))
        .add(
            el("meta")
                .put("http-equiv", "Content-Security-Policy")
                .put("content", policy),
        )
        .add(meta("viewport", "width=device-width, initial-scale=1"))
        .add(meta("color-scheme", "light dark"))
        .add(meta("referrer", "no-referrer"))
        .add(meta("generator", concat!("gpuwise ", env!("CARGO_PKG_VERSION"))))
        .add(el("title").text(format!("GPU cost report, {}", place(page))))
        .add(el("style").verbatim(STYLE))
}

/// Which clusters.
fn place(page: &Page<'_>) -> String {
    match page.plan.coverage.clusters.as_slice() {
        [] => "no cluster".to_owned(),
        [one] => one.clone(),
        [one, another] => format!("{one} and {another}"),
        many => format!("{} clusters", many.len()),
    }
}

fn masthead(page: &Page<'_>) -> Element {
    let scene = format!(
        "{}, {}",
        count(page.plan.coverage.gpus as usize, "GPU", "GPUs"),
        window(page.plan.window)
    );
    let title = el("div")
        .add(el("p").class("overline").text("GPU cost report"))
        .add(el("h1").text(place(page)))
        .add(p(scene));
    let toggle = el("button")
        .id("theme")
        .put("type", "button")
        .class("plain-button")
        .flag("hidden")
        .text("Theme");
    el("header").class("masthead").add(title).add(toggle)
}

fn contents_of<'c>(chapters: impl Iterator<Item = (&'c str, &'c str)>) -> Element {
    let links = chapters.map(|(id, title)| el("li").add(el("a").to(id).text(title)));
    el("nav")
        .class("contents")
        .set("aria-label", "Contents")
        .add(el("ol").all(links))
}
