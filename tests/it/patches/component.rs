//! Patches over what a cluster has: the same as edits of the manifests, for whoever has no checkout.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use gpuwise::catalog::Catalog;
use gpuwise::model::plan::Plan;
use gpuwise::model::tree::Tree;
use gpuwise::patch::component::{component, tree};
use gpuwise::patch::index::index;
use gpuwise::patch::patches::{Made, With, patches, together};
use gpuwise::patch::place::{Changes, FileChange};
use gpuwise::patch::yaml::documents;
use gpuwise::policy::patches::Patches;
use gpuwise::report;
use serde_json::{Value, json};

use super::cases;
use super::{copy_of, demo, files, patch, plan};
use crate::apiserver::{self, ApiServer};
use crate::binary;

/// Kind, namespace and name.
type Key = (String, String, String);

fn key(object: &Value) -> Key {
    let text = |at: &str| {
        object
            .pointer(at)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    (text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
}

/// Objects of a folder of the demo's, each in the namespace of its team, as far as no overlay changes them.
fn objects(folder: &Path) -> BTreeMap<Key, Value> {
    let mut found = BTreeMap::new();
    for (path, text) in files(folder) {
        let namespace = path.iter().next().unwrap().to_str().unwrap().to_owned();
        let plain =
            matches!(namespace.as_str(), "support" | "legal" | "search" | "tools") || path.ends_with("video-tags.yaml");
        if !plain || path.ends_with("kustomization.yaml") {
            continue;
        }
        for mut object in documents(&String::from_utf8(text).unwrap()).unwrap() {
            object["metadata"]["namespace"] = json!(namespace);
            found.insert(key(&object), object);
        }
    }
    found
}

/// Does what `kubectl patch --type json` does.
fn patched(mut object: Value, operations: &Value) -> Value {
    for operation in operations.as_array().unwrap() {
        let path = operation["path"].as_str().unwrap();
        let (parent, last) = path.rsplit_once('/').unwrap();
        let last = last.replace("~1", "/").replace("~0", "~");
        let value = operation["value"].clone();
        match operation["op"].as_str().unwrap() {
            "test" => assert_eq!(object.pointer(path), Some(&value), "{path}"),
            "replace" => *object.pointer_mut(path).unwrap() = value,
            "remove" => match object.pointer_mut(parent).unwrap() {
                Value::Array(list) => _ = list.remove(last.parse().unwrap()),
                parent => _ = parent.as_object_mut().unwrap().remove(&last).unwrap(),
            },
            "add" => match object.pointer_mut(parent).unwrap() {
                Value::Array(list) => list.insert(last.parse().unwrap(), value),
                parent => parent[last] = value,
            },
            other => panic!("{other}"),
        }
    }
    object
}

/// The demo's plan made in a folder of manifests.
fn of_plan(tree: Tree) -> Vec<Made> {
    let text = fs::read_to_string(&plan()[1]).unwrap();
    made_in(tree, &report::json::read(&text).unwrap())
}

/// A plan made in a folder of manifests.
fn made_in(mut tree: Tree, plan: &Plan) -> Vec<Made> {
    let rows: Vec<_> = plan.accepted.iter().collect();
    let settings = Patches {
        prometheus: Some("http://prometheus.monitoring:9090".to_owned()),
        ..Patches::default()
    };
    let catalog = Catalog::shipped().unwrap();
    let with = With {
        catalog: &catalog,
        settings: &settings,
    };
    let mut index = index(&tree);
    patches(plan, &rows, &mut tree, &mut index, with)
}

/// Objects with the patches of a component, and its new objects.
fn with_component(objects: &BTreeMap<Key, Value>, delivered: &Changes) -> BTreeMap<Key, Value> {
    let mut all = objects.clone();
    let document = |path: &str| documents(&delivered[path].after).unwrap().remove(0);
    for path in delivered.keys().filter(|path| path.ends_with("/kustomization.yaml")) {
        let own = document(path);
        let folder = path.trim_end_matches("kustomization.yaml");
        let of = |list: &str| own[list].as_array().cloned().unwrap_or_default();
        assert_eq!(own["kind"], "Component", "{path}");
        for file in of("resources") {
            let object = document(&format!("{folder}{}", file.as_str().unwrap()));
            all.insert(key(&object), object);
        }
        for entry in of("patches") {
            let operations = document(&format!("{folder}{}", entry["path"].as_str().unwrap()));
            let target = |field: &str| entry["target"][field].as_str().unwrap().to_owned();
            let key = (target("kind"), folder.trim_end_matches('/').to_owned(), target("name"));
            let object = all.remove(&key).unwrap_or_else(|| panic!("{key:?}"));
            all.insert(key, patched(object, &operations));
        }
    }
    all
}

#[test]
fn a_component_makes_of_the_clusters_objects_what_edits_make_of_their_manifests() {
    let copy = copy_of(&demo());
    patch(copy.path(), &["--write"]);
    let (before, edited) = (objects(&demo()), objects(copy.path()));
    let live: Vec<Value> = before.values().cloned().collect();
    let made = of_plan(tree(&live));
    let delivered = component(&together(&made));
    let laid_over = with_component(&before, &delivered);
    assert!(before != laid_over);
    assert_eq!(laid_over, edited);
    // Nothing of the cluster's own objects is delivered but what changes.
    assert!(
        delivered
            .values()
            .all(|change| !change.after.contains("nvidia.com/gpu.product")
                || change.after.contains("/nodeSelector/nvidia.com~1gpu.product"))
    );
    let again = component(&together(&of_plan(tree(&live))));
    assert_eq!(again, delivered, "the same bytes each time");
}

/// A Deployment of a cluster with a key among its arguments.
fn with_a_key(args: &[&str]) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "llama", "namespace": "chat"},
        "spec": {
            "replicas": 12, "selector": {"matchLabels": {"app": "llama"}},
            "template": {"metadata": {"labels": {"app": "llama"}}, "spec": {"containers": [
                {"name": "server", "image": "x", "args": args, "resources": {"limits": {"nvidia.com/gpu": "1"}}},
            ]}},
        },
    })
}

#[test]
fn a_key_among_the_clusters_arguments_is_not_delivered() {
    let case = json!({
        "title": "FP8 and 128 at once", "live": {"replicas": 12, "server": "vllm"},
        "moves": [
            {"type": "set-batch-limit", "from": 64, "to": 128},
            {"type": "quantize", "from": "bf16", "to": "fp8", "weight_only": false},
        ],
    });
    let object = with_a_key(&["--api-key", "sk-SECRET", "--max-num-seqs", "64"]);
    let delivered = component(&together(&made_in(
        tree(std::slice::from_ref(&object)),
        &cases::plan(&case),
    )));
    assert!(
        delivered.values().all(|change| !change.after.contains("SECRET")),
        "{delivered:?}"
    );
    let patched = with_component(&BTreeMap::from([(key(&object), object.clone())]), &delivered);
    assert_eq!(
        patched[&key(&object)]["spec"]["template"]["spec"]["containers"][0]["args"],
        json!(["--api-key", "sk-SECRET", "--max-num-seqs", "128", "--quantization=fp8"])
    );
    // Of a shell's line there is no part.
    let object = with_a_key(&["vllm serve m --api-key sk-SECRET --max-num-seqs 64"]);
    let mut case = case;
    case["moves"].as_array_mut().unwrap().pop();
    match &made_in(tree(&[object]), &cases::plan(&case))[..] {
        [Made::Refused(one)] => assert_eq!(one.code, "needs-its-manifest"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_follows_an_argument_that_goes_is_changed_where_it_is_by_then() {
    let case = json!({
        "title": "prefixes and 128 at once", "live": {"replicas": 12, "server": "sglang"}, "moves": [{"type": "cache-prefixes", "found": 0.4}],
    });
    let mut both = cases::plan(&case);
    let mut second = both.accepted[0].clone();
    second.id = "second".to_owned();
    second.moves = serde_json::from_value(json!([{"type": "set-batch-limit", "from": 64, "to": 128}])).unwrap();
    both.accepted.push(second);
    let args = [
        "--disable-radix-cache",
        "--api-key",
        "sk-SECRET",
        "--max-running-requests",
        "64",
    ];
    let object = with_a_key(&args);
    let delivered = component(&together(&made_in(tree(std::slice::from_ref(&object)), &both)));
    let shown = |change: &FileChange| change.after.contains("SECRET");
    assert!(!delivered.values().any(shown), "{delivered:?}");
    let patched = with_component(&BTreeMap::from([(key(&object), object.clone())]), &delivered);
    assert_eq!(
        patched[&key(&object)]["spec"]["template"]["spec"]["containers"][0]["args"],
        json!(["--api-key", "sk-SECRET", "--max-running-requests", "128"])
    );
}

#[test]
fn replicas_that_others_own_are_not_taken_away_in_the_cluster() {
    let case = json!({
        "title": "autoscale",
        "live": {"replicas": 12, "server": "vllm", "deployed": {
            "by": "flux", "kustomization": "flux-system/apps", "replicas_owned_by": ["gpuwise-handover", "kustomize-controller"],
        }},
        "moves": [{
            "type": "autoscale", "metric": "requests-in-flight", "target": 24, "min": 3, "max": 12,
            "scale_down_window_seconds": 600, "mean": 5.5, "saves": 6.5,
        }],
    });
    let made = made_in(tree(&[with_a_key(&["--model", "m"])]), &cases::plan(&case));
    let [Made::Patch(patch)] = &made[..] else {
        panic!("{made:?}")
    };
    assert!(
        patch
            .notes
            .iter()
            .any(|note| note.contains("take spec.replicas out of its manifest")),
        "{patch:?}"
    );
    let delivered = component(&together(&made));
    assert!(
        delivered
            .values()
            .all(|change| !change.after.contains("/spec/replicas")),
        "{delivered:?}"
    );
    assert!(
        delivered.keys().any(|path| path.contains("scaledobject")),
        "{delivered:?}"
    );
}

#[test]
fn without_a_cluster_and_without_manifests_there_is_nothing_to_lay_patches_over() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    binary::run(&["patch", "--demo", "--output", output]).fails(binary::USAGE, &["--manifests DIR", "Kubernetes API"]);
    binary::run(&["patch", "--demo"]).fails(binary::USAGE, &["--manifests <DIR>"]);
}

#[test]
fn a_budget_that_the_cluster_has_is_not_made_again() {
    let case = json!({
        "title": "autoscale",
        "live": {"replicas": 12, "server": "vllm", "unguarded": true, "deployed": {
            "by": "flux", "kustomization": "flux-system/apps", "replicas_owned_by": ["gpuwise-handover", "kustomize-controller"],
        }},
        "moves": [{
            "type": "autoscale", "metric": "requests-in-flight", "target": 24, "min": 3, "max": 12,
            "scale_down_window_seconds": 600, "mean": 5.5, "saves": 6.5,
        }],
    });
    let budget = |app: &str| {
        json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "llama", "namespace": "chat"},
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": app}}},
        })
    };
    let own = with_a_key(&["--model", "m"]);
    let with = |app: &str| made_in(tree(&[own.clone(), budget(app)]), &cases::plan(&case));
    let made = with("llama");
    let delivered = component(&together(&made));
    assert!(matches!(&made[..], [Made::Patch(_)]), "{made:?}");
    assert!(
        delivered
            .values()
            .all(|change| !change.after.contains("PodDisruptionBudget")),
        "{delivered:?}"
    );
    // One of that name that guards others is not replaced.
    match &with("web")[..] {
        [Made::Refused(one)] => assert_eq!(one.code, "in-the-way"),
        other => panic!("{other:?}"),
    }
}

/// Lays the demo's plan over a cluster that is called as the demo's.
fn laid_over(server: &ApiServer, output: &Path) {
    let mut command = binary::command(&std::env::temp_dir());
    command.args(["patch", "--quiet", "--cluster", "northlight-use1", "--kubeconfig"]);
    command.arg(server.admin_kubeconfig()).args(plan());
    let output = command.arg("--output").arg(output).output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_cluster_takes_what_is_laid_over_it() {
    let Some(assets) = apiserver::assets() else { return };
    let server = ApiServer::start(&assets, &apiserver::Lists::new()).await;
    let all = objects(&demo());
    let own = |key: &&Key| matches!(key.0.as_str(), "Deployment" | "PodDisruptionBudget");
    for namespace in ["support", "legal", "search", "tools", "vision"] {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        server.apply(&object).await.unwrap();
    }
    for key in all.keys().filter(own) {
        server.apply(&all[key]).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    laid_over(&server, folder.path());
    let written = files(folder.path());
    let patches = written
        .iter()
        .filter(|(path, _)| path.to_str().unwrap().ends_with("-deployment.yaml"));
    let mut count = 0;
    for (path, text) in patches {
        let namespace = path.parent().unwrap().to_str().unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let name = name.trim_start_matches("gpuwise-").trim_end_matches("-deployment.yaml");
        let operations = documents(&String::from_utf8(text.clone()).unwrap()).unwrap().remove(0);
        let request = http::Request::patch(format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}"))
            .header("content-type", "application/json-patch+json")
            .body(operations.to_string().into_bytes())
            .unwrap();
        let taken: Value = server.admin.request(request).await.unwrap();
        assert_eq!(taken["metadata"]["name"], name);
        count += 1;
    }
    assert!(count >= 6, "{count} Deployments");
    // They say so now: nothing is left to be changed but by what is new.
    let second = tempfile::tempdir().unwrap();
    laid_over(&server, second.path());
    let left = files(second.path());
    assert!(
        left.keys()
            .all(|path| !path.to_str().unwrap().ends_with("-deployment.yaml")),
        "{left:?}"
    );
}
