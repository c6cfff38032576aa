//! What a replayed pool did, day by day.

use super::sketch::Sketch;
use crate::model::objective::Latency;

/// One day, or what of it was replayed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Day {
    /// Seconds for which replicas were there, ready or not, all together.
    pub replica_seconds: f64,
    /// Seconds of the day of which the load is known.
    pub known_seconds: f64,
    /// Requests that arrived.
    pub arrived: f64,
    /// Requests that were refused, given up or broken off.
    pub refused: f64,
    /// Requests that arrived while no replica was ready and something held them.
    pub held: f64,
    /// Seconds to the first token.
    pub first_token: Sketch,
    /// Seconds from one token to the next, each token counted.
    pub inter_token: Sketch,
    /// Seconds to the last token.
    pub whole: Sketch,
    /// Requests in execution and waiting, over time.
    pub in_flight: Sketch,
    /// The largest batch that a replica decoded, and the seconds of tokens by batch are not kept.
    pub most_batch: usize,
}

impl Day {
    pub(super) fn tokens(&mut self, seconds: f64, times: f64) {
        self.inter_token.add(seconds, times);
    }

    pub(super) fn first_token(&mut self, seconds: f64) {
        self.first_token.add(seconds, 1.0);
    }

    pub(super) fn finished(&mut self, seconds: f64) {
        self.whole.add(seconds, 1.0);
    }

    pub(super) fn batch(&mut self, batch: usize) {
        self.most_batch = self.most_batch.max(batch);
    }

    /// Seconds of a latency.
    pub fn of(&self, latency: Latency) -> &Sketch {
        match latency {
            Latency::FirstToken => &self.first_token,
            Latency::InterToken => &self.inter_token,
            Latency::Whole => &self.whole,
        }
    }

    /// Adds another day's figures.
    pub fn merge(&mut self, other: &Self) {
        self.replica_seconds += other.replica_seconds;
        self.known_seconds += other.known_seconds;
        self.arrived += other.arrived;
        self.refused += other.refused;
        self.held += other.held;
        self.first_token.merge(&other.first_token);
        self.inter_token.merge(&other.inter_token);
        self.whole.merge(&other.whole);
        self.in_flight.merge(&other.in_flight);
        self.most_batch = self.most_batch.max(other.most_batch);
    }

    /// The share of requests that were held as no replica was ready.
    pub fn held_share(&self) -> f64 {
        self.held / self.arrived.max(1.0)
    }

    /// The share of requests that were refused; `None` where none arrived.
    pub fn refused_share(&self) -> Option<f64> {
        (self.arrived > 0.0).then(|| self.refused / self.arrived)
    }
}

/// Days together.
pub fn together<'d>(days: impl IntoIterator<Item = &'d Day>) -> Day {
    let mut all = Day::default();
    days.into_iter().for_each(|day| all.merge(day));
    all
}
