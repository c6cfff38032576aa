//! `gpuwise budget`: whether budgets hold.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use jiff::SignedDuration;

use super::exit::{self, Usage};
use super::files;
use super::output::Output;
use super::sources::{By, From};
use crate::finops::{self, cost::Books};
use crate::model::finops::{BudgetRow, BudgetStatus};
use crate::pipeline::{self, Back};
use crate::report;

/// History of GPUs that is read where nobody says: budgets stand on days of cost.
const WINDOW: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal.
    Table,
    /// For a review.
    Markdown,
    /// Everything, for scripts.
    Json,
}

/// From which status on a check fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Failing {
    /// Projected spend is over the budget.
    Warning,
    /// Projected spend is over 110 % of it.
    Critical,
}

/// Arguments of `budget`.
#[derive(Debug, Args)]
pub(super) struct Budget {
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    by: By,
    /// Exit with 10 when a budget is over, from this status on; with 3 when one is unknown
    #[arg(long, value_enum, value_name = "STATUS", num_args = 0..=1, default_missing_value = "warning", require_equals = true)]
    check: Option<Failing>,
    /// How it is printed
    #[arg(long, value_enum, default_value = "table", help_heading = "Output")]
    format: Format,
    #[command(flatten)]
    output: Output,
}

impl Budget {
    pub(super) async fn run(&self) -> anyhow::Result<ExitCode> {
        let judge = self.by.judge(&self.from)?.without_levers();
        let policy = judge.policy();
        if policy.budgets.is_empty() {
            return Err(Usage(
                "the policy has no budgets: give --policy FILE with such as `budgets: [{name: platform, monthly: 50000}]`; \
                 `gpuwise policy show` explains each key"
                    .to_owned(),
            )
            .into());
        }
        let progress = self.output.progress();
        let zone = &policy.objectives.timezone;
        let source = self.from.source_over(zone, (Some(Back::Months), WINDOW), &*progress)?;
        let read = pipeline::books(&source, &judge, &crate::engine::Scope::default(), &*progress).await?;
        let zone = files::zone(zone).map_err(Usage)?;
        let asked = match self.from.is_recorded() {
            true => self.from.asked(&zone, read.plan.window.end, &*progress)?,
            false => None,
        };
        drop(progress);
        let mut plan = read.plan;
        if let Some(asked) = asked {
            plan.window.end = asked.end.min(plan.window.end);
        }
        let ledger = read.ledger.unwrap_or_else(|| finops::list_ledger::of(&plan, &zone));
        let books = Books {
            plan: &plan,
            nodes: &read.nodes,
            ledger: &ledger,
            attribution: &policy.attribution,
            catalog: judge.catalog(),
            zone: &zone,
        };
        let told = finops::finops(&books, policy);
        let text = match self.format {
            Format::Table => report::budget::table(&plan, &told),
            Format::Markdown => report::budget::markdown(&plan, &told),
            Format::Json => report::budget::json(&plan, &told)?,
        };
        self.output.write(&text)?;
        Ok(self.code(&told.budgets))
    }

    fn code(&self, budgets: &[BudgetRow]) -> ExitCode {
        let Some(failing) = self.check else {
            return ExitCode::SUCCESS;
        };
        let is_over = |row: &BudgetRow| match row.status {
            BudgetStatus::Critical => true,
            BudgetStatus::Warning => failing == Failing::Warning,
            BudgetStatus::Ok | BudgetStatus::Unknown => false,
        };
        if budgets.iter().any(is_over) {
            return ExitCode::from(exit::OVER_BUDGET);
        }
        match budgets.iter().any(|row| row.status == BudgetStatus::Unknown) {
            true => ExitCode::from(exit::PARTIAL),
            false => ExitCode::SUCCESS,
        }
    }
}
