//! The names under which exporters and model servers publish a signal, the current name first.

use serde::Deserialize;

use super::Provenance;
use crate::model::usage::Signal;

/// One name of one signal.
#[derive(Debug, Clone, Deserialize)]
pub struct MetricName {
    /// What it measures.
    pub signal: Signal,
    /// The Prometheus metric.
    pub metric: String,
    /// Where the row comes from.
    #[serde(flatten)]
    pub provenance: Provenance,
}
