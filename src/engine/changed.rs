//! A workload as it would be once a change is made, so that levers can be asked about what comes next.

use crate::model::units::{GpuCount, Monthly};
use crate::model::usage::Signal;
use crate::model::workload::{DeviceUse, PodUse, Workload};

/// With `to` of the `from` GPUs that its pods request: those that did most. What it requested before is another setup, and is
/// left out.
pub(super) fn with_fewer_gpus(workload: &Workload, from: u32, to: u32) -> Workload {
    let part = f64::from(to) / f64::from(from.max(1));
    let pods = workload.pods.iter().filter(|pod| pod.gpus == from);
    Workload {
        gpus: GpuCount::new(workload.gpus.get() * part),
        monthly: workload.monthly.map(|monthly| Monthly::new(monthly.get() * part)),
        pods: pods.map(|pod| with_fewer_devices(pod, to, part)).collect(),
        ..workload.clone()
    }
}

fn with_fewer_devices(pod: &PodUse, to: u32, part: f64) -> PodUse {
    let mut devices: Vec<&DeviceUse> = pod.devices.iter().collect();
    let most = |device: &DeviceUse, signal: Signal| {
        let column = device.signals.get(&signal);
        column.and_then(|column| column.max()).unwrap_or(f64::NEG_INFINITY)
    };
    let did = |device: &DeviceUse| {
        [Signal::EngineActive, Signal::GpuUtil, Signal::MemoryUsed].map(|signal| most(device, signal))
    };
    let by_what_it_did = |a: &&DeviceUse, b: &&DeviceUse| {
        let (a, b) = (did(a), did(b));
        let compared = a.iter().zip(&b).map(|(a, b)| b.total_cmp(a));
        compared.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    };
    devices.sort_by(by_what_it_did);
    PodUse {
        gpus: to,
        hourly: pod.hourly.map(|hourly| hourly * part),
        devices: devices.into_iter().take(to as usize).cloned().collect(),
        ..pod.clone()
    }
}
