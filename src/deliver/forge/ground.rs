//! Whether a topic may be written at all: its files are sound, and the base branch holds what they were made from.

use std::collections::BTreeSet;

use super::error::ForgeError;
use super::outcome::Done;
use super::tree::{Lookup, Stands};
use super::{FileChange, Placed, Topic, marker, names};

/// Files of one topic; GitHub lists as many of one commit on a page.
const FILES: usize = 300;

/// Bytes of all files of one topic.
const BYTES: usize = 16 << 20;

/// What the base branch says to a topic.
pub(super) enum Ground {
    /// Each file is what the topic was made from.
    Fits(Vec<Placed>),
    /// Each file is already what it is to become.
    Holds,
    /// It cannot be written.
    Not(Done),
}

/// Why files cannot be written, whatever the repository holds.
pub(super) fn readable(files: &[FileChange]) -> Option<String> {
    let mut seen = BTreeSet::new();
    for file in files {
        if let Some(why) = names::astray(&file.path) {
            return Some(format!(
                "`{}` is no path within a repository: {why}",
                file.path.escape_debug()
            ));
        }
        if !seen.insert(file.path.as_str()) {
            return Some(format!("`{}` stands in it twice", file.path));
        }
    }
    let bytes: usize = files.iter().map(|file| file.after.len()).sum();
    match (files.len() > FILES, bytes > BYTES) {
        (true, _) => Some(format!(
            "it changes more than {FILES} files; make topics of parts of it"
        )),
        (false, true) => Some(format!(
            "its files hold more than {BYTES} bytes; make topics of parts of it"
        )),
        (false, false) => None,
    }
}

/// Looks at every file of a topic in the base branch.
pub(super) async fn ground(lookup: &Lookup<'_>, base: &str, topic: &Topic) -> Result<Ground, ForgeError> {
    let (mut placed, mut stale, mut holds) = (Vec::new(), None, true);
    for file in marker::changed(&topic.files) {
        let entry = match lookup.stands(&file.path).await? {
            Stands::Nothing => None,
            Stands::File(entry) => Some(entry),
            Stands::Other(kind, at) => {
                let why = format!("`{at}` is {kind} in `{base}`, and only files are written");
                return Ok(Ground::Not(Done::Refused { why }));
            }
        };
        let there = match &entry {
            Some(entry) => Some(lookup.bytes(entry).await?),
            None => None,
        };
        holds &= there.as_deref() == Some(file.after.as_bytes());
        if there.as_deref() != file.before.as_deref().map(str::as_bytes) {
            stale.get_or_insert_with(|| file.path.clone());
        }
        placed.push(Placed {
            path: file.path.clone(),
            after: file.after.clone(),
            entry,
        });
    }
    Ok(match (holds, stale) {
        (true, _) => Ground::Holds,
        (false, None) => Ground::Fits(placed),
        (false, Some(path)) => Ground::Not(Done::Stale {
            base: base.to_owned(),
            path,
        }),
    })
}
