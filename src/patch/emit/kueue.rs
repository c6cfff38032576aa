//! Work that Kueue admits: its flavours choose the nodes, and their quotas are for the queue's owner to set.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{About, Refusal, Wish, new_flavor, pods};
use crate::model::manifest::NodeLabels;
use crate::patch::written::{Written, text};

/// Labels that say by which pool, class or bid a node came.
const PINS: [&str; 8] = [
    "cloud.google.com/compute-class",
    "cloud.google.com/gke-nodepool",
    "cloud.google.com/gke-spot",
    "eks.amazonaws.com/capacityType",
    "eks.amazonaws.com/nodegroup",
    "karpenter.sh/capacity-type",
    "karpenter.sh/nodepool",
    "kubernetes.azure.com/scalesetpriority",
];
pub(super) const GPU: &str = "nvidia.com/gpu";

fn refuse(why: String) -> Refusal {
    Refusal::new("queued", why)
}

/// Flavours by which it may be admitted, in the order of their names.
fn flavors(about: About<'_>) -> Result<Vec<&Written>, Refusal> {
    let queue = about.workload.queue.iter();
    let behind = queue.clone().find_map(|queue| queue.cluster_queue.as_deref());
    let behind = behind
        .ok_or_else(|| refuse("Kueue admits it, and which ClusterQueue is behind its queue is not known".to_owned()))?;
    let mut names: BTreeSet<&str> = queue
        .flat_map(|queue| &queue.quotas)
        .map(|quota| quota.flavor.as_str())
        .collect();
    let written = about.of_kind("ClusterQueue").find(|one| one.name == behind);
    names.extend(written.into_iter().flat_map(quotas).map(|(name, _)| name));
    if names.is_empty() {
        return Err(refuse(format!(
            "Kueue admits it, and which flavours ClusterQueue {behind} has is not known: they choose its nodes"
        )));
    }
    let found = names.into_iter().map(|name| {
        let own = about.of_kind("ResourceFlavor").find(|one| one.name == name);
        own.ok_or_else(|| {
            refuse(format!(
                "Kueue admits it, and which nodes its ResourceFlavor {name} has is not known, as that is not among the files"
            ))
        })
    });
    found.collect()
}

/// Flavours of a ClusterQueue with a quota of GPUs, and how many it is.
fn quotas(queue: &Written) -> impl Iterator<Item = (&str, Option<f64>)> {
    let all = |value: &'_ Value, field: &str| value.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
    let flavors = queue.list("/spec/resourceGroups").flat_map(|group| {
        let flavors = group.get("flavors").and_then(Value::as_array);
        flavors.into_iter().flatten()
    });
    flavors.filter_map(move |flavor| {
        let resources = all(flavor, "resources");
        let own = resources.iter().find(|one| text(one, "name") == GPU)?;
        let quota = own.get("nominalQuota");
        let quota = quota.and_then(|quota| quota.as_f64().or_else(|| quota.as_str()?.parse().ok()));
        Some((text(flavor, "name"), quota))
    })
}

fn labels(flavor: &Written) -> impl Iterator<Item = (&str, &str)> {
    let labels = flavor.object.pointer("/spec/nodeLabels").and_then(Value::as_object);
    let each = labels.into_iter().flat_map(Map::iter);
    each.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

/// Whether nodes with these labels may be a flavour's: nothing that they are known to have says otherwise.
pub(super) fn may_be(flavor: &Written, nodes: &NodeLabels) -> bool {
    labels(flavor).all(|(key, value)| nodes.get(key).is_none_or(|all| all.contains(value)))
}

/// Whether the flavours that admit it onto its nodes let spot ones like them through.
///
/// # Errors
/// Where one leaves on-demand nodes only, or it is not known.
pub(super) fn spot(about: About<'_>, wish: &mut Wish) -> Result<(), Refusal> {
    if about.workload.queue.is_none() {
        return Ok(());
    }
    let all = flavors(about)?;
    let own: Vec<&Written> = all
        .into_iter()
        .filter(|flavor| may_be(flavor, &about.live.nodes))
        .collect();
    if own.is_empty() {
        return Err(refuse(
            "Kueue admits it, and none of its queue's flavours has nodes like those that it runs on".to_owned(),
        ));
    }
    for flavor in own {
        if let Some((key, value)) = labels(flavor).find(|(key, _)| PINS.contains(key)) {
            return Err(refuse(format!(
                "Kueue admits it by {}, whose nodes have {key}: {value}. A flavour of spot nodes has a quota of its own, which is for the \
                 queue's owner to set, and work that it admits waits where no spot node can be had: Kueue sends it to no other flavour",
                flavor.told()
            )));
        }
        if flavor.object.pointer("/spec/topologyName").is_some() {
            return Err(refuse(format!(
                "Kueue places its pods on nodes that are there by the topology of {}, so that no spot node would come for them",
                flavor.told()
            )));
        }
        wish.notes.push(format!(
            "Kueue's {} lets spot nodes through, and its quota stays as it is",
            flavor.told()
        ));
    }
    Ok(())
}

/// Labels of the flavour that admits it onto the nodes that it moves to, by which its pods must choose them.
///
/// # Errors
/// Where no flavour of its queue surely does, or its quota is too small.
pub(super) fn landing(about: About<'_>, nodes: &NodeLabels, wish: &mut Wish) -> Result<NodeLabels, Refusal> {
    let Some(queue) = &about.workload.queue else {
        return Ok(NodeLabels::new());
    };
    let all = flavors(about)?;
    let tells = |flavor: &&&Written| {
        labels(flavor).next().is_some()
            && labels(flavor).all(|(key, value)| nodes.get(key).is_some_and(|all| all.contains(value)))
    };
    let Some(flavor) = all.iter().find(tells) else {
        return new_flavor::wish_for(about, &all, nodes, wish).map_err(|why| {
            let named: Vec<String> = all.iter().map(|flavor| flavor.told()).collect();
            refuse(format!(
                "Kueue admits it, and no flavour of its ClusterQueue surely has the new nodes ({}): give it one, with a quota for them, \
                 first; {why}",
                named.join(", ")
            ))
        });
    };
    let live = queue
        .quotas
        .iter()
        .find(|quota| quota.flavor == flavor.name && quota.resource == GPU);
    let mut written = about.of_kind("ClusterQueue").flat_map(quotas);
    let nominal = written
        .find(|(name, _)| *name == flavor.name)
        .and_then(|(_, quota)| quota);
    let (quota, used) = match (live, nominal) {
        (Some(live), nominal) => (nominal.unwrap_or(live.nominal), live.used.unwrap_or(0.0)),
        (None, Some(nominal)) => (nominal, 0.0),
        (None, None) => return Err(refuse(format!("the quota of {} is not known", flavor.told()))),
    };
    let need = pods::most_pods(about)
        .zip(pods::per_pod(about))
        .map(|(pods, each)| pods * each);
    let need = need.ok_or_else(|| refuse("how many GPUs its queue must have for it is not known".to_owned()))?;
    if quota - used < f64::from(need) {
        return Err(refuse(format!(
            "{} has a quota of {quota} GPUs, of which {used} are used, and this may need {need}: raise it first, or its pods are not admitted",
            flavor.told()
        )));
    }
    wish.notes.push(format!(
        "Kueue admits it by {} then, whose quota of {quota} GPUs has room for its {need}",
        flavor.told()
    ));
    Ok(labels(flavor)
        .map(|(key, value)| (key.to_owned(), BTreeSet::from([value.to_owned()])))
        .collect())
}
