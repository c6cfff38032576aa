//! The walk that every command shares: a source to a reading, a reading to a plan.

mod live;
mod servers;

use std::path::PathBuf;

use crate::engine::{Judge, Scope};
use crate::model::plan::Plan;
use crate::model::progress::Progress;
use crate::model::reading::Reading;
use crate::model::snapshot::Snapshot;
use crate::model::workload::Workload;
use crate::sources::collect::Outline;
use crate::sources::discovery::DiscoveryError;
use crate::sources::endpoint::EndpointError;
use crate::sources::kubernetes::KubernetesError;
use crate::sources::opencost::OpenCostError;
use crate::sources::prometheus::error::PrometheusError;
use crate::sources::recording::{self, RecordingError};

pub use live::{Kubernetes, Live};

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
        Source::Live(live) => live::read(live, progress).await,
    }
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
    progress.stage("joining pods, owners and prices", None);
    let gpu = reading.series.iter().filter(|series| series.signal.is_gpu());
    let devices = gpu.map(|series| &series.labels);
    let outline = Outline::of(reading, devices, judge.catalog(), &judge.policy().owner_labels);
    let skeleton = outline.snapshot();
    let mut hearing = judge.hearing(&skeleton, scope);
    let part = outline.part(reading.series.clone(), None);
    let tally = part.tally();
    nothing(reading, &skeleton, &part.workloads)?;
    progress.stage("judging workloads", Some(part.workloads.len() as u64));
    hearing.hear(part.workloads, progress);
    Ok(hearing.plan(|workloads| outline.whole(workloads, tally)))
}

fn nothing(reading: &Reading, outline: &Snapshot, workloads: &[Workload]) -> Result<(), PipelineError> {
    if !workloads.is_empty() || !outline.nodes.is_empty() {
        return Ok(());
    }
    Err(PipelineError::Nothing(format!(
        "cluster {} shows no node with GPUs, and no pod held one from {} to {}",
        reading.cluster, reading.grid.window.start, reading.grid.window.end
    )))
}
