//! The walk that every command shares: a source to a reading, a reading to a plan.

mod blind;
mod requests;
mod ledger;
mod metrics;
mod grid;
mod live;
mod alerts;
mod past;
mod parts;
mod prices;
mod doctor;
mod record;
mod servers;
mod objects;
mod finops;

use std::path::PathBuf;

use crate::catalog::Catalog;
use crate::deliver::DeliverError;
use crate::engine::{Judge, Scope};
use crate::model::cluster::Labels;
use crate::model::gap::{KUBERNETES_DOWN, NO_KUBERNETES};
use crate::model::ledger::Ledger;
use crate::model::plan::Plan;
use crate::model::progress::Progress;
use crate::model::reading::{Reading, RequestsOf, Series};
use crate::model::snapshot::{GpuNode, Snapshot};
use crate::model::usage::Signal;
use crate::sources::collect::Outline;
use crate::sources::discovery::DiscoveryError;
use crate::sources::endpoint::EndpointError;
use crate::sources::kubernetes::KubernetesError;
use crate::sources::opencost::OpenCostError;
use crate::sources::prometheus::error::PrometheusError;
use crate::sources::recording::{self, RecordingError};

use parts::Parted;

pub use alerts::{MetricsOf, metrics_of};
pub use doctor::doctor;
pub use ledger::{Back, LedgerSpan, before, whole_days};
pub use live::{Kubernetes, Live, UNNAMED};
pub use objects::objects;
pub use prices::{prices, prices_of};
pub use record::record;

/// Where the world is read.
#[derive(Debug, Clone)]
pub enum Source {
    /// The world inside the binary.
    Demo,
    /// A folder that `gpuwise record` wrote.
    Recording {
        /// Which.
        folder: PathBuf,
        /// How many samples are held in memory at once, eight bytes each; of more, it is judged part by part.
        samples_at_once: u64,
        /// Of how many workloads recorded requests are looked at.
        replay_limit: usize,
    },
    /// A cluster.
    Live(Box<Live>),
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// Prometheus.
    #[error("Prometheus: {0}")]
    Prometheus(#[from] PrometheusError),
    /// The cost source.
    #[error("costs: {0}")]
    Costs(#[from] OpenCostError),
    /// The Kubernetes API.
    #[error("Kubernetes: {0}")]
    Kubernetes(#[from] KubernetesError),
    /// The Kubernetes API is down, whose nodes would have told which of the clusters in a store is this one.
    #[error("Kubernetes: {kubernetes}; and without it: {prometheus}")]
    NotToldApart {
        /// Why it is down.
        kubernetes: Box<KubernetesError>,
        /// What there is in the store.
        prometheus: Box<PrometheusError>,
    },
    /// Workloads were asked for by labels, which nobody told.
    #[error(
        "--selector asks for labels, which the Kubernetes API tells, and it was not read: {why}; do without --selector (by \
         --namespace, for one), or read the cluster with its API"
    )]
    NoLabels {
        /// Why not.
        why: String,
        /// Whether it was only down.
        down: bool,
    },
    /// Prometheus or the cost source were to be found, and were not.
    #[error("{0}")]
    Discovery(#[from] DiscoveryError),
    /// A recording.
    #[error("recording: {0}")]
    Recording(#[from] RecordingError),
    /// What was made could not be written.
    #[error("{0}")]
    Deliver(#[from] DeliverError),
    /// A URL or its credentials.
    #[error("{0}")]
    Endpoint(#[from] EndpointError),
    /// There is nothing to judge.
    #[error(
        "there is nothing to analyze: {0}. If the cluster has GPUs, check the context, that Prometheus scrapes its \
         dcgm-exporter, and that --window reaches back to when they were in use"
    )]
    Nothing(String),
    /// A recording does not tell which labels metrics have.
    #[error(
        "{0} does not tell which labels metrics have: it was made by an earlier version, or redacted, and rules that match \
         pseudonyms would never fire; record the cluster again with `gpuwise record`, or name it with --prometheus"
    )]
    NoMetricFacts(&'static str),
    /// The facts inside the binary.
    #[error("the catalogue inside this binary cannot be read: {0}")]
    Catalog(#[from] crate::catalog::BadTable),
    /// The window is none.
    #[error("{0}")]
    Window(String),
}

/// A source, read as far as it fits in memory.
enum Opened {
    /// All of it.
    Whole(Box<Reading>),
    /// All but the series.
    Parted(Parted),
}

impl Opened {
    fn reading(&self) -> &Reading {
        match self {
            Self::Whole(reading) => reading,
            Self::Parted(cluster) => cluster.reading(),
        }
    }
}

async fn open(
    source: &Source,
    scope: &Scope,
    catalog: &Catalog,
    progress: &dyn Progress,
) -> Result<Opened, PipelineError> {
    let reading = match source {
        Source::Demo => recording::demo()?,
        Source::Recording {
            folder,
            samples_at_once,
            replay_limit,
        } => {
            progress.stage("reading the recording", None);
            let recorded = recording::open(folder)?.with_requests_of(*replay_limit);
            labels_are_told(&recorded.reading, scope)?;
            if recorded.samples() > *samples_at_once {
                return Ok(Opened::Parted(Parted::recorded(recorded, *samples_at_once)));
            }
            recorded.whole()?
        }
        Source::Live(live) => {
            let open = live::open_what_answers(live, catalog, progress).await?;
            labels_are_told(&open.reading, scope)?;
            let at_once = live.samples_at_once;
            if !parts::is_small(&open.reading, at_once)
                && let Some(found) = parts::look(&open, catalog, progress).await?
                && !parts::is_few(&found, &open.reading, at_once)
            {
                return Ok(Opened::Parted(Parted::live(open, found, at_once)));
            }
            open.whole(catalog, progress).await?
        }
    };
    Ok(Opened::Whole(Box::new(reading)))
}

/// Nobody's labels are known without the Kubernetes API: whatever a selector held then would be wrong. Told before the series
/// are read.
fn labels_are_told(reading: &Reading, scope: &Scope) -> Result<(), PipelineError> {
    let unread = [NO_KUBERNETES, KUBERNETES_DOWN];
    let unread = reading.gaps.iter().find(|gap| unread.contains(&gap.code.as_str()));
    match unread {
        Some(gap) if !scope.selector.is_empty() => Err(PipelineError::NoLabels {
            why: gap.why.clone(),
            down: gap.code == KUBERNETES_DOWN,
        }),
        _ => Ok(()),
    }
}

/// Opens a source to be judged: of a cluster whose Prometheus is down, what the rest of it tells. A recording is not made of that.
async fn open_to_judge(
    source: &Source,
    scope: &Scope,
    catalog: &Catalog,
    progress: &dyn Progress,
) -> Result<Opened, PipelineError> {
    match (open(source, scope, catalog, progress).await, source) {
        (Err(PipelineError::Prometheus(down)), Source::Live(live)) => {
            let reading = blind::reading(live, down, progress).await?;
            Ok(Opened::Whole(Box::new(reading)))
        }
        (opened, _) => opened,
    }
}

/// A plan, and what else people ask of money: nodes with their prices, and what each day cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Books {
    /// The plan.
    pub plan: Plan,
    /// GPU nodes that exist.
    pub nodes: Vec<GpuNode>,
    /// What each day cost: as a cost source told, else of GPUs at the prices of their nodes.
    pub ledger: Ledger,
}

/// Reads a source and judges it; a cluster that is too large for memory, part by part.
///
/// # Errors
/// As [`PipelineError`] says.
pub async fn plan(
    source: &Source,
    judge: &Judge,
    scope: &Scope,
    progress: &dyn Progress,
) -> Result<Plan, PipelineError> {
    Ok(books(source, judge, scope, progress).await?.plan)
}

/// The same, with what else people ask of money.
///
/// # Errors
/// As [`PipelineError`] says.
pub async fn books(
    source: &Source,
    judge: &Judge,
    scope: &Scope,
    progress: &dyn Progress,
) -> Result<Books, PipelineError> {
    match open_to_judge(source, scope, judge.catalog(), progress).await? {
        Opened::Whole(mut reading) => {
            let history = (
                std::mem::take(&mut reading.series),
                std::mem::take(&mut reading.requests),
            );
            judged(&reading, history, judge, scope, progress)
        }
        Opened::Parted(cluster) => parts::books(&cluster, judge, scope, progress).await,
    }
}

/// Judges a reading that is in memory as a whole.
///
/// # Errors
/// When there is neither a GPU nor a workload with one in it, and when labels are asked for that nobody told.
pub fn analyze(
    reading: &Reading,
    judge: &Judge,
    scope: &Scope,
    progress: &dyn Progress,
) -> Result<Plan, PipelineError> {
    labels_are_told(reading, scope)?;
    let history = (reading.series.clone(), reading.requests.clone());
    Ok(judged(reading, history, judge, scope, progress)?.plan)
}

fn judged(
    reading: &Reading,
    (series, requests): (Vec<Series>, Vec<RequestsOf>),
    judge: &Judge,
    scope: &Scope,
    progress: &dyn Progress,
) -> Result<Books, PipelineError> {
    progress.stage("joining pods, owners and prices", None);
    let outline = outline(reading, labels(&series), judge).with_requests(requests);
    let skeleton = outline.snapshot();
    let hearing = judge.hearing(&skeleton, scope);
    let unheard = outline.unheard(series, None);
    let workloads = unheard.workloads.len();
    nothing(reading, &skeleton, workloads)?;
    progress.stage("judging workloads", Some(workloads as u64));
    let (heard, tally) = unheard.each(|workload| hearing.hear(workload, progress));
    let plan = hearing.plan(heard, |workloads| outline.whole(workloads, tally));
    Ok(finops::finish(plan, skeleton.nodes, outline.ledger(), (judge, scope)))
}

/// The labels of GPU series, and those of servers.
fn labels(series: &[Series]) -> (Vec<&Labels>, Vec<&Labels>) {
    apart(series.iter().map(|one| (one.signal, &one.labels)))
}

fn apart<'l>(all: impl Iterator<Item = (Signal, &'l Labels)>) -> (Vec<&'l Labels>, Vec<&'l Labels>) {
    let (mut devices, mut servers) = (Vec::new(), Vec::new());
    // What the server added up over pods is of neither.
    for (signal, labels) in all.filter(|(signal, _)| !signal.is_histogram()) {
        let side = if signal.is_gpu() { &mut devices } else { &mut servers };
        side.push(labels);
    }
    (devices, servers)
}

fn outline<'a>(reading: &'a Reading, labels: (Vec<&Labels>, Vec<&Labels>), judge: &'a Judge) -> Outline<'a> {
    let policy = judge.policy();
    Outline::of(
        reading,
        labels.0.into_iter(),
        labels.1.into_iter(),
        judge.catalog(),
        &policy.attribution,
        &policy.objectives.prices,
    )
}

fn nothing(reading: &Reading, outline: &Snapshot, workloads: usize) -> Result<(), PipelineError> {
    if workloads > 0 || !outline.nodes.is_empty() {
        return Ok(());
    }
    Err(PipelineError::Nothing(format!(
        "cluster {} shows no node with GPUs, and no pod held one from {} to {}",
        reading.cluster, reading.grid.window.start, reading.grid.window.end
    )))
}
