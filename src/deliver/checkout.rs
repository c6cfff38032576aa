//! Changes written into a checkout: all of them or none, nothing outside of it, and nothing over what somebody has changed since.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use crate::patch::component::MADE;
use crate::patch::place::Changes;

/// Why a checkout was left as it was.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// A path that is none within it.
    #[error("{path} does not lie in the checkout: a link, or a way out of it, is on the way; nothing was written")]
    Outside {
        /// Which.
        path: String,
    },
    /// A file is not what was read.
    #[error("{path} has changed while the patch was made; nothing was written, run it again")]
    Changed {
        /// Which.
        path: String,
    },
    /// Somebody has changes there that are not committed.
    #[error(
        "{paths} have changes that are not committed; nothing was written: commit or stash them first, or say --allow-dirty"
    )]
    Dirty {
        /// Which, with commas.
        paths: String,
    },
    /// A kustomization of somebody's is where one would go.
    #[error("{path} is there already and was not made by gpuwise; nothing was written: give --output another folder")]
    Theirs {
        /// Which.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("cannot write {path}: {cause}; the checkout is as it was: check that this user may write there")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
}

/// Writes changes. Where one cannot be written, those before it are taken back.
///
/// # Errors
/// As [`CheckoutError`] says; nothing is changed then.
pub fn write(root: &Path, changes: &Changes, allow_dirty: bool) -> Result<(), CheckoutError> {
    for (path, change) in changes {
        let on_disk = within(root, path)?;
        let now = match fs::read_to_string(&on_disk) {
            Ok(text) => Some(text),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => None,
            Err(cause) => return Err(CheckoutError::Write { path: on_disk, cause }),
        };
        if now != change.before {
            return Err(CheckoutError::Changed { path: path.clone() });
        }
    }
    let dirty = if allow_dirty { Vec::new() } else { dirty(root, changes) };
    if !dirty.is_empty() {
        return Err(CheckoutError::Dirty {
            paths: dirty.join(", "),
        });
    }
    let mut done: Vec<(PathBuf, Option<&String>)> = Vec::new();
    for (path, change) in changes {
        let on_disk = root.join(path);
        if let Err(cause) = put(&on_disk, &change.after) {
            for (path, before) in done.into_iter().rev() {
                // What was just written can be written again, or there is nothing left to do.
                let _ = match before {
                    Some(text) => put(&path, text),
                    None => fs::remove_file(&path),
                };
            }
            return Err(CheckoutError::Write { path: on_disk, cause });
        }
        done.push((on_disk, change.before.as_ref()));
    }
    Ok(())
}

/// Replaces a file as a whole, with the rights that it had.
fn put(path: &Path, text: &str) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".gpuwise-part");
    let part = path.with_file_name(name);
    let written = || {
        fs::write(&part, text)?;
        if let Ok(metadata) = fs::metadata(path) {
            if metadata.permissions().readonly() {
                return Err(std::io::Error::from(std::io::ErrorKind::PermissionDenied));
            }
            fs::set_permissions(&part, metadata.permissions())?;
        }
        fs::rename(&part, path)
    };
    written().inspect_err(|_| _ = fs::remove_file(&part))
}

/// The place of a path in a checkout, with no link on the way.
fn within(root: &Path, path: &str) -> Result<PathBuf, CheckoutError> {
    let outside = || CheckoutError::Outside { path: path.to_owned() };
    let mut here = root.to_owned();
    for part in Path::new(path).components() {
        let Component::Normal(part) = part else {
            return Err(outside());
        };
        here.push(part);
        if fs::symlink_metadata(&here).is_ok_and(|metadata| metadata.file_type().is_symlink()) {
            return Err(outside());
        }
    }
    Ok(here)
}

/// Those of the files that Git says somebody has changed; none where there is no Git, or no repository.
fn dirty(root: &Path, changes: &Changes) -> Vec<String> {
    let asked = Command::new("git")
        .arg("-C")
        .arg(root)
        .args([
            "--no-optional-locks",
            "status",
            "--porcelain=v1",
            "-z",
            "--no-renames",
            "--untracked-files=all",
            "--",
        ])
        .args(changes.keys())
        .env("GIT_LITERAL_PATHSPECS", "1")
        .stdin(Stdio::null())
        .output();
    let Ok(answer) = asked else { return Vec::new() };
    let told = String::from_utf8_lossy(&answer.stdout).into_owned();
    let entries = told.split('\0').filter(|entry| !entry.is_empty());
    entries.filter_map(|entry| entry.get(3..)).map(str::to_owned).collect()
}

/// Writes the files as they are to be below another folder.
///
/// # Errors
/// As [`CheckoutError`] says.
pub fn copies(folder: &Path, changes: &Changes) -> Result<(), CheckoutError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |cause| CheckoutError::Write { path, cause }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    for (path, change) in changes {
        let on_disk = within(folder, path)?;
        let parent = on_disk.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(failed(parent))?;
        put(&on_disk, &change.after).map_err(failed(&on_disk))?;
    }
    Ok(())
}

/// Writes components below a folder, over none that is not one of ours.
///
/// # Errors
/// As [`CheckoutError`] says; nothing is written over a kustomization of somebody's, nor beside it.
pub fn components(folder: &Path, changes: &Changes) -> Result<(), CheckoutError> {
    for path in changes.keys().filter(|path| path.ends_with("kustomization.yaml")) {
        let on_disk = within(folder, path)?;
        match fs::read(&on_disk) {
            Ok(text) if text.starts_with(MADE.as_bytes()) => {}
            Ok(_) => return Err(CheckoutError::Theirs { path: on_disk }),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {}
            Err(cause) => return Err(CheckoutError::Write { path: on_disk, cause }),
        }
    }
    copies(folder, changes)
}
