//! Autoscalers over a pool of model servers that answers to them: what arrives is given, and how many requests run and wait
//! follows from the replicas that there are, under one policy as under another.

pub mod arrivals;
pub mod binding;
pub mod query;
pub mod server;
mod machine;
pub mod ran;

use std::collections::BTreeMap;

use arrivals::Arrivals;
use binding::Bound;
use machine::Machine;
use server::Server;

use super::given::Subject;
use super::hpa::Flags;
use super::service::outcome::{Day, together};
use super::service::pool::{Holds, Policy, Seen, Surroundings, replay};

/// Seconds between two looks at the pool. An autoscaler that is due looks at the next.
const LOOK: f64 = 1.0;

/// Looks that one moment of a chart holds.
const A_MOMENT: usize = 15;

/// What says how many replicas there are.
#[derive(Debug, Clone)]
pub enum Plan {
    /// So many, always.
    Fixed(u32),
    /// As an autoscaler says.
    Scaled {
        /// What decides.
        subject: Subject,
        /// What its metrics show, in their order.
        bound: Vec<Bound>,
        /// What the controller is told by its flags.
        flags: Flags,
        /// Replicas at first.
        first: u32,
    },
}

/// Some seconds of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// When they begin, in milliseconds of Unix time.
    pub at: i64,
    /// Most replicas.
    pub replicas: u32,
    /// Most requests that waited.
    pub waiting: u32,
}

/// What came of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Requests and replicas, all together.
    pub day: Day,
    /// Fewest and most replicas.
    pub replicas: (u32, u32),
    /// How often there were to be more or fewer.
    pub changes: usize,
    /// The run over time.
    pub moments: Vec<Moment>,
    /// Seconds for which so many requests waited.
    waiting: BTreeMap<u32, u64>,
    /// Requests that wait at the end: how long they will is not known.
    pub waiting_at_end: u32,
    /// Syncs of the autoscaler, and those in which some metric had no value.
    pub syncs: (usize, usize),
}

impl Outcome {
    /// Replicas times hours, from their creation until they are gone.
    pub fn replica_hours(&self) -> f64 {
        self.day.replica_seconds / 3_600.0
    }

    /// How many requests waited for all but this share of the time; `None` of no time.
    pub fn waiting(&self, q: f64) -> Option<u32> {
        let seconds: u64 = self.waiting.values().sum();
        let rank = (q.clamp(0.0, 1.0) * seconds as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        let reaches = |(_, seconds): &(&u32, &u64)| {
            below += **seconds;
            below >= rank
        };
        self.waiting.iter().find(reaches).map(|(waiting, _)| *waiting)
    }

    /// The most requests that waited.
    pub fn most_waiting(&self) -> Option<u32> {
        self.waiting.keys().next_back().copied()
    }
}

/// Replays what arrives under a plan. The same seed draws the same requests whatever the plan, so that two are compared on equal
/// ones; `starts` are seconds that starts take, never none.
pub fn run(server: &Server, starts: &[f64], arrivals: &Arrivals, plan: &Plan, seed: u64) -> Outcome {
    let machine = match plan {
        Plan::Fixed(replicas) => Machine::fixed(*replicas, arrivals),
        Plan::Scaled {
            subject,
            bound,
            flags,
            first,
        } => Machine::of(subject, bound, arrivals, *first).with(*flags),
    };
    let around = Surroundings {
        routing: server.routing,
        holds_requests: server.holds_requests,
        start_seconds: starts.to_vec(),
        grace_seconds: server.grace_seconds,
        sync_seconds: LOOK,
        seed,
    };
    let (from, to) = arrivals.span();
    let first = machine.first();
    let mut watched = Watching {
        machine,
        from,
        looks: 0,
        last: first,
        outcome: Outcome {
            day: Day::default(),
            replicas: (first, first),
            changes: 0,
            moments: Vec::new(),
            waiting: BTreeMap::new(),
            waiting_at_end: 0,
            syncs: (0, 0),
        },
    };
    let seconds = (to - from) as f64 / 1_000.0;
    let days = replay(&server.service, &around, &mut watched, arrivals.requests(seed), seconds);
    Outcome {
        day: together(&days),
        syncs: watched.machine.syncs,
        ..watched.outcome
    }
}

/// A policy that is watched.
struct Watching<'a> {
    machine: Machine<'a>,
    from: i64,
    looks: usize,
    last: u32,
    outcome: Outcome,
}

impl Policy for Watching<'_> {
    fn first(&self) -> u32 {
        self.machine.first()
    }

    fn told(&mut self, each: &mut dyn Iterator<Item = Holds>) {
        self.machine.told(each);
    }

    fn wanted(&mut self, seen: &Seen) -> u32 {
        let wanted = self.machine.wanted(seen);
        let outcome = &mut self.outcome;
        let waiting = seen.waiting as u32;
        *outcome.waiting.entry(waiting).or_default() += 1;
        outcome.waiting_at_end = waiting;
        outcome.changes += usize::from(wanted != self.last);
        outcome.replicas = (outcome.replicas.0.min(wanted), outcome.replicas.1.max(wanted));
        self.last = wanted;
        if self.looks.is_multiple_of(A_MOMENT) {
            outcome.moments.push(Moment {
                at: self.from + seen.now,
                replicas: wanted,
                waiting,
            });
        } else if let Some(moment) = outcome.moments.last_mut() {
            moment.replicas = moment.replicas.max(wanted);
            moment.waiting = moment.waiting.max(waiting);
        }
        self.looks += 1;
        wanted
    }
}

#[cfg(test)]
mod tests;
