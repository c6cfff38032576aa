//! Prometheus and its cousins, over their HTTP API.

pub mod decode;
pub mod queries;
pub mod split;
