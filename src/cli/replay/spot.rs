//! `gpuwise replay spot`: a job or a pool of replicas on capacity that may be taken away.

use std::fmt::Display;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::super::exit::Usage;
use super::super::output::{Format, Output};
use crate::replay::checkpoint::Checkpoints;
use crate::replay::spot::bounds::{Rate, garwood, monthly_share};
use crate::replay::spot::expected::{Expected, expected};
use crate::replay::spot::gang::Gang;
use crate::replay::spot::job::{Job, Rates};
use crate::replay::spot::pool::{self, Pool};
use crate::replay::spot::prices::Prices;
use crate::replay::spot::read::{self, Read, Reading};
use crate::replay::spot::starts::{self, Starts, Tried};
use crate::replay::spot::strategy::Strategy;
use crate::report::replay::spot as report;

/// Arguments of `replay spot`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Spot {
    /// When capacity was there: `MILLISECONDS,add|remove,NODE`; `DATE, TIME, LIVE INSTANCES`; a series of noughts and ones; or
    /// `node,start,end`. Without it the rate of --mtbf-hours or --interruptions speaks
    #[arg(long, value_name = "FILE")]
    availability: Option<PathBuf>,
    /// Hours of work, were it never interrupted
    #[arg(long, value_name = "HOURS", required_unless_present = "replicas")]
    task_hours: Option<f64>,
    /// Hours from its start until it must be done; with --availability
    #[arg(long, value_name = "HOURS")]
    deadline_hours: Option<f64>,
    /// Hours from an interruption until work goes on
    #[arg(long, default_value = "0", value_name = "HOURS")]
    restart_hours: f64,
    /// Nodes, all of which it needs
    #[arg(long, default_value = "1", value_name = "N")]
    gang: NonZeroU32,
    /// How it chooses what it runs on (repeatable; all of them where none is given): on-demand, spot-only,
    /// spot-else-on-demand, greedy, uniform-progress
    #[arg(long, value_name = "STRATEGY")]
    strategy: Vec<Strategy>,
    /// What a node costs an hour on demand
    #[arg(long, value_name = "PRICE")]
    on_demand: f64,
    /// What one costs an hour as spot capacity
    #[arg(long, value_name = "PRICE", required_unless_present = "price_series")]
    spot: Option<f64>,
    /// What one costs over time instead: `time,price`, each price from its time on
    #[arg(long, value_name = "FILE", conflicts_with = "spot", requires = "availability")]
    price_series: Option<PathBuf>,
    /// Seconds that writing a checkpoint takes; without it nothing but the restart is lost
    #[arg(long, value_name = "SECONDS")]
    checkpoint_seconds: Option<f64>,
    /// Minutes of work between two checkpoints (default: Daly's interval)
    #[arg(long, value_name = "MINUTES", requires = "checkpoint_seconds")]
    checkpoint_minutes: Option<f64>,
    /// Mean hours between two interruptions of one node
    #[arg(long, value_name = "HOURS")]
    mtbf_hours: Option<f64>,
    /// Interruptions that were counted, in --node-hours
    #[arg(long, value_name = "N", requires = "node_hours", conflicts_with = "mtbf_hours")]
    interruptions: Option<u64>,
    /// Hours that nodes were watched, all together
    #[arg(long, value_name = "HOURS", requires = "interruptions")]
    node_hours: Option<f64>,
    /// The share of instances that were interrupted within a month, as a provider publishes it
    #[arg(long, value_name = "SHARE")]
    monthly_interrupted: Option<f64>,
    #[command(flatten)]
    starts: StartArgs,
    #[command(flatten)]
    pool: PoolArgs,
    /// How it is printed
    #[arg(long, value_enum, default_value = "table", help_heading = "Output")]
    format: Format,
    #[command(flatten)]
    output: Output,
}

/// From when a job begins.
#[derive(Debug, Args)]
#[command(next_help_heading = "Starts")]
struct StartArgs {
    /// Minutes from one start to the next
    #[arg(long, default_value = "5", value_name = "MINUTES")]
    start_every_minutes: f64,
    /// No more starts than so many, drawn
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// What is drawn is drawn from this
    #[arg(long, default_value = "1", value_name = "N")]
    seed: u64,
    /// Minutes for which a number of live instances holds without another; from then on it is unknown
    #[arg(long, default_value = "30", value_name = "MINUTES")]
    hold_minutes: f64,
}

/// A pool of replicas instead of a job.
#[derive(Debug, Args)]
#[command(next_help_heading = "A pool of replicas")]
struct PoolArgs {
    /// Replicas that are wanted all the time, one to a node, instead of a job
    #[arg(long, value_name = "N", conflicts_with = "task_hours", requires = "availability")]
    replicas: Option<u32>,
    /// Of those, so many always on demand
    #[arg(long, default_value = "0", value_name = "N")]
    on_demand_base: u32,
    /// Nothing stands in for spot capacity that is not there
    #[arg(long)]
    no_fallback: bool,
    /// Seconds from a node's beginning until its replica serves
    #[arg(long, default_value = "0", value_name = "SECONDS")]
    cold_start_seconds: f64,
}

fn usage(error: impl Display) -> Usage {
    Usage(error.to_string())
}

/// Whole seconds of so many units.
fn seconds(flag: &str, value: f64, unit: f64) -> Result<i64, Usage> {
    let seconds = value * unit;
    let sound = (0.0..1e11).contains(&seconds);
    sound.then(|| seconds.round() as i64).ok_or_else(|| {
        Usage(format!(
            "{flag} must be zero or more, and no longer than a thousand years: {value} is not"
        ))
    })
}

fn text_of(path: &Path) -> Result<String, Usage> {
    std::fs::read_to_string(path).map_err(|error| Usage(format!("{}: {error}", path.display())))
}

impl Spot {
    pub(in crate::cli) fn run(&self) -> anyhow::Result<ExitCode> {
        if !(self.on_demand >= 0.0 && self.on_demand.is_finite()) {
            return Err(Usage(format!("--on-demand must be a price, and {} is none", self.on_demand)).into());
        }
        let text = match &self.availability {
            Some(path) => {
                let holds = seconds("--hold-minutes", self.starts.hold_minutes, 60.0)?;
                let seed = self.starts.seed;
                let read = read::read(&text_of(path)?, Reading { holds, seed });
                self.over(&read.map_err(|error| Usage(format!("{}: {error}", path.display())))?)?
            }
            None => self.by_rate()?,
        };
        self.output.write(&text)?;
        Ok(ExitCode::SUCCESS)
    }

    fn over(&self, read: &Read) -> Result<String, Usage> {
        let rates = self.rates(read)?;
        if let Some(replicas) = self.pool.replicas {
            return self.serve(replicas, read, &rates);
        }
        let Some(deadline) = self.deadline_hours else {
            return Err(usage("give --deadline-hours: how long it may take from its start"));
        };
        let mut job = self.job(seconds("--deadline-hours", deadline, 3_600.0)?)?;
        job.interval = self.interval(&job, read)?;
        let gang = Gang::of(&read.trace, job.nodes, self.starts.seed);
        let begins = starts::begins(&job, &gang, self.starts()?);
        if begins.is_empty() {
            let watched = read.trace.figures().watched_hours;
            return Err(Usage(format!(
                "no span of {deadline} hours, the deadline, was watched without a gap: the trace has {watched:.1} hours in all"
            )));
        }
        let mut strategies = self.strategy.clone();
        if strategies.is_empty() {
            strategies = Strategy::ALL.to_vec();
        }
        let tried: Vec<Tried> = strategies
            .iter()
            .filter_map(|strategy| starts::tried(&job, *strategy, &gang, &rates, &begins))
            .collect();
        let replayed = report::Replayed {
            read,
            job: &job,
            tried: &tried,
            windows: starts::windows(&job, &begins),
            by_rate: self.bounds(&job, read.trace.figures().rate.as_ref(), rates.spot.only())?,
        };
        Ok(match self.format {
            Format::Table => report::table(&replayed),
            Format::Json => report::json(&replayed),
        })
    }

    fn serve(&self, replicas: u32, read: &Read, rates: &Rates) -> Result<String, Usage> {
        let pool = Pool {
            base: self.pool.on_demand_base,
            fallback: !self.pool.no_fallback,
            cold_start: seconds("--cold-start-seconds", self.pool.cold_start_seconds, 1.0)?,
        };
        let span = (0, read.trace.length);
        let served = pool::serve(&pool, &[(0, replicas)], &read.trace, rates, span, self.starts.seed);
        Ok(match self.format {
            Format::Table => report::pool(read, &served),
            Format::Json => report::pool_json(read, &served),
        })
    }

    fn job(&self, deadline: i64) -> Result<Job, Usage> {
        let work = seconds("--task-hours", self.task_hours.unwrap_or_default(), 3_600.0)?;
        let restart = seconds("--restart-hours", self.restart_hours, 3_600.0)?;
        Job::new(work, deadline, restart, None, self.gang.get()).map_err(usage)
    }

    /// Work between checkpoints and the time of one, in whole seconds: as given, or by the rate of the trace.
    fn interval(&self, job: &Job, read: &Read) -> Result<Option<(i64, i64)>, Usage> {
        let Some(write) = self.checkpoint_seconds else {
            return Ok(None);
        };
        let takes = seconds("--checkpoint-seconds", write, 1.0)?;
        if let Some(minutes) = self.checkpoint_minutes {
            let between = seconds("--checkpoint-minutes", minutes, 60.0)?;
            return Ok(Some((between.max(1), takes)));
        }
        let counted = read.trace.figures().rate.map(|rate| 1.0 / rate.high);
        let Some(mtbf) = self.mtbf_hours.or(counted) else {
            return Err(usage("no node was ever there: give --checkpoint-minutes"));
        };
        let mtbf_seconds = mtbf * 3_600.0 / f64::from(job.nodes);
        let daly = Checkpoints::new(write, mtbf_seconds, job.restart as f64).map_err(usage)?;
        Ok(Some((
            seconds("the interval", daly.interval_seconds(), 1.0)?.max(1),
            takes,
        )))
    }

    fn starts(&self) -> Result<Starts, Usage> {
        let every = seconds("--start-every-minutes", self.starts.start_every_minutes, 60.0)?;
        if every == 0 || self.starts.sample == Some(0) {
            return Err(usage("--start-every-minutes and --sample must be above zero"));
        }
        Ok(Starts {
            every,
            most: self.starts.sample,
            seed: self.starts.seed,
        })
    }

    fn rates(&self, read: &Read) -> Result<Rates, Usage> {
        let spot = match (&self.price_series, self.spot) {
            (Some(path), _) => {
                let wrong = |error: &dyn Display| Usage(format!("{}: {error}", path.display()));
                let points = read::prices(&text_of(path)?, read.trace.origin).map_err(|error| wrong(&error))?;
                Prices::series(&points).map_err(|error| wrong(&error))?
            }
            (None, hourly) => Prices::fixed(hourly.unwrap_or(f64::NAN)).map_err(usage)?,
        };
        Ok(Rates {
            on_demand: self.on_demand,
            spot,
        })
    }

    /// What a rate comes to at its lower and its upper bound.
    fn bounds(&self, job: &Job, rate: Option<&Rate>, spot: Option<f64>) -> Result<Option<[Expected; 2]>, Usage> {
        let (Some(rate), Some(spot)) = (rate, spot) else {
            return Ok(None);
        };
        Ok(Some([self.at(job, rate.low, spot)?, self.at(job, rate.high, spot)?]))
    }

    /// At this rate of one node. One that is never taken away has no interval of checkpoints, and needs none.
    fn at(&self, job: &Job, per_hour: f64, spot: f64) -> Result<Expected, Usage> {
        if per_hour <= 0.0 {
            let hours = job.work as f64 / 3_600.0;
            return Ok(Expected {
                mtbf_hours: f64::INFINITY,
                interval_seconds: None,
                waste: 0.0,
                hours: Some(hours),
                cost: Some(hours * spot * f64::from(job.nodes)),
                breaks_even_at: 1.0,
            });
        }
        let interval = self.checkpoint_minutes.map(|minutes| minutes * 60.0);
        expected(job, 1.0 / per_hour, self.checkpoint_seconds, interval, spot).map_err(usage)
    }

    fn by_rate(&self) -> Result<String, Usage> {
        let job = self.job(i64::from(u32::MAX) / 2)?;
        let spot = self.spot.filter(|spot| *spot >= 0.0 && spot.is_finite());
        let spot = spot.ok_or_else(|| usage("--spot must be a price"))?;
        let counted = match (self.interruptions, self.node_hours) {
            (Some(events), Some(hours)) => {
                let told = garwood(events, hours, 0.95);
                Some(told.ok_or_else(|| Usage(format!("--node-hours must be above zero, and is {hours}")))?)
            }
            _ => None,
        };
        let published = match self.monthly_interrupted {
            Some(share) => Some(monthly_share(share).ok_or_else(|| {
                Usage(format!(
                    "--monthly-interrupted must be a share from nought to below one, and is {share}"
                ))
            })?),
            None => None,
        };
        let mut expected = Vec::new();
        if let Some(hours) = self.mtbf_hours {
            if !(hours > 0.0 && hours.is_finite()) {
                return Err(Usage(format!("--mtbf-hours must be above zero, and is {hours}")));
            }
            expected.push(("Given", self.at(&job, 1.0 / hours, spot)?));
        }
        if let Some(rate) = &counted {
            expected.push(("Lowest", self.at(&job, rate.low, spot)?));
            expected.push(("Highest", self.at(&job, rate.high, spot)?));
        }
        if let Some(lambda) = published {
            expected.push(("Published", self.at(&job, lambda, spot)?));
        }
        if self.mtbf_hours.is_none() && counted.is_none() {
            return Err(usage(
                "give --availability, --mtbf-hours, or --interruptions with --node-hours: what a provider publishes is a lower bound, and never stands alone",
            ));
        }
        let told = report::AtRate {
            job: &job,
            on_demand: self.on_demand,
            spot,
            counted,
            monthly: self.monthly_interrupted,
            expected: &expected,
        };
        Ok(match self.format {
            Format::Table => report::at_rate(&told),
            Format::Json => report::at_rate_json(&told),
        })
    }
}
