//! `gpuwise patch` on a checkout whose repository deployers name, or do not, and on files of values.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{demo, files, plan};
use crate::binary;

/// The demo's plan, with every workload told to be in this folder of a repository.
fn told(folder: &Path, path: &str) -> [String; 4] {
    let [flag, made, policy_flag, policy] = plan();
    let mut plan: Value = serde_json::from_str(&fs::read_to_string(made).unwrap()).unwrap();
    let kept = json!([{"repository": "https://git.example.com/acme/deploy.git", "path": path, "recurse": true}]);
    for workload in plan["workloads"].as_array_mut().unwrap() {
        // What nobody deployed is deployed now.
        if workload["live"]["deployed"].is_null() {
            workload["live"]["deployed"] = json!({"by": "argo-cd", "application": "all"});
        }
        workload["live"]["deployed"]["kept"] = kept.clone();
    }
    let file = folder.join("plan.json");
    fs::write(&file, plan.to_string()).unwrap();
    [flag, file.to_str().unwrap().to_owned(), policy_flag, policy]
}

/// The demo's manifests in this folder of a checkout of that repository.
fn checkout(remote: &str, path: &str) -> (TempDir, PathBuf) {
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join(".git")).unwrap();
    let config = format!("[remote \"origin\"]\n\turl = {remote}\n");
    fs::write(root.path().join(".git/config"), config).unwrap();
    let manifests = root.path().join(path);
    for (file, text) in files(&demo()) {
        let to = manifests.join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, text).unwrap();
    }
    (root, manifests)
}

fn run(manifests: &Path, plan: &[String]) -> Output {
    let mut command = binary::command(&std::env::temp_dir());
    command.args(["patch", "--quiet", "--format", "json", "--manifests"]);
    let output = command.arg(manifests).args(plan).output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    output
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn codes(told: &Value) -> Vec<&str> {
    let refused = told["refused"].as_array().unwrap().iter();
    refused.map(|one| one["code"].as_str().unwrap()).collect()
}

#[test]
fn a_checkout_of_the_repository_that_is_deployed_is_edited_as_without_being_told() {
    let patches = |manifests: &Path, plan: &[String]| json_of(&run(manifests, plan))["patches"].to_string();
    let plain = patches(&demo(), &plan());
    let folder = TempDir::new().unwrap();
    let (_root, manifests) = checkout("git@git.example.com:acme/deploy", "");
    assert_eq!(patches(&manifests, &told(folder.path(), "")), plain);
    // A part of the checkout: paths are told from the repository's root.
    let (_root, manifests) = checkout("https://bob:s3cret@git.example.com/acme/deploy", "clusters/use1");
    assert_eq!(patches(&manifests, &told(folder.path(), "clusters/use1")), plain);
}

#[test]
fn a_checkout_of_another_repository_is_left_alone_however_alike_its_manifests() {
    let plain = json_of(&run(&demo(), &plan()));
    let folder = TempDir::new().unwrap();
    let (_root, manifests) = checkout("https://bob:s3cret@git.example.com/acme/apps", "");
    let output = run(&manifests, &told(folder.path(), ""));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let other = json_of(&output);
    assert_eq!(other["patches"], json!([]));
    let patches = plain["patches"].as_array().unwrap().len();
    let elsewhere = codes(&other)
        .into_iter()
        .filter(|code| *code == "kept-elsewhere")
        .count();
    assert!(patches > 0 && elsewhere >= patches, "{other}");
    let text = other.to_string();
    assert!(
        text.contains("in https://git.example.com/acme/deploy.git")
            || text.contains("of https://git.example.com/acme/deploy.git"),
        "{text}"
    );
    assert!(!text.contains("s3cret"), "who logs in is never printed");
    // Whoever keeps a copy of the manifests in a repository of something else says whose they are.
    let copy = [
        &told(folder.path(), "")[..],
        &["--repository", "git@git.example.com:acme/deploy"].map(str::to_owned),
    ]
    .concat();
    assert_eq!(json_of(&run(&manifests, &copy))["patches"], plain["patches"]);
}

#[test]
fn the_policy_tells_where_the_settings_of_a_chart_stand() {
    let [flag, made, policy_flag, policy] = plan();
    let plan: Value = serde_json::from_str(&fs::read_to_string(&made).unwrap()).unwrap();
    let replicas =
        |row: &&Value| row["moves"][0]["type"] == "set-replicas" && row["moves"].as_array().unwrap().len() == 1;
    let row = plan["accepted"].as_array().unwrap().iter().find(replicas);
    let off = |row: &&Value| {
        row["moves"][0]["type"] == "scale-to-zero" && row["subject"]["id"].as_str().unwrap().contains("Deployment")
    };
    let row = row
        .or_else(|| plan["accepted"].as_array().unwrap().iter().find(off))
        .unwrap();
    let id = row["subject"]["id"].as_str().unwrap();
    let workload = plan["workloads"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["id"] == id)
        .unwrap();
    let folder = TempDir::new().unwrap();
    let values = format!(
        "# of production\nmodels:\n- {{replicas: {}}}  # all of them\n",
        workload["live"]["replicas"]
    );
    fs::write(folder.path().join("values.yaml"), &values).unwrap();
    let patient = fs::read_to_string(policy).unwrap();
    let own = folder.path().join("policy.yaml");
    let rows = format!(
        "{}  values:\n  - {{names: [{}], namespaces: [{}], file: values.yaml, replicas: 'models[0].replicas'}}\n",
        "patches:\n  most_plan_age_hours: 8760\n", workload["name"], workload["namespace"]
    );
    assert!(patient.contains("most_plan_age_hours: 8760"), "{patient}");
    fs::write(&own, rows).unwrap();
    let output = run(
        folder.path(),
        &[
            flag,
            made,
            policy_flag,
            own.to_str().unwrap().to_owned(),
            "--write".to_owned(),
        ],
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let to = if row["moves"][0]["type"] == "set-replicas" {
        row["moves"][0]["to"].clone()
    } else {
        json!(0)
    };
    let expected = values.replace(
        &format!("replicas: {}}}", workload["live"]["replicas"]),
        &format!("replicas: {to}}}"),
    );
    assert_ne!(expected, values);
    assert_eq!(fs::read_to_string(folder.path().join("values.yaml")).unwrap(), expected);
}
