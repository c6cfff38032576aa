//! Where pods may run: other kinds of nodes, and spot capacity.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{About, PoolWish, Refusal, Wish, remove, set};
use crate::model::manifest::{CHOSEN_BY, NodeLabels};
use crate::patch::podspec::{at, element, gpu_containers, under};
use crate::patch::yaml::Pointer;

/// Labels that say which GPU a node has, the plainest first.
const BY_GPU: [&str; 4] = [
    "nvidia.com/gpu.product",
    "karpenter.k8s.aws/instance-gpu-name",
    "cloud.google.com/gke-accelerator",
    "node.kubernetes.io/instance-type",
];

/// Pod specs whose pods hold GPUs.
fn pods(about: About<'_>) -> BTreeSet<Pointer> {
    gpu_containers(about.object)
        .into_iter()
        .map(|container| container.pod)
        .collect()
}

/// A place where a manifest asks for a label of nodes.
struct Asked {
    key: String,
    values: Vec<String>,
    /// Of a selector the value, of a requirement the list of values.
    place: Pointer,
    is_list: bool,
}

/// Where a pod spec chooses its nodes by labels that people choose by.
fn asked(about: About<'_>, pod: &Pointer) -> Vec<Asked> {
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
    queued(about)?;
    for pod in pods(about) {
        unknown(about, &pod)?;
        let asked = asked(about, &pod);
        if !asked.iter().any(|one| BY_GPU.contains(&one.key.as_str())) {
            let (key, value) = chosen_by(&landing.labels)?;
            wish.own.push(set(under(&pod, &["nodeSelector", key]), value));
        }
        for one in asked {
            move_one(&one, &landing.labels, wish)?;
        }
    }
    if !landing.there {
        let name = landing.instance_type.as_deref().unwrap_or("such nodes");
        wish.notes.push(format!(
            "the cluster has no {name} now: a pool must offer it before pods ask for it (Karpenter: a NodePool whose requirements allow it)"
        ));
        if let Some(instance_type) = &landing.instance_type {
            wish.pool = Some(PoolWish::Offer {
                instance_type: instance_type.clone(),
            });
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

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// What its nodes must meet, all terms together.
fn required<'a>(about: About<'a>, pod: &Pointer) -> Vec<&'a Value> {
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

/// Pools of Karpenter that it runs on.
fn pools(about: About<'_>) -> BTreeSet<String> {
    about
        .live
        .nodes
        .get("karpenter.sh/nodepool")
        .cloned()
        .unwrap_or_default()
}

/// The label by which nodes of the new kind are chosen where none was asked for so far.
fn chosen_by(labels: &NodeLabels) -> Result<(&'static str, &str), Refusal> {
    let only = |key: &'static str| {
        let values = labels.get(key)?;
        let value = values.first().filter(|_| values.len() == 1)?;
        Some((key, value.as_str()))
    };
    BY_GPU.into_iter().find_map(only).ok_or_else(|| {
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

/// Where Kueue admits the work, its flavours say which nodes it gets.
fn queued(about: About<'_>) -> Result<(), Refusal> {
    match &about.workload.queue {
        Some(_) => Err(Refusal::new(
            "queued",
            "Kueue admits it, and the ResourceFlavor that admits it chooses its nodes: give its ClusterQueue a flavour with them",
        )),
        None => Ok(()),
    }
}

/// How a provider marks spot capacity.
struct Spot {
    /// A label that its nodes have, by which it is known.
    known_by: &'static str,
    key: &'static str,
    value: &'static str,
    on_demand: &'static str,
    /// The taint that its spot nodes have.
    tainted: bool,
}

const SPOT: [Spot; 4] = [
    Spot {
        known_by: "karpenter.sh/capacity-type",
        key: "karpenter.sh/capacity-type",
        value: "spot",
        on_demand: "on-demand",
        tainted: false,
    },
    Spot {
        known_by: "cloud.google.com/gke-nodepool",
        key: "cloud.google.com/gke-spot",
        value: "true",
        on_demand: "false",
        tainted: true,
    },
    Spot {
        known_by: "eks.amazonaws.com/capacityType",
        key: "eks.amazonaws.com/capacityType",
        value: "SPOT",
        on_demand: "ON_DEMAND",
        tainted: false,
    },
    Spot {
        known_by: "kubernetes.azure.com/agentpool",
        key: "kubernetes.azure.com/scalesetpriority",
        value: "spot",
        on_demand: "regular",
        tainted: true,
    },
];

/// Pods prefer spot capacity, and run on demand where there is none, as the replay had them.
pub(super) fn spot(about: About<'_>, wish: &mut Wish) -> Result<(), Refusal> {
    queued(about)?;
    let nodes = &about.live.nodes;
    let Some(spot) = SPOT.iter().find(|spot| nodes.contains_key(spot.known_by)) else {
        return Err(Refusal::new(
            "nodes-unknown",
            "no label of its nodes says who made them, so that how spot capacity is marked is not known",
        ));
    };
    let pods = pods(about);
    if pods.is_empty() {
        return Err(Refusal::new(
            "no-gpus",
            "its manifest asks for no GPUs where pods are described",
        ));
    }
    for pod in pods {
        rules_out(about, &pod, spot)?;
        for one in asked(about, &pod).iter().filter(|one| one.key == spot.key) {
            if one.values.iter().any(|value| value == spot.value) {
                continue;
            }
            match one.is_list {
                true => wish
                    .own
                    .push(set(one.place.clone(), json!([spot.on_demand, spot.value]))),
                false => wish.own.push(remove(one.place.clone())),
            }
        }
        prefer(about, &pod, spot, wish);
    }
    wish.notes.push(
        "pods move with their next rollout, and only where spot nodes can be had; on-demand nodes with room take them as before".to_owned(),
    );
    if spot.known_by == "karpenter.sh/capacity-type" {
        wish.pool = Some(PoolWish::Spot { pools: pools(about) });
        wish.notes
            .push("its NodePool must allow spot among the values of karpenter.sh/capacity-type".to_owned());
    }
    Ok(())
}

/// Requirements under which no spot node is ever chosen, whatever is preferred.
fn rules_out(about: About<'_>, pod: &Pointer, spot: &Spot) -> Result<(), Refusal> {
    const GROUPS: [&str; 3] = [
        "cloud.google.com/gke-nodepool",
        "eks.amazonaws.com/nodegroup",
        "kubernetes.azure.com/agentpool",
    ];
    let selector = at(about.object, &under(pod, &["nodeSelector"]));
    let pinned = GROUPS
        .into_iter()
        .find(|key| selector.is_some_and(|selector| selector.get(key).is_some()));
    let required = required(about, pod);
    let forbids = required.iter().find(|one| {
        let key = text(one, "key");
        GROUPS.contains(&key) || (key == spot.key && text(one, "operator") != "In")
    });
    match pinned.or(forbids.map(|one| text(one, "key"))) {
        Some(key) => Err(Refusal::new(
            "nodes-unknown",
            format!("it chooses nodes by {key}, which leaves no spot node: its owner chooses others first"),
        )),
        None => Ok(()),
    }
}

fn prefer(about: About<'_>, pod: &Pointer, spot: &Spot, wish: &mut Wish) {
    let list = under(
        pod,
        &[
            "affinity",
            "nodeAffinity",
            "preferredDuringSchedulingIgnoredDuringExecution",
        ],
    );
    let term = json!({
        "weight": 100,
        "preference": {"matchExpressions": [{"key": spot.key, "operator": "In", "values": [spot.value]}]},
    });
    append(about, &list, term, wish);
    if spot.tainted {
        let list = under(pod, &["tolerations"]);
        let toleration = json!({"key": spot.key, "operator": "Equal", "value": spot.value, "effect": "NoSchedule"});
        append(about, &list, toleration, wish);
    }
}

/// Adds to a list, which is made where there is none; what it holds already is not added again.
fn append(about: About<'_>, list: &Pointer, value: Value, wish: &mut Wish) {
    match at(about.object, list).and_then(Value::as_array) {
        Some(all) if all.contains(&value) => {}
        Some(all) => wish.own.push(set(element(list, all.len()), value)),
        None => wish.own.push(set(list.clone(), json!([value]))),
    }
}
