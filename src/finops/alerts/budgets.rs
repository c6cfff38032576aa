//! Budgets of a month: used up too fast, over two windows each, and over by the end of the month.
//!
//! The form is that of multi-window, multi-burn-rate alerts (The Site Reliability Workbook, chapter 5): the long window tells that it
//! matters, the short one that it still goes on. Money is meant to be spent, so windows and factors are longer and lower than those of
//! an error budget.

use super::ground::{Ground, Lack, Made, Urgency};
use super::promql::Window;
use super::spend::Spend;
use super::words::{TENTHS, Text, WHOLE, amount, literal};
use super::{Budget, Rule};
use crate::model::units::HOURS_PER_MONTH;

const FAST: &str = "GpuwiseBudgetBurnsFast";
const SLOW: &str = "GpuwiseBudgetBurnsSlow";
const MONTH: &str = "GpuwiseBudgetProjectedOver";

/// A pair of windows with the steps at which they are looked at, and what both are called.
struct Pair {
    alert: &'static str,
    long: Window,
    short: Window,
    hold: &'static str,
    urgency: Urgency,
    words: &'static str,
    /// When its tests look, after the long window.
    at: &'static str,
    steps: usize,
}

const PAIRS: [Pair; 2] = [
    Pair {
        alert: FAST,
        long: Window::new("6h:5m", 72),
        short: Window::new("30m:5m", 6),
        hold: "5m",
        urgency: Urgency::Page,
        words: "over six hours and over the last half",
        at: "9h",
        steps: 108,
    },
    Pair {
        alert: SLOW,
        long: Window::new("3d:15m", 288),
        short: Window::new("6h:15m", 24),
        hold: "30m",
        urgency: Urgency::Ticket,
        words: "over three days and over the last six hours",
        at: "76h",
        steps: 912,
    },
];

/// When the tests look that know too little, later than any rule waits.
const FIRST: &str = "4h";

/// The month in which tests play: time begins there for promtool.
const TESTED: &str = "1970-01";

/// What is told of a budget by one kind of rule.
struct Kind<'k> {
    alert: &'static str,
    /// The rule, without tests.
    rule: &'k dyn Fn(&Budget, &Spend<'_>) -> Result<Rule, Lack>,
    /// The value of the rule's expression at so much an hour, and what it must exceed.
    value: &'k dyn Fn(&Budget, f64) -> (f64, f64),
    /// What an hour costs in its tests: such that it fires, and such that it does not.
    rates: &'k dyn Fn(&Budget) -> (f64, f64),
    /// Interval, and when it is looked at.
    at: (&'static str, &'static str),
    steps: usize,
    /// Steps of the first hours, in which nothing can be told.
    first: usize,
}

/// A budget's spend and its rule, or why there is none.
type OfBudget<'g> = Result<(Spend<'g>, Rule), Lack>;

/// Rules about how fast budgets are used up.
pub(super) fn burns(ground: &Ground<'_>, budgets: &[Budget]) -> Vec<Made> {
    let thresholds = ground.thresholds;
    let mut made = Vec::new();
    for pair in &PAIRS {
        let most = if pair.alert == FAST {
            thresholds.burn_fast
        } else {
            thresholds.burn_slow
        };
        let kind = Kind {
            alert: pair.alert,
            rule: &|budget, spend| burn(ground, budget, spend, (pair, most)),
            value: &|budget, hourly| match allowed(budget) {
                some if some > 0.0 => (hourly / some, most),
                _ => (0.0, most),
            },
            // No half of anything when it is rounded.
            rates: &|budget| (((most * 15.0).floor() / 10.0 + 0.02) * allowed(budget), allowed(budget)),
            at: ("5m", pair.at),
            steps: pair.steps,
            first: 48,
        };
        made.extend(family(ground, budgets, &kind));
    }
    made
}

/// Hours of the month whose cost the test of the projection adds up: January's.
const PROJECTED: f64 = 744.0;

/// Rules about what a month comes to.
pub(super) fn months(ground: &Ground<'_>, budgets: &[Budget]) -> Vec<Made> {
    let kind = Kind {
        alert: MONTH,
        rule: &|budget, spend| Ok(month(ground, budget, spend)),
        value: &|budget, hourly| (hourly * PROJECTED, budget.amount(TESTED)),
        rates: &|budget| {
            let amount = budget.amount(TESTED);
            (((1.5 * amount).floor() + 10.3) / PROJECTED, 0.5 * amount / PROJECTED)
        },
        at: ("1h", "120h"),
        steps: 120,
        first: 4,
    };
    family(ground, budgets, &kind)
}

/// What a budget allows an hour of the tests.
fn allowed(budget: &Budget) -> f64 {
    budget.amount(TESTED) / HOURS_PER_MONTH
}

/// The rules of one kind, of all budgets, with their tests. What one's test spends is spent on others as well, which have the same
/// alert: whatever they must say of it stands in the test.
fn family(ground: &Ground<'_>, budgets: &[Budget], kind: &Kind<'_>) -> Vec<Made> {
    let of_budget = |budget: &Budget| -> OfBudget<'_> {
        let spend = Spend::of(ground, budget)?;
        let rule = (kind.rule)(budget, &spend)?;
        Ok((spend, rule))
    };
    let made: Vec<(&Budget, OfBudget<'_>)> = budgets.iter().map(|budget| (budget, of_budget(budget))).collect();
    let rules: Vec<(&Budget, Rule)> = made
        .iter()
        .filter_map(|(budget, made)| Some((*budget, made.as_ref().ok()?.1.clone())))
        .collect();
    let told = |own: &Budget, hourly: f64| {
        let fired = rules.iter().filter_map(|(other, rule)| {
            let (value, most) = (kind.value)(other, spent(own, other, hourly));
            (value > most).then(|| rule.expected(&[], value))
        });
        fired.collect()
    };
    let tested = |(budget, made): (&Budget, OfBudget<'_>)| {
        let made = made.map(|(spend, mut rule)| {
            let (fast, even) = (kind.rates)(budget);
            let mut looked = |is: &str, hourly, steps, at| {
                let scene = spend.scene(ground, namespace_of(budget), hourly, steps);
                let known = steps == kind.steps;
                let expected = if known { told(budget, hourly) } else { Vec::new() };
                let name = format!("budget {} is {is}", budget.name);
                rule.tests.push(scene.test(&name, kind.at.0, at, expected));
            };
            looked("spent too fast", fast, kind.steps, kind.at.1);
            looked("spent as it is meant to be", even, kind.steps, kind.at.1);
            looked(
                "spent too fast for the few hours that are known",
                fast,
                kind.first,
                FIRST,
            );
            rule
        });
        let lacking = |lack| Lack {
            about: Some(format!("budget {}", budget.name)),
            ..lack
        };
        (kind.alert, made.map_err(lacking))
    };
    made.into_iter().map(tested).collect()
}

/// The namespace in which a budget's test spends.
fn namespace_of(budget: &Budget) -> &str {
    budget.namespaces.first().map_or("team-a", String::as_str)
}

/// What another budget sees of what one's test spends.
fn spent(own: &Budget, other: &Budget, hourly: f64) -> f64 {
    let namespace = namespace_of(own);
    let has_pods = !own.namespaces.is_empty();
    let is_its = other.namespaces.is_empty() || (has_pods && other.namespaces.iter().any(|name| name == namespace));
    if is_its { hourly } else { 0.0 }
}

/// What a budget is for, in words.
fn whose(budget: &Budget) -> String {
    match budget.namespaces.len() {
        0 => "all nodes".to_owned(),
        1 => format!(
            "the GPUs that pods of namespace {} hold",
            literal(&budget.namespaces[0])
        ),
        _ => format!(
            "the GPUs that pods of namespaces {} hold",
            literal(&budget.namespaces.join(", "))
        ),
    }
}

/// What may be spent in a month, in words.
fn monthly(ground: &Ground<'_>, budget: &Budget) -> String {
    let months = budget.months.iter();
    let months: Vec<String> = months
        .map(|(month, most)| format!("{} in {month}", amount(*most)))
        .collect();
    let but = match months.is_empty() {
        true => String::new(),
        false => format!(" ({})", months.join(", ")),
    };
    format!("{} {} a month{but}", amount(budget.monthly), ground.currency)
}

/// What may be spent in the month (UTC) of the moment, as PromQL.
fn of_month(budget: &Budget) -> String {
    if budget.months.is_empty() {
        return amount(budget.monthly);
    }
    let numbers = |month: &str| month.split_once('-').map(|(year, month)| (year.parse(), month.parse()));
    let own = budget.months.iter().filter_map(|(month, most)| {
        let (Ok(year), Ok(month)): (Result<u16, _>, Result<u8, _>) = numbers(month)? else {
            return None;
        };
        Some(format!(
            "vector({}) and on () (month() == {month}) and on () (year() == {year})",
            amount(*most)
        ))
    });
    let all: Vec<String> = own.chain([format!("vector({})", amount(budget.monthly))]).collect();
    format!("({})", all.join("\n    or "))
}

fn burn(ground: &Ground<'_>, budget: &Budget, spend: &Spend<'_>, (pair, most): (&Pair, f64)) -> Result<Rule, Lack> {
    let amounts = || budget.months.values().chain([&budget.monthly]);
    if amounts().all(|amount| *amount <= 0.0) {
        let why = "nothing may be spent, so that no spend is so many times too fast";
        return Err(Lack::new(why, format!("{MONTH} fires at the first that is spent")));
    }
    let in_month = of_month(budget);
    // A month in which nothing may be spent has no rate.
    let in_month = match amounts().any(|amount| *amount <= 0.0) {
        true => format!("({in_month} > 0)"),
        false => in_month,
    };
    let rate = |window: Window| {
        let mean = window.mean(&spend.expr, &spend.known);
        format!("{mean}\n  / ({in_month} / {HOURS_PER_MONTH}) > {}", amount(most))
    };
    let expr = format!("{}\nand {}", rate(pair.long), rate(pair.short));
    let text = Text {
        summary: format!("Budget {} is used up {TENTHS} times too fast.", literal(&budget.name)),
        means: format!(
            "{} are for {}; {} they have cost more than {} times what that allows.",
            monthly(ground, budget),
            whose(budget),
            pair.words,
            amount(most)
        ),
        runbook: "What to do: see what is new, and whether it is meant to stay; `gpuwise budget` tells when the budget runs out."
            .to_owned(),
    };
    let mut rule = ground.rule(pair.alert, (Some(pair.hold), pair.urgency), expr, text);
    rule.labels.insert("budget".to_owned(), literal(&budget.name));
    Ok(rule)
}

const A_DAY: Window = Window::new("1d:1h", 24);

/// Spend of the calendar month (UTC) so far, and what is left of it at the mean of the last day. Every hour's spend carries its month as
/// a label, and of the months that the last 31 days touch this one is taken. The hour that runs has been counted with its first minute.
fn month(ground: &Ground<'_>, budget: &Budget, spend: &Spend<'_>) -> Rule {
    let this_month = r#"count_values ("month", month())"#;
    let by_month = format!("{} * on () group_left (month) {this_month}", spend.expr);
    let left = "(days_in_month() * 24 - (day_of_month() - 1) * 24 - hour() - 1)";
    let expr = format!(
        "sum (\n  sum_over_time(({by_month})[31d:1h])\n  and on (month) {this_month}\n)\n\
         + {}\n  * {left}\n> {}",
        A_DAY.mean(&spend.expr, &spend.known),
        of_month(budget)
    );
    let text = Text {
        summary: format!(
            "Budget {} will be over: this month comes to {WHOLE} {}.",
            literal(&budget.name),
            ground.currency
        ),
        means: format!(
            "{} are for {}; what was spent since the month began (UTC), and the rest of it at the last day's mean, is more. \
             Hours that the store does not hold are counted as nothing.",
            monthly(ground, budget),
            whose(budget)
        ),
        runbook: "What to do: `gpuwise budget` tells the projection with its interval; `gpuwise analyze` what could be saved."
            .to_owned(),
    };
    let mut rule = ground.rule(MONTH, (Some("3h"), Urgency::Ticket), expr, text);
    rule.labels.insert("budget".to_owned(), literal(&budget.name));
    rule
}
