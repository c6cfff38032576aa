//! ScaledObjects of KEDA, as new objects.

use serde_json::{Map, Value, json};

use super::About;

/// A ScaledObject on a workload.
pub(super) struct ScaledObject {
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) triggers: Vec<Value>,
    /// Seconds without activity after which the last replica goes; `None` where one always stays.
    pub(super) cooldown: Option<u32>,
    /// Seconds for which the largest recommendation holds.
    pub(super) window: Option<u32>,
    /// Replicas while a trigger cannot be asked; `None` where none of them can fail.
    pub(super) fallback: Option<u32>,
}

impl ScaledObject {
    pub(super) fn on(self, about: About<'_>) -> Value {
        let mut spec = Map::new();
        let mut put = |name: &str, value: Value| spec.insert(name.to_owned(), value);
        put(
            "scaleTargetRef",
            json!({"apiVersion": about.api_version(), "kind": about.kind(), "name": about.name}),
        );
        put("minReplicaCount", json!(self.min));
        put("maxReplicaCount", json!(self.max));
        if let Some(seconds) = self.cooldown {
            put("cooldownPeriod", json!(seconds));
        }
        if let Some(replicas) = self.fallback {
            // Three looks without an answer are no hiccup any more.
            put("fallback", json!({"failureThreshold": 3, "replicas": replicas}));
        }
        if let Some(seconds) = self.window {
            let behavior = json!({"scaleDown": {"stabilizationWindowSeconds": seconds}});
            put(
                "advanced",
                json!({"horizontalPodAutoscalerConfig": {"behavior": behavior}}),
            );
        }
        put("triggers", Value::Array(self.triggers));
        json!({
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": {"name": about.name, "namespace": about.namespace},
            "spec": spec,
        })
    }
}

/// A trigger on a query, of whose value each replica is to have so much. Values are text, as KEDA reads them.
pub(super) fn prometheus(server: &str, query: &str, threshold: f64) -> Value {
    json!({
        "type": "prometheus",
        "metricType": "AverageValue",
        "metadata": {
            "serverAddress": server,
            "query": query,
            "threshold": threshold.to_string(),
            // KEDA's default takes a series that is gone for zero requests, and the replicas with it.
            "ignoreNullValues": "false",
        },
    })
}
