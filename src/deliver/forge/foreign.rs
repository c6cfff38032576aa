//! Whose a branch is: ours as long as its head is the commit that we made.

use super::error::ForgeError;
use super::tree::Lookup;
use super::{Forge, marker};

/// What stands in a hash for a file that a commit takes away; no text of ours holds a NUL.
pub(super) const GONE: &str = "\0gone";

/// The hash of what a commit writes, if it is one of ours as we made it: on the parent that its trailers name, with the files
/// that they name. Whoever adds to it, amends it or moves it makes it another.
pub(super) async fn ours(forge: &dyn Forge, sha: &str) -> Result<Option<String>, ForgeError> {
    let found = forge.commit(sha).await?;
    let Some((base, edits)) = marker::trailers(&found.message) else {
        return Ok(None);
    };
    if found.parents != [base] {
        return Ok(None);
    }
    let (lookup, mut files) = (Lookup::new(forge, sha), Vec::new());
    for path in found.changed {
        let content = match lookup.stands(&path).await?.file() {
            Some(entry) => forge.blob(&entry.sha).await?,
            None => GONE.as_bytes().to_vec(),
        };
        files.push((path, content));
    }
    let pairs = files.iter().map(|(path, content)| (path.as_str(), content.as_slice()));
    Ok((marker::hash(pairs.collect()) == edits).then(|| edits.to_owned()))
}

/// Says something below a pull request, unless it has been said there. `key` tells one saying from another.
pub(super) async fn say_once(forge: &dyn Forge, number: u64, key: &str, text: &str) -> Result<(), ForgeError> {
    let mark = format!("<!-- gpuwise-said: {key} -->");
    let said = forge.comments(number).await?;
    match said.iter().any(|comment| comment.contains(&mark)) {
        true => Ok(()),
        false => forge.comment(number, &format!("{text}\n\n{mark}")).await,
    }
}
