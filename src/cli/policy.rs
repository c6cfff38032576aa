//! `gpuwise policy`: check it, print every key with its default or what files come to, or print its schema.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::files::{judge, policies, texts};
use crate::catalog::Catalog;
use crate::engine::Judge;
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
    /// Print every key with its default and its meaning; of files, what they come to, and where each value stands
    Show {
        /// Files or presets (cautious, aggressive), laid over the defaults and each other
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print the JSON Schema of a policy, for editors
    Schema,
}

impl Command {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Check { files, decisions } => {
                let judge = judge(files, &[])?.with_decisions(&texts(decisions)?)?;
                let valid = match (files.is_empty(), decisions.is_empty()) {
                    (false, true) => "the policy is valid\n",
                    (true, _) => "the decisions are valid\n",
                    (false, false) => "the policy and the decisions are valid\n",
                };
                let file = judge.policy().attribution.codeowners.iter();
                let skipped = file.flat_map(|file| file.skipped.iter().map(|(line, why)| (&file.file, line, why)));
                let skipped = skipped.map(|(file, line, why)| format!("{file}:{line} is skipped: {why}\n"));
                let skipped: String = skipped.collect();
                deliver::text(&format!("{valid}{skipped}"), None)?;
            }
            Self::Show { files } if files.is_empty() => deliver::text(policy::DEFAULT, None)?,
            Self::Show { files } => {
                // What is not valid is told instead of shown.
                judge(files, &[])?;
                let root = policy::layered(&policies(files)?, &[])?;
                deliver::text(&policy::shown::shown(&root), None)?;
            }
            Self::Schema => {
                let schema = serde_json::to_string_pretty(&Judge::schema(Catalog::shipped()?))?;
                deliver::text(&format!("{schema}\n"), None)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
