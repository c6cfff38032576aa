//! The walk that every command shares: a source to a reading, a reading to a plan.

mod live;
mod parts;
mod prices;
mod doctor;
mod servers;

use std::path::PathBuf;

use crate::catalog::Catalog;
use crate::engine::{Judge, Scope};
use crate::model::cluster::Labels;
use crate::model::plan::Plan;
use crate::model::progress::Progress;
use crate::model::reading::{Reading, Series};
use crate::model::snapshot::Snapshot;
use crate::sources::collect::Outline;
use crate::sources::discovery::DiscoveryError;
use crate::sources::endpoint::EndpointError;
use crate::sources::kubernetes::KubernetesError;
use crate::sources::opencost::OpenCostError;
use crate::sources::prometheus::error::PrometheusError;
use crate::sources::recording::{self, RecordingError};

pub use doctor::doctor;
pub use live::{Kubernetes, Live};
pub use prices::{prices, prices_of};

/// Where the world is read.
#[derive(Debug, Clone)]
pub enum Source {
    /// The world inside the binary.
    Demo,
    /// A folder that `gpuwise record` wrote.
    Recording(PathBuf),
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
    /// Prometheus or the cost source were to be found, and were not.
    #[error("{0}")]
    Discovery(#[from] DiscoveryError),
    /// A recording.
    #[error("recording: {0}")]
    Recording(#[from] RecordingError),
    /// A URL or its credentials.
    #[error("{0}")]
    Endpoint(#[from] EndpointError),
    /// There is nothing to judge.
    #[error(
        "there is nothing to analyze: {0}. If the cluster has GPUs, check the context, that Prometheus scrapes its \
         dcgm-exporter, and that --window reaches back to when they were in use"
    )]
    Nothing(String),
    /// The facts inside the binary.
    #[error("the catalogue inside this binary cannot be read: {0}")]
    Catalog(#[from] crate::catalog::BadTable),
    /// The window is none.
    #[error("{0}")]
    Window(String),
}

/// Reads a source.
///
/// # Errors
/// As [`PipelineError`] says.
pub async fn read(source: &Source, progress: &dyn Progress) -> Result<Reading, PipelineError> {
    match source {
        Source::Demo => Ok(recording::demo()?),
        Source::Recording(folder) => Ok(recording::read(folder)?),
        Source::Live(live) => {
            let catalog = Catalog::shipped()?;
            live::open(live, &catalog, progress)
                .await?
                .whole(&catalog, progress)
                .await
        }
    }
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
    let reading = match source {
        Source::Live(live) => {
            let open = live::open(live, judge.catalog(), progress).await?;
            if !parts::is_small(&open.reading, live.samples_at_once) {
                return parts::plan(&open, live.samples_at_once, judge, scope, progress).await;
            }
            open.whole(judge.catalog(), progress).await?
        }
        Source::Demo | Source::Recording(_) => read(source, progress).await?,
    };
    let mut reading = reading;
    let series = std::mem::take(&mut reading.series);
    judged(&reading, series, judge, scope, progress)
}

/// Judges a reading that is in memory as a whole.
///
/// # Errors
/// When there is neither a GPU nor a workload with one in it.
pub fn analyze(
    reading: &Reading,
    judge: &Judge,
    scope: &Scope,
    progress: &dyn Progress,
) -> Result<Plan, PipelineError> {
    judged(reading, reading.series.clone(), judge, scope, progress)
}

fn judged(
    reading: &Reading,
    series: Vec<Series>,
    judge: &Judge,
    scope: &Scope,
    progress: &dyn Progress,
) -> Result<Plan, PipelineError> {
    progress.stage("joining pods, owners and prices", None);
    let (devices, servers) = labels(&series);
    let outline = outline(reading, &devices, &servers, judge);
    let skeleton = outline.snapshot();
    let mut hearing = judge.hearing(&skeleton, scope);
    let part = outline.part(series, None);
    let tally = part.tally();
    nothing(reading, &skeleton, part.workloads.len())?;
    progress.stage("judging workloads", Some(part.workloads.len() as u64));
    hearing.hear(part.workloads, progress);
    Ok(hearing.plan(|workloads| outline.whole(workloads, tally)))
}

/// The labels of GPU series, and those of servers.
fn labels(series: &[Series]) -> (Vec<Labels>, Vec<Labels>) {
    let of_pods = series.iter().filter(|series| !series.signal.is_histogram());
    let (gpu, server): (Vec<&Series>, Vec<&Series>) = of_pods.partition(|series| series.signal.is_gpu());
    let labels = |series: Vec<&Series>| -> Vec<Labels> { series.into_iter().map(|one| one.labels.clone()).collect() };
    (labels(gpu), labels(server))
}

fn outline<'a>(reading: &'a Reading, devices: &[Labels], servers: &[Labels], judge: &'a Judge) -> Outline<'a> {
    let policy = judge.policy();
    Outline::of(
        reading,
        devices.iter(),
        servers.iter(),
        judge.catalog(),
        &policy.owner_labels,
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
