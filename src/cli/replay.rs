//! `gpuwise replay`: one counterfactual machine on an input of its own.

mod scaling;
mod served;
mod spot;

use std::fs::File;
use std::io::BufReader;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::{Args, Subcommand};

use super::exit::Usage;
use super::output::{Format, Output};
use crate::replay::checkpoint::Checkpoints;
use crate::replay::prefix_cache;
use crate::report;

/// The machines.
#[derive(Debug, Subcommand)]
pub(super) enum Replay {
    /// What the horizontal pod autoscaler of Kubernetes 1.36 decides, sync by sync
    Hpa(Box<scaling::Hpa>),
    /// What KEDA and the autoscaler that it makes of a ScaledObject decide
    Keda(Box<scaling::Keda>),
    /// Which part of the prompts a prefix cache of a given size would have held
    PrefixCache(PrefixCache),
    /// How often training should write a checkpoint, and what interruptions cost it then
    Checkpoint(Checkpoint),
    /// What a job or a pool of replicas would have cost on capacity that may be taken away, and what it would have missed
    Spot(Box<spot::Spot>),
}

/// Arguments of `replay prefix-cache`.
#[derive(Debug, Args)]
pub(super) struct PrefixCache {
    /// JSON lines, one request each, with `hash_ids`: of every block of its prompt a number that stands for it and all before it
    #[arg(long, value_name = "FILE")]
    trace: PathBuf,
    /// Tokens of a block
    #[arg(long, default_value = "512", value_name = "N")]
    block_tokens: NonZeroUsize,
    /// Blocks that the cache holds, or `unlimited`
    #[arg(long, default_value = "unlimited", value_name = "N")]
    blocks: Blocks,
    /// How it is printed
    #[arg(long, value_enum, default_value = "table", help_heading = "Output")]
    format: Format,
    #[command(flatten)]
    output: Output,
}

/// A number of blocks, or as many as there are.
#[derive(Debug, Clone, Copy)]
struct Blocks(Option<NonZeroUsize>);

impl FromStr for Blocks {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "unlimited" => Ok(Self(None)),
            text => text
                .parse()
                .map(|most| Self(Some(most)))
                .map_err(|_| "give a whole number above zero, or `unlimited`"),
        }
    }
}

/// Arguments of `replay checkpoint`.
#[derive(Debug, Args)]
pub(super) struct Checkpoint {
    /// Seconds that writing one takes
    #[arg(long, value_name = "SECONDS")]
    write_seconds: f64,
    /// Mean hours between two interruptions
    #[arg(long, value_name = "HOURS")]
    mtbf_hours: f64,
    /// Seconds from an interruption until work goes on
    #[arg(long, default_value = "0", value_name = "SECONDS")]
    restart_seconds: f64,
    /// How it is printed
    #[arg(long, value_enum, default_value = "table", help_heading = "Output")]
    format: Format,
    #[command(flatten)]
    output: Output,
}

impl Replay {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Hpa(hpa) => hpa.run(),
            Self::Keda(keda) => keda.run(),
            Self::PrefixCache(cache) => cache.run(),
            Self::Checkpoint(checkpoint) => checkpoint.run(),
            Self::Spot(spot) => spot.run(),
        }
    }
}

impl PrefixCache {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let wrong = |why: &dyn std::fmt::Display| Usage(format!("{}: {why}", self.trace.display()));
        let file = File::open(&self.trace).map_err(|error| wrong(&error))?;
        let prompts = prefix_cache::read(BufReader::new(file)).map_err(|error| wrong(&error))?;
        let held = prefix_cache::replay(prompts, self.blocks.0);
        let text = match self.format {
            Format::Table => report::replay::prefix_cache(&held, self.block_tokens, self.blocks.0),
            Format::Json => report::replay::prefix_cache_json(&held, self.block_tokens),
        };
        self.output.write(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Checkpoint {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let mtbf_seconds = self.mtbf_hours * 3_600.0;
        let checkpoints = Checkpoints::new(self.write_seconds, mtbf_seconds, self.restart_seconds);
        let checkpoints = checkpoints.map_err(|error| Usage(error.to_string()))?;
        let text = match self.format {
            Format::Table => report::replay::checkpoint(&checkpoints),
            Format::Json => report::replay::checkpoint_json(&checkpoints),
        };
        self.output.write(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}
