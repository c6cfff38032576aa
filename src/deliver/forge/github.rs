//! GitHub and GitHub Enterprise Server: the REST API of version 2022-11-28, and the database of Git behind it, through which
//! several files become one commit.

mod parts;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use self::parts::{Blob, Commit, GitCommit, Object, PullRequest, Reference, Tree, TreeEntry};
use super::error::ForgeError;
use super::http::{Call, Http, Kind, owner_and_name};
use super::settings::Clock;
use super::{Abilities, Edit, Entry, Forge, Found, Mode, NewCommit, NewPull, Pull, State, Told, marker};
use crate::sources::endpoint::Endpoint;

const KIND: Kind = Kind {
    scheme: "Bearer",
    api: "/api/v3",
    headers: &[
        ("accept", "application/vnd.github+json"),
        ("x-github-api-version", "2022-11-28"),
    ],
    rights: "read and write on contents and pull requests (or the scope `repo`)",
    pace: Duration::from_secs(1),
    page: ("per_page", "100"),
};

/// A repository on GitHub.
pub struct GitHub {
    http: Http,
    owner: String,
    name: String,
}

impl std::fmt::Debug for GitHub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("GitHub").field(&self.http.place).finish()
    }
}

impl GitHub {
    /// A repository as `owner/name`, on the server of this address: `https://api.github.com`, or the host of an Enterprise
    /// Server. Nothing is sent yet.
    ///
    /// # Errors
    /// When the address, the login or the name is none.
    pub fn open(endpoint: &Endpoint, repository: &str, clock: Arc<dyn Clock>) -> Result<Self, ForgeError> {
        let (owner, name) = owner_and_name(repository)?;
        let mut endpoint = endpoint.clone();
        let parsed = endpoint.parsed()?;
        if matches!(parsed.host_str(), Some("github.com" | "www.github.com")) {
            "https://api.github.com".clone_into(&mut endpoint.url);
        }
        let http = Http::open(&endpoint, &format!("{owner}/{name}"), KIND, clock)?;
        Ok(Self { http, owner, name })
    }

    /// The path of something in the repository.
    fn path<'p>(&'p self, rest: &[&'p str]) -> Vec<&'p str> {
        [&["repos", &self.owner, &self.name], rest].concat()
    }

    fn get<'p>(&'p self, what: impl Into<String>, rest: &[&'p str]) -> Call<'p> {
        Call::get(what, &self.path(rest))
    }

    fn send<'p>(&'p self, what: impl Into<String>, method: Method, rest: &[&'p str], body: Value) -> Call<'p> {
        Call::write(what, method, &self.path(rest), body)
    }

    fn pull(&self, from: PullRequest) -> Option<Pull> {
        let whole = format!("{}/{}", self.owner, self.name);
        let own = from
            .head
            .repo
            .is_some_and(|repo| repo.full_name.eq_ignore_ascii_case(&whole));
        own.then_some(Pull {
            number: from.number,
            url: from.html_url,
            branch: from.head.branch,
            title: from.title,
            body: from.body.unwrap_or_default(),
            state: match (from.merged_at, from.state.as_str()) {
                (Some(_), _) => State::Merged,
                (None, "open") => State::Open,
                (None, _) => State::Closed,
            },
            created: from.created_at.and_then(|at| at.parse().ok()),
            draft: from.draft,
        })
    }

    /// Points a branch to a commit, whether it is there or not.
    async fn point(&self, branch: &str, sha: &str, there: bool) -> Result<(), ForgeError> {
        let what = format!("point the branch `{branch}` to its commit");
        let parts: Vec<&str> = ["git", "refs", "heads"].into_iter().chain(branch.split('/')).collect();
        let moved = self
            .send(&what, Method::PATCH, &parts, json!({"sha": sha, "force": true}))
            .again();
        let name = format!("refs/heads/{branch}");
        let made = self.send(&what, Method::POST, &["git", "refs"], json!({"ref": name, "sha": sha}));
        // What is remembered of the branch may be old; then the other request is the right one.
        let (first, second, otherwise) = match there {
            true => (moved, made, "Reference does not exist"),
            false => (made, moved, "Reference already exists"),
        };
        match self.http.done(&first).await {
            Err(ForgeError::Refused { said, .. }) if there && said.contains(otherwise) => self.http.done(&second).await,
            // A branch that came to be in the meantime is somebody's.
            told => told,
        }
    }

    async fn written(&self, commit: NewCommit<'_>) -> Result<String, ForgeError> {
        let what = format!("commit to `{}`", commit.branch);
        let base: GitCommit = self
            .http
            .json(&self.get(&what, &["git", "commits", commit.onto]))
            .await?;
        let entry = |file: &super::Placed| json!({"path": file.path, "mode": file.mode().octal(), "type": "blob", "content": file.after});
        let tree: Vec<Value> = commit.files.iter().map(entry).collect();
        let tree = json!({"base_tree": base.tree.sha, "tree": tree});
        // Trees and commits that no branch points to are nobody's, so that both may be made twice.
        let tree: Object = self
            .http
            .json(&self.send(&what, Method::POST, &["git", "trees"], tree).again())
            .await?;
        let message = marker::message(commit.message, commit.onto, commit.files);
        let made = json!({"message": message, "tree": tree.sha, "parents": [commit.onto]});
        let made: Object = self
            .http
            .json(&self.send(&what, Method::POST, &["git", "commits"], made).again())
            .await?;
        self.point(commit.branch, &made.sha, commit.was.is_some()).await?;
        Ok(made.sha)
    }

    async fn opened(&self, new: NewPull<'_>) -> Result<(Pull, Vec<String>), ForgeError> {
        let what = format!("open a pull request for `{}`", new.branch);
        let body =
            json!({"title": new.title, "head": new.branch, "base": new.base, "body": new.body, "draft": new.draft});
        let made: PullRequest = self.http.json(&self.send(what, Method::POST, &["pulls"], body)).await?;
        let number = made.number.to_string();
        let mut notes = Vec::new();
        if !new.labels.is_empty() {
            let body = json!({"labels": new.labels});
            let path = ["issues", &number, "labels"];
            let asked = self.send(format!("label #{number}"), Method::POST, &path, body).again();
            notes.extend(self.http.done(&asked).await.err().map(|error| error.to_string()));
        }
        let (teams, users): (Vec<&str>, Vec<&str>) = new
            .reviewers
            .iter()
            .map(|name| name.trim_start_matches('@'))
            .partition(|name| name.contains('/'));
        let teams: Vec<&str> = teams.into_iter().filter_map(|team| team.rsplit('/').next()).collect();
        if !users.is_empty() || !teams.is_empty() {
            let body = json!({"reviewers": users, "team_reviewers": teams});
            let path = ["pulls", &number, "requested_reviewers"];
            let asked = self
                .send(format!("ask for a review of #{number}"), Method::POST, &path, body)
                .again();
            notes.extend(self.http.done(&asked).await.err().map(|error| error.to_string()));
        }
        let pull = self.pull(made);
        let pull = pull.ok_or_else(|| {
            self.http
                .unreadable("open a pull request", "it is of another repository".to_owned())
        })?;
        Ok((pull, notes))
    }
}

impl Forge for GitHub {
    fn shown(&self) -> String {
        self.http.place.clone()
    }

    fn abilities(&self) -> Abilities {
        // Characters, of which there are never more than bytes.
        Abilities {
            pull_requests: true,
            body: 65_536,
        }
    }

    fn default_branch(&self) -> Told<'_, String> {
        #[derive(Deserialize)]
        struct Default {
            default_branch: String,
        }
        Box::pin(async move {
            let found: Default = self.http.json(&self.get("read the repository", &[])).await?;
            Ok(found.default_branch)
        })
    }

    fn head<'a>(&'a self, branch: &'a str) -> Told<'a, Option<String>> {
        Box::pin(async move {
            let parts: Vec<&str> = ["git", "ref", "heads"].into_iter().chain(branch.split('/')).collect();
            let found: Option<Reference> = self
                .http
                .maybe(&self.get(format!("find the branch `{branch}`"), &parts))
                .await?;
            Ok(found.map(|found| found.object.sha))
        })
    }

    fn branches<'a>(&'a self, prefix: &'a str) -> Told<'a, Vec<(String, String)>> {
        Box::pin(async move {
            let parts: Vec<&str> = ["git", "matching-refs", "heads"]
                .into_iter()
                .chain(prefix.split('/'))
                .collect();
            let found: Vec<Reference> = self.http.pages(self.get("list branches", &parts)).await?;
            let name = |reference: Reference| {
                let name = reference.name.strip_prefix("refs/heads/")?;
                name.starts_with(prefix)
                    .then(|| (name.to_owned(), reference.object.sha))
            };
            Ok(found.into_iter().filter_map(name).collect())
        })
    }

    fn list<'a>(&'a self, _commit: &'a str, path: &'a str, tree: &'a str) -> Told<'a, Vec<Entry>> {
        Box::pin(async move {
            let what = format!("list the folder `/{path}`");
            let found: Tree = self.http.json(&self.get(&what, &["git", "trees", tree])).await?;
            if found.truncated {
                let most = "names than a folder may hold here".to_owned();
                return Err(ForgeError::TooMany {
                    what,
                    place: self.http.place.clone(),
                    most,
                });
            }
            let entry = |entry: TreeEntry| Entry {
                name: entry.path,
                mode: Mode::of(&entry.mode),
                sha: entry.sha,
            };
            Ok(found.tree.into_iter().map(entry).collect())
        })
    }

    fn blob<'a>(&'a self, sha: &'a str) -> Told<'a, Vec<u8>> {
        Box::pin(async move {
            let what = "read a file";
            let found: Blob = self.http.json(&self.get(what, &["git", "blobs", sha])).await?;
            self.http.base64(what, &found.content)
        })
    }

    fn commit<'a>(&'a self, sha: &'a str) -> Told<'a, Found> {
        Box::pin(async move {
            let found: Commit = self.http.json(&self.get("read a commit", &["commits", sha])).await?;
            Ok(Found {
                parents: found.parents.into_iter().map(|parent| parent.sha).collect(),
                message: found.commit.message,
                changed: found.files.into_iter().map(|file| file.filename).collect(),
            })
        })
    }

    fn open<'a>(&'a self, prefix: &'a str) -> Told<'a, Vec<Pull>> {
        Box::pin(async move {
            let call = self.get("list pull requests", &["pulls"]).with("state", "open");
            let found: Vec<PullRequest> = self.http.pages(call).await?;
            let pulls = found.into_iter().filter_map(|pull| self.pull(pull));
            Ok(pulls.filter(|pull| pull.branch.starts_with(prefix)).collect())
        })
    }

    fn past<'a>(&'a self, branch: &'a str) -> Told<'a, Vec<Pull>> {
        Box::pin(async move {
            // Without the owner the filter is ignored.
            let head = format!("{}:{branch}", self.owner);
            let call = self.get(format!("list pull requests of `{branch}`"), &["pulls"]);
            let found: Vec<PullRequest> = self.http.pages(call.with("state", "all").with("head", head)).await?;
            let pulls = found.into_iter().filter_map(|pull| self.pull(pull));
            let mut pulls: Vec<Pull> = pulls
                .filter(|pull| pull.branch == branch && pull.state != State::Open)
                .collect();
            pulls.sort_by_key(|pull| std::cmp::Reverse(pull.number));
            Ok(pulls)
        })
    }

    fn comments(&self, number: u64) -> Told<'_, Vec<String>> {
        Box::pin(async move {
            let number = number.to_string();
            let call = self.get(
                format!("read the comments of #{number}"),
                &["issues", &number, "comments"],
            );
            let found: Vec<Value> = self.http.pages(call).await?;
            Ok(found
                .iter()
                .filter_map(|comment| Some(comment.get("body")?.as_str()?.to_owned()))
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
            let mut body = json!({"title": edit.title, "body": edit.body});
            if edit.close {
                body["state"] = json!("closed");
            }
            let number = number.to_string();
            let call = self.send(format!("edit #{number}"), Method::PATCH, &["pulls", &number], body);
            self.http.done(&call.again()).await
        })
    }

    fn comment<'a>(&'a self, number: u64, text: &'a str) -> Told<'a, ()> {
        Box::pin(async move {
            let number = number.to_string();
            let path = ["issues", &number, "comments"];
            let call = self.send(
                format!("comment on #{number}"),
                Method::POST,
                &path,
                json!({"body": text}),
            );
            self.http.done(&call).await
        })
    }

    fn delete<'a>(&'a self, branch: &'a str) -> Told<'a, ()> {
        Box::pin(async move {
            let parts: Vec<&str> = ["git", "refs", "heads"].into_iter().chain(branch.split('/')).collect();
            let call = self.send(
                format!("delete the branch `{branch}`"),
                Method::DELETE,
                &parts,
                Value::Null,
            );
            match self.http.done(&call.again()).await {
                Err(ForgeError::Refused { said, .. }) if said.contains("Reference does not exist") => Ok(()),
                Err(ForgeError::NotFound { .. }) => Ok(()),
                told => told,
            }
        })
    }
}
