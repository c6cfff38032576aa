//! KEDA: a ScaledObject as its owner writes it, the operator that takes a workload to zero and back, and the autoscaler that it
//! makes for everything in between.

mod advanced;
pub mod cron;
pub mod formula;
pub mod lint;
mod made;
mod operator;
mod query;
pub mod spec;
pub mod triggers;

use operator::Operator;
pub use operator::{Answer, Polled, Seen};
use spec::ScaledObject;

use super::hpa::manifest::Manifest;
use super::hpa::sample::{Metrics, PerPod, Pool, Reading};
use super::hpa::{Controller, Decided, Faults, Flags};

/// A ScaledObject at work: the operator, and the autoscaler that it made.
#[derive(Debug, Clone)]
pub struct Keda {
    object: ScaledObject,
    manifest: Manifest,
    from: Vec<made::From>,
    metrics: Metrics,
    operator: Operator,
    controller: Controller,
}

impl Keda {
    /// A ScaledObject that was created at a time, in milliseconds.
    pub fn new(object: ScaledObject, created: i64) -> Self {
        let manifest = object.autoscaler();
        Self {
            from: object.metrics().into_iter().map(|(_, from)| from).collect(),
            metrics: Metrics::of(&manifest),
            operator: Operator::new(&object, created),
            controller: Controller::default(),
            manifest,
            object,
        }
    }

    /// The object.
    pub fn object(&self) -> &ScaledObject {
        &self.object
    }

    /// The autoscaler that it made.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// One look of the operator; due every [`ScaledObject::polling_seconds`].
    pub fn poll(&mut self, seen: &Seen<'_>) -> Polled {
        self.operator.poll(&self.object, seen)
    }

    /// One sync of the autoscaler, with what pods show by trigger. While all is paused there is no autoscaler.
    pub fn sync(&mut self, flags: Flags, seen: &Seen<'_>, pool: &Pool, pods: &[Option<PerPod>]) -> Decided {
        if self.object.pauses.all {
            return Decided::default();
        }
        let Self {
            object,
            manifest,
            from,
            metrics,
            operator,
            controller,
        } = self;
        let best = || {
            let one = |(at, from): (usize, &made::From)| {
                let reading = match from {
                    made::From::Pods(trigger) => pods.get(*trigger).copied().flatten().map(Reading::PerPod),
                    made::From::Trigger(trigger) => operator.value(object, *trigger, seen).map(Reading::Whole),
                    made::From::Formula => operator.composite(object, seen).map(Reading::Whole),
                };
                metrics.propose(at, pool, reading.unwrap_or(Reading::Missing))
            };
            from.iter().enumerate().map(one).collect()
        };
        let settings = (&manifest.autoscaler, flags);
        controller.decide(settings, (seen.now, pool.replicas), Faults::default(), best)
    }
}

#[cfg(test)]
mod tests;
