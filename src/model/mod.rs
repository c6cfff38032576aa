//! The nouns: units, time, GPUs, measured history, the cluster and its workloads, what could be, and the plan. Nothing here
//! decides or touches the world.

pub mod units;
pub mod time;
pub mod progress;
pub mod gap;
pub mod gpu;
pub mod devices;
pub mod usage;
pub mod histogram;
pub mod requests;
pub mod commitment;
pub mod queueing;
pub mod pools;
pub mod costs;
pub mod repository;
pub mod helm_values;
pub mod manifest;
pub mod cluster;
pub mod budget;
pub mod scheduling;
pub mod node_pool;
pub mod reading;
pub mod serving;
pub mod objective;
pub mod workload;
pub mod spot;
pub mod snapshot;
pub mod scenario;
pub mod said;
pub mod tree;
pub mod plan;
pub mod prices;
pub mod since;
pub mod checkup;
