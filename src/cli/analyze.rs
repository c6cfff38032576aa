//! `gpuwise analyze`: the main job.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::exit::Usage;
use super::output::Output;
use super::sources::{About, By, From, Levers, read};
use super::{exit, progress};
use crate::engine::since;
use crate::model::plan::Plan;
use crate::{pipeline, report};

/// Columns where the terminal does not say.
const WIDTH: u16 = 100;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For a terminal.
    Table,
    /// The whole plan, for scripts.
    Json,
    /// For a weekly review.
    Markdown,
    /// One page for a browser, with charts, that needs nothing else.
    Html,
    /// A line for each change, for a spreadsheet.
    Csv,
}

/// Arguments of `analyze`.
#[derive(Debug, Args)]
pub(super) struct Analyze {
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    about: About,
    #[command(flatten)]
    levers: Levers,
    /// An earlier plan (JSON) of this cluster: the report tells what became of its changes, and what it chose stays chosen
    /// where nothing else saves a tenth more
    #[arg(long, value_name = "FILE", help_heading = "Judgement")]
    previous: Option<PathBuf>,
    /// How the plan is printed
    #[arg(long, value_enum, default_value = "table", help_heading = "Output")]
    format: Format,
    #[command(flatten)]
    output: Output,
    /// Exit with 3 when part of the world could not be read
    #[arg(long, help_heading = "Output")]
    strict: bool,
    /// Tell on stderr how many requests were made and samples loaded
    #[arg(long, help_heading = "Output")]
    stats: bool,
}

impl Analyze {
    pub(super) async fn run(&self) -> anyhow::Result<ExitCode> {
        // What is wrong with arguments and policy is told before anything is read.
        let mut judge = self.levers.of(self.by.judge(&self.from)?)?;
        let previous = self.previous.as_deref().map(earlier).transpose()?;
        if let Some(earlier) = &previous {
            judge = judge.remembering(earlier);
        }
        let mut progress = self.output.progress();
        if self.stats {
            progress = progress::with_stats(progress);
        }
        let source = self.from.source(&judge.policy().objectives.timezone, &*progress)?;
        let scope = self.about.scope();
        let mut plan = pipeline::plan(&source, &judge, &scope, &*progress).await?;
        drop(progress);
        if let (Some(earlier), Some(path)) = (&previous, &self.previous) {
            let told =
                since(earlier, &plan, &scope).map_err(|why| Usage(format!("--previous {}: {why}", path.display())))?;
            plan.since = Some(told);
        }
        self.output.write(&self.text(&plan)?)?;
        let partial = self.strict && !plan.coverage.gaps.is_empty();
        Ok(if partial {
            ExitCode::from(exit::PARTIAL)
        } else {
            ExitCode::SUCCESS
        })
    }

    fn text(&self, plan: &Plan) -> anyhow::Result<String> {
        Ok(match self.format {
            Format::Json => report::json::json(plan)?,
            Format::Markdown => report::markdown::markdown(plan),
            Format::Html => report::html::html(plan),
            Format::Csv => report::csv::csv(plan),
            Format::Table => {
                let terminal = self.output.is_terminal();
                let width = terminal_size::terminal_size().map_or(WIDTH, |(width, _)| width.0);
                report::table::table(plan, if terminal { width } else { WIDTH }, self.output.has_colour())
            }
        })
    }
}

/// The plan in a file that an earlier run wrote.
fn earlier(path: &Path) -> Result<Plan, Usage> {
    let wrong = |why: &dyn std::fmt::Display| Usage(format!("--previous {}: {why}", path.display()));
    let text = String::from_utf8(read(path)?).map_err(|_| wrong(&"it is not UTF-8 text"))?;
    report::json::read(&text).map_err(|why| wrong(&why))
}
