//! `gpuwise policy`: check it, or print every key with its default.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::sources::judge;
use crate::{deliver, policy};

/// What to do with the policy.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Tell everything that is wrong in policy files
    Check {
        /// The files, laid over the defaults and each other
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print every key with its default and its meaning
    Show,
}

impl Command {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Check { files } => {
                judge(files, &[])?;
                deliver::text("the policy is valid\n", None)?;
            }
            Self::Show => deliver::text(policy::DEFAULT, None)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
