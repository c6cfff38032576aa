//! The autoscaler that KEDA makes of a ScaledObject.

use super::spec::ScaledObject;
use crate::replay::hpa::Autoscaler;
use crate::replay::hpa::manifest::{Identifier, Manifest, Metric, Source, Target, tolerance};

/// What the value of a formula is called.
const COMPOSITE: &str = "composite-metric";

/// Where a metric of that autoscaler comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// A trigger's value.
    Trigger(usize),
    /// The pods; the trigger that asks for it.
    Pods(usize),
    /// The formula's value.
    Formula,
}

impl ScaledObject {
    /// The autoscaler that KEDA makes of it.
    pub fn autoscaler(&self) -> Manifest {
        let metrics: Vec<Metric> = self.metrics().into_iter().map(|(metric, _)| metric).collect();
        Manifest {
            name: format!("keda-hpa-{}", self.name),
            namespace: self.namespace.clone(),
            target: self.target.clone(),
            autoscaler: Autoscaler {
                min: self.min.max(1),
                max: self.max,
                behavior: self.behavior.clone(),
                tolerance: tolerance(self.behavior.as_ref()),
                has_metric_without_pods: metrics.iter().any(Metric::is_without_pods),
            },
            metrics,
        }
    }

    /// Its metrics, sorted by type. With a formula only what whole pods use stays beside its value.
    pub(super) fn metrics(&self) -> Vec<(Metric, From)> {
        let order = |metric: &Metric| match metric.source {
            Source::ContainerResource { .. } => 0,
            Source::External(_) => 1,
            _ => 2,
        };
        let of = |(at, trigger): (usize, &super::triggers::Trigger)| {
            let from = match trigger.metric.is_without_pods() {
                true => From::Trigger(at),
                false => From::Pods(at),
            };
            (trigger.metric.clone(), from)
        };
        let mut all: Vec<(Metric, From)> = self.triggers.iter().enumerate().map(of).collect();
        all.sort_by_key(|(metric, _)| order(metric));
        let Some(modifiers) = &self.modifiers else { return all };
        all.retain(|(metric, _)| matches!(metric.source, Source::Resource { .. }));
        let milli = (modifiers.target * 1_000.0) as i64;
        let composite = Metric {
            source: Source::External(Identifier {
                name: COMPOSITE.to_owned(),
                selector: None,
            }),
            target: match modifiers.of_all {
                true => Target::Value(milli),
                false => Target::AverageValue(milli),
            },
        };
        all.push((composite, From::Formula));
        all
    }
}
