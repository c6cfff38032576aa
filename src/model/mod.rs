//! The nouns: units, time, GPUs, measured history, and what is not known. Nothing here decides or touches the world.

pub mod units;
pub mod time;
pub mod progress;
pub mod gap;
pub mod gpu;
pub mod usage;
