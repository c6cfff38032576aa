//! The plan as edits of manifests: where each workload is written down, what is to be changed there, and the text that results,
//! byte for byte as it was but for the change.

pub mod yaml;
pub mod index;
pub mod kustomize;
pub mod written;
pub mod node_pools;
mod podspec;
pub mod locate;
pub mod handover;
pub mod emit;
pub mod component;
pub mod schema;
pub mod place;
mod whereabouts;
mod helm_values;
pub mod patches;
pub mod diff;
pub mod told;
pub mod topics;
