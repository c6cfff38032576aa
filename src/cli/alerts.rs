//! `gpuwise alerts`: alert rules over the metrics that the cluster has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::exit::Usage;
use super::output::Output;
use super::sources::{By, From};
use crate::deliver;
use crate::finops::alerts::{Alerts as Made, Budget, alerts};
use crate::model::progress::Progress;
use crate::pipeline::{self, PipelineError};
use crate::policy::Policy;
use crate::policy::budgets::{Budget as Own, MonthKind};
use crate::report::alerts::{self as text, Metadata};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// An object for the Prometheus operator
    #[value(name = "prometheusrule")]
    PrometheusRule,
    /// A file of rules, as Prometheus reads it
    Rules,
    /// Rules, and what is left out and why, for scripts
    Json,
}

/// Arguments of `alerts`.
#[derive(Debug, Args)]
pub(super) struct Alerts {
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    by: By,
    /// How the rules are printed
    #[arg(long, value_enum, default_value = "prometheusrule", help_heading = "Output")]
    format: Format,
    /// The name of the PrometheusRule
    #[arg(long, value_name = "NAME", default_value = "gpuwise", value_parser = name, help_heading = "Output")]
    name: String,
    /// Its namespace
    #[arg(long, value_name = "NAME", value_parser = name, help_heading = "Output")]
    rule_namespace: Option<String>,
    /// A label of it, by which a Prometheus selects rules, such as release=kube-prometheus-stack (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair, help_heading = "Output")]
    rule_label: Vec<(String, String)>,
    /// Also write tests of the rules, for `promtool test rules`
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    tests: Option<PathBuf>,
    /// The plain file of rules that the tests are of; written where it is not --output [default: beside the tests]
    #[arg(long, value_name = "FILE", requires = "tests", help_heading = "Output")]
    rules_file: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

impl Alerts {
    pub(super) async fn run(&self) -> anyhow::Result<ExitCode> {
        let tests = self.tests()?;
        let judge = self.by.judge(&self.from)?;
        let progress = self.output.progress();
        let policy = judge.policy();
        let source = self
            .from
            .source_with_metrics(&policy.objectives.timezone, None, &*progress)?;
        let found = pipeline::metrics_of(&source, judge.catalog(), &*progress).await?;
        let called = (found.cluster.as_str(), found.currency.as_deref());
        let now = found.facts.at.strftime("%Y-%m").to_string();
        let (budgets, untold) = budgets(policy, found.currency.as_deref(), &now);
        let made = alerts(&found.facts, &policy.alerts, &budgets, called);
        untold.iter().for_each(|note| progress.note(note));
        if policy.budgets.is_empty() {
            progress.note("the policy has no `budgets`, so that no rule follows one");
        }
        for note in made
            .left_out
            .iter()
            .map(text::left_out)
            .chain(made.notes.iter().cloned())
        {
            progress.note(&note);
        }
        if made.groups.is_empty() {
            let why = format!(
                "the metrics of cluster {} tell nothing that somebody could be alerted of",
                made.cluster
            );
            return Err(PipelineError::Nothing(why).into());
        }
        if let Some(tests) = tests {
            tests.write(&made, &*progress)?;
        }
        drop(progress);
        let text = match self.format {
            Format::PrometheusRule => text::prometheus_rule(&made, &self.metadata()),
            Format::Rules => text::rules(&made),
            Format::Json => text::json(&made)?,
        };
        self.output.write(&text)?;
        Ok(ExitCode::SUCCESS)
    }

    fn metadata(&self) -> Metadata {
        Metadata {
            name: self.name.clone(),
            namespace: self.rule_namespace.clone(),
            labels: self.rule_label.iter().cloned().collect::<BTreeMap<_, _>>(),
        }
    }

    /// Where tests and the plain rules that they are of go: promtool reads no PrometheusRule. No file is written over another.
    fn tests(&self) -> Result<Option<Tests>, Usage> {
        let Some(tests) = &self.tests else { return Ok(None) };
        let output = self.output.path();
        let printed = output.filter(|_| self.format == Format::Rules);
        let plain = self.rules_file.as_deref().or(printed).map(Path::to_owned);
        let plain = plain.unwrap_or_else(|| tests.with_extension("rules.yaml"));
        let is_printed = printed.is_some_and(|printed| same(printed, &plain));
        let other = output.filter(|_| !is_printed);
        if same(&plain, tests) || output.is_some_and(|output| same(output, tests)) {
            return Err(Usage(format!(
                "{} cannot be two files; name another one",
                tests.display()
            )));
        }
        if other.is_some_and(|output| same(output, &plain)) {
            return Err(Usage(format!(
                "{} cannot be two files; name another one",
                plain.display()
            )));
        }
        Ok(Some(Tests {
            file: tests.clone(),
            plain,
            is_printed,
        }))
    }
}

/// Files of tests and of the rules that they are of.
struct Tests {
    file: PathBuf,
    plain: PathBuf,
    /// Whether the rules are what is printed.
    is_printed: bool,
}

impl Tests {
    fn write(&self, made: &Made, progress: &dyn Progress) -> anyhow::Result<()> {
        let Self { file, plain, .. } = self;
        if !self.is_printed {
            deliver::text(&text::rules(made), Some(plain))?;
            progress.note(&format!(
                "the rules that {} tests are in {}",
                file.display(),
                plain.display()
            ));
        }
        deliver::text(&text::tests(made, &[seen_from(file, plain)]), Some(file))?;
        Ok(())
    }
}

/// Whether two paths are one file, as far as files are there.
fn same(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| {
        let resolved = path.canonicalize().or_else(|_| std::path::absolute(path));
        resolved.unwrap_or_else(|_| path.to_owned())
    };
    whole(one) == whole(other)
}

/// The rules' path as promtool looks for it: from where the tests are.
fn seen_from(tests: &Path, rules: &Path) -> String {
    let beside = match rules.file_name() {
        Some(name) if rules.parent() == tests.parent() => Some(PathBuf::from(name)),
        _ => None,
    };
    let path = beside.unwrap_or_else(|| std::path::absolute(rules).unwrap_or_else(|_| rules.to_owned()));
    path.display().to_string()
}

/// Budgets of the policy that rules can follow, with the amounts of this month and those to come, and why others have none.
fn budgets(policy: &Policy, currency: Option<&str>, now: &str) -> (Vec<Budget>, Vec<String>) {
    let mut all = Vec::new();
    let mut untold = Vec::new();
    for budget in &policy.budgets {
        match unfollowed(budget, currency) {
            None => all.push(Budget {
                name: budget.name.clone(),
                monthly: budget.monthly,
                months: budget
                    .months
                    .range(now.to_owned()..)
                    .map(|(month, amount)| (month.clone(), *amount))
                    .collect(),
                namespaces: budget.scope.namespaces.clone(),
            }),
            Some(why) => untold.push(format!(
                "no rule follows the budget `{}`: {why}; `gpuwise budget --check` does",
                budget.name
            )),
        }
    }
    (all, untold)
}

/// Why no rule can follow a budget.
fn unfollowed(budget: &Own, currency: Option<&str>) -> Option<String> {
    // Metrics of cost know namespaces, and neither teams nor labels of pods.
    if !budget.scope.teams.is_empty() || !budget.scope.selector.is_empty() {
        return Some("metrics of cost tell namespaces, and neither teams nor labels".to_owned());
    }
    if budget.month == MonthKind::ThirtyDays {
        return Some("rules add up months of the calendar, and its month has 30 days".to_owned());
    }
    match (budget.currency.as_deref(), currency) {
        (Some(own), Some(costs)) if own != costs => Some(format!("it is in {own}, and metrics of cost are in {costs}")),
        (Some(own), None) => Some(format!(
            "it is in {own}, and nothing tells in which currency metrics of cost are (without its `currency` it would be in the same)"
        )),
        _ => None,
    }
}

/// A name as Kubernetes takes it (RFC 1123, a subdomain).
fn name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inner = |c: char| plain(c) || c == '-' || c == '.';
    let ends = text.starts_with(plain) && text.ends_with(plain);
    match ends && text.chars().all(inner) && text.len() <= 253 {
        true => Ok(text.to_owned()),
        false => Err(
            "a name has lower-case letters, digits, `-` and `.`, and begins and ends with a letter or digit".to_owned(),
        ),
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a label is given as NAME=VALUE")?;
    match name.trim().is_empty() {
        true => Err("a label is given as NAME=VALUE".to_owned()),
        false => Ok((name.trim().to_owned(), value.trim().to_owned())),
    }
}
