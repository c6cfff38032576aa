//! Spans of a window, one after the other, and what samples of columns come to in each.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::model::time::{Grid, Window};
use crate::model::usage::Column;

/// Samples of a span.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) sum: f64,
    pub(super) count: usize,
    pub(super) max: Option<f64>,
}

impl Tally {
    pub(super) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// Spans one after the other, by the unix seconds at which they begin and end: `(begin, end]` each.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spans(pub(super) Vec<i64>);

impl Spans {
    /// As many of a length as a window has; they end with it, and what is left over lies at its beginning.
    pub(super) fn of_length(window: Window, seconds: u32) -> Self {
        let (start, end) = (window.start.as_second(), window.end.as_second());
        let seconds = i64::from(seconds.max(1));
        let count = ((end - start) / seconds).max(0);
        Self((0..=count).map(|back| end - (count - back) * seconds).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len().saturating_sub(1)
    }

    pub(super) fn each(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.0.windows(2).map(|ends| (ends[0], ends[1]))
    }

    /// Adds the samples of a column to the spans in which their steps end.
    pub(super) fn add(&self, tallies: &mut [Tally], column: &Column, grid: Grid, scale: f64) {
        let mut at = 0;
        for (index, value) in column.samples() {
            let second = grid.second(index);
            while self.0.get(at + 1).is_some_and(|end| second > *end) {
                at += 1;
            }
            let begun = self.0.get(at).is_some_and(|begin| second > *begin);
            let Some(tally) = tallies.get_mut(at).filter(|_| begun) else {
                continue;
            };
            let value = value * scale;
            tally.sum += value;
            tally.count += 1;
            tally.max = Some(tally.max.map_or(value, |most| most.max(value)));
        }
    }
}

/// The days of a time zone that a window touches, each with the part of it that lies in the window.
pub(super) fn dates(window: Window, zone: &TimeZone) -> (Vec<Date>, Spans) {
    let (mut dates, mut ends) = (Vec::new(), vec![window.start.as_second()]);
    let mut date = window.start.to_zoned(zone.clone()).date();
    while ends.last().is_some_and(|last| *last < window.end.as_second()) {
        let Ok(next) = date.tomorrow() else { break };
        // A day has 23 or 25 hours where clocks change.
        let Ok(begins) = next.to_zoned(zone.clone()).and_then(|at| at.start_of_day()) else {
            break;
        };
        dates.push(date);
        ends.push(begins.timestamp().as_second().min(window.end.as_second()));
        date = next;
    }
    (dates, Spans(ends))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(start: &str, end: &str) -> Window {
        Window {
            start: start.parse().unwrap(),
            end: end.parse().unwrap(),
        }
    }

    #[test]
    fn days_begin_at_midnight_of_the_zone_also_where_clocks_change() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let (dates, spans) = dates(window("2026-10-24T10:00:00Z", "2026-10-26T05:00:00Z"), &zone);
        let hours: Vec<i64> = spans.each().map(|(from, to)| (to - from) / 3_600).collect();
        let named: Vec<String> = dates.iter().map(ToString::to_string).collect();
        assert_eq!(named, ["2026-10-24", "2026-10-25", "2026-10-26"]);
        assert_eq!(hours, [12, 25, 6]);
    }

    #[test]
    fn a_sample_belongs_to_the_span_in_which_its_step_ends() {
        let grid = Grid {
            window: window("2026-11-14T06:00:00Z", "2026-11-15T06:00:00Z"),
            step_seconds: 60,
        };
        let spans = Spans(vec![grid.second(0), grid.second(2), grid.second(4)]);
        let column = Column::from_options([Some(9.0), Some(1.0), Some(3.0), None, Some(5.0), Some(9.0)]);
        let mut tallies = vec![Tally::default(); 2];
        spans.add(&mut tallies, &column, grid, 0.5);
        assert_eq!((tallies[0].mean(), tallies[0].max), (Some(1.0), Some(1.5)));
        assert_eq!((tallies[1].mean(), tallies[1].count), (Some(2.5), 1));
    }
}
