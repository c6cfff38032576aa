//! A checkout of ten thousand manifests, read, indexed and edited a hundred times.

use std::fs;
use std::path::Path;
use std::time::Instant;

use gpuwise::catalog::Catalog;
use gpuwise::model::plan::{Plan, Row};
use gpuwise::patch::index::index;
use gpuwise::patch::patches::{Made, With, patches};
use gpuwise::policy::patches::Patches;
use gpuwise::sources::manifests;
use serde_json::json;

/// Files of one folder, which one kustomization gathers.
const IN_A_FOLDER: usize = 50;

/// Writes `files` manifests of about a hundred lines each.
fn checkout(root: &Path, files: usize) -> usize {
    let mut lines = 0;
    for at in 0..files {
        let folder = root.join(format!("team-{}", at / IN_A_FOLDER));
        if at % IN_A_FOLDER == 0 {
            fs::create_dir_all(&folder).unwrap();
            let names = (at..(at + IN_A_FOLDER).min(files)).map(|at| format!("  - app-{at}.yaml\n"));
            let resources: String = names.collect();
            let text = format!("namespace: team-{}\nresources:\n{resources}", at / IN_A_FOLDER);
            fs::write(folder.join("kustomization.yaml"), text).unwrap();
        }
        let env = (0..24).map(|one| {
            format!("            - name: SETTING_{one}  # as everywhere\n              value: \"{at}-{one}\"\n")
        });
        let (env, rest) = (
            env.collect::<String>(),
            (0..14).map(|one| format!("    note-{one}: the service {at} says so\n")),
        );
        let rest: String = rest.collect();
        let text = format!(
            "# Service {at}\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{at}\n  annotations:\n{rest}spec:\n  replicas: 4   # \
             by day\n  selector:\n    matchLabels:\n      app: app-{at}\n  template:\n    metadata:\n      labels:\n        app: app-{at}\n    \
             spec:\n      containers:\n        - name: server\n          image: registry.example.com/app:{at}\n          args:\n            - \
             --model=/models/{at}\n            - --max-num-seqs=64\n          env:\n{env}          resources:\n            limits:\n              \
             nvidia.com/gpu: 2\n            requests:\n              cpu: \"8\"\n              memory: 64Gi\n"
        );
        lines += text.lines().count();
        fs::write(folder.join(format!("app-{at}.yaml")), text).unwrap();
    }
    lines
}

/// A plan with an edit for every so-and-so-many-th of them.
fn plan(files: usize, edits: usize) -> Plan {
    let of = |at: usize| (format!("prod/team-{0}/Deployment.apps/app-{at}", at / IN_A_FOLDER), at);
    let chosen: Vec<(String, usize)> = (0..edits).map(|edit| of(edit * files / edits)).collect();
    let row = |(id, _): &(String, usize)| {
        json!({
            "id": id, "levers": ["unused-gpus"], "subject": {"kind": "Workload", "id": id}, "title": "fewer", "from": {}, "to": {},
            "moves": [{"type": "request-gpus", "from": 2, "to": 1}], "service": null, "proof": "arithmetic", "replay": null,
            "saving": {
                "monthly": {"low": null, "mid": 1, "high": null}, "leaves_bill_monthly": 1, "frees_capacity_monthly": 0,
                "frees_gpus": 1.0, "alone_monthly": 1,
            },
            "confidence": "high", "risk": "low", "evidence": [], "needs_human": [], "rollback": "", "decision": null,
            "pull_request": null,
        })
    };
    let workload = |(id, at): &(String, usize)| {
        json!({
            "id": id, "cluster": "prod", "group": "apps", "kind": "Deployment", "namespace": format!("team-{}", at / IN_A_FOLDER),
            "name": format!("app-{at}"), "owner": null, "owner_because": null, "verdict": "change", "class": "inference",
            "class_confidence": 1.0, "class_because": [], "runs": 1, "gpus": 1.0, "gpu": null, "capacity_type": "on-demand",
            "monthly": null, "price": null, "gpu_busy": null, "memory_gib": {"need_max": null, "reserved_max": null}, "live": {},
        })
    };
    let plan = json!({
        "apiVersion": "gpuwise/v1alpha1", "kind": "Plan", "timezone": "UTC", "currency": "USD", "spend": null,
        "window": {"start": "2026-11-01T00:00:00Z", "end": "2026-11-15T00:00:00Z"},
        "coverage": {
            "clusters": ["prod"], "gpus": 1, "gpus_with_metrics": 1, "workloads": 1, "samples": 1, "spend_judged": null,
            "spend_unknown": null, "spend_out_of_scope": null, "gaps": [],
        },
        "experiments": [], "held_back": [], "kept": [], "unknown": [],
        "saving": {
            "monthly": {"low": null, "mid": 1, "high": null}, "leaves_bill_monthly": 1, "frees_capacity_monthly": 0,
            "overlap_monthly": 0,
        },
        "accepted": chosen.iter().map(row).collect::<Vec<_>>(),
        "workloads": chosen.iter().map(workload).collect::<Vec<_>>(),
    });
    serde_json::from_value(plan).unwrap()
}

/// So many manifests and edits, against reading the bytes alone.
pub(crate) fn measure(files: usize, edits: usize) {
    let folder = tempfile::TempDir::new().unwrap();
    let lines = checkout(folder.path(), files);
    let (plan, catalog) = (plan(files, edits), Catalog::shipped().unwrap());
    let mut best = [f64::INFINITY; 3];
    for _ in 0..3 {
        let began = Instant::now();
        let bytes: usize = (0..files)
            .map(|at| {
                fs::read(folder.path().join(format!("team-{}/app-{at}.yaml", at / IN_A_FOLDER)))
                    .unwrap()
                    .len()
            })
            .sum();
        assert!(bytes > 0);
        best[0] = best[0].min(began.elapsed().as_secs_f64());
        let began = Instant::now();
        let mut tree = manifests::read(folder.path()).unwrap();
        let mut index = index(&tree);
        best[1] = best[1].min(began.elapsed().as_secs_f64());
        let began = Instant::now();
        let rows: Vec<&Row> = plan.accepted.iter().collect();
        let settings = Patches::default();
        let with = With {
            catalog: &catalog,
            settings: &settings,
        };
        let made = patches(&plan, &rows, &mut tree, &mut index, with);
        best[2] = best[2].min(began.elapsed().as_secs_f64());
        let done = made
            .iter()
            .filter(|made| matches!(made, Made::Patch(patch) if patch.changes.len() == 1));
        assert_eq!(done.count(), edits, "{made:?}");
    }
    let [bytes, indexed, edited] = best;
    println!(
        "{files} manifests, {lines} lines: read and indexed in {indexed:.2} s ({:.1} times reading the bytes alone), {edits} edits in \
         {edited:.2} s",
        indexed / bytes
    );
}
