//! Nodes that were spot capacity within the window: those that exist, and those that are gone and of which the bill tells how
//! they were bought and the history of pods when they were there.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::lives::Life;
use super::nodes::NodeFacts;
use crate::model::cluster::{Inventory, Node};
use crate::model::spot::{SpotEnd, SpotNode};
use crate::model::time::Window;
use crate::model::workload::CapacityType;

/// How long a service may take to have its replica back elsewhere, in seconds. What comes later may be another replica; a run is
/// known by its name however long it takes.
const BACK_WITHIN: i64 = 900;

/// The step at which the history of pods is read, in seconds: ends that are no further apart are one.
const STEP: i64 = 300;

/// By what a life's successor is known: its run, or what owns it.
type Identity<'l> = (&'l str, &'l str, &'l str, Option<&'l str>);

/// Every spot node with GPUs of which it is known from when to when it was there, by type and time. Where no node could be read,
/// nobody knows which are gone, and there is none.
pub(super) fn spot_nodes(
    lives: &[Life<'_>],
    facts: &BTreeMap<String, NodeFacts>,
    inventory: &Inventory,
    window: Window,
) -> Vec<SpotNode> {
    if inventory.nodes.is_empty() {
        return Vec::new();
    }
    let existing: BTreeMap<&str, &Node> = inventory.nodes.iter().map(|node| (node.name.as_str(), node)).collect();
    let mut on: BTreeMap<&str, Vec<&Life<'_>>> = BTreeMap::new();
    let mut of: BTreeMap<Identity<'_>, Vec<&Life<'_>>> = BTreeMap::new();
    for life in lives {
        if let Some(node) = &life.node {
            on.entry(node).or_default().push(life);
        }
        of.entry(identity(life)).or_default().push(life);
    }
    let is_spot = |facts: &NodeFacts| facts.capacity == CapacityType::Spot && facts.gpus != Some(0);
    let mut found: Vec<SpotNode> = facts
        .iter()
        .filter(|(_, facts)| is_spot(facts))
        .filter_map(|(name, facts)| {
            let held = on.get(name.as_str()).map_or(&[][..], Vec::as_slice);
            let first = held.iter().map(|life| life.from).min();
            let (from, to, end) = match existing.get(name.as_str()) {
                Some(node) => (node.created.or(first)?.max(window.start), window.end, SpotEnd::There),
                None => {
                    let to = held.iter().map(|life| life.to).max()?;
                    (first?, to, end(name, held, to, &of))
                }
            };
            (from < to).then(|| SpotNode {
                name: name.clone(),
                instance_type: facts.instance_type.clone(),
                from,
                to,
                end,
            })
        })
        .collect();
    found.sort_by(|a, b| (&a.instance_type, a.from, &a.name).cmp(&(&b.instance_type, b.from, &b.name)));
    found
}

fn identity<'l>(life: &'l Life<'_>) -> Identity<'l> {
    let top = &life.top;
    (&top.namespace, &top.kind, &top.name, top.run.as_deref())
}

/// How a node ended that is gone: whether pods that were on it until then went on elsewhere.
fn end(name: &str, held: &[&Life<'_>], to: Timestamp, of: &BTreeMap<Identity<'_>, Vec<&Life<'_>>>) -> SpotEnd {
    let last = held.iter().filter(|life| to.as_second() - life.to.as_second() <= STEP);
    let back = last.flat_map(|life| {
        let others = of.get(&identity(life)).map_or(&[][..], Vec::as_slice);
        others.iter().filter(move |other| {
            let later = other.from.as_second() - life.to.as_second();
            let in_time = life.top.run.is_some() || later <= BACK_WITHIN;
            other.node.as_deref().is_some_and(|node| node != name) && later >= 0 && in_time
        })
    });
    match back.map(|other| other.from).min() {
        Some(back) => SpotEnd::Taken { back },
        None => SpotEnd::LetGo,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::joined;
    use super::*;
    use crate::model::cluster::{CostProduct, NodeCost, PodRecord, Resources};
    use crate::model::reading::Reading;
    use crate::model::time::Grid;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3_600).unwrap()
    }

    fn bill(node: &str, spot: bool) -> NodeCost {
        NodeCost {
            node: node.to_owned(),
            instance_type: Some("p4d.24xlarge".to_owned()),
            region: None,
            hours: 10.0,
            total_cost: 90.0,
            gpus: Some(8.0),
            spot: Some(spot),
            adjusted: true,
            by_default: false,
            told_by: CostProduct::default(),
        }
    }

    /// A pod of a ReplicaSet or a Job on a node, from one hour to another.
    fn pod(owner: (&str, &str), name: &str, node: &str, (from, to): (i64, i64)) -> PodRecord {
        PodRecord {
            namespace: "n".to_owned(),
            name: name.to_owned(),
            uid: None,
            node: Some(node.to_owned()),
            owner_kind: Some(owner.0.to_owned()),
            owner_name: Some(owner.1.to_owned()),
            requests: Resources::from([("nvidia.com/gpu".to_owned(), 8.0)]),
            first: at(from),
            last: at(to),
            created: None,
            ready: None,
        }
    }

    /// Two days, of which these pods and bills tell; `now` is the only node that is there, since hour 40.
    fn spot_nodes_of(pods: Vec<PodRecord>, costs: Vec<NodeCost>) -> Vec<(String, i64, i64, SpotEnd)> {
        let now = Node {
            name: "now".to_owned(),
            labels: [
                ("karpenter.sh/capacity-type", "spot"),
                ("node.kubernetes.io/instance-type", "p4d.24xlarge"),
            ]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into(),
            allocatable: Resources::from([("nvidia.com/gpu".to_owned(), 8.0)]),
            created: Some(at(40)),
            ..Node::default()
        };
        let window = Window {
            start: at(0),
            end: at(48),
        };
        let mut reading = Reading {
            cluster: "c".to_owned(),
            grid: Grid {
                window,
                step_seconds: 300,
            },
            currency: "USD".to_owned(),
            inventory: Inventory {
                nodes: vec![now],
                pod_history: pods,
                node_costs: costs,
                ..Inventory::default()
            },
            requests: Vec::new(),
            series: Vec::new(),
            asked: Vec::new(),
            gaps: Vec::new(),
        };
        reading.settle();
        let hour = |at: Timestamp| at.as_second() / 3_600;
        let told = joined(&reading).spot_nodes.into_iter();
        told.map(|node| (node.name, hour(node.from), hour(node.to), node.end))
            .collect()
    }

    const NOW: (i64, i64, SpotEnd) = (40, 48, SpotEnd::There);

    #[test]
    fn a_run_that_goes_on_elsewhere_lost_its_node() {
        let job = ("Job", "train-7");
        let pods = vec![
            pod(job, "train-7-a", "gone", (3, 9)),
            pod(job, "train-7-b", "elsewhere", (14, 20)),
        ];
        let found = spot_nodes_of(pods.clone(), vec![bill("gone", true), bill("elsewhere", false)]);
        let gone = ("gone".to_owned(), 3, 9, SpotEnd::Taken { back: at(14) });
        assert_eq!(found, [gone, ("now".to_owned(), NOW.0, NOW.1, NOW.2)]);
        // Without a bill nobody knows how the node was bought.
        assert_eq!(spot_nodes_of(pods, Vec::new()).len(), 1);
    }

    #[test]
    fn a_node_that_went_when_its_work_was_done_was_let_go() {
        let pods = vec![
            pod(("Job", "train-7"), "train-7-a", "gone", (3, 9)),
            pod(("Job", "train-8"), "train-8-a", "elsewhere", (9, 20)),
        ];
        let found = spot_nodes_of(pods, vec![bill("gone", true)]);
        assert_eq!(found[0], ("gone".to_owned(), 3, 9, SpotEnd::LetGo));
    }

    #[test]
    fn a_replica_that_comes_hours_later_is_another() {
        let replica = |name: &str, node: &str, span| pod(("ReplicaSet", "chat-5d9"), name, node, span);
        let told = |next: i64| {
            let pods = vec![
                replica("chat-5d9-a", "gone", (3, 9)),
                replica("chat-5d9-b", "other", (next, 20)),
            ];
            spot_nodes_of(pods, vec![bill("gone", true)])[0].3
        };
        assert_eq!((told(9), told(10)), (SpotEnd::Taken { back: at(9) }, SpotEnd::LetGo));
    }
}
