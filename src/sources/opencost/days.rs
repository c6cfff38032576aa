//! A window as days of UTC, the grid on which Kubecost keeps its figures.

use jiff::Timestamp;

use super::detect::Dialect;
use crate::model::time::Window;

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

/// Days in words, runs of them as `2026-11-01 to 2026-11-05`.
pub(super) fn shown(days: &[Window]) -> String {
    let mut starts: Vec<Timestamp> = days.iter().map(|day| day.start).collect();
    starts.sort_unstable();
    let mut runs: Vec<(Timestamp, Timestamp)> = Vec::new();
    for start in starts {
        let number = |time: Timestamp| time.as_second().div_euclid(DAY);
        match runs.last_mut() {
            Some((_, last)) if number(start) == number(*last) + 1 => *last = start,
            _ => runs.push((start, start)),
        }
    }
    let date = |time: &Timestamp| time.strftime("%Y-%m-%d").to_string();
    let run = |(first, last): &(Timestamp, Timestamp)| {
        if first == last {
            return date(first);
        }
        format!("{} to {}", date(first), date(last))
    };
    runs.iter().map(run).collect::<Vec<_>>().join(", ")
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
    fn runs_of_days_are_shown_as_such() {
        let mut days = of(window("2026-11-01T18:00:00Z", "2026-11-06T00:00:00Z"));
        days.remove(3);
        days.reverse();
        assert_eq!(shown(&days), "2026-11-01 to 2026-11-03, 2026-11-05");
    }
}
