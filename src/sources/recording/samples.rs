//! `samples.parquet`, written: every value that was measured, a row each; what was not measured has no row.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use crate::model::reading::Series;
use crate::model::time::Grid;
use crate::model::usage::Column;

pub(super) const SCHEMA: &str = "message samples {
    REQUIRED INT32 series;
    REQUIRED INT64 time (TIMESTAMP(MILLIS, true));
    REQUIRED DOUBLE value;
}";

/// Rows of a row group, about: the unit in which other readers work in parallel and hold memory.
const ROWS_PER_GROUP: usize = 4_000_000;

/// Rows of a page: compression sees no further than a page, and series that look alike lie a whole window apart.
const ROWS_PER_PAGE: usize = 1 << 20;

/// A series and its id in the file.
pub(super) type Numbered<'s> = (i32, &'s Series);

/// A file without rows.
pub(super) fn begin<W: Write + Send>(sink: W) -> Result<SerializedFileWriter<W>, ParquetError> {
    SerializedFileWriter::new(sink, Arc::new(parse_message_type(SCHEMA)?), Arc::new(properties()?))
}

/// Adds the rows of these series.
pub(super) fn append<W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    grid: Grid,
    series: &[Numbered<'_>],
) -> Result<(), ParquetError> {
    for group in groups(series) {
        // Groups are of one signal.
        let grid = group[0].1.signal.grid(grid);
        let columns: Vec<(i32, &Column)> = group.iter().map(|(id, series)| (*id, &series.column)).collect();
        append_columns(writer, grid, &columns)?;
    }
    Ok(())
}

/// Adds the rows of these columns of one grid as one group; none where they have no values.
pub(super) fn append_columns<W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    grid: Grid,
    group: &[(i32, &Column)],
) -> Result<(), ParquetError> {
    if group.iter().any(|(_, column)| column.count() > 0) {
        let mut rows = writer.next_row_group()?;
        write_column::<Int32Type, W>(&mut rows, group, |id, column, into| into.resize(column.count(), id))?;
        write_column::<Int64Type, W>(&mut rows, group, |_, column, into| {
            into.extend(column.samples().map(|(point, _)| grid.second(point) * 1000));
        })?;
        write_column::<DoubleType, W>(&mut rows, group, |_, column, into| {
            into.extend(column.samples().map(|(_, value)| value));
        })?;
        rows.close()?;
    }
    Ok(())
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

/// Runs of one signal, none without rows or with many more than a group holds.
fn groups<'g, 's>(series: &'g [Numbered<'s>]) -> Vec<&'g [Numbered<'s>]> {
    let mut groups = Vec::new();
    let (mut start, mut rows) = (0, 0);
    for end in 1..=series.len() {
        rows += series[end - 1].1.column.count();
        let signal = series[start].1.signal;
        let last = series.get(end).is_none_or(|(_, next)| next.signal != signal);
        if last || rows >= ROWS_PER_GROUP {
            if rows > 0 {
                groups.push(&series[start..end]);
            }
            (start, rows) = (end, 0);
        }
    }
    groups
}

fn write_column<T: DataType, W: Write + Send>(
    rows: &mut SerializedRowGroupWriter<'_, W>,
    group: &[(i32, &Column)],
    fill: impl Fn(i32, &Column, &mut Vec<T::T>),
) -> Result<(), ParquetError> {
    let Some(mut column) = rows.next_column()? else {
        return Err(ParquetError::General("the schema has too few columns".to_owned()));
    };
    let mut values = Vec::new();
    for (id, column_of) in group {
        values.clear();
        fill(*id, column_of, &mut values);
        column.typed::<T>().write_batch(&values, None, None)?;
    }
    column.close()
}
