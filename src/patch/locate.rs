//! Where a workload is written down: the one document that becomes it, by kind, namespace and name as kustomize leaves them.

use super::index::{Index, Object};
use super::kustomize::{Chain, Chains};

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
    /// The folder that is deployed into its cluster, where somebody tells it.
    pub under: Option<&'w str>,
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

fn in_templates(templates: &[String]) -> String {
    match templates {
        [] => String::new(),
        [one] => format!(
            "; the template {one} may make it, and templates are not edited: change the values that it is rendered with"
        ),
        [first, rest @ ..] => format!(
            "; templates may make it ({first} and {} more), and templates are not edited: change the values that they are rendered with",
            rest.len()
        ),
    }
}

/// Finds a workload.
///
/// # Errors
/// Where none or several documents become it.
pub fn locate(index: &Index, chains: &Chains<'_>, wanted: Wanted<'_>) -> Result<Place, NoPlace> {
    let of_kind = |object: &&Object| object.kind == wanted.kind && object.group() == wanted.group;
    let mut found: Vec<(bool, Place)> = Vec::new();
    for object in index.objects.iter().filter(of_kind) {
        found.extend(ways(object, chains, wanted));
    }
    // Who names no namespace may be meant for any; one that names the right one is surely meant.
    if found.iter().any(|(named, _)| *named) {
        found.retain(|(named, _)| *named);
    }
    let mut places: Vec<Place> = found.into_iter().map(|(_, place)| place).collect();
    if let Some(under) = wanted.under {
        let holds = |place: &Place| {
            let deployed = place
                .chain
                .last()
                .map_or_else(|| crate::model::tree::folder(place.file()), String::as_str);
            deployed == under
                || deployed
                    .strip_prefix(under)
                    .is_some_and(|rest| under.is_empty() || rest.starts_with('/'))
        };
        if places.iter().any(holds) {
            places.retain(holds);
        }
    }
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

/// The ways from one document to what is wanted, and whether each names its namespace.
fn ways(object: &Object, chains: &Chains<'_>, wanted: Wanted<'_>) -> Vec<(bool, Place)> {
    // A name only ever grows on the way.
    if !wanted.name.contains(object.name.as_str()) {
        return Vec::new();
    }
    let mut all = chains.from(&object.spot.file);
    if all.is_empty() {
        all.push(Chain::new());
    }
    let others = all.len() > 1;
    let mut found = Vec::new();
    for chain in all {
        let (namespace, names) = chains.names(&chain, object.namespace.as_deref(), &object.name);
        let fits = namespace
            .as_deref()
            .is_none_or(|namespace| namespace == wanted.namespace);
        if !fits || names.last().map(String::as_str) != Some(wanted.name) {
            continue;
        }
        let place = Place {
            object: object.clone(),
            chain,
            names,
            namespace: wanted.namespace.to_owned(),
            shared: others,
        };
        found.push((namespace.is_some(), place));
    }
    found
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
        let ways = chains.from(&object.spot.file);
        let namespace = |chain: &Chain| chains.names(chain, object.namespace.as_deref(), &object.name).0;
        let own = |chain: &Chain| namespace(chain).is_none_or(|namespace| namespace == of.namespace);
        match of.chain.last() {
            Some(last) => ways.iter().any(|chain| chain.last() == Some(last) && own(chain)),
            None => ways.is_empty() && own(&Chain::new()),
        }
    };
    index.objects.iter().filter(scales).filter(same_way).collect()
}
