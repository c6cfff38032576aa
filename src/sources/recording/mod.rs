//! A recording: one reading of a cluster, kept as a folder, so that it can be analysed again, elsewhere, and by others.
//!
//! - `manifest.json`: the format and its version, cluster, window, step, currency, the signals that were asked for, and
//!   the size and CRC-32 of every other file, so that a copy that was cut short is never taken for a whole one.
//! - `inventory.json`: the objects and their costs, and which metrics the store has with which labels (`inventory`; recordings of
//!   before and redacted ones do not tell the latter), and what could not be read (`gaps`).
//! - `series.json`: a list of series, each with its `id`, `signal` and `labels`.
//! - `samples.parquet`: `series` (INT32, an `id` of `series.json`), `time` (the end of the step, milliseconds, UTC) and
//!   `value` (DOUBLE), ordered by series and time, at least one row group a signal. A gap is a row that is not there.
//!   Histograms have a step of their own, about an hour, that ends with the window: a series for each bound (`le`), one for
//!   the sum of what was observed (no `le`), and one for each pod that it was taken from (`pod`).
//!   DuckDB opens it with `SELECT * FROM 'samples.parquet' JOIN 'series.json' ON series = id`.
//! - `requests.json` and `requests.parquet`, where requests were read at scrape interval: the workloads in the order of what their
//!   GPUs cost, each with window, step and the `id`s of its columns, and their values as in `samples.parquet`. Recordings of
//!   before have neither.
//!
//! The same reading gives the same bytes, and comes back as it was, to the last bit of every sample. A cluster that fits in
//! no memory is written part by part ([`Writer`]): ids are counted in the order in which series came, so that those of one
//! workload's pods lie in row groups of their own, which `series` in the Parquet footer tells apart ([`Recorded`] reads them
//! alone). `series.json` is ordered by signal and labels in any case, and its labels are the only names of series, so that
//! redaction can wait until all of them are known.

mod checksum;
mod demo;
mod error;
mod manifest;
mod names;
mod requests;
mod recorded;
mod kept;
mod ledger;
mod redact;
mod specification;
mod rows;
mod samples;
mod writer;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use demo::demo;
pub use error::RecordingError;
pub use recorded::{Recorded, decode, open, read};
pub use redact::redact;
pub use writer::{Files, Writer};

use crate::model::cluster::{Inventory, Labels, Resources};
use crate::model::gap::Gap;
use crate::model::queueing::Quota;
use crate::model::reading::Reading;

const FORMAT: &str = "gpuwise-recording";
const VERSION: u32 = 1;

/// The manifest's file name. A recording that is being written gets it last, so that one without it is unfinished.
pub const MANIFEST: &str = "manifest.json";
const INVENTORY: &str = "inventory.json";
const SERIES: &str = "series.json";
/// The file name of the samples, which are written as they are read.
pub const SAMPLES: &str = "samples.parquet";

const REQUESTS_LIST: &str = "requests.json";
const REQUESTS: &str = "requests.parquet";

/// Everything that may belong to a recording.
pub const FILES: [&str; 6] = [MANIFEST, INVENTORY, SERIES, SAMPLES, REQUESTS_LIST, REQUESTS];

/// `inventory.json`.
#[derive(Serialize, Deserialize)]
struct InventoryFile {
    inventory: Inventory,
    gaps: Vec<Gap>,
}

/// One entry of `series.json`.
#[derive(Serialize, Deserialize)]
struct SeriesEntry {
    id: i32,
    signal: String,
    labels: Labels,
}

/// The files of a recording of a reading that is in memory as a whole, by name, the manifest last.
///
/// # Errors
/// `NotANumber` and `OffGrid` for a reading that could not come back as it is, `Unwritable` where encoding failed.
pub fn encode(reading: &Reading) -> Result<Files, RecordingError> {
    let mut samples = Vec::new();
    let mut writer = Writer::new(reading, &mut samples)?;
    writer.add(&reading.series)?;
    let small = Reading {
        series: Vec::new(),
        cluster: reading.cluster.clone(),
        currency: reading.currency.clone(),
        inventory: reading.inventory.clone(),
        requests: reading.requests.clone(),
        asked: reading.asked.clone(),
        gaps: reading.gaps.clone(),
        grid: reading.grid,
    };
    let mut files = writer.finish(small, false)?;
    files.insert(0, (SAMPLES.to_owned(), samples));
    Ok(files)
}

fn pretty(file: &str, content: &impl Serialize) -> Result<Vec<u8>, RecordingError> {
    let mut text = serde_json::to_vec_pretty(content).map_err(|error| RecordingError::unwritable(file, error))?;
    text.push(b'\n');
    Ok(text)
}

/// A list with one series a line: short, and still readable in a diff.
fn series_lines<'e>(entries: impl Iterator<Item = &'e SeriesEntry>) -> Result<Vec<u8>, RecordingError> {
    let mut text = b"[".to_vec();
    for (index, entry) in entries.enumerate() {
        text.extend_from_slice(if index == 0 { b"\n" } else { b",\n" });
        serde_json::to_writer(&mut text, entry).map_err(|error| RecordingError::unwritable(SERIES, error))?;
    }
    text.extend_from_slice(b"\n]\n");
    Ok(text)
}

fn parse<T: DeserializeOwned>(file: &str, content: &[u8]) -> Result<T, RecordingError> {
    serde_json::from_slice(content).map_err(|problem| RecordingError::Json {
        file: file.to_owned(),
        problem,
    })
}

/// The first figure that JSON cannot hold: it would be written as null and be gone.
fn not_finite(inventory: &Inventory) -> Option<String> {
    let amounts = |whose: String, amounts: &Resources| {
        let bad = amounts.iter().find(|(_, amount)| !amount.is_finite())?;
        Some(format!("`{}` of {whose}", bad.0))
    };
    let nodes = inventory
        .nodes
        .iter()
        .filter_map(|node| amounts(format!("node {}", node.name), &node.allocatable));
    let pods = inventory.pods.iter().flat_map(|pod| {
        let whose = move || format!("pod {}/{}", pod.namespace, pod.name);
        let counted = pod.counted.iter();
        let own = pod.containers.iter().map(|container| &container.requests);
        own.chain(counted)
            .filter_map(move |requests| amounts(whose(), requests))
    });
    let history = inventory
        .pod_history
        .iter()
        .filter_map(|pod| amounts(format!("pod {}/{}", pod.namespace, pod.name), &pod.requests));
    let costs = inventory.node_costs.iter().filter_map(|cost| {
        let figures = [Some(cost.hours), Some(cost.total_cost), cost.gpus];
        let bad = figures.into_iter().flatten().any(|figure| !figure.is_finite());
        bad.then(|| format!("a figure of the cost of node {}", cost.node))
    });
    let others = inventory.other_costs.iter().filter_map(|cost| {
        let bad = !cost.total_cost.is_finite() || !cost.hours.is_finite();
        bad.then(|| format!("a figure of the cost of {:?}", cost.category))
    });
    let queued = inventory.queues.workloads.iter();
    let queued = queued.filter_map(|one| amounts(format!("Kueue workload {}/{}", one.namespace, one.name), &one.gpus));
    let quotas = inventory.queues.cluster_queues.iter().filter_map(|queue| {
        let figures = |quota: &Quota| [Some(quota.nominal), quota.borrowing_limit, quota.used];
        let mut figures = queue.quotas.iter().flat_map(figures).flatten();
        let bad = figures.any(|figure| !figure.is_finite());
        bad.then(|| format!("a quota of ClusterQueue {}", queue.name))
    });
    let queues = queued.chain(quotas);
    nodes
        .chain(pods)
        .chain(history)
        .chain(costs)
        .chain(others)
        .chain(queues)
        .next()
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
