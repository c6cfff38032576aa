//! Where pods may run: labels of nodes by which manifests choose, and other kinds of nodes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{About, Refusal, Wish, karpenter, kueue, set};
use crate::model::manifest::{CHOSEN_BY, NodeLabels};
use crate::patch::node_pools::{INSTANCE_TYPE, NODE_POOL};
use crate::patch::podspec::{at, element, gpu_containers, under};
use crate::patch::written::text;
use crate::patch::yaml::Pointer;

/// Labels that say which GPU a node has, the plainest first.
const BY_GPU: [&str; 4] = [
    "nvidia.com/gpu.product",
    "karpenter.k8s.aws/instance-gpu-name",
    "cloud.google.com/gke-accelerator",
    "node.kubernetes.io/instance-type",
];

/// Pod specs whose pods hold GPUs.
pub(super) fn pods(about: About<'_>) -> BTreeSet<Pointer> {
    gpu_containers(about.object)
        .into_iter()
        .map(|container| container.pod)
        .collect()
}

/// A place where a manifest asks for a label of nodes.
pub(super) struct Asked {
    pub(super) key: String,
    pub(super) values: Vec<String>,
    /// Of a selector the value, of a requirement the list of values.
    pub(super) place: Pointer,
    pub(super) is_list: bool,
}

/// Where a pod spec chooses its nodes by labels that people choose by.
pub(super) fn asked(about: About<'_>, pod: &Pointer) -> Vec<Asked> {
    let mut found = Vec::new();
    let selector = under(pod, &["nodeSelector"]);
    for (key, value) in at(about.object, &selector)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        found.push(Asked {
            key: key.clone(),
            values: value.as_str().map(str::to_owned).into_iter().collect(),
            place: under(&selector, &[key]),
            is_list: false,
        });
    }
    let affinity = [
        "affinity",
        "nodeAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
        "nodeSelectorTerms",
    ];
    let terms = under(pod, &affinity);
    let all = |place: &Pointer| at(about.object, place).and_then(Value::as_array).map_or(0, Vec::len);
    for term in 0..all(&terms) {
        let list = under(&element(&terms, term), &["matchExpressions"]);
        for index in 0..all(&list) {
            let place = element(&list, index);
            let Some(one) =
                at(about.object, &place).filter(|one| one.get("operator").and_then(Value::as_str) == Some("In"))
            else {
                continue;
            };
            let values = one.get("values").and_then(Value::as_array).into_iter().flatten();
            found.push(Asked {
                key: one.get("key").and_then(Value::as_str).unwrap_or_default().to_owned(),
                values: values.filter_map(Value::as_str).map(str::to_owned).collect(),
                place: under(&place, &["values"]),
                is_list: true,
            });
        }
    }
    found.retain(|asked| CHOSEN_BY.contains(&asked.key.as_str()));
    found
}

/// Pods are to run on the nodes that the plan names.
pub(super) fn land(about: About<'_>, wish: &mut Wish) -> Result<(), Refusal> {
    let Some(landing) = &about.row.nodes else {
        return Err(Refusal::new(
            "nodes-unknown",
            "the plan does not say on which nodes: it was made by an earlier version, make it again",
        ));
    };
    let flavor = kueue::landing(about, &landing.labels, wish)?;
    let pods = pods(about);
    let mut labels = landing.labels.clone();
    labels.extend(karpenter::offered(about, landing, &pods, wish)?);
    for pod in pods {
        unknown(about, &pod)?;
        let mut asked = asked(about, &pod);
        if flavor.is_empty() && !asked.iter().any(|one| BY_GPU.contains(&one.key.as_str())) {
            let (key, value) = chosen_by(&labels, about.live.nodes.contains_key(NODE_POOL))?;
            wish.own.push(set(under(&pod, &["nodeSelector", key]), value));
        }
        // By all that makes a flavour: each label that it has and others lack tells it from them.
        asked.retain(|one| one.is_list || !flavor.contains_key(&one.key));
        for (key, value) in &flavor {
            let place = under(&pod, &["nodeSelector", key]);
            let value = json!(value.first());
            if at(about.object, &place) != Some(&value) {
                wish.own.push(set(place, value));
            }
        }
        for one in asked {
            move_one(&one, &labels, wish)?;
            karpenter::knows(about, &one.key, &labels, wish)?;
        }
    }
    Ok(())
}

/// Labels that nodes of any kind may have, and requirements that only say where not: what they come to on other nodes nobody knows.
fn unknown(about: About<'_>, pod: &Pointer) -> Result<(), Refusal> {
    const HARMLESS: [&str; 3] = ["kubernetes.io/os", "kubernetes.io/arch", "nvidia.com/gpu.present"];
    let selector = at(about.object, &under(pod, &["nodeSelector"])).and_then(Value::as_object);
    let of_selector = selector.into_iter().flatten().map(|(key, _)| key.as_str());
    let known = |key: &str| CHOSEN_BY.contains(&key) || HARMLESS.contains(&key);
    let required = required(about, pod);
    let of_terms = required
        .iter()
        .filter(|one| text(one, "operator") != "In")
        .map(|one| text(one, "key"));
    let others = required.iter().map(|one| text(one, "key")).filter(|key| !known(key));
    let mut all = of_selector
        .filter(|key| !known(key))
        .chain(of_terms.filter(|key| !HARMLESS.contains(key)))
        .chain(others);
    match all.next() {
        Some(key) => Err(Refusal::new(
            "nodes-unknown",
            format!("it chooses nodes by {key}, and what the new ones have there is not known: its owner moves it"),
        )),
        None => Ok(()),
    }
}

/// What its nodes must meet, all terms together.
pub(super) fn required<'a>(about: About<'a>, pod: &Pointer) -> Vec<&'a Value> {
    let terms = [
        "affinity",
        "nodeAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
        "nodeSelectorTerms",
    ];
    let terms = at(about.object, &under(pod, &terms))
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let each = terms.flat_map(|term| {
        term.get("matchExpressions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    });
    each.collect()
}

/// The label by which nodes of the new kind are chosen where none was asked for so far.
///
/// Karpenter makes nodes by what it knows of them beforehand: what NVIDIA's discovery writes is not that.
fn chosen_by(labels: &NodeLabels, by_karpenter: bool) -> Result<(&'static str, &str), Refusal> {
    let only = |key: &'static str| {
        let values = labels.get(key)?;
        let value = values.first().filter(|_| values.len() == 1)?;
        Some((key, value.as_str()))
    };
    let first = by_karpenter.then_some(INSTANCE_TYPE).into_iter();
    first.chain(BY_GPU).find_map(only).ok_or_else(|| {
        Refusal::new(
            "nodes-unknown",
            "no label tells the new nodes from others: label them, and choose them by it",
        )
    })
}

fn move_one(asked: &Asked, labels: &NodeLabels, wish: &mut Wish) -> Result<(), Refusal> {
    let Asked {
        key,
        values,
        place,
        is_list,
    } = asked;
    let Some(new) = labels.get(key) else {
        return Err(Refusal::new(
            "nodes-unknown",
            format!(
                "it chooses nodes by {key}, and what the new ones have there is not known: set it, or choose by another label"
            ),
        ));
    };
    // One that lets the old nodes through as well would leave pods where they are.
    if !values.is_empty() && values.iter().all(|value| new.contains(value)) {
        return Ok(());
    }
    match (is_list, new.len()) {
        (true, _) => wish.own.push(set(place.clone(), json!(new))),
        (false, 1) => wish.own.push(set(place.clone(), json!(new.first()))),
        (false, _) => {
            let all: Vec<&str> = new.iter().map(String::as_str).collect();
            return Err(Refusal::new(
                "nodes-unknown",
                format!(
                    "it chooses nodes by {key}, which has several values on the new ones ({}): choose one",
                    all.join(", ")
                ),
            ));
        }
    }
    Ok(())
}

/// Adds to a list, which is made where there is none; what it holds already is not added again.
pub(super) fn append(about: About<'_>, list: &Pointer, value: Value, wish: &mut Wish) {
    match at(about.object, list).and_then(Value::as_array) {
        Some(all) if all.contains(&value) => {}
        Some(all) => wish.own.push(set(element(list, all.len()), value)),
        None => wish.own.push(set(list.clone(), json!([value]))),
    }
}
