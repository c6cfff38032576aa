//! What is deployed keeps the promise of reading only, and stays within what a restricted namespace admits.

use std::fs;
use std::path::Path;

use serde_json::Value;

const READS: [&str; 3] = ["get", "list", "watch"];

/// Every document of every manifest that is deployed, with its file's name.
fn manifests() -> Vec<(String, Value)> {
    manifests_in("deploy/kustomize")
}

fn manifests_in(folder: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        found.extend(documents.into_iter().map(|document| (name.clone(), document)));
    }
    found
}

fn of_kind<'m>(manifests: &'m [(String, Value)], kind: &str) -> Vec<&'m Value> {
    let found: Vec<&Value> = manifests
        .iter()
        .map(|(_, document)| document)
        .filter(|document| document["kind"] == kind)
        .collect();
    assert!(!found.is_empty(), "no {kind} in deploy/kustomize");
    found
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect()
}

/// Rules that ask for more than reading, or for what a report does not need.
fn too_much(role: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    for rule in role["rules"].as_array().unwrap() {
        for verb in texts(&rule["verbs"]).iter().filter(|verb| !READS.contains(verb)) {
            broken.push(format!("verb `{verb}` in {rule}"));
        }
        let resources = rule.get("resources").map(texts).unwrap_or_default();
        let refused =
            |resource: &&&str| resource.contains(['*', '/']) || matches!(**resource, "secrets" | "configmaps");
        for resource in resources.iter().filter(refused) {
            broken.push(format!("resource `{resource}` in {rule}"));
        }
        if texts(&rule["apiGroups"]).contains(&"*") || rule.get("nonResourceURLs").is_some() {
            broken.push(format!("too wide a rule: {rule}"));
        }
    }
    broken
}

#[test]
fn the_cluster_role_asks_only_to_read() {
    let manifests = manifests();
    let roles = manifests
        .iter()
        .filter(|(_, document)| document["kind"].as_str().is_some_and(|kind| kind.ends_with("Role")));
    let broken: Vec<String> = roles.flat_map(|(_, role)| too_much(role)).collect();
    assert!(broken.is_empty(), "deploy/ asks for too much:\n{}", broken.join("\n"));
    assert_eq!(of_kind(&manifests, "ClusterRole").len(), 1);
}

#[test]
fn the_way_through_the_api_is_a_component_of_its_own_and_only_gets() {
    let component = manifests_in("deploy/components/service-proxy");
    let rules = &of_kind(&component, "ClusterRole")[0]["rules"];
    let get = serde_json::json!([{"apiGroups": [""], "resources": ["services/proxy"], "verbs": ["get"]}]);
    assert_eq!(*rules, get);
}

#[test]
fn a_role_that_writes_or_reads_secrets_is_named() {
    let role = serde_json::json!({"rules": [
        {"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["get", "delete"]},
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["list"]},
    ]});
    assert_eq!(too_much(&role).len(), 4);
}

#[test]
fn every_manifest_is_in_the_kustomization() {
    let manifests = manifests();
    let kustomization = of_kind(&manifests, "Kustomization")[0];
    let listed = texts(&kustomization["resources"]);
    for (name, _) in &manifests {
        let other = matches!(name.as_str(), "kustomization.yaml" | "policy.yaml");
        assert!(
            other || listed.contains(&name.as_str()),
            "{name} is not listed in kustomization.yaml"
        );
    }
}

#[test]
fn the_job_keeps_to_a_restricted_namespace() {
    let manifests = manifests();
    let job = of_kind(&manifests, "CronJob")[0];
    assert_eq!(job["spec"]["concurrencyPolicy"], "Forbid");
    let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    for container in pod["containers"].as_array().unwrap() {
        let context = &container["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(context["readOnlyRootFilesystem"], true);
        assert_eq!(context["capabilities"]["drop"], serde_json::json!(["ALL"]));
        assert!(container["resources"]["limits"]["memory"].is_string());
    }
    let namespace = of_kind(&manifests, "Namespace")[0];
    assert_eq!(
        namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"],
        "restricted"
    );
}
