//! What a workload held and did over the window, in steps of some hours and by day, while its history is there.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::spans::{Spans, Tally, dates};
use crate::model::history::{HistoryDay, HistoryRow};
use crate::model::requests::RequestHistory;
use crate::model::time::Grid;
use crate::model::units::Money;
use crate::model::usage::{Column, Signal};
use crate::model::workload::{PodUse, Workload};
use crate::recommenders::World;

/// Seconds of a step, the shortest first: that of charts over a day, over three days, over a week, and over more.
const STEPS: [u32; 4] = [900, 3_600, 7_200, 14_400];

/// Steps from which on longer ones are taken.
const FEW: u32 = 100;

/// Steps at most: a window with more of the longest has longer ones.
const MOST: u32 = 200;

/// Samples of a day that must be there, as a share, so that it counts as measured.
const LEAST_BUSY: f64 = 0.5;

/// The same where what is counted is scaled to the whole day.
const LEAST_COUNTED: f64 = 0.9;

/// The history of a workload; `None` where no pod of it was seen.
pub(super) fn history(workload: &Workload, world: &World<'_>) -> Option<HistoryRow> {
    if workload.pods.is_empty() {
        return None;
    }
    let grid = world.snapshot.grid;
    let zone = TimeZone::get(&world.objectives.timezone).unwrap_or(TimeZone::UTC);
    let share = |pod: &PodUse| pod.gpu.as_ref().and_then(|kind| world.catalog.compute_share(kind));
    let past = Past {
        workload,
        grid,
        // A slice counts as its share of the GPU, as in the workload's own figure.
        sizes: workload
            .pods
            .iter()
            .map(|pod| f64::from(pod.gpus) * pod.share * share(pod).unwrap_or(1.0))
            .collect(),
        busy: busy(workload),
    };
    let length = step_seconds(grid);
    let steps = Spans::of_length(grid.window, length);
    let (dates, days) = dates(grid.window, &zone);
    let seen = past.tallies(&steps);
    Some(HistoryRow {
        start: steps
            .0
            .first()
            .filter(|_| steps.len() > 0)
            .and_then(|at| Timestamp::from_second(*at).ok()),
        step_seconds: length,
        gpus: steps
            .each()
            .map(|(from, to)| {
                let hours = (to - from) as f64 / 3600.0;
                Some(significant(past.gpu_hours(from, to) / hours))
            })
            .collect(),
        busy_mean: seen.iter().map(|tally| tally.mean().map(significant)).collect(),
        busy_max: seen.iter().map(|tally| tally.max.map(significant)).collect(),
        days: past.days(&dates, &days),
    })
}

/// The signal by which the workload is said to be busy, and the factor that makes it a ratio.
fn busy(workload: &Workload) -> Option<(Signal, f64)> {
    let measured = |signal: Signal| {
        let mut devices = workload.pods.iter().flat_map(|pod| &pod.devices);
        devices.any(|device| device.signals.get(&signal).is_some_and(|column| column.count() > 0))
    };
    let signals = [(Signal::EngineActive, 1.0), (Signal::GpuUtil, 0.01)];
    signals.into_iter().find(|(signal, _)| measured(*signal))
}

/// A workload over time.
struct Past<'w> {
    workload: &'w Workload,
    grid: Grid,
    /// GPUs of each pod.
    sizes: Vec<f64>,
    busy: Option<(Signal, f64)>,
}

impl Past<'_> {
    fn gpu_hours(&self, from: i64, to: i64) -> f64 {
        let pods = self.workload.pods.iter().zip(&self.sizes);
        pods.map(|(pod, gpus)| pod.seconds_within(from, to) as f64 / 3600.0 * gpus)
            .sum()
    }

    /// Hours of devices, whole or sliced, of which samples may be expected.
    fn device_hours(&self, from: i64, to: i64) -> f64 {
        let hours = |pod: &PodUse| pod.seconds_within(from, to) as f64 / 3600.0 * f64::from(pod.gpus);
        self.workload.pods.iter().map(hours).sum()
    }

    fn cost(&self, from: i64, to: i64) -> Option<Money> {
        let there = self.workload.pods.iter().filter(|pod| pod.seconds_within(from, to) > 0);
        let cost: Option<f64> = there.map(|pod| pod.cost_within(from, to).map(Money::get)).sum();
        Some(Money::new(cost?).to_cents())
    }

    /// How busy its devices were in each span.
    fn tallies(&self, spans: &Spans) -> Vec<Tally> {
        let mut tallies = vec![Tally::default(); spans.len()];
        let Some((signal, scale)) = self.busy else {
            return tallies;
        };
        let devices = self.workload.pods.iter().flat_map(|pod| &pod.devices);
        for column in devices.filter_map(|device| device.signals.get(&signal)) {
            spans.add(&mut tallies, column, self.grid, scale);
        }
        tallies
    }

    fn days(&self, dates: &[Date], spans: &Spans) -> Vec<HistoryDay> {
        let busy = self.tallies(spans);
        let (requests, tokens) = (self.counted(spans, &REQUESTS), self.counted(spans, &TOKENS));
        let day = |(at, (from, to)): (usize, (i64, i64))| {
            let gpu_hours = self.gpu_hours(from, to);
            HistoryDay {
                day: dates[at],
                hours: hundredths((to - from) as f64 / 3600.0),
                gpu_hours: hundredths(gpu_hours),
                busy_gpu_hours: self
                    .busy_share(&busy[at], (from, to))
                    .map(|busy| hundredths(busy * gpu_hours)),
                cost: self.cost(from, to),
                requests: requests[at].map(f64::round),
                tokens: tokens[at].map(f64::round),
            }
        };
        spans.each().enumerate().map(day).collect()
    }

    /// How busy its GPUs were in a span; `None` where too little of it was measured, or what was measured is not its own.
    fn busy_share(&self, tally: &Tally, (from, to): (i64, i64)) -> Option<f64> {
        let expected = self.device_hours(from, to);
        if expected <= 0.0 {
            return Some(0.0);
        }
        let step_hours = f64::from(self.grid.step_seconds) / 3600.0;
        let there = self.workload.pods.iter().filter(|pod| pod.seconds_within(from, to) > 0);
        let known = tally.count as f64 * step_hours / expected;
        tally
            .mean()
            .filter(|_| known >= LEAST_BUSY && there.into_iter().all(|pod| !pod.shared))
    }

    /// What its servers counted in each span: by their own series, or else by what was read at scrape interval.
    fn counted(&self, spans: &Spans, what: &Counted) -> Vec<Option<f64>> {
        let told = self.by_pod(spans, what.signal);
        match (&self.workload.requests, told.iter().any(Option::is_some)) {
            (Some(history), false) => by_history(history, (what.column)(history), spans),
            _ => told,
        }
    }

    fn by_pod(&self, spans: &Spans, signal: Signal) -> Vec<Option<f64>> {
        let mut tallies = vec![Tally::default(); spans.len()];
        let step = f64::from(self.grid.step_seconds);
        for column in self.workload.pods.iter().filter_map(|pod| pod.server.get(&signal)) {
            spans.add(&mut tallies, column, self.grid, step);
        }
        if tallies.iter().all(|tally| tally.count == 0) {
            return vec![None; spans.len()];
        }
        // Of a group only the leader answers requests, and has a server's metrics.
        let silent = |pod: &PodUse| self.workload.kind == "LeaderWorkerSet" && pod.server.is_empty();
        let servers = || self.workload.pods.iter().filter(|pod| !silent(pod));
        let spans = spans.each().zip(&tallies);
        spans
            .map(|((from, to), tally)| {
                let expected: i64 = servers().map(|pod| pod.seconds_within(from, to)).sum();
                whole(tally, expected as f64 / step)
            })
            .collect()
    }
}

/// Something that servers count.
struct Counted {
    signal: Signal,
    column: fn(&RequestHistory) -> &Column,
}

const REQUESTS: Counted = Counted {
    signal: Signal::RequestsFinished,
    column: |history| &history.finished,
};

const TOKENS: Counted = Counted {
    signal: Signal::TokensGenerated,
    column: |history| &history.answer_tokens,
};

fn by_history(history: &RequestHistory, column: &Column, spans: &Spans) -> Vec<Option<f64>> {
    let mut tallies = vec![Tally::default(); spans.len()];
    spans.add(&mut tallies, column, history.grid, 1.0);
    let step = f64::from(history.grid.step_seconds.max(1));
    let spans = spans.each().zip(&tallies);
    spans
        .map(|((from, to), tally)| whole(tally, (to - from) as f64 / step))
        .collect()
}

/// What was counted, scaled to all of the samples that there should be; `None` where too few are there. Nothing is counted where
/// nobody could.
fn whole(tally: &Tally, expected: f64) -> Option<f64> {
    if expected <= 0.0 {
        return Some(0.0);
    }
    let known = tally.count as f64 / expected;
    (known >= LEAST_COUNTED).then(|| tally.sum / known.min(1.0))
}

/// Seconds of a step: whole steps of the grid.
fn step_seconds(grid: Grid) -> u32 {
    let window = u32::try_from(grid.window.end.as_second() - grid.window.start.as_second()).unwrap_or(u32::MAX);
    let longest = STEPS[STEPS.len() - 1];
    let least = window / FEW;
    let length = STEPS.into_iter().find(|step| *step >= least);
    let length = length.unwrap_or_else(|| longest * window.div_ceil(longest).div_ceil(MOST).max(1));
    let own = grid.step_seconds.max(1);
    length.div_ceil(own) * own
}

/// To three digits: a chart shows no more.
fn significant(value: f64) -> f64 {
    if value.abs() < 1e-9 {
        return 0.0;
    }
    let digits = 2 - value.abs().log10().floor() as i32;
    // A power of ten is exact, its inverse is not.
    match digits {
        0.. => (value * 10f64.powi(digits)).round() / 10f64.powi(digits),
        _ => (value / 10f64.powi(-digits)).round() * 10f64.powi(-digits),
    }
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Window;

    fn grid(days: i64) -> Grid {
        let end: Timestamp = "2026-11-15T06:00:00Z".parse().unwrap();
        let start = end - jiff::SignedDuration::from_hours(24 * days);
        Grid {
            window: Window { start, end },
            step_seconds: 60,
        }
    }

    #[test]
    fn steps_are_whole_hours_few_and_end_with_the_window() {
        let steps = [1, 3, 7, 14, 30, 90].map(|days| {
            let grid = grid(days);
            let spans = Spans::of_length(grid.window, step_seconds(grid));
            assert_eq!(spans.0.last(), Some(&grid.window.end.as_second()));
            (step_seconds(grid), spans.len())
        });
        assert_eq!(
            steps,
            [
                (900, 96),
                (3_600, 72),
                (7_200, 84),
                (14_400, 84),
                (14_400, 180),
                (43_200, 180)
            ]
        );
    }

    #[test]
    fn what_is_mostly_missing_is_not_counted() {
        let tally = Tally {
            sum: 90.0,
            count: 9,
            max: None,
        };
        assert_eq!(whole(&tally, 9.0), Some(90.0));
        assert_eq!(whole(&tally, 10.0), Some(100.0));
        assert_eq!(whole(&tally, 11.0), None);
        assert_eq!(whole(&Tally::default(), 0.0), Some(0.0), "nothing was there to count");
    }

    #[test]
    fn figures_have_three_digits() {
        let three = [0.123_456, 1_234.5, 0.0, 99.96, 8.0].map(significant);
        assert_eq!(three, [0.123, 1_230.0, 0.0, 100.0, 8.0]);
    }
}
