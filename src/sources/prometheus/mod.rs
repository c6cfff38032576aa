//! Prometheus and its cousins, over their HTTP API.

mod sample;
mod scan;
pub mod native;
pub mod decode;
pub mod matcher;
pub mod select;
pub mod queries;
pub mod split;
pub mod error;
pub mod body;
pub mod flavour;
mod refusal;
mod trouble;
pub mod client;
mod kube_state;
mod lifetimes;
mod starts;
pub mod history;
pub mod remote_read;
pub mod read;
pub mod clusters;
pub mod afterwards;
pub mod folds;
pub mod histograms;
pub mod probe;
pub mod scrape;
pub mod requests;
