//! Golden cases: a folder each in `tests/manifests/cases` with a row of a plan (`case.yaml`), manifests, and what becomes of them
//! (`expected.diff`; `GPUWISE_BLESS=1` writes it anew).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gpuwise::catalog::Catalog;
use gpuwise::model::plan::{Plan, Row};
use gpuwise::model::repository::Origin;
use gpuwise::patch::index::index;
use gpuwise::patch::patches::{Made, With, patches};
use gpuwise::patch::place::Changes;
use gpuwise::patch::told;
use gpuwise::patch::yaml::documents;
use gpuwise::policy::helm_values::ValuesRow;
use gpuwise::policy::patches::Patches;
use gpuwise::sources::manifests;
use serde_json::{Value, json};

use super::files;

pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests/cases")
}

/// The case's own words over what every case has.
pub(super) fn plan(case: &Value) -> Plan {
    let workload = &case["workload"];
    let or = |key: &str, default: &str| workload[key].as_str().unwrap_or(default).to_owned();
    let id = "prod/chat/Deployment.apps/llama";
    let mut row = json!({
        "id": "case", "levers": ["case"], "subject": {"kind": "Workload", "id": id}, "title": case["title"],
        "from": {}, "to": {}, "moves": case["moves"], "service": null, "proof": "replayed", "replay": null,
        "saving": {
            "monthly": {"low": 900, "mid": 1000, "high": 1100}, "leaves_bill_monthly": 1000, "frees_capacity_monthly": 0,
            "frees_gpus": 1.0, "alone_monthly": 1000,
        },
        "confidence": "high", "risk": "low", "evidence": [], "needs_human": [], "rollback": "set it back", "decision": null,
        "pull_request": null,
    });
    if !case["nodes"].is_null() {
        row["nodes"] = case["nodes"].clone();
    }
    let mut plan = json!({
        "apiVersion": "gpuwise/v1alpha1", "kind": "Plan", "timezone": "UTC", "currency": "USD",
        "window": {"start": "2026-11-01T00:00:00Z", "end": "2026-11-15T00:00:00Z"},
        "coverage": {
            "clusters": ["prod"], "gpus": 8, "gpus_with_metrics": 8, "workloads": 1, "samples": 1, "spend_judged": null,
            "spend_unknown": null, "spend_out_of_scope": null, "gaps": [],
        },
        "spend": null, "experiments": [], "held_back": [], "kept": [], "unknown": [], "accepted": [row],
        "saving": {
            "monthly": {"low": null, "mid": 1000, "high": null}, "leaves_bill_monthly": 1000, "frees_capacity_monthly": 0,
            "overlap_monthly": 0,
        },
        "workloads": [{
            "id": id, "cluster": "prod", "group": or("group", "apps"), "kind": or("kind", "Deployment"),
            "namespace": or("namespace", "chat"), "name": or("name", "llama"), "owner": null, "owner_because": null,
            "verdict": "change", "class": "inference", "class_confidence": 1.0, "class_because": [], "runs": 1,
            "queue": workload["queue"], "gpus": 1.0, "gpu": null, "capacity_type": "on-demand", "monthly": null, "price": null,
            "gpu_busy": null, "memory_gib": {"need_max": null, "reserved_max": null}, "live": case["live"],
        }],
    });
    for name in case["others"].as_array().into_iter().flatten() {
        let mut other = plan["workloads"][0].clone();
        other["id"] = json!(format!("{id} and {}", name.as_str().unwrap()));
        other["name"] = name.clone();
        plan["workloads"].as_array_mut().unwrap().push(other);
    }
    serde_json::from_value(plan).unwrap()
}

/// A row about every workload of these names.
fn values(row: &Value) -> ValuesRow {
    ValuesRow {
        names: serde_json::from_value(row["names"].clone()).unwrap(),
        file: serde_json::from_value(row.clone()).unwrap(),
        ..ValuesRow::default()
    }
}

fn settings(case: &Value) -> Patches {
    let folders = case["folders"].as_object().into_iter().flatten();
    Patches {
        prometheus: case["prometheus"].as_str().map(str::to_owned),
        folders: folders
            .map(|(cluster, path)| (cluster.clone(), path.as_str().unwrap().to_owned()))
            .collect(),
        values: case["values"].as_array().into_iter().flatten().map(values).collect(),
        ..Patches::default()
    }
}

/// Where the files of a case are from: not this repository, though they lie in it.
fn origin(case: &Value) -> Origin {
    let text = |key: &str| case["origin"][key].as_str().map(str::to_owned);
    Origin {
        repositories: text("repository").into_iter().collect(),
        folder: text("folder").unwrap_or_default(),
        branch: text("branch"),
    }
}

/// What becomes of a case, and the files then.
pub(super) fn made(case: &Path) -> (String, BTreeMap<String, String>) {
    let text = fs::read_to_string(case.join("case.yaml")).unwrap();
    let case_yaml = &documents(&text).unwrap()[0];
    let mut tree = manifests::read(&case.join("before")).unwrap();
    tree.origin = origin(case_yaml);
    let mut index = index(&tree);
    let (plan, settings, catalog) = (plan(case_yaml), settings(case_yaml), Catalog::shipped().unwrap());
    let rows: Vec<&Row> = plan.accepted.iter().collect();
    let with = With {
        catalog: &catalog,
        settings: &settings,
    };
    let made = patches(&plan, &rows, &mut tree, &mut index, with);
    // What was made is true by now, and making it again changes nothing.
    if let [Made::Patch(first)] = &made[..] {
        let again = patches(&plan, &rows, &mut tree, &mut index, with);
        let changes = again.iter().map(|made| match made {
            Made::Patch(patch) => patch.changes.clone(),
            Made::Refused(refused) => panic!("{}: the second time: {}", case.display(), refused.why),
        });
        assert!(
            changes.into_iter().all(|changes| changes == Changes::new()),
            "{}",
            case.display()
        );
        assert!(!first.changes.is_empty(), "{}: nothing is changed", case.display());
    }
    let after = tree.files.into_iter().map(|(path, file)| (path, file.text));
    (told::diffs(&plan, &made), after.collect())
}

#[test]
fn every_case_becomes_what_is_expected() {
    let mut seen = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let case = entry.unwrap().path();
        let (diff, _) = made(&case);
        let golden = case.join("expected.diff");
        if std::env::var_os("GPUWISE_BLESS").is_some() {
            fs::write(&golden, &diff).unwrap();
        }
        assert_eq!(
            diff,
            fs::read_to_string(&golden).unwrap_or_default(),
            "{}",
            case.display()
        );
        seen += 1;
    }
    assert!(seen >= 20, "{seen} cases");
}

#[test]
fn kustomize_accepts_what_becomes_of_every_case() {
    if Command::new("kustomize").arg("version").output().is_err() {
        use std::io::Write;
        _ = writeln!(std::io::stderr(), "skipped: there is no kustomize");
        return;
    }
    for entry in fs::read_dir(folder()).unwrap() {
        let case = entry.unwrap().path();
        let copy = tempfile::TempDir::new().unwrap();
        let (_, after) = made(&case);
        let before = files(&case.join("before"))
            .into_iter()
            .map(|(path, text)| (path, String::from_utf8(text).unwrap()));
        let after = after.into_iter().map(|(path, text)| (PathBuf::from(path), text));
        for (path, text) in before.chain(after) {
            let to = copy.path().join(path);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(to, text).unwrap();
        }
        // A component is built as a part of others.
        let alone = |(path, text): &(PathBuf, Vec<u8>)| {
            path.ends_with("kustomization.yaml") && !String::from_utf8_lossy(text).contains("kind: Component")
        };
        let roots = files(copy.path()).into_iter().filter(alone).map(|(path, _)| path);
        for root in roots {
            let root = copy.path().join(root.parent().unwrap());
            let run = Command::new("kustomize").arg("build").arg(&root).output().unwrap();
            let said = String::from_utf8_lossy(&run.stderr);
            assert!(run.status.success(), "{}: {said}", case.display());
        }
    }
}
