//! All signals of a window, one bulk query each, put on the window's grid: of everything, or of some pods.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::client::PrometheusClient;
use super::decode::SeriesRow;
use super::error::PrometheusError;
use super::matcher::Matchers;
use super::queries::{Kind, identity, kind, range_queries, selectors};
use super::remote_read::Fold;
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

/// How many values the exporter left blank, by signal and labels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blanks(BTreeMap<(Signal, Labels), usize>);

impl Blanks {
    /// Adds those of another part of the world; a series that is in both is one.
    pub fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Those in series of these pods: a plan made part by part reads no others, and a plan is the same however it is made.
    pub fn of(mut self, pods: &Pods) -> Self {
        self.0.retain(|(_, labels), _| pods.hold(labels));
        self
    }

    /// A gap for each signal.
    pub fn gaps(&self) -> impl Iterator<Item = Gap> + '_ {
        let mut counts: BTreeMap<Signal, usize> = BTreeMap::new();
        for ((signal, _), count) in &self.0 {
            *counts.entry(*signal).or_insert(0) += count;
        }
        counts.into_iter().filter(|(_, count)| *count > 0).map(|(signal, count)| {
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
    let (gauges, others): (Vec<Signal>, Vec<Signal>) = Signal::ALL
        .into_iter()
        .partition(|signal| matches!(kind(*signal), Kind::Gauge(_)));
    let each = async |signals: Vec<Signal>| -> Result<Vec<SeriesReading>, PrometheusError> {
        stream::iter(signals)
            .map(|signal| read_signal(client, catalog, signal, grid, pods, progress))
            .buffered(AT_ONCE)
            .try_collect()
            .await
    };
    let mut read = each(others).await?;
    if let Some(remote) = client.remote_read()
        && read.iter().any(|one| one.gaps.iter().any(is_warning))
    {
        remote.warned();
    }
    match by_chunks(client, catalog, &gauges, grid, pods, progress).await? {
        Some(chunks) => read.extend(chunks),
        None => read.extend(each(gauges).await?),
    }
    let mut all = SeriesReading::default();
    for one in read {
        all.series.extend(one.series);
        all.gaps.extend(one.gaps);
        all.blanks.add(one.blanks);
    }
    // In whatever order they were asked.
    all.series.sort_by_key(|one| one.signal);
    Ok(all)
}

/// Requests that [`series`] makes, where nothing is refused.
pub fn requests(grid: Grid) -> usize {
    Signal::ALL.len() * chunks(grid).len()
}

async fn read_signal(
    client: &PrometheusClient,
    catalog: &Catalog,
    signal: Signal,
    grid: Grid,
    pods: Option<&Pods>,
    progress: &dyn Progress,
) -> Result<SeriesReading, PrometheusError> {
    let columns = Mutex::new(Columns::new(signal, grid));
    let sink = |row: SeriesRow| {
        if pods.is_none_or(|pods| pods.hold(&row.labels)) {
            columns.lock().unwrap_or_else(PoisonError::into_inner).take(row, 0);
        }
    };
    let queries = range_queries(catalog, signal, grid.step_seconds, pods, client.matchers());
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
    Ok(columns.into_reading(gaps))
}

/// Gauges from raw samples, in one request, where the server hands them out; `None` where queries must be asked.
async fn by_chunks(
    client: &PrometheusClient,
    catalog: &Catalog,
    gauges: &[Signal],
    grid: Grid,
    pods: Option<&Pods>,
    progress: &dyn Progress,
) -> Result<Option<Vec<SeriesReading>>, PrometheusError> {
    let Some(remote) = client.remote_read() else {
        return Ok(None);
    };
    let mut selected: Vec<(usize, usize, Fold, Matchers)> = Vec::new();
    for (place, signal) in gauges.iter().enumerate() {
        let (Kind::Gauge(fold), Ok(found)) = (kind(*signal), selectors(catalog, *signal, pods, client.matchers()))
        else {
            return Ok(None);
        };
        selected.extend(found.into_iter().map(|(rank, matchers)| (place, rank, fold, matchers)));
    }
    if selected.is_empty() {
        return Ok(None);
    }
    let columns: Mutex<Vec<Columns>> = Mutex::new(gauges.iter().map(|signal| Columns::new(*signal, grid)).collect());
    let sink = |(query, mut row): (usize, SeriesRow)| {
        let Some((place, rank, ..)) = selected.get(query) else {
            return;
        };
        row.labels
            .retain(|name, _| identity(gauges[*place]).any(|label| label == name));
        if pods.is_none_or(|pods| pods.hold(&row.labels)) {
            columns.lock().unwrap_or_else(PoisonError::into_inner)[*place].take(row, *rank);
        }
    };
    let queries: Vec<(Fold, &Matchers)> = selected
        .iter()
        .map(|(_, _, fold, matchers)| (*fold, matchers))
        .collect();
    let came = client.chunks(&queries, grid, &sink).await?;
    if let Some(why) = remote.take_reason() {
        progress.note(&format!(
            "{}: remote read is of no use ({why}); asking range queries instead",
            client.shown()
        ));
    }
    if !came {
        return Ok(None);
    }
    progress.advance((gauges.len() * chunks(grid).len()) as u64);
    let columns = columns.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Some(
        columns
            .into_iter()
            .map(|one| one.into_reading(BTreeSet::new()))
            .collect(),
    ))
}

/// The gap behind a warning: the answer is a success, and less than everything.
pub(super) fn warned(subject: &str, warning: &str) -> Gap {
    Gap::new(
        WARNING,
        format!("part of {subject} may be missing"),
        format!("the server warned: {warning}"),
        "look into the server that the warning names, then run again",
    )
}

/// The code of such a gap.
const WARNING: &str = "prometheus-warning";

fn is_warning(gap: &Gap) -> bool {
    gap.code == WARNING
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
    /// By labels and the rank of the name under which they were read.
    by_labels: BTreeMap<(Labels, usize), Column>,
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

    fn take(&mut self, row: SeriesRow, rank: usize) {
        let mut labels = row.labels;
        labels.retain(|name, value| name != "__name__" && !value.is_empty());
        let bound = blank_from(self.signal);
        let grid = self.grid;
        let points = grid.points();
        let mut blanks = BTreeSet::new();
        let column = self
            .by_labels
            .entry((labels.clone(), rank))
            .or_insert_with(|| Column::gaps(points));
        if let Some(last) = row
            .samples
            .last()
            .and_then(|(time, _)| grid.index_of(whole_second(*time)))
        {
            column.expect_until(last, row.samples.len());
        }
        let step = i64::from(grid.step_seconds);
        // Servers send points one after the other, so that the next one's place is known without a division.
        let (mut before, mut place) = (i64::MIN, 0);
        for (time, value) in row.samples {
            let second = whole_second(time);
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

    fn into_reading(self, gaps: BTreeSet<Gap>) -> SeriesReading {
        let signal = self.signal;
        let blank = |(labels, seconds): (&Labels, &BTreeSet<i64>)| ((signal, labels.clone()), seconds.len());
        let blanks = self.blanks.iter().map(blank).collect();
        let mut series: Vec<Series> = Vec::new();
        // A name of lower rank comes first and counts; the others fill its gaps.
        for ((labels, _), mut column) in self.by_labels {
            // What one replica of the scraper saw of a blank, the other's reading does not make whole.
            for second in self.blanks.get(&labels).into_iter().flatten() {
                if let Some(index) = self.grid.index_of(*second) {
                    column.clear(index);
                }
            }
            if column.count() == 0 {
                continue;
            }
            match series.last_mut() {
                Some(last) if last.labels == labels => last.column.fill(&column),
                _ => series.push(Series { signal, labels, column }),
            }
        }
        SeriesReading {
            gaps,
            blanks: Blanks(blanks),
            series,
        }
    }
}

/// The nearest whole second, without the call into the C library that rounding is on most processors.
fn whole_second(time: f64) -> i64 {
    (time + 0.5_f64.copysign(time)) as i64
}

#[cfg(test)]
mod tests;
