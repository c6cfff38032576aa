//! Made-up series for tests of rules, with exactly the labels that the cluster's own have: only names of nodes, pods and devices are
//! put in.

use crate::model::cluster::Labels;
use crate::model::metrics::Example;

use super::promql::{Metric, quoted};

/// Series in promtool's notation.
#[derive(Debug, Clone, Default)]
pub(super) struct Scene {
    pub(super) input: Vec<(String, String)>,
}

/// Whose a series is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Of<'p> {
    pub(super) node: &'p str,
    /// Namespace and name; of a GPU `None` is one that nobody holds.
    pub(super) pod: Option<(&'p str, &'p str)>,
    pub(super) device: Option<&'p str>,
    /// Which of the labels that hold nodes' names is meant, in a cluster whose exporters disagree.
    pub(super) dialect: usize,
    /// Labels with values of the test's own.
    pub(super) also: &'p [(&'p str, &'p str)],
}

impl Scene {
    /// With a series more.
    pub(super) fn with(mut self, metric: &Metric<'_>, of: Of<'_>, values: impl Into<String>) -> Self {
        self.input.push((series(metric, of), values.into()));
        self
    }
}

/// Whether the target of this metric's series was up, by these of their labels and those that tell clusters apart.
pub(super) fn up(metric: &Metric<'_>, by: &[&str]) -> String {
    let labels = metric.fact.examples.first().map(|example| example.labels.iter());
    let kept = labels.into_iter().flatten();
    let kept = kept.filter(|(name, _)| by.contains(&name.as_str()) || metric.within.contains(&format!("{name}=")));
    let labels: Vec<String> = kept.map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    format!("up{{{}}}", labels.join(","))
}

/// A value that stays for so many steps.
pub(super) fn steady(value: f64, steps: usize) -> String {
    format!("{value}+0x{steps}")
}

fn series(metric: &Metric<'_>, of: Of<'_>) -> String {
    let mut labels = example(metric, &of)
        .map(|example| example.labels.clone())
        .unwrap_or_default();
    name_node(metric, &of, &mut labels);
    name_pod(metric, &of, &mut labels);
    if let (Some(label), Some(device)) = (&metric.fact.device, of.device) {
        labels.insert(label.clone(), device.to_owned());
    }
    for (name, value) in of.also {
        labels.insert((*name).to_owned(), (*value).to_owned());
    }
    let labels: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}={}", quoted(value)))
        .collect();
    format!("{}{{{}}}", metric.fact.name, labels.join(","))
}

/// The series that the cluster has of such a thing.
fn example<'f>(metric: &Metric<'f>, of: &Of<'_>) -> Option<&'f Example> {
    let label = metric.fact.node.get(of.dialect);
    let fits = |example: &&Example| label.is_none_or(|label| example.labels.contains_key(label));
    let all = || metric.fact.examples.iter();
    let held = of.pod.is_some();
    let like = |example: &&Example| example.held == held;
    let best = all().find(|example| fits(example) && like(example));
    // Of a pod, the dialect counts more than whether the series that was seen had one; of nobody's, the other way around.
    let next = all().find(|example| if held { fits(example) } else { like(example) });
    best.or(next).or_else(|| all().next())
}

/// The node's name wherever the example has its own.
fn name_node(metric: &Metric<'_>, of: &Of<'_>, labels: &mut Labels) {
    let named = || metric.fact.node.iter();
    let own = named().find_map(|label| labels.get(label)).cloned();
    match own {
        Some(own) => labels
            .values_mut()
            .filter(|value| **value == own)
            .for_each(|value| of.node.clone_into(value)),
        None => {
            _ = named()
                .next()
                .map(|label| labels.insert(label.clone(), of.node.to_owned()))
        }
    }
}

fn name_pod(metric: &Metric<'_>, of: &Of<'_>, labels: &mut Labels) {
    let Some(pod) = &metric.fact.pod else { return };
    match of.pod {
        Some((namespace, name)) => {
            labels.insert(pod.namespace.clone(), namespace.to_owned());
            labels.insert(pod.name.clone(), name.to_owned());
        }
        // Without an example of a GPU that nobody holds: as one that is held, without who does.
        None if metric.fact.examples.iter().all(|example| example.held) => {
            labels.remove(&pod.namespace);
            labels.remove(&pod.name);
        }
        None => {}
    }
}
