//! What `gpuwise patch` refuses before it lays anything over a cluster, or over what somebody wrote.

use std::fs;

use gpuwise::deliver::checkout;
use gpuwise::patch::component::MADE;
use gpuwise::patch::place::{Changes, FileChange};
use serde_json::{Value, json};

use super::plan;
use crate::binary;

#[test]
fn a_plan_of_another_cluster_is_not_laid_over_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // Nothing is asked of it.
    let config = "apiVersion: v1\nkind: Config\ncurrent-context: staging\n\
                  clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]\n\
                  users: [{name: u, user: {token: t}}]\ncontexts: [{name: staging, context: {cluster: c, user: u}}]\n";
    fs::write(at("kubeconfig"), config).unwrap();
    let (kubeconfig, output) = (at("kubeconfig"), at("out"));
    let [_, of_one, _, policy] = plan();
    let run = |plan: &str| {
        let of = ["patch", "--quiet", "--plan", plan, "--policy", &policy];
        let over = ["--kubeconfig", &kubeconfig, "--output", &output];
        binary::run(&[&of[..], &over[..]].concat())
    };
    let told = [
        "northlight-use1",
        "staging",
        "--kube-context",
        "--cluster northlight-use1",
    ];
    run(&of_one).fails(binary::USAGE, &told);
    let mut two: Value = serde_json::from_str(&fs::read_to_string(&of_one).unwrap()).unwrap();
    let subject = two["accepted"][0]["subject"]["id"].clone();
    let all = two["workloads"].as_array_mut().unwrap();
    let own = all.iter_mut().find(|workload| workload["id"] == subject).unwrap();
    own["cluster"] = json!("staging");
    fs::write(at("two.json"), two.to_string()).unwrap();
    run(&at("two.json")).fails(binary::USAGE, &["northlight-use1, staging", "--manifests"]);
    assert!(!folder.path().join("out").exists());
}

#[test]
fn a_kustomization_of_somebodys_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let text = |after: &str| FileChange {
        before: None,
        after: after.to_owned(),
    };
    let (own, beside) = ("chat/kustomization.yaml", "chat/gpuwise-llama-deployment.yaml");
    let ours = format!("{MADE}.\nkind: Component\n");
    let all = Changes::from([(own.to_owned(), text(&ours)), (beside.to_owned(), text("[]\n"))]);
    let there = folder.path().join(own);
    fs::create_dir(there.parent().unwrap()).unwrap();
    fs::write(&there, "resources: [web.yaml]\n").unwrap();
    let why = checkout::components(folder.path(), &all).unwrap_err().to_string();
    assert!(why.contains(own) && why.contains("--output"), "{why}");
    assert_eq!(fs::read_to_string(&there).unwrap(), "resources: [web.yaml]\n");
    assert!(!folder.path().join(beside).exists());
    // One that was made before is made anew.
    fs::write(&there, format!("{MADE}. Before.\n")).unwrap();
    checkout::components(folder.path(), &all).unwrap();
    assert_eq!(fs::read_to_string(&there).unwrap(), ours);
}
