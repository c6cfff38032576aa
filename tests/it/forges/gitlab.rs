//! GitLab as its documentation has it, as far as we use it.

use serde_json::{Value, json};

use super::hub::{Ask, Hub, Pr, Reply, TOKEN, page};
use super::repo::{Change, Repo};

fn refused(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({"message": message}))
}

pub(super) fn answer(hub: &mut Hub, ask: &Ask) -> Reply {
    if ask.headers.get("authorization").map(String::as_str) != Some(&format!("Bearer {TOKEN}")) {
        return refused(401, "401 Unauthorized");
    }
    let path: Vec<&str> = ask.path.iter().map(String::as_str).collect();
    if path == ["users"] {
        let id = match ask.field("username") {
            "ann" => json!([{"id": 71, "username": "ann"}]),
            _ => json!([]),
        };
        return Reply::json(200, &id);
    }
    let Some(rest) = path.strip_prefix(&["projects", "acme/ml"]) else {
        return refused(404, "404 Project Not Found");
    };
    match (ask.method.as_str(), rest) {
        ("GET", []) => Reply::json(200, &json!({"id": 5, "default_branch": "main"})),
        ("DELETE", ["repository", "branches", branch]) => match hub.delete(branch) {
            true => Reply::raw(204, ""),
            false => refused(404, "404 Branch Not Found"),
        },
        (_, ["repository", rest @ ..]) => repository(&hub.repo, ask, rest),
        ("GET", ["merge_requests"]) => list(hub, ask),
        ("POST", ["merge_requests"]) => create(hub, ask),
        ("PUT", ["merge_requests", iid]) => edit(hub, ask, iid),
        (method, ["merge_requests", iid, "notes"]) => {
            let Some(pull) = hub.at(iid) else {
                return refused(404, "404 Not found");
            };
            if method == "POST" {
                pull.comments.push(ask.text("body").to_owned());
                return Reply::json(201, &json!({"id": 1}));
            }
            let all: Vec<Value> = pull.comments.iter().map(|body| json!({"body": body})).collect();
            page(ask, &all)
        }
        _ => Reply::json(404, &json!({"error": "404 Not Found"})),
    }
}

fn branch(name: &str, sha: &str) -> Value {
    json!({"name": name, "commit": {"id": sha}, "protected": false})
}

fn repository(repo: &Repo, ask: &Ask, rest: &[&str]) -> Reply {
    match (ask.method.as_str(), rest) {
        ("GET", ["branches"]) => {
            let prefix = ask.field("search").strip_prefix('^').unwrap();
            let found = repo.heads().into_iter().filter(|(name, _)| name.starts_with(prefix));
            let found: Vec<Value> = found.map(|(name, sha)| branch(&name, &sha)).collect();
            page(ask, &found)
        }
        ("GET", ["branches", name]) => match repo.head(name) {
            Some(sha) => Reply::json(200, &branch(name, &sha)),
            None => refused(404, "404 Branch Not Found"),
        },
        ("GET", ["tree"]) => {
            let path = ask.field("path");
            let tree = format!("{}:{path}", ask.field("ref"));
            let tree = repo.text(&["rev-parse", &tree], &[]);
            let Some(all) = repo.list(&tree) else {
                return refused(404, "404 Tree Not Found");
            };
            let entry = |(mode, sha, name): (String, String, String)| json!({"id": sha, "name": name, "mode": mode, "path": name});
            let all: Vec<Value> = all.into_iter().map(entry).collect();
            page(ask, &all)
        }
        ("GET", ["blobs", sha, "raw"]) => {
            let body = repo.bytes(&["cat-file", "blob", sha], &[]);
            Reply {
                status: 200,
                headers: Vec::new(),
                body,
            }
        }
        ("GET", ["commits", sha]) if repo.is("commit", sha) => Reply::json(
            200,
            &json!({"id": sha, "message": repo.message(sha), "parent_ids": repo.parents(sha)}),
        ),
        ("GET", ["commits", sha, "diff"]) => {
            let diffs = repo
                .touched(sha)
                .into_iter()
                .map(|path| json!({"old_path": path, "new_path": path}));
            page(ask, &diffs.collect::<Vec<_>>())
        }
        ("POST", ["commits"]) => commit(repo, ask),
        _ => Reply::json(404, &json!({"error": "404 Not Found"})),
    }
}

fn commit(repo: &Repo, ask: &Ask) -> Reply {
    let (name, start) = (ask.text("branch"), ask.text("start_sha"));
    if repo.head(name).is_some() && ask.body["force"] != json!(true) {
        let message =
            format!("A branch called '{name}' already exists. Switch to that branch in order to make changes");
        return refused(400, &message);
    }
    let mut files: Vec<(String, String, String)> = Vec::new();
    for action in ask.body["actions"].as_array().unwrap() {
        let path = action["file_path"].as_str().unwrap();
        let there = repo.show(start, path).is_some();
        let mode = match (action["action"].as_str().unwrap(), there) {
            ("create", true) => return refused(400, "A file with this name already exists"),
            ("update", false) => return refused(400, "A file with this name doesn't exist"),
            ("create", false) => "100644".to_owned(),
            ("update", true) => repo.mode(start, path),
            other => panic!("{other:?}"),
        };
        files.push((path.to_owned(), mode, action["content"].as_str().unwrap().to_owned()));
    }
    let files: Vec<Change<'_>> = files
        .iter()
        .map(|(path, mode, text)| (path.as_str(), mode.as_str(), Some(text.as_str())))
        .collect();
    let sha = repo.commit(Some(start), &files, ask.text("commit_message"));
    repo.point(name, Some(&sha));
    Reply::json(201, &json!({"id": sha, "parent_ids": [start]}))
}

fn shown(pull: &Pr) -> Value {
    let state = match (pull.open, pull.merged) {
        (true, _) => "opened",
        (false, true) => "merged",
        (false, false) => "closed",
    };
    // The number for the API and that for people are not the same.
    json!({
        "id": pull.number + 1000, "iid": pull.number, "web_url": format!("https://gitlab.example/acme/ml/-/merge_requests/{}", pull.number),
        "title": format!("{}{}", if pull.draft { "Draft: " } else { "" }, pull.title), "description": pull.body, "state": state,
        "source_branch": pull.branch, "target_branch": pull.base, "created_at": pull.created,
        "source_project_id": if pull.fork { 6 } else { 5 }, "target_project_id": 5,
    })
}

fn list(hub: &Hub, ask: &Ask) -> Reply {
    let state = ask.field("state");
    if !["opened", "closed", "merged", "all", "locked"].contains(&state) {
        return Reply::json(400, &json!({"error": "state does not have a valid value"}));
    }
    let fits = |pull: &&Value| {
        (state == "all" || pull["state"] == state)
            && (ask.field("source_branch").is_empty() || pull["source_branch"] == ask.field("source_branch"))
    };
    let all: Vec<Value> = hub.pulls.iter().rev().map(shown).collect();
    page(ask, &all.iter().filter(fits).cloned().collect::<Vec<_>>())
}

fn titled(pull: &mut Pr, title: &str) {
    pull.draft = title.starts_with("Draft: ");
    title.trim_start_matches("Draft: ").clone_into(&mut pull.title);
}

fn create(hub: &mut Hub, ask: &Ask) -> Reply {
    let head = ask.text("source_branch");
    if let Some(pull) = hub.open(head) {
        let message = format!(
            "Another open merge request already exists for this source branch: !{}",
            pull.number
        );
        return Reply::json(409, &json!({"message": [message]}));
    }
    if hub.repo.head(head).is_none() {
        return Reply::json(400, &json!({"message": {"base": ["Source branch does not exist"]}}));
    }
    let mut pull = hub.pull(head, ask.text("target_branch"), "", ask.text("description"), false);
    titled(&mut pull, ask.text("title"));
    pull.labels = ask.text("labels").split(',').map(str::to_owned).collect();
    let reviewers = ask.body["reviewer_ids"].as_array().unwrap();
    pull.reviewers = reviewers
        .iter()
        .map(|id| {
            if *id == json!(71) {
                "ann".to_owned()
            } else {
                id.to_string()
            }
        })
        .collect();
    hub.pulls.push(pull.clone());
    Reply::json(201, &shown(&pull))
}

fn edit(hub: &mut Hub, ask: &Ask, iid: &str) -> Reply {
    let Some(pull) = hub.at(iid) else {
        return refused(404, "404 Not found");
    };
    if let Some(title) = ask.body["title"].as_str() {
        titled(pull, title);
    }
    if let Some(body) = ask.body["description"].as_str() {
        body.clone_into(&mut pull.body);
    }
    match ask.text("state_event") {
        "close" => pull.open = false,
        "" => {}
        _ => return Reply::json(400, &json!({"error": "state_event does not have a valid value"})),
    }
    Reply::json(200, &shown(pull))
}
