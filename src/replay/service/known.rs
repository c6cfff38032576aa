//! What is known of a workload whose requests are replayed.

use std::collections::BTreeMap;

use super::fit::Limits;
use super::ran::Ran;
use crate::model::histogram::Histogram;
use crate::model::objective::Objective;
use crate::model::requests::RequestHistory;
use crate::model::usage::Signal;

/// What is known of a workload.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What its servers counted and held.
    pub history: &'a RequestHistory,
    /// Its latencies and lengths by hour.
    pub histograms: &'a BTreeMap<Signal, Histogram>,
    /// What its server allows.
    pub limits: Limits,
    /// Seconds that starts took.
    pub start_seconds: &'a [f64],
    /// Seconds for which its replicas held GPUs on each day of the history, those that start or end among them; empty where nobody
    /// knows.
    pub held_seconds: &'a [f64],
    /// Whether an endpoint picker chooses its replicas.
    pub picked: bool,
    /// What somebody wants of it.
    pub objective: &'a Objective,
    /// The autoscaler that ran, where one did.
    pub ran: Option<&'a dyn Ran>,
    /// The fewest replicas that may be proposed; none where a gateway holds requests while none is ready, and can wake one.
    pub least: u32,
    /// Whether its replicas start side by side.
    pub scales: bool,
    /// By how much latencies and requests in flight may be off in the replay of what was.
    pub tolerance: f64,
    /// Days that a history must have.
    pub least_days: usize,
    /// What is drawn is drawn from this.
    pub seed: u64,
    /// Whether every setting is replayed event by event, as to see whether the search misses one.
    pub exhaustive: bool,
}
