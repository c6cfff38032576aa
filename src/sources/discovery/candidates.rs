//! Which services of a cluster may be a Prometheus or a cost source, by the names and labels that their charts and
//! operators give.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Service as Object, ServicePort};

use crate::sources::transport::Service;

/// A kind of server, as its charts install it.
struct Kin {
    /// Names of the service; `*` at either end stands for anything.
    names: &'static [&'static str],
    /// Values of `app.kubernetes.io/name` or `app`.
    apps: &'static [&'static str],
    /// Ports that speak the API, best first, by name or number.
    ports: &'static [&'static str],
    /// What stands before the API's paths.
    path: &'static str,
}

/// Sources: the charts kube-prometheus-stack, prometheus, thanos (Bitnami), victoria-metrics-single, -cluster and
/// -k8s-stack, mimir-distributed; the operators of Prometheus and VictoriaMetrics.
const METRICS: [Kin; 6] = [
    Kin {
        names: &[
            "prometheus-operated",
            "prometheus-server",
            "prometheus-k8s",
            "prometheus",
            "*-prometheus",
        ],
        apps: &["prometheus", "kube-prometheus-stack-prometheus"],
        ports: &["http-web", "web", "https-web", "http", "9090", "80"],
        path: "",
    },
    Kin {
        names: &[
            "thanos-query",
            "thanos-query-frontend",
            "*-thanos-query",
            "*-thanos-query-frontend",
        ],
        apps: &["thanos-query", "thanos-query-frontend"],
        ports: &["http", "http-query", "9090", "10902"],
        path: "",
    },
    Kin {
        names: &["vmsingle-*", "*victoria-metrics-single-server"],
        apps: &["vmsingle", "victoria-metrics-single"],
        ports: &["http", "8428", "8429"],
        path: "",
    },
    Kin {
        names: &["vmselect-*", "*-vmselect"],
        apps: &["vmselect"],
        ports: &["http", "8481"],
        path: "/select/0/prometheus",
    },
    Kin {
        names: &["mimir-query-frontend", "*-mimir-query-frontend"],
        apps: &[],
        ports: &["http-metrics", "8080"],
        path: "/prometheus",
    },
    Kin {
        names: &["mimir-gateway", "mimir-nginx", "*-mimir-gateway", "*-mimir-nginx"],
        apps: &[],
        ports: &["http-metrics", "http-metric", "http", "80"],
        path: "/prometheus",
    },
];

/// Sources: the charts opencost, cost-analyzer (Kubecost 2) and kubecost (3).
const COSTS: [Kin; 3] = [
    Kin {
        names: &["opencost", "*-opencost"],
        apps: &["opencost"],
        ports: &["http", "9003"],
        path: "",
    },
    Kin {
        names: &["kubecost-cost-analyzer", "*-cost-analyzer"],
        apps: &["cost-analyzer"],
        ports: &["tcp-frontend", "9090"],
        path: "",
    },
    Kin {
        names: &["kubecost-frontend", "kubecost-*-frontend"],
        apps: &[],
        ports: &["tcp-frontend", "http", "9090"],
        path: "",
    },
];

/// Services that may be a Prometheus or one of its cousins.
pub(super) fn metrics(services: &[Object]) -> Vec<Service> {
    among(services, &METRICS)
}

/// Services that may be OpenCost or Kubecost.
pub(super) fn costs(services: &[Object]) -> Vec<Service> {
    among(services, &COSTS)
}

/// One service for each server, in the order of their names.
fn among(services: &[Object], kins: &[Kin]) -> Vec<Service> {
    let found: Vec<(Service, &BTreeMap<String, String>)> = services
        .iter()
        .filter_map(|object| {
            let selector = object.spec.as_ref()?.selector.as_ref()?;
            let kin = kins.iter().find(|kin| kin.is_of(object))?;
            Some((kin.service(object)?, selector))
        })
        .collect();
    let mut kept: Vec<Service> = found
        .iter()
        .enumerate()
        .filter(|(index, (service, selector))| {
            // `prometheus-operated` selects the pods of every Prometheus in its namespace; each has one of its own, too.
            let is_covered = |(other, (by, narrower)): (usize, &(Service, &BTreeMap<String, String>))| {
                let selects_less =
                    narrower.len() > selector.len() || (narrower.len() == selector.len() && other < *index);
                by.namespace == service.namespace && selects_less && is_within(selector, narrower)
            };
            !found.iter().enumerate().any(is_covered)
        })
        .map(|(_, (service, _))| service.clone())
        .collect();
    kept.sort();
    kept
}

/// Whether whoever has the labels of `narrower` has those of `selector`.
fn is_within(selector: &BTreeMap<String, String>, narrower: &BTreeMap<String, String>) -> bool {
    selector.iter().all(|(name, value)| narrower.get(name) == Some(value))
}

impl Kin {
    fn is_of(&self, object: &Object) -> bool {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        let label = |name: &str| object.metadata.labels.as_ref()?.get(name).map(String::as_str);
        let app = label("app.kubernetes.io/name")
            .or_else(|| label("app"))
            .unwrap_or_default();
        self.names.iter().any(|pattern| matches(pattern, name)) || self.apps.contains(&app)
    }

    fn service(&self, object: &Object) -> Option<Service> {
        let ports = object.spec.as_ref()?.ports.as_ref()?;
        let is =
            |port: &ServicePort, wanted: &str| port.name.as_deref() == Some(wanted) || port.port.to_string() == wanted;
        let port = self
            .ports
            .iter()
            .find_map(|wanted| ports.iter().find(|port| is(port, wanted)))?;
        let named_https = port.name.as_deref().is_some_and(|name| name.starts_with("https"));
        Some(Service {
            namespace: object.metadata.namespace.clone()?,
            name: object.metadata.name.clone()?,
            port: port.port.to_string(),
            https: named_https || port.app_protocol.as_deref() == Some("https") || port.port == 443,
            path: self.path.to_owned(),
        })
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => match pattern.split_once('*') {
            Some((start, end)) => name.starts_with(start) && name.ends_with(end),
            None => name == pattern,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn service(namespace: &str, name: &str, labels: &Value, selector: &Value, ports: &Value) -> Object {
        let object = json!({
            "metadata": {"namespace": namespace, "name": name, "labels": labels},
            "spec": {"selector": selector, "ports": ports},
        });
        serde_json::from_value(object).unwrap()
    }

    fn shown(services: &[Service]) -> Vec<String> {
        services.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_stack_and_its_operators_service_are_one_server() {
        let ports = json!([{"name": "http-web", "port": 9090}, {"name": "reloader-web", "port": 8080}]);
        let all = json!({"app.kubernetes.io/name": "prometheus"});
        let one = json!({"app.kubernetes.io/name": "prometheus", "operator.prometheus.io/name": "kps"});
        let services = [
            service(
                "monitoring",
                "prometheus-operated",
                &json!({"operated-prometheus": "true"}),
                &all,
                &ports,
            ),
            service(
                "monitoring",
                "kps-kube-prometheus-stack-prometheus",
                &json!({}),
                &one,
                &ports,
            ),
            service(
                "monitoring",
                "alertmanager-operated",
                &json!({}),
                &json!({"app": "a"}),
                &ports,
            ),
            service(
                "other",
                "prometheus-server",
                &json!({}),
                &json!({"app": "p"}),
                &json!([{"name": "http", "port": 80}]),
            ),
        ];
        assert_eq!(
            shown(&metrics(&services)),
            [
                "svc:monitoring/kps-kube-prometheus-stack-prometheus:9090",
                "svc:other/prometheus-server:80"
            ]
        );
        assert!(costs(&services).is_empty());
    }

    #[test]
    fn each_chart_is_known_by_its_port_and_path() {
        let of = |name: &str, app: &str, port: &Value| {
            let labels = json!({"app.kubernetes.io/name": app});
            let object = [service("ns", name, &labels, &json!({"app": name}), &json!([port]))];
            shown(&[metrics(&object), costs(&object)].concat())
        };
        let port = |name: &str, port: u16| json!({"name": name, "port": port});
        for (found, expected) in [
            (
                of("thanos-query-frontend", "", &port("http", 9090)),
                "svc:ns/thanos-query-frontend:9090",
            ),
            (
                of("vmsingle-vm", "vmsingle", &port("http", 8428)),
                "svc:ns/vmsingle-vm:8428",
            ),
            (
                of("vmselect-vm", "", &port("http", 8481)),
                "svc:ns/vmselect-vm:8481/select/0/prometheus",
            ),
            (
                of("mimir-gateway", "mimir", &port("http-metrics", 80)),
                "svc:ns/mimir-gateway:80/prometheus",
            ),
            (of("opencost", "opencost", &port("http", 9003)), "svc:ns/opencost:9003"),
            (
                of("kubecost-cost-analyzer", "cost-analyzer", &port("tcp-frontend", 9090)),
                "svc:ns/kubecost-cost-analyzer:9090",
            ),
            (
                of("kubecost-frontend", "kubecost", &port("tcp-frontend", 9090)),
                "svc:ns/kubecost-frontend:9090",
            ),
            (
                of("prom", "prometheus", &port("https-web", 9091)),
                "svc:ns/https:prom:9091",
            ),
        ] {
            assert_eq!(found, [expected]);
        }
        assert!(
            of(
                "prometheus-node-exporter",
                "prometheus-node-exporter",
                &port("http", 9100)
            )
            .is_empty()
        );
    }
}
