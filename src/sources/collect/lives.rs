//! When which pod held which GPUs: living pods, kube-state-metrics' history of those that are gone, and pods that only
//! metrics name.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::claims::Claims;
use super::devices::{DeviceSeries, Joined, board_of};
use super::naming::PodKey;
use super::owners::{Owners, Top, pod_stem};
use crate::model::cluster::{Pod, PodRecord, Resources};
use crate::model::gpu::{DeviceId, gpu_resource};
use crate::model::reading::Reading;
use crate::model::runs::stem;
use crate::model::scheduling::Scheduling;
use crate::model::time::{Grid, Window};
use crate::model::usage::{Column, Signal};
use crate::sources::prometheus::select::Pods;

/// One pod's time on its GPUs, within the window.
#[derive(Debug, Clone)]
pub struct Life<'a> {
    /// Namespace and name.
    pub key: PodKey,
    /// Where it ran.
    pub node: Option<String>,
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
    /// Whether it goes on at the window's end.
    pub running: bool,
    /// The GPUs it requests or claims; empty where only metrics name it.
    pub requests: Resources,
    /// How much of them is its own: less than one where others hold the same devices through a claim.
    pub share: f64,
    /// Who would edit it.
    pub top: Top,
    /// The pod, while it exists.
    pub pod: Option<&'a Pod>,
    /// Whether only metrics name it.
    pub from_metrics: bool,
    /// Seconds from when it was made, within the window, to when it was first ready.
    pub start_seconds: Option<f64>,
}

impl Life<'_> {
    /// The name that it shares with other runs of the same thing.
    pub fn stem(&self) -> &str {
        if self.from_metrics {
            pod_stem(&self.top.name)
        } else {
            stem(&self.top.name)
        }
    }
}

/// Requests that are GPUs, whole, shared or sliced.
pub fn gpu_requests(requests: &Resources) -> Resources {
    let held = requests
        .iter()
        .filter(|(name, count)| gpu_resource(name).is_some() && **count > 0.0);
    held.map(|(name, count)| (name.clone(), *count)).collect()
}

/// CPU and memory that one living pod requests at most.
pub(super) fn pod_requests(lives: &[&Life<'_>]) -> Resources {
    let mut most = Resources::new();
    for pod in lives.iter().filter_map(|life| life.pod) {
        for (name, amount) in pod.requests() {
            let slot = most.entry(name).or_insert(0.0);
            *slot = slot.max(amount);
        }
    }
    most
}

/// What a living pod requires of where it runs.
pub(super) fn scheduling(life: &Life<'_>) -> Scheduling {
    life.pod.map_or_else(Scheduling::default, |pod| Scheduling {
        node_selector: pod.node_selector.clone(),
        claims_devices: pod.claims_devices,
        labels: pod.labels.clone(),
        ..pod.scheduling.clone()
    })
}

/// Columns cut to a life; a name may be used again by a later pod.
pub(super) fn within(columns: BTreeMap<Signal, Column>, life: &Life<'_>, grid: Grid) -> BTreeMap<Signal, Column> {
    let inside = |at: usize| {
        let second = grid.second(at);
        second > life.from.as_second() && second <= life.to.as_second()
    };
    let mut kept = BTreeMap::new();
    for (signal, column) in columns {
        let Some((first, last)) = column.span() else {
            continue;
        };
        if inside(first) && inside(last) {
            kept.insert(signal, column);
            continue;
        }
        let mut cut = Column::gaps(column.len());
        for (at, value) in column.samples().filter(|(at, _)| inside(*at)) {
            cut.set(at, value);
        }
        if cut.count() > 0 {
            kept.insert(signal, cut);
        }
    }
    kept
}

/// The GPUs that a living pod holds by its requests and its claims, none counted twice, and how much of them is its own.
fn held_by<'a>(pod: &'a Pod, claims: &Claims<'a>) -> (Resources, f64) {
    let mut requests = gpu_requests(&pod.requests());
    let Some(claimed) = claims.held(pod) else {
        return (requests, 1.0);
    };
    requests.retain(|name, _| !claimed.stands_for.contains(name));
    let count = |held: &Resources| held.values().sum::<f64>();
    let (own, shared) = (count(&requests), count(&claimed.requests));
    for (name, amount) in claimed.requests {
        *requests.entry(name).or_insert(0.0) += amount;
    }
    (requests, (own + shared * claimed.share) / (own + shared))
}

/// The pods that Kubernetes or its history says hold GPUs.
pub fn known(reading: &Reading, claims: &Claims<'_>) -> BTreeSet<PodKey> {
    let inventory = &reading.inventory;
    let living = inventory
        .pods
        .iter()
        .filter(|pod| !gpu_requests(&pod.requests()).is_empty() || claims.held(pod).is_some());
    let living = living.map(|pod| (pod.namespace.clone(), pod.name.clone()));
    let gone = inventory.pod_history.iter();
    living
        .chain(gone.map(|r| (r.namespace.clone(), r.name.clone())))
        .collect()
}

/// Every life within the window of pods that Kubernetes or its history told of, in the order of key and time.
pub fn lives<'a>(reading: &'a Reading, owners: &Owners<'_>, claims: &Claims<'a>) -> Vec<Life<'a>> {
    let mut found: BTreeMap<PodKey, Vec<Life<'a>>> = BTreeMap::new();
    for life in of_records(reading, owners) {
        found.entry(life.key.clone()).or_default().push(life);
    }
    for pod in &reading.inventory.pods {
        let of_name = found.entry((pod.namespace.clone(), pod.name.clone())).or_default();
        add_living(of_name, pod, held_by(pod, claims), reading, owners);
    }
    let mut found = found.into_values().flatten().collect();
    sort(&mut found);
    found
}

/// Lives of pods that only metrics name.
pub fn only_measured(joined: &Joined, known: &BTreeSet<&PodKey>, grid: Grid) -> Vec<Life<'static>> {
    let mut found = Vec::new();
    for (key, devices) in joined.devices.iter().filter(|(key, _)| !known.contains(key)) {
        let columns = devices.values().flat_map(|device| device.signals.values());
        let spans: Vec<(usize, usize)> = columns.filter_map(Column::span).collect();
        let first = spans.iter().map(|span| span.0).min();
        if let Some((first, last)) = first.zip(spans.iter().map(|span| span.1).max()) {
            // Where it is now: one of its name may have been elsewhere before.
            let until = |device: &DeviceSeries| {
                device
                    .signals
                    .values()
                    .filter_map(Column::span)
                    .map(|span| span.1)
                    .max()
            };
            let last_seen = devices.iter().max_by_key(|(_, series)| until(series));
            let node = last_seen.map(|(device, _)| device.node.clone());
            found.extend(of_metrics(key, node, (first, last), grid));
        }
    }
    found
}

/// Lives of pods with a model server that only labels name so far: when they lived, samples will tell.
pub fn only_named(named: &Joined, known: &BTreeSet<&PodKey>, grid: Grid) -> Vec<Life<'static>> {
    let points = (0, grid.points().saturating_sub(1));
    let nameless = named.devices.iter().filter(|(key, _)| !known.contains(key));
    let serving = nameless.filter(|(key, _)| named.servers.contains_key(*key));
    let node = |devices: &BTreeMap<DeviceId, DeviceSeries>| devices.keys().next().map(|device| device.node.clone());
    serving
        .filter_map(|(key, devices)| of_metrics(key, node(devices), points, grid))
        .collect()
}

/// For how long two pods may both seem to hold a device while one hands it over: history is read in steps of five minutes.
const HANDOVER: i64 = 1800;

/// Devices that pods with overlapping lives hold, as labels and lives tell without a sample.
pub fn share(named: &Joined, lives: &[Life<'_>]) -> BTreeSet<DeviceId> {
    let mut of: BTreeMap<&PodKey, Vec<(i64, i64)>> = BTreeMap::new();
    for life in lives {
        let span = (life.from.as_second(), life.to.as_second());
        of.entry(&life.key).or_default().push(span);
    }
    let mut holders: BTreeMap<&DeviceId, Vec<(i64, i64)>> = BTreeMap::new();
    for (key, devices) in &named.devices {
        // A name that was used again may have held the device in any of its lives: samples tell.
        if let Some([span]) = of.get(key).map(Vec::as_slice) {
            for device in devices.keys() {
                holders.entry(device).or_default().push(*span);
            }
        }
    }
    let overlap = |spans: &mut Vec<(i64, i64)>| {
        spans.sort_unstable();
        let mut reached = i64::MIN;
        spans.iter().any(|(from, to)| {
            let both = reached.min(*to).saturating_sub(*from);
            reached = reached.max(*to);
            both > HANDOVER
        })
    };
    // A board of which others hold a slice meanwhile.
    let mut cut: BTreeMap<DeviceId, Vec<(i64, i64)>> = BTreeMap::new();
    for (slice, spans) in &holders {
        if let Some(board) = board_of(slice) {
            cut.entry(board).or_default().extend(spans);
        }
    }
    let meets = |a: &(i64, i64), b: &(i64, i64)| a.1.min(b.1).saturating_sub(a.0.max(b.0)) > HANDOVER;
    let shared = holders.into_iter().filter_map(|(device, mut spans)| {
        let sliced = cut.get(device).into_iter().flatten();
        let is_cut = sliced
            .into_iter()
            .any(|slice| spans.iter().any(|span| meets(span, slice)));
        (is_cut || overlap(&mut spans)).then_some(device)
    });
    shared.cloned().collect()
}

/// Pods in different parts, of which neither labels nor lives tell whether they held a device at the same time: one that only
/// metrics name may have lived whenever, one whose name was used again held it in one of its lives, and of times that hardly
/// meet only samples know whether they did.
pub fn untold(named: &Joined, lives: &[Life<'_>], parts: &[Pods]) -> BTreeSet<PodKey> {
    let mut of: BTreeMap<&PodKey, Vec<(i64, i64)>> = BTreeMap::new();
    for life in lives {
        let span = (life.from.as_second(), life.to.as_second());
        of.entry(&life.key).or_default().push(span);
    }
    let part_of: BTreeMap<&PodKey, usize> = parts
        .iter()
        .enumerate()
        .flat_map(|(at, part)| part.keys().iter().map(move |key| (key, at)))
        .collect();
    let mut boards: BTreeMap<DeviceId, Vec<(&DeviceId, &PodKey)>> = BTreeMap::new();
    for (key, devices) in &named.devices {
        for device in devices.keys().filter(|device| !named.shared.contains(device)) {
            let board = board_of(device).unwrap_or_else(|| device.clone());
            boards.entry(board).or_default().push((device, key));
        }
    }
    let spans = |key: &PodKey| of.get(key).map(Vec::as_slice).unwrap_or_default();
    let meet = |a: &[(i64, i64)], b: &[(i64, i64)]| a.iter().any(|a| b.iter().any(|b| a.1.min(b.1) > a.0.max(b.0)));
    let is_untold = |a: &PodKey, b: &PodKey| {
        let (mine, theirs) = (spans(a), spans(b));
        part_of.get(a) != part_of.get(b) && (mine.is_empty() || theirs.is_empty() || meet(mine, theirs))
    };
    let mut found = BTreeSet::new();
    for holders in boards.values() {
        for (at, (device, key)) in holders.iter().enumerate() {
            for (other, beside) in holders.get(at + 1..).into_iter().flatten() {
                // Two slices of a board are apart.
                let is_one = device == other || device.mig_instance.is_none() || other.mig_instance.is_none();
                if is_one && is_untold(key, beside) {
                    found.extend([(*key).clone(), (*beside).clone()]);
                }
            }
        }
    }
    found
}

/// By key and time; a life that lies outside the window is none.
pub fn sort(lives: &mut Vec<Life<'_>>) {
    lives.retain(|life| life.to > life.from);
    lives.sort_by(|a, b| (&a.key, a.from).cmp(&(&b.key, b.from)));
}

fn of_records<'a>(reading: &'a Reading, owners: &Owners<'_>) -> Vec<Life<'a>> {
    let window = reading.grid.window;
    let kubernetes_was_read = !reading.inventory.nodes.is_empty();
    let of_record = |record: &PodRecord| Life {
        key: (record.namespace.clone(), record.name.clone()),
        node: record.node.clone(),
        from: record.first.max(window.start),
        to: record.last.min(window.end),
        // Where the API was read, only a pod that it still shows is running.
        running: !kubernetes_was_read && record.last >= window.end,
        requests: gpu_requests(&record.requests),
        share: 1.0,
        top: owners.of_record(record),
        pod: None,
        from_metrics: false,
        start_seconds: took(record.created, record.ready, window),
    };
    let records = reading.inventory.pod_history.iter();
    records
        .filter(|record| !gpu_requests(&record.requests).is_empty())
        .map(of_record)
        .collect()
}

/// Seconds of a start within a window.
fn took(created: Option<Timestamp>, ready: Option<Timestamp>, window: Window) -> Option<f64> {
    let (created, ready) = (created?, ready?);
    let seconds = ready.as_second() - created.as_second();
    (created >= window.start && ready <= window.end && seconds >= 0).then_some(seconds as f64)
}

/// Adds a pod to the lives of its name.
fn add_living<'a>(
    found: &mut Vec<Life<'a>>,
    pod: &'a Pod,
    (requests, share): (Resources, f64),
    reading: &Reading,
    owners: &Owners<'_>,
) {
    // A pod that waits for a node holds nothing.
    if requests.is_empty() || pod.node.is_none() {
        return;
    }
    let window = reading.grid.window;
    let running = matches!(pod.phase.as_str(), "Running" | "Pending" | "Unknown") && pod.finished.is_none();
    let began = pod.started.unwrap_or(window.start).max(window.start);
    let ended = if running {
        window.end
    } else {
        pod.finished.unwrap_or(window.end).min(window.end)
    };
    // History's record of this very pod is the one that overlaps its life; an earlier pod of the same name is another life.
    let same = |life: &&mut Life<'_>| life.pod.is_none() && life.to >= began && life.from <= ended;
    if let Some(life) = found.iter_mut().filter(same).max_by_key(|life| life.to) {
        life.from = life.from.min(began);
        life.to = if running { window.end } else { life.to.max(ended) };
        life.running = running;
        life.node = pod.node.clone();
        life.requests = requests;
        life.share = share;
        life.top = owners.of_pod(pod);
        life.pod = Some(pod);
        // What was seen first is the start; the pod remembers when it was last unready.
        let both = [life.start_seconds, took(pod.created, pod.ready, window)];
        life.start_seconds = both.into_iter().flatten().reduce(f64::min);
        return;
    }
    found.push(Life {
        key: (pod.namespace.clone(), pod.name.clone()),
        node: pod.node.clone(),
        from: began,
        to: ended,
        running,
        requests,
        share,
        top: owners.of_pod(pod),
        pod: Some(pod),
        from_metrics: false,
        start_seconds: took(pod.created, pod.ready, window),
    });
}

fn of_metrics(key: &PodKey, node: Option<String>, points: (usize, usize), grid: Grid) -> Option<Life<'static>> {
    let step = i64::from(grid.step_seconds);
    let (namespace, name) = key;
    Some(Life {
        key: key.clone(),
        node: node.filter(|node| !node.is_empty()),
        from: Timestamp::from_second(grid.second(points.0) - step).ok()?,
        to: Timestamp::from_second(grid.second(points.1)).ok()?,
        running: points.1 + 1 >= grid.points(),
        requests: BTreeMap::new(),
        share: 1.0,
        top: Top {
            group: String::new(),
            kind: "Pod".to_owned(),
            namespace: namespace.clone(),
            name: name.clone(),
            run: Some(name.clone()),
        },
        pod: None,
        from_metrics: true,
        start_seconds: None,
    })
}
