//! Patches of kustomizations: which object each is about, and what of it it sets.

use serde_json::Value;

use crate::patch::yaml::{Pointer, Step};

/// Where the text of a patch stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In a file, by its path as the kustomization writes it.
    File(String),
    /// In the kustomization itself.
    Inline(String),
}

/// A patch of a kustomization.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchOf {
    /// Its text.
    pub source: Source,
    /// Whom it is about, where the kustomization says so: regular expressions by field.
    pub target: Option<Value>,
}

/// The patches of a kustomization, in the order in which they are made.
pub(super) fn of(document: &Value) -> Vec<PatchOf> {
    let all = |name: &str| document.get(name).and_then(Value::as_array).into_iter().flatten();
    // An element of patchesStrategicMerge is a path or the patch itself, and paths have no line breaks.
    let merges = all("patchesStrategicMerge")
        .filter_map(Value::as_str)
        .map(|text| PatchOf {
            source: match text.contains('\n') {
                true => Source::Inline(text.to_owned()),
                false => Source::File(text.to_owned()),
            },
            target: None,
        });
    let patches = all("patches").chain(all("patchesJson6902")).filter_map(|one| {
        let text = |name: &str| one.get(name).and_then(Value::as_str).map(str::to_owned);
        let source = text("path")
            .map(Source::File)
            .or_else(|| text("patch").map(Source::Inline))?;
        let target = one.get("target").cloned();
        Some(PatchOf { source, target })
    });
    merges.chain(patches).collect()
}

/// An object as a patch may mean it.
#[derive(Debug, Clone, Copy)]
pub struct Meant<'m> {
    /// Its API group.
    pub group: &'m str,
    /// Its kind.
    pub kind: &'m str,
    /// Its names, the one that is written down first.
    pub names: &'m [String],
    /// Namespaces that it has on the way, as far as they are told.
    pub namespaces: &'m [String],
}

/// Whether a patch is about an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// It is.
    Yes,
    /// It is about something else.
    No,
    /// It chooses by what is not evaluated here: labels, annotations, regular expressions.
    Unsure,
}

impl PatchOf {
    /// Whether its target is this object; by what its documents name where it has none.
    pub(super) fn aim(&self, object: Meant<'_>) -> Aim {
        self.target.as_ref().map_or(Aim::Unsure, |target| aimed(target, object))
    }
}

/// Whether a patch sets a place, or something above or below it.
pub fn touches(patch: &Value, object: &Value, at: &Pointer) -> bool {
    match patch {
        Value::Array(operations) => operations.iter().any(|one| operation_touches(one, at)),
        merge => merge_touches(merge, object, at),
    }
}

/// Whether a selector means an object. Its fields are regular expressions.
fn aimed(target: &Value, object: Meant<'_>) -> Aim {
    let literal = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/'))
    };
    let text = |field: &str| {
        target
            .get(field)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let one_of = |all: &[String], text: &str| all.is_empty() || all.iter().any(|own| own == text);
    let names = |field: &str, text: &str| match field {
        "kind" => text == object.kind,
        "group" => text == object.group,
        "name" => one_of(object.names, text),
        _ => one_of(object.namespaces, text),
    };
    let mut sure = text("labelSelector").is_none() && text("annotationSelector").is_none();
    for field in ["kind", "group", "name", "namespace"] {
        match text(field) {
            // A dot in a name or a group stands for any letter, and hardly ever for another one than itself.
            Some(text) if literal(&text.replace('.', "")) && !names(field, text) => return Aim::No,
            Some(text) if !literal(&text.replace('.', "")) => sure = false,
            _ => {}
        }
    }
    if sure { Aim::Yes } else { Aim::Unsure }
}

/// Whether a strategic merge patch without target is about this object.
pub(super) fn is_of(merge: &Value, object: Meant<'_>) -> bool {
    let text = |path: &str| merge.pointer(path).and_then(Value::as_str);
    let named = text("/metadata/name").is_some_and(|name| object.names.iter().any(|own| own == name));
    let here = text("/metadata/namespace")
        .is_none_or(|own| object.namespaces.is_empty() || object.namespaces.iter().any(|one| one == own));
    let group = text("/apiVersion").map_or("", |version| version.split_once('/').map_or("", |(group, _)| group));
    text("/kind") == Some(object.kind) && group == object.group && named && here
}

fn operation_touches(operation: &Value, at: &Pointer) -> bool {
    let path = operation
        .get("path")
        .and_then(Value::as_str)
        .and_then(|path| path.parse::<Pointer>().ok());
    // Another place of a list may be the same element by then: lists count as touched whatever the index.
    path.is_none_or(|path| {
        path.0.iter().zip(&at.0).all(|pair| match pair {
            (Step::Key(a), Step::Key(b)) => a == b || a.parse::<usize>().is_ok() || a == "-",
            (Step::Index(_), _) | (Step::Key(_), Step::Index(_)) => true,
        })
    })
}

/// Whether a merge patch has this place, or ends above it. Elements go by name.
fn merge_touches(merge: &Value, object: &Value, at: &Pointer) -> bool {
    let (mut patch, mut own) = (merge, Some(object));
    for step in &at.0 {
        let next = match step {
            Step::Key(key) => {
                own = own.and_then(|value| value.get(key));
                patch.get(key)
            }
            Step::Index(index) => {
                own = own.and_then(|value| value.get(index));
                let name = own.and_then(|one| one.get("name")?.as_str());
                let elements = patch.as_array();
                match (name, elements) {
                    (Some(name), Some(elements)) => elements
                        .iter()
                        .find(|one| one.get("name").and_then(Value::as_str) == Some(name)),
                    // A list without names is replaced as a whole.
                    _ => return true,
                }
            }
        };
        match next {
            None => return !(patch.is_object() || patch.is_array()),
            Some(value) => patch = value,
        }
    }
    true
}
