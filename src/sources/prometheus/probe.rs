//! Which series there are, before any sample is read: a large cluster is read part by part, and the parts are cut by pods.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::client::PrometheusClient;
use super::error::PrometheusError;
use super::queries::{LONGEST_QUERY, joined};
use super::read::{refused, warned};
use crate::catalog::Catalog;
use crate::model::cluster::Labels;
use crate::model::gap::Gap;
use crate::model::time::Window;
use crate::model::usage::Signal;

/// Labels of the series in a window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Probe {
    /// Of GPUs, once for each pod that held them.
    pub devices: Vec<Labels>,
    /// Of model servers.
    pub servers: Vec<Labels>,
    /// How many signals of GPUs there are now.
    pub gpu_signals: u64,
    /// How many signals of model servers there are now.
    pub server_signals: u64,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// Signals whose series tell the devices; every exporter has one of them.
const OF_DEVICES: [Signal; 2] = [Signal::MemoryUsed, Signal::GpuUtil];

/// Asks for the labels of the window's series, which servers answer from their index.
///
/// # Errors
/// As for [`super::read::series`].
pub async fn probe(client: &PrometheusClient, catalog: &Catalog, window: Window) -> Result<Probe, PrometheusError> {
    let mut probe = Probe::default();
    probe.devices = probe
        .labels(client, catalog, &OF_DEVICES, window, "which GPUs have metrics")
        .await?;
    // Triton tells only those that wait.
    let servers = [Signal::RequestsRunning, Signal::RequestsWaiting];
    probe.servers = probe
        .labels(client, catalog, &servers, window, "which model servers have metrics")
        .await?;
    let (gpu, server): (Vec<Signal>, Vec<Signal>) = Signal::ALL.into_iter().partition(|signal| signal.is_gpu());
    probe.gpu_signals = present(client, catalog, &gpu, window.end).await?;
    probe.server_signals = present(client, catalog, &server, window.end).await?;
    Ok(probe)
}

impl Probe {
    async fn labels(
        &mut self,
        client: &PrometheusClient,
        catalog: &Catalog,
        signals: &[Signal],
        window: Window,
        subject: &str,
    ) -> Result<Vec<Labels>, PrometheusError> {
        match client.series(&names(catalog, signals), window).await {
            Ok((rows, remarks)) => {
                self.gaps
                    .extend(remarks.warnings.iter().map(|warning| warned(subject, warning)));
                let mut labels: Vec<Labels> = rows.into_iter().map(|row| row.labels).collect();
                for one in &mut labels {
                    one.retain(|name, value| name != "__name__" && !value.is_empty());
                }
                labels.sort();
                labels.dedup();
                Ok(labels)
            }
            Err(PrometheusError::Refused {
                error_type, message, ..
            }) => {
                self.gaps.push(refused(subject, &error_type, &message));
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }
}

/// Names of these signals' metrics.
fn names<'c>(catalog: &'c Catalog, signals: &[Signal]) -> Vec<&'c str> {
    let names = signals.iter().flat_map(|signal| catalog.metric_names(*signal));
    names.collect()
}

/// How many of these signals have a sample at this time; all of them where none has, as the exporter may be down just now.
async fn present(
    client: &PrometheusClient,
    catalog: &Catalog,
    signals: &[Signal],
    at: Timestamp,
) -> Result<u64, PrometheusError> {
    let counts = names(catalog, signals).into_iter().map(|name| {
        let series = client.matchers().selector(name, &[]);
        format!(r#"label_replace(count({series}), "found", "{name}", "", "")"#)
    });
    let mut found = BTreeSet::new();
    for query in joined(counts, LONGEST_QUERY) {
        match client.instant(&query, at).await {
            Ok((rows, _)) => found.extend(rows.into_iter().filter_map(|mut row| row.labels.remove("found"))),
            Err(PrometheusError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let is_there = |signal: &&Signal| catalog.metric_names(**signal).any(|name| found.contains(name));
    let there = signals.iter().filter(is_there).count();
    let count = if there > 0 { there } else { signals.len() };
    Ok(count as u64)
}
