//! The horizontal pod autoscaler of Kubernetes 1.36 as a state machine: what it reads in one sync, what it remembers, and how many
//! replicas it writes. Decision for decision that of the real controller, float for float.

pub mod limits;
pub mod manifest;
pub mod proposal;
pub mod quantity;
pub mod spec;
mod recorded;
mod sequences;
pub mod vectors;

use limits::{Events, Recommendation, limited_without_behavior, stabilized, stabilized_without_behavior};
use proposal::Tolerance;
use spec::{Behavior, Rules};

/// What the controller is told by its flags.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flags {
    /// `--horizontal-pod-autoscaler-downscale-stabilization`, in seconds.
    pub downscale_stabilization_seconds: i64,
    /// Whether the gate `HPAScaleToZero` is on.
    pub scale_to_zero: bool,
}

/// An autoscaler as the API server completes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoscaler {
    /// `spec.minReplicas`.
    pub min: i32,
    /// `spec.maxReplicas`.
    pub max: i32,
    /// `spec.behavior`, completed; `None` where its owner gave none.
    pub behavior: Option<Behavior>,
    /// What change of a ratio is none.
    pub tolerance: Tolerance,
    /// Whether some metric belongs to no pod, so that it is there with no replica too.
    pub has_metric_without_pods: bool,
}

/// What one sync reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// The scale subresource cannot be read.
    pub get: bool,
    /// It cannot be written.
    pub put: bool,
}

/// What every metric proposes, or the reason of the condition `ScalingActive` where it proposes nothing.
pub type Proposals = Vec<Result<i32, &'static str>>;

/// The conditions of the status, each with its truth and its reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `AbleToScale`.
    pub able_to_scale: Option<(bool, &'static str)>,
    /// `ScalingActive`.
    pub scaling_active: Option<(bool, &'static str)>,
    /// `ScalingLimited`.
    pub scaling_limited: Option<(bool, &'static str)>,
    /// `ScaledToZero`.
    pub scaled_to_zero: Option<(bool, &'static str)>,
}

/// What a sync did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// Replicas before.
    pub current: i32,
    /// What each metric proposed; `None` where metrics were not asked.
    pub proposals: Option<Vec<Option<i32>>>,
    /// Replicas that were written.
    pub written: Option<i32>,
    /// Whether it ended in an error.
    pub failed: bool,
}

/// What the controller remembers of one autoscaler, and the status that outlives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Controller {
    history: Vec<Recommendation>,
    events: Events,
    /// `status.desiredReplicas`.
    pub desired: i32,
    /// `status.conditions`.
    pub conditions: Conditions,
}

static NO_RULES: Rules = Rules {
    stabilization_window_seconds: None,
    select_policy: None,
    policies: None,
    tolerance: None,
};

impl Autoscaler {
    fn rules(&self) -> Option<(&Rules, &Rules)> {
        let behavior = self.behavior.as_ref()?;
        Some((
            behavior.scale_up.as_ref().unwrap_or(&NO_RULES),
            behavior.scale_down.as_ref().unwrap_or(&NO_RULES),
        ))
    }
}

impl Controller {
    /// The controller's process starts anew: what it kept in memory is lost, the status is not.
    pub fn restart(&mut self) {
        self.history.clear();
        self.events = Events::default();
    }

    /// One sync at this time, in milliseconds, with so many replicas in the scale's spec. Metrics are asked only where they count.
    pub fn sync(
        &mut self,
        (autoscaler, flags): (&Autoscaler, Flags),
        (now, current): (i64, i32),
        faults: Faults,
        proposals: impl FnOnce() -> Proposals,
    ) -> Synced {
        let mut synced = Synced {
            current,
            proposals: None,
            written: None,
            failed: false,
        };
        if faults.get {
            self.conditions.able_to_scale = Some((false, "FailedGetScale"));
            synced.failed = true;
            return synced;
        }
        self.conditions.able_to_scale = Some((true, "SucceededGetScale"));
        if self.history.is_empty() {
            self.history.push(Recommendation {
                at: now,
                replicas: current,
            });
        }
        let desired = if current == 0 && !self.wakes(autoscaler, flags) {
            self.conditions.scaling_active = Some((false, "ScalingDisabled"));
            0
        } else if current > autoscaler.max {
            autoscaler.max
        } else if current != 0 && current < autoscaler.min {
            autoscaler.min
        } else {
            let proposed = proposals();
            synced.proposals = Some(proposed.iter().map(|one| one.ok()).collect());
            let Some(best) = self.best(&proposed, current, &mut synced) else {
                return synced;
            };
            let bounded = self.normalized((autoscaler, flags), (current, best), now);
            if current == 0 && autoscaler.min != 0 {
                bounded.max(autoscaler.min)
            } else {
                bounded
            }
        };
        self.write((autoscaler, flags), (now, current, desired), faults, &mut synced);
        synced
    }

    /// Whether it may leave zero: only where it went there itself.
    fn wakes(&self, autoscaler: &Autoscaler, flags: Flags) -> bool {
        let by_itself = self.conditions.scaled_to_zero.is_some_and(|(is_true, _)| is_true);
        flags.scale_to_zero && by_itself && (autoscaler.min != 0 || autoscaler.has_metric_without_pods)
    }

    /// The largest proposal; `None` where the sync ends for want of one.
    fn best(&mut self, proposed: &Proposals, current: i32, synced: &mut Synced) -> Option<i32> {
        let failure = proposed.iter().find_map(|one| one.err());
        let best = proposed.iter().filter_map(|one| one.ok()).max();
        synced.failed = failure.is_some();
        let best = best.filter(|best| failure.is_none() || *best >= current);
        match (best, failure) {
            (None, Some(reason)) => {
                self.conditions.scaling_active = Some((false, reason));
                None
            }
            (best, _) => {
                self.conditions.scaling_active = Some((true, "ValidMetricFound"));
                best
            }
        }
    }

    /// Stabilizes first, and bounds then.
    fn normalized(&mut self, (autoscaler, flags): (&Autoscaler, Flags), (current, best): (i32, i32), now: i64) -> i32 {
        let bounds = (autoscaler.min, autoscaler.max);
        let usual = flags.downscale_stabilization_seconds;
        let (steady, limited, reason) = match autoscaler.rules() {
            None => {
                let steady = stabilized_without_behavior(&mut self.history, usual, best, now);
                (
                    steady,
                    limited_without_behavior(current, steady, bounds),
                    "ScaleDownStabilized",
                )
            }
            Some((up, down)) => {
                let windows = (
                    up.stabilization_window_seconds.unwrap_or(0),
                    down.stabilization_window_seconds.unwrap_or(usual),
                );
                let steady = stabilized(&mut self.history, windows, (current, best), now);
                let limited = self.events.limited((up, down), (current, steady), bounds, now);
                let reason = if best >= current {
                    "ScaleUpStabilized"
                } else {
                    "ScaleDownStabilized"
                };
                (steady, limited, reason)
            }
        };
        let reason = if steady == best { "ReadyForNewScale" } else { reason };
        self.conditions.able_to_scale = Some((true, reason));
        self.conditions.scaling_limited = Some((limited.replicas != steady, limited.reason));
        limited.replicas
    }

    fn write(
        &mut self,
        (autoscaler, flags): (&Autoscaler, Flags),
        (now, current, desired): (i64, i32, i32),
        faults: Faults,
        synced: &mut Synced,
    ) {
        if desired == current {
            self.desired = desired;
            return;
        }
        if faults.put {
            self.conditions.able_to_scale = Some((false, "FailedUpdateScale"));
            synced.failed = true;
            return;
        }
        self.conditions.able_to_scale = Some((true, "SucceededRescale"));
        if let Some(rules) = autoscaler.rules() {
            self.events.store(rules, (current, desired), now);
        }
        if flags.scale_to_zero {
            let to_zero = current > 0 && desired == 0 && autoscaler.min == 0 && autoscaler.has_metric_without_pods;
            let reason = if to_zero { "ScaledToZero" } else { "NotScaledToZero" };
            self.conditions.scaled_to_zero = Some((to_zero, reason));
        }
        synced.written = Some(desired);
        self.desired = desired;
    }
}

#[cfg(test)]
mod tests;
