//! The owner's price sheet: what nodes or GPUs cost by contract. Every mistake is kept, with its place.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::commitments;
use super::located::{Located, Mistake, Place, Value};
use super::section::Section;
use crate::catalog::Catalog;
use crate::model::commitment::Commitment;
use crate::model::gpu::GpuModel;
use crate::model::units::Hourly;
use crate::model::workload::CapacityType;

/// What a row prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Priced {
    /// A whole node of this instance type.
    Node(String),
    /// One GPU of this model, with its share of the node.
    Gpu(GpuModel),
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct SheetRow {
    /// What it prices.
    pub what: Priced,
    /// Only in this region.
    pub region: Option<String>,
    /// How it is bought.
    pub capacity: CapacityType,
    /// The price.
    pub hourly: Hourly,
    /// From when on, at midnight UTC.
    pub from: Option<Timestamp>,
    /// Until when, not included.
    pub until: Option<Timestamp>,
    /// The owner's word on it.
    pub note: Option<String>,
    /// Whether the owner insists on it, however odd it looks.
    pub confirmed: bool,
    /// Where it stands.
    pub place: Place,
}

/// The sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceSheet {
    /// The currency of its rows.
    pub currency: String,
    /// What a US dollar costs in it; `None` where nobody said. Public lists are in dollars.
    pub per_usd: Option<f64>,
    /// Its rows.
    pub rows: Vec<SheetRow>,
    /// What has been committed to.
    pub commitments: Vec<Commitment>,
}

impl Default for PriceSheet {
    fn default() -> Self {
        Self {
            currency: "USD".to_owned(),
            per_usd: None,
            rows: Vec::new(),
            commitments: Vec::new(),
        }
    }
}

impl SheetRow {
    /// Whether it holds at a moment.
    pub fn holds(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// Whether both price the same at some time.
    fn meets(&self, other: &Self) -> bool {
        let same = self.what == other.what && self.region == other.region && self.capacity == other.capacity;
        let before = |a: &Self, b: &Self| a.until.zip(b.from).is_some_and(|(until, from)| until <= from);
        same && !before(self, other) && !before(other, self)
    }
}

/// A file that holds a sheet alone, as the policy that says the same.
pub fn as_policy(sheet: Located) -> Located {
    let place = sheet.place.clone();
    Located {
        value: Value::Map(vec![("prices".to_owned(), place.clone(), sheet)]),
        place,
    }
}

impl PriceSheet {
    /// Reads the section `prices`.
    pub(super) fn read(section: &mut Section<'_>, catalog: &Catalog, mistakes: &mut Vec<Mistake>) -> Self {
        let (currency, place) = section.text("currency", mistakes);
        let is_code = currency.len() == 3 && currency.chars().all(|c| c.is_ascii_uppercase());
        if !currency.is_empty() && !is_code {
            let what = format!("`prices.currency` is `{currency}`; give a code of ISO 4217, such as EUR");
            mistakes.push(Mistake { place, what });
        }
        let per_usd = section.optional_number("per_usd", 1e-6, 1e6, mistakes);
        let mut rows: Vec<SheetRow> = Vec::new();
        for node in section.list("rows", mistakes) {
            let Some(row) = row(node, catalog, mistakes) else {
                continue;
            };
            if let Some(earlier) = rows.iter().find(|earlier| earlier.meets(&row)) {
                let what = format!(
                    "this row prices the same as the one at {} for some time; give each `from` and `until`, so that one holds",
                    earlier.place
                );
                mistakes.push(Mistake {
                    place: row.place.clone(),
                    what,
                });
            }
            rows.push(row);
        }
        Self {
            currency,
            per_usd,
            rows,
            commitments: commitments::read(section, catalog, mistakes),
        }
    }
}

fn row(node: &Located, catalog: &Catalog, mistakes: &mut Vec<Mistake>) -> Option<SheetRow> {
    let before = mistakes.len();
    let place = node.place.clone();
    let mut section = Section::open("prices.rows", node, mistakes);
    let instance = section.optional_text("instance_type", mistakes);
    let gpu = section.optional_text("gpu", mistakes);
    let region = section.optional_text("region", mistakes).map(|(region, _)| region);
    let capacity = capacity(section.optional_text("capacity_type", mistakes), mistakes);
    let hourly = section.number("hourly", 1e-4, 1e6, mistakes);
    let from = date(section.optional_text("from", mistakes), mistakes);
    let until = date(section.optional_text("until", mistakes), mistakes);
    let note = section.optional_text("note", mistakes).map(|(note, _)| note);
    let confirmed = section.optional_bool("confirmed", mistakes).unwrap_or(false);
    section.finish(mistakes);
    let what = subject(instance, gpu, "a row prices", &place, catalog, mistakes);
    if let Some((from, until)) = from.zip(until)
        && until <= from
    {
        mistakes.push(Mistake {
            place: place.clone(),
            what: "`until` must lie after `from`; it is the first day on which the price holds no more".to_owned(),
        });
    }
    (mistakes.len() == before).then_some(SheetRow {
        what: what?,
        region,
        capacity,
        hourly: Hourly::new(hourly),
        from,
        until,
        note,
        confirmed,
        place,
    })
}

/// Nodes of an instance type, or with a GPU: one of the two must be said.
pub(super) fn subject(
    instance: Option<(String, Place)>,
    gpu: Option<(String, Place)>,
    does: &str,
    place: &Place,
    catalog: &Catalog,
    mistakes: &mut Vec<Mistake>,
) -> Option<Priced> {
    let mut wrong = |place: &Place, what: String| {
        mistakes.push(Mistake {
            place: place.clone(),
            what,
        });
        None
    };
    match (instance, gpu) {
        (Some((name, _)), None) => Some(Priced::Node(name)),
        (None, Some((name, at))) => match catalog.model_named(&name) {
            Some(model) => Some(Priced::Gpu(model.clone())),
            None => {
                let known: Vec<&str> = catalog.gpus().iter().map(|spec| spec.model.0.as_str()).collect();
                let known = known.join(", ");
                wrong(
                    &at,
                    format!("`{name}` is no GPU that the catalogue knows; it knows {known}"),
                )
            }
        },
        (both, _) => {
            let not = if both.is_some() { "not both" } else { "and says neither" };
            let what = format!("{does} an `instance_type` (the whole node) or a `gpu` (one of them), {not}");
            wrong(place, what)
        }
    }
}

fn capacity(given: Option<(String, Place)>, mistakes: &mut Vec<Mistake>) -> CapacityType {
    let Some((name, place)) = given else {
        return CapacityType::OnDemand;
    };
    match name.as_str() {
        "on-demand" => CapacityType::OnDemand,
        "spot" => CapacityType::Spot,
        "reserved" => CapacityType::Reserved,
        other => {
            let what = format!("`{other}` is no capacity type; give on-demand, spot or reserved");
            mistakes.push(Mistake { place, what });
            CapacityType::Unknown
        }
    }
}

/// A day, at midnight UTC.
pub(super) fn date(given: Option<(String, Place)>, mistakes: &mut Vec<Mistake>) -> Option<Timestamp> {
    let (text, place) = given?;
    let date: Option<Date> = text.parse().ok();
    let at = date.and_then(|date| date.to_zoned(TimeZone::UTC).ok());
    if at.is_none() {
        let what = format!("`{text}` is no date; give one such as 2026-01-31");
        mistakes.push(Mistake { place, what });
    }
    at.map(|zoned| zoned.timestamp())
}
