//! A disruption budget for a service whose pods are packed onto fewer nodes as there come to be fewer of them.

use serde_json::json;

use super::{About, Wish};

/// Where an autoscaler changes how many replicas there are and Karpenter packs its nodes, several of them may be evicted at once: one
/// at a time may be away. A second budget would keep all of them from being evicted, so that there is none where anything selects
/// its pods already.
pub(super) fn while_packed(about: About<'_>, min: u32, wish: &mut Wish) {
    let kept = matches!(about.kind(), "Deployment" | "StatefulSet") && min >= 2 && about.live.unguarded;
    let selector = about
        .object
        .pointer("/spec/selector")
        .filter(|selector| selector.is_object());
    let Some(selector) = selector.filter(|_| kept && about.guarded_by.is_none()) else {
        return;
    };
    wish.new.push(json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": about.name, "namespace": about.namespace},
        "spec": {"maxUnavailable": 1, "selector": selector, "unhealthyPodEvictionPolicy": "AlwaysAllow"},
    }));
    wish.notes.push(
        "Karpenter packs its nodes, more often where replicas come and go, and no disruption budget is about its pods: with this one they are \
         evicted one at a time, and those that are not ready at any time"
            .to_owned(),
    );
}
