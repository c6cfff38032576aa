//! Spot capacity, which pods prefer, and on-demand nodes where there is none.

use serde_json::{Map, Value, json};

use super::nodes::{Asked, append, asked, pods, required};
use super::{About, Refusal, Wish, compute_class, karpenter, kueue, remove, set};
use crate::patch::node_pools::{CAPACITY, NODE_POOL};
use crate::patch::podspec::{at, element, under};
use crate::patch::written::text;
use crate::patch::yaml::{Edit, Pointer};

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

/// How GKE marks it.
const GKE_SPOT: &str = "cloud.google.com/gke-spot";

const SPOT: [Spot; 4] = [
    Spot {
        known_by: CAPACITY,
        key: CAPACITY,
        value: "spot",
        on_demand: "on-demand",
        tainted: false,
    },
    Spot {
        known_by: "cloud.google.com/gke-nodepool",
        key: GKE_SPOT,
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
    kueue::spot(about, wish)?;
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
    let own = match spot.key {
        CAPACITY => karpenter::spot(about, &pods, wish)?,
        GKE_SPOT => {
            compute_class::spot(about, &pods, wish)?;
            None
        }
        _ => {
            let why =
                "nodes with spot capacity must be in a pool that may grow: none is made for what is only preferred";
            wish.notes.push(why.to_owned());
            None
        }
    };
    for pod in pods {
        rules_out(about, &pod, spot)?;
        let mut pinned = None;
        for one in asked(about, &pod) {
            if one.key == spot.key && !one.values.iter().any(|value| value == spot.value) {
                wish.own.push(allow(one, spot)?);
            } else if let Some(own) = own
                .as_ref()
                .filter(|own| one.key == NODE_POOL && !one.values.contains(own))
            {
                let both: Vec<&String> = one.values.iter().chain([own]).collect();
                match one.is_list {
                    true => wish.own.push(set(one.place, json!(both))),
                    false => {
                        pinned = Some(json!({"key": NODE_POOL, "operator": "In", "values": both}));
                        wish.own.push(remove(one.place));
                    }
                }
            }
        }
        prefer(about, &pod, (spot, pinned), wish);
    }
    let moves = match wish.own.iter().any(|edit| compute_class::is_chosen_at(&edit.at)) {
        true => {
            "pods move with their next rollout, onto spot nodes where they can be had, else onto on-demand nodes of their new class"
        }
        false => {
            "pods move with their next rollout, and only where spot nodes can be had; on-demand nodes with room take them as before"
        }
    };
    wish.notes.insert(0, moves.to_owned());
    Ok(())
}

/// Spot capacity beside what is asked for, which must be on-demand capacity among others: what is reserved would rest else.
fn allow(one: Asked, spot: &Spot) -> Result<Edit, Refusal> {
    if !one.values.iter().any(|value| value == spot.on_demand) {
        return Err(Refusal::new(
            "nodes-unknown",
            format!(
                "it asks for {} by {}: what was reserved for it would rest",
                one.values.join(", "),
                spot.key
            ),
        ));
    }
    if !one.is_list {
        return Ok(remove(one.place));
    }
    let all: Vec<&str> = one.values.iter().map(String::as_str).chain([spot.value]).collect();
    Ok(set(one.place, json!(all)))
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

/// Spot nodes are preferred, and one of these pools is required where a selector did so until now.
fn prefer(about: About<'_>, pod: &Pointer, (spot, pinned): (&Spot, Option<Value>), wish: &mut Wish) {
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let term = json!({
        "weight": 100,
        "preference": {"matchExpressions": [{"key": spot.key, "operator": "In", "values": [spot.value]}]},
    });
    let affinity = under(pod, &["affinity", "nodeAffinity"]);
    if at(about.object, &affinity).is_none_or(Value::is_null) {
        // Several edits may not each make what is not there.
        let mut all = Map::new();
        if let Some(pinned) = pinned {
            all.insert(
                REQUIRED.to_owned(),
                json!({"nodeSelectorTerms": [{"matchExpressions": [pinned]}]}),
            );
        }
        all.insert(PREFERRED.to_owned(), json!([term]));
        wish.own.push(set(affinity, all));
    } else {
        if let Some(pinned) = pinned {
            require(about, &under(&affinity, &[REQUIRED]), &pinned, wish);
        }
        append(about, &under(&affinity, &[PREFERRED]), term, wish);
    }
    if spot.tainted {
        let list = under(pod, &["tolerations"]);
        let toleration = json!({"key": spot.key, "operator": "Equal", "value": spot.value, "effect": "NoSchedule"});
        append(about, &list, toleration, wish);
    }
}

/// Each of the terms, of which one must hold, asks for it, too.
fn require(about: About<'_>, required: &Pointer, what: &Value, wish: &mut Wish) {
    let terms = under(required, &["nodeSelectorTerms"]);
    let count = at(about.object, &terms).and_then(Value::as_array).map_or(0, Vec::len);
    if count == 0 {
        wish.own.push(set(
            required.clone(),
            json!({"nodeSelectorTerms": [{"matchExpressions": [what]}]}),
        ));
    }
    for term in 0..count {
        append(
            about,
            &under(&element(&terms, term), &["matchExpressions"]),
            what.clone(),
            wish,
        );
    }
}
