//! GitLab: its REST API of version 4, where one request makes a branch and its commit, and rewrites both.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ForgeError;
use super::http::{Call, Http, Kind};
use super::settings::Clock;
use super::{Abilities, Edit, Entry, Forge, Found, Mode, NewCommit, NewPull, Pull, State, Told, marker};
use crate::sources::endpoint::Endpoint;

const KIND: Kind = Kind {
    scheme: "Bearer",
    api: "/api/v4",
    headers: &[("accept", "application/json")],
    rights: "the scope `api` and the role Developer or more in the project",
    pace: Duration::ZERO,
    page: ("per_page", "100"),
};

/// What marks a merge request as a draft.
const DRAFT: &str = "Draft: ";

/// A project on GitLab.
pub struct GitLab {
    http: Http,
    project: String,
}

impl std::fmt::Debug for GitLab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("GitLab").field(&self.http.place).finish()
    }
}

#[derive(Deserialize)]
struct Branch {
    name: String,
    commit: Id,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

#[derive(Deserialize)]
struct TreeEntry {
    id: String,
    name: String,
    mode: String,
}

#[derive(Deserialize)]
struct Commit {
    message: String,
    parent_ids: Vec<String>,
}

#[derive(Deserialize)]
struct Diff {
    old_path: String,
    new_path: String,
}

#[derive(Deserialize)]
struct MergeRequest {
    iid: u64,
    web_url: String,
    title: String,
    description: Option<String>,
    state: String,
    source_branch: String,
    source_project_id: Option<u64>,
    target_project_id: Option<u64>,
    created_at: Option<String>,
}

impl MergeRequest {
    fn pull(self) -> Option<Pull> {
        let own = self.source_project_id == self.target_project_id;
        let title = self.title.strip_prefix(DRAFT).map(str::to_owned);
        own.then_some(Pull {
            draft: title.is_some(),
            number: self.iid,
            url: self.web_url,
            branch: self.source_branch,
            title: title.unwrap_or(self.title),
            body: self.description.unwrap_or_default(),
            state: match self.state.as_str() {
                "merged" => State::Merged,
                // One that is being merged is locked.
                "opened" | "locked" => State::Open,
                _ => State::Closed,
            },
            created: self.created_at.and_then(|at| at.parse().ok()),
        })
    }
}

fn marked(title: &str, draft: bool) -> String {
    format!("{}{title}", if draft { DRAFT } else { "" })
}

impl GitLab {
    /// A project by its path (`group/project`) or number, on the server of this address. Nothing is sent yet.
    ///
    /// # Errors
    /// When the address, the login or the name is none.
    pub fn open(endpoint: &Endpoint, project: &str, clock: Arc<dyn Clock>) -> Result<Self, ForgeError> {
        let name = project.trim_matches('/').trim_end_matches(".git");
        let number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        let plain = |part: &str| !part.is_empty() && !matches!(part, "." | "..") && !part.contains(char::is_whitespace);
        let path = name.contains('/') && name.split('/').all(plain) && !name.contains(':');
        if !number && !path {
            return Err(ForgeError::Repository {
                given: project.to_owned(),
                form: "GROUP/PROJECT or its number",
            });
        }
        let http = Http::open(endpoint, name, KIND, clock)?;
        Ok(Self {
            http,
            project: name.to_owned(),
        })
    }

    fn path<'p>(&'p self, rest: &[&'p str]) -> Vec<&'p str> {
        [&["projects", self.project.as_str()], rest].concat()
    }

    fn get<'p>(&'p self, what: impl Into<String>, rest: &[&'p str]) -> Call<'p> {
        Call::get(what, &self.path(rest))
    }

    fn send<'p>(&'p self, what: impl Into<String>, method: Method, rest: &[&'p str], body: Value) -> Call<'p> {
        Call::write(what, method, &self.path(rest), body)
    }

    async fn written(&self, commit: NewCommit<'_>) -> Result<String, ForgeError> {
        let action = |file: &super::Placed| {
            // An update keeps the mode that the file has.
            let action = if file.entry.is_some() { "update" } else { "create" };
            json!({"action": action, "file_path": file.path, "content": file.after, "encoding": "text"})
        };
        let actions: Vec<Value> = commit.files.iter().map(action).collect();
        let mut body = json!({
            "branch": commit.branch,
            "start_sha": commit.onto,
            "commit_message": marker::message(commit.message, commit.onto, commit.files),
            "actions": actions,
            "stats": false,
        });
        // A branch that is not there must not be overwritten if it comes to be.
        if commit.was.is_some() {
            body["force"] = json!(true);
        }
        let what = format!("commit to `{}`", commit.branch);
        let mut call = self.send(&what, Method::POST, &["repository", "commits"], body);
        if commit.was.is_some() {
            call = call.again();
        }
        let made: Id = self.http.json(&call).await?;
        Ok(made.id)
    }

    /// The numbers of users, and what is to be said of those without one.
    async fn users(&self, names: &[String]) -> (Vec<u64>, Vec<String>) {
        #[derive(Deserialize)]
        struct User {
            id: u64,
        }
        let (mut ids, mut notes) = (Vec::new(), Vec::new());
        for name in names {
            let bare = name.trim_start_matches('@');
            if bare.contains('/') {
                notes.push(format!("{name} cannot be asked for a review: on GitLab only users can"));
                continue;
            }
            let call = Call::get(format!("find the user {bare}"), &["users"]).with("username", bare);
            match self.http.json::<Vec<User>>(&call).await {
                Ok(found) => match found.first() {
                    Some(user) => ids.push(user.id),
                    None => notes.push(format!("{name} cannot be asked for a review: there is no such user")),
                },
                Err(error) => notes.push(error.to_string()),
            }
        }
        (ids, notes)
    }

    async fn opened(&self, new: NewPull<'_>) -> Result<(Pull, Vec<String>), ForgeError> {
        let (reviewers, notes) = self.users(new.reviewers).await;
        let body = json!({
            "source_branch": new.branch,
            "target_branch": new.base,
            "title": marked(new.title, new.draft),
            "description": new.body,
            "labels": new.labels.join(","),
            "reviewer_ids": reviewers,
            "remove_source_branch": true,
        });
        let what = format!("open a merge request for `{}`", new.branch);
        let made: MergeRequest = self
            .http
            .json(&self.send(&what, Method::POST, &["merge_requests"], body))
            .await?;
        let pull = made.pull();
        let pull = pull.ok_or_else(|| self.http.unreadable(&what, "it is of another project".to_owned()))?;
        Ok((pull, notes))
    }

    async fn merge_requests(&self, call: Call<'_>) -> Result<Vec<Pull>, ForgeError> {
        let found: Vec<MergeRequest> = self.http.pages(call).await?;
        Ok(found.into_iter().filter_map(MergeRequest::pull).collect())
    }
}

impl Forge for GitLab {
    fn shown(&self) -> String {
        self.http.place.clone()
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            pull_requests: true,
            body: 1_000_000,
        }
    }

    fn default_branch(&self) -> Told<'_, String> {
        #[derive(Deserialize)]
        struct Project {
            default_branch: Option<String>,
        }
        Box::pin(async move {
            let what = "read the project";
            let found: Project = self.http.json(&self.get(what, &[])).await?;
            let none = || {
                self.http.unreadable(
                    what,
                    "it has no branch that it merges to, or the token may not see it".to_owned(),
                )
            };
            found.default_branch.ok_or_else(none)
        })
    }

    fn head<'a>(&'a self, branch: &'a str) -> Told<'a, Option<String>> {
        Box::pin(async move {
            let call = self.get(
                format!("find the branch `{branch}`"),
                &["repository", "branches", branch],
            );
            let found: Option<Branch> = self.http.maybe(&call).await?;
            Ok(found.map(|found| found.commit.id))
        })
    }

    fn branches<'a>(&'a self, prefix: &'a str) -> Told<'a, Vec<(String, String)>> {
        Box::pin(async move {
            let call = self
                .get("list branches", &["repository", "branches"])
                .with("search", format!("^{prefix}"));
            let found: Vec<Branch> = self.http.pages(call).await?;
            let own = found.into_iter().filter(|branch| branch.name.starts_with(prefix));
            Ok(own.map(|branch| (branch.name, branch.commit.id)).collect())
        })
    }

    fn list<'a>(&'a self, commit: &'a str, path: &'a str, _tree: &'a str) -> Told<'a, Vec<Entry>> {
        Box::pin(async move {
            let call = self.get(format!("list the folder `/{path}`"), &["repository", "tree"]);
            let found: Vec<TreeEntry> = self.http.pages(call.with("ref", commit).with("path", path)).await?;
            let entry = |entry: TreeEntry| Entry {
                name: entry.name,
                mode: Mode::of(&entry.mode),
                sha: entry.id,
            };
            Ok(found.into_iter().map(entry).collect())
        })
    }

    fn blob<'a>(&'a self, sha: &'a str) -> Told<'a, Vec<u8>> {
        Box::pin(async move {
            let call = self.get("read a file", &["repository", "blobs", sha, "raw"]);
            Ok(self.http.ask(&call).await?.body)
        })
    }

    fn commit<'a>(&'a self, sha: &'a str) -> Told<'a, Found> {
        Box::pin(async move {
            let what = "read a commit";
            let found: Commit = self.http.json(&self.get(what, &["repository", "commits", sha])).await?;
            let diffs: Vec<Diff> = self
                .http
                .pages(self.get(what, &["repository", "commits", sha, "diff"]))
                .await?;
            let mut changed: Vec<String> = diffs
                .into_iter()
                .flat_map(|diff| [diff.old_path, diff.new_path])
                .collect();
            changed.dedup();
            Ok(Found {
                parents: found.parent_ids,
                message: found.message,
                changed,
            })
        })
    }

    fn open<'a>(&'a self, prefix: &'a str) -> Told<'a, Vec<Pull>> {
        Box::pin(async move {
            let call = self.get("list merge requests", &["merge_requests"]);
            let mut found = self.merge_requests(call.with("state", "opened")).await?;
            found.retain(|pull| pull.branch.starts_with(prefix));
            Ok(found)
        })
    }

    fn past<'a>(&'a self, branch: &'a str) -> Told<'a, Vec<Pull>> {
        Box::pin(async move {
            let call = self.get(format!("list merge requests of `{branch}`"), &["merge_requests"]);
            let mut found = self
                .merge_requests(call.with("state", "all").with("source_branch", branch))
                .await?;
            found.retain(|pull| pull.branch == branch && pull.state != State::Open);
            found.sort_by_key(|pull| std::cmp::Reverse(pull.number));
            Ok(found)
        })
    }

    fn comments(&self, number: u64) -> Told<'_, Vec<String>> {
        Box::pin(async move {
            let iid = number.to_string();
            let call = self.get(
                format!("read the comments of !{iid}"),
                &["merge_requests", &iid, "notes"],
            );
            let found: Vec<Value> = self.http.pages(call).await?;
            Ok(found
                .iter()
                .filter_map(|note| Some(note.get("body")?.as_str()?.to_owned()))
                .collect())
        })
    }

    fn write<'a>(&'a self, commit: NewCommit<'a>) -> Told<'a, String> {
        Box::pin(self.written(commit))
    }

    fn create<'a>(&'a self, pull: NewPull<'a>) -> Told<'a, (Pull, Vec<String>)> {
        Box::pin(self.opened(pull))
    }

    fn edit<'a>(&'a self, number: u64, edit: Edit<'a>) -> Told<'a, ()> {
        Box::pin(async move {
            let mut body = json!({"title": marked(edit.title, edit.draft), "description": edit.body});
            if edit.close {
                body["state_event"] = json!("close");
            }
            let iid = number.to_string();
            let call = self.send(format!("edit !{iid}"), Method::PUT, &["merge_requests", &iid], body);
            self.http.done(&call.again()).await
        })
    }

    fn comment<'a>(&'a self, number: u64, text: &'a str) -> Told<'a, ()> {
        Box::pin(async move {
            let iid = number.to_string();
            let path = ["merge_requests", &iid, "notes"];
            let call = self.send(format!("comment on !{iid}"), Method::POST, &path, json!({"body": text}));
            self.http.done(&call).await
        })
    }

    fn delete<'a>(&'a self, branch: &'a str) -> Told<'a, ()> {
        Box::pin(async move {
            let path = ["repository", "branches", branch];
            let call = self.send(
                format!("delete the branch `{branch}`"),
                Method::DELETE,
                &path,
                Value::Null,
            );
            match self.http.done(&call.again()).await {
                Err(ForgeError::NotFound { .. }) => Ok(()),
                told => told,
            }
        })
    }
}
