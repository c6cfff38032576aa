//! What stands in a folder of manifests: objects with their file and document, and kustomizations.

use std::collections::{BTreeMap, BTreeSet};

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use serde_json::Value;

use super::kustomize::{Kustomization, Source};
use super::yaml::{self, Pointer, Step, YamlError};
use crate::model::tree::{Tree, TreeFile, folder, joined};

/// Where an object is written down.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The file, by its path from the root.
    pub file: String,
    /// The document in it, from 0.
    pub document: usize,
    /// Where in the document: not at its root for what a `List` holds.
    pub at: Pointer,
}

/// An object as written down.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Where.
    pub spot: Spot,
    /// Such as `apps/v1`.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace, where it names one.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Of an autoscaler: kind and name of what it scales.
    pub scales: Option<(String, String)>,
}

impl Object {
    /// Its API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }
}

/// All that stands in a folder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Index {
    /// Objects, by file and document.
    pub objects: Vec<Object>,
    /// Kustomizations, by their folder.
    pub kustomizations: BTreeMap<String, Kustomization>,
    /// Files with templates, which are no YAML before they are rendered.
    pub templates: Vec<String>,
    /// Files that cannot be read as YAML, and why.
    pub unreadable: BTreeMap<String, String>,
}

/// What one file holds.
enum Held {
    Objects(Vec<Object>),
    Kustomization(Box<Kustomization>),
    Template,
    Unreadable(String),
}

/// Reads every file of a tree, on all cores.
pub fn index(tree: &Tree) -> Index {
    let files = tree.files.par_iter();
    let held: Vec<(&String, Held)> = files.map(|(path, file)| (path, held(path, file))).collect();
    let mut index = Index::default();
    index.take(held);
    index.leave_patches_out();
    index
}

/// Reads some files of a tree again.
pub fn refresh<'p>(index: &mut Index, tree: &Tree, paths: impl Iterator<Item = &'p String>) {
    let mut now = Vec::new();
    for path in paths {
        index.objects.retain(|object| object.spot.file != *path);
        index.unreadable.remove(path);
        now.extend(tree.files.get(path).map(|file| (path, held(path, file))));
    }
    index.take(now);
    index.leave_patches_out();
    index.objects.sort_by(|a, b| a.spot.cmp(&b.spot));
}

impl Index {
    /// What a kustomization names as a patch has the shape of an object, and is none.
    fn leave_patches_out(&mut self) {
        let of = |(folder, own): (&String, &Kustomization)| {
            let files = own.patches.iter().filter_map(|patch| match &patch.source {
                Source::File(path) => joined(folder, path),
                Source::Inline(_) => None,
            });
            files.collect::<Vec<_>>()
        };
        let patches: BTreeSet<String> = self.kustomizations.iter().flat_map(of).collect();
        self.objects.retain(|object| !patches.contains(&object.spot.file));
    }

    fn take(&mut self, held: Vec<(&String, Held)>) {
        for (path, held) in held {
            match held {
                Held::Objects(objects) => self.objects.extend(objects),
                Held::Kustomization(own) => {
                    self.kustomizations.insert(folder(path).to_owned(), *own);
                }
                Held::Template => self.templates.push(path.clone()),
                Held::Unreadable(why) => {
                    self.unreadable.insert(path.clone(), why);
                }
            }
        }
    }
}

/// The names under which kustomize looks for its file.
pub const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

fn held(path: &str, file: &TreeFile) -> Held {
    let name = path.rsplit('/').next().unwrap_or(path);
    let kustomization = KUSTOMIZATIONS.contains(&name);
    // Most files of a checkout hold no object at all, and need not be parsed to know.
    let may_hold = kustomization || (file.text.contains("kind") && file.text.contains("apiVersion"));
    if !may_hold {
        return Held::Objects(Vec::new());
    }
    match yaml::documents(&file.text) {
        Ok(documents) if kustomization => match documents.first().and_then(Kustomization::of) {
            Some(own) => Held::Kustomization(Box::new(Kustomization {
                file: path.to_owned(),
                ..own
            })),
            None => Held::Unreadable("it is no kustomization".to_owned()),
        },
        Ok(documents) => {
            let all = documents.iter().enumerate();
            Held::Objects(all.flat_map(|(at, document)| objects(path, at, document)).collect())
        }
        Err(YamlError::Template { .. }) => Held::Template,
        Err(why) => Held::Unreadable(why.to_string()),
    }
}

fn objects(path: &str, at: usize, document: &Value) -> Vec<Object> {
    let spot = |at_in: Pointer| Spot {
        file: path.to_owned(),
        document: at,
        at: at_in,
    };
    let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default();
    let items = document
        .get("items")
        .and_then(Value::as_array)
        .filter(|_| kind.ends_with("List"));
    if let Some(items) = items {
        let step = |item: usize| Pointer(vec![Step::Key("items".to_owned()), Step::Index(item)]);
        let all = items.iter().enumerate();
        return all.filter_map(|(at, item)| object(spot(step(at)), item)).collect();
    }
    object(spot(Pointer(Vec::new())), document).into_iter().collect()
}

fn object(spot: Spot, value: &Value) -> Option<Object> {
    let text = |path: &str| value.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let scaled = text("/spec/scaleTargetRef/name");
    // KEDA takes a Deployment for granted.
    let scaled = scaled.map(|name| {
        (
            text("/spec/scaleTargetRef/kind").unwrap_or_else(|| "Deployment".to_owned()),
            name,
        )
    });
    Some(Object {
        spot,
        api_version: text("/apiVersion")?,
        kind: text("/kind")?,
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name")?,
        scales: scaled,
    })
}
