//! `manifest.json`: what was recorded, by which version, and what each other file must look like.

use std::collections::BTreeMap;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use super::checksum::Crc32;
use super::error::RecordingError;
use super::{FORMAT, MANIFEST, VERSION};
use crate::model::time::{Grid, Window};
use crate::model::usage::Signal;

/// Points of a window, at most: a year of seconds. A series has memory for every point up to its last.
pub(super) const POINTS: usize = 32_000_000;

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
pub(super) struct Fingerprint {
    bytes: u64,
    crc32: String,
}

/// Bytes of a file that are looked at together.
const CHUNK: usize = 1 << 16;

impl Fingerprint {
    pub(super) fn new(bytes: u64, crc: Crc32) -> Self {
        Self {
            bytes,
            crc32: crc.text(),
        }
    }

    pub(super) fn of(content: &[u8]) -> Self {
        let mut crc = Crc32::default();
        crc.take(content);
        Self::new(content.len() as u64, crc)
    }

    /// That of a file of any size.
    pub(super) fn read(mut file: impl Read) -> io::Result<Self> {
        let (mut bytes, mut crc) = (0, Crc32::default());
        let mut chunk = vec![0; CHUNK];
        loop {
            match file.read(&mut chunk) {
                Ok(0) => return Ok(Self::new(bytes, crc)),
                Ok(read) => {
                    bytes += read as u64;
                    crc.take(&chunk[..read]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Manifest {
    pub(super) fn new(
        cluster: &str,
        grid: Grid,
        currency: &str,
        asked: &[Signal],
        files: BTreeMap<String, Fingerprint>,
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            gpuwise: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: cluster.to_owned(),
            window: grid.window,
            step_seconds: grid.step_seconds,
            currency: currency.to_owned(),
            asked: asked.iter().map(|signal| signal.name().to_owned()).collect(),
            files,
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

    /// Whether the recording has such a file.
    pub(super) fn lists(&self, file: &str) -> bool {
        self.files.contains_key(file)
    }

    /// Whether a file is the one that was recorded, by what was found of it.
    pub(super) fn check(&self, file: &str, found: Option<&Fingerprint>) -> Result<(), RecordingError> {
        let Some(print) = self.files.get(file) else {
            return Err(RecordingError::contradiction(
                MANIFEST,
                format!("it does not list `{file}`"),
            ));
        };
        let found = found.ok_or_else(|| RecordingError::Missing(file.to_owned()))?;
        let changed = |why: String| RecordingError::Changed {
            file: file.to_owned(),
            why,
        };
        if found.bytes < print.bytes {
            return Err(RecordingError::CutShort {
                file: file.to_owned(),
                expected: print.bytes,
                found: found.bytes,
            });
        }
        if found.bytes > print.bytes {
            return Err(changed(format!(
                "{} bytes where the manifest says {}",
                found.bytes, print.bytes
            )));
        }
        if found.crc32 != print.crc32 {
            return Err(changed(format!(
                "its CRC-32 is {} where the manifest says {}",
                found.crc32, print.crc32
            )));
        }
        Ok(())
    }
}

fn signal(name: &str, gpuwise: &str) -> Result<Signal, RecordingError> {
    Signal::from_name(name).ok_or_else(|| {
        RecordingError::Newer(format!(
            "{gpuwise}, which knows a signal `{name}` that this one does not"
        ))
    })
}
