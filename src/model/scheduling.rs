//! Where the scheduler lets a pod run: what it requires of a node, and of the pods beside it. What is only preferred is left
//! out, as it keeps no pod from any node.

use serde::{Deserialize, Serialize};

use super::budget::Requirement;
use super::cluster::Labels;

/// The label by which a node is told from every other.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// The label that volumes are bound to.
const ZONE: &str = "topology.kubernetes.io/zone";

/// What a pod requires of where it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scheduling {
    /// `spec.nodeSelector`.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub node_selector: Labels,
    /// `requiredDuringSchedulingIgnoredDuringExecution` of `spec.affinity.nodeAffinity`: one of these must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub node_affinity: Vec<NodeTerm>,
    /// `spec.tolerations`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
    /// `spec.topologySpreadConstraints` with `DoNotSchedule`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub spread: Vec<PodTerm>,
    /// Required pod anti-affinity.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub apart: Vec<PodTerm>,
    /// Required pod affinity.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<PodTerm>,
    /// Ports of the node that it takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host_ports: Vec<u16>,
    /// Whether it mounts a PersistentVolumeClaim, whose volume is in one zone at least.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub claims: bool,
    /// Whether it claims its devices (DRA), by requirements that are not known here.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub claims_devices: bool,
    /// Whether an eviction of one of its pods would be refused: it is in two disruption budgets, or in one that lets none go.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub kept_by_budgets: bool,
    /// Whether disruption budgets of the cluster were read, and none of its pods is in any.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_no_budget: bool,
    /// The pod's own labels, by which others select it.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
}

/// Requirements of a node, all of which must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeTerm {
    /// Of its labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Requirement>,
    /// Of its fields, of which there is one: `metadata.name`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Requirement>,
}

/// A taint that a pod bears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Toleration {
    /// The taint's key; empty for all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// Whether any value will do (`Exists`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exists: bool,
    /// The value, where it counts.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// The effect; empty for all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub effect: String,
}

/// Pods, and the domain within which they count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PodTerm {
    /// The label of nodes that makes the domains.
    pub topology_key: String,
    /// `matchLabels` of the selector.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub match_labels: Labels,
    /// `matchExpressions` of the selector.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<Requirement>,
    /// Namespaces instead of the pod's own; `*` for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
}

/// A pod as others see it.
#[derive(Debug, Clone, Copy)]
pub struct Neighbour<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its labels, and what it requires.
    pub scheduling: &'a Scheduling,
}

impl NodeTerm {
    fn holds(&self, name: &str, labels: &Labels) -> bool {
        let fields = Labels::from([("metadata.name".to_owned(), name.to_owned())]);
        let all = |requirements: &[Requirement], of: &Labels| requirements.iter().all(|one| one.is_met_by_node(of));
        // A term that asks for nothing matches nothing.
        !(self.labels.is_empty() && self.fields.is_empty()) && all(&self.labels, labels) && all(&self.fields, &fields)
    }
}

impl Toleration {
    /// Whether a pod with it may be where this taint is.
    pub fn bears(&self, key: &str, value: &str, effect: &str) -> bool {
        (self.effect.is_empty() || self.effect == effect)
            && (self.key == key || (self.key.is_empty() && self.exists))
            && (self.exists || self.value == value)
    }
}

impl PodTerm {
    fn selects(&self, own_namespace: &str, other: Neighbour<'_>) -> bool {
        let named = match self.namespaces.is_empty() {
            true => own_namespace == other.namespace,
            false => self.namespaces.iter().any(|one| one == "*" || one == other.namespace),
        };
        let labels = &other.scheduling.labels;
        let equal = |(name, value): (&String, &String)| labels.get(name) == Some(value);
        named && self.match_labels.iter().all(equal) && self.match_expressions.iter().all(|one| one.is_met(labels))
    }
}

impl Scheduling {
    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether its own requirements let it onto a node of this name with these labels and taints.
    pub fn lets_onto(&self, name: &str, labels: &Labels, taints: &[String]) -> bool {
        let equal = |(key, value): (&String, &String)| labels.get(key) == Some(value);
        let bears = |taint: &String| {
            let (key, effect) = taint.rsplit_once(':').unwrap_or((taint, ""));
            let (key, value) = key.split_once('=').unwrap_or((key, ""));
            // What is only to be avoided keeps nobody away.
            effect == "PreferNoSchedule" || self.tolerations.iter().any(|one| one.bears(key, value, effect))
        };
        self.node_selector.iter().all(equal)
            && (self.node_affinity.is_empty() || self.node_affinity.iter().any(|term| term.holds(name, labels)))
            && taints.iter().all(bears)
    }

    /// Labels of its node whose value it must find again where it moves: within such a domain nothing changes for what counts
    /// pods by it.
    pub fn keeps(&self) -> impl Iterator<Item = &str> {
        let terms = self.spread.iter().chain(&self.apart).chain(&self.beside);
        let keys = terms
            .map(|term| term.topology_key.as_str())
            .filter(|key| *key != HOSTNAME);
        keys.chain(self.claims.then_some(ZONE))
    }

    /// Whether it must stay where it is: beside pods of its node, by a budget, or by requirements that are not known here.
    pub fn stays(&self) -> bool {
        self.claims_devices || self.kept_by_budgets || self.beside.iter().any(|term| term.topology_key == HOSTNAME)
    }
}

impl Neighbour<'_> {
    /// Whether both may be on one node.
    pub fn bears(self, other: Neighbour<'_>) -> bool {
        let ports = &self.scheduling.host_ports;
        !ports.iter().any(|port| other.scheduling.host_ports.contains(port))
            && !self.keeps_away(other)
            && !other.keeps_away(self)
    }

    /// Whether another must not be on its node; of pods that are spread over nodes no two are put on one, which is stricter
    /// than most ask for.
    fn keeps_away(self, other: Neighbour<'_>) -> bool {
        let mut terms = self.scheduling.apart.iter().chain(&self.scheduling.spread);
        terms.any(|term| term.topology_key == HOSTNAME && term.selects(self.namespace, other))
    }
}

#[cfg(test)]
mod tests;
