//! A simulator of model serving, event by event, that shares no code with replay: requests that come, servers that batch them, an
//! autoscaler, and what monitoring would have counted.

pub(crate) mod draws;
pub(crate) mod load;
pub(crate) mod replica;
pub(crate) mod tally;
pub(crate) mod autoscaler;
pub(crate) mod fleet;
pub(crate) mod world;
pub(crate) mod asked;
