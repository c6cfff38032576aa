//! The setting that costs least and serves no worse, tuned before each week and scored on it: what is scored was never seen by what
//! was tuned.

mod exhaustive;
mod run;
mod settings;
pub mod tried;
mod tune;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;
use run::{Draw, drawn, keeps, run};
use tried::Tried;

use super::bounds::{Bounds, Broken};
use super::demand::Demand;
use super::fluid::{Fluid, FluidDay, together as fluid_together};
use super::outcome::{Day, together};
use super::policies::{AsItWas, Setting};
use super::pool::{DAY, Surroundings, replay};
use super::replica::Service;
use super::variant::Variant;
use crate::model::objective::Objective;

/// Days that are never scored: they are what the first setting is tuned on.
pub const BEFORE: usize = 7;

/// Days for which a setting holds before it is tuned again, and on which it is tuned.
const WEEK: usize = 7;

/// The share of requests that may find no replica and wait for one to start, whatever is wanted.
const MOST_HELD: f64 = 0.01;

/// What "no worse than today" leaves to the resolution of the figures.
const SLACK: f64 = 0.05;

/// The share of what somebody wants that a setting leaves free on the days on which it is tuned: no two weeks are alike.
const HEADROOM: f64 = 0.2;

/// What is searched over.
#[derive(Debug, Clone)]
pub struct Case<'a> {
    /// What was asked of it.
    pub demand: &'a Demand,
    /// What replicas do, fitted on days that are not scored.
    pub service: &'a Service,
    /// The largest batch for which that is believed, of all replicas on average and of any of them.
    pub most_batch: (f64, f64),
    /// How many times as long p95 of the first token, and of the time between tokens, was as the replay of what ran has it; never
    /// less than one.
    pub margin: (f64, f64),
    /// What surrounds them; a start lasts as long as it may.
    pub around: &'a Surroundings,
    /// Seconds that starts took.
    pub start_seconds: &'a [f64],
    /// What ran.
    pub present: &'a AsItWas,
    /// The most replicas of the autoscaler that ran, where one did.
    pub autoscaled: Option<u32>,
    /// What somebody wants; empty where nobody said.
    pub objective: &'a Objective,
    /// The fewest replicas that may be proposed; none only where requests are held while none is ready.
    pub least: u32,
    /// Whether replicas start side by side; those of a StatefulSet start one after the other, which is not replayed.
    pub scales: bool,
    /// The share of each day of which the load is known.
    pub known: &'a [f64],
    /// Whole days of the history.
    pub days: usize,
    /// Whether the service may be slower than was fitted, by this share, and must still keep to what is wanted.
    pub slower: f64,
    /// What is changed of each replica.
    pub variant: &'a Variant,
    /// Whether every setting is replayed event by event, so that none is missed: minutes where the search takes seconds.
    pub exhaustive: bool,
}

/// One day on which a setting was scored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The day, counted from the window's start.
    pub day: usize,
    /// Replica seconds as they were.
    pub before: f64,
    /// As they would have been, in seconds of replicas of the size that they have now.
    pub after: f64,
    /// As they would have been were the service slower, and quicker: nine in ten lie between.
    pub ends: [f64; 2],
}

/// A setting that costs less and serves no worse.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// It, tuned on the last days.
    pub setting: Setting,
    /// It on each day after the first week of which the load is known.
    pub scored: Vec<Scored>,
    /// Replica seconds on the same days under the settings that the same search found week by week, each on the week after the one
    /// that it was tuned on, and as it was where it found none; of replicas of the size that they have now.
    pub walked_seconds: f64,
    /// How what ran served on these days, by its replay.
    pub before: Day,
    /// How the setting would have served.
    pub after: Day,
    /// The same, were the service slower.
    pub after_slower: Day,
    /// What it was held to on these days.
    pub bounds: Bounds,
    /// Settings and what they cost and how full they run, cheapest first: replica hours a day, mean requests on a replica.
    pub frontier: Vec<Rated>,
    /// What was replayed event by event when it was tuned; `None` where no latency is bound.
    pub tried: Option<Tried>,
}

/// Why nothing is proposed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stay {
    /// Nothing cheaper serves as well.
    WellSet,
    /// It breaks what is wanted as it is; cheaper is no answer.
    BrokenToday(Broken),
    /// What was tuned broke its bounds on days that it had not seen.
    NotOnUnseenDays(Broken),
}

/// A setting, its replica hours a day, and requests on a replica.
pub type Rated = (Setting, f64, f64);

/// The share of a day that must be known for it to be scored.
pub const KNOWN: f64 = 0.95;

impl Case<'_> {
    /// The days of these that are known: what was not seen saves nothing.
    fn known_days(&self, days: &Range<usize>) -> impl Iterator<Item = usize> + '_ {
        let is_known = |day: &usize| self.known.get(*day).is_some_and(|share| *share >= KNOWN);
        days.clone().filter(is_known)
    }
}

type Runs = RefCell<BTreeMap<(Setting, usize, usize, Draw), Vec<Day>>>;

struct Search<'a> {
    case: &'a Case<'a>,
    settings: Vec<(Setting, Vec<FluidDay>)>,
    runs: Runs,
}

/// Weeks on which settings were scored that were tuned on the week before each.
#[derive(Default)]
struct Walked {
    /// What they cost on the days that are known.
    seconds: f64,
    /// How they served, and how they would have with a slower service.
    usual: Day,
    slower: Day,
}

/// Searches.
///
/// # Errors
/// Why it stays as it is.
pub fn search(case: &Case<'_>) -> Result<Found, Stay> {
    let first = 0..BEFORE.min(case.days);
    let slower = Variant::AS_IT_IS.of(case.service, 1.0 + case.slower);
    let present_slower = present(case, &slower);
    let present = present(case, case.service);
    let of = |days: &[Day]| Bounds::of(case.objective, &together(days), (SLACK, case.margin));
    let held_to = |days: &Range<usize>| (of(&present[days.clone()]), of(&present_slower[days.clone()]));
    let tuned_to = |days: &Range<usize>| {
        let (usual, slower) = held_to(days);
        (usual.tighter(HEADROOM), slower)
    };
    if let Some(broken) = held_to(&first).0.broken(&together(&present[first.clone()])) {
        return Err(Stay::BrokenToday(broken));
    }
    let start = case.around.start_seconds.iter().copied().fold(0.0, f64::max);
    let changed = drawn(case, Draw::Careful);
    let asked = (case.demand, case.variant.computed);
    let fluid = Fluid::new(&changed, asked, start, held_to(&first).0);
    let fluid = fluid.from(case.present.most(), case.around.holds_requests);
    let settings = settings::settings(case).into_par_iter();
    let search = Search {
        case,
        settings: settings.map(|setting| (setting, fluid.run(setting))).collect(),
        runs: Runs::default(),
    };
    let walked = search.walk(&present, tuned_to);
    let last = case.days.saturating_sub(WEEK)..case.days;
    let setting = search
        .tuned(&last, &tuned_to(&last), &present[last.clone()])
        .ok_or(Stay::WellSet)?;
    let asked = BEFORE..case.days;
    let held_to = held_to(&asked);
    let before = together(&present[asked.clone()]);
    if let Some(broken) = held_to.0.broken(&before) {
        return Err(Stay::BrokenToday(broken));
    }
    let [after, after_slower] = [Draw::Careful, Draw::Slower].map(|draw| together(&search.run(setting, &asked, draw)));
    // Those settings that were scored must hold on days that were not seen, and so must the one that is proposed.
    for (usual, slower) in [(&walked.usual, &walked.slower), (&after, &after_slower)] {
        if let Some(broken) = on_unseen_days(&held_to, usual, slower) {
            return Err(Stay::NotOnUnseenDays(broken));
        }
    }
    let scored = search.scored(setting, &asked);
    if scored.is_empty() {
        return Err(Stay::WellSet);
    }
    Ok(Found {
        setting,
        scored,
        walked_seconds: walked.seconds,
        before,
        after,
        after_slower,
        bounds: held_to.0,
        frontier: search.frontier(&asked),
        tried: search.tried(setting, &last, &tuned_to(&last), &present[last.clone()]),
    })
}

/// What is broken on days that were not seen, on which some of what is left free must still be free.
fn on_unseen_days(held_to: &(Bounds, Bounds), usual: &Day, slower: &Day) -> Option<Broken> {
    let nearer = held_to.0.clone().tighter(HEADROOM / 2.0);
    if usual.held_share() > MOST_HELD {
        return Some(Broken::Held(usual.held_share()));
    }
    nearer.broken(usual).or_else(|| held_to.1.broken(slower))
}

/// The replay of what ran, as a service of this speed does it.
fn present(case: &Case<'_>, service: &Service) -> Vec<Day> {
    let mut policy = case.present.clone();
    let seconds = case.days as f64 * DAY;
    let arrivals = case.demand.requests(case.around.seed);
    let mut days = replay(service, case.around, &mut policy, arrivals, seconds);
    // Replicas that start are not seen by what counts servers, and cost as much.
    let was = case.present.replica_seconds();
    days.iter_mut()
        .zip(was)
        .for_each(|(day, was)| day.replica_seconds = was);
    days
}

impl Search<'_> {
    /// Week by week: tuned on one, scored on the next.
    fn walk(&self, present: &[Day], tuned_to: impl Fn(&Range<usize>) -> (Bounds, Bounds)) -> Walked {
        let mut walked = Walked::default();
        let was = self.case.present.replica_seconds();
        for from in (BEFORE..self.case.days).step_by(WEEK) {
            let (learned, asked) = (from - WEEK..from, from..(from + WEEK).min(self.case.days));
            let setting = self.tuned(&learned, &tuned_to(&learned), &present[learned.clone()]);
            let as_it_is = || present[asked.clone()].to_vec();
            let [usual, slower] = [Draw::Careful, Draw::Slower]
                .map(|draw| setting.map_or_else(as_it_is, |it| self.run(it, &asked, draw)));
            for day in self.case.known_days(&asked) {
                let would = usual[day - asked.start].replica_seconds * self.case.variant.devices;
                walked.seconds += setting.map_or(was[day], |_| would);
            }
            walked.usual.merge(&together(&usual));
            walked.slower.merge(&together(&slower));
        }
        walked
    }

    /// A setting on each of these days of which the load is known, and what ran.
    fn scored(&self, setting: Setting, days: &Range<usize>) -> Vec<Scored> {
        let was = self.case.present.replica_seconds();
        let runs = [Draw::Likely, Draw::Slower, Draw::Quicker].map(|draw| self.run(setting, days, draw));
        let of = |day: usize| {
            let would = |draw: usize| runs[draw][day - days.start].replica_seconds * self.case.variant.devices;
            Scored {
                day,
                before: was[day],
                after: would(0),
                ends: [would(1), would(2)],
            }
        };
        self.case.known_days(days).map(of).collect()
    }

    /// Settings for which none is both cheaper and emptier on these days, cheapest first.
    fn frontier(&self, days: &Range<usize>) -> Vec<Rated> {
        let of = |(setting, all): &(Setting, Vec<FluidDay>)| {
            let day = fluid_together(&all[days.clone()]);
            (
                *setting,
                day.replica_seconds * self.case.variant.devices / 3_600.0 / days.len() as f64,
                day.mean_batch(),
            )
        };
        let mut sorted: Vec<Rated> = self.settings.iter().map(of).collect();
        sorted.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.2.total_cmp(&b.2)).then(a.0.cmp(&b.0)));
        let mut emptiest = f64::INFINITY;
        sorted.retain(|(setting, _, batch)| {
            // Fixed counts are few, and break off no request.
            if matches!(setting, Setting::Fixed(_)) {
                return true;
            }
            let is_on_it = *batch < emptiest * 0.995;
            emptiest = emptiest.min(*batch);
            is_on_it
        });
        sorted
    }

    fn keeps(&self, setting: Setting, days: &Range<usize>, bounds: &(Bounds, Bounds), was: f64) -> bool {
        keeps(self.case, bounds, was, |draw| self.run(setting, days, draw)).is_some()
    }

    /// A setting on these days, event by event; it begins with as many replicas as it may have and ever had.
    fn run(&self, setting: Setting, days: &Range<usize>, draw: Draw) -> Vec<Day> {
        let key = (setting, days.start, days.end, draw);
        if let Some(known) = self.runs.borrow().get(&key) {
            return known.clone();
        }
        let found = run(self.case, setting, days, draw);
        self.runs.borrow_mut().insert(key, found.clone());
        found
    }
}

#[cfg(test)]
mod tests;
