//! From series to the pods they speak of: GPU series through the exporter's labels, server series through the scrape's.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Catalog;
use crate::model::cluster::Labels;
use crate::model::gpu::{DeviceId, GpuKind};
use crate::model::reading::{Reading, Series};
use crate::model::usage::{Column, Signal};

/// Namespace and name of a pod.
pub type PodKey = (String, String);

/// A device as its series tell it.
#[derive(Debug, Default)]
pub struct DeviceSeries<'a> {
    /// The GPU or slice, where the catalogue knows the exporter's name for it.
    pub kind: Option<GpuKind>,
    /// Its columns.
    pub signals: BTreeMap<Signal, Vec<&'a Column>>,
}

/// All series by what they speak of.
#[derive(Debug, Default)]
pub struct Joined<'a> {
    /// GPU series by pod and device.
    pub devices: BTreeMap<PodKey, BTreeMap<DeviceId, DeviceSeries<'a>>>,
    /// Server series by pod.
    pub servers: BTreeMap<PodKey, BTreeMap<Signal, Vec<&'a Series>>>,
    /// Every device that any series names.
    pub seen: BTreeSet<DeviceId>,
    /// Devices on which more than one pod is named at the same time.
    pub shared: BTreeSet<DeviceId>,
}

/// Which labels name a series' pod. On a GPU that nobody holds the exporter's own pod stands in `pod`, and without
/// `honorLabels` always, with the GPU's in `exported_pod`. So a plain label is believed where it names a pod that is known to
/// hold GPUs; where none is known, unless the other label is in use or it names an exporter.
fn pod_of(labels: &Labels, exported: bool, known: &BTreeSet<PodKey>) -> Option<PodKey> {
    let pair = |namespace: &str, pod: &str| Some((labels.get(namespace)?.clone(), labels.get(pod)?.clone()));
    if let Some(key) = pair("exported_namespace", "exported_pod") {
        return Some(key);
    }
    let plain = pair("namespace", "pod")?;
    let exporter = [labels.get("container"), Some(&plain.1)];
    let exporter = exporter.into_iter().flatten().any(|name| name.contains("exporter"));
    (known.contains(&plain) || (known.is_empty() && !exported && !exporter)).then_some(plain)
}

/// Joins series to pods; `known` are the pods that Kubernetes or its history told of, `claimed` those that hold a GPU alone
/// through a claim, by its UUID.
pub fn join<'a>(
    reading: &'a Reading,
    known: &BTreeSet<PodKey>,
    claimed: &BTreeMap<String, PodKey>,
    catalog: &Catalog,
) -> Joined<'a> {
    let mut joined = Joined::default();
    let has_exported = |gpu: bool| {
        let of_kind = reading
            .series
            .iter()
            .filter(move |series| series.signal.is_gpu() == gpu);
        of_kind
            .into_iter()
            .any(|series| series.labels.contains_key("exported_pod"))
    };
    let (gpu_exported, server_exported) = (has_exported(true), has_exported(false));
    for series in &reading.series {
        if series.signal.is_gpu() {
            let Some(device) = device_of(&series.labels) else {
                continue;
            };
            joined.seen.insert(device.clone());
            let holder = || claimed.get(&device.uuid).filter(|_| device.mig_instance.is_none());
            let Some(pod) = pod_of(&series.labels, gpu_exported, known).or_else(|| holder().cloned()) else {
                continue;
            };
            let entry = joined.devices.entry(pod).or_default().entry(device).or_default();
            if entry.kind.is_none() {
                entry.kind = kind_of(&series.labels, catalog);
            }
            entry.signals.entry(series.signal).or_default().push(&series.column);
        } else if let Some(pod) = pod_of(&series.labels, server_exported, known) {
            let signals = joined.servers.entry(pod).or_default();
            signals.entry(series.signal).or_default().push(series);
        }
    }
    joined.shared = shared(&joined.devices);
    joined
}

/// The device that a series speaks of. The row of a GPU that is cut into slices is not one of its slices.
fn device_of(labels: &Labels) -> Option<DeviceId> {
    let node = labels.get("Hostname").or_else(|| labels.get("hostname"));
    Some(DeviceId {
        node: node.cloned().unwrap_or_default(),
        uuid: labels.get("UUID").cloned()?,
        mig_instance: labels.get("GPU_I_ID").cloned(),
    })
}

fn kind_of(labels: &Labels, catalog: &Catalog) -> Option<GpuKind> {
    let model = catalog.model_named(labels.get("modelName")?)?.clone();
    let mig = labels.get("GPU_I_PROFILE").cloned();
    Some(GpuKind { model, mig })
}

/// Devices that two pods are named on at one time: the figures are then of neither alone.
fn shared(devices: &BTreeMap<PodKey, BTreeMap<DeviceId, DeviceSeries<'_>>>) -> BTreeSet<DeviceId> {
    let mut holders: BTreeMap<&DeviceId, Vec<&DeviceSeries<'_>>> = BTreeMap::new();
    for (device, series) in devices.values().flatten() {
        holders.entry(device).or_default().push(series);
    }
    let overlap = |a: &DeviceSeries<'_>, b: &DeviceSeries<'_>| {
        let columns = |signal: &Signal| Some((a.signals.get(signal)?, b.signals.get(signal)?));
        let together = |(mine, theirs): (&Vec<&Column>, &Vec<&Column>)| {
            let both = |m: &Column, t: &Column| m.samples().filter(|(at, _)| t.get(*at).is_some()).count();
            mine.iter()
                .flat_map(|m| theirs.iter().map(|t| both(m, t)))
                .sum::<usize>()
        };
        // One pod hands over to the next within a step, so that a single common point is no sharing.
        Signal::ALL
            .iter()
            .find_map(columns)
            .is_some_and(|pair| together(pair) > 2)
    };
    let is_shared = |series: &[&DeviceSeries<'_>]| {
        (0..series.len()).any(|i| (i + 1..series.len()).any(|j| overlap(series[i], series[j])))
    };
    let shared = holders.into_iter().filter(|(_, series)| is_shared(series));
    shared.map(|(device, _)| device.clone()).collect()
}

/// Several columns of one signal as one (a server's name changed, an engine restarted): the larger value wins.
pub fn merged(columns: &[&Column]) -> Column {
    let mut all = columns.iter().copied();
    let mut merged = all.next().cloned().unwrap_or_default();
    for column in all {
        merged.merge_max(column);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn the_exporters_own_pod_holds_no_gpu() {
        let idle = labels(&[("namespace", "gpu-operator"), ("pod", "dcgm-exporter-x")]);
        assert_eq!(pod_of(&idle, true, &BTreeSet::new()), None);
        let held = labels(&[
            ("exported_namespace", "ml"),
            ("exported_pod", "chat-0"),
            ("pod", "dcgm-exporter-x"),
        ]);
        let pod = ("ml".to_owned(), "chat-0".to_owned());
        assert_eq!(pod_of(&held, true, &BTreeSet::new()), Some(pod.clone()));
        let honoured = labels(&[("namespace", "ml"), ("pod", "chat-0")]);
        assert_eq!(
            pod_of(&honoured, true, &BTreeSet::from([pod.clone()])),
            Some(pod.clone())
        );
        assert_eq!(pod_of(&honoured, false, &BTreeSet::new()), Some(pod.clone()));
        let known = BTreeSet::from([pod]);
        assert_eq!(pod_of(&idle, false, &known), None);
        assert_eq!(pod_of(&idle, false, &BTreeSet::new()), None);
    }
}
