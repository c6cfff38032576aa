//! `gpuwise record`: a cluster read once and kept.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::output::Told;
use super::sources::From;
use crate::pipeline::{self, Back};

/// Arguments of `record`.
#[derive(Debug, Args)]
pub(super) struct Record {
    #[command(flatten)]
    from: From,
    /// The folder to write
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    output: PathBuf,
    /// Drop arguments and environment, and rename everything that has a name
    #[arg(long, help_heading = "Output")]
    redact: bool,
    #[command(flatten)]
    told: Told,
}

impl Record {
    pub(super) async fn run(&self) -> anyhow::Result<ExitCode> {
        let progress = self.told.progress();
        let source = self.from.source_with_metrics("UTC", Some(Back::Months), &*progress)?;
        pipeline::record(&source, self.redact, &self.output, &*progress).await?;
        Ok(ExitCode::SUCCESS)
    }
}
