//! OpenCost and Kubecost: what nodes, volumes and traffic cost.

pub mod client;
pub mod error;
pub mod allocation;
mod days;
mod decode;
mod detect;
mod read;
mod accounts;
pub mod ledger;
mod tally;
#[cfg(test)]
mod tests;

pub use client::OpenCostClient;
pub use decode::BodyError;
pub use error::OpenCostError;
pub use ledger::ledger;
pub use read::{CostReading, node_costs, read};
