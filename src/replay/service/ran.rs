//! An autoscaler that really ran, run again: whether it would have kept as many replicas as there were. One that does not tells
//! that the service, or what it looks at, is not what it is thought to be.

use std::fmt::Debug;
use std::ops::Range;

use super::policies::AsItWas;
use super::pool::{DAY, Holds, Policy, Seen};

/// By how much replica hours may be off.
pub const WITHIN: f64 = 0.05;

/// An autoscaler that ran.
pub trait Ran: Debug + Sync {
    /// It, begun anew at a time in milliseconds of Unix time, with so many replicas.
    fn begun(&self, at: i64, replicas: u32) -> Box<dyn Policy + '_>;

    /// The most replicas that it allows.
    fn most(&self) -> u32;
}

/// Replica hours of the same days.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hours {
    /// As they were.
    pub measured: f64,
    /// As the replay has them.
    pub replayed: f64,
}

impl Hours {
    /// How far off the replay is, of what was measured.
    pub fn error(&self) -> f64 {
        (self.replayed - self.measured).abs() / self.measured.max(1e-9)
    }

    /// Whether that is near enough; what cannot be compared is not.
    pub fn hold(&self) -> bool {
        self.error() <= WITHIN
    }
}

/// An autoscaler that sees what monitoring scraped last, and whose ready replicas are counted as monitoring counts them.
pub(super) struct Scraped<'a> {
    policy: Box<dyn Policy + 'a>,
    /// Seconds from one scrape to the next.
    scrape: f64,
    scraped: Option<i64>,
    each: Vec<Holds>,
    last: Vec<Holds>,
    /// When it was asked last, and how many were ready, in seconds.
    before: (f64, f64),
    days: Vec<f64>,
}

impl<'a> Scraped<'a> {
    pub(super) fn new(policy: Box<dyn Policy + 'a>, scrape: f64, days: usize) -> Self {
        Self {
            before: (0.0, f64::from(policy.first())),
            policy,
            scrape,
            scraped: None,
            each: Vec::new(),
            last: Vec::new(),
            days: vec![0.0; days],
        }
    }

    /// Hours of ready replicas on these days, as they were and as they came out.
    pub(super) fn hours(&self, was: &AsItWas, days: &Range<usize>, known: impl Fn(usize) -> bool) -> Hours {
        let was = was.ready_seconds();
        let sum = |of: &[f64]| {
            let known = days.clone().filter(|day| known(*day));
            known.filter_map(|day| of.get(day)).sum::<f64>() / 3_600.0
        };
        Hours {
            measured: sum(&was),
            replayed: sum(&self.days),
        }
    }
}

impl Policy for Scraped<'_> {
    fn first(&self) -> u32 {
        self.policy.first()
    }

    fn told(&mut self, each: &mut dyn Iterator<Item = Holds>) {
        self.each.clear();
        self.each.extend(each);
    }

    fn wanted(&mut self, seen: &Seen) -> u32 {
        let now = seen.now as f64 / 1_000.0;
        if let Some(day) = self.days.get_mut((self.before.0 / DAY) as usize) {
            *day += self.before.1 * (now - self.before.0);
        }
        self.before = (now, f64::from(seen.ready));
        let scrape = (now / self.scrape) as i64;
        if self.scraped != Some(scrape) {
            self.scraped = Some(scrape);
            self.last.clone_from(&self.each);
        }
        self.policy.told(&mut self.last.iter().copied());
        self.policy.wanted(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::requests::RequestHistory;
    use crate::model::usage::Column;
    use crate::replay::service::demand::tests::grid;

    /// Wants as many replicas as requests run.
    struct AsManyAsRun(u32);

    impl Policy for AsManyAsRun {
        fn first(&self) -> u32 {
            2
        }

        fn told(&mut self, each: &mut dyn Iterator<Item = Holds>) {
            self.0 = each.map(|holds| holds.running as u32).sum();
        }

        fn wanted(&mut self, _: &Seen) -> u32 {
            self.0
        }
    }

    fn asked(watched: &mut Scraped<'_>, now: i64, ready: u32, running: usize) -> u32 {
        watched.told(&mut std::iter::once(Holds { running, waiting: 0 }));
        watched.wanted(&Seen {
            now: now * 1_000,
            wanted: ready,
            there: ready,
            ready,
            running: running as f64,
            waiting: 0.0,
            arrived: 0.0,
        })
    }

    #[test]
    fn it_sees_what_was_scraped_last_and_not_what_is() {
        let mut watched = Scraped::new(Box::new(AsManyAsRun(0)), 60.0, 1);
        let wanted =
            [(15, 3), (30, 9), (45, 9), (60, 5), (75, 8)].map(|(now, running)| asked(&mut watched, now, 2, running));
        assert_eq!(wanted, [3, 3, 3, 5, 5]);
    }

    #[test]
    fn only_replicas_that_serve_are_counted_and_only_on_days_that_are_known() {
        let mut watched = Scraped::new(Box::new(AsManyAsRun(0)), 15.0, 1);
        for (now, ready) in [(3_600, 2), (7_200, 5), (10_800, 1)] {
            asked(&mut watched, now, ready, 1);
        }
        let mut history = RequestHistory::unknown(grid(720, 15));
        history.servers = Column::from_options((0..720).map(|_| Some(3.0)));
        let was = AsItWas::of(&history);
        let hours = watched.hours(&was, &(0..1), |_| true);
        // Two at first, two when it was asked, then five.
        assert_eq!((hours.measured, hours.replayed), (9.0, 9.0));
        assert!(hours.hold());
        let unknown = watched.hours(&was, &(0..1), |_| false);
        assert_eq!((unknown.measured, unknown.replayed), (0.0, 0.0));
        let off = Hours {
            measured: 100.0,
            replayed: 94.0,
        };
        assert!(!off.hold() && (off.error() - 0.06).abs() < 1e-9);
        let nothing = Hours {
            measured: f64::NAN,
            replayed: 1.0,
        };
        assert!(!nothing.hold());
    }
}
