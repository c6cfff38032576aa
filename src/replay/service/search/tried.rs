//! What was tried on the days on which a setting was tuned: what each setting saves there, beside the latency that binds it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::run::Draw;
use super::{Bounds, Day, Search, together};
use crate::replay::service::bounds::Bound;
use crate::replay::service::policies::Setting;

/// Settings that are kept at most: as many as a chart can tell apart.
const KEPT: usize = 12;

/// One setting, replayed event by event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TriedSetting {
    /// It.
    pub setting: Setting,
    /// The share of replica seconds that it saves on these days; negative where it takes more.
    pub saved: f64,
    /// The latency that binds, in seconds.
    pub seconds: f64,
    /// Whether it costs less and keeps to every bound, with a slower service, too.
    pub keeps: bool,
}

/// The settings for which none that was tried both saves more and answers sooner, and the one that was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// Of all bounds on latencies that which the chosen setting comes nearest to, as it was tuned: some of what is wanted is left
    /// free.
    pub bound: Bound,
    /// That latency in the replay of what ran, in seconds; `None` where nothing was answered.
    pub as_it_was: Option<f64>,
    /// Days on which they were tried.
    pub days: usize,
    /// What saves most first.
    pub settings: Vec<TriedSetting>,
}

impl Search<'_> {
    /// What was tried on these days, of which `chosen` was taken; `None` where no latency is bound.
    pub(super) fn tried(
        &self,
        chosen: Setting,
        days: &Range<usize>,
        bounds: &(Bounds, Bounds),
        present: &[Day],
    ) -> Option<Tried> {
        let day = together(&self.run(chosen, days, Draw::Careful));
        let near = |bound: &Bound| Some(day.of(bound.of).quantile(bound.at)? / bound.seconds);
        let bounded = bounds
            .0
            .latencies
            .iter()
            .filter_map(|bound| Some((near(bound)?, *bound)));
        let (_, bound) = bounded.max_by(|a, b| a.0.total_cmp(&b.0))?;
        let was: f64 = present.iter().map(|day| day.replica_seconds).sum();
        let settings = self.careful_on(days).into_iter().filter_map(|setting| {
            let day = together(&self.run(setting, days, Draw::Careful));
            Some(TriedSetting {
                setting,
                saved: 1.0 - day.replica_seconds * self.case.variant.devices / was.max(1e-9),
                seconds: day.of(bound.of).quantile(bound.at)?,
                keeps: self.keeps(setting, days, bounds, was),
            })
        });
        Some(Tried {
            bound,
            as_it_was: together(present).of(bound.of).quantile(bound.at),
            days: days.len(),
            settings: thinned(frontier(settings.collect(), chosen), chosen),
        })
    }

    /// Settings that were replayed on these days.
    fn careful_on(&self, days: &Range<usize>) -> BTreeSet<Setting> {
        let runs = self.runs.borrow();
        let on = |key: &&(Setting, usize, usize, Draw)| (key.1, key.2, key.3) == (days.start, days.end, Draw::Careful);
        runs.keys().filter(on).map(|key| key.0).collect()
    }
}

/// Those for which none saves more and answers sooner, and the chosen one; what saves most first.
fn frontier(mut all: Vec<TriedSetting>, chosen: Setting) -> Vec<TriedSetting> {
    all.sort_by(|a, b| {
        let saved = b.saved.total_cmp(&a.saved);
        saved
            .then(a.seconds.total_cmp(&b.seconds))
            .then(a.setting.cmp(&b.setting))
    });
    let mut soonest = f64::INFINITY;
    all.retain(|one| {
        let is_on_it = one.seconds < soonest;
        soonest = soonest.min(one.seconds);
        is_on_it || one.setting == chosen
    });
    all
}

/// As many as a chart can tell apart, from one end of the frontier to the other.
fn thinned(all: Vec<TriedSetting>, chosen: Setting) -> Vec<TriedSetting> {
    let last = all.len().saturating_sub(1);
    if last < KEPT {
        return all;
    }
    let even: BTreeSet<usize> = (0..KEPT - 1).map(|at| at * last / (KEPT - 2)).collect();
    let kept = all.into_iter().enumerate();
    let kept = kept.filter(|(at, one)| even.contains(at) || one.setting == chosen);
    kept.map(|(_, one)| one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(replicas: u32, saved: f64, seconds: f64) -> TriedSetting {
        TriedSetting {
            setting: Setting::Fixed(replicas),
            saved,
            seconds,
            keeps: true,
        }
    }

    fn replicas(settings: &[TriedSetting]) -> Vec<u32> {
        settings.iter().map(|one| one.setting.min()).collect()
    }

    #[test]
    fn what_another_beats_at_both_is_left_out_but_for_the_chosen_one() {
        let all = vec![one(4, 0.2, 0.1), one(3, 0.4, 0.3), one(2, 0.3, 0.4), one(1, 0.1, 0.2)];
        assert_eq!(replicas(&frontier(all.clone(), Setting::Fixed(3))), [3, 4]);
        assert_eq!(replicas(&frontier(all, Setting::Fixed(2))), [3, 2, 4]);
    }

    #[test]
    fn of_many_both_ends_and_the_chosen_one_remain() {
        let all: Vec<TriedSetting> = (0..40).map(|at| one(at, 0.9 - f64::from(at) / 100.0, 1.0)).collect();
        let kept = replicas(&thinned(all, Setting::Fixed(17)));
        assert!(kept.len() <= KEPT, "{kept:?}");
        assert!([0, 17, 39].iter().all(|at| kept.contains(at)), "{kept:?}");
    }
}
