//! Kubernetes' own kinds, by the types of its API.

use std::collections::BTreeSet;

use k8s_openapi::api::{apps, autoscaling, batch, core, policy};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What the API does not know of an object; `None` for kinds that are not looked at.
pub(super) fn faults(object: &Value) -> Option<BTreeSet<String>> {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    let read = match (text("apiVersion"), text("kind")) {
        ("apps/v1", "Deployment") => read::<apps::v1::Deployment>(object),
        ("apps/v1", "StatefulSet") => read::<apps::v1::StatefulSet>(object),
        ("apps/v1", "DaemonSet") => read::<apps::v1::DaemonSet>(object),
        ("apps/v1", "ReplicaSet") => read::<apps::v1::ReplicaSet>(object),
        ("batch/v1", "Job") => read::<batch::v1::Job>(object),
        ("batch/v1", "CronJob") => read::<batch::v1::CronJob>(object),
        ("autoscaling/v2", "HorizontalPodAutoscaler") => read::<autoscaling::v2::HorizontalPodAutoscaler>(object),
        ("policy/v1", "PodDisruptionBudget") => read::<policy::v1::PodDisruptionBudget>(object),
        ("v1", "ReplicationController") => read::<core::v1::ReplicationController>(object),
        ("v1", "Pod") => read::<core::v1::Pod>(object),
        _ => return None,
    };
    Some(match read {
        Ok(kept) => {
            let mut lost = BTreeSet::new();
            unknown(object, &kept, "", &mut lost);
            lost
        }
        Err(why) => BTreeSet::from([why]),
    })
}

/// The object as its type has it: what the type does not know is gone.
fn read<T: DeserializeOwned + Serialize>(object: &Value) -> Result<Value, String> {
    let typed: T = serde_json::from_value(object.clone()).map_err(|why| why.to_string())?;
    serde_json::to_value(typed).map_err(|why| why.to_string())
}

fn unknown(written: &Value, kept: &Value, path: &str, lost: &mut BTreeSet<String>) {
    match (written, kept) {
        (Value::Object(fields), _) => {
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                let path = format!("{path}.{name}");
                match kept.get(name) {
                    Some(kept) => unknown(value, kept, &path, lost),
                    // An empty list may be left out.
                    None if value.as_array().is_some_and(Vec::is_empty) => {}
                    None => _ = lost.insert(format!("{} is no field of it", path.trim_start_matches('.'))),
                }
            }
        }
        (Value::Array(all), Value::Array(kept)) => {
            for (index, (value, kept)) in all.iter().zip(kept).enumerate() {
                unknown(value, kept, &format!("{path}[{index}]"), lost);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(spec: Value) -> BTreeSet<String> {
        faults(&json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec}))
            .unwrap()
    }

    #[test]
    fn what_the_api_does_not_know_is_found_and_all_else_is_not() {
        let good = json!({
            "replicas": 2, "selector": {"matchLabels": {"app": "a"}}, "strategy": null,
            "template": {"spec": {
                "containers": [{
                    "name": "a", "args": [], "env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 80, "protocol": "TCP"}],
                    "resources": {"limits": {"nvidia.com/gpu": "1", "memory": "8Gi", "cpu": 2}},
                }],
                "tolerations": [{"operator": "Exists"}],
                "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 100, "preference": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}},
                ]}},
            }},
        });
        assert_eq!(of(good.clone()), BTreeSet::new());
        let mut odd = good.clone();
        odd["template"]["spec"]["affinity"]["nodeaffinity"] = json!({});
        odd["template"]["spec"]["containers"][0]["arguments"] = json!(["a"]);
        assert_eq!(
            of(odd).into_iter().collect::<Vec<_>>(),
            [
                "spec.template.spec.affinity.nodeaffinity is no field of it",
                "spec.template.spec.containers[0].arguments is no field of it"
            ]
        );
        let mut text = good;
        text["replicas"] = json!("two");
        assert_eq!(of(text).len(), 1);
        assert_eq!(
            faults(&json!({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject"})),
            None
        );
    }
}
