//! What NVML tells of a node's GPUs, and the mean of several readings.

use serde::Serialize;

use crate::model::gap::Gap;

/// The GPUs of one node at one time, or on average over some.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Sample {
    /// The node's name.
    pub node: String,
    /// GPUs, each followed by its slices.
    pub devices: Vec<Device>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// A GPU or a slice of one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Device {
    /// NVML's index of the GPU.
    pub index: u32,
    /// The GPU's UUID, also on its slices.
    pub uuid: String,
    /// The product, such as `NVIDIA H100 80GB HBM3`.
    pub model: Option<String>,
    /// Where it is plugged in.
    pub pci_bus_id: Option<String>,
    /// The number in `/dev/nvidiaN`.
    pub minor: Option<u32>,
    /// The slice, where this is one.
    pub slice: Option<Slice>,
    /// What it measures.
    pub reading: Reading,
    /// Processes that compute on it.
    pub processes: Vec<Process>,
    /// Containers that it is handed to, whether they use it or not.
    pub holders: Vec<Holder>,
}

/// A MIG device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slice {
    /// Its own UUID, `MIG-…`, the same for as long as it exists.
    pub uuid: String,
    /// Such as `1g.10gb`.
    pub profile: Option<String>,
}

/// A process on a GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Process {
    /// Its number, on the host where this runs there.
    pub pid: u32,
    /// GPU memory that it uses, in bytes.
    pub memory_bytes: Option<u64>,
    /// The UID of its pod, where `/proc` tells.
    pub pod_uid: Option<String>,
}

/// A container that a device is handed to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Holder {
    /// Its namespace.
    pub namespace: String,
    /// Its pod.
    pub pod: String,
    /// Its name.
    pub container: String,
    /// Which share of the device, where it is handed out in shares.
    pub share: Option<String>,
}

/// What a device measures. What it cannot tell is `None`, never 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Reading {
    /// The share of time in which a kernel ran, 0 to 100.
    pub gpu_percent: Option<f64>,
    /// The share of time in which memory was read or written, 0 to 100.
    pub memory_percent: Option<f64>,
    /// The share of time in which the graphics or compute engine was busy, 0 to 1 (Hopper and newer).
    pub engine_active: Option<f64>,
    /// The share of time in which a multiprocessor had work, over all of them, 0 to 1 (Hopper and newer).
    pub sm_active: Option<f64>,
    /// The share of time in which tensor cores worked, 0 to 1 (Hopper and newer).
    pub tensor_active: Option<f64>,
    /// The share of memory bandwidth in use, 0 to 1 (Hopper and newer).
    pub dram_active: Option<f64>,
    /// Bytes in use; of several readings the most.
    pub memory_used_bytes: Option<u64>,
    /// Bytes free; of several readings the least.
    pub memory_free_bytes: Option<u64>,
    /// Bytes that the driver keeps.
    pub memory_reserved_bytes: Option<u64>,
    /// Watts.
    pub power_watts: Option<f64>,
    /// Millijoules since the driver was loaded.
    pub energy_millijoules: Option<u64>,
    /// The multiprocessors' clock.
    pub sm_clock_mhz: Option<f64>,
    /// The memory's clock.
    pub memory_clock_mhz: Option<f64>,
    /// The chip's temperature.
    pub temperature_celsius: Option<f64>,
    /// Why clocks are held down, in the bits of `nvmlClocksEventReason*`; of several readings all that there were.
    pub clock_event_reasons: Option<u64>,
    /// Corrected memory errors since the driver was loaded.
    pub ecc_corrected_volatile: Option<u64>,
    /// Uncorrected memory errors since the driver was loaded.
    pub ecc_uncorrected_volatile: Option<u64>,
    /// Corrected memory errors in the board's life.
    pub ecc_corrected_aggregate: Option<u64>,
    /// Uncorrected memory errors in the board's life.
    pub ecc_uncorrected_aggregate: Option<u64>,
}

impl Device {
    /// What tells this device from every other of the node.
    fn key(&self) -> (&str, Option<&str>) {
        (&self.uuid, self.slice.as_ref().map(|slice| slice.uuid.as_str()))
    }
}

impl Sample {
    /// The mean of samples in the order of time, of those devices that the last one has; counters are the last.
    /// `None` of no sample.
    pub fn mean(samples: &[Sample]) -> Option<Sample> {
        let mut whole = samples.last()?.clone();
        for device in &mut whole.devices {
            let same = |sample: &'_ &Device| sample.key() == device.key();
            let readings: Vec<&Reading> = samples
                .iter()
                .filter_map(|sample| sample.devices.iter().find(same))
                .map(|device| &device.reading)
                .collect();
            device.reading = Reading::mean(&readings, &device.reading);
        }
        for gap in samples.iter().flat_map(|sample| &sample.gaps) {
            if !whole.gaps.contains(gap) {
                whole.gaps.push(gap.clone());
            }
        }
        Some(whole)
    }
}

impl Reading {
    fn mean(all: &[&Reading], last: &Reading) -> Reading {
        let mean = |of: fn(&Reading) -> Option<f64>| {
            let known: Vec<f64> = all.iter().filter_map(|reading| of(reading)).collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        };
        Reading {
            gpu_percent: mean(|r| r.gpu_percent),
            memory_percent: mean(|r| r.memory_percent),
            engine_active: mean(|r| r.engine_active),
            sm_active: mean(|r| r.sm_active),
            tensor_active: mean(|r| r.tensor_active),
            dram_active: mean(|r| r.dram_active),
            memory_used_bytes: all.iter().filter_map(|r| r.memory_used_bytes).max(),
            memory_free_bytes: all.iter().filter_map(|r| r.memory_free_bytes).min(),
            power_watts: mean(|r| r.power_watts),
            sm_clock_mhz: mean(|r| r.sm_clock_mhz),
            memory_clock_mhz: mean(|r| r.memory_clock_mhz),
            temperature_celsius: mean(|r| r.temperature_celsius),
            clock_event_reasons: all
                .iter()
                .filter_map(|r| r.clock_event_reasons)
                .reduce(|bits, more| bits | more),
            ..last.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(gpu_percent: Option<f64>, used: u64, energy: u64) -> Sample {
        let reading = Reading {
            gpu_percent,
            memory_used_bytes: Some(used),
            energy_millijoules: Some(energy),
            clock_event_reasons: Some(energy),
            ..Reading::default()
        };
        Sample {
            node: "node".to_owned(),
            devices: vec![Device {
                index: 0,
                uuid: "GPU-a".to_owned(),
                model: None,
                pci_bus_id: None,
                minor: None,
                slice: None,
                reading,
                processes: Vec::new(),
                holders: Vec::new(),
            }],
            gaps: Vec::new(),
        }
    }

    #[test]
    fn a_mean_counts_what_was_told_and_nothing_else() {
        let samples = [sample(Some(100.0), 7, 1), sample(None, 9, 2), sample(Some(0.0), 3, 4)];
        let mean = Sample::mean(&samples).unwrap();
        let reading = &mean.devices[0].reading;
        assert_eq!(reading.gpu_percent, Some(50.0));
        assert_eq!(reading.memory_used_bytes, Some(9));
        assert_eq!(reading.energy_millijoules, Some(4));
        assert_eq!(reading.clock_event_reasons, Some(7));
        assert_eq!(reading.power_watts, None);
    }
}
