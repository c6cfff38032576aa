//! `gpuwise analyze`: the main job.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::earlier::Earlier;
use super::output::Output;
use super::sources::{About, By, From, Levers};
use super::webhook::Webhook;
use super::{exit, progress};
use crate::engine::Judge;
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
    /// An earlier plan (JSON) of this cluster: the report tells what became of its changes and what those really saved that were
    /// made, corrected for load; what it chose stays chosen where nothing else saves a tenth more
    #[arg(long, visible_alias = "compare", value_name = "FILE", help_heading = "Judgement")]
    previous: Option<PathBuf>,
    /// How the plan is printed
    #[arg(long, value_enum, default_value = "table", help_heading = "Output")]
    format: Format,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    webhook: Webhook,
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
        let previous = self.previous.as_deref().map(Earlier::read).transpose()?;
        if let Some(earlier) = &previous {
            judge = judge.remembering(&earlier.plan);
        }
        let told = self.webhook.told(self.from.is_demo())?;
        let mut progress = self.output.progress();
        if self.stats {
            progress = progress::with_stats(progress);
        }
        let zone = &judge.policy().objectives.timezone;
        let source = match self.asks_about_days(&judge, told.is_some()) {
            true => self.from.source_by_day(zone, &*progress)?,
            false => self.from.source(zone, &*progress)?,
        };
        let scope = self.about.scope();
        let mut plan = pipeline::plan(&source, &judge, &scope, &*progress).await?;
        drop(progress);
        if let Some(earlier) = &previous {
            earlier.compare(&mut plan, &scope)?;
        }
        self.output.write(&self.text(&plan)?)?;
        if let Some(told) = told {
            told.send(&plan).await?;
        }
        let partial = self.strict && !plan.coverage.gaps.is_empty();
        Ok(if partial {
            ExitCode::from(exit::PARTIAL)
        } else {
            ExitCode::SUCCESS
        })
    }

    /// Whether days of cost are worth reading: budgets are followed, somebody looks at the page, or a chat is told of unusual days.
    fn asks_about_days(&self, judge: &Judge, tells_a_chat: bool) -> bool {
        !judge.policy().budgets.is_empty() || matches!(self.format, Format::Html) || tells_a_chat
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::catalog::Catalog;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        analyze: Analyze,
    }

    #[test]
    fn days_are_read_for_whoever_is_told_of_them() {
        let judge = Judge::new(&[], Catalog::shipped().unwrap()).unwrap();
        let asks = |arguments: &[&str]| {
            let line = Line::parse_from([&["analyze", "--recording", "."], arguments].concat()).analyze;
            let told = line.webhook.told(line.from.is_demo()).unwrap();
            line.asks_about_days(&judge, told.is_some())
        };
        assert!(!asks(&["--format", "json"]));
        assert!(asks(&["--format", "html"]));
        assert!(asks(&[
            "--format",
            "json",
            "--webhook",
            "https://hooks.slack.com/services/x"
        ]));
    }
}
