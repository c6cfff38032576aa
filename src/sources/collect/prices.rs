//! What a whole node costs an hour: measured first, from the catalogue where nothing was measured.

use crate::catalog::Catalog;
use crate::catalog::instances::InstanceType;
use crate::model::cluster::NodeCost;
use crate::model::units::Hourly;
use crate::model::workload::{CapacityType, PriceSource};

/// What a node costs, and who says so.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Price {
    /// The whole node.
    pub hourly: Option<Hourly>,
    /// Where the price comes from.
    pub source: Option<PriceSource>,
    /// Whether it is what is really paid.
    pub effective: bool,
}

/// The measured cost first, the catalogue's list price where there is none.
pub fn price(cost: Option<&NodeCost>, capacity: CapacityType, instance: &str, catalog: &Catalog, as_of: &str) -> Price {
    if let Some(cost) = cost.filter(|cost| cost.hours > 0.0 && cost.total_cost > 0.0) {
        let source = PriceSource {
            source: "OpenCost assets".to_owned(),
            as_of: as_of.to_owned(),
        };
        return Price {
            hourly: Some(Hourly::new(cost.total_cost / cost.hours)),
            source: Some(source),
            effective: cost.adjusted,
        };
    }
    // Spot capacity never costs its list price.
    if capacity == CapacityType::Spot {
        return Price::default();
    }
    let listed = catalog.instance(instance);
    let hourly = listed.and_then(InstanceType::list_price);
    let source = listed.map(|row| PriceSource {
        source: format!("{} list price, {}", row.provider, row.region),
        as_of: row.provenance.as_of.to_string(),
    });
    Price {
        hourly,
        source: source.filter(|_| hourly.is_some()),
        effective: false,
    }
}
