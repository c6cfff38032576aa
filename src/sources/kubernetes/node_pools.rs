//! Karpenter's NodePools: whether they move pods together, and remove what is empty.

use jiff::SignedDuration;
use serde::Deserialize;

use super::error::KubernetesError;
use super::list::{Need, Reader};
use super::served::{Kind, Served};
use crate::model::cluster::Node;
use crate::model::node_pool::{NodePool, Removes};

pub(super) const NODE_POOLS: Kind = Kind {
    group: "karpenter.sh",
    kind: "NodePool",
    plural: "nodepools",
};

const VERSIONS: [&str; 2] = ["v1", "v1beta1"];

#[derive(Deserialize)]
struct Object {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize)]
struct Meta {
    name: String,
}

#[derive(Deserialize, Default)]
struct Spec {
    #[serde(default)]
    disruption: Disruption,
    /// Of a pool of fixed size.
    #[serde(default)]
    replicas: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Disruption {
    consolidation_policy: Option<String>,
    consolidate_after: Option<String>,
    budgets: Vec<Budget>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Budget {
    nodes: String,
    reasons: Vec<String>,
    schedule: Option<String>,
}

/// The pools, where the cluster has Karpenter.
pub(super) async fn read(
    reader: &mut Reader<'_>,
    served: &Served,
    nodes: &[Node],
) -> Result<Vec<NodePool>, KubernetesError> {
    let made = |node: &Node| node.labels.contains_key("karpenter.sh/nodepool");
    // Without discovery, a refusal would look like a missing permission on a server that has nothing of the kind.
    if !served.has(NODE_POOLS.group).unwrap_or_else(|| nodes.iter().any(made)) {
        return Ok(Vec::new());
    }
    let unknown = "which nodes Karpenter empties by moving their pods";
    let versions = served.versions(NODE_POOLS, &VERSIONS);
    let mut pools: Vec<NodePool> = reader
        .list(&versions, Need::Useful, unknown, |object: Object| {
            Some(node_pool(&object))
        })
        .await?;
    pools.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(pools)
}

fn node_pool(object: &Object) -> NodePool {
    let Disruption {
        consolidation_policy,
        consolidate_after,
        budgets,
    } = &object.spec.disruption;
    let never = |reason: &str| budgets.iter().any(|budget| budget.forbids(reason));
    let is_fixed = object.spec.replicas.is_some() || consolidate_after.as_deref() == Some("Never");
    let removes = match consolidation_policy.as_deref() {
        _ if is_fixed || never("Empty") => Removes::Nothing,
        // `Balanced` moves pods where it thinks that worth their disruption, which cannot be foreseen.
        Some("WhenEmpty" | "Balanced") => Removes::Empty,
        _ if never("Underutilized") => Removes::Empty,
        None | Some("WhenEmptyOrUnderutilized" | "WhenUnderutilized") => Removes::Underutilized,
        Some(_) => Removes::Empty,
    };
    // One that is shut at some hours may be so at night.
    let is_shut = |budget: &Budget| budget.is_none() && budget.schedule.is_some();
    let after = match consolidate_after.as_deref() {
        None => Some(0.0),
        Some(after) => after
            .parse::<SignedDuration>()
            .ok()
            .map(|after| after.as_secs_f64() / 3_600.0),
    };
    NodePool {
        name: object.metadata.name.clone(),
        removes,
        after_hours: after.filter(|_| removes != Removes::Nothing && !budgets.iter().any(is_shut)),
    }
}

impl Budget {
    /// Whether it never lets a node go for this reason; one with a schedule does so at other times.
    fn forbids(&self, reason: &str) -> bool {
        let about = self.reasons.is_empty() || self.reasons.iter().any(|one| one == reason);
        self.is_none() && about && self.schedule.is_none()
    }

    fn is_none(&self) -> bool {
        matches!(self.nodes.as_str(), "0" | "0%")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn removes(spec: Value) -> Removes {
        let object = json!({"metadata": {"name": "gpu"}, "spec": spec});
        node_pool(&serde_json::from_value(object).unwrap()).removes
    }

    #[test]
    fn a_pool_removes_what_its_disruption_says() {
        let policy = |policy: &str| json!({"disruption": {"consolidationPolicy": policy, "consolidateAfter": "0s"}});
        assert_eq!(removes(policy("WhenEmptyOrUnderutilized")), Removes::Underutilized);
        assert_eq!(removes(policy("WhenUnderutilized")), Removes::Underutilized);
        assert_eq!(removes(policy("WhenEmpty")), Removes::Empty);
        assert_eq!(
            removes(policy("Balanced")),
            Removes::Empty,
            "nobody knows when it moves a pod"
        );
        assert_eq!(removes(policy("SomethingNew")), Removes::Empty);
        assert_eq!(removes(json!({})), Removes::Underutilized, "Karpenter's default");
        assert_eq!(
            removes(json!({"disruption": {"consolidateAfter": "Never"}})),
            Removes::Nothing
        );
        assert_eq!(removes(json!({"replicas": 3})), Removes::Nothing);
        let budget = |budget: Value| json!({"disruption": {"budgets": [{"nodes": "10%"}, budget]}});
        assert_eq!(removes(budget(json!({"nodes": "0"}))), Removes::Nothing);
        assert_eq!(
            removes(budget(json!({"nodes": "0%", "reasons": ["Empty"]}))),
            Removes::Nothing
        );
        assert_eq!(
            removes(budget(json!({"nodes": "0", "reasons": ["Underutilized"]}))),
            Removes::Empty
        );
        assert_eq!(
            removes(budget(json!({"nodes": "0", "reasons": ["Drifted"]}))),
            Removes::Underutilized
        );
        let by_day = json!({"nodes": "0", "schedule": "0 8 * * mon-fri", "duration": "10h"});
        assert_eq!(removes(budget(by_day)), Removes::Underutilized, "it does so by night");
    }

    #[test]
    fn a_node_goes_at_night_only_where_its_pool_lets_it_go_then() {
        let after = |disruption: Value| {
            let object = json!({"metadata": {"name": "gpu"}, "spec": {"disruption": disruption}});
            node_pool(&serde_json::from_value(object).unwrap()).after_hours
        };
        assert_eq!(after(json!({})), Some(0.0));
        assert_eq!(after(json!({"consolidateAfter": "90m"})), Some(1.5));
        assert_eq!(after(json!({"consolidateAfter": "1h30m"})), Some(1.5));
        assert_eq!(after(json!({"consolidateAfter": "Never"})), None);
        assert_eq!(after(json!({"consolidateAfter": "a while"})), None);
        let shut = json!({"nodes": "0", "schedule": "0 18 * * *", "duration": "14h"});
        assert_eq!(after(json!({"budgets": [shut]})), None, "it may be the night");
    }
}
