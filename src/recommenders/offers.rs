//! Capacity that a workload may be moved to: approved GPUs and slices, on node types with a price.

use std::collections::{BTreeMap, BTreeSet};

use super::spot_offers::{self, SpotOffer};
use crate::catalog::Catalog;
use crate::catalog::instances::InstanceType;
use crate::model::cluster::Resources;
use crate::model::gpu::GpuKind;
use crate::model::snapshot::{GpuNode, Snapshot};
use crate::model::units::{Hourly, Memory};
use crate::model::workload::{CapacityType, PriceSource};
use crate::policy::Objectives;
use crate::policy::price_book::{NodeType, PriceBook};

/// Hours within which a node that is empty goes at once.
const AT_ONCE: f64 = 0.25;

/// A type of node with an approved GPU.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// The GPU or slice.
    pub kind: GpuKind,
    /// Its instance type, where it has one.
    pub instance_type: Option<String>,
    /// Devices of this kind on one node.
    pub devices: u32,
    /// CPUs for pods; `None` where not known.
    pub cpu: Option<f64>,
    /// Memory for pods; `None` where not known.
    pub memory: Option<Memory>,
    /// What the whole node costs.
    pub hourly: Hourly,
    /// Where the price comes from.
    pub price: PriceSource,
    /// Whether such nodes go as soon as they are empty, and come back; `None` where the cluster has none.
    pub goes_at_night: Option<bool>,
}

impl Offer {
    /// How many pods of this shape one node holds.
    pub fn pods(&self, devices_each: u32, requests: &Resources) -> u32 {
        let by = |have: Option<f64>, name: &str| match (have, requests.get(name)) {
            (Some(have), Some(want)) if *want > 0.0 => (have / want).floor() as u32,
            _ => u32::MAX,
        };
        let devices = self.devices / devices_each.max(1);
        let cpu = by(self.cpu, "cpu");
        let memory = by(self.memory.map(Memory::bytes), "memory");
        devices.min(cpu).min(memory)
    }

    /// Nodes that so many pods of this shape need, and what they cost; `None` where a node does not hold even one.
    pub fn nodes_for(&self, pods: u32, devices_each: u32, requests: &Resources) -> Option<(u32, Hourly)> {
        let each = self.pods(devices_each, requests);
        let nodes = (each > 0).then(|| pods.div_ceil(each))?;
        Some((nodes, self.hourly * f64::from(nodes)))
    }
}

/// Everything on offer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Offers {
    offers: Vec<Offer>,
    /// Devices of slices that no pod holds now, by kind.
    free_slices: Vec<(GpuKind, u32)>,
    /// Approved GPUs that the cluster's cloud has, without a price.
    unpriced: Vec<GpuKind>,
    /// The cluster's node types as spot capacity.
    spot: Vec<SpotOffer>,
}

impl Offers {
    /// What the cluster has, or what the policy approves on the node types of the cluster's cloud.
    pub fn of(snapshot: &Snapshot, catalog: &Catalog, objectives: &Objectives) -> Self {
        let mut offers: Vec<Offer> = snapshot.nodes.iter().filter_map(whole_gpus).collect();
        let mut unpriced = Vec::new();
        if let Some(approved) = &objectives.approved_gpus {
            let providers = providers(snapshot, catalog);
            let at_hand = |row: &&InstanceType| providers.is_empty() || providers.contains(row.provider.as_str());
            let book = PriceBook::new(catalog, &objectives.prices, &snapshot.currency, snapshot.grid.window);
            let region = region(snapshot);
            for kind in approved.iter().filter(|kind| kind.mig.is_none()) {
                let listed = || catalog.instances_with(&kind.model).filter(at_hand);
                offers.extend(listed().filter_map(|row| from_catalog(row, region, &book)));
                if listed().next().is_some() && !offers.iter().any(|offer| offer.kind == *kind) {
                    unpriced.push(kind.clone());
                }
            }
            offers.retain(|offer| approved.contains(&offer.kind));
        }
        offers.sort_by(|a, b| {
            (&a.kind, &a.instance_type)
                .cmp(&(&b.kind, &b.instance_type))
                .then(a.hourly.get().total_cmp(&b.hourly.get()))
        });
        // What the cluster pays comes before what a list says; of equal nodes one stands for all, at their highest price.
        offers.dedup_by(|next, kept| {
            let same =
                next.kind == kept.kind && next.instance_type.is_some() && next.instance_type == kept.instance_type;
            if same && next.hourly > kept.hourly {
                kept.hourly = next.hourly;
                kept.price = next.price.clone();
            }
            if same {
                let seen = [kept.goes_at_night, next.goes_at_night].into_iter().flatten();
                kept.goes_at_night = seen.reduce(|a, b| a && b);
            }
            same
        });
        let allowed = |kind: &GpuKind| {
            objectives
                .approved_gpus
                .as_ref()
                .is_none_or(|approved| approved.contains(kind))
        };
        let free_slices = free_slices(snapshot)
            .into_iter()
            .filter(|(kind, _)| allowed(kind))
            .collect();
        Self {
            offers,
            free_slices,
            unpriced,
            spot: spot_offers::of(snapshot, catalog, objectives),
        }
    }

    /// Node types with this GPU.
    pub fn with(&self, kind: &GpuKind) -> impl Iterator<Item = &Offer> {
        self.offers.iter().filter(move |offer| offer.kind == *kind)
    }

    /// Kinds of whole GPUs on offer.
    pub fn kinds(&self) -> BTreeSet<&GpuKind> {
        self.offers.iter().map(|offer| &offer.kind).collect()
    }

    /// Slices that exist and that no pod holds: taking one adds nothing to the bill.
    pub fn free_slices(&self) -> &[(GpuKind, u32)] {
        &self.free_slices
    }

    /// Approved GPUs that the cluster's cloud has, and of which neither a node nor a list tells the price.
    pub fn unpriced(&self) -> &[GpuKind] {
        &self.unpriced
    }

    /// A node type of the cluster as spot capacity.
    pub fn spot(&self, instance_type: &str) -> Option<&SpotOffer> {
        self.spot.iter().find(|offer| offer.instance_type == instance_type)
    }

    /// The cheapest nodes of this kind for so many pods of this shape.
    pub fn cheapest(
        &self,
        kind: &GpuKind,
        pods: u32,
        devices_each: u32,
        requests: &Resources,
    ) -> Option<(&Offer, u32, Hourly)> {
        self.with(kind)
            .filter_map(|offer| {
                let (nodes, hourly) = offer.nodes_for(pods, devices_each, requests)?;
                Some((offer, nodes, hourly))
            })
            .min_by(|a, b| a.2.get().total_cmp(&b.2.get()))
    }
}

/// A node of the cluster as one more of its like would be.
fn whole_gpus(node: &GpuNode) -> Option<Offer> {
    // Another spot or reserved node cannot be had at its price for the asking.
    let at_hand = matches!(node.capacity, CapacityType::OnDemand | CapacityType::Unknown);
    if !at_hand || node.shared || !node.slices.is_empty() || node.gpus == 0 {
        return None;
    }
    Some(Offer {
        kind: GpuKind::whole(&node.gpu.as_ref()?.0),
        instance_type: node.instance_type.clone(),
        devices: node.gpus,
        cpu: node.cpu,
        memory: node.memory,
        // One more of its like is covered by no commitment.
        hourly: node.on_demand.or(node.hourly)?,
        price: node.price.clone()?,
        goes_at_night: Some(node.goes_after_hours.is_some_and(|hours| hours <= AT_ONCE)),
    })
}

fn from_catalog(row: &InstanceType, region: Option<&str>, book: &PriceBook<'_>) -> Option<Offer> {
    // The kubelet and the system keep some of a node; a tenth of the CPUs and memory is more than they do on GPU nodes.
    const FOR_PODS: f64 = 0.9;
    let quote = book.quote(&NodeType {
        instance_type: Some(&row.instance_type),
        gpu: Some(&row.gpu),
        gpus: row.gpus,
        region,
        capacity: CapacityType::OnDemand,
    })?;
    Some(Offer {
        kind: GpuKind::whole(&row.gpu.0),
        instance_type: Some(row.instance_type.clone()),
        devices: row.gpus,
        cpu: Some(f64::from(row.vcpus) * FOR_PODS),
        memory: Some(Memory::from_mib(row.memory.mib() * FOR_PODS)),
        hourly: quote.hourly,
        price: quote.source,
        goes_at_night: None,
    })
}

/// Where most of the GPU nodes are.
pub(crate) fn region(snapshot: &Snapshot) -> Option<&str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for region in snapshot.nodes.iter().filter_map(|node| node.region.as_deref()) {
        *counts.entry(region).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(region, _)| region)
}

/// The clouds that the cluster's node types belong to.
pub(crate) fn providers<'c>(snapshot: &Snapshot, catalog: &'c Catalog) -> BTreeSet<&'c str> {
    let types = snapshot.nodes.iter().filter_map(|node| node.instance_type.as_deref());
    types
        .filter_map(|name| catalog.instance(name))
        .map(|row| row.provider.as_str())
        .collect()
}

fn free_slices(snapshot: &Snapshot) -> Vec<(GpuKind, u32)> {
    let mut free: Vec<(GpuKind, u32)> = Vec::new();
    for node in snapshot.nodes.iter().filter(|node| node.strangers == 0) {
        let Some(model) = &node.gpu else { continue };
        for (profile, offered) in &node.slices {
            let kind = GpuKind::slice(&model.0, profile);
            let pods = snapshot.workloads.iter().flat_map(|workload| workload.running());
            let on_it = pods.filter(|pod| pod.node.as_ref() == Some(&node.name) && pod.gpu.as_ref() == Some(&kind));
            let held: u32 = on_it.map(|pod| pod.gpus).sum();
            match free.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, count)) => *count += offered.saturating_sub(held),
                None => free.push((kind, offered.saturating_sub(held))),
            }
        }
    }
    free.retain(|(_, count)| *count > 0);
    free
}
