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
    let line = format!("{}{}", spent_in_words(page, row), runs_out.unwrap_or_default());
    // Where on somebody's machine the policy lies is nobody else's.
    let file = row.place.rsplit('/').next().unwrap_or_default();
    let chart = row
        .spent
        .and(row.amount)
        .map(|amount| course(page, at, (row, amount), &line));
    let table = (chart.is_none() && known(row).is_some()).then(|| days(page, row));
    el("div")
        .class("card stack")
        .add(head)
        .add(p(format!("{}, {} ({file})", opening(&row.scope), row.month)).class("small quiet"))
        .add(p(&line))
        .all(chart)
        .all(table)
        .all(
            row.notes
                .iter()
                .map(|note| p(opening(&sentence(note))).class("small quiet")),
        )
}

/// What was spent as far as is known, which does not take a budget: one in another currency may have no rate.
fn known(row: &BudgetRow) -> Option<Money> {
    let mut told = row.daily.iter().filter_map(|day| day.cost).peekable();
    let of_days = told.peek().is_some().then(|| told.sum());
    row.spent.or(of_days)
}

fn spent_in_words(page: &Page<'_>, row: &BudgetRow) -> String {
    let Some(spent) = known(row) else {
        return match row.amount {
            Some(amount) => format!("What was spent of {} is unknown.", page.sum(amount)),
            None => "What was spent is unknown.".to_owned(),
        };
    };
    let (told, over, all) = (row.elapsed_days, over(page, row), row.days);
    let days = match over - told > 0.05 {
        true => format!(
            "in the {} days that are told of; {} of {} are over",
            in_days(told),
            in_days(over),
            in_days(all)
        ),
        false => format!("in {} of {} days", in_days(told), in_days(all)),
    };
    match row.amount {
        Some(amount) => format!("{} of {} spent {days}.", page.sum(spent), page.sum(amount)),
        None => format!(
            "{} spent {days}. What may be spent is unknown in {}.",
            page.sum(spent),
            page.plan.currency
        ),
    }
}

/// Days of the span that are over, whether or not anybody told of them.
fn over(page: &Page<'_>, row: &BudgetRow) -> f64 {
    let now = page.plan.window.end.min(row.period.end);
    (now.as_second() - row.period.start.as_second()).max(0) as f64 / 86_400.0
}

/// To a tenth: where clocks change, days of a month are no whole number of times 24 hours.
fn in_days(days: f64) -> String {
    number((days * 10.0).round() / 10.0)
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
        now: over(page, row),
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

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::super::html;
    use crate::model::finops::{BudgetRow, BudgetStatus, DayCost, Finops, StandsOn};
    use crate::model::plan::Plan;
    use crate::model::scenario::Interval;
    use crate::model::time::Window;
    use crate::model::units::Money;

    /// Fourteen days of November are over; of three in their middle nobody told.
    fn row() -> BudgetRow {
        let start: jiff::Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let daily = (1..=14).map(|day| DayCost {
            day: jiff::civil::date(2026, 11, day),
            cost: (!(5..8).contains(&day)).then(|| Money::new(100.0)),
        });
        BudgetRow {
            name: "all".to_owned(),
            scope: "everything".to_owned(),
            place: "policy.yaml:3".to_owned(),
            period: Window {
                start,
                end: "2026-12-01T01:00:00Z".parse().unwrap(),
            },
            month: "2026-11".to_owned(),
            amount: Some(Money::new(4_000.0)),
            spent: Some(Money::new(1_100.0)),
            elapsed_days: 11.0,
            days: 30.0 + 1.0 / 24.0,
            projected: Some(Money::new(3_004.0)),
            forecast: Interval::default(),
            status: BudgetStatus::Ok,
            stands_on: Some(StandsOn::Projection),
            runs_out: None,
            daily: daily.collect(),
            notes: Vec::new(),
        }
    }

    fn card(row: BudgetRow) -> String {
        let mut plan: Plan = sample::plan();
        plan.finops = Some(Finops {
            budgets: vec![row],
            ..Finops::default()
        });
        let page = html(&plan);
        let (_, section) = page.split_once("<section id=\"budgets\"").unwrap();
        section.split("</section>").next().unwrap().to_owned()
    }

    #[test]
    fn now_stands_where_it_is_in_time_however_many_days_are_untold() {
        let card = card(row());
        assert!(card.contains("cx=\"46.6"), "{card}");
        assert!(
            card.contains("$1,100 of $4,000 spent in the 11 days that are told of; 14 of 30 are over."),
            "{card}"
        );
        assert!(!card.contains("30.04"), "{card}");
    }

    #[test]
    fn what_was_spent_is_told_where_only_the_budget_is_unknown() {
        let mut row = row();
        (row.amount, row.spent, row.projected) = (None, None, None);
        row.status = BudgetStatus::Unknown;
        let card = card(row);
        assert!(card.contains("$1,100 spent in the 11 days"), "{card}");
        assert!(card.contains("What may be spent is unknown in USD."), "{card}");
        assert!(card.contains("Day by day"), "{card}");
    }
}
