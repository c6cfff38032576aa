//! A window as days of UTC, the grid on which Kubecost keeps its figures.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::detect::Dialect;
use crate::model::time::{Window, dates_in_words};

const DAY: i64 = 86_400;

/// The days of a window, the first and the last as much of theirs as lies within.
pub(super) fn of(window: Window) -> Vec<Window> {
    let (mut start, end) = (window.start.as_second(), window.end.as_second());
    let mut days = Vec::new();
    while start < end {
        let next = ((start.div_euclid(DAY) + 1) * DAY).min(end);
        if let (Ok(start), Ok(end)) = (Timestamp::from_second(start), Timestamp::from_second(next)) {
            days.push(Window { start, end });
        }
        start = next;
    }
    days
}

/// The days of a window, all of each, but no more of them than is over at `now`: a source that keeps whole days adds up no part of one,
/// and the days of a month elsewhere begin and end within days of UTC.
pub(super) fn whole(window: Window, now: Timestamp) -> Vec<Window> {
    let midnight = |second: i64| Timestamp::from_second(second.div_euclid(DAY) * DAY);
    let start = midnight(window.start.as_second()).unwrap_or(window.start);
    let end = midnight(window.end.as_second() + DAY - 1).unwrap_or(window.end);
    of(Window {
        start,
        end: if end <= now { end } else { window.end },
    })
}

/// The window as a parameter: unix seconds, the one form that no OpenCost rounds; for Kubecost whole days, as it keeps
/// them, without fractions of seconds, which it calls illegal.
pub(super) fn parameter(day: Window, dialect: Dialect) -> String {
    let (start, end) = (day.start.as_second(), day.end.as_second());
    let midnight = |second: i64| {
        let time = Timestamp::from_second(second.div_euclid(DAY) * DAY).unwrap_or(day.start);
        time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    match dialect {
        Dialect::OpenCost => format!("{start},{end}"),
        Dialect::Kubecost => format!("{},{}", midnight(start), midnight(end + DAY - 1)),
    }
}

/// Days in words.
pub(super) fn shown(days: &[Window], zone: &TimeZone) -> String {
    let date = |day: &Window| day.start.to_zoned(zone.clone()).date();
    dates_in_words(days.iter().map(date).collect())
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
    fn first_and_last_days_are_clipped() {
        let days = of(window("2026-11-01T18:00:00Z", "2026-11-04T06:00:00Z"));
        let hours: Vec<f64> = days.iter().map(|day| day.hours()).collect();
        assert_eq!(hours, [6.0, 24.0, 24.0, 6.0]);
        assert_eq!(parameter(days[1], Dialect::OpenCost), "1793577600,1793664000");
        let whole = "2026-11-04T00:00:00Z,2026-11-05T00:00:00Z";
        assert_eq!(parameter(days[3], Dialect::Kubecost), whole);
        assert!(of(window("2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z")).is_empty());
    }

    #[test]
    fn whole_days_are_asked_for_as_far_as_they_are_over() {
        // November in Tokyo.
        let month = window("2026-10-31T15:00:00Z", "2026-11-30T15:00:00Z");
        let ends = |now: &str| {
            let days = whole(month, now.parse().unwrap());
            (days[0].hours(), days.len(), days.last().unwrap().hours())
        };
        assert_eq!(ends("2026-12-05T00:00:00Z"), (24.0, 31, 24.0));
        assert_eq!(ends("2026-11-30T15:00:00Z"), (24.0, 31, 15.0));
    }
}
