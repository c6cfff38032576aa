//! A wish made text: each edit where it takes effect for this workload and for no other.

mod beside;
mod budgets;
mod overlay;
mod pen;
mod valid;

use std::collections::BTreeMap;

use serde_json::Value;

use super::emit::{Refusal, Wish};
use super::handover::Handover;
use super::index::{Index, Object, Spot};
use super::kustomize::{Chains, Effective, Meant, OnTheWay, effective, touches};
use super::locate::Place;
use super::podspec::{at, under};
use super::yaml::{self, Change, Edit, Pointer, Step};
use crate::model::tree::Tree;
use pen::Pen;

/// A file as it is and as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Its text now; `None` for a new file.
    pub before: Option<String>,
    /// Its text then.
    pub after: String,
}

/// Changed files, by path.
pub type Changes = BTreeMap<String, FileChange>;

/// A folder of manifests, read and indexed.
#[derive(Debug, Clone)]
pub struct Manifests<'t> {
    /// The files.
    pub tree: &'t Tree,
    /// What stands in them.
    pub index: &'t Index,
    /// Who gathers what.
    pub chains: Chains<'t>,
}

/// An object on its way into the cluster.
#[derive(Debug, Clone)]
pub struct OnItsWay<'t> {
    place: Place,
    /// The document as written down.
    written: Value,
    /// What becomes of it.
    effective: Effective<'t>,
}

impl OnItsWay<'_> {
    /// The object after the patches of its kustomizations.
    pub fn object(&self) -> &Value {
        &self.effective.object
    }
}

/// Kinds whose replicas a kustomization's `replicas` sets.
const COUNTED: [&str; 4] = ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"];

fn refuse(code: &'static str, why: impl Into<String>) -> Refusal {
    Refusal { code, why: why.into() }
}

impl<'t> Manifests<'t> {
    /// A tree and its index.
    pub fn new(tree: &'t Tree, index: &'t Index) -> Self {
        Self {
            tree,
            index,
            chains: Chains::of(&index.kustomizations),
        }
    }

    /// What becomes of a document along the way of a place.
    ///
    /// # Errors
    /// Where a patch on the way cannot be followed.
    pub fn follow(&self, place: &'t Place) -> Result<OnItsWay<'t>, Refusal> {
        let written = self.value(&place.object.spot)?;
        let told = self.chains.namespaces(&place.chain, place.object.namespace.as_deref());
        let meant = Meant {
            group: place.object.group(),
            kind: &place.object.kind,
            names: &place.names,
            namespaces: &told,
        };
        let followed = |what| {
            refuse(
                "patch-not-followed",
                format!("{what}, changes it on its way into the cluster: change it there"),
            )
        };
        let effective = effective(self.tree, &self.chains, &place.chain, meant, &written).map_err(followed)?;
        let replicas = under(&Pointer(Vec::new()), &["spec", "replicas"]);
        let value = at(&effective.object, &replicas).filter(|value| !value.is_null());
        if let Some(text) = value.filter(|value| value.as_u64().is_none()) {
            return Err(refuse(
                "not-as-seen",
                format!(
                    "spec.replicas is {text}, which something fills in before it is applied: change what fills it in"
                ),
            ));
        }
        let set = |patch: &OnTheWay<'_>| {
            let documents = yaml::documents(&patch.text).unwrap_or_default();
            documents.iter().any(|one| touches(one, &effective.object, &replicas))
        };
        if !self.replicas_entries(place).is_empty() && effective.patches.iter().any(set) {
            return Err(followed(
                "`replicas` and a patch, which both set its replicas".to_owned(),
            ));
        }
        Ok(OnItsWay {
            place: place.clone(),
            written,
            effective,
        })
    }

    /// Another object that a change at this kustomization would meet, too: one of these kinds that has a name of ours on its way.
    fn namesake(&self, place: &Place, level: &str, kinds: &[&str]) -> Option<&str> {
        let others = self
            .index
            .objects
            .iter()
            .filter(|object| kinds.contains(&object.kind.as_str()));
        let met = |object: &&Object| {
            let ways = self.chains.from(&object.spot.file);
            ways.iter()
                .filter(|chain| chain.iter().any(|own| own == level))
                .any(|chain| {
                    let own = object.spot == place.object.spot && chain.starts_with(&place.chain);
                    let (_, names) = self.chains.names(chain, object.namespace.as_deref(), &object.name);
                    !own && names.iter().any(|name| place.names.contains(name))
                })
        };
        others.into_iter().find(met).map(|object| object.spot.file.as_str())
    }

    pub(super) fn value(&self, spot: &Spot) -> Result<Value, Refusal> {
        let file = self.tree.files.get(&spot.file);
        let documents = file.map(|file| yaml::documents(&file.text)).transpose();
        let documents = documents.map_err(|why| refuse("unreadable", format!("{}: {why}", spot.file)))?;
        let document = documents.as_ref().and_then(|all| all.get(spot.document));
        let value = document.and_then(|document| at(document, &spot.at));
        value
            .cloned()
            .ok_or_else(|| refuse("unreadable", format!("{} has changed while it was read", spot.file)))
    }

    /// `spec.replicas` as it comes into the cluster, whoever sets it.
    pub fn replicas(&self, of: &OnItsWay<'_>) -> Option<u32> {
        let count = self.replicas_entries(&of.place).last().map(|(_, _, count)| *count);
        let own = || of.object().pointer("/spec/replicas").and_then(Value::as_u64);
        count.or_else(own).and_then(|count| u32::try_from(count).ok())
    }

    /// Entries of `replicas` of its kustomizations: folder, place in the list, count.
    fn replicas_entries<'p>(&self, place: &'p Place) -> Vec<(&'p String, usize, u64)> {
        let mut found = Vec::new();
        if !COUNTED.contains(&place.object.kind.as_str()) {
            return found;
        }
        for own in &place.chain {
            let entries = self
                .chains
                .kustomization(own)
                .map_or(&[][..], |kustomization| &kustomization.replicas);
            let named = entries
                .iter()
                .enumerate()
                .filter(|(_, (name, _))| place.names.contains(name));
            found.extend(named.map(|(at, (_, count))| (own, at, *count)));
        }
        found
    }

    /// The texts in which a file of values has these settings.
    ///
    /// # Errors
    /// Where it cannot be edited so, or no pool of nodes offers what they ask for.
    pub fn set(&self, (file, document): (&str, usize), edits: &[Edit], wish: &Wish) -> Result<Changes, Refusal> {
        let mut pen = Pen {
            manifests: self,
            changes: Changes::new(),
        };
        if !edits.is_empty() {
            pen.change(file, document, edits)?;
        }
        pen.nodes(wish)?;
        Ok(pen.changes)
    }

    /// The texts in which a wish is true.
    ///
    /// # Errors
    /// Where a part of it cannot be written so that it changes this workload, and nothing else.
    pub fn make(&self, of: &OnItsWay<'_>, scaler: Option<&OnItsWay<'_>>, wish: &Wish) -> Result<Changes, Refusal> {
        let mut pen = Pen {
            manifests: self,
            changes: Changes::new(),
        };
        let mut own = wish.own.clone();
        match &wish.handover {
            // A patch over what the cluster has would take them away there, at once, and the manifest keeps them.
            Some(Handover::Goes { .. }) if self.tree.is_live => {}
            Some(Handover::Goes { .. }) => own.push(Edit {
                at: under(&Pointer(Vec::new()), &["spec", "replicas"]),
                change: Change::Remove,
            }),
            Some(Handover::First { why, command }) => {
                return Err(refuse(
                    "hand-over-first",
                    format!("{why}; run this first, and make the patch again:\n{command}"),
                ));
            }
            Some(Handover::Ignored { application }) => pen.ignore_replicas(application, of)?,
            Some(Handover::Absent | Handover::Stays { .. }) | None => {}
        }
        self.fits((of.object(), &own), scaler.map(OnItsWay::object), wish)?;
        pen.edit(of, &own)?;
        if let Some(scaler) = scaler {
            pen.edit(scaler, &wish.scaler)?;
            let spec = |edit: &Edit| edit.at.0.first() == Some(&Step::Key("spec".to_owned()));
            if wish.scaler.iter().any(spec) {
                pen.is_valid(scaler)?;
            }
        } else if !wish.scaler.is_empty() {
            return Err(refuse(
                "autoscaler-not-found",
                "its autoscaler is not among the files that were read",
            ));
        }
        pen.nodes(wish)?;
        for object in &wish.new {
            valid::valid(object)?;
            pen.add(of, object)?;
        }
        Ok(pen.changes)
    }
}
