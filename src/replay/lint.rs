//! What an autoscaler that is taken gets wrong all the same, be it an HorizontalPodAutoscaler or a ScaledObject.

use super::given::Subject;
use super::hpa::manifest::{Metric, Source};
use super::keda::lint::{self, Finding, tells_devices, tells_pods};
use super::keda::triggers::Scaler;

/// Everything that is to be said of one.
pub fn findings(subject: &Subject) -> Vec<Finding> {
    let mut found = match subject {
        Subject::Hpa { manifest, .. } => {
            let metrics = manifest.metrics.iter().enumerate();
            metrics.filter_map(|(at, metric)| of_metric(at, metric)).collect()
        }
        Subject::Keda(object) => lint::findings(object),
    };
    match subject {
        Subject::Hpa { manifest, .. } => {
            let bounds = (manifest.autoscaler.min, manifest.autoscaler.max);
            if bounds.0 == 0 && manifest.metrics.iter().all(of_pods) {
                found.push(Finding {
                    code: "never-wakes",
                    field: "spec.metrics".to_owned(),
                    words: "at zero replicas every metric of it is gone, so nothing wakes it: add one of a queue in front of it (a gateway's), or keep one replica".to_owned(),
                });
            }
            same(bounds, ("spec.minReplicas", "spec.maxReplicas"), &mut found);
        }
        Subject::Keda(object) => {
            for (at, trigger) in object.triggers.iter().enumerate() {
                if matches!(trigger.scaler, Scaler::Pods) {
                    found.push(of_the_host(format!("spec.triggers[{at}]"), &trigger.kind));
                }
            }
            // The clock, and nought where it is idle, make a difference still.
            let changes = object.idle.is_some() || object.min == 0;
            if !changes {
                let fields = ("spec.minReplicaCount", "spec.maxReplicaCount");
                same((object.min, object.max), fields, &mut found);
            }
        }
    }
    found
}

impl Finding {
    /// Whether it makes the autoscaler do less, or other, than its owner meant, and not nothing.
    pub fn is_grave(&self) -> bool {
        !self.code.ends_with("-inert")
    }
}

fn of_metric(at: usize, metric: &Metric) -> Option<Finding> {
    let field = format!("spec.metrics[{at}]");
    let name = metric.name();
    match &metric.source {
        Source::Resource { .. } | Source::ContainerResource { .. } => Some(of_the_host(field, &name)),
        _ if tells_devices(&name) => Some(Finding {
            code: "gpu-utilization",
            words: format!(
                "{name} tells that a GPU was busy or held memory, not how much more load it could take: scale on requests that wait or run"
            ),
            field,
        }),
        _ => None,
    }
}

fn of_the_host(field: String, resource: &str) -> Finding {
    Finding {
        code: "not-its-load",
        field,
        words: format!(
            "{resource} of its pods' hosts hardly follows what its GPUs are asked: a batch that is full takes no more of it than one that is half full; scale on requests that wait or run"
        ),
    }
}

fn of_pods(metric: &Metric) -> bool {
    !metric.is_without_pods() || tells_pods(&metric.name())
}

fn same((min, max): (i32, i32), (least, most): (&str, &str), found: &mut Vec<Finding>) {
    if min == max {
        found.push(Finding {
            code: "never-scales",
            field: most.to_owned(),
            words: format!("it is {max}, and so is {least}: nothing is ever scaled; let them differ, or do without it"),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::{hpa, keda};
    use super::*;

    fn hpa(bounds: &str, metrics: &str) -> Vec<&'static str> {
        let text = format!(
            "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: a}}\nspec:\n  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: a}}\n  {bounds}\n  metrics: [{metrics}]\n"
        );
        codes(&Subject::hpa(hpa::manifest::read(&text, true).unwrap()))
    }

    fn keda(bounds: &str, trigger: &str) -> Vec<&'static str> {
        let text = format!(
            "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: a}}\nspec:\n  scaleTargetRef: {{name: a}}\n  {bounds}\n  triggers: [{trigger}]\n"
        );
        codes(&Subject::Keda(Box::new(keda::spec::read(&text).unwrap())))
    }

    fn codes(subject: &Subject) -> Vec<&'static str> {
        findings(subject).iter().map(|one| one.code).collect()
    }

    fn pods(name: &str) -> String {
        format!("{{type: Pods, pods: {{metric: {{name: '{name}'}}, target: {{type: AverageValue, averageValue: 5}}}}}}")
    }

    const CPU: &str = "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}";

    #[test]
    fn requests_that_run_need_no_advice() {
        assert_eq!(
            hpa("minReplicas: 1\n  maxReplicas: 4", &pods("vllm:num_requests_running")),
            [""; 0]
        );
    }

    #[test]
    fn what_says_nothing_of_more_load_is_told() {
        let some = "minReplicas: 1\n  maxReplicas: 4";
        for name in [
            "DCGM_FI_DEV_GPU_UTIL",
            "dcgm_fi_dev_gpu_util_avg",
            "gpu_utilization",
            "DCGM_FI_DEV_FB_USED",
        ] {
            assert_eq!(hpa(some, &pods(name)), ["gpu-utilization"], "{name}");
        }
        assert_eq!(hpa(some, &pods("vllm_gpu_cache_usage_perc")), [""; 0]);
        assert_eq!(hpa(some, CPU), ["not-its-load"]);
        let cpu = "{type: cpu, metricType: Utilization, metadata: {value: '60'}}";
        assert_eq!(keda("minReplicaCount: 1", cpu), ["not-its-load"]);
    }

    #[test]
    fn one_that_never_scales_or_never_wakes_is_told() {
        assert_eq!(
            hpa("minReplicas: 3\n  maxReplicas: 3", &pods("queue")),
            ["never-scales"]
        );
        let external = |name: &str| {
            let metric = format!(
                "{{type: External, external: {{metric: {{name: '{name}'}}, target: {{type: AverageValue, averageValue: 5}}}}}}"
            );
            hpa("minReplicas: 0\n  maxReplicas: 3", &metric)
        };
        assert_eq!(external("vllm_num_requests_waiting"), ["never-wakes"]);
        assert_eq!(external("gateway_queue"), [""; 0]);
        let queue =
            "{type: prometheus, metadata: {serverAddress: 'http://p', query: 'sum(gateway_queue)', threshold: '5'}}";
        assert_eq!(
            keda("minReplicaCount: 2\n  maxReplicaCount: 2", queue),
            ["never-scales"]
        );
        // From none to one is a change.
        assert_eq!(keda("minReplicaCount: 0\n  maxReplicaCount: 1", queue), [""; 0]);
        let idle = "minReplicaCount: 2\n  maxReplicaCount: 2\n  idleReplicaCount: 0";
        assert_eq!(keda(idle, queue), [""; 0]);
    }
}
