//! Budgets of a month: used up too fast, over two windows each, and over by the end of the month.
//!
//! The form is that of multi-window, multi-burn-rate alerts (The Site Reliability Workbook, chapter 5): the long window tells that it
//! matters, the short one that it still goes on. Money is meant to be spent, so windows and factors are longer and lower than those of
//! an error budget.

use super::cost::total;
use super::ground::{Ground, Lack, Urgency};
use super::promql::{Key, Metric, any_of};
use super::scene::{Of, Scene, steady};
use super::words::{TENTHS, Text, WHOLE, amount, literal};
use super::{Budget, Rule};
use crate::model::metrics::MetricRole;
use crate::model::units::HOURS_PER_MONTH;

const FAST: &str = "GpuwiseBudgetBurnsFast";
const SLOW: &str = "GpuwiseBudgetBurnsSlow";
const MONTH: &str = "GpuwiseBudgetProjectedOver";

/// A pair of windows with the steps at which they are looked at, and what both are called.
struct Pair {
    alert: &'static str,
    long: &'static str,
    short: &'static str,
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
        long: "6h:5m",
        short: "30m:5m",
        hold: "5m",
        urgency: Urgency::Page,
        words: "over six hours and over the last half",
        at: "9h",
        steps: 108,
    },
    Pair {
        alert: SLOW,
        long: "3d:15m",
        short: "6h:15m",
        hold: "30m",
        urgency: Urgency::Ticket,
        words: "over three days and over the last six hours",
        at: "76h",
        steps: 912,
    },
];

/// What a budget's spend is made of.
struct Spend<'g> {
    cost: Metric<'g>,
    /// What counts GPUs that pods hold, and GPUs of nodes; of a budget for all nodes none.
    held: Option<(Metric<'g>, Metric<'g>)>,
    /// Money an hour.
    expr: String,
}

impl<'g> Spend<'g> {
    fn of(ground: &'g Ground<'_>, budget: &Budget) -> Result<Self, Lack> {
        let cost = ground.with(MetricRole::NodeCost, &[Key::Node])?;
        if budget.namespaces.is_empty() {
            let expr = total(&cost);
            return Ok(Self { cost, held: None, expr });
        }
        let keys = [Key::Node, Key::Namespace, Key::Pod];
        let as_billed = ground.with(MetricRole::GpuAllocation, &keys);
        let as_billed = as_billed.and_then(|held| Ok((held, ground.with(MetricRole::NodeGpus, &[Key::Node])?)));
        let (held, gpus) = as_billed.or_else(|lack| {
            // What pods ask for is what they hold.
            let requests = ground.with(MetricRole::PodRequests, &keys).map_err(|_| lack.clone())?;
            let offered = ground
                .with(MetricRole::NodeAllocatable, &[Key::Node])
                .map_err(|_| lack)?;
            Ok((requests, offered))
        })?;
        let label = held.labels_of(Key::Namespace).first().copied().unwrap_or("namespace");
        let own = format!("{label}=~{}", any_of(&budget.namespaces));
        let container = ["exported_container", "container"];
        let container = container.into_iter().find(|label| held.fact.labels.contains(*label));
        let expr = format!(
            "sum ({} * on (node) group_left () ({} / on (node) ({} > 0)))",
            held.by_also(&keys, container, &held.selector(&own)),
            cost.by(&[Key::Node], &cost.selector("")),
            gpus.by(&[Key::Node], &gpus.selector(""))
        );
        Ok(Self {
            cost,
            held: Some((held, gpus)),
            // Nobody there is nothing spent.
            expr: format!("({expr} or vector(0))"),
        })
    }

    /// A node that costs so much an hour, with one GPU that a pod of this namespace holds.
    fn scene(&self, ground: &Ground<'_>, namespace: &str, hourly: f64, steps: usize) -> Scene {
        let of = Of {
            node: "node-a",
            pod: None,
            ..Of::default()
        };
        let scene = ground.scene().with(&self.cost, of, steady(hourly, steps));
        let Some((held, gpus)) = &self.held else { return scene };
        let pod = Of {
            pod: Some((namespace, "work-0")),
            ..of
        };
        scene
            .with(held, pod, steady(1.0, steps))
            .with(gpus, of, steady(1.0, steps))
    }
}

/// What is told of a budget by one kind of rule.
struct Kind<'k> {
    alert: &'static str,
    /// The rule, without tests.
    rule: &'k dyn Fn(&Budget, &Spend<'_>) -> Rule,
    /// The value of the rule's expression at so much an hour, and what it must exceed.
    value: &'k dyn Fn(&Budget, f64) -> (f64, f64),
    /// What an hour costs that makes it fire, and what does not.
    rates: &'k dyn Fn(&Budget) -> (f64, f64),
    /// Interval, and when it is looked at.
    at: (&'static str, &'static str),
    steps: usize,
}

/// A budget's spend and its rule, or why there is none.
type OfBudget<'g> = Result<(Spend<'g>, Rule), Lack>;

type Made = (&'static str, Result<Rule, Lack>);

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
            value: &|budget, hourly| (hourly / allowed(budget), most),
            // No half of anything when it is rounded.
            rates: &|budget| (((most * 15.0).floor() / 10.0 + 0.02) * allowed(budget), allowed(budget)),
            at: ("5m", pair.at),
            steps: pair.steps,
        };
        made.extend(family(ground, budgets, &kind));
    }
    made
}

/// Hours of the month whose cost the test of the projection adds up: of its first five days and those that are left.
const PROJECTED: f64 = 745.0;

/// Rules about what a month comes to.
pub(super) fn months(ground: &Ground<'_>, budgets: &[Budget]) -> Vec<Made> {
    let kind = Kind {
        alert: MONTH,
        rule: &|budget, spend| month(ground, budget, spend),
        value: &|budget, hourly| (hourly * PROJECTED, budget.monthly),
        rates: &|budget| {
            (
                ((1.5 * budget.monthly).floor() + 0.3) / PROJECTED,
                0.5 * budget.monthly / PROJECTED,
            )
        },
        at: ("1h", "120h"),
        steps: 121,
    };
    family(ground, budgets, &kind)
}

/// What a budget allows an hour.
fn allowed(budget: &Budget) -> f64 {
    budget.monthly / HOURS_PER_MONTH
}

/// The rules of one kind, of all budgets, with their tests. What one's test spends is spent on others as well, which have the same
/// alert: whatever they must say of it stands in the test.
fn family(ground: &Ground<'_>, budgets: &[Budget], kind: &Kind<'_>) -> Vec<Made> {
    let made: Vec<(&Budget, OfBudget<'_>)> = budgets
        .iter()
        .map(|budget| {
            let spend = Spend::of(ground, budget);
            (
                budget,
                spend
                    .map(|spend| ((kind.rule)(budget, &spend), spend))
                    .map(|(rule, spend)| (spend, rule)),
            )
        })
        .collect();
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
            for (name, hourly) in [("spent too fast", fast), ("spent as it is meant to be", even)] {
                let scene = spend.scene(ground, namespace_of(budget), hourly, kind.steps);
                let name = format!("budget {} is {name}", budget.name);
                rule.tests
                    .push(scene.test(&name, kind.at.0, kind.at.1, told(budget, hourly)));
            }
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

fn burn(ground: &Ground<'_>, budget: &Budget, spend: &Spend<'_>, (pair, most): (&Pair, f64)) -> Rule {
    let rate = |window: &str| {
        let mean = format!("avg_over_time({}[{window}])", spend.expr);
        format!("{mean} / {} > {}", amount(allowed(budget)), amount(most))
    };
    let expr = format!("{}\nand {}", rate(pair.long), rate(pair.short));
    let text = Text {
        summary: format!("Budget {} is used up {TENTHS} times too fast.", literal(&budget.name)),
        means: format!(
            "{} {} a month are for {}; {} they have cost more than {} times what that allows.",
            amount(budget.monthly),
            ground.currency,
            whose(budget),
            pair.words,
            amount(most)
        ),
        runbook: "What to do: see what is new, and whether it is meant to stay; `gpuwise budget` tells when the budget runs out."
            .to_owned(),
    };
    let mut rule = ground.rule(pair.alert, (Some(pair.hold), pair.urgency), expr, text);
    rule.labels.insert("budget".to_owned(), literal(&budget.name));
    rule
}

/// Spend of the calendar month (UTC) so far, and what is left of it at the mean of the last day. Every hour's spend carries its month as
/// a label, and of the months that the last 31 days touch this one is taken.
fn month(ground: &Ground<'_>, budget: &Budget, spend: &Spend<'_>) -> Rule {
    let this_month = r#"count_values ("month", month())"#;
    let by_month = format!("{} * on () group_left (month) {this_month}", spend.expr);
    let left = "(days_in_month() * 24 - (day_of_month() - 1) * 24 - hour())";
    let expr = format!(
        "sum (\n  sum_over_time(({by_month})[31d:1h])\n  and on (month) {this_month}\n)\n\
         + avg_over_time({}[1d:1h]) * {left}\n> {}",
        spend.expr,
        amount(budget.monthly)
    );
    let text = Text {
        summary: format!(
            "Budget {} will be over: this month comes to {WHOLE} {}.",
            literal(&budget.name),
            ground.currency
        ),
        means: format!(
            "{} {} a month are for {}; what was spent since the month began (UTC), and the rest of it at the last day's mean, is more. \
             Hours that the store does not hold are counted as nothing.",
            amount(budget.monthly),
            ground.currency,
            whose(budget)
        ),
        runbook: "What to do: `gpuwise budget` tells the projection with its interval; `gpuwise analyze` what could be saved."
            .to_owned(),
    };
    let mut rule = ground.rule(MONTH, (Some("3h"), Urgency::Ticket), expr, text);
    rule.labels.insert("budget".to_owned(), literal(&budget.name));
    rule
}
