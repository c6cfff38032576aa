//! What a ScaledObject says beside its triggers: the behaviour of its autoscaler, a formula, what stands in for triggers that fail.

use super::formula::Formula;
use super::spec::{Fallback, FallbackBehavior, Modifiers, Pauses};
use super::triggers::{Scaler, Trigger};
use crate::replay::fields::{Faults, Fields};
use crate::replay::hpa::manifest::behavior;
use crate::replay::hpa::spec::{Behavior, Rules, Select};

/// What `spec.advanced` says.
pub(super) struct Advanced {
    pub(super) behavior: Option<Behavior>,
    pub(super) modifiers: Option<Modifiers>,
    pub(super) has_formula: bool,
}

impl Advanced {
    pub(super) fn read(spec: &Fields<'_>, name: &str, triggers: Option<&[Trigger]>, faults: &mut Faults) -> Self {
        let known = [
            "horizontalPodAutoscalerConfig",
            "restoreToOriginalReplicaCount",
            "scalingModifiers",
        ];
        let advanced = spec.object("advanced", &known, faults);
        advanced.flag("restoreToOriginalReplicaCount", faults);
        let autoscaler = advanced.object("horizontalPodAutoscalerConfig", &["behavior", "name"], faults);
        let behavior = behavior::read(&autoscaler, faults);
        let own = autoscaler.text("name", faults).filter(|own| !own.is_empty());
        let called = own.map_or_else(|| format!("keda-hpa-{name}"), str::to_owned);
        if called.len() > 63 {
            let why = "it names the autoscaler, and is no longer than 63 characters as a label's value";
            let place = match own {
                Some(_) => autoscaler.path("name"),
                None => "metadata.name".to_owned(),
            };
            faults.invalid(place, called, why);
        }
        let known = ["formula", "target", "activationTarget", "metricType"];
        let given = advanced.object("scalingModifiers", &known, faults);
        let is_used = given
            .keys()
            .any(|key| given.value(key).is_some_and(|value| value != ""));
        let has_formula = given
            .text("formula", &mut Faults::default())
            .is_some_and(|text| !text.is_empty());
        let modifiers = is_used.then(|| modifiers(&given, triggers, faults)).flatten();
        Self {
            behavior,
            modifiers,
            has_formula,
        }
    }
}

fn modifiers(given: &Fields<'_>, triggers: Option<&[Trigger]>, faults: &mut Faults) -> Option<Modifiers> {
    let formula = given.text("formula", faults).unwrap_or("");
    let target_text = given.text("target", faults).unwrap_or("");
    let named = triggers.into_iter().flatten();
    let named = named.filter(|trigger| !trigger.name.is_empty() && !matches!(trigger.scaler, Scaler::Pods));
    let names: Vec<&str> = named.map(|trigger| trigger.name.as_str()).collect();
    let compiled = match (formula, triggers) {
        ("", _) => {
            faults.required(given.path("formula"), "");
            None
        }
        // Triggers that are wrong are told; which of them a formula may name is not known.
        (_, None) => None,
        (formula, Some(_)) => match Formula::read(formula, &names) {
            Ok(compiled) => Some(compiled),
            Err(why) => {
                faults.invalid(given.path("formula"), formula, &why);
                None
            }
        },
    };
    let number = |text: &str| text.parse().ok().filter(|number: &f64| number.is_finite());
    // Below a thousandth nothing is left of it, and the autoscaler that is made would be refused.
    let target = number(target_text).filter(|target| *target >= 0.001);
    if target_text.is_empty() {
        faults.required(given.path("target"), "formula is given but target is empty");
    } else if target.is_none() {
        faults.invalid(given.path("target"), target_text, "must be a number of at least 0.001");
    }
    let activation = match given.text("activationTarget", faults).filter(|text| !text.is_empty()) {
        None => Some(0.0),
        Some(text) => number(text).or_else(|| {
            faults.invalid(given.path("activationTarget"), text, "must be a number");
            None
        }),
    };
    let kind = given.text("metricType", faults).unwrap_or("");
    if !matches!(kind, "" | "AverageValue" | "Value") {
        faults.unsupported(given.path("metricType"), kind, &["AverageValue", "Value"]);
    }
    Some(Modifiers {
        formula: compiled?,
        target: target?,
        target_text: target_text.to_owned(),
        of_all: kind == "Value",
        activation: activation?,
    })
}

/// What `spec.fallback` says.
pub(super) fn fallback(
    spec: &Fields<'_>,
    triggers: Option<&[Trigger]>,
    has_formula: bool,
    faults: &mut Faults,
) -> Option<Fallback> {
    let fallback = spec.object("fallback", &["failureThreshold", "replicas", "behavior"], faults);
    if !fallback.is_there() {
        return None;
    }
    let mut needed = |field: &str| {
        let number = fallback.whole(field, faults);
        match number {
            None if fallback.value(field).is_none() => faults.required(fallback.path(field), ""),
            Some(number) if number < 0 => {
                faults.invalid(fallback.path(field), number, "should be greater than or equal to 0");
            }
            _ => {}
        }
        number
    };
    let (failure_threshold, replicas) = (needed("failureThreshold"), needed("replicas"));
    let behaviors = [
        ("static", FallbackBehavior::Static),
        ("currentReplicas", FallbackBehavior::CurrentReplicas),
        ("currentReplicasIfHigher", FallbackBehavior::CurrentReplicasIfHigher),
        ("currentReplicasIfLower", FallbackBehavior::CurrentReplicasIfLower),
        ("scalingModifiers", FallbackBehavior::ScalingModifiers),
    ];
    let word = fallback
        .text("behavior", faults)
        .filter(|word| !word.is_empty())
        .unwrap_or("static");
    let behavior = behaviors
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, behavior)| *behavior);
    if behavior.is_none() {
        faults.unsupported(fallback.path("behavior"), word, &behaviors.map(|(name, _)| name));
    }
    if behavior == Some(FallbackBehavior::ScalingModifiers) && !has_formula {
        let why = "scalingModifiers fallback behavior requires scalingModifiers.formula to be defined";
        faults.forbidden(fallback.path("behavior"), why);
    }
    let of_pods = |trigger: &Trigger| matches!(trigger.scaler, Scaler::Pods);
    if !has_formula && triggers.is_some_and(|all| all.iter().all(of_pods)) {
        let why = "no trigger but cpu and memory is there, and for those there is no fallback";
        faults.forbidden(fallback.own_path(), why);
    }
    Some(Fallback {
        failure_threshold: failure_threshold?,
        replicas: replicas?,
        behavior: behavior?,
    })
}

/// A direction that is paused is one in which no policy lets anything change.
pub(super) fn paused(behavior: Option<Behavior>, pauses: Pauses) -> Option<Behavior> {
    if !pauses.scale_in && !pauses.scale_out {
        return behavior;
    }
    let mut behavior = behavior.unwrap_or_default().defaulted();
    let disabled = |rules: &mut Option<Rules>, is_paused: bool| {
        if is_paused && let Some(rules) = rules {
            rules.select_policy = Some(Select::Disabled);
        }
    };
    disabled(&mut behavior.scale_down, pauses.scale_in);
    disabled(&mut behavior.scale_up, pauses.scale_out);
    Some(behavior)
}
