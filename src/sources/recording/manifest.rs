//! `manifest.json`: what was recorded, by which version, and what each other file must look like.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::checksum::crc32;
use super::error::RecordingError;
use super::{FORMAT, MANIFEST, VERSION};
use crate::model::time::{Grid, Window};
use crate::model::usage::Signal;

/// Points of a window, at most: a year of seconds. A series has memory for every point up to its last.
const POINTS: usize = 32_000_000;

/// The first members, which every version keeps, so that a newer recording is told apart from a broken one.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    format: String,
    #[serde(default)]
    version: u32,
    #[serde(default)]
    gpuwise: String,
}

/// `manifest.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: String,
    version: u32,
    gpuwise: String,
    pub(super) cluster: String,
    window: Window,
    step_seconds: u32,
    pub(super) currency: String,
    asked: Vec<String>,
    files: BTreeMap<String, Fingerprint>,
}

/// What a file must look like.
#[derive(Debug, Serialize, Deserialize)]
struct Fingerprint {
    bytes: u64,
    crc32: String,
}

impl Manifest {
    pub(super) fn new(
        cluster: &str,
        grid: Grid,
        currency: &str,
        asked: &[Signal],
        files: &[(String, Vec<u8>)],
    ) -> Self {
        let fingerprint = |(name, content): &(String, Vec<u8>)| {
            let print = Fingerprint {
                bytes: content.len() as u64,
                crc32: crc32(content),
            };
            (name.clone(), print)
        };
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            gpuwise: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: cluster.to_owned(),
            window: grid.window,
            step_seconds: grid.step_seconds,
            currency: currency.to_owned(),
            asked: asked.iter().map(|signal| signal.name().to_owned()).collect(),
            files: files.iter().map(fingerprint).collect(),
        }
    }

    /// Reads it, its version before the rest.
    pub(super) fn parse(text: &[u8]) -> Result<Self, RecordingError> {
        let broken = |problem: serde_json::Error| match problem.classify() {
            serde_json::error::Category::Eof => RecordingError::ManifestCutShort(problem),
            _ => RecordingError::Json {
                file: MANIFEST.to_owned(),
                problem,
            },
        };
        let head: Head = serde_json::from_slice(text).map_err(broken)?;
        if head.format != FORMAT {
            let why = format!(
                "the format of its manifest.json is `{}` and not `{FORMAT}`",
                head.format
            );
            return Err(RecordingError::NotARecording(why));
        }
        if head.version > VERSION {
            let why = format!("{}, format version {}, known is {VERSION}", head.gpuwise, head.version);
            return Err(RecordingError::Newer(why));
        }
        serde_json::from_slice(text).map_err(broken)
    }

    /// The grid, if it is one.
    pub(super) fn grid(&self) -> Result<Grid, RecordingError> {
        let contradiction = |why: &str| Err(RecordingError::contradiction(MANIFEST, why));
        if self.step_seconds == 0 {
            return contradiction("its step is no time at all");
        }
        if self.window.end < self.window.start {
            return contradiction("its window ends before it starts");
        }
        let grid = Grid {
            window: self.window,
            step_seconds: self.step_seconds,
        };
        match grid.points() > POINTS {
            true => contradiction("its window has more points than any recording"),
            false => Ok(grid),
        }
    }

    /// The signals that were asked for.
    pub(super) fn asked(&self) -> Result<Vec<Signal>, RecordingError> {
        self.asked.iter().map(|name| signal(name, &self.gpuwise)).collect()
    }

    /// The signal of a name; one that this version does not know must come from a newer one.
    pub(super) fn signal(&self, name: &str) -> Result<Signal, RecordingError> {
        signal(name, &self.gpuwise)
    }

    /// A file's content, if it is the one that was recorded.
    pub(super) fn check(&self, file: &str, content: Option<Bytes>) -> Result<Bytes, RecordingError> {
        let Some(print) = self.files.get(file) else {
            return Err(RecordingError::contradiction(
                MANIFEST,
                format!("it does not list `{file}`"),
            ));
        };
        let content = content.ok_or_else(|| RecordingError::Missing(file.to_owned()))?;
        let found = content.len() as u64;
        let changed = |why: String| RecordingError::Changed {
            file: file.to_owned(),
            why,
        };
        if found < print.bytes {
            return Err(RecordingError::CutShort {
                file: file.to_owned(),
                expected: print.bytes,
                found,
            });
        }
        if found > print.bytes {
            return Err(changed(format!(
                "{found} bytes where the manifest says {}",
                print.bytes
            )));
        }
        let crc = crc32(&content);
        if crc != print.crc32 {
            return Err(changed(format!(
                "its CRC-32 is {crc} where the manifest says {}",
                print.crc32
            )));
        }
        Ok(content)
    }
}

fn signal(name: &str, gpuwise: &str) -> Result<Signal, RecordingError> {
    Signal::from_name(name).ok_or_else(|| {
        RecordingError::Newer(format!(
            "{gpuwise}, which knows a signal `{name}` that this one does not"
        ))
    })
}
