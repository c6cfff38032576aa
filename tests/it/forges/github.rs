//! GitHub as its documentation has it, as far as we use it.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use super::hub::{Ask, Hub, Pr, Reply, TOKEN, page};
use super::openapi;
use super::repo::{Change, Repo};

fn refused(status: u16, message: &str) -> Reply {
    let body =
        json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()});
    Reply::json(status, &body)
}

fn invalid(error: &Value) -> Reply {
    Reply::json(
        422,
        &json!({"message": "Validation Failed", "errors": [error], "status": "422"}),
    )
}

pub(super) fn answer(hub: &mut Hub, ask: &Ask) -> Reply {
    let header = |name: &str| ask.headers.get(name).map_or("", String::as_str);
    if header("user-agent").is_empty() {
        return refused(
            403,
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
        );
    }
    if header("authorization") != format!("Bearer {TOKEN}") {
        return refused(401, "Bad credentials");
    }
    assert_eq!(header("x-github-api-version"), "2022-11-28");
    assert_eq!(header("accept"), "application/vnd.github+json");
    openapi::check(ask);
    let path: Vec<&str> = ask.path.iter().map(String::as_str).collect();
    let Some(rest) = path.strip_prefix(&["repos", "acme", "ml"]) else {
        return refused(404, "Not Found");
    };
    match (ask.method.as_str(), rest) {
        ("GET", []) => Reply::json(200, &json!({"default_branch": "main", "full_name": "acme/ml"})),
        ("GET", ["pulls"]) => pulls(hub, ask),
        ("POST", ["pulls"]) => create(hub, ask),
        ("PATCH", ["pulls", number]) => edit(hub, ask, number),
        ("POST", ["pulls", number, "requested_reviewers"]) => review(hub, ask, number),
        (_, ["issues", number, what]) => issue(hub, ask, number, what),
        ("GET", ["commits", sha]) => commit(&hub.repo, sha),
        ("DELETE", ["git", "refs", "heads", branch @ ..]) => match hub.delete(&branch.join("/")) {
            true => Reply::raw(204, ""),
            false => refused(422, "Reference does not exist"),
        },
        (_, ["git", rest @ ..]) => git(&hub.repo, ask, rest),
        _ => refused(404, "Not Found"),
    }
}

fn reference(name: &str, sha: &str) -> Value {
    json!({"ref": format!("refs/heads/{name}"), "object": {"sha": sha, "type": "commit"}})
}

fn git(repo: &Repo, ask: &Ask, rest: &[&str]) -> Reply {
    match (ask.method.as_str(), rest) {
        ("GET", ["ref", "heads", branch @ ..]) => match repo.head(&branch.join("/")) {
            Some(sha) => Reply::json(200, &reference(&branch.join("/"), &sha)),
            None => refused(404, "Not Found"),
        },
        ("GET", ["matching-refs", "heads", prefix @ ..]) => {
            let prefix = prefix.join("/");
            let found = repo.heads().into_iter().filter(|(name, _)| name.starts_with(&prefix));
            let found: Vec<Value> = found.map(|(name, sha)| reference(&name, &sha)).collect();
            page(ask, &found)
        }
        ("GET", ["trees", sha]) => match repo.list(sha) {
            Some(all) => {
                let entry =
                    |(mode, sha, path): (String, String, String)| json!({"path": path, "mode": mode, "sha": sha});
                let all: Vec<Value> = all.into_iter().map(entry).collect();
                Reply::json(200, &json!({"sha": sha, "tree": all, "truncated": false}))
            }
            None => refused(404, "Not Found"),
        },
        ("GET", ["blobs", sha]) => {
            let text = BASE64_STANDARD.encode(repo.bytes(&["cat-file", "blob", sha], &[]));
            let lines: Vec<&str> = text
                .as_bytes()
                .chunks(60)
                .map(|line| std::str::from_utf8(line).unwrap())
                .collect();
            Reply::json(
                200,
                &json!({"sha": sha, "encoding": "base64", "content": lines.join("\n") + "\n"}),
            )
        }
        ("GET", ["commits", sha]) => {
            let tree = repo.text(&["rev-parse", &format!("{sha}^{{tree}}")], &[]);
            Reply::json(
                200,
                &json!({"sha": sha, "tree": {"sha": tree}, "message": repo.message(sha)}),
            )
        }
        ("POST", ["trees"]) => tree(repo, ask),
        ("POST", ["commits"]) => {
            let parent = ask.body["parents"][0].as_str().unwrap();
            let args = ["commit-tree", ask.text("tree"), "-p", parent, "-F", "-"];
            let sha = repo.text(&args, ask.text("message").as_bytes());
            Reply::json(201, &json!({"sha": sha}))
        }
        ("POST", ["refs"]) => {
            let name = ask.text("ref").strip_prefix("refs/heads/").unwrap();
            if repo.head(name).is_some() {
                return refused(422, "Reference already exists");
            }
            repo.point(name, Some(ask.text("sha")));
            Reply::json(201, &reference(name, ask.text("sha")))
        }
        ("PATCH", ["refs", "heads", branch @ ..]) => {
            let (name, sha) = (branch.join("/"), ask.text("sha"));
            let Some(head) = repo.head(&name) else {
                return refused(422, "Reference does not exist");
            };
            if ask.body["force"] != json!(true) && repo.parents(sha) != [head] {
                return refused(422, "Update is not a fast forward");
            }
            repo.point(&name, Some(sha));
            Reply::json(200, &reference(&name, sha))
        }
        _ => refused(404, "Not Found"),
    }
}

/// Without a base, only what is named is in it: all else is gone.
fn tree(repo: &Repo, ask: &Ask) -> Reply {
    let base = ask.body["base_tree"].as_str();
    if base.is_some_and(|base| !repo.is("tree", base)) {
        return refused(422, "base_tree is not a valid tree");
    }
    let files: Vec<Change<'_>> = ask.body["tree"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            assert_eq!(file["type"], "blob");
            (
                file["path"].as_str().unwrap(),
                file["mode"].as_str().unwrap(),
                file["content"].as_str(),
            )
        })
        .collect();
    Reply::json(201, &json!({"sha": repo.changed(base, &files)}))
}

fn commit(repo: &Repo, sha: &str) -> Reply {
    if !repo.is("commit", sha) {
        return refused(422, &format!("No commit found for SHA: {sha}"));
    }
    let parents: Vec<Value> = repo.parents(sha).iter().map(|sha| json!({"sha": sha})).collect();
    let files: Vec<Value> = repo
        .touched(sha)
        .iter()
        .map(|path| json!({"filename": path, "status": "modified"}))
        .collect();
    // GitHub gives a message without its last line break.
    let message = repo.message(sha).trim_end().to_owned();
    Reply::json(
        200,
        &json!({"sha": sha, "commit": {"message": message}, "parents": parents, "files": files}),
    )
}

fn shown(pull: &Pr) -> Value {
    let repo = match (pull.fork, pull.branch.ends_with("batch")) {
        (false, _) => json!({"full_name": "acme/ml"}),
        (true, false) => json!({"full_name": "fork/ml"}),
        // A fork that is gone.
        (true, true) => Value::Null,
    };
    json!({
        "number": pull.number, "id": pull.number + 9000, "html_url": format!("https://github.example/acme/ml/pull/{}", pull.number),
        "title": pull.title, "body": pull.body, "state": if pull.open { "open" } else { "closed" }, "draft": pull.draft,
        "merged_at": pull.merged.then_some("2026-11-16T07:59:00Z"), "created_at": pull.created,
        "head": {"ref": pull.branch, "repo": repo}, "base": {"ref": pull.base},
    })
}

fn pulls(hub: &Hub, ask: &Ask) -> Reply {
    let state = match ask.field("state") {
        "" => "open",
        state => state,
    };
    // A head without its owner is ignored.
    let head = ask.field("head").split_once(':');
    let fits = |pull: &&Pr| {
        let named = head.is_none_or(|(owner, branch)| branch == pull.branch && (owner == "fork") == pull.fork);
        named && (state == "all" || (state == "open") == pull.open)
    };
    let all: Vec<Value> = hub.pulls.iter().rev().filter(fits).map(shown).collect();
    page(ask, &all)
}

fn create(hub: &mut Hub, ask: &Ask) -> Reply {
    let (head, base) = (ask.text("head"), ask.text("base"));
    if hub.open(head).is_some() {
        let message = format!("A pull request already exists for acme:{head}.");
        return invalid(&json!({"resource": "PullRequest", "code": "custom", "message": message}));
    }
    let Some(sha) = hub.repo.head(head) else {
        return invalid(&json!({"resource": "PullRequest", "field": "head", "code": "invalid"}));
    };
    if hub.repo.head(base).as_ref() == Some(&sha) {
        let message = format!("No commits between {base} and {head}");
        return invalid(&json!({"resource": "PullRequest", "code": "custom", "message": message}));
    }
    if ask.text("body").chars().count() > 65_536 {
        return invalid(
            &json!({"resource": "Issue", "field": "body", "code": "custom", "message": "body is too long (maximum is 65536 characters)"}),
        );
    }
    let pull = hub.pull(
        head,
        base,
        ask.text("title"),
        ask.text("body"),
        ask.body["draft"] == json!(true),
    );
    hub.pulls.push(pull.clone());
    Reply::json(201, &shown(&pull))
}

fn edit(hub: &mut Hub, ask: &Ask, number: &str) -> Reply {
    let Some(pull) = hub.at(number) else {
        return refused(404, "Not Found");
    };
    if let Some(title) = ask.body["title"].as_str() {
        title.clone_into(&mut pull.title);
    }
    if let Some(body) = ask.body["body"].as_str() {
        body.clone_into(&mut pull.body);
    }
    if ask.text("state") == "closed" {
        pull.open = false;
    }
    Reply::json(200, &shown(pull))
}

fn review(hub: &mut Hub, ask: &Ask, number: &str) -> Reply {
    let names = |key: &str| {
        ask.body[key]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let (users, teams) = (names("reviewers"), names("team_reviewers"));
    if users.iter().any(|user| user == "nobody") {
        return refused(
            422,
            "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the acme/ml repository.",
        );
    }
    let pull = hub.at(number).unwrap();
    pull.reviewers = users
        .into_iter()
        .chain(teams.iter().map(|team| format!("@acme/{team}")))
        .collect();
    Reply::json(201, &shown(pull))
}

fn issue(hub: &mut Hub, ask: &Ask, number: &str, what: &str) -> Reply {
    let Some(pull) = hub.at(number) else {
        return refused(404, "Not Found");
    };
    match (ask.method.as_str(), what) {
        ("POST", "labels") => {
            let names = ask.body["labels"].as_array().unwrap().iter();
            pull.labels.extend(names.map(|name| name.as_str().unwrap().to_owned()));
            Reply::json(200, &json!([]))
        }
        ("GET", "comments") => {
            let all: Vec<Value> = pull.comments.iter().map(|body| json!({"body": body})).collect();
            page(ask, &all)
        }
        ("POST", "comments") => {
            pull.comments.push(ask.text("body").to_owned());
            Reply::json(201, &json!({"id": 1}))
        }
        _ => refused(404, "Not Found"),
    }
}
