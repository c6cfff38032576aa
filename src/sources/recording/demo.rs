//! The world inside the binary: a recording of a generated platform for language models, `tests/world` at size `demo`.

use bytes::Bytes;

use super::{INVENTORY, MANIFEST, RecordingError, SAMPLES, SERIES, decode};
use crate::model::reading::Reading;

/// About 150 GPUs and 40 workloads over 28 days.
///
/// # Errors
/// Never for the files that are shipped, which a test rules out.
pub fn demo() -> Result<Reading, RecordingError> {
    decode(&|name| match name {
        MANIFEST => Some(Bytes::from_static(include_bytes!("demo/manifest.json"))),
        INVENTORY => Some(Bytes::from_static(include_bytes!("demo/inventory.json"))),
        SERIES => Some(Bytes::from_static(include_bytes!("demo/series.json"))),
        SAMPLES => Some(Bytes::from_static(include_bytes!("demo/samples.parquet"))),
        _ => None,
    })
}
