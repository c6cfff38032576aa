//! `gpuwise doctor`: what can be seen, before anybody trusts a plan.

use std::process::ExitCode;

use clap::Args;

use super::exit;
use super::output::{Format, Output};
use super::sources::{About, By, From};
use crate::model::checkup::State;
use crate::{pipeline, report};

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    about: About,
    /// How the checks are printed
    #[arg(long, value_enum, default_value = "table", help_heading = "Output")]
    format: Format,
    #[command(flatten)]
    output: Output,
    /// Exit with 3 when there is a hole
    #[arg(long, help_heading = "Output")]
    strict: bool,
}

impl Doctor {
    pub(super) async fn run(&self) -> anyhow::Result<ExitCode> {
        let judge = self.by.judge(&self.from)?;
        let progress = self.output.progress();
        let source = self.from.source(&judge.policy().objectives.timezone, &*progress)?;
        let checkup = pipeline::doctor(&source, &judge, &self.about.scope(), &*progress).await?;
        drop(progress);
        let text = match self.format {
            Format::Table => report::doctor::table(&checkup),
            Format::Json => report::doctor::json(&checkup)?,
        };
        self.output.write(&text)?;
        Ok(match checkup.worst() {
            State::Failed => ExitCode::from(exit::SOURCE),
            State::Hole if self.strict => ExitCode::from(exit::PARTIAL),
            _ => ExitCode::SUCCESS,
        })
    }
}
