//! `gpuwise patch` on the demo's manifests and on manifests in ways that people write them.

mod admitted;
mod cases;
mod component;
mod karpenter;
mod kept;
mod kustomized;
mod overlaid;
mod real;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use gpuwise::catalog::Catalog;
use gpuwise::engine::Judge;
use serde_json::Value;
use tempfile::TempDir;

use crate::binary;

/// Manifests of the demo's company.
pub(crate) fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests/demo")
}

/// A copy that may be changed.
fn copy_of(folder: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    for (path, text) in files(folder) {
        let to = copy.path().join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, text).unwrap();
    }
    copy
}

/// Every file below a folder, with its bytes.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(here) = open.pop() {
        for entry in fs::read_dir(here).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// What the demo's company says besides: where KEDA asks, what its owners decided, and prompts that came.
fn inputs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests/inputs")
}

/// The demo's plan, made once, and a policy that takes it however old it is.
pub(crate) fn plan() -> [String; 4] {
    static PLAN: OnceLock<TempDir> = OnceLock::new();
    let folder = PLAN.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let patient = fs::read_to_string(inputs().join("policy.yaml")).unwrap() + "  most_plan_age_hours: 8760\n";
        fs::write(folder.path().join("patient.yaml"), patient).unwrap();
        let mut command = binary::command(&std::env::temp_dir());
        command.args(["analyze", "--demo", "--quiet", "--format", "json", "--output"]);
        command.arg(folder.path().join("plan.json"));
        for (flag, file) in [("--decisions", "decisions.yaml"), ("--prompt-traces", "prompts")] {
            command.arg(flag).arg(inputs().join(file));
        }
        let made = command.output().unwrap();
        assert!(made.status.success(), "{made:?}");
        folder
    });
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    [
        "--plan".to_owned(),
        path("plan.json"),
        "--policy".to_owned(),
        path("patient.yaml"),
    ]
}

/// Standard output and exit code.
fn patch(manifests: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let mut command = binary::command(&std::env::temp_dir());
    command
        .args(["patch", "--quiet", "--manifests"])
        .arg(manifests)
        .args(plan());
    let output = command.args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty(), "{errors}");
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

#[test]
fn the_demos_manifests_receive_its_plan_and_the_diff_shows_only_what_is_meant() {
    let (diff, code) = patch(&demo(), &["--diff"]);
    assert_eq!(code, Some(0), "{diff}");
    // `git diff --no-index` would show the same; `GPUWISE_BLESS=1` writes it anew.
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests/demo.diff");
    if std::env::var_os("GPUWISE_BLESS").is_some() {
        fs::write(&golden, &diff).unwrap();
    }
    assert_eq!(diff, fs::read_to_string(&golden).unwrap_or_default());
}

#[test]
fn every_lever_that_has_a_patch_changes_the_demos_manifests() {
    let (told, _) = patch(&demo(), &["--format", "json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    let changed: BTreeSet<&str> = told["patches"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|patch| !patch["files"].as_array().unwrap().is_empty())
        .map(|patch| patch["row"].as_str().unwrap())
        .collect();
    let made: Value = serde_json::from_str(&fs::read_to_string(&plan()[1]).unwrap()).unwrap();
    let of_row = |row: &Value| row["levers"].as_array().unwrap().clone();
    let levers: BTreeSet<String> = made["accepted"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| changed.contains(row["id"].as_str().unwrap()))
        .flat_map(of_row)
        .map(|lever| lever.as_str().unwrap().to_owned())
        .collect();
    let judge = Judge::new(&[], Catalog::shipped().unwrap()).unwrap();
    let mut all: BTreeSet<String> = judge.levers().iter().map(|lever| lever.id().to_owned()).collect();
    // How often a job writes a checkpoint stands in its own code.
    assert!(all.remove("checkpointing"));
    assert_eq!(levers, all);
}

#[test]
fn what_is_written_says_so_already_the_second_time() {
    let copy = copy_of(&demo());
    let (first, code) = patch(copy.path(), &["--write", "--format", "json"]);
    assert_eq!(code, Some(0));
    let written = files(copy.path());
    assert_ne!(written, files(&demo()));
    let (second, code) = patch(copy.path(), &["--write", "--format", "json"]);
    assert_eq!(code, Some(0));
    assert_eq!(files(copy.path()), written, "the second time changes nothing");
    let [first, second] = [first, second].map(|text| serde_json::from_str::<Value>(&text).unwrap());
    assert_eq!(first["refused"], second["refused"]);
    let rows = |patches: &Value| -> Vec<String> {
        let all = patches["patches"].as_array().unwrap().iter();
        all.map(|patch| patch["row"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(rows(&first), rows(&second));
    let all = second["patches"].as_array().unwrap();
    assert!(
        all.iter().all(|patch| patch["files"].as_array().unwrap().is_empty()),
        "{second}"
    );
}

#[test]
fn a_diff_is_what_git_applies_and_what_is_written() {
    let (diff, _) = patch(&demo(), &["--diff"]);
    let [applied, written] = [(); 2].map(|()| copy_of(&demo()));
    let patch_file = applied.path().join("all.patch");
    fs::write(&patch_file, diff).unwrap();
    let git = |arguments: &[&str]| {
        let run = std::process::Command::new("git")
            .current_dir(applied.path())
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            run.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&run.stderr)
        );
    };
    git(&["init", "--quiet"]);
    git(&["apply", "--whitespace=nowarn", "all.patch"]);
    fs::remove_file(&patch_file).unwrap();
    fs::remove_dir_all(applied.path().join(".git")).unwrap();
    patch(written.path(), &["--write"]);
    assert_eq!(files(applied.path()), files(written.path()));
}

#[test]
fn files_go_elsewhere_when_asked_and_the_checkout_stays() {
    let (copy, elsewhere) = (copy_of(&demo()), TempDir::new().unwrap());
    let folder = elsewhere.path().join("patched");
    patch(copy.path(), &["--output", folder.to_str().unwrap()]);
    assert_eq!(files(copy.path()), files(&demo()));
    let redaction = String::from_utf8(fs::read(folder.join("legal/redaction.json")).unwrap()).unwrap();
    assert!(
        redaction.contains("\"nvidia.com/gpu.product\": \"NVIDIA-L4\""),
        "{redaction}"
    );
    assert!(!folder.join("search/services.yml").exists());
}

/// A run on manifests that were prepared is refused with these words; the files before and after.
fn refused(prepare: &dyn Fn(&Path), told: &str) -> [BTreeMap<PathBuf, Vec<u8>>; 2] {
    let copy = copy_of(&demo());
    prepare(copy.path());
    let before = files(copy.path());
    let mut command = binary::command(&std::env::temp_dir());
    command
        .args(["patch", "--quiet", "--write", "--manifests"])
        .arg(copy.path())
        .args(plan());
    let output = command.output().unwrap();
    let [out, err] = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said).into_owned());
    assert_eq!(output.status.code(), Some(6), "{told}: {out}{err}");
    assert!(out.contains(told) || err.contains(told), "{told}: {out}{err}");
    [before, files(copy.path())]
}

fn git(root: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
    let mut command = std::process::Command::new("git");
    let run = command
        .current_dir(root)
        .args(identity)
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "git {arguments:?}: {said}");
}

fn edit(path: PathBuf, of: &dyn Fn(String) -> String) {
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, of(text)).unwrap();
}

#[test]
fn a_dirty_checkout_is_told_and_left_as_it_was() {
    let dirty = |root: &Path| {
        git(root, &["init", "--quiet"]);
        git(root, &["add", "--all"]);
        git(root, &["commit", "--quiet", "--message", "all"]);
        edit(root.join("search/services.yaml"), &|text| text + "# tomorrow\n");
    };
    let [before, after] = refused(&dirty, "search/services.yaml have changes that are not committed");
    let files = |all: &BTreeMap<PathBuf, Vec<u8>>| -> BTreeMap<PathBuf, Vec<u8>> {
        let own = all.iter().filter(|(path, _)| !path.starts_with(".git"));
        own.map(|(path, text)| (path.clone(), text.clone())).collect()
    };
    assert_eq!(files(&before), files(&after));
}

#[test]
fn what_is_refused_for_one_workload_leaves_its_files_alone() {
    let legal = Path::new("legal/redaction.json");
    let same = |prepare: &dyn Fn(&Path), told: &str| {
        let [before, after] = refused(prepare, told);
        assert_eq!(before[legal], after[legal], "{told}");
        assert_ne!(before, after, "others are changed");
    };
    let twice = |root: &Path| {
        edit(root.join(legal), &|text| {
            text.replace("\"replicas\": ", "\"replicas\": 1, \"replicas\": ")
        });
    };
    same(&twice, "legal/redaction.json");
    let two = |root: &Path| {
        fs::copy(root.join(legal), root.join("legal/again.json")).unwrap();
    };
    same(
        &two,
        "several manifests become it: legal/again.json, legal/redaction.json",
    );
}

#[cfg(unix)]
#[test]
fn no_link_is_followed() {
    use std::os::unix::fs::symlink;
    let linked = |root: &Path| {
        let aside = root.join("aside");
        fs::create_dir(&aside).unwrap();
        fs::rename(root.join("legal/redaction.json"), aside.join("redaction.txt")).unwrap();
        symlink(aside.join("redaction.txt"), root.join("legal/redaction.json")).unwrap();
        fs::write(root.join("broken.yaml"), "apiVersion: v1\nkind: [").unwrap();
    };
    let [before, after] = refused(&linked, "broken.yaml");
    let aside = Path::new("aside/redaction.txt");
    assert_eq!(before[aside], after[aside]);
}

#[test]
fn a_folder_that_is_not_there_and_a_plan_of_last_month_are_told() {
    let nowhere = binary::command(&std::env::temp_dir())
        .args(["patch", "--demo", "--manifests", "/nowhere/at/all"])
        .output()
        .unwrap();
    assert_eq!(nowhere.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("cannot read /nowhere/at/all"));
    let [plan_flag, path, _, _] = plan();
    let old = binary::command(&std::env::temp_dir())
        .args(["patch", "--quiet", "--diff", &plan_flag, &path, "--manifests"])
        .arg(demo())
        .output()
        .unwrap();
    assert_eq!(old.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&old.stderr).contains("analyze again"),
        "{old:?}"
    );
    // With a source beside it that is done.
    let again = binary::command(&std::env::temp_dir())
        .args([
            "patch",
            "--diff",
            &plan_flag,
            &path,
            "--recording",
            "/nowhere/recorded",
            "--manifests",
        ])
        .arg(demo())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(
        said.contains("it is made again") && said.contains("the recording `/nowhere/recorded`"),
        "{said}"
    );
}
