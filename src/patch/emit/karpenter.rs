//! Whether Karpenter would make the nodes that a change needs, and what is wished where it would not.

use std::collections::BTreeSet;

use serde_json::Value;

use super::pods::{self, Nodes};
use super::{About, Refusal, Wish, own_pool};
use crate::model::manifest::{Landing, NodeLabels};
use crate::model::scenario::Move;
use crate::patch::node_pools::{CAPACITY, NODE_POOL, bears};
use crate::patch::podspec::{at, under};
use crate::patch::written::{Written, text};
use crate::patch::yaml::Pointer;

/// GPUs of a node of this type.
fn gpus_of(about: About<'_>, instance_type: &str) -> Option<u32> {
    about.catalog.instance(instance_type).map(|own| own.gpus)
}

/// Labels of the nodes that a pool of its own has, where none of the files' pools offers what it moves to.
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
    let told: Vec<(&Written, Option<bool>)> = others.map(|pool| (pool, pool.offers(instance_type))).collect();
    let offering: Vec<&Written> = told
        .iter()
        .filter(|(pool, told)| *told != Some(false) && lets_in(about, pods, pool))
        .map(|(pool, _)| *pool)
        .collect();
    if landing.there || told.is_empty() || !offering.is_empty() {
        if offering.is_empty() {
            absent(landing, instance_type, wish);
        } else {
            room(about, nodes, &offering, wish);
        }
        return Ok(NodeLabels::new());
    }
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
            && pool.offers(instance_type) == Some(true)
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
