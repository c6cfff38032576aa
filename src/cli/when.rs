//! Spans of history as people write them: `2w`, `2026-10`, `16 Nov 2026 09:30`.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, Zoned};

/// Forms of a date, the year always in full.
const DATES: [&str; 9] = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d %Y",
    "%B %d %Y",
    "%b %d, %Y",
    "%B %d, %Y",
];

/// Forms of a time of day.
const TIMES: [&str; 2] = ["%H:%M:%S", "%H:%M"];

/// `14d`, `2w`, `36h`: days are 24 hours, whatever a clock does in between.
pub(super) fn duration(text: &str) -> Result<SignedDuration, String> {
    let bad = || format!("`{text}` is no duration; give one such as 14d, 2w or 36h");
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
    let (number, unit) = text.split_at(split);
    let number: i64 = number.parse().map_err(|_| bad())?;
    let hours = match unit.trim() {
        "h" => 1,
        "d" => 24,
        "w" => 7 * 24,
        _ => return Err(bad()),
    };
    let hours = number
        .checked_mul(hours)
        .filter(|hours| (1..=24 * 366 * 2).contains(hours))
        .ok_or_else(bad)?;
    Ok(SignedDuration::from_hours(hours))
}

/// A calendar month, such as `2026-10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Month {
    year: i16,
    month: i8,
}

/// A month as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AskedMonth {
    /// By its name.
    Named(Month),
    /// The last that is over.
    Last,
    /// The one that goes on.
    This,
}

/// `2026-10`, `last` or `this`.
pub(super) fn asked_month(text: &str) -> Result<AskedMonth, String> {
    match text {
        "last" => Ok(AskedMonth::Last),
        "this" => Ok(AskedMonth::This),
        _ => month(text)
            .map(AskedMonth::Named)
            .map_err(|why| format!("{why}, last or this")),
    }
}

impl AskedMonth {
    /// Which month that is.
    pub(super) fn of(self, zone: &TimeZone, now: Timestamp) -> Month {
        let today = now.to_zoned(zone.clone()).date();
        let date = match self {
            Self::Named(month) => return month,
            Self::This => today,
            Self::Last => today.first_of_month().saturating_sub(Span::new().days(1)),
        };
        Month {
            year: date.year(),
            month: date.month(),
        }
    }
}

/// What there is of a month.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MonthSpan {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    /// Whether it goes on beyond the end.
    pub(super) unfinished: bool,
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// `2026-10`.
pub(super) fn month(text: &str) -> Result<Month, String> {
    let bad = || format!("`{text}` is no month; give one such as 2026-10");
    let (year, month) = text.split_once('-').ok_or_else(bad)?;
    let digits = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(year, 4) || !digits(month, 2) {
        return Err(bad());
    }
    let (year, month) = (year.parse().map_err(|_| bad())?, month.parse().map_err(|_| bad())?);
    Date::new(year, month, 1).map_err(|_| bad())?;
    Ok(Month { year, month })
}

impl Month {
    /// The month in a time zone, as far as it has come.
    pub(super) fn span(self, zone: &TimeZone, now: Timestamp) -> Result<MonthSpan, String> {
        let bad = |_| format!("{self} is beyond all calendars");
        let first = Date::new(self.year, self.month, 1).map_err(bad)?;
        let next = first.checked_add(Span::new().months(1)).map_err(bad)?;
        let midnight = |date: Date| date.to_zoned(zone.clone()).map(|zoned| zoned.timestamp());
        let (start, end) = (midnight(first).map_err(bad)?, midnight(next).map_err(bad)?);
        if start >= now {
            return Err(format!("{self} has not begun; give a month of which there is history"));
        }
        Ok(MonthSpan {
            start,
            end: end.min(now),
            unfinished: now < end,
        })
    }
}

/// A moment: a timestamp, a date (its beginning), a date with a time of day, or `now`, `today`, `yesterday`; in the time zone,
/// unless it says its own.
pub(super) fn moment(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Ok(zoned) = text.parse::<Zoned>() {
        return Ok(zoned.timestamp());
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let today = now.to_zoned(zone.clone()).date();
    let at = match text.to_ascii_lowercase().as_str() {
        "now" => return Ok(now),
        "today" => Some(today.at(0, 0, 0, 0)),
        "yesterday" => today.yesterday().ok().map(|date| date.at(0, 0, 0, 0)),
        _ => date(text)
            .map(|date| date.at(0, 0, 0, 0))
            .or_else(|| date_and_time(text)),
    };
    let zoned = at.and_then(|at| at.to_zoned(zone.clone()).ok());
    zoned.map(|zoned| zoned.timestamp()).ok_or_else(|| {
        let both = text.contains('/');
        let why = if both {
            ": which part is the day cannot be told"
        } else {
            ""
        };
        format!(
            "`{text}` is no time{why}; give one such as 2026-11-16, `2026-11-16 09:30`, 16 Nov 2026, \
             2026-11-16T09:30:00+01:00, now, today or yesterday"
        )
    })
}

fn date(text: &str) -> Option<Date> {
    let found = DATES.iter().find_map(|form| Date::strptime(form, text).ok())?;
    // A year of two digits is none of the first century.
    (found.year() >= 1970).then_some(found)
}

fn date_and_time(text: &str) -> Option<jiff::civil::DateTime> {
    let (day, hour) = text.rsplit_once([' ', 'T', 't'])?;
    let time = TIMES.iter().find_map(|form| Time::strptime(form, hour).ok())?;
    Some(date(day.trim().trim_end_matches(','))?.to_datetime(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    #[test]
    fn a_duration_is_hours_days_or_weeks() {
        assert_eq!(duration("14d"), Ok(SignedDuration::from_hours(336)));
        assert_eq!(duration("2w"), duration("14d"));
        for wrong in ["", "d", "14", "-3d", "0h", "3 months", "9999999999999999999d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_month_begins_and_ends_at_midnight_of_its_time_zone() {
        let now = at("2026-11-25T12:00:00Z");
        let span = |text, name| month(text).unwrap().span(&zone(name), now).unwrap();
        let october = span("2026-10", "Europe/Berlin");
        assert_eq!(october.start, at("2026-09-30T22:00:00Z"));
        assert_eq!(
            october.end,
            at("2026-10-31T23:00:00Z"),
            "the clock was set back in between"
        );
        assert!(!october.unfinished);
        let february = span("2024-02", "UTC");
        assert_eq!(
            (february.start, february.end),
            (at("2024-02-01T00:00:00Z"), at("2024-03-01T00:00:00Z"))
        );
        let december = span("2025-12", "Asia/Kolkata");
        assert_eq!(december.end, at("2025-12-31T18:30:00Z"));
    }

    #[test]
    fn a_month_that_is_not_over_ends_now_and_one_to_come_is_refused() {
        let now = at("2026-11-25T12:00:00Z");
        let november = month("2026-11").unwrap().span(&TimeZone::UTC, now).unwrap();
        assert_eq!((november.end, november.unfinished), (now, true));
        let future = month("2026-12").unwrap();
        let refused = future.span(&TimeZone::UTC, now).unwrap_err();
        assert!(refused.contains("2026-12 has not begun"), "{refused}");
        // Where it is tomorrow already, it has.
        let eve = at("2026-11-30T12:00:00Z");
        assert!(future.span(&TimeZone::UTC, eve).is_err());
        assert!(future.span(&zone("Pacific/Kiritimati"), eve).unwrap().unfinished);
    }

    #[test]
    fn what_is_no_month_is_refused() {
        for wrong in [
            "2026",
            "2026-13",
            "2026-00",
            "26-10",
            "2026-1",
            "10-2026",
            "2026-10-01",
            "Oct 2026",
            "+026-10",
        ] {
            assert!(month(wrong).is_err(), "{wrong}");
        }
        assert_eq!(month("2026-10").unwrap().to_string(), "2026-10");
    }

    #[test]
    fn a_moment_is_written_in_many_ways() {
        let now = at("2026-11-25T23:30:00Z");
        let berlin = zone("Europe/Berlin");
        let midnight = at("2026-11-15T23:00:00Z");
        for text in [
            "2026-11-16",
            "2026/11/16",
            "16.11.2026",
            "16 Nov 2026",
            "16 November 2026",
            "Nov 16 2026",
            "Nov 16, 2026",
            "november 16, 2026",
            " 2026-11-16 00:00 ",
            "2026-11-16T00:00:00+01:00",
            "2026-11-15T23:00:00Z",
            "2026-11-16T00:00[Europe/Berlin]",
        ] {
            assert_eq!(moment(text, &berlin, now), Ok(midnight), "{text}");
        }
        let morning = Ok(at("2026-11-16T08:30:00Z"));
        for text in [
            "2026-11-16 09:30",
            "2026-11-16T09:30:00",
            "16 Nov 2026 09:30",
            "Nov 16, 2026, 09:30",
        ] {
            assert_eq!(moment(text, &berlin, now), morning, "{text}");
        }
        // In Berlin it is tomorrow already.
        assert_eq!(moment("today", &berlin, now), Ok(at("2026-11-25T23:00:00Z")));
        assert_eq!(moment("Yesterday", &TimeZone::UTC, now), Ok(at("2026-11-24T00:00:00Z")));
        assert_eq!(moment("now", &berlin, now), Ok(now));
    }

    #[test]
    fn what_is_no_moment_is_refused_with_the_forms_that_are() {
        let now = at("2026-11-25T12:00:00Z");
        for wrong in [
            "",
            "tomorrow-ish",
            "2026-02-30",
            "11/16/2026",
            "16.11.26",
            "25:00",
            "2026-11-16 25:00",
            "2026-11",
        ] {
            let refused = moment(wrong, &TimeZone::UTC, now).unwrap_err();
            assert!(refused.contains("2026-11-16 09:30"), "{wrong}: {refused}");
        }
        let slashes = moment("11/16/2026", &TimeZone::UTC, now).unwrap_err();
        assert!(slashes.contains("which part is the day"), "{slashes}");
    }
}
