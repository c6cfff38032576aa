//! A ScaledObject of `keda.sh/v1alpha1`, read as the API server and KEDA's own admission take it.

use serde_json::Value;

use super::advanced::{Advanced, fallback, paused};
use super::formula::Formula;
use super::triggers::{self, Trigger};
use crate::replay::fields::{self, Faults, Fields, METADATA};
use crate::replay::hpa::manifest::Reference;
use crate::replay::hpa::spec::Behavior;

/// A ScaledObject that is taken.
#[derive(Debug, Clone)]
pub struct ScaledObject {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: Option<String>,
    /// What it scales.
    pub target: Reference,
    /// Seconds between two looks of the operator.
    pub polling_seconds: i32,
    /// Seconds without activity after which it goes to zero, or idle.
    pub cooldown_seconds: i32,
    /// The same from its creation on, as long as it was never active.
    pub initial_cooldown_seconds: i32,
    /// Replicas where no trigger is active.
    pub idle: Option<i32>,
    /// Fewest replicas; zero where its owner gives none.
    pub min: i32,
    /// Most replicas.
    pub max: i32,
    /// Its triggers.
    pub triggers: Vec<Trigger>,
    /// What stands in for a trigger that fails.
    pub fallback: Option<Fallback>,
    /// One value made of all.
    pub modifiers: Option<Modifiers>,
    /// How the autoscaler behaves.
    pub behavior: Option<Behavior>,
    /// What its annotations hold back or force.
    pub pauses: Pauses,
    /// Which of the usual values its owner wrote.
    pub written: Written,
}

/// Which of the values that have a usual one stand in the manifest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// `pollingInterval`.
    pub polling: bool,
    /// `cooldownPeriod`.
    pub cooldown: bool,
}

/// What stands in for a trigger that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fallback {
    /// So many failures in a row are borne.
    pub failure_threshold: i32,
    /// Replicas.
    pub replicas: i32,
    /// How these are meant.
    pub behavior: FallbackBehavior,
}

/// How a fallback's replicas are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FallbackBehavior {
    /// As they stand.
    Static,
    /// Not at all: what is there stays.
    CurrentReplicas,
    /// What is there, where that is more.
    CurrentReplicasIfHigher,
    /// What is there, where that is less.
    CurrentReplicasIfLower,
    /// The formula says so with `??`, and its nil means the replicas as they stand.
    ScalingModifiers,
}

/// One value made of all triggers.
#[derive(Debug, Clone, PartialEq)]
pub struct Modifiers {
    /// Of the values of named triggers.
    pub formula: Formula,
    /// What its value should be.
    pub target: f64,
    /// The target as it is written.
    pub target_text: String,
    /// Whether the target is for all replicas together.
    pub of_all: bool,
    /// The workload is active where the value is above this.
    pub activation: f64,
}

/// What annotations hold back or force.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pauses {
    /// Nothing is scaled.
    pub all: bool,
    /// Nothing but to this many replicas.
    pub replicas: Option<i32>,
    /// Nothing is scaled down.
    pub scale_in: bool,
    /// Nothing is scaled up.
    pub scale_out: bool,
    /// It counts as active.
    pub force_activation: bool,
}

const USUAL_MAX: i32 = 100;

/// Reads the one ScaledObject of a YAML or JSON text.
///
/// # Errors
/// Everything for which it would be refused, or could not work.
pub fn read(text: &str) -> Result<ScaledObject, Faults> {
    let documents = fields::documents(text)?;
    of(fields::the_one(&documents, "keda.sh/v1alpha1", "ScaledObject")?)
}

const SPEC: [&str; 10] = [
    "scaleTargetRef",
    "pollingInterval",
    "initialCooldownPeriod",
    "cooldownPeriod",
    "idleReplicaCount",
    "minReplicaCount",
    "maxReplicaCount",
    "advanced",
    "triggers",
    "fallback",
];

/// The same of a document that was read.
///
/// # Errors
/// The same.
pub fn of(document: &Value) -> Result<ScaledObject, Faults> {
    let mut faults = Faults::default();
    let known = ["apiVersion", "kind", "metadata", "spec", "status"];
    let root = Fields::read(Some(document), "", &known, &mut faults);
    let metadata = root.object("metadata", &METADATA, &mut faults);
    let (name, namespace) = fields::named(&metadata, &mut faults);
    let pauses = pauses(&metadata, &mut faults);
    let spec = root.object("spec", &SPEC, &mut faults);
    let target = scaled(&spec, &mut faults);
    let mut at_least = |field: &str, least: i32| {
        let number = spec.whole(field, &mut faults);
        if let Some(number) = number.filter(|number| *number < least) {
            let why = format!("should be greater than or equal to {least}");
            faults.invalid(spec.path(field), number, &why);
        }
        number
    };
    let polling = at_least("pollingInterval", 1);
    let initial = at_least("initialCooldownPeriod", 0);
    let cooldown = at_least("cooldownPeriod", 0);
    let (idle, min) = (at_least("idleReplicaCount", 0), at_least("minReplicaCount", 0));
    let max = at_least("maxReplicaCount", 1).unwrap_or(USUAL_MAX);
    bounds(&spec, (idle, min, max), &mut faults);
    let triggers = of_triggers(&spec, min.unwrap_or(0), &mut faults);
    let advanced = Advanced::read(&spec, &name, triggers.as_deref(), &mut faults);
    let fallback = fallback(&spec, triggers.as_deref(), advanced.has_formula, &mut faults);
    let read = triggers.map(|triggers| ScaledObject {
        name,
        namespace,
        target,
        polling_seconds: polling.unwrap_or(30),
        cooldown_seconds: cooldown.unwrap_or(300),
        initial_cooldown_seconds: initial.unwrap_or(0),
        idle,
        min: min.unwrap_or(0),
        max,
        triggers,
        fallback,
        modifiers: advanced.modifiers,
        behavior: paused(advanced.behavior, pauses),
        pauses,
        written: Written {
            polling: polling.is_some(),
            cooldown: cooldown.is_some(),
        },
    });
    faults.or(read)
}

fn pauses(metadata: &Fields<'_>, faults: &mut Faults) -> Pauses {
    let path = metadata.path("annotations");
    let annotations = Fields::free(metadata.value("annotations"), &path, &mut Faults::default());
    let text = |key: &str| {
        annotations
            .value(&format!("autoscaling.keda.sh/{key}"))
            .and_then(Value::as_str)
    };
    // Whatever is no boolean counts as true.
    let set = |key: &str| text(key).is_some_and(|text| triggers::boolean(text).unwrap_or(true));
    let replicas = text("paused-replicas").and_then(|text| {
        let replicas = text.parse().ok().filter(|replicas| *replicas >= 0);
        if replicas.is_none() {
            let place = format!("{path}[autoscaling.keda.sh/paused-replicas]");
            faults.invalid(place, text, "must be a whole number of replicas");
        }
        replicas
    });
    Pauses {
        all: replicas.is_some() || set("paused"),
        replicas,
        scale_in: set("paused-scale-in"),
        scale_out: set("paused-scale-out"),
        force_activation: set("force-activation"),
    }
}

fn scaled(spec: &Fields<'_>, faults: &mut Faults) -> Reference {
    let known = ["name", "apiVersion", "kind", "envSourceContainerName"];
    let target = spec.object("scaleTargetRef", &known, faults);
    let name = target.text("name", faults).unwrap_or("");
    if !target.is_there() {
        faults.required(spec.path("scaleTargetRef"), "");
    } else if name.is_empty() {
        faults.required(target.path("name"), "");
    }
    let usual = |field: &str, usual: &str, faults: &mut Faults| {
        let given = target.text(field, faults).filter(|text| !text.is_empty());
        given.unwrap_or(usual).to_owned()
    };
    Reference {
        api_version: usual("apiVersion", "apps/v1", faults),
        kind: usual("kind", "Deployment", faults),
        name: name.to_owned(),
    }
}

fn bounds(spec: &Fields<'_>, (idle, min, max): (Option<i32>, Option<i32>, i32), faults: &mut Faults) {
    if let Some(min) = min.filter(|min| *min > max) {
        let why = format!("must be less than or equal to maxReplicaCount, {max}");
        faults.invalid(spec.path("minReplicaCount"), min, &why);
    }
    // A minimum of zero counts as one, but only where it is written.
    let least = min.map_or(0, |min| min.max(1));
    if let Some(idle) = idle.filter(|idle| *idle >= least) {
        let why = format!("must be less than minReplicaCount, {least}");
        faults.invalid(spec.path("idleReplicaCount"), idle, &why);
    }
}

fn of_triggers(spec: &Fields<'_>, min: i32, faults: &mut Faults) -> Option<Vec<Trigger>> {
    let items = spec.list("triggers", faults).unwrap_or_default();
    if items.is_empty() {
        faults.required(spec.path("triggers"), "no triggers defined in the ScaledObject");
        return None;
    }
    let text = |item: &Value, field: &str| item.get(field).and_then(Value::as_str).map(str::to_owned);
    let mut names: Vec<String> = Vec::new();
    for (path, item) in &items {
        let Some(name) = text(item, "name").filter(|name| !name.is_empty()) else {
            continue;
        };
        if names.contains(&name) {
            let why = "it is defined multiple times in the ScaledObject, but it must be unique";
            faults.invalid(format!("{path}.name"), name.as_str(), why);
        }
        names.push(name);
    }
    let of_pods = |(_, item): &(String, &Value)| matches!(text(item, "type").as_deref(), Some("cpu" | "memory"));
    if min == 0 && items.iter().all(of_pods) {
        let why = "with cpu and memory triggers alone nothing scales to zero or wakes; it must be 1 or more";
        faults.invalid(spec.path("minReplicaCount"), min, why);
    }
    let read: Vec<Option<Trigger>> = items
        .iter()
        .enumerate()
        .map(|(at, (path, item))| triggers::read(at, path, item, faults))
        .collect();
    read.into_iter().collect()
}

#[cfg(test)]
mod tests;
