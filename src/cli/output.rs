//! Arguments that every printing command shares: where its answer goes, and whether it tells how far it is.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::progress;
use crate::deliver::{self, DeliverError};
use crate::model::progress::Progress;

/// How a list is printed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Format {
    /// For a terminal.
    Table,
    /// Everything, for scripts.
    Json,
}

/// Where the answer goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct Output {
    /// A file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    told: Told,
}

/// What is told while the work goes on.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct Told {
    /// No progress
    #[arg(long)]
    quiet: bool,
}

impl Told {
    pub(super) fn progress(&self) -> Box<dyn Progress> {
        progress::shown(self.quiet)
    }
}

impl Output {
    pub(super) fn progress(&self) -> Box<dyn Progress> {
        self.told.progress()
    }

    /// The file, if it is one.
    pub(super) fn path(&self) -> Option<&Path> {
        self.output.as_deref()
    }

    /// Whether somebody reads it as it is printed.
    pub(super) fn is_terminal(&self) -> bool {
        self.output.is_none() && std::io::stdout().is_terminal()
    }

    /// Whether what is printed may have colours: on a terminal whose owner does not forbid them.
    pub(super) fn has_colour(&self) -> bool {
        self.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
    }

    pub(super) fn write(&self, text: &str) -> Result<(), DeliverError> {
        deliver::text(text, self.output.as_deref())
    }
}
