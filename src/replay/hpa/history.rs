//! What was recommended, in the order in which the controller keeps it, and beside it what makes a window of hundreds as quick as
//! one of twenty: the least and the most of each window, and the slots that may be used again.
//!
//! The list alone decides. Whatever stands beside it is made anew from it when windows change, and is not asked where time runs
//! backwards.

use std::collections::VecDeque;

use super::limits::{Recommendation, stabilized, stabilized_without_behavior};

/// Up to so many recommendations a look at each is quicker than anything that stands aside.
const SHORT: usize = 48;

/// Recommendations of one autoscaler.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct History {
    all: Vec<Recommendation>,
    /// The latest time that stands in the list.
    latest: i64,
    aside: Option<Aside>,
}

/// What is known of the list for two windows, those of scaling up and of scaling down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Aside {
    seconds: (i64, i64),
    /// In order of time; each less than all before it that would outlive it. The first is the least of its window.
    least: VecDeque<Recommendation>,
    /// The same with the most.
    most: VecDeque<Recommendation>,
    /// Slots that count in some window, by time.
    counted: VecDeque<(i64, usize)>,
    /// Slots older than both windows, in order of the list: the last is used next.
    old: Vec<usize>,
}

impl History {
    /// Nothing was recommended.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Everything is forgotten.
    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.aside = None;
    }

    /// Adds what stands at the beginning.
    pub(super) fn push(&mut self, first: Recommendation) {
        self.all.push(first);
        self.latest = self.latest.max(first.at);
        self.aside = None;
    }

    /// As [`stabilized_without_behavior`].
    pub(super) fn without_behavior(&mut self, window_seconds: i64, desired: i32, now: i64) -> i32 {
        self.aside = None;
        self.latest = self.latest.max(now);
        stabilized_without_behavior(&mut self.all, window_seconds, desired, now)
    }

    /// As [`stabilized`].
    pub(super) fn with_behavior(&mut self, seconds: (i64, i64), (current, desired): (i32, i32), now: i64) -> i32 {
        if now < self.latest || self.all.len() <= SHORT {
            self.aside = None;
            self.latest = self.latest.max(now);
            return stabilized(&mut self.all, seconds, (current, desired), now);
        }
        self.latest = now;
        if self.aside.as_ref().is_some_and(|aside| aside.seconds != seconds) {
            self.aside = None;
        }
        let aside = self.aside.get_or_insert_with(|| Aside::of(&self.all, seconds));
        aside.pass(now);
        let up = aside.least.front().map_or(desired, |one| one.replicas.min(desired));
        let down = aside.most.front().map_or(desired, |one| one.replicas.max(desired));
        let new = Recommendation {
            at: now,
            replicas: desired,
        };
        let slot = aside.old.pop().unwrap_or(self.all.len());
        match self.all.get_mut(slot) {
            Some(old) => *old = new,
            None => self.all.push(new),
        }
        aside.add(new, slot);
        let raised = if current < up { up } else { current };
        if raised > down { down } else { raised }
    }
}

impl Aside {
    fn of(all: &[Recommendation], seconds: (i64, i64)) -> Self {
        let mut by_time: Vec<(usize, Recommendation)> = all.iter().copied().enumerate().collect();
        by_time.sort_by_key(|(_, one)| one.at);
        let mut aside = Self {
            seconds,
            ..Self::default()
        };
        for (slot, one) in by_time {
            aside.add(one, slot);
        }
        aside
    }

    fn add(&mut self, new: Recommendation, slot: usize) {
        while self.least.back().is_some_and(|one| one.replicas >= new.replicas) {
            self.least.pop_back();
        }
        self.least.push_back(new);
        while self.most.back().is_some_and(|one| one.replicas <= new.replicas) {
            self.most.pop_back();
        }
        self.most.push_back(new);
        self.counted.push_back((new.at, slot));
    }

    /// What leaves a window is no more asked, and what leaves both may be written over.
    fn pass(&mut self, now: i64) {
        let (up, down) = (now - self.seconds.0 * 1_000, now - self.seconds.1 * 1_000);
        while self.least.front().is_some_and(|one| one.at <= up) {
            self.least.pop_front();
        }
        while self.most.front().is_some_and(|one| one.at <= down) {
            self.most.pop_front();
        }
        let oldest = up.min(down);
        while let Some((_, slot)) = self.counted.front().copied().filter(|(at, _)| *at < oldest) {
            self.counted.pop_front();
            let place = self.old.partition_point(|known| *known < slot);
            self.old.insert(place, slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What happens at one time.
    #[derive(Debug, Clone)]
    enum Step {
        With((i64, i64), i32, i32),
        Without(i64, i32),
        Restart,
    }

    fn step() -> impl Strategy<Value = Step> {
        let window = prop_oneof![Just(0_i64), Just(60), Just(1_200), 0_i64..1_500];
        prop_oneof![
            12 => ((window.clone(), window.clone()), 0_i32..9, 0_i32..9).prop_map(|(seconds, current, desired)| Step::With(seconds, current, desired)),
            2 => (window, 0_i32..9).prop_map(|(window, desired)| Step::Without(window, desired)),
            1 => Just(Step::Restart),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_it_is_the_list_alone_that_decides(
            steps in proptest::collection::vec((step(), 0_i64..5, 1_usize..90), 1..20),
        ) {
            let (mut history, mut list) = (History::default(), Vec::new());
            let mut now = 0;
            // Settings stay for some syncs; now and then time runs backwards.
            for (step, jump, times) in steps {
                for at in 0..times {
                    now += if jump == 0 && at == 0 { -40_000 } else { 15_000 * jump };
                    let (own, known) = match step {
                        Step::With(seconds, current, desired) => {
                            let desired = (desired + at as i32) % 9;
                            (history.with_behavior(seconds, (current, desired), now), stabilized(&mut list, seconds, (current, desired), now))
                        }
                        Step::Without(window, desired) => {
                            (history.without_behavior(window, desired, now), stabilized_without_behavior(&mut list, window, desired, now))
                        }
                        Step::Restart => {
                            history.clear();
                            list.clear();
                            let first = Recommendation { at: now, replicas: 3 };
                            history.push(first);
                            list.push(first);
                            (0, 0)
                        }
                    };
                    prop_assert_eq!(own, known);
                    prop_assert_eq!(&history.all, &list);
                }
            }
        }
    }
}
