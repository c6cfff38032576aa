//! The shapes of Gitea's answers, as far as they are read.

use serde::Deserialize;

use super::super::{Entry, Found, Mode, Pull, State};

/// What marks a pull request as a draft.
pub(super) const DRAFT: &str = "WIP: ";

#[derive(Deserialize)]
pub(super) struct Repository {
    pub(super) default_branch: String,
}

#[derive(Deserialize)]
pub(super) struct Sha {
    pub(super) sha: String,
}

#[derive(Deserialize)]
pub(super) struct Reference {
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) object: Sha,
}

#[derive(Deserialize)]
pub(super) struct Branch {
    pub(super) commit: Id,
}

#[derive(Deserialize)]
pub(super) struct Id {
    pub(super) id: String,
}

#[derive(Deserialize)]
pub(super) struct Tree {
    #[serde(default)]
    pub(super) tree: Vec<TreeEntry>,
    #[serde(default)]
    pub(super) truncated: bool,
}

#[derive(Deserialize)]
pub(super) struct TreeEntry {
    path: String,
    mode: String,
    sha: String,
}

impl TreeEntry {
    pub(super) fn entry(self) -> Entry {
        Entry {
            name: self.path,
            mode: Mode::of(&self.mode),
            sha: self.sha,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Blob {
    pub(super) content: String,
}

#[derive(Deserialize)]
pub(super) struct Commit {
    commit: Text,
    parents: Option<Vec<Sha>>,
    files: Option<Vec<File>>,
}

#[derive(Deserialize)]
struct Text {
    message: String,
}

#[derive(Deserialize)]
struct File {
    filename: String,
}

impl Commit {
    pub(super) fn found(self) -> Found {
        Found {
            parents: self
                .parents
                .unwrap_or_default()
                .into_iter()
                .map(|parent| parent.sha)
                .collect(),
            message: self.commit.message,
            changed: self
                .files
                .unwrap_or_default()
                .into_iter()
                .map(|file| file.filename)
                .collect(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Made {
    pub(super) commit: Sha,
}

#[derive(Deserialize)]
pub(super) struct Label {
    pub(super) id: u64,
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct Comment {
    pub(super) body: String,
}

#[derive(Deserialize)]
pub(super) struct PullRequest {
    number: u64,
    html_url: String,
    title: String,
    body: Option<String>,
    state: String,
    #[serde(default)]
    merged: bool,
    created_at: Option<String>,
    head: End,
    base: End,
}

#[derive(Deserialize)]
struct End {
    /// The branch's name, also once it is gone; `ref` is then a name of the server's own.
    label: String,
    repo_id: i64,
}

impl PullRequest {
    /// As the house knows it, if its branch is of the repository itself.
    pub(super) fn pull(self) -> Option<Pull> {
        let title = self.title.strip_prefix(DRAFT).map(str::to_owned);
        // A fork that is gone has no number.
        (self.head.repo_id == self.base.repo_id).then_some(Pull {
            number: self.number,
            url: self.html_url,
            branch: self.head.label,
            draft: title.is_some(),
            title: title.unwrap_or(self.title),
            body: self.body.unwrap_or_default(),
            state: match (self.merged, self.state.as_str()) {
                (true, _) => State::Merged,
                (false, "open") => State::Open,
                (false, _) => State::Closed,
            },
            created: self.created_at.and_then(|at| at.parse().ok()),
        })
    }
}
