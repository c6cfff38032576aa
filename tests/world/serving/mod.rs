//! A simulator of model serving, event by event, that shares no code with replay: requests that come, servers that batch them, an
//! autoscaler, and what monitoring would have counted.

#![allow(
    unused_imports,
    reason = "what only tests need is not needed where there is no harness"
)]
#![allow(clippy::float_cmp, reason = "counts are whole, and exact")]

pub(crate) mod draws;
pub(crate) mod load;
pub(crate) mod replica;
pub(crate) mod tally;
pub(crate) mod autoscaler;
pub(crate) mod fleet;
pub(crate) mod world;
pub(crate) mod asked;
pub(crate) mod answers;
