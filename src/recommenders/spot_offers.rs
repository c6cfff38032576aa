//! Nodes of the cluster's types as spot capacity: what they cost by the cluster's own nodes, by the owner's sheet, or by what
//! the provider published, and the share of nodes that it says were taken away.

use std::collections::BTreeMap;

use super::offers::region;
use crate::catalog::Catalog;
use crate::model::gpu::GpuModel;
use crate::model::snapshot::{GpuNode, Snapshot};
use crate::model::units::Hourly;
use crate::model::workload::{CapacityType, PriceSource};
use crate::policy::Objectives;
use crate::policy::price_book::{NodeType, PriceBook};

/// A node type as spot capacity.
#[derive(Debug, Clone, PartialEq)]
pub struct SpotOffer {
    /// The type.
    pub instance_type: String,
    /// Its GPU.
    pub gpu: GpuModel,
    /// Its GPUs.
    pub gpus: u32,
    /// What the whole node costs.
    pub hourly: Hourly,
    /// Between what and what that price may lie.
    pub bounds: (Hourly, Hourly),
    /// Who says so.
    pub price: PriceSource,
    /// The share of nodes that were taken away within a month, at least and at most, as the provider published it.
    pub interrupted: Option<(f64, f64)>,
    /// Who says that, and when.
    pub interrupted_source: Option<String>,
}

/// Each node type of the cluster that can be had as spot capacity at a price that somebody knows.
pub(super) fn of(snapshot: &Snapshot, catalog: &Catalog, objectives: &Objectives) -> Vec<SpotOffer> {
    let book = PriceBook::new(catalog, &objectives.prices, &snapshot.currency, snapshot.grid.window);
    let mut types: BTreeMap<&str, Vec<&GpuNode>> = BTreeMap::new();
    for node in snapshot
        .nodes
        .iter()
        .filter(|node| !node.shared && node.slices.is_empty() && node.gpus > 0)
    {
        if let Some(name) = &node.instance_type {
            types.entry(name).or_default().push(node);
        }
    }
    types
        .into_iter()
        .filter_map(|(name, nodes)| {
            let first = *nodes.first()?;
            let (hourly, bounds, price) = own(&nodes)
                .or_else(|| by_sheet(first, region(snapshot), &book))
                .or_else(|| published(name, catalog, &book))?;
            let band = catalog.spot_band(name);
            Some(SpotOffer {
                instance_type: name.to_owned(),
                gpu: first.gpu.clone()?,
                gpus: first.gpus,
                hourly,
                bounds,
                price,
                interrupted: band.map(|band| (band.interrupted_from, band.interrupted_to)),
                interrupted_source: band.map(|band| format!("{}, {}", band.provenance.source, band.provenance.as_of)),
            })
        })
        .collect()
}

type Figure = (Hourly, (Hourly, Hourly), PriceSource);

/// By the spot nodes of this type that the cluster has now.
fn own(nodes: &[&GpuNode]) -> Option<Figure> {
    let spot = nodes.iter().filter(|node| node.capacity == CapacityType::Spot);
    let priced: Vec<(Hourly, &PriceSource)> = spot
        .filter_map(|node| Some((node.hourly?, node.price.as_ref()?)))
        .collect();
    let by = |a: &&(Hourly, &PriceSource), b: &&(Hourly, &PriceSource)| a.0.get().total_cmp(&b.0.get());
    let (low, high) = (priced.iter().min_by(by)?, priced.iter().max_by(by)?);
    let mean = priced.iter().map(|(hourly, _)| *hourly).sum::<Hourly>() * (1.0 / priced.len() as f64);
    Some((mean, (low.0, high.0), high.1.clone()))
}

fn by_sheet(node: &GpuNode, region: Option<&str>, book: &PriceBook<'_>) -> Option<Figure> {
    let quote = book.quote(&NodeType {
        instance_type: node.instance_type.as_deref(),
        gpu: node.gpu.as_ref(),
        gpus: node.gpus,
        region,
        capacity: CapacityType::Spot,
    })?;
    Some((quote.hourly, (quote.hourly, quote.hourly), quote.source))
}

/// By what the provider published: as that changes by the month, the list price is the upper bound.
fn published(name: &str, catalog: &Catalog, book: &PriceBook<'_>) -> Option<Figure> {
    let per_usd = book.per_usd()?;
    let list = catalog.instance(name)?.list_price()?;
    let row = catalog.discount(name);
    let (usd, source, as_of) = match (row.and_then(|row| Some((row, row.spot()?))), catalog.spot_band(name)) {
        (Some((row, spot)), _) => (spot, &row.provenance.source, row.provenance.as_of),
        (None, Some(band)) => (
            list * (1.0 - band.saving),
            &band.provenance.source,
            band.provenance.as_of,
        ),
        (None, None) => return None,
    };
    let source = PriceSource {
        source: format!("{source}, as it was then"),
        as_of: as_of.to_string(),
    };
    Some((usd * per_usd, (usd * per_usd, list * per_usd), source))
}
