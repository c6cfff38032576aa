//! The files of a branch, read through the forge, for those who have no checkout.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};

use super::error::ForgeError;
use super::{Entry, Forge, Mode};

/// Files that are read at most: each is a request, and GitHub allows 5,000 an hour.
const MOST: usize = 2_000;

/// Bytes of one file.
const BYTES: usize = 4 << 20;

/// Requests under way at once.
const AT_ONCE: usize = 8;

/// What a branch holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The branch.
    pub branch: String,
    /// Its commit.
    pub commit: String,
    /// Texts by path.
    pub files: BTreeMap<String, String>,
    /// Files that were wanted and are none: links, other repositories, files that are too long or no text, with the reason.
    pub left_out: Vec<(String, &'static str)>,
}

/// Reads the files of a branch whose paths are wanted; of the default branch where none is named. A folder is entered if it is
/// wanted with a slash at its end.
///
/// # Errors
/// As [`ForgeError`] says; also when there are more than 2,000.
pub async fn checkout(
    forge: &dyn Forge,
    branch: Option<&str>,
    wanted: &(dyn Fn(&str) -> bool + Send + Sync),
) -> Result<Checkout, ForgeError> {
    let branch = match branch {
        Some(branch) => branch.to_owned(),
        None => forge.default_branch().await?,
    };
    let none = || ForgeError::NoBase {
        place: forge.shown(),
        branch: branch.clone(),
    };
    let commit = forge.head(&branch).await?.ok_or_else(none)?;
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    let mut folders = vec![(String::new(), commit.clone())];
    while let Some((folder, tree)) = folders.pop() {
        for Entry { name, mode, sha } in forge.list(&commit, &folder, &tree).await? {
            let slash = if folder.is_empty() { "" } else { "/" };
            let path = format!("{folder}{slash}{name}");
            match mode {
                Mode::Folder if wanted(&format!("{path}/")) => folders.push((path, sha)),
                Mode::Folder => {}
                _ if !wanted(&path) => {}
                Mode::File | Mode::Executable => found.push((path, sha)),
                Mode::Symlink => left_out.push((path, "it is a symbolic link")),
                Mode::Submodule => left_out.push((path, "it is another repository")),
            }
        }
        if found.len() > MOST {
            let (what, place) = ("read the files".to_owned(), forge.shown());
            return Err(ForgeError::TooMany {
                what,
                place,
                most: format!("{MOST} files"),
            });
        }
    }
    let read = |(path, sha): (String, String)| async move { (path, forge.blob(&sha).await) };
    let mut read = stream::iter(found).map(read).buffered(AT_ONCE);
    let mut files = BTreeMap::new();
    while let Some((path, bytes)) = read.next().await {
        let bytes = bytes?;
        match (bytes.len() <= BYTES).then(|| String::from_utf8(bytes)) {
            None => left_out.push((path, "it is too long")),
            Some(Err(_)) => left_out.push((path, "it is no UTF-8")),
            Some(Ok(text)) => {
                files.insert(path, text);
            }
        }
    }
    left_out.sort();
    Ok(Checkout {
        branch,
        commit,
        files,
        left_out,
    })
}
