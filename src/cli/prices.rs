//! `gpuwise prices`: what GPUs cost here.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::progress;
use super::sources::{From, judge};
use crate::{deliver, pipeline, report};

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For a terminal.
    Table,
    /// Every figure with its source, for scripts.
    Json,
}

/// Arguments of `prices`.
#[derive(Debug, Args)]
pub(super) struct Prices {
    #[command(flatten)]
    from: From,
    /// A policy laid over the defaults (repeatable, later wins); the GPUs that it approves are shown, too
    #[arg(long, value_name = "FILE", help_heading = "Judgement")]
    policy: Vec<PathBuf>,
    /// What you pay by contract (YAML), as under `prices` in the policy (repeatable, later wins)
    #[arg(long, value_name = "FILE", help_heading = "Judgement")]
    price_sheet: Vec<PathBuf>,
    /// How they are printed
    #[arg(long, value_enum, default_value = "table", help_heading = "Output")]
    format: Format,
    /// A file instead of standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
    /// No progress
    #[arg(long, help_heading = "Output")]
    quiet: bool,
}

impl Prices {
    pub(super) async fn run(&self) -> anyhow::Result<ExitCode> {
        let judge = judge(&self.policy, &self.price_sheet)?;
        let source = self.from.source()?;
        let progress = progress::shown(self.quiet);
        let prices = pipeline::prices(&source, &judge, &*progress).await?;
        drop(progress);
        let text = match self.format {
            Format::Table => report::prices::table(&prices),
            Format::Json => report::prices::json(&prices)?,
        };
        deliver::text(&text, self.output.as_deref())?;
        Ok(ExitCode::SUCCESS)
    }
}
