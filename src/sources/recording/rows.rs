//! `samples.parquet`, read: the rows of all series, or of some, of which memory is then.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use parquet::column::reader::{ColumnReaderImpl, get_typed_column_reader};
use parquet::data_type::{DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use parquet::schema::parser::parse_message_type;

use super::error::RecordingError;
use super::samples::SCHEMA;
use crate::model::time::Grid;
use crate::model::usage::Column;

/// Rows read at a time.
const BATCH: usize = 1 << 16;

/// The file, and which series it may speak of.
pub(super) struct Rows {
    file: Box<dyn FileReader>,
    /// The grid of each.
    listed: BTreeMap<i32, Grid>,
    /// The file's name, and that of the file that lists its series.
    names: [&'static str; 2],
}

impl Rows {
    /// Opens a file, whose series are listed by these ids, each with its grid.
    pub(super) fn open(
        content: impl ChunkReader + 'static,
        ids: impl Iterator<Item = (i32, Grid)>,
        names: [&'static str; 2],
    ) -> Result<Self, RecordingError> {
        let mut listed = BTreeMap::new();
        for (id, grid) in ids {
            if listed.insert(id, grid).is_some() {
                let why = format!("it has two series with the id {id}");
                return Err(RecordingError::contradiction(names[1], why));
            }
        }
        let file = unharmed(move || {
            let file = SerializedFileReader::new(content).map_err(RecordingError::Parquet)?;
            check_schema(&file, names[0])?;
            Ok(Box::new(file))
        })?;
        Ok(Self { file, listed, names })
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        let groups = self.file.metadata().row_groups();
        groups
            .iter()
            .map(|group| u64::try_from(group.num_rows()).unwrap_or(0))
            .sum()
    }

    /// A column for each of these series, a group of rows after the other.
    pub(super) fn columns(&self, ids: impl Iterator<Item = i32>) -> Result<BTreeMap<i32, Column>, RecordingError> {
        let grid = |id| self.listed.get(&id).copied();
        let mut columns: BTreeMap<i32, Column> = ids
            .filter_map(|id| Some((id, Column::gaps(grid(id)?.points()))))
            .collect();
        for (index, group) in self.file.metadata().row_groups().iter().enumerate() {
            let spans = group.column(0).statistics();
            if spans.is_some_and(|spans| !self.meets(spans, &columns)) {
                continue;
            }
            unharmed(|| {
                let rows = self.file.get_row_group(index).map_err(RecordingError::Parquet)?;
                self.read_group(rows.as_ref(), &mut columns)
            })?;
        }
        Ok(columns)
    }

    /// Whether a group of rows may have some of one of these series, or of one that is not listed.
    fn meets(&self, spans: &Statistics, columns: &BTreeMap<i32, Column>) -> bool {
        let Statistics::Int32(spans) = spans else { return true };
        match (spans.min_opt(), spans.max_opt()) {
            (Some(least), Some(most)) if self.listed.contains_key(least) && self.listed.contains_key(most) => {
                least > most || columns.range(least..=most).next().is_some()
            }
            _ => true,
        }
    }

    fn read_group(&self, rows: &dyn RowGroupReader, columns: &mut BTreeMap<i32, Column>) -> Result<(), RecordingError> {
        let differ = || RecordingError::contradiction(self.names[0], "its columns differ in length");
        let mut series = Batches::<Int32Type>::new(rows, 0)?;
        let mut times = Batches::<Int64Type>::new(rows, 1)?;
        let mut values = Batches::<DoubleType>::new(rows, 2)?;
        loop {
            let series = series.next(BATCH)?;
            if series.is_empty() {
                break;
            }
            for run in series.chunk_by(|a, b| a == b) {
                let Some(column) = columns.get_mut(&run[0]) else {
                    if !self.listed.contains_key(&run[0]) {
                        let [file, listing] = self.names;
                        let why = format!("it has samples of series {}, which {listing} does not list", run[0]);
                        return Err(RecordingError::contradiction(file, why));
                    }
                    if times.skip(run.len())? != run.len() || values.skip(run.len())? != run.len() {
                        return Err(differ());
                    }
                    continue;
                };
                let (times, values) = (times.next(run.len())?, values.next(run.len())?);
                if times.len() != run.len() || values.len() != run.len() {
                    return Err(differ());
                }
                self.fill(column, run[0], times, values)?;
            }
        }
        if times.next(1)?.is_empty() && values.next(1)?.is_empty() {
            return Ok(());
        }
        Err(differ())
    }

    fn fill(&self, column: &mut Column, id: i32, times: &[i64], values: &[f64]) -> Result<(), RecordingError> {
        let stray = |time: i64| {
            let why = format!("series {id} has a sample at {time} ms, which is no point of the window");
            RecordingError::contradiction(self.names[0], why)
        };
        let point_of = |time| point_of(*self.listed.get(&id)?, time);
        if let Some(last) = times.last().and_then(|time| point_of(*time)) {
            column.expect_until(last, times.len());
        }
        for (&time, &value) in times.iter().zip(values) {
            column.set(point_of(time).ok_or_else(|| stray(time))?, value);
        }
        Ok(())
    }
}

/// What a step of reading comes to: the library panics on some files that no writer writes.
fn unharmed<T>(read: impl FnOnce() -> Result<T, RecordingError>) -> Result<T, RecordingError> {
    let broken = || ParquetError::General("the Parquet library gave up on it".to_owned());
    std::panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(RecordingError::Parquet(broken())))
}

fn check_schema(file: &dyn FileReader, name: &'static str) -> Result<(), RecordingError> {
    let expected = parse_message_type(SCHEMA).map_err(RecordingError::Parquet)?;
    let found = file.metadata().file_metadata().schema();
    let shape = |schema: &parquet::schema::types::Type| -> Vec<_> {
        let fields = schema.get_fields().iter();
        fields
            .map(|field| {
                let physical = field.is_primitive().then(|| field.get_physical_type());
                (field.name().to_owned(), physical, field.is_optional())
            })
            .collect()
    };
    if shape(found) == shape(&expected) {
        return Ok(());
    }
    let names: Vec<_> = found.get_fields().iter().map(|field| field.name()).collect();
    let why = format!(
        "its columns are {} and not series (INT32), time (INT64) and value (DOUBLE), none of them nullable",
        names.join(", ")
    );
    Err(RecordingError::contradiction(name, why))
}

/// One column of a row group; whoever reads it keeps in step with its neighbours.
struct Batches<T: DataType> {
    reader: ColumnReaderImpl<T>,
    values: Vec<T::T>,
}

impl<T: DataType> Batches<T> {
    fn new(rows: &dyn RowGroupReader, column: usize) -> Result<Self, RecordingError> {
        let reader = rows.get_column_reader(column).map_err(RecordingError::Parquet)?;
        Ok(Self {
            reader: get_typed_column_reader(reader),
            values: Vec::with_capacity(BATCH),
        })
    }

    /// The next values, as many as there are up to this number.
    fn next(&mut self, most: usize) -> Result<&[T::T], RecordingError> {
        self.values.clear();
        self.reader
            .read_records(most, None, None, &mut self.values)
            .map_err(RecordingError::Parquet)?;
        Ok(&self.values)
    }

    /// Leaves so many values out, or as many as there are.
    fn skip(&mut self, rows: usize) -> Result<usize, RecordingError> {
        self.reader.skip_records(rows).map_err(RecordingError::Parquet)
    }
}

fn point_of(grid: Grid, milliseconds: i64) -> Option<usize> {
    let point = grid.index_of(milliseconds.div_euclid(1000))?;
    (grid.second(point) * 1000 == milliseconds).then_some(point)
}
