//! Days, times and hours of the week as a policy writes them; which time zone is meant stands beside them.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Minutes of a week.
const WEEK: i64 = 7 * DAY;
const DAY: i64 = 24 * 60;

/// `2026-12-20`, which is its beginning, or `2026-12-20 18:00`.
pub fn moment(text: &str) -> Option<DateTime> {
    let (day, time) = match text.split_once([' ', 'T']) {
        Some((day, time)) => (day, time),
        None => (text, "00:00"),
    };
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit() || "-:".contains(c));
    // A date of ten characters, so that no offset or fraction is read past.
    if day.len() != 10 || !digits(day) {
        return None;
    }
    let day: Date = day.parse().ok()?;
    Some(day.to_datetime(clock(time)?))
}

/// `18:00`.
fn clock(text: &str) -> Option<Time> {
    let minute = minutes(text)?;
    let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
    Time::new(hour, minute, 0, 0).ok()
}

/// Minutes since midnight of `18:00`; `24:00` is the end of the day.
fn minutes(text: &str) -> Option<i64> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str, most: i64| {
        let plain = text.len() == 2 && text.chars().all(|c| c.is_ascii_digit());
        let number: i64 = plain.then(|| text.parse().ok()).flatten()?;
        (number <= most).then_some(number)
    };
    let minutes = number(hour, 24)? * 60 + number(minute, 59)?;
    (minutes <= DAY).then_some(minutes)
}

/// A part of every week, in minutes since Monday 00:00; it may run over the week's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weekly {
    from: i64,
    until: i64,
}

impl Weekly {
    /// `Fri 16:00 to Mon 08:00`; `None` where it is not written so, or is empty.
    pub fn read(text: &str) -> Option<Self> {
        let (from, until) = text.split_once(" to ")?;
        let (from, until) = (of_week(from)? % WEEK, of_week(until)? % WEEK);
        (from != until).then_some(Self { from, until })
    }

    /// When the part that holds this moment ends; `None` outside.
    pub fn end(self, at: &Zoned) -> Option<Zoned> {
        let time = at.time();
        let day = i64::from(at.weekday().to_monday_zero_offset());
        let now = day * DAY + i64::from(time.hour()) * 60 + i64::from(time.minute());
        if (now - self.from).rem_euclid(WEEK) >= (self.until - self.from).rem_euclid(WEEK) {
            return None;
        }
        // In hours on the wall, whatever the clocks do in between.
        let left = (self.until - now).rem_euclid(WEEK);
        let minute = at
            .datetime()
            .date()
            .to_datetime(Time::new(time.hour(), time.minute(), 0, 0).ok()?);
        let end = minute.checked_add(jiff::Span::new().minutes(left)).ok()?;
        end.to_zoned(at.time_zone().clone()).ok()
    }
}

fn of_week(text: &str) -> Option<i64> {
    let (day, time) = text.trim().split_once(' ')?;
    let day = match day {
        "Mon" => Weekday::Monday,
        "Tue" => Weekday::Tuesday,
        "Wed" => Weekday::Wednesday,
        "Thu" => Weekday::Thursday,
        "Fri" => Weekday::Friday,
        "Sat" => Weekday::Saturday,
        "Sun" => Weekday::Sunday,
        _ => return None,
    };
    Some(i64::from(day.to_monday_zero_offset()) * DAY + minutes(time)?)
}

/// A wall time as a moment in a time zone; in the hour that is skipped, the one after it.
pub fn at(wall: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    wall.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
}

/// A moment in words: the day alone where it is its beginning.
pub fn in_words(zoned: &Zoned) -> String {
    if zoned.time() == Time::midnight() {
        zoned.date().to_string()
    } else {
        zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin(text: &str) -> Zoned {
        moment(text)
            .unwrap()
            .to_zoned(TimeZone::get("Europe/Berlin").unwrap())
            .unwrap()
    }

    #[test]
    fn days_and_times_are_read_and_nothing_else_is() {
        for (text, read) in [
            ("2026-12-20", "2026-12-20T00:00:00"),
            ("2026-12-20 18:30", "2026-12-20T18:30:00"),
            ("2026-12-20T18:30", "2026-12-20T18:30:00"),
        ] {
            assert_eq!(moment(text).unwrap().to_string(), read);
        }
        for text in [
            "",
            "soon",
            "2026-13-01",
            "2026-02-30",
            "2026-12-20 24:00",
            "2026-12-20 8:00",
            "2026-12-20T18:30Z",
            "2026-12-20T18:30+02:00",
            "20261220",
            "2026-12-20 18:60",
            "-009999-12-20",
            "2026-12-20 18",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn a_weekend_runs_over_the_weeks_end() {
        let weekend = Weekly::read("Fri 16:00 to Mon 08:00").unwrap();
        let end = |text: &str| weekend.end(&berlin(text)).map(|end| in_words(&end));
        // The 20th of November 2026 is a Friday.
        assert_eq!(end("2026-11-20 15:59"), None);
        assert_eq!(end("2026-11-20 16:00").unwrap(), "2026-11-23T08:00:00+01:00");
        assert_eq!(end("2026-11-22 23:59").unwrap(), "2026-11-23T08:00:00+01:00");
        assert_eq!(end("2026-11-23 07:59").unwrap(), "2026-11-23T08:00:00+01:00");
        assert_eq!(end("2026-11-23 08:00"), None);
        let nights = Weekly::read("Sun 22:00 to Sun 24:00").unwrap();
        assert_eq!(
            in_words(&nights.end(&berlin("2026-11-22 22:10")).unwrap()),
            "2026-11-23"
        );
    }

    #[test]
    fn the_wall_clock_ends_a_window_in_the_night_in_which_clocks_change() {
        // On the 25th of October 2026 clocks in Berlin go back an hour at three.
        let weekend = Weekly::read("Sat 00:00 to Sun 06:00").unwrap();
        let end = weekend.end(&berlin("2026-10-24 12:00")).unwrap();
        assert_eq!(in_words(&end), "2026-10-25T06:00:00+01:00");
    }

    #[test]
    fn no_part_of_a_week_is_guessed() {
        for text in [
            "",
            "Fri 16:00",
            "Fri 16:00 - Mon 08:00",
            "Friday 16:00 to Mon 08:00",
            "Fri 16:00 to Fri 16:00",
            "Mon 00:00 to Sun 24:00",
            "Fri 25:00 to Mon 08:00",
            "Fri 24:30 to Mon 08:00",
        ] {
            assert_eq!(Weekly::read(text), None, "{text}");
        }
    }
}
