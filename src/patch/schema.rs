//! What an API server would say of an edit: by Kubernetes' own types, and by the definitions of custom kinds among the manifests.
//! An object is judged as it was and as it is to be, and only what is new is said: what its owner wrote is not ours to judge.

mod kinds;
pub mod node_pool;
mod structural;
mod cel;

use std::collections::BTreeSet;

use serde_json::Value;

use structural::Definition;

/// What would be refused of an object that was taken before; `definitions` are those of custom kinds.
pub fn new_faults(before: Option<&Value>, after: &Value, definitions: &[&Value]) -> BTreeSet<String> {
    let faults = |object: &Value| match kinds::faults(object) {
        Some(faults) => faults,
        None => definitions
            .iter()
            .find_map(|definition| Definition::of(definition, object))
            .map_or_else(BTreeSet::new, |definition| definition.faults(object)),
    };
    let known = before.map_or_else(BTreeSet::new, &faults);
    faults(after)
        .into_iter()
        .filter(|fault| !known.contains(fault))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn definition() -> Value {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "spec": {
                "group": "example.com", "names": {"kind": "Pool"},
                "versions": [{"name": "v1", "schema": {"openAPIV3Schema": {
                    "type": "object", "required": ["spec"],
                    "properties": {"spec": {
                        "type": "object",
                        "properties": {
                            "min": {"type": "integer", "minimum": 1}, "max": {"type": "integer"},
                            "size": {"x-kubernetes-int-or-string": true},
                            "when": {"type": "string", "enum": ["Empty", "Always"]},
                            "after": {"type": "string", "pattern": "^([0-9]+s)+$"},
                            "labels": {"type": "object", "maxProperties": 2, "additionalProperties": {"type": "string", "maxLength": 3}},
                            "nodes": {"type": "array", "items": {"type": "object", "properties": {"key-of": {"type": "string"}},
                                "x-kubernetes-validations": [{"rule": "self.key__dash__of != 'bad'", "message": "it may not be bad"}]}},
                            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                        },
                        "x-kubernetes-validations": [
                            {"rule": "!has(self.max) || self.min <= self.max", "message": "min must not exceed max"},
                            {"rule": "self.min >= oldSelf.min"}, {"rule": "quantity(self.size).isGreaterThan(quantity('1'))"},
                        ],
                        "oneOf": [{"required": ["min"]}, {"required": ["when"]}],
                    }},
                }}}],
            },
        })
    }

    fn found(before: Option<Value>, spec: Value) -> Vec<String> {
        let object = |spec: Value| json!({"apiVersion": "example.com/v1", "kind": "Pool", "metadata": {"name": "a"}, "spec": spec});
        let definition = definition();
        let before = before.map(object);
        new_faults(before.as_ref(), &object(spec), &[&definition])
            .into_iter()
            .collect()
    }

    #[test]
    fn a_definition_is_held_to_with_its_rules() {
        let good = json!({
            "min": 1, "max": 3, "size": "10%", "after": "10s", "labels": {"a": "b"}, "nodes": [{"key-of": "good"}], "free": {"any": 1},
        });
        assert_eq!(found(None, good), Vec::<String>::new());
        let bad = json!({
            "min": 0, "max": -1, "size": 1.5, "when": "Never", "after": "soon", "labels": {"a": "long", "b": 1, "c": ""},
            "nodes": [{"key-of": "bad"}], "other": 1,
        });
        assert_eq!(
            found(None, bad),
            [
                "spec.after: must match ^([0-9]+s)+$",
                "spec.labels.a: must have 3 at most",
                "spec.labels.b: must be of type string",
                "spec.labels: must have 2 at most",
                "spec.min: must be 1 or more",
                "spec.nodes[0]: it may not be bad",
                "spec.other: is no field of it",
                "spec.size: must be of type integer or string",
                "spec.when: \"Never\" is none of those that are allowed",
                "spec: min must not exceed max",
                "spec: must be exactly one of what is allowed",
            ]
        );
    }

    #[test]
    fn only_what_an_edit_breaks_is_said() {
        let (before, after) = (json!({"min": 0, "odd": 1}), json!({"min": 0, "odd": 1, "max": -2}));
        assert_eq!(found(Some(before), after), ["spec: min must not exceed max"]);
        let other = json!({"apiVersion": "example.com/v2", "kind": "Pool", "spec": 1});
        assert!(
            new_faults(None, &other, &[&definition()]).is_empty(),
            "a version that is not defined"
        );
    }
}
