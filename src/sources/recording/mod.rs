//! A recording: one reading of a cluster, kept as a folder, so that it can be analysed again, elsewhere, and by others.
//!
//! - `manifest.json`: the format and its version, cluster, window, step, currency, the signals that were asked for, and
//!   the size and CRC-32 of every other file, so that a copy that was cut short is never taken for a whole one.
//! - `inventory.json`: the objects and their costs (`inventory`), and what could not be read (`gaps`).
//! - `series.json`: a list of series, each with its `id`, `signal` and `labels`.
//! - `samples.parquet`: `series` (INT32, an `id` of `series.json`), `time` (the end of the step, milliseconds, UTC) and
//!   `value` (DOUBLE), ordered by series and time, at least one row group a signal. A gap is a row that is not there.
//!   Histograms have a step of their own, about an hour, that ends with the window: a series for each bound (`le`), one for
//!   the sum of what was observed (no `le`), and one for each pod that it was taken from (`pod`).
//!   DuckDB opens it with `SELECT * FROM 'samples.parquet' JOIN 'series.json' ON series = id`.
//!
//! The same reading gives the same bytes, and comes back as it was, to the last bit of every sample.

mod checksum;
mod demo;
mod error;
mod manifest;
mod names;
mod redact;
mod samples;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use demo::demo;
pub use error::RecordingError;
pub use redact::redact;

use crate::model::cluster::{Inventory, Labels, Resources};
use crate::model::gap::Gap;
use crate::model::queueing::Quota;
use crate::model::reading::{Reading, Series};
use crate::model::usage::Column;
use manifest::Manifest;

const FORMAT: &str = "gpuwise-recording";
const VERSION: u32 = 1;

/// The manifest's file name. A recording that is being written gets it last, so that one without it is unfinished.
pub const MANIFEST: &str = "manifest.json";
const INVENTORY: &str = "inventory.json";
const SERIES: &str = "series.json";
const SAMPLES: &str = "samples.parquet";

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

/// The files of a recording, by name, the manifest last.
///
/// # Errors
/// `NotANumber` and `OffGrid` for a reading that could not come back as it is, `Unwritable` where encoding failed.
pub fn encode(reading: &Reading) -> Result<Vec<(String, Vec<u8>)>, RecordingError> {
    if let Some(what) = not_finite(&reading.inventory) {
        return Err(RecordingError::NotANumber { what });
    }
    let inventory = InventoryFile {
        inventory: reading.inventory.clone(),
        gaps: reading.gaps.clone(),
    };
    let mut files = vec![
        (INVENTORY.to_owned(), pretty(INVENTORY, &inventory)?),
        (SERIES.to_owned(), series_lines(&reading.series)?),
        (SAMPLES.to_owned(), samples::encode(reading.grid, &reading.series)?),
    ];
    let manifest = Manifest::new(
        &reading.cluster,
        reading.grid,
        &reading.currency,
        &reading.asked,
        &files,
    );
    files.push((MANIFEST.to_owned(), pretty(MANIFEST, &manifest)?));
    Ok(files)
}

/// The reading that `encode` made files of; `file` answers with a file's content, or nothing where it is missing.
///
/// # Errors
/// As [`RecordingError`] says: a file that is missing, cut short or damaged is never taken for a smaller cluster.
pub fn decode(file: &dyn Fn(&str) -> Option<Bytes>) -> Result<Reading, RecordingError> {
    let Some(manifest) = file(MANIFEST) else {
        return Err(RecordingError::NotARecording("it has no manifest.json".to_owned()));
    };
    let manifest = Manifest::parse(&manifest)?;
    let content = |name: &str| manifest.check(name, file(name));
    let InventoryFile { inventory, gaps } = parse(INVENTORY, &content(INVENTORY)?)?;
    let entries: Vec<SeriesEntry> = parse(SERIES, &content(SERIES)?)?;
    let grid = manifest.grid()?;
    let mut signals = Vec::with_capacity(entries.len());
    for entry in &entries {
        signals.push(manifest.signal(&entry.signal)?);
    }
    let ids = entries.iter().map(|entry| entry.id).zip(&signals);
    let ids = ids.map(|(id, signal)| (id, signal.grid(grid)));
    let mut columns = samples::decode(content(SAMPLES)?, ids)?;
    let mut series = Vec::with_capacity(entries.len());
    for (entry, signal) in entries.into_iter().zip(signals) {
        let gaps = || Column::gaps(signal.grid(grid).points());
        series.push(Series {
            signal,
            labels: entry.labels,
            column: columns.remove(&entry.id).unwrap_or_else(gaps),
        });
    }
    Ok(Reading {
        asked: manifest.asked()?,
        cluster: manifest.cluster,
        grid,
        currency: manifest.currency,
        inventory,
        series,
        gaps,
    })
}

/// The reading in a folder.
///
/// # Errors
/// As [`decode`], with the folder's name; also where there is no such folder, or a file in it cannot be read.
pub fn read(folder: &Path) -> Result<Reading, RecordingError> {
    let placed = |problem| RecordingError::In {
        folder: folder.to_owned(),
        problem: Box::new(problem),
    };
    if !folder.is_dir() {
        return Err(placed(RecordingError::NoFolder));
    }
    let mut files = BTreeMap::new();
    for name in [MANIFEST, INVENTORY, SERIES, SAMPLES] {
        match std::fs::read(folder.join(name)) {
            Ok(content) => _ = files.insert(name, Bytes::from(content)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(problem) => {
                return Err(placed(RecordingError::Unreadable {
                    file: name.to_owned(),
                    problem,
                }));
            }
        }
    }
    decode(&|name| files.get(name).cloned()).map_err(placed)
}

fn pretty(file: &str, content: &impl Serialize) -> Result<Vec<u8>, RecordingError> {
    let mut text = serde_json::to_vec_pretty(content).map_err(|error| RecordingError::unwritable(file, error))?;
    text.push(b'\n');
    Ok(text)
}

/// A list with one series a line: short, and still readable in a diff.
fn series_lines(series: &[Series]) -> Result<Vec<u8>, RecordingError> {
    let mut text = b"[".to_vec();
    for (index, series) in series.iter().enumerate() {
        let entry = SeriesEntry {
            id: samples::id_of(index)?,
            signal: series.signal.name().to_owned(),
            labels: series.labels.clone(),
        };
        text.extend_from_slice(if index == 0 { b"\n" } else { b",\n" });
        serde_json::to_writer(&mut text, &entry).map_err(|error| RecordingError::unwritable(SERIES, error))?;
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
