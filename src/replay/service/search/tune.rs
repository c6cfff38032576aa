//! The setting that costs least on the days on which it is tuned: found by halving among those that a fluid cannot better, and then
//! looked for among those beside it.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Rated, Search, exhaustive, keeps};
use crate::replay::service::bounds::Bounds;
use crate::replay::service::fluid::together as fluid_together;
use crate::replay::service::outcome::Day;
use crate::replay::service::policies::{Setting, Watched};

/// How much dearer than what was found others may seem as a fluid, and still be tried.
const DEARER: f64 = 1.03;

/// Requests that are replayed to try others, and how many are tried however many requests there are.
const REQUESTS: f64 = 1e7;
const LEAST_TRIED: usize = 12;

impl Search<'_> {
    /// The cheapest setting that keeps to the bounds on these days, replayed event by event, where it costs less than what ran.
    pub(super) fn tuned(&self, days: &Range<usize>, bounds: &(Bounds, Bounds), present: &[Day]) -> Option<Setting> {
        let was: f64 = present.iter().map(|day| day.replica_seconds).sum();
        if self.case.exhaustive {
            return exhaustive::tuned(self.case, days, bounds, was);
        }
        let all = self.that_flow(days, bounds, was / 3_600.0 / days.len() as f64);
        let frontier = self.frontier(days);
        let on_it = |one: &&Rated| frontier.iter().any(|(setting, ..)| *setting == one.0);
        // What never lets a replica go breaks no request off: the two kinds are searched apart.
        let (fixed, scaled): (Vec<Rated>, Vec<Rated>) = all
            .iter()
            .filter(on_it)
            .partition(|(setting, _, _)| matches!(setting, Setting::Fixed(_)));
        let found = [fixed, scaled].map(|kind| self.first_that_keeps(&kind, days, bounds, was));
        let cheaper = found.into_iter().flatten().min_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(self.cheapest_beside((cheaper, was), &all, (days, bounds)))
    }

    /// Settings that keep to the bounds as a fluid, and cost less than so many replica hours a day; the cheapest first.
    fn that_flow(&self, days: &Range<usize>, bounds: &(Bounds, Bounds), hours: f64) -> Vec<Rated> {
        let rated = self.settings.iter().filter_map(|(setting, all)| {
            let day = fluid_together(&all[days.clone()]);
            let cost = day.replica_seconds * self.case.variant.devices / 3_600.0 / days.len() as f64;
            let keeps = day.keeps(&bounds.0) && day.most_batch <= self.case.most_batch.0;
            (keeps && cost < 0.99 * hours).then(|| (*setting, cost, day.mean_batch()))
        });
        let mut rated: Vec<Rated> = rated.collect();
        rated.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.2.total_cmp(&b.2)).then(a.0.cmp(&b.0)));
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
            // The safest of a line first: where it breaks something, all others do.
            let (mut keeps, mut breaks) = (0, line.len() + 1);
            while breaks - keeps > 1 && left > 0 {
                let at = if keeps == 0 { 1 } else { keeps.midpoint(breaks) };
                left -= 1;
                match seconds(line[at - 1]) {
                    Some(seconds) => {
                        keeps = at;
                        best = if seconds < best.1 {
                            (line[at - 1], seconds)
                        } else {
                            best
                        };
                    }
                    None => breaks = at,
                }
            }
        }
        best.0
    }
}

/// Autoscalers that differ in nothing but their target, the lowest first, as far as they seem to cost no more than what was found;
/// of these lines those whose first runs emptiest come first.
fn lines(all: &[Rated], found: &Rated) -> Vec<Vec<Setting>> {
    let mut lines: BTreeMap<(Watched, u32, i64), Vec<(i64, &Rated)>> = BTreeMap::new();
    for one in all.iter().filter(|one| one.0 != found.0 && one.1 < found.1 * DEARER) {
        if let Setting::Scaled(scaling) = one.0 {
            let line = lines
                .entry((scaling.watched, scaling.min, scaling.down_window))
                .or_default();
            line.push((scaling.target_milli, one));
        }
    }
    let mut lines: Vec<Vec<(i64, &Rated)>> = lines.into_values().collect();
    lines
        .iter_mut()
        .for_each(|line| line.sort_by_key(|(target, _)| *target));
    lines.sort_by(|a, b| a[0].1.2.total_cmp(&b[0].1.2));
    let settings = |line: Vec<(i64, &Rated)>| line.into_iter().map(|(_, one)| one.0).collect();
    lines.into_iter().map(settings).collect()
}
