//! The span of history that is judged, and its grid.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Seconds of an hour.
const HOUR: i64 = 3_600;

/// A half-open span of history: samples in `(start, end]` belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its beginning.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
}

impl Window {
    /// Its length in hours.
    pub fn hours(self) -> f64 {
        (self.end.as_second() - self.start.as_second()) as f64 / 3600.0
    }

    /// Its length in days.
    pub fn days(self) -> f64 {
        self.hours() / 24.0
    }

    /// The part of this window in which something that lived from `from` to `to` was there, in hours.
    pub fn hours_alive(self, from: Timestamp, to: Timestamp) -> f64 {
        let start = self.start.max(from).as_second();
        let end = self.end.min(to).as_second();
        (end - start).max(0) as f64 / 3600.0
    }
}

/// Dates in words, runs of them as `2026-11-01 to 2026-11-05`.
pub fn dates_in_words(mut dates: Vec<Date>) -> String {
    dates.sort_unstable();
    let mut runs: Vec<(Date, Date)> = Vec::new();
    for date in dates {
        match runs.last_mut() {
            Some((_, last)) if last.tomorrow().is_ok_and(|next| next == date) => *last = date,
            _ => runs.push((date, date)),
        }
    }
    let run = |(first, last): &(Date, Date)| match first == last {
        true => first.to_string(),
        false => format!("{first} to {last}"),
    };
    runs.iter().map(run).collect::<Vec<_>>().join(", ")
}

/// The grid of a window: one point per step, the first a step after the start, the last at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// The span.
    pub window: Window,
    /// Seconds from one point to the next.
    pub step_seconds: u32,
}

impl Grid {
    /// How many points it has.
    pub fn points(self) -> usize {
        let span = self.window.end.as_second() - self.window.start.as_second();
        usize::try_from(span / i64::from(self.step_seconds.max(1))).unwrap_or(0)
    }

    /// The unix second of point `index`.
    pub fn second(self, index: usize) -> i64 {
        self.window.start.as_second() + i64::from(self.step_seconds) * (index as i64 + 1)
    }

    /// The same window in steps of an hour, or of nearly an hour where whole steps of this grid make no hour, and of the
    /// whole window where it is shorter. It ends where the window ends; what is left over lies at its beginning.
    pub fn hourly(self) -> Self {
        let step = i64::from(self.step_seconds.max(1));
        let end = self.window.end.as_second();
        let length = end - self.window.start.as_second();
        let hour = (HOUR.min(length) / step).max(1) * step;
        let start = end - (length / hour).max(0) * hour;
        let start = Timestamp::from_second(start).unwrap_or(self.window.start);
        Self {
            window: Window {
                start,
                end: self.window.end,
            },
            step_seconds: u32::try_from(hour).unwrap_or(self.step_seconds),
        }
    }

    /// The point whose step `(t - step, t]` holds this unix second; `None` outside the window.
    pub fn index_of(self, second: i64) -> Option<usize> {
        let (start, end) = (self.window.start.as_second(), self.window.end.as_second());
        if second <= start || second > end {
            return None;
        }
        let offset = second - start;
        let step = i64::from(self.step_seconds.max(1));
        let index = usize::try_from((offset + step - 1) / step - 1).ok()?;
        (index < self.points()).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let start = Timestamp::from_second(1_000).unwrap();
        let end = Timestamp::from_second(1_600).unwrap();
        Grid {
            window: Window { start, end },
            step_seconds: 60,
        }
    }

    #[test]
    fn runs_of_dates_are_said_as_such() {
        let dates = ["2026-11-05", "2026-11-01", "2026-11-03", "2026-11-02"];
        let dates = dates.map(|date| date.parse().unwrap()).to_vec();
        assert_eq!(dates_in_words(dates), "2026-11-01 to 2026-11-03, 2026-11-05");
    }

    #[test]
    fn the_ends_of_time_are_no_points() {
        for second in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
            assert_eq!(grid().index_of(second), None, "{second}");
        }
    }

    #[test]
    fn points_and_seconds_are_inverse() {
        let grid = grid();
        assert_eq!(grid.points(), 10);
        for index in 0..grid.points() {
            assert_eq!(grid.index_of(grid.second(index)), Some(index));
        }
    }

    fn hours(length: i64, step_seconds: u32) -> Grid {
        let at = |second| Timestamp::from_second(second).unwrap();
        let window = Window {
            start: at(1_000),
            end: at(1_000 + length),
        };
        Grid { window, step_seconds }.hourly()
    }

    #[test]
    fn hours_end_with_the_window_and_hold_whole_steps() {
        let day = hours(86_400, 60);
        assert_eq!((day.points(), day.step_seconds, day.second(23)), (24, 3_600, 87_400));
        // Half an hour is left over, at the beginning.
        let odd = hours(9_000, 60);
        assert_eq!((odd.points(), odd.second(0), odd.second(1)), (2, 6_400, 10_000));
        assert_eq!(
            (hours(86_400, 420).step_seconds, hours(86_400, 7_200).step_seconds),
            (3_360, 7_200)
        );
        let short = hours(600, 60);
        assert_eq!((short.points(), short.step_seconds), (1, 600));
        assert_eq!(hours(0, 60).points(), 0);
    }

    #[test]
    fn a_step_is_open_on_its_left() {
        let grid = grid();
        assert_eq!(grid.index_of(1_000), None);
        assert_eq!(grid.index_of(1_001), Some(0));
        assert_eq!(grid.index_of(1_060), Some(0));
        assert_eq!(grid.index_of(1_061), Some(1));
        assert_eq!(grid.index_of(1_601), None);
    }
}
