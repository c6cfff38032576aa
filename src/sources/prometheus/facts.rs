//! Which metrics a store has of a cluster, and which of their labels hold names of its nodes and pods. A few instant queries tell, of
//! as many series as tell it; names of labels are compared with nothing but what they hold.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::client::PrometheusClient;
use super::decode::SeriesRow;
use super::error::PrometheusError;
use super::kube_state::GPU_RESOURCES;
use super::queries::{LONGEST_QUERY, joined};
use super::read::refused;
use crate::catalog::Catalog;
use crate::model::cluster::{Inventory, Labels};
use crate::model::gap::Gap;
use crate::model::metrics::{Example, MetricFact, MetricFacts, MetricRole, PodLabels};
use crate::model::usage::Signal;

/// Series of a metric, from either end of its values, whose labels are looked at where it has more than twice as many.
const LOOKED_AT: u64 = 1_000;

/// How far back a baseline is looked for.
const WEEK: &str = "7d";

const SUBJECT: &str = "which metrics there are, with which labels";

/// Metrics that are looked for besides those of GPUs: role, name, and matchers of the series that are meant.
///
/// Sources: OpenCost's metrics page, kube-state-metrics' docs, Karpenter's metrics (message types and reasons name the kind of
/// notice), and aws-node-termination-handler's counter `actions.node`, as OpenTelemetry writes it before and after version 1.19.
const OTHERS: [(MetricRole, &str, &str); 13] = [
    (MetricRole::NodeCost, "node_total_hourly_cost", ""),
    (MetricRole::NodeGpus, "node_gpu_count", ""),
    (MetricRole::NodeIsSpot, "kubecost_node_is_spot", ""),
    (MetricRole::GpuAllocation, "container_gpu_allocation", ""),
    (
        MetricRole::NodeAllocatable,
        "kube_node_status_allocatable",
        GPU_RESOURCES,
    ),
    (
        MetricRole::PodRequests,
        "kube_pod_container_resource_requests",
        GPU_RESOURCES,
    ),
    (MetricRole::PodRunning, "kube_pod_status_phase", r#"phase="Running""#),
    (MetricRole::NodeLabels, "kube_node_labels", ""),
    (
        MetricRole::SpotNotices,
        "karpenter_interruption_received_messages_total",
        "",
    ),
    (MetricRole::NodeDisruptions, "karpenter_nodeclaims_disrupted_total", ""),
    (MetricRole::NodeDisruptions, "karpenter_nodeclaims_terminated_total", ""),
    (MetricRole::NodeActions, "actions_node_total", ""),
    (MetricRole::NodeActions, "actions_node", ""),
];

/// Names of labels that are taken first where several hold the same: what gave way to a scrape target's own, then the usual ones.
const USUAL: [&str; 8] = [
    "exported_node",
    "node",
    "Hostname",
    "hostname",
    "kubernetes_node",
    "node_name",
    "exported_instance",
    "instance",
];

/// A metric that is looked for.
struct Asked {
    role: MetricRole,
    name: String,
    matcher: String,
}

/// What is known of the cluster otherwise.
struct Known<'i> {
    nodes: BTreeSet<&'i str>,
    pods: BTreeSet<(&'i str, &'i str)>,
    namespaces: BTreeSet<&'i str>,
    names: BTreeSet<&'i str>,
}

/// Asks at one moment; the client's matchers hold. What the server refuses is a gap.
///
/// # Errors
/// When the server cannot be reached, or does not let us in.
pub async fn metric_facts(
    client: &PrometheusClient,
    catalog: &Catalog,
    inventory: &Inventory,
    at: Timestamp,
) -> Result<(MetricFacts, Vec<Gap>), PrometheusError> {
    let (asked, mut gaps) = (asked(catalog), Vec::new());
    let counts = counts(client, &asked, at, &mut gaps).await?;
    let known = Known::of(inventory);
    let mut metrics = Vec::new();
    for (index, one) in asked.iter().enumerate() {
        let Some(series) = counts.get(&index.to_string()).filter(|series| **series > 0) else {
            continue;
        };
        let selector = client.matchers().selector(&one.name, &[&one.matcher]);
        let query = match *series > 2 * LOOKED_AT {
            true => format!("topk({LOOKED_AT}, {selector}) or bottomk({LOOKED_AT}, {selector})"),
            false => selector,
        };
        if let Some(rows) = answered(client.instant(&query, at).await, &mut gaps)? {
            let rows = rows.into_iter().map(|row| row.labels).collect();
            let mut fact = known.fact(one, *series, rows);
            if one.role == MetricRole::NodeCost {
                fact.week_before = Some(counts.contains_key(&week_of(index)));
            }
            metrics.push(fact);
        }
    }
    metrics.sort_by(|a, b| (a.role, &a.name).cmp(&(b.role, &b.name)));
    let within = client.matchers().to_string();
    Ok((MetricFacts { at, within, metrics }, gaps))
}

/// The same of series that were seen otherwise, by their metric's name; each must be one that is meant.
pub fn told(
    catalog: &Catalog,
    inventory: &Inventory,
    (at, week_before): (Timestamp, bool),
    seen: &BTreeMap<String, Vec<Labels>>,
) -> MetricFacts {
    let known = Known::of(inventory);
    let there = asked(catalog).into_iter().filter_map(|one| {
        let rows = seen.get(&one.name).filter(|rows| !rows.is_empty())?;
        let mut fact = known.fact(&one, rows.len() as u64, rows.clone());
        fact.week_before = (one.role == MetricRole::NodeCost).then_some(week_before);
        Some(fact)
    });
    let mut metrics: Vec<MetricFact> = there.collect();
    metrics.sort_by(|a, b| (a.role, &a.name).cmp(&(b.role, &b.name)));
    MetricFacts {
        at,
        within: String::new(),
        metrics,
    }
}

fn asked(catalog: &Catalog) -> Vec<Asked> {
    let of_gpus = [
        (MetricRole::GpuActivity, Signal::EngineActive),
        (MetricRole::GpuUtil, Signal::GpuUtil),
    ];
    let of_gpus = of_gpus.into_iter().flat_map(|(role, signal)| {
        catalog.metrics(signal).map(move |metric| Asked {
            role,
            name: metric.metric.clone(),
            matcher: metric.matcher.clone(),
        })
    });
    let others = OTHERS.into_iter().map(|(role, name, matcher)| Asked {
        role,
        name: name.to_owned(),
        matcher: matcher.to_owned(),
    });
    of_gpus.chain(others).collect()
}

fn week_of(index: usize) -> String {
    format!("{index}w")
}

/// How many series each has, by its place, and those of a week before.
async fn counts(
    client: &PrometheusClient,
    asked: &[Asked],
    at: Timestamp,
    gaps: &mut Vec<Gap>,
) -> Result<BTreeMap<String, u64>, PrometheusError> {
    let part = |selector: &str, found: &str| format!(r#"label_replace(count({selector}), "found", "{found}", "", "")"#);
    let parts = asked.iter().enumerate().flat_map(|(index, one)| {
        let selector = client.matchers().selector(&one.name, &[&one.matcher]);
        let before =
            (one.role == MetricRole::NodeCost).then(|| part(&format!("{selector} offset {WEEK}"), &week_of(index)));
        [part(&selector, &index.to_string())].into_iter().chain(before)
    });
    let mut counts = BTreeMap::new();
    for query in joined(parts, LONGEST_QUERY) {
        let rows = answered(client.instant(&query, at).await, gaps)?;
        for mut row in rows.into_iter().flatten() {
            let count = row.samples.last().map_or(0.0, |(_, count)| *count);
            if let (Some(found), true) = (row.labels.remove("found"), count >= 1.0) {
                counts.insert(found, count as u64);
            }
        }
    }
    Ok(counts)
}

/// The rows of an answer; nothing, and a gap, where this query alone was refused.
fn answered(
    answer: Result<(Vec<SeriesRow>, super::decode::Remarks), PrometheusError>,
    gaps: &mut Vec<Gap>,
) -> Result<Option<Vec<SeriesRow>>, PrometheusError> {
    match answer {
        Ok((rows, _)) => Ok(Some(rows)),
        Err(PrometheusError::Refused {
            error_type, message, ..
        }) => {
            gaps.push(refused(SUBJECT, &error_type, &message));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl<'i> Known<'i> {
    fn of(inventory: &'i Inventory) -> Self {
        let costs = inventory.node_costs.iter().map(|cost| cost.node.as_str());
        let held = inventory.pod_history.iter().filter_map(|pod| pod.node.as_deref());
        let own = inventory.nodes.iter().map(|node| node.name.as_str());
        let past = inventory
            .pod_history
            .iter()
            .map(|pod| (pod.namespace.as_str(), pod.name.as_str()));
        let now = inventory
            .pods
            .iter()
            .map(|pod| (pod.namespace.as_str(), pod.name.as_str()));
        let pods: BTreeSet<(&str, &str)> = now.chain(past).collect();
        let nodes = own.chain(costs).chain(held).filter(|name| !name.is_empty());
        Self {
            nodes: nodes.collect(),
            namespaces: pods.iter().map(|(namespace, _)| *namespace).collect(),
            names: pods.iter().map(|(_, name)| *name).collect(),
            pods,
        }
    }

    fn fact(&self, asked: &Asked, series: u64, mut rows: Vec<Labels>) -> MetricFact {
        for row in &mut rows {
            row.retain(|name, value| name != "__name__" && !value.is_empty());
        }
        rows.sort();
        rows.dedup();
        let labels: BTreeSet<String> = rows.iter().flat_map(|row| row.keys().cloned()).collect();
        let (node, on_nodes) = self.node_labels(&rows, &labels);
        let pod = self.pod_labels(&rows, &labels);
        let device = ["UUID", "gpu_uuid"].into_iter().find(|label| labels.contains(*label));
        MetricFact {
            role: asked.role,
            name: asked.name.clone(),
            matcher: asked.matcher.clone(),
            series,
            looked_at: rows.len() as u64,
            examples: self.examples(&rows, &node, pod.as_ref()),
            labels,
            node,
            on_nodes,
            pod,
            device: device.map(str::to_owned),
            week_before: None,
        }
    }

    /// The fewest labels by which the most series name a node. A label in which all series name the same one, as that of a scrape
    /// target does, comes after one in which they differ.
    fn node_labels(&self, rows: &[Labels], labels: &BTreeSet<String>) -> (Vec<String>, u64) {
        let mut open: Vec<&Labels> = rows.iter().collect();
        let mut chosen = Vec::new();
        loop {
            let tells = |label: &String| {
                let values = open.iter().filter_map(|row| row.get(label));
                let values: Vec<&str> = values
                    .map(String::as_str)
                    .filter(|value| self.nodes.contains(value))
                    .collect();
                let distinct: BTreeSet<&str> = values.iter().copied().collect();
                (distinct.len(), values.len())
            };
            let best = labels.iter().map(|label| (tells(label), usual(label), label)).max();
            let Some(((told, _), _, label)) = best.filter(|((told, _), ..)| *told > 0) else {
                break;
            };
            // What few series name besides is the dialect of some nodes, not a coincidence of one.
            if !chosen.is_empty() && told < 2 && open.len() < rows.len() / 10 {
                break;
            }
            open.retain(|row| row.get(label).is_none_or(|value| !self.nodes.contains(value.as_str())));
            chosen.push(label.clone());
        }
        (chosen, (rows.len() - open.len()) as u64)
    }

    /// The labels in which most pods that hold GPUs are named.
    fn pod_labels(&self, rows: &[Labels], labels: &BTreeSet<String>) -> Option<PodLabels> {
        let any = |label: &&String, names: &BTreeSet<&str>| {
            rows.iter()
                .any(|row| row.get(*label).is_some_and(|value| names.contains(value.as_str())))
        };
        let names: Vec<&String> = labels.iter().filter(|label| any(label, &self.names)).collect();
        let namespaces: Vec<&String> = labels.iter().filter(|label| any(label, &self.namespaces)).collect();
        let pairs = namespaces
            .iter()
            .flat_map(|namespace| names.iter().map(move |name| (*namespace, *name)));
        let told = |(namespace, name): (&String, &String)| {
            let pods = rows
                .iter()
                .filter_map(|row| Some((row.get(namespace)?.as_str(), row.get(name)?.as_str())));
            pods.filter(|pod| self.pods.contains(pod))
                .collect::<BTreeSet<_>>()
                .len()
        };
        let exported = |label: &str| label.starts_with("exported_");
        let best = pairs.map(|(namespace, name)| (told((namespace, name)), exported(name), namespace, name));
        let (told, _, namespace, name) = best.max()?;
        let stranger = |row: &Labels| {
            let pod = row.get(namespace).zip(row.get(name));
            pod.is_some_and(|(namespace, name)| !self.pods.contains(&(namespace.as_str(), name.as_str())))
        };
        (told > 0).then(|| PodLabels {
            namespace: namespace.clone(),
            name: name.clone(),
            others: rows.iter().any(stranger),
        })
    }

    /// Of each dialect a series of a pod that holds GPUs, if there is one, and one of none.
    fn examples(&self, rows: &[Labels], node: &[String], pod: Option<&PodLabels>) -> Vec<Example> {
        let on_node =
            |row: &Labels, label: &String| row.get(label).is_some_and(|value| self.nodes.contains(value.as_str()));
        let is_held = |row: &Labels| {
            let named = pod.and_then(|pod| Some((row.get(&pod.namespace)?.as_str(), row.get(&pod.name)?.as_str())));
            named.is_some_and(|pod| self.pods.contains(&pod))
        };
        let mut examples: Vec<&Labels> = Vec::new();
        for label in node {
            let of_dialect = || rows.iter().filter(|row| on_node(row, label));
            examples.extend(of_dialect().find(|row| is_held(row)).or_else(|| of_dialect().next()));
        }
        let on_any = |row: &Labels| node.iter().any(|label| on_node(row, label));
        examples.extend(rows.iter().find(|row| on_any(row) && !is_held(row)));
        if examples.is_empty() {
            examples.extend(rows.iter().find(|row| is_held(row)).or_else(|| rows.first()));
        }
        let mut distinct: Vec<Example> = Vec::new();
        for row in examples {
            if distinct.iter().all(|example| example.labels != *row) {
                distinct.push(Example {
                    labels: row.clone(),
                    held: is_held(row),
                });
            }
        }
        distinct
    }
}

/// The rank of a label's name among those that hold the same, the greater the better.
fn usual(label: &str) -> usize {
    let place = USUAL.iter().position(|name| *name == label);
    place.map_or(0, |place| USUAL.len() - place)
}

#[cfg(test)]
mod tests;
