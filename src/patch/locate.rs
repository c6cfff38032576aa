//! Where a workload is written down: the one document that becomes it, by kind, namespace and name as kustomize leaves them.

use super::index::{Index, Object};
use super::kustomize::{Chain, Chains};
use crate::model::tree::folder;

/// What is looked for, as the cluster has it.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    /// Its API group.
    pub group: &'w str,
    /// Its kind.
    pub kind: &'w str,
    /// Its namespace.
    pub namespace: &'w str,
    /// Its name.
    pub name: &'w str,
    /// Where it may be, who is asked first before the others.
    pub under: &'w [Under],
}

/// What is said of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It is written down there, or gathered.
    Written,
    /// A deployer takes what lies there, and nothing that gathers it.
    Deployed,
    /// What lies there comes into its cluster.
    Mapped,
}

/// Where somebody says that a workload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Under {
    /// What is said of the paths.
    pub said: Said,
    /// Folders, or files; an empty one is the root.
    pub paths: Vec<String>,
    /// Those of them of which, where they hold no kustomization, only their own files count.
    pub flat: Vec<String>,
    /// What it is called there, where that is told.
    pub name: Option<String>,
    /// Whether it is nowhere else; otherwise this counts only where it is found.
    pub sure: bool,
}

/// Where it is written down, and what becomes of it on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The object as written down.
    pub object: Object,
    /// The kustomizations that it goes through; empty where it is applied as it stands.
    pub chain: Chain,
    /// Its names on the way, the one that is written down first.
    pub names: Vec<String>,
    /// Its namespace in the cluster.
    pub namespace: String,
    /// Whether others go another way from the same document, which an edit of it would change as well.
    pub shared: bool,
    /// A kustomization that gathers what is said to be deployed, so that it gets whatever is changed there.
    pub gathered_by: Option<String>,
}

impl Place {
    /// The file.
    pub fn file(&self) -> &str {
        &self.object.spot.file
    }
}

/// Why there is no one place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    /// Nothing of the kind and name is there.
    #[error("no manifest of it is among the files that were read{}", in_templates(templates))]
    Nowhere {
        /// Templates that may make it.
        templates: Vec<String>,
    },
    /// Several are.
    #[error("several manifests become it: {}; say which folder is deployed to its cluster (`patches.folders` in the policy)", places.join(", "))]
    Several {
        /// Where, with the way that each goes.
        places: Vec<String>,
    },
}

/// What to do about a workload that a chart makes.
pub(super) const VALUES: &str = "say in `patches.values` of the policy where its settings stand in a file of values";

pub(super) fn in_templates(templates: &[String]) -> String {
    match templates {
        [] => String::new(),
        [one] => format!("; the template {one} may make it, and templates are not edited: {VALUES}"),
        [first, rest @ ..] => format!(
            "; templates may make it ({first} and {} more), and templates are not edited: {VALUES}",
            rest.len()
        ),
    }
}

/// Finds a workload.
///
/// # Errors
/// Where none or several documents become it.
pub fn locate(index: &Index, chains: &Chains<'_>, wanted: Wanted<'_>) -> Result<Place, NoPlace> {
    // A name only ever grows on the way.
    let fits = |object: &&Object| {
        object.kind == wanted.kind && object.group() == wanted.group && wanted.name.contains(object.name.as_str())
    };
    let mut ways: Vec<Way<'_>> = Vec::new();
    for object in index.objects.iter().filter(fits) {
        ways.extend(all_ways(object, chains));
    }
    for under in wanted.under {
        let mut cut: Vec<Way<'_>> = Vec::new();
        for way in ways.iter().filter_map(|way| way.under(under, chains)) {
            if !cut.contains(&way) {
                cut.push(way);
            }
        }
        if under.sure || !places(&cut, chains, wanted).is_empty() {
            ways = cut;
        }
    }
    let mut places = places(&ways, chains, wanted);
    match places.len() {
        0 => Err(NoPlace::Nowhere {
            templates: index.templates.clone(),
        }),
        1 => Ok(places.remove(0)),
        _ => Err(NoPlace::Several {
            places: places.iter().map(way).collect(),
        }),
    }
}

/// A way from a document into a cluster.
#[derive(Debug, Clone, PartialEq)]
struct Way<'i> {
    object: &'i Object,
    chain: Chain,
}

fn all_ways<'i>(object: &'i Object, chains: &Chains<'_>) -> impl Iterator<Item = Way<'i>> + use<'i> {
    let mut all = chains.from(&object.spot.file);
    if all.is_empty() {
        all.push(Chain::new());
    }
    all.into_iter().map(move |chain| Way { object, chain })
}

impl Way<'_> {
    /// The part of this way that ends where somebody says that it is deployed; `None` where it does not go there.
    fn under(&self, under: &Under, chains: &Chains<'_>) -> Option<Self> {
        let named = under.name.as_ref().is_none_or(|name| *name == self.object.name);
        let file = &self.object.spot.file;
        let part = |path: &String| match under.said {
            Said::Written => {
                let there = within(file, path) || self.chain.iter().any(|own| within(own, path));
                there.then(|| self.chain.clone())
            }
            Said::Deployed if under.flat.contains(path) && chains.kustomization(path).is_none() => {
                (folder(file) == path).then(Chain::new)
            }
            Said::Deployed => cut(&self.chain, file, path, chains),
            // Who maps folders need not know that somebody gathers the file.
            Said::Mapped => cut(&self.chain, file, path, chains).filter(|cut| !cut.is_empty() || self.chain.is_empty()),
        };
        let chain = under.paths.iter().find_map(part).filter(|_| named)?;
        Some(Self { chain, ..self.clone() })
    }
}

/// Whether a path is another one, or lies in it.
pub(super) fn within(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| folder.is_empty() || rest.is_empty() || rest.starts_with('/'))
}

/// A chain up to what is deployed: whatever gathers that in turn is not on the way.
fn cut(chain: &Chain, file: &str, deployed: &str, chains: &Chains<'_>) -> Option<Chain> {
    if let Some(at) = chain.iter().position(|own| own == deployed) {
        return Some(chain[..=at].to_vec());
    }
    if chains.kustomization(deployed).is_some() {
        return None;
    }
    // Of a folder without a kustomization all that lies in it is deployed, as the kustomizations in it make it.
    match chain.iter().rposition(|own| within(own, deployed)) {
        Some(at) => Some(chain[..=at].to_vec()),
        None => within(folder(file), deployed).then(Chain::new),
    }
}

/// What these ways lead to, where that is what is wanted.
fn places(ways: &[Way<'_>], chains: &Chains<'_>, wanted: Wanted<'_>) -> Vec<Place> {
    let mut found: Vec<(bool, Place)> = Vec::new();
    for Way { object, chain } in ways {
        let (namespace, names) = chains.names(chain, object.namespace.as_deref(), &object.name);
        let fits = namespace
            .as_deref()
            .is_none_or(|namespace| namespace == wanted.namespace);
        if !fits || names.last().map(String::as_str) != Some(wanted.name) {
            continue;
        }
        let all = chains.from(&object.spot.file);
        let place = Place {
            object: Clone::clone(*object),
            chain: chain.clone(),
            names,
            namespace: wanted.namespace.to_owned(),
            shared: others_go(chain, &all),
            gathered_by: beyond(chain, &all),
        };
        found.push((namespace.is_some(), place));
    }
    // Who names no namespace may be meant for any; one that names the right one is surely meant.
    if found.iter().any(|(named, _)| *named) {
        found.retain(|(named, _)| *named);
    }
    found.into_iter().map(|(_, place)| place).collect()
}

/// Whether some of all chains from a file go another way than this one.
pub(super) fn others_go(own: &Chain, all: &[Chain]) -> bool {
    all.iter().any(|other| own.is_empty() || !other.starts_with(own))
}

/// Who gathers the last kustomization of a chain in turn.
fn beyond(own: &Chain, all: &[Chain]) -> Option<String> {
    let longer = |other: &&Chain| !own.is_empty() && other.starts_with(own);
    all.iter()
        .filter(longer)
        .find_map(|other| other.get(own.len()).cloned())
}

fn way(place: &Place) -> String {
    match place.chain.last() {
        Some(last) if last.is_empty() => format!("{} by the kustomization at the root", place.file()),
        Some(last) => format!("{} by the kustomization in {last}", place.file()),
        None => place.file().to_owned(),
    }
}

/// Autoscalers of a workload that are written down on the same way: those that name it as what they scale.
pub fn scalers<'i>(index: &'i Index, chains: &Chains<'_>, of: &Place) -> Vec<&'i Object> {
    let kind = &of.object.kind;
    let scales = |object: &&Object| {
        let target = object.scales.as_ref();
        target.is_some_and(|(target, name)| target == kind && of.names.contains(name))
    };
    let same_way = |object: &&Object| {
        let namespace = |chain: &Chain| chains.names(chain, object.namespace.as_deref(), &object.name).0;
        let own = |chain: &Chain| namespace(chain).is_none_or(|namespace| namespace == of.namespace);
        match of.chain.last() {
            Some(last) => chains.to(&object.spot.file, last).iter().any(own),
            None => chains.from(&object.spot.file).is_empty() && own(&Chain::new()),
        }
    };
    index.objects.iter().filter(scales).filter(same_way).collect()
}
