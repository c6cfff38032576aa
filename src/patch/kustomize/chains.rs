//! Which kustomizations a file goes through on its way into the cluster, and what its objects are called at the end.

use std::collections::{BTreeMap, BTreeSet};

use super::Kustomization;
use crate::model::tree::joined;

/// The folders of the kustomizations that a file goes through, the one that is applied last.
pub type Chain = Vec<String>;

/// No chain of kustomizations is longer: one that is goes in a circle.
const DEEPEST: usize = 32;
/// More chains than this are a folder that everything uses.
const MOST: usize = 256;

/// Who gathers what.
#[derive(Debug, Clone, Default)]
pub struct Chains<'k> {
    kustomizations: Option<&'k BTreeMap<String, Kustomization>>,
    /// Folders of kustomizations by the file or folder that they gather.
    gathered_by: BTreeMap<String, Vec<String>>,
}

impl<'k> Chains<'k> {
    /// Of all kustomizations of a tree.
    pub fn of(kustomizations: &'k BTreeMap<String, Kustomization>) -> Self {
        let mut gathered_by: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (folder, kustomization) in kustomizations {
            for path in kustomization.resources.iter().filter_map(|path| joined(folder, path)) {
                gathered_by.entry(path).or_default().push(folder.clone());
            }
        }
        Self {
            kustomizations: Some(kustomizations),
            gathered_by,
        }
    }

    /// Every chain from a file to a kustomization that nothing else gathers. Empty where none gathers the file: it is applied as it
    /// stands.
    pub fn from(&self, file: &str) -> Vec<Chain> {
        let mut done: BTreeSet<Chain> = BTreeSet::new();
        let mut open: Vec<Chain> = self.users(file).map(|folder| vec![folder.clone()]).collect();
        while let Some(chain) = open.pop() {
            if done.len() >= MOST {
                break;
            }
            let last = chain.last().map_or("", String::as_str);
            let above: Vec<&String> = self.users(last).filter(|folder| !chain.contains(folder)).collect();
            if above.is_empty() || chain.len() >= DEEPEST {
                done.insert(chain);
                continue;
            }
            for folder in above {
                let mut longer = chain.clone();
                longer.push(folder.clone());
                open.push(longer);
            }
        }
        done.into_iter().collect()
    }

    /// The chains from a file as far as this kustomization, of those that get there.
    pub fn to(&self, file: &str, last: &str) -> Vec<Chain> {
        let cut = |chain: Chain| {
            let at = chain.iter().position(|own| own == last)?;
            Some(chain[..=at].to_vec())
        };
        let cut: BTreeSet<Chain> = self.from(file).into_iter().filter_map(cut).collect();
        cut.into_iter().collect()
    }

    fn users(&self, path: &str) -> impl Iterator<Item = &String> {
        self.gathered_by.get(path).into_iter().flatten()
    }

    /// The kustomization of a folder.
    pub fn kustomization(&self, folder: &str) -> Option<&'k Kustomization> {
        self.kustomizations?.get(folder)
    }

    /// Every namespace that an object has along a chain, as far as any is told.
    pub fn namespaces(&self, chain: &Chain, own: Option<&str>) -> Vec<String> {
        let set = chain
            .iter()
            .filter_map(|folder| self.kustomization(folder)?.namespace.clone());
        own.map(str::to_owned).into_iter().chain(set).collect()
    }

    /// The namespace and the names of an object along a chain, the name that is written down first and the one that it has in the
    /// cluster last.
    pub fn names(&self, chain: &Chain, namespace: Option<&str>, name: &str) -> (Option<String>, Vec<String>) {
        let (mut namespace, mut names) = (namespace.map(str::to_owned), vec![name.to_owned()]);
        for kustomization in chain.iter().filter_map(|folder| self.kustomization(folder)) {
            let last = names.last().cloned().unwrap_or_default();
            let Kustomization {
                name_prefix,
                name_suffix,
                ..
            } = kustomization;
            if !(name_prefix.is_empty() && name_suffix.is_empty()) {
                names.push(format!("{name_prefix}{last}{name_suffix}"));
            }
            if let Some(own) = &kustomization.namespace {
                namespace = Some(own.clone());
            }
        }
        (namespace, names)
    }
}
