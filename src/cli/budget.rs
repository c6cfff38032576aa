//! `gpuwise budget`: whether budgets hold.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::exit::{self, Usage};
use super::files;
use super::output::Output;
use super::sources::{By, From};
use crate::engine::Scope;
use crate::finops;
use crate::model::finops::{BudgetRow, BudgetStatus};
use crate::model::ledger::ToldBy;
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
        let name = &policy.objectives.timezone;
        let zone = files::zone(name).map_err(Usage)?;
        let read = async |window| {
            let source = self.from.source_over(name, (Some(Back::Months), window), &*progress)?;
            let read = pipeline::books(&source, &judge, &Scope::default(), &*progress).await?;
            anyhow::Ok(read)
        };
        let mut books = read(WINDOW).await?;
        // Without a ledger, days of cost are those of GPUs: all of the month's are needed.
        let by_prices = books.ledger.told_by == ToldBy::Prices;
        if by_prices && !self.from.is_recorded() && !self.from.says_window() {
            let month = since_the_first(books.plan.window.end, &zone);
            if month > WINDOW {
                progress.note("no cost source told what days cost: GPUs are read since the first of the month");
                books = read(month).await?;
            }
        }
        let asked = match self.from.is_recorded() {
            true => self.from.asked(&zone, books.plan.window.end, &*progress)?,
            false => None,
        };
        drop(progress);
        let end = books.plan.window.end;
        let now = asked.map_or(end, |asked| asked.end.min(end));
        let told = finops::finops(&books.view(&judge, &zone), policy, &Scope::default(), now);
        let plan = &books.plan;
        let text = match self.format {
            Format::Table => report::budget::table(plan, &told),
            Format::Markdown => report::budget::markdown(plan, &told),
            Format::Json => report::budget::json((plan, books.ledger.told_by, now), &told)?,
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

/// How long the month of a moment has lasted.
fn since_the_first(end: Timestamp, zone: &TimeZone) -> SignedDuration {
    let first = end.to_zoned(zone.clone()).first_of_month();
    let first = first.and_then(|first| first.start_of_day());
    first.map_or(WINDOW, |first| end.duration_since(first.timestamp()))
}
