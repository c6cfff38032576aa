//! Budgets: whether each holds, what was spent so far, and where that leads.

use crate::model::finops::{BudgetRow, BudgetStatus};
use crate::model::units::Money;

use super::super::figures::number;
use super::super::words::{opening, sentence};
use super::Page;
use super::element::{Element, cell, chapter, el, more, p, span, table};
use super::svg::cumulative::{Course, cumulative};
use super::svg::{drawing, legend};

pub(super) fn section(page: &Page<'_>) -> Option<Element> {
    let budgets = &page.plan.finops.as_ref()?.budgets;
    if budgets.is_empty() {
        let none = chapter("budgets", "Budgets", "").add(p(
            "The policy names no budget: budgets there are followed here, with what they come to by their end.",
        ));
        return Some(none);
    }
    let cards = budgets.iter().enumerate().map(|(at, row)| budget(page, at + 1, row));
    Some(chapter("budgets", "Budgets", "").add(el("div").class("pair").all(cards)))
}

/// Its status, told by a shape and a word as well as by a colour.
fn status(status: BudgetStatus) -> Element {
    let (class, word) = match status {
        BudgetStatus::Ok => ("mark good", "holds"),
        BudgetStatus::Warning => ("mark warn", "over budget"),
        BudgetStatus::Critical => ("mark bad", "far over budget"),
        BudgetStatus::Unknown => ("mark unknown", "unknown"),
    };
    span(class, word)
}

fn budget(page: &Page<'_>, at: usize, row: &BudgetRow) -> Element {
    let head = el("div")
        .class("head-line")
        .add(el("h3").text(&row.name))
        .add(status(row.status));
    let runs_out = row.runs_out.map(|day| format!(" At this rate it runs out on {day}."));
    let spent = match row.spent {
        Some(spent) => format!(
            "{} of {} spent in {} of {} days.",
            page.sum(spent),
            page.maybe_sum(row.amount),
            number(round(row.elapsed_days)),
            number(row.days)
        ),
        None => format!("What was spent of {} is unknown.", page.maybe_sum(row.amount)),
    };
    let line = format!("{spent}{}", runs_out.unwrap_or_default());
    el("div")
        .class("card stack")
        .add(head)
        .add(p(format!("{}, {} ({})", opening(&row.scope), row.month, row.place)).class("small quiet"))
        .add(p(&line))
        .all(
            row.spent
                .and(row.amount)
                .map(|amount| course(page, at, (row, amount), &line)),
        )
        .all(
            row.notes
                .iter()
                .map(|note| p(opening(&sentence(note))).class("small quiet")),
        )
}

fn round(days: f64) -> f64 {
    (days * 10.0).round() / 10.0
}

fn course(page: &Page<'_>, at: usize, (row, amount): (&BudgetRow, Money), line: &str) -> Element {
    let forecast = row.forecast.low.zip(row.forecast.high);
    let leads = format!(
        "By the end: {} at the rate so far{}.",
        page.maybe_sum(row.projected),
        match forecast {
            Some((low, high)) => format!(", {} to {} by its weekly pattern", page.tick(low), page.tick(high)),
            None => String::new(),
        }
    );
    let first = row.daily.first().map(|cost| cost.day);
    let out = row.runs_out.zip(first).and_then(|(day, first)| {
        let days = first.until(day).ok()?.get_days();
        Some((f64::from(days) + 1.0, format!("runs out {day}")))
    });
    let day = |at: jiff::Timestamp| super::super::figures::moment(at);
    let course = Course {
        days: row.days,
        daily: row.daily.iter().map(|day| day.cost.map(|cost| cost.get())).collect(),
        elapsed: row.elapsed_days,
        amount: amount.get(),
        spent: row.spent.map(|spent| spent.get()),
        projected: row.projected.map(|projected| projected.get()),
        forecast,
        ends: (day(row.period.start), day(row.period.end)),
        limit: format!("budget {}", page.sum(amount)),
        runs_out: out,
    };
    let named = (
        format!("Spend against the budget {}", row.name),
        format!("{line} {leads}"),
    );
    let chart = cumulative(&format!("budget-{at}"), &course, (&named.0, &named.1));
    let marks = legend(&[
        ("round", "spent"),
        ("dash", "at the rate so far"),
        ("soft", "by its weekly pattern, 90 %"),
        ("red", "budget"),
    ]);
    drawing(&leads, chart, [marks, days(page, row)])
}

fn days(page: &Page<'_>, row: &BudgetRow) -> Element {
    let mut sum = Money::ZERO;
    let rows: Vec<Vec<Element>> = row
        .daily
        .iter()
        .map(|day| {
            sum += day.cost.unwrap_or_default();
            vec![
                cell(day.day.to_string()),
                cell(page.maybe_sum(day.cost)),
                cell(page.sum(sum)),
            ]
        })
        .collect();
    more(
        "Day by day",
        table(
            &format!("Spend of {} by day", row.name),
            &["Day", "#Spent", "#So far, as far as is known"],
            rows,
        ),
    )
}
