//! How often providers say that spot capacity is taken away, and how much cheaper it was: bands over a month that is past.

use serde::Deserialize;

use super::{Catalog, Provenance};

/// What a provider published of a node type.
#[derive(Debug, Clone, Deserialize)]
pub struct SpotBand {
    /// The node type.
    pub instance_type: String,
    /// The region.
    pub region: String,
    /// The share of the on-demand price that was saved on average.
    pub saving: f64,
    /// The share of instances that were interrupted within a month, at least.
    pub interrupted_from: f64,
    /// And at most.
    pub interrupted_to: f64,
    /// Where the row comes from.
    #[serde(flatten)]
    pub provenance: Provenance,
}

impl Catalog {
    /// What is published of a node type as spot capacity.
    pub fn spot_band(&self, instance_type: &str) -> Option<&SpotBand> {
        self.spot_bands.iter().find(|row| row.instance_type == instance_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_of_types_that_are_known_and_lie_between_nothing_and_all() {
        let catalog = Catalog::shipped().unwrap();
        assert!(catalog.spot_bands.len() > 30);
        for row in &catalog.spot_bands {
            assert!(catalog.instance(&row.instance_type).is_some(), "{}", row.instance_type);
            assert!((0.0..1.0).contains(&row.saving), "{}", row.instance_type);
            assert!(
                0.0 <= row.interrupted_from && row.interrupted_from < row.interrupted_to && row.interrupted_to <= 1.0
            );
        }
        assert!(
            catalog
                .spot_band("p5.48xlarge")
                .is_some_and(|row| row.interrupted_from >= 0.2)
        );
    }
}
