//! What alert rules are made of, from a source: no series is read for it.

use jiff::SignedDuration;

use super::live;
use super::{PipelineError, Source};
use crate::catalog::Catalog;
use crate::model::cluster::Inventory;
use crate::model::metrics::MetricFacts;
use crate::model::progress::Progress;
use crate::model::reading::Reading;
use crate::sources::recording;

/// The end of the window that is looked at: labels of now are what rules must match.
const LOOKED_AT: SignedDuration = SignedDuration::from_hours(6);

/// What rules are made of.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsOf {
    /// What the cluster is called.
    pub cluster: String,
    /// The currency in which its costs are told.
    pub currency: String,
    /// Its metrics.
    pub facts: MetricFacts,
}

/// Finds which metrics a source has, with which labels.
///
/// # Errors
/// As [`PipelineError`] says; `NoMetricFacts` for a recording that does not tell.
pub async fn metrics_of(
    source: &Source,
    catalog: &Catalog,
    progress: &dyn Progress,
) -> Result<MetricsOf, PipelineError> {
    let (reading, what) = match source {
        Source::Demo => (recording::demo()?, "the world inside this binary"),
        Source::Recording { folder, .. } => (recording::open(folder)?.reading, "this recording"),
        Source::Live(live) => {
            let mut live = live.clone();
            live.window = live.window.min(LOOKED_AT);
            live.metric_facts = true;
            let open = live::open_what_answers(&live, catalog, progress).await?;
            (open.reading, "this cluster")
        }
    };
    let Reading {
        cluster,
        currency,
        inventory: Inventory { metrics, .. },
        ..
    } = reading;
    let facts = metrics.ok_or(PipelineError::NoMetricFacts(what))?;
    Ok(MetricsOf {
        cluster,
        currency,
        facts,
    })
}
