//! A reading joined to the snapshot that is judged: which pod held which GPU when, who owns it, what it costs. Pure.

pub mod identity;
pub mod owners;
mod owner_labels;
mod accounts;
mod marks;
pub mod naming;
pub mod devices;
pub mod claims;
pub mod nodes;
mod spot_nodes;
mod dialects;
pub mod prices;
pub mod lives;
pub mod class;
pub mod workloads;
pub mod queues;
mod pools;
mod beside;
mod commitments;
pub mod spend;
pub mod bins;
mod histograms;
pub mod requests;
mod tally;
mod unseen;

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Catalog;
use crate::model::cluster::{Inventory, Labels};
use crate::model::gpu::DeviceId;
use crate::model::ledger::Ledger;
use crate::model::reading::{Reading, RequestsOf, Series};
use crate::model::snapshot::{GpuNode, PricedGap, Snapshot};
use crate::model::time::Window;
use crate::model::workload::Workload;
use crate::policy::attribution::Attribution;
use crate::policy::price_book::PriceBook;
use crate::policy::price_sheet::PriceSheet;
use crate::sources::prometheus::select::{Pods, held_by};
use bins::Signals;
use claims::Claims;
use commitments::Cover;
use devices::{Joined, Seen};
use histograms::Folds;
use lives::Life;
use naming::{Naming, PodKey};
use nodes::NodeFacts;
use owners::Owners;
use requests::Requests;
pub use tally::{Part, Tally, Unheard};
use workloads::Sources;

/// Everything of a reading but its history: who holds which GPUs when, on which nodes, at what price. History is joined to
/// it in parts, each with all the pods of some workloads, as that of a large cluster fits in no memory.
#[derive(Debug)]
pub struct Outline<'a> {
    reading: &'a Reading,
    catalog: &'a Catalog,
    attribution: &'a Attribution,
    owners: Owners<'a>,
    claims: Claims<'a>,
    known: BTreeSet<PodKey>,
    claimed: BTreeMap<String, PodKey>,
    by_claim: BTreeMap<(String, String), PodKey>,
    /// GPUs whose series name no pod, with the pods that hold them.
    nameless: BTreeSet<(String, PodKey)>,
    exported: bool,
    servers_exported: bool,
    /// Devices by pod, without a sample.
    named: Joined,
    facts: BTreeMap<String, NodeFacts>,
    currency: &'a str,
    odd_prices: Vec<PricedGap>,
    cover: Cover,
    lives: Vec<Life<'a>>,
    /// Devices that pods of different parts were seen on at the same time.
    shared: BTreeSet<DeviceId>,
    folds: Folds,
    requests: Requests,
    /// Pods whose name was that of pods of several workloads.
    reused: BTreeSet<PodKey>,
}

impl<'a> Outline<'a> {
    /// The outline of a reading, whose own series are not looked at. `devices` and `servers` are the labels of the series that
    /// the parts will have; `attribution` says whose workloads are; `sheet` has the owner's prices.
    pub fn of<'l>(
        reading: &'a Reading,
        devices: impl Iterator<Item = &'l Labels> + Clone,
        servers: impl Iterator<Item = &'l Labels> + Clone,
        catalog: &'a Catalog,
        attribution: &'a Attribution,
        sheet: &'a PriceSheet,
    ) -> Self {
        let inventory = &reading.inventory;
        let owners = Owners::of(inventory);
        let claims = Claims::of(inventory);
        let known = lives::known(reading, &claims);
        let mut claimed = claims.holders_by_uuid(inventory);
        let exported = devices.clone().any(|labels| held_by(labels).is_some());
        let servers_exported = servers.clone().any(|labels| held_by(labels).is_some());
        // Claims speak only where the exporter does not.
        let nameless = naming::without_pod(devices.clone(), exported, &known);
        claimed.retain(|uuid, _| nameless.contains(uuid));
        let by_claim = claims.holders_by_claim(inventory);
        let mut nameless = naming::claimed_by_label(devices.clone(), exported, &known, &by_claim);
        nameless.extend(claimed.iter().map(|(uuid, pod)| (uuid.clone(), pod.clone())));
        let naming = Naming {
            known: &known,
            claimed: &claimed,
            by_claim: &by_claim,
            exported,
            servers_exported,
            catalog,
        };
        let lives = lives::lives(reading, &owners, &claims);
        let mut named = naming.devices(devices);
        for pod in servers.filter_map(|labels| naming.server(labels)) {
            named.servers.entry(pod).or_default();
        }
        named.shared = lives::share(&named, &lives);
        let as_of = reading.grid.window.end.strftime("%Y-%m-%d").to_string();
        let currency = prices::currency(&reading.currency, inventory, sheet);
        let book = PriceBook::new(catalog, sheet, currency, reading.grid.window);
        let mut facts = nodes::facts(inventory, catalog, &book, &as_of);
        let mut odd_prices = prices::gaps(&facts, &book, currency);
        let cover = commitments::cover(&mut facts, inventory, sheet, currency, reading.grid.window);
        odd_prices.extend(cover.gaps.iter().cloned());
        Self {
            cover,
            reused: histograms::reused(&lives),
            folds: Folds::default(),
            requests: Requests::default(),
            shared: BTreeSet::new(),
            lives,
            odd_prices,
            currency,
            facts,
            reading,
            catalog,
            attribution,
            owners,
            claims,
            exported,
            servers_exported,
            named,
            known,
            claimed,
            by_claim,
            nameless,
        }
    }

    /// The outline with the histograms of the whole cluster, where the parts have none: they are read at once, as the server
    /// has added them up.
    pub fn with_histograms(mut self, series: Vec<Series>) -> Self {
        self.folds = Folds::of(series);
        self
    }

    /// The outline with the requests of its workloads.
    pub fn with_requests(mut self, requests: Vec<RequestsOf>) -> Self {
        self.requests = requests::by_key(requests);
        self
    }

    /// The outline that knows which devices pods of different parts held at the same time, as [`Outline::see`] saw them.
    pub fn with_seen(mut self, seen: &Seen) -> Self {
        self.shared = seen.shared();
        self
    }

    /// Pods of which only samples tell whether they share a device with those of other parts, in bins whose history fits in
    /// memory.
    pub fn untold(&self, bins: &[Pods], signals: Signals, samples_at_once: u64) -> Vec<Pods> {
        let some = lives::untold(&self.named, &self.lives, bins);
        let held = (&self.lives[..], &self.named);
        bins::of_some(
            &some,
            held,
            &self.nameless,
            self.reading.grid,
            signals,
            self.room(samples_at_once),
        )
    }

    /// Notes when the devices of such pods were seen.
    pub fn see(&self, series: Vec<Series>, seen: &mut Seen) {
        let joined = self.naming().join(series);
        seen.add(joined.devices.values().flatten());
    }

    /// The window that is judged.
    pub fn window(&self) -> Window {
        self.reading.grid.window
    }

    fn naming(&self) -> Naming<'_> {
        Naming {
            known: &self.known,
            claimed: &self.claimed,
            by_claim: &self.by_claim,
            exported: self.exported,
            servers_exported: self.servers_exported,
            catalog: self.catalog,
        }
    }

    fn sources(&self) -> Sources<'_> {
        Sources {
            cluster: &self.reading.cluster,
            grid: self.reading.grid,
            inventory: &self.reading.inventory,
            owners: &self.owners,
            nodes: &self.facts,
            catalog: self.catalog,
            attribution: self.attribution,
        }
    }

    /// The snapshot without history.
    pub fn snapshot(&self) -> Snapshot {
        let groups = workloads::groups(&self.lives);
        let workloads = self.queued(workloads::workloads(&groups, self.named.clone(), self.sources()));
        self.whole(workloads, Tally::default())
    }

    /// What each day cost, under the names of workloads; `None` where nobody told.
    pub fn ledger(&self) -> Option<Ledger> {
        let inventory = &self.reading.inventory;
        let ledger = inventory.ledger.as_ref()?;
        Some(accounts::under_tops(ledger, inventory, &self.owners))
    }

    /// The workloads of these pods with their history; without a choice, all of them. Series are in the order of signals and
    /// labels, and hold all that was read of those pods.
    pub fn part(&self, series: Vec<Series>, chosen: Option<&Pods>) -> Part {
        let (workloads, tally) = self.unheard(series, chosen).each(|workload| workload);
        Part { workloads, tally }
    }

    /// The same, to be heard one by one: the histograms of all workloads together may be larger than their other history.
    pub fn unheard(&self, series: Vec<Series>, chosen: Option<&Pods>) -> Unheard<'_> {
        let (histograms, series): (Vec<_>, Vec<_>) = series.into_iter().partition(|one| one.signal.is_histogram());
        let own = (!histograms.is_empty()).then(|| Folds::of(histograms));
        let mut joined = self.naming().join(series);
        joined.shared.extend(self.named.shared.union(&self.shared).cloned());
        let is_chosen = |life: &&Life<'a>| chosen.is_none_or(|chosen| chosen.keys().contains(&life.key));
        let mut lives: Vec<Life<'a>> = self.lives.iter().filter(is_chosen).cloned().collect();
        let unknown = lives::only_measured(&joined, &self.known_keys(), self.reading.grid);
        let ownerless = unknown.len();
        lives.extend(unknown);
        lives::sort(&mut lives);
        let groups = workloads::groups(&lives);
        let workloads = self.queued(workloads::workloads(&groups, joined, self.sources()));
        Unheard {
            own,
            folds: &self.folds,
            requests: &self.requests,
            reused: &self.reused,
            grid: self.reading.grid,
            workloads,
            ownerless,
        }
    }

    fn queued(&self, mut workloads: Vec<Workload>) -> Vec<Workload> {
        let (inventory, now) = (&self.reading.inventory, self.reading.grid.window.end);
        queues::attach(&mut workloads, inventory, &self.owners, now);
        pools::attach(&mut workloads, inventory);
        beside::attach_budgets(&mut workloads, inventory);
        workloads
    }

    /// The pods in bins whose history fits in memory.
    pub fn bins(&self, signals: Signals, samples_at_once: u64) -> Vec<Pods> {
        bins::bins(
            &self.lives,
            &self.named,
            &self.nameless,
            self.reading.grid,
            signals,
            self.room(samples_at_once),
        )
    }

    /// All the pods that are judged.
    pub fn holders(&self) -> Pods {
        let signals = Signals { gpu: 1, server: 1 };
        let bins = self.bins(signals, u64::MAX);
        let mut all = Pods::default();
        for bin in &bins {
            all.add(bin.keys());
            bin.devices().iter().for_each(|uuid| all.add_device(uuid));
        }
        all
    }

    /// What the histograms, which stay in memory, leave of the room for samples; never less than a quarter, as a part that is
    /// smaller saves little and asks much.
    fn room(&self, samples_at_once: u64) -> u64 {
        let left = samples_at_once.saturating_sub(self.folds.values());
        left.max(samples_at_once / 4)
    }

    /// What `bins` do not hold of series with these labels, which nobody is judged by, in further bins.
    pub fn rest(
        &self,
        labels: (&[&Labels], &[&Labels]),
        bins: &[Pods],
        signals: Signals,
        samples_at_once: u64,
    ) -> Vec<Pods> {
        bins::rest(labels, bins, self.reading.grid, signals, samples_at_once)
    }

    fn known_keys(&self) -> BTreeSet<&PodKey> {
        self.lives.iter().map(|life| &life.key).collect()
    }

    /// The snapshot of all workloads, which may have let go of their history, and what the parts added up to.
    pub fn whole(&self, mut workloads: Vec<Workload>, tally: Tally) -> Snapshot {
        workloads.sort_by(|a, b| a.id.cmp(&b.id));
        let reading = self.reading;
        let inventory = &reading.inventory;
        let mut nodes = nodes::gpu_nodes(inventory, &self.facts, &self.cover, reading.grid);
        count_strangers(&mut nodes, inventory, &self.claims);
        let spend = spend::spend(inventory, &self.facts, &nodes, &workloads, reading.grid);
        let devices: BTreeSet<&str> = self.named.seen.iter().map(|device| device.uuid.as_str()).collect();
        let gpus = gpus(&nodes, &workloads);
        let asked = reading.asked.iter().copied();
        let held = (&self.owners, &self.claims, &self.lives[..]);
        let mut gaps = unseen::gaps(reading, &tally, held, (&nodes, &workloads), &self.odd_prices);
        if self.requests.is_empty() && !self.named.servers.is_empty() {
            gaps.extend(requests::unread(&workloads));
        }
        Snapshot {
            cluster: reading.cluster.clone(),
            grid: reading.grid,
            currency: self.currency.to_owned(),
            gaps,
            servers_read: !self.named.servers.is_empty(),
            requests_read: !self.requests.is_empty(),
            absent: asked.filter(|signal| !tally.present.contains(signal)).collect(),
            spend,
            gpus,
            gpus_with_metrics: u32::try_from(devices.len()).unwrap_or(u32::MAX).min(gpus),
            samples: tally.samples,
            nodes,
            spot_nodes: spot_nodes::spot_nodes(&self.lives, &self.facts, inventory, reading.grid.window),
            commitments: self.cover.held.clone(),
            queues: {
                let mut states = queues::states(&inventory.queues, reading.grid.window.end);
                states.extend(queues::without_a_node(inventory));
                states
            },
            workloads,
        }
    }
}

/// GPUs on the nodes; where no node could be read, those that workloads hold at the end.
fn gpus(nodes: &[GpuNode], workloads: &[Workload]) -> u32 {
    if nodes.is_empty() {
        return workloads.iter().flat_map(Workload::running).map(|pod| pod.gpus).sum();
    }
    nodes.iter().map(|node| node.gpus).sum()
}

/// Pods that claim devices of which nobody told us (DRA): their nodes are never empty.
fn count_strangers(nodes: &mut [GpuNode], inventory: &Inventory, claims: &Claims<'_>) {
    for pod in inventory
        .pods
        .iter()
        .filter(|pod| pod.finished.is_none() && claims.is_unread(pod))
    {
        let node = nodes.iter_mut().find(|node| Some(&node.name) == pod.node.as_ref());
        if let Some(node) = node {
            node.strangers += 1;
        }
    }
}

#[cfg(test)]
mod tests;
