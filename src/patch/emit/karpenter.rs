//! Whether Karpenter would make the nodes that a change needs, and what is wished where it would not.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::nodes::append;
use super::pods::{self, Nodes};
use super::{About, Beside, Refusal, Wish, own_pool};
use crate::model::manifest::{Landing, NodeLabels};
use crate::model::scenario::Move;
use crate::model::workload::CapacityType;
use crate::patch::node_pools::{CAPACITY, INSTANCE_TYPE, NODE_POOL, bears};
use crate::patch::podspec::{at, under};
use crate::patch::written::{Written, text};
use crate::patch::yaml::Pointer;

/// GPUs of a node of this type.
fn gpus_of(about: About<'_>, instance_type: &str) -> Option<u32> {
    about.catalog.instance(instance_type).map(|own| own.gpus)
}

/// Whether a pool offers a type, of which the catalogue tells the GPUs.
pub(super) fn offers(about: About<'_>, pool: &Written, instance_type: &str) -> Option<bool> {
    let own = about.catalog.instance(instance_type);
    // `A100-80GB` is `a100` to Karpenter.
    let name = own.map(|own| own.gpu.0.split('-').next().unwrap_or_default().to_lowercase());
    pool.offers(instance_type, name.as_deref().zip(own.map(|own| own.gpus)))
}

/// What the nodes are known by that Karpenter makes for it: those of the files' pools that offer what it moves to, else those of a pool
/// of its own, which is wished.
///
/// # Errors
/// Where none does, and none can be made.
pub(super) fn offered(
    about: About<'_>,
    landing: &Landing,
    pods: &BTreeSet<Pointer>,
    wish: &mut Wish,
) -> Result<NodeLabels, Refusal> {
    let Some(instance_type) = landing.instance_type.as_deref() else {
        absent(landing, "such nodes", wish);
        return Ok(NodeLabels::new());
    };
    let nodes = Nodes {
        instance_type,
        gpus: gpus_of(about, instance_type),
        spot: false,
    };
    // One of another workload's own offers it to that alone.
    let others = about.pools().filter(|pool| pool.own_of().is_none());
    let known = about.pools().next().is_some();
    let gives = |pool: &&Written| {
        offers(about, pool, instance_type) == Some(true) && as_bought(about, pool) && lets_in(about, pods, pool)
    };
    let offering: Vec<&Written> = others.filter(gives).collect();
    if !known {
        absent(landing, instance_type, wish);
        return Ok(NodeLabels::new());
    }
    if !offering.is_empty() {
        room(about, nodes, &offering, wish);
        tolerate_gpus(about, pods, &offering, wish);
        let names = offering.iter().map(|pool| pool.name.clone()).collect();
        return Ok(NodeLabels::from([(NODE_POOL.to_owned(), names)]));
    }
    // Nodes that no pool of these files makes are let to whom their own pool lets them.
    let elsewhere = |name: &&String| about.pools().all(|pool| pool.name != **name);
    let makers = landing.labels.get(NODE_POOL).into_iter().flatten();
    let elsewhere: BTreeSet<String> = makers.filter(elsewhere).cloned().collect();
    if landing.there && (!elsewhere.is_empty() || !landing.labels.contains_key(NODE_POOL)) {
        wish.notes.push(format!(
            "what makes the nodes with {instance_type} that are there is not among the files: see that it makes more of them, and that its \
             pods bear their taints"
        ));
        return Ok(match elsewhere.is_empty() {
            true => NodeLabels::new(),
            false => NodeLabels::from([(NODE_POOL.to_owned(), elsewhere)]),
        });
    }
    own(about, pods, nodes, wish)
}

/// A pool of its own, and what its nodes are known by.
fn own(about: About<'_>, pods: &BTreeSet<Pointer>, nodes: Nodes<'_>, wish: &mut Wish) -> Result<NodeLabels, Refusal> {
    let instance_type = nodes.instance_type;
    let slices = about
        .row
        .moves
        .iter()
        .any(|change| matches!(change, Move::UseGpu { to, .. } if to.mig.is_some()));
    let own = match slices {
        true => Err("what cuts its GPUs into slices no NodePool tells".to_owned()),
        false => own_pool::wish_for(about, pods.iter().cloned(), nodes, wish),
    };
    let own = own.map_err(|why| {
        let why = format!(
            "no NodePool among the files offers its pods {instance_type}, and pods that ask for it would wait for ever: add one, with a taint that \
             others do not tolerate, first; {why}"
        );
        Refusal::new("no-node-pool", why)
    })?;
    wish.notes.push(format!(
        "NodePool {own} must be in the cluster before its pods ask for it: where nodes and workloads are applied apart, nodes first"
    ));
    let base = own_pool::run_on(about).into_iter().next();
    let class = base.and_then(|base| base.object.pointer("/spec/template/spec/nodeClassRef"));
    if let Some(class) = class {
        wish.notes.push(format!(
            "its nodes are of {} {}, as before: its image, disks and network must fit {instance_type}",
            text(class, "kind"),
            text(class, "name")
        ));
    }
    let capacity = ["on-demand", "spot"].map(str::to_owned).into_iter();
    let capacity = capacity.filter(|one| base.is_some_and(|base| base.lets_capacity(one)));
    Ok(NodeLabels::from([
        (NODE_POOL.to_owned(), BTreeSet::from([own])),
        (CAPACITY.to_owned(), capacity.collect()),
    ]))
}

/// Karpenter makes nodes for a label of NVIDIA's only where a pool gives it to them: a pool of its own does, and of others it is said.
///
/// # Errors
/// Where the pool that it runs on tells the label, and none tells the new one: pods would wait for what Karpenter does not know.
pub(super) fn knows(about: About<'_>, key: &str, labels: &NodeLabels, wish: &mut Wish) -> Result<(), Refusal> {
    let values = labels.get(key).filter(|values| values.len() == 1);
    let by_karpenter = key.starts_with("nvidia.com/") && about.live.nodes.contains_key(NODE_POOL);
    let Some(value) = values.and_then(|values| values.first()).filter(|_| by_karpenter) else {
        return Ok(());
    };
    let is_pool = |new: &&mut Beside| new.object.get("kind") == Some(&json!("NodePool"));
    let new = wish.beside.iter_mut().find(is_pool);
    if let Some(template) = new.and_then(|new| new.object.pointer_mut("/spec/template")) {
        template["metadata"]["labels"][key] = json!(value);
        return Ok(());
    }
    if about.pools().any(|pool| pool.tells(key, Some(value))) {
        return Ok(());
    }
    if own_pool::run_on(about).iter().any(|pool| pool.tells(key, None)) {
        return Err(Refusal::new(
            "no-node-pool",
            format!(
                "its pods choose nodes by {key}, of which the NodePool that it runs on tells Karpenter, and no NodePool among the files tells \
                 of nodes with {value}: give the one that makes them that label first, or choose by {INSTANCE_TYPE}"
            ),
        ));
    }
    let note = format!(
        "Karpenter makes no node for {key} unless a NodePool gives its nodes that label: else pods wait once the nodes that are there are full"
    );
    if !wish.notes.contains(&note) {
        wish.notes.push(note);
    }
    Ok(())
}

/// Whether a pool has capacity that is bought as the workload's is: nothing was seen of how it bears interruptions.
fn as_bought(about: About<'_>, pool: &Written) -> bool {
    about.workload.capacity_type == CapacityType::Spot || pool.lets_capacity("on-demand")
}

/// Pods bear the taint that nodes with GPUs have, where something gave it to them so far, or no node had it.
fn tolerate_gpus(about: About<'_>, pods: &BTreeSet<Pointer>, pools: &[&Written], wish: &mut Wish) {
    let now = own_pool::run_on(about);
    for pool in pools {
        let strange = |taint: &&Value| {
            let as_now = now.iter().any(|pool| pool.taints().any(|own| own == *taint));
            !as_now && pods.iter().any(|pod| !borne(about, pod, taint))
        };
        for taint in pool.hard_taints().filter(strange) {
            let toleration = json!({"key": text(taint, "key"), "operator": "Exists", "effect": text(taint, "effect")});
            for pod in pods {
                append(about, &under(pod, &["tolerations"]), toleration.clone(), wish);
            }
        }
    }
}

fn absent(landing: &Landing, name: &str, wish: &mut Wish) {
    if !landing.there {
        wish.notes.push(format!(
            "the cluster has no {name} now: a pool must offer it before pods ask for it (Karpenter: a NodePool whose requirements allow it)"
        ));
    }
}

/// Whether the limits of pools let as many nodes be as it needs. To raise one replaces no node; what others have of it is not
/// known here.
fn room(about: About<'_>, nodes: Nodes<'_>, pools: &[&Written], wish: &mut Wish) {
    let limits: Option<Vec<u64>> = pools.iter().map(|pool| pool.most_gpus()).collect();
    let (Some(limits), Some(need)) = (limits, pods::most_gpus(about, nodes)) else {
        return;
    };
    let most: u64 = limits.iter().sum();
    if most < need.gpus {
        let named: Vec<String> = pools
            .iter()
            .map(|pool| format!("{} in {}", pool.name, pool.spot.file))
            .collect();
        wish.notes.push(format!(
            "`limits` of what offers {} ({}) allow {most} GPUs, with those of others, and this may need {} ({}): raise them, which replaces no \
             node, or pods wait",
            nodes.instance_type,
            named.join(", "),
            need.gpus,
            need.because
        ));
    }
}

/// The pool of its own that it prefers, where no pool that it may run on has spot capacity.
///
/// # Errors
/// Where none has, and none can be made.
pub(super) fn spot(about: About<'_>, pods: &BTreeSet<Pointer>, wish: &mut Wish) -> Result<Option<String>, Refusal> {
    let found = own_pool::run_on(about);
    let Some(first) = found.first() else {
        wish.notes.push(
            "the NodePool that it runs on is not among the files: some pool must have spot capacity for it, and better one of its own, with a \
             taint, than the one that it shares, whose others Karpenter would move as well"
                .to_owned(),
        );
        return Ok(None);
    };
    // Of several files with one name, which is meant is not known.
    let lets = |pool: &&Written| {
        found
            .iter()
            .filter(|one| one.name == pool.name)
            .all(|one| one.lets_capacity("spot"))
    };
    if found.iter().any(lets) {
        return Ok(None);
    }
    let change = about.row.moves.iter().find_map(|change| match change {
        Move::UseSpot {
            instance_type, gpus, ..
        } => Some((instance_type, *gpus)),
        _ => None,
    });
    let Some((instance_type, gpus)) = change else {
        return Ok(None);
    };
    if let Some(other) = another_with_spot(about, first, instance_type, pods) {
        wish.notes.push(format!(
            "NodePool {} ({}) offers {instance_type} as spot capacity, and its pods bear its taints",
            other.name, other.spot.file
        ));
        return Ok(None);
    }
    let nodes = Nodes {
        instance_type,
        gpus: Some(gpus).filter(|gpus| *gpus > 0),
        spot: true,
    };
    let own = own_pool::wish_for(about, pods.iter().cloned(), nodes, wish).map_err(|why| {
        let why = format!(
            "its NodePool {} ({}) has no spot capacity, and were it allowed there, Karpenter might move others to it: make a pool of its own, \
             with a taint that only it tolerates, first; {why}",
            first.name, first.spot.file
        );
        Refusal::new("no-node-pool", why)
    })?;
    wish.notes.push(
        "Karpenter takes the preference for a requirement first, and lets it go where no spot node can be had: pods run in their old pool then"
            .to_owned(),
    );
    Ok(Some(own))
}

/// A pool that surely gives such nodes as spot capacity, of the same class, to pods that any pool may serve.
fn another_with_spot<'a>(
    about: About<'a>,
    base: &Written,
    instance_type: &str,
    pods: &BTreeSet<Pointer>,
) -> Option<&'a Written> {
    let class = |pool: &Written| pool.object.pointer("/spec/template/spec/nodeClassRef").cloned();
    let pinned = |pod: &Pointer| {
        let selector = at(about.object, &under(pod, &["nodeSelector"])).and_then(Value::as_object);
        let affinity = at(about.object, &under(pod, &["affinity", "nodeAffinity"])).map(Value::to_string);
        selector.is_some_and(|all| all.contains_key(NODE_POOL)) || affinity.is_some_and(|text| text.contains(NODE_POOL))
    };
    let serves = |pool: &&Written| {
        pool.own_of().is_none()
            && pool.lets_capacity("spot")
            && offers(about, pool, instance_type) == Some(true)
            && class(pool) == class(base)
            && pods
                .iter()
                .all(|pod| !pinned(pod) && pool.hard_taints().all(|taint| borne(about, pod, taint)))
    };
    about.pools().find(serves)
}

fn borne(about: About<'_>, pod: &Pointer, taint: &Value) -> bool {
    let own = at(about.object, &under(pod, &["tolerations"])).and_then(Value::as_array);
    own.into_iter().flatten().any(|one| bears(one, taint))
}

/// Whether its pods may be on a pool's nodes: by their own tolerations, or by what clusters add to theirs for GPUs, or as where
/// they run now.
fn lets_in(about: About<'_>, pods: &BTreeSet<Pointer>, pool: &Written) -> bool {
    let now = own_pool::run_on(about);
    pool.hard_taints().all(|taint| {
        let as_now = now.iter().any(|pool| pool.taints().any(|own| own == taint));
        as_now || text(taint, "key") == "nvidia.com/gpu" || pods.iter().all(|pod| borne(about, pod, taint))
    })
}
