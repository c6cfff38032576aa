//! The histograms of a window, one bulk query a signal for the whole cluster, an hour a point.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::client::PrometheusClient;
use super::decode::SeriesRow;
use super::error::PrometheusError;
use super::folds::histogram_query;
use super::native::{Native, up_to};
use super::read::{AT_ONCE, SeriesReading, refused, warned};
use super::split::chunks;
use crate::catalog::Catalog;
use crate::model::cluster::Labels;
use crate::model::progress::Progress;
use crate::model::reading::Series;
use crate::model::time::Grid;
use crate::model::usage::{Column, Signal};

/// Reads every histogram of a cluster.
///
/// # Errors
/// As for [`super::read::series`].
pub async fn histograms(
    client: &PrometheusClient,
    catalog: &Catalog,
    grid: Grid,
    progress: &dyn Progress,
) -> Result<SeriesReading, PrometheusError> {
    let read: Vec<SeriesReading> = stream::iter(Signal::HISTOGRAMS)
        .map(|signal| one(client, catalog, signal, signal.grid(grid), progress))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut all = SeriesReading::default();
    for one in read {
        all.series.extend(one.series);
        all.gaps.extend(one.gaps);
    }
    Ok(all)
}

/// Requests that [`histograms`] makes, where nothing is refused.
pub fn requests(grid: Grid) -> usize {
    let of = |signal: &Signal| chunks(signal.grid(grid)).len();
    Signal::HISTOGRAMS.iter().map(of).sum()
}

async fn one(
    client: &PrometheusClient,
    catalog: &Catalog,
    signal: Signal,
    grid: Grid,
    progress: &dyn Progress,
) -> Result<SeriesReading, PrometheusError> {
    let rows = Mutex::new(Rows::default());
    let sink = |row: SeriesRow| rows.lock().unwrap_or_else(PoisonError::into_inner).take(row, grid);
    let query = histogram_query(catalog, signal, grid.step_seconds, client.matchers());
    let subject = format!("the histograms of `{signal}`");
    let mut gaps = BTreeSet::new();
    for chunk in chunks(grid) {
        match client.range(&query, chunk, &sink).await {
            Ok(remarks) => gaps.extend(remarks.warnings.iter().map(|warning| warned(&subject, warning))),
            Err(PrometheusError::Refused {
                error_type, message, ..
            }) => {
                gaps.insert(refused(&subject, &error_type, &message));
                break;
            }
            Err(error) => return Err(error),
        }
        progress.advance(1);
    }
    let rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(SeriesReading {
        gaps,
        series: rows.into_series(signal, grid),
        ..SeriesReading::default()
    })
}

/// The rows of one signal as they come together from several answers.
#[derive(Default)]
struct Rows {
    columns: BTreeMap<Labels, Column>,
    native: BTreeMap<Labels, BTreeMap<usize, Native>>,
}

impl Rows {
    fn take(&mut self, row: SeriesRow, grid: Grid) {
        let mut labels = row.labels;
        labels.retain(|name, value| name != "__name__" && !value.is_empty());
        let index = |time: f64| grid.index_of(time.round() as i64);
        if !row.histograms.is_empty() {
            let moments = self.native.entry(labels.clone()).or_default();
            for (time, native) in row.histograms {
                if let Some(at) = index(time) {
                    moments.insert(at, native);
                }
            }
        }
        if !row.samples.is_empty() {
            let column = self
                .columns
                .entry(labels)
                .or_insert_with(|| Column::gaps(grid.points()));
            for (time, value) in row.samples {
                if let Some(at) = index(time).filter(|_| value >= 0.0) {
                    column.raise(at, value);
                }
            }
        }
    }

    fn into_series(mut self, signal: Signal, grid: Grid) -> Vec<Series> {
        for (labels, moments) in self.native {
            let column = |rows: Vec<(usize, f64)>| {
                let mut column = Column::gaps(grid.points());
                rows.into_iter().for_each(|(at, value)| column.set(at, value));
                column
            };
            for (bound, counts) in up_to(&moments) {
                let mut labels = labels.clone();
                labels.insert("le".to_owned(), bound);
                self.columns.insert(labels, column(counts));
            }
            let sums = moments.iter().filter_map(|(at, native)| Some((*at, native.sum?)));
            self.columns.insert(labels, column(sums.collect()));
        }
        let mut settled: BTreeMap<Labels, Column> = BTreeMap::new();
        for (labels, column) in self.columns {
            add(
                settled
                    .entry(settle(labels))
                    .or_insert_with(|| Column::gaps(grid.points())),
                &column,
            );
        }
        settled
            .into_iter()
            .filter(|(_, column)| column.count() > 0)
            .map(|(labels, column)| Series { signal, labels, column })
            .collect()
    }
}

/// The labels with their bound written in one way: clients and versions of Prometheus write `1`, `1.0` and `1e+00`.
fn settle(mut labels: Labels) -> Labels {
    let bound = labels.get_mut("le");
    if let Some((value, text)) = bound.and_then(|text| Some((text.parse::<f64>().ok()?, text))) {
        *text = if value == f64::INFINITY {
            "+Inf".to_owned()
        } else {
            value.to_string()
        };
    }
    labels
}

/// Adds what was counted under another way to write the same bound: the one ends where the other begins.
fn add(sum: &mut Column, column: &Column) {
    for (at, value) in column.samples() {
        sum.set(at, value + sum.get(at).unwrap_or(0.0));
    }
}

#[cfg(test)]
mod tests;
