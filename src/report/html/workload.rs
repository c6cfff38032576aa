//! One workload: what it is, what it costs, how its history went, how it served.

use jiff::tz::TimeZone;

use crate::model::histogram::LatencyRow;
use crate::model::history::{HistoryDay, HistoryRow};
use crate::model::plan::WorkloadRow;
use crate::model::units::GpuCount;

use super::super::figures::{UNKNOWN, gpus, number, percent, seconds};
use super::Page;
use super::element::{Element, cell, more, table};
use super::svg::history::{Course, frame as drawn_once, history as chart};
use super::svg::{drawing, legend};

/// Workloads up to which every chart of a history has all its steps, and its days as a table; of more each takes less room.
const MANY: usize = 120;

/// Steps that a chart draws at most, of few workloads and of many.
const STEPS: usize = 168;
const FEWER_STEPS: usize = 42;

/// Words for days below a chart.
const MARKS: usize = 4;

/// The course of a history as it is drawn.
pub(super) fn course(page: &Page<'_>, history: &HistoryRow) -> Course {
    let steps = if is_many(page) { FEWER_STEPS } else { STEPS };
    Course {
        held: history.gpus.clone(),
        mean: history.busy_mean.clone(),
        most: history.busy_max.clone(),
        marks: marks(history),
        ..Course::default()
    }
    .in_steps(steps)
}

/// Days below a chart: the first, the last, and some between.
fn marks(history: &HistoryRow) -> Vec<(f64, String)> {
    let Some(start) = history.start else {
        return Vec::new();
    };
    let length = history.gpus.len() as i64 * i64::from(history.step_seconds);
    let mark = |at: usize| {
        let share = at as f64 / MARKS as f64;
        let second = start.as_second() + (share * length as f64) as i64;
        let day = jiff::Timestamp::from_second(second)
            .ok()?
            .to_zoned(TimeZone::UTC)
            .date();
        Some((share, day.strftime("%-d %b").to_string()))
    };
    (0..=MARKS).filter_map(mark).collect()
}

/// What all charts of histories have in common; `None` where there are none.
pub(super) fn frame(page: &Page<'_>) -> Option<Element> {
    let first = page.plan.workloads.iter().find_map(|row| row.history.as_ref())?;
    Some(drawn_once(&marks(first)))
}

/// What it held and how busy that was, as a chart; `None` where nothing was measured of it.
pub(super) fn history(page: &Page<'_>, row: &WorkloadRow, id: &str) -> Option<Element> {
    let history = row.history.as_ref()?;
    history.gpus.iter().chain(&history.busy_mean).flatten().next()?;
    let course = course(page, history);
    let said = in_words(history);
    let name = page.names.of_workload(row);
    let shared = page
        .plan
        .workloads
        .iter()
        .find_map(|row| row.history.as_ref())
        .map(marks);
    let shared = shared.as_ref() == Some(&course.marks);
    let drawn = chart(id, &course, (&format!("GPUs of {name} over the window"), &said), shared);
    let below = (!is_many(page)).then(|| {
        let days = (!history.days.is_empty()).then(|| days(page, history));
        std::iter::once(marks_of()).chain(days)
    });
    Some(drawing(&said, drawn, below.into_iter().flatten()))
}

/// What the marks of such a chart mean; of many it is told once.
pub(super) fn marks_of() -> Element {
    legend(&[
        ("solid", "busy, mean"),
        ("soft", "up to the busiest sample"),
        ("gaps", "for some or all of a step not measured, or nothing held"),
    ])
}

/// Whether there are so many workloads that each must do with less room.
pub(super) fn is_many(page: &Page<'_>) -> bool {
    page.plan.workloads.len() > MANY
}

/// The same in words.
fn in_words(history: &HistoryRow) -> String {
    let mean = |values: &[Option<f64>]| {
        let known: Vec<f64> = values.iter().copied().flatten().collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    let held = mean(&history.gpus).map_or_else(|| UNKNOWN.to_owned(), |held| gpus(GpuCount::new(held)));
    let most = history.busy_max.iter().copied().flatten().reduce(f64::max);
    let steps = history.busy_mean.len().max(1) as f64;
    let unknown = history.busy_mean.iter().filter(|step| step.is_none()).count() as f64 / steps;
    let gap = match unknown {
        none if none <= 0.0 => String::new(),
        share => format!(
            "; for {} of the time it was not measured, or nothing was held",
            percent(Some(share))
        ),
    };
    format!(
        "{held} GPUs held on average; busy {} on average, {} in the busiest sample{gap}.",
        percent(mean(&history.busy_mean)),
        percent(most)
    )
}

fn days(page: &Page<'_>, history: &HistoryRow) -> Element {
    let told = |of: fn(&HistoryDay) -> Option<f64>| history.days.iter().any(|day| of(day).is_some());
    let (requests, tokens) = (told(|day| day.requests), told(|day| day.tokens));
    let mut columns = vec!["Day", "#GPU hours", "#Busy GPU hours", "#Cost"];
    columns.extend(requests.then_some("#Requests"));
    columns.extend(tokens.then_some("#Tokens generated"));
    let maybe = |value: Option<f64>| value.map_or_else(|| UNKNOWN.to_owned(), number);
    let rows = history.days.iter().map(|day| {
        let mut cells = vec![
            cell(day.day.to_string()),
            cell(number(day.gpu_hours)),
            cell(maybe(day.busy_gpu_hours)),
            cell(page.maybe_sum(day.cost)),
        ];
        cells.extend(requests.then(|| cell(maybe(day.requests))));
        cells.extend(tokens.then(|| cell(maybe(day.tokens))));
        cells
    });
    more("Day by day", table("What it held and did, by day", &columns, rows))
}

/// How long its requests took; `None` where no server told.
pub(super) fn latencies(row: &WorkloadRow) -> Option<Element> {
    let serving = row.serving.as_ref()?;
    let lines = [
        ("Time to the first token", &serving.time_to_first_token_seconds),
        ("Time between tokens", &serving.inter_token_latency_seconds),
        ("Time to the last token", &serving.request_latency_seconds),
    ];
    let told = |value: Option<f64>| value.map_or_else(|| UNKNOWN.to_owned(), seconds);
    let rows: Vec<Vec<Element>> = lines
        .into_iter()
        .filter_map(|(name, latency)| Some((name, latency.as_ref()?)))
        .map(|(name, latency): (&str, &LatencyRow)| {
            vec![
                cell(name),
                cell(told(latency.p50)),
                cell(told(latency.p95)),
                cell(told(latency.p99)),
                cell(percent(Some(latency.coverage))),
            ]
        })
        .collect();
    let columns = ["Latency", "#p50", "#p95", "#p99", "#Hours there"];
    (!rows.is_empty()).then(|| table("How long requests took over the window", &columns, rows))
}
