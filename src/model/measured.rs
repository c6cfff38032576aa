//! What was measured of one signal, over many columns.

use super::units::Share;
use super::usage::{Column, quantiles};

/// What was measured of one signal over all pods of a workload, where it lies: a workload may have a hundred million
/// samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured<'w> {
    pub(super) columns: Vec<&'w Column>,
    pub(super) count: usize,
    pub(super) expected: usize,
    pub(super) hole: Share,
}

impl Measured<'_> {
    /// The share of expected samples that are there.
    pub fn coverage(&self) -> Share {
        if self.expected == 0 {
            return Share::default();
        }
        Share::new((self.count as f64 / self.expected as f64).min(1.0)).unwrap_or_default()
    }

    /// What is missing of the pod of which most is, as a share of the window: all of it for a GPU that was never seen, however
    /// many others were.
    pub fn hole_of_a_pod(&self) -> Share {
        self.hole
    }

    fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.columns
            .iter()
            .flat_map(|column| column.samples().map(|(_, value)| value))
    }

    /// The largest value.
    pub fn max(&self) -> Option<f64> {
        self.columns.iter().filter_map(|column| column.max()).reduce(f64::max)
    }

    /// The mean of the values.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.values().sum::<f64>() / self.count as f64)
    }

    /// The quantile `q` of the values, by nearest rank from above.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        self.quantiles([q]).map(|[value]| value)
    }

    /// Several quantiles, by nearest rank from above.
    pub fn quantiles<const N: usize>(&self, q: [f64; N]) -> Option<[f64; N]> {
        let mut values = Vec::with_capacity(self.count);
        self.columns.iter().for_each(|column| column.append_to(&mut values));
        quantiles(&mut values, q)
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}
