//! The pool as a fluid: requests flow in at the rate of each step and out at the rate that the batch allows. Of chance there is
//! only how much what an autoscaler looks at swings about its mean, so that it says which of many settings are worth replaying
//! event by event, and no more.

use std::collections::VecDeque;

use super::bounds::Bounds;
use super::demand::Demand;
use super::policies::{Scaled, Setting, Watched};
use super::pool::DAY;
use super::replica::Service;
use crate::model::objective::Latency;
use crate::replay::random::Draws;

/// Demand and service, prepared for many settings.
#[derive(Debug, Clone)]
pub struct Fluid {
    seconds: f64,
    steps: Vec<Step>,
    hours: Vec<Hour>,
    most_running: f64,
    start_seconds: f64,
    bounds: Bounds,
    /// Replicas at first, at most.
    first: u32,
    /// Whether requests are held while no replica is ready.
    holds: bool,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    arrived: f64,
    /// By how many standard deviations the number in flight is off its mean when it is looked at.
    swing: f64,
    hour: usize,
    day: usize,
}

/// What a replica does in an hour, by the requests on it.
#[derive(Debug, Clone)]
struct Hour {
    /// Requests on it.
    on: Vec<f64>,
    /// With those that it finishes within a step: rises, so that it can be turned round.
    with_finished: Vec<f64>,
    /// Seconds from one token to the next.
    token: Vec<f64>,
    /// Requests a second when it is full.
    fullest: f64,
    /// Seconds of a prompt's prefill, and what each request takes on its way.
    prefill: f64,
    answer: f64,
}

/// What a setting comes to on one day.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FluidDay {
    /// Seconds for which replicas were there, all together.
    pub replica_seconds: f64,
    /// Requests.
    pub arrived: f64,
    /// Of them, those beyond each bound on latencies.
    pub late: Vec<f64>,
    /// Requests that found no replica.
    pub refused: f64,
    /// The largest batch.
    pub most_batch: f64,
    /// Requests on a replica as those that arrive see them, added up.
    pub batches: f64,
}

impl Fluid {
    /// Prepares; of what demand computes of prompts this share is computed, and a replica takes `start_seconds` to start.
    pub fn new(service: &Service, (demand, computed): (&Demand, f64), start_seconds: f64, bounds: Bounds) -> Self {
        let seconds = f64::from(demand.grid.step_seconds);
        let mut draws = Draws::new(3);
        let step = |(at, arrived): (usize, &Option<f64>)| Step {
            arrived: arrived.unwrap_or(0.0),
            swing: draws.normal(),
            hour: (at as f64 * seconds / 3_600.0) as usize,
            day: (at as f64 * seconds / DAY) as usize,
        };
        let steps: Vec<Step> = demand.arrived.iter().enumerate().map(step).collect();
        let hours = steps.last().map_or(0, |step| step.hour + 1);
        let of_hour = |hour: usize| {
            let at = (hour as f64 * 3_600.0 / seconds) as usize;
            let (prompt, _, answer) = demand.mean_lengths(at.min(demand.arrived.len().saturating_sub(1)));
            Hour::new(service, (prompt * computed, answer.max(1.0)), seconds)
        };
        Self {
            seconds,
            hours: (0..hours).map(of_hour).collect(),
            steps,
            most_running: service.most_running as f64,
            start_seconds,
            bounds,
            first: u32::MAX,
            holds: false,
        }
    }

    /// The same, where autoscalers begin with so many replicas at most, and requests may be held while none is ready.
    #[must_use]
    pub fn from(self, first: u32, holds: bool) -> Self {
        Self { first, holds, ..self }
    }

    /// What a setting comes to, day by day.
    pub fn run(&self, setting: Setting) -> Vec<FluidDay> {
        let days = self.steps.last().map_or(0, |step| step.day + 1);
        let bounds = self.bounds.latencies.len();
        let day = || FluidDay {
            late: vec![0.0; bounds],
            ..FluidDay::default()
        };
        let mut found: Vec<FluidDay> = std::iter::repeat_with(day).take(days).collect();
        let mut scaled = match setting {
            Setting::Fixed(_) => None,
            Setting::Scaled(scaling) => Some((Scaled::new(scaling), scaling.watched)),
        };
        let mut wanted = match setting {
            Setting::Fixed(replicas) => replicas,
            Setting::Scaled(scaling) => scaling.max.min(self.first),
        };
        let mut ready = wanted;
        let mut starting: VecDeque<f64> = VecDeque::new();
        let mut flying = 0.0;
        for (at, step) in self.steps.iter().enumerate() {
            let now = at as f64 * self.seconds;
            while starting.front().is_some_and(|ready_at| *ready_at <= now) {
                starting.pop_front();
                ready += 1;
            }
            let today = &mut found[step.day];
            today.replica_seconds += f64::from(wanted) * self.seconds;
            today.arrived += step.arrived;
            flying = self.flow(flying, step, ready, today);
            if let Some((scaled, watched)) = &mut scaled {
                let in_flight = step.arrived > 0.0 || flying >= 0.5;
                let watched = self.watched(*watched, swung(flying, step.swing), ready);
                let milliseconds = ((now + self.seconds) * 1_000.0) as i64;
                let next = scaled.next(milliseconds, (wanted, wanted), (watched, in_flight));
                for _ in wanted..next {
                    starting.push_back(now + self.seconds + self.start_seconds);
                }
                for _ in next..wanted {
                    if starting.pop_back().is_none() {
                        ready = ready.saturating_sub(1);
                    }
                }
                wanted = next;
            }
        }
        found
    }

    /// What is watched, in thousandths.
    fn watched(&self, watched: Watched, flying: f64, ready: u32) -> i64 {
        let running = flying.min(self.most_running * f64::from(ready));
        let value = match watched {
            Watched::Running => running,
            Watched::InFlight => flying,
            Watched::Waiting => flying - running,
        };
        (value * 1_000.0).round() as i64
    }

    /// One step: what is in flight after it.
    fn flow(&self, flying: f64, step: &Step, ready: u32, today: &mut FluidDay) -> f64 {
        if ready == 0 && self.holds {
            // Whoever waits for a start is late, whatever is wanted.
            today.late.iter_mut().for_each(|late| *late += step.arrived);
            return flying + step.arrived;
        }
        if ready == 0 {
            today.refused += step.arrived;
            return flying;
        }
        let replicas = f64::from(ready);
        let hour = &self.hours[step.hour];
        let on = hour.left((flying + step.arrived) / replicas);
        let batch = on.min(self.most_running);
        let token = hour.token_at(batch);
        let waits = (on - batch) / hour.fullest.max(1e-12);
        today.most_batch = today.most_batch.max(batch);
        today.batches += on * step.arrived;
        let first = waits + hour.prefill + token;
        for (bound, late) in self.bounds.latencies.iter().zip(&mut today.late) {
            let seconds = match bound.of {
                Latency::FirstToken => first,
                Latency::InterToken => token,
                Latency::Whole => first + (hour.answer - 1.0) * token,
            };
            if seconds > bound.seconds {
                *late += step.arrived;
            }
        }
        on * replicas
    }
}

/// What is in flight, as it is at one moment: it is spread as Poisson's, by the root of its mean.
fn swung(flying: f64, swing: f64) -> f64 {
    (flying + swing * flying.sqrt()).max(0.0)
}

impl Hour {
    fn new(service: &Service, (prompt, answer): (f64, f64), seconds: f64) -> Self {
        let most = service.most_running as f64;
        let each = prompt / answer / service.prefill_tokens_per_second;
        let mut on: Vec<f64> = vec![0.0, 0.25, 0.5, 1.0];
        while let Some(last) = on.last().copied().filter(|last| *last < most) {
            on.push((last * 1.25).max(last + 0.5).min(most));
        }
        let token = |batch: f64| service.law.seconds(batch.max(1.0)) + batch * each;
        let rate = |batch: f64| batch / (answer * token(batch) + prompt / service.prefill_tokens_per_second);
        Self {
            with_finished: on.iter().map(|batch| batch + seconds * rate(*batch)).collect(),
            token: on.iter().map(|batch| token(*batch)).collect(),
            fullest: rate(most),
            prefill: prompt / service.prefill_tokens_per_second + service.overhead_seconds,
            answer,
            on,
        }
    }

    /// Requests that are left on a replica at a step's end, of so many that were on it or came.
    fn left(&self, all: f64) -> f64 {
        let at = self.with_finished.partition_point(|with| *with < all);
        match (at.checked_sub(1), at < self.on.len()) {
            (None, _) => 0.0,
            (Some(before), true) => {
                let (w0, w1) = (self.with_finished[before], self.with_finished[at]);
                let (n0, n1) = (self.on[before], self.on[at]);
                n0 + (n1 - n0) * (all - w0) / (w1 - w0)
            }
            // It is full, and finishes no more than it can.
            (Some(last), false) => self.on[last] + all - self.with_finished[last],
        }
    }

    fn token_at(&self, batch: f64) -> f64 {
        let at = self.on.partition_point(|on| *on < batch).min(self.on.len() - 1);
        let Some(before) = at.checked_sub(1) else {
            return self.token[0];
        };
        let share = (batch - self.on[before]) / (self.on[at] - self.on[before]);
        self.token[before] + (self.token[at] - self.token[before]) * share.clamp(0.0, 1.0)
    }
}

/// Days together.
pub fn together<'d>(days: impl IntoIterator<Item = &'d FluidDay>) -> FluidDay {
    let mut all = FluidDay::default();
    for day in days {
        all.replica_seconds += day.replica_seconds;
        all.arrived += day.arrived;
        all.refused += day.refused;
        all.most_batch = all.most_batch.max(day.most_batch);
        all.batches += day.batches;
        all.late.resize(day.late.len(), 0.0);
        all.late.iter_mut().zip(&day.late).for_each(|(sum, late)| *sum += late);
    }
    all
}

impl FluidDay {
    /// Requests on a replica, as those that arrive see them; without end where some find none.
    pub fn mean_batch(&self) -> f64 {
        if self.refused > 0.0 {
            f64::INFINITY
        } else {
            self.batches / self.arrived.max(1e-9)
        }
    }

    /// Whether it keeps to the bounds, as far as a fluid can tell.
    pub fn keeps(&self, bounds: &Bounds) -> bool {
        let all = self.arrived.max(1e-9);
        let in_time = |(bound, late): (&super::bounds::Bound, &f64)| late / all <= 1.0 - bound.at;
        bounds.latencies.iter().zip(&self.late).all(in_time) && self.refused / all <= bounds.refused + 1e-9
    }
}

#[cfg(test)]
mod tests;
