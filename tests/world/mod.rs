//! A generator of cluster worlds with planted truth: machines, workloads, their pods over time, what every exporter would
//! have said of them, and what a fair judge must conclude.
//!
//! A world is drawn from a seed and nothing else. It shares no code with what judges it: `reading` alone speaks the
//! product's nouns, to say what Prometheus, Kubernetes and OpenCost would have answered. The same world can be written as
//! raw samples (`openmetrics`), API objects (`kubernetes`) and costs (`opencost`) for real servers or fakes.
//!
//! Files in reading order: `random`, `hardware`, `load`, `workload` (the nouns), `physics` (load to readings), `fleet`
//! (machines), `plants`, `services`, `idlers`, `training`, `unused`, `spot`, `support` (what is planted, with its truth), `casts`, `company`, `multitude`
//! (who plays in which world), `truth` (margins), `pods` (lives and owners), `streams` (samples), `latency` (histograms), `serving` and `served` (requests that are simulated one by one), `reduce`
//! (what Prometheus
//! makes of them), `requests` (step by step), and the ways out, of which `exporters` is what OpenCost and kube-state-metrics say of nodes, and `metrics`
//! which labels all that has.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "an example and the test binary include these modules, each using its part"
)]

pub mod random;
pub mod hardware;
pub mod load;
pub mod workload;
pub mod physics;
pub mod fleet;
pub mod plants;
pub mod services;
pub mod idlers;
pub mod training;
pub mod unused;
pub mod spot;
pub mod support;
pub mod casts;
pub mod company;
pub mod multitude;
pub mod truth;
pub mod pods;
pub mod streams;
pub mod latency;
pub(crate) mod serving;
pub mod served;
pub mod reduce;
pub mod requests;
pub mod reading;
pub mod openmetrics;
pub mod exporters;
pub mod metrics;
pub mod objects;
pub mod kubernetes;
pub mod opencost;

use fleet::{Node, Slot};
use pods::Pod;
use random::Rng;
use truth::Truth;
use workload::Workload;

/// Seconds in an hour.
pub const HOUR: i64 = 3_600;

/// The end of every world's window: Monday, 2026-11-16T00:00:00Z.
pub const END: i64 = 1_794_787_200;

/// Seconds between two scrapes.
pub const SCRAPE: i64 = 60;

/// The cluster's name.
pub const CLUSTER: &str = "northlight-use1";

/// How large a world is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Every kind of object once: about a dozen workloads.
    Small,
    /// Every plant at least once: about thirty workloads.
    Medium,
    /// A company's platform: about 150 GPUs and 40 workloads, with calmer figures, so that its recording is small.
    Demo,
    /// This many workloads and three times as many pods, one GPU each.
    Many(u32),
}

/// A world.
#[derive(Debug)]
pub struct World {
    /// What it was drawn from.
    pub seed: u64,
    /// How large it is.
    pub size: Size,
    /// Begin of its window, unix seconds.
    pub start: i64,
    /// Whether the exporter's own pod labels give way to those of the pod on the GPU (`honorLabels: true`).
    pub honors_labels: bool,
    /// Labels that its scraper gives every sample on its way to a store of several clusters.
    pub external: streams::Labels,
    /// Its workloads.
    pub workloads: Vec<Workload>,
    /// Its machines.
    pub nodes: Vec<Node>,
    /// Where each workload's replicas run.
    pub slots: Vec<Vec<Slot>>,
    /// Every pod with GPUs that lived in the window.
    pub pods: Vec<Pod>,
    /// What monitoring saw of workloads that are simulated.
    pub served: served::Served,
    /// What is true of each workload.
    pub truths: Vec<Truth>,
}

impl World {
    /// The world of a seed, a size and a number of days. Weekly patterns want fourteen days at least.
    pub fn generate(seed: u64, size: Size, days: u32) -> Self {
        let days = i64::from(days.max(1));
        let start = END - days * 24 * HOUR;
        let mut rng = Rng::new(random::key(seed, "world"));
        let workloads = match size {
            Size::Small => casts::small(&mut rng, start),
            Size::Medium => casts::medium(&mut rng, start),
            Size::Demo => company::cast(&mut rng, start),
            Size::Many(count) => multitude::cast(&mut rng, count),
        };
        let broken = truth::broken_margins(&workloads);
        assert!(broken.is_empty(), "a plant without its margin:\n{}", broken.join("\n"));
        let (nodes, slots) = fleet::place(&workloads, seed, start);
        let pods = pods::live(seed, &workloads, &slots, start);
        let truths = truth::truths(&workloads, days);
        let served = served::simulate(&workloads, start);
        Self {
            seed,
            size,
            start,
            honors_labels: size != Size::Demo && seed % 2 == 1,
            external: streams::Labels::new(),
            workloads,
            nodes,
            slots,
            pods,
            served,
            truths,
        }
    }

    /// A key of its own for a thing of this name.
    pub fn key(&self, name: &str) -> u64 {
        random::key(self.seed, name)
    }
}
