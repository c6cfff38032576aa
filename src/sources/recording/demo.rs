//! The world inside the binary: a recording of a generated platform for language models, `tests/world` at size `demo`,
//! with its JSON compressed.

use bytes::Bytes;

use super::{INVENTORY, MANIFEST, REQUESTS, REQUESTS_LIST, RecordingError, SAMPLES, SERIES, decode};
use crate::model::reading::Reading;

/// About 220 GPUs and 50 workloads over 28 days.
///
/// # Errors
/// Never for the files that are shipped, which a test rules out.
pub fn demo() -> Result<Reading, RecordingError> {
    decode(&|name| match name {
        MANIFEST => Some(Bytes::from_static(include_bytes!("demo/manifest.json"))),
        INVENTORY => unpacked(include_bytes!("demo/inventory.json.zst")),
        SERIES => unpacked(include_bytes!("demo/series.json.zst")),
        SAMPLES => Some(Bytes::from_static(include_bytes!("demo/samples.parquet"))),
        REQUESTS_LIST => unpacked(include_bytes!("demo/requests.json.zst")),
        REQUESTS => Some(Bytes::from_static(include_bytes!("demo/requests.parquet"))),
        _ => None,
    })
}

fn unpacked(packed: &[u8]) -> Option<Bytes> {
    zstd::decode_all(packed).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_inside_the_binary_is_whole() {
        let reading = demo().unwrap();
        assert!(reading.inventory.nodes.len() > 20 && reading.series.len() > 1000);
        assert!(reading.grid.window.days() > 27.0);
    }
}
