//! Why a recording could not be read or made, and what to do.

use std::path::PathBuf;

use crate::model::usage::Signal;

/// Why a recording could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// Anything below, in the folder where it was met.
    #[error("the recording `{}`: {problem}", .folder.display())]
    In {
        /// The folder.
        folder: PathBuf,
        /// What is wrong in it.
        #[source]
        problem: Box<RecordingError>,
    },
    /// No folder at this path.
    #[error(
        "there is no folder here; a recording is a folder with manifest.json, inventory.json, series.json and \
         samples.parquet, and `gpuwise record --output DIR` makes one"
    )]
    NoFolder,
    /// A folder of something else.
    #[error(
        "this is no recording: {0}; a recording is a folder with manifest.json, inventory.json, series.json and \
         samples.parquet, and `gpuwise record --output DIR` makes one"
    )]
    NotARecording(String),
    /// Made by a later version.
    #[error("it was recorded by a newer gpuwise ({0}); update gpuwise, or record again with this one")]
    Newer(String),
    /// A file that the manifest names is not there.
    #[error("its file `{0}` is missing; copy the whole folder again")]
    Missing(String),
    /// A file lacks its end.
    #[error("its file `{file}` was cut short: {found} bytes of {expected}; copy it again")]
    CutShort {
        /// The file.
        file: String,
        /// Bytes, as the manifest says.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The manifest lacks its end.
    #[error("its manifest.json was cut short ({0}); copy it again")]
    ManifestCutShort(#[source] serde_json::Error),
    /// A file is not the one that was recorded.
    #[error("its file `{file}` is not the one that was recorded ({why}); copy it again, or record again")]
    Changed {
        /// The file.
        file: String,
        /// What tells it apart.
        why: String,
    },
    /// Text that is no JSON, or JSON of another shape; the place is in the source's words.
    #[error("its file `{file}` cannot be understood: {problem}; copy it again, or record again")]
    Json {
        /// The file.
        file: String,
        /// What is wrong, with line and column.
        #[source]
        problem: serde_json::Error,
    },
    /// Samples that no Parquet reader can read.
    #[error("its file `samples.parquet` cannot be read: {0}; copy it again, or record again")]
    Parquet(#[source] parquet::errors::ParquetError),
    /// What it says does not hold together.
    #[error("its file `{file}` contradicts itself or the manifest: {why}; record again")]
    Contradiction {
        /// The file.
        file: String,
        /// What does not fit.
        why: String,
    },
    /// A file could not be opened or read.
    #[error("its file `{file}` could not be read: {problem}; check that it is a file and that you may read it")]
    Unreadable {
        /// The file.
        file: String,
        /// The system's words.
        #[source]
        problem: std::io::Error,
    },
    /// A figure that JSON cannot hold. A recording would silently lose it, so none is made.
    #[error("{what} is not a finite number, so it was not recorded; this is a fault of gpuwise, please report it")]
    NotANumber {
        /// Which figure of which object.
        what: String,
    },
    /// A column that does not lie on the reading's grid.
    #[error(
        "a series of {signal} has {found} points where the window has {expected}; this is a fault of gpuwise, please \
         report it"
    )]
    OffGrid {
        /// Its signal.
        signal: Signal,
        /// Points of the grid.
        expected: usize,
        /// Points of the column.
        found: usize,
    },
    /// Where it is written takes no more.
    #[error("the recording's file `{file}` could not be written: {problem}; check that there is room on the disk")]
    Unstored {
        /// The file.
        file: String,
        /// The system's words.
        #[source]
        problem: std::io::Error,
    },
    /// A file could not be put together.
    #[error("the recording's file `{file}` could not be written: {why}; this is a fault of gpuwise, please report it")]
    Unwritable {
        /// The file.
        file: String,
        /// What went wrong.
        why: String,
    },
}

impl RecordingError {
    pub(super) fn contradiction(file: &str, why: impl Into<String>) -> Self {
        Self::Contradiction {
            file: file.to_owned(),
            why: why.into(),
        }
    }

    pub(super) fn unwritable(file: &str, why: impl ToString) -> Self {
        Self::Unwritable {
            file: file.to_owned(),
            why: why.to_string(),
        }
    }
}
