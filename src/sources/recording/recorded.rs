//! A recording that is read: as a whole, or the series of some pods, of which memory is then.

use bytes::Bytes;
use parquet::file::reader::ChunkReader;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::RecordingError;
use super::manifest::{Fingerprint, Manifest};
use super::requests::Requests;
use super::rows::Rows;
use super::{INVENTORY, InventoryFile, MANIFEST, REQUESTS, REQUESTS_LIST, SAMPLES, SERIES, SeriesEntry, parse};
use crate::model::cluster::Labels;
use crate::model::reading::{Reading, RequestsOf, Series};
use crate::model::usage::{Column, Signal};
use crate::sources::prometheus::select::{Pods, pod_in, uuid_in};

/// Namespace and name.
type PodKey = (String, String);

/// One series, its samples unread.
struct Listed {
    id: i32,
    signal: Signal,
    labels: Labels,
}

/// A recording of which all but the samples was read.
pub struct Recorded {
    /// All that was read, without series.
    pub reading: Reading,
    /// By signal and labels.
    listed: Vec<Listed>,
    rows: Rows,
    by_pod: BTreeMap<PodKey, Vec<usize>>,
    by_device: BTreeMap<String, Vec<usize>>,
    requests: Option<Requests>,
    /// Of how many workloads requests are read.
    limit: usize,
    /// Where it lies.
    folder: Option<PathBuf>,
}

impl Recorded {
    fn of(
        manifest: Manifest,
        inventory: &[u8],
        series: &[u8],
        samples: impl ChunkReader + 'static,
        requests: Option<Requests>,
    ) -> Result<Self, RecordingError> {
        let InventoryFile { inventory, gaps } = parse(INVENTORY, inventory)?;
        let entries: Vec<SeriesEntry> = parse(SERIES, series)?;
        let grid = manifest.grid()?;
        let mut listed = Vec::with_capacity(entries.len());
        for SeriesEntry { id, signal, labels } in entries {
            let signal = manifest.signal(&signal)?;
            listed.push(Listed { id, signal, labels });
        }
        let grids = listed.iter().map(|one: &Listed| (one.id, one.signal.grid(grid)));
        let rows = Rows::open(samples, grids, [SAMPLES, SERIES])?;
        listed.sort_by(|a, b| (a.signal, &a.labels).cmp(&(b.signal, &b.labels)));
        let mut by_pod: BTreeMap<PodKey, Vec<usize>> = BTreeMap::new();
        let mut by_device: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        // What the server added up over pods is read as a whole.
        for (at, one) in listed.iter().enumerate().filter(|(_, one)| !one.signal.is_histogram()) {
            if let Some(pod) = pod_in(&one.labels) {
                by_pod.entry(pod).or_default().push(at);
            }
            if let Some(uuid) = uuid_in(&one.labels) {
                by_device.entry(uuid.clone()).or_default().push(at);
            }
        }
        let reading = Reading {
            requests: Vec::new(),
            asked: manifest.asked()?,
            cluster: manifest.cluster,
            grid,
            currency: manifest.currency,
            inventory,
            series: Vec::new(),
            gaps,
        };
        Ok(Self {
            reading,
            listed,
            rows,
            by_pod,
            by_device,
            requests,
            limit: usize::MAX,
            folder: None,
        })
    }

    /// How many samples it has.
    pub fn samples(&self) -> u64 {
        self.rows.count()
    }

    /// Signals that have series.
    pub fn signals(&self) -> BTreeSet<Signal> {
        self.listed.iter().map(|one| one.signal).collect()
    }

    /// Signal and labels of every series.
    pub fn labels(&self) -> impl Iterator<Item = (Signal, &Labels)> {
        self.listed.iter().map(|one| (one.signal, &one.labels))
    }

    /// With all its series.
    ///
    /// # Errors
    /// As [`RecordingError`] says.
    pub fn whole(self) -> Result<Reading, RecordingError> {
        let mut columns = self.columns(self.listed.iter())?;
        let requests = self.requests()?;
        let mut reading = self.reading;
        reading.requests = requests;
        for Listed { id, signal, labels } in self.listed {
            let gaps = || Column::gaps(signal.grid(reading.grid).points());
            let column = columns.remove(&id).unwrap_or_else(gaps);
            reading.series.push(Series { signal, labels, column });
        }
        Ok(reading)
    }

    /// The same recording, of which requests of so many workloads are read.
    #[must_use]
    pub fn with_requests_of(mut self, workloads: usize) -> Self {
        self.limit = workloads;
        self
    }

    /// Requests at scrape interval, none in a recording that has none.
    ///
    /// # Errors
    /// As [`RecordingError`] says.
    pub fn requests(&self) -> Result<Vec<RequestsOf>, RecordingError> {
        let read = self.requests.as_ref().map(|requests| requests.read(self.limit));
        self.in_folder(read.unwrap_or_else(|| Ok(Vec::new())))
    }

    fn in_folder<T>(&self, read: Result<T, RecordingError>) -> Result<T, RecordingError> {
        read.map_err(|problem| match &self.folder {
            Some(folder) => placed(folder, problem),
            None => problem,
        })
    }

    /// The series of these pods, by signal and labels.
    ///
    /// # Errors
    /// As [`RecordingError`] says.
    pub fn of_pods(&self, pods: &Pods) -> Result<Vec<Series>, RecordingError> {
        self.series(&self.places(pods))
    }

    /// The histograms.
    ///
    /// # Errors
    /// As [`RecordingError`] says.
    pub fn histograms(&self) -> Result<Vec<Series>, RecordingError> {
        let is_one = |at: &usize| self.listed[*at].signal.is_histogram();
        self.series(&(0..self.listed.len()).filter(is_one).collect())
    }

    /// Series that none of these pods have, in portions of so many samples at most.
    pub fn others(&self, parts: &[Pods], samples_at_once: u64) -> Vec<BTreeSet<usize>> {
        let known: BTreeSet<usize> = parts.iter().flat_map(|pods| self.places(pods)).collect();
        let is_other = |at: &usize| !known.contains(at) && !self.listed[*at].signal.is_histogram();
        let others: Vec<usize> = (0..self.listed.len()).filter(is_other).collect();
        let fit = samples_at_once / self.reading.grid.points().max(1) as u64;
        let fit = usize::try_from(fit).unwrap_or(usize::MAX).max(1);
        others
            .chunks(fit)
            .map(|portion| portion.iter().copied().collect())
            .collect()
    }

    /// The series at these places, in their order.
    ///
    /// # Errors
    /// As [`RecordingError`] says.
    pub fn series(&self, places: &BTreeSet<usize>) -> Result<Vec<Series>, RecordingError> {
        let listed = || places.iter().filter_map(|at| self.listed.get(*at));
        let mut columns = self.columns(listed())?;
        let series = listed().filter_map(|one| {
            Some(Series {
                signal: one.signal,
                labels: one.labels.clone(),
                column: columns.remove(&one.id)?,
            })
        });
        Ok(series.collect())
    }

    fn columns<'l>(&self, listed: impl Iterator<Item = &'l Listed>) -> Result<BTreeMap<i32, Column>, RecordingError> {
        self.in_folder(self.rows.columns(listed.map(|one| one.id)))
    }

    fn places(&self, pods: &Pods) -> BTreeSet<usize> {
        let of_pods = pods.keys().iter().filter_map(|key| self.by_pod.get(key));
        let of_devices = pods.devices().iter().filter_map(|uuid| self.by_device.get(uuid));
        let near = of_pods.chain(of_devices).flatten().copied();
        near.filter(|at| pods.hold(&self.listed[*at].labels)).collect()
    }
}

/// The reading that [`super::encode`] made files of; `file` answers with a file's content, or nothing where it is missing.
///
/// # Errors
/// As [`RecordingError`] says: a file that is missing, cut short or damaged is never taken for a smaller cluster.
pub fn decode(file: &dyn Fn(&str) -> Option<Bytes>) -> Result<Reading, RecordingError> {
    let manifest = Manifest::parse(&file(MANIFEST).ok_or_else(no_manifest)?)?;
    let content = |name: &str| {
        let content = file(name);
        manifest.check(name, content.as_deref().map(Fingerprint::of).as_ref())?;
        Ok(content.unwrap_or_default())
    };
    let (inventory, series, samples) = (content(INVENTORY)?, content(SERIES)?, content(SAMPLES)?);
    let requests = match manifest.lists(REQUESTS) {
        true => Some(Requests::open(&content(REQUESTS_LIST)?, content(REQUESTS)?)?),
        false => None,
    };
    Recorded::of(manifest, &inventory, &series, samples, requests)?.whole()
}

fn no_manifest() -> RecordingError {
    RecordingError::NotARecording("it has no manifest.json".to_owned())
}

/// The recording in a folder, its samples unread.
///
/// # Errors
/// As [`decode`], with the folder's name; also where there is no such folder, or a file in it cannot be read.
pub fn open(folder: &Path) -> Result<Recorded, RecordingError> {
    let mut recorded = opened(folder).map_err(|problem| placed(folder, problem))?;
    recorded.folder = Some(folder.to_owned());
    Ok(recorded)
}

/// The reading in a folder.
///
/// # Errors
/// As [`open`].
pub fn read(folder: &Path) -> Result<Reading, RecordingError> {
    open(folder)?.whole()
}

fn placed(folder: &Path, problem: RecordingError) -> RecordingError {
    RecordingError::In {
        folder: folder.to_owned(),
        problem: Box::new(problem),
    }
}

fn opened(folder: &Path) -> Result<Recorded, RecordingError> {
    if !folder.is_dir() {
        return Err(RecordingError::NoFolder);
    }
    let manifest = there(MANIFEST, std::fs::read(folder.join(MANIFEST)))?;
    let manifest = Manifest::parse(&manifest.ok_or_else(no_manifest)?)?;
    let small = |name: &str| {
        let content = there(name, std::fs::read(folder.join(name)))?;
        manifest.check(name, content.as_deref().map(Fingerprint::of).as_ref())?;
        Ok(content.unwrap_or_default())
    };
    let (inventory, series) = (small(INVENTORY)?, small(SERIES)?);
    // Samples may be larger than memory: they are looked through, and read where they lie.
    let large = |name: &str| {
        let file = there(name, File::open(folder.join(name)))?;
        let print = file.as_ref().map(Fingerprint::read).transpose();
        let print = print.map_err(|problem| unreadable(name, problem))?;
        manifest.check(name, print.as_ref())?;
        file.ok_or_else(|| RecordingError::Missing(name.to_owned()))
    };
    let samples = large(SAMPLES)?;
    let requests = match manifest.lists(REQUESTS) {
        true => Some(Requests::open(&small(REQUESTS_LIST)?, large(REQUESTS)?)?),
        false => None,
    };
    Recorded::of(manifest, &inventory, &series, samples, requests)
}

/// What was read, or nothing where no such file is.
fn there<T>(name: &str, read: std::io::Result<T>) -> Result<Option<T>, RecordingError> {
    match read {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(problem) => Err(unreadable(name, problem)),
    }
}

fn unreadable(name: &str, problem: std::io::Error) -> RecordingError {
    RecordingError::Unreadable {
        file: name.to_owned(),
        problem,
    }
}
