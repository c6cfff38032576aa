//! How a workload's model servers served, from the histograms of its pods.

use super::coverage::rounded;
use crate::model::histogram::{Buckets, Histogram, LatencyRow, ServingRow};
use crate::model::objective::{LatencyTarget, Objective, ObjectiveRow};
use crate::model::time::Grid;
use crate::model::usage::Signal;
use crate::model::workload::Workload;

/// The figures of a workload; `None` where none of its histograms is known.
pub(super) fn serving(workload: &Workload) -> Option<ServingRow> {
    if workload.histograms.is_empty() {
        return None;
    }
    let tokens = |signal| {
        let total = workload.histograms.get(&signal)?.total()?;
        Some((total.mean()? * 100.0).round() / 100.0)
    };
    Some(ServingRow {
        time_to_first_token_seconds: latency(workload, Signal::TimeToFirstToken),
        inter_token_latency_seconds: latency(workload, Signal::InterTokenLatency),
        request_latency_seconds: latency(workload, Signal::RequestLatency),
        prompt_tokens_per_request: tokens(Signal::PromptTokens),
        answer_tokens_per_request: tokens(Signal::AnswerTokens),
    })
}

/// What its requests may take, beside what they took over the window.
pub(super) fn objectives(workload: &Workload, objective: &Objective) -> Vec<ObjectiveRow> {
    let seen = |target: &LatencyTarget| {
        let total = workload.histograms.get(&target.of.signal())?.total()?;
        total.quantile(target.at.ratio()).map(micros)
    };
    let latencies = objective.latencies.iter().map(|target| ObjectiveRow {
        what: target.name.to_owned(),
        at_most: target.at_most.as_secs_f64(),
        unit: "seconds".to_owned(),
        seen: seen(target),
        place: target.place.clone(),
    });
    // No server tells how many it turned away.
    let rejected = objective.rejected.iter().map(|target| ObjectiveRow {
        what: "rejected".to_owned(),
        at_most: target.at_most.ratio(),
        unit: "share".to_owned(),
        seen: None,
        place: target.place.clone(),
    });
    latencies.chain(rejected).collect()
}

fn micros(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}

fn latency(workload: &Workload, signal: Signal) -> Option<LatencyRow> {
    let histogram = workload.histograms.get(&signal)?;
    let total = histogram.total()?;
    let quantile = |q| total.quantile(q).map(micros);
    Some(LatencyRow {
        p50: quantile(0.5),
        p95: quantile(0.95),
        p99: quantile(0.99),
        mean: total.mean().map(micros),
        count: total.count().round(),
        coverage: rounded(coverage(workload, histogram)),
        signal: signal.name().to_owned(),
    })
}

/// The share of hours that are known, of those in which one of its pods held GPUs throughout, or is known to have served.
fn coverage(workload: &Workload, histogram: &Histogram) -> f64 {
    let known = |step: &Option<Buckets>| usize::from(step.is_some());
    let expected =
        (0..histogram.steps.len()).filter(|at| histogram.steps[*at].is_some() || ran(workload, histogram.grid, *at));
    let expected = expected.count();
    let known: usize = histogram.steps.iter().map(known).sum();
    if expected == 0 {
        0.0
    } else {
        known as f64 / expected as f64
    }
}

fn ran(workload: &Workload, grid: Grid, at: usize) -> bool {
    let end = grid.second(at);
    let begin = end - i64::from(grid.step_seconds);
    let mut pods = workload.pods.iter();
    pods.any(|pod| pod.from.as_second() <= begin && pod.to.as_second() >= end)
}

#[cfg(test)]
mod tests;
