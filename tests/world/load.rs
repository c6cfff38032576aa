//! How load comes and goes: a level between 0 and 1 for every second, a pure function of a key and the time.

use super::random::{mix, normal, unit};

/// Seconds for which a level holds: ServeGen publishes arrival rates by windows of this length, too.
pub const HOLD: i64 = 600;

/// Requests by hour of day (UTC), mean 1: sixty clients of ServeGen's model `m-small` (alibaba/ServeGen, Apache-2.0), over
/// all days of the trace.
const HOURLY: [f64; 24] = [
    0.84, 0.71, 0.73, 0.68, 0.71, 0.66, 0.68, 0.85, 1.02, 1.05, 1.13, 1.09, 1.06, 1.07, 1.06, 1.05, 1.09, 1.08, 1.01,
    1.23, 1.46, 1.40, 1.27, 1.06,
];

/// The highest of them.
const HOURLY_PEAK: f64 = 1.46;

/// A shape of load.
#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    /// Never anything.
    Silent,
    /// Day and night, with a weaker weekend and bursts; `burst` is the spread of a window's load around its mean.
    Diurnal {
        /// Level on weekends, relative to weekdays.
        weekend: f64,
        /// Standard deviation of the window's load, relative to its mean.
        burst: f64,
    },
    /// Monday to Friday between two hours (UTC), never less than a quarter then; exactly nothing otherwise.
    OfficeHours {
        /// First hour with load.
        from: i64,
        /// First hour without.
        to: i64,
    },
    /// One day of the week (0 is Monday), ten hours long.
    OneDay {
        /// Which day.
        weekday: i64,
    },
    /// One busy minute in each span of this many seconds.
    Trickle {
        /// The span.
        every: i64,
    },
    /// Some nights, without a pattern: every fifth at least, others by chance.
    Nights {
        /// The chance of the others.
        share: f64,
    },
    /// Full and even, with a pause of some minutes for a checkpoint.
    Steady {
        /// Seconds between checkpoints.
        checkpoint_every: i64,
    },
    /// Little, and once a day full for a while.
    Bursts {
        /// The level outside.
        base: f64,
        /// Minutes a day at full level.
        minutes: i64,
    },
}

/// Day of the week, 0 for Monday; 1970 began on a Thursday.
pub fn weekday(second: i64) -> i64 {
    (second.div_euclid(86_400) + 3).rem_euclid(7)
}

/// The spread of a window's count of requests, from the coefficient of variation between arrivals: a renewal process counts
/// with variance `cv^2` times its mean. ServeGen's m-small clients: median 1.2, upper quartile 2.5.
pub fn spread(arrival_cv: f64, requests_per_second: f64) -> f64 {
    (arrival_cv / (requests_per_second * HOLD as f64).max(1.0).sqrt()).min(0.6)
}

impl Pattern {
    /// The level at a second, from 0 to 1.
    pub fn level(&self, key: u64, second: i64) -> f64 {
        let (day, into_day) = (second.div_euclid(86_400), second.rem_euclid(86_400));
        let (hour, window) = (into_day / 3600, second.div_euclid(HOLD));
        match *self {
            Self::Silent => 0.0,
            Self::Diurnal { weekend, burst } => {
                let week = if weekday(second) >= 5 { weekend } else { 1.0 };
                // Lognormal about one, and never above the peak that the plant's margins count on.
                let noise = (burst * normal(key, window) - burst * burst / 2.0).exp();
                (HOURLY[hour as usize % 24] / HOURLY_PEAK * week * noise * 0.85).clamp(0.0, 1.0)
            }
            Self::OfficeHours { from, to } => {
                let open = weekday(second) < 5 && (from..to).contains(&hour);
                if open { 0.25 + 0.75 * unit(key, window) } else { 0.0 }
            }
            Self::OneDay { weekday: which } => {
                let open = weekday(second) == which && (8..18).contains(&hour);
                if open { 0.4 + 0.6 * unit(key, window) } else { 0.0 }
            }
            Self::Trickle { every } => {
                let span = second.div_euclid(every);
                let at = (unit(key, span) * (every / 60) as f64) as i64 * 60;
                let into = second.rem_euclid(every);
                if (at..at + 60).contains(&into) { 1.0 } else { 0.0 }
            }
            Self::Nights { share } => {
                let awake = (day + (mix(key) % 5) as i64) % 5 == 0 || unit(key, day) < share;
                let hours = 2 + (unit(key ^ 1, day) * 4.0) as i64;
                if awake && (1..1 + hours).contains(&hour) {
                    0.9
                } else {
                    0.0
                }
            }
            Self::Steady { checkpoint_every } => {
                let into = (second + (mix(key) % 7_200) as i64).rem_euclid(checkpoint_every);
                if into < 240 { 0.05 } else { 1.0 }
            }
            Self::Bursts { base, minutes } => {
                let begin = (9 + (unit(key, day) * 8.0) as i64) * 3600;
                let full = (begin..begin + minutes * 60).contains(&into_day);
                if full {
                    1.0
                } else {
                    base * (0.7 + 0.3 * unit(key, window))
                }
            }
        }
    }
}
