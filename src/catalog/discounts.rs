//! What node types cost as spot capacity or under a commitment, where a provider publishes it.

use serde::Deserialize;

use super::{Catalog, Provenance};
use crate::model::units::Hourly;

/// Published prices besides the on-demand one, of the whole node. They show what is to be had and price nothing: spot
/// changes by the month, and a commitment is a contract.
#[derive(Debug, Clone, Deserialize)]
pub struct Discount {
    /// The node type.
    pub instance_type: String,
    /// The region of the prices.
    pub region: String,
    spot_usd_per_hour: Option<f64>,
    one_year_usd_per_hour: Option<f64>,
    three_years_usd_per_hour: Option<f64>,
    /// Where the row comes from.
    #[serde(flatten)]
    pub provenance: Provenance,
}

impl Discount {
    /// As spot capacity.
    pub fn spot(&self) -> Option<Hourly> {
        self.spot_usd_per_hour.map(Hourly::new)
    }

    /// Under a commitment of one year.
    pub fn one_year(&self) -> Option<Hourly> {
        self.one_year_usd_per_hour.map(Hourly::new)
    }

    /// Under a commitment of three years.
    pub fn three_years(&self) -> Option<Hourly> {
        self.three_years_usd_per_hour.map(Hourly::new)
    }
}

impl Catalog {
    /// What a node type costs by other ways to buy it.
    pub fn discount(&self, instance_type: &str) -> Option<&Discount> {
        self.discounts.iter().find(|row| row.instance_type == instance_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_promise_is_cheaper_and_the_list_is_dearest() {
        let catalog = Catalog::shipped().unwrap();
        for row in &catalog.discounts {
            let list = catalog.instance(&row.instance_type).unwrap();
            assert_eq!(list.region, row.region);
            let list = list.list_price().unwrap();
            assert!(row.spot().is_some_and(|spot| spot < list), "{}", row.instance_type);
            let (one, three) = (row.one_year(), row.three_years());
            assert!(one.is_none_or(|one| one < list), "{}", row.instance_type);
            assert!(
                one.zip(three).is_none_or(|(one, three)| three < one),
                "{}",
                row.instance_type
            );
        }
    }
}
