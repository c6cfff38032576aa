//! For servers that cannot rewrite a branch: a commit on top of ours.

use reqsign_core::hash::base64_encode;
use reqwest::Method;
use serde_json::{Value, json};

use super::super::error::ForgeError;
use super::super::foreign::GONE;
use super::super::tree::Lookup;
use super::super::{Entry, Forge, NewCommit, Placed, marker};
use super::Gitea;
use super::parts::Made;

impl Gitea {
    /// A commit on top of ours that makes the branch's files those of the topic, and what else we once changed the base's.
    pub(super) async fn added(&self, what: &str, commit: NewCommit<'_>, was: &str) -> Result<String, ForgeError> {
        let (branch, base) = (Lookup::new(self, was), Lookup::new(self, commit.onto));
        let (mut files, mut written) = (Vec::new(), Vec::new());
        let mut put = |path: &str, there: Option<&Entry>, after: Option<&str>| {
            files.push(operation(path, there, after));
            let after = after.unwrap_or(GONE).to_owned();
            written.push(Placed {
                path: path.to_owned(),
                after,
                entry: None,
            });
        };
        for file in commit.files {
            let there = branch.stands(&file.path).await?.file();
            let same = match &there {
                Some(entry) => self.blob(&entry.sha).await? == file.after.as_bytes(),
                None => false,
            };
            if !same {
                put(&file.path, there.as_ref(), Some(&file.after));
            }
        }
        for path in commit.dropped {
            let (there, back) = (branch.stands(path).await?.file(), base.stands(path).await?.file());
            match (there, back) {
                (Some(there), Some(back)) if there.sha != back.sha => {
                    let text = String::from_utf8_lossy(&self.blob(&back.sha).await?).into_owned();
                    put(path, Some(&there), Some(&text));
                }
                (Some(there), None) => put(path, Some(&there), None),
                (None, Some(back)) => {
                    let text = String::from_utf8_lossy(&self.blob(&back.sha).await?).into_owned();
                    put(path, None, Some(&text));
                }
                _ => {}
            }
        }
        if files.is_empty() {
            return Ok(was.to_owned());
        }
        let message = marker::message(commit.message, was, &written);
        let body = json!({"branch": commit.branch, "message": message, "files": files});
        let made: Made = self
            .http
            .json(&self.send(what, Method::POST, &["contents"], body))
            .await?;
        Ok(made.commit.sha)
    }
}

/// What is done to one file: `sha` is that of what is replaced, and the server refuses if it is another.
pub(super) fn operation(path: &str, there: Option<&Entry>, after: Option<&str>) -> Value {
    let content = after.map(|after| base64_encode(after.as_bytes()));
    match (there, content) {
        (Some(entry), Some(content)) => {
            json!({"operation": "update", "path": path, "content": content, "sha": entry.sha})
        }
        (None, Some(content)) => json!({"operation": "create", "path": path, "content": content}),
        (entry, None) => json!({"operation": "delete", "path": path, "sha": entry.map(|entry| &entry.sha)}),
    }
}
