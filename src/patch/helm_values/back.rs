//! Edits of an object that was filled in from a file of values, as edits of that file.

use serde_json::{Value, json};

use super::{Filled, Link, REPLICAS, refuse};
use crate::model::manifest::Live;
use crate::patch::emit::{Refusal, Wish};
use crate::patch::podspec::at;
use crate::patch::yaml::{Change, Edit, Pointer, Step};

impl Filled {
    /// Edits of the object as edits of the file.
    ///
    /// # Errors
    /// Where no place is told, the file does not have it, or the change is none that values can make.
    pub(in crate::patch) fn back(&self, wish: &Wish, live: &Live) -> Result<Vec<Edit>, Refusal> {
        if let Some(new) = wish.new.first() {
            let kind = new.get("kind").and_then(Value::as_str).unwrap_or("object");
            return Err(refuse(
                "in-a-chart",
                format!(
                    "it takes a {kind}, which no value of a chart adds, and the chart would write its replicas back with each upgrade: \
                     let the chart make one, or leave replicas out of what it makes"
                ),
            ));
        }
        if !wish.scaler.is_empty() {
            return Err(refuse(
                "in-a-chart",
                "its autoscaler is made by a chart, and no place is told for its settings",
            ));
        }
        let of_replicas = wish.own.iter().find(|edit| edit.at.to_string() == REPLICAS);
        if let Some(edit) = of_replicas {
            self.as_seen(&edit.change, live)?;
        }
        wish.own.iter().map(|edit| self.one(edit)).collect()
    }

    /// That the file says what the cluster has is all that tells whether the place is the right one.
    fn as_seen(&self, to: &Change, live: &Live) -> Result<(), Refusal> {
        if live.autoscaler.is_some() {
            return Err(refuse(
                "autoscaled",
                "an autoscaler writes its replicas, and most charts leave them out where there is one: its owner sets the chart's \
                 autoscaling",
            ));
        }
        match (self.replicas(), live.replicas) {
            (Some(written), Some(live)) if written != live && *to != Change::Set(json!(written)) => Err(refuse(
                "not-as-seen",
                format!(
                    "{} says {written} replicas and the cluster has {live}: the chart makes them of something else",
                    self.file
                ),
            )),
            _ => Ok(()),
        }
    }

    /// `spec.replicas`, where the file says it.
    pub(in crate::patch) fn replicas(&self) -> Option<u32> {
        let replicas = self.object.pointer(REPLICAS)?.as_u64()?;
        u32::try_from(replicas).ok()
    }

    /// What whoever merges it should know.
    pub(in crate::patch) fn notes(&self, wish: &Wish) -> Vec<String> {
        let zero = |edit: &Edit| edit.at.to_string() == REPLICAS && edit.change == Change::Set(json!(0));
        let added = |edit: &Edit| {
            let within =
                matches!(edit.at.0.split_last(), Some((Step::Index(_), list)) if list.ends_with(&[Step::from("args")]));
            within && at(&self.object, &edit.at).is_none() && self.flag(edit).is_none()
        };
        let mut notes = vec!["see that the chart makes of it what is meant, as by `helm template`".to_owned()];
        if wish.own.iter().any(zero) {
            notes.push("a chart may take 0 for nothing said, and make one replica of it".to_owned());
        }
        if wish.own.iter().any(added) {
            notes.push("the chart may tell the server of it by itself: see that what is added counts".to_owned());
        }
        notes
    }

    /// A flag that is to be added to the arguments and that the chart makes of a value of its own, and what that is to be.
    fn flag(&self, edit: &Edit) -> Option<(&Link, String)> {
        let Change::Set(Value::String(word)) = &edit.change else {
            return None;
        };
        if at(&self.object, &edit.at).is_some() {
            return None;
        }
        let (flag, value) = word.split_once('=')?;
        let link = self.links.iter().find(|link| link.flag.as_deref() == Some(flag))?;
        Some((link, value.to_owned()))
    }

    fn one(&self, edit: &Edit) -> Result<Edit, Refusal> {
        if let Some((link, value)) = self.flag(edit) {
            let at = link.object.clone();
            let change = Change::Set(Value::String(value));
            return self.through(link, &Edit { at, change });
        }
        let links = self.links.iter().filter(|link| edit.at.0.starts_with(&link.object.0));
        let Some(link) = links.max_by_key(|link| link.object.0.len()) else {
            return Err(refuse(
                "no-values-path",
                format!(
                    "a chart makes it of {}, and nothing says where {} stands there: give `{}` in the row of `patches.values`",
                    self.file,
                    edit.at,
                    key_of(&edit.at)
                ),
            ));
        };
        self.through(link, edit)
    }

    fn through(&self, link: &Link, edit: &Edit) -> Result<Edit, Refusal> {
        let Some(before) = &link.value else {
            return Err(refuse(
                "no-values-path",
                format!(
                    "{} does not have {}, which is told for `{}`: write down there what the chart takes where nothing is said, or mend \
                     the place",
                    self.file, link.told, link.key
                ),
            ));
        };
        let Change::Set(value) = &edit.change else {
            return Err(refuse(
                "in-a-chart",
                format!(
                    "{} would have to go from {}, and what a file of values leaves out comes back from the chart's own: its owner changes it",
                    edit.at, self.file
                ),
            ));
        };
        let rest = &edit.at.0[link.object.0.len()..];
        self.is_all(link, (before, rest), value)?;
        let at = Pointer(link.file.0.iter().chain(rest).cloned().collect());
        let value = match (rest.is_empty(), before, value) {
            (true, Value::Number(_), Value::String(text)) => {
                text.parse::<u64>().map_or_else(|_| value.clone(), Value::from)
            }
            _ => value.clone(),
        };
        // Below nothing there is no place: it becomes a list with the one thing in it.
        let (at, value) = match before {
            Value::Null => (link.file.clone(), rest.iter().rev().fold(value, wrapped)),
            _ => (at, value),
        };
        Ok(Edit {
            at,
            change: Change::Set(value),
        })
    }

    /// Helm merges maps with those of the chart: what the file says of one is all of it only key by key.
    fn is_all(&self, link: &Link, (before, rest): (&Value, &[Step]), to: &Value) -> Result<(), Refusal> {
        let Self { file, .. } = self;
        let Link { told, key, .. } = link;
        let why = match (key.as_str(), before) {
            ("node_selector" | "affinity" | "resources", Value::Null) => format!(
                "{told} of {file} is null, and what the chart itself would add to a map there is not known: write down there what \
                 pods have now"
            ),
            ("node_selector", Value::Object(own)) => {
                let set: Vec<&str> = match (rest.first(), to) {
                    (Some(Step::Key(key)), _) => vec![key],
                    (None, Value::Object(all)) => all.keys().map(String::as_str).collect(),
                    _ => Vec::new(),
                };
                let Some(new) = set.into_iter().find(|key| !own.contains_key(*key)) else {
                    return Ok(());
                };
                format!(
                    "{told} of {file} does not have {new}, and the chart's own values may add to the map: write the key there with \
                     the value that it has now"
                )
            }
            ("gpus", _) if link.twin => format!(
                "{file} says requests and limits of GPUs beside each other, which must be equal, and {told} is one of them: give \
                 `resources`, the map of both, in the row of `patches.values`"
            ),
            _ => return Ok(()),
        };
        Err(refuse("no-values-path", why))
    }
}

fn wrapped(value: Value, step: &Step) -> Value {
    match step {
        Step::Key(key) => json!({ key.as_str(): value }),
        Step::Index(_) => json!([value]),
    }
}

/// The key of the policy under which a place of an object is told.
fn key_of(place: &Pointer) -> &'static str {
    let text = place.to_string();
    let keys = [
        ("/spec/replicas", "replicas"),
        ("/spec/template/spec/nodeSelector", "node_selector"),
        ("/spec/template/spec/tolerations", "tolerations"),
        ("/spec/template/spec/affinity", "affinity"),
        ("/spec/template/spec/containers/0/resources", "resources"),
        ("/spec/template/spec/containers/0/args", "args"),
    ];
    let found = keys.into_iter().find(|(under, _)| text.starts_with(under));
    found.map_or("flags", |(_, key)| key)
}
