//! The cluster's pods in bins whose history fits in memory, each with all the pods of its workloads.

use std::collections::{BTreeMap, BTreeSet};

use super::devices::{Joined, PodKey};
use super::lives::Life;
use super::owners::stem;
use super::workloads::groups;
use crate::model::cluster::Labels;
use crate::model::time::Grid;
use crate::sources::prometheus::select::{LONGEST_PATTERN, Pods, pod_in};

/// How many signals a GPU and a model server have here, by which bins are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signals {
    /// Of a GPU.
    pub gpu: u64,
    /// Of a server.
    pub server: u64,
}

/// Pods that must be judged together.
struct Group {
    pods: BTreeSet<PodKey>,
    samples: u64,
}

/// Pods in bins, in their order, each of so many samples at most. A workload that is larger has a bin of its own.
pub(super) fn bins(
    lives: &[Life<'_>],
    named: &Joined,
    nameless: &BTreeSet<(String, PodKey)>,
    grid: Grid,
    signals: Signals,
    samples_at_once: u64,
) -> Vec<Pods> {
    let mut bins: Vec<Pods> = Vec::new();
    let (mut samples, mut length) = (0, 0);
    let mut claims: BTreeMap<&PodKey, Vec<&String>> = BTreeMap::new();
    for (uuid, pod) in nameless {
        claims.entry(pod).or_default().push(uuid);
    }
    for group in together(lives, named, grid, signals) {
        let devices: Vec<&String> = group
            .pods
            .iter()
            .filter_map(|pod| claims.get(pod))
            .flatten()
            .copied()
            .collect();
        let uuids: usize = devices.iter().map(|uuid| uuid.len() + 1).sum();
        let own = Pods::length_of(&group.pods) + uuids;
        let full = samples + group.samples > samples_at_once || length + own > LONGEST_PATTERN;
        if bins.is_empty() || full {
            bins.push(Pods::default());
            (samples, length) = (0, 0);
        }
        samples += group.samples;
        length += own;
        if let Some(bin) = bins.last_mut() {
            bin.add(&group.pods);
            devices.into_iter().for_each(|uuid| bin.add_device(uuid));
        }
    }
    bins
}

/// What a series is found by that no workload's bin holds: the pod it names, which may be an exporter's, or its GPU.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Pod(PodKey),
    Device(String),
}

/// Series that `bins` do not hold, in further bins: of GPUs that nobody held, and of servers without a GPU. They are judged by
/// nobody, and belong into a recording. One that names neither pod nor GPU is in none.
pub(super) fn rest(
    (devices, servers): (&[&Labels], &[&Labels]),
    bins: &[Pods],
    grid: Grid,
    signals: Signals,
    samples_at_once: u64,
) -> Vec<Pods> {
    let keys: BTreeSet<&PodKey> = bins.iter().flat_map(Pods::keys).collect();
    let claimed: BTreeSet<&String> = bins.iter().flat_map(Pods::devices).collect();
    let mut found: BTreeMap<Place, u64> = BTreeMap::new();
    let all = devices.iter().map(|labels| (labels, signals.gpu));
    let all = all.chain(servers.iter().map(|labels| (labels, signals.server)));
    for (labels, signals) in all {
        let place = match (pod_in(labels), labels.get("UUID")) {
            (Some(pod), _) if keys.contains(&pod) => continue,
            (_, Some(uuid)) if claimed.contains(uuid) => continue,
            (Some(pod), _) => Place::Pod(pod),
            (None, Some(uuid)) => Place::Device(uuid.clone()),
            (None, None) => continue,
        };
        *found.entry(place).or_insert(0) += grid.points() as u64 * signals;
    }
    let mut bins: Vec<Pods> = Vec::new();
    let (mut samples, mut length) = (0, 0);
    for (place, own) in found {
        let written = match &place {
            Place::Pod(pod) => pod.1.len() + 1,
            Place::Device(uuid) => uuid.len() + 1,
        };
        if bins.is_empty() || samples + own > samples_at_once || length + written > LONGEST_PATTERN {
            bins.push(Pods::default());
            (samples, length) = (0, 0);
        }
        samples += own;
        length += written;
        if let Some(bin) = bins.last_mut() {
            match place {
                // One by one: what a common beginning stands for here is every exporter there is.
                Place::Pod(pod) => bin.add(&BTreeSet::from([pod])),
                Place::Device(uuid) => bin.add_device(&uuid),
            }
        }
    }
    bins
}

fn together(lives: &[Life<'_>], named: &Joined, grid: Grid, signals: Signals) -> Vec<Group> {
    let step = u64::from(grid.step_seconds.max(1));
    let servers = |key: &PodKey| {
        if named.servers.contains_key(key) {
            signals.server
        } else {
            0
        }
    };
    let mut found: Vec<Group> = Vec::new();
    for lives in groups(lives).into_values() {
        let samples = lives.iter().map(|life| {
            let seconds = u64::try_from(life.to.as_second() - life.from.as_second()).unwrap_or(0);
            let devices = life.requests.values().sum::<f64>().max(1.0).round() as u64;
            seconds / step * (devices * signals.gpu + servers(&life.key))
        });
        found.push(Group {
            samples: samples.sum(),
            pods: lives.iter().map(|life| life.key.clone()).collect(),
        });
    }
    // Pods that only metrics name may have lived through all of the window, and those with like names may be one workload.
    let known: BTreeSet<&PodKey> = lives.iter().map(|life| &life.key).collect();
    let mut strangers: BTreeMap<(&str, &str), Group> = BTreeMap::new();
    for (key, devices) in named.devices.iter().filter(|(key, _)| !known.contains(key)) {
        let group = strangers.entry((&key.0, stem(&key.1))).or_insert(Group {
            pods: BTreeSet::new(),
            samples: 0,
        });
        group.pods.insert(key.clone());
        group.samples += grid.points() as u64 * (devices.len() as u64 * signals.gpu + servers(key));
    }
    found.extend(strangers.into_values());
    found
}
