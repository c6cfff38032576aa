//! Branches in a repository on this machine: whatever state its work tree is in, nothing but the branch changes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use gpuwise::deliver::forge::GitDir;
use tempfile::TempDir;

use super::repo::{Repo, git_in};
use super::*;

fn run_in(folder: &Path, topics: &[Topic]) -> Result<Vec<Outcome>, ForgeError> {
    let forge = GitDir::open(folder)?;
    wait_for(reconcile(&forge, topics, &Settings::new(PREFIX, now()), &Silent))
}

fn git(folder: &Path, args: &[&str]) -> String {
    String::from_utf8(git_in(folder, args, &[], &[]))
        .unwrap()
        .trim_end()
        .to_owned()
}

/// A clone with a work tree, and where the clone was made from.
fn cloned() -> (TempDir, PathBuf) {
    let (origin, folder) = (Repo::new(), TempDir::new().unwrap());
    git_in(
        folder.path(),
        &["clone", "-q", origin.path().to_str().unwrap(), "ml"],
        &[],
        &[],
    );
    let ml = folder.path().join("ml");
    (folder, ml)
}

/// Every file of a work tree, with its index and HEAD, byte for byte.
fn everything(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let inside = path.file_name().unwrap();
            if path.is_symlink() {
                found.insert(
                    path.clone(),
                    fs::read_link(&path).unwrap().to_str().unwrap().as_bytes().to_vec(),
                );
            } else if path.is_dir() {
                if inside != "objects" && inside != "refs" && inside != "logs" {
                    folders.push(path);
                }
            } else {
                found.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn a_branch_is_made_once_and_kept_up_to_date() {
    if !has_git() {
        return;
    }
    let (_keep, ml) = cloned();
    assert_eq!(
        told(&run_in(&ml, &[chat(), batch()]).unwrap()),
        "chat: new\nbatch: new\n"
    );
    let head = git(&ml, &["rev-parse", "gpuwise/prod/chat"]);
    assert_eq!(git(&ml, &["rev-list", "--count", "main..gpuwise/prod/chat"]), "1");
    assert_eq!(
        git(&ml, &["show", "gpuwise/prod/chat:bin/serve.sh"]),
        chat().files[2].after.trim_end()
    );
    assert!(git(&ml, &["ls-tree", "gpuwise/prod/chat", "bin/serve.sh"]).starts_with("100755"));
    assert_eq!(
        git(&ml, &["diff", "--name-only", "main", "gpuwise/prod/batch"]),
        "deploy/jobs/batch.yaml"
    );
    let refs = git(&ml, &["for-each-ref"]);
    assert_eq!(
        told(&run_in(&ml, &[chat(), batch()]).unwrap()),
        "chat: unchanged\nbatch: unchanged\n"
    );
    assert_eq!(git(&ml, &["for-each-ref"]), refs);
    let mut other = chat();
    other.files[0].after.push_str("# other\n");
    let outcomes = run_in(&ml, &[other.clone()]).unwrap();
    assert_eq!(
        told(&outcomes),
        "chat: brought up to date\nbatch: no longer proposed; `git branch -D` takes the branch away\n"
    );
    assert_ne!(git(&ml, &["rev-parse", "gpuwise/prod/chat"]), head);
    assert_eq!(git(&ml, &["rev-list", "--count", "main..gpuwise/prod/chat"]), "1");
    // A commit of somebody's.
    let mine = git(
        &ml,
        &[
            "commit-tree",
            "gpuwise/prod/chat^{tree}",
            "-p",
            "gpuwise/prod/chat",
            "-m",
            "Mine",
        ],
    );
    git(&ml, &["update-ref", "refs/heads/gpuwise/prod/chat", &mine]);
    assert!(told(&run_in(&ml, &[chat()]).unwrap()).starts_with("chat: left alone"));
    assert_eq!(git(&ml, &["rev-parse", "gpuwise/prod/chat"]), mine);
}

#[test]
fn work_tree_index_and_head_stay_whatever_state_they_are_in() {
    if !has_git() {
        return;
    }
    let dirty = |ml: &Path| {
        fs::write(ml.join("deploy/chat.yaml"), "half an edit").unwrap();
        fs::write(ml.join("README.md"), "staged").unwrap();
        git(ml, &["add", "README.md"]);
        fs::write(ml.join("untracked"), "x").unwrap();
    };
    let detached = |ml: &Path| {
        git(ml, &["checkout", "-q", "--detach"]);
    };
    // A hook that would run, and refuse.
    let hooked = |ml: &Path| {
        git(ml, &["config", "core.hooksPath", "hooks"]);
        fs::create_dir(ml.join("hooks")).unwrap();
        let hook = ml.join("hooks/reference-transaction");
        fs::write(&hook, "#!/bin/sh\ntouch ran\nexit 1\n").unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let states: [&dyn Fn(&Path); 3] = [&dirty, &detached, &hooked];
    for state in states {
        let (_keep, ml) = cloned();
        state(&ml);
        let before = everything(&ml);
        assert_eq!(told(&run_in(&ml, &[chat()]).unwrap()), "chat: new\n");
        // From a folder within it is the same repository.
        assert_eq!(
            told(&run_in(&ml.join("deploy"), &[chat()]).unwrap()),
            "chat: unchanged\n"
        );
        assert_eq!(everything(&ml), before);
    }
}

#[test]
fn bare_repositories_and_work_trees_are_written_to_and_a_branch_in_use_is_not() {
    if !has_git() {
        return;
    }
    let bare = Repo::new();
    assert_eq!(told(&run_in(&bare.path(), &[chat()]).unwrap()), "chat: new\n");
    assert_eq!(bare.ahead("gpuwise/prod/chat"), 1);
    let (keep, ml) = cloned();
    let other = keep.path().join("other");
    git(&ml, &["worktree", "add", "-q", "-b", "side", other.to_str().unwrap()]);
    let before = everything(&other);
    assert_eq!(told(&run_in(&other, &[chat()]).unwrap()), "chat: new\n");
    assert_eq!(everything(&other), before);
    git(&other, &["checkout", "-q", "gpuwise/prod/chat"]);
    let (refs, before) = (git(&ml, &["for-each-ref"]), everything(&other));
    let mut topic = chat();
    topic.files[0].after.push_str("# other\n");
    let outcomes = run_in(&ml, &[topic]).unwrap();
    assert!(
        told(&outcomes).contains("the branch is checked out in") && told(&outcomes).contains("other"),
        "{}",
        told(&outcomes)
    );
    assert_eq!((git(&ml, &["for-each-ref"]), everything(&other)), (refs, before));
}

#[test]
fn what_is_no_repository_or_may_not_be_written_to_says_so() {
    if !has_git() {
        return;
    }
    let empty = TempDir::new().unwrap();
    let told_of = |folder: &Path| run_in(folder, &[chat()]).unwrap_err().to_string();
    assert!(
        told_of(empty.path()).contains("name the folder of a Git repository"),
        "{}",
        told_of(empty.path())
    );
    assert!(run_in(&empty.path().join("gone"), &[chat()]).is_err());
    git(empty.path(), &["init", "-q", "-b", "main"]);
    assert!(
        told_of(empty.path()).contains("has no branch `main`"),
        "{}",
        told_of(empty.path())
    );
    let (_keep, ml) = cloned();
    let mode = |mode| {
        let set = |path: PathBuf| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        set(ml.join(".git/refs/heads"));
        set(ml.join(".git/objects"));
    };
    let refs = git(&ml, &["for-each-ref"]);
    mode(0o555);
    // Root may write everywhere, and then this is no test.
    let writable = fs::write(ml.join(".git/objects/probe"), "").is_ok();
    let outcomes = run_in(&ml, &[chat()]).unwrap();
    mode(0o755);
    if writable {
        println!("NOT TESTED: a repository that may not be written to, because root may");
        return;
    }
    assert!(
        told(&outcomes).contains("see that the repository may be written to"),
        "{}",
        told(&outcomes)
    );
    assert_eq!(git(&ml, &["for-each-ref"]), refs);
}

#[test]
fn stale_checkouts_links_and_dry_runs_write_no_object() {
    if !has_git() {
        return;
    }
    let (_keep, ml) = cloned();
    let count = || git(&ml, &["count-objects", "-v"]);
    let (refs, objects) = (git(&ml, &["for-each-ref"]), count());
    let mut stale = chat();
    stale.files[0].before = Some("old\n".to_owned());
    assert!(told(&run_in(&ml, &[stale]).unwrap()).contains("the checkout is not what `main` holds"));
    let link = Topic {
        files: vec![change("deploy/link.yaml", "/etc/passwd", "a: 1\n")],
        ..chat()
    };
    assert!(told(&run_in(&ml, &[link]).unwrap()).contains("is a symbolic link"));
    let forge = GitDir::open(&ml).unwrap();
    let mut settings = Settings::new(PREFIX, now());
    settings.dry_run = true;
    let dry = wait_for(reconcile(&forge, &[chat()], &settings, &Silent)).unwrap();
    assert_eq!(told(&dry), "chat: new\n");
    assert_eq!((git(&ml, &["for-each-ref"]), count()), (refs, objects));
}

#[test]
fn a_branch_of_a_remote_may_be_the_base() {
    if !has_git() {
        return;
    }
    // As a build that checks out one commit has it.
    let (_keep, ml) = cloned();
    git(&ml, &["checkout", "-q", "--detach"]);
    git(&ml, &["branch", "-D", "main"]);
    let forge = GitDir::open(&ml).unwrap();
    let mut settings = Settings::new(PREFIX, now());
    settings.base = Some("origin/main".to_owned());
    assert_eq!(
        told(&wait_for(reconcile(&forge, &[chat()], &settings, &Silent)).unwrap()),
        "chat: new\n"
    );
}

#[test]
fn a_branch_that_another_git_holds_is_left_to_it() {
    if !has_git() {
        return;
    }
    let (_keep, ml) = cloned();
    let folder = ml.join(".git/refs/heads/gpuwise/prod");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("chat.lock"), "").unwrap();
    let refs = git(&ml, &["for-each-ref"]);
    let outcomes = run_in(&ml, &[chat(), batch()]).unwrap();
    assert!(
        told(&outcomes).contains("is in use, has changed meanwhile"),
        "{}",
        told(&outcomes)
    );
    // The other topic has nothing to do with it.
    assert!(told(&outcomes).contains("batch: new"), "{}", told(&outcomes));
    git(&ml, &["update-ref", "-d", "refs/heads/gpuwise/prod/batch"]);
    assert_eq!(git(&ml, &["for-each-ref"]), refs);
    // A branch of somebody's stands where a folder of ours would be.
    fs::remove_file(folder.join("chat.lock")).unwrap();
    fs::remove_dir(&folder).unwrap();
    git(&ml, &["branch", "gpuwise/prod", "main"]);
    let outcomes = run_in(&ml, &[chat()]).unwrap();
    assert!(
        told(&outcomes).contains("clashes with another name"),
        "{}",
        told(&outcomes)
    );
    assert_eq!(
        git(&ml, &["rev-parse", "gpuwise/prod"]),
        git(&ml, &["rev-parse", "main"])
    );
}

#[test]
fn nothing_of_an_index_is_left_behind() {
    if !has_git() {
        return;
    }
    let own = format!("gpuwise-index-{}-", std::process::id());
    let (_keep, ml) = cloned();
    run_in(&ml, &[chat()]).unwrap();
    let mut broken = chat();
    broken.files[0].after.push('x');
    fs::write(ml.join(".git/refs/heads/gpuwise/prod/chat.lock"), "").unwrap();
    assert!(run_in(&ml, &[broken]).unwrap()[0].done.is_refusal());
    let left = || {
        let names = fs::read_dir(std::env::temp_dir())
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.to_str().is_some_and(|name| name.starts_with(&own)))
            .count()
    };
    // Other tests are at it, too, but none for so long.
    let gone = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        left() == 0
    });
    assert!(gone, "{own}* stays in {}", std::env::temp_dir().display());
}
