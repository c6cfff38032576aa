//! The queries to kube-state-metrics, in the dialect in which this Prometheus scrapes it.

use super::decode::SeriesRow;
use super::matcher::Matchers;
use super::starts::OF;

/// Resources that are GPUs or parts of GPUs, as kube-state-metrics writes them. Other resources of the same vendor are
/// network devices and shares of memory.
pub(super) const GPU_RESOURCES: &str =
    r#"resource=~"nvidia_com_(gpu|gpu_shared|mig_.+)|amd_com_gpu|gpu_intel_com_(i915|xe)|habana_ai_gaudi""#;

const RUNNING: &str = r#"phase="Running""#;

/// Requests for GPUs, as far as `own` matches them.
pub(super) fn gpu_requests(within: &Matchers, own: &str) -> String {
    within.selector("kube_pod_container_resource_requests", &[GPU_RESOURCES, own])
}

fn running_phase(within: &Matchers, own: &str) -> String {
    within.selector("kube_pod_status_phase", &[RUNNING, own])
}

/// Which labels of kube-state-metrics gave way to the scrape target's own: without `honorLabels`, `pod` is the pod of
/// kube-state-metrics and `exported_pod` the one that is told of. Each label gives way by itself, as the target has some
/// and not others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Dialect {
    exported_namespace: bool,
    exported_pod: bool,
    exported_container: bool,
    exported_node: bool,
}

impl Dialect {
    /// One query that counts what is there, and which labels gave way; its rows are told apart by `found`.
    pub(super) fn probe(within: &Matchers) -> String {
        let counts = [
            ("pods", running_phase(within, "")),
            ("namespace", running_phase(within, r#"exported_namespace!="""#)),
            ("pod", running_phase(within, r#"exported_pod!="""#)),
            ("requests", gpu_requests(within, "")),
            ("container", gpu_requests(within, r#"exported_container!="""#)),
            ("node", gpu_requests(within, r#"exported_node!="""#)),
        ];
        let part =
            |(found, what): (&str, String)| format!(r#"label_replace(count({what}), "found", "{found}", "", "")"#);
        counts.map(part).join(" or ")
    }

    /// The dialect that most series speak; `None` where there is no kube-state-metrics.
    pub(super) fn found(rows: &[SeriesRow]) -> Option<Self> {
        let most = |found: &str| {
            let named = rows
                .iter()
                .filter(|row| row.labels.get("found").is_some_and(|f| f == found));
            named
                .flat_map(|row| &row.samples)
                .map(|(_, count)| *count)
                .fold(0.0, f64::max)
        };
        let (pods, requests) = (most("pods"), most("requests"));
        (pods > 0.0).then(|| Self {
            exported_namespace: most("namespace") * 2.0 > pods,
            exported_pod: most("pod") * 2.0 > pods,
            exported_container: most("container") * 2.0 > requests,
            exported_node: most("node") * 2.0 > requests,
        })
    }

    pub(super) fn namespace(self) -> &'static str {
        if self.exported_namespace {
            "exported_namespace"
        } else {
            "namespace"
        }
    }

    pub(super) fn pod(self) -> &'static str {
        if self.exported_pod { "exported_pod" } else { "pod" }
    }

    pub(super) fn node(self) -> &'static str {
        if self.exported_node { "exported_node" } else { "node" }
    }

    fn container(self) -> &'static str {
        if self.exported_container {
            "exported_container"
        } else {
            "container"
        }
    }

    /// GPUs requested by pods that ran within the last `step` seconds. The request outlives the run: a pod that is done
    /// keeps it until it is deleted, so the phase decides. The inner maximum folds replicas of the scraper.
    pub(super) fn running(self, step: u32, within: &Matchers) -> String {
        let (namespace, pod, node, container) = (self.namespace(), self.pod(), self.node(), self.container());
        let by = format!("{namespace}, {pod}, uid, {node}, resource");
        let (requests, phase) = (gpu_requests(within, ""), running_phase(within, ""));
        format!(
            "(sum by ({by}) (max by ({by}, {container}) (max_over_time({requests}[{step}s]))) > 0) \
             and on ({namespace}, {pod}) \
             (max by ({namespace}, {pod}) (max_over_time({phase}[{step}s])) == 1)"
        )
    }

    /// When pods that request GPUs were made and first ready, as far as that was told within the last `step` seconds.
    pub(super) fn starts(self, step: u32, within: &Matchers) -> String {
        let (namespace, pod) = (self.namespace(), self.pod());
        let requests = gpu_requests(within, "");
        let part = |(of, metric): (&str, &str)| {
            let times = within.selector(metric, &[]);
            format!(
                "label_replace(min by ({namespace}, {pod}, uid) (min_over_time({times}[{step}s])) \
                 and on ({namespace}, {pod}) max_over_time({requests}[{step}s]), \"{OF}\", \"{of}\", \"\", \"\")"
            )
        };
        [("created", "kube_pod_created"), ("ready", "kube_pod_status_ready_time")]
            .map(part)
            .join(" or ")
    }

    /// Owners of pods that request GPUs, within the last `step` seconds.
    pub(super) fn pod_owners(self, step: u32, own: &str, within: &Matchers) -> String {
        let (namespace, pod) = (self.namespace(), self.pod());
        let owners = self.owners_of_gpu_pods(step, own, within);
        format!("max by ({namespace}, {pod}, uid, owner_kind, owner_name) ({owners})")
    }

    /// Owners of the `kind`s that own GPU pods: `metric` names them by `label`.
    pub(super) fn owner_owners(self, step: u32, owned: Owned, within: &Matchers) -> String {
        let namespace = self.namespace();
        let (metric, label, kind) = (owned.metric(), owned.label(), owned.kind());
        let owned_by = within.selector(metric, &[]);
        let owners = self.owners_of_gpu_pods(step, &format!(r#"owner_kind="{kind}""#), within);
        format!(
            "max by ({namespace}, {label}, owner_kind, owner_name) (last_over_time({owned_by}[{step}s])) \
             and on ({namespace}, {label}) \
             label_replace(max by ({namespace}, owner_name) ({owners}), \"{label}\", \"$1\", \"owner_name\", \"(.+)\")"
        )
    }

    fn owners_of_gpu_pods(self, step: u32, own: &str, within: &Matchers) -> String {
        let (namespace, pod) = (self.namespace(), self.pod());
        let (owners, requests) = (within.selector("kube_pod_owner", &[own]), gpu_requests(within, ""));
        format!(
            "last_over_time({owners}[{step}s]) and on ({namespace}, {pod}) \
             max_over_time({requests}[{step}s])"
        )
    }
}

/// What owns pods and is itself owned, as far as kube-state-metrics tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owned {
    ReplicaSet,
    Job,
}

impl Owned {
    pub(super) const ALL: [Self; 2] = [Self::ReplicaSet, Self::Job];

    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::ReplicaSet => "ReplicaSet",
            Self::Job => "Job",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::ReplicaSet => "replicaset",
            Self::Job => "job_name",
        }
    }

    fn metric(self) -> &'static str {
        match self {
            Self::ReplicaSet => "kube_replicaset_owner",
            Self::Job => "kube_job_owner",
        }
    }
}

/// The Kubernetes name of a resource that kube-state-metrics wrote with underscores: `nvidia.com/gpu.shared` of
/// `nvidia_com_gpu_shared`, `nvidia.com/mig-1g.10gb` of `nvidia_com_mig_1g_10gb`.
pub(super) fn resource_name(written: &str) -> Option<String> {
    let others = [
        "amd.com/gpu",
        "gpu.intel.com/i915",
        "gpu.intel.com/xe",
        "habana.ai/gaudi",
    ];
    if let Some(name) = others.into_iter().find(|name| name.replace(['.', '/'], "_") == written) {
        return Some(name.to_owned());
    }
    let device = written.strip_prefix("nvidia_com_")?;
    Some(match device.strip_prefix("mig_") {
        Some(profile) => format!("nvidia.com/mig-{}", profile.replace('_', ".")),
        None => format!("nvidia.com/{}", device.replace('_', ".")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(found: &str, count: f64) -> SeriesRow {
        SeriesRow {
            labels: [("found".to_owned(), found.to_owned())].into(),
            samples: vec![(0.0, count)],
            ..SeriesRow::default()
        }
    }

    #[test]
    fn every_query_parses_in_every_dialect() {
        let exported = Dialect {
            exported_namespace: true,
            exported_pod: true,
            exported_container: true,
            exported_node: true,
        };
        let none = Matchers::default();
        for dialect in [Dialect::default(), exported] {
            let mut queries = vec![
                Dialect::probe(&none),
                dialect.running(300, &none),
                dialect.pod_owners(3600, "", &none),
                dialect.pod_owners(3600, r#"owner_is_controller="true""#, &none),
            ];
            queries.extend(Owned::ALL.map(|owned| dialect.owner_owners(3600, owned, &none)));
            for query in queries {
                let parsed = promql_parser::parser::parse(&query);
                assert!(parsed.is_ok(), "{query}: {parsed:?}");
            }
        }
    }

    #[test]
    fn each_label_gives_way_by_itself() {
        let rows = [
            row("pods", 900.0),
            row("namespace", 890.0),
            row("requests", 8.0),
            row("container", 2.0),
        ];
        let dialect = Dialect::found(&rows).unwrap();
        assert_eq!((dialect.namespace(), dialect.pod()), ("exported_namespace", "pod"));
        assert_eq!((dialect.container(), dialect.node()), ("container", "node"));
        assert_eq!(Dialect::found(&[]), None);
    }

    #[test]
    fn resources_have_their_kubernetes_names() {
        let name = |written| resource_name(written).unwrap();
        assert_eq!(name("nvidia_com_gpu"), "nvidia.com/gpu");
        assert_eq!(name("nvidia_com_gpu_shared"), "nvidia.com/gpu.shared");
        assert_eq!(name("nvidia_com_mig_1g_10gb"), "nvidia.com/mig-1g.10gb");
        assert_eq!(name("nvidia_com_mig_1g_10gb_me"), "nvidia.com/mig-1g.10gb.me");
        assert_eq!(name("nvidia_com_mig_1g_5gb_shared"), "nvidia.com/mig-1g.5gb.shared");
        assert_eq!(name("amd_com_gpu"), "amd.com/gpu");
        assert_eq!(name("gpu_intel_com_i915"), "gpu.intel.com/i915");
        assert_eq!(resource_name("cpu"), None);
    }
}
