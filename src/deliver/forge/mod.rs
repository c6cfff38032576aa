//! Pull requests: what is to be changed becomes one branch with one commit and one pull request a topic, on GitHub, GitLab,
//! Gitea and Forgejo, or a branch alone in a repository on this machine.
//!
//! There is no database: the name of the branch is the topic's identity, and a comment in the body of its pull request (the
//! [`marker`]) says what was written. [`reconcile`] brings what is there to what is wanted; a second run changes nothing.

mod checkout;
mod dry;
mod error;
mod foreign;
mod git_dir;
mod gitea;
mod github;
mod gitlab;
mod ground;
mod http;
pub mod marker;
mod names;
mod obsolete;
mod outcome;
mod reconcile;
mod refusal;
mod settings;
mod text;
mod tree;
mod wanted;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

pub use self::checkout::{Checkout, checkout};
pub use self::error::ForgeError;
pub use self::git_dir::GitDir;
pub use self::gitea::Gitea;
pub use self::github::GitHub;
pub use self::gitlab::GitLab;
pub use self::outcome::{Done, Link, Outcome, Written};
pub use self::reconcile::reconcile;
pub use self::settings::{Clock, Settings, System};

/// What one pull request is to contain.
#[derive(Debug, Clone, PartialEq)]
pub struct Topic {
    /// `gpuwise/<cluster>/<topic>`: the topic's identity. A slash within the topic, or a name too long, is replaced by a hash,
    /// always in the same way.
    pub branch: String,
    /// One line. Renovate's users know a pull request by it.
    pub title: String,
    /// Markdown, without the marker.
    pub body: String,
    /// Of the commit.
    pub message: String,
    /// Set when the pull request is made; who takes one away later is left alone.
    pub labels: Vec<String>,
    /// User names; teams as `@org/team`.
    pub reviewers: Vec<String>,
    /// What is written.
    pub files: Vec<FileChange>,
    /// What it saves a month: a closed one stays closed until this has grown materially.
    pub monthly: f64,
}

/// One file, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Relative to the repository, with forward slashes.
    pub path: String,
    /// What the base branch must hold for this to be written; `None` where the file is new.
    pub before: Option<String>,
    /// What the branch will hold.
    pub after: String,
}

/// What a name in a folder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A file: 100644.
    File,
    /// A file that may be run: 100755.
    Executable,
    /// A symbolic link: 120000.
    Symlink,
    /// Another repository: 160000.
    Submodule,
    /// A folder: 040000.
    Folder,
}

impl Mode {
    /// From Git's octal digits.
    pub(crate) fn of(octal: &str) -> Self {
        match octal {
            "100755" => Self::Executable,
            "120000" => Self::Symlink,
            "160000" => Self::Submodule,
            "040000" | "40000" => Self::Folder,
            _ => Self::File,
        }
    }

    /// Git's octal digits.
    pub(crate) fn octal(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
            Self::Submodule => "160000",
            Self::Folder => "040000",
        }
    }
}

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Without the folder.
    pub name: String,
    /// What it stands for.
    pub mode: Mode,
    /// Of the blob, tree or commit.
    pub sha: String,
}

/// Where a pull request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits.
    Open,
    /// It was closed and not merged.
    Closed,
    /// It is in.
    Merged,
}

/// A pull request that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// The number that people use.
    pub number: u64,
    /// For people.
    pub url: String,
    /// Its branch.
    pub branch: String,
    /// Without a mark that it is a draft.
    pub title: String,
    /// As the server keeps it.
    pub body: String,
    /// Where it stands.
    pub state: State,
    /// When it was made, where the server says.
    pub created: Option<Timestamp>,
    /// Whether it is marked as a draft, by whomever.
    pub draft: bool,
}

/// A pull request to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewPull<'n> {
    /// Its branch.
    pub branch: &'n str,
    /// The branch it is to be merged to.
    pub base: &'n str,
    /// One line.
    pub title: &'n str,
    /// With its marker.
    pub body: &'n str,
    /// Whether it cannot be merged yet.
    pub draft: bool,
    /// Names.
    pub labels: &'n [String],
    /// User names; teams as `@org/team`.
    pub reviewers: &'n [String],
}

/// What of a pull request is replaced.
#[derive(Debug, Clone, Copy)]
pub struct Edit<'e> {
    /// One line.
    pub title: &'e str,
    /// With its marker.
    pub body: &'e str,
    /// Whether it is closed by the same request.
    pub close: bool,
    /// Whether it is a draft.
    pub draft: bool,
}

/// A file to be committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Relative, with forward slashes.
    pub path: String,
    /// What it will hold.
    pub after: String,
    /// What stands there in the base; none where it is new.
    pub entry: Option<Entry>,
}

impl Placed {
    /// The mode that it had, or a plain file's.
    pub(crate) fn mode(&self) -> Mode {
        self.entry.as_ref().map_or(Mode::File, |entry| entry.mode)
    }
}

/// One commit that becomes a branch's only one beyond its base.
#[derive(Debug, Clone, Copy)]
pub struct NewCommit<'n> {
    /// The branch.
    pub branch: &'n str,
    /// The base branch.
    pub base: &'n str,
    /// The base branch's commit.
    pub onto: &'n str,
    /// Where the branch stands now, if it is there.
    pub was: Option<&'n str>,
    /// What it says, without the trailers.
    pub message: &'n str,
    /// All files, each of which the base holds otherwise.
    pub files: &'n [Placed],
    /// Files that an earlier commit of ours wrote and this one does not: for servers that cannot rewrite a branch.
    pub dropped: &'n [String],
}

/// A commit as it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its parents.
    pub parents: Vec<String>,
    /// With trailers.
    pub message: String,
    /// Paths that differ from the first parent.
    pub changed: Vec<String>,
}

/// What a place can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// Whether there are pull requests; else there are branches alone.
    pub pull_requests: bool,
    /// The longest body in bytes.
    pub body: usize,
}

/// An answer that is waited for.
pub type Told<'t, T> = BoxFuture<'t, Result<T, ForgeError>>;

/// Where branches and pull requests are kept. Reading changes nothing; each writing method is one step that is done or not.
pub trait Forge: Send + Sync {
    /// The repository, fit for messages.
    fn shown(&self) -> String;
    /// What it can do.
    fn abilities(&self) -> Abilities;
    /// The branch that is merged to where nobody says otherwise.
    fn default_branch(&self) -> Told<'_, String>;
    /// The commit of a branch; none where there is no such branch.
    fn head<'a>(&'a self, branch: &'a str) -> Told<'a, Option<String>>;
    /// Branches that begin so, with their commits.
    fn branches<'a>(&'a self, prefix: &'a str) -> Told<'a, Vec<(String, String)>>;
    /// What lies in a folder of a commit. `tree` is the folder's own hash; the commit's for the root, whose path is empty.
    fn list<'a>(&'a self, commit: &'a str, path: &'a str, tree: &'a str) -> Told<'a, Vec<Entry>>;
    /// The bytes of a file, by its hash.
    fn blob<'a>(&'a self, sha: &'a str) -> Told<'a, Vec<u8>>;
    /// A commit.
    fn commit<'a>(&'a self, sha: &'a str) -> Told<'a, Found>;
    /// Open pull requests of this repository's own branches that begin so.
    fn open<'a>(&'a self, prefix: &'a str) -> Told<'a, Vec<Pull>>;
    /// Pull requests of one branch that are open no more, newest first.
    fn past<'a>(&'a self, branch: &'a str) -> Told<'a, Vec<Pull>>;
    /// The bodies of the comments below a pull request.
    fn comments(&self, number: u64) -> Told<'_, Vec<String>>;

    /// Writes the files as one commit, which the branch then points to; gives the commit.
    fn write<'a>(&'a self, commit: NewCommit<'a>) -> Told<'a, String>;
    /// Opens a pull request, and says what of it could not be done: labels and reviewers alone are no failure.
    fn create<'a>(&'a self, pull: NewPull<'a>) -> Told<'a, (Pull, Vec<String>)>;
    /// Replaces a title and a body, and closes.
    fn edit<'a>(&'a self, number: u64, edit: Edit<'a>) -> Told<'a, ()>;
    /// Says something below a pull request.
    fn comment<'a>(&'a self, number: u64, text: &'a str) -> Told<'a, ()>;
    /// Takes a branch away; one that is gone already is no failure.
    fn delete<'a>(&'a self, branch: &'a str) -> Told<'a, ()>;
}
