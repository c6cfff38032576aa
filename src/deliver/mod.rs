//! What was made, written: reports to a file or the terminal, recordings to a folder.

pub mod serve;

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

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

/// Writes the files of a recording into a folder, its manifest last, so that a folder with a manifest is complete.
///
/// # Errors
/// As [`DeliverError`] says; a folder with anything but an earlier recording in it is left as it is.
pub fn recording(files: &[(String, Vec<u8>)], folder: &Path) -> Result<(), DeliverError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |cause| DeliverError::Write { path, cause }
    };
    std::fs::create_dir_all(folder).map_err(failed(folder))?;
    let known = |name: &std::ffi::OsStr| files.iter().any(|(file, _)| name == file.as_str());
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        if !known(&entry.file_name()) {
            return Err(DeliverError::Occupied {
                path: folder.to_owned(),
            });
        }
    }
    let is_manifest = |file: &&(String, Vec<u8>)| file.0 == "manifest.json";
    let manifest = folder.join("manifest.json");
    if manifest.exists() {
        std::fs::remove_file(&manifest).map_err(failed(&manifest))?;
    }
    for (name, bytes) in files
        .iter()
        .filter(|file| !is_manifest(file))
        .chain(files.iter().filter(is_manifest))
    {
        replace(&folder.join(name), bytes)?;
    }
    Ok(())
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), DeliverError> {
    let failed = |cause| DeliverError::Write {
        path: path.to_owned(),
        cause,
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    // What is no plain file (a pipe, /dev/stdout) cannot be replaced, only written to.
    if path.exists() && !path.is_file() {
        return std::fs::write(path, bytes).map_err(failed);
    }
    std::fs::write(&part, bytes).map_err(failed)?;
    std::fs::rename(&part, path).map_err(failed)
}
