//! How many pods there may be at a time, and how many GPUs their nodes have then.

use std::collections::BTreeSet;

use serde_json::Value;

use super::About;
use crate::model::scenario::Move;
use crate::patch::node_pools::CAPACITY;
use crate::patch::podspec::gpu_containers;

/// The nodes that a change needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nodes<'n> {
    pub(super) instance_type: &'n str,
    /// GPUs of one; `None` where the catalog does not tell.
    pub(super) gpus: Option<u32>,
    pub(super) spot: bool,
}

impl Nodes<'_> {
    pub(super) fn in_words(self) -> String {
        match self.spot {
            true => format!("{} as spot capacity", self.instance_type),
            false => self.instance_type.to_owned(),
        }
    }

    /// Whether a label tells of nodes what is another on these.
    pub(super) fn tells(self, key: &str) -> bool {
        match self.spot {
            true => key == CAPACITY,
            false => matches!(key, "nvidia.com/gpu.product" | "nvidia.com/gpu.memory"),
        }
    }
}

/// The most GPUs that nodes of a kind have while all of its pods are on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Most {
    pub(super) gpus: u64,
    /// What it is made of.
    pub(super) because: String,
}

/// As many nodes as its pods need, with those that a rollout adds, and one for a node that is replaced before it goes. `None` where
/// it cannot be told.
pub(super) fn most_gpus(about: About<'_>, nodes: Nodes<'_>) -> Option<Most> {
    let (of_node, per_pod, pods) = (nodes.gpus?, per_pod(about)?, most_pods(about)?);
    let fit = of_node / per_pod;
    if fit == 0 {
        return None;
    }
    let more = surge(about, pods);
    let count = (pods + more).div_ceil(fit) + 1;
    let rollout = match more {
        0 => String::new(),
        more => format!(", {more} more in a rollout"),
    };
    Some(Most {
        gpus: u64::from(count) * u64::from(of_node),
        because: format!("{pods} pods of {per_pod}{rollout}, and a node of {of_node} while one is replaced"),
    })
}

/// GPUs of its pods, where all are alike.
pub(super) fn per_pod(about: About<'_>) -> Option<u32> {
    let containers = gpu_containers(about.object);
    let pods: BTreeSet<_> = containers.iter().map(|one| &one.pod).collect();
    let whole = containers.iter().all(|one| one.resource == "nvidia.com/gpu");
    let of = |amounts: &[(_, u32)]| amounts.iter().map(|(_, amount)| *amount).max().unwrap_or(0);
    let sum: u32 = containers.iter().map(|one| of(&one.amounts)).sum();
    (pods.len() == 1 && whole && sum > 0).then_some(sum)
}

/// Its pods at most, whoever sets how many there are.
pub(super) fn most_pods(about: About<'_>) -> Option<u32> {
    let number = |path: &str| about.object.pointer(path).and_then(Value::as_u64);
    let parallel = |path: &str| u32::try_from(number(path).unwrap_or(1)).ok();
    match about.kind() {
        "Deployment" | "StatefulSet" | "ReplicaSet" | "Rollout" => {
            let planned = about.row.moves.iter().filter_map(|change| match change {
                Move::Autoscale { max, .. } => Some(*max),
                _ => None,
            });
            let scaler = about.live.autoscaler.as_ref().map(|own| own.max_replicas);
            let told = [about.live.replicas, about.written, scaler];
            told.into_iter().flatten().chain(planned).max()
        }
        "Job" => parallel("/spec/parallelism"),
        "CronJob" => parallel("/spec/jobTemplate/spec/parallelism"),
        _ => None,
    }
}

/// Pods that a rollout has beyond them.
pub(super) fn surge(about: About<'_>, pods: u32) -> u32 {
    surge_of(about.kind(), about.object, pods)
}

fn surge_of(kind: &str, object: &Value, pods: u32) -> u32 {
    let strategy = object.pointer("/spec/strategy");
    let field = |path: &str| strategy.and_then(|strategy| strategy.pointer(path));
    if !matches!(kind, "Deployment" | "Rollout") || field("/type") == Some(&Value::from("Recreate")) {
        return 0;
    }
    let percent = |percent: u32| pods.saturating_mul(percent).div_ceil(100);
    // Argo Rollouts: the new ones stand beside all of the old ones.
    if field("/blueGreen").is_some() {
        return pods;
    }
    match field("/rollingUpdate/maxSurge").or_else(|| field("/canary/maxSurge")) {
        Some(Value::String(share)) => {
            let share = share.strip_suffix('%').and_then(|share| share.parse().ok());
            percent(share.unwrap_or(25))
        }
        Some(count) => count.as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(0),
        None => percent(25),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rollout_adds_what_its_strategy_says_and_a_quarter_where_that_says_nothing() {
        let of = |kind: &str, strategy: Value| surge_of(kind, &json!({"spec": {"strategy": strategy}}), 10);
        assert_eq!(of("Deployment", Value::Null), 3);
        assert_eq!(of("Deployment", json!({"rollingUpdate": {"maxUnavailable": 1}})), 3);
        assert_eq!(of("Deployment", json!({"rollingUpdate": {"maxSurge": "50%"}})), 5);
        assert_eq!(of("Deployment", json!({"rollingUpdate": {"maxSurge": 0}})), 0);
        assert_eq!(of("Deployment", json!({"type": "Recreate"})), 0);
        assert_eq!(of("StatefulSet", Value::Null), 0);
        assert_eq!(of("Rollout", json!({"blueGreen": {"activeService": "a"}})), 10);
        assert_eq!(of("Rollout", json!({"canary": {"maxSurge": "100%"}})), 10);
        assert_eq!(of("Rollout", json!({"canary": {}})), 3);
    }
}
