//! `gpuwise prices`: what GPUs cost here.

use std::process::ExitCode;

use clap::Args;

use super::output::{Format, Output};
use super::sources::{By, From};
use crate::{pipeline, report};

/// Arguments of `prices`.
#[derive(Debug, Args)]
pub(super) struct Prices {
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    by: By,
    /// How they are printed
    #[arg(long, value_enum, default_value = "table", help_heading = "Output")]
    format: Format,
    #[command(flatten)]
    output: Output,
}

impl Prices {
    pub(super) async fn run(&self) -> anyhow::Result<ExitCode> {
        let judge = self.by.judge(&self.from)?;
        let progress = self.output.progress();
        let source = self.from.source(&judge.policy().objectives.timezone, &*progress)?;
        let prices = pipeline::prices(&source, &judge, &*progress).await?;
        drop(progress);
        let text = match self.format {
            Format::Table => report::prices::table(&prices),
            Format::Json => report::prices::json(&prices)?,
        };
        self.output.write(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}
