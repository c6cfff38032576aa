//! The world, read. Everything here ends in a reading, from which `collect` joins the snapshot.

pub mod endpoint;
pub mod kubernetes;
pub mod transport;
pub mod opencost;
pub mod prometheus;
pub mod discovery;
pub mod recording;
pub mod collect;
