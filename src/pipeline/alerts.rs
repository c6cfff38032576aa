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

/// The code of the gap where no cost source answered.
const NO_COSTS: &str = "no-costs";

/// What rules are made of.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsOf {
    /// What the cluster is called.
    pub cluster: String,
    /// The currency in which its costs are told; `None` where nobody told it.
    pub currency: Option<String>,
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
    let (reading, currency, what) = match source {
        Source::Demo => {
            let demo = recording::demo()?;
            let currency = kept(&demo);
            (demo, currency, "the world inside this binary")
        }
        Source::Recording { folder, .. } => {
            let reading = recording::open(folder)?.reading;
            let currency = kept(&reading);
            (reading, currency, "this recording")
        }
        Source::Live(live) => {
            let mut live = live.clone();
            live.window = live.window.min(LOOKED_AT);
            live.metric_facts = true;
            let open = live::open_what_answers(&live, catalog, progress).await?;
            (open.reading, open.currency, "this cluster")
        }
    };
    let Reading {
        cluster,
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

/// The currency that a recording keeps, unless no cost source was asked: it keeps one all the same.
fn kept(reading: &Reading) -> Option<String> {
    let asked = !reading.gaps.iter().any(|gap| gap.code == NO_COSTS);
    asked.then(|| reading.currency.clone())
}
