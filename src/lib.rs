//! gpuwise: a cost advisor for GPUs on Kubernetes.
//!
//! The rooms below stand in reading order, which is dependency order and data order: a room imports only itself and
//! rooms above it, and data flows down, from the cluster to the plan to the patch. `tests/it/tidy.rs` holds the house
//! to that.
//!
//! - [`model`]: the nouns. No effects, no decisions.
//! - [`catalog`]: facts with their source and date: GPUs, MIG profiles, instance types with list prices, GPU names.
//! - [`policy`]: what the owner wants and permits, with the place of every mistake.
//! - [`sources`]: the world, read, and joined to the snapshot that is judged.
//! - [`replay`]: counterfactual machines: the autoscaler of Kubernetes, KEDA, pools of model servers, prefix
//!   caches, checkpoints, spot capacity, schedules.
//! - [`recommenders`]: the levers, one file and one page each.
//! - [`engine`]: candidates and policy to a plan that adds up.
//! - [`finops`]: where money goes, whether budgets hold, what was unusual, alert rules, return on investment.
//! - [`report`]: the plan as text: JSON, a Markdown review, a terminal table, the story of one workload.
//! - [`patch`]: manifests where a team keeps them, edited byte for byte.
//! - [`deliver`]: reports and recordings, written.
//! - [`pipeline`]: the walk that every command shares.
//! - [`cli`]: arguments, one file per command, exit codes.

#![cfg_attr(
    test,
    allow(clippy::float_cmp, reason = "tests compare figures that are exact by construction")
)]

pub mod model;
pub mod catalog;
pub mod policy;
pub mod sources;
pub mod replay;
pub mod recommenders;
pub mod engine;
pub mod finops;
pub mod report;
pub mod patch;
pub mod deliver;
pub mod pipeline;
pub mod cli;
