//! The ledger of a live cluster: read beside the rest of it where somebody asks about money by day.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::model::cluster::Inventory;
use crate::model::gap::{Gap, UNKNOWN_WITHOUT_LEDGER};
use crate::model::progress::Progress;
use crate::model::time::Window;
use crate::sources::opencost::{self, OpenCostClient};

/// Weeks from which the pattern of a week is learnt.
const WEEKS: i64 = 8;

/// Weeks without which nothing is unusual.
const WEEKS_TO_COMPARE: i64 = 5;

/// Which days of cost are read.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerSpan {
    /// The time zone of days.
    pub zone: TimeZone,
    /// How far back.
    pub back: Back,
}

/// How far back days of cost are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Back {
    /// The window, and the span before it that it is compared with; of a calendar month, the month before it.
    Compared,
    /// The month of the window's end and the one before it, and weeks enough to learn a pattern from.
    Months,
}

impl LedgerSpan {
    /// From when to when.
    pub fn of(&self, window: Window) -> Window {
        let start = match self.back {
            Back::Compared => before(window, &self.zone)
                .start
                .min(self.weeks(window.end, WEEKS_TO_COMPARE)),
            Back::Months => self.months(window.end).min(window.start),
        };
        Window { start, end: window.end }
    }

    fn months(&self, end: Timestamp) -> Timestamp {
        let today = end.to_zoned(self.zone.clone()).date();
        let month_before = today.first_of_month().checked_sub(Span::new().months(1));
        let month_before = month_before.and_then(|day| day.to_zoned(self.zone.clone()));
        let month_before = month_before.map_or(end, |at| at.timestamp());
        month_before.min(self.weeks(end, WEEKS))
    }

    fn weeks(&self, end: Timestamp, weeks: i64) -> Timestamp {
        let earlier = end.to_zoned(self.zone.clone()).checked_sub(Span::new().weeks(weeks));
        earlier.map_or(end, |at| at.timestamp())
    }
}

fn midnight(at: Timestamp, zone: &TimeZone) -> Timestamp {
    let day = at.to_zoned(zone.clone()).start_of_day();
    day.map_or(at, |day| day.timestamp())
}

/// A span as whole days, the last as far as it has come: a day that began before it is left out.
pub fn whole_days(window: Window, zone: &TimeZone) -> Window {
    let first = midnight(window.start, zone);
    let next = || {
        let tomorrow = first.to_zoned(zone.clone()).checked_add(Span::new().days(1)).ok()?;
        Some(tomorrow.timestamp())
    };
    let start = if first < window.start {
        next().unwrap_or(window.start)
    } else {
        first
    };
    Window {
        // Of less than a day the day is all there is.
        start: if start < window.end { start } else { first },
        end: window.end,
    }
}

/// The span that a window is compared with: the calendar month before one that begins with a month, else as long a span.
pub fn before(window: Window, zone: &TimeZone) -> Window {
    let start = window.start.to_zoned(zone.clone());
    let end = window.end.to_zoned(zone.clone());
    let is_month = start.timestamp()
        == start
            .first_of_month()
            .map_or(start.timestamp(), |first| first.timestamp())
        && start.day() == 1
        && start.hour() == 0
        && end.timestamp()
            <= start
                .checked_add(Span::new().months(1))
                .map_or(end.timestamp(), |next| next.timestamp())
        && window.days() > 27.0;
    let length = window.end.duration_since(window.start);
    let earlier = if is_month {
        start.checked_sub(Span::new().months(1)).ok().map(|at| at.timestamp())
    } else {
        window.start.checked_sub(length).ok()
    };
    Window {
        // Days are all that is known: of the first one, all of it counts.
        start: midnight(earlier.unwrap_or(window.start), zone),
        end: window.start,
    }
}

/// Reads it into the inventory, where it is asked for. A ledger that cannot be read leaves a gap, and the rest of the cluster as it is.
pub(super) async fn read(
    client: &OpenCostClient,
    (span, window, cluster): (Option<&LedgerSpan>, Window, Option<&str>),
    inventory: &mut Inventory,
    progress: &dyn Progress,
) -> Vec<Gap> {
    let Some(span) = span else { return Vec::new() };
    let read = opencost::ledger(client, (span.of(window), &span.zone), cluster, progress).await;
    match read {
        Ok((ledger, gaps)) => {
            inventory.ledger = Some(ledger);
            gaps
        }
        Err(error) => vec![Gap::new(
            "no-ledger",
            UNKNOWN_WITHOUT_LEDGER,
            error.to_string(),
            "run again when the cost source answers /allocation, or ask for a shorter window",
        )],
    }
}
