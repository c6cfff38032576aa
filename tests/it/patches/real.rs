//! Manifests as people have published them: whatever becomes of a row, only what it means changes, line by line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use gpuwise::catalog::Catalog;
use gpuwise::model::tree::Tree;
use gpuwise::patch::index::{Object, index};
use gpuwise::patch::patches::{Made, With, patches};
use gpuwise::patch::yaml::{changed, documents};
use gpuwise::policy::patches::Patches;
use gpuwise::sources::manifests;
use serde_json::{Value, json};

use super::cases::plan;

/// The published repositories; none, and a line that says so, where they are not there.
fn published() -> Vec<PathBuf> {
    let given = std::env::var_os("GPUWISE_GITOPS").map(PathBuf::from);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = given.unwrap_or_else(|| root.join("../shared/data"));
    let folders = ["gitops-ai-on-eks", "gitops-production-stack"].map(|name| data.join(name));
    let there: Vec<PathBuf> = folders.into_iter().filter(|folder| folder.is_dir()).collect();
    if there.is_empty() {
        println!("skipped: no published manifests in {}", data.display());
    }
    there
}

fn with_values(value: &Value, look: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            look(key, value);
            with_values(value, look);
        }),
        Value::Array(all) => all.iter().for_each(|one| with_values(one, look)),
        _ => {}
    }
}

/// GPUs that a container of it asks for.
fn gpus(object: &Value) -> Option<u64> {
    let mut found = None;
    with_values(object, &mut |key, value| {
        if key == "nvidia.com/gpu" {
            let count = value.as_u64().or_else(|| value.as_str()?.parse().ok());
            found = found.max(count);
        }
    });
    found
}

/// A row of one move about an object, as a plan would have it.
fn row(object: &Object, change: &Value) -> Value {
    let replicas = 1;
    json!({
        "title": "a change", "moves": [change],
        "nodes": {"instance_type": "g6.xlarge", "there": true, "labels": {
            "node.kubernetes.io/instance-type": ["g6.xlarge"], "nvidia.com/gpu.product": ["NVIDIA-L4"],
            "karpenter.sh/capacity-type": ["on-demand"],
        }},
        "live": {"replicas": replicas, "server": "vllm", "nodes": {"karpenter.sh/capacity-type": ["on-demand"]},
            "deployed": {"by": "client-side-apply", "replicas_applied": true}},
        "workload": {
            "group": object.group(), "kind": object.kind, "name": object.name,
            "namespace": object.namespace.as_deref().unwrap_or("default"),
        },
    })
}

/// Moves to try on something with so many GPUs, and what may change for each: the ends of places.
fn moves(gpus: u64) -> Vec<(Value, &'static [&'static str])> {
    let gpu = |model: &str| json!({"model": model});
    vec![
        (json!({"type": "scale-to-zero"}), &["replicas", "suspend", "runPolicy"]),
        (
            json!({"type": "request-gpus", "from": gpus, "to": gpus + 1}),
            &["nvidia.com~1gpu"],
        ),
        (
            json!({"type": "use-spot", "instance_type": "g6.xlarge", "hourly": 0.3, "gpus": gpus}),
            &[
                "affinity",
                "nodeAffinity",
                "preferredDuringSchedulingIgnoredDuringExecution",
                "capacity-type",
                "0",
                "1",
            ],
        ),
        (
            json!({"type": "use-gpu", "from": gpu("A10G"), "to": gpu("L4"), "per_pod": gpus, "slowdown": 1.0}),
            &[
                "nodeSelector",
                "instance-type",
                "nvidia.com~1gpu.product",
                "values",
                "instance-family",
                "instance-gpu-name",
            ],
        ),
        (
            json!({"type": "set-batch-limit", "from": 256, "to": 512}),
            &["args", "command", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
        ),
    ]
}

/// Lines of a file that are not in the other, each as often as it is there.
fn lines_gone(before: &str, after: &str) -> usize {
    let mut left: BTreeMap<&str, i64> = BTreeMap::new();
    before.lines().for_each(|line| *left.entry(line).or_default() += 1);
    after.lines().for_each(|line| *left.entry(line).or_default() -= 1);
    left.values()
        .filter(|count| **count > 0)
        .map(|count| *count as usize)
        .sum()
}

/// Tries a row, and says whether it is a patch.
fn tried(tree: &Tree, object: &Object, change: &Value, allowed: &[&str]) -> bool {
    let about = format!("{} {} in {}: {change}", object.kind, object.name, object.spot.file);
    let plan = plan(&row(object, change));
    let (mut after, catalog, settings) = (tree.clone(), Catalog::shipped().unwrap(), Patches::default());
    let mut index = index(&after);
    let with = With {
        catalog: &catalog,
        settings: &settings,
    };
    let rows: Vec<_> = plan.accepted.iter().collect();
    let made = patches(&plan, &rows, &mut after, &mut index, with);
    let [Made::Patch(patch)] = &made[..] else { return false };
    for (path, file) in &patch.changes {
        let before = file
            .before
            .as_deref()
            .unwrap_or_else(|| panic!("{about}: {path} is new"));
        let (old, new) = (documents(before).unwrap(), documents(&file.after).unwrap());
        assert_eq!(old.len(), new.len(), "{about}");
        for (number, (old, new)) in old.iter().zip(&new).enumerate() {
            let places = changed(old, new);
            assert!(
                number == object.spot.document || places.is_empty(),
                "{about}: {places:?}"
            );
            for place in places {
                let place = place.to_string();
                let end = place.rsplit('/').next().unwrap_or_default();
                assert!(allowed.iter().any(|allowed| end.ends_with(allowed)), "{about}: {place}");
            }
        }
        assert!(
            lines_gone(before, &file.after) <= 4,
            "{about}: {}",
            lines_gone(before, &file.after)
        );
    }
    true
}

#[test]
fn published_manifests_change_where_they_are_meant_to() {
    let mut made = BTreeSet::new();
    let folders = published();
    for folder in &folders {
        let tree = manifests::read(folder).unwrap();
        for object in index(&tree).objects {
            let text = &tree.files[&object.spot.file].text;
            let document = &documents(text).unwrap()[object.spot.document];
            let Some(gpus) = gpus(document) else { continue };
            for (change, allowed) in moves(gpus) {
                if tried(&tree, &object, &change, allowed) {
                    made.insert((change["type"].to_string(), object.spot.file.clone()));
                }
            }
        }
    }
    println!("{} patches of published manifests: {made:?}", made.len());
    let kinds: BTreeSet<&str> = made.iter().map(|(change, _)| change.as_str()).collect();
    assert!(folders.is_empty() || (made.len() >= 8 && kinds.len() >= 3), "{made:?}");
}
