//! Counterfactual machines: what would have happened under another setting. Pure: the same input gives the same answer, and
//! what draws at random draws from a seed.

pub mod checkpoint;
pub mod hpa;
pub mod prefix_cache;
pub mod spot;
