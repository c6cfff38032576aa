//! From series to the pods they speak of: GPU series through the exporter's labels, server series through the scrape's.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::naming::{Naming, PodKey, device_of};
use crate::catalog::Catalog;
use crate::model::cluster::Labels;
use crate::model::gpu::{DeviceId, GpuKind};
use crate::model::reading::Series;
use crate::model::usage::{Column, Signal};

/// A device as its series tell it.
#[derive(Debug, Clone, Default)]
pub struct DeviceSeries {
    /// The GPU or slice, where the catalogue knows the exporter's name for it.
    pub kind: Option<GpuKind>,
    /// Its columns.
    pub signals: BTreeMap<Signal, Column>,
}

/// A model server as its series tell it.
#[derive(Debug, Clone, Default)]
pub struct ServerSeries {
    /// Its columns; of several engines the larger value.
    pub signals: BTreeMap<Signal, Column>,
    /// Labels of the cache's geometry, those of the last engine.
    pub cache: Option<Labels>,
    /// The model that it says it serves.
    pub model_name: Option<String>,
}

/// Series by what they speak of.
#[derive(Debug, Clone, Default)]
pub struct Joined {
    /// GPU series by pod and device.
    pub devices: BTreeMap<PodKey, BTreeMap<DeviceId, DeviceSeries>>,
    /// Server series by pod.
    pub servers: BTreeMap<PodKey, ServerSeries>,
    /// Every device that any series names.
    pub seen: BTreeSet<DeviceId>,
    /// Devices on which more than one pod is named at the same time.
    pub shared: BTreeSet<DeviceId>,
}

impl Naming<'_> {
    /// Devices by pod from labels alone: which they are and what kind, without a sample.
    pub fn devices<'l>(&self, all: impl Iterator<Item = &'l Labels>) -> Joined {
        let mut joined = Joined::default();
        for labels in all {
            self.device(&mut joined, labels);
        }
        drop_boards(&mut joined);
        joined
    }

    fn device<'j>(&self, joined: &'j mut Joined, labels: &Labels) -> Option<&'j mut DeviceSeries> {
        let device = device_of(labels)?;
        joined.seen.insert(device.clone());
        let own = joined.devices.entry(self.pod(labels)?).or_default();
        let device = of_pod(own, device);
        let entry = own.entry(device).or_default();
        if entry.kind.is_none() {
            entry.kind = kind_of(labels, self.catalog);
        }
        Some(entry)
    }

    /// Joins series, in the order of signals and labels, to pods.
    pub fn join(&self, series: Vec<Series>) -> Joined {
        let mut joined = Joined::default();
        for Series { signal, labels, column } in series {
            if signal.is_gpu() {
                if let Some(device) = self.device(&mut joined, &labels) {
                    merge(&mut device.signals, signal, column);
                }
            } else if let Some(pod) = self.server(&labels) {
                let server = joined.servers.entry(pod).or_default();
                if server.model_name.is_none() {
                    server.model_name = labels.get("model_name").cloned();
                }
                if signal == Signal::CacheConfig {
                    server.cache = Some(labels);
                }
                merge(&mut server.signals, signal, column);
            }
        }
        drop_boards(&mut joined);
        joined.shared = shared(&joined.devices);
        joined
    }
}

/// Several columns of one signal as one (a server's name changed, an engine restarted): the larger value wins.
fn merge(signals: &mut BTreeMap<Signal, Column>, signal: Signal, column: Column) {
    match signals.entry(signal) {
        Entry::Occupied(mut there) => there.get_mut().merge_max(&column),
        Entry::Vacant(free) => _ = free.insert(column),
    }
}

/// Leaves a pod that holds slices of a board without the board's own row: its memory and power are all the slices', and it would
/// count as one more device.
fn drop_boards(joined: &mut Joined) {
    for devices in joined.devices.values_mut() {
        let boards: BTreeSet<DeviceId> = devices.keys().filter_map(board_of).collect();
        devices.retain(|device, _| !boards.contains(device));
    }
}

/// The board that a slice is cut from.
pub fn board_of(slice: &DeviceId) -> Option<DeviceId> {
    slice.mig_instance.as_ref()?;
    Some(DeviceId {
        mig_instance: None,
        ..slice.clone()
    })
}

/// A pod's device under the one name that it has: where an exporter calls its host by its own pod's name, that changes with
/// every restart, and a second exporter calls it something else. A pod runs on one node, so that the UUID is enough. Of
/// several hosts the first in the alphabet is kept, so that the order of series leaves no trace.
fn of_pod(own: &mut BTreeMap<DeviceId, DeviceSeries>, device: DeviceId) -> DeviceId {
    let same = |known: &&DeviceId| known.uuid == device.uuid && known.mig_instance == device.mig_instance;
    let Some(known) = own.keys().find(same).cloned() else {
        return device;
    };
    if known <= device {
        return known;
    }
    if let Some(series) = own.remove(&known) {
        own.insert(device.clone(), series);
    }
    device
}

fn kind_of(labels: &Labels, catalog: &Catalog) -> Option<GpuKind> {
    let name = labels.get("modelName").or_else(|| labels.get("card_series"))?;
    let model = catalog.model_named(name)?.clone();
    let mig = labels.get("GPU_I_PROFILE").cloned();
    Some(GpuKind { model, mig })
}

/// When a device's series have values: the points from which and up to which, without a hole, by signal.
type Presence = BTreeMap<Signal, Vec<(usize, usize)>>;

/// When which device was seen on which pods. Values are forgotten, so that it holds a whole cluster's.
#[derive(Debug, Default)]
pub struct Seen {
    holders: BTreeMap<DeviceId, Vec<Presence>>,
}

impl Seen {
    /// Adds the devices of some pods.
    pub fn add<'d>(&mut self, devices: impl Iterator<Item = (&'d DeviceId, &'d DeviceSeries)>) {
        for (device, series) in devices {
            let presence = series.signals.iter().map(|(signal, column)| (*signal, runs(column)));
            let holders = self.holders.entry(device.clone()).or_default();
            holders.push(presence.collect());
        }
    }

    /// Devices that two pods are named on at one time, and boards of which others hold a slice then: the figures are of neither
    /// alone.
    pub fn shared(&self) -> BTreeSet<DeviceId> {
        let mut slices: BTreeMap<DeviceId, Vec<&Presence>> = BTreeMap::new();
        for (device, holders) in &self.holders {
            if let Some(board) = board_of(device) {
                slices.entry(board).or_default().extend(holders);
            }
        }
        let is_shared = |(device, holders): &(&DeviceId, &Vec<Presence>)| {
            let among =
                || (0..holders.len()).any(|i| (i + 1..holders.len()).any(|j| overlap(&holders[i], &holders[j])));
            let mut cut = slices.get(device).into_iter().flatten();
            cut.any(|slice| holders.iter().any(|board| overlap(board, slice))) || among()
        };
        let shared = self.holders.iter().filter(is_shared);
        shared.map(|(device, _)| device.clone()).collect()
    }
}

/// Of all the devices that were read, the shared ones. Most are held by one pod, and are not looked at.
fn shared(devices: &BTreeMap<PodKey, BTreeMap<DeviceId, DeviceSeries>>) -> BTreeSet<DeviceId> {
    let mut holders: BTreeMap<DeviceId, usize> = BTreeMap::new();
    for device in devices.values().flat_map(BTreeMap::keys) {
        let board = board_of(device).unwrap_or_else(|| device.clone());
        *holders.entry(board).or_insert(0) += 1;
    }
    let several = |device: &DeviceId| {
        let board = board_of(device);
        holders
            .get(board.as_ref().unwrap_or(device))
            .is_some_and(|count| *count > 1)
    };
    let mut seen = Seen::default();
    seen.add(devices.values().flatten().filter(|(device, _)| several(device)));
    seen.shared()
}

/// Points that one holder and the next may both seem to have: they hand over within a step.
const HANDOVER: usize = 2;

fn runs(column: &Column) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, _) in column.samples() {
        match runs.last_mut() {
            Some(last) if last.1 == at => last.1 = at + 1,
            _ => runs.push((at, at + 1)),
        }
    }
    runs
}

/// Whether two devices' series speak of the same time.
fn overlap(a: &Presence, b: &Presence) -> bool {
    let pair = |signal: &Signal| Some((a.get(signal)?, b.get(signal)?));
    let Some((mine, theirs)) = Signal::ALL.iter().find_map(pair) else {
        return false;
    };
    let (mut mine, mut theirs) = (mine.iter().peekable(), theirs.iter().peekable());
    let mut both = 0;
    while let (Some(a), Some(b)) = (mine.peek(), theirs.peek()) {
        both += a.1.min(b.1).saturating_sub(a.0.max(b.0));
        _ = if a.1 <= b.1 { mine.next() } else { theirs.next() };
    }
    both > HANDOVER
}

/// Devices that were there at the same time, at most: a pod that starts again may hold another one, and not both.
pub fn at_once<'c>(devices: impl Iterator<Item = &'c BTreeMap<Signal, Column>>) -> usize {
    let span = |signals: &BTreeMap<Signal, Column>| {
        let spans = || signals.values().filter_map(Column::span);
        let (first, last) = (spans().map(|span| span.0).min()?, spans().map(|span| span.1).max()?);
        Some((first, last.saturating_sub(HANDOVER).max(first)))
    };
    let spans: Vec<(usize, usize)> = devices.filter_map(span).collect();
    let there = |at: usize| {
        spans
            .iter()
            .filter(|(first, last)| (*first..=*last).contains(&at))
            .count()
    };
    spans.iter().map(|(first, _)| there(*first)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    /// Labels of a series, and its values.
    type Row<'a> = (&'a [(&'a str, &'a str)], [Option<f64>; 4]);

    fn joined(rows: &[Row<'_>]) -> Joined {
        let catalog = Catalog::shipped().unwrap();
        let naming = Naming {
            known: &BTreeSet::new(),
            claimed: &BTreeMap::new(),
            by_claim: &BTreeMap::new(),
            exported: true,
            servers_exported: false,
            catalog: &catalog,
        };
        let series = |(pairs, values): &Row<'_>| Series {
            signal: Signal::MemoryUsed,
            labels: labels(pairs),
            column: Column::from_options(*values),
        };
        naming.join(rows.iter().map(series).collect())
    }

    const ALL: [Option<f64>; 4] = [Some(100.0); 4];

    #[test]
    fn a_board_beside_its_slices_is_no_device_of_its_own() {
        let (node, uuid) = (("hostname", "n"), ("UUID", "GPU-1"));
        let pod = [("exported_namespace", "ml"), ("exported_pod", "chat-0")];
        let other = [("exported_namespace", "ml"), ("exported_pod", "chat-1")];
        let slice = [
            node,
            uuid,
            ("GPU_I_ID", "7"),
            ("GPU_I_PROFILE", "1g.10gb"),
            pod[0],
            pod[1],
        ];
        let both = joined(&[(&[node, uuid, pod[0], pod[1]], ALL), (&slice, ALL)]);
        let devices: Vec<&DeviceId> = both.devices.values().flat_map(BTreeMap::keys).collect();
        assert_eq!(devices.len(), 1, "{devices:?}");
        assert_eq!(devices[0].mig_instance.as_deref(), Some("7"));
        assert!(both.shared.is_empty());
        // A board that one pod is named on while another holds a slice of it: whose figures they are, nobody says.
        let apart = joined(&[(&[node, uuid, other[0], other[1]], ALL), (&slice, ALL)]);
        assert_eq!(
            apart
                .shared
                .iter()
                .map(|device| &device.mig_instance)
                .collect::<Vec<_>>(),
            [&None]
        );
        // One that was cut only later was its pod's alone.
        let early = [Some(100.0), Some(100.0), None, None];
        let late = [None, None, Some(100.0), Some(100.0)];
        let cut = joined(&[(&[node, uuid, other[0], other[1]], early), (&slice, late)]);
        assert!(cut.shared.is_empty(), "{:?}", cut.shared);
    }

    #[test]
    fn a_device_that_several_pods_are_named_on_is_shared_and_counted_once() {
        let row = |pod| {
            [
                ("Hostname", "n"),
                ("UUID", "GPU-1"),
                ("pod_namespace", "ml"),
                ("pod_name", pod),
                ("namespace", "gpu-operator"),
                ("pod", "dcgm-exporter-x"),
            ]
        };
        let two = joined(&[(&row("chat-0"), ALL), (&row("chat-1"), ALL)]);
        assert_eq!((two.devices.len(), two.seen.len(), two.shared.len()), (2, 1, 1));
        assert_eq!(
            two.devices.keys().map(|(_, pod)| pod.as_str()).collect::<Vec<_>>(),
            ["chat-0", "chat-1"]
        );
    }

    #[test]
    fn amds_exporter_names_devices_in_its_own_way() {
        let row = [
            ("gpu_uuid", "ccff74a1-0000-1000-80e0-c6d49f5b0d86"),
            ("hostname", "n"),
            ("card_series", "AMD Instinct MI300X OAM"),
            ("exported_namespace", "ml"),
            ("exported_pod", "chat-0"),
        ];
        let joined = joined(&[(&row, ALL)]);
        let device = joined.seen.first().unwrap();
        assert_eq!((device.node.as_str(), device.uuid.as_str()), ("n", row[0].1));
        assert!(joined.devices.contains_key(&("ml".to_owned(), "chat-0".to_owned())));
    }
}
