//! A new flavour of Kueue, where its quota is nobody's but the workload's own: a queue that shares nothing, with GPUs only.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::kueue::{GPU, may_be};
use super::{About, Beside, Wish, own_pool, pods};
use crate::model::manifest::NodeLabels;
use crate::patch::podspec::{element, under};
use crate::patch::written::{Written, text};
use crate::patch::yaml::{Change, Edit, Pointer};

/// Labels by which a flavour's nodes are told from others, the plainest first.
const TOLD_BY: [&str; 3] = [
    "nvidia.com/gpu.product",
    "cloud.google.com/gke-accelerator",
    "node.kubernetes.io/instance-type",
];

/// Wishes a flavour with these nodes, made after the one that admits it now, and a quota of it in its queue. Its labels.
///
/// # Errors
/// Where others might use the quota, too, or it cannot be told what it must be: why none is made.
pub(super) fn wish_for(
    about: About<'_>,
    flavors: &[&Written],
    nodes: &NodeLabels,
    wish: &mut Wish,
) -> Result<NodeLabels, String> {
    let name = about
        .workload
        .queue
        .as_ref()
        .and_then(|queue| queue.cluster_queue.as_deref());
    let queue = about
        .of_kind("ClusterQueue")
        .find(|queue| Some(queue.name.as_str()) == name);
    let queue = queue.ok_or("its ClusterQueue is not among the files")?;
    let base = flavors.iter().find(|flavor| may_be(flavor, &about.live.nodes));
    let base = base.ok_or("none of them has nodes like those that it runs on")?;
    for one in [queue, base] {
        if let Some(what) = &one.changed_by {
            return Err(format!("none is made after {}, as {what}", one.told()));
        }
    }
    // Which of the new nodes are near each other is told by labels that they may not have.
    if base.object.pointer("/spec/topologyName").is_some() {
        return Err(format!(
            "{} places pods by a topology, which the new nodes may not be in",
            base.told()
        ));
    }
    if !about.alone_in_queue {
        return Err("other workloads are in that queue, and would have its quota as well".to_owned());
    }
    let group = group(queue)?;
    let only = |key: &&str| nodes.get(*key).is_some_and(|values| values.len() == 1);
    let key = TOLD_BY.into_iter().find(|key| only(key));
    let key = key.ok_or("no label tells the new nodes from others")?;
    let labels = NodeLabels::from([(key.to_owned(), nodes.get(key).cloned().unwrap_or_default())]);
    let pods = pods::most_pods(about).ok_or("how many pods it may have is not known")?;
    let each = pods::per_pod(about).ok_or("how many GPUs each of its pods has is not known")?;
    let quota = (pods + pods::surge(about, pods)) * each;
    let new = name_of(about, &labels);
    wish.beside.push(Beside {
        after: base.spot.clone(),
        name: new.clone(),
        object: object(base, &new, &labels),
    });
    let list = under(
        &element(&under(&Pointer(Vec::new()), &["spec", "resourceGroups"]), group.0),
        &["flavors"],
    );
    wish.others.push((
        queue.spot.clone(),
        vec![Edit {
            at: element(&list, group.1),
            change: Change::Set(json!({"name": new, "resources": [{"name": GPU, "nominalQuota": quota}]})),
        }],
    ));
    wish.notes.push(format!(
        "Kueue's ResourceFlavor {new} is new, made after {}, and {} has a quota of {quota} GPUs for it: nobody else with GPUs is in that queue, \
         and it shares nothing with others. What it had before stays its, too: take that back when it has moved",
        base.told(),
        queue.told(),
    ));
    Ok(labels)
}

/// The place of its group of GPUs, and how many flavours that has.
fn group(queue: &Written) -> Result<(usize, usize), String> {
    let spec = queue.object.get("spec").cloned().unwrap_or_default();
    if ["cohort", "cohortName"]
        .iter()
        .any(|field| !text(&spec, field).is_empty())
    {
        return Err(format!("{} shares its quotas with a cohort", queue.told()));
    }
    let mut groups = queue.list("/spec/resourceGroups").enumerate();
    let covered = |group: &Value| {
        let covered = group.get("coveredResources").and_then(Value::as_array);
        let covered = covered.into_iter().flatten().filter_map(Value::as_str);
        covered.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let (at, group) = groups
        .find(|(_, group)| covered(group).contains(GPU))
        .ok_or_else(|| format!("{} has no quota of {GPU}", queue.told()))?;
    if covered(group).len() > 1 {
        return Err(format!(
            "{} has quotas of more than GPUs in that group, which work without GPUs may use as well",
            queue.told()
        ));
    }
    Ok((at, group.get("flavors").and_then(Value::as_array).map_or(0, Vec::len)))
}

fn name_of(about: About<'_>, labels: &NodeLabels) -> String {
    let what = labels.values().flatten().next().map(|value| value.to_lowercase());
    let what: String = what
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let name = own_pool::named(about, &what);
    let taken = |name: &str| about.of_kind("ResourceFlavor").any(|flavor| flavor.name == name);
    let numbered = (2..100).map(|number| own_pool::cut(&format!("{name}-{number}")));
    let mut all = std::iter::once(name.clone()).chain(numbered);
    all.find(|name| !taken(name)).unwrap_or(name)
}

/// The base once more, with other nodes.
fn object(base: &Written, name: &str, labels: &NodeLabels) -> Value {
    let mut spec = base
        .object
        .get("spec")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let labels: Map<String, Value> = labels
        .iter()
        .map(|(key, values)| (key.clone(), json!(values.first())))
        .collect();
    spec.insert("nodeLabels".to_owned(), Value::Object(labels));
    json!({
        "apiVersion": base.object.get("apiVersion"), "kind": "ResourceFlavor", "metadata": {"name": name}, "spec": spec,
    })
}
