//! The world, read. Today: what a Prometheus answer says, decoded as it streams.

pub mod prometheus;
