//! The one integration-test binary.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot read its own tree should say so by failing"
)]

#[path = "../world/mod.rs"]
mod generator;

mod apiserver;
mod cases;
mod cli;
mod cncf;
mod deploy;
mod doctor;
mod faults;
mod gentd26;
mod hostile;
mod judgement;
mod levers;
mod live;
mod nvml;
mod opencost;
mod prices;
mod reach;
mod readme;
mod servers;
mod since;
mod tidy;
mod usage;
mod victoria;
mod world;
