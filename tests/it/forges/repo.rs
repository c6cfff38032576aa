//! A bare repository made with the `git` program, which the fakes keep what they are told in.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex};

use tempfile::TempDir;

/// A manifest as teams keep it: comments and order matter.
pub(super) const CHAT: &str = "# team chat\nkind: Deployment\nspec:\n  replicas: 12 # by day\n";
pub(super) const BATCH: &str = "kind: Job\r\nspec:\r\n  parallelism: 8\r\n";
pub(super) const SCRIPT: &str = "#!/bin/sh\nvllm serve --max-num-seqs 64\n";

/// Whether there is a `git` to test with.
pub(super) fn has_git() -> bool {
    let there = Command::new("git")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok();
    if !there {
        println!("NOT TESTED: pull requests, because the program `git` is not installed");
    }
    there
}

/// Runs git in a folder, with somebody's name.
pub(super) fn git_in(folder: &Path, args: &[&str], input: &[u8], vars: &[(&str, &str)]) -> Vec<u8> {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(folder)
        .args(["-c", "gc.auto=0", "-c", "protocol.file.allow=always"])
        .args(args);
    for who in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{who}_NAME"), "Ann")
            .env(format!("GIT_{who}_EMAIL"), "ann@example.com");
    }
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs(vars.iter().copied());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let there = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&there).unwrap();
            copy(&entry.path(), &there);
        } else {
            std::fs::copy(entry.path(), &there).unwrap();
        }
    }
}

/// The repository.
pub(super) struct Repo {
    pub(super) folder: TempDir,
    /// What is known of commits, trees and blobs, which never change: to ask git each time is what would take the time.
    known: Mutex<BTreeMap<String, Vec<u8>>>,
    heads: Mutex<Option<String>>,
}

/// A file for a commit: path, mode, content. No content takes it away.
pub(super) type Change<'c> = (&'c str, &'c str, Option<&'c str>);

impl Repo {
    /// One commit on `main`, with files, a program, a link and another repository in it: made once, then copied.
    pub(super) fn new() -> Self {
        static FIRST: LazyLock<Repo> = LazyLock::new(Repo::first);
        let folder = TempDir::new().unwrap();
        copy(FIRST.folder.path(), folder.path());
        Self::at(folder)
    }

    fn at(folder: TempDir) -> Self {
        let (known, heads) = (Mutex::default(), Mutex::default());
        Self { folder, known, heads }
    }

    fn first() -> Self {
        // Nothing takes it away in the end, so that it lies where Cargo cleans up.
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        git_in(
            folder.path(),
            &["init", "-q", "--bare", "-b", "main", "--template="],
            &[],
            &[],
        );
        let repo = Self::at(folder);
        let files: [Change<'_>; 6] = [
            ("deploy/chat.yaml", "100644", Some(CHAT)),
            ("deploy/jobs/batch.yaml", "100644", Some(BATCH)),
            ("bin/serve.sh", "100755", Some(SCRIPT)),
            ("deploy/link.yaml", "120000", Some("/etc/passwd")),
            ("out", "120000", Some("..")),
            ("README.md", "100644", Some("# ML\n")),
        ];
        let base = repo.commit(None, &files, "First");
        let vendor = format!("160000 {base}\tvendor\0");
        let tree = repo.tree(Some(&base), vendor.as_bytes());
        let base = repo.text(&["commit-tree", &tree, "-p", &base, "-m", "Vendor"], &[]);
        repo.point("main", Some(&base));
        repo
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(super) fn bytes(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let reads = matches!(
            args[0],
            "cat-file" | "ls-tree" | "rev-list" | "diff-tree" | "rev-parse" | "read-tree" | "hash-object"
        );
        let hash = |text: &str| text.len() >= 40 && text.as_bytes()[..40].iter().all(u8::is_ascii_hexdigit);
        let input_text = String::from_utf8_lossy(input);
        if !reads || !(args.iter().any(|arg| hash(arg)) || hash(&input_text)) {
            return git_in(self.folder.path(), args, input, &[]);
        }
        let key = format!("{args:?} {input_text}");
        if let Some(known) = self.known.lock().unwrap().get(&key) {
            return known.clone();
        }
        let found = git_in(self.folder.path(), args, input, &[]);
        if !found.ends_with(b"missing\n") {
            self.known.lock().unwrap().insert(key, found.clone());
        }
        found
    }

    pub(super) fn text(&self, args: &[&str], input: &[u8]) -> String {
        String::from_utf8(self.bytes(args, input))
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// A tree like that of a commit, with these index lines on top.
    fn tree(&self, base: Option<&str>, lines: &[u8]) -> String {
        let index = TempDir::new().unwrap();
        let index = index.path().join("index");
        let vars = [("GIT_INDEX_FILE", index.to_str().unwrap())];
        if let Some(base) = base {
            git_in(self.folder.path(), &["read-tree", base], &[], &vars);
        }
        git_in(
            self.folder.path(),
            &["update-index", "-z", "--index-info"],
            lines,
            &vars,
        );
        let tree = git_in(self.folder.path(), &["write-tree"], &[], &vars);
        String::from_utf8(tree).unwrap().trim().to_owned()
    }

    /// The tree of a commit or tree with files changed.
    pub(super) fn changed(&self, base: Option<&str>, files: &[Change<'_>]) -> String {
        let mut lines = String::new();
        for (path, mode, content) in files {
            match content {
                Some(content) => {
                    let sha = self.text(&["hash-object", "-w", "--stdin"], content.as_bytes());
                    lines.push_str(&format!("{mode} {sha}\t{path}\0"));
                }
                None => lines.push_str(&format!("0 {}\t{path}\0", "0".repeat(40))),
            }
        }
        self.tree(base, lines.as_bytes())
    }

    /// A commit that no branch points to.
    pub(super) fn commit(&self, parent: Option<&str>, files: &[Change<'_>], message: &str) -> String {
        let tree = self.changed(parent, files);
        let mut args = vec!["commit-tree", tree.as_str(), "-F", "-"];
        if let Some(parent) = parent {
            args.extend(["-p", parent]);
        }
        self.text(&args, message.as_bytes())
    }

    /// Somebody commits to a branch.
    pub(super) fn push(&self, branch: &str, files: &[Change<'_>], message: &str) -> String {
        let head = self.head(branch).unwrap();
        let commit = self.commit(Some(&head), files, message);
        self.point(branch, Some(&commit));
        commit
    }

    pub(super) fn point(&self, branch: &str, commit: Option<&str>) {
        let name = format!("refs/heads/{branch}");
        *self.heads.lock().unwrap() = None;
        match commit {
            Some(commit) => self.text(&["update-ref", &name, commit], &[]),
            None => self.text(&["update-ref", "-d", &name], &[]),
        };
    }

    pub(super) fn heads(&self) -> Vec<(String, String)> {
        let ask = || {
            self.text(
                &["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads"],
                &[],
            )
        };
        // All that moves a branch here goes through `point`.
        let listed = self.heads.lock().unwrap().get_or_insert_with(ask).clone();
        let line = |line: &str| {
            let (name, sha) = line.split_once(' ').unwrap();
            (name.strip_prefix("refs/heads/").unwrap().to_owned(), sha.to_owned())
        };
        listed.lines().map(line).collect()
    }

    pub(super) fn head(&self, branch: &str) -> Option<String> {
        self.heads()
            .into_iter()
            .find(|(name, _)| name == branch)
            .map(|(_, sha)| sha)
    }

    /// Every ref and what it points to.
    pub(super) fn refs(&self) -> String {
        self.text(&["for-each-ref"], &[])
    }

    pub(super) fn show(&self, commit: &str, path: &str) -> Option<String> {
        let listed = self.text(&["ls-tree", commit, "--", path], &[]);
        if listed.is_empty() {
            return None;
        }
        Some(String::from_utf8(self.bytes(&["cat-file", "blob", &format!("{commit}:{path}")], &[])).unwrap())
    }

    pub(super) fn mode(&self, commit: &str, path: &str) -> String {
        self.text(&["ls-tree", commit, "--", path], &[])[..6].to_owned()
    }

    /// Whether a hash is of this type.
    pub(super) fn is(&self, kind: &str, sha: &str) -> bool {
        let asked = self.bytes(
            &["cat-file", "--batch-check=%(objecttype)"],
            format!("{sha}\n").as_bytes(),
        );
        String::from_utf8(asked).unwrap().trim() == kind
    }

    pub(super) fn parents(&self, commit: &str) -> Vec<String> {
        let line = self.text(&["rev-list", "--parents", "-n1", commit], &[]);
        line.split(' ').skip(1).map(str::to_owned).collect()
    }

    pub(super) fn message(&self, commit: &str) -> String {
        let raw = String::from_utf8(self.bytes(&["cat-file", "commit", commit], &[])).unwrap();
        raw.split_once("\n\n").unwrap().1.to_owned()
    }

    pub(super) fn touched(&self, commit: &str) -> Vec<String> {
        let diff = self.text(&["diff-tree", "--no-commit-id", "--name-only", "-r", commit], &[]);
        diff.lines().map(str::to_owned).collect()
    }

    /// Commits of a branch that its base has not.
    pub(super) fn ahead(&self, branch: &str) -> usize {
        let count = self.text(&["rev-list", "--count", &format!("main..{branch}")], &[]);
        count.parse().unwrap()
    }

    /// Mode, hash and name of what lies in a tree.
    pub(super) fn list(&self, tree: &str) -> Option<Vec<(String, String, String)>> {
        if !self.is("tree", tree) && !self.is("commit", tree) {
            return None;
        }
        let listed = self.text(&["ls-tree", "-z", tree], &[]);
        let line = |line: &str| {
            let (head, name) = line.split_once('\t').unwrap();
            let words: Vec<&str> = head.split(' ').collect();
            (words[0].to_owned(), words[2].to_owned(), name.to_owned())
        };
        Some(listed.split('\0').filter(|line| !line.is_empty()).map(line).collect())
    }
}
