//! The GPUs of this node through NVML, for clusters without DCGM: read, averaged, named by pod, in DCGM's metric names.

mod error;
pub mod exposition;
mod followed;
pub mod holders;
mod process;
mod read;
mod sample;

pub use error::NvmlReadError;
pub use read::readings;
pub use sample::{Device, Holder, Process, Reading, Sample, Slice};
