//! The shapes of GitHub's answers, as far as they are read.

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Object {
    pub(super) sha: String,
}

#[derive(Deserialize)]
pub(super) struct Reference {
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) object: Object,
}

#[derive(Deserialize)]
pub(super) struct Tree {
    pub(super) tree: Vec<TreeEntry>,
    #[serde(default)]
    pub(super) truncated: bool,
}

#[derive(Deserialize)]
pub(super) struct TreeEntry {
    pub(super) path: String,
    pub(super) mode: String,
    pub(super) sha: String,
}

#[derive(Deserialize)]
pub(super) struct Blob {
    pub(super) content: String,
}

#[derive(Deserialize)]
pub(super) struct GitCommit {
    pub(super) tree: Object,
}

#[derive(Deserialize)]
pub(super) struct Commit {
    pub(super) commit: CommitText,
    pub(super) parents: Vec<Object>,
    #[serde(default)]
    pub(super) files: Vec<File>,
}

#[derive(Deserialize)]
pub(super) struct CommitText {
    pub(super) message: String,
}

#[derive(Deserialize)]
pub(super) struct File {
    pub(super) filename: String,
}

#[derive(Deserialize)]
pub(super) struct PullRequest {
    pub(super) number: u64,
    pub(super) html_url: String,
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) state: String,
    pub(super) merged_at: Option<String>,
    pub(super) created_at: Option<String>,
    #[serde(default)]
    pub(super) draft: bool,
    pub(super) head: Head,
}

#[derive(Deserialize)]
pub(super) struct Head {
    #[serde(rename = "ref")]
    pub(super) branch: String,
    /// None where the fork is gone.
    pub(super) repo: Option<Repository>,
}

#[derive(Deserialize)]
pub(super) struct Repository {
    pub(super) full_name: String,
}
