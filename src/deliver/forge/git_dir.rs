//! A repository on this machine, through the plumbing of the `git` program: a branch is made, and work tree, index and HEAD
//! are not touched. There are no pull requests here, so nothing is closed and no "not now" is known.

mod run;

use std::path::{Path, PathBuf};

use self::run::{Git, Index};
use super::error::ForgeError;
use super::{Abilities, Edit, Entry, Forge, Found, Mode, NewCommit, NewPull, Pull, Told, marker};

/// A repository on this machine.
#[derive(Debug)]
pub struct GitDir {
    git: Git,
}

impl GitDir {
    /// The repository that this folder is of: a checkout or a folder within, a work tree, or a bare one.
    ///
    /// # Errors
    /// When there is none, or no `git`.
    pub fn open(folder: &Path) -> Result<Self, ForgeError> {
        Ok(Self { git: Git::of(folder)? })
    }

    /// The work tree in which a branch is checked out.
    fn checked_out(&self, branch: &str) -> Result<Option<PathBuf>, ForgeError> {
        let listed = self
            .git
            .run("list work trees", &["worktree", "list", "--porcelain"], &[], None)?;
        let listed = String::from_utf8_lossy(&listed);
        let (mut folder, wanted) = (None, format!("branch refs/heads/{branch}"));
        for line in listed.lines() {
            if let Some(path) = line.strip_prefix("worktree ") {
                folder = Some(PathBuf::from(path));
            }
            if line == wanted {
                return Ok(folder);
            }
        }
        Ok(None)
    }

    fn written(&self, commit: NewCommit<'_>) -> Result<String, ForgeError> {
        let what = format!("commit to `{}`", commit.branch);
        if let Some(folder) = self.checked_out(commit.branch)? {
            let (place, folder) = (self.git.place.clone(), folder.display().to_string());
            return Err(ForgeError::CheckedOut { what, place, folder });
        }
        let index = Index::new(&what, &self.git.place)?;
        let own = [("GIT_INDEX_FILE", index.file())];
        self.git.run(&what, &["read-tree", commit.onto], &own, None)?;
        let mut lines = Vec::new();
        for file in commit.files {
            let content = Some(file.after.as_bytes());
            let sha = self
                .git
                .run(&what, &["hash-object", "-w", "-t", "blob", "--stdin"], &[], content)?;
            let sha = String::from_utf8_lossy(&sha).trim().to_owned();
            lines.extend_from_slice(format!("{} {sha}\t{}\0", file.mode().octal(), file.path).as_bytes());
        }
        self.git
            .run(&what, &["update-index", "-z", "--index-info"], &own, Some(&lines))?;
        let tree = self.git.run(&what, &["write-tree"], &own, None)?;
        let tree = String::from_utf8_lossy(&tree).trim().to_owned();
        let message = marker::message(commit.message, commit.onto, commit.files);
        let who = self.git.identity();
        let made = ["commit-tree", &tree, "-p", commit.onto, "-F", "-"];
        let made = self.git.run(&what, &made, &who, Some(message.as_bytes()))?;
        let made = String::from_utf8_lossy(&made).trim().to_owned();
        // Where the branch stands otherwise than it did, or is there though it was not, nothing is done.
        let name = format!("refs/heads/{}", commit.branch);
        let moved = ["update-ref", "-m", "gpuwise", &name, &made, commit.was.unwrap_or("")];
        self.git.run(&what, &moved, &who, None)?;
        Ok(made)
    }

    fn found(&self, sha: &str) -> Result<Found, ForgeError> {
        let what = "read a commit";
        let raw = self.git.run(what, &["cat-file", "commit", sha], &[], None)?;
        let raw = String::from_utf8_lossy(&raw);
        let (head, message) = raw.split_once("\n\n").unwrap_or((&raw, ""));
        let parents = head
            .lines()
            .filter_map(|line| Some(line.strip_prefix("parent ")?.to_owned()));
        let diff = [
            "diff-tree",
            "--root",
            "--no-commit-id",
            "--name-only",
            "--no-renames",
            "-r",
            "-z",
            sha,
        ];
        let diff = self.git.run(what, &diff, &[], None)?;
        let changed = String::from_utf8_lossy(&diff)
            .split('\0')
            .filter(|path| !path.is_empty())
            .map(str::to_owned)
            .collect();
        Ok(Found {
            parents: parents.collect(),
            message: message.to_owned(),
            changed,
        })
    }

    fn listed(&self, tree: &str) -> Result<Vec<Entry>, ForgeError> {
        let raw = self.git.run("list a folder", &["ls-tree", "-z", tree], &[], None)?;
        let raw = String::from_utf8_lossy(&raw);
        let entry = |line: &str| {
            let (head, name) = line.split_once('\t')?;
            let mut words = head.split(' ');
            let (mode, _kind, sha) = (words.next()?, words.next()?, words.next()?);
            Some(Entry {
                name: name.to_owned(),
                mode: Mode::of(mode),
                sha: sha.to_owned(),
            })
        };
        Ok(raw.split('\0').filter_map(entry).collect())
    }

    fn head_of(&self, branch: &str) -> Result<Option<String>, ForgeError> {
        let what = format!("find the branch `{branch}`");
        let names = match branch {
            "HEAD" => vec!["HEAD".to_owned()],
            _ => vec![format!("refs/heads/{branch}"), format!("refs/remotes/{branch}")],
        };
        for name in names {
            let commit = format!("{name}^{{commit}}");
            if let Some(sha) = self.git.maybe(&what, &["rev-parse", "--verify", "--quiet", &commit])? {
                return Ok(Some(sha));
            }
        }
        Ok(None)
    }

    fn branches_of(&self, prefix: &str) -> Result<Vec<(String, String)>, ForgeError> {
        let pattern = format!("refs/heads/{}", prefix.trim_end_matches('/'));
        let listed = self.git.text(
            "list branches",
            &["for-each-ref", "--format=%(objectname) %(refname)", &pattern],
        )?;
        let branch = |line: &str| {
            let (sha, name) = line.split_once(' ')?;
            let name = name
                .strip_prefix("refs/heads/")
                .filter(|name| name.starts_with(prefix))?;
            Some((name.to_owned(), sha.to_owned()))
        };
        Ok(listed.lines().filter_map(branch).collect())
    }

    /// What is asked of a forge and is not here.
    fn none<T>(&self, what: &str) -> Result<T, ForgeError> {
        Err(ForgeError::Git {
            what: what.to_owned(),
            place: self.git.place.clone(),
            said: "a repository on a disk has no pull requests".to_owned(),
            fix: "push the branch and open one, or name the forge",
        })
    }
}

impl Forge for GitDir {
    fn shown(&self) -> String {
        self.git.place.clone()
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            pull_requests: false,
            body: usize::MAX,
        }
    }

    fn default_branch(&self) -> Told<'_, String> {
        Box::pin(async move {
            let found = self
                .git
                .maybe("find HEAD", &["symbolic-ref", "--quiet", "--short", "HEAD"])?;
            Ok(found.unwrap_or_else(|| "HEAD".to_owned()))
        })
    }

    fn head<'a>(&'a self, branch: &'a str) -> Told<'a, Option<String>> {
        Box::pin(async move { self.head_of(branch) })
    }

    fn branches<'a>(&'a self, prefix: &'a str) -> Told<'a, Vec<(String, String)>> {
        Box::pin(async move { self.branches_of(prefix) })
    }

    fn list<'a>(&'a self, _commit: &'a str, _path: &'a str, tree: &'a str) -> Told<'a, Vec<Entry>> {
        Box::pin(async move { self.listed(tree) })
    }

    fn blob<'a>(&'a self, sha: &'a str) -> Told<'a, Vec<u8>> {
        Box::pin(async move { self.git.run("read a file", &["cat-file", "blob", sha], &[], None) })
    }

    fn commit<'a>(&'a self, sha: &'a str) -> Told<'a, Found> {
        Box::pin(async move { self.found(sha) })
    }

    fn open<'a>(&'a self, _prefix: &'a str) -> Told<'a, Vec<Pull>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn past<'a>(&'a self, _branch: &'a str) -> Told<'a, Vec<Pull>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn comments(&self, _number: u64) -> Told<'_, Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn write<'a>(&'a self, commit: NewCommit<'a>) -> Told<'a, String> {
        Box::pin(async move { self.written(commit) })
    }

    fn create<'a>(&'a self, _pull: NewPull<'a>) -> Told<'a, (Pull, Vec<String>)> {
        Box::pin(async { self.none("open a pull request") })
    }

    fn edit<'a>(&'a self, _number: u64, _edit: Edit<'a>) -> Told<'a, ()> {
        Box::pin(async { self.none("edit a pull request") })
    }

    fn comment<'a>(&'a self, _number: u64, _text: &'a str) -> Told<'a, ()> {
        Box::pin(async { self.none("comment on a pull request") })
    }

    fn delete<'a>(&'a self, _branch: &'a str) -> Told<'a, ()> {
        Box::pin(async { self.none("delete a branch") })
    }
}
