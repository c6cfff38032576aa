//! Edits that belong to one way of a shared document only: as a JSON patch of the kustomization that is applied.

use serde_json::{Value, json};
use similar::{Algorithm, DiffTag, capture_diff_slices};

use super::pen::Pen;
use super::{OnItsWay, refuse};
use crate::model::tree::joined;
use crate::patch::emit::Refusal;
use crate::patch::podspec::{at, element, under};
use crate::patch::yaml::{self, Change, Edit, Pointer, Step};
use crate::sources::kubernetes::holds_secret;

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
            if self.manifests.tree.is_live && shows_more(&of.effective.object, &operation) {
                return Err(refuse(
                    "needs-its-manifest",
                    "it changes a line of its command that seems to hold a secret, which would stand in the patch: give --manifests, or \
                     change the line where it is written down",
                ));
            }
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
            // Where elements went, or came, a place is another one by now: what is made there is made after that.
            let path = operation.get("path").and_then(Value::as_str).unwrap_or_default();
            let moved = there.iter().any(|one| moves(one, path));
            let same = |one: &&Value| sets(one) && !moved && one.get("path") == operation.get("path");
            if !(moved && sets(&&operation)) && there.contains(&operation) {
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
    let before = at(object, &edit.at);
    match &edit.change {
        Change::Remove if before.is_some() => operations.push(json!({"op": "remove", "path": edit.at.to_string()})),
        Change::Remove => {}
        Change::Set(value) => match (before, before.and_then(texts), texts(value)) {
            (_, Some(before), Some(after)) => operations.extend(by_element(&edit.at, &before, &after)),
            (Some(_), ..) => operations.push(json!({"op": "replace", "path": edit.at.to_string(), "value": value})),
            (None, ..) => operations.push(added(object, &edit.at, value)),
        },
    }
    operations
}

/// The elements of a list that has texts only.
fn texts(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

/// One list made another by its elements, so that a patch says nothing of those that stay. From the end to the beginning, as an
/// element that goes or comes moves those behind it.
fn by_element(list: &Pointer, before: &[&str], after: &[&str]) -> Vec<Value> {
    let place = |index: usize| element(list, index).to_string();
    let mut operations = Vec::new();
    for change in capture_diff_slices(Algorithm::Lcs, before, after).iter().rev() {
        let (tag, old, new) = change.as_tag_tuple();
        if tag == DiffTag::Equal {
            continue;
        }
        let both = old.len().min(new.len());
        for index in (old.start + both..old.end).rev() {
            operations.push(json!({"op": "test", "path": place(index), "value": before[index]}));
            operations.push(json!({"op": "remove", "path": place(index)}));
        }
        for (index, text) in after[new.clone()].iter().enumerate() {
            let op = if index < both { "replace" } else { "add" };
            operations.push(json!({"op": op, "path": place(old.start + index), "value": text}));
        }
    }
    operations
}

/// Whether an operation of a list moves what stands at a path, or beside it.
fn moves(operation: &Value, path: &str) -> bool {
    let text = |field: &str| operation.get(field).and_then(Value::as_str).unwrap_or_default();
    let Some((list, index)) = text("path").rsplit_once('/') else {
        return false;
    };
    let beside = path.strip_prefix(list).is_some_and(|rest| rest.starts_with('/'));
    text("op") == "remove" && beside && index.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether an operation tells more of a line than what is changed in it, and that looks like a secret.
fn shows_more(object: &Value, operation: &Value) -> bool {
    let text = |field: &str| operation.get(field).and_then(Value::as_str);
    let place = text("path")
        .and_then(|path| object.pointer(path))
        .and_then(Value::as_str);
    let line = place.filter(|line| line.contains(char::is_whitespace));
    line.zip(text("value")).is_some_and(|(_, line)| holds_secret(line))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_of_a_list_says_nothing_of_what_stays() {
        let before = ["--api-key", "sk-1", "--disable-radix-cache", "--tp", "4"];
        let cases: [(&[&str], &[&str]); 4] = [
            (
                &["--api-key", "sk-1", "--disable-radix-cache", "--tp", "2"],
                &["replace /args/4 2"],
            ),
            (
                &["--api-key", "sk-1", "--tp", "2", "--q=fp8"],
                &["replace /args/4 2", "add /args/5 --q=fp8", "remove /args/2"],
            ),
            (&["--tp", "4"], &["remove /args/2", "remove /args/1", "remove /args/0"]),
            (&before, &[]),
        ];
        for (after, expected) in cases {
            let all = by_element(&Pointer::from(["args"]), &before, after);
            let text = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
            let mut told: Vec<String> = Vec::new();
            for one in all.iter().filter(|one| one["op"] != "test") {
                let words = ["op", "path", "value"].map(|field| text(one, field));
                told.push(words.join(" ").trim_end().to_owned());
            }
            assert_eq!(told, expected);
        }
    }
}
