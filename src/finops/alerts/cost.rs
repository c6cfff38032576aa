//! What the cluster costs: by the day, now and over the last day, and against the same hour of the weeks before.

use super::Rule;
use super::ground::{Ground, Lack, Urgency};
use super::promql::{Key, Metric, Window};
use super::scene::{Of, Scene, steady};
use super::words::{TENTHS, Text, WHOLE, amount};
use crate::model::metrics::MetricRole;

/// Two nodes tell a sum from a maximum.
const NODES: [&str; 2] = ["node-a", "node-b"];

const LOOK: &str = "What to do: `gpuwise analyze` names the workloads behind it, and what to change.";

/// Rules, or why there are none.
pub(super) fn rules(ground: &Ground<'_>) -> Vec<(&'static str, Result<Rule, Lack>)> {
    vec![(DAY, day(ground)), (RATE, rate(ground)), (SPIKE, spike(ground))]
}

const A_DAY: Window = Window::new("1d:15m", 96);

const DAY: &str = "GpuwiseDailyCostHigh";
const RATE: &str = "GpuwiseCostRateHigh";
const SPIKE: &str = "GpuwiseCostSpike";

/// What all nodes cost an hour. Several replicas of the cost source tell of a node once each, and count once.
pub(super) fn total(cost: &Metric<'_>) -> String {
    format!("sum ({})", cost.by(&[Key::Node], &cost.selector("")))
}

fn day(ground: &Ground<'_>) -> Result<Rule, Lack> {
    let cost = ground.with(MetricRole::NodeCost, &[Key::Node])?;
    let (most, currency) = (ground.thresholds.daily_cost, &ground.currency);
    let nodes_cost = total(&cost);
    let mean = A_DAY.mean(&nodes_cost, &nodes_cost);
    let expr = format!("{mean} * 24 > {}", amount(most));
    let text = Text {
        summary: format!("The cluster cost {WHOLE} {currency} over the last day."),
        means: format!("That is more than the {} {currency} a day of the policy.", amount(most)),
        runbook: LOOK.to_owned(),
    };
    let told = over(most);
    let rule = ground.rule(DAY, (Some("15m"), Urgency::Ticket), expr, text);
    let dear = nodes(ground, &cost, told / 24.0, 324);
    let cheap = nodes(ground, &cost, most / 48.0, 324);
    let new = nodes(ground, &cost, told / 24.0, 48);
    Ok(rule
        .fires("a day costs more than it may", ("5m", "27h"), dear, &[(&[], told)])
        .stays_quiet("a day costs half of what it may", ("5m", "27h"), cheap)
        .stays_quiet("a few hours alone are known", ("5m", "4h"), new))
}

fn rate(ground: &Ground<'_>) -> Result<Rule, Lack> {
    let cost = ground.with(MetricRole::NodeCost, &[Key::Node])?;
    let (most, currency) = (ground.thresholds.daily_cost, &ground.currency);
    let expr = format!("{} * 24 > {}", total(&cost), amount(most));
    let text = Text {
        summary: format!("The cluster's nodes cost {WHOLE} {currency} a day as they are now."),
        means: format!(
            "For an hour they have cost more than the {} {currency} a day of the policy.",
            amount(most)
        ),
        runbook: LOOK.to_owned(),
    };
    let told = over(most);
    let rule = ground.rule(RATE, (Some("1h"), Urgency::Ticket), expr, text);
    let dear = nodes(ground, &cost, told / 24.0, 36);
    let cheap = nodes(ground, &cost, most / 48.0, 36);
    let brief = nodes(ground, &cost, told / 24.0, 0);
    Ok(rule
        .fires("nodes cost more than they may", ("5m", "3h"), dear, &[(&[], told)])
        .stays_quiet("nodes cost half of what they may", ("5m", "3h"), cheap)
        .stays_quiet("nodes are gone before the hour is over", ("5m", "3h"), brief))
}

fn spike(ground: &Ground<'_>) -> Result<Rule, Lack> {
    let cost = ground.with(MetricRole::NodeCost, &[Key::Node])?;
    let times = ground.thresholds.spike;
    let hour = |offset: &str| format!("avg_over_time({}[1h:5m]{offset})", total(&cost));
    let weeks = ["1", "2", "3"].map(|week| {
        let then = hour(&format!(" offset {week}w"));
        format!("label_replace({then}, \"week\", \"{week}\", \"\", \"\")")
    });
    // A median of weeks that are there: one odd week is no baseline, and no week gives no result.
    let baseline = format!("quantile (0.5, {})", weeks.join(" or "));
    let expr = format!("{} / ({baseline} > 0) > {}", hour(""), amount(times));
    let text = Text {
        summary: format!("The cluster costs {TENTHS} times what it did at this hour of the weeks before."),
        means: format!(
            "The last hour is compared with the same hour one, two and three weeks ago: with the median of those that the store \
             holds, one or more; {} times is what the policy allows.",
            amount(times)
        ),
        runbook: "What to do: see which nodes are new (`kubectl get nodes --sort-by=.metadata.creationTimestamp`) and whose pods \
                  asked for them."
            .to_owned(),
    };
    let told = (times * 15.0).floor() / 10.0 + 0.02;
    let rule = ground.rule(SPIKE, (Some("30m"), Urgency::Ticket), expr, text);
    let (risen, even, new) = (
        format!("{} {}", steady(1.0, 2303), steady(told, 36)),
        steady(1.0, 2340),
        format!("{} {}", steady(1.0, 575), steady(told, 36)),
    );
    let scene = |values: &str| valued(ground, &cost, values);
    Ok(rule
        .fires(
            "spend rises above that of a week ago",
            ("5m", "195h"),
            scene(&risen),
            &[(&[], told)],
        )
        .stays_quiet("spend is what it was", ("5m", "195h"), scene(&even))
        .stays_quiet(
            "spend rises, and nothing is known of a week ago",
            ("5m", "51h"),
            scene(&new),
        ))
}

/// An amount above a threshold that is no half of anything when it is rounded.
fn over(most: f64) -> f64 {
    (2.0 * most).floor() + 10.3
}

fn on(node: &str) -> Of<'_> {
    Of { node, ..Of::default() }
}

/// Two nodes that cost so much an hour together.
fn nodes(ground: &Ground<'_>, cost: &Metric<'_>, hourly: f64, steps: usize) -> Scene {
    valued(ground, cost, &steady(hourly / NODES.len() as f64, steps))
}

/// Two nodes with these values each.
fn valued(ground: &Ground<'_>, cost: &Metric<'_>, values: &str) -> Scene {
    let scene = ground.scene();
    NODES
        .iter()
        .fold(scene, |scene, node| scene.with(cost, on(node), values))
}
