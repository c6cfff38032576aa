//! How often intervals cover the truth that their worlds know.

use std::collections::BTreeMap;
use std::ops::Range;

use gpuwise::model::scenario::Interval;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::autoscaler::Policy;
use super::kinds::Kind;
use super::world::World;

/// Days of a world on which savings are scored: the eighth is the first that follows a week.
pub(crate) const SCORED: Range<usize> = 8..28;

/// How often each scored day is run with other luck for the truth, its factor spread evenly.
const SWEEPS: usize = 4;

/// What a judge says of a world: a policy, and the replica-hours a day that it saves against the one that ran; nothing where it
/// proposes nothing.
pub(crate) type Judge<'a> = &'a (dyn Fn(&World) -> Option<(Interval, Policy)> + Sync);

/// What came of intervals.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Coverage {
    /// Worlds that were shown.
    pub(crate) worlds: usize,
    /// Worlds with an interval that has a width, or is a point and not the truth.
    pub(crate) judged: usize,
    /// Of these, intervals that covered the truth.
    pub(crate) covered: usize,
    /// Intervals that lie below it.
    pub(crate) below: usize,
    /// Intervals that lie above it.
    pub(crate) above: usize,
    /// Points that are the truth, as of a fixed count in place of another: nothing to be unsure of.
    pub(crate) points: usize,
    /// Their width over what the policy that ran costs, summed.
    width: f64,
}

impl Coverage {
    /// The share that covered the truth.
    pub(crate) fn share(&self) -> f64 {
        self.covered as f64 / self.judged.max(1) as f64
    }

    /// The mean width over the cost of what ran.
    pub(crate) fn width(&self) -> f64 {
        self.width / self.judged.max(1) as f64
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.worlds += other.worlds;
        self.judged += other.judged;
        self.covered += other.covered;
        self.below += other.below;
        self.above += other.above;
        self.points += other.points;
        self.width += other.width;
    }
}

/// One world and its judgement.
fn one(world: &World, judge: Judge) -> Coverage {
    let mut found = Coverage {
        worlds: 1,
        ..Coverage::default()
    };
    let Some((Interval { low, high, .. }, policy)) = judge(world) else {
        return found;
    };
    let (low, high) = (low.unwrap(), high.unwrap());
    let truth = world.expected_saving(&policy, SCORED, SWEEPS);
    // Sums of hours are not exact.
    let slack = 1e-6;
    let covers = (low - slack..=high + slack).contains(&truth);
    if covers && high - low <= slack {
        found.points = 1;
        return found;
    }
    found.judged = 1;
    found.below = usize::from(high < truth - slack);
    found.above = usize::from(low > truth + slack);
    found.covered = 1 - found.below - found.above;
    found.width = (high - low) / (24.0 * f64::from(world.ran.most()));
    found
}

/// How often a judge's intervals cover the truth, by kind of world.
pub(crate) fn coverage(worlds: &[(Kind, World)], judge: Judge) -> BTreeMap<Kind, Coverage> {
    let judged: Vec<(Kind, Coverage)> = worlds
        .par_iter()
        .map(|(kind, world)| (*kind, one(world, judge)))
        .collect();
    let mut rows: BTreeMap<Kind, Coverage> = BTreeMap::new();
    for (kind, found) in judged {
        rows.entry(kind).or_default().add(&found);
    }
    rows
}

/// All kinds together.
pub(crate) fn overall(rows: &BTreeMap<Kind, Coverage>) -> Coverage {
    let mut all = Coverage::default();
    rows.values().for_each(|row| all.add(row));
    all
}
