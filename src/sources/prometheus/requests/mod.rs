//! Requests of model servers at scrape interval, summed by the server over the pods of a workload: a query a figure for as many
//! workloads as fit its text, so that what is asked depends on figures, time and text, and never on how many pods there are.
//!
//! Counters are read as the difference of two readings a step apart, pod by pod before the sum. It telescopes: a scrape that comes
//! late, or not at all, moves a request from one step to the next, and neither loses nor invents one; a counter that fell began
//! anew. `increase` cannot do that at this step, as it wants two samples in a range, and `irate` counts some twice and others never.

mod found;
mod grouping;
mod query;
mod settle;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::client::PrometheusClient;
use super::decode::SeriesRow;
use super::error::PrometheusError;
use super::queries::{LONGEST_QUERY, joined};
use super::read::{AT_ONCE, refused, warned};
use super::split::{Chunk, chunks};
use crate::catalog::Catalog;
use crate::model::gap::Gap;
use crate::model::progress::Progress;
use crate::model::requests::{Figure, RequestHistory};
use crate::model::time::{Grid, Window};
use crate::model::usage::Column;
use found::Found;
use grouping::{Group, Part};

/// Namespace and name.
type PodKey = (String, String);

/// The longest history at scrape interval, days.
const DAYS: i64 = 28;

/// Values that are held at most, eight bytes each: fifty workloads for two weeks of steps of fifteen seconds. The same whatever room
/// there is for other samples, so that a plan that is made part by part is that of the whole.
const VALUES: u64 = 45_000_000;

/// Which workloads are asked about, and of which pods there are.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The pods of each workload, the most expensive first.
    pub workloads: Vec<BTreeSet<PodKey>>,
    /// All pods that are known, theirs and others'.
    pub known: BTreeSet<PodKey>,
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct RequestsReading {
    /// The history of each workload that was asked about; `None` where none of its pods serves, or none was scraped.
    pub histories: Vec<Option<RequestHistory>>,
    /// What could not be read.
    pub gaps: BTreeSet<Gap>,
}

/// Reads the requests of some workloads over the end of a window, as much of it as there is room for.
///
/// # Errors
/// As for [`super::read::series`].
pub async fn requests(
    client: &PrometheusClient,
    catalog: &Catalog,
    window: Window,
    asked: &Asked,
    progress: &dyn Progress,
) -> Result<RequestsReading, PrometheusError> {
    let mut reading = RequestsReading {
        histories: vec![None; asked.workloads.len()],
        gaps: BTreeSet::new(),
    };
    let parts = grouping::parts(asked);
    let mut found = Found::new(&asked.workloads);
    progress.stage("looking for what model servers count", None);
    for group in grouping::groups(&parts, |_| 0) {
        look(client, catalog, window, &group, &mut found, &mut reading.gaps).await?;
    }
    let values = VALUES / (asked.workloads.len().max(1) * Figure::ALL.len()) as u64;
    let grids: Vec<Option<Grid>> = (0..asked.workloads.len())
        .map(|at| grid(window, found.interval(at)?, values))
        .collect();
    let mut works: Vec<Work> = Vec::new();
    let interval = |part: &Part| grids[part.workload].map_or(0, |grid| grid.step_seconds);
    let scraped: Vec<Part> = parts.into_iter().filter(|part| interval(part) > 0).collect();
    for group in grouping::groups(&scraped, interval) {
        let grid = group.parts.first().and_then(|part| grids[part.workload]);
        works.extend(
            grid.into_iter()
                .flat_map(|grid| work(client, catalog, &group, grid, &found)),
        );
    }
    let steps: usize = works.iter().map(|work| chunks(work.grid).len()).sum();
    progress.stage("reading requests at scrape interval", Some(steps as u64));
    let read: Vec<(Work, Rows, BTreeSet<Gap>)> = stream::iter(works)
        .map(|work| one(client, work, progress))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut columns: BTreeMap<(usize, Figure), Column> = BTreeMap::new();
    for (work, rows, gaps) in read {
        reading.gaps.extend(gaps);
        for (part, column) in rows {
            let Some(part) = work.parts.get(part) else { continue };
            match columns.entry((part.workload, work.figure)) {
                std::collections::btree_map::Entry::Vacant(free) => _ = free.insert(column),
                std::collections::btree_map::Entry::Occupied(mut there) if work.figure == Figure::CacheUsed => {
                    there.get_mut().merge_max(&column);
                }
                std::collections::btree_map::Entry::Occupied(mut there) => {
                    for (at, value) in column.samples() {
                        let sum = value + there.get().get(at).unwrap_or(0.0);
                        there.get_mut().set(at, sum);
                    }
                }
            }
        }
    }
    for (at, grid) in grids.into_iter().enumerate() {
        let own = Figure::ALL
            .into_iter()
            .map(|figure| (figure, columns.remove(&(at, figure))));
        reading.histories[at] = grid.and_then(|grid| settle::history(grid, own));
    }
    Ok(reading)
}

/// The end of a window in steps of the scrape interval.
fn grid(window: Window, interval: u32, values: u64) -> Option<Grid> {
    let step = i64::from(interval);
    let length = (window.end.as_second() - window.start.as_second()).min(DAYS * 86_400);
    let points = (length / step).min(i64::try_from(values).unwrap_or(i64::MAX));
    let start = Timestamp::from_second(window.end.as_second() - points * step).ok()?;
    (points > 0).then_some(Grid {
        window: Window { start, ..window },
        step_seconds: interval,
    })
}

/// One figure of one group of pods.
struct Work {
    figure: Figure,
    query: String,
    parts: Vec<Part>,
    grid: Grid,
}

/// Columns by the part that they are of.
type Rows = BTreeMap<usize, Column>;

/// What is asked of a group. Where the text grows too long, each half is asked by itself.
fn work(client: &PrometheusClient, catalog: &Catalog, group: &Group, grid: Grid, found: &Found<'_>) -> Vec<Work> {
    let words = query::Words::new(client.matchers(), group, grid.step_seconds, found);
    let mut works = Vec::new();
    for figure in Figure::ALL {
        let Some(query) = words.query(catalog, figure) else {
            continue;
        };
        if query.len() > LONGEST_QUERY
            && let Some((one, other)) = group.halved()
        {
            let halves = [one, other];
            return halves
                .iter()
                .flat_map(|half| work(client, catalog, half, grid, found))
                .collect();
        }
        works.push(Work {
            figure,
            query,
            parts: group.parts.clone(),
            grid,
        });
    }
    works
}

/// Looks for the metrics of a group's pods, and how often they are scraped.
async fn look(
    client: &PrometheusClient,
    catalog: &Catalog,
    window: Window,
    group: &Group,
    found: &mut Found<'_>,
    gaps: &mut BTreeSet<Gap>,
) -> Result<(), PrometheusError> {
    let grid = found::looked_at(window);
    let rows = Mutex::new(Vec::new());
    let sink = |row: SeriesRow| rows.lock().unwrap_or_else(PoisonError::into_inner).push(row);
    for query in joined(query::probes(client.matchers(), catalog, group), LONGEST_QUERY) {
        for chunk in chunks(grid) {
            ask(client, &query, chunk, &sink, "what model servers count", gaps).await?;
        }
    }
    for row in rows.into_inner().unwrap_or_else(PoisonError::into_inner) {
        found.take(&row);
    }
    Ok(())
}

async fn one(
    client: &PrometheusClient,
    work: Work,
    progress: &dyn Progress,
) -> Result<(Work, Rows, BTreeSet<Gap>), PrometheusError> {
    let grid = work.grid;
    let rows = Mutex::new(Rows::new());
    let sink = |row: SeriesRow| {
        // Pods that the pattern found and that are nobody's have no part.
        let Some(part) = row.labels.get(query::PART).and_then(|part| part.parse().ok()) else {
            return;
        };
        let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
        let column = rows.entry(part).or_insert_with(|| Column::gaps(grid.points()));
        for (time, value) in row.samples {
            if let Some(at) = grid.index_of(time.round() as i64).filter(|_| value >= 0.0) {
                column.set(at, value);
            }
        }
    };
    let mut gaps = BTreeSet::new();
    for chunk in chunks(grid) {
        if !ask(
            client,
            &work.query,
            chunk,
            &sink,
            "requests at scrape interval",
            &mut gaps,
        )
        .await?
        {
            break;
        }
        progress.advance(1);
    }
    Ok((work, rows.into_inner().unwrap_or_else(PoisonError::into_inner), gaps))
}

/// Whether a query was answered; a refusal is a gap.
async fn ask(
    client: &PrometheusClient,
    query: &str,
    chunk: Chunk,
    sink: super::client::Sink<'_>,
    subject: &str,
    gaps: &mut BTreeSet<Gap>,
) -> Result<bool, PrometheusError> {
    match client.range(query, chunk, sink).await {
        Ok(remarks) => {
            gaps.extend(remarks.warnings.iter().map(|warning| warned(subject, warning)));
            Ok(true)
        }
        Err(PrometheusError::Refused {
            error_type, message, ..
        }) => {
            gaps.insert(refused(subject, &error_type, &message));
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
