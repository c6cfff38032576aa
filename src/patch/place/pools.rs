//! Karpenter's NodePools among the manifests, and a new one beside another.

use serde_json::json;

use super::pen::Pen;
use super::{Manifests, refuse, valid};
use crate::model::tree::{folder, joined};
use crate::patch::emit::{NewPool, Refusal};
use crate::patch::index::Object;
use crate::patch::kustomize::{Chain, Meant, effective};
use crate::patch::node_pools::NodePool;
use crate::patch::yaml;

impl Manifests<'_> {
    /// The NodePools of a cluster: those below the folder that is deployed into it, where somebody tells which that is.
    ///
    /// # Errors
    /// Where a file cannot be read any more.
    pub fn node_pools(&self, under: Option<&str>) -> Result<Vec<NodePool>, Refusal> {
        let is = |object: &&Object| object.group() == "karpenter.sh" && object.kind == "NodePool";
        let mut all: Vec<(bool, NodePool)> = Vec::new();
        for object in self.index.objects.iter().filter(is) {
            let ways = self.chains.from(&object.spot.file);
            let chain = ways.first().cloned().unwrap_or_default();
            let deployed = chain.last().map_or_else(|| folder(&object.spot.file), String::as_str);
            let within = |under: &str| match deployed.strip_prefix(under) {
                Some(rest) => rest.is_empty() || under.is_empty() || rest.starts_with('/'),
                None => false,
            };
            let name = self.chains.names(&chain, None, &object.name).1.pop();
            let pool = NodePool {
                name: name.unwrap_or_else(|| object.name.clone()),
                spot: object.spot.clone(),
                object: self.value(&object.spot)?,
                changed_by: None,
            };
            let changed_by = self.changed_by(object, &ways, &pool);
            all.push((under.is_some_and(within), NodePool { changed_by, ..pool }));
        }
        if all.iter().any(|(within, _)| *within) {
            all.retain(|(within, _)| *within);
        }
        let names: Vec<String> = all.iter().map(|(_, pool)| pool.name.clone()).collect();
        let twice = |pool: &NodePool| names.iter().filter(|name| **name == pool.name).count() > 1;
        let told = all.into_iter().map(|(_, mut pool)| {
            if twice(&pool) {
                pool.changed_by = Some("several files have a NodePool of that name".to_owned());
            }
            pool
        });
        Ok(told.collect())
    }

    /// What a pool beside this one would not go through as it does.
    fn changed_by(&self, object: &Object, ways: &[Chain], pool: &NodePool) -> Option<String> {
        if object.api_version != "karpenter.sh/v1" {
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
        if pool.name != object.name {
            return Some(format!("a kustomization of its names it {}", pool.name));
        }
        let meant = Meant {
            group: object.group(),
            kind: &object.kind,
            names: std::slice::from_ref(&object.name),
            namespaces: &[],
        };
        match effective(self.tree, &self.chains, chain, meant, &pool.object) {
            Err(what) => Some(format!("{what}, may change it on its way into the cluster")),
            Ok(own) if own.object != pool.object => Some("a patch changes it on its way into the cluster".to_owned()),
            Ok(_) => None,
        }
    }
}

impl Pen<'_, '_> {
    /// Puts a NodePool beside another one, and into the kustomization that gathers that.
    pub(super) fn node_pool(&mut self, pool: &NewPool) -> Result<(), Refusal> {
        valid::valid(&pool.object)?;
        let after = &pool.after.file;
        let file = format!("{}.yaml", pool.name);
        let path = joined(folder(after), &file).unwrap_or_else(|| file.clone());
        let text = yaml::document(&pool.object);
        match self.text(&path) {
            Some(there) if there == text => return Ok(()),
            Some(_) => {
                return Err(refuse(
                    "in-the-way",
                    format!("{path} is there already, and says something else"),
                ));
            }
            None => self.write(&path, text),
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
