//! A recording as it comes together: the samples of one part after the other, so that memory is that of a part, and what
//! is small at the end.

use std::collections::BTreeMap;
use std::io::{self, Write};

use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use super::checksum::Crc32;
use super::error::RecordingError;
use super::manifest::{Fingerprint, Manifest};
use super::samples::{self, Numbered};
use super::{
    INVENTORY, InventoryFile, MANIFEST, SAMPLES, SERIES, SeriesEntry, not_finite, pretty, redact, requests,
    series_lines,
};
use crate::model::cluster::Labels;
use crate::model::reading::{Reading, Series};
use crate::model::time::Grid;
use crate::model::usage::Signal;

/// Writes `samples.parquet` to a sink, and makes the other files of what it has written.
pub struct Writer<W: Write + Send> {
    grid: Grid,
    file: SerializedFileWriter<Counted<W>>,
    /// The ids of the series that are written, counted in the order in which they came.
    ids: BTreeMap<(Signal, Labels), i32>,
}

/// The small files of a recording, by name, the manifest last.
pub type Files = Vec<(String, Vec<u8>)>;

impl<W: Write + Send> Writer<W> {
    /// A recording of this reading, whose own series are not looked at.
    ///
    /// # Errors
    /// `NotANumber` for a reading that could not come back as it is; when the sink takes nothing.
    pub fn new(reading: &Reading, sink: W) -> Result<Self, RecordingError> {
        if let Some(what) = not_finite(&reading.inventory) {
            return Err(RecordingError::NotANumber { what });
        }
        Ok(Self {
            grid: reading.grid,
            file: samples::begin(Counted::new(sink)).map_err(failed)?,
            ids: BTreeMap::new(),
        })
    }

    /// Writes series. One that was written before is left out: two parts of a cluster may both hold it.
    ///
    /// # Errors
    /// `OffGrid` for a column of another window; when the sink takes no more.
    pub fn add(&mut self, series: &[Series]) -> Result<(), RecordingError> {
        let mut fresh: Vec<Numbered<'_>> = Vec::with_capacity(series.len());
        for one in series {
            let points = one.signal.grid(self.grid).points();
            if one.column.len() != points {
                return Err(RecordingError::OffGrid {
                    signal: one.signal,
                    expected: points,
                    found: one.column.len(),
                });
            }
            let next = i32::try_from(self.ids.len())
                .map_err(|_| RecordingError::unwritable(SAMPLES, "more series than 32 bits can count"))?;
            let id = *self.ids.entry((one.signal, one.labels.clone())).or_insert(next);
            if id == next {
                fresh.push((id, one));
            }
        }
        samples::append(&mut self.file, self.grid, &fresh).map_err(failed)
    }

    /// Ends the samples and makes the other files; `reading` says what was read besides series. Redacted, no name of its
    /// owner's making is in them, and `samples.parquet` never has one.
    ///
    /// # Errors
    /// As [`Writer::new`], and `Unwritable` where encoding failed.
    pub fn finish(mut self, mut reading: Reading, redacted: bool) -> Result<Files, RecordingError> {
        if let Some(what) = not_finite(&reading.inventory) {
            return Err(RecordingError::NotANumber { what });
        }
        let mut entries: Vec<(Signal, SeriesEntry)> = Vec::with_capacity(self.ids.len());
        for ((signal, labels), id) in self.ids {
            let name = signal.name().to_owned();
            entries.push((
                signal,
                SeriesEntry {
                    id,
                    signal: name,
                    labels,
                },
            ));
        }
        reading.series = Vec::new();
        if redacted {
            let labels = entries.iter_mut().map(|(_, entry)| &mut entry.labels);
            redact::rename(&mut reading, &mut labels.collect::<Vec<_>>());
            reading.settle();
            entries.sort_by(|(a, one), (b, other)| (a, &one.labels, one.id).cmp(&(b, &other.labels, other.id)));
        }
        self.file.finish().map_err(failed)?;
        let mut prints = BTreeMap::from([(SAMPLES.to_owned(), self.file.inner().print())]);
        let inventory = InventoryFile {
            inventory: reading.inventory,
            gaps: reading.gaps,
        };
        let entries = entries.iter().map(|(_, entry)| entry);
        let mut files = vec![
            (INVENTORY.to_owned(), pretty(INVENTORY, &inventory)?),
            (SERIES.to_owned(), series_lines(entries)?),
        ];
        if !reading.requests.is_empty() {
            files.extend(requests::files(&reading.requests)?);
        }
        prints.extend(
            files
                .iter()
                .map(|(name, content)| (name.clone(), Fingerprint::of(content))),
        );
        let manifest = Manifest::new(
            &reading.cluster,
            reading.grid,
            &reading.currency,
            &reading.asked,
            prints,
        );
        files.push((MANIFEST.to_owned(), pretty(MANIFEST, &manifest)?));
        Ok(files)
    }
}

/// A full disk is the owner's affair, all else ours.
fn failed(error: ParquetError) -> RecordingError {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(problem) => RecordingError::Unstored {
                file: SAMPLES.to_owned(),
                problem: *problem,
            },
            Err(cause) => RecordingError::unwritable(SAMPLES, cause),
        },
        error => RecordingError::unwritable(SAMPLES, error),
    }
}

/// A sink that knows what went into it.
struct Counted<W> {
    inner: W,
    bytes: u64,
    crc: Crc32,
}

impl<W> Counted<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            bytes: 0,
            crc: Crc32::default(),
        }
    }

    fn print(&self) -> Fingerprint {
        Fingerprint::new(self.bytes, self.crc)
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(bytes)?;
        self.bytes += taken as u64;
        self.crc.take(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
