//! The levers: each looks at one subject of the world and says what is worth pricing, why it is right as it is, or what is
//! missing to tell. Pure; money is the engine's.
//!
//! A lever is one file, one page beside it, one key under `levers` in the policy and one folder of cases; all four carry
//! its id.

pub mod capability;
pub mod evidence;
pub mod memory_need;
pub mod offers;
pub mod spot_offers;
mod replayed;
mod runs;
mod spot_history;
mod rested;
mod scheduled;
mod spot_worth;
mod targets;
mod tolerance;
mod weekly;
pub mod autoscaling;
pub mod batching;
pub mod caching;
pub mod checkpointing;
pub mod idle_gpu;
pub mod quantization;
pub mod smaller_gpu;
pub mod spot_migration;
pub mod unused_gpus;

use std::collections::BTreeMap;

use crate::catalog::Catalog;
use crate::model::objective::Objective;
use crate::model::scenario::{Candidate, Subject};
use crate::model::snapshot::Snapshot;
use crate::model::workload::Workload;
use crate::policy::Objectives;
use crate::policy::located::Mistake;
use crate::policy::scope::Known;
use crate::policy::section::Section;
use crate::replay::prefix_cache::Prompt;
use offers::Offers;

/// Traces of prompts, by `namespace/name` of the workload that they came to.
pub type Prompts = BTreeMap<String, Vec<Prompt>>;

/// What a lever may see: the cluster, facts, what the owner wants and what capacity costs. Never what the owner permits.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// The cluster.
    pub snapshot: &'a Snapshot,
    /// Facts.
    pub catalog: &'a Catalog,
    /// What the owner wants.
    pub objectives: &'a Objectives,
    /// GPUs that workloads may be moved to, with what nodes of them cost.
    pub offers: &'a Offers,
    /// Prompts that came, as hashes of their blocks, by namespace and name of the workload.
    pub prompts: &'a Prompts,
}

impl World<'_> {
    /// What requests of a workload may take, by the policy and its own annotations.
    pub fn objective(&self, workload: &Workload) -> Objective {
        let known = Known::of(self.snapshot);
        self.objectives.latency.of(workload, known).objective
    }
}

/// One lever. Pure: the same world gives the same candidates.
pub trait Recommender: Send + Sync {
    /// Its name in plans, policies and on the command line.
    fn id(&self) -> &'static str;

    /// Its page: what it looks for, when it stays silent, its evidence and risk.
    fn page(&self) -> &'static str;

    /// What this lever sees in one subject: moves worth pricing, best first, or why not.
    fn propose(&self, subject: Subject<'_>, world: &World<'_>) -> Vec<Candidate>;
}

/// Every lever, with its settings from the policy's `levers`.
pub fn all(levers: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Vec<Box<dyn Recommender>> {
    vec![
        Box::new(idle_gpu::IdleGpu::read(levers, mistakes)),
        Box::new(unused_gpus::UnusedGpus::read(levers, mistakes)),
        Box::new(smaller_gpu::SmallerGpu::read(levers, mistakes)),
        Box::new(spot_migration::SpotMigration::read(levers, mistakes)),
        Box::new(autoscaling::Autoscaling::read(levers, mistakes)),
        Box::new(batching::Batching::read(levers, mistakes)),
        Box::new(caching::Caching::read(levers, mistakes)),
        Box::new(quantization::Quantization::read(levers, mistakes)),
        Box::new(checkpointing::Checkpointing::read(levers, mistakes)),
    ]
}
