//! Hours of the week in which something is awake, as KEDA's cron triggers: each begins and ends at the same clock hours of its days.

use std::collections::BTreeMap;

use crate::model::scenario::WeekHours;

/// When something begins and ends, as cron says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shift {
    pub(super) start: String,
    pub(super) end: String,
}

/// The hours in which it does not sleep.
pub(super) fn awake(asleep: &WeekHours) -> Vec<Shift> {
    let week = 0..u8::try_from(WeekHours::COUNT).unwrap_or(u8::MAX);
    let hours = WeekHours::new(week.filter(|hour| !asleep.hours().contains(hour)));
    // Weekdays by first hour and length: all of them end at the same hour, as many days later.
    let mut shifts: BTreeMap<(u8, u8), Vec<u8>> = BTreeMap::new();
    for (from, to) in hours.blocks() {
        let length = (i32::from(to) - i32::from(from)).rem_euclid(168);
        shifts
            .entry((from % 24, u8::try_from(length).unwrap_or(0)))
            .or_default()
            .push(from / 24);
    }
    let mut told: Vec<(Vec<u8>, Shift)> = shifts
        .into_iter()
        .filter(|((_, length), _)| *length > 0)
        .map(|((hour, length), days)| {
            let (end, later) = ((hour + length) % 24, (hour + length) / 24);
            let ends: Vec<u8> = days.iter().map(|day| (day + later) % 7).collect();
            let shift = Shift {
                start: cron(hour, &days),
                end: cron(end, &ends),
            };
            (days, shift)
        })
        .collect();
    told.sort_by(|a, b| a.0.cmp(&b.0));
    told.into_iter().map(|(_, shift)| shift).collect()
}

/// `0 7 * * 1-5`; Sunday is 0.
fn cron(hour: u8, days: &[u8]) -> String {
    let mut days: Vec<u8> = days.iter().map(|day| (day + 1) % 7).collect();
    days.sort_unstable();
    let run = |days: &[u8]| days.windows(2).all(|pair| pair[1] == pair[0] + 1);
    let days = match &days[..] {
        [0, 1, 2, 3, 4, 5, 6] => "*".to_owned(),
        [first, .., last] if days.len() > 2 && run(&days) => format!("{first}-{last}"),
        days => days.iter().map(u8::to_string).collect::<Vec<_>>().join(","),
    };
    format!("0 {hour} * * {days}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shifts(hours: impl IntoIterator<Item = u8>) -> Vec<(String, String)> {
        let shifts = awake(&WeekHours::new(hours)).into_iter();
        shifts.map(|shift| (shift.start, shift.end)).collect()
    }

    fn told(start: &str, end: &str) -> (String, String) {
        (start.to_owned(), end.to_owned())
    }

    #[test]
    fn nights_and_weekends_leave_working_days() {
        let at_work = |hour: u8| hour / 24 < 5 && (7..20).contains(&(hour % 24));
        let asleep = (0..168).filter(|hour| !at_work(*hour));
        assert_eq!(shifts(asleep), [told("0 7 * * 1-5", "0 20 * * 1-5")]);
    }

    #[test]
    fn a_shift_may_end_the_next_day_and_the_week_has_no_end() {
        // Asleep from 02:00 to 08:00 each day: awake until two in the morning.
        let each_day = (0..168).filter(|hour| (2..8).contains(&(hour % 24)));
        assert_eq!(shifts(each_day), [told("0 8 * * *", "0 2 * * *")]);
        // Asleep on Saturday and on Sunday until 20:00: one block, over the end of the week.
        let weekend = 5 * 24..6 * 24 + 20;
        assert_eq!(shifts(weekend), [told("0 20 * * 0", "0 0 * * 6")]);
        let two = (0..168).filter(|hour| !((9..12).contains(hour) || (57..61).contains(hour)));
        assert_eq!(
            shifts(two),
            [told("0 9 * * 1", "0 12 * * 1"), told("0 9 * * 3", "0 13 * * 3")]
        );
    }
}
