//! What stands at a path in a commit: folder by folder, so that no link and no other repository is walked through.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::ForgeError;
use super::{Entry, Forge, Mode};

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stands {
    /// Nothing.
    Nothing,
    /// A file.
    File(Entry),
    /// Something that is no file, there or on the way: what, and where.
    Other(&'static str, String),
}

impl Stands {
    /// The file, if it is one.
    pub(super) fn file(self) -> Option<Entry> {
        match self {
            Self::File(entry) => Some(entry),
            _ => None,
        }
    }
}

/// Looks paths up in one commit, and reads each folder once.
pub(super) struct Lookup<'f> {
    forge: &'f dyn Forge,
    commit: &'f str,
    folders: Mutex<BTreeMap<String, Arc<Vec<Entry>>>>,
}

impl<'f> Lookup<'f> {
    pub(super) fn new(forge: &'f dyn Forge, commit: &'f str) -> Self {
        let folders = Mutex::default();
        Self { forge, commit, folders }
    }

    async fn folder(&self, path: &str, tree: &str) -> Result<Arc<Vec<Entry>>, ForgeError> {
        if let Some(known) = self.folders.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            return Ok(Arc::clone(known));
        }
        let found = Arc::new(self.forge.list(self.commit, path, tree).await?);
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.insert(path.to_owned(), Arc::clone(&found));
        Ok(found)
    }

    /// What a file holds.
    pub(super) async fn bytes(&self, file: &Entry) -> Result<Vec<u8>, ForgeError> {
        self.forge.blob(&file.sha).await
    }

    /// What stands at a path.
    pub(super) async fn stands(&self, path: &str) -> Result<Stands, ForgeError> {
        let (mut at, mut tree) = (String::new(), self.commit.to_owned());
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            let folder = self.folder(&at, &tree).await?;
            let Some(entry) = folder.iter().find(|entry| entry.name == name) else {
                return Ok(Stands::Nothing);
            };
            let slash = if at.is_empty() { "" } else { "/" };
            at = format!("{at}{slash}{name}");
            match (entry.mode, names.peek().is_some()) {
                (Mode::Folder, true) => tree.clone_from(&entry.sha),
                (Mode::File | Mode::Executable, false) => return Ok(Stands::File(entry.clone())),
                (Mode::Symlink, _) => return Ok(Stands::Other("a symbolic link", at)),
                (Mode::Submodule, _) => return Ok(Stands::Other("a submodule", at)),
                (Mode::Folder, false) => return Ok(Stands::Other("a folder", at)),
                (Mode::File | Mode::Executable, true) => return Ok(Stands::Other("a file", at)),
            }
        }
        Ok(Stands::Nothing)
    }
}
