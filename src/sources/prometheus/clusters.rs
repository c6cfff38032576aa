//! Which cluster this is, in a store that keeps the series of several: told by its nodes or by its name, never guessed.

mod bare;
mod groups;
mod nodes;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::client::PrometheusClient;
use super::decode::SeriesRow;
use super::error::PrometheusError;
use super::flavour::Flavour;
use super::history::grid_to_end;
use super::kube_state::gpu_requests;
use super::matcher::{Matcher, Matchers, Op};
use super::read::{refused, warned};
use super::split::chunks;
use crate::catalog::Catalog;
use crate::model::gap::Gap;
use crate::model::time::Window;
use crate::model::usage::Signal;
pub use bare::{GPUS_LEFT_OUT, STATE_LEFT_OUT};
pub use groups::Known;
use groups::Series;

/// Labels that tell clusters apart in stores of several: external labels of a scraper, as the stores' own guides name them.
const LABELS: [&str; 8] = [
    "cluster",
    "cluster_name",
    "cluster_id",
    "clusterID",
    "k8s_cluster",
    "k8s_cluster_name",
    "kubernetes_cluster",
    "kube_cluster_name",
];

/// Google's names of clusters are unique within a place of a project; both are labels of every series there.
const OF_GOOGLE: [&str; 2] = ["location", "project_id"];

/// Labels of a device and of its node.
const DEVICE: &str = "UUID, gpu_uuid, Hostname, hostname, node, exported_node";

/// Labels of a node alone.
const NODE: &str = "Hostname, hostname, node, exported_node";

/// Kinds of series: of GPUs, of pods that ask for them (kube-state-metrics), of model servers.
const GPUS: &str = "gpus";
const PODS: &str = "pods";
const SERVERS: &str = "servers";

/// Over how many points of the window clusters are looked for.
pub(super) const PROBES: u32 = 48;

/// Signals of which every exporter has one, and every model server.
pub(super) const SIGNALS: [Signal; 4] = [
    Signal::MemoryUsed,
    Signal::GpuUtil,
    Signal::RequestsRunning,
    Signal::RequestsWaiting,
];

/// What is asked, in the words of gaps.
const SUBJECT: &str = "whether the store keeps several clusters";

/// The code of the gap that tells of a choice.
pub const CHOSEN: &str = "several-clusters";

/// The client for this cluster alone, and what is to be told of it: where the window's series of GPUs are of several clusters,
/// the one whose nodes are known, or whose name is.
///
/// # Errors
/// When there are several and none is surely this one, when the server does not tell and nobody named one, when nothing matches
/// what was asked for and something would otherwise, when the nodes of the series are not those that are known, and as for
/// [`super::read::series`].
pub async fn narrowed(
    client: PrometheusClient,
    catalog: &Catalog,
    window: Window,
    known: &Known,
) -> Result<(PrometheusClient, Vec<Gap>), PrometheusError> {
    let mut gaps = Vec::new();
    let labels = labels_of(&client);
    let question = Question {
        catalog,
        window,
        labels: &labels,
    };
    let besides = if known.held.is_empty() { "" } else { NODE };
    let seen = match question.ask(&client, besides, &mut gaps).await {
        // Whoever named a cluster needs no answer.
        Err(PrometheusError::Refused {
            error_type, message, ..
        }) if client.matchers().0.iter().any(is_named) => {
            gaps.push(refused(SUBJECT, &error_type, &message));
            return Ok((client, gaps));
        }
        answer => answer.map_err(untold)?,
    };
    if seen.is_empty() && !client.matchers().is_empty() && gaps.is_empty() {
        return question.elsewhere(client).await;
    }
    let mut bare = question.bare(&client, &seen, &mut gaps).await?;
    // Who named a label has said which of its values are meant.
    let open: Vec<&str> = labels
        .iter()
        .copied()
        .filter(|label| !client.matchers().name(label))
        .collect();
    let (client, ours) = if groups::are_several(&seen, &open) {
        let series = question.ask(&client, DEVICE, &mut gaps).await.map_err(untold)?;
        let chosen = groups::choose(series, &open, known).map_err(|there| PrometheusError::SeveralClusters {
            url: client.shown().to_owned(),
            there: groups::listed(&there),
            flag: groups::first(&there),
        })?;
        gaps.extend(chosen.gap());
        bare.extend(chosen.bare);
        let mut matchers = client.matchers().clone();
        matchers.0.extend(chosen.matchers);
        (client.within(matchers), chosen.series)
    } else {
        (client, seen)
    };
    gaps.extend(bare::gaps(&bare));
    match nodes::of_another(&ours, known, window) {
        None => Ok((client, gaps)),
        Some((there, here)) => Err(PrometheusError::OtherNodes {
            url: client.shown().to_owned(),
            asked: client.matchers().to_string(),
            there,
            here,
        }),
    }
}

fn labels_of(client: &PrometheusClient) -> Vec<&'static str> {
    let own = if client.flavour() == Flavour::Google {
        &OF_GOOGLE[..]
    } else {
        &[]
    };
    LABELS.iter().chain(own).copied().collect()
}

/// Whether it says which series are meant, and not only which are not.
fn is_named(matcher: &Matcher) -> bool {
    matches!(matcher.op, Op::Equal | Op::Match)
}

/// Half an answer is none: the cluster that is missing in it would be merged with this one.
fn untold(error: PrometheusError) -> PrometheusError {
    match error {
        PrometheusError::Refused {
            url,
            error_type,
            message,
        } => PrometheusError::ClustersUntold {
            url,
            error_type,
            message,
        },
        other => other,
    }
}

/// What is asked of a store.
struct Question<'q> {
    catalog: &'q Catalog,
    window: Window,
    labels: &'q [&'static str],
}

impl Question<'_> {
    /// The series of GPUs, of pods that ask for them and of model servers, counted by the labels of clusters and these besides.
    async fn ask(
        &self,
        client: &PrometheusClient,
        besides: &str,
        gaps: &mut Vec<Gap>,
    ) -> Result<Vec<Series>, PrometheusError> {
        let span = u32::try_from(self.window.end.as_second() - self.window.start.as_second()).unwrap_or(0);
        let grid = grid_to_end(self.window, (span / PROBES).max(1));
        let query = query(self.catalog, self.labels, besides, client.matchers());
        let rows = Mutex::new(Vec::new());
        let sink = |row: SeriesRow| rows.lock().unwrap_or_else(PoisonError::into_inner).push(row);
        for chunk in chunks(grid) {
            let remarks = client.range(&query, chunk, &sink).await?;
            gaps.extend(remarks.warnings.iter().map(|warning| warned(SUBJECT, warning)));
        }
        let rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(rows.iter().map(|row| Series::of(row, self.labels)).collect())
    }

    /// Labels that somebody named, with kinds of series of which none has them, and would be left out in silence.
    async fn bare(
        &self,
        client: &PrometheusClient,
        seen: &[Series],
        gaps: &mut Vec<Gap>,
    ) -> Result<BTreeSet<(String, String)>, PrometheusError> {
        let is_seen = |kind: &str| seen.iter().any(|one| one.kind == kind);
        let mut bare = BTreeSet::new();
        if [GPUS, PODS, SERVERS].into_iter().all(is_seen) {
            return Ok(bare);
        }
        for label in client
            .matchers()
            .0
            .iter()
            .filter(|one| is_named(one))
            .map(|one| &one.name)
        {
            let excluded = client.matchers().0.iter().filter(|one| !is_named(one)).cloned();
            let lacking = Matchers(excluded.chain([Matcher::equal(label, "")]).collect());
            let without = client.clone().within(lacking);
            let there = match self.ask(&without, "", gaps).await {
                Err(PrometheusError::Refused {
                    error_type, message, ..
                }) => {
                    gaps.push(refused(SUBJECT, &error_type, &message));
                    continue;
                }
                answer => answer?,
            };
            // Beside GPUs that have the label, those without are a cluster of their own, and so is what comes with them.
            let is_a_cluster = is_seen(GPUS) && there.iter().any(|one| one.kind == GPUS);
            let lacking = there.into_iter().filter(|one| !is_a_cluster && !is_seen(&one.kind));
            bare.extend(lacking.map(|one| (label.clone(), one.kind)));
        }
        Ok(bare)
    }

    /// Nothing has what the client's matchers ask for: whether anything else is there.
    async fn elsewhere(&self, client: PrometheusClient) -> Result<(PrometheusClient, Vec<Gap>), PrometheusError> {
        let mut gaps = Vec::new();
        let all = client.clone().within(Matchers::default());
        let there = match self.ask(&all, "", &mut gaps).await {
            Err(PrometheusError::Refused {
                error_type, message, ..
            }) => {
                gaps.push(refused(SUBJECT, &error_type, &message));
                Vec::new()
            }
            answer => answer?,
        };
        if there.is_empty() {
            return Ok((client, gaps));
        }
        Err(PrometheusError::NoSuchCluster {
            url: client.shown().to_owned(),
            asked: client.matchers().to_string(),
            there: groups::listed(&groups::values(&there, self.labels)),
        })
    }
}

fn query(catalog: &Catalog, labels: &[&str], besides: &str, within: &Matchers) -> String {
    let [gpus, servers] = [true, false].map(|of_gpus| {
        let signals = SIGNALS.into_iter().filter(|signal| signal.is_gpu() == of_gpus);
        let names: Vec<&str> = signals.flat_map(|signal| catalog.metric_names(signal)).collect();
        within.each(names).join(" or ")
    });
    let by = [&[besides][..], labels].concat().join(", ");
    let by = by.trim_start_matches(", ");
    let kinds = [(GPUS, gpus), (PODS, gpu_requests(within, "")), (SERVERS, servers)];
    let part = |(kind, series): (&str, String)| {
        format!(r#"label_replace(count by ({by}) ({series}), "found", "{kind}", "", "")"#)
    };
    kinds.map(part).join(" or ")
}

#[cfg(test)]
mod tests;
