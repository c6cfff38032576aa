//! On-demand list prices over time and by region, so that a window is priced by what held in it.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::{Catalog, Provenance};
use crate::model::time::Window;
use crate::model::units::Hourly;

/// From when on a node type has cost this much in some regions. The first row of a type is the first day on which its source
/// was looked at; a day is the one on which the source had the change, which may be weeks after the provider's.
///
/// Left out are figures that their source took back: AWS's g4dn, p2, p3 and p4d from 2023-02-01 to 2023-09-18 (a g4dn.xlarge
/// at 5.223 an hour, ten times its price), and Google's figures for regions that have the machine without its GPUs.
#[derive(Debug, Clone, Deserialize)]
pub struct ListPrice {
    instance_type: String,
    /// Separated by `|`.
    regions: String,
    from: Date,
    usd_per_hour: f64,
    #[serde(flatten)]
    provenance: Provenance,
}

/// One price and when it held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// From when, at midnight UTC; `None` where the only row has no beginning.
    pub from: Option<Timestamp>,
    /// Until when; `None` for the latest.
    pub until: Option<Timestamp>,
    /// The whole node, in US dollars.
    pub hourly: Hourly,
    /// The day on which the source said so last.
    pub as_of: Date,
}

/// The on-demand prices of a node type in one region, oldest first and never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct History<'c> {
    /// Whose.
    pub provider: &'c str,
    /// Where: the region that was asked for if there are prices of it, or the one that the catalogue has.
    pub region: &'c str,
    /// Whether that is the region that was asked for.
    pub own_region: bool,
    /// The prices.
    pub spans: Vec<Span>,
}

impl Catalog {
    /// What a node type has cost on demand; `None` where the catalogue has no price of it.
    pub fn list_prices(&self, instance_type: &str, region: Option<&str>) -> Option<History<'_>> {
        let instance = self.instance(instance_type)?;
        let rows = |region: &str| -> Vec<&ListPrice> {
            let of_type = self.list_prices.iter().filter(|row| row.instance_type == instance_type);
            let mut rows: Vec<&ListPrice> = of_type
                .filter(|row| row.regions.split('|').any(|r| r == region))
                .collect();
            rows.sort_by_key(|row| row.from);
            rows
        };
        let asked = region
            .map(|region| (region, rows(region)))
            .filter(|(_, rows)| !rows.is_empty());
        let own_region = asked.is_some() || region == Some(instance.region.as_str());
        let (found, rows) = match asked {
            Some((_, found)) => (found[0].regions.split('|').find(|r| region == Some(*r))?, found),
            None => (instance.region.as_str(), rows(&instance.region)),
        };
        let mut spans: Vec<Span> = rows
            .iter()
            .enumerate()
            .map(|(at, row)| Span {
                from: midnight(row.from),
                until: rows.get(at + 1).and_then(|next| midnight(next.from)),
                hourly: Hourly::new(row.usd_per_hour),
                as_of: row.provenance.as_of,
            })
            .collect();
        // The table of instance types has the latest price of its region, with the day on which it was looked at.
        if let Some(price) = instance.list_price().filter(|_| found == instance.region) {
            let from = spans.pop().and_then(|last| last.from);
            spans.push(Span {
                from,
                until: None,
                hourly: price,
                as_of: instance.provenance.as_of,
            });
        }
        (!spans.is_empty()).then_some(History {
            provider: &instance.provider,
            region: found,
            own_region,
            spans,
        })
    }
}

fn midnight(date: Date) -> Option<Timestamp> {
    date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

impl History<'_> {
    /// What held at a moment; before the first that is known, the first.
    pub fn at(&self, moment: Timestamp) -> Option<&Span> {
        let held = self
            .spans
            .iter()
            .rfind(|span| span.from.is_none_or(|from| from <= moment));
        held.or_else(|| self.spans.first())
    }

    /// Prices that held before a window and not in it, newest first.
    pub fn former(&self, window: Window) -> impl Iterator<Item = &Span> {
        let before = move |span: &&Span| span.until.is_some_and(|until| until <= window.start);
        self.spans.iter().rev().filter(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: &str) -> Timestamp {
        format!("{day}T00:00:00Z").parse().unwrap()
    }

    #[test]
    fn a_price_is_that_of_its_day_and_region() {
        let catalog = Catalog::shipped().unwrap();
        let price = |name: &str, region: Option<&str>, day: &str| {
            let history = catalog.list_prices(name, region).unwrap();
            (history.at(at(day)).unwrap().hourly.get(), history.own_region)
        };
        // AWS cut the P family in June 2025.
        assert_eq!(price("p5.48xlarge", Some("us-east-1"), "2025-06-01"), (98.32, true));
        assert_eq!(price("p5.48xlarge", Some("us-east-1"), "2025-07-01"), (55.04, true));
        assert_eq!(price("p4d.24xlarge", None, "2024-01-01").0, 32.7726);
        // What its source took back never held.
        assert_eq!(price("g4dn.xlarge", None, "2023-05-01").0, 0.526);
        assert_eq!(price("p4d.24xlarge", None, "2023-05-01").0, 32.7726);
        // Another region has another price; one without a price falls back, and says so.
        assert_eq!(
            price("a2-highgpu-1g", Some("us-central1"), "2026-01-01"),
            (3.673385, true)
        );
        let (dear, own) = price("a2-highgpu-1g", Some("me-central2"), "2026-01-01");
        assert!((dear / 3.673385 - 1.6).abs() < 0.001 && own, "{dear}");
        assert_eq!(price("p5.48xlarge", Some("eu-north-1"), "2026-01-01"), (55.04, false));
        assert!(catalog.list_prices("dgx-in-the-cellar", None).is_none());
        assert!(catalog.list_prices("a4-highgpu-8g", None).is_none());
    }

    #[test]
    fn both_tables_agree_on_the_latest_price() {
        let catalog = Catalog::shipped().unwrap();
        let rows = || catalog.list_prices.iter();
        for row in rows() {
            let instance = catalog.instance(&row.instance_type).unwrap();
            let own = |row: &&ListPrice| {
                row.instance_type == instance.instance_type && row.regions.split('|').any(|r| r == instance.region)
            };
            let last = rows().filter(own).max_by_key(|row| row.from).unwrap();
            let listed = instance.list_price().unwrap().get();
            assert!((last.usd_per_hour / listed - 1.0).abs() < 1e-4, "{}", row.instance_type);
        }
    }

    #[test]
    fn no_price_jumps_as_only_a_mistake_does() {
        let catalog = Catalog::shipped().unwrap();
        for row in &catalog.list_prices {
            let instance = catalog.instance(&row.instance_type).unwrap();
            let ratio = row.usd_per_hour / instance.list_price().unwrap().get();
            assert!(
                (0.7..1.85).contains(&ratio),
                "{} {} {}",
                row.instance_type,
                row.regions,
                row.from
            );
        }
    }
}
