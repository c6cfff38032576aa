//! The triggers of a ScaledObject: where their values come from, and what they should be.

use serde_json::Value;

use super::cron::{Cron, Written};
use crate::replay::fields::{Faults, Fields};
use crate::replay::hpa::manifest::{Identifier, Metric, Source, Target};
use crate::replay::hpa::quantity::Quantity;

/// A trigger.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// Its type, such as `prometheus`.
    pub kind: String,
    /// Its own name; empty where it has none.
    pub name: String,
    /// Where its values come from.
    pub scaler: Scaler,
    /// The metric that the autoscaler asks for, with its target.
    pub metric: Metric,
    /// Whether the autoscaler is answered with what the operator read last.
    pub use_cached_metrics: bool,
}

/// Where a trigger's values come from.
#[derive(Debug, Clone)]
pub enum Scaler {
    /// A query, or a queue, or another number from outside.
    Outside(Outside),
    /// The clock.
    Cron(Box<Cron>),
    /// Pods: the autoscaler reads them itself.
    Pods,
}

/// A number from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Outside {
    /// The query, where there is one.
    pub query: Option<String>,
    /// The workload is active where the value is above this.
    pub activation: f64,
    /// Whether an answer without a value is zero.
    pub ignore_null_values: bool,
}

/// Types whose value is one number, with the key of the threshold, its usual value, and the key of the activation threshold.
const NUMBERS: [(&str, &str, Option<&str>, &str); 7] = [
    ("prometheus", "threshold", None, "activationThreshold"),
    ("metrics-api", "targetValue", None, "activationTargetValue"),
    ("kafka", "lagThreshold", Some("10"), "activationLagThreshold"),
    ("rabbitmq", "value", None, "activationValue"),
    ("aws-sqs-queue", "queueLength", Some("5"), "activationQueueLength"),
    ("redis", "listLength", Some("5"), "activationListLength"),
    ("kubernetes-workload", "value", None, "activationValue"),
];

const FIELDS: [&str; 6] = [
    "type",
    "name",
    "useCachedMetrics",
    "metadata",
    "authenticationRef",
    "metricType",
];

/// Reads one; `None` where it is wrong.
pub(super) fn read(at: usize, path: &str, item: &Value, faults: &mut Faults) -> Option<Trigger> {
    let trigger = Fields::read(Some(item), path, &FIELDS, faults);
    let kind = trigger.text("type", faults).unwrap_or("").to_owned();
    let name = trigger.text("name", faults).unwrap_or("").to_owned();
    let cached = trigger.flag("useCachedMetrics", faults).unwrap_or(false);
    let metric_type = trigger.text("metricType", faults).unwrap_or("");
    authentication(&trigger, faults);
    if trigger.value("metadata").is_none() {
        faults.required(trigger.path("metadata"), "");
    }
    trigger.texts("metadata", faults);
    let metadata = Fields::free(
        trigger.value("metadata"),
        &trigger.path("metadata"),
        &mut Faults::default(),
    );
    if cached && matches!(kind.as_str(), "cpu" | "memory" | "cron") {
        let why = format!("property \"useCachedMetrics\" is not supported for \"{kind}\" scaler");
        faults.forbidden(trigger.path("useCachedMetrics"), &why);
    }
    let of = Asked {
        at,
        trigger: &trigger,
        metadata: &metadata,
        metric_type,
    };
    let (scaler, metric) = match kind.as_str() {
        "" => {
            faults.required(trigger.path("type"), "");
            None
        }
        "cpu" | "memory" => of.pods(&kind, faults),
        "cron" => of.cron(faults),
        kind => of.outside(kind, faults),
    }?;
    Some(Trigger {
        kind,
        name,
        scaler,
        metric,
        use_cached_metrics: cached,
    })
}

fn authentication(trigger: &Fields<'_>, faults: &mut Faults) {
    let reference = trigger.object("authenticationRef", &["name", "kind"], faults);
    if !reference.is_there() {
        return;
    }
    if reference.text("name", faults).is_none() {
        faults.required(reference.path("name"), "");
    }
    let kinds = ["TriggerAuthentication", "ClusterTriggerAuthentication"];
    if let Some(kind) = reference.text("kind", faults).filter(|kind| !kinds.contains(kind)) {
        faults.unsupported(reference.path("kind"), kind, &kinds);
    }
}

/// A trigger that is read.
struct Asked<'a, 'v> {
    at: usize,
    trigger: &'a Fields<'v>,
    metadata: &'a Fields<'v>,
    metric_type: &'a str,
}

impl<'v> Asked<'_, 'v> {
    /// A value of the metadata, without the blanks around it; empty is none.
    fn given(&self, key: &str) -> Option<&'v str> {
        let text = self.metadata.value(key)?.as_str()?.trim();
        (!text.is_empty()).then_some(text)
    }

    fn needed(&self, key: &str, faults: &mut Faults) -> &'v str {
        let given = self.given(key);
        if given.is_none() && self.metadata.value(key).is_none_or(Value::is_string) {
            faults.required(self.metadata.path(key), "");
        }
        given.unwrap_or("")
    }

    fn number(&self, key: &str, usual: Option<f64>, faults: &mut Faults) -> Option<f64> {
        let Some(text) = self.given(key) else {
            if usual.is_none() {
                self.needed(key, faults);
            }
            return usual;
        };
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        if number.is_none() {
            faults.invalid(self.metadata.path(key), text, "must be a number");
        }
        number
    }

    /// Where a trigger is in none of the ways that are known, it is told.
    fn flag(&self, key: &str, usual: bool, faults: &mut Faults) -> bool {
        let Some(text) = self.given(key) else { return usual };
        let read = boolean(text);
        if read.is_none() {
            faults.invalid(self.metadata.path(key), text, "must be true or false");
        }
        read.unwrap_or(usual)
    }

    /// A target of what belongs to no pod; thousandths are rounded as KEDA prints them.
    fn target(&self, field: &str, threshold: f64, faults: &mut Faults) -> Option<Target> {
        let milli = thousandths(threshold);
        if milli <= 0 {
            let why = "the autoscaler that KEDA makes of it is refused: a target must be positive";
            faults.invalid(self.metadata.path(field), threshold, why);
            return None;
        }
        match self.metric_type {
            "" | "AverageValue" => Some(Target::AverageValue(milli)),
            "Value" => Some(Target::Value(milli)),
            other => {
                let why = ["AverageValue", "Value"];
                faults.unsupported(self.trigger.path("metricType"), other, &why);
                None
            }
        }
    }

    fn external(&self, name: &str, target: Target) -> Metric {
        Metric {
            source: Source::External(Identifier {
                name: format!("s{}-{name}", self.at),
                selector: None,
            }),
            target,
        }
    }

    fn outside(&self, kind: &str, faults: &mut Faults) -> Option<(Scaler, Metric)> {
        let Some((_, threshold, usual, activation)) = NUMBERS.iter().find(|(name, ..)| *name == kind) else {
            let known: Vec<&str> = NUMBERS
                .iter()
                .map(|(name, ..)| *name)
                .chain(["cron", "cpu", "memory"])
                .collect();
            let why = format!("it cannot be replayed; those that can are {}", known.join(", "));
            faults.invalid(self.trigger.path("type"), kind, &why);
            return None;
        };
        let is_prometheus = kind == "prometheus";
        let query = if is_prometheus {
            self.needed("serverAddress", faults);
            Some(self.needed("query", faults).to_owned())
        } else {
            None
        };
        let usual = usual.and_then(|usual| usual.parse().ok());
        let limit = self.number(threshold, usual, faults);
        let activation = self.number(activation, Some(0.0), faults);
        let ignore_null_values = is_prometheus && self.flag("ignoreNullValues", true, faults);
        let target = self.target(threshold, limit?, faults)?;
        let scaler = Scaler::Outside(Outside {
            query,
            activation: activation?,
            ignore_null_values,
        });
        Some((scaler, self.external(kind, target)))
    }

    fn cron(&self, faults: &mut Faults) -> Option<(Scaler, Metric)> {
        let written = Written {
            zone: self.needed("timezone", faults),
            start: self.needed("start", faults),
            end: self.needed("end", faults),
            replicas: self.needed("desiredReplicas", faults),
        };
        let target = self.target("desiredReplicas", 1.0, faults);
        let cron = Cron::read(written).map_err(|wrong| {
            for (key, why) in wrong {
                // What is not there was told.
                if let Some(given) = self.given(key) {
                    faults.invalid(self.metadata.path(key), given, &why);
                }
            }
        });
        let plain = |text: &str| {
            let text = text.replace(' ', "").replace('*', "x").replace('/', "Sl");
            text.replace('?', "Qm").replace(',', "Cm")
        };
        let zone = written.zone.replace(['/', '.', ':', '%', '(', ')'], "-");
        let name = format!("cron-{zone}-{}-{}", plain(written.start), plain(written.end));
        Some((Scaler::Cron(Box::new(cron.ok()?)), self.external(&name, target?)))
    }

    fn pods(&self, kind: &str, faults: &mut Faults) -> Option<(Scaler, Metric)> {
        let given = self.needed("value", faults);
        let place = self.metadata.path("value");
        let target = match self.metric_type {
            "Utilization" => {
                let percent = given.parse().ok().filter(|percent| *percent > 0);
                if percent.is_none() && !given.is_empty() {
                    faults.invalid(place, given, "must be a whole percentage above zero");
                }
                percent.map(Target::Utilization)
            }
            "AverageValue" => {
                let quantity: Option<Quantity> = given.parse().ok();
                let milli = quantity
                    .filter(|quantity| quantity.sign() == 1)
                    .and_then(|quantity| quantity.milli());
                if milli.is_none() && !given.is_empty() {
                    faults.invalid(place, given, "must be a quantity above zero, such as 1500m or 1Gi");
                }
                milli.map(Target::AverageValue)
            }
            other => {
                faults.unsupported(self.trigger.path("metricType"), other, &["AverageValue", "Utilization"]);
                None
            }
        };
        let name = kind.to_owned();
        let source = match self.given("containerName") {
            Some(container) => Source::ContainerResource {
                name,
                container: container.to_owned(),
            },
            None => Source::Resource { name },
        };
        let target = target?;
        Some((Scaler::Pods, Metric { source, target }))
    }
}

/// As Go reads one.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A value as KEDA hands it on: what is negative or no number is zero, thousandths are those of its decimal text.
pub fn thousandths(value: f64) -> i64 {
    if !value.is_finite() || value <= 0.0 {
        return 0;
    }
    let text = format!("{value:.3}").replace('.', "");
    text.parse().unwrap_or(i64::MAX)
}
