//! `samples.parquet`: every value that was measured, a row each; what was not measured has no row.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::reader::{ColumnReaderImpl, get_typed_column_reader};
use parquet::data_type::{DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use super::SAMPLES;
use super::error::RecordingError;
use crate::model::reading::Series;
use crate::model::time::Grid;
use crate::model::usage::Column;

const SCHEMA: &str = "message samples {
    REQUIRED INT32 series;
    REQUIRED INT64 time (TIMESTAMP(MILLIS, true));
    REQUIRED DOUBLE value;
}";

/// Rows of a row group, about: the unit in which other readers work in parallel and hold memory.
const ROWS_PER_GROUP: usize = 4_000_000;

/// Rows of a page: compression sees no further than a page, and series that look alike lie a whole window apart.
const ROWS_PER_PAGE: usize = 1 << 20;

/// Rows read at a time.
const BATCH: usize = 1 << 16;

/// The id of the series at this place.
pub(super) fn id_of(index: usize) -> Result<i32, RecordingError> {
    i32::try_from(index).map_err(|_| RecordingError::unwritable(SAMPLES, "more series than 32 bits can count"))
}

/// The file, series numbered by their place.
pub(super) fn encode(grid: Grid, series: &[Series]) -> Result<Vec<u8>, RecordingError> {
    for series in series {
        if series.column.len() != grid.points() {
            return Err(RecordingError::OffGrid {
                signal: series.signal,
                expected: grid.points(),
                found: series.column.len(),
            });
        }
    }
    id_of(series.len())?;
    write(grid, series).map_err(|error| RecordingError::unwritable(SAMPLES, error))
}

fn write(grid: Grid, series: &[Series]) -> Result<Vec<u8>, ParquetError> {
    let mut writer = SerializedFileWriter::new(
        Vec::new(),
        Arc::new(parse_message_type(SCHEMA)?),
        Arc::new(properties()?),
    )?;
    for (first, group) in groups(series) {
        let mut rows = writer.next_row_group()?;
        write_column::<Int32Type>(&mut rows, group, |place, column, into| {
            into.resize(column.count(), (first + place) as i32);
        })?;
        write_column::<Int64Type>(&mut rows, group, |_, column, into| {
            into.extend(column.samples().map(|(point, _)| grid.second(point) * 1000));
        })?;
        write_column::<DoubleType>(&mut rows, group, |_, column, into| {
            into.extend(column.samples().map(|(_, value)| value));
        })?;
        rows.close()?;
    }
    writer.into_inner()
}

/// Chosen by size on 2.4 million rows of 30 GPUs, gaps included, in bytes a row: these 1.5; dictionary of times 2.2; values
/// split by byte 2.4; zstd 3 1.7; pages of 20,000 rows 1.6.
fn properties() -> Result<WriterProperties, ParquetError> {
    let [series, time, value] = ["series", "time", "value"].map(ColumnPath::from);
    Ok(WriterProperties::builder()
        .set_created_by(concat!("gpuwise version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(9)?))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_data_page_row_count_limit(ROWS_PER_PAGE)
        .set_data_page_size_limit(ROWS_PER_PAGE * 8)
        .set_column_dictionary_enabled(series, true)
        .set_column_dictionary_enabled(time.clone(), false)
        .set_column_encoding(time, Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(value, true)
        .build())
}

/// Runs of one signal, each with the place of its first series, none without rows or with many more than a group holds.
fn groups(series: &[Series]) -> Vec<(usize, &[Series])> {
    let mut groups = Vec::new();
    let (mut start, mut rows) = (0, 0);
    for end in 1..=series.len() {
        rows += series[end - 1].column.count();
        let last = series.get(end).is_none_or(|next| next.signal != series[start].signal);
        if last || rows >= ROWS_PER_GROUP {
            if rows > 0 {
                groups.push((start, &series[start..end]));
            }
            (start, rows) = (end, 0);
        }
    }
    groups
}

fn write_column<T: DataType>(
    rows: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    group: &[Series],
    fill: impl Fn(usize, &Column, &mut Vec<T::T>),
) -> Result<(), ParquetError> {
    let Some(mut column) = rows.next_column()? else {
        return Err(ParquetError::General("the schema has too few columns".to_owned()));
    };
    let mut values = Vec::new();
    for (place, series) in group.iter().enumerate() {
        values.clear();
        fill(place, &series.column, &mut values);
        column.typed::<T>().write_batch(&values, None, None)?;
    }
    column.close()
}

/// A column for each of these ids, from the file's rows.
pub(super) fn decode(
    content: Bytes,
    grid: Grid,
    ids: impl Iterator<Item = i32>,
) -> Result<BTreeMap<i32, Column>, RecordingError> {
    let mut columns = BTreeMap::new();
    for id in ids {
        if columns.insert(id, Column::gaps(grid.points())).is_some() {
            let why = format!("it has two series with the id {id}");
            return Err(RecordingError::contradiction(super::SERIES, why));
        }
    }
    // The library panics on some files that no writer writes.
    let read = std::panic::catch_unwind(AssertUnwindSafe(|| read_file(content, grid, &mut columns)));
    let broken = || ParquetError::General("the Parquet library gave up on it".to_owned());
    read.unwrap_or_else(|_| Err(RecordingError::Parquet(broken())))?;
    Ok(columns)
}

fn read_file(content: Bytes, grid: Grid, columns: &mut BTreeMap<i32, Column>) -> Result<(), RecordingError> {
    let file = SerializedFileReader::new(content).map_err(RecordingError::Parquet)?;
    check_schema(&file)?;
    for index in 0..file.num_row_groups() {
        let rows = file.get_row_group(index).map_err(RecordingError::Parquet)?;
        read_group(rows.as_ref(), grid, columns)?;
    }
    Ok(())
}

fn check_schema(file: &SerializedFileReader<Bytes>) -> Result<(), RecordingError> {
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
    Err(RecordingError::contradiction(SAMPLES, why))
}

/// One column of a row group, read in batches that stay in step with those of its neighbours.
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

    fn next(&mut self) -> Result<&[T::T], RecordingError> {
        self.values.clear();
        self.reader
            .read_records(BATCH, None, None, &mut self.values)
            .map_err(RecordingError::Parquet)?;
        Ok(&self.values)
    }
}

fn read_group(
    rows: &dyn RowGroupReader,
    grid: Grid,
    columns: &mut BTreeMap<i32, Column>,
) -> Result<(), RecordingError> {
    let mut series = Batches::<Int32Type>::new(rows, 0)?;
    let mut times = Batches::<Int64Type>::new(rows, 1)?;
    let mut values = Batches::<DoubleType>::new(rows, 2)?;
    loop {
        let (series, times, values) = (series.next()?, times.next()?, values.next()?);
        if series.len() != times.len() || series.len() != values.len() {
            return Err(RecordingError::contradiction(SAMPLES, "its columns differ in length"));
        }
        if series.is_empty() {
            return Ok(());
        }
        let mut at = 0;
        for run in series.chunk_by(|a, b| a == b) {
            let rows = at..at + run.len();
            at = rows.end;
            let Some(column) = columns.get_mut(&run[0]) else {
                let why = format!("it has samples of series {}, which series.json does not list", run[0]);
                return Err(RecordingError::contradiction(SAMPLES, why));
            };
            for (&time, &value) in times[rows.clone()].iter().zip(&values[rows]) {
                let Some(point) = point_of(grid, time) else {
                    let why = format!(
                        "series {} has a sample at {time} ms, which is no point of the window",
                        run[0]
                    );
                    return Err(RecordingError::contradiction(SAMPLES, why));
                };
                column.set(point, value);
            }
        }
    }
}

fn point_of(grid: Grid, milliseconds: i64) -> Option<usize> {
    let point = grid.index_of(milliseconds.div_euclid(1000))?;
    (grid.second(point) * 1000 == milliseconds).then_some(point)
}
