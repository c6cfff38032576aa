//! What NVML tells of a node's GPUs, and the mean of several readings.

use serde::Serialize;

use crate::model::gap::Gap;

/// The GPUs of one node at one time, or on average over some.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Sample {
    /// The node's name.
    pub node: String,
    /// Seconds since the reading before this one, which what is no moment is the mean of. `None` of the first.
    #[serde(skip)]
    pub seconds: Option<f64>,
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
    /// The share of time in which a kernel ran, 0 to 100. Of all the time since the last reading, as far back as the
    /// driver's samples reach; where it has none, of its last sample period (1/6 to 1 second) only.
    pub gpu_percent: Option<f64>,
    /// The share of time in which memory was read or written, 0 to 100. Of the same time.
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
    /// Watts: NVML's mean of the last second on GA10x, Ada, Hopper and newer, of a moment on what is older and on GA100.
    /// Of readings over ten seconds and more it is what the energy counter grew by, where there is one.
    pub power_watts: Option<f64>,
    /// Millijoules since the driver was loaded.
    pub energy_millijoules: Option<u64>,
    /// Millijoules since the reading before.
    #[serde(skip)]
    pub spent_millijoules: Option<u64>,
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
            let same = |other: &'_ &Device| other.key() == device.key();
            let readings: Vec<(Option<f64>, &Reading)> = samples
                .iter()
                .filter_map(|sample| Some((sample.seconds, &sample.devices.iter().find(same)?.reading)))
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

/// From how many seconds on the energy counter tells power: on an H200 it goes on every 0.1 s, a hundredth of this, so that
/// of one second it would be a tenth off.
const COUNTED: f64 = 10.0;

impl Reading {
    /// Of readings, each with the seconds since the one before it.
    fn mean(all: &[(Option<f64>, &Reading)], last: &Reading) -> Reading {
        let moments = |of: fn(&Reading) -> Option<f64>| mean(all.iter().map(|(_, r)| (1.0, of(r))));
        // The first of all is of a second.
        let times = |of: fn(&Reading) -> Option<f64>| mean(all.iter().map(|(s, r)| (s.unwrap_or(1.0), of(r))));
        let known = || all.iter().map(|(_, reading)| *reading);
        Reading {
            gpu_percent: times(|r| r.gpu_percent),
            memory_percent: times(|r| r.memory_percent),
            engine_active: times(|r| r.engine_active),
            sm_active: times(|r| r.sm_active),
            tensor_active: times(|r| r.tensor_active),
            dram_active: times(|r| r.dram_active),
            memory_used_bytes: known().filter_map(|r| r.memory_used_bytes).max(),
            memory_free_bytes: known().filter_map(|r| r.memory_free_bytes).min(),
            power_watts: counted_watts(all).or_else(|| moments(|r| r.power_watts)),
            sm_clock_mhz: moments(|r| r.sm_clock_mhz),
            memory_clock_mhz: moments(|r| r.memory_clock_mhz),
            temperature_celsius: moments(|r| r.temperature_celsius),
            clock_event_reasons: known()
                .filter_map(|r| r.clock_event_reasons)
                .reduce(|bits, more| bits | more),
            ..last.clone()
        }
    }
}

/// The mean of what is known, by weight. It goes from value to value, so that of equal ones it is exactly theirs: no GPU is
/// busy for more than 100 %.
fn mean(values: impl Iterator<Item = (f64, Option<f64>)>) -> Option<f64> {
    let (mut mean, mut weights) = (None, 0.0);
    for (weight, value) in values {
        let Some(value) = value else { continue };
        weights += weight;
        mean = Some(mean.map_or(value, |mean: f64| mean + (value - mean) * (weight / weights)));
    }
    mean
}

/// Power by the energy counter, where it covers long enough. One that stands still counts nothing: no GPU takes no power.
fn counted_watts(all: &[(Option<f64>, &Reading)]) -> Option<f64> {
    let (mut joules, mut seconds) = (0.0, 0.0);
    for (time, reading) in all {
        if let (Some(time), Some(spent)) = (time, reading.spent_millijoules) {
            joules += spent as f64 / 1000.0;
            seconds += time;
        }
    }
    (seconds >= COUNTED && joules > 0.0).then(|| joules / seconds)
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
            seconds: None,
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

    /// Readings of (seconds, GPU percent, watts, mJ since the one before).
    fn step(readings: &[(f64, f64, f64, Option<u64>)]) -> Reading {
        let samples: Vec<Sample> = readings
            .iter()
            .map(|(seconds, percent, watts, spent)| {
                let mut sample = sample(Some(*percent), 0, 0);
                sample.seconds = Some(*seconds);
                sample.devices[0].reading.power_watts = Some(*watts);
                sample.devices[0].reading.spent_millijoules = *spent;
                sample
            })
            .collect();
        Sample::mean(&samples).unwrap().devices.remove(0).reading
    }

    #[test]
    fn a_reading_that_came_late_weighs_the_time_that_it_is_of() {
        let reading = step(&[(1.0, 100.0, 300.0, None), (3.0, 0.0, 100.0, None)]);
        assert_eq!(reading.gpu_percent, Some(25.0));
        assert_eq!(reading.power_watts, Some(200.0), "two moments");
        let full = step(&[
            (1.000_123, 100.0, 0.0, None),
            (1.07, 100.0, 0.0, None),
            (0.3, 100.0, 0.0, None),
        ]);
        assert_eq!(full.gpu_percent, Some(100.0));
    }

    #[test]
    fn power_over_a_step_is_the_energy_it_took_and_not_the_moments_it_was_read_at() {
        // Each reading meets the pause of a load that takes 600 W for half of the time.
        let reading = step(&[(1.0, 0.0, 100.0, Some(350_000)); 15]);
        assert_eq!(reading.power_watts, Some(350.0));
        // One second of a counter that goes on every 0.1 s: eleven tenths of what one second takes.
        let reading = step(&[(1.0, 0.0, 690.0, Some(759_000))]);
        assert_eq!(reading.power_watts, Some(690.0));
        let silent = step(&[(1.0, 0.0, 100.0, Some(0)); 15]);
        assert_eq!(
            silent.power_watts,
            Some(100.0),
            "a counter that stands still tells no zero"
        );
        let mut partly = vec![(1.0, 0.0, 100.0, Some(350_000)); 11];
        partly.extend([(1.0, 0.0, 100.0, None); 4]);
        assert_eq!(
            step(&partly).power_watts,
            Some(350.0),
            "over the seconds that are counted"
        );
    }
}
