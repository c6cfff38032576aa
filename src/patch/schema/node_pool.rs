//! A NodePool of `karpenter.sh/v1`, read as its definition's rules and Karpenter's own check take it. Fields that it has beyond
//! those are left alone: a newer version may know them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::replay::fields::{self, Faults, Fields, is_label};

/// What the values of a label hold at most.
const LONGEST: usize = 63;

/// Whether it would be taken.
///
/// # Errors
/// With all that is wrong with it.
pub fn taken(object: &Value) -> Result<(), Faults> {
    let mut faults = Faults::default();
    let all = Fields::free(Some(object), "", &mut faults);
    let below = |of: &Fields<'_>, field: &str, faults: &mut Faults| -> Option<Value> {
        let value = of.value(field);
        if value.is_none() {
            faults.required(of.path(field), "");
        }
        value.cloned()
    };
    let metadata = Fields::free(all.value("metadata"), "metadata", &mut faults);
    let (name, _) = fields::named(&metadata, &mut faults);
    // Every node of the pool has its name as the value of a label.
    if name.len() > LONGEST {
        faults.invalid("metadata.name", name, "must be no more than 63 characters");
    }
    let spec = below(&all, "spec", &mut faults);
    let spec = Fields::free(spec.as_ref(), "spec", &mut faults);
    sizes(&spec, &mut faults);
    disruption(&spec, &mut faults);
    let template = below(&spec, "template", &mut faults);
    let template = Fields::free(template.as_ref(), "spec.template", &mut faults);
    let metadata = Fields::free(template.value("metadata"), "spec.template.metadata", &mut faults);
    for (key, value) in metadata.texts("labels", &mut faults) {
        key_of_nodes(&metadata.path("labels"), key, &mut faults);
        label_value(&metadata.path("labels"), value, &mut faults);
    }
    let nodes = below(&template, "spec", &mut faults);
    let nodes = Fields::free(nodes.as_ref(), "spec.template.spec", &mut faults);
    class(&nodes, &mut faults);
    taints(&nodes, &mut faults);
    requirements(&nodes, &mut faults);
    match faults.0.is_empty() {
        true => Ok(()),
        false => Err(faults),
    }
}

fn sizes(spec: &Fields<'_>, faults: &mut Faults) {
    let is_fixed = spec.value("replicas").is_some();
    let weight = spec.whole("weight", faults);
    if let Some(weight) = weight.filter(|weight| !(1..=100).contains(weight)) {
        faults.invalid(spec.path("weight"), weight, "must be from 1 to 100");
    }
    if is_fixed && weight.is_some() {
        faults.forbidden(spec.path("weight"), "a pool of a fixed size has none");
    }
    let limits = Fields::free(spec.value("limits"), &spec.path("limits"), faults);
    for resource in limits.keys() {
        limits.quantity(resource, faults);
        if is_fixed && resource != "nodes" {
            faults.forbidden(limits.path(resource), "a pool of a fixed size limits nodes only");
        }
    }
}

/// One or more numbers, each with one of these units.
fn is_span(text: &str, units: &[char]) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let Some(after) = digits.strip_prefix(units) else {
            return false;
        };
        if digits.len() == rest.len() {
            return false;
        }
        rest = after;
    }
    !text.is_empty()
}

fn disruption(spec: &Fields<'_>, faults: &mut Faults) {
    let own = Fields::free(spec.value("disruption"), &spec.path("disruption"), faults);
    let span = |of: &Fields<'_>, field: &str, never: bool, faults: &mut Faults| {
        let text = of.text(field, faults);
        if let Some(text) = text.filter(|text| !(is_span(text, &['s', 'm', 'h']) || (never && *text == "Never"))) {
            faults.invalid(of.path(field), text, "must be a span of time such as 720h or 1h30m");
        }
    };
    own.text("consolidationPolicy", faults);
    span(&own, "consolidateAfter", true, faults);
    for (path, budget) in own.list("budgets", faults).into_iter().flatten() {
        let budget = Fields::free(Some(budget), &path, faults);
        let nodes = budget.text("nodes", faults).unwrap_or_default();
        let number = nodes.strip_suffix('%').unwrap_or(nodes).parse::<u32>().ok();
        if number.is_none_or(|share| nodes.ends_with('%') && share > 100) {
            faults.invalid(
                budget.path("nodes"),
                nodes,
                "must be a number of nodes, or a share such as 10%",
            );
        }
        if budget.value("schedule").is_some() != budget.value("duration").is_some() {
            faults.invalid(&path, "", "`schedule` must be set with `duration`");
        }
    }
    let nodes = spec.value("template").and_then(|template| template.get("spec"));
    let nodes = Fields::free(nodes, "spec.template.spec", faults);
    span(&nodes, "expireAfter", true, faults);
    span(&nodes, "terminationGracePeriod", false, faults);
}

fn class(nodes: &Fields<'_>, faults: &mut Faults) {
    let class = Fields::free(nodes.value("nodeClassRef"), &nodes.path("nodeClassRef"), faults);
    for field in ["group", "kind", "name"] {
        if class.text(field, faults).is_none_or(str::is_empty) {
            faults.required(class.path(field), "");
        }
    }
}

/// A name with an optional domain before it.
fn is_qualified(text: &str) -> bool {
    let (domain, name) = match text.split_once('/') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, text),
    };
    let is_domain = |domain: &str| domain.len() <= 253 && domain.split('.').all(is_label);
    !name.is_empty() && is_value(name) && domain.is_none_or(is_domain)
}

/// What a label may have for a value.
fn is_value(text: &str) -> bool {
    let end = |c: char| c.is_ascii_alphanumeric();
    let inner = |c: char| end(c) || matches!(c, '-' | '_' | '.');
    text.len() <= LONGEST
        && text.chars().all(inner)
        && (text.is_empty() || (text.starts_with(end) && text.ends_with(end)))
}

fn label_value(path: &str, value: &str, faults: &mut Faults) {
    if !is_value(value) {
        faults.invalid(
            path,
            value,
            "must be no more than 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends",
        );
    }
}

/// Labels that Karpenter, or the kubelet, writes itself are for no pool to set.
fn key_of_nodes(path: &str, key: &str, faults: &mut Faults) {
    if !is_qualified(key) {
        faults.invalid(path, key, "must be a name with an optional domain before it");
    }
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    let own = domain == "karpenter.sh" || domain.ends_with(".karpenter.sh");
    if (own && key != "karpenter.sh/capacity-type") || key == "kubernetes.io/hostname" {
        faults.forbidden(path, &format!("{key} is not for a pool to set"));
    }
}

fn taints(nodes: &Fields<'_>, faults: &mut Faults) {
    let mut seen = BTreeSet::new();
    for list in ["taints", "startupTaints"] {
        for (path, taint) in nodes.list(list, faults).into_iter().flatten() {
            let taint = Fields::free(Some(taint), &path, faults);
            let [key, value, effect] =
                ["key", "value", "effect"].map(|field| taint.text(field, faults).unwrap_or_default());
            if !is_qualified(key) {
                faults.invalid(
                    taint.path("key"),
                    key,
                    "must be a name with an optional domain before it",
                );
            }
            // Karpenter lets it have a domain; the API of nodes takes what a label's value may be.
            label_value(&taint.path("value"), value, faults);
            let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
            if !effects.contains(&effect) {
                faults.unsupported(taint.path("effect"), effect, &effects);
            }
            if !seen.insert((key.to_owned(), effect.to_owned())) {
                faults.invalid(&path, key, "another taint has its key and effect");
            }
        }
    }
}

fn requirements(nodes: &Fields<'_>, faults: &mut Faults) {
    let Some(all) = nodes.list("requirements", faults) else {
        faults.required(nodes.path("requirements"), "");
        return;
    };
    if all.len() > 100 {
        faults.invalid(nodes.path("requirements"), all.len(), "must be no more than 100");
    }
    for (path, one) in all {
        let one = Fields::free(Some(one), &path, faults);
        key_of_nodes(&one.path("key"), one.text("key", faults).unwrap_or_default(), faults);
        let values = one.list("values", faults).unwrap_or_default();
        let texts: Vec<&str> = values.iter().filter_map(|(_, value)| value.as_str()).collect();
        if texts.len() < values.len() {
            faults.invalid(one.path("values"), "", "must be texts");
        }
        texts
            .iter()
            .for_each(|text| label_value(&one.path("values"), text, faults));
        let whole = |text: &&str| text.parse::<u32>().is_ok();
        match one.text("operator", faults).unwrap_or_default() {
            "In" if texts.is_empty() => faults.required(one.path("values"), "`In` needs at least one"),
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            "Gt" | "Lt" | "Gte" | "Lte" if texts.len() == 1 && texts.iter().all(whole) => {}
            "Gt" | "Lt" | "Gte" | "Lte" => {
                faults.invalid(one.path("values"), "", "must be one whole number, not below 0")
            }
            other => {
                let known = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "Gte", "Lte"];
                faults.unsupported(one.path("operator"), other, &known);
            }
        }
        let least = one.whole("minValues", faults).unwrap_or(1);
        let few =
            usize::try_from(least).is_ok_and(|least| one.text("operator", faults) == Some("In") && texts.len() < least);
        if !(1..=50).contains(&least) || few {
            faults.invalid(
                one.path("minValues"),
                least,
                "must be from 1 to 50, and no more than there are values",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pool() -> Value {
        json!({
            "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "chat-llama-spot"},
            "spec": {
                "disruption": {"consolidationPolicy": "Balanced", "consolidateAfter": "1m", "budgets": [
                    {"nodes": "10%"}, {"nodes": "0", "schedule": "0 9 * * 1-5", "duration": "8h"},
                ]},
                "limits": {"nvidia.com/gpu": 16, "memory": "1Ti"}, "weight": 1,
                "template": {
                    "metadata": {"labels": {"team": "chat", "nvidia.com/gpu.present": "true"}},
                    "spec": {
                        "expireAfter": "720h", "terminationGracePeriod": "1h30m",
                        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "gpu"},
                        "taints": [
                            {"key": "nvidia.com/gpu", "effect": "NoSchedule"},
                            {"key": "gpuwise.dev/workload", "value": "chat.llama", "effect": "NoSchedule"},
                        ],
                        "requirements": [
                            {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"], "minValues": 1},
                            {"key": "karpenter.k8s.aws/instance-gpu-count", "operator": "Gte", "values": ["1"]},
                            {"key": "topology.kubernetes.io/zone", "operator": "Exists"},
                        ],
                    },
                },
            },
        })
    }

    #[test]
    fn what_karpenter_takes_is_taken() {
        assert_eq!(taken(&pool()), Ok(()));
    }

    fn refused(place: &str, value: Value, field: &str) {
        let mut pool = pool();
        *pool.pointer_mut(place).unwrap() = value;
        let faults = taken(&pool).unwrap_err();
        assert!(faults.0.iter().any(|fault| fault.field == field), "{place}: {faults}");
    }

    #[test]
    fn what_karpenter_refuses_of_a_pool_is_refused_with_its_path() {
        refused("/metadata/name", json!("a".repeat(64)), "metadata.name");
        refused("/metadata/name", json!("Chat"), "metadata.name");
        refused("/spec/weight", json!(0), "spec.weight");
        refused("/spec/weight", json!(101), "spec.weight");
        refused("/spec/limits/memory", json!("much"), "spec.limits.memory");
        let disruption = "spec.disruption";
        refused(
            "/spec/disruption/consolidateAfter",
            json!("soon"),
            &format!("{disruption}.consolidateAfter"),
        );
        refused(
            "/spec/disruption/budgets/0/nodes",
            json!("101%"),
            &format!("{disruption}.budgets[0].nodes"),
        );
        let half = json!({"nodes": "1", "duration": "1h"});
        refused("/spec/disruption/budgets/0", half, &format!("{disruption}.budgets[0]"));
        refused("/spec/template", Value::Null, "spec.template");
        refused(
            "/spec/template/metadata/labels/team",
            json!("chat/ml"),
            "spec.template.metadata.labels",
        );
    }

    #[test]
    fn what_karpenter_refuses_of_its_nodes_is_refused_with_its_path() {
        let nodes = |place: &str, value: Value, field: &str| {
            refused(
                &format!("/spec/template/spec/{place}"),
                value,
                &format!("spec.template.spec.{field}"),
            );
        };
        nodes("expireAfter", json!("720"), "expireAfter");
        nodes("terminationGracePeriod", json!("Never"), "terminationGracePeriod");
        nodes("nodeClassRef/name", json!(""), "nodeClassRef.name");
        nodes("taints/1/key", json!("nvidia.com/gpu"), "taints[1]");
        nodes("taints/1/value", json!("a".repeat(64)), "taints[1].value");
        nodes("taints/1/effect", json!("Never"), "taints[1].effect");
        nodes("requirements", Value::Null, "requirements");
        nodes("requirements/0/values", json!([]), "requirements[0].values");
        nodes("requirements/0/minValues", json!(2), "requirements[0].minValues");
        nodes(
            "requirements/0/key",
            json!("karpenter.sh/nodepool"),
            "requirements[0].key",
        );
        nodes("requirements/1/values", json!(["-1"]), "requirements[1].values");
        nodes("requirements/2/operator", json!("Is"), "requirements[2].operator");
    }

    #[test]
    fn a_pool_of_a_fixed_size_has_neither_weight_nor_limits_of_gpus() {
        let mut pool = pool();
        pool["spec"]["replicas"] = json!(2);
        let faults = taken(&pool).unwrap_err();
        let fields: Vec<&str> = faults.0.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(
            fields,
            ["spec.weight", "spec.limits.memory", "spec.limits.nvidia.com/gpu"]
        );
    }
}
