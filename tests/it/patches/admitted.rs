//! What patches leave behind, as a real Kubernetes API takes it: each object of its own kinds, and of Karpenter's, with strict validation.

use std::collections::BTreeSet;
use std::path::Path;

use gpuwise::patch::yaml::documents;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use super::cases::{folder, made};
use super::{copy_of, demo, files, karpenter, patch};
use crate::apiserver::{self, ApiServer};

/// Kinds of Kubernetes itself among the objects of these texts, each with a namespace, and pools of nodes.
fn objects<'t>(texts: impl Iterator<Item = (&'t Path, &'t str)>) -> Vec<Value> {
    let own = |object: &Value| {
        let version = object["apiVersion"].as_str().unwrap_or_default();
        matches!(
            version,
            "apps/v1" | "batch/v1" | "v1" | "autoscaling/v2" | "policy/v1" | "karpenter.sh/v1"
        ) && object["metadata"]["name"].is_string()
    };
    let mut found = Vec::new();
    for (path, text) in texts {
        let yaml = [".yaml", ".yml", ".json"]
            .iter()
            .any(|end| path.to_string_lossy().ends_with(end));
        let Ok(documents) = documents(text) else { continue };
        let items = |document: Value| match document["items"].as_array() {
            Some(items) => items.clone(),
            None => vec![document],
        };
        let all = documents.into_iter().flat_map(items);
        for mut object in all.filter(|object| yaml && own(object)) {
            // Pools of nodes are in no namespace.
            if object["kind"] != "NodePool" {
                let namespace = object["metadata"]["namespace"].as_str().unwrap_or("chat").to_owned();
                object["metadata"]["namespace"] = json!(namespace);
            }
            // What Flux is yet to fill in is no number, and what SOPS sealed is opened first.
            if object["spec"]["replicas"].is_string() || object.get("sops").is_some() {
                continue;
            }
            // A patch of kustomize is a part of an object.
            if object["spec"].get("selector").is_some() || object["kind"] != "Deployment" {
                found.push(object);
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_api_server_takes_what_becomes_of_every_manifest() {
    let Some(assets) = apiserver::assets() else { return };
    let copy = copy_of(&demo());
    patch(copy.path(), &["--write"]);
    let demo_texts: Vec<_> = files(copy.path())
        .into_iter()
        .map(|(path, text)| (path, String::from_utf8(text).unwrap()))
        .collect();
    let mut all = objects(demo_texts.iter().map(|(path, text)| (path.as_path(), text.as_str())));
    for case in std::fs::read_dir(folder()).unwrap() {
        let (_, after) = made(&case.unwrap().path());
        all.extend(objects(
            after.iter().map(|(path, text)| (Path::new(path), text.as_str())),
        ));
    }
    assert!(all.len() > 40, "{} objects", all.len());
    let mut server = ApiServer::start(&assets, &apiserver::Lists::new()).await;
    let namespaces: Api<Namespace> = Api::all(server.admin.clone());
    let names: BTreeSet<String> = all
        .iter()
        .filter_map(|object| Some(object["metadata"]["namespace"].as_str()?.to_owned()))
        .collect();
    let pools = all.iter().filter(|object| object["kind"] == "NodePool");
    assert!(pools.count() > 10, "NodePools, old and new");
    server
        .define(&karpenter::definition(), "/apis/karpenter.sh/v1/nodepools")
        .await;
    for name in names {
        let namespace = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    }
    for object in &all {
        if let Err(refused) = server.admit(object).await {
            panic!("{refused}: {object:#}");
        }
    }
}
