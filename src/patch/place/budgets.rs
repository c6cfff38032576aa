//! Disruption budgets among the manifests.

use serde_json::{Map, Value};

use super::{Manifests, OnItsWay};
use crate::patch::index::Object;

impl Manifests<'_> {
    /// The file with a disruption budget that may select the pods of a workload: one whose selector is not followed counts as well.
    pub fn guarded_by(&self, of: &OnItsWay<'_>) -> Option<&str> {
        let labels = of.object().pointer("/spec/template/metadata/labels");
        let labels = labels.and_then(Value::as_object)?;
        let is = |object: &&Object| {
            let told = object.namespace.as_deref().is_none_or(|own| own == of.place.namespace);
            object.group() == "policy" && object.kind == "PodDisruptionBudget" && (told || self.is_renamed(object))
        };
        let mut all = self.index.objects.iter().filter(is);
        let selects = |object: &&Object| self.value(&object.spot).is_ok_and(|budget| selects(&budget, labels));
        all.find(selects).map(|object| object.spot.file.as_str())
    }

    /// Whether a kustomization sets its namespace, whatever it names itself.
    fn is_renamed(&self, object: &Object) -> bool {
        let ways = self.chains.from(&object.spot.file);
        let sets = |folder: &String| {
            let own = self.chains.kustomization(folder);
            own.is_some_and(|own| own.namespace.is_some())
        };
        ways.iter().flatten().any(sets)
    }
}

fn selects(budget: &Value, labels: &Map<String, Value>) -> bool {
    let selector = budget.pointer("/spec/selector");
    let expressions = selector.and_then(|selector| selector.get("matchExpressions"));
    if expressions.and_then(Value::as_array).is_some_and(|all| !all.is_empty()) {
        return true;
    }
    let equal = selector
        .and_then(|selector| selector.get("matchLabels"))
        .and_then(Value::as_object);
    equal
        .into_iter()
        .flatten()
        .all(|(key, value)| labels.get(key) == Some(value))
}
