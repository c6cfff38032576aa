//! One change, opened: what becomes what, why, what it saves and takes, its evidence with queries, its proof, and how to undo it.

use serde_json::Value;

use crate::model::plan::Row;
use crate::model::scenario::{Evidence, Level};
use crate::model::units::Monthly;

use super::super::decided::decided_in_words;
use super::super::figures::{UNKNOWN, count, number, percent};
use super::super::names::change;
use super::super::proof::{proof, service};
use super::super::safe::short;
use super::super::why::why;
use super::super::words::{opening, sentence};
use super::super::worth::{effect, is_priced};
use super::element::{Element, cell, el, p, span, table};
use super::{Page, replayed, workload};

/// Letters of a query where there are many workloads: the plan's JSON has all of it.
const SHORT_QUERY: usize = 160;

/// The risk, told by a shape and a word as well as by a colour.
pub(super) fn risk(level: Level) -> Element {
    let (class, words) = match level {
        Level::Low => ("mark good", "low risk"),
        Level::Medium => ("mark warn", "medium risk"),
        Level::High => ("mark bad", "high risk"),
    };
    span(class, words)
}

pub(super) fn inside(page: &Page<'_>, row: &Row, list: &str, at: usize) -> Element {
    let id = format!("{list}-{at}");
    let first_of_workload = page
        .rows
        .get(row.subject.id.as_str())
        .and_then(|rows| rows.first())
        .is_some_and(|(place, _)| *place == id);
    let history = match page.names.workload(&row.subject) {
        Some(workload) if first_of_workload => workload::history(page, workload, &format!("{id}-history")),
        _ => None,
    };
    el("div")
        .class("inside")
        .add(
            el("div")
                .add(p(why(row)))
                .add(p(opening(&sentence(&change(row)))).class("quiet small")),
        )
        .add(facts(page, row))
        .all(
            row.experiment
                .as_ref()
                .map(|run| titled("To try out", p(opening(&sentence(run))))),
        )
        .all(needs(row))
        .all(replayed::section(page, row, &id))
        .all(history.map(|chart| titled("What it held and how busy that was", chart)))
        .all(evidence(page, row))
        .all(
            command(page, row)
                .filter(|_| list == Page::CHANGE)
                .map(|command| titled("To make the pull request", command)),
        )
}

fn titled(title: &str, inside: Element) -> Element {
    el("div").add(el("h4").text(title)).add(inside)
}

fn facts(page: &Page<'_>, row: &Row) -> Element {
    let fact = |name: &str, what: String| el("div").add(el("dt").text(name)).add(el("dd").text(opening(&what)));
    let mut facts = el("dl").class("facts").add(fact("Saves", effect(page.plan, row)));
    if is_priced(page.plan, row) {
        let saving = &row.saving;
        if let (Some(low), Some(high)) = (saving.monthly.low, saving.monthly.high) {
            let amount = |value| page.money(Monthly::new(value));
            facts = facts.add(fact(
                "Both together, nine times in ten",
                format!("{} to {} a month", amount(low), amount(high)),
            ));
        }
        let apart = saving
            .monthly
            .mid
            .map(|mid| (mid - saving.alone_monthly.get()).abs() > 0.5);
        if apart == Some(true) {
            facts = facts.add(fact("Were it the only one", page.money(saving.alone_monthly)));
        }
    }
    facts = facts
        .add(fact("Effect on service", opening(&service(row))))
        .add(fact("Proof", proof(row)))
        .add(fact("To undo it", sentence(&row.rollback)))
        .add(
            el("div")
                .add(el("dt").text(if row.levers.len() == 1 { "Lever" } else { "Levers" }))
                .add(el("dd").all(row.levers.iter().map(|lever| span("tag", lever)))),
        )
        .add(
            el("div")
                .add(el("dt").text("About"))
                .add(el("dd").add(page.link(&row.subject))),
        );
    if let Some(by) = &row.held_by {
        let until = by
            .until
            .as_ref()
            .map_or_else(String::new, |until| format!(", until {until}"));
        facts = facts.add(fact("Held by", format!("{} ({}){until}", by.rule, by.place)));
    }
    if let Some(decision) = &row.decision {
        facts = facts.add(fact("Decided", decided_in_words(decision)));
    }
    facts
}

fn needs(row: &Row) -> Option<Element> {
    if row.needs_human.is_empty() {
        return None;
    }
    let lines = row
        .needs_human
        .iter()
        .map(|need| el("li").prose(opening(&sentence(need))));
    Some(titled("Before it", el("ul").class("list").all(lines)))
}

/// The figures behind it, each with the query that shows it; one that was told just before is not told again.
fn evidence(page: &Page<'_>, row: &Row) -> Option<Element> {
    if row.evidence.is_empty() {
        return None;
    }
    let mut told: Vec<&str> = Vec::new();
    let rows: Vec<Vec<Element>> = row
        .evidence
        .iter()
        .map(|fact| {
            let again = told.contains(&fact.query.as_str()) && fact.query.len() > 60;
            told.push(&fact.query);
            let query = match again {
                true => span("quiet small", "as above"),
                false if workload::is_many(page) => query_of(&short(&fact.query, SHORT_QUERY)),
                false => query_of(&fact.query),
            };
            vec![
                cell(opening(&fact.what)),
                cell(value(fact)),
                cell(coverage(fact)),
                query,
            ]
        })
        .collect();
    let evidence = table(
        "Figures that it stands on",
        &["What", "#Value", "#Samples there", "Signal or query"],
        rows,
    );
    Some(titled("Evidence", evidence))
}

fn query_of(query: &str) -> Element {
    el("div").class("query").add(el("code").text(query))
}

fn value(fact: &Evidence) -> String {
    fact.value.map_or_else(|| "–".to_owned(), number)
}

fn coverage(fact: &Evidence) -> String {
    fact.coverage
        .map_or_else(|| "–".to_owned(), |share| percent(Some(share)))
}

/// The command that makes the pull request of such changes; `None` where there is none to be made, or where a name is none that
/// could be typed as it is.
pub(super) fn command(page: &Page<'_>, row: &Row) -> Option<Element> {
    let workload = page.names.workload(&row.subject)?;
    let typed = |word: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !word.is_empty() && !word.starts_with('-') && word.chars().all(plain)
    };
    if !typed(&workload.namespace) || !row.levers.iter().all(|lever| typed(lever)) {
        return None;
    }
    let levers: String = row.levers.iter().map(|lever| format!(" --lever {lever}")).collect();
    let command = format!(
        "gpuwise pr --repository OWNER/NAME --namespace {}{levers}",
        workload.namespace
    );
    let already = row
        .pull_request
        .as_ref()
        .and_then(|request| request.get("url"))
        .and_then(Value::as_str);
    let about = match already {
        Some(url) => format!("There is one already: {url}"),
        None => format!(
            "With the sources that this report was made from; --dry-run shows it and writes nothing.{}",
            alike(page, row, &workload.namespace)
        ),
    };
    Some(
        el("div")
            .add(el("div").class("command").add(el("code").text(command)))
            .add(p(about).class("small quiet")),
    )
}

/// That the command is for other rows as well, where it is.
fn alike(page: &Page<'_>, row: &Row, namespace: &str) -> String {
    let is = |other: &&Row| {
        let of = page.names.workload(&other.subject);
        let same = of.is_some_and(|of| of.namespace == namespace);
        same && other.id != row.id && other.levers.iter().any(|lever| row.levers.contains(lever))
    };
    match page.plan.accepted.iter().filter(is).count() {
        0 => String::new(),
        others => format!(
            " It makes {} of this namespace and lever as well.",
            count(others, "other change", "other changes")
        ),
    }
}

/// A figure of a replay; `None` where it has none of that name.
pub(super) fn figure(value: &Value, name: &str) -> Option<f64> {
    value.get(name).and_then(Value::as_f64)
}

/// That figure in words.
pub(super) fn told(value: &Value, name: &str) -> String {
    figure(value, name).map_or_else(|| UNKNOWN.to_owned(), number)
}
