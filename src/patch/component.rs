//! Changes over what a cluster has, for whoever has no checkout: a kustomize component for each namespace, and new objects.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::place::{Changes, FileChange};
use super::yaml;
use crate::model::tree::{Tree, TreeFile, folder};

/// Where the cluster's own objects stand while patches are made.
const CLUSTER: &str = "cluster";
/// Where what is laid over them does.
const OVER: &str = "over";
/// What belongs to no namespace; no namespace is called so.
const EVERYWHERE: &str = "_cluster";

/// How every kustomization begins that is made here.
pub const MADE: &str = "# Made by gpuwise";

/// How a component is used, above each.
const USE: &str = "\
# Made by gpuwise. Name this folder under `components:` of the kustomization that gathers these objects, or give each patch to
# `kubectl patch KIND NAME --type json --patch-file FILE`. Whatever applies their manifests next writes them back where it is not
# gathered there.
";
/// The same, of what is in no namespace.
const USE_ALONE: &str = "# Made by gpuwise: new objects, for `kubectl apply -k` or any kustomization.\n";

/// Objects of a cluster as a folder of manifests, over which an empty kustomization of each namespace lies.
pub fn tree(objects: &[Value]) -> Tree {
    let mut files: BTreeMap<String, TreeFile> = BTreeMap::new();
    let mut put = |path: String, value: &Value| {
        let (text, executable) = (yaml::document(value), false);
        files.insert(path, TreeFile { text, executable });
    };
    let mut gathered: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (number, object) in objects.iter().enumerate() {
        let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str);
        let scope = namespace.unwrap_or(EVERYWHERE);
        let file = format!("{number:05}.yaml");
        put(format!("{CLUSTER}/{scope}/{file}"), object);
        gathered.entry(scope).or_default().push(file);
    }
    for (scope, resources) in gathered {
        put(
            format!("{CLUSTER}/{scope}/kustomization.yaml"),
            &json!({"resources": resources}),
        );
        put(
            format!("{OVER}/{scope}/kustomization.yaml"),
            &json!({"resources": [format!("../../{CLUSTER}/{scope}")]}),
        );
    }
    Tree {
        files,
        is_live: true,
        ..Tree::default()
    }
}

/// Where an object's changes are laid, by the file that it is in.
pub(super) fn over(file: &str) -> String {
    let scope = folder(file).rsplit('/').next().unwrap_or_default();
    format!("{OVER}/{scope}")
}

/// The files of changes as they are delivered.
pub fn component(changes: &Changes) -> Changes {
    let mut delivered = Changes::new();
    for (path, change) in changes {
        let Some(path) = path.strip_prefix(OVER).and_then(|path| path.strip_prefix('/')) else {
            continue;
        };
        let after = match path.strip_suffix("/kustomization.yaml") {
            Some(scope) => kustomization(&change.after, scope == EVERYWHERE),
            None => change.after.clone(),
        };
        delivered.insert(path.to_owned(), FileChange { before: None, after });
    }
    delivered
}

/// A kustomization without what it lay over.
fn kustomization(text: &str, alone: bool) -> String {
    let document = yaml::documents(text).ok().and_then(|all| all.into_iter().next());
    let mut own = document.unwrap_or_default();
    let is_ours = |path: &Value| path.as_str().is_none_or(|path| !path.starts_with("../"));
    if let Some(Value::Array(resources)) = own.get_mut("resources") {
        resources.retain(is_ours);
    }
    let mut made = match alone {
        true => json!({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}),
        false => json!({"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}),
    };
    for list in ["resources", "patches"] {
        if let Some(all) = own
            .get(list)
            .filter(|all| all.as_array().is_some_and(|all| !all.is_empty()))
        {
            made[list] = all.clone();
        }
    }
    let above = if alone { USE_ALONE } else { USE };
    format!("{above}{}", yaml::document(&made))
}
