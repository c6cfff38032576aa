//! What a pod's spec requires of where it runs.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::model::budget::Requirement;
use crate::model::scheduling::{NodeTerm, PodTerm, Scheduling, Toleration};

/// Everything but its node selector, which stands beside it.
pub(super) fn of(spec: &core::PodSpec) -> Scheduling {
    let affinity = spec.affinity.as_ref();
    let node = affinity.and_then(|all| {
        let required = &all
            .node_affinity
            .as_ref()?
            .required_during_scheduling_ignored_during_execution;
        Some(required.as_ref()?.node_selector_terms.as_slice())
    });
    let apart = affinity.and_then(|all| {
        let required = &all
            .pod_anti_affinity
            .as_ref()?
            .required_during_scheduling_ignored_during_execution;
        required.as_deref()
    });
    let beside = affinity.and_then(|all| {
        let required = &all
            .pod_affinity
            .as_ref()?
            .required_during_scheduling_ignored_during_execution;
        required.as_deref()
    });
    let spread = spec.topology_spread_constraints.iter().flatten();
    let spread = spread.filter(|one| one.when_unsatisfiable == "DoNotSchedule");
    let terms = |terms: Option<&[core::PodAffinityTerm]>| -> Vec<PodTerm> {
        terms.into_iter().flatten().filter_map(affinity_term).collect()
    };
    Scheduling {
        node_affinity: node.into_iter().flatten().map(node_term).collect(),
        tolerations: spec.tolerations.iter().flatten().map(toleration).collect(),
        spread: spread
            .filter_map(|one| pod_term(one.label_selector.as_ref(), &one.topology_key, Vec::new()))
            .collect(),
        apart: terms(apart),
        beside: terms(beside),
        host_ports: host_ports(spec),
        claims: claims(spec),
        ..Scheduling::default()
    }
}

fn requirement(key: &str, operator: &str, values: Option<&Vec<String>>) -> Requirement {
    Requirement {
        key: key.to_owned(),
        operator: operator.to_owned(),
        values: values.cloned().unwrap_or_default(),
    }
}

fn node_term(term: &core::NodeSelectorTerm) -> NodeTerm {
    let of = |all: &Option<Vec<core::NodeSelectorRequirement>>| {
        let all = all.iter().flatten();
        all.map(|one| requirement(&one.key, &one.operator, one.values.as_ref()))
            .collect()
    };
    NodeTerm {
        labels: of(&term.match_expressions),
        fields: of(&term.match_fields),
    }
}

fn toleration(one: &core::Toleration) -> Toleration {
    Toleration {
        key: one.key.clone().unwrap_or_default(),
        exists: one.operator.as_deref() == Some("Exists"),
        value: one.value.clone().unwrap_or_default(),
        effect: one.effect.clone().unwrap_or_default(),
    }
}

fn affinity_term(term: &core::PodAffinityTerm) -> Option<PodTerm> {
    // Which namespaces their labels select is not asked: it may be any.
    let namespaces = match &term.namespace_selector {
        Some(_) => vec!["*".to_owned()],
        None => term.namespaces.clone().unwrap_or_default(),
    };
    pod_term(term.label_selector.as_ref(), &term.topology_key, namespaces)
}

/// A term without selector is about no pod. `matchLabelKeys` make it about fewer pods, and are left out.
fn pod_term(selector: Option<&LabelSelector>, key: &str, namespaces: Vec<String>) -> Option<PodTerm> {
    let selector = selector?;
    let expressions = selector.match_expressions.iter().flatten();
    Some(PodTerm {
        topology_key: key.to_owned(),
        match_labels: selector.match_labels.clone().unwrap_or_default(),
        match_expressions: expressions
            .map(|one| requirement(&one.key, &one.operator, one.values.as_ref()))
            .collect(),
        namespaces,
    })
}

/// On the host's network every port of a container is one of the host's.
fn host_ports(spec: &core::PodSpec) -> Vec<u16> {
    let on_host = spec.host_network == Some(true);
    let ports = spec
        .containers
        .iter()
        .flat_map(|container| container.ports.iter().flatten());
    let taken = ports.filter_map(|port| port.host_port.or_else(|| on_host.then_some(port.container_port)));
    let mut taken: Vec<u16> = taken.filter_map(|port| u16::try_from(port).ok()).collect();
    taken.sort_unstable();
    taken.dedup();
    taken.retain(|port| *port > 0);
    taken
}

fn claims(spec: &core::PodSpec) -> bool {
    let mut volumes = spec.volumes.iter().flatten();
    volumes.any(|volume| volume.persistent_volume_claim.is_some() || volume.ephemeral.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_required_is_kept_and_what_is_preferred_is_not() {
        let selector =
            json!({"matchLabels": {"app": "chat"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]});
        let term = |key: &str| json!({"topologyKey": key, "labelSelector": selector});
        let spec = json!({
            "containers": [
                {"name": "main", "ports": [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 9000}]},
            ],
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{
                        "matchExpressions": [{"key": "gpu", "operator": "In", "values": ["l4", "l40s"]}],
                        "matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["bad"]}],
                    }]},
                    "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": {}}],
                },
                "podAntiAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        term("kubernetes.io/hostname"),
                        {"topologyKey": "zone", "labelSelector": selector, "namespaceSelector": {}},
                        {"topologyKey": "zone"},
                    ],
                    "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term("zone")}],
                },
                "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                    {"topologyKey": "zone", "labelSelector": {}, "namespaces": ["caches"]},
                ]},
            },
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector},
                {"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector},
            ],
            "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}, {"key": "team", "value": "a"}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "weights"}}],
        });
        let read = of(&serde_json::from_value(spec).unwrap());
        let [node] = &read.node_affinity[..] else {
            panic!("{read:?}")
        };
        assert_eq!(
            (node.labels[0].values.len(), node.fields[0].operator.as_str()),
            (2, "NotIn")
        );
        let keys = |terms: &[PodTerm]| -> Vec<String> { terms.iter().map(|term| term.topology_key.clone()).collect() };
        assert_eq!(
            keys(&read.apart),
            ["kubernetes.io/hostname", "zone"],
            "a term without selector is about no pod"
        );
        assert_eq!(
            (read.apart[0].namespaces.len(), read.apart[1].namespaces.as_slice()),
            (0, &["*".to_owned()][..])
        );
        assert_eq!(read.apart[0].match_expressions[0].operator, "Exists");
        assert_eq!(
            (keys(&read.beside), read.beside[0].namespaces.as_slice()),
            (vec!["zone".to_owned()], &["caches".to_owned()][..])
        );
        assert_eq!(keys(&read.spread), ["zone"]);
        assert!(read.tolerations[0].exists && read.tolerations[1].value == "a" && !read.tolerations[1].exists);
        assert_eq!((read.host_ports.as_slice(), read.claims), (&[8080][..], true));
    }

    #[test]
    fn on_the_hosts_network_every_port_is_the_hosts() {
        let spec = json!({"hostNetwork": true, "containers": [{"name": "main", "ports": [{"containerPort": 80}]}]});
        assert_eq!(of(&serde_json::from_value(spec).unwrap()).host_ports, [80]);
        let plain = json!({"containers": [{"name": "main", "ports": [{"containerPort": 80}]}]});
        assert!(of(&serde_json::from_value(plain).unwrap()).is_empty());
    }
}
