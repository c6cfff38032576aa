//! Gitea and Forgejo: their API of version 1. Newer ones rewrite a branch (`force_push`, or `force_overwrite_new_branch` at
//! Forgejo); older ones know neither word and say that the branch is there, and a commit is added to it instead: to take the
//! branch away and make it anew would close its pull request.

mod added;
mod parts;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use self::added::operation;
use self::parts::{Blob, Comment, Commit, DRAFT, Label, Made, PullRequest, Reference, Repository, Tree};
use super::error::ForgeError;
use super::http::{Call, Http, Kind, owner_and_name};
use super::settings::Clock;
use super::{Abilities, Edit, Entry, Forge, Found, NewCommit, NewPull, Placed, Pull, State, Told, marker};
use crate::sources::endpoint::Endpoint;

const KIND: Kind = Kind {
    scheme: "token",
    api: "/api/v1",
    headers: &[("accept", "application/json")],
    rights: "write on repository and issue (`write:repository`, `write:issue`)",
    pace: Duration::ZERO,
    page: ("limit", "50"),
};

/// A repository on Gitea or Forgejo.
pub struct Gitea {
    http: Http,
    owner: String,
    name: String,
    /// All that are open no more: they cannot be asked for by branch. Read once a run.
    past: Mutex<Option<Arc<Vec<Pull>>>>,
}

impl std::fmt::Debug for Gitea {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Gitea").field(&self.http.place).finish()
    }
}

impl Gitea {
    /// A repository as `owner/name`, on the server of this address. Nothing is sent yet.
    ///
    /// # Errors
    /// When the address, the login or the name is none.
    pub fn open(endpoint: &Endpoint, repository: &str, clock: Arc<dyn Clock>) -> Result<Self, ForgeError> {
        let (owner, name) = owner_and_name(repository)?;
        let http = Http::open(endpoint, &format!("{owner}/{name}"), KIND, clock)?;
        let past = Mutex::new(None);
        Ok(Self {
            http,
            owner,
            name,
            past,
        })
    }

    fn get<'p>(&'p self, what: impl Into<String>, rest: &[&'p str]) -> Call<'p> {
        let path = [&["repos", &self.owner, &self.name], rest].concat();
        Call::get(what, &path)
    }

    fn send<'p>(&'p self, what: impl Into<String>, method: Method, rest: &[&'p str], body: Value) -> Call<'p> {
        let path = [&["repos", &self.owner, &self.name], rest].concat();
        Call::write(what, method, &path, body)
    }

    async fn pulls(&self, state: &str) -> Result<Vec<Pull>, ForgeError> {
        let call = self.get("list pull requests", &["pulls"]).with("state", state);
        let found: Vec<PullRequest> = self.http.pages(call).await?;
        Ok(found.into_iter().filter_map(PullRequest::pull).collect())
    }

    async fn closed(&self) -> Result<Arc<Vec<Pull>>, ForgeError> {
        if let Some(known) = &*self.past.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(Arc::clone(known));
        }
        let found = Arc::new(self.pulls("closed").await?);
        *self.past.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&found));
        Ok(found)
    }

    async fn written(&self, commit: NewCommit<'_>) -> Result<String, ForgeError> {
        let what = format!("commit to `{}`", commit.branch);
        let file = |file: &Placed| operation(&file.path, file.entry.as_ref(), Some(&file.after));
        let mut body = json!({
            "branch": commit.base,
            "new_branch": commit.branch,
            "message": marker::message(commit.message, commit.onto, commit.files),
            "files": commit.files.iter().map(file).collect::<Vec<Value>>(),
        });
        if commit.was.is_some() {
            body["force_push"] = json!(true);
            body["force_overwrite_new_branch"] = json!(true);
        }
        let made: Result<Made, _> = self
            .http
            .json(&self.send(&what, Method::POST, &["contents"], body))
            .await;
        match (made, commit.was) {
            (Ok(made), _) => Ok(made.commit.sha),
            (Err(ForgeError::Refused { said, .. } | ForgeError::Conflict { said, .. }), Some(was))
                if said.to_ascii_lowercase().contains("branch already exists") =>
            {
                self.added(&what, commit, was).await
            }
            (Err(error), _) => Err(error),
        }
    }

    /// The numbers of labels, which are made where they are not there.
    async fn labels(&self, names: &[String]) -> (Vec<u64>, Vec<String>) {
        let (mut ids, mut notes) = (Vec::new(), Vec::new());
        if names.is_empty() {
            return (ids, notes);
        }
        let own = self.http.pages::<Label>(self.get("list labels", &["labels"])).await;
        let mut known = own.unwrap_or_else(|error| {
            notes.push(error.to_string());
            Vec::new()
        });
        // A user has none, and says so with 404.
        known.extend(
            self.http
                .pages(Call::get("list labels", &["orgs", &self.owner, "labels"]))
                .await
                .unwrap_or_default(),
        );
        for name in names {
            if let Some(label) = known.iter().find(|label| label.name == *name) {
                ids.push(label.id);
                continue;
            }
            let body = json!({"name": name, "color": "#1d76db"});
            let call = self.send(format!("make the label `{name}`"), Method::POST, &["labels"], body);
            match self.http.json::<Label>(&call).await {
                Ok(label) => ids.push(label.id),
                Err(error) => notes.push(error.to_string()),
            }
        }
        (ids, notes)
    }

    async fn opened(&self, new: NewPull<'_>) -> Result<(Pull, Vec<String>), ForgeError> {
        let (labels, mut notes) = self.labels(new.labels).await;
        let title = marked(new.title, new.draft);
        let body = json!({"head": new.branch, "base": new.base, "title": title, "body": new.body, "labels": labels});
        let what = format!("open a pull request for `{}`", new.branch);
        let made: PullRequest = self
            .http
            .json(&self.send(&what, Method::POST, &["pulls"], body))
            .await?;
        let pull = made
            .pull()
            .ok_or_else(|| self.http.unreadable(&what, "it is of another repository".to_owned()))?;
        if !new.reviewers.is_empty() {
            let (teams, users): (Vec<&str>, Vec<&str>) = new
                .reviewers
                .iter()
                .map(|name| name.trim_start_matches('@'))
                .partition(|name| name.contains('/'));
            let teams: Vec<&str> = teams.into_iter().filter_map(|team| team.rsplit('/').next()).collect();
            let number = pull.number.to_string();
            let body = json!({"reviewers": users, "team_reviewers": teams});
            let path = ["pulls", &number, "requested_reviewers"];
            let call = self.send(format!("ask for a review of #{number}"), Method::POST, &path, body);
            notes.extend(self.http.done(&call.again()).await.err().map(|error| error.to_string()));
        }
        Ok((pull, notes))
    }
}

fn marked(title: &str, draft: bool) -> String {
    format!("{}{title}", if draft { DRAFT } else { "" })
}

impl Forge for Gitea {
    fn shown(&self) -> String {
        self.http.place.clone()
    }

    fn abilities(&self) -> Abilities {
        // Older ones on MySQL keep it in a column of 65,535 bytes.
        Abilities {
            pull_requests: true,
            body: 65_535,
        }
    }

    fn default_branch(&self) -> Told<'_, String> {
        Box::pin(async move {
            let found: Repository = self.http.json(&self.get("read the repository", &[])).await?;
            Ok(found.default_branch)
        })
    }

    fn head<'a>(&'a self, branch: &'a str) -> Told<'a, Option<String>> {
        Box::pin(async move {
            let parts: Vec<&str> = ["branches"].into_iter().chain(branch.split('/')).collect();
            let found: Option<parts::Branch> = self
                .http
                .maybe(&self.get(format!("find the branch `{branch}`"), &parts))
                .await?;
            Ok(found.map(|found| found.commit.id))
        })
    }

    fn branches<'a>(&'a self, prefix: &'a str) -> Told<'a, Vec<(String, String)>> {
        Box::pin(async move {
            let folder = prefix.trim_end_matches('/').split('/');
            let parts: Vec<&str> = ["git", "refs", "heads"].into_iter().chain(folder).collect();
            let what = "list branches";
            // None is 404, and one that is named exactly stands alone.
            let found: Option<Value> = self.http.maybe(&self.get(what, &parts)).await?;
            let found = match found {
                None => Vec::new(),
                Some(Value::Array(all)) => all,
                Some(one) => vec![one],
            };
            let mut branches = Vec::new();
            for reference in found {
                let reference: Reference =
                    serde_json::from_value(reference).map_err(|error| self.http.unreadable(what, error.to_string()))?;
                if let Some(name) = reference
                    .name
                    .strip_prefix("refs/heads/")
                    .filter(|name| name.starts_with(prefix))
                {
                    branches.push((name.to_owned(), reference.object.sha));
                }
            }
            Ok(branches)
        })
    }

    fn list<'a>(&'a self, _commit: &'a str, path: &'a str, tree: &'a str) -> Told<'a, Vec<Entry>> {
        Box::pin(async move {
            let (what, mut all) = (format!("list the folder `/{path}`"), Vec::new());
            for page in 1..=100 {
                let call = self.get(&what, &["git", "trees", tree]).with("per_page", "1000");
                let found: Tree = self.http.json(&call.with("page", page.to_string())).await?;
                let none = found.tree.is_empty();
                all.extend(found.tree.into_iter().map(parts::TreeEntry::entry));
                if !found.truncated || none {
                    return Ok(all);
                }
            }
            Err(ForgeError::TooMany {
                what,
                place: self.http.place.clone(),
                most: "100 pages".to_owned(),
            })
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
            let found: Commit = self
                .http
                .json(&self.get("read a commit", &["git", "commits", sha]))
                .await?;
            Ok(found.found())
        })
    }

    fn open<'a>(&'a self, prefix: &'a str) -> Told<'a, Vec<Pull>> {
        *self.past.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Box::pin(async move {
            let mut found = self.pulls("open").await?;
            found.retain(|pull| pull.branch.starts_with(prefix) && pull.state == State::Open);
            Ok(found)
        })
    }

    fn past<'a>(&'a self, branch: &'a str) -> Told<'a, Vec<Pull>> {
        Box::pin(async move {
            let all = self.closed().await?;
            let mut found: Vec<Pull> = all.iter().filter(|pull| pull.branch == branch).cloned().collect();
            found.retain(|pull| pull.state != State::Open);
            found.sort_by_key(|pull| std::cmp::Reverse(pull.number));
            Ok(found)
        })
    }

    fn comments(&self, number: u64) -> Told<'_, Vec<String>> {
        Box::pin(async move {
            let number = number.to_string();
            let call = self.get(
                format!("read the comments of #{number}"),
                &["issues", &number, "comments"],
            );
            let found: Vec<Comment> = self.http.json(&call).await?;
            Ok(found.into_iter().map(|comment| comment.body).collect())
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
            let mut body = json!({"title": marked(edit.title, edit.draft), "body": edit.body});
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
            let parts: Vec<&str> = ["branches"].into_iter().chain(branch.split('/')).collect();
            let call = self.send(
                format!("delete the branch `{branch}`"),
                Method::DELETE,
                &parts,
                Value::Null,
            );
            match self.http.done(&call.again()).await {
                Err(ForgeError::NotFound { .. }) => Ok(()),
                told => told,
            }
        })
    }
}
