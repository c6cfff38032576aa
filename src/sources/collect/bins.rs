//! The cluster's pods in bins whose history fits in memory, each with all the pods of its workloads.

use std::collections::{BTreeMap, BTreeSet};

use super::devices::Joined;
use super::lives::Life;
use super::naming::PodKey;
use super::workloads::groups;
use crate::model::cluster::Labels;
use crate::model::runs::stem;
use crate::model::time::Grid;
use crate::sources::prometheus::select::{LONGEST_PATTERN, Pods, pod_in, uuid_in};

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

/// Pods in bins, in the order of their names, each of so many samples at most. A workload that is larger has a bin of its own.
pub(super) fn bins(
    lives: &[Life<'_>],
    named: &Joined,
    nameless: &BTreeSet<(String, PodKey)>,
    grid: Grid,
    signals: Signals,
    samples_at_once: u64,
) -> Vec<Pods> {
    packed(together(lives, named, grid, signals), None, nameless, samples_at_once)
}

/// Some of the pods, in bins whose history fits in memory.
pub(super) fn of_some(
    some: &BTreeSet<PodKey>,
    (lives, named): (&[Life<'_>], &Joined),
    nameless: &BTreeSet<(String, PodKey)>,
    grid: Grid,
    signals: Signals,
    samples_at_once: u64,
) -> Vec<Pods> {
    let mut groups = together(lives, named, grid, signals);
    let all = groups.iter().flat_map(|group| group.pods.iter().cloned()).collect();
    for group in &mut groups {
        let pods = group.pods.len() as u64;
        group.pods.retain(|key| some.contains(key));
        group.samples = group.samples * group.pods.len() as u64 / pods.max(1);
    }
    groups.retain(|group| !group.pods.is_empty());
    packed(groups, Some(all), nameless, samples_at_once)
}

fn packed(
    mut groups: Vec<Group>,
    all: Option<BTreeSet<PodKey>>,
    nameless: &BTreeSet<(String, PodKey)>,
    samples_at_once: u64,
) -> Vec<Pods> {
    groups.sort_by(|a, b| a.pods.first().cmp(&b.pods.first()));
    let every = || groups.iter().flat_map(|group| group.pods.iter().cloned()).collect();
    let all: BTreeSet<PodKey> = all.unwrap_or_else(every);
    let mut claims: BTreeMap<&PodKey, Vec<&String>> = BTreeMap::new();
    for (uuid, pod) in nameless {
        claims.entry(pod).or_default().push(uuid);
    }
    let mut bins = Vec::new();
    let mut rest = groups.as_slice();
    while !rest.is_empty() {
        let mut samples = 0;
        let fitting = rest.iter().take_while(|group| {
            samples += group.samples;
            samples <= samples_at_once
        });
        let (now, later) = rest.split_at(fitting.count().max(1));
        cut(now, &all, &claims, &mut bins);
        rest = later;
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
/// nobody, and belong into a recording. Those that name neither pod nor GPU are in the last.
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
    let all = devices.iter().map(|labels| (labels, uuid_in(labels), signals.gpu));
    let all = all.chain(servers.iter().map(|labels| (labels, None, signals.server)));
    let mut nameless = false;
    for (labels, uuid, signals) in all {
        let place = match (pod_in(labels), uuid) {
            (Some(pod), _) if keys.contains(&pod) => continue,
            (_, Some(uuid)) if claimed.contains(uuid) => continue,
            (Some(pod), _) => Place::Pod(pod),
            (None, Some(uuid)) => Place::Device(uuid.clone()),
            (None, None) => {
                nameless = true;
                continue;
            }
        };
        *found.entry(place).or_insert(0) += grid.points() as u64 * signals;
    }
    let mut bins: Vec<Pods> = Vec::new();
    let (mut samples, mut length) = (0, 0);
    for (place, own) in found {
        let written = match &place {
            Place::Pod(pod) => pod.0.len() + pod.1.len() + 2,
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
    bins.extend(nameless.then(Pods::nameless));
    bins
}

/// A bin of these groups; more than one where their names are too long a text.
fn cut(groups: &[Group], all: &BTreeSet<PodKey>, claims: &BTreeMap<&PodKey, Vec<&String>>, bins: &mut Vec<Pods>) {
    let keys: BTreeSet<PodKey> = groups.iter().flat_map(|group| group.pods.iter().cloned()).collect();
    let devices: Vec<&String> = keys
        .iter()
        .filter_map(|key| claims.get(key))
        .flatten()
        .copied()
        .collect();
    let uuids: usize = devices.iter().map(|uuid| uuid.len() + 1).sum();
    let mut bin = Pods::among(keys, all);
    if bin.length() + uuids > LONGEST_PATTERN && groups.len() > 1 {
        let (earlier, later) = groups.split_at(groups.len() / 2);
        cut(earlier, all, claims, bins);
        cut(later, all, claims, bins);
        return;
    }
    devices.into_iter().for_each(|uuid| bin.add_device(uuid));
    bins.push(bin);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cluster::Resources;
    use crate::model::time::Window;
    use crate::sources::collect::owners::Top;
    use jiff::Timestamp;

    const HOURS: i64 = 168;
    const SIGNALS: Signals = Signals { gpu: 7, server: 7 };

    fn grid() -> Grid {
        let time = |hour: i64| Timestamp::from_second(1_760_000_000 + hour * 3600).unwrap();
        let window = Window {
            start: time(0),
            end: time(HOURS),
        };
        Grid {
            window,
            step_seconds: 60,
        }
    }

    /// Three pods of a Deployment, one GPU each, for the whole window.
    fn lives(workload: usize) -> Vec<Life<'static>> {
        let namespace = format!("team-{}", workload % 12);
        let name = format!("{}-{workload:05}", ["chat", "embed", "images"][workload % 3]);
        let life = |pod: usize| Life {
            key: (namespace.clone(), format!("{name}-{:09x}-{pod}x2k", workload * 7_919)),
            node: None,
            from: grid().window.start,
            to: grid().window.end,
            running: true,
            requests: Resources::from([("nvidia.com/gpu".to_owned(), 1.0)]),
            share: 1.0,
            top: Top {
                group: "apps".to_owned(),
                kind: "Deployment".to_owned(),
                namespace: namespace.clone(),
                name: name.clone(),
                run: None,
            },
            pod: None,
            from_metrics: false,
            start_seconds: None,
        };
        (0..3).map(life).collect()
    }

    fn binned(workloads: usize, claimed: &BTreeSet<(String, PodKey)>, samples_at_once: u64) -> Vec<Pods> {
        let all: Vec<Life<'_>> = (0..workloads).flat_map(lives).collect();
        let bins = bins(&all, &Joined::default(), claimed, grid(), SIGNALS, samples_at_once);
        let mut seen = BTreeSet::new();
        for bin in &bins {
            assert!(bin.length() <= LONGEST_PATTERN, "{} characters", bin.length());
            for key in bin.keys() {
                assert!(seen.insert(key.clone()), "{key:?} is in two bins");
            }
            let mut whole: BTreeMap<&str, usize> = BTreeMap::new();
            for (_, name) in bin.keys() {
                *whole.entry(name.rsplit_once('-').unwrap().0).or_insert(0) += 1;
            }
            assert!(
                whole.values().all(|pods| *pods == 3),
                "a workload is in pieces: {whole:?}"
            );
        }
        assert_eq!(seen.len(), 3 * workloads);
        bins
    }

    /// A thousand workloads of three pods are as many bins as their samples need, whatever their names.
    #[test]
    fn samples_make_bins_and_names_do_not() {
        let samples = 3_000 * HOURS as u64 * 60 * 7;
        assert_eq!(binned(1_000, &BTreeSet::new(), samples).len(), 1);
        let five = binned(1_000, &BTreeSet::new(), samples / 5 + samples / 50);
        assert_eq!(five.len(), 5);
        assert_eq!(binned(40, &BTreeSet::new(), 1).len(), 40);
    }

    /// UUIDs have no beginning in common.
    #[test]
    fn claimed_gpus_are_no_longer_a_text_than_a_query_holds() {
        let uuid = |at: usize| format!("GPU-{at:08}-74d7-3130-46f1-e93ed57f469a");
        let keys = (0..200).flat_map(lives).map(|life| life.key);
        let claimed: BTreeSet<(String, PodKey)> = keys.enumerate().map(|(at, key)| (uuid(at), key)).collect();
        let bins = binned(200, &claimed, u64::MAX);
        assert!(bins.len() > 10, "{} bins", bins.len());
        for bin in &bins {
            let matchers = bin.device_matchers();
            let matcher = matchers.first().unwrap();
            assert!(
                matchers.len() == 1 && matcher.len() <= LONGEST_PATTERN + 100,
                "{} characters",
                matcher.len()
            );
        }
    }
}
