//! The Kubernetes API: which nodes and GPU pods exist, and who owns the pods.

pub mod connect;
pub mod error;
pub mod quantity;
mod redact;
pub mod kinds;
mod requests;
mod devices;
mod queues;
mod pools;
mod node_pools;
mod autoscalers;
mod list;
mod scheduling;
mod objects;
mod deployed;
mod kept;
mod manifests;
mod owners;
mod served;
mod read;
#[cfg(test)]
mod tests;

pub use connect::{Connection, connect, context_of};
pub use error::KubernetesError;
pub use manifests::{Named, manifests};
pub use read::{KubernetesReading, read};
pub use redact::holds_secret;
