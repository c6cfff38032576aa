//! The setting that costs least on the days on which it is tuned: found by halving among those that a fluid cannot better, and then
//! looked for among those beside it.

use std::ops::Range;

use super::{Rated, Search, exhaustive, keeps};
use crate::replay::service::bounds::Bounds;
use crate::replay::service::fluid::together as fluid_together;
use crate::replay::service::outcome::Day;
use crate::replay::service::policies::Setting;

/// How much cheaper than what was found others may seem, and how many of them are tried, the emptiest first.
const BESIDE: (f64, usize) = (0.75, 12);

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
        Some(self.cheapest_beside(cheaper, all, (days, bounds, was)))
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

    /// The cheapest of a setting that keeps and of those that seem somewhat cheaper: a fluid knows nothing of chance, by which a
    /// setting that is no better as a fluid may be.
    fn cheapest_beside(
        &self,
        found: Rated,
        mut all: Vec<Rated>,
        (days, bounds, was): (&Range<usize>, &(Bounds, Bounds), f64),
    ) -> Setting {
        all.retain(|(setting, cost, _)| *setting != found.0 && *cost < found.1 && *cost > found.1 * BESIDE.0);
        all.sort_by(|a, b| a.2.total_cmp(&b.2).then(a.1.total_cmp(&b.1)).then(a.0.cmp(&b.0)));
        let seconds = |setting: Setting| {
            let kept = keeps(self.case, bounds, was, |draw| self.run(setting, days, draw));
            kept.map(|seconds| (setting, seconds))
        };
        let tried = all.into_iter().take(BESIDE.1).map(|(setting, ..)| setting);
        let best = std::iter::once(found.0)
            .chain(tried)
            .filter_map(seconds)
            .min_by(|a, b| a.1.total_cmp(&b.1));
        best.map_or(found.0, |(setting, _)| setting)
    }
}
