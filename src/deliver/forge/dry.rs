//! A repository in which everything is read and nothing written: the state machine takes the same steps over it.

use super::{Abilities, Edit, Entry, Forge, Found, NewCommit, NewPull, Pull, State, Told};

/// The repository behind it is only read.
pub(super) struct Dry<'f>(pub(super) &'f dyn Forge);

impl Forge for Dry<'_> {
    fn shown(&self) -> String {
        self.0.shown()
    }

    fn abilities(&self) -> Abilities {
        self.0.abilities()
    }

    fn default_branch(&self) -> Told<'_, String> {
        self.0.default_branch()
    }

    fn head<'a>(&'a self, branch: &'a str) -> Told<'a, Option<String>> {
        self.0.head(branch)
    }

    fn branches<'a>(&'a self, prefix: &'a str) -> Told<'a, Vec<(String, String)>> {
        self.0.branches(prefix)
    }

    fn list<'a>(&'a self, commit: &'a str, path: &'a str, tree: &'a str) -> Told<'a, Vec<Entry>> {
        self.0.list(commit, path, tree)
    }

    fn blob<'a>(&'a self, sha: &'a str) -> Told<'a, Vec<u8>> {
        self.0.blob(sha)
    }

    fn commit<'a>(&'a self, sha: &'a str) -> Told<'a, Found> {
        self.0.commit(sha)
    }

    fn open<'a>(&'a self, prefix: &'a str) -> Told<'a, Vec<Pull>> {
        self.0.open(prefix)
    }

    fn past<'a>(&'a self, branch: &'a str) -> Told<'a, Vec<Pull>> {
        self.0.past(branch)
    }

    fn comments(&self, number: u64) -> Told<'_, Vec<String>> {
        self.0.comments(number)
    }

    /// The commit has no hash, because it is not made.
    fn write<'a>(&'a self, _commit: NewCommit<'a>) -> Told<'a, String> {
        Box::pin(async { Ok(String::new()) })
    }

    /// The pull request has no number, because it is not opened.
    fn create<'a>(&'a self, pull: NewPull<'a>) -> Told<'a, (Pull, Vec<String>)> {
        let made = Pull {
            number: 0,
            url: String::new(),
            branch: pull.branch.to_owned(),
            title: pull.title.to_owned(),
            body: pull.body.to_owned(),
            state: State::Open,
            created: None,
            draft: pull.draft,
        };
        Box::pin(async { Ok((made, Vec::new())) })
    }

    fn edit<'a>(&'a self, _number: u64, _edit: Edit<'a>) -> Told<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn comment<'a>(&'a self, _number: u64, _text: &'a str) -> Told<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn delete<'a>(&'a self, _branch: &'a str) -> Told<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}
