//! Requests at scrape interval, read when it is known whose pods are whose.

use super::PipelineError;
use crate::catalog::Catalog;
use crate::model::gap::Gap;
use crate::model::progress::Progress;
use crate::model::reading::RequestsOf;
use crate::sources::collect::Outline;
use crate::sources::prometheus;
use crate::sources::prometheus::client::PrometheusClient;

/// The requests of the workloads whose GPUs cost the most, and what could not be read of them. Neither teams nor prices of a policy
/// choose them, so that a recording has those that a live run has.
pub(super) async fn requests(
    client: &PrometheusClient,
    catalog: &Catalog,
    outline: &Outline<'_>,
    limit: usize,
    progress: &dyn Progress,
) -> Result<(Vec<RequestsOf>, Vec<Gap>), PipelineError> {
    let served = outline.served(limit);
    if served.keys.is_empty() {
        return Ok((Vec::new(), served.gaps));
    }
    let window = outline.window();
    let read = prometheus::requests::requests(client, catalog, window, &served.asked, progress).await?;
    let gaps = served.gaps.iter().cloned().chain(read.gaps).collect();
    Ok((served.named(read.histories), gaps))
}
