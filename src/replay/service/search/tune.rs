//! The setting that costs least on the days on which it is tuned: found by halving among those that a fluid cannot better, and then
//! looked for among those beside it.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Rated, Search, exhaustive, keeps};
use crate::replay::service::bounds::Bounds;
use crate::replay::service::fluid::{FluidDay, together as fluid_together};
use crate::replay::service::outcome::Day;
use crate::replay::service::policies::{Setting, Watched};

/// How much dearer than what was found others may seem as a fluid, and still be tried.
const DEARER: f64 = 1.03;

/// Requests that are replayed to try others, and how many are tried however many requests there are.
const REQUESTS: f64 = 3e6;
const LEAST_TRIED: usize = 12;

impl Search<'_> {
    /// The cheapest setting that keeps to the bounds on these days, replayed event by event, where it costs less than what ran.
    pub(super) fn tuned(&self, days: &Range<usize>, bounds: &(Bounds, Bounds), present: &[Day]) -> Option<Setting> {
        let was: f64 = present.iter().map(|day| day.replica_seconds).sum();
        if self.case.exhaustive {
            return exhaustive::tuned(self.case, days, bounds, was);
        }
        let cheaper = self.cheaper_than(was / 3_600.0 / days.len() as f64, days);
        let flows = |day: &FluidDay| day.keeps(&bounds.0) && day.most_batch <= self.case.most_batch.0;
        let frontier = self.frontier(days);
        let on_it = |one: &Rated| frontier.iter().any(|(setting, ..)| *setting == one.0);
        // What never lets a replica go breaks no request off: the two kinds are searched apart.
        let flowing = cheaper.iter().filter(|(_, day)| flows(day)).map(|(rated, _)| *rated);
        let (fixed, scaled): (Vec<Rated>, Vec<Rated>) = flowing
            .filter(on_it)
            .partition(|(setting, _, _)| matches!(setting, Setting::Fixed(_)));
        let found = [fixed, scaled].map(|kind| self.first_that_keeps(&kind, days, bounds, was));
        let found = found.into_iter().flatten().min_by(|a, b| a.1.total_cmp(&b.1))?;
        let all: Vec<Rated> = cheaper.into_iter().map(|(rated, _)| rated).collect();
        Some(self.cheapest_beside((found, was), &all, (days, bounds)))
    }

    /// Settings that cost less than so many replica hours a day as a fluid, the cheapest first, with what a fluid does.
    fn cheaper_than(&self, hours: f64, days: &Range<usize>) -> Vec<(Rated, FluidDay)> {
        let rated = self.settings.iter().filter_map(|(setting, all)| {
            let day = fluid_together(&all[days.clone()]);
            let cost = day.replica_seconds * self.case.variant.devices / 3_600.0 / days.len() as f64;
            (cost < 0.99 * hours).then(|| ((*setting, cost, day.mean_batch()), day))
        });
        let mut rated: Vec<(Rated, FluidDay)> = rated.collect();
        rated.sort_by(|(a, _), (b, _)| a.1.total_cmp(&b.1).then(a.2.total_cmp(&b.2)).then(a.0.cmp(&b.0)));
        rated
    }

    /// What costs more runs emptier: the first that keeps is found by halving.
    fn first_that_keeps(
        &self,
        candidates: &[Rated],
        days: &Range<usize>,
        bounds: &(Bounds, Bounds),
        was: f64,
    ) -> Option<Rated> {
        let (mut low, mut high) = (0, candidates.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.keeps(candidates[middle].0, days, bounds, was) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        candidates.get(low).copied()
    }

    /// The cheapest of a setting that keeps and of those along lines that seem to cost no more: a fluid knows nothing of chance, by
    /// which a setting that is no better as a fluid may be. As many are tried as a number of requests allows: the more there are,
    /// the less is left to chance.
    fn cheapest_beside(
        &self,
        (found, was): (Rated, f64),
        all: &[Rated],
        (days, bounds): (&Range<usize>, &(Bounds, Bounds)),
    ) -> Setting {
        let seconds = |setting: Setting| keeps(self.case, bounds, was, |draw| self.run(setting, days, draw));
        let Some(first) = seconds(found.0) else {
            return found.0;
        };
        let requests = self.case.demand.arrived_on(days).max(1.0);
        let mut left = ((REQUESTS / requests) as usize).max(LEAST_TRIED);
        let mut best = (found.0, first);
        for line in lines(all, &found) {
            let mut try_one = |at: usize| {
                left = left.checked_sub(1)?;
                let seconds = seconds(line[at])?;
                best = if seconds < best.1 { (line[at], seconds) } else { best };
                Some(at)
            };
            // The safest of a line first: where it and the next break something, all others are thought to.
            let safest = 0..line.len().min(2);
            let Some(mut keeps) = safest.into_iter().find_map(&mut try_one) else {
                continue;
            };
            let mut breaks = line.len();
            while breaks - keeps > 1 {
                let middle = keeps.midpoint(breaks);
                match try_one(middle) {
                    Some(at) => keeps = at,
                    None => breaks = middle,
                }
            }
        }
        best.0
    }
}

/// Targets and what a fluid makes of them.
type Line<'a> = Vec<(i64, &'a Rated)>;

/// Autoscalers that differ in nothing but their target, the lowest first, as far as they seem to cost no more than what was found;
/// of these lines those whose first runs emptiest come first.
fn lines(all: &[Rated], found: &Rated) -> Vec<Vec<Setting>> {
    let mut lines: BTreeMap<(Watched, u32, i64), Line<'_>> = BTreeMap::new();
    for one in all.iter().filter(|one| one.0 != found.0 && one.1 < found.1 * DEARER) {
        if let Setting::Scaled(scaling) = one.0 {
            let line = lines
                .entry((scaling.watched, scaling.min, scaling.down_window))
                .or_default();
            line.push((scaling.target_milli, one));
        }
    }
    let mut lines: Vec<Line<'_>> = lines.into_values().collect();
    lines
        .iter_mut()
        .for_each(|line| line.sort_by_key(|(target, _)| *target));
    lines.sort_by(|a, b| a[0].1.2.total_cmp(&b[0].1.2));
    let settings = |line: Line<'_>| line.into_iter().map(|(_, one)| one.0).collect();
    lines.into_iter().map(settings).collect()
}
