//! A schedule that switches a workload off, replayed over the workload's own history: each day is scored under the hours that
//! the days before it taught, so that no day is judged by what it taught itself.
//!
//! What a schedule saves is what was held in its hours. What it costs is work that came in them: somebody had to wait for a cold
//! start, or got an error. So a replay tells both, and never one as the price of the other.

use super::interval;
use super::spot::bounds::share_at_most;
use crate::model::scenario::{Interval, WeekHours};

/// Days of history that the first scored day has before it, whatever the rule is.
const BEFORE: f64 = 7.0;

/// Share of a day that must be known for the day to be scored: work could hide in a longer hole.
pub const KNOWN: f64 = 0.95;

/// One hour by the clock. It has no points where clocks were set forward, and twice as many where they were set back.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Hour {
    /// Points of the grid in it.
    pub points: u32,
    /// Those at which anything was held.
    pub there: u32,
    /// Device hours that were held.
    pub held: f64,
    /// Samples that there should be.
    pub expected: u32,
    /// Those that there are.
    pub known: u32,
    /// Points at which nothing worked, as far as was seen.
    pub at_rest: u32,
    /// Points at which something did.
    pub at_work: u32,
}

impl Hour {
    /// Whether anything was seen of it.
    pub fn seen(&self) -> bool {
        self.at_rest + self.at_work > 0
    }
}

/// A day by the clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Day {
    /// Days since 1970-01-01 in the schedule's time zone.
    pub number: i64,
    /// Whether the window holds all of it.
    pub whole: bool,
    /// Its hours, from midnight.
    pub hours: [Hour; 24],
}

impl Day {
    /// A day of which nothing is known yet.
    pub fn new(number: i64, whole: bool) -> Self {
        Self {
            number,
            whole,
            hours: [Hour::default(); 24],
        }
    }

    /// Weeks since that of 1970-01-01, each from its Monday.
    pub fn week(&self) -> i64 {
        // 1970 began on a Thursday.
        (self.number + 3).div_euclid(7)
    }

    /// Its hours with their places in the week, Monday 00:00 first.
    pub fn of_week(&self) -> impl Iterator<Item = (usize, &Hour)> {
        let first = usize::try_from((self.number + 3).rem_euclid(7)).unwrap_or(0) * 24;
        (first..).zip(&self.hours)
    }

    /// The share of its samples that are there; all of them where it held nothing.
    fn known(&self) -> f64 {
        let sum = |of: fn(&Hour) -> u32| self.hours.iter().map(|hour| f64::from(of(hour))).sum::<f64>();
        let expected = sum(|hour| hour.expected);
        if expected > 0.0 {
            (sum(|hour| hour.known) / expected).min(1.0)
        } else {
            1.0
        }
    }
}

/// What was held and what worked, by the clock of the schedule's time zone.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// Seconds from one point to the next.
    pub step_seconds: u32,
    /// Its days, in order, those without anything included.
    pub days: Vec<Day>,
}

/// What a day comes to under the hours that the days before it taught.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// Days since 1970-01-01.
    pub number: i64,
    /// The share of it that is known.
    pub known: f64,
    /// Whether it counts: the window holds all of it, and enough of it is known.
    pub scored: bool,
    /// Hours that it had.
    pub hours: f64,
    /// Device hours that were held.
    pub held: f64,
    /// Those of them that would have been off.
    pub off: f64,
    /// Hours of work in hours that would have been off.
    pub disturbed: f64,
    /// Stretches of such work: each time somebody would have waited for a start.
    pub wake_ups: u32,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Replay {
    /// Every day with enough history before it, scored or not, in order.
    pub days: Vec<Scored>,
}

/// Judges every day with at least `least_days` days of history before it. `taught` gives the hours off that those days
/// teach, `None` where they teach none: such a day saves nothing. Of hours off only those count as saved that are `proposed`
/// too, so that no day saves more than it would under what is asked for now.
pub fn replay(
    history: &History,
    proposed: &WeekHours,
    least_days: f64,
    taught: impl Fn(&[Day]) -> Option<WeekHours>,
) -> Replay {
    let step = f64::from(history.step_seconds) / 3_600.0;
    let least = least_days.max(BEFORE) * 24.0;
    let mut points: u64 = 0;
    let mut awake = false;
    let mut replay = Replay::default();
    for (at, day) in history.days.iter().enumerate() {
        let enough = points as f64 * step >= least - step / 2.0;
        points += day.hours.iter().map(|hour| u64::from(hour.there)).sum::<u64>();
        if !enough {
            continue;
        }
        let known = day.known();
        let off = taught(&history.days[..at]).unwrap_or(WeekHours::new([]));
        let has = |hours: &WeekHours, hour: usize| hours.hours().iter().any(|own| usize::from(*own) == hour);
        let mut scored = Scored {
            number: day.number,
            known,
            scored: day.whole && known >= KNOWN,
            hours: 0.0,
            held: 0.0,
            off: 0.0,
            disturbed: 0.0,
            wake_ups: 0,
        };
        for (of_week, hour) in day.of_week() {
            scored.hours += f64::from(hour.points) * step;
            scored.held += hour.held;
            let hit = hour.at_work > 0 && has(&off, of_week);
            if hit {
                scored.disturbed += f64::from(hour.at_work) * step;
                scored.wake_ups += u32::from(!awake);
            } else if hour.seen() && has(&off, of_week) && has(proposed, of_week) {
                scored.off += hour.held;
            }
            // An hour that clocks leave out lies between no two others.
            awake = if hour.points > 0 { hit } else { awake };
        }
        replay.days.push(scored);
    }
    replay
}

impl Replay {
    /// The days that count.
    pub fn scored(&self) -> impl Iterator<Item = &Scored> {
        self.days.iter().filter(|day| day.scored)
    }

    /// Device hours a day that would have been off, with their 90 % interval; `None` under ten scored days.
    ///
    /// Days that all are alike leave nothing open of what was seen. But that nobody came in those hours does not say that nobody
    /// will: the lower end holds if that happens as often as the days allow, and whoever comes has it on for the whole day.
    pub fn off_a_day(&self) -> Option<Interval> {
        let off = self.daily(|day| day.off)?;
        let unseen = self.disturbed_share_at_most() - self.disturbed_share().unwrap_or(0.0);
        let low = off.low.map(|low| low * (1.0 - unseen).clamp(0.0, 1.0));
        Some(Interval { low, ..off })
    }

    /// Device hours a day that were held, weighed as what would have been off is; `None` under ten scored days.
    pub fn held_a_day(&self) -> Option<f64> {
        self.daily(|day| day.held)?.mid
    }

    /// Devices that would have been off, on average over a week; `None` under ten scored days.
    pub fn devices_off(&self) -> Option<f64> {
        let hours = self.daily(|day| day.hours)?.mid?;
        (hours > 0.0).then_some(self.off_a_day()?.mid? / hours)
    }

    fn daily(&self, of: fn(&Scored) -> f64) -> Option<Interval> {
        let day = |scored: &Scored| interval::Day {
            number: scored.number,
            saving: of(scored),
            known: scored.known,
        };
        let days: Vec<interval::Day> = self.scored().map(day).collect();
        interval::daily(&days, &[])
    }

    /// Days on which work fell into hours that would have been off. A hole in the same day hides none.
    pub fn disturbed(&self) -> impl Iterator<Item = &Scored> {
        self.days.iter().filter(|day| day.disturbed > 0.0)
    }

    /// Days that were scored, and those that were not and were disturbed all the same.
    pub fn judged(&self) -> usize {
        let judged = |day: &&Scored| day.scored || day.disturbed > 0.0;
        self.days.iter().filter(judged).count()
    }

    /// The share of them that was disturbed; `None` where there are none.
    pub fn disturbed_share(&self) -> Option<f64> {
        let of = self.judged();
        (of > 0).then(|| self.disturbed().count() as f64 / of as f64)
    }

    /// What that share may really be, with a confidence of 95 %.
    pub fn disturbed_share_at_most(&self) -> f64 {
        share_at_most(self.disturbed().count() as u64, self.judged() as u64, 0.95)
    }

    /// How often somebody would have waited for a start.
    pub fn wake_ups(&self) -> u32 {
        self.days.iter().map(|day| day.wake_ups).sum()
    }
}

#[cfg(test)]
mod tests;
