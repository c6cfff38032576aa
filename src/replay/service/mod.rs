//! Replicas of a model server as a queue with continuous batching: arrivals are rebuilt from what servers counted, the time that
//! work takes is fitted to what was measured, and a pool under another policy is replayed event by event.

pub mod law;
pub mod sketch;
pub mod outcome;
pub mod replica;
pub mod pool;
pub mod demand;
mod hours;
mod prefill;
pub mod fit;
pub mod policies;
pub mod ran;
pub mod calibration;
pub mod bounds;
pub mod variant;
pub mod fluid;
pub mod search;
pub mod known;
mod checked;
pub mod proof;
