//! One setting, replayed event by event.

use std::ops::Range;

use super::{Case, MOST_HELD};
use crate::replay::service::bounds::Bounds;
use crate::replay::service::outcome::{Day, together};
use crate::replay::service::policies::Setting;
use crate::replay::service::pool::{DAY, Policy, Seen, replay};
use crate::replay::service::replica::{Request, Service};

/// What nobody knows of a service, one way or another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Draw {
    /// As quick as it is thought to be; a start takes as long as it may. What is proposed must hold so.
    Careful,
    /// Somewhat slower; the same of starts. What is proposed must hold so, too.
    Slower,
    /// As quick as it is thought to be, and starts take as long as they took: what it is thought to cost.
    Likely,
    /// Somewhat quicker; starts take as long as they took.
    Quicker,
}

/// The changed service.
pub(super) fn drawn(case: &Case<'_>, draw: Draw) -> Service {
    let (slower, quicker) = case.variant.slowness(case.slower);
    let factor = match draw {
        Draw::Careful | Draw::Likely => 1.0,
        Draw::Slower => slower,
        Draw::Quicker => quicker,
    };
    case.variant.of(case.service, factor)
}

/// Replica seconds of a setting that costs less than what ran and keeps to its bounds, with a service that is slower, too: what would
/// break were it a little slower than it seems is no advice.
pub(super) fn keeps(
    case: &Case<'_>,
    bounds: &(Bounds, Bounds),
    was: f64,
    run: impl Fn(Draw) -> Vec<Day>,
) -> Option<f64> {
    let usual = together(&run(Draw::Careful));
    let seconds = usual.replica_seconds * case.variant.devices;
    let keeps = usual.held_share() <= MOST_HELD
        && seconds < 0.99 * was
        && bounds.0.broken(&usual).is_none()
        && usual.most_batch as f64 <= case.most_batch.1;
    (keeps && bounds.1.broken(&together(&run(Draw::Slower))).is_none()).then_some(seconds)
}

/// A setting on these days, as a service of this draw does it.
pub(super) fn run(case: &Case<'_>, setting: Setting, days: &Range<usize>, draw: Draw) -> Vec<Day> {
    let service = drawn(case, draw);
    let begin = days.start as f64 * DAY;
    let arrivals = case.demand.requests_from(days.start, case.around.seed);
    let arrivals = arrivals.map(|request| {
        case.variant.seen(Request {
            at: request.at - begin,
            ..request
        })
    });
    let seconds = days.len() as f64 * DAY;
    let mut policy = Proposed {
        policy: setting.policy(),
        most_at_first: case.present.most(),
        scrape: case.demand.step_seconds(),
        scraped: None,
    };
    let mut around = case.around.clone();
    if matches!(draw, Draw::Likely | Draw::Quicker) {
        around.start_seconds = case.start_seconds.to_vec();
    }
    replay(&service, &around, &mut policy, arrivals, seconds)
}

/// A policy that has not run yet.
struct Proposed {
    policy: Box<dyn Policy>,
    /// It begins with no more replicas.
    most_at_first: u32,
    /// Seconds from one scrape to the next: what it looks at is as old as that.
    scrape: f64,
    /// The number of the last scrape, and what was seen at it.
    scraped: Option<(i64, Seen)>,
}

impl Policy for Proposed {
    fn first(&self) -> u32 {
        self.policy.first().min(self.most_at_first)
    }

    fn wanted(&mut self, seen: &Seen) -> u32 {
        let number = (seen.now as f64 / 1_000.0 / self.scrape) as i64;
        let (number, at_scrape) = self.scraped.filter(|last| last.0 == number).unwrap_or((number, *seen));
        self.scraped = Some((number, at_scrape));
        self.policy.wanted(&Seen {
            running: at_scrape.running,
            waiting: at_scrape.waiting,
            arrived: at_scrape.arrived,
            ..*seen
        })
    }
}
