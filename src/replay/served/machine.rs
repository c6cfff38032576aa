//! An autoscaler as the policy of a simulated pool: the same controller and operator that answer recorded inputs, reading what the
//! pool itself holds.

use super::arrivals::Arrivals;
use super::binding::Bound;
use super::query;
use crate::replay::given::load::Shown;
use crate::replay::given::{SYNC, Subject, milli};
use crate::replay::hpa::manifest::Manifest;
use crate::replay::hpa::sample::{Metrics, PerPod, Pool, Reading};
use crate::replay::hpa::{Controller, Decided, Faults, Flags};
use crate::replay::keda::{self, Answer, Keda};
use crate::replay::service::policies::Watched;
use crate::replay::service::pool::{Holds, Policy, Seen};

/// What decides how many replicas there are.
enum Deciding<'a> {
    /// Nothing: there are so many.
    Fixed,
    Hpa(&'a Manifest, &'a Metrics, Box<Controller>),
    Keda(Box<Keda>),
}

impl<'a> Deciding<'a> {
    fn of(subject: &'a Subject, begin: i64) -> Self {
        match subject {
            Subject::Hpa { manifest, metrics } => Self::Hpa(manifest, metrics, Box::default()),
            Subject::Keda(object) => Self::Keda(Box::new(Keda::new((**object).clone(), begin))),
        }
    }
}

/// A policy over a load.
pub(super) struct Machine<'a> {
    deciding: Deciding<'a>,
    bound: &'a [Bound],
    /// What arrives, where a load tells it.
    arrivals: Option<&'a Arrivals>,
    /// When it begins, in milliseconds of Unix time.
    begin: i64,
    flags: Flags,
    first: u32,
    each: Vec<Holds>,
    /// When the operator looks next, and the autoscaler, in milliseconds since the beginning.
    due: (i64, i64),
    /// Syncs of the autoscaler, and those in which some metric had no value.
    pub(super) syncs: (usize, usize),
}

impl<'a> Machine<'a> {
    /// So many replicas, always.
    pub(super) fn fixed(replicas: u32, arrivals: &'a Arrivals) -> Self {
        let begin = arrivals.span().0;
        Self::new((Deciding::Fixed, &[]), Some(arrivals), begin, replicas)
    }

    /// What a specification makes of what its metrics show.
    pub(super) fn of(subject: &'a Subject, bound: &'a [Bound], arrivals: &'a Arrivals, first: u32) -> Self {
        let begin = arrivals.span().0;
        let deciding = (Deciding::of(subject, begin), bound);
        Self::new(deciding, Some(arrivals), begin, first)
    }

    /// The same where all that metrics show is what replicas hold, from a time in milliseconds of Unix time on.
    pub(super) fn over(subject: &'a Subject, bound: &'a [Bound], begin: i64, first: u32) -> Self {
        Self::new((Deciding::of(subject, begin), bound), None, begin, first)
    }

    fn new(
        (deciding, bound): (Deciding<'a>, &'a [Bound]),
        arrivals: Option<&'a Arrivals>,
        begin: i64,
        first: u32,
    ) -> Self {
        Self {
            deciding,
            bound,
            arrivals,
            begin,
            flags: Flags {
                downscale_stabilization_seconds: 300,
                scale_to_zero: false,
            },
            first,
            each: Vec::new(),
            due: (0, 0),
            syncs: (0, 0),
        }
    }

    /// With these flags of the controller.
    pub(super) fn with(self, flags: Flags) -> Self {
        Self { flags, ..self }
    }

    /// What a metric as a whole shows.
    fn whole(&self, bound: &Bound, seen: &Seen, now: i64) -> Answer {
        match bound {
            Bound::Nowhere | Bound::Each(_) => Answer::Failed,
            Bound::Query(query) => query.answer(&self.each),
            Bound::InFront(watched) => Answer::Value(match watched {
                Watched::Running => seen.running,
                Watched::Waiting => seen.waiting,
                Watched::InFlight => seen.running + seen.waiting,
            }),
            Bound::Arrivals => self
                .arrivals
                .map_or(Answer::Failed, |arrivals| Answer::Value(arrivals.rate(now))),
            Bound::Column(column) => match self.arrivals.map(|arrivals| arrivals.shown(*column, now)) {
                Some(Shown::Value(value)) => Answer::Value(value),
                Some(Shown::Nothing) => Answer::Nothing,
                Some(Shown::Hole) | None => Answer::Failed,
            },
        }
    }

    /// What an autoscaler's metric reads.
    fn reading(&self, bound: &Bound, of_each: bool, seen: &Seen, now: i64) -> Reading {
        if !of_each {
            return match self.whole(bound, seen, now) {
                Answer::Value(value) if value.is_finite() => Reading::Whole(milli(value)),
                _ => Reading::Missing,
            };
        }
        // What was told of may have gone since, and what is ready may not have been told of yet.
        let ready = seen.ready as usize;
        let told = self.each.len().min(ready);
        let sum = match (bound, self.whole(bound, seen, now)) {
            (Bound::Each(watched), _) => {
                let told = self.each.iter().take(told);
                told.map(|holds| query::count(*watched, holds)).sum()
            }
            // What arrives is spread over them; a column says what each shows.
            (Bound::Arrivals, Answer::Value(value)) => value,
            (_, Answer::Value(value)) => value * told as f64,
            _ => return Reading::Missing,
        };
        Reading::PerPod(PerPod {
            counted: told,
            sum: milli(sum),
            unready: (seen.there as usize).saturating_sub(ready),
            missing: ready - told,
            request: None,
        })
    }

    fn sync_hpa(&mut self, seen: &Seen, now: i64) -> Option<Decided> {
        let Deciding::Hpa(manifest, metrics, _) = &self.deciding else {
            return None;
        };
        let (manifest, metrics): (&Manifest, &Metrics) = (manifest, metrics);
        let asked = manifest.metrics.iter().zip(self.bound);
        let readings: Vec<Reading> = asked
            .map(|(metric, bound)| self.reading(bound, !metric.is_without_pods(), seen, now))
            .collect();
        let pool = pool(seen);
        let Deciding::Hpa(_, _, controller) = &mut self.deciding else {
            return None;
        };
        let settings = (&manifest.autoscaler, self.flags);
        Some(
            controller.decide(settings, (now, pool.replicas), Faults::default(), || {
                metrics.best(&pool, &readings)
            }),
        )
    }

    /// One look of KEDA's: of the operator where that is due, else of the autoscaler that it made.
    fn look_keda(&mut self, seen: &Seen, now: i64) -> Option<i32> {
        let answers: Vec<Answer> = self.bound.iter().map(|bound| self.whole(bound, seen, now)).collect();
        let Deciding::Keda(keda) = &mut self.deciding else {
            return None;
        };
        let pool = pool(seen);
        let told = keda::Seen {
            now,
            replicas: pool.replicas,
            ready: pool.ready,
            answers: &answers,
        };
        if self.due.0 <= seen.now {
            self.due.0 += i64::from(keda.object().polling_seconds.max(1)) * 1_000;
            // What it writes is there before the autoscaler looks.
            if let Some(written) = keda.poll(&told).written {
                return Some(written);
            }
        }
        if self.due.1 > seen.now {
            return None;
        }
        let none = vec![None; answers.len()];
        let decided = keda.sync(self.flags, &told, &pool, &none);
        self.synced(decided)
    }

    fn synced(&mut self, decided: Decided) -> Option<i32> {
        self.due.1 += SYNC;
        self.syncs.0 += 1;
        self.syncs.1 += usize::from(decided.failed);
        decided.written
    }
}

fn pool(seen: &Seen) -> Pool {
    let count = |replicas: u32| i32::try_from(replicas).unwrap_or(i32::MAX);
    Pool {
        replicas: count(seen.wanted),
        status: count(seen.there),
        ready: seen.ready as usize,
        pods: seen.there as usize,
    }
}

impl Policy for Machine<'_> {
    fn first(&self) -> u32 {
        self.first
    }

    fn told(&mut self, each: &mut dyn Iterator<Item = Holds>) {
        self.each.clear();
        self.each.extend(each);
    }

    fn wanted(&mut self, seen: &Seen) -> u32 {
        let now = self.begin + seen.now;
        let written = match &self.deciding {
            Deciding::Fixed => None,
            Deciding::Hpa(..) if self.due.1 > seen.now => None,
            Deciding::Hpa(..) => self.sync_hpa(seen, now).and_then(|decided| self.synced(decided)),
            Deciding::Keda(_) if self.due.0 > seen.now && self.due.1 > seen.now => None,
            Deciding::Keda(_) => self.look_keda(seen, now),
        };
        written.map_or(seen.wanted, |written| u32::try_from(written).unwrap_or(0))
    }
}
