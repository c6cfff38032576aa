//! What another interval between checkpoints comes to: the share of time without progress by the formulas, under the bounds of how
//! often a run is interrupted, and a replay of the runs that really were.

use std::collections::{BTreeMap, BTreeSet};

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::seen::{Lost, Seen};
use crate::recommenders::runs::Run;
use crate::replay::checkpoint::{Absurd, Checkpoints};
use crate::replay::spot::gang::Gang;
use crate::replay::spot::job::{Job, Rates, run};
use crate::replay::spot::prices::Prices;
use crate::replay::spot::strategy::Strategy;
use crate::replay::spot::trace::{End, Node, Trace};

const DAY: i64 = 86_400;
const HOUR: f64 = 3_600.0;

/// What is computed with; seconds, and interruptions per hour of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Terms {
    /// Seconds that a checkpoint takes to write.
    pub(super) write: f64,
    /// From an interruption's new pod until work goes on.
    pub(super) restart: f64,
    /// From one checkpoint to the next now, where that is told.
    pub(super) now: Option<f64>,
    /// Hours that an interruption costs now.
    pub(super) lost: Lost,
    /// Interruptions: at least, as counted, and at most.
    pub(super) rates: [f64; 3],
}

/// An interval, and what it comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Worth {
    /// Whole seconds of work between two checkpoints.
    pub(super) interval: u32,
    /// The same by the least and by the highest rate.
    pub(super) bounds: (u32, u32),
    /// The share of time without progress now, at the rate that was counted.
    pub(super) now: f64,
    /// The same then.
    pub(super) then: f64,
    /// The share of time that it saves, at least and at most, by rates and by what an interruption costs.
    pub(super) saves: (f64, f64),
}

impl Terms {
    /// At Daly's interval.
    ///
    /// # Errors
    /// Figures from which no interval follows.
    pub(super) fn worth(&self) -> Result<Worth, Absurd> {
        let [low, mid, high] = self.rates;
        let interval = self.daly(mid)?;
        let now = |rate: f64, lost: f64| {
            let writes = self.now.map_or(0.0, |now| self.write / now);
            (writes + rate * lost).min(1.0)
        };
        let then = |rate: f64| Ok(self.checkpoints(rate)?.waste(f64::from(interval)));
        let saves = |rate: f64, lost: f64| Ok(now(rate, lost) - then(rate)?);
        let least = saves(low, self.lost.least)?.min(saves(high, self.lost.least)?);
        let most = saves(low, self.lost.most)?.max(saves(high, self.lost.most)?);
        Ok(Worth {
            interval,
            bounds: (self.daly(low)?, self.daly(high)?),
            now: now(mid, self.lost.median),
            then: then(mid)?,
            saves: (least, most),
        })
    }

    fn checkpoints(&self, rate: f64) -> Result<Checkpoints, Absurd> {
        Checkpoints::new(self.write, HOUR / rate, self.restart)
    }

    /// In whole minutes, where it is longer than one: nobody sets seconds.
    fn daly(&self, rate: f64) -> Result<u32, Absurd> {
        let seconds = self.checkpoints(rate)?.interval_seconds().max(1.0);
        let unit = if seconds >= 60.0 { 60.0 } else { 1.0 };
        Ok(((seconds / unit).round() * unit) as u32)
    }
}

/// What a replay of the runs comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Replay {
    /// Hours that they held, as they were.
    pub(super) held: f64,
    /// The same with checkpoints.
    pub(super) then: f64,
    /// How far the replay of what really ran is off, as a share of the hours of runs that were interrupted.
    pub(super) off: f64,
    /// Days of UTC on which one of them was there.
    pub(super) days: u32,
    /// Ends of the 90 % interval of the share of hours that it saves, by days.
    pub(super) saves: (f64, f64),
}

impl Replay {
    /// The share of hours that it saves.
    pub(super) fn saved(&self) -> f64 {
        1.0 - self.then / self.held
    }
}

/// Replays every run that tells how much it did again, its interruptions where they were; `None` without any.
pub(super) fn replay(seen: &Seen, terms: &Terms, interval: u32) -> Option<Replay> {
    let usual = (seen.usual.ok()?.median * HOUR).round() as i64;
    let hours = |seconds: i64| seconds as f64 / HOUR;
    let write = terms.write.ceil() as i64;
    let restart = terms.restart.ceil() as i64;
    let mut by_day: BTreeMap<i64, f64> = BTreeMap::new();
    let (mut held, mut then) = (0.0, 0.0);
    let (mut measured, mut again) = (0.0, 0.0);
    for one in &seen.told {
        let own = one.together();
        let is_broken = one.parts.len() > 1;
        let work = if is_broken { usual } else { (own * HOUR).round() as i64 };
        let with = held_with(one, (work, restart), (i64::from(interval), write))?;
        held += own;
        then += hours(with);
        if is_broken {
            // Where nobody tells of checkpoints, it is thought to have none.
            let present = terms.now.map_or((work, 0), |now| (now.ceil() as i64, write));
            measured += own;
            again += hours(held_with(one, (work, restart), present)?);
        }
        for day in days_of(one) {
            by_day.entry(day).or_insert(0.0);
        }
        *by_day.entry(one.parts[0].0.div_euclid(DAY)).or_insert(0.0) += own - hours(with);
    }
    if measured <= 0.0 {
        return None;
    }
    let (low, high) = of_a_day(&by_day);
    let days = by_day.len() as f64;
    Some(Replay {
        held,
        then,
        off: (again - measured).abs() / measured,
        days: u32::try_from(by_day.len()).unwrap_or(u32::MAX),
        saves: (low * days / held, high * days / held),
    })
}

/// Days on which a run was there.
fn days_of(run: &Run) -> BTreeSet<i64> {
    let days = |(from, to): &(i64, i64)| from.div_euclid(DAY)..=(to - 1).max(*from).div_euclid(DAY);
    run.parts.iter().flat_map(days).collect()
}

/// The studentised interval at 90 % of what a day saves.
fn of_a_day(by_day: &BTreeMap<i64, f64>) -> (f64, f64) {
    let count = by_day.len() as f64;
    let mean = by_day.values().sum::<f64>() / count;
    let spread = by_day.values().map(|day| (day - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    let t = StudentsT::new(0.0, 1.0, (count - 1.0).max(1.0)).map_or(f64::INFINITY, |t| t.inverse_cdf(0.95));
    let half = t * (spread / count).sqrt();
    (mean - half, mean + half)
}

/// Seconds that a run holds its GPUs with such checkpoints, the time between two and that of one: it has them while it had them,
/// and in the end for as long as it needs. `None` where that is no job.
fn held_with(run_seen: &Run, (work, restart): (i64, i64), checkpoints: (i64, i64)) -> Option<i64> {
    let begin = run_seen.parts.first()?.0;
    let last = run_seen.parts.len() - 1;
    // Long enough for all of the work, its restart and its checkpoints.
    let writes = (work / checkpoints.0.max(1) + 1) * checkpoints.1;
    let length = run_seen.parts[last].0 - begin + work + restart + writes + 1;
    let node = |(at, (from, to)): (usize, &(i64, i64))| match at == last {
        true => (from - begin, length, End::Unseen),
        false => (from - begin, to - begin, End::Taken),
    };
    let nodes = run_seen.parts.iter().enumerate().map(node);
    let nodes = nodes.map(|(from, to, end)| Node { from, to, end }).collect();
    let gang = Gang::of(&Trace::new(length, None, nodes, Vec::new()), 1, 1);
    let job = Job::new(work, work, restart, Some(checkpoints), 1).ok()?;
    let rates = Rates {
        on_demand: 0.0,
        spot: Prices::fixed(0.0).ok()?,
    };
    let outcome = run(&job, Strategy::SpotOnly, &gang, &rates, 0);
    outcome.took.map(|_| outcome.spot)
}

#[cfg(test)]
mod tests;
