//! What says which nodes a cluster may have, among the manifests, and new objects beside it.

use serde_json::json;

use super::pen::Pen;
use super::{Manifests, valid};
use crate::model::tree::{folder, joined};
use crate::patch::component;
use crate::patch::emit::{Beside, Refusal, Wish};
use crate::patch::index::Object;
use crate::patch::kustomize::{Chain, Meant, effective};
use crate::patch::written::{KINDS, Written};
use crate::patch::yaml;

impl Manifests<'_> {
    /// What says which nodes a cluster may have: what is below the folder that is deployed into it, where somebody tells which that
    /// is.
    ///
    /// # Errors
    /// Where a file cannot be read any more.
    pub fn nodes_of(&self, under: Option<&str>) -> Result<Vec<Written>, Refusal> {
        let is = |object: &&Object| {
            let mut kinds = KINDS.iter();
            kinds.any(|(group, kind, _)| object.group() == *group && object.kind == *kind)
        };
        let mut all: Vec<(bool, Written)> = Vec::new();
        for object in self.index.objects.iter().filter(is) {
            let ways = self.chains.from(&object.spot.file);
            let chain = ways.first().cloned().unwrap_or_default();
            let deployed = chain.last().map_or_else(|| folder(&object.spot.file), String::as_str);
            let within = |under: &str| match deployed.strip_prefix(under) {
                Some(rest) => rest.is_empty() || under.is_empty() || rest.starts_with('/'),
                None => false,
            };
            let name = self.chains.names(&chain, None, &object.name).1.pop();
            let written = Written {
                kind: object.kind.clone(),
                name: name.unwrap_or_else(|| object.name.clone()),
                spot: object.spot.clone(),
                object: self.value(&object.spot)?,
                changed_by: None,
            };
            let changed_by = self.changed_by(object, &ways, &written);
            all.push((under.is_some_and(within), Written { changed_by, ..written }));
        }
        // Those outside of it may be of another cluster.
        all.retain(|(within, _)| *within || under.is_none());
        let key = |one: &Written| (one.kind.clone(), one.name.clone());
        let keys: Vec<_> = all.iter().map(|(_, one)| key(one)).collect();
        let told = all.into_iter().map(|(_, mut one)| {
            if keys.iter().filter(|other| **other == key(&one)).count() > 1 {
                one.changed_by = Some(format!("several files have a {} of that name", one.kind));
            }
            one
        });
        Ok(told.collect())
    }

    /// What one beside this would not go through as it does.
    fn changed_by(&self, object: &Object, ways: &[Chain], written: &Written) -> Option<String> {
        let version = object.api_version.rsplit('/').next().unwrap_or_default();
        let known = |(_, kind, versions): &(&str, &str, &[&str])| *kind == object.kind && versions.contains(&version);
        if !KINDS.iter().any(known) {
            return Some(format!("it is of {}", object.api_version));
        }
        if !object.spot.at.0.is_empty() {
            return Some("it stands in a list".to_owned());
        }
        let chain = match ways {
            [] => return None,
            [chain] => chain,
            _ => return Some("several kustomizations gather it, each for a cluster of its own".to_owned()),
        };
        if written.name != object.name {
            return Some(format!("a kustomization of its names it {}", written.name));
        }
        let meant = Meant {
            group: object.group(),
            kind: &object.kind,
            names: std::slice::from_ref(&object.name),
            namespaces: &[],
        };
        match effective(self.tree, &self.chains, chain, meant, &written.object) {
            Err(what) => Some(format!("{what}, may change it on its way into the cluster")),
            Ok(own) if own.object != written.object => {
                Some("a patch changes it on its way into the cluster".to_owned())
            }
            Ok(_) => None,
        }
    }
}

impl Pen<'_, '_> {
    /// What makes nodes, as a wish has it: others' objects that change, and new ones beside them.
    pub(super) fn nodes(&mut self, wish: &Wish) -> Result<(), Refusal> {
        for (spot, edits) in &wish.others {
            self.change(&spot.file, spot.document, edits)?;
        }
        wish.beside.iter().try_for_each(|beside| self.beside(beside))
    }

    /// Puts an object beside another one, and into the kustomization that gathers that.
    fn beside(&mut self, new: &Beside) -> Result<(), Refusal> {
        valid::valid(&new.object)?;
        let after = &new.after.file;
        let file = format!("{}.yaml", new.name);
        let over = self.manifests.tree.is_live.then(|| component::over(after));
        let into = over.as_deref().unwrap_or_else(|| folder(after));
        let path = joined(into, &file).unwrap_or_else(|| file.clone());
        if !self.begin(&path, yaml::document(&new.object))? {
            return Ok(());
        }
        if let Some(over) = &over {
            return self.list(over, "resources", json!(file));
        }
        let ways = self.manifests.chains.from(after);
        let Some(level) = ways.first().and_then(|chain| chain.first()) else {
            return Ok(());
        };
        let kustomization = self.manifests.chains.kustomization(level);
        let resources = kustomization.map_or(&[][..], |own| &own.resources);
        let entry = resources
            .iter()
            .find(|path| joined(level, path).as_ref() == Some(after));
        // As the other one is named, from wherever the kustomization is.
        let entry = match entry.and_then(|entry| entry.rsplit_once('/')) {
            Some((before, _)) => format!("{before}/{file}"),
            None => file,
        };
        self.list(level, "resources", json!(entry))
    }
}
