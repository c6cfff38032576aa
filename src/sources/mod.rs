//! The world, read. All but `nvml` ends in a reading, from which `collect` joins the snapshot; `nvml`
//! makes the metrics that such a reading comes from.

pub mod endpoint;
pub mod kubernetes;
pub mod transport;
pub mod nvml;
pub mod opencost;
pub mod prometheus;
pub mod discovery;
pub mod recording;
pub mod manifests;
pub mod collect;
#[cfg(test)]
mod loopback;
