//! The autoscaler of a workload as the cluster holds it, run again over what its servers hold.

use serde_json::{Value, json};

use super::binding::{Bound, Known, Unbound, bind_by_name};
use super::machine::Machine;
use crate::model::workload::Autoscaler;
use crate::replay::fields::Faults;
use crate::replay::given::Subject;
use crate::replay::hpa::Flags;
use crate::replay::hpa::manifest::{self, Target};
use crate::replay::keda::spec;
use crate::replay::keda::triggers::Scaler;
use crate::replay::service::pool::Policy;
use crate::replay::service::ran::Ran;

/// What a workload's autoscaler is told to do.
///
/// # Errors
/// What of it cannot be run here; `None` where it was not read.
pub fn subject(autoscaler: &Autoscaler) -> Result<Subject, Option<Faults>> {
    let document = |version: &str, kind: &str, spec: &Value| {
        json!({
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": autoscaler.name},
            "spec": spec,
        })
    };
    if let Some(spec) = &autoscaler.scaled_object {
        let object = spec::of(&document("keda.sh/v1alpha1", "ScaledObject", spec)).map_err(Some)?;
        return Ok(Subject::Keda(Box::new(object)));
    }
    let spec = autoscaler.spec.as_ref().ok_or(None)?;
    // Where the gate is off the server has let no zero in.
    let document = document("autoscaling/v2", "HorizontalPodAutoscaler", spec);
    Ok(Subject::hpa(manifest::of(&document, true).map_err(Some)?))
}

/// An autoscaler whose metrics follow from what replicas hold.
#[derive(Debug, Clone)]
pub struct Again<'a> {
    subject: &'a Subject,
    bound: Vec<Bound>,
}

impl<'a> Again<'a> {
    /// With metrics of these names.
    ///
    /// # Errors
    /// The metrics that do not follow.
    pub fn of(subject: &'a Subject, known: &Known) -> Result<Self, Vec<Unbound>> {
        let bound = bind_by_name(subject, known)?;
        Ok(Self { subject, bound })
    }
}

impl Ran for Again<'_> {
    fn begun(&self, at: i64, replicas: u32) -> Box<dyn Policy + '_> {
        let flags = Flags {
            downscale_stabilization_seconds: 300,
            // No server lets in a minimum of zero where the gate is off.
            scale_to_zero: self.subject.fewest() == 0,
        };
        Box::new(Machine::over(self.subject, &self.bound, at, replicas).with(flags))
    }

    fn most(&self) -> u32 {
        u32::try_from(self.subject.most()).unwrap_or(0)
    }
}

/// What it looks at and how much of that it wants, one part for each metric.
pub fn in_words(subject: &Subject) -> Vec<String> {
    let target = |target: Target| match target {
        Target::Value(milli) => format!("{} in all", milli as f64 / 1_000.0),
        Target::AverageValue(milli) => format!("{} each", milli as f64 / 1_000.0),
        Target::Utilization(percent) => format!("{percent} % of requests"),
    };
    match subject {
        Subject::Hpa { manifest, .. } => {
            let metrics = manifest.metrics.iter();
            metrics
                .map(|metric| format!("{} at {}", metric.name(), target(metric.target)))
                .collect()
        }
        Subject::Keda(object) => {
            let of = |trigger: &crate::replay::keda::triggers::Trigger| match &trigger.scaler {
                Scaler::Cron(_) => "the clock".to_owned(),
                Scaler::Outside(outside) => {
                    let what = outside.query.as_ref().unwrap_or(&trigger.kind);
                    format!("{what} at {}", target(trigger.metric.target))
                }
                Scaler::Pods => format!("{} at {}", trigger.kind, target(trigger.metric.target)),
            };
            object.triggers.iter().map(of).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::replay::service::pool::{Holds, Seen};

    fn autoscaler(spec: Option<Value>, scaled_object: Option<Value>) -> Autoscaler {
        Autoscaler {
            name: "chat".to_owned(),
            min_replicas: 1,
            max_replicas: 9,
            spec,
            scaled_object,
        }
    }

    fn hpa(metric: &str) -> Autoscaler {
        autoscaler(
            Some(json!({
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chat"},
                "maxReplicas": 9,
                "metrics": [{"type": "Pods", "pods": {
                    "metric": {"name": metric},
                    "target": {"type": "AverageValue", "averageValue": "4"},
                }}],
            })),
            None,
        )
    }

    fn keda(query: &str) -> Autoscaler {
        autoscaler(
            Some(json!({"it": "is what KEDA made, and is not read"})),
            Some(json!({
                "scaleTargetRef": {"name": "chat"},
                "minReplicaCount": 1,
                "maxReplicaCount": 9,
                "triggers": [{"type": "prometheus", "metadata": {"serverAddress": "http://p", "query": query, "threshold": "4"}}],
            })),
        )
    }

    /// What it wants of two replicas that run so many.
    fn wanted(autoscaler: &Autoscaler, running: usize) -> u32 {
        let subject = subject(autoscaler).unwrap();
        let again = Again::of(&subject, &Known::of(&Catalog::shipped().unwrap())).unwrap();
        let mut policy = again.begun(1_800_000_000_000, 2);
        let mut last = policy.first();
        for at in 1..=4 {
            policy.told(&mut [Holds { running, waiting: 1 }; 2].into_iter());
            last = policy.wanted(&Seen {
                now: at * 15_000,
                wanted: last,
                there: 2,
                ready: 2,
                running: 2.0 * running as f64,
                waiting: 2.0,
                arrived: 0.0,
            });
        }
        last
    }

    #[test]
    fn it_runs_again_over_what_replicas_hold_whoever_made_it() {
        for (running, replicas) in [(4, 2), (7, 4), (30, 9)] {
            assert_eq!(
                wanted(&hpa("vllm:num_requests_running"), running),
                replicas,
                "{running}"
            );
            assert_eq!(
                wanted(&keda("sum(vllm:num_requests_running)"), running),
                replicas,
                "{running}"
            );
        }
        let subject = subject(&hpa("vllm_num_requests_running")).unwrap();
        assert_eq!(in_words(&subject), ["vllm_num_requests_running at 4 each"]);
    }

    #[test]
    fn what_cannot_be_run_says_why() {
        assert!(matches!(subject(&autoscaler(None, None)), Err(None)));
        let refused = subject(&autoscaler(Some(json!({"maxReplicas": 0})), None))
            .unwrap_err()
            .unwrap();
        assert!(refused.to_string().contains("spec.maxReplicas"), "{refused}");
        let known = Known::of(&Catalog::shipped().unwrap());
        let unbound = |autoscaler: &Autoscaler| Again::of(&subject(autoscaler).unwrap(), &known).unwrap_err();
        assert_eq!(
            unbound(&hpa("DCGM_FI_DEV_GPU_UTIL")),
            [Unbound::Name("DCGM_FI_DEV_GPU_UTIL".to_owned())]
        );
        let rate = keda("sum(rate(vllm:request_success_total[1m]))");
        assert!(
            matches!(&unbound(&rate)[..], [Unbound::Query(_, what)] if what == "the function `rate`"),
            "{:?}",
            unbound(&rate)
        );
        let cpu = autoscaler(
            Some(json!({
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chat"},
                "maxReplicas": 9,
            })),
            None,
        );
        assert_eq!(unbound(&cpu), [Unbound::OfPods("cpu".to_owned())]);
    }
}
