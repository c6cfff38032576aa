//! The names under which exporters and model servers publish a signal, the current name first.
//!
//! A name is here only where its meaning and its unit are the signal's. Left out, and why:
//! - `DCGM_FI_DEV_GPU_UTIL_RATIO`: in DCGM 4.6 another name of field 203, a percentage; later versions have a field of its own for
//!   the ratio, and both stand under this name.
//! - AMD's memory and activity of GPUs that are partitioned: the rows hold for whole ones.
//! - Triton's `nv_gpu_*`: DCGM's own figures at second hand, in other units, without the pod that holds the GPU.
//! - `nv_inference_count`: elements of batches, not requests. `tgi_request_count`: requests that came, not those that ended.
//! - `sglang:gen_throughput`: a rate over the server's own interval, beside the counter from which the step's rate is taken.
//! - `ray_serve_deployment_queued_queries`: told by the caller's pod, not by the one that serves.
//! - The endpoint picker's `inference_pool_*`, `llm_d_epp_*` and, before, `inference_extension_*`: of a pool, or the servers' own
//!   gauges at second hand under the picker's pod. What servers do not have, the queue before them, is zero unless flow control is
//!   on, which it is not by default.
//! - `trtllm_time_per_output_token_seconds`, `vllm:request_time_per_output_token_seconds`, `tgi_request_mean_time_per_token_duration`:
//!   a request's mean, each request counted once, where the latency between tokens counts each token; TGI's holds the prefill, too.
//!   `sglang:time_per_output_token_seconds`, which was there before `inter_token_latency_seconds`: versions differ in which of both
//!   it is.
//! - `nv_inference_first_response_histogram_ms`: Triton's first response is the first token of a backend that streams, and all of the
//!   answer of one that does not; off by default, and in milliseconds. Its other latencies are counters and summaries.
//! - Token counts of native histograms: not every server that answers PromQL has `histogram_sum`.

use serde::Deserialize;

use super::Provenance;
use crate::model::usage::Signal;

/// One name of one signal.
#[derive(Debug, Clone, Deserialize)]
pub struct MetricName {
    /// What it measures.
    pub signal: Signal,
    /// The Prometheus metric; of a histogram the name without `_bucket`, `_sum` and `_count`, which a native one has alone.
    pub metric: String,
    /// Label matchers for those of its series that carry the signal, without braces; empty where all do.
    pub matcher: String,
    /// Where the row comes from.
    #[serde(flatten)]
    pub provenance: Provenance,
}
