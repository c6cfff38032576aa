//! The command line: arguments, one file per command, exit codes. Everything else is in the library.

mod alerts;
mod analyze;
mod budget;
mod config;
mod cost;
mod doctor;
mod earlier;
mod exit;
mod explain;
mod files;
mod output;
mod patch;
mod planned;
mod policy;
mod pr;
mod prices;
mod progress;
mod prompts;
mod reach;
mod record;
mod replay;
mod sample;
mod sources;
mod webhook;
mod when;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// GPU cost advisor for Kubernetes: every workload gets a verdict, every proposal its evidence, every saving its place on
/// the bill.
#[derive(Debug, Parser)]
#[command(name = "gpuwise", version, max_term_width = 100, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read, judge, plan, report.
    Analyze(analyze::Analyze),
    /// What can be seen before anything is judged, and the fix for each hole.
    Doctor(doctor::Doctor),
    /// Read a cluster once and keep it.
    Record(record::Record),
    /// What a lever looks for, or the whole story of one workload.
    Explain(explain::Explain),
    /// What GPUs cost: by the list, as this cluster pays, and per hour of work.
    Prices(prices::Prices),
    /// Where money went: by namespace, team, label, workload, GPU, ...
    Cost(Box<cost::Cost>),
    /// Whether budgets hold, and when money runs out.
    Budget(Box<budget::Budget>),
    /// Alert rules on the metrics that this cluster has, with tests of them.
    Alerts(Box<alerts::Alerts>),
    /// The plan as edits of the manifests in a checkout.
    Patch(Box<patch::Patch>),
    /// The same edits as pull requests, kept up to date.
    Pr(Box<pr::Pr>),
    /// One counterfactual machine on an input of its own.
    #[command(subcommand)]
    Replay(replay::Replay),
    /// This node's GPUs through NVML, once or as metrics in DCGM's names.
    Sample(sample::Arguments),
    /// Check or show the policy, or print its schema.
    #[command(subcommand)]
    Policy(policy::Command),
}

/// Runs the command line and answers with its exit code.
pub fn main() -> ExitCode {
    // Both reqwest and kube are built with aws-lc-rs; a second call would only say that it is there already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(arguments.command)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(code) => code,
        Err(error) => exit::tell(&error),
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Analyze(analyze) => analyze.run().await,
        Command::Doctor(doctor) => doctor.run().await,
        Command::Record(record) => record.run().await,
        Command::Explain(explain) => explain.run().await,
        Command::Prices(prices) => prices.run().await,
        Command::Cost(cost) => cost.run().await,
        Command::Budget(budget) => budget.run().await,
        Command::Alerts(alerts) => alerts.run().await,
        Command::Patch(patch) => patch.run().await,
        Command::Pr(pr) => pr.run().await,
        Command::Sample(sample) => sample.run().await,
        Command::Replay(replay) => replay.run(),
        Command::Policy(policy) => policy.run(),
    }
}
