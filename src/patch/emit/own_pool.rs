//! A NodePool of a workload's own: the pool that it runs on once more, with other nodes, and with a taint that keeps everybody else
//! away. The pool that is there stays as it is: were it to offer more, Karpenter might move others to what is cheaper.

use reqsign_core::hash::hex_sha256;
use serde_json::{Map, Value, json};

use super::nodes::append;
use super::pods::{self, Nodes};
use super::{About, Beside, Wish, karpenter};
use crate::model::manifest::OWN_NODES;
use crate::patch::node_pools::{CAPACITY, INSTANCE_TYPE, NODE_POOL, of_type};
use crate::patch::podspec::{at, under};
use crate::patch::written::{Written, text};
use crate::patch::yaml::Pointer;

/// What a label's value holds at most.
const LONGEST: usize = 63;

/// The value of its taint: which workload a pool is of.
pub(super) fn owner(about: About<'_>) -> String {
    // Objects of several kinds may have one name.
    let kind = match about.kind() {
        "Deployment" => String::new(),
        kind => format!(".{}", kind.to_lowercase()),
    };
    cut(&format!("{}.{}{kind}", about.namespace, about.name))
}

/// A name no longer than a label's value may be; one that is cut is told from others by its hash.
pub(super) fn cut(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let hash: String = hex_sha256(name.as_bytes()).chars().take(8).collect();
    let kept: String = name.chars().take(LONGEST - 9).collect();
    format!("{}-{hash}", kept.trim_end_matches(['-', '.']))
}

/// A name that tells whose it is, and what for.
pub(super) fn named(about: About<'_>, what: &str) -> String {
    cut(&format!("{}-{}-{what}", about.namespace, about.name.replace('.', "-")))
}

/// The name of its pool: one that it has already, or one that no other pool among the files has.
fn name_of(about: About<'_>, nodes: Nodes<'_>) -> String {
    let what = match nodes.spot {
        true => "spot".to_owned(),
        false => nodes.instance_type.to_lowercase().replace(['.', '_'], "-"),
    };
    let name = named(about, &what);
    let owner = owner(about);
    let others = |name: &str| {
        let mut named = about.pools().filter(|pool| pool.name == name);
        named.any(|pool| pool.own_of() != Some(owner.as_str()))
    };
    let numbered = (2..100).map(|number| cut(&format!("{name}-{number}")));
    let mut all = std::iter::once(name.clone()).chain(numbered);
    all.find(|name| !others(name)).unwrap_or(name)
}

/// The pools that it runs on, as far as they are among the files; those of its own left out.
pub(super) fn run_on(about: About<'_>) -> Vec<&Written> {
    let names = about.live.nodes.get(NODE_POOL);
    let owner = owner(about);
    let pools = about.pools();
    pools
        .filter(|pool| names.is_some_and(|names| names.contains(&pool.name)))
        .filter(|pool| pool.own_of() != Some(owner.as_str()))
        .collect()
}

/// Wishes a pool with these nodes, and that its pods may be on them. The pool's name.
///
/// # Errors
/// Where none can be made after the one that it runs on: why.
pub(super) fn wish_for(
    about: About<'_>,
    pods: impl IntoIterator<Item = Pointer>,
    nodes: Nodes<'_>,
    wish: &mut Wish,
) -> Result<String, String> {
    let is_pool = |new: &Beside| new.object.get("kind") == Some(&json!("NodePool"));
    if wish.beside.iter().any(is_pool) {
        return Err("it needs two pools of its own, one after the other".to_owned());
    }
    let (base, name) = (base(about)?, name_of(about, nodes));
    if nodes.spot && karpenter::offers(about, base, nodes.instance_type) == Some(false) {
        return Err(format!(
            "NodePool {} ({}) does not offer {}, on which it runs: the file is not what the cluster has",
            base.name, base.spot.file, nodes.instance_type
        ));
    }
    may_be_had(base, nodes)?;
    daemons_run(about)?;
    let most = pods::most_gpus(about, nodes);
    let taint = json!({"key": OWN_NODES, "value": owner(about), "effect": "NoSchedule"});
    let limit = most.as_ref().map(|most| most.gpus).or(base.most_gpus());
    for pod in pods {
        let required = [
            "affinity",
            "podAffinity",
            "requiredDuringSchedulingIgnoredDuringExecution",
        ];
        let beside = at(about.object, &under(&pod, &required)).and_then(Value::as_array);
        if beside.is_some_and(|all| !all.is_empty()) {
            return Err("its pods must be beside others, which the taint of such a pool would keep away".to_owned());
        }
        let list = under(&pod, &["tolerations"]);
        let toleration = json!({"key": OWN_NODES, "operator": "Equal", "value": owner(about), "effect": "NoSchedule"});
        append(about, &list, toleration, wish);
    }
    wish.beside.push(Beside {
        after: base.spot.clone(),
        name: name.clone(),
        object: object(base, (&name, taint), nodes, limit),
    });
    let limited = match (most, limit) {
        (Some(most), _) => format!("at most {} GPUs ({})", most.gpus, most.because),
        (None, Some(limit)) => format!("at most {limit} GPUs, as {}", base.name),
        (None, None) => "no limit, as nobody tells how many pods there may be".to_owned(),
    };
    wish.notes.push(format!(
        "NodePool {name} is new, made after {}: {}, {limited}; its taint {OWN_NODES} keeps every other workload away, and the DaemonSets of \
         such nodes bear it",
        base.name,
        nodes.in_words(),
    ));
    wish.notes.push(format!(
        "NodePool {} ({}) stays as it is, so that none of its nodes drifts",
        base.name, base.spot.file
    ));
    wish.notes.push(
        "to undo it, take the workload's change back first: when a NodePool goes, all of its nodes are drained at once, as fast as disruption \
         budgets let them"
            .to_owned(),
    );
    Ok(name)
}

/// The one pool that it runs on, as it comes into the cluster.
fn base(about: About<'_>) -> Result<&Written, String> {
    let found = run_on(about);
    let &[base] = &found[..] else {
        let owner = owner(about);
        let own = about.pools().find(|pool| pool.own_of() == Some(owner.as_str()));
        let one_name = found.iter().all(|pool| pool.name == found[0].name);
        return Err(match (found.len(), own) {
            (2.., _) if one_name => format!(
                "several files have a NodePool {}: say which folder is deployed to its cluster (`patches.folders` in the policy)",
                found[0].name
            ),
            (0, Some(own)) => format!(
                "it runs on a pool of its own, {}: its owner gives that other nodes",
                own.told()
            ),
            (0, None) => "the pool that it runs on is not among the files".to_owned(),
            _ => "it runs on several pools, and which of them is to be copied nobody says".to_owned(),
        });
    };
    match &base.changed_by {
        None => Ok(base),
        Some(what) => Err(format!(
            "none is made after NodePool {} ({}), as {what}",
            base.name, base.spot.file
        )),
    }
}

fn may_be_had(base: &Written, nodes: Nodes<'_>) -> Result<(), String> {
    // Of Amazon's names, those with a `g` behind the number have Amazon's own processors, or NVIDIA's: both are ARM.
    let family = nodes.instance_type.split_once('.').map_or("", |(family, _)| family);
    let behind = family.trim_start_matches(|c: char| !c.is_ascii_digit());
    if !nodes.spot && behind.contains('g') {
        return Err(format!(
            "{} has an ARM processor, which its images may not be for",
            nodes.instance_type
        ));
    }
    if !nodes.spot && !base.lets_arch("amd64") {
        return Err(format!(
            "NodePool {} ({}) is for another processor than {} has, which its images may not be for",
            base.name, base.spot.file, nodes.instance_type
        ));
    }
    if !nodes.spot && !base.lets_capacity("on-demand") && !base.lets_capacity("spot") {
        return Err(format!(
            "NodePool {} has reserved capacity only, and of {} nothing says that any is reserved",
            base.name, nodes.instance_type
        ));
    }
    Ok(())
}

/// Without NVIDIA's device plugin a node offers no GPUs, and Karpenter waits for them; without an exporter nobody sees them.
fn daemons_run(about: About<'_>) -> Result<(), String> {
    let Some(strict) = &about.live.strict_daemons else {
        return Err(
            "which DaemonSets run on its nodes, and whether they would on tainted ones, the plan does not tell: make it again"
                .to_owned(),
        );
    };
    if strict.is_empty() {
        return Ok(());
    }
    let named: Vec<&str> = strict.iter().map(String::as_str).collect();
    Err(format!(
        "DaemonSets of its nodes do not bear the taint that keeps others away ({}), and without NVIDIA's device plugin there are no GPUs: \
         give them the toleration {{key: {OWN_NODES}, operator: Exists}} first",
        named.join(", ")
    ))
}

/// The pool.
fn object(base: &Written, (name, taint): (&str, Value), nodes: Nodes<'_>, limit: Option<u64>) -> Value {
    let mut spec = base.object.get("spec").cloned().unwrap_or_default();
    if let Some(fields) = spec.as_object_mut() {
        // A pool of a fixed size has neither weight nor limits, and makes no nodes for pods that wait.
        fields.remove("replicas");
        fields.remove("limits");
        if let Some(limit) = limit {
            fields.insert("limits".to_owned(), json!({"nvidia.com/gpu": limit}));
        }
        // Its pods find it by what they ask for. With a weight it would be the first choice of whatever tolerates every taint.
        fields.remove("weight");
    }
    if let Some(Value::Object(template)) = spec.pointer_mut("/template/spec") {
        let mut taints: Vec<Value> = base.taints().cloned().collect();
        taints.push(taint);
        template.insert("taints".to_owned(), Value::Array(taints));
        template.insert("requirements".to_owned(), Value::Array(requirements(base, nodes)));
    }
    if let Some(Value::Object(labels)) = spec.pointer_mut("/template/metadata/labels") {
        labels.retain(|key, _| !(of_type(key) || nodes.tells(key)));
    }
    json!({
        "apiVersion": base.object.get("apiVersion"), "kind": "NodePool", "metadata": {"name": name}, "spec": spec,
    })
}

/// What the base asks of its nodes, but for what the instance type says, and what the new ones are to be.
fn requirements(base: &Written, nodes: Nodes<'_>) -> Vec<Value> {
    let kept = base.requirements().filter(|one| {
        let key = text(one, "key");
        // What is reserved is of one type.
        let reserved = key.starts_with("karpenter.k8s.aws/capacity-reservation");
        !(of_type(key) || nodes.tells(key) || reserved)
    });
    // So many values as a pool was to have for its choice of types are not there where the type is one.
    let without = |one: &Value| -> Map<String, Value> {
        let fields = one.as_object().into_iter().flatten();
        let fields = fields.filter(|(key, _)| *key != "minValues");
        fields.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let is = |key: &str, value: &str| json!({"key": key, "operator": "In", "values": [value]});
    kept.map(|one| Value::Object(without(one)))
        .chain(nodes.spot.then(|| is(CAPACITY, "spot")))
        .chain([is(INSTANCE_TYPE, nodes.instance_type)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_is_cut_and_stays_its_own() {
        assert_eq!(cut("chat-llama-spot"), "chat-llama-spot");
        let long = format!("chat-{}-spot", "a".repeat(60));
        let other = format!("chat-{}-spou", "a".repeat(60));
        assert_eq!(cut(&long).len(), 63);
        assert_ne!(cut(&long), cut(&other));
        assert!(!cut(&format!("{}.{}", "n".repeat(53), "m".repeat(30))).contains(".-"));
    }
}
