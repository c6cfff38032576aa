//! How many requests a workload's servers had, and how long its pods took to be ready.

use super::coverage::rounded;
use crate::model::requests::{RequestsRow, StartsRow};
use crate::model::usage::{Column, quantile, quantiles};
use crate::model::workload::Workload;

/// Seconds over which a peak is looked at.
const MINUTE: u32 = 60;

/// The figures of a workload; `None` where its requests were not read.
pub(super) fn requests(workload: &Workload) -> Option<RequestsRow> {
    let history = workload.requests.as_ref()?;
    let step = history.grid.step_seconds.max(1);
    let a_second = |column: &Column| Some(rounded(column.mean()? / f64::from(step)));
    let together = (MINUTE / step).max(1) as usize;
    let points: Vec<usize> = (0..history.finished.len()).collect();
    let minutes = points.chunks_exact(together).filter_map(|minute| {
        let counts = minute.iter().map(|at| history.finished.get(*at));
        let count: f64 = counts.sum::<Option<f64>>()?;
        Some(count / (f64::from(step) * together as f64))
    });
    Some(RequestsRow {
        per_second: a_second(&history.finished),
        per_second_p95: quantile(minutes.collect(), 0.95).map(rounded),
        prompt_tokens_per_second: a_second(&history.prompt_tokens),
        answer_tokens_per_second: a_second(&history.answer_tokens),
        coverage: rounded(history.finished.count() as f64 / history.grid.points().max(1) as f64),
        step_seconds: history.grid.step_seconds,
    })
}

/// How long its pods took to be ready; `None` where no start was seen.
pub(super) fn starts(workload: &Workload) -> Option<StartsRow> {
    let mut seconds = workload.start_seconds.clone();
    let [p50, p95] = quantiles(&mut seconds, [0.5, 0.95])?;
    Some(StartsRow {
        p50,
        p95,
        count: seconds.len(),
    })
}
