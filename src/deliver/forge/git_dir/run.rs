//! The `git` program, run so that no hook, pager, prompt or variable of the caller's has a say.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::error::ForgeError;
use super::super::text::boundary;

/// Variables that would lead to another repository or index: they are set where we run from a hook.
const ASIDE: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// Settings that keep programs from being run that nobody asked for.
const CALM: [&str; 8] = [
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
];

/// The program, for one folder.
#[derive(Debug)]
pub(super) struct Git {
    folder: PathBuf,
    /// The repository itself, once it is found. With it named, paths are the repository's and not those of the folder.
    dir: Option<OsString>,
    pub(super) place: String,
}

impl Git {
    /// The repository that a folder is of.
    pub(super) fn of(folder: &Path) -> Result<Self, ForgeError> {
        let mut git = Self {
            folder: folder.to_owned(),
            dir: None,
            place: folder.display().to_string(),
        };
        let dir = git.text("find the repository", &["rev-parse", "--absolute-git-dir"])?;
        let mut named = OsString::from("--git-dir=");
        named.push(dir);
        git.dir = Some(named);
        Ok(git)
    }

    fn output(
        &self,
        what: &str,
        args: &[&str],
        vars: &[(&str, OsString)],
        input: Option<&[u8]>,
    ) -> Result<Output, ForgeError> {
        let failed = |cause| ForgeError::NoGit {
            what: what.to_owned(),
            place: self.place.clone(),
            cause,
        };
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(&self.folder)
            .args(&self.dir)
            .args(CALM)
            .args(args);
        for name in ASIDE {
            command.env_remove(name);
        }
        command.envs([
            ("LC_ALL", "C"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_OPTIONAL_LOCKS", "0"),
        ]);
        command.envs(vars.iter().map(|(name, value)| (name, value)));
        let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut child = command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        // None of these programs answers before it has read all, so that neither waits for the other.
        if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
            // A program that refuses reads no further, and says why below.
            let _ = pipe.write_all(input);
        }
        child.wait_with_output().map_err(failed)
    }

    /// What the program prints, or why it fails.
    pub(super) fn run(
        &self,
        what: &str,
        args: &[&str],
        vars: &[(&str, OsString)],
        input: Option<&[u8]>,
    ) -> Result<Vec<u8>, ForgeError> {
        let output = self.output(what, args, vars, input)?;
        match output.status.success() {
            true => Ok(output.stdout),
            false => Err(self.refused(what, &output)),
        }
    }

    /// What it prints, as one text.
    pub(super) fn text(&self, what: &str, args: &[&str]) -> Result<String, ForgeError> {
        let printed = self.run(what, args, &[], None)?;
        Ok(String::from_utf8_lossy(&printed).trim_end().to_owned())
    }

    /// What it prints, or nothing where it says with its exit code alone that there is nothing.
    pub(super) fn maybe(&self, what: &str, args: &[&str]) -> Result<Option<String>, ForgeError> {
        let output = self.output(what, args, &[], None)?;
        match (output.status.success(), output.stderr.is_empty()) {
            (true, _) => Ok(Some(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())),
            (false, true) => Ok(None),
            (false, false) => Err(self.refused(what, &output)),
        }
    }

    /// Who commits: whoever the repository says, else we ourselves.
    pub(super) fn identity(&self) -> Vec<(&'static str, OsString)> {
        let known = self
            .text("find who commits", &["config", "user.email"])
            .is_ok_and(|email| !email.is_empty());
        match known {
            true => Vec::new(),
            false => vec![
                ("GIT_AUTHOR_NAME", "gpuwise".into()),
                ("GIT_AUTHOR_EMAIL", "gpuwise@invalid".into()),
                ("GIT_COMMITTER_NAME", "gpuwise".into()),
                ("GIT_COMMITTER_EMAIL", "gpuwise@invalid".into()),
            ],
        }
    }

    fn refused(&self, what: &str, output: &Output) -> ForgeError {
        let said = String::from_utf8_lossy(&output.stderr);
        let said: Vec<&str> = said.split_whitespace().collect();
        let said = said.join(" ");
        let said = match said.as_str() {
            "" => format!("nothing, and ends with {}", output.status),
            said => said[..boundary(said, 400)].to_owned(),
        };
        let fix = match said.to_ascii_lowercase() {
            said if said.contains("not a git repository") => "name the folder of a Git repository",
            said if said.contains("dubious ownership") => {
                "it belongs to another user: add it to safe.directory in your Git configuration"
            }
            said if said.contains("read-only") || said.contains("permission") => {
                "see that the repository may be written to"
            }
            said if said.contains("cannot lock ref") || said.contains(".lock") => {
                "the branch is in use, has changed meanwhile or clashes with another name; run again"
            }
            said if said.contains("no space") => "make room on the disk",
            _ => "see whether `git fsck` finds the repository whole",
        };
        ForgeError::Git {
            what: what.to_owned(),
            place: self.place.clone(),
            said,
            fix,
        }
    }
}

/// An index of our own, in a folder that goes away with it.
pub(super) struct Index(PathBuf);

impl Index {
    pub(super) fn new(what: &str, place: &str) -> Result<Self, ForgeError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("gpuwise-index-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        // Made by us or not at all: what others put there is not written to.
        std::fs::create_dir(&folder).map_err(|cause| ForgeError::Git {
            what: what.to_owned(),
            place: place.to_owned(),
            said: format!("{} cannot be made: {cause}", folder.display()),
            fix: "set TMPDIR to a folder that may be written to",
        })?;
        Ok(Self(folder))
    }

    pub(super) fn file(&self) -> OsString {
        self.0.join("index").into_os_string()
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        // Whoever hears of a failure needs to hear of no other.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
