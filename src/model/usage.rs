//! Measured history: signals, aligned columns with gaps, and their quantiles.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::time::Grid;

/// One measured quantity. The recording's names are these in snake case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Percent of time in which at least one kernel ran (`DCGM_FI_DEV_GPU_UTIL`, 0 to 100): says that something ran, not how much. Mean over the step.
    GpuUtil,
    /// Ratio of time in which the graphics or compute engine was active (`DCGM_FI_PROF_GR_ENGINE_ACTIVE`, 0 to 1). Mean over the step.
    EngineActive,
    /// Ratio of SMs with at least one warp resident (`DCGM_FI_PROF_SM_ACTIVE`, 0 to 1; off in the exporter's default). Mean over the step.
    SmActive,
    /// Ratio of cycles in which the tensor pipe was active (`DCGM_FI_PROF_PIPE_TENSOR_ACTIVE`, 0 to 1). Mean over the step.
    TensorActive,
    /// Ratio of cycles in which device memory was read or written (`DCGM_FI_PROF_DRAM_ACTIVE`, 0 to 1, about 0.8 in practice at most). Mean over the step.
    DramActive,
    /// Framebuffer memory in use, MiB (`DCGM_FI_DEV_FB_USED`). Maximum over the step, so that a short spike is never lost.
    MemoryUsed,
    /// Board power, watts (`DCGM_FI_DEV_POWER_USAGE`). Mean over the step.
    Power,
    /// Share of the KV cache in use (`vllm:kv_cache_usage_perc`, 0 to 1). Of several engines or models on a server the fullest. Maximum
    /// over the step.
    KvCacheUsage,
    /// Requests in execution (`vllm:num_requests_running`). Of several engines or models on a server the most. Maximum over the step.
    RequestsRunning,
    /// Requests waiting (`vllm:num_requests_waiting`). Of several engines or models on a server the most. Maximum over the step.
    RequestsWaiting,
    /// Requests finished per second (`vllm:request_success_total`), summed over reasons. Rate over the step.
    RequestsFinished,
    /// Tokens generated per second (`vllm:generation_tokens_total`). Rate over the step.
    TokensGenerated,
    /// Constant one, with the cache's geometry in its labels (`vllm:cache_config_info`).
    CacheConfig,
    /// Seconds from a request's arrival to its first token (`vllm:time_to_first_token_seconds`). A histogram.
    TimeToFirstToken,
    /// Seconds from one token of a request to the next (`vllm:inter_token_latency_seconds`); each token counts once. A histogram.
    InterTokenLatency,
    /// Seconds from a request's arrival to its last token (`vllm:e2e_request_latency_seconds`). A histogram.
    RequestLatency,
    /// Tokens of a request's prompt (`vllm:request_prompt_tokens`). A histogram.
    PromptTokens,
    /// Tokens of a request's answer (`vllm:request_generation_tokens`). A histogram.
    AnswerTokens,
}

impl Signal {
    /// Those that are a value a step, of a GPU or of a server, in the order in which they are read and recorded.
    pub const ALL: [Self; 13] = [
        Self::GpuUtil,
        Self::EngineActive,
        Self::SmActive,
        Self::TensorActive,
        Self::DramActive,
        Self::MemoryUsed,
        Self::Power,
        Self::KvCacheUsage,
        Self::RequestsRunning,
        Self::RequestsWaiting,
        Self::RequestsFinished,
        Self::TokensGenerated,
        Self::CacheConfig,
    ];

    /// Those that are a histogram an hour, summed over pods by the server (see [`super::histogram`]).
    pub const HISTOGRAMS: [Self; 5] = [
        Self::TimeToFirstToken,
        Self::InterTokenLatency,
        Self::RequestLatency,
        Self::PromptTokens,
        Self::AnswerTokens,
    ];

    /// Every signal there is.
    pub fn every() -> impl Iterator<Item = Self> + Clone {
        Self::ALL.into_iter().chain(Self::HISTOGRAMS)
    }

    /// Whether it is a histogram an hour, and not a value a step.
    pub fn is_histogram(self) -> bool {
        Self::HISTOGRAMS.contains(&self)
    }

    /// The grid on which it is read, in a reading of this one.
    pub fn grid(self, reading: Grid) -> Grid {
        if self.is_histogram() { reading.hourly() } else { reading }
    }

    /// The name in recordings and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::GpuUtil => "gpu_util",
            Self::EngineActive => "engine_active",
            Self::SmActive => "sm_active",
            Self::TensorActive => "tensor_active",
            Self::DramActive => "dram_active",
            Self::MemoryUsed => "memory_used",
            Self::Power => "power",
            Self::KvCacheUsage => "kv_cache_usage",
            Self::RequestsRunning => "requests_running",
            Self::RequestsWaiting => "requests_waiting",
            Self::RequestsFinished => "requests_finished",
            Self::TokensGenerated => "tokens_generated",
            Self::CacheConfig => "cache_config",
            Self::TimeToFirstToken => "time_to_first_token",
            Self::InterTokenLatency => "inter_token_latency",
            Self::RequestLatency => "request_latency",
            Self::PromptTokens => "prompt_tokens",
            Self::AnswerTokens => "answer_tokens",
        }
    }

    /// The signal of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::every().find(|signal| signal.name() == name)
    }

    /// What makes it readable where it is missing.
    pub fn fix(self) -> &'static str {
        match self {
            Self::GpuUtil | Self::MemoryUsed | Self::Power => {
                "run dcgm-exporter on every GPU node and have Prometheus scrape it; its default counters have this one"
            }
            Self::EngineActive | Self::TensorActive | Self::DramActive => {
                "let dcgm-exporter read profiling counters (its default counters have this one; it needs SYS_ADMIN, and no \
                 profiler may hold the GPU)"
            }
            Self::SmActive => "uncomment DCGM_FI_PROF_SM_ACTIVE in dcgm-exporter's counters file",
            Self::KvCacheUsage
            | Self::RequestsRunning
            | Self::RequestsWaiting
            | Self::RequestsFinished
            | Self::TokensGenerated
            | Self::CacheConfig
            | Self::TimeToFirstToken
            | Self::RequestLatency => {
                "have Prometheus scrape the model server's /metrics, with its pod in the labels (SGLang has it with --enable-metrics, \
                 llama.cpp with --metrics, trtllm-serve under /prometheus/metrics)"
            }
            Self::InterTokenLatency => {
                "have Prometheus scrape the model server's /metrics, histograms included (vLLM and SGLang have this one)"
            }
            Self::PromptTokens | Self::AnswerTokens => {
                "have Prometheus scrape the model server's /metrics, histograms included (SGLang has these with \
                 --collect-tokens-histogram)"
            }
        }
    }

    /// Whether it is read from a GPU (and not from a model server).
    pub fn is_gpu(self) -> bool {
        matches!(
            self,
            Self::GpuUtil
                | Self::EngineActive
                | Self::SmActive
                | Self::TensorActive
                | Self::DramActive
                | Self::MemoryUsed
                | Self::Power
        )
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A series on a grid: one value per point, or a gap. A gap is never a zero. Memory is that of the span between the first
/// and the last value, as most pods live for a small part of a window.
#[derive(Debug, Clone, Default)]
pub struct Column {
    points: usize,
    /// The point of the first of `values`.
    first: usize,
    // NaN marks a gap; it never leaves this type.
    values: Vec<f64>,
    /// How many of them are no gap.
    count: usize,
}

impl Column {
    /// A column of `points` gaps.
    pub fn gaps(points: usize) -> Self {
        Self {
            points,
            ..Self::default()
        }
    }

    /// A column from values and gaps. What is not finite is a gap.
    pub fn from_options(values: impl IntoIterator<Item = Option<f64>>) -> Self {
        let mut column = Self::default();
        for (index, value) in values.into_iter().enumerate() {
            column.points = index + 1;
            if let Some(value) = value {
                column.set(index, value);
            }
        }
        column
    }

    /// Puts a value at a point. What is not finite, or lies beyond the end, is left a gap.
    pub fn set(&mut self, index: usize, value: f64) {
        self.put(index, value, |_| true);
    }

    /// Puts a value at a point unless a larger one is there. What is not finite, or lies beyond the end, is left out.
    pub fn raise(&mut self, index: usize, value: f64) {
        self.put(index, value, |there| there < value);
    }

    /// Raises the value of a point, the quick way where points come one after the other.
    pub fn follow(&mut self, index: usize, value: f64) {
        if index == self.first + self.values.len()
            && index < self.points
            && !self.values.is_empty()
            && value.is_finite()
        {
            self.values.push(value);
            self.count += 1;
        } else {
            self.raise(index, value);
        }
    }

    /// Puts a value into a gap, or in place of a value that may go.
    fn put(&mut self, index: usize, value: f64, may_go: impl Fn(f64) -> bool) {
        let Some(slot) = self.slot(index, value) else {
            return;
        };
        let was_gap = slot.is_nan();
        if was_gap || may_go(*slot) {
            *slot = value;
        }
        self.count += usize::from(was_gap);
    }

    /// Where a value of a point is kept, if it may be.
    fn slot(&mut self, index: usize, value: f64) -> Option<&mut f64> {
        if index >= self.points || !value.is_finite() {
            return None;
        }
        if self.values.is_empty() {
            self.first = index;
        } else if index < self.first {
            // Chunks of a window come in time order, so that this is rare.
            let before = std::iter::repeat_n(f64::NAN, self.first - index);
            self.values.splice(0..0, before);
            self.first = index;
        }
        let at = index - self.first;
        if at >= self.values.len() {
            self.values.resize(at + 1, f64::NAN);
        }
        self.values.get_mut(at)
    }

    /// How many points, gaps included.
    pub fn len(&self) -> usize {
        self.points
    }

    /// Whether it has no points at all.
    pub fn is_empty(&self) -> bool {
        self.points == 0
    }

    /// The value at a point, or `None` for a gap.
    pub fn get(&self, index: usize) -> Option<f64> {
        let at = index.checked_sub(self.first)?;
        self.values.get(at).copied().filter(|v| !v.is_nan())
    }

    /// The points that have a value, in time order.
    pub fn samples(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let points = (self.first..).zip(self.values.iter().copied());
        points.filter(|(_, v)| !v.is_nan())
    }

    /// The first and the last point that have a value.
    pub fn span(&self) -> Option<(usize, usize)> {
        let there = |at: &usize| !self.values[*at].is_nan();
        let first = (0..self.values.len()).find(there)?;
        let last = (0..self.values.len()).rfind(there)?;
        Some((self.first + first, self.first + last))
    }

    /// How many points have a value.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Appends the values, in time order.
    pub fn append_to(&self, values: &mut Vec<f64>) {
        match self.count == self.values.len() {
            true => values.extend_from_slice(&self.values),
            false => values.extend(self.samples().map(|(_, value)| value)),
        }
    }

    /// The largest value.
    pub fn max(&self) -> Option<f64> {
        // The larger of a number and none is the number.
        let most = self.values.iter().copied().fold(f64::NAN, f64::max);
        (!most.is_nan()).then_some(most)
    }

    /// The mean of the values, summed in time order.
    pub fn mean(&self) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| self.samples().map(|(_, v)| v).sum::<f64>() / count as f64)
    }

    /// The quantile `q` (0 to 1) of the values.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        quantile(self.samples().map(|(_, v)| v).collect(), q)
    }

    /// Fills this column's gaps from another of the same grid, and keeps the larger where both have a value.
    pub fn merge_max(&mut self, other: &Self) {
        for (index, value) in other.samples() {
            self.raise(index, value);
        }
    }

    /// Makes a point a gap.
    pub fn clear(&mut self, index: usize) {
        if let Some(slot) = index.checked_sub(self.first).and_then(|at| self.values.get_mut(at)) {
            self.count -= usize::from(!slot.is_nan());
            *slot = f64::NAN;
        }
    }

    /// Fills this column's gaps from another of the same grid.
    pub fn fill(&mut self, other: &Self) {
        for (index, value) in other.samples() {
            if self.get(index).is_none() {
                self.set(index, value);
            }
        }
    }

    /// Makes room for values up to a point, of which so many come next: growing step by step would take twice the memory.
    pub fn expect_until(&mut self, last: usize, values: usize) {
        let length = match self.values.is_empty() {
            true => values,
            false => (last + 1).saturating_sub(self.first),
        };
        let length = length.min(self.points);
        self.values.reserve_exact(length.saturating_sub(self.values.len()));
    }
}

impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        self.points == other.points && self.samples().eq(other.samples())
    }
}

/// The quantile `q` (0 to 1) of some numbers by nearest rank from above: the smallest value that at least the share `q`
/// of them do not exceed. It never interpolates, so a p99 is a value that was measured.
pub fn quantile(mut values: Vec<f64>, q: f64) -> Option<f64> {
    values.retain(|v| v.is_finite());
    quantiles(&mut values, [q]).map(|[value]| value)
}

/// Several quantiles of finite numbers, which change their order, as [`quantile`] has them; quickest with the highest last.
pub fn quantiles<const N: usize>(values: &mut [f64], q: [f64; N]) -> Option<[f64; N]> {
    if values.is_empty() {
        return None;
    }
    let count = values.len();
    let mut found = [0.0; N];
    // Everything up to here is no larger than anything behind it.
    let mut sorted_until = count;
    for (slot, q) in found.iter_mut().zip(q).rev() {
        let rank = (q.clamp(0.0, 1.0) * count as f64).ceil() as usize;
        let index = rank.saturating_sub(1).min(count - 1);
        let part = if index < sorted_until {
            &mut values[..sorted_until]
        } else {
            &mut values[..]
        };
        let (_, value, _) = part.select_nth_unstable_by(index, f64::total_cmp);
        *slot = *value;
        sorted_until = index + 1;
    }
    Some(found)
}

#[cfg(test)]
mod tests;
