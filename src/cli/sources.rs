//! Arguments that every reading command shares: where the world is read, and what is judged by.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::config;
use super::exit::Usage;
use super::reach::Reach;
use crate::catalog::Catalog;
use crate::engine::{Judge, Scope};
use crate::pipeline::{Kubernetes, Live, Source};

/// Where the world is read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Source")]
pub(super) struct From {
    /// Use the world inside the binary: nothing to install, nothing is contacted
    #[arg(long, conflicts_with_all = ["recording", "prometheus"])]
    demo: bool,
    /// Use a folder that `gpuwise record` wrote
    #[arg(long, value_name = "DIR", conflicts_with = "prometheus")]
    recording: Option<PathBuf>,
    /// The kubeconfig, where it is not the one that kubectl finds
    #[arg(long, value_name = "FILE", conflicts_with = "no_kubernetes")]
    kubeconfig: Option<PathBuf>,
    /// The context in it
    #[arg(long, value_name = "NAME", conflicts_with = "no_kubernetes")]
    kube_context: Option<String>,
    /// Do without the Kubernetes API: workloads from metrics alone
    #[arg(long)]
    no_kubernetes: bool,
    /// What to call the cluster in the plan
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// How much history, such as 14d or 36h
    #[arg(long, value_name = "DURATION", default_value = "14d", value_parser = duration)]
    window: SignedDuration,
    /// Up to when, such as 2026-11-16T00:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Seconds from one point to the next [default: 60, or the scrape interval where that is longer]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3600))]
    step: Option<u32>,
    /// Samples held in memory at once, eight bytes each: a cluster or a recording with more is read part by part
    #[arg(long, value_name = "COUNT", default_value = "52000000", value_parser = clap::value_parser!(u64).range(1..))]
    samples_at_once: u64,
    /// A file that says what is the same in every run, under `sources:` and the names of these flags
    /// [default: gpuwise.yaml, if it is there]
    #[arg(long, value_name = "FILE", env = "GPUWISE_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    reach: Reach,
}

impl From {
    /// The source that the arguments name.
    pub(super) fn source(&self) -> anyhow::Result<Source> {
        if self.demo {
            return Ok(Source::Demo);
        }
        if let Some(folder) = &self.recording {
            return Ok(Source::Recording {
                folder: folder.clone(),
                samples_at_once: self.samples_at_once,
            });
        }
        let config = config::load(self.config.as_deref())?;
        let reach = self.reach.clone().over(config.reach);
        let prometheus = reach.prometheus()?;
        if prometheus.is_none() && self.no_kubernetes {
            return Err(Usage(
                "nothing to read: give --demo, --recording DIR, or --prometheus URL (with --costs URL for real prices); \
                 without the Kubernetes API they cannot be looked for"
                    .to_owned(),
            )
            .into());
        }
        Ok(Source::Live(Box::new(Live {
            prometheus,
            costs: reach.costs()?,
            looked_for: reach.looked_for()?,
            kubernetes: if self.no_kubernetes {
                Kubernetes::None
            } else {
                Kubernetes::Read {
                    kubeconfig: self.kubeconfig.clone().or(config.kubeconfig),
                    context: self.kube_context.clone().or(config.kube_context),
                }
            },
            cluster: self.cluster.clone().or(config.cluster),
            window: self.window,
            until: self.until,
            step_seconds: self.step,
            samples_at_once: self.samples_at_once,
        })))
    }
}

/// What is judged by, and what is judged.
#[derive(Debug, Args)]
#[command(next_help_heading = "Judgement")]
pub(super) struct By {
    /// A policy laid over the defaults (repeatable, later wins); `gpuwise policy show` prints every key
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// What you pay by contract (YAML), as under `prices` in the policy (repeatable, later wins)
    #[arg(long, value_name = "FILE")]
    price_sheet: Vec<PathBuf>,
    /// The time zone of hours in schedules, such as Europe/Berlin [default: the policy's]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Only workloads of this namespace (repeatable)
    #[arg(long, value_name = "NAME")]
    namespace: Vec<String>,
    /// Only workloads of this owner (repeatable)
    #[arg(long, value_name = "TEAM")]
    owner: Vec<String>,
    /// Ask only this lever (repeatable)
    #[arg(long, value_name = "ID")]
    lever: Vec<String>,
}

impl By {
    /// The policy with its levers.
    pub(super) fn judge(&self) -> anyhow::Result<Judge> {
        let mut judge = judge(&self.policy, &self.price_sheet)?
            .only(&self.lever)
            .map_err(Usage)?;
        if let Some(zone) = &self.timezone {
            judge = judge.in_timezone(zone).map_err(Usage)?;
        }
        Ok(judge)
    }

    /// Which workloads are asked about.
    pub(super) fn scope(&self) -> Scope {
        Scope {
            namespaces: self.namespace.clone(),
            owners: self.owner.clone(),
        }
    }
}

/// A judge by these policy files and price sheets.
pub(super) fn judge(policies: &[PathBuf], sheets: &[PathBuf]) -> anyhow::Result<Judge> {
    let texts = |paths: &[PathBuf]| -> Result<Vec<(String, String)>, Usage> {
        let text = |path: &PathBuf| {
            let text = String::from_utf8(read(path)?)
                .map_err(|_| Usage(format!("{} is not UTF-8 text; save it as such", path.display())))?;
            Ok((path.display().to_string(), text))
        };
        paths.iter().map(text).collect()
    };
    Ok(Judge::with_prices(
        &texts(policies)?,
        &texts(sheets)?,
        Catalog::shipped()?,
    )?)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Usage> {
    std::fs::read(path).map_err(|cause| Usage(format!("cannot read {}: {cause}", path.display())))
}

/// `14d`, `2w`, `36h`: days are 24 hours, whatever a clock does in between.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let bad = || format!("`{text}` is no duration; give one such as 14d, 2w or 36h");
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
    let (number, unit) = text.split_at(split);
    let number: i64 = number.parse().map_err(|_| bad())?;
    let hours = match unit.trim() {
        "h" => 1,
        "d" => 24,
        "w" => 7 * 24,
        _ => return Err(bad()),
    };
    let hours = number
        .checked_mul(hours)
        .filter(|hours| (1..=24 * 366 * 2).contains(hours))
        .ok_or_else(bad)?;
    Ok(SignedDuration::from_hours(hours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_hours_days_or_weeks() {
        assert_eq!(duration("14d"), Ok(SignedDuration::from_hours(336)));
        assert_eq!(duration("2w"), duration("14d"));
        for wrong in ["", "d", "14", "-3d", "0h", "3 months", "9999999999999999999d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
