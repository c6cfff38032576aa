//! Planted work that was seen to bear interruptions, and work that was seen not to.

use super::END;
use super::HOUR;
use super::plants::Place;
use super::random::Rng;
use super::services::busy_large;
use super::training::{Cadence, Effort, family};
use super::workload::{Break, Intent, Kind, Life, Workload};

/// Replicas of a service, and a disruption budget that lets one of them be away.
pub fn replicas_with_a_budget(rng: &mut Rng, place: Place) -> Workload {
    let mut workload = busy_large(rng, place);
    workload.budget = Some(1);
    spot(
        workload,
        Intent::Change,
        "replicas with a disruption budget, and the price of spot capacity is published",
    )
}

/// A family of jobs, one of which lost its pod in the middle and went on where it had been.
pub fn resumes(rng: &mut Rng, place: Place, start: i64) -> Workload {
    let workload = daily(rng, place, start, 0.0);
    spot(
        workload,
        Intent::Change,
        "a run that was interrupted took no longer than the others",
    )
}

/// Control: the same, but the interrupted run did all of its work again.
pub fn begins_anew(rng: &mut Rng, place: Place, start: i64) -> Workload {
    let workload = daily(rng, place, start, 1.0);
    spot(
        workload,
        Intent::Keep,
        "a run that was interrupted took as much longer as it had lasted before",
    )
}

/// Runs of eleven hours a day; the fourth is broken after five, of which it repeats this share.
fn daily(rng: &mut Rng, place: Place, start: i64, repeats: f64) -> Workload {
    const BROKEN: usize = 3;
    let after = 5 * HOUR;
    let effort = Effort::draw(rng, 33.0);
    let mut workload = family(rng, place, Kind::Job, 8, effort, (start, Cadence::Nightly(2, 11.0)));
    let mut runs = Vec::new();
    let mut at = start + 2 * HOUR;
    while at < END {
        let length = (11.0 * HOUR as f64 * rng.range(0.98, 1.02)) as i64;
        let longer = if runs.len() == BROKEN {
            (after as f64 * repeats) as i64
        } else {
            0
        };
        runs.push((at, at + length + longer));
        at += 24 * HOUR;
    }
    workload.life = Life::Runs(runs);
    workload.breaks = Some(Break { run: BROKEN, after });
    workload.pinned = false;
    workload.smaller = (Intent::Any, "not planted".to_owned());
    workload
}

fn spot(mut workload: Workload, intent: Intent, why: &str) -> Workload {
    workload.spot = (intent, why.to_owned());
    workload
}
