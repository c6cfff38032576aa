//! What is put into manifests must be taken where it goes: autoscalers and pools of nodes are read as the API server, KEDA's admission
//! and Karpenter read them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::pen::Pen;
use super::{Manifests, OnItsWay, refuse};
use crate::patch::emit::{Refusal, Wish, make};
use crate::patch::index::{Object, Spot};
use crate::patch::podspec::at;
use crate::patch::schema::{new_faults, node_pool};
use crate::patch::yaml::{self, Edit};
use crate::replay::{hpa, keda};

/// Whether an object of a kind that we know would be taken.
///
/// # Errors
/// With all that is wrong with it.
pub(super) fn valid(object: &Value) -> Result<(), Refusal> {
    let refused = match object.get("kind").and_then(Value::as_str) {
        Some("ScaledObject") => keda::spec::of(object).err(),
        Some("NodePool") => node_pool::taken(object).err(),
        Some("HorizontalPodAutoscaler") => hpa::manifest::of(object, false).err(),
        _ => None,
    };
    refused.map_or(Ok(()), |faults| {
        Err(refuse(
            "not-valid",
            format!("what would be written would be refused: {faults}"),
        ))
    })
}

impl Manifests<'_> {
    /// Definitions of the kinds of these objects among the manifests. Each is called by its kind and its group.
    fn definitions(&self, of: &[&Value]) -> Result<Vec<Value>, Refusal> {
        let group = |object: &&Value| Some(object.get("apiVersion")?.as_str()?.split_once('/')?.0.to_owned());
        let groups: BTreeSet<String> = of.iter().filter_map(group).collect();
        let is = |object: &&Object| {
            let own = object.name.split_once('.').map_or("", |(_, group)| group);
            object.kind == "CustomResourceDefinition"
                && object.group() == "apiextensions.k8s.io"
                && groups.contains(own)
        };
        let all = self.index.objects.iter().filter(is);
        all.map(|object| self.value(&object.spot)).collect()
    }

    /// Whether all that a wish changes and makes is what the API server takes, by the types of Kubernetes' kinds and by the definitions
    /// of others among the manifests.
    ///
    /// # Errors
    /// With what would be refused.
    pub(super) fn fits(&self, own: (&Value, &[Edit]), scaler: Option<&Value>, wish: &Wish) -> Result<(), Refusal> {
        let new = || wish.new.iter().chain(wish.beside.iter().map(|beside| &beside.object));
        let others = wish.others.iter().map(|(spot, _)| self.value(spot));
        let others: Vec<Value> = others.collect::<Result<_, _>>()?;
        let involved = [own.0].into_iter().chain(scaler).chain(new()).chain(&others);
        let definitions = self.definitions(&involved.collect::<Vec<_>>())?;
        let definitions: Vec<&Value> = definitions.iter().collect();
        let edited = |object: &Value, edits: &[Edit]| {
            let mut after = object.clone();
            edits.iter().for_each(|edit| make(&mut after, edit));
            new_faults(Some(object), &after, &definitions)
        };
        let mut faults = edited(own.0, own.1);
        faults.extend(scaler.map_or_else(BTreeSet::new, |scaler| edited(scaler, &wish.scaler)));
        for (other, (_, edits)) in others.iter().zip(&wish.others) {
            faults.extend(edited(other, edits));
        }
        for object in new() {
            faults.extend(new_faults(None, object, &definitions));
        }
        if faults.is_empty() {
            return Ok(());
        }
        let faults: Vec<String> = faults.into_iter().collect();
        Err(refuse(
            "not-valid",
            format!("what would be written would be refused: {}", faults.join("; ")),
        ))
    }
}

impl Pen<'_, '_> {
    /// Whether an autoscaler would be taken as it is written by now. One whose patches change it is read without them.
    pub(super) fn is_valid(&self, of: &OnItsWay<'_>) -> Result<(), Refusal> {
        let Spot {
            file,
            document,
            at: place,
        } = &of.place.object.spot;
        let text = self.text(file).unwrap_or_default();
        let documents = yaml::documents(&text).map_err(|why| refuse("not-editable", format!("{file}: {why}")))?;
        let object = documents.get(*document).and_then(|document| at(document, place));
        object.map_or(Ok(()), valid)
    }
}
