//! Alert rules over metrics that a cluster really has, joined by labels that really match, each with a test that makes it fire and
//! one that keeps it quiet. What cannot be told with these metrics is left out, with the reason.

mod promql;
mod scene;
mod ground;
mod cost;
mod spend;
mod budgets;
mod waste;
mod spot;
mod coverage;
mod words;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::metrics::MetricFacts;
use crate::policy::alerts::Alerts as Thresholds;
use ground::{Ground, Lack, Made};

/// What may be spent in a month.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// Its name.
    pub name: String,
    /// What may be spent in a month, in the currency of the metrics.
    pub monthly: f64,
    /// What may be spent in some months, such as `2026-12`, instead.
    pub months: BTreeMap<String, f64>,
    /// Whose spend it is: GPUs that pods of these namespaces hold; empty for all nodes.
    pub namespaces: Vec<String>,
}

impl Budget {
    fn amount(&self, month: &str) -> f64 {
        self.months.get(month).copied().unwrap_or(self.monthly)
    }
}

/// Rules, and what could be none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alerts {
    /// What the cluster is called.
    pub cluster: String,
    /// The currency of amounts; `None` where nothing told it, so that it is the cost source's, whatever that is.
    pub currency: Option<String>,
    /// Groups of rules, none empty.
    pub groups: Vec<Group>,
    /// Alerts that these metrics cannot tell.
    pub left_out: Vec<LeftOut>,
    /// What is to be known of the rules.
    pub notes: Vec<String>,
}

/// Rules that are evaluated together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// Its name.
    pub name: &'static str,
    /// How often, as Prometheus writes it.
    pub interval: &'static str,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// An alert rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rule {
    /// The alert's name.
    pub alert: &'static str,
    /// PromQL.
    pub expr: String,
    /// How long it must hold, as Prometheus writes it; `None` where at once.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub hold: Option<&'static str>,
    /// Labels besides those of the expression.
    pub labels: BTreeMap<String, String>,
    /// What is told.
    pub annotations: BTreeMap<String, String>,
    /// Series under which it fires, and under which it does not.
    #[serde(skip)]
    pub tests: Vec<RuleTest>,
}

/// Made-up series, and what a rule must make of them.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleTest {
    /// What happens.
    pub name: String,
    /// Time from one value to the next, as Prometheus writes it.
    pub interval: &'static str,
    /// Series in promtool's notation: the series, and its values.
    pub input: Vec<(String, String)>,
    /// When it is looked at.
    pub at: &'static str,
    /// The alerts of the rule's name that must fire then.
    pub expected: Vec<Expected>,
}

/// An alert that must fire.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// All its labels but its name.
    pub labels: BTreeMap<String, String>,
    /// All its annotations, filled in.
    pub annotations: BTreeMap<String, String>,
}

/// An alert that cannot be told, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its name.
    pub alert: &'static str,
    /// What it is about where several have that name, such as a budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Why not.
    pub why: String,
    /// What would make it one.
    pub fix: String,
}

/// Makes the rules.
pub fn alerts(
    facts: &MetricFacts,
    thresholds: &Thresholds,
    budgets: &[Budget],
    (cluster, currency): (&str, Option<&str>),
) -> Alerts {
    let ground = Ground::new(facts, thresholds, currency);
    let mut left_out = Vec::new();
    let mut kept = |made: Vec<Made>| -> Vec<Rule> {
        let mut rules = Vec::new();
        for (alert, made) in made {
            match made {
                Ok(rule) => rules.push(rule),
                Err(Lack { about, why, fix }) => left_out.push(LeftOut { alert, about, why, fix }),
            }
        }
        rules
    };
    let groups = [
        ("gpuwise-cost", "5m", kept(cost::rules(&ground))),
        ("gpuwise-waste", "5m", kept(waste::rules(&ground))),
        ("gpuwise-spot", "1m", kept(spot::rules(&ground))),
        ("gpuwise-coverage", "1m", kept(coverage::rules(&ground))),
        ("gpuwise-budgets", "5m", kept(budgets::burns(&ground, budgets))),
        // A month is added up for these.
        ("gpuwise-budgets-month", "1h", kept(budgets::months(&ground, budgets))),
    ];
    let groups = groups.into_iter().filter(|(.., rules)| !rules.is_empty());
    let groups = groups.map(|(name, interval, rules)| Group { name, interval, rules });
    Alerts {
        cluster: cluster.to_owned(),
        currency: currency.map(str::to_owned),
        groups: groups.collect(),
        left_out,
        notes: ground.notes(),
    }
}

#[cfg(test)]
mod tests;
