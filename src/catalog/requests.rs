//! The names under which model servers count requests and tokens, the current name first; gauges, and the tokens of answers, go by
//! the names of their signals ([`super::metrics`]).
//!
//! A name is here only where its meaning is the figure's. Left out, and why:
//! - `vllm:e2e_request_latency_seconds_count` and its like: what is counted once more as a histogram.
//! - `tgi_request_count`: requests that came, those that validation refuses among them.
//! - Metrics of gateways and endpoint pickers: of a pool or a route, and not of the pods that serve.

use serde::Deserialize;

use super::Provenance;
use crate::model::requests::Figure;

/// One name of one figure.
#[derive(Debug, Clone, Deserialize)]
pub struct RequestMetric {
    /// What it counts.
    pub figure: Figure,
    /// The Prometheus metric, a counter.
    pub metric: String,
    /// Label matchers for those of its series that count it, without braces; empty where all do.
    pub matcher: String,
    /// `beside` where it counts what the figure's other names do not, so that it is added to them; else one name is enough.
    pub beside: String,
    /// A metric of the same server that is there from the beginning: where it is and the counter is not, nothing was counted yet.
    /// Empty where the counter itself is there from the beginning, or where versions without it cannot be told.
    pub anchor: String,
    /// Where the row comes from.
    #[serde(flatten)]
    pub provenance: Provenance,
}
