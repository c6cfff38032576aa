//! Return on investment: what is commonly promised beside what this cluster would see, spend before and after by category, and how
//! soon each change has paid for the work of making it.

use crate::model::returns::{Promise, Returns};

use super::super::figures::{UNKNOWN, count, number, percent};
use super::super::words::{opening, sentence};
use super::Page;
use super::element::{Element, cell, chapter, el, more, p, span, stacked, table};

pub(super) fn section(page: &Page<'_>) -> Option<Element> {
    let returns = page.plan.returns.as_ref()?;
    Some(section_of(page, returns))
}

fn section_of(page: &Page<'_>, returns: &Returns) -> Element {
    let payback = match returns.payback_days {
        Some(days) => format!("what leaves the bill has paid for that after {}", in_days(days)),
        None => "nothing leaves the bill that could pay for it".to_owned(),
    };
    let lead = format!(
        "Making all accepted changes takes about {} hours of work, {}; {payback}.",
        number(returns.effort_hours),
        page.sum(returns.effort_cost)
    );
    let promised = (!returns.promised.is_empty()).then(|| promised(page, &returns.promised));
    let categories = (!returns.categories.is_empty()).then(|| categories(page, returns));
    let changes = (!returns.changes.is_empty()).then(|| changes(page, returns));
    chapter("returns", "Return on investment", &lead)
        .all(promised)
        .all(categories)
        .all(changes)
}

fn in_days(days: f64) -> String {
    match days {
        days if days < 1.0 => "less than a day".to_owned(),
        days => count(days.round() as usize, "day", "days"),
    }
}

fn promised(page: &Page<'_>, promises: &[Promise]) -> Element {
    let rows = promises.iter().map(|promise| {
        vec![
            el("div")
                .add(cell(opening(&promise.strategy)))
                .add(p(&promise.source).class("small quiet")),
            cell(percent(Some(promise.promised_share))),
            cell(percent(promise.here_share)),
            cell(page.maybe(promise.here_monthly)),
            cell(page.maybe(promise.applies_to_monthly)),
            el("div")
                .add(cell(opening(&sentence(&promise.because))))
                .all(not_counted(page, promise)),
        ]
    });
    el("div")
        .class("card")
        .add(el("h3").text("What is promised, and what it would bring here"))
        .add(stacked(
            "Shares are of what the workloads cost that a strategy would change here; held back and experiments are in it",
            &[
                "Strategy",
                "#Promised",
                "#Here",
                "#Saves a month",
                "#Of workloads that cost",
                "Why",
            ],
            rows,
        ))
}

fn not_counted(page: &Page<'_>, promise: &Promise) -> Option<Element> {
    let amount = promise.not_counted_monthly?;
    (amount.to_cents().get() > 0.0).then(|| {
        let text = format!("{} of it is only worth trying or held back.", page.money(amount));
        p(text).class("small quiet")
    })
}

fn categories(page: &Page<'_>, returns: &Returns) -> Element {
    let rows = returns.categories.iter().map(|row| {
        let name = match row.category.as_str() {
            "gpu" => "GPUs".to_owned(),
            other => opening(other),
        };
        let change = row.before_monthly.zip(row.after_monthly);
        let change = change.map_or_else(|| UNKNOWN.to_owned(), |(before, after)| page.money(after - before));
        vec![
            cell(name),
            cell(page.maybe(row.before_monthly)),
            cell(page.maybe(row.after_monthly)),
            cell(change),
        ]
    });
    el("div")
        .class("card")
        .add(el("h3").text("Before and after, by category"))
        .add(table(
            "Spend a month, once what leaves the bill has left it",
            &["Category", "#Now", "#After", "#Change"],
            rows,
        ))
}

fn changes(page: &Page<'_>, returns: &Returns) -> Element {
    let rows: Vec<Vec<Element>> = returns
        .changes
        .iter()
        .map(|change| {
            let found = page
                .plan
                .accepted
                .iter()
                .enumerate()
                .find(|(_, row)| row.id == change.id);
            let name = match found {
                Some((at, row)) => el("a")
                    .to(&format!("{}-{}", Page::CHANGE, at + 1))
                    .text(page.names.of(&row.subject)),
                None => span("quiet", &change.id),
            };
            let payback = change.payback_days.map_or_else(|| "–".to_owned(), in_days);
            vec![
                name,
                cell(number(change.effort_hours)),
                cell(page.sum(change.effort_cost)),
                cell(payback),
            ]
        })
        .collect();
    let table = table(
        "What each accepted change takes, and how soon what leaves the bill has paid for it",
        &["Change", "#Hours of work", "#Cost of it", "#Paid back after"],
        rows,
    );
    el("div").class("card").add(more("Change by change", table))
}
