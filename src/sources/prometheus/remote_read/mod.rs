//! Remote read: raw samples as Prometheus stores them, streamed, and folded into steps here. Where a server offers it, it costs the
//! server a fraction of a range query over the same weeks, and gives the same columns.

mod ask;
mod bits;
pub mod chunk;
pub mod decode;
mod frames;
mod request;
mod steps;
mod wire;

pub use ask::RemoteRead;
pub use steps::{Fold, LeftEdge};
