//! Karpenter's definition of NodePools, as far as its rules are about what patches write, in our own words: a real API server holds
//! objects to it.

use serde_json::{Value, json};

const SPAN: &str = "^([0-9]+(s|m|h))+$";
const SPAN_OR_NEVER: &str = "^(([0-9]+(s|m|h))+|Never)$";
const LABEL: &str = "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$";
const KEY: &str = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$";

fn rules(all: &[(&str, &str)]) -> Value {
    all.iter()
        .map(|(rule, message)| json!({"rule": rule, "message": message}))
        .collect()
}

fn taints() -> Value {
    let taint = json!({
        "type": "object", "required": ["key", "effect"], "properties": {
            "key": {"type": "string", "minLength": 1, "pattern": KEY},
            "value": {"type": "string", "maxLength": 63, "pattern": KEY},
            "effect": {"type": "string", "enum": ["NoSchedule", "PreferNoSchedule", "NoExecute"]},
        },
    });
    json!({"type": "array", "items": taint})
}

fn requirements() -> Value {
    let operators = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "Gte", "Lte"];
    let own = "self in ['karpenter.sh/capacity-type'] || !self.find('^([^/]+)').endsWith('karpenter.sh')";
    json!({
        "type": "array", "maxItems": 100,
        "items": {"type": "object", "required": ["key", "operator"], "properties": {
            "key": {"type": "string", "maxLength": 316, "pattern": KEY, "x-kubernetes-validations": rules(&[(own, "of Karpenter")])},
            "operator": {"type": "string", "enum": operators},
            "values": {"type": "array", "maxItems": 100, "items": {"type": "string", "maxLength": 63, "pattern": LABEL}},
            "minValues": {"type": "integer", "minimum": 1, "maximum": 50},
        }},
        "x-kubernetes-validations": rules(&[
            ("self.all(x, x.operator == 'In' ? x.values.size() != 0 : true)", "In without values"),
            ("self.all(x, x.operator == 'In' && has(x.minValues) ? x.values.size() >= x.minValues : true)", "fewer than minValues"),
        ]),
    })
}

fn disruption() -> Value {
    let budget = json!({
        "type": "object", "required": ["nodes"], "properties": {
            "nodes": {"type": "string", "pattern": "^((100|[0-9]{1,2})%|[0-9]+)$"},
            "reasons": {"type": "array", "items": {"type": "string"}},
            "schedule": {"type": "string"}, "duration": {"type": "string", "pattern": "^([0-9]+(h|m))+(0s)?$"},
        },
    });
    let both = "self.all(x, has(x.schedule) == has(x.duration))";
    json!({"type": "object", "properties": {
        "consolidateAfter": {"type": "string", "pattern": SPAN_OR_NEVER},
        "consolidationPolicy": {"type": "string", "enum": ["WhenEmpty", "WhenEmptyOrUnderutilized", "Balanced"]},
        "budgets": {
            "type": "array", "maxItems": 50, "items": budget, "x-kubernetes-validations": rules(&[(both, "schedule without duration")]),
        },
    }})
}

/// The definition.
pub(super) fn definition() -> Value {
    let text = json!({"type": "string", "minLength": 1});
    let labels =
        json!({"type": "object", "additionalProperties": {"type": "string", "maxLength": 63, "pattern": LABEL}});
    let nodes = json!({
        "type": "object", "required": ["nodeClassRef", "requirements"], "properties": {
            "expireAfter": {"type": "string", "pattern": SPAN_OR_NEVER},
            "terminationGracePeriod": {"type": "string", "pattern": SPAN},
            "nodeClassRef": {
                "type": "object", "required": ["group", "kind", "name"], "properties": {"group": text, "kind": text, "name": text},
            },
            "taints": taints(), "startupTaints": taints(), "requirements": requirements(),
        },
    });
    let annotations = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let template = json!({
        "type": "object", "required": ["spec"], "properties": {
            "metadata": {"type": "object", "properties": {"labels": labels, "annotations": annotations}},
            "spec": nodes,
        },
    });
    let spec = json!({
        "type": "object", "required": ["template"], "properties": {
            "weight": {"type": "integer", "minimum": 1, "maximum": 100},
            "replicas": {"type": "integer", "minimum": 0},
            "limits": {"type": "object", "additionalProperties": {"x-kubernetes-int-or-string": true}},
            "disruption": disruption(), "template": template,
        },
        "x-kubernetes-validations": rules(&[("!has(self.replicas) || !has(self.weight)", "a fixed size and a weight")]),
    });
    let schema = json!({"type": "object", "required": ["spec"], "properties": {"spec": spec}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "nodepools.karpenter.sh"},
        "spec": {
            "group": "karpenter.sh", "scope": "Cluster", "names": {"plural": "nodepools", "kind": "NodePool"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    })
}
