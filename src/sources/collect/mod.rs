//! What the sources told, joined.

pub mod identity;
