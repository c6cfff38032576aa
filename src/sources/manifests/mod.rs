//! Manifests in a folder, such as a checkout: every text file that may hold some, with nothing that leads out of it.

mod origin;

use std::fs::{self, DirEntry, File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::model::tree::{Tree, TreeFile};

pub use origin::{origin, remotes};

/// The largest file that is read, bytes.
const LARGEST: u64 = 8 << 20;
/// The most files that are looked at.
const MOST: usize = 400_000;
/// What all files may come to, bytes.
const ALL: u64 = 2 << 30;
/// Folders that hold no manifests of anybody's own.
const SKIPPED: [&str; 5] = [".git", "node_modules", ".terraform", "target", ".venv"];

/// Why a folder could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestsError {
    /// It is not there, or may not be read.
    #[error("cannot read {path}: {cause}; name the folder of a checkout that this user may read")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// It is no folder.
    #[error("{path} is no folder; name the root of a checkout")]
    NoFolder {
        /// Which.
        path: PathBuf,
    },
    /// It holds more than any checkout of manifests does.
    #[error("{path} holds {what}; name the folder of the manifests, not one above it")]
    TooMuch {
        /// Which.
        path: PathBuf,
        /// What of it is too much.
        what: String,
    },
}

/// A file that may hold manifests.
struct Found {
    path: String,
    on_disk: PathBuf,
    metadata: Metadata,
}

/// Reads all manifests under a root. Links are never followed, so that whatever is read lies in it.
///
/// # Errors
/// As [`ManifestsError`] says; a single file that cannot be read is left out and named.
pub fn read(root: &Path) -> Result<Tree, ManifestsError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |cause| ManifestsError::Read { path, cause }
    };
    if !fs::metadata(root).map_err(failed(root))?.is_dir() {
        return Err(ManifestsError::NoFolder { path: root.to_owned() });
    }
    let mut tree = Tree {
        origin: origin(root),
        ..Tree::default()
    };
    let mut found: Vec<Found> = Vec::new();
    let (mut folders, mut seen, mut bytes) = (vec![(root.to_owned(), String::new())], 0_usize, 0_u64);
    while let Some((folder, name)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(failed(&folder))? {
            let entry = entry.map_err(failed(&folder))?;
            seen += 1;
            if seen > MOST {
                return Err(too_much(root, format!("more than {MOST} files")));
            }
            let Some(own) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            let path = if name.is_empty() {
                own.clone()
            } else {
                format!("{name}/{own}")
            };
            match look(&entry, &own) {
                Look::Folder => folders.push((entry.path(), path)),
                Look::Manifest(metadata) => {
                    bytes += metadata.len();
                    found.push(Found {
                        path,
                        on_disk: entry.path(),
                        metadata,
                    });
                }
                Look::LeftOut(why) => {
                    tree.left_out.insert(path, why);
                }
                Look::Nothing => {}
            }
        }
    }
    if bytes > ALL {
        return Err(too_much(root, format!("{} MiB of manifests", bytes >> 20)));
    }
    let read: Vec<(String, Result<TreeFile, String>)> = found.into_par_iter().map(text).collect();
    for (path, file) in read {
        match file {
            Ok(file) => {
                tree.files.insert(path, file);
            }
            Err(why) => {
                tree.left_out.insert(path, why);
            }
        }
    }
    Ok(tree)
}

fn too_much(root: &Path, what: String) -> ManifestsError {
    ManifestsError::TooMuch {
        path: root.to_owned(),
        what,
    }
}

enum Look {
    Folder,
    Manifest(Metadata),
    LeftOut(String),
    Nothing,
}

fn look(entry: &DirEntry, name: &str) -> Look {
    let manifest = is_manifest(name);
    // Of the entry itself: of a link that is the link.
    let metadata = match entry.metadata() {
        Ok(metadata) => metadata,
        Err(why) => return Look::LeftOut(why.to_string()),
    };
    let kind = metadata.file_type();
    if kind.is_symlink() {
        return if manifest {
            Look::LeftOut("it is a link, and links are not followed".to_owned())
        } else {
            Look::Nothing
        };
    }
    if kind.is_dir() {
        return if SKIPPED.contains(&name) {
            Look::Nothing
        } else {
            Look::Folder
        };
    }
    if !manifest || !kind.is_file() {
        return Look::Nothing;
    }
    if metadata.len() > LARGEST {
        return Look::LeftOut(format!("it is larger than {} MiB", LARGEST >> 20));
    }
    Look::Manifest(metadata)
}

/// Whether a file of this name, or path, may hold manifests.
pub fn is_manifest(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name == "Kustomization" || [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end))
}

fn text(found: Found) -> (String, Result<TreeFile, String>) {
    let read = || -> Result<String, String> {
        let file = File::open(&found.on_disk).map_err(|why| why.to_string())?;
        let mut bytes = Vec::with_capacity(usize::try_from(found.metadata.len()).unwrap_or(0));
        // It may have grown since it was looked at.
        file.take(LARGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(|why| why.to_string())?;
        if bytes.len() as u64 > LARGEST {
            return Err(format!("it is larger than {} MiB", LARGEST >> 20));
        }
        String::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned())
    };
    let file = read().map(|text| TreeFile {
        text,
        executable: is_executable(&found.metadata),
    });
    (found.path, file)
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    false
}
