//! `gpuwise sample`: the GPUs of this node, printed once or served as metrics.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use super::exit::Usage;
use crate::deliver::serve::serve;
use crate::model::gap::Gap;
use crate::sources::nvml::{NvmlReadError, Sample, exposition, holders, readings};
use crate::{deliver, report};

/// How often NVML is read. Utilization and energy are of all the time in between, whatever this is, as far back as the
/// driver's samples reach; a GPU without samples shows its last 1/6 to 1 second, and memory, clocks and temperature are of
/// the moment, so that what lasts a second is seen.
const EVERY: Duration = Duration::from_secs(1);

/// A driver that takes longer for one reading hangs.
const SILENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For a terminal.
    Table,
    /// Every figure, for scripts.
    Json,
    /// As Prometheus reads it, in DCGM's names.
    Metrics,
}

/// Arguments of `sample`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// NVML's library, where it is not where NVIDIA's driver puts it
    #[arg(long, value_name = "FILE", env = "GPUWISE_NVML", help_heading = "Source")]
    nvml: Option<PathBuf>,
    /// The kubelet's socket, which names the pods that GPUs are handed to
    #[arg(long, value_name = "FILE", default_value = holders::SOCKET, help_heading = "Source")]
    kubelet: PathBuf,
    /// The node's name in metrics [default: what this machine calls itself]
    #[arg(long, value_name = "NAME", env = "NODE_NAME", help_heading = "Source")]
    node: Option<String>,
    /// Seconds that a figure is the mean of, read every second [default: 1, and 15 with --listen]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=300), help_heading = "Source")]
    interval: Option<u16>,
    /// Serve /metrics and /healthz here, such as 127.0.0.1:9400, instead of printing once
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["format", "output"], help_heading = "Output")]
    listen: Option<SocketAddr>,
    /// How it is printed
    #[arg(long, value_enum, default_value = "table", help_heading = "Output")]
    format: Format,
    /// A file instead of standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,
}

impl Arguments {
    pub(super) async fn run(&self) -> anyhow::Result<ExitCode> {
        let node = match &self.node {
            Some(node) => node.clone(),
            None => std::fs::read_to_string("/proc/sys/kernel/hostname")
                .map_err(|cause| Usage(format!("this machine does not tell its name ({cause}); give --node")))?
                .trim()
                .to_owned(),
        };
        let interval = self.interval.unwrap_or(if self.listen.is_some() { 15 } else { 1 });
        match self.listen {
            Some(address) => self.serve(address, node, interval).await,
            None => {
                let mut readings = readings(self.nvml.clone(), node, EVERY);
                // The first is where the first second begins: what it tells was before.
                taken(&mut readings, 1).await?;
                let sample = self.mean(&mut readings, usize::from(interval)).await?;
                let text = match self.format {
                    Format::Table => report::devices::table(&sample),
                    Format::Json => format!("{}\n", report::safe::json(&serde_json::to_string_pretty(&sample)?)),
                    Format::Metrics => exposition::text(&sample),
                };
                deliver::text(&text, self.output.as_deref())?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }

    async fn serve(&self, address: SocketAddr, node: String, interval: u16) -> anyhow::Result<ExitCode> {
        let listener = TcpListener::bind(address).await.map_err(|cause| {
            Usage(format!(
                "cannot listen on {address}: {cause}; give another with --listen"
            ))
        })?;
        let at = listener.local_addr()?;
        say(&format!("serving http://{at}/metrics"));
        let (publish, page) = watch::channel(None);
        let publishing = async {
            let mut readings = readings(self.nvml.clone(), node, EVERY);
            // At once, so that whoever waits for the endpoint need not wait for a whole interval.
            let mut count = 1;
            let mut told = Vec::new();
            loop {
                let sample = self.mean(&mut readings, count).await?;
                if sample.gaps != told {
                    tell(&sample.gaps);
                    told.clone_from(&sample.gaps);
                }
                publish.send_replace(Some(Arc::from(exposition::text(&sample))));
                count = usize::from(interval);
            }
        };
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! {
            failed = publishing => match failed { Err::<std::convert::Infallible, anyhow::Error>(error) => Err(error) },
            failed = serve(listener, page) => match failed {
                Err(error) => Err(error).context("cannot accept connections any more"),
            },
            _ = terminate.recv() => Ok(ExitCode::SUCCESS),
            _ = interrupt.recv() => Ok(ExitCode::SUCCESS),
        }
    }

    /// The mean of the next readings, with who holds the GPUs now.
    async fn mean(
        &self,
        readings: &mut mpsc::Receiver<Result<Sample, NvmlReadError>>,
        count: usize,
    ) -> anyhow::Result<Sample> {
        let samples = taken(readings, count).await?;
        let mut sample = Sample::mean(&samples).context("no reading")?;
        match holders::held(&self.kubelet).await {
            Ok(held) => holders::name(&mut sample, &held),
            Err(error) => sample.gaps.push(Gap::new(
                "no-pods",
                "Which pods hold the GPUs",
                error.to_string(),
                "Outside Kubernetes there are none; on a node, name the socket with --kubelet.",
            )),
        }
        Ok(sample)
    }
}

/// The next readings.
async fn taken(
    readings: &mut mpsc::Receiver<Result<Sample, NvmlReadError>>,
    count: usize,
) -> anyhow::Result<Vec<Sample>> {
    let mut samples = Vec::with_capacity(count);
    while samples.len() < count {
        let reading = tokio::time::timeout(SILENCE, readings.recv()).await;
        let reading = reading.map_err(|_| NvmlReadError::Silent {
            seconds: SILENCE.as_secs(),
        })?;
        samples.push(reading.context("NVML's thread ended without a word")??);
    }
    Ok(samples)
}

/// Gaps, for the log of whoever serves.
fn tell(gaps: &[Gap]) {
    for gap in gaps {
        say(&format!("not known: {}: {}. {}", gap.what, gap.why, gap.fix));
    }
}

fn say(line: &str) {
    // Where even stderr is gone, the metrics still are not.
    let _ = writeln!(std::io::stderr(), "{}", report::safe::plain(line));
}
