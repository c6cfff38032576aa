//! The setting that costs least and serves no worse, tuned before each week and scored on it: what is scored was never seen by what
//! was tuned.

mod exhaustive;
mod settings;
mod tune;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;

use super::bounds::{Bounds, Broken};
use super::demand::Demand;
use super::fluid::{Fluid, FluidDay, together as fluid_together};
use super::outcome::{Day, together};
use super::policies::{AsItWas, Setting};
use super::pool::{DAY, Policy, Seen, Surroundings, replay};
use super::replica::{Request, Service};
use super::variant::Variant;
use crate::model::objective::Objective;

/// Days that are never scored: they are what the first setting is tuned on.
pub const BEFORE: usize = 7;

/// Days for which a setting holds before it is tuned again, and on which it is tuned.
const WEEK: usize = 7;

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
    /// What ran.
    pub present: &'a AsItWas,
    /// The most replicas of the autoscaler that ran, where one did.
    pub autoscaled: Option<u32>,
    /// What somebody wants; empty where nobody said.
    pub objective: &'a Objective,
    /// The fewest replicas that may be proposed.
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
    /// As they would have been were the service slower, and quicker.
    pub drawn: [f64; 2],
}

/// A setting that costs less and serves no worse.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// It, tuned on the last days.
    pub setting: Setting,
    /// Replica seconds of it on the days that are scored, all together; of replicas of the size that they have now.
    pub proposed_seconds: f64,
    /// The days on which the settings that the same search found before were scored.
    pub scored: Vec<Scored>,
    /// How it served on these days, by the replay of what ran.
    pub before: Day,
    /// How it would have served.
    pub after: Day,
    /// The same, were the service slower.
    pub after_slower: Day,
    /// What it was held to on these days.
    pub bounds: Bounds,
    /// Settings and what they cost and how full they run, cheapest first: replica hours a day, mean requests on a replica.
    pub frontier: Vec<Rated>,
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

type Runs = RefCell<BTreeMap<(Setting, usize, usize, u8), Vec<Day>>>;

struct Search<'a> {
    case: &'a Case<'a>,
    settings: Vec<(Setting, Vec<FluidDay>)>,
    runs: Runs,
}

/// Weeks on which settings were scored that were tuned on the week before each.
struct Walked {
    scored: Vec<Scored>,
    before: Vec<Day>,
    after: Vec<Day>,
    slower: Vec<Day>,
}

/// Searches.
///
/// # Errors
/// Why it stays as it is.
pub fn search(case: &Case<'_>) -> Result<Found, Stay> {
    let first = 0..BEFORE.min(case.days);
    let all = 0..case.days;
    let slower = Variant::AS_IT_IS.of(case.service, 1.0 + case.slower);
    let present_slower = present(case, &slower, &all);
    let present = present(case, case.service, &all);
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
    let changed = drawn(case, 0);
    let asked = (case.demand, case.variant.computed);
    let fluid = Fluid::new(&changed, asked, start, held_to(&first).0).from(case.present.most());
    let settings = settings::settings(case).into_par_iter();
    let search = Search {
        case,
        settings: settings.map(|setting| (setting, fluid.run(setting))).collect(),
        runs: Runs::default(),
    };
    let walked = search.walk(&present, tuned_to);
    let all = BEFORE..case.days;
    let (bounds, bounds_slower) = held_to(&all);
    let [before, after, after_slower] = [&walked.before, &walked.after, &walked.slower].map(together);
    let last = case.days.saturating_sub(WEEK)..case.days;
    let setting = search
        .tuned(&last, &tuned_to(&last), &present[last.clone()])
        .ok_or(Stay::WellSet)?;
    if let Some(broken) = bounds.broken(&before) {
        return Err(Stay::BrokenToday(broken));
    }
    // Some of what is left free must be free on days that were not seen, too: for those settings that were scored, and for the
    // one that is proposed.
    let nearer = bounds.clone().tighter(HEADROOM / 2.0);
    let proposed = search.run(setting, &all, 0);
    let seconds = |day: usize| proposed[day - all.start].replica_seconds * case.variant.devices;
    let proposed_seconds = case.known_days(&all).map(seconds).sum();
    let unseen = nearer.broken(&after).or_else(|| nearer.broken(&together(&proposed)));
    let slow = || {
        let proposed = together(&search.run(setting, &all, 1));
        bounds_slower
            .broken(&after_slower)
            .or_else(|| bounds_slower.broken(&proposed))
    };
    if let Some(broken) = unseen.or_else(slow) {
        return Err(Stay::NotOnUnseenDays(broken));
    }
    if walked.scored.is_empty() {
        return Err(Stay::WellSet);
    }
    Ok(Found {
        setting,
        proposed_seconds,
        scored: walked.scored,
        before,
        after,
        after_slower,
        bounds,
        frontier: search.frontier(&all),
    })
}

/// The replay of what ran, as a service of this speed does it.
fn present(case: &Case<'_>, service: &Service, days: &Range<usize>) -> Vec<Day> {
    let mut policy = case.present.clone();
    let seconds = days.end as f64 * DAY;
    let arrivals = case.demand.requests(case.around.seed);
    replay(service, case.around, &mut policy, arrivals, seconds)
}

/// The changed service as it is thought to be, somewhat slower, and somewhat quicker.
fn drawn(case: &Case<'_>, draw: u8) -> Service {
    let (slower, quicker) = case.variant.slowness(case.slower);
    let factor = match draw {
        0 => 1.0,
        1 => slower,
        _ => quicker,
    };
    case.variant.of(case.service, factor)
}

impl Search<'_> {
    /// Week by week: tuned on one, scored on the next.
    fn walk(&self, present: &[Day], tuned_to: impl Fn(&Range<usize>) -> (Bounds, Bounds)) -> Walked {
        let mut scored = Vec::new();
        let (mut before, mut after, mut slower) = (Vec::new(), Vec::new(), Vec::new());
        for from in (BEFORE..self.case.days).step_by(WEEK) {
            let (learned, asked) = (from - WEEK..from, from..(from + WEEK).min(self.case.days));
            let setting = self.tuned(&learned, &tuned_to(&learned), &present[learned.clone()]);
            let runs: Vec<Vec<Day>> = match setting {
                Some(setting) => [0, 1, 2].map(|draw| self.run(setting, &asked, draw)).to_vec(),
                None => vec![present[asked.clone()].to_vec(); 3],
            };
            let was = self.case.present.replica_seconds();
            for day in self.case.known_days(&asked) {
                let at = day - asked.start;
                let stays = setting.is_none().then_some(was[day]);
                let devices = self.case.variant.devices;
                let of = |draw: usize| stays.unwrap_or(runs[draw][at].replica_seconds * devices);
                scored.push(Scored {
                    day,
                    before: was[day],
                    after: of(0),
                    drawn: [of(1), of(2)],
                });
            }
            before.extend_from_slice(&present[asked.clone()]);
            after.extend_from_slice(&runs[0]);
            slower.extend_from_slice(&runs[1]);
        }
        Walked {
            scored,
            before,
            after,
            slower,
        }
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
    fn run(&self, setting: Setting, days: &Range<usize>, draw: u8) -> Vec<Day> {
        let key = (setting, days.start, days.end, draw);
        if let Some(known) = self.runs.borrow().get(&key) {
            return known.clone();
        }
        let found = run(self.case, setting, days, draw);
        self.runs.borrow_mut().insert(key, found.clone());
        found
    }
}

/// Replica seconds of a setting that costs less than what ran and keeps to its bounds, with a service that is slower, too: what would
/// break were it a little slower than it seems is no advice.
fn keeps(case: &Case<'_>, bounds: &(Bounds, Bounds), was: f64, run: impl Fn(u8) -> Vec<Day>) -> Option<f64> {
    let usual = together(&run(0));
    let seconds = usual.replica_seconds * case.variant.devices;
    let keeps =
        seconds < 0.99 * was && bounds.0.broken(&usual).is_none() && usual.most_batch as f64 <= case.most_batch.1;
    (keeps && bounds.1.broken(&together(&run(1))).is_none()).then_some(seconds)
}

/// A setting on these days, as a service of this draw does it.
fn run(case: &Case<'_>, setting: Setting, days: &Range<usize>, draw: u8) -> Vec<Day> {
    let service = drawn(case, draw);
    let begin = days.start as f64 * DAY;
    let arrivals = case.demand.requests_from(days.start, case.around.seed);
    let arrivals = arrivals.map(|request| {
        case.variant.seen(Request {
            at: request.at - begin,
            ..request
        })
    });
    let seconds = days.len() as f64 * DAY;
    let mut policy = Begun(setting.policy(), case.present.most());
    replay(&service, case.around, &mut policy, arrivals, seconds)
}

/// A policy that begins with so many replicas at most.
struct Begun(Box<dyn Policy>, u32);

impl Policy for Begun {
    fn first(&self) -> u32 {
        self.0.first().min(self.1)
    }

    fn wanted(&mut self, seen: &Seen) -> u32 {
        self.0.wanted(seen)
    }
}

#[cfg(test)]
mod tests;
