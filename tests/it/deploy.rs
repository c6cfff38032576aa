//! What is deployed keeps the promise of reading only, and stays within what a restricted namespace admits.

use std::fs;
use std::path::Path;

use gpuwise::sources;
use gpuwise::sources::kubernetes::connect;
use k8s_openapi::api::core::v1::{Node, Pod, Secret};
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use serde_json::Value;

use crate::apiserver::{self, ApiServer};

const READS: [&str; 3] = ["get", "list", "watch"];

/// Every document of every manifest of the weekly report, with its file's name.
fn manifests() -> Vec<(String, Value)> {
    manifests_in("deploy/kustomize")
}

/// Every document of every manifest in a folder, but not of folders in it, with its file's name.
fn manifests_in(folder: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        found.extend(documents.into_iter().map(|document| (name.clone(), document)));
    }
    found
}

/// What the kustomization makes of its resources, in its order, but for labels.
pub(crate) fn objects() -> Vec<Value> {
    let manifests = manifests();
    let kustomization = of_kind(&manifests, "Kustomization")[0];
    let mut found = Vec::new();
    for resource in texts(&kustomization["resources"]) {
        let documents = manifests.iter().filter(|(name, _)| name == resource);
        found.extend(documents.map(|(_, document)| document.clone()));
    }
    for object in &mut found {
        let kind = object["kind"].as_str().unwrap();
        if !kind.starts_with("Cluster") && kind != "Namespace" {
            object["metadata"]["namespace"] = kustomization["namespace"].clone();
        }
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

#[test]
fn the_exporter_on_every_gpu_node_can_only_look() {
    let manifests = manifests_in("deploy/kustomize/sample");
    let kinds: Vec<&str> = manifests
        .iter()
        .filter_map(|(_, document)| document["kind"].as_str())
        .collect();
    assert!(
        !kinds.iter().any(|kind| kind.contains("Role")),
        "it needs no API: {kinds:?}"
    );
    let pod = &of_kind(&manifests, "DaemonSet")[0]["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"], false);
    for shared in ["hostNetwork", "hostPID", "hostIPC"] {
        assert!(pod.get(shared).is_none(), "{shared}");
    }
    let container = &pod["containers"][0];
    let context = &container["securityContext"];
    assert_eq!(context["allowPrivilegeEscalation"], false);
    assert_eq!(context["readOnlyRootFilesystem"], true);
    assert_eq!(context["capabilities"]["drop"], serde_json::json!(["ALL"]));
    for mount in container["volumeMounts"].as_array().unwrap() {
        assert_eq!(mount["readOnly"], true, "{mount}");
    }
    // A GPU that it asked for would be taken from those who need it.
    assert!(container["resources"]["limits"].get("nvidia.com/gpu").is_none());
    // Else its own pod is taken for the holder of idle GPUs, where nothing else names one.
    assert!(container["name"].as_str().unwrap().contains("exporter"));
    let wanted = Path::new(sources::nvml::holders::SOCKET).parent().unwrap();
    assert_eq!(pod["volumes"][0]["hostPath"]["path"], wanted.to_str().unwrap());
}

/// Refused by a real API server for what somebody may not do.
fn is_forbidden<T>(answer: kube::Result<T>) -> bool {
    matches!(answer, Err(kube::Error::Api(status)) if status.is_forbidden())
}

#[tokio::test]
async fn a_real_api_server_admits_what_is_deployed_and_lets_it_only_read() {
    let Some(assets) = apiserver::assets() else {
        return;
    };
    let server = ApiServer::start(&assets, &apiserver::Lists::new()).await;
    let objects = objects();
    for object in &objects {
        server.apply(object).await.unwrap();
    }
    let job = objects.iter().find(|object| object["kind"] == "CronJob").unwrap();
    let mut pod = job["spec"]["jobTemplate"]["spec"]["template"].clone();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    pod["metadata"] = serde_json::json!({"name": "weekly", "namespace": job["metadata"]["namespace"]});
    server.admit(&pod).await.unwrap();
    pod["spec"]["securityContext"] = serde_json::json!({});
    assert!(
        is_forbidden(server.admit(&pod).await),
        "the namespace restricts nothing"
    );

    let config = server.kubeconfig("gpuwise", "gpuwise").await;
    let account = connect(Some(&config), None, None).await.unwrap().client;
    let pods: Api<Pod> = Api::all(account.clone());
    pods.list(&ListParams::default()).await.unwrap();
    let secrets: Api<Secret> = Api::all(account.clone());
    assert!(is_forbidden(secrets.list(&ListParams::default()).await));
    let nodes: Api<Node> = Api::all(account);
    assert!(is_forbidden(nodes.delete("any", &DeleteParams::default()).await));
}
