//! `gpuwise policy`: check it, or print every key with its default.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::sources::{judge, texts};
use crate::{deliver, policy};

/// What to do with the policy.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Tell everything that is wrong in policy files
    Check {
        /// The files, laid over the defaults and each other
        #[arg(required_unless_present = "decisions", value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Files of decisions to check with them (repeatable)
        #[arg(long, value_name = "FILE")]
        decisions: Vec<PathBuf>,
    },
    /// Print every key with its default and its meaning
    Show,
}

impl Command {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Check { files, decisions } => {
                judge(files, &[])?.with_decisions(&texts(decisions)?)?;
                let valid = match (files.is_empty(), decisions.is_empty()) {
                    (false, true) => "the policy is valid\n",
                    (true, _) => "the decisions are valid\n",
                    (false, false) => "the policy and the decisions are valid\n",
                };
                deliver::text(valid, None)?;
            }
            Self::Show => deliver::text(policy::DEFAULT, None)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
