//! The one integration-test binary.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot read its own tree should say so by failing"
)]

#[path = "../world/mod.rs"]
mod generator;

mod alerts;
mod apiserver;
mod binary;
mod cases;
mod checkpoints;
mod cli;
mod cncf;
mod commitments;
mod cost;
mod deploy;
mod dialects;
mod doctor;
mod faults;
mod forges;
mod gentd26;
mod handover;
mod hostile;
mod html;
mod histograms;
mod history;
mod judgement;
mod labelled;
mod levers;
mod live;
mod nvml;
mod opencost;
mod outage;
mod overrides;
mod policy;
mod past;
mod patches;
mod parts;
mod prices;
mod random_worlds;
mod reach;
mod readme;
mod remote_read;
mod record;
mod scenarios;
mod repacking;
mod requests;
mod replay;
mod realised;
mod returns;
mod scaling;
mod scope;
mod servers;
mod service_law;
mod serving_worlds;
mod since;
mod store;
mod tidy;
mod usage;
mod victoria;
mod webhook;
mod world;
mod yaml_edits;
