//! What fuzz targets share: JSON as serde_json reads it, and bytes that come in odd pieces.

pub mod pieces;
pub mod tree;
