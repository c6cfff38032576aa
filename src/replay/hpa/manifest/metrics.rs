//! `spec.metrics` as the API server takes it.

use serde_json::Value;

use super::{Identifier, Metric, Source, Target, reference};
use crate::replay::fields::{Faults, Fields, is_label, path_segment};

/// Types of sources, with the field of each.
const SOURCES: [(&str, &str); 5] = [
    ("Object", "object"),
    ("External", "external"),
    ("Pods", "pods"),
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
];
const SUPPORTED: [&str; 5] = ["ContainerResource", "External", "Object", "Pods", "Resource"];

/// All metrics, and the usual one where there is none; `None` where one is wrong.
pub(super) fn read(spec: &Fields<'_>, min: i32, faults: &mut Faults) -> Option<Vec<Metric>> {
    let items = spec.list("metrics", faults).unwrap_or_default();
    let type_of = |item: &Value| item.get("type").and_then(Value::as_str).map(str::to_owned);
    let without_pods = |(_, item): &(String, &Value)| matches!(type_of(item).as_deref(), Some("Object" | "External"));
    if min == 0 && !items.iter().any(without_pods) {
        let why = "must specify at least one Object or External metric to support scaling to zero replicas";
        faults.forbidden(spec.path("metrics"), why);
    }
    if items.is_empty() {
        let source = Source::Resource { name: "cpu".to_owned() };
        let target = Target::Utilization(80);
        return Some(vec![Metric { source, target }]);
    }
    let all: Vec<Option<Metric>> = items.iter().map(|(path, item)| metric(path, item, faults)).collect();
    all.into_iter().collect()
}

fn metric(path: &str, item: &Value, faults: &mut Faults) -> Option<Metric> {
    let known = ["type", "object", "external", "pods", "resource", "containerResource"];
    let metric = Fields::read(Some(item), path, &known, faults);
    let kind = metric.text("type", faults).unwrap_or("");
    if kind.is_empty() {
        faults.required(metric.path("type"), "must specify a metric source type");
    }
    let own = SOURCES.iter().find(|(name, _)| *name == kind).map(|(_, field)| *field);
    if own.is_none() {
        faults.unsupported(metric.path("type"), kind, &SUPPORTED);
    }
    let present = SOURCES.iter().map(|(_, field)| *field);
    let present: Vec<&str> = present.filter(|field| metric.value(field).is_some()).collect();
    let read = present.first().and_then(|field| source(&metric, field, faults));
    if let Some(own) = own.filter(|own| !present.contains(own)) {
        let why = "must populate information for the given metric source";
        faults.required(metric.path(own), why);
    }
    if present.len() != 1 {
        for other in present.iter().filter(|field| Some(**field) != own) {
            faults.forbidden(metric.path(other), "must populate the given metric source only");
        }
    } else if let (Some(own), [other]) = (own, present.as_slice())
        && own != *other
    {
        return None;
    }
    read
}

fn source(metric: &Fields<'_>, field: &str, faults: &mut Faults) -> Option<Metric> {
    match field {
        "object" => {
            let object = metric.object(field, &["describedObject", "metric", "target"], faults);
            let of = reference(&object, "describedObject", false, faults);
            let name = identifier(&object, faults);
            let given = target(&object, faults);
            Some(Metric {
                source: Source::Object { metric: name, of },
                target: given.of_object(faults)?,
            })
        }
        "external" => {
            let external = metric.object(field, &["metric", "target"], faults);
            let source = Source::External(identifier(&external, faults));
            let target = target(&external, faults).of_external(faults)?;
            Some(Metric { source, target })
        }
        "pods" => {
            let pods = metric.object(field, &["metric", "target"], faults);
            let source = Source::Pods(identifier(&pods, faults));
            let target = target(&pods, faults).of_pods(faults)?;
            Some(Metric { source, target })
        }
        "resource" => {
            let resource = metric.object(field, &["name", "target"], faults);
            let name = resource_name(&resource, faults);
            let target = target(&resource, faults).of_resource(faults)?;
            let source = Source::Resource { name };
            Some(Metric { source, target })
        }
        _ => {
            let resource = metric.object(field, &["name", "container", "target"], faults);
            let name = resource_name(&resource, faults);
            of_containers(&resource, &name, faults);
            let container = container(&resource, faults);
            let target = target(&resource, faults).of_resource(faults)?;
            let source = Source::ContainerResource { name, container };
            Some(Metric { source, target })
        }
    }
}

fn resource_name(of: &Fields<'_>, faults: &mut Faults) -> String {
    let name = of.text("name", faults).unwrap_or("");
    if name.is_empty() {
        faults.required(of.path("name"), "must specify a resource name");
    }
    name.to_owned()
}

/// Tells of a resource that containers have not.
fn of_containers(of: &Fields<'_>, name: &str, faults: &mut Faults) {
    let standard = matches!(name, "" | "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
    if !standard && !name.contains('/') {
        faults.invalid(of.path("name"), name, "must be a standard resource for containers");
    }
}

fn container(of: &Fields<'_>, faults: &mut Faults) -> String {
    let name = of.text("container", faults).unwrap_or("");
    let place = of.path("container");
    if name.is_empty() {
        faults.required(place, "must specify a container");
    } else if !is_label(name) {
        let why = "a lowercase RFC 1123 label has lower case letters, digits and '-', and begins and ends with a letter or digit";
        faults.invalid(place, name, why);
    }
    name.to_owned()
}

fn identifier(of: &Fields<'_>, faults: &mut Faults) -> Identifier {
    let metric = of.object("metric", &["name", "selector"], faults);
    let name = metric.text("name", faults).unwrap_or("");
    match name {
        "" => faults.required(metric.path("name"), "must specify a metric name"),
        name => path_segment(&metric.path("name"), name, faults),
    }
    let selector = metric.object("selector", &["matchLabels", "matchExpressions"], faults);
    selector.texts("matchLabels", faults);
    Identifier {
        name: name.to_owned(),
        selector: metric.value("selector").cloned(),
    }
}

/// A target as it is given: in thousandths and percent.
struct Given<'v> {
    at: Fields<'v>,
    kind: String,
    value: Option<Option<i64>>,
    average: Option<Option<i64>>,
    utilization: Option<i32>,
}

fn target<'v>(of: &Fields<'v>, faults: &mut Faults) -> Given<'v> {
    let known = ["type", "value", "averageValue", "averageUtilization"];
    let at = of.object("target", &known, faults);
    let kind = at.text("type", faults).unwrap_or("").to_owned();
    if kind.is_empty() {
        faults.required(at.path("type"), "must specify a metric target type");
    }
    if !["Utilization", "Value", "AverageValue"].contains(&kind.as_str()) {
        let why = "must be either Utilization, Value, or AverageValue";
        faults.invalid(at.path("type"), kind.as_str(), why);
    }
    let quantity = |field: &str, faults: &mut Faults| {
        at.value(field)?;
        let Some(quantity) = at.quantity(field, faults) else {
            return Some(None);
        };
        let place = at.path(field);
        if quantity.sign() != 1 {
            faults.invalid(place, quantity.to_string(), "must be positive");
        } else if quantity.milli().is_none() {
            let why = "its thousandths are more than 64 bits hold";
            faults.invalid(place, quantity.to_string(), why);
        }
        Some(quantity.milli())
    };
    let value = quantity("value", faults);
    let average = quantity("averageValue", faults);
    let utilization = at.whole("averageUtilization", faults);
    if let Some(percent) = utilization.filter(|percent| *percent < 1) {
        faults.invalid(at.path("averageUtilization"), percent, "must be greater than 0");
    }
    Given {
        at,
        kind,
        value,
        average,
        utilization,
    }
}

/// What each source takes, and which of several the controller uses.
impl Given<'_> {
    /// Its controller goes by the type.
    fn of_object(self, faults: &mut Faults) -> Option<Target> {
        if self.value.is_none() && self.average.is_none() {
            let why = "must set either a target value or averageValue";
            faults.required(self.at.path("averageValue"), why);
            return None;
        }
        let target = match self.kind.as_str() {
            "Value" => self.value.map(|value| value.map(Target::Value)),
            "AverageValue" => self.average.map(|value| value.map(Target::AverageValue)),
            _ => None,
        };
        if target.is_none() && !self.kind.is_empty() {
            let why = "no controller computes it: what this type names is not set";
            faults.invalid(self.at.path("type"), self.kind, why);
        }
        target?
    }

    fn of_external(self, faults: &mut Faults) -> Option<Target> {
        match (self.value, self.average) {
            (None, None) => {
                let why = "must set either a target value for metric or a per-pod target";
                faults.required(self.at.path("averageValue"), why);
                None
            }
            (Some(_), Some(_)) => {
                let why = "may not set both a target value for metric and a per-pod target";
                faults.forbidden(self.at.path("value"), why);
                None
            }
            (None, Some(average)) => average.map(Target::AverageValue),
            (Some(value), None) => value.map(Target::Value),
        }
    }

    fn of_pods(self, faults: &mut Faults) -> Option<Target> {
        if self.average.is_none() {
            let why = "must specify a positive target averageValue";
            faults.required(self.at.path("averageValue"), why);
        }
        self.average.flatten().map(Target::AverageValue)
    }

    fn of_resource(self, faults: &mut Faults) -> Option<Target> {
        if self.average.is_some() && self.utilization.is_some() {
            let why = "may not set both a target raw value and a target utilization";
            faults.forbidden(self.at.path("averageValue"), why);
        }
        if self.average.is_none() && self.utilization.is_none() {
            if self.at.value("averageUtilization").is_none() {
                let why = "must set either a target raw value or a target utilization";
                faults.required(self.at.path("averageUtilization"), why);
            }
            return None;
        }
        match self.average {
            Some(average) => average.map(Target::AverageValue),
            None => self.utilization.map(Target::Utilization),
        }
    }
}
