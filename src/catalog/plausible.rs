//! Whether a price can be: compared with what the catalogue has of the same machine, and named where it cannot.

use super::list_prices::{History, Span};
use super::{Catalog, instances::InstanceType};
use crate::model::gpu::GpuModel;
use crate::model::time::Window;
use crate::model::units::Hourly;
use crate::model::workload::CapacityType;

/// Above the list price of its own region by more than this, nobody pays on demand: dedicated tenancy adds a tenth, and what
/// is measured of a short life is known to a few minutes.
const HIGH: f64 = 1.25;

/// By how much the dearest region exceeds the cheapest, at most, over all of Google's regions and GPUs (me-central2).
const REGIONS: f64 = 1.6;

/// Below the list price by more than this, not even a commitment of three years with a discount on it is had: of Google's
/// GPUs the deepest such price is 0.35 of the list.
const LOW: f64 = 0.2;

/// Spot capacity has been had at a tenth.
const LOW_SPOT: f64 = 0.05;

/// Prices that differ by less are the same price.
const SAME: f64 = 0.005;

/// A price to be looked at, in US dollars.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Of the whole node.
    pub hourly: Hourly,
    /// Its instance type, where known.
    pub instance_type: Option<&'a str>,
    /// Its GPU, where known.
    pub gpu: Option<&'a GpuModel>,
    /// Its GPUs.
    pub gpus: u32,
    /// Its region, where known.
    pub region: Option<&'a str>,
    /// How it is bought.
    pub capacity: CapacityType,
    /// When the price held.
    pub window: Window,
    /// Whether it was brought in line with a bill: a bill is never out of date.
    pub billed: bool,
}

/// What is wrong with a price, in words that follow it: `is 9.9 times ...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd(pub String);

/// Looks at a price; `None` where nothing speaks against it, or the catalogue has nothing to compare it with.
///
/// High is suspicious sooner than low: discounts exist, surcharges hardly.
pub fn odd(catalog: &Catalog, claim: &Claim<'_>) -> Option<Odd> {
    let price = claim.hourly.get();
    let low = match claim.capacity {
        CapacityType::Spot | CapacityType::Unknown => LOW_SPOT,
        CapacityType::OnDemand | CapacityType::Reserved => LOW,
    };
    if let Some(history) = claim
        .instance_type
        .and_then(|name| catalog.list_prices(name, claim.region))
    {
        return of_type(catalog, claim, &history, low);
    }
    let model = claim.gpu?;
    let gpus = f64::from(claim.gpus.max(1));
    let (cheapest, dearest) = range(catalog, model)?;
    let each = price / gpus;
    let (least, most) = (per_gpu(cheapest)?, per_gpu(dearest)?);
    if each > most * HIGH * REGIONS {
        let whole = namesake(catalog, claim, &|row| row.gpu == *model);
        return Some(Odd(format!(
            "is, for one {model}, {} the dearest that the catalogue has: {} at {most:.3} for each ({} list price, {}){whole}",
            times(each, most),
            dearest.instance_type,
            dearest.region,
            dearest.provenance.as_of,
        )));
    }
    (each < least * low).then(|| {
        Odd(format!(
            "is, for one {model}, {} the cheapest that the catalogue has: {} at {least:.3} for each ({} list price, {})",
            times(each, least),
            cheapest.instance_type,
            cheapest.region,
            cheapest.provenance.as_of,
        ))
    })
}

fn of_type(catalog: &Catalog, claim: &Claim<'_>, history: &History<'_>, low: f64) -> Option<Odd> {
    let price = claim.hourly.get();
    let now = history.at(claim.window.end)?;
    // Any price of the window will do.
    let within = |span: &&Span| span.until.is_none_or(|until| until > claim.window.start);
    let spans = || history.spans.iter().filter(within).chain(std::iter::once(now));
    let most = spans().map(|span| span.hourly.get()).fold(0.0, f64::max);
    let least = spans().map(|span| span.hourly.get()).fold(f64::INFINITY, f64::min);
    let listed = format!(
        "its list price in {} is {} ({})",
        history.region,
        now.hourly.get(),
        now.as_of
    );
    let is = |span: &&Span| (price / span.hourly.get() - 1.0).abs() < SAME;
    let former = history.former(claim.window).find(is);
    let place_is_right = history.own_region || claim.region.is_none();
    let changed = |hourly: Hourly| (price / hourly.get() - 1.0).abs() > 0.05;
    if let Some(until) = former.and_then(|span| span.until)
        && !claim.billed
        && place_is_right
        && claim.capacity != CapacityType::Spot
        && spans().all(|span| changed(span.hourly))
    {
        return Some(Odd(format!(
            "was the list price until {}; {listed}",
            until.strftime("%Y-%m-%d")
        )));
    }
    let high = if history.own_region { HIGH } else { HIGH * REGIONS };
    if price > most * high {
        let whole = namesake(catalog, claim, &|row| {
            Some(row.instance_type.as_str()) != claim.instance_type
        });
        return Some(Odd(format!("is {} the list; {listed}{whole}", times(price, most))));
    }
    (price < least * low).then(|| Odd(format!("is {} the list; {listed}", times(price, least))))
}

/// `9.9 times`, or `5% of`.
fn times(price: f64, of: f64) -> String {
    if price >= of {
        return format!("{:.1} times", price / of);
    }
    format!("{:.0}% of", price / of * 100.0)
}

fn per_gpu(row: &InstanceType) -> Option<f64> {
    Some(row.list_price()?.get() / f64::from(row.gpus.max(1)))
}

/// The node types in which one GPU of this model is cheapest and dearest.
fn range<'c>(catalog: &'c Catalog, model: &GpuModel) -> Option<(&'c InstanceType, &'c InstanceType)> {
    let mut rows: Vec<(f64, &InstanceType)> = catalog
        .instances_with(model)
        .filter_map(|row| Some((per_gpu(row)?, row)))
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    Some((rows.first()?.1, rows.last()?.1))
}

/// The node type whose price this is, where it is one's: a price per node that was taken for a price per GPU.
fn namesake(catalog: &Catalog, claim: &Claim<'_>, may_be: &dyn Fn(&InstanceType) -> bool) -> String {
    let is = |span: &Span| (claim.hourly.get() / span.hourly.get() - 1.0).abs() < SAME;
    let named = |row: &&InstanceType| {
        let prices = catalog.list_prices(&row.instance_type, None);
        may_be(row) && prices.is_some_and(|prices| prices.spans.iter().any(is))
    };
    // Of several the one with most GPUs: that is the mistake people make.
    let found = catalog.instances().iter().filter(named).max_by_key(|row| row.gpus);
    found.map_or_else(String::new, |row| {
        format!(
            ". It is what a whole {} costs or has cost, with {} x {}",
            row.instance_type, row.gpus, row.gpu
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> Window {
        Window {
            start: "2026-11-01T00:00:00Z".parse().unwrap(),
            end: "2026-11-15T00:00:00Z".parse().unwrap(),
        }
    }

    fn of_node(name: &str, hourly: f64, region: Option<&str>, capacity: CapacityType) -> Option<String> {
        let claim = Claim {
            hourly: Hourly::new(hourly),
            instance_type: Some(name),
            gpu: None,
            gpus: 8,
            region,
            capacity,
            window: window(),
            billed: false,
        };
        odd(&Catalog::shipped().unwrap(), &claim).map(|odd| odd.0)
    }

    fn of_gpu(model: &str, hourly: f64) -> Option<String> {
        let model = GpuModel(model.to_owned());
        let claim = Claim {
            hourly: Hourly::new(hourly),
            instance_type: None,
            gpu: Some(&model),
            gpus: 1,
            region: None,
            capacity: CapacityType::OnDemand,
            window: window(),
            billed: false,
        };
        odd(&Catalog::shipped().unwrap(), &claim).map(|odd| odd.0)
    }

    #[test]
    fn ten_times_the_price_is_named_with_the_right_one() {
        let said = of_node("g4dn.xlarge", 5.223, Some("us-east-1"), CapacityType::OnDemand).unwrap();
        assert!(said.contains("9.9 times") && said.contains("0.526"), "{said}");
        assert!(said.contains("2026-07-20"), "{said}");
        let elsewhere = of_node("g4dn.xlarge", 5.223, None, CapacityType::Unknown);
        assert!(elsewhere.is_some());
    }

    #[test]
    fn the_price_of_a_node_is_not_that_of_a_gpu() {
        for model in ["A100-40GB", "A100-80GB"] {
            let said = of_gpu(model, 32.77).unwrap();
            assert!(
                said.contains("It is what a whole") && said.contains("8 x A100"),
                "{said}"
            );
        }
        assert!(of_gpu("A100-40GB", 32.77).unwrap().contains("p4d.24xlarge"));
        assert_eq!(of_gpu("A100-40GB", 2.75), None);
        assert_eq!(of_gpu("A100-80GB", 1.20), None);
        assert!(of_gpu("H100-80GB", 0.0429).unwrap().contains("% of"));
    }

    #[test]
    fn a_price_that_no_longer_holds_is_dated() {
        let said = of_node("p5.48xlarge", 98.32, Some("us-east-1"), CapacityType::OnDemand).unwrap();
        assert!(said.contains("until 2025-06-23") && said.contains("55.04"), "{said}");
        let said = of_node("p4d.24xlarge", 32.7726, Some("us-east-1"), CapacityType::OnDemand).unwrap();
        assert!(
            said.contains("until 2025-06-23") && said.contains("21.957642"),
            "{said}"
        );
        // An error of a public list in 2023, then 1.2 times the right price, which licences and tenancy may well add.
        let said = of_node("p4d.24xlarge", 39.33, Some("us-east-1"), CapacityType::OnDemand).unwrap();
        assert!(said.contains("1.8 times the list"), "{said}");
        // Elsewhere it may well cost so much.
        assert_eq!(
            of_node("p4d.24xlarge", 32.7726, Some("ap-northeast-1"), CapacityType::OnDemand),
            None
        );
    }

    #[test]
    fn discounts_and_other_regions_are_nothing_odd() {
        use CapacityType::{OnDemand, Reserved, Spot, Unknown};
        for (name, hourly, region, capacity) in [
            ("p5.48xlarge", 55.04, Some("us-east-1"), OnDemand),
            ("p5.48xlarge", 24.8, Some("us-east-1"), Reserved),
            ("p5.48xlarge", 12.0, Some("us-east-1"), Spot),
            ("p5.48xlarge", 9.0, None, Unknown),
            ("p5.48xlarge", 88.0, Some("sa-east-1"), OnDemand),
            ("a2-highgpu-8g", 47.0, Some("me-central2"), OnDemand),
            ("g5.xlarge", 1.1, Some("us-east-1"), OnDemand),
            ("dgx-in-the-cellar", 400.0, None, OnDemand),
        ] {
            assert_eq!(of_node(name, hourly, region, capacity), None, "{name}");
        }
        assert!(of_node("a2-highgpu-8g", 47.0, Some("us-central1"), OnDemand).is_some());
        assert!(of_node("p5.48xlarge", 5.0, Some("us-east-1"), OnDemand).is_some());
    }

    #[test]
    fn every_list_price_stands_its_own_test() {
        let catalog = Catalog::shipped().unwrap();
        for row in catalog.instances() {
            let Some(price) = row.list_price() else { continue };
            for (name, region) in [
                (Some(row.instance_type.as_str()), Some(row.region.as_str())),
                (None, None),
            ] {
                let claim = Claim {
                    hourly: price,
                    instance_type: name,
                    gpu: Some(&row.gpu),
                    gpus: row.gpus,
                    region,
                    capacity: CapacityType::OnDemand,
                    window: window(),
                    billed: false,
                };
                assert_eq!(odd(&catalog, &claim), None, "{}", row.instance_type);
            }
        }
    }
}
