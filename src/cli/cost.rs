//! `gpuwise cost`: where money went.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::exit::Usage;
use super::files;
use super::output::Output;
use super::sources::{About, By, DEFAULT_WINDOW, From};
use crate::engine::Scope;
use crate::finops::anomalies::anomalies;
use crate::finops::cost::{Asked, Books, Key, Names, lines, report};
use crate::model::finops::Anomaly;
use crate::model::time::Window;
use crate::pipeline::{self, Back};
use crate::report as texts;

/// Columns where the terminal does not say.
const WIDTH: u16 = 140;

/// Rows of a table where nobody says: the rest is one row.
const ROWS: usize = 30;

/// Names that are told where nobody is as was asked for.
const NAMED: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal.
    Table,
    /// For a review.
    Markdown,
    /// A line a row, for spreadsheets.
    Csv,
    /// Everything, for scripts.
    Json,
    /// A line a day, account and service in the columns of FOCUS 1.2 (CSV).
    Focus,
}

/// Arguments of `cost`.
#[derive(Debug, Args)]
pub(super) struct Cost {
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    about: About,
    /// By what rows are made: namespace, team, project, cost-center, workload, class, gpu, node, instance-type, capacity, category,
    /// day, cluster, label:NAME, annotation:NAME; several with commas
    #[arg(
        long = "by",
        value_name = "KEY",
        value_delimiter = ',',
        default_value = "namespace",
        help_heading = "Report"
    )]
    keys: Vec<Key>,
    /// Most rows, the rest together as one [default: 30 in a table and in Markdown, else all]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(2..), help_heading = "Report")]
    limit: Option<u32>,
    /// How it is printed
    #[arg(long, value_enum, default_value = "table", help_heading = "Output")]
    format: Format,
    #[command(flatten)]
    output: Output,
}

impl Cost {
    pub(super) async fn run(&self) -> anyhow::Result<ExitCode> {
        let judge = self.by.judge(&self.from)?.without_levers();
        let progress = self.output.progress();
        let zone = judge.policy().objectives.timezone.clone();
        let source = self.from.source_with(&zone, Some(Back::Compared), &*progress)?;
        let read = pipeline::books(&source, &judge, &Scope::default(), &*progress).await?;
        let zone = files::zone(&zone).map_err(Usage)?;
        let window = read.plan.window;
        let asked = match self.from.is_recorded() {
            true => self
                .from
                .asked(&zone, window.end, &*progress)?
                .or_else(|| newest(window)),
            false => None,
        };
        drop(progress);
        let period = pipeline::whole_days(asked.unwrap_or(window), &zone);
        let books = read.view(&judge, &zone);
        let few = matches!(self.format, Format::Table | Format::Markdown);
        let limit = self.limit.map(|limit| limit as usize);
        let asked = Asked {
            period,
            before: pipeline::before(period, &zone),
            by: self.keys.clone(),
            scope: self.about.scope(),
            limit: limit.or_else(|| few.then_some(ROWS)),
        };
        let mut told = report(&books, &asked)?;
        if told.rows.is_empty() {
            return Err(Usage(nobody(&books, &asked)).into());
        }
        told.anomalies = unusual(&books, &asked);
        let text = match self.format {
            Format::Table => {
                let width = terminal_size::terminal_size().map_or(WIDTH, |(width, _)| width.0);
                texts::cost::table(&told, if self.output.is_terminal() { width } else { WIDTH })
            }
            Format::Markdown => texts::cost::markdown(&told),
            Format::Csv => texts::cost::csv(&told)?,
            Format::Json => texts::cost::json(&told)?,
            Format::Focus => texts::cost::focus(&books, &lines(&books, asked.period, &asked.scope).0)?,
        };
        self.output.write(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What was unusual within what is asked about.
fn unusual(books: &Books<'_>, asked: &Asked) -> Vec<Anomaly> {
    let whole = Window {
        start: books
            .ledger
            .days
            .first()
            .map_or(asked.before.start, |day| day.window.start),
        end: asked.period.end,
    };
    let (mut found, _) = anomalies(books, &lines(books, whole, &asked.scope).0, asked.period.end);
    let first = asked.period.start.to_zoned(books.zone.clone()).date();
    found.retain(|one| one.last >= first);
    found
}

/// That nobody is as was asked for, and who there is.
fn nobody(books: &Books<'_>, asked: &Asked) -> String {
    let names = Names::new(books);
    let (all, _) = lines(books, asked.period, &Scope::default());
    let namespaces: BTreeSet<String> = all.iter().filter_map(|line| line.account.namespace.clone()).collect();
    let teams: BTreeSet<String> = all
        .iter()
        .filter_map(|line| names.team(line.account, line.workload))
        .collect();
    let few = |all: BTreeSet<String>| all.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
    format!(
        "nothing was spent by what --namespace, --owner and --selector ask about; there are the namespaces {} and the teams {}",
        few(namespaces),
        few(teams)
    )
}

/// The last two weeks of what was recorded, so that there is something to compare them with.
fn newest(window: Window) -> Option<Window> {
    let start = window.end.checked_sub(DEFAULT_WINDOW).ok()?.max(window.start);
    Some(Window { start, end: window.end })
}
