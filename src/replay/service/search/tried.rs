//! What was tried on the days on which a setting was tuned: what each setting saves there, beside the latency that binds it.

use std::collections::BTreeSet;
use std::ops::Range;

use super::run::Draw;
use super::{Bounds, Day, MOST_HELD, Search, together};
use crate::replay::service::bounds::{Bound, Broken};
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
    /// What speaks against it; `None` where it costs less and keeps to every bound, with a slower service, too.
    pub breaks: Option<Breaks>,
}

/// What speaks against a setting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Breaks {
    /// It breaks this.
    Bound(Broken),
    /// It breaks this were the service somewhat slower than fitted.
    IfSlower(Broken),
    /// It takes batches for which the fitted service is not believed.
    Batch,
    /// It costs no less than what ran.
    Cost,
}

impl Breaks {
    /// The bound on a latency that it breaks.
    fn latency(&self) -> Option<Bound> {
        match self {
            Self::Bound(Broken::Latency(bound)) | Self::IfSlower(Broken::Latency(bound)) => Some(*bound),
            _ => None,
        }
    }
}

/// The settings for which none that was tried both saves more and answers sooner, and the one that was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// The bound on a latency that the next setting breaks that would save more, as it was tuned: some of what is wanted is left
    /// free. Where none does, that which the chosen setting comes nearest to.
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
        let was: f64 = present.iter().map(|day| day.replica_seconds).sum();
        let runs = self.careful_on(days).into_iter().map(|setting| {
            let day = together(&self.run(setting, days, Draw::Careful));
            let saved = 1.0 - day.replica_seconds * self.case.variant.devices / was.max(1e-9);
            let breaks = self.breaks(setting, &day, (days, bounds, was));
            (setting, day, saved, breaks)
        });
        let runs: Vec<(Setting, Day, f64, Option<Breaks>)> = runs.collect();
        let (_, day, saved, _) = runs.iter().find(|run| run.0 == chosen)?;
        let cheaper = runs.iter().filter(|run| run.2 > *saved);
        let broken = cheaper.filter_map(|run| Some((run.2, run.3?.latency()?)));
        let next = broken.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, bound)| bound);
        // The bound as it holds for the service that is likely: a slower one has its own.
        let usual = |of: Bound| bounds.0.latencies.iter().find(|one| (one.of, one.at) == (of.of, of.at));
        let bound = next.and_then(usual).copied().or_else(|| nearest(&bounds.0, day))?;
        let settings = runs.iter().filter_map(|(setting, day, saved, breaks)| {
            Some(TriedSetting {
                setting: *setting,
                saved: *saved,
                seconds: day.of(bound.of).quantile(bound.at)?,
                breaks: *breaks,
            })
        });
        Some(Tried {
            bound,
            as_it_was: together(present).of(bound.of).quantile(bound.at),
            days: days.len(),
            settings: thinned(frontier(settings.collect(), chosen), chosen),
        })
    }

    /// What speaks against a setting on these days, as it was judged when it was tuned.
    fn breaks(
        &self,
        setting: Setting,
        usual: &Day,
        (days, bounds, was): (&Range<usize>, &(Bounds, Bounds), f64),
    ) -> Option<Breaks> {
        if usual.held_share() > MOST_HELD {
            return Some(Breaks::Bound(Broken::Held(usual.held_share())));
        }
        if let Some(broken) = bounds.0.broken(usual) {
            return Some(Breaks::Bound(broken));
        }
        if usual.most_batch as f64 > self.case.most_batch.1 {
            return Some(Breaks::Batch);
        }
        if usual.replica_seconds * self.case.variant.devices >= 0.99 * was {
            return Some(Breaks::Cost);
        }
        let slower = together(&self.run(setting, days, Draw::Slower));
        bounds.1.broken(&slower).map(Breaks::IfSlower)
    }

    /// Settings that were replayed on these days.
    fn careful_on(&self, days: &Range<usize>) -> BTreeSet<Setting> {
        let runs = self.runs.borrow();
        let on = |key: &&(Setting, usize, usize, Draw)| (key.1, key.2, key.3) == (days.start, days.end, Draw::Careful);
        runs.keys().filter(on).map(|key| key.0).collect()
    }
}

/// The bound that these days come nearest to.
fn nearest(bounds: &Bounds, day: &Day) -> Option<Bound> {
    let near = |bound: &Bound| Some(day.of(bound.of).quantile(bound.at)? / bound.seconds);
    let all = bounds.latencies.iter().filter_map(|bound| Some((near(bound)?, *bound)));
    all.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, bound)| bound)
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
            breaks: None,
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
