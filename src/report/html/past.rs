//! What became of what an earlier plan promised, and what it really saved.

use crate::model::since::{Followed, Outcome};

use super::super::figures::{count, percent};
use super::super::realised::figure;
use super::super::safe::short;
use super::super::since::{line, outcome_in_words};
use super::super::words::{opening, sentence};
use super::Page;
use super::element::{Element, cell, chapter, el, p, span, table};
use super::svg::ranges::{Pair, ranges};
use super::svg::{drawing, legend};

/// Letters of a name that a chart has room for.
const NAME: usize = 34;

/// Changes that a chart shows.
const DRAWN: usize = 25;

pub(super) fn section(page: &Page<'_>) -> Element {
    let told = line(page.plan, &page.names);
    let found = chapter("past", "Past promises, measured", "").add(p(told.text));
    let found = found.all(told.more.map(|more| p(more).class("quiet")));
    let Some(since) = &page.plan.since else {
        return found;
    };
    if since.changes.is_empty() {
        return found;
    }
    found
        .all(chart(page, &since.changes))
        .add(el("div").class("card").add(table(
            "What became of each change that was planned",
            &[
                "Change",
                "#Promised a month",
                "What became of it",
                "#Measured a month",
                "How it was measured",
            ],
            since.changes.iter().map(|change| row(page, change)),
        )))
}

fn row(page: &Page<'_>, change: &Followed) -> Vec<Element> {
    let name = match page.places.get(change.subject.id.as_str()) {
        Some(place) => el("a").to(place).text(&change.name),
        None => cell(&change.name),
    };
    let because = change.because.as_ref();
    let class = match change.outcome {
        Outcome::Done => "mark good",
        Outcome::Withdrawn | Outcome::Gone => "mark warn",
        Outcome::Unknown | Outcome::NotAsked => "mark unknown",
        Outcome::Open | Outcome::Held => "mark",
    };
    vec![
        el("div")
            .add(name)
            .all((!change.title.is_empty()).then(|| p(opening(&change.title)).class("small quiet"))),
        cell(page.maybe(change.monthly)),
        el("div")
            .add(span(class, outcome_in_words(change.outcome)))
            .all(because.map(|because| p(opening(&sentence(because))).class("small quiet"))),
        cell(measured(page, change)),
        cell(how(change)),
    ]
}

fn measured(page: &Page<'_>, change: &Followed) -> String {
    let measured = change.measured.as_ref();
    measured.map_or_else(|| "–".to_owned(), |measured| figure(measured, &page.plan.currency))
}

fn how(change: &Followed) -> String {
    let Some(measured) = &change.measured else {
        return "–".to_owned();
    };
    let (before, after) = measured.days;
    let days = format!("{before} days before and {after} after");
    let load = match (&measured.corrected_by, measured.load) {
        (Some(by), Some(load)) => format!(", corrected by {by}: load is {} of what it was", percent(Some(load))),
        (Some(by), None) => format!(", corrected by {by}"),
        (None, _) => ", not corrected for load".to_owned(),
    };
    let because = measured
        .because
        .as_ref()
        .map(|because| format!(" {}", opening(&sentence(because))));
    format!("{days}{load}.{}", because.unwrap_or_default())
}

/// What was promised beside what was measured; nothing where nothing was.
fn chart(page: &Page<'_>, changes: &[Followed]) -> Option<Element> {
    let pairs: Vec<Pair> = changes
        .iter()
        .filter_map(|change| {
            let found = &change.measured.as_ref()?.monthly;
            let came = found.mid?;
            Some(Pair {
                label: short(&change.name, NAME),
                said: page.tick(came),
                before: change.monthly.map(|monthly| monthly.get()),
                came: Some(came),
                ends: found.low.zip(found.high),
            })
        })
        .collect();
    if pairs.is_empty() {
        return None;
    }
    let caption = held(&pairs);
    let chart = ranges(
        "promises",
        &pairs[..pairs.len().min(DRAWN)],
        |at| page.tick(at),
        ("Promised and measured saving a month", &caption),
    );
    let marks = legend(&[("ringed", "promised"), ("round", "measured"), ("soft", "90 % interval")]);
    Some(el("div").class("card group").add(drawing(&caption, chart, [marks])))
}

/// How often a promise held, of those changes of which that can be told; what cannot be is counted apart, and not as a miss.
fn held(pairs: &[Pair]) -> String {
    let told: Vec<(f64, (f64, f64))> = pairs.iter().filter_map(|pair| pair.before.zip(pair.ends)).collect();
    let within = told
        .iter()
        .filter(|(before, (low, high))| (low..=high).contains(&before));
    let mut text = format!(
        "Of {} with a promise and a measured interval, what was promised of {} lies within the interval.",
        count(told.len(), "change", "changes"),
        within.count()
    );
    let without = pairs.len() - told.len();
    if without > 0 {
        let measured = if without == 1 { "was" } else { "were" };
        text.push_str(&format!(
            " {without} more {measured} measured and cannot be compared so."
        ));
    }
    if pairs.len() > DRAWN {
        text.push_str(&format!(" The first {DRAWN} of {} are drawn.", pairs.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(before: Option<f64>, ends: Option<(f64, f64)>) -> Pair {
        Pair {
            label: String::new(),
            said: String::new(),
            before,
            came: Some(100.0),
            ends,
        }
    }

    #[test]
    fn every_promise_is_counted_and_what_has_no_interval_is_no_miss() {
        let mut pairs = vec![pair(Some(100.0), Some((90.0, 110.0))); 30];
        pairs.extend(vec![pair(Some(200.0), Some((90.0, 110.0))); 6]);
        pairs.extend([pair(Some(100.0), None), pair(None, Some((90.0, 110.0)))]);
        assert_eq!(
            held(&pairs),
            "Of 36 changes with a promise and a measured interval, what was promised of 30 lies within the interval. 2 more were \
             measured and cannot be compared so. The first 25 of 38 are drawn."
        );
        assert_eq!(
            held(&pairs[..1]),
            "Of 1 change with a promise and a measured interval, what was promised of 1 lies within the interval."
        );
    }
}
