//! Manifests as a team keeps them, edited so that nothing but what is meant changes.

pub mod yaml;
