//! The cron trigger: replicas between a start and an end, each a schedule of five fields in a zone. Schedules match as those of
//! KEDA's library do, also where clocks change.

use std::ops::RangeInclusive;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

/// Between a start and an end.
#[derive(Debug, Clone)]
pub struct Cron {
    zone: TimeZone,
    start: Schedule,
    end: Schedule,
    /// Replicas in between.
    pub replicas: i64,
}

/// A set of bits for each field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether any day of the month, or any of the week, will do.
    any_day: (bool, bool),
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A field that is no part of a schedule, in words.
type Wrong = String;

impl Schedule {
    fn read(text: &str) -> Result<Self, Wrong> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(format!("five fields are expected, not {}", fields.len()));
        };
        let (minutes, _) = field(minute, 0..=59, &[])?;
        let (hours, _) = field(hour, 0..=23, &[])?;
        let (days, any_day) = field(day, 1..=31, &[])?;
        let (months, _) = field(month, 1..=12, &MONTHS)?;
        let (weekdays, any_weekday) = field(weekday, 0..=6, &WEEKDAYS)?;
        Ok(Self {
            minutes,
            hours,
            days,
            months,
            weekdays,
            any_day: (any_day, any_weekday),
        })
    }

    fn day(&self, at: &Zoned) -> bool {
        let day = self.days >> at.day() & 1 == 1;
        let weekday = self.weekdays >> at.weekday().to_sunday_zero_offset() & 1 == 1;
        let month = self.months >> at.month() & 1 == 1;
        let both = self.any_day.0 || self.any_day.1;
        month && if both { day && weekday } else { day || weekday }
    }

    /// The first minute after a time that matches; `None` where there is none in five years.
    fn next(&self, after: &Zoned) -> Option<Timestamp> {
        let zone = after.time_zone();
        let end = after.year() + 5;
        let second = after.timestamp().as_second();
        let minute = second - i64::from(after.second()) + 60;
        let mut at = Timestamp::from_second(minute).ok()?.to_zoned(zone.clone());
        while at.year() <= end {
            let to_hour = 60 * (60 - i64::from(at.minute()));
            let seconds = if !self.day(&at) {
                let next = at.date().tomorrow().ok()?.to_datetime(Time::midnight());
                let next = next.to_zoned(zone.clone()).ok()?;
                at = if next.timestamp() > at.timestamp() {
                    next
                } else {
                    return None;
                };
                continue;
            } else if self.hours >> at.hour() & 1 == 0 {
                to_hour
            } else if self.minutes >> at.minute() & 1 == 0 {
                60
            } else {
                return Some(at.timestamp());
            };
            at = at.checked_add(SignedDuration::from_secs(seconds)).ok()?;
        }
        None
    }
}

/// The bits of a field, and whether it stands for any.
fn field(text: &str, all: RangeInclusive<u32>, names: &[&str]) -> Result<(u64, bool), Wrong> {
    let (mut bits, mut any) = (0, false);
    for part in text.split(',') {
        let (own, is_any) = range(part, &all, names)?;
        bits |= own;
        any |= is_any;
    }
    Ok((bits, any))
}

fn range(text: &str, all: &RangeInclusive<u32>, names: &[&str]) -> Result<(u64, bool), Wrong> {
    let wrong = || {
        format!(
            "`{text}` is no number, name, range or step from {} to {}",
            all.start(),
            all.end()
        )
    };
    let value = |word: &str| {
        let first = *all.start();
        let named = names.iter().position(|name| *name == word.to_lowercase());
        let named = named.and_then(|at| u32::try_from(at).ok()).map(|at| at + first);
        let digits = word.chars().all(|c| c.is_ascii_digit());
        named.or_else(|| word.parse().ok().filter(|_| digits)).ok_or_else(wrong)
    };
    let (span, step) = match text.split_once('/') {
        Some((span, step)) => (span, Some(value(step)?)),
        None => (text, None),
    };
    let any = matches!(span, "*" | "?");
    let (from, to) = if any {
        (*all.start(), *all.end())
    } else if let Some((from, to)) = span.split_once('-') {
        (value(from)?, value(to)?)
    } else {
        let from = value(span)?;
        // `5/15` goes on to the end.
        (from, if step.is_some() { *all.end() } else { from })
    };
    let every = step.unwrap_or(1);
    if from < *all.start() || to > *all.end() || from > to || every == 0 {
        return Err(wrong());
    }
    let bits = (from..=to)
        .step_by(every as usize)
        .fold(0, |bits, at| bits | 1_u64 << at);
    Ok((bits, any && every == 1))
}

/// What a cron trigger has, in its metadata's words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written<'a> {
    pub(super) zone: &'a str,
    pub(super) start: &'a str,
    pub(super) end: &'a str,
    pub(super) replicas: &'a str,
}

impl Cron {
    /// Reads it; every mistake with the key that it is at.
    pub(super) fn read(of: Written<'_>) -> Result<Self, Vec<(&'static str, String)>> {
        let mut wrong = Vec::new();
        let zone = TimeZone::get(of.zone);
        if of.zone.is_empty() || zone.is_err() {
            wrong.push((
                "timezone",
                format!("`{}` is no time zone such as Europe/Berlin", of.zone),
            ));
        }
        let start = Schedule::read(of.start);
        let end = Schedule::read(of.end);
        for (key, read) in [("start", &start), ("end", &end)] {
            wrong.extend(read.as_ref().err().map(|why| (key, why.clone())));
        }
        if of.start == of.end {
            wrong.push(("end", "start and end can not have exactly same time input".to_owned()));
        }
        let replicas = of.replicas.parse().ok().filter(|replicas: &i64| *replicas != 0);
        if replicas.is_none() {
            wrong.push((
                "desiredReplicas",
                "a whole number other than zero is expected".to_owned(),
            ));
        }
        match (zone, start, end, replicas) {
            (Ok(zone), Ok(start), Ok(end), Some(replicas)) if wrong.is_empty() => Ok(Self {
                zone,
                start,
                end,
                replicas,
            }),
            _ => Err(wrong),
        }
    }

    /// Whether a time, in milliseconds of Unix time, is between a start and an end, and until when that stays so.
    ///
    /// That is where the next end comes no later than the next start; a schedule that never comes counts as long past.
    pub fn within(&self, now: i64) -> (bool, i64) {
        let Ok(at) = Timestamp::from_millisecond(now) else {
            return (false, i64::MAX);
        };
        let at = at.to_zoned(self.zone.clone());
        let (start, end) = (self.start.next(&at), self.end.next(&at));
        let until = [start, end]
            .into_iter()
            .flatten()
            .min()
            .map_or(i64::MAX, Timestamp::as_millisecond);
        let within = match (start, end) {
            (Some(start), Some(end)) => end <= start,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        (within, until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron(zone: &str, start: &str, end: &str) -> Cron {
        let replicas = "10";
        Cron::read(Written {
            zone,
            start,
            end,
            replicas,
        })
        .unwrap()
    }

    /// Hours of UTC's day, and whether the trigger is on at half past each.
    fn hours(cron: &Cron, date: &str) -> Vec<usize> {
        let midnight: Timestamp = format!("{date}T00:30:00Z").parse().unwrap();
        let at = |hour: usize| midnight.as_millisecond() + hour as i64 * 3_600_000;
        (0..24).filter(|hour| cron.within(at(*hour)).0).collect()
    }

    #[test]
    fn between_start_and_end_it_is_on_also_across_midnight() {
        let day = cron("Etc/UTC", "0 8 * * *", "0 18 * * *");
        assert_eq!(hours(&day, "2026-11-26"), (8..18).collect::<Vec<_>>());
        let night = cron("Etc/UTC", "0 22 * * *", "0 4 * * *");
        assert_eq!(hours(&night, "2026-11-26"), [0, 1, 2, 3, 22, 23]);
        let even = cron("Etc/UTC", "0 */2 * * *", "0 1-23/2 * * *");
        assert_eq!(hours(&even, "2026-11-26"), (0..24).step_by(2).collect::<Vec<_>>());
        let thursday = cron("Etc/UTC", "0 0 * * Thu", "59 23 * * Thu");
        assert_eq!(hours(&thursday, "2026-11-26").len(), 24);
        assert_eq!(hours(&thursday, "2026-11-27").len(), 0);
    }

    #[test]
    fn the_minute_of_the_start_is_in_and_that_of_the_end_is_out() {
        let cron = cron("Etc/UTC", "0 8 * * *", "0 18 * * *");
        let at = |time: &str| {
            format!("2026-11-26T{time}Z")
                .parse::<Timestamp>()
                .unwrap()
                .as_millisecond()
        };
        assert!(!cron.within(at("07:59:59.999")).0);
        assert!(cron.within(at("08:00:00")).0);
        assert_eq!(cron.within(at("12:00:00")), (true, at("18:00:00")));
        assert!(!cron.within(at("18:00:00")).0);
    }

    #[test]
    fn clocks_that_change_move_it() {
        let berlin = cron("Europe/Berlin", "0 8 * * *", "0 18 * * *");
        assert_eq!(hours(&berlin, "2026-07-01"), (6..16).collect::<Vec<_>>());
        assert_eq!(hours(&berlin, "2026-12-01"), (7..17).collect::<Vec<_>>());
        // Half past two is skipped on the last Sunday of March. From Saturday's end on the next end comes before the next start,
        // which is Monday's: it stays on for a day, as KEDA's does.
        let skipped = cron("Europe/Berlin", "30 2 * * *", "30 4 * * *");
        assert_eq!(hours(&skipped, "2026-03-27"), [1, 2]);
        assert_eq!(hours(&skipped, "2026-03-28"), (1..24).collect::<Vec<_>>());
        assert_eq!(hours(&skipped, "2026-03-29"), [0, 1]);
        assert_eq!(hours(&skipped, "2026-03-30"), [0, 1]);
        // It comes twice in October; only after the second no other start is before the end.
        assert_eq!(hours(&skipped, "2026-10-25"), [1, 2]);
    }

    #[test]
    fn a_day_of_the_month_or_of_the_week_is_enough_where_both_are_named() {
        let both = cron("Etc/UTC", "0 0 13 * Fri", "59 23 13 * Fri");
        assert_eq!(hours(&both, "2026-11-13").len(), 24);
        assert_eq!(hours(&both, "2026-11-20").len(), 24);
        assert_eq!(hours(&both, "2026-12-13").len(), 24);
        assert_eq!(hours(&both, "2026-12-14").len(), 0);
    }

    #[test]
    fn a_start_that_never_comes_is_long_past_and_an_end_that_never_comes_is_none() {
        let always = cron("Etc/UTC", "0 0 30 2 *", "0 4 * * *");
        assert_eq!(hours(&always, "2026-11-26").len(), 24);
        let never = cron("Etc/UTC", "0 4 * * *", "0 0 30 2 *");
        assert_eq!(hours(&never, "2026-11-26").len(), 0);
    }

    #[test]
    fn what_is_no_schedule_is_told_by_its_key() {
        let wrong = |zone: &str, start: &str, end: &str, replicas: &str| {
            let read = Cron::read(Written {
                zone,
                start,
                end,
                replicas,
            });
            read.unwrap_err().into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        assert_eq!(
            wrong("Mars/Base", "0 8 * * *", "0 18 * * *", "0"),
            ["timezone", "desiredReplicas"]
        );
        assert_eq!(wrong("Etc/UTC", "-30 * * * *", "45 * * * *", "1"), ["start"]);
        assert_eq!(wrong("Etc/UTC", "30 * * * *", "50 * * -3 *", "1"), ["end"]);
        assert_eq!(wrong("Etc/UTC", "30 * * * *", "30 * * * *", "1"), ["end"]);
        for start in [
            "* * * *",
            "60 * * * *",
            "5-1 * * * *",
            "*/0 * * * *",
            "@daily",
            "0 0 * * 7",
            "+5 * * * *",
        ] {
            assert_eq!(wrong("Etc/UTC", start, "45 * * * *", "1"), ["start"], "{start}");
        }
    }
}
