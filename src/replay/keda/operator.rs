//! KEDA's operator: whether a workload is active, when it goes to zero or wakes, and what the autoscaler is told while triggers fail.

use super::spec::{Fallback, FallbackBehavior, ScaledObject};
use super::triggers::{Outside, Scaler, Trigger, thousandths};
use crate::replay::hpa::manifest::Target;

/// What a trigger's source answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    /// A value.
    Value(f64),
    /// Nothing: the series is absent.
    Nothing,
    /// An error, or no answer in time.
    Failed,
}

/// What is there at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen<'a> {
    /// When, in milliseconds of Unix time.
    pub now: i64,
    /// `spec.replicas` of the scale.
    pub replicas: i32,
    /// Pods that run and are ready.
    pub ready: usize,
    /// By trigger; those of the clock and of pods are not asked.
    pub answers: &'a [Answer],
}

/// What the operator made of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Polled {
    /// Whether some trigger is active, or counts as such.
    pub active: bool,
    /// Whether some trigger failed.
    pub failed: bool,
    /// Replicas that were written.
    pub written: Option<i32>,
}

/// A trigger's value as it is handed on.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Handed {
    milli: i64,
    active: bool,
    /// Whether the fallback stands in for it.
    is_fallback: bool,
}

/// A trigger that gives nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Failed;

/// What the operator remembers.
#[derive(Debug, Clone)]
pub(super) struct Operator {
    created: i64,
    last_active: Option<i64>,
    /// In a row, by trigger.
    failures: Vec<i32>,
    /// What was read last, by trigger, where the autoscaler is answered with it.
    cached: Vec<Option<Result<Handed, Failed>>>,
    /// Whether a cron trigger is on, and until when.
    hours: Vec<Option<(bool, i64)>>,
}

/// Times of the status are written in whole seconds.
fn whole_seconds(now: i64) -> i64 {
    now.div_euclid(1_000) * 1_000
}

/// As Go's conversion on the platform of the controller: what does not fit is the least number.
fn to_i64(value: f64) -> i64 {
    let fits = (-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&value);
    if fits { value as i64 } else { i64::MIN }
}

impl Operator {
    pub(super) fn new(object: &ScaledObject, created: i64) -> Self {
        let triggers = object.triggers.len();
        Self {
            created: whole_seconds(created),
            last_active: None,
            failures: vec![0; triggers],
            cached: vec![None; triggers],
            hours: vec![None; triggers],
        }
    }

    /// One look at all triggers, and what follows.
    pub(super) fn poll(&mut self, object: &ScaledObject, seen: &Seen<'_>) -> Polled {
        if object.pauses.all {
            let written = object.pauses.replicas.filter(|replicas| *replicas != seen.replicas);
            return Polled {
                written,
                ..Polled::default()
            };
        }
        let mut handed = Vec::with_capacity(object.triggers.len());
        for (at, trigger) in object.triggers.iter().enumerate() {
            if matches!(trigger.scaler, Scaler::Pods) {
                handed.push(None);
                continue;
            }
            let raw = self.read(at, trigger, seen);
            let one = self.with_fallback(object, at, raw, seen);
            if trigger.use_cached_metrics {
                self.cached[at] = Some(one);
            }
            handed.push(Some(one));
        }
        let failed = handed.contains(&Some(Err(Failed)));
        let is_active = |one: &Option<Result<Handed, Failed>>| matches!(one, Some(Ok(handed)) if handed.active);
        let mut active = handed.iter().any(is_active);
        if let Some(modifiers) = &object.modifiers {
            let value = (!failed).then(|| self.computed(object, &handed)).flatten();
            active = value.is_some_and(|milli| milli as f64 * 1e-3 > modifiers.activation);
        }
        // With triggers of pods alone there is nothing to ask, and it counts as active.
        active |= handed.iter().all(Option::is_none) && !failed;
        let written = self.scaled(object, (active, failed), seen);
        Polled {
            active: active || object.pauses.force_activation,
            failed,
            written,
        }
    }

    /// What the executor writes.
    fn scaled(&mut self, object: &ScaledObject, (active, failed): (bool, bool), seen: &Seen<'_>) -> Option<i32> {
        let current = seen.replicas;
        if active || object.pauses.force_activation {
            if current == 0 || (object.idle.is_some() && current < object.min) {
                if object.pauses.scale_out {
                    return None;
                }
                self.last_active = Some(whole_seconds(seen.now));
                return Some(object.min.max(1));
            }
            // Some are active and some fail: that is no reason to stay, either.
            if !failed {
                self.last_active = Some(whole_seconds(seen.now));
            }
            return None;
        }
        if failed && object.fallback.is_none_or(|fallback| fallback.replicas != 0) {
            return None;
        }
        let sleeps = match object.idle {
            Some(idle) => current > idle || (current > 0 && object.min == 0),
            None => current > 0 && object.min == 0,
        };
        if sleeps {
            let rests = !object.pauses.scale_in && self.has_cooled(object, seen.now);
            return rests.then(|| object.idle.unwrap_or(object.min));
        }
        (object.idle.is_none() && current < object.min).then_some(object.min)
    }

    fn has_cooled(&self, object: &ScaledObject, now: i64) -> bool {
        let (since, seconds) = match self.last_active {
            Some(last) => (last, object.cooldown_seconds),
            None => (self.created, object.initial_cooldown_seconds),
        };
        since + i64::from(seconds) * 1_000 < now
    }

    /// What the autoscaler is told of one trigger.
    pub(super) fn value(&mut self, object: &ScaledObject, at: usize, seen: &Seen<'_>) -> Option<i64> {
        self.handed(object, at, seen).ok().map(|handed| handed.milli)
    }

    /// What the autoscaler is told of the formula.
    pub(super) fn composite(&mut self, object: &ScaledObject, seen: &Seen<'_>) -> Option<i64> {
        let mut all = Vec::with_capacity(object.triggers.len());
        for (at, trigger) in object.triggers.iter().enumerate() {
            let asked = !matches!(trigger.scaler, Scaler::Pods);
            all.push(asked.then(|| self.handed(object, at, seen)));
        }
        let is_fallback = |one: &Option<Result<Handed, Failed>>| matches!(one, Some(Ok(handed)) if handed.is_fallback);
        if all.contains(&Some(Err(Failed))) && !all.iter().any(is_fallback) {
            return None;
        }
        self.computed(object, &all)
    }

    fn handed(&mut self, object: &ScaledObject, at: usize, seen: &Seen<'_>) -> Result<Handed, Failed> {
        let trigger = object.triggers.get(at).ok_or(Failed)?;
        let cached = self.cached.get(at).copied().flatten();
        let raw = cached.unwrap_or_else(|| self.read(at, trigger, seen));
        self.with_fallback(object, at, raw, seen)
    }

    /// A trigger's value, of its source or of the clock.
    fn read(&mut self, at: usize, trigger: &Trigger, seen: &Seen<'_>) -> Result<Handed, Failed> {
        let (value, active) = match &trigger.scaler {
            Scaler::Pods => return Err(Failed),
            Scaler::Cron(cron) => {
                let known = self.hours[at].filter(|(_, until)| seen.now < *until);
                let (within, until) = known.unwrap_or_else(|| cron.within(seen.now));
                self.hours[at] = Some((within, until));
                (if within { cron.replicas as f64 } else { 0.0 }, within)
            }
            Scaler::Outside(outside) => {
                let value = answered(outside, seen.answers.get(at).copied().unwrap_or(Answer::Failed))?;
                (value, value > outside.activation)
            }
        };
        Ok(Handed {
            milli: thousandths(value),
            active,
            is_fallback: false,
        })
    }

    /// The value, or what stands in for it once it has failed often enough.
    fn with_fallback(
        &mut self,
        object: &ScaledObject,
        at: usize,
        raw: Result<Handed, Failed>,
        seen: &Seen<'_>,
    ) -> Result<Handed, Failed> {
        let Some(fallback) = object.fallback.filter(|_| object.falls_back()) else {
            return raw;
        };
        if let Ok(handed) = raw {
            self.failures[at] = 0;
            return Ok(Handed {
                is_fallback: false,
                ..handed
            });
        }
        self.failures[at] = self.failures[at].saturating_add(1);
        if self.failures[at] <= fallback.failure_threshold {
            return Err(Failed);
        }
        if fallback.behavior == FallbackBehavior::ScalingModifiers {
            // The formula sees nil; nobody else asks.
            let (milli, active, is_fallback) = (-1_000, false, false);
            return Ok(Handed {
                milli,
                active,
                is_fallback,
            });
        }
        let milli = stand_in(object, fallback, at, seen).ok_or(Failed)?;
        let (active, is_fallback) = (true, true);
        Ok(Handed {
            milli,
            active,
            is_fallback,
        })
    }

    /// The value of the formula over what was handed on; that of the first fallback where there is one.
    fn computed(&self, object: &ScaledObject, all: &[Option<Result<Handed, Failed>>]) -> Option<i64> {
        let modifiers = object.modifiers.as_ref()?;
        let handed = |at: usize| all.get(at).copied().flatten().and_then(Result::ok);
        let first = (0..all.len()).filter_map(handed).find(|one| one.is_fallback);
        if let Some(fallback) = first {
            return Some(fallback.milli);
        }
        let is_nil = |at: usize| {
            object.fallback.is_some_and(|fallback| {
                let own = fallback.behavior == FallbackBehavior::ScalingModifiers;
                own && self.failures[at] > fallback.failure_threshold
            })
        };
        let value = |name: &String| {
            let at = object.triggers.iter().position(|trigger| trigger.name == *name)?;
            let value = handed(at).filter(|_| !is_nil(at))?;
            Some(value.milli as f64 * 1e-3)
        };
        let values: Vec<Option<f64>> = modifiers.formula.names().iter().map(value).collect();
        let value = match modifiers.formula.run(&values).ok()? {
            Some(value) => value,
            None => f64::from(object.fallback?.replicas) * modifiers.target,
        };
        Some(to_i64(value * 1_000.0))
    }
}

fn answered(outside: &Outside, answer: Answer) -> Result<f64, Failed> {
    match answer {
        Answer::Value(value) if value.is_finite() => Ok(value),
        Answer::Value(_) | Answer::Nothing if outside.ignore_null_values => Ok(0.0),
        _ => Err(Failed),
    }
}

/// The value at which the autoscaler asks for the fallback's replicas.
fn stand_in(object: &ScaledObject, fallback: Fallback, at: usize, seen: &Seen<'_>) -> Option<i64> {
    let mut replicas = f64::from(match fallback.behavior {
        FallbackBehavior::CurrentReplicas => seen.replicas,
        FallbackBehavior::CurrentReplicasIfHigher => seen.replicas.max(fallback.replicas),
        FallbackBehavior::CurrentReplicasIfLower => seen.replicas.min(fallback.replicas),
        FallbackBehavior::Static | FallbackBehavior::ScalingModifiers => fallback.replicas,
    });
    let (target, of_all) = match (&object.modifiers, object.triggers.get(at)?.metric.target) {
        (Some(modifiers), _) => (modifiers.target, modifiers.of_all),
        (None, Target::Value(milli)) => (milli as f64 * 1e-3, true),
        (None, Target::AverageValue(milli)) => (milli as f64 * 1e-3, false),
        (None, Target::Utilization(_)) => return None,
    };
    if of_all {
        // A target for all replicas is multiplied by those that are ready.
        replicas /= (seen.ready > 0).then_some(seen.ready as f64)?;
    }
    Some(to_i64(target * 1_000.0 * replicas))
}

impl ScaledObject {
    /// Whether its fallback ever stands in: with a formula only where the target is a whole number.
    pub fn falls_back(&self) -> bool {
        let whole = |text: &str| text.parse().is_ok_and(|target: i64| target > 0);
        self.fallback.is_some() && self.modifiers.as_ref().is_none_or(|all| whole(&all.target_text))
    }
}
