//! What was made, written: reports to a file or the terminal, recordings to a folder.

pub mod forge;
pub mod serve;
pub mod checkout;
pub mod requests;
pub mod webhook;

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::sources::recording::{FILES, Files, MANIFEST, SAMPLES};

/// Why something could not be written.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// A file.
    #[error("cannot write {path}: {cause}; check that the folder exists and may be written to")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A folder that holds something else.
    #[error("{path} is not empty and holds no recording; name a new folder for --output")]
    Occupied {
        /// Which.
        path: PathBuf,
    },
    /// Standard output.
    #[error("cannot write to standard output: {0}")]
    Stdout(std::io::Error),
}

/// Writes a text to a file, or to standard output. A file is whole or it is not there: a reader never sees half a report.
///
/// # Errors
/// As [`DeliverError`] says; a reader who closed the pipe early is no error.
pub fn text(text: &str, output: Option<&Path>) -> Result<(), DeliverError> {
    if let Some(path) = output {
        return replace(path, text.as_bytes());
    }
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(cause) if cause.kind() != ErrorKind::BrokenPipe => Err(DeliverError::Stdout(cause)),
        _ => Ok(()),
    }
}

/// A folder into which a recording is being written. An earlier recording in it is left as it is until the new one is whole;
/// where that fails, nothing else is left.
#[derive(Debug)]
pub struct Recording {
    folder: PathBuf,
    /// Whether the folder was not there before.
    made: bool,
    whole: bool,
}

impl Drop for Recording {
    fn drop(&mut self) {
        if self.whole {
            return;
        }
        // Whoever hears of the failure needs to hear of no other.
        let _ = std::fs::remove_file(part_of(&self.folder.join(SAMPLES)));
        if self.made {
            let _ = std::fs::remove_dir(&self.folder);
        }
    }
}

impl Recording {
    /// Makes the folder, if need be, and the file for the samples.
    ///
    /// # Errors
    /// As [`DeliverError`] says; a folder with anything but an earlier recording in it is left as it is.
    pub fn begin(folder: &Path) -> Result<(Self, File), DeliverError> {
        let made = !folder.exists();
        std::fs::create_dir_all(folder).map_err(failed(folder))?;
        // What an interrupted run left is not in the way.
        let known = |name: &str| FILES.contains(&name.strip_suffix(PART).unwrap_or(name));
        for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
            let entry = entry.map_err(failed(folder))?;
            if !entry.file_name().to_str().is_some_and(known) {
                return Err(DeliverError::Occupied {
                    path: folder.to_owned(),
                });
            }
        }
        let samples = part_of(&folder.join(SAMPLES));
        let file = File::create(&samples).map_err(failed(&samples))?;
        let recording = Self {
            folder: folder.to_owned(),
            made,
            whole: false,
        };
        Ok((recording, file))
    }

    /// Puts the samples, which are all written, and the other files in their places, the manifest last, so that a folder with a
    /// manifest is complete.
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub fn finish(mut self, files: &Files) -> Result<(), DeliverError> {
        let manifest = self.folder.join(MANIFEST);
        if manifest.exists() {
            std::fs::remove_file(&manifest).map_err(failed(&manifest))?;
        }
        let samples = self.folder.join(SAMPLES);
        std::fs::rename(part_of(&samples), &samples).map_err(failed(&samples))?;
        // What an earlier recording had and this one has not.
        let others = FILES
            .iter()
            .filter(|name| **name != SAMPLES && files.iter().all(|(own, _)| own != *name));
        for path in others.map(|name| self.folder.join(name)).filter(|path| path.exists()) {
            std::fs::remove_file(&path).map_err(failed(&path))?;
        }
        for (name, bytes) in files {
            replace(&self.folder.join(name), bytes)?;
        }
        self.whole = true;
        Ok(())
    }
}

/// What the name of a file ends in that is not yet whole.
const PART: &str = ".part";

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(PART);
    path.with_file_name(name)
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> DeliverError {
    let path = path.to_owned();
    move |cause| DeliverError::Write { path, cause }
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), DeliverError> {
    let part = part_of(path);
    // What is no plain file (a pipe, /dev/stdout) cannot be replaced, only written to.
    if path.exists() && !path.is_file() {
        return std::fs::write(path, bytes).map_err(failed(path));
    }
    std::fs::write(&part, bytes).map_err(failed(path))?;
    std::fs::rename(&part, path).map_err(failed(path))
}
