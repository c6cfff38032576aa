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
        let judge = self.by.judge(&self.from)?;
        let progress = self.output.progress();
        let policy = judge.policy();
        let source = self
            .from
            .source_with_metrics(&policy.objectives.timezone, None, &*progress)?;
        let found = pipeline::metrics_of(&source, judge.catalog(), &*progress).await?;
        let called = (found.cluster.as_str(), found.currency.as_str());
        let (budgets, untold) = budgets(policy);
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
        self.write_tests(&made, &*progress)?;
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

    /// Tests, and the plain rules that they are of: promtool reads no PrometheusRule.
    fn write_tests(&self, made: &Made, progress: &dyn Progress) -> anyhow::Result<()> {
        let Some(tests) = &self.tests else { return Ok(()) };
        let output = self.output.path();
        let printed = output.filter(|_| self.format == Format::Rules);
        let plain = self.rules_file.clone().or_else(|| printed.map(Path::to_owned));
        let plain = plain.unwrap_or_else(|| tests.with_extension("rules.yaml"));
        if plain == *tests || (printed.is_none() && output == Some(plain.as_path())) {
            return Err(Usage(format!("{} cannot be two files; name another one", plain.display())).into());
        }
        if printed != Some(plain.as_path()) {
            deliver::text(&text::rules(made), Some(&plain))?;
            progress.note(&format!(
                "the rules that {} tests are in {}",
                tests.display(),
                plain.display()
            ));
        }
        deliver::text(&text::tests(made, &[seen_from(tests, &plain)]), Some(tests))?;
        Ok(())
    }
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

/// Budgets of the policy that rules can follow, and why others have none.
fn budgets(policy: &Policy) -> (Vec<Budget>, Vec<String>) {
    let mut all = Vec::new();
    let mut untold = Vec::new();
    for budget in &policy.budgets {
        // Metrics of cost know namespaces, and neither teams nor labels of pods.
        if budget.scope.teams.is_empty() && budget.scope.selector.is_empty() && budget.currency.is_none() {
            all.push(Budget {
                name: budget.name.clone(),
                monthly: budget.monthly,
                namespaces: budget.scope.namespaces.clone(),
            });
        } else {
            untold.push(format!(
                "no rule follows the budget `{}`: metrics tell namespaces, and neither teams, labels nor other currencies; \
                 `gpuwise budget --check` does",
                budget.name
            ));
        }
    }
    (all, untold)
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
