//! What a node costs by what the owner and the catalogue say: the sheet first, the dated public list where it has no row;
//! each as it held at the time.

use jiff::Timestamp;

use super::price_sheet::{PriceSheet, Priced, SheetRow};
use crate::catalog::Catalog;
use crate::catalog::plausible::{Claim, Odd, odd};
use crate::model::gpu::GpuModel;
use crate::model::time::Window;
use crate::model::units::Hourly;
use crate::model::workload::{CapacityType, PriceSource};

/// The currency of public lists.
const DOLLAR: &str = "USD";

/// A kind of node.
#[derive(Debug, Clone, Copy)]
pub struct NodeType<'a> {
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
}

/// What a whole node costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote {
    /// At the window's end: what one more costs, and one less saves.
    pub hourly: Hourly,
    /// What held from when on within the window.
    pub steps: Vec<(Timestamp, Hourly)>,
    /// Who says so.
    pub source: PriceSource,
    /// Whether the owner says that it is what is really paid.
    pub effective: bool,
}

/// The sheet over the list, for one window and in one currency.
#[derive(Debug)]
pub struct PriceBook<'a> {
    catalog: &'a Catalog,
    sheet: &'a PriceSheet,
    window: Window,
    /// What a dollar costs in the book's currency; `None` where nobody says, so that lists are of no use.
    per_usd: Option<f64>,
    /// Rows that are used.
    rows: Vec<&'a SheetRow>,
    /// Rows that are not, as they cannot be.
    odd: Vec<(&'a SheetRow, Odd)>,
}

impl<'a> PriceBook<'a> {
    /// A book in this currency, which is the cost source's where there is one.
    pub fn new(catalog: &'a Catalog, sheet: &'a PriceSheet, currency: &str, window: Window) -> Self {
        let per_usd = match currency {
            DOLLAR => Some(1.0),
            _ if currency == sheet.currency => sheet.per_usd,
            _ => None,
        };
        let mut book = Self {
            catalog,
            sheet,
            window,
            per_usd,
            rows: Vec::new(),
            odd: Vec::new(),
        };
        let within = |row: &&SheetRow| {
            row.from.is_none_or(|from| from < window.end) && row.until.is_none_or(|until| until > window.start)
        };
        if currency == sheet.currency {
            for row in sheet.rows.iter().filter(within) {
                match book.odd_row(row) {
                    Some(odd) if !row.confirmed => book.odd.push((row, odd)),
                    _ => book.rows.push(row),
                }
            }
        }
        book
    }

    /// Rows of the sheet that are far from the public list and that the owner has not confirmed: they are not used.
    pub fn odd_rows(&self) -> &[(&'a SheetRow, Odd)] {
        &self.odd
    }

    /// Whether public lists are of use in the book's currency.
    pub fn has_lists(&self) -> bool {
        self.per_usd.is_some()
    }

    /// The sheet's currency where the sheet's rows are not in the book's.
    pub fn other_currency(&self, currency: &str) -> Option<&'a str> {
        let differs = !self.sheet.rows.is_empty() && self.sheet.currency != currency;
        differs.then_some(self.sheet.currency.as_str())
    }

    /// What speaks against a price of a node, in the book's currency.
    pub fn odd(&self, node: &NodeType<'_>, hourly: Hourly, billed: bool) -> Option<Odd> {
        let per_usd = self.per_usd?;
        let claim = Claim {
            hourly: hourly * (1.0 / per_usd),
            instance_type: node.instance_type,
            gpu: node.gpu,
            gpus: node.gpus,
            region: node.region,
            capacity: node.capacity,
            window: self.window,
            billed,
        };
        odd(self.catalog, &claim)
    }

    /// Whether the owner has confirmed that such a node costs this, to a hundredth.
    pub fn is_confirmed(&self, node: &NodeType<'_>, hourly: Hourly) -> bool {
        let confirmed = self.rows.iter().filter(|row| row.confirmed && suits(row, node));
        confirmed
            .map(|row| of_node(row, node))
            .any(|price| (hourly.get() / price.get() - 1.0).abs() < 0.01)
    }

    fn odd_row(&self, row: &SheetRow) -> Option<Odd> {
        let (instance_type, gpu) = match &row.what {
            Priced::Node(name) => (Some(name.as_str()), None),
            Priced::Gpu(model) => (None, Some(model)),
        };
        let node = NodeType {
            instance_type,
            gpu,
            gpus: 1,
            region: row.region.as_deref(),
            capacity: row.capacity,
        };
        self.odd(&node, row.hourly, false)
    }

    /// What such a node costs.
    pub fn quote(&self, node: &NodeType<'_>) -> Option<Quote> {
        let mut edges = vec![self.window.start, self.window.end];
        edges.extend(
            self.changes(node)
                .filter(|at| *at > self.window.start && *at < self.window.end),
        );
        edges.sort_unstable();
        edges.dedup();
        let mut steps: Vec<(Timestamp, Hourly)> = Vec::new();
        for pair in edges.windows(2) {
            let from = pair[0];
            let Some((price, ..)) = self.at(node, from) else {
                continue;
            };
            match steps.last() {
                Some((_, last)) if (last.get() - price.get()).abs() < 1e-9 => {}
                _ => steps.push((from, price)),
            }
        }
        // The last price that held before the end, as a window's end belongs to the day that follows.
        let last = *edges.get(edges.len().checked_sub(2)?)?;
        let (hourly, mut source, effective) = self.at(node, last)?;
        if steps.len() > 1 {
            let told: Vec<String> = steps
                .iter()
                .map(|(from, price)| format!("{:.4} from {}", price.get(), from.strftime("%Y-%m-%d")))
                .collect();
            source.source = format!("{}, weighted over the window ({})", source.source, told.join(", "));
        }
        Some(Quote {
            hourly,
            steps,
            source,
            effective,
        })
    }

    /// When the price of such a node may change.
    fn changes(&self, node: &NodeType<'_>) -> impl Iterator<Item = Timestamp> {
        let rows = self.rows.iter().filter(|row| suits(row, node));
        let sheet: Vec<Timestamp> = rows.flat_map(|row| [row.from, row.until]).flatten().collect();
        let listed = node
            .instance_type
            .and_then(|name| self.catalog.list_prices(name, node.region));
        let list: Vec<Timestamp> = listed
            .into_iter()
            .flat_map(|history| history.spans)
            .filter_map(|span| span.from)
            .collect();
        sheet.into_iter().chain(list)
    }

    fn at(&self, node: &NodeType<'_>, moment: Timestamp) -> Option<(Hourly, PriceSource, bool)> {
        let exact = |row: &&&SheetRow| {
            let wanted = match node.capacity {
                CapacityType::Unknown => CapacityType::OnDemand,
                known => known,
            };
            row.capacity == wanted && suits(row, node) && row.holds(moment)
        };
        // A row for the node's own type says more than one for its GPU, and one for its region more than one for all.
        let rank = |row: &&&SheetRow| (matches!(row.what, Priced::Node(_)), row.region.is_some());
        if let Some(row) = self.rows.iter().filter(exact).max_by_key(rank) {
            let note = row.note.as_ref().map_or_else(String::new, |note| format!(", {note}"));
            let day = row.from.unwrap_or(self.window.end);
            let source = PriceSource {
                source: format!("price sheet ({}:{}){note}", row.place.file, row.place.line),
                as_of: day.strftime("%Y-%m-%d").to_string(),
            };
            return Some((of_node(row, node), source, true));
        }
        // Spot capacity never costs its list price.
        if node.capacity == CapacityType::Spot {
            return None;
        }
        let per_usd = self.per_usd?;
        let history = self.catalog.list_prices(node.instance_type?, node.region)?;
        let span = history.at(moment)?;
        let elsewhere = match node.region.filter(|_| !history.own_region) {
            Some(region) => format!(" (none is known of {region})"),
            None => String::new(),
        };
        let source = PriceSource {
            source: format!("{} list price, {}{elsewhere}", history.provider, history.region),
            as_of: span.as_of.to_string(),
        };
        Some((span.hourly * per_usd, source, false))
    }
}

fn suits(row: &SheetRow, node: &NodeType<'_>) -> bool {
    let what = match &row.what {
        Priced::Node(name) => node.instance_type == Some(name),
        Priced::Gpu(model) => node.gpu == Some(model) && node.gpus > 0,
    };
    what && row.region.as_deref().is_none_or(|region| node.region == Some(region))
}

fn of_node(row: &SheetRow, node: &NodeType<'_>) -> Hourly {
    match row.what {
        Priced::Node(_) => row.hourly,
        Priced::Gpu(_) => row.hourly * f64::from(node.gpus),
    }
}
