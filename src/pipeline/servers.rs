//! The servers of a live run: named, asked through the Kubernetes API, or looked for in the cluster.

use jiff::Timestamp;

use super::PipelineError;
use super::live::{Kubernetes, Live};
use crate::catalog::Catalog;
use crate::model::progress::Progress;
use crate::sources::discovery::{self, DiscoveryError, Found};
use crate::sources::endpoint::Endpoint;
use crate::sources::kubernetes::{self, Connection, KubernetesError};
use crate::sources::opencost::{self, OpenCostClient};
use crate::sources::prometheus::client::{self, PrometheusClient};
use crate::sources::transport::Transport;

/// Who is asked.
pub(super) struct Servers {
    /// The Kubernetes API, if it is read.
    pub(super) connection: Option<Connection>,
    /// Prometheus, or a cousin that is known by now.
    pub(super) prometheus: PrometheusClient,
    /// OpenCost or Kubecost, if there is one.
    pub(super) costs: Option<OpenCostClient>,
}

/// Finds the servers and sees that Prometheus answers, and the Kubernetes API where it is to be asked.
pub(super) async fn connect(
    live: &Live,
    kubernetes_too: bool,
    catalog: &Catalog,
    progress: &dyn Progress,
) -> Result<Servers, PipelineError> {
    let connection = match &live.kubernetes {
        Kubernetes::None => None,
        Kubernetes::Read { .. } if !kubernetes_too => None,
        Kubernetes::Read { kubeconfig, context } => {
            let silence = live.looked_for.timeout;
            let connected = kubernetes::connect(kubeconfig.as_deref(), context.as_deref(), silence).await;
            Some(connected.map_err(|error| match (error, &live.prometheus) {
                (KubernetesError::NoCluster { kubeconfig, in_cluster }, None) => {
                    let why = format!("{kubeconfig}; {in_cluster}");
                    PipelineError::Discovery(DiscoveryError::NoCluster { why })
                }
                (error, _) => error.into(),
            })?)
        }
    };
    let (prometheus, costs) = match (&live.prometheus, &connection) {
        (Some(prometheus), _) => (prometheus.clone(), live.costs.clone()),
        (None, Some(connection)) => found(live, connection, catalog, progress).await?,
        (None, None) => {
            let why = "the Kubernetes API is not read".to_owned();
            return Err(DiscoveryError::NoCluster { why }.into());
        }
    };
    let prometheus = Transport::open(&prometheus, connection.as_ref(), client::SILENCE)?;
    let costs = costs
        .map(|costs| Transport::open(&costs, connection.as_ref(), opencost::client::SILENCE))
        .transpose()?;
    let prometheus = PrometheusClient::over(prometheus).introduced().await?;
    let prometheus = prometheus.within(live.within.clone());
    Ok(Servers {
        prometheus: match live.remote_read {
            true => prometheus.with_remote_read(),
            false => prometheus,
        },
        costs: costs.map(OpenCostClient::over),
        connection,
    })
}

async fn found(
    live: &Live,
    connection: &Connection,
    catalog: &Catalog,
    progress: &dyn Progress,
) -> Result<(Endpoint, Option<Endpoint>), PipelineError> {
    let at = live.until.unwrap_or_else(Timestamp::now);
    let like = &live.looked_for;
    let Found { prometheus, costs } = discovery::discover(
        connection,
        catalog,
        like,
        at,
        &live.within,
        live.costs.is_none(),
        progress,
    )
    .await?;
    Ok((prometheus, live.costs.clone().or(costs)))
}
