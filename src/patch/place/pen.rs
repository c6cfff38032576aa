//! Edits where each takes effect: in the document, in a merge patch that sets the place, in a kustomization, in a patch of its own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{COUNTED, Changes, FileChange, Manifests, OnItsWay, refuse};
use crate::model::tree::{folder, joined};
use crate::patch::emit::Refusal;
use crate::patch::index::{Object, Spot};
use crate::patch::kustomize::{Chain, mapped, touches};
use crate::patch::locate::Place;
use crate::patch::podspec::{at, element, under};
use crate::patch::yaml::{self, Change, Edit, Pointer, Step};

/// Changes in the making.
pub(super) struct Pen<'m, 't> {
    pub(super) manifests: &'m Manifests<'t>,
    pub(super) changes: Changes,
}

impl Pen<'_, '_> {
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let changed = self.changes.get(path).map(|change| change.after.clone());
        changed.or_else(|| Some(self.manifests.tree.files.get(path)?.text.clone()))
    }

    pub(super) fn write(&mut self, path: &str, after: String) {
        let before = self.manifests.tree.files.get(path).map(|file| file.text.clone());
        if before.as_ref() == Some(&after) {
            self.changes.remove(path);
            return;
        }
        self.changes.insert(path.to_owned(), FileChange { before, after });
    }

    /// Begins a file; false where it says so already.
    pub(super) fn begin(&mut self, path: &str, text: String) -> Result<bool, Refusal> {
        match self.text(path) {
            Some(there) if there == text => Ok(false),
            Some(_) => Err(refuse(
                "in-the-way",
                format!("{path} is there already, and says something else"),
            )),
            None => {
                self.write(path, text);
                Ok(true)
            }
        }
    }

    /// Edits one document of a file.
    pub(super) fn change(&mut self, file: &str, document: usize, edits: &[Edit]) -> Result<(), Refusal> {
        let text = self
            .text(file)
            .ok_or_else(|| refuse("unreadable", format!("{file} is not there any more")))?;
        if is_sealed(&text, document) {
            return Err(refuse(
                "not-editable",
                format!("SOPS keeps a checksum over all of {file}: its owner changes it with `sops edit`"),
            ));
        }
        let after =
            yaml::edit(&text, document, edits).map_err(|why| refuse("not-editable", format!("{file}: {why}")))?;
        self.write(file, after);
        Ok(())
    }

    /// Makes edits of an object as it comes into the cluster.
    pub(super) fn edit(&mut self, of: &OnItsWay<'_>, edits: &[Edit]) -> Result<(), Refusal> {
        let (mut own, mut over) = (Vec::new(), Vec::new());
        let replicas = under(&Pointer(Vec::new()), &["spec", "replicas"]);
        let mut merges: BTreeMap<&str, Vec<Edit>> = BTreeMap::new();
        for edit in edits {
            if edit.at == replicas && self.replicas_of_kustomization(of, &edit.change)? {
                // What the document says is written over: it goes with it, and need not be set.
                if matches!(edit.change, Change::Set(_)) || at(&of.written, &replicas).is_none() {
                    continue;
                }
            }
            match self.where_to(of, edit) {
                Where::Own(at) => own.push(Edit {
                    at,
                    change: edit.change.clone(),
                }),
                Where::Merge(file, at) => merges.entry(file).or_default().push(Edit {
                    at,
                    change: edit.change.clone(),
                }),
                Where::Overlay => over.push(edit.clone()),
            }
        }
        let Spot { file, document, .. } = &of.place.object.spot;
        if !own.is_empty() {
            self.change(file, *document, &own)?;
        }
        for (file, edits) in merges {
            self.change(file, 0, &edits)?;
        }
        if over.is_empty() {
            Ok(())
        } else {
            self.overlay(of, &over)
        }
    }

    /// Sets, or takes away, the entry of a kustomization's `replicas`; false where none is about it.
    fn replicas_of_kustomization(&mut self, of: &OnItsWay<'_>, change: &Change) -> Result<bool, Refusal> {
        let entries = self.manifests.replicas_entries(&of.place);
        let Some((last, _, _)) = entries.last() else {
            return Ok(false);
        };
        if of.place.shared && of.place.chain.last() != Some(*last) {
            return Err(refuse(
                "shared",
                format!("the kustomization in {last} sets its replicas, and those of others"),
            ));
        }
        for (own, index, _) in entries.iter().rev() {
            if let Some(other) = self.manifests.namesake(&of.place, own, &COUNTED) {
                return Err(refuse(
                    "shared",
                    format!(
                        "`replicas` of the kustomization in {own} sets those of {other}, too, which has the same name"
                    ),
                ));
            }
            let list = under(&Pointer(Vec::new()), &["replicas"]);
            let file = self
                .manifests
                .chains
                .kustomization(own)
                .map(|kustomization| kustomization.file.clone())
                .unwrap_or_default();
            let edit = match change {
                Change::Set(value) => Edit {
                    at: under(&element(&list, *index), &["count"]),
                    change: Change::Set(value.clone()),
                },
                Change::Remove => self.without(&file, list, *index),
            };
            self.change(&file, 0, &[edit])?;
            // Only the one that is made last counts for a value.
            if matches!(change, Change::Set(_)) {
                break;
            }
        }
        Ok(true)
    }

    /// A list of a kustomization without one of its elements; without the last one it goes altogether.
    fn without(&self, file: &str, list: Pointer, index: usize) -> Edit {
        let text = self.text(file).unwrap_or_default();
        let document = yaml::documents(&text)
            .ok()
            .and_then(|all| all.into_iter().next())
            .unwrap_or_default();
        let mut rest = at(&document, &list)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        if index < rest.len() {
            rest.remove(index);
        }
        let change = if rest.is_empty() {
            Change::Remove
        } else {
            Change::Set(Value::Array(rest))
        };
        Edit { at: list, change }
    }

    fn where_to<'o>(&self, of: &'o OnItsWay<'_>, edit: &Edit) -> Where<'o> {
        if self.manifests.tree.is_live {
            return Where::Overlay;
        }
        let OnItsWay {
            place,
            written,
            effective,
        } = of;
        let touching = effective.patches.iter().rev().find_map(|patch| {
            let documents = yaml::documents(&patch.text).unwrap_or_default();
            let touched = documents.iter().any(|one| touches(one, &effective.object, &edit.at));
            touched.then_some((patch, documents))
        });
        if let Some((patch, documents)) = touching {
            let (Some(file), [merge @ Value::Object(_)]) = (&patch.file, &documents[..]) else {
                return Where::Overlay;
            };
            // One with a target may be about others as well.
            let mine = patch.patch.target.is_none()
                && (!place.shared || place.chain.last().map(String::as_str) == Some(patch.folder))
                && self
                    .manifests
                    .namesake(place, patch.folder, &[&place.object.kind])
                    .is_none();
            let spot = mapped(&effective.object, merge, &edit.at).filter(|spot| at(merge, spot).is_some());
            return match (spot, mine, &edit.change) {
                (Some(spot), true, Change::Set(_)) => Where::Merge(file, spot),
                _ => Where::Overlay,
            };
        }
        if place.shared {
            return Where::Overlay;
        }
        match mapped(&effective.object, written, &edit.at) {
            Some(spot) => Where::Own(Pointer([place.object.spot.at.0.clone(), spot.0].concat())),
            // An element that is added has no like in what is written down.
            None => match edit.at.0.split_last() {
                Some((Step::Index(_), list)) => self.appended(of, &Pointer(list.to_vec())),
                _ => Where::Overlay,
            },
        }
    }

    fn appended<'o>(&self, of: &'o OnItsWay<'_>, list: &Pointer) -> Where<'o> {
        let OnItsWay {
            place,
            written,
            effective,
        } = of;
        let spot = mapped(&effective.object, written, list);
        let length = |value: &Value, list: &Pointer| at(value, list).and_then(Value::as_array).map(Vec::len);
        match spot {
            Some(spot) if length(written, &spot) == length(&effective.object, list) => {
                let index = length(written, &spot).unwrap_or(0);
                Where::Own(element(
                    &Pointer([place.object.spot.at.0.clone(), spot.0].concat()),
                    index,
                ))
            }
            _ => Where::Overlay,
        }
    }

    /// Lets an Application of Argo CD leave the replicas of an object alone.
    pub(super) fn ignore_replicas(&mut self, application: &str, of: &OnItsWay<'_>) -> Result<(), Refusal> {
        let name = application.rsplit('/').next().unwrap_or(application);
        let told = application.rsplit_once('/').map(|(namespace, _)| namespace);
        // One that several gather is several Applications, and one of another namespace is another one.
        let is = |object: &&Object| {
            let here = told.is_none() || object.namespace.is_none() || object.namespace.as_deref() == told;
            let alone = self.manifests.chains.from(&object.spot.file).len() <= 1;
            object.group() == "argoproj.io" && object.kind == "Application" && object.name == name && here && alone
        };
        let objects = &self.manifests.index.objects;
        let mut found = objects.iter().filter(is);
        let (Some(own), None) = (found.next(), found.next()) else {
            return Err(refuse(
                "hand-over-first",
                format!(
                    "Argo CD would write spec.replicas back: give the Application {application} an entry of ignoreDifferences for \
                     /spec/replicas and the sync option RespectIgnoreDifferences=true first; its own manifest is not among the files that \
                     were read"
                ),
            ));
        };
        let value = self.manifests.value(&own.spot)?;
        let Place {
            object,
            names,
            namespace,
            ..
        } = &of.place;
        let entry = json!({
            "group": object.group(), "kind": object.kind, "name": names.last(), "namespace": namespace,
            "jsonPointers": ["/spec/replicas"],
        });
        let mut edits = Vec::new();
        for (list, element_of) in [
            (vec!["spec", "ignoreDifferences"], entry),
            (
                vec!["spec", "syncPolicy", "syncOptions"],
                json!("RespectIgnoreDifferences=true"),
            ),
        ] {
            let here = under(&Pointer(Vec::new()), &list);
            let all = at(&value, &here).and_then(Value::as_array);
            if all.is_some_and(|all| all.contains(&element_of)) {
                continue;
            }
            let place = Pointer([own.spot.at.0.clone(), here.0.clone()].concat());
            edits.push(match all {
                Some(all) => Edit {
                    at: element(&place, all.len()),
                    change: Change::Set(element_of),
                },
                None => Edit {
                    at: place,
                    change: Change::Set(json!([element_of])),
                },
            });
        }
        if edits.is_empty() {
            Ok(())
        } else {
            self.change(&own.spot.file, own.spot.document, &edits)
        }
    }

    /// Puts a new object beside the workload, and into the kustomization that gathers it.
    pub(super) fn add(&mut self, of: &OnItsWay<'_>, object: &Value) -> Result<(), Refusal> {
        let Place {
            chain,
            shared,
            names,
            object: own,
            ..
        } = &of.place;
        let renamed = names.len() > 1;
        let level = if *shared || renamed || self.manifests.tree.is_live {
            chain.last()
        } else {
            chain.first()
        };
        let into = level.map_or_else(|| folder(&own.spot.file), String::as_str);
        let kind = object
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or("object")
            .to_lowercase();
        let name = names.last().map_or("workload", String::as_str);
        let file = format!("{name}-{kind}.yaml");
        let path = joined(into, &file).unwrap_or_else(|| file.clone());
        let mut object = object.clone();
        self.as_gathered(&mut object, of, level, chain);
        let taken = |other: &&Object| {
            let kind = object.get("kind").and_then(Value::as_str);
            let same = Some(other.kind.as_str()) == kind && names.last() == Some(&other.name);
            same && other.spot.file != path && other.namespace.as_deref().is_none_or(|own| own == of.place.namespace)
        };
        if let Some(other) = self.manifests.index.objects.iter().find(taken) {
            return Err(refuse(
                "in-the-way",
                format!(
                    "{} has a {} of that name already, which is about something else",
                    other.spot.file, other.kind
                ),
            ));
        }
        if !self.begin(&path, yaml::document(&object))? {
            return Ok(());
        }
        match level {
            Some(level) => self.list(level, "resources", json!(file)),
            None => Ok(()),
        }
    }

    /// Names and namespace as they must be written down so that kustomize makes the right ones of them.
    fn as_gathered(&self, object: &mut Value, of: &OnItsWay<'_>, level: Option<&String>, chain: &Chain) {
        let from = level
            .and_then(|level| chain.iter().position(|one| one == level))
            .unwrap_or(chain.len());
        let above: Vec<_> = chain[from..]
            .iter()
            .filter_map(|own| self.manifests.chains.kustomization(own))
            .collect();
        let told = of.place.object.namespace.is_some() || chain.is_empty();
        if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
            let nowhere = self
                .manifests
                .chains
                .namespaces(chain, of.place.object.namespace.as_deref())
                .is_empty();
            if above.iter().any(|own| own.namespace.is_some()) || (nowhere && !told) {
                metadata.remove("namespace");
            }
            let last = of.place.names.last().cloned().unwrap_or_default();
            let bare = above.iter().rev().fold(last, |name, own| {
                let name = name.strip_prefix(&own.name_prefix).unwrap_or(&name).to_owned();
                name.strip_suffix(&own.name_suffix).unwrap_or(&name).to_owned()
            });
            metadata.insert("name".to_owned(), json!(bare));
        }
    }
}

/// Whether a document is sealed by SOPS, under whose checksum nothing may change, encrypted or not.
fn is_sealed(text: &str, document: usize) -> bool {
    let sealed = |all: Vec<Value>| all.get(document).is_some_and(|one| one.get("sops").is_some());
    text.contains("sops") && yaml::documents(text).is_ok_and(sealed)
}

/// Where an edit belongs.
enum Where<'o> {
    /// In the object's own document.
    Own(Pointer),
    /// In a merge patch that sets it, of this file.
    Merge(&'o str, Pointer),
    /// In a patch of the kustomization that is applied.
    Overlay,
}
