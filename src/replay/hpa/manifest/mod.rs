//! A HorizontalPodAutoscaler of `autoscaling/v2` as its owner writes it: read as the API server of Kubernetes 1.36 reads one, with
//! its rules, its defaults and its messages.

pub mod behavior;
mod metrics;

use serde_json::Value;

use super::Autoscaler;
use super::proposal::Tolerance;
use super::quantity::Quantity;
use super::spec::{Behavior, Rules};
use crate::replay::fields::{self, Faults, Fields, METADATA};

/// What of the ratio is no change where nobody says otherwise: `--horizontal-pod-autoscaler-tolerance`.
pub const TOLERANCE: f64 = 0.1;

/// An autoscaler that the API server takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// `metadata.name`; empty where it is generated.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: Option<String>,
    /// What it scales.
    pub target: Reference,
    /// Bounds, behaviour and tolerances, completed.
    pub autoscaler: Autoscaler,
    /// Its metrics, in their order; CPU at 80 % of requests where it names none.
    pub metrics: Vec<Metric>,
}

/// An object that another names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `name`.
    pub name: String,
}

/// A metric with its target.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Where its values come from.
    pub source: Source,
    /// What they should be.
    pub target: Target,
}

/// Where a metric's values come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A resource of whole pods, such as `cpu`.
    Resource {
        /// The resource.
        name: String,
    },
    /// A resource of one container of each pod.
    ContainerResource {
        /// The resource.
        name: String,
        /// The container.
        container: String,
    },
    /// A metric of each pod.
    Pods(Identifier),
    /// A metric of an object.
    Object {
        /// The metric.
        metric: Identifier,
        /// The object.
        of: Reference,
    },
    /// A metric of something outside the cluster, or of a query.
    External(Identifier),
}

/// A metric's name, and which of its series are meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Identifier {
    /// The name.
    pub name: String,
    /// A label selector as it stands.
    pub selector: Option<Value>,
}

/// What a metric should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// In all, in thousandths.
    Value(i64),
    /// For each pod, in thousandths.
    AverageValue(i64),
    /// In percent of what pods request.
    Utilization(i32),
}

impl Metric {
    /// What people call it: the metric, or the resource, with its container.
    pub fn name(&self) -> String {
        match &self.source {
            Source::Resource { name } => name.clone(),
            Source::ContainerResource { name, container } => format!("{container}/{name}"),
            Source::Pods(metric) | Source::External(metric) | Source::Object { metric, .. } => metric.name.clone(),
        }
    }

    /// Whether it belongs to no pod.
    pub fn is_without_pods(&self) -> bool {
        matches!(self.source, Source::Object { .. } | Source::External(_))
    }

    /// The reason of the condition `ScalingActive` where it cannot be read.
    pub fn reason(&self) -> &'static str {
        match self.source {
            Source::Resource { .. } => "FailedGetResourceMetric",
            Source::ContainerResource { .. } => "FailedGetContainerResourceMetric",
            Source::Pods(_) => "FailedGetPodsMetric",
            Source::Object { .. } => "FailedGetObjectMetric",
            Source::External(_) => "FailedGetExternalMetric",
        }
    }
}

/// Reads the one autoscaler of a YAML or JSON text; zero replicas are only for clusters with the gate `HPAScaleToZero`.
///
/// # Errors
/// Everything for which the API server would refuse it, and what no controller could compute.
pub fn read(text: &str, scale_to_zero: bool) -> Result<Manifest, Faults> {
    let documents = fields::documents(text)?;
    of(
        fields::the_one(&documents, "autoscaling/v2", "HorizontalPodAutoscaler")?,
        scale_to_zero,
    )
}

/// The same of a document that was read.
///
/// # Errors
/// The same.
pub fn of(document: &Value, scale_to_zero: bool) -> Result<Manifest, Faults> {
    let mut faults = Faults::default();
    let known = ["apiVersion", "kind", "metadata", "spec", "status"];
    let root = Fields::read(Some(document), "", &known, &mut faults);
    let metadata = root.object("metadata", &METADATA, &mut faults);
    let (name, namespace) = fields::named(&metadata, &mut faults);
    let known = ["scaleTargetRef", "minReplicas", "maxReplicas", "metrics", "behavior"];
    let spec = root.object("spec", &known, &mut faults);
    let min = spec.whole("minReplicas", &mut faults);
    let (min, max) = bounds(&spec, min, scale_to_zero, &mut faults);
    let target = reference(&spec, "scaleTargetRef", true, &mut faults);
    let metrics = metrics::read(&spec, min, &mut faults);
    let behavior = behavior::read(&spec, &mut faults);
    let manifest = metrics.map(|metrics| Manifest {
        name,
        namespace,
        target,
        autoscaler: Autoscaler {
            min,
            max,
            tolerance: tolerance(behavior.as_ref()),
            behavior,
            has_metric_without_pods: metrics.iter().any(Metric::is_without_pods),
        },
        metrics,
    });
    faults.or(manifest)
}

fn bounds(spec: &Fields<'_>, given: Option<i32>, scale_to_zero: bool, faults: &mut Faults) -> (i32, i32) {
    let least = i32::from(!scale_to_zero);
    if let Some(min) = given.filter(|min| *min < least) {
        let why = format!("must be greater than or equal to {least}");
        faults.invalid(spec.path("minReplicas"), min, &why);
    }
    let before = faults.0.len();
    let max = spec.whole("maxReplicas", faults).unwrap_or(0);
    if faults.0.len() > before {
        return (given.unwrap_or(1), max);
    }
    if max < 1 {
        faults.invalid(spec.path("maxReplicas"), max, "must be greater than 0");
    }
    if given.is_some_and(|min| max < min) {
        let why = "must be greater than or equal to `minReplicas`";
        faults.invalid(spec.path("maxReplicas"), max, why);
    }
    (given.unwrap_or(1), max)
}

/// What is named at a field. What is scaled is of a group, but for replication controllers.
fn reference(of: &Fields<'_>, field: &str, grouped: bool, faults: &mut Faults) -> Reference {
    let at = of.object(field, &["apiVersion", "kind", "name"], faults);
    let mut part = |field: &str| {
        let text = at.text(field, faults).unwrap_or("");
        match text {
            "" => faults.required(at.path(field), ""),
            text => fields::path_segment(&at.path(field), text, faults),
        }
        text.to_owned()
    };
    let (kind, name) = (part("kind"), part("name"));
    let version = at.text("apiVersion", faults).unwrap_or("");
    let place = at.path("apiVersion");
    if version.matches('/').count() > 1 {
        let why = format!("unexpected GroupVersion string: {version}");
        faults.invalid(place, version, &why);
    } else if grouped
        && kind != "ReplicationController"
        && version.split_once('/').is_none_or(|(group, _)| group.is_empty())
    {
        faults.invalid(place, version, "apiVersion must specify API group");
    }
    Reference {
        api_version: version.to_owned(),
        kind,
        name,
    }
}

/// What change of a ratio is none, with what its owner says of it.
pub fn tolerance(behavior: Option<&Behavior>) -> Tolerance {
    let of = |rules: Option<&Rules>| {
        let own = rules.and_then(|rules| rules.tolerance.as_ref());
        own.map_or(TOLERANCE, Quantity::as_f64)
    };
    Tolerance {
        up: of(behavior.and_then(|all| all.scale_up.as_ref())),
        down: of(behavior.and_then(|all| all.scale_down.as_ref())),
    }
}

#[cfg(test)]
mod tests;
