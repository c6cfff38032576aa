//! All signals of a window, one bulk query each, put on the window's grid: of everything, or of some pods.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::client::PrometheusClient;
use super::decode::SeriesRow;
use super::error::PrometheusError;
use super::queries::range_queries;
use super::select::Pods;
use super::split::chunks;
use crate::catalog::Catalog;
use crate::model::cluster::Labels;
use crate::model::gap::Gap;
use crate::model::progress::Progress;
use crate::model::reading::Series;
use crate::model::time::Grid;
use crate::model::usage::{Column, Signal};

/// Queries at once. Prometheus runs twenty, for everybody.
pub(super) const AT_ONCE: usize = 2;

/// What no GPU or server reads of a signal. DCGM writes 2^47 and up, or 2^63 and up, where it has no reading, and AMD's library
/// 2^16 - 1; a step in which only some samples were blank has a mean below that, and no meaning either. Nor has a ratio that is a
/// percentage.
fn blank_from(signal: Signal) -> f64 {
    match signal {
        Signal::GpuUtil => 101.0,
        Signal::EngineActive | Signal::SmActive | Signal::TensorActive | Signal::DramActive => 1.1,
        Signal::MemoryUsed | Signal::Power => 1e9,
        _ => 1e18,
    }
}

/// What Prometheus told of some signals.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SeriesReading {
    /// The series, by signal and labels; none without a single sample.
    pub series: Vec<Series>,
    /// What could not be read.
    pub gaps: BTreeSet<Gap>,
    /// Values that the exporter left blank.
    pub blanks: Blanks,
}

/// How many values of each signal the exporter left blank.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blanks(BTreeMap<Signal, usize>);

impl Blanks {
    /// Adds those of another part of the world.
    pub fn add(&mut self, other: Self) {
        for (signal, count) in other.0 {
            *self.0.entry(signal).or_insert(0) += count;
        }
    }

    /// A gap for each signal.
    pub fn gaps(&self) -> impl Iterator<Item = Gap> + '_ {
        self.0.iter().filter(|(_, count)| **count > 0).map(|(signal, count)| {
            Gap::new(
                "blank-samples",
                format!("{count} values of `{signal}` are blank and were left out"),
                "the exporter wrote a sentinel for a field that it could not read, or a value that the field cannot have",
                "see the exporter's log on that node: drivers, permissions and profilers that hold the counters are usual",
            )
        })
    }
}

/// Reads every signal, of some pods or of everything.
///
/// # Errors
/// When the server cannot be reached, lets nobody in or is no Prometheus. A query that it refuses is a gap.
pub async fn series(
    client: &PrometheusClient,
    catalog: &Catalog,
    grid: Grid,
    pods: Option<&Pods>,
    progress: &dyn Progress,
) -> Result<SeriesReading, PrometheusError> {
    let queries: Vec<(Signal, Vec<String>)> = Signal::ALL
        .into_iter()
        .map(|signal| (signal, range_queries(catalog, signal, grid.step_seconds, pods)))
        .collect();
    let read: Vec<SeriesReading> = stream::iter(queries)
        .map(|(signal, queries)| read_signal(client, signal, queries, grid, pods, progress))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut all = SeriesReading::default();
    for one in read {
        all.series.extend(one.series);
        all.gaps.extend(one.gaps);
        all.blanks.add(one.blanks);
    }
    Ok(all)
}

/// Requests that [`series`] makes, where nothing is refused.
pub fn requests(grid: Grid) -> usize {
    Signal::ALL.len() * chunks(grid).len()
}

async fn read_signal(
    client: &PrometheusClient,
    signal: Signal,
    queries: Vec<String>,
    grid: Grid,
    pods: Option<&Pods>,
    progress: &dyn Progress,
) -> Result<SeriesReading, PrometheusError> {
    let columns = Mutex::new(Columns::new(signal, grid));
    let sink = |row: SeriesRow| {
        if pods.is_none_or(|pods| pods.hold(&row.labels)) {
            columns.lock().unwrap_or_else(PoisonError::into_inner).take(row);
        }
    };
    let subject = format!("the series of `{signal}`");
    let mut gaps = BTreeSet::new();
    'window: for chunk in chunks(grid) {
        for query in &queries {
            match client.range(query, chunk, &sink).await {
                Ok(remarks) => gaps.extend(remarks.warnings.iter().map(|warning| warned(&subject, warning))),
                Err(PrometheusError::Refused {
                    error_type, message, ..
                }) => {
                    gaps.insert(refused(&subject, &error_type, &message));
                    break 'window;
                }
                Err(error) => return Err(error),
            }
        }
        progress.advance(1);
    }
    let columns = columns.into_inner().unwrap_or_else(PoisonError::into_inner);
    let blanks = columns.blanks.values().map(BTreeSet::len).sum();
    Ok(SeriesReading {
        gaps,
        blanks: Blanks(BTreeMap::from([(signal, blanks)])),
        series: columns.into_series(),
    })
}

/// The gap behind a warning: the answer is a success, and less than everything.
pub(super) fn warned(subject: &str, warning: &str) -> Gap {
    Gap::new(
        "prometheus-warning",
        format!("part of {subject} may be missing"),
        format!("the server warned: {warning}"),
        "look into the server that the warning names, then run again",
    )
}

/// The gap behind a query that is refused however little it asks for.
pub(super) fn refused(subject: &str, error_type: &str, message: &str) -> Gap {
    Gap::new(
        "prometheus-refused",
        format!("{subject} could not be read, or not to their end"),
        format!("the server refused the query ({error_type}): {message}"),
        "raise the server's query limits, or ask for a longer step",
    )
}

/// The series of one signal as they come together from several answers.
struct Columns {
    signal: Signal,
    grid: Grid,
    by_labels: BTreeMap<Labels, Column>,
    blanks: BTreeMap<Labels, BTreeSet<i64>>,
}

impl Columns {
    fn new(signal: Signal, grid: Grid) -> Self {
        Self {
            signal,
            grid,
            by_labels: BTreeMap::new(),
            blanks: BTreeMap::new(),
        }
    }

    fn take(&mut self, row: SeriesRow) {
        let mut labels = row.labels;
        labels.retain(|name, value| name != "__name__" && !value.is_empty());
        let bound = blank_from(self.signal);
        let grid = self.grid;
        let points = grid.points();
        let mut blanks = BTreeSet::new();
        let column = self
            .by_labels
            .entry(labels.clone())
            .or_insert_with(|| Column::gaps(points));
        if let Some(last) = row
            .samples
            .last()
            .and_then(|(time, _)| grid.index_of(time.round() as i64))
        {
            column.expect_until(last, row.samples.len());
        }
        let step = i64::from(grid.step_seconds);
        // Servers send points one after the other, so that the next one's place is known without a division.
        let (mut before, mut place) = (i64::MIN, 0);
        for (time, value) in row.samples {
            let second = time.round() as i64;
            if value < bound {
                let index = match second.checked_sub(step) == Some(before) {
                    true => Some(place + 1).filter(|index| *index < points),
                    false => grid.index_of(second),
                };
                if let Some(index) = index {
                    column.follow(index, value);
                    (before, place) = (second, index);
                }
            } else if value.is_finite() {
                // An infinite value is no reading either, but nothing that DCGM wrote.
                blanks.insert(second);
            }
        }
        if !blanks.is_empty() {
            self.blanks.entry(labels).or_default().append(&mut blanks);
        }
    }

    fn into_series(self) -> Vec<Series> {
        let signal = self.signal;
        self.by_labels
            .into_iter()
            .filter(|(_, column)| column.count() > 0)
            .map(|(labels, column)| Series { signal, labels, column })
            .collect()
    }
}

#[cfg(test)]
mod tests;
