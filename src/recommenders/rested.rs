//! A workload's history by the clock of a time zone: in which hours it held GPUs, and in which of them these worked.

use std::ops::Range;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::idle_gpu::Activity;
use crate::model::time::{Grid, Window};
use crate::model::usage::{Column, Signal};
use crate::model::workload::{PodUse, Workload};
use crate::replay::schedule::{Day, History};

/// What of a server is work wherever it is not nought.
const SERVERS: [Signal; 3] = [
    Signal::RequestsRunning,
    Signal::RequestsFinished,
    Signal::TokensGenerated,
];

/// Seconds at a pod's beginning and end within the window for which nobody knows whether it held its GPUs.
const EDGE: i64 = 300;

/// The history, and where in it every point of the grid lies.
pub(super) struct Rested {
    pub(super) history: History,
    /// Day, by its place in the history, and hour of that day.
    places: Vec<(usize, usize)>,
}

impl Rested {
    /// By the clock of a zone; up to `at_rest` of activity nothing works.
    pub(super) fn of(
        workload: &Workload,
        grid: Grid,
        timezone: &TimeZone,
        (activity, at_rest): (&Activity<'_>, f64),
    ) -> Self {
        let (mut days, places) = days(grid, timezone);
        let points = grid.points();
        let (mut there, mut busy, mut seen) = (vec![false; points], vec![false; points], vec![false; points]);
        for pod in &workload.pods {
            let columns = columns(pod, activity);
            let expected = expected(pod, &columns, activity);
            let sure = sure(pod, grid);
            for at in lifetime(pod, grid) {
                let held = held(pod, grid, at);
                let (day, hour) = places[at];
                let hour = &mut days[day].hours[hour];
                there[at] |= held > 0.0;
                hour.held += held;
                hour.expected += if sure(at) { expected } else { 0 };
            }
            for (column, scale) in columns {
                for (at, value) in column.samples() {
                    let (day, hour) = places[at];
                    days[day].hours[hour].known += u32::from(sure(at));
                    seen[at] = true;
                    busy[at] |= value > 0.0 && value * scale > at_rest;
                }
            }
        }
        for (at, (day, hour)) in places.iter().enumerate() {
            let hour = &mut days[*day].hours[*hour];
            hour.points += 1;
            hour.there += u32::from(there[at]);
            hour.at_work += u32::from(seen[at] && busy[at]);
            hour.at_rest += u32::from(seen[at] && !busy[at]);
        }
        let step_seconds = grid.step_seconds;
        let history = History { step_seconds, days };
        Self { history, places }
    }

    /// The hour of the week in which a point of the grid lies.
    pub(super) fn hour_of_week(&self, at: usize) -> usize {
        let (day, hour) = self.places[at];
        let mut hours = self.history.days[day].of_week();
        hours.nth(hour).map_or(0, |(of_week, _)| of_week)
    }
}

/// Every day of a window, and the day and hour of every point: a point stands for the step that ends with it.
fn days(grid: Grid, timezone: &TimeZone) -> (Vec<Day>, Vec<(usize, usize)>) {
    let mut days: Vec<Day> = Vec::new();
    let mut places = Vec::with_capacity(grid.points());
    let epoch = jiff::civil::date(1970, 1, 1);
    for at in 0..grid.points() {
        let zoned = Timestamp::from_second(grid.second(at) - 1)
            .unwrap_or(Timestamp::UNIX_EPOCH)
            .to_zoned(timezone.clone());
        let number = i64::from((zoned.date() - epoch).get_days());
        if days.last().is_none_or(|day| day.number != number) {
            days.push(Day::new(number, is_whole(&zoned, grid.window)));
        }
        places.push((days.len() - 1, usize::try_from(zoned.hour()).unwrap_or(0)));
    }
    (days, places)
}

/// Whether a window holds the whole day in which a moment lies.
fn is_whole(at: &Zoned, window: Window) -> bool {
    let begins = at.start_of_day();
    let ends = at.tomorrow().and_then(|next| next.start_of_day());
    match (begins, ends) {
        (Ok(begins), Ok(ends)) => begins.timestamp() >= window.start && ends.timestamp() <= window.end,
        _ => false,
    }
}

/// What tells whether a pod works: each with the factor that makes it a ratio.
fn columns<'p>(pod: &'p PodUse, activity: &Activity<'_>) -> Vec<(&'p Column, f64)> {
    let devices = pod.devices.iter().flat_map(|device| {
        let of = |(signal, _, scale): &(Signal, _, f64)| Some((device.signals.get(signal)?, *scale));
        activity.signals.iter().filter_map(of)
    });
    let server = SERVERS
        .iter()
        // Of a server any request at all is work.
        .filter_map(|signal| Some((pod.server.get(signal)?, f64::INFINITY)));
    devices.chain(server).collect()
}

/// Samples of a pod at a point: of every device that it holds, seen or not, and of its server as far as there is one.
fn expected(pod: &PodUse, columns: &[(&Column, f64)], activity: &Activity<'_>) -> u32 {
    let server = columns.iter().filter(|(_, scale)| scale.is_infinite()).count();
    let signals = activity.signals.len();
    u32::try_from(pod.gpus as usize * signals + server).unwrap_or(u32::MAX)
}

/// The points at which a pod may have held its GPUs.
fn lifetime(pod: &PodUse, grid: Grid) -> Range<usize> {
    let step = i64::from(grid.step_seconds.max(1));
    let steps = |at: Timestamp| (at.as_second() - grid.window.start.as_second()).max(0);
    let first = usize::try_from(steps(pod.from) / step).unwrap_or(0);
    let end = usize::try_from((steps(pod.to) + step - 1) / step).unwrap_or(0);
    first..end.min(grid.points())
}

/// Device hours that a pod held in the step of a point.
fn held(pod: &PodUse, grid: Grid, at: usize) -> f64 {
    let end = grid.second(at);
    let start = end - i64::from(grid.step_seconds);
    let seconds = (end.min(pod.to.as_second()) - start.max(pod.from.as_second())).max(0);
    seconds as f64 / 3_600.0 * f64::from(pod.gpus)
}

/// Whether a pod surely held its GPUs throughout the step of a point.
fn sure(pod: &PodUse, grid: Grid) -> impl Fn(usize) -> bool + use<> {
    let edge = |inside: bool| if inside { EDGE } else { 0 };
    let from = pod.from.as_second() + edge(pod.from > grid.window.start);
    let to = pod.to.as_second() - edge(pod.to < grid.window.end);
    move |at| {
        let end = grid.second(at);
        end <= to && end - i64::from(grid.step_seconds) >= from
    }
}

#[cfg(test)]
pub(crate) mod tests;
