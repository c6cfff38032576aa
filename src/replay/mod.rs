//! Counterfactual machines: what would have happened under another setting. Pure: the same input gives the same answer, and
//! what draws at random draws from a seed.

pub mod checkpoint;
pub mod fields;
pub mod hpa;
pub mod interval;
pub mod keda;
pub mod given;
pub mod lint;
pub mod prefix_cache;
pub mod random;
pub mod schedule;
pub mod service;
pub mod served;
pub mod spot;
