//! What an edit must know beyond the plan's figures: the live object of a workload, and the nodes that a change moves it to.

use std::collections::BTreeSet;

use super::price::Priced;
use crate::model::gpu::GpuKind;
use crate::model::manifest::{Landing, Live, NodeLabels, Scaler, ScalerKind, node_labels};
use crate::model::scenario::Move;
use crate::model::snapshot::{GpuNode, Snapshot};
use crate::model::workload::{Autoscaler, Workload};
use crate::recommenders::World;

const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";
const FAMILY: &str = "karpenter.k8s.aws/instance-family";

/// The live object of a workload.
pub(super) fn live(workload: &Workload, world: &World<'_>) -> Live {
    let queue = world.objectives.gateway.queue_of(&workload.overrides);
    let nodes = workload.running().filter_map(|pod| pod.node.as_deref());
    let nodes: Vec<&GpuNode> = nodes.filter_map(|name| world.snapshot.node(name)).collect();
    let packed = nodes.iter().any(|node| node.consolidates);
    Live {
        replicas: workload.replicas,
        autoscaler: workload.autoscaler.as_ref().map(scaler),
        deployed: workload.deployed.clone(),
        server: workload.serving.as_ref().map(|serving| serving.server.clone()),
        gateway_queue: queue.map(str::to_owned),
        manifest: world.objectives.manifests.of(&workload.overrides),
        values: world.objectives.manifests.values_of(&workload.overrides),
        nodes: node_labels(nodes.iter().map(|node| &node.labels)),
        strict_daemons: together(nodes.iter().map(|node| node.strict_daemons.as_ref())),
        unguarded: packed && workload.scheduling.in_no_budget,
    }
}

/// Those of all its nodes; what one of them does not tell is not known of any.
fn together<'n>(told: impl Iterator<Item = Option<&'n BTreeSet<String>>>) -> Option<BTreeSet<String>> {
    let all: Vec<_> = told.collect::<Option<_>>()?;
    (!all.is_empty()).then(|| all.into_iter().flatten().cloned().collect())
}

fn scaler(own: &Autoscaler) -> Scaler {
    Scaler {
        kind: match own.scaled_object {
            Some(_) => ScalerKind::ScaledObject,
            None => ScalerKind::HorizontalPodAutoscaler,
        },
        name: own.name.clone(),
        min_replicas: own.min_replicas,
        max_replicas: own.max_replicas,
    }
}

/// Where a change moves its workload; `None` where it stays on nodes like its own.
pub(super) fn landing(priced: &Priced, snapshot: &Snapshot) -> Option<Landing> {
    let moves = priced.proposal.moves.iter();
    moves
        .filter_map(|change| match change {
            Move::UseGpu { to, .. } => Some(with_gpu(to, priced.new_type.as_deref(), snapshot)),
            Move::UseSpot { instance_type, .. } => {
                Some(landing_of(Some(instance_type), nodes_of(instance_type, snapshot)))
            }
            _ => None,
        })
        .next()
}

fn with_gpu(kind: &GpuKind, instance_type: Option<&str>, snapshot: &Snapshot) -> Landing {
    let of_kind = |node: &&GpuNode| node.gpu.as_ref() == Some(&kind.model);
    let of_type = |node: &&GpuNode| instance_type.is_none_or(|name| node.instance_type.as_deref() == Some(name));
    let sliced = |node: &&GpuNode| {
        kind.mig
            .as_ref()
            .is_none_or(|profile| node.slices.contains_key(profile))
    };
    let nodes = snapshot.nodes.iter().filter(of_kind).filter(of_type).filter(sliced);
    landing_of(instance_type, nodes.collect())
}

fn nodes_of<'s>(instance_type: &str, snapshot: &'s Snapshot) -> Vec<&'s GpuNode> {
    let nodes = snapshot.nodes.iter();
    nodes
        .filter(|node| node.instance_type.as_deref() == Some(instance_type))
        .collect()
}

fn landing_of(instance_type: Option<&str>, nodes: Vec<&GpuNode>) -> Landing {
    let there = !nodes.is_empty();
    let mut labels = node_labels(nodes.iter().map(|node| &node.labels));
    // A label counts only where every node has it: one that some lack would leave those out.
    labels.retain(|key, _| nodes.iter().all(|node| node.labels.contains_key(key)));
    if let (false, Some(name)) = (there, instance_type) {
        labels = of_type(name);
    }
    Landing {
        instance_type: instance_type.map(str::to_owned),
        labels,
        there,
    }
}

/// What every node of a type has, wherever it comes from.
fn of_type(name: &str) -> NodeLabels {
    let mut labels = NodeLabels::from([(INSTANCE_TYPE.to_owned(), BTreeSet::from([name.to_owned()]))]);
    // Amazon's names are `family.size`; no other provider's have a dot.
    if let Some((family, _)) = name.split_once('.') {
        labels.insert(FAMILY.to_owned(), BTreeSet::from([family.to_owned()]));
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn daemon_sets_are_known_only_where_every_node_tells() {
        let [none, plugin, agent] = [&[][..], &["gpu/plugin"], &["logs/agent", "gpu/plugin"]]
            .map(|names| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>());
        let of = |told: &[Option<&BTreeSet<String>>]| together(told.iter().copied());
        assert_eq!(of(&[]), None, "it runs nowhere");
        assert_eq!(of(&[Some(&none), None]), None);
        assert_eq!(of(&[Some(&none), Some(&none)]), Some(none.clone()));
        assert_eq!(of(&[Some(&plugin), Some(&agent), Some(&none)]), Some(agent.clone()));
    }
}
