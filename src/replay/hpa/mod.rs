//! The horizontal pod autoscaler of Kubernetes 1.36 as a state machine: what it reads in one sync, what it remembers, and how many
//! replicas it writes. Decision for decision that of the real controller, float for float.

pub mod limits;
mod history;
pub mod manifest;
pub mod proposal;
pub mod quantity;
pub mod sample;
pub mod spec;
mod recorded;
mod sequences;
pub mod vectors;

use history::History;
use limits::{Events, Recommendation, limited_without_behavior};
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

/// What all metrics together propose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Best {
    /// The most that one of them proposes.
    pub most: Option<i32>,
    /// Why the first that proposes nothing does not.
    pub failure: Option<&'static str>,
}

impl FromIterator<Result<i32, &'static str>> for Best {
    fn from_iter<I: IntoIterator<Item = Result<i32, &'static str>>>(all: I) -> Self {
        all.into_iter().fold(Self::default(), |best, one| match one {
            Ok(replicas) => Self {
                most: best.most.max(Some(replicas)),
                ..best
            },
            Err(reason) => Self {
                failure: best.failure.or(Some(reason)),
                ..best
            },
        })
    }
}

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

/// What a sync did, where nobody asks which metric proposed what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decided {
    /// The most that a metric proposed, where metrics were asked.
    pub proposed: Option<i32>,
    /// Replicas that were written.
    pub written: Option<i32>,
    /// Whether it ended in an error.
    pub failed: bool,
}

/// What the controller remembers of one autoscaler, and the status that outlives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Controller {
    history: History,
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
        settings: (&Autoscaler, Flags),
        now_and_current: (i64, i32),
        faults: Faults,
        proposals: impl FnOnce() -> Proposals,
    ) -> Synced {
        let mut told = None;
        let best = || {
            let all = proposals();
            let best = all.iter().copied().collect();
            told = Some(all.into_iter().map(Result::ok).collect());
            best
        };
        let decided = self.decide(settings, now_and_current, faults, best);
        Synced {
            current: now_and_current.1,
            proposals: told,
            written: decided.written,
            failed: decided.failed,
        }
    }

    /// The same where nobody asks which metric proposed what: nothing is allocated.
    pub fn decide(
        &mut self,
        (autoscaler, flags): (&Autoscaler, Flags),
        (now, current): (i64, i32),
        faults: Faults,
        best: impl FnOnce() -> Best,
    ) -> Decided {
        let mut decided = Decided::default();
        if faults.get {
            self.conditions.able_to_scale = Some((false, "FailedGetScale"));
            decided.failed = true;
            return decided;
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
            let best = best();
            decided.proposed = best.most;
            decided.failed = best.failure.is_some();
            let Some(best) = self.usable(best, current) else {
                return decided;
            };
            let bounded = self.normalized((autoscaler, flags), (current, best), now);
            if current == 0 && autoscaler.min != 0 {
                bounded.max(autoscaler.min)
            } else {
                bounded
            }
        };
        self.write((autoscaler, flags), (now, current, desired), faults, &mut decided);
        decided
    }

    /// Whether it may leave zero: only where it went there itself.
    fn wakes(&self, autoscaler: &Autoscaler, flags: Flags) -> bool {
        let by_itself = self.conditions.scaled_to_zero.is_some_and(|(is_true, _)| is_true);
        flags.scale_to_zero && by_itself && (autoscaler.min != 0 || autoscaler.has_metric_without_pods)
    }

    /// The largest proposal; `None` where the sync ends for want of one.
    fn usable(&mut self, best: Best, current: i32) -> Option<i32> {
        let most = best.most.filter(|most| best.failure.is_none() || *most >= current);
        if let (None, Some(reason)) = (most, best.failure) {
            self.conditions.scaling_active = Some((false, reason));
            return None;
        }
        self.conditions.scaling_active = Some((true, "ValidMetricFound"));
        most
    }

    /// Stabilizes first, and bounds then.
    fn normalized(&mut self, (autoscaler, flags): (&Autoscaler, Flags), (current, best): (i32, i32), now: i64) -> i32 {
        let bounds = (autoscaler.min, autoscaler.max);
        let usual = flags.downscale_stabilization_seconds;
        let (steady, limited, reason) = match autoscaler.rules() {
            None => {
                let steady = self.history.without_behavior(usual, best, now);
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
                let steady = self.history.with_behavior(windows, (current, best), now);
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
        decided: &mut Decided,
    ) {
        if desired == current {
            self.desired = desired;
            return;
        }
        if faults.put {
            self.conditions.able_to_scale = Some((false, "FailedUpdateScale"));
            decided.failed = true;
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
        decided.written = Some(desired);
        self.desired = desired;
    }
}

#[cfg(test)]
mod tests;
