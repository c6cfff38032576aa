//! Prices per GPU from a snapshot: what is listed, what is paid, and what an hour of work costs. Whole nodes are priced and
//! divided by their GPUs.

use std::collections::{BTreeMap, BTreeSet};

use super::Judge;
use crate::catalog::Catalog;
use crate::catalog::instances::InstanceType;
use crate::model::gpu::GpuModel;
use crate::model::plan::API_VERSION;
use crate::model::prices::{Figure, GpuPrices, PriceGap, Prices};
use crate::model::snapshot::{GpuNode, Snapshot};
use crate::model::units::Hourly;
use crate::model::usage::Signal;
use crate::model::workload::{CapacityType, PodUse, PriceSource, Workload};
use crate::policy::price_book::{NodeType, PriceBook};
use crate::recommenders::offers;

/// Gaps that are about prices.
const PRICE_GAPS: [&str; 7] = [
    "no-price",
    "no-costs",
    "odd-price",
    "odd-sheet-price",
    "default-prices",
    "price-currency",
    "price-sheet-currency",
];

impl Judge {
    /// What GPUs cost: those of the cluster, and those that the policy approves.
    pub fn prices(&self, snapshot: &Snapshot, work: &WorkHours) -> Prices {
        let objectives = &self.policy.objectives;
        let window = snapshot.grid.window;
        let book = PriceBook::new(&self.catalog, &objectives.prices, &snapshot.currency, window);
        let held = snapshot.nodes.iter().filter_map(|node| node.gpu.as_ref());
        let used = snapshot.workloads.iter().flat_map(|workload| &workload.pods);
        let used = used.filter_map(|pod| pod.gpu.as_ref()).map(|kind| &kind.model);
        let here: BTreeSet<&GpuModel> = held.chain(used).collect();
        let approved = objectives.approved_gpus.iter().flatten().map(|kind| &kind.model);
        let others: BTreeSet<&GpuModel> = approved.filter(|model| !here.contains(model)).collect();
        let desk = Desk {
            judge: self,
            snapshot,
            book,
            work,
        };
        let doubts = snapshot.gaps.iter().map(|priced| &priced.gap);
        let doubts = doubts.filter(|gap| PRICE_GAPS.contains(&gap.code.as_str()));
        Prices {
            api_version: API_VERSION.to_owned(),
            kind: "Prices".to_owned(),
            cluster: snapshot.cluster.clone(),
            window,
            currency: snapshot.currency.clone(),
            gpus: here.into_iter().chain(others).map(|model| desk.of(model)).collect(),
            gaps: doubts
                .map(|gap| PriceGap {
                    what: gap.what.clone(),
                    why: gap.why.clone(),
                    fix: gap.fix.clone(),
                })
                .collect(),
        }
    }
}

/// Hours in which GPUs were held and busy, and what they cost, by model: of the pods of which price and activity are known,
/// and that share no GPU in time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WorkHours {
    models: BTreeMap<GpuModel, Work>,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Work {
    cost: f64,
    held: f64,
    busy: f64,
    signals: BTreeSet<&'static str>,
}

impl WorkHours {
    /// Those of a workload with its history.
    pub fn of(workload: &Workload, catalog: &Catalog) -> Self {
        let mut models: BTreeMap<GpuModel, Work> = BTreeMap::new();
        for pod in &workload.pods {
            let Some(kind) = pod.gpu.as_ref().filter(|_| !pod.shared) else {
                continue;
            };
            let known = pod.hourly.zip(activity(pod)).zip(catalog.compute_share(kind));
            let Some(((hourly, (activity, signal)), share)) = known else {
                continue;
            };
            let held = pod.hours() * f64::from(pod.gpus) * share;
            let work = models.entry(kind.model.clone()).or_default();
            work.cost += hourly.get() * pod.hours();
            work.held += held;
            work.busy += held * activity;
            work.signals.insert(signal.name());
        }
        Self { models }
    }
}

impl std::iter::Sum for WorkHours {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        let mut sum = Self::default();
        for (model, one) in all.flat_map(|hours| hours.models) {
            let work = sum.models.entry(model).or_default();
            work.cost += one.cost;
            work.held += one.held;
            work.busy += one.busy;
            work.signals.extend(one.signals);
        }
        sum
    }
}

struct Desk<'a> {
    judge: &'a Judge,
    snapshot: &'a Snapshot,
    book: PriceBook<'a>,
    work: &'a WorkHours,
}

impl Desk<'_> {
    fn of(&self, model: &GpuModel) -> GpuPrices {
        let nodes: Vec<&GpuNode> = self
            .snapshot
            .nodes
            .iter()
            .filter(|node| node.gpu.as_ref() == Some(model))
            .collect();
        let types = self.types(model, &nodes);
        let bought = |capacity: CapacityType| {
            let of: Vec<&GpuNode> = nodes.iter().copied().filter(|node| node.capacity == capacity).collect();
            paid(&of).or_else(|| self.quoted(&types, capacity))
        };
        GpuPrices {
            gpu: model.to_string(),
            gpus: nodes.iter().map(|node| node.gpus).sum(),
            on_demand: self.quoted(&types, CapacityType::OnDemand),
            effective: paid(&nodes),
            committed: bought(CapacityType::Reserved).or_else(|| self.published(&types, CapacityType::Reserved)),
            spot: bought(CapacityType::Spot).or_else(|| self.published(&types, CapacityType::Spot)),
            busy_hour: self.busy_hour(model),
        }
    }

    /// Node types with this GPU: those of the cluster, or else those of its clouds.
    fn types(&self, model: &GpuModel, nodes: &[&GpuNode]) -> Vec<&InstanceType> {
        let catalog = &self.judge.catalog;
        let named: BTreeSet<&str> = nodes.iter().filter_map(|node| node.instance_type.as_deref()).collect();
        let own: Vec<&InstanceType> = named.into_iter().filter_map(|name| catalog.instance(name)).collect();
        if !own.is_empty() {
            return own;
        }
        let clouds = offers::providers(self.snapshot, catalog);
        let rows = catalog.instances_with(model);
        rows.filter(|row| clouds.is_empty() || clouds.contains(row.provider.as_str()))
            .collect()
    }

    /// The lowest price for one GPU among these node types, by the sheet or, on demand, by the list.
    fn quoted(&self, types: &[&InstanceType], capacity: CapacityType) -> Option<Figure> {
        let quotes = types.iter().filter_map(|row| {
            let quote = self.book.quote(&NodeType {
                instance_type: Some(&row.instance_type),
                gpu: Some(&row.gpu),
                gpus: row.gpus,
                region: offers::region(self.snapshot),
                capacity,
            })?;
            // A list knows nothing of contracts.
            let fits = quote.effective || capacity == CapacityType::OnDemand;
            fits.then(|| figure(quote.hourly, row, quote.source))
        });
        quotes.min_by(|a, b| a.hourly.get().total_cmp(&b.hourly.get()))
    }

    /// What a provider publishes for another way to buy them.
    fn published(&self, types: &[&InstanceType], capacity: CapacityType) -> Option<Figure> {
        let per_usd = self.book.per_usd()?;
        let rows = types.iter().filter_map(|row| {
            let published = self.judge.catalog.discount(&row.instance_type)?;
            let (hourly, name) = match capacity {
                CapacityType::Spot => (published.spot()?, "spot price"),
                _ => (published.one_year()?, "price with a commitment of one year"),
            };
            let source = PriceSource {
                source: format!("{} {name}, {}", row.provider, published.region),
                as_of: published.provenance.as_of.to_string(),
            };
            Some(figure(hourly * per_usd, row, source))
        });
        rows.min_by(|a, b| a.hourly.get().total_cmp(&b.hourly.get()))
    }

    fn busy_hour(&self, model: &GpuModel) -> Option<Figure> {
        let work = self.work.models.get(model).filter(|work| work.busy > 0.0)?;
        let end = self.snapshot.grid.window.end;
        let signals: Vec<&str> = work.signals.iter().copied().collect();
        Some(Figure {
            hourly: rounded(Hourly::new(work.cost / work.busy)),
            of: format!(
                "{:.0} GPU hours held, {:.1}% of them busy",
                work.held,
                work.busy / work.held * 100.0
            ),
            price: PriceSource {
                source: format!("prices of the nodes, and {} as measured", signals.join(" or ")),
                as_of: end.strftime("%Y-%m-%d").to_string(),
            },
        })
    }
}

/// To the digits in which lists are printed.
fn rounded(hourly: Hourly) -> Hourly {
    Hourly::new((hourly.get() * 1e6).round() / 1e6)
}

/// One GPU's share of a node.
fn figure(hourly: Hourly, row: &InstanceType, price: PriceSource) -> Figure {
    Figure {
        hourly: rounded(hourly * (1.0 / f64::from(row.gpus.max(1)))),
        of: format!("{} / {}", row.instance_type, row.gpus),
        price,
    }
}

/// What these nodes cost over their GPUs, as far as it is no list that says so.
fn paid(nodes: &[&GpuNode]) -> Option<Figure> {
    let known = nodes.iter().filter(|node| !node.listed && node.gpus > 0);
    let known: Vec<(&GpuNode, Hourly)> = known.filter_map(|node| Some((*node, node.hourly?))).collect();
    let gpus: u32 = known.iter().map(|(node, _)| node.gpus).sum();
    let sum: Hourly = known.iter().map(|(_, hourly)| *hourly).sum();
    // What most of them say stands for all.
    let price = known
        .iter()
        .filter_map(|(node, _)| node.price.as_ref())
        .max_by_key(|price| {
            known
                .iter()
                .filter(|(node, _)| node.price.as_ref() == Some(*price))
                .count()
        })?;
    Some(Figure {
        hourly: rounded(sum * (1.0 / f64::from(gpus))),
        of: format!("GPUs here: {gpus}, on nodes: {}", known.len()),
        price: price.clone(),
    })
}

/// How busy a pod's devices were on average, 0 to 1, by the better of two signals; `None` where it was not measured.
fn activity(pod: &PodUse) -> Option<(f64, Signal)> {
    [(Signal::EngineActive, 1.0), (Signal::GpuUtil, 0.01)]
        .into_iter()
        .find_map(|(signal, scale)| {
            let columns = pod.devices.iter().filter_map(|device| device.signals.get(&signal));
            let (sum, count) = columns.fold((0.0, 0_usize), |(sum, count), column| {
                let values: f64 = column.samples().map(|(_, value)| value).sum();
                (sum + values, count + column.count())
            });
            (count > 0).then(|| (sum / count as f64 * scale, signal))
        })
}
