//! The world, read. Everything here ends in a reading, from which `collect` joins the snapshot.

pub mod collect;
pub mod endpoint;
pub mod prometheus;
