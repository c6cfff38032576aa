//! A cluster whose Prometheus is down: what there is and what it costs, and nothing of what it does.

use jiff::Timestamp;

use super::PipelineError;
use super::grid::{STEP_SECONDS, grid_of};
use super::live::{Kubernetes, Live, take_costs, together};
use crate::model::gap::{Gap, PROMETHEUS_DOWN, UNKNOWN_WITHOUT_PROMETHEUS};
use crate::model::progress::Progress;
use crate::model::reading::Reading;
use crate::sources::kubernetes;
use crate::sources::opencost::{self, OpenCostClient};
use crate::sources::prometheus::error::PrometheusError;
use crate::sources::prometheus::history::History;
use crate::sources::transport::Transport;

/// Reads a cluster without its metrics, if the rest of it is there to be read: a Prometheus that was named and is only down is one
/// source of three.
///
/// # Errors
/// The outage itself where Kubernetes is not read, and as [`PipelineError`] says.
pub(super) async fn reading(
    live: &Live,
    down: PrometheusError,
    progress: &dyn Progress,
) -> Result<Reading, PipelineError> {
    let Kubernetes::Read { kubeconfig, context } = &live.kubernetes else {
        return Err(down.into());
    };
    if live.prometheus.is_none() || !down.is_outage() {
        return Err(down.into());
    }
    let silence = live.looked_for.timeout;
    let Ok(connection) = kubernetes::connect(kubeconfig.as_deref(), context.as_deref(), silence).await else {
        // Two sources of three: of the rest nothing can be said.
        return Err(down.into());
    };
    progress.note(&format!("Prometheus: {down}; going on without it"));
    let objects = kubernetes::read(&connection, progress).await?;
    let until = live.until.unwrap_or_else(Timestamp::now);
    let grid = grid_of(live.window, until, live.step_seconds.unwrap_or(STEP_SECONDS))?;
    let costs = match &live.costs {
        Some(costs) => {
            let way = Transport::open(costs, Some(&connection), opencost::client::SILENCE)?;
            match opencost::read(&OpenCostClient::over(way), grid.window, progress).await {
                Err(error) if !error.is_outage() => return Err(error.into()),
                read => read.map_err(Some),
            }
        }
        None => Err(None),
    };
    let (mut inventory, mut gaps) = together(objects, History::default());
    gaps.push(Gap::new(
        PROMETHEUS_DOWN,
        UNKNOWN_WITHOUT_PROMETHEUS,
        down.to_string(),
        "bring Prometheus back, and run again",
    ));
    let (currency, billed) = take_costs(costs, &mut inventory, &mut gaps);
    let cluster = live.cluster.clone().or(billed).or(connection.context);
    let mut reading = Reading {
        cluster: cluster.unwrap_or_else(|| "cluster".to_owned()),
        grid,
        currency: currency.unwrap_or_else(|| "USD".to_owned()),
        inventory,
        series: Vec::new(),
        requests: Vec::new(),
        asked: Vec::new(),
        gaps,
    };
    reading.settle();
    Ok(reading)
}
