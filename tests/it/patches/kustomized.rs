//! What kustomize makes of the manifests before and after: the workloads that are meant have changed, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use gpuwise::patch::yaml::{changed, documents};
use serde_json::Value;

use super::{copy_of, demo, patch};

/// Objects that kustomize makes of a folder, by kind, namespace and name; `None`, with a word, where there is no kustomize.
fn built(folder: &Path) -> Option<BTreeMap<String, Value>> {
    let run = Command::new("kustomize").arg("build").arg(folder).output().ok()?;
    assert!(
        run.status.success(),
        "{}: {}",
        folder.display(),
        String::from_utf8_lossy(&run.stderr)
    );
    let objects = documents(&String::from_utf8(run.stdout).unwrap()).unwrap();
    let text = |object: &Value, at: &str| {
        object
            .pointer(at)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let key = |object: &Value| {
        let at = ["/kind", "/metadata/namespace", "/metadata/name"].map(|at| text(object, at));
        at.join(" ")
    };
    Some(objects.into_iter().map(|object| (key(&object), object)).collect())
}

/// An object, and the places that are to change in it.
type Changed<'c> = (&'c str, &'c [&'c str]);

#[test]
fn kustomize_makes_what_is_meant_of_it_and_nothing_else() {
    let copy = copy_of(&demo());
    patch(copy.path(), &["--write"]);
    let product = "/spec/template/spec/nodeSelector/nvidia.com~1gpu.product";
    let gpus =
        ["limits", "requests"].map(|side| format!("/spec/template/spec/containers/0/resources/{side}/nvidia.com~1gpu"));
    let gpus = [gpus[0].as_str(), gpus[1].as_str()];
    let expected: [(&str, &[Changed<'_>]); 5] = [
        (
            "chat/overlays/prod",
            &[
                ("Deployment chat guardrail", &[product]),
                ("Deployment chat northstar-chat-8b", &[product]),
                ("Deployment chat router", &gpus),
                ("Deployment chat titles-8b-fp8", &[product]),
            ],
        ),
        ("chat/overlays/staging", &[]),
        ("vision/prod", &[("Deployment vision image-gen", &[product])]),
        ("tools", &[]),
        ("support/assist", &[]),
    ];
    for (folder, changes) in expected {
        let Some(before) = built(&demo().join(folder)) else {
            use std::io::Write;
            _ = writeln!(std::io::stderr(), "skipped: there is no kustomize");
            return;
        };
        let after = built(&copy.path().join(folder)).unwrap();
        let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (key, object) in &before {
            let places = changed(object, &after[key]);
            if !places.is_empty() {
                found.insert(key, places.iter().map(ToString::to_string).collect());
            }
        }
        let meant = changes
            .iter()
            .map(|(key, places)| (*key, places.iter().map(|place| (*place).to_owned()).collect()));
        assert_eq!(found, meant.collect::<BTreeMap<_, BTreeSet<String>>>(), "{folder}");
        let new: Vec<&String> = after.keys().filter(|key| !before.contains_key(*key)).collect();
        let scalers: &[&str] = match folder {
            "tools" => &["ScaledObject tools code-assist-dev", "ScaledObject tools review-bot"],
            "support/assist" => &["ScaledObject support assist"],
            _ => &[],
        };
        assert_eq!(new, scalers, "{folder}");
    }
}
