//! The one integration-test binary.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its own tree should say so by failing"
)]

mod deploy;
mod tidy;
mod usage;
mod world;
