//! `requests.json` and `requests.parquet`: requests at scrape interval, a workload's columns one after the other.

use parquet::errors::ParquetError;
use parquet::file::reader::ChunkReader;
use serde::{Deserialize, Serialize};

use super::error::RecordingError;
use super::manifest::POINTS;
use super::rows::Rows;
use super::{REQUESTS, REQUESTS_LIST, parse, pretty, samples};
use crate::model::reading::RequestsOf;
use crate::model::requests::{Figure, RequestHistory};
use crate::model::time::{Grid, Window};
use crate::model::usage::Column;

/// One workload in `requests.json`, in the order of what they cost.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    group: String,
    kind: String,
    namespace: String,
    name: String,
    window: Window,
    step_seconds: u32,
    /// The ids of its columns; one that is not there was counted by nothing.
    columns: Vec<ColumnEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ColumnEntry {
    id: i32,
    figure: Figure,
}

impl Entry {
    fn grid(&self) -> Result<Grid, RecordingError> {
        let contradiction = |why: &str| Err(RecordingError::contradiction(REQUESTS_LIST, why));
        if self.step_seconds == 0 || self.window.end < self.window.start {
            return contradiction("a step or a window of it is no time at all");
        }
        let grid = Grid {
            window: self.window,
            step_seconds: self.step_seconds,
        };
        match grid.points() > POINTS {
            true => contradiction("a window of it has more points than any recording"),
            false => Ok(grid),
        }
    }
}

/// The two files of some workloads' requests.
pub(super) fn files(all: &[RequestsOf]) -> Result<[(String, Vec<u8>); 2], RecordingError> {
    let mut entries = Vec::with_capacity(all.len());
    let mut rows = Vec::new();
    let failed = |error: ParquetError| RecordingError::unwritable(REQUESTS, error);
    let mut file = samples::begin(&mut rows).map_err(failed)?;
    let mut next = 0;
    for one in all {
        let mut columns = Vec::new();
        for figure in Figure::ALL {
            if let Some(column) = one.history.column(figure) {
                columns.push((next, figure, column));
                next += 1;
            }
        }
        let numbered: Vec<(i32, &Column)> = columns.iter().map(|(id, _, column)| (*id, *column)).collect();
        samples::append_columns(&mut file, one.history.grid, &numbered).map_err(failed)?;
        let listed = columns.iter().map(|(id, figure, _)| ColumnEntry {
            id: *id,
            figure: *figure,
        });
        entries.push(Entry {
            group: one.group.clone(),
            kind: one.kind.clone(),
            namespace: one.namespace.clone(),
            name: one.name.clone(),
            window: one.history.grid.window,
            step_seconds: one.history.grid.step_seconds,
            columns: listed.collect(),
        });
    }
    file.finish().map_err(failed)?;
    drop(file);
    Ok([
        (REQUESTS_LIST.to_owned(), pretty(REQUESTS_LIST, &entries)?),
        (REQUESTS.to_owned(), rows),
    ])
}

/// Requests whose columns are unread.
pub(super) struct Requests {
    entries: Vec<Entry>,
    rows: Rows,
}

impl Requests {
    pub(super) fn open(list: &[u8], content: impl ChunkReader + 'static) -> Result<Self, RecordingError> {
        let entries: Vec<Entry> = parse(REQUESTS_LIST, list)?;
        let mut ids = Vec::new();
        for entry in &entries {
            let grid = entry.grid()?;
            ids.extend(entry.columns.iter().map(|column| (column.id, grid)));
        }
        let rows = Rows::open(content, ids.into_iter(), [REQUESTS, REQUESTS_LIST])?;
        Ok(Self { entries, rows })
    }

    /// Those of the first so many workloads.
    pub(super) fn read(&self, limit: usize) -> Result<Vec<RequestsOf>, RecordingError> {
        let wanted = || self.entries.iter().take(limit);
        let ids = wanted().flat_map(|entry| entry.columns.iter().map(|column| column.id));
        let mut columns = self.rows.columns(ids)?;
        let mut all = Vec::new();
        for entry in wanted() {
            let mut history = RequestHistory::unknown(entry.grid()?);
            for ColumnEntry { id, figure } in &entry.columns {
                if let Some(column) = columns.remove(id) {
                    history.put(*figure, column);
                }
            }
            all.push(RequestsOf {
                group: entry.group.clone(),
                kind: entry.kind.clone(),
                namespace: entry.namespace.clone(),
                name: entry.name.clone(),
                history,
            });
        }
        Ok(all)
    }
}
