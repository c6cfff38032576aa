//! Changes that are not in the plan's saving, and what stands between: experiments, rules that hold them back, and what owners
//! decided.

use crate::model::plan::Row;

use super::super::decided::{decided, decided_in_words, note_in_words};
use super::super::figures::count;
use super::super::groups;
use super::super::words::opening;
use super::Page;
use super::changes::item;
use super::element::{Element, chapter, el, more, p, span};

/// Lines that each part of what was decided shows.
const LINES: usize = 20;

/// Nothing where there are none: a heading over nothing would look like an omission.
pub(super) fn experiments(page: &Page<'_>) -> Option<Element> {
    let rows = &page.plan.experiments;
    if rows.is_empty() {
        return None;
    }
    let lead = "Worth trying. Not in the saving until an owner records that one passed.";
    let list = el("ol").class("rows changes");
    let list = list.all(
        rows.iter()
            .enumerate()
            .map(|(at, row)| item(page, row, Page::TRY, at + 1)),
    );
    Some(chapter("experiments", "Experiments", lead).add(list))
}

pub(super) fn held(page: &Page<'_>) -> Element {
    let found = chapter("held", "Held and snoozed", "");
    let found = if page.plan.held_back.is_empty() {
        found.add(p("No rule holds a change back."))
    } else {
        let groups = groups::held(page.plan);
        found.all(groups.iter().map(|group| rule(page, group)))
    };
    found.all(said(page))
}

fn rule(page: &Page<'_>, group: &groups::HeldGroup<'_>) -> Element {
    let one_by_one = if group.rows.len() > 1 {
        ", counted one by one"
    } else {
        ""
    };
    let worth = format!(
        "{}, {}{one_by_one}",
        count(group.rows.len(), "change", "changes"),
        group.worth.text(&page.plan.currency)
    );
    // Rows are found by where they stand in the plan.
    let place = |row: &Row| page.plan.held_back.iter().position(|held| std::ptr::eq(held, row));
    let items = group
        .rows
        .iter()
        .filter_map(|row| Some(item(page, row, Page::HELD, place(row)? + 1)));
    el("div")
        .class("stack group")
        .add(p(opening(&group.rule_in_words())).add(span("quiet small", format!(" {worth}"))))
        .add(el("ol").class("rows changes").all(items))
}

/// What owners decided, and what of it has no effect.
fn said(page: &Page<'_>) -> Option<Element> {
    let decided = decided(page.plan);
    let notes = &page.plan.notes;
    if decided.is_empty() && notes.is_empty() {
        return None;
    }
    let decisions = decided.iter().map(|(row, decision)| {
        el("li")
            .add(page.link(&row.subject))
            .text(format!(": {}.", decided_in_words(decision)))
    });
    let notes = notes
        .iter()
        .map(|note| el("li").text(format!("Without effect: {}.", note_in_words(note))));
    let mut lines: Vec<Element> = decisions.collect();
    let later = lines.split_off(lines.len().min(LINES));
    let list = el("ul").class("list").all(lines);
    let later = (!later.is_empty()).then(|| {
        let title = format!("And {} more", later.len());
        more(&title, el("ul").class("list").all(later))
    });
    Some(
        el("div")
            .class("card stack group")
            .add(el("h3").text("What owners decided"))
            .add(list)
            .all(later)
            .add(el("ul").class("list").all(notes.take(LINES))),
    )
}
