//! `gpuwise replay hpa` and `gpuwise replay keda`: autoscalers over values that are given.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::served::{Run, Served};
use crate::cli::exit::Usage;
use crate::cli::output::{Format, Output};
use crate::replay::fields::Faults;
use crate::replay::given::{Setting, Subject, load};
use crate::replay::hpa::{Flags, manifest, vectors};
use crate::replay::keda::lint::{self, Finding};
use crate::replay::keda::spec;
use crate::report;

/// Where nobody tells how wide the terminal is.
const WIDTH: usize = 80;

/// Arguments of `replay hpa`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Hpa {
    /// JSON lines: recorded inputs of the controller, each answered with a line
    #[arg(long, value_name = "FILE", required_unless_present = "spec", conflicts_with_all = ["spec", "load", "service"])]
    vectors: Option<PathBuf>,
    /// A manifest with a HorizontalPodAutoscaler of autoscaling/v2
    #[arg(long, value_name = "FILE", requires = "load")]
    spec: Option<PathBuf>,
    /// Comma-separated values: a column `time` and one for each metric, named as the metric or s0, s1, in their order; with --service one for the requests
    #[arg(long, value_name = "FILE", requires = "spec")]
    load: Option<PathBuf>,
    /// The cluster has the feature gate HPAScaleToZero on
    #[arg(long)]
    scale_to_zero: bool,
    #[command(flatten)]
    pool: Pool,
    #[command(flatten)]
    output: Output,
}

/// Arguments of `replay keda`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Keda {
    /// A manifest with a ScaledObject of keda.sh/v1alpha1
    #[arg(long, value_name = "FILE")]
    spec: PathBuf,
    /// Comma-separated values: a column `time` and one for each trigger but cron, named as the trigger or s0, s1, in their order; with --service one for the requests
    #[arg(long, value_name = "FILE")]
    load: PathBuf,
    #[command(flatten)]
    pool: Pool,
    #[command(flatten)]
    output: Output,
}

/// What is known of the replicas.
#[derive(Debug, Args)]
struct Pool {
    /// Seconds from a pod's creation until it is ready; 60 where neither this nor --service tells
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    start_seconds: Option<f64>,
    /// Replicas at first, and with --service those of today; the fewest of the specification where it is not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    replicas: Option<i32>,
    /// What one replica costs an hour
    #[arg(long, value_name = "PRICE", value_parser = price)]
    hourly: Option<f64>,
    /// How it is printed
    #[arg(long, value_enum, default_value = "table", help_heading = "Output")]
    format: Format,
    #[command(flatten)]
    served: Served,
}

/// Seconds that a start takes where nobody tells.
const START: f64 = 60.0;

/// A day at most: no pod starts for longer.
fn seconds(text: &str) -> Result<f64, &'static str> {
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds: &f64| (0.0..=86_400.0).contains(seconds));
    seconds.ok_or("give seconds from 0 to 86400")
}

fn price(text: &str) -> Result<f64, &'static str> {
    let price = text
        .parse()
        .ok()
        .filter(|price: &f64| price.is_finite() && *price >= 0.0);
    price.ok_or("give a price of zero or more")
}

pub(super) fn wrong(path: &Path, why: &dyn Display) -> Usage {
    Usage(format!("{}: {why}", path.display()))
}

/// Every line of what is wrong, with the file that it is of.
pub(super) fn refused(path: &Path, why: &dyn Display) -> Usage {
    let lines: Vec<String> = why
        .to_string()
        .lines()
        .map(|line| format!("{}: {line}", path.display()))
        .collect();
    Usage(lines.join("\n"))
}

pub(super) fn text_of(path: &Path) -> Result<String, Usage> {
    fs::read_to_string(path).map_err(|error| wrong(path, &error))
}

impl Hpa {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        if let Some(vectors) = &self.vectors {
            self.output.write(&answered(vectors)?)?;
        } else if let (Some(spec), Some(load)) = (&self.spec, &self.load) {
            let read = manifest::read(&text_of(spec)?, self.scale_to_zero);
            let subject = Subject::hpa(read.map_err(|faults: Faults| refused(spec, &faults))?);
            let text = self
                .pool
                .run((spec, &subject), load, &[], (self.scale_to_zero, &self.output))?;
            self.output.write(&text)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn answered(vectors: &Path) -> Result<String, Usage> {
    let file = File::open(vectors).map_err(|error| wrong(vectors, &error))?;
    let mut text = String::new();
    for (at, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|error| wrong(vectors, &error))?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = vectors::answer(&line);
        let answer = answer.map_err(|error| wrong(vectors, &format!("line {}: {error}", at + 1)))?;
        text.push_str(&answer);
        text.push('\n');
    }
    Ok(text)
}

impl Keda {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let object = spec::read(&text_of(&self.spec)?).map_err(|faults| refused(&self.spec, &faults))?;
        let findings = lint::findings(&object);
        let subject = Subject::Keda(Box::new(object));
        let text = self
            .pool
            .run((&self.spec, &subject), &self.load, &findings, (false, &self.output))?;
        self.output.write(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Pool {
    fn run(
        &self,
        (spec, subject): (&Path, &Subject),
        path: &Path,
        findings: &[Finding],
        (scale_to_zero, output): (bool, &Output),
    ) -> Result<String, Usage> {
        let flags = Flags {
            downscale_stabilization_seconds: 300,
            scale_to_zero,
        };
        if let Some(service) = self.served.service() {
            let run = Run {
                service,
                spec,
                subject,
                load: path,
                flags,
                replicas: self.replicas,
                start_seconds: self.start_seconds,
                usual_start: START,
            };
            let answer = self.served.run(&run)?;
            let compared = answer.compared(findings, self.hourly);
            return Ok(match self.format {
                Format::Table => report::replay::served::text(&compared, width(output), output.has_colour()),
                Format::Json => report::replay::served::json(&compared),
            });
        }
        let load = load::read(&text_of(path)?, &subject.wanted()).map_err(|bad| refused(path, &bad))?;
        let setting = Setting {
            start: (self.start_seconds.unwrap_or(START) * 1_000.0).round() as i64,
            replicas: self.replicas,
            flags,
        };
        let run = subject.run(&load, setting);
        Ok(match self.format {
            Format::Table => report::replay::scaling::text(&run, findings, self.hourly, width(output)),
            Format::Json => report::replay::scaling::json(&run, findings, self.hourly),
        })
    }
}

/// That of the terminal, or what COLUMNS says.
fn width(output: &Output) -> usize {
    let terminal = output.is_terminal().then(terminal_size::terminal_size).flatten();
    let told = || std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    terminal
        .map(|(width, _)| usize::from(width.0))
        .or_else(told)
        .unwrap_or(WIDTH)
}
