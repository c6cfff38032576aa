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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::serving::tests::workload;
    use crate::model::requests::{Figure, RequestHistory};
    use crate::model::time::{Grid, Window};
    use jiff::Timestamp;

    #[test]
    fn a_minute_with_a_hole_is_no_minute_and_a_start_that_nobody_saw_is_none() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let grid = Grid {
            window: Window {
                start: at(0),
                end: at(180),
            },
            step_seconds: 15,
        };
        let mut history = RequestHistory::unknown(grid);
        // A minute of 40, one with a hole, and one of 12.
        let counts = [10, 10, 10, 10, 90, 90, -1, 90, 3, 3, 3, 3].map(|count| (count >= 0).then_some(f64::from(count)));
        history.put(Figure::Finished, Column::from_options(counts));
        let mut served = workload(Vec::new(), [None, None, None, None]);
        assert_eq!((requests(&served), starts(&served)), (None, None));
        served.requests = Some(history);
        served.start_seconds = vec![300.0, 100.0, 200.0];
        let row = requests(&served).unwrap();
        assert_eq!(row.per_second_p95, Some(rounded(40.0 / 60.0)));
        assert_eq!(row.per_second, Some(rounded(322.0 / 11.0 / 15.0)));
        assert_eq!(
            (row.prompt_tokens_per_second, row.coverage),
            (None, rounded(11.0 / 12.0))
        );
        let starts = starts(&served).unwrap();
        assert_eq!((starts.p50, starts.p95, starts.count), (200.0, 300.0, 3));
    }
}
