//! Edits that belong to one way of a shared document only: as a JSON patch of the kustomization that is applied.

use serde_json::{Value, json};

use super::pen::Pen;
use super::{OnItsWay, refuse};
use crate::model::tree::joined;
use crate::patch::emit::Refusal;
use crate::patch::podspec::{at, element, under};
use crate::patch::yaml::{self, Change, Edit, Pointer, Step};

impl Pen<'_, '_> {
    /// Writes edits as a patch that is made last, in a file of its own.
    pub(super) fn overlay(&mut self, of: &OnItsWay<'_>, edits: &[Edit]) -> Result<(), Refusal> {
        let place = &of.place;
        let Some(level) = place.chain.last() else {
            return Err(refuse(
                "not-editable",
                "others are made of the same document, and no kustomization tells them apart",
            ));
        };
        if let Some(other) = self.manifests.namesake(place, level, &[&place.object.kind]) {
            return Err(refuse(
                "shared",
                format!(
                    "a patch of the kustomization in {level} would be about {other}, too, which has the same name on its way"
                ),
            ));
        }
        let annotates = |own: &String| {
            self.manifests
                .chains
                .kustomization(own)
                .is_some_and(|own| own.annotates)
        };
        let annotations = Step::Key("annotations".to_owned());
        if place.chain.iter().any(annotates) && edits.iter().any(|edit| edit.at.0.get(1) == Some(&annotations)) {
            return Err(refuse(
                "shared",
                "`commonAnnotations` on its way write its annotations: add one there".to_owned(),
            ));
        }
        let (name, kind) = (
            place.names.last().map_or("workload", String::as_str),
            place.object.kind.to_lowercase(),
        );
        let file = format!("gpuwise-{name}-{kind}.yaml");
        let path = joined(level, &file).unwrap_or_else(|| file.clone());
        let mut operations: Vec<Value> = Vec::new();
        for operation in edits.iter().flat_map(|edit| operations_of(&of.effective.object, edit)) {
            if !operations.contains(&operation) {
                operations.push(operation);
            }
        }
        if let Some(text) = self.text(&path) {
            self.extend(&path, &text, operations)?;
        } else {
            self.write(&path, yaml::document(&Value::Array(operations)));
        }
        let (group, version) = place
            .object
            .api_version
            .split_once('/')
            .unwrap_or(("", &place.object.api_version));
        let mut target = json!({"version": version, "kind": place.object.kind, "name": place.object.name});
        if let (false, Some(target)) = (group.is_empty(), target.as_object_mut()) {
            target.insert("group".to_owned(), json!(group));
        }
        self.list(level, "patches", json!({"path": file, "target": target}))
    }

    /// Adds operations to a patch that an earlier change made: one of the same place has another value, others come last.
    fn extend(&mut self, path: &str, text: &str, operations: Vec<Value>) -> Result<(), Refusal> {
        let document = yaml::documents(text).ok().and_then(|all| all.into_iter().next());
        let Some(Value::Array(mut there)) = document else {
            return Err(refuse(
                "in-the-way",
                format!("{path} is there already, and is no list of operations"),
            ));
        };
        let root = Pointer(Vec::new());
        let mut edits = Vec::new();
        for operation in operations {
            let sets =
                |one: &&Value| one.get("op") != Some(&json!("test")) && operation.get("op") != Some(&json!("test"));
            let same = |one: &&Value| sets(one) && one.get("path") == operation.get("path");
            if there.contains(&operation) {
                continue;
            }
            match there.iter().position(|one| same(&one)) {
                Some(_) if operation.get("op") == Some(&json!("remove")) => {
                    return Err(refuse(
                        "in-the-way",
                        format!("{path} sets what is to go: take it out there"),
                    ));
                }
                Some(index) => {
                    // What was added then is there now.
                    let value = operation.get("value").cloned().unwrap_or_default();
                    edits.push(Edit {
                        at: under(&element(&root, index), &["value"]),
                        change: Change::Set(value),
                    });
                }
                None => {
                    edits.push(Edit {
                        at: element(&root, there.len()),
                        change: Change::Set(operation.clone()),
                    });
                    there.push(operation);
                }
            }
        }
        self.change(path, 0, &edits)
    }

    /// Adds an element to a list of a kustomization.
    pub(super) fn list(&mut self, level: &str, name: &str, value: Value) -> Result<(), Refusal> {
        let Some(kustomization) = self.manifests.chains.kustomization(level) else {
            return Err(refuse(
                "unreadable",
                format!("the kustomization in {level} is not there any more"),
            ));
        };
        let path = kustomization.file.clone();
        let text = self.text(&path).unwrap_or_default();
        let document = yaml::documents(&text)
            .ok()
            .and_then(|all| all.into_iter().next())
            .unwrap_or_default();
        let list = under(&Pointer(Vec::new()), &[name]);
        let edit = match at(&document, &list).and_then(Value::as_array) {
            Some(all) if all.contains(&value) => return Ok(()),
            Some(all) => Edit {
                at: element(&list, all.len()),
                change: Change::Set(value),
            },
            None => Edit {
                at: list,
                change: Change::Set(json!([value])),
            },
        };
        self.change(&path, 0, &[edit])
    }
}

/// An edit as operations of a JSON patch. What it goes through is tested first, so that a list that has changed since makes
/// kustomize fail aloud.
fn operations_of(object: &Value, edit: &Edit) -> Vec<Value> {
    let mut operations = Vec::new();
    for depth in 1..=edit.at.0.len() {
        let here = Pointer(edit.at.0[..depth].to_vec());
        let Some(Step::Index(_)) = here.0.last() else {
            continue;
        };
        let name = under(&here, &["name"]);
        if let Some(value) = at(object, &name) {
            operations.push(json!({"op": "test", "path": name.to_string(), "value": value}));
        }
    }
    let there = at(object, &edit.at).is_some();
    match &edit.change {
        Change::Remove if there => operations.push(json!({"op": "remove", "path": edit.at.to_string()})),
        Change::Remove => {}
        Change::Set(value) if there => {
            operations.push(json!({"op": "replace", "path": edit.at.to_string(), "value": value}))
        }
        Change::Set(value) => operations.push(added(object, &edit.at, value)),
    }
    operations
}

/// `add` needs what it is added to: the value grows by the parents that are not there.
fn added(object: &Value, place: &Pointer, value: &Value) -> Value {
    let (mut steps, mut value) = (place.0.clone(), value.clone());
    while let Some((last, parents)) = steps.split_last() {
        let parent = Pointer(parents.to_vec());
        if parents.is_empty() || at(object, &parent).is_some_and(|value| !value.is_null()) {
            break;
        }
        value = match last {
            Step::Key(key) => json!({ key.as_str(): value }),
            Step::Index(_) => json!([value]),
        };
        steps.pop();
    }
    json!({"op": "add", "path": Pointer(steps).to_string(), "value": value})
}
