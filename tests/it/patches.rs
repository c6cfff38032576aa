//! `gpuwise patch` on the demo's manifests and on manifests in ways that people write them.

mod cases;
mod kustomized;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

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

/// Standard output and exit code.
fn patch(manifests: &Path, arguments: &[&str]) -> (String, Option<i32>) {
    let mut command = binary::command(&std::env::temp_dir());
    command
        .args(["patch", "--demo", "--quiet", "--manifests"])
        .arg(manifests);
    let output = command.args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty(), "{errors}");
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

#[test]
fn the_demos_manifests_receive_its_plan_and_the_diff_shows_only_what_is_meant() {
    let demo_now = binary::command(&std::env::temp_dir())
        .args(["patch", "--demo", "--quiet", "--diff", "--manifests"])
        .arg(demo())
        .output()
        .unwrap();
    assert_eq!(demo_now.status.code(), Some(0), "{demo_now:?}");
    let diff = String::from_utf8(demo_now.stdout).unwrap();
    // `git diff --no-index` would show the same; `GPUWISE_BLESS=1` writes it anew.
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests/demo.diff");
    if std::env::var_os("GPUWISE_BLESS").is_some() {
        fs::write(&golden, &diff).unwrap();
    }
    assert_eq!(diff, fs::read_to_string(&golden).unwrap_or_default());
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

#[test]
fn what_cannot_be_done_is_told_and_leaves_the_checkout_as_it_was() {
    let refused = |prepare: &dyn Fn(&Path), told: &str| {
        let copy = copy_of(&demo());
        prepare(copy.path());
        let before = files(copy.path());
        let mut command = binary::command(&std::env::temp_dir());
        command
            .args(["patch", "--quiet", "--write", "--manifests"])
            .arg(copy.path())
            .args(plan());
        let output = command.output().unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(6), "{told}: {said}");
        assert!(said.contains(told), "{told}: {said}");
        (before, files(copy.path()))
    };
    let same = |prepare: &dyn Fn(&Path), told: &str| {
        let (before, after) = refused(prepare, told);
        assert_eq!(before, after, "{told}");
    };
    let git = |root: &Path, arguments: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
        let run = std::process::Command::new("git")
            .current_dir(root)
            .args(identity)
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            run.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&run.stderr)
        );
    };
    let edit = |path: PathBuf, of: &dyn Fn(String) -> String| {
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, of(text)).unwrap();
    };
    let dirty = |root: &Path| {
        git(root, &["init", "--quiet"]);
        git(root, &["add", "--all"]);
        git(root, &["commit", "--quiet", "--message", "all"]);
        edit(root.join("search/services.yaml"), &|text| text + "# tomorrow\n");
    };
    same(&dirty, "search/services.yaml have changes that are not committed");
    // What is refused for one workload leaves its files alone, and only those.
    let twice = |root: &Path| {
        edit(root.join("legal/redaction.json"), &|text| {
            text.replace("\"replicas\": ", "\"replicas\": 1, \"replicas\": ")
        })
    };
    let (before, after) = refused(&twice, "legal/redaction.json");
    let legal = Path::new("legal/redaction.json");
    assert_eq!(before[legal], after[legal]);
    let two = |root: &Path| {
        fs::copy(root.join("legal/redaction.json"), root.join("legal/again.json")).unwrap();
    };
    let (before, after) = refused(
        &two,
        "several manifests become it: legal/again.json, legal/redaction.json",
    );
    assert_eq!(before[legal], after[legal]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        let linked = |root: &Path| {
            let aside = root.join("aside");
            fs::create_dir(&aside).unwrap();
            fs::rename(root.join("legal/redaction.json"), aside.join("redaction.txt")).unwrap();
            symlink(aside.join("redaction.txt"), root.join("legal/redaction.json")).unwrap();
            fs::write(root.join("broken.yaml"), "apiVersion: v1\nkind: [").unwrap();
        };
        refused(&linked, "broken.yaml");
    }
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
}
