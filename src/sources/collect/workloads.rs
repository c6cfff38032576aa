//! Lives, owners and series joined to workloads.

use std::collections::{BTreeMap, BTreeSet};

use super::beside::autoscaler;
use super::class::{Signs, classify};
use super::devices::{DeviceSeries, Joined, at_once};
use super::identity;
use super::lives::{Life, pod_requests, scheduling, within};
use super::marks::marks;
use super::naming::PodKey;
use super::nodes::{NodeFacts, share_of_node};
use super::owners::Owners;
use crate::catalog::Catalog;
use crate::model::cluster::{Inventory, Labels};
use crate::model::gpu::{DeviceId, GpuKind, GpuResource, gpu_resource};
use crate::model::runs::{is_run, is_schedule};
use crate::model::serving::Serving;
use crate::model::time::Grid;
use crate::model::units::{GpuCount, Hourly, Monthly};
use crate::model::usage::{Column, Signal};
use crate::model::workload::{CapacityType, Classified, DeviceUse, PodUse, PriceSource, Workload};
use crate::policy::attribution::Attribution;

/// What every workload is joined from.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
    /// Window and step.
    pub grid: Grid,
    /// The objects.
    pub inventory: &'a Inventory,
    /// Owner chains.
    pub owners: &'a Owners<'a>,
    /// Nodes by name.
    pub nodes: &'a BTreeMap<String, NodeFacts>,
    /// Facts.
    pub catalog: &'a Catalog,
    /// Labels that name a team, the first that is there wins.
    pub attribution: &'a Attribution,
}

/// API group, kind, namespace and name of what an owner would edit.
pub type Key = (String, String, String, String);

/// Lives by the workload they belong to.
pub fn groups<'l, 'a>(lives: &'l [Life<'a>]) -> BTreeMap<Key, Vec<&'l Life<'a>>> {
    let mut groups: BTreeMap<Key, Vec<&Life<'_>>> = BTreeMap::new();
    let families = families(lives);
    for life in lives {
        let top = &life.top;
        let runs = is_run(&top.kind) || top.kind == "Pod";
        let family = (top.kind.clone(), top.namespace.clone(), life.stem().to_owned());
        let name = if runs && families.contains(&family) {
            &family.2
        } else {
            &top.name
        };
        let key = (top.group.clone(), top.kind.clone(), top.namespace.clone(), name.clone());
        groups.entry(key).or_default().push(life);
    }
    groups
}

/// The workloads of these groups, by id, with what was measured of them. Columns move out of `joined` where they can: a
/// copy of a shard's columns is as large as the shard.
pub fn workloads(groups: &BTreeMap<Key, Vec<&Life<'_>>>, mut joined: Joined, sources: Sources<'_>) -> Vec<Workload> {
    let mut lives_of: BTreeMap<&PodKey, usize> = BTreeMap::new();
    for life in groups.values().flatten() {
        *lives_of.entry(&life.key).or_insert(0) += 1;
    }
    let mut workloads = Vec::new();
    for (key, lives) in groups {
        let serving = serving(lives, &joined, sources);
        let mut pods = Vec::new();
        for life in lives {
            // A name that was used again has its columns cut to each of its lives.
            let own = if lives_of.get(&life.key) == Some(&1) {
                Own::taken(&mut joined, &life.key)
            } else {
                Own::copied(&joined, &life.key)
            };
            pods.push(pod_use(life, own, &joined.shared, sources));
        }
        workloads.push(workload(key, lives, pods, serving, sources));
    }
    workloads.sort_by(|a, b| a.id.cmp(&b.id));
    workloads
}

/// What was measured of one pod.
struct Own {
    devices: Option<BTreeMap<DeviceId, DeviceSeries>>,
    server: BTreeMap<Signal, Column>,
}

impl Own {
    fn taken(joined: &mut Joined, key: &PodKey) -> Self {
        let server = joined.servers.remove(key);
        Self {
            devices: joined.devices.remove(key),
            server: server.map(|server| server.signals).unwrap_or_default(),
        }
    }

    fn copied(joined: &Joined, key: &PodKey) -> Self {
        let server = joined.servers.get(key);
        Self {
            devices: joined.devices.get(key).cloned(),
            server: server.map(|server| server.signals.clone()).unwrap_or_default(),
        }
    }
}

/// Kind, namespace and stem of runs of which there are at least two.
fn families(lives: &[Life<'_>]) -> BTreeSet<(String, String, String)> {
    let mut runs: BTreeMap<(String, String, String), BTreeSet<&str>> = BTreeMap::new();
    for life in lives
        .iter()
        .filter(|life| is_run(&life.top.kind) || life.top.kind == "Pod")
    {
        let top = &life.top;
        let family = (top.kind.clone(), top.namespace.clone(), life.stem().to_owned());
        runs.entry(family).or_default().insert(&top.name);
    }
    runs.into_iter()
        .filter(|(_, names)| names.len() > 1)
        .map(|(family, _)| family)
        .collect()
}

fn workload(
    key: &Key,
    lives: &[&Life<'_>],
    pods: Vec<PodUse>,
    serving: Option<Serving>,
    sources: Sources<'_>,
) -> Workload {
    let (group, kind, namespace, name) = key;
    let newest = lives
        .iter()
        .filter(|life| life.pod.is_some())
        .max_by_key(|life| life.from);
    let controller = sources.owners.controller(namespace, kind, name);
    let (labels, overrides) = marks(controller, newest.and_then(|life| life.pod));
    let (owner, owner_because) = sources
        .attribution
        .owner((namespace, name), &labels, &overrides)
        .unzip();
    let autoscaler = autoscaler(sources.inventory, namespace, kind, name);
    let replicas = controller.and_then(|controller| controller.replicas);
    let class = class(
        key,
        newest.copied(),
        (&labels, &pods),
        (replicas, autoscaler.is_some()),
        sources,
    );
    let runs: BTreeSet<&String> = lives.iter().filter_map(|life| life.top.run.as_ref()).collect();
    let money = Money::of(&pods, sources);
    let shown_kind = if group.is_empty() {
        kind.clone()
    } else {
        format!("{kind}.{group}")
    };
    Workload {
        id: format!("{}/{namespace}/{shown_kind}/{name}", sources.cluster),
        cluster: sources.cluster.to_owned(),
        group: group.clone(),
        kind: kind.clone(),
        namespace: namespace.clone(),
        name: name.clone(),
        owner,
        owner_because,
        labels,
        overrides,
        class,
        runs: u32::try_from(runs.len()).unwrap_or(u32::MAX).max(1),
        family: is_schedule(kind) || is_run(kind),
        replicas,
        deployed: controller.and_then(|controller| controller.deployed.clone()),
        autoscaler,
        budget: None,
        queue: None,
        pools: Vec::new(),
        gpus: money.gpus,
        gpu: money.gpu,
        capacity: money.capacity,
        pod_requests: pod_requests(lives),
        scheduling: newest.map(|life| scheduling(life)).unwrap_or_default(),
        monthly: money.monthly,
        price: money.price,
        serving,
        histograms: BTreeMap::new(),
        requests: None,
        start_seconds: lives.iter().filter_map(|life| life.start_seconds).collect(),
        pods,
    }
}

/// The kind of work, by what the newest living pod runs.
fn class(
    (group, kind, namespace, name): &Key,
    newest: Option<&Life<'_>>,
    (labels, pods): (&Labels, &[PodUse]),
    (replicas, autoscaled): (Option<u32>, bool),
    sources: Sources<'_>,
) -> Classified {
    // A family has the name that its runs share; what one is told to run stands in the newest of them.
    let told = newest.and_then(|life| sources.owners.controller(namespace, kind, &life.top.name));
    classify(Signs {
        kind: (group, kind),
        name,
        labels,
        containers: newest.and_then(|life| life.pod).map_or(&[][..], |pod| &pod.containers),
        told: told.map_or(&[][..], |told| &told.args),
        replicas,
        autoscaled,
        pods,
        grid: sources.grid,
        catalog: sources.catalog,
    })
}

/// What the newest pod serves, with the geometry of the cache that its server reports.
fn serving(lives: &[&Life<'_>], joined: &Joined, sources: Sources<'_>) -> Option<Serving> {
    let living = || lives.iter().filter(|life| life.pod.is_some());
    // Of a group only the leader serves; its workers are as new and say nothing of the server.
    let leads = |life: &&&Life<'_>| life.top.kind == "LeaderWorkerSet" && joined.servers.contains_key(&life.key);
    let leader = living().filter(leads).max_by_key(|life| life.from);
    let newest = leader.or_else(|| living().max_by_key(|life| life.from))?;
    let server = joined.servers.get(&newest.key);
    identity::serving(
        &newest.pod?.containers,
        server.and_then(|server| server.cache.as_ref()),
        server.and_then(|server| server.model_name.as_deref()),
        sources.catalog,
    )
}

fn pod_use(life: &Life<'_>, own: Own, shared: &BTreeSet<DeviceId>, sources: Sources<'_>) -> PodUse {
    let facts = life.node.as_ref().and_then(|node| sources.nodes.get(node));
    let series = own.devices.unwrap_or_default();
    let measured = series.values().find_map(|series| series.kind.clone());
    let devices: Vec<DeviceUse> = series
        .into_iter()
        .map(|(device, series)| DeviceUse {
            device: Some(device),
            signals: within(series.signals, life, sources.grid),
        })
        .filter(|device| !device.signals.is_empty())
        .collect();
    let gpu = gpu_kind(life, measured, facts);
    let gpus = match life.requests.values().sum::<f64>() {
        requested if requested > 0.0 => requested.round() as u32,
        _ => u32::try_from(at_once(devices.iter().map(|device| &device.signals))).unwrap_or(u32::MAX),
    };
    let sliced_in_time = facts.and_then(|facts| facts.sliced_in_time(&life.requests));
    let share = life.share * sliced_in_time.flatten().unwrap_or(1.0);
    let shares_device = devices.iter().filter_map(|device| device.device.as_ref());
    let shared = sliced_in_time.is_some()
        || life.requests.contains_key("nvidia.com/gpu.shared")
        || life.share < 1.0
        || shares_device.into_iter().any(|device| shared.contains(device));
    // What a time slice costs is told only by a node that says how many of them a GPU is handed out as.
    let hourly = facts.filter(|_| sliced_in_time != Some(None)).and_then(|facts| {
        let of_node = share_of_node(gpu.as_ref(), facts, sources.catalog)?;
        Some(facts.price.hourly? * (of_node * f64::from(gpus) * share))
    });
    let annotation = |name: &str, value: &str| {
        let annotations = life.pod.map(|pod| &pod.annotations);
        annotations
            .and_then(|all| all.get(name))
            .is_some_and(|found| found == value)
    };
    PodUse {
        name: life.key.1.clone(),
        node: life.node.clone(),
        run: life.top.run.clone(),
        capacity: facts.map_or(CapacityType::Unknown, |facts| facts.capacity),
        from: life.from,
        to: life.to,
        running: life.running,
        pinned: annotation("karpenter.sh/do-not-disrupt", "true")
            || annotation("cluster-autoscaler.kubernetes.io/safe-to-evict", "false"),
        shared,
        gpus,
        share,
        gpu,
        hourly,
        price_steps: facts.map(|facts| facts.price.relative()).unwrap_or_default(),
        devices,
        server: within(own.server, life, sources.grid),
    }
}

/// What a pod holds: the slice it asked for on the GPU that its metrics, or else its node, name.
fn gpu_kind(life: &Life<'_>, measured: Option<GpuKind>, facts: Option<&NodeFacts>) -> Option<GpuKind> {
    let asked = life.requests.keys().find_map(|name| match gpu_resource(name) {
        Some(GpuResource::Slice(profile)) => Some(profile),
        _ => None,
    });
    let model = measured
        .as_ref()
        .map(|kind| kind.model.clone())
        .or_else(|| facts?.gpu.clone())?;
    let mig = asked
        .map(str::to_owned)
        .or_else(|| measured?.mig)
        .or_else(|| facts?.single_slice.clone());
    Some(GpuKind { model, mig })
}

/// What the pods of a workload come to.
struct Money {
    gpus: GpuCount,
    gpu: Option<GpuKind>,
    capacity: CapacityType,
    monthly: Option<Monthly>,
    price: Option<PriceSource>,
}

impl Money {
    fn of(pods: &[PodUse], sources: Sources<'_>) -> Self {
        let window_hours = sources.grid.window.hours();
        let mut gpu_hours = 0.0;
        let mut cost = Some(0.0);
        let mut kinds: BTreeMap<GpuKind, f64> = BTreeMap::new();
        let mut capacities: BTreeMap<CapacityType, f64> = BTreeMap::new();
        let mut prices: Vec<(PriceSource, f64)> = Vec::new();
        for pod in pods {
            let slice = pod.gpu.as_ref().and_then(|kind| sources.catalog.compute_share(kind));
            let hours = pod.hours() * f64::from(pod.gpus) * pod.share * slice.unwrap_or(1.0);
            gpu_hours += hours;
            if let Some(kind) = &pod.gpu {
                *kinds.entry(kind.clone()).or_insert(0.0) += hours;
            }
            let facts = pod.node.as_ref().and_then(|node| sources.nodes.get(node));
            // The prices of its own time, where a pod's hour costs what it costs at the window's end.
            let paid = pod.cost_within(pod.from.as_second(), pod.to.as_second());
            cost = cost.zip(paid).map(|(sum, paid)| sum + paid.get());
            let capacity = facts.map_or(CapacityType::Unknown, |facts| facts.capacity);
            *capacities.entry(capacity).or_insert(0.0) += hours;
            if let Some(price) = facts.and_then(|facts| facts.price.source.clone()) {
                match prices.iter_mut().find(|(known, _)| *known == price) {
                    Some((_, sum)) => *sum += hours,
                    None => prices.push((price, hours)),
                }
            }
        }
        let monthly = |cost: f64| Hourly::new(cost / window_hours).monthly();
        prices.sort_by(|a, b| b.1.total_cmp(&a.1));
        Self {
            gpus: GpuCount::new(gpu_hours / window_hours),
            gpu: most(kinds),
            capacity: most(capacities).unwrap_or(CapacityType::Unknown),
            monthly: cost.filter(|_| !pods.is_empty()).map(monthly),
            price: prices.into_iter().next().map(|(price, _)| price),
        }
    }
}

/// The key with the largest sum; the first of equals.
fn most<K: Ord>(sums: BTreeMap<K, f64>) -> Option<K> {
    let mut best: Option<(K, f64)> = None;
    for (key, sum) in sums {
        if best.as_ref().is_none_or(|(_, largest)| sum > *largest) {
            best = Some((key, sum));
        }
    }
    best.map(|(key, _)| key)
}
