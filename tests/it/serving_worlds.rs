//! Worlds of model serving whose truth is known.

#![allow(clippy::float_cmp, reason = "counts are whole, and exact")]
#![allow(dead_code, reason = "what judges them comes next")]

mod autoscaler;
mod draws;
mod fleet;
mod kinds;
mod load;
mod replica;
mod tally;
mod world;
mod right;
mod known;
