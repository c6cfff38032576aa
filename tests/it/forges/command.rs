//! `gpuwise pr` end to end: the demo's plan as pull requests of a repository with its manifests, three times.

use std::path::Path;

use serde_json::Value;

use super::hub::TOKEN;
use super::repo::{Change, Repo};
use super::{Kind, Tried, has_git};
use crate::binary;
use crate::patches::{demo, files, plan};

/// Levers of which the demo's plan has a patch.
const TOPICS: usize = 8;

/// Puts the demo's manifests on a branch.
fn with_manifests(repo: &Repo) {
    let all: Vec<(String, String)> = files(&demo())
        .into_iter()
        .map(|(path, text)| (path.to_str().unwrap().to_owned(), String::from_utf8(text).unwrap()))
        .collect();
    let changes: Vec<Change<'_>> = all
        .iter()
        .map(|(path, text)| (path.as_str(), "100644", Some(text.as_str())))
        .collect();
    repo.push("main", &changes, "manifests");
}

/// Of the plan that the demo comes to, or of the demo itself where more is asked about it.
fn run(place: &[&str], policy: &Path, more: &[&str]) -> (Value, Option<i32>) {
    let mut command = binary::command(&std::env::temp_dir());
    command.env("GPUWISE_FORGE_TOKEN", TOKEN);
    command.args(["pr", "--quiet", "--format", "json"]);
    match more.contains(&"--namespace") {
        true => command.arg("--demo"),
        false => command.args(plan()),
    };
    command.arg("--policy").arg(policy).args(place).args(more);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.is_empty(), "{said}");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(!told.contains(TOKEN), "a token is never printed");
    (serde_json::from_str(&told).unwrap(), output.status.code())
}

fn done(told: &Value) -> Vec<&str> {
    let outcomes = told["outcomes"].as_array().unwrap().iter();
    outcomes.map(|outcome| outcome["done"].as_str().unwrap()).collect()
}

/// Open pull requests of ours: the fake has some of others, too.
fn open(tried: &Tried) -> usize {
    let pulls = tried.state().1;
    pulls
        .iter()
        .filter(|pull| pull.open && pull.branch.starts_with("gpuwise/northlight-use1/"))
        .count()
}

fn three_times(kind: Kind) {
    let tried = Tried::new(kind);
    with_manifests(&tried.hub().repo);
    let folder = tempfile::TempDir::new().unwrap();
    let policy = folder.path().join("policy.yaml");
    std::fs::write(&policy, "patches: {topic: lever}\n").unwrap();
    let forge = match kind {
        Kind::GitHub => "github",
        Kind::GitLab => "gitlab",
        Kind::Gitea | Kind::Old => "gitea",
    };
    let place = [
        "--repository",
        "acme/ml",
        "--forge",
        forge,
        "--forge-url",
        &tried.fake.url.clone(),
    ];
    let (dry, code) = run(&place, &policy, &["--dry-run"]);
    assert_eq!(code, Some(0), "{dry}");
    assert_eq!(
        tried.hub().writes(),
        Vec::<String>::new(),
        "{kind:?}: a dry run writes nothing"
    );
    assert_eq!(done(&dry), ["created"; TOPICS], "{kind:?}: {dry}");
    assert!(
        dry["outcomes"][0]["written"]["body"]
            .as_str()
            .unwrap()
            .contains("**To undo it**")
    );
    let (first, code) = run(&place, &policy, &[]);
    assert_eq!(
        (done(&first), code),
        (vec!["created"; TOPICS], Some(0)),
        "{kind:?}: {first}"
    );
    let written = tried.state();
    assert_eq!(open(&tried), TOPICS, "{kind:?}: one pull request a topic");
    for _ in 0..2 {
        tried.hub().asked.clear();
        let (again, code) = run(&place, &policy, &[]);
        assert_eq!(
            (done(&again), code),
            (vec!["unchanged"; TOPICS], Some(0)),
            "{kind:?}: {again}"
        );
        assert_eq!(tried.hub().writes(), Vec::<String>::new(), "{kind:?}");
        assert_eq!(tried.state(), written, "{kind:?}: the same bytes each time");
    }
    // What is on the branches is what `gpuwise patch` writes.
    let hub = tried.hub();
    let branch = first["outcomes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|outcome| outcome["branch"].as_str().unwrap().ends_with("smaller-gpu"));
    let head = hub.repo.head(branch.unwrap()["branch"].as_str().unwrap()).unwrap();
    let redaction = hub.repo.show(&head, "legal/redaction.json").unwrap();
    let before = String::from_utf8(files(&demo()).remove(Path::new("legal/redaction.json")).unwrap()).unwrap();
    assert_eq!(redaction, before.replace("NVIDIA-L40S", "NVIDIA-L4"), "{kind:?}");
    // Who asked about one namespace only closes nothing of the others.
    drop(hub);
    let (some, _) = run(&place, &policy, &["--namespace", "legal"]);
    assert_eq!(some["outcomes"].as_array().unwrap().len(), 1, "{some}");
    assert_eq!(open(&tried), TOPICS, "{kind:?}");
}

#[test]
fn three_runs_leave_one_pull_request_a_topic_and_the_same_bytes_each_time() {
    if !has_git() {
        return;
    }
    // GitHub wants a second between writes, so that they wait side by side.
    std::thread::scope(|scope| {
        for kind in super::KINDS {
            scope.spawn(move || three_times(kind));
        }
    });
}

#[test]
fn a_repository_on_this_machine_gets_branches_and_its_work_tree_stays() {
    if !has_git() {
        return;
    }
    let repo = Repo::new();
    with_manifests(&repo);
    let folder = tempfile::TempDir::new().unwrap();
    let policy = folder.path().join("policy.yaml");
    std::fs::write(&policy, "").unwrap();
    let path = repo.path();
    let place = ["--git", path.to_str().unwrap()];
    let (first, code) = run(&place, &policy, &["--base", "main"]);
    assert_eq!(code, Some(0), "{first}");
    assert!(
        done(&first).iter().filter(|done| **done == "created").count() >= 9,
        "{first}"
    );
    let refs = repo.refs();
    let (again, _) = run(&place, &policy, &["--base", "main"]);
    assert!(
        done(&again).iter().all(|done| matches!(*done, "unchanged" | "waiting")),
        "{again}"
    );
    assert_eq!(repo.refs(), refs);
}

#[test]
fn what_is_missing_is_told_before_anything_is_read() {
    let told = |arguments: &[&str], words: &str| {
        let mut command = binary::command(&std::env::temp_dir());
        let output = command
            .args(["pr", "--demo", "--quiet"])
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(words), "{said}");
    };
    told(
        &["--repository", "acme/ml"],
        "no token: give one in GPUWISE_FORGE_TOKEN",
    );
    told(
        &["--repository", "acme/ml", "--forge-url", "https://git.acme.example"],
        "say --forge github, gitlab or gitea",
    );
    told(
        &["--repository", "acme/ml", "--forge", "gitea"],
        "name its server with --forge-url",
    );
}
