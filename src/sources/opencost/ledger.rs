//! The ledger from a cost source: what each day cost and whose it was, one answer about allocations and one about assets a day.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::accounts::{account, asset_account};
use super::allocation::{Allocation, held};
use super::client::OpenCostClient;
use super::days;
use super::decode::Asset;
use super::error::OpenCostError;
use super::tally::{asset_hours, instance_type, region, within};
use crate::model::amount::Amount;
use crate::model::cluster::CostProduct;
use crate::model::gap::{Gap, UNKNOWN_OF_FAILED_DAYS};
use crate::model::ledger::{Account, Costs, Entry, Holder, Ledger, LedgerDay, LedgerNode, ToldBy};
use crate::model::progress::Progress;
use crate::model::time::Window;

/// After so many days in a row that fail, older days are not asked for.
const FAILURES: usize = 3;

/// Reads what the days of a window cost, day by day in `zone`, newest first; Kubecost keeps days of UTC. Only what is of `cluster`
/// counts where it is given and the answers name clusters.
///
/// # Errors
/// When the server cannot be reached, does not let us in, is something else, or answers for no day at all. Days that fail are gaps
/// as long as others are answered.
pub async fn ledger(
    client: &OpenCostClient,
    (window, zone): (Window, &TimeZone),
    cluster: Option<&str>,
    progress: &dyn Progress,
) -> Result<(Ledger, Vec<Gap>), OpenCostError> {
    let utc = days::whole(window, Timestamp::now());
    let Some(newest) = utc.last() else {
        return Ok((Book::default().into_ledger(ToldBy::OpenCost), Vec::new()));
    };
    client.detect(*newest).await?;
    let days = match client.product() {
        CostProduct::OpenCost => days_of(window, zone),
        CostProduct::Kubecost => utc,
    };
    progress.stage(
        &format!("{}: what each day cost", client.product().name()),
        Some(days.len() as u64),
    );
    let mut book = Book {
        cluster: cluster.map(str::to_owned),
        ..Book::default()
    };
    let (mut failed, mut failure, mut in_a_row) = (Vec::new(), None, 0);
    for (index, day) in days.iter().enumerate().rev() {
        match one_day(client, *day, &mut book).await {
            Ok(()) => in_a_row = 0,
            Err(error) if error.is_of_one_day() => {
                in_a_row += 1;
                failed.push(*day);
                book.untold(*day);
                failure.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
        progress.advance(1);
        if in_a_row == FAILURES {
            for older in days[..index].iter().rev() {
                failed.push(*older);
                book.untold(*older);
            }
            break;
        }
    }
    let mut gaps = Vec::new();
    match failure {
        Some(error) if failed.len() == days.len() => return Err(error),
        Some(error) => gaps.push(Gap::new(
            "ledger-failed-days",
            format!(
                "{UNKNOWN_OF_FAILED_DAYS}{} of {} days ({})",
                failed.len(),
                days.len(),
                days::shown(&failed, zone)
            ),
            error.to_string(),
            "run again when the cost source is well, or ask for a shorter window",
        )),
        None => {}
    }
    let told_by = client.product().into();
    Ok((book.into_ledger(told_by), gaps))
}

async fn one_day(client: &OpenCostClient, day: Window, book: &mut Book) -> Result<(), OpenCostError> {
    let allocations: Vec<(String, Allocation)> = client.allocations_with_idle(day).await?;
    let assets: Vec<(String, Asset)> = client.sets("assets", day, &[]).await?;
    book.day(day, allocations, assets);
    Ok(())
}

/// The ledger of one day from its answers, as a server gave them; for one that was recorded.
///
/// # Errors
/// When an answer is none.
pub fn ledger_of_answers(answers: &[(Window, &[u8], &[u8])]) -> Result<Ledger, super::decode::BodyError> {
    let mut book = Book::default();
    for (day, allocations, assets) in answers {
        book.day(*day, super::decode::sets(allocations)?, super::decode::sets(assets)?);
    }
    Ok(book.into_ledger(ToldBy::OpenCost))
}

/// The days of a window in a time zone, the first and the last as much of theirs as lies within. A day may have 23 or 25 hours.
fn days_of(window: Window, zone: &TimeZone) -> Vec<Window> {
    let mut days = Vec::new();
    let mut start = window.start;
    while start < window.end {
        let midnight = start
            .to_zoned(zone.clone())
            .date()
            .checked_add(Span::new().days(1))
            .ok()
            .and_then(|date| date.to_zoned(zone.clone()).ok())
            .map_or(window.end, |next| next.timestamp());
        let end = midnight.min(window.end);
        if end <= start {
            break;
        }
        days.push(Window { start, end });
        start = end;
    }
    days
}

/// Accounts and days as they come.
#[derive(Debug, Default)]
struct Book {
    /// Whose costs count, where several clusters' are told.
    cluster: Option<String>,
    accounts: BTreeMap<Account, u32>,
    nodes: BTreeMap<String, LedgerNode>,
    days: Vec<LedgerDay>,
}

impl Book {
    fn untold(&mut self, window: Window) {
        self.days.push(LedgerDay {
            window,
            told: false,
            entries: Vec::new(),
            nodes: BTreeMap::new(),
            unpriced: 0,
        });
    }

    /// Takes what was answered about a day.
    fn day(&mut self, window: Window, allocations: Vec<(String, Allocation)>, assets: Vec<(String, Asset)>) {
        let mut sums: BTreeMap<u32, (f64, Costs)> = BTreeMap::new();
        let mut unpriced = 0;
        let mut told = false;
        let mut allocated = Costs::default();
        for (key, allocation) in allocations {
            let one = held(key, allocation);
            if !self.is_ours(one.allocation.properties.as_ref().and_then(|of| of.cluster.as_deref())) {
                continue;
            }
            let Some((hours, costs)) = figures(&one.allocation, window) else {
                unpriced += 1;
                continue;
            };
            told |= one.holder != Holder::Idle;
            allocated += costs;
            let account = self.place(account(&one));
            let sum = sums.entry(account).or_default();
            sum.0 += hours;
            sum.1 += costs;
        }
        let mut among = Costs::default();
        let mut nodes: BTreeMap<String, (f64, Amount)> = BTreeMap::new();
        for (_, asset) in assets {
            let properties = asset.properties.as_ref();
            if !self.is_ours(properties.and_then(|of| of.cluster.as_deref())) {
                continue;
            }
            let Some(cost) = asset_cost(&asset, window) else {
                unpriced += 1;
                continue;
            };
            match asset.kind.as_deref().unwrap_or_default() {
                "Node" => {
                    among.cpu += cost;
                    if let Some(name) = self.node(&asset) {
                        let seen = nodes.entry(name).or_default();
                        seen.0 += asset_hours(&asset, asset.minutes.unwrap_or(0.0), window);
                        seen.1 += cost;
                    }
                }
                "Disk" => among.storage += cost,
                "Network" => among.network += cost,
                "LoadBalancer" => among.load_balancers += cost,
                // What an account pays outside of clusters is none of theirs.
                "Cloud" => {}
                kind => {
                    let account = self.place(asset_account(kind));
                    sums.entry(account).or_default().1 += beside(cost);
                }
            }
        }
        self.rests(among, allocated, &mut sums);
        let entries = sums.into_iter().map(|(account, (gpu_hours, costs))| Entry {
            account,
            gpu_hours,
            costs,
        });
        self.days.push(LedgerDay {
            window,
            told,
            entries: entries.collect(),
            nodes,
            unpriced,
        });
    }

    /// What assets cost beyond what is told of those who use them: root disks of nodes; nodes where the server does not tell what
    /// is idle, or adjusts one and not the other. Else it is nothing but a rounding.
    fn rests(&mut self, among: Costs, allocated: Costs, sums: &mut BTreeMap<u32, (f64, Costs)>) {
        let none = Costs::default();
        let rests = [
            (
                "nodes",
                among.cpu,
                Costs {
                    cpu: among.cpu - allocated.of_node(),
                    ..none
                },
            ),
            (
                "volumes",
                among.storage,
                Costs {
                    storage: among.storage - allocated.storage,
                    ..none
                },
            ),
            (
                "traffic",
                among.network,
                Costs {
                    network: among.network - allocated.network,
                    ..none
                },
            ),
            (
                "load balancers",
                among.load_balancers,
                Costs {
                    load_balancers: among.load_balancers - allocated.load_balancers,
                    ..none
                },
            ),
        ];
        for (kind, told, rest) in rests {
            // Of what is not among the assets, the allocations are all there is to know.
            if !told.is_zero() && !rest.total().is_zero() {
                let account = self.place(asset_account(kind));
                sums.entry(account).or_default().1 += rest;
            }
        }
    }

    fn is_ours(&self, cluster: Option<&str>) -> bool {
        match (&self.cluster, cluster) {
            (Some(ours), Some(theirs)) if !theirs.is_empty() => ours == theirs,
            _ => true,
        }
    }

    fn place(&mut self, account: Account) -> u32 {
        let next = u32::try_from(self.accounts.len()).unwrap_or(u32::MAX);
        *self.accounts.entry(account).or_insert(next)
    }

    /// Remembers what a node is, and tells its name.
    fn node(&mut self, asset: &Asset) -> Option<String> {
        let name = asset.properties.as_ref().and_then(|of| of.name.clone())?;
        // Days come newest first: what the newest says holds.
        let node = self.nodes.entry(name.clone()).or_default();
        node.instance_type = node.instance_type.take().or_else(|| instance_type(asset));
        node.region = node.region.take().or_else(|| region(asset));
        node.gpus = node.gpus.or(asset.gpu_count);
        node.spot = node.spot.or(asset.preemptible.map(|preemptible| preemptible > 0.0));
        Some(name)
    }

    /// In the one order that leaves no trace of how answers came. Every node has an account for what is idle of it.
    fn into_ledger(mut self, told_by: ToldBy) -> Ledger {
        let nodes: Vec<String> = self.nodes.keys().cloned().collect();
        for node in nodes {
            self.place(Account {
                holder: Holder::Idle,
                node: Some(node),
                ..Account::default()
            });
        }
        let mut accounts = Vec::new();
        let mut places = vec![0; self.accounts.len()];
        for (account, place) in self.accounts {
            if let Some(new) = places.get_mut(place as usize) {
                *new = u32::try_from(accounts.len()).unwrap_or(u32::MAX);
            }
            accounts.push(account);
        }
        for day in &mut self.days {
            for entry in &mut day.entries {
                entry.account = places.get(entry.account as usize).copied().unwrap_or(entry.account);
            }
            day.entries.sort_by_key(|entry| entry.account);
        }
        self.days.sort_by_key(|day| day.window.start);
        Ledger {
            told_by,
            accounts,
            nodes: self.nodes,
            days: self.days,
        }
    }
}

/// What is among the assets alone, and of none of their known kinds.
fn beside(cost: Amount) -> Costs {
    Costs {
        shared: cost,
        ..Costs::default()
    }
}

/// What an allocation cost within the day; `None` where the server does not know. What it gives as a total beyond the parts is
/// shared cost: newer versions have parts that older ones do not.
fn figures(allocation: &Allocation, day: Window) -> Option<(f64, Costs)> {
    let total = allocation.total_cost?;
    let share = allocation.minutes.map_or(1.0, |minutes| within(minutes, day));
    let part = |figure: Option<f64>| Amount::new(figure.unwrap_or(0.0) * share);
    let mut costs = Costs {
        gpu: part(allocation.gpu())?,
        cpu: part(allocation.cpu())?,
        memory: part(allocation.memory())?,
        storage: part(allocation.storage())?,
        network: part(allocation.network())?,
        load_balancers: part(allocation.load_balancers())?,
        shared: part(allocation.shared_cost)?,
        external: part(allocation.external_cost)?,
    };
    costs.shared += part(Some(total))? - costs.total();
    Some((allocation.gpu_hours.unwrap_or(0.0) * share, costs))
}

fn asset_cost(asset: &Asset, day: Window) -> Option<Amount> {
    let (cost, minutes) = (asset.total_cost?, asset.minutes?);
    let hours = asset_hours(asset, minutes, day);
    let share = if minutes > 0.0 { hours * 60.0 / minutes } else { 1.0 };
    Amount::new(cost * share)
}
