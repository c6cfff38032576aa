//! `gpuwise doctor`: what can be seen, before anybody trusts a plan.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::sources::{From, judge};
use super::{exit, progress};
use crate::model::checkup::State;
use crate::{deliver, pipeline, report};

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For a terminal.
    Table,
    /// Every check, for scripts.
    Json,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    from: From,
    /// A policy laid over the defaults (repeatable, later wins)
    #[arg(long, value_name = "FILE", help_heading = "Judgement")]
    policy: Vec<PathBuf>,
    /// How the checks are printed
    #[arg(long, value_enum, default_value = "table", help_heading = "Output")]
    format: Format,
    /// A file instead of standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// Exit with 3 when there is a hole
    #[arg(long, help_heading = "Output")]
    strict: bool,
    /// No progress
    #[arg(long, help_heading = "Output")]
    quiet: bool,
}

impl Doctor {
    pub(super) async fn run(&self) -> anyhow::Result<ExitCode> {
        let judge = judge(&self.policy, &[])?;
        let source = self.from.source()?;
        let progress = progress::shown(self.quiet);
        let checkup = pipeline::doctor(&source, &judge, &*progress).await?;
        drop(progress);
        let text = match self.format {
            Format::Table => report::doctor::table(&checkup),
            Format::Json => report::doctor::json(&checkup)?,
        };
        deliver::text(&text, self.output.as_deref())?;
        Ok(match checkup.worst() {
            State::Failed => ExitCode::from(exit::SOURCE),
            State::Hole if self.strict => ExitCode::from(exit::PARTIAL),
            _ => ExitCode::SUCCESS,
        })
    }
}
