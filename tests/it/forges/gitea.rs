//! Gitea as its documentation has it, as far as we use it: one that rewrites branches, and one that does not.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use super::hub::{Ask, Hub, Pr, Reply, TOKEN, page};
use super::repo::{Change, Repo};

fn refused(status: u16, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({"message": message, "url": "https://gitea.example/api/swagger"}),
    )
}

fn missing() -> Reply {
    Reply::json(
        404,
        &json!({"errors": [], "message": "The target couldn't be found.", "url": "https://gitea.example/api/swagger"}),
    )
}

pub(super) fn answer(hub: &mut Hub, ask: &Ask) -> Reply {
    if ask.headers.get("authorization").map(String::as_str) != Some(&format!("token {TOKEN}")) {
        return refused(401, "user does not exist [uid: 0, name: ]");
    }
    let path: Vec<&str> = ask.path.iter().map(String::as_str).collect();
    let Some(rest) = path.strip_prefix(&["repos", "acme", "ml"]) else {
        return missing();
    };
    match (ask.method.as_str(), rest) {
        ("GET", []) => Reply::json(200, &json!({"default_branch": "main"})),
        ("GET", ["branches", branch @ ..]) => match hub.repo.head(&branch.join("/")) {
            Some(sha) => Reply::json(200, &json!({"name": branch.join("/"), "commit": {"id": sha}})),
            None => missing(),
        },
        ("DELETE", ["branches", branch @ ..]) => match hub.delete(&branch.join("/")) {
            true => Reply::raw(204, ""),
            false => missing(),
        },
        ("GET", ["git", rest @ ..]) => git(&hub.repo, ask, rest),
        ("POST", ["contents"]) => contents(hub, ask),
        ("GET", ["labels"]) => {
            let label = |(at, name): (usize, &String)| json!({"id": at + 40, "name": name});
            page(ask, &hub.labels.iter().enumerate().map(label).collect::<Vec<_>>())
        }
        ("POST", ["labels"]) => {
            hub.labels.push(ask.text("name").to_owned());
            Reply::json(201, &json!({"id": hub.labels.len() + 39, "name": ask.text("name")}))
        }
        ("GET", ["pulls"]) => {
            let fits = |pull: &&Pr| ask.field("state") == "all" || (ask.field("state") == "open") == pull.open;
            let all: Vec<Value> = hub
                .pulls
                .iter()
                .rev()
                .filter(fits)
                .map(|pull| shown(&hub.repo, pull))
                .collect();
            page(ask, &all)
        }
        ("POST", ["pulls"]) => create(hub, ask),
        ("PATCH", ["pulls", number]) => edit(hub, ask, number),
        ("POST", ["pulls", number, "requested_reviewers"]) => review(hub, ask, number),
        (method, ["issues", number, "comments"]) => {
            let Some(pull) = hub.at(number) else { return missing() };
            if method == "POST" {
                pull.comments.push(ask.text("body").to_owned());
                return Reply::json(201, &json!({"id": 1}));
            }
            let all: Vec<Value> = pull.comments.iter().map(|body| json!({"body": body})).collect();
            Reply::json(200, &Value::Array(all))
        }
        _ => missing(),
    }
}

fn git(repo: &Repo, ask: &Ask, rest: &[&str]) -> Reply {
    match rest {
        ["refs", "heads", prefix @ ..] => {
            let prefix = format!("{}/", prefix.join("/"));
            let found = repo.heads().into_iter().filter(|(name, _)| name.starts_with(&prefix));
            let one =
                |(name, sha): (String, String)| json!({"ref": format!("refs/heads/{name}"), "object": {"sha": sha}});
            let found: Vec<Value> = found.map(one).collect();
            match found.is_empty() {
                true => missing(),
                false => Reply::json(200, &Value::Array(found)),
            }
        }
        ["trees", sha] => {
            let Some(all) = repo.list(sha) else { return missing() };
            let entry = |(mode, sha, path): (String, String, String)| json!({"path": path, "mode": mode, "sha": sha});
            let all: Vec<Value> = all.into_iter().map(entry).collect();
            // Pages, and a flag for whether there are more.
            let at: usize = ask.field("page").parse().unwrap();
            let some: Vec<Value> = all.iter().skip((at - 1) * 2).take(2).cloned().collect();
            Reply::json(
                200,
                &json!({"sha": sha, "tree": some, "truncated": all.len() > at * 2, "page": at}),
            )
        }
        ["blobs", sha] => {
            let text = BASE64_STANDARD.encode(repo.bytes(&["cat-file", "blob", sha], &[]));
            Reply::json(200, &json!({"sha": sha, "encoding": "base64", "content": text}))
        }
        ["commits", sha] if repo.is("commit", sha) => {
            let parents: Vec<Value> = repo.parents(sha).iter().map(|sha| json!({"sha": sha})).collect();
            let files: Vec<Value> = repo.touched(sha).iter().map(|path| json!({"filename": path})).collect();
            Reply::json(
                200,
                &json!({"sha": sha, "commit": {"message": repo.message(sha)}, "parents": parents, "files": files}),
            )
        }
        _ => missing(),
    }
}

fn contents(hub: &Hub, ask: &Ask) -> Reply {
    let (repo, from) = (&hub.repo, ask.text("branch"));
    let to = ask.body["new_branch"].as_str().unwrap_or(from);
    if from.len() > 100 || to.len() > 100 {
        return refused(422, "[]: MaxSize");
    }
    let force = ask.body["force_push"] == json!(true) && !hub.old;
    if to != from && repo.head(to).is_some() && !force {
        return refused(422, &format!("branch already exists [name: {to}]"));
    }
    let Some(base) = repo.head(from) else { return missing() };
    let mut files: Vec<(String, String, Option<String>)> = Vec::new();
    for file in ask.body["files"].as_array().unwrap() {
        let path = file["path"].as_str().unwrap();
        let there = repo.show(&base, path).is_some();
        let sha = there.then(|| repo.text(&["rev-parse", &format!("{base}:{path}")], &[]));
        let operation = file["operation"].as_str().unwrap();
        match (operation, there) {
            ("create", true) => return refused(422, &format!("repository file already exists [path: {path}]")),
            ("update" | "delete", false) => {
                return refused(404, &format!("repository file does not exist [path: {path}]"));
            }
            ("update" | "delete", true) if file["sha"].as_str() != sha.as_deref() => {
                return refused(
                    422,
                    &format!("sha does not match [given: {}, expected: {sha:?}]", file["sha"]),
                );
            }
            _ => {}
        }
        let mode = if there {
            repo.mode(&base, path)
        } else {
            "100644".to_owned()
        };
        let content = file["content"]
            .as_str()
            .map(|text| String::from_utf8(BASE64_STANDARD.decode(text).unwrap()).unwrap());
        files.push((path.to_owned(), mode, content.filter(|_| operation != "delete")));
    }
    let files: Vec<Change<'_>> = files
        .iter()
        .map(|(path, mode, text)| (path.as_str(), mode.as_str(), text.as_deref()))
        .collect();
    let sha = repo.commit(Some(&base), &files, ask.text("message"));
    repo.point(to, Some(&sha));
    Reply::json(201, &json!({"commit": {"sha": sha}, "files": []}))
}

fn shown(repo: &Repo, pull: &Pr) -> Value {
    // Once a branch is gone, its name stands in the label alone.
    let reference = match repo.head(&pull.branch) {
        Some(_) => pull.branch.clone(),
        None => format!("refs/pull/{}/head", pull.number),
    };
    json!({
        "id": pull.number + 500, "number": pull.number, "html_url": format!("https://gitea.example/acme/ml/pulls/{}", pull.number),
        "title": format!("{}{}", if pull.draft { "WIP: " } else { "" }, pull.title), "body": pull.body,
        "state": if pull.open { "open" } else { "closed" }, "merged": pull.merged, "created_at": pull.created,
        "head": {"label": pull.branch, "ref": reference, "repo_id": if pull.fork { -1 } else { 3 }},
        "base": {"label": pull.base, "ref": pull.base, "repo_id": 3},
    })
}

fn titled(pull: &mut Pr, title: &str) {
    pull.draft = title.starts_with("WIP: ");
    title.trim_start_matches("WIP: ").clone_into(&mut pull.title);
}

fn create(hub: &mut Hub, ask: &Ask) -> Reply {
    let head = ask.text("head");
    if hub.open(head).is_some() {
        return refused(
            409,
            "pull request already exists for these targets [id: 1, issue_id: 1]",
        );
    }
    if hub.repo.head(head).is_none() {
        return missing();
    }
    let mut pull = hub.pull(head, ask.text("base"), "", ask.text("body"), false);
    titled(&mut pull, ask.text("title"));
    for id in ask.body["labels"].as_array().unwrap() {
        let Some(id) = id.as_u64() else {
            return refused(
                422,
                "json: cannot unmarshal string into Go struct field CreatePullRequestOption.labels of type int64",
            );
        };
        pull.labels.push(hub.labels[usize::try_from(id - 40).unwrap()].clone());
    }
    hub.pulls.push(pull.clone());
    Reply::json(201, &shown(&hub.repo, &pull))
}

fn edit(hub: &mut Hub, ask: &Ask, number: &str) -> Reply {
    let Some(pull) = hub.at(number) else { return missing() };
    titled(pull, ask.text("title"));
    ask.text("body").clone_into(&mut pull.body);
    if ask.text("state") == "closed" {
        pull.open = false;
    }
    Reply::json(201, &json!({}))
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
        return refused(404, "user does not exist [uid: 0, name: nobody]");
    }
    let pull = hub.at(number).unwrap();
    pull.reviewers = users
        .into_iter()
        .chain(teams.iter().map(|team| format!("@acme/{team}")))
        .collect();
    Reply::json(201, &json!([]))
}
