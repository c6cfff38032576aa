//! What an object is once the patches on its way are made: strategic merge patches, whose lists of named things merge by name, and
//! JSON patches.

use serde_json::Value;

use super::patches::{Aim, Meant, PatchOf, Source, is_of};
use super::{Chain, Chains, Kustomization};
use crate::model::tree::{Tree, joined};
use crate::patch::yaml::{self, Pointer, Step};

/// A patch on the way of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct OnTheWay<'k> {
    /// The folder of its kustomization.
    pub folder: &'k str,
    /// The patch.
    pub patch: &'k PatchOf,
    /// Its file; `None` where it stands in the kustomization.
    pub file: Option<String>,
    /// Its text.
    pub text: String,
}

/// What a document becomes, and the patches that it goes through.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective<'k> {
    /// The object after all of them.
    pub object: Value,
    /// The patches that are about it, in the order in which they are made.
    pub patches: Vec<OnTheWay<'k>>,
}

/// What an object becomes along a chain.
///
/// # Errors
/// Where a patch that may be about it cannot be followed; the message names it.
pub fn effective<'k>(
    tree: &Tree,
    chains: &Chains<'k>,
    chain: &'k Chain,
    meant: Meant<'_>,
    object: &Value,
) -> Result<Effective<'k>, String> {
    let mut effective = Effective {
        object: object.clone(),
        patches: Vec::new(),
    };
    for folder in chain {
        let Some(kustomization) = chains.kustomization(folder) else {
            continue;
        };
        if kustomization.component {
            return Err(format!("the component {}", kustomization.file));
        }
        if let Some(field) = kustomization.opaque.first() {
            return Err(format!("`{field}` of {}", kustomization.file));
        }
        for patch in &kustomization.patches {
            if patch.aim(meant) == Aim::No {
                continue;
            }
            let made = one(tree, kustomization, (folder, patch), meant, &mut effective.object)?;
            effective.patches.extend(made);
        }
    }
    Ok(effective)
}

/// Makes one patch, if it is about the object.
fn one<'k>(
    tree: &Tree,
    kustomization: &Kustomization,
    (folder, patch): (&'k str, &'k PatchOf),
    meant: Meant<'_>,
    object: &mut Value,
) -> Result<Option<OnTheWay<'k>>, String> {
    let (file, text) = match &patch.source {
        Source::Inline(text) => (None, text.clone()),
        Source::File(path) => {
            let path = joined(folder, path).ok_or_else(|| format!("the patch {path} of {}", kustomization.file))?;
            let file = tree
                .files
                .get(&path)
                .ok_or_else(|| format!("the patch {path}, which is not there"))?;
            (Some(path), file.text.clone())
        }
    };
    let place = file.as_deref().unwrap_or(&kustomization.file);
    let documents = yaml::documents(&text).map_err(|why| format!("the patch {place}: {why}"))?;
    let mut about = false;
    for document in documents.iter().filter(|document| !document.is_null()) {
        match (&patch.target, patch.aim(meant)) {
            (Some(_), Aim::Yes) => {}
            (Some(_), _) => {
                return Err(format!(
                    "the patch {place}, whose target is chosen by labels or a regular expression"
                ));
            }
            (None, _) if is_of(document, meant) => {}
            (None, _) => continue,
        }
        about = true;
        made(object, document, meant.group).ok_or_else(|| format!("the patch {place}, which is not followed here"))?;
    }
    let text = text.clone();
    Ok(about.then_some(OnTheWay {
        folder,
        patch,
        file,
        text,
    }))
}

/// Makes one patch; `None` where it does what is not followed.
fn made(object: &mut Value, patch: &Value, group: &str) -> Option<()> {
    match patch {
        Value::Array(operations) => operations.iter().try_for_each(|operation| operate(object, operation)),
        // Lists of kinds that kustomize does not know are replaced as a whole.
        Value::Object(_) => merge(object, patch, KNOWN.contains(&group)),
        _ => None,
    }
}

/// API groups whose lists kustomize merges by name.
const KNOWN: [&str; 6] = ["", "apps", "batch", "autoscaling", "policy", "networking.k8s.io"];

fn merge(object: &mut Value, patch: &Value, known: bool) -> Option<()> {
    let Value::Object(fields) = patch else {
        *object = patch.clone();
        return Some(());
    };
    if fields.keys().any(|key| key.starts_with('$')) {
        return None;
    }
    let Value::Object(own) = object else {
        *object = patch.clone();
        return Some(());
    };
    for (key, value) in fields {
        if value.is_null() {
            own.remove(key);
            continue;
        }
        match (own.get_mut(key), value) {
            (Some(before @ Value::Object(_)), Value::Object(_)) => merge(before, value, known)?,
            (Some(Value::Array(before)), Value::Array(after)) if known && named(before) && named(after) => {
                merge_lists(before, after)?
            }
            _ => {
                own.insert(key.clone(), value.clone());
            }
        }
    }
    Some(())
}

/// Lists of containers, volumes, variables and their like go by name; tolerations and other lists without names are replaced.
fn named(list: &[Value]) -> bool {
    !list.is_empty() && list.iter().all(|one| name_of(one).is_some())
}

fn name_of(element: &Value) -> Option<&str> {
    element.get("name").and_then(Value::as_str)
}

fn merge_lists(before: &mut Vec<Value>, after: &[Value]) -> Option<()> {
    // What is new comes first, in its own order.
    let mut new = 0;
    for element in after {
        match before.iter_mut().find(|own| name_of(own) == name_of(element)) {
            Some(own) => merge(own, element, true)?,
            None => {
                before.insert(new, element.clone());
                new += 1;
            }
        }
    }
    Some(())
}

fn operate(object: &mut Value, operation: &Value) -> Option<()> {
    let text = |name: &str| operation.get(name).and_then(Value::as_str);
    let (kind, path) = (text("op")?, text("path")?);
    let (parent, last) = path.rsplit_once('/')?;
    let last = last.replace("~1", "/").replace("~0", "~");
    let value = operation.get("value").cloned();
    match (kind, object.pointer_mut(parent)?) {
        ("test", _) => {}
        ("add" | "replace", Value::Object(fields)) => {
            fields.insert(last, value?);
        }
        ("remove", Value::Object(fields)) => {
            fields.remove(&last)?;
        }
        ("add", Value::Array(list)) if last == "-" => list.push(value?),
        (kind, Value::Array(list)) => {
            let at: usize = last.parse().ok().filter(|at| *at <= list.len())?;
            match kind {
                "add" => list.insert(at, value?),
                "replace" => *list.get_mut(at)? = value?,
                "remove" if at < list.len() => {
                    list.remove(at);
                }
                _ => return None,
            }
        }
        _ => return None,
    }
    Some(())
}

/// The place in one version of an object that is this place in another: elements with names are found by them, others only where
/// both lists are the same. A place that is to be made is found by what it is made in.
pub fn mapped(from: &Value, to: &Value, at: &Pointer) -> Option<Pointer> {
    let (mut from, mut to) = (Some(from), Some(to));
    let mut steps = Vec::new();
    for step in &at.0 {
        match step {
            Step::Key(key) => {
                steps.push(step.clone());
                from = from.and_then(|value| value.get(key));
                to = to.and_then(|value| value.get(key));
            }
            Step::Index(index) => {
                let (Some(Value::Array(own)), Some(Value::Array(other))) = (from, to) else {
                    return None;
                };
                let name = own.get(*index).and_then(name_of);
                let found = match name {
                    Some(_) => other.iter().position(|one| name_of(one) == name)?,
                    None if own == other => *index,
                    None => return None,
                };
                steps.push(Step::Index(found));
                from = own.get(*index);
                to = other.get(found);
            }
        }
    }
    Some(Pointer(steps))
}
