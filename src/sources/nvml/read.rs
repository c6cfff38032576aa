//! NVML's handles to plain samples. What a device does not support is `None`; what fails is a gap.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use nvml_wrapper::enum_wrappers::device::{Clock, EccCounter, MemoryError, Sampling, TemperatureSensor};
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::enums::gpm::GpmMetricId;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::gpm::gpm_metrics_get;
use nvml_wrapper::{Device as Handle, GpmSample, Nvml};
use tokio::sync::mpsc;

use super::error::NvmlReadError;
use super::followed::{Buffer, Followed};
use super::process::pod_uid;
use super::sample::{Device, Process, Reading, Sample, Slice};
use crate::model::gap::Gap;

/// How NVIDIA's driver names the library.
const LIBRARY: &str = "libnvidia-ml.so.1";

/// What is asked of the performance counters.
const COUNTERS: [GpmMetricId; 4] = [
    GpmMetricId::GraphicsUtil,
    GpmMetricId::SmUtil,
    GpmMetricId::AnyTensorUtil,
    GpmMetricId::DramBwUtil,
];

/// Readings of this node, one at once and one more each time that `every` has passed, until the receiver is dropped. NVML
/// blocks, at worst for good, so it has a thread of its own that nobody waits for; it ends after its first error.
pub fn readings(
    library: Option<PathBuf>,
    node: String,
    every: Duration,
) -> mpsc::Receiver<Result<Sample, NvmlReadError>> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        let told = open(library.as_deref()).and_then(|nvml| {
            let mut reader = Reader::new(&nvml, node);
            loop {
                if sender.blocking_send(Ok(reader.read()?)).is_err() {
                    return Ok(());
                }
                std::thread::sleep(every);
            }
        });
        if let Err(error) = told {
            // Nobody listens any more.
            let _ = sender.blocking_send(Err(error));
        }
    });
    receiver
}

fn open(library: Option<&Path>) -> Result<Nvml, NvmlReadError> {
    let library = library.unwrap_or(Path::new(LIBRARY));
    let shown = library.display().to_string();
    let nvml = Nvml::builder().lib_path(library.as_os_str()).init();
    nvml.map_err(|error| NvmlReadError::starting(&shown, &error))
}

/// Reads again and again; performance counters are differences between two readings.
struct Reader<'n> {
    nvml: &'n Nvml,
    node: String,
    /// When it last read.
    at: Option<Instant>,
    /// GPUs at the last reading, by UUID, and no others.
    followed: BTreeMap<String, Followed>,
    /// The counters at the last reading, by the UUID of the GPU or slice.
    counters: BTreeMap<String, GpmSample<'n>>,
    /// The GPU instance of each slice, which NVML tells only of slices with a process, and which stays.
    instances: BTreeMap<String, u32>,
    gaps: Vec<Gap>,
}

impl<'n> Reader<'n> {
    fn new(nvml: &'n Nvml, node: String) -> Self {
        Self {
            nvml,
            node,
            at: None,
            followed: BTreeMap::new(),
            counters: BTreeMap::new(),
            instances: BTreeMap::new(),
            gaps: Vec::new(),
        }
    }

    fn read(&mut self) -> Result<Sample, NvmlReadError> {
        let count = self.nvml.device_count().map_err(|error| NvmlReadError::Count {
            cause: error.to_string(),
        })?;
        let now = Instant::now();
        let before = self.at.replace(now);
        let mut devices = Vec::new();
        for index in 0..count {
            let handle = self.nvml.device_by_index(index);
            let Some(handle) = self.told(index, handle) else {
                continue;
            };
            // Without it, its figures would be of no GPU.
            let Some(uuid) = self.told(index, handle.uuid()) else {
                continue;
            };
            self.device(index, uuid, &handle, &mut devices);
        }
        self.followed
            .retain(|uuid, _| devices.iter().any(|device| device.uuid == *uuid));
        Ok(Sample {
            node: self.node.clone(),
            seconds: before.map(|before| (now - before).as_secs_f64()),
            devices,
            gaps: std::mem::take(&mut self.gaps),
        })
    }

    /// The GPU and its slices.
    fn device(&mut self, index: u32, uuid: String, gpu: &Handle<'n>, devices: &mut Vec<Device>) {
        let pci = self.told(index, gpu.pci_info());
        let mut device = Device {
            index,
            model: self.told(index, gpu.name()),
            pci_bus_id: pci.map(|pci| pci.bus_id),
            minor: self.told(index, gpu.minor_number()),
            slice: None,
            reading: self.reading(index, &uuid, gpu),
            processes: Vec::new(),
            holders: Vec::new(),
            uuid: uuid.clone(),
        };
        let cut = self.told(index, gpu.mig_mode()).is_some_and(|mode| mode.current == 1);
        if !cut {
            device.processes = self.processes(index, gpu).0;
            self.count(
                index,
                &uuid,
                gpu.gpm_support(),
                || gpu.gpm_sample(),
                &mut device.reading,
            );
            devices.push(device);
            return;
        }
        let slices = self.told(index, gpu.mig_device_count()).unwrap_or(0);
        let found: Vec<Device> = (0..slices).filter_map(|at| self.slice(&device, gpu, at)).collect();
        devices.push(device);
        devices.extend(found);
    }

    /// A slice; there may be fewer than fit.
    fn slice(&mut self, whole: &Device, gpu: &Handle<'n>, at: u32) -> Option<Device> {
        let index = whole.index;
        let handle = self.told(index, gpu.mig_device_by_index(at))?;
        let uuid = self.told(index, handle.uuid())?;
        let mut reading = Reading::default();
        self.memory(index, &handle, &mut reading);
        let (processes, instance) = self.processes(index, &handle);
        if let Some(instance) = instance {
            self.instances.insert(uuid.clone(), instance);
        }
        if let Some(instance) = self.instances.get(&uuid).copied() {
            self.count(
                index,
                &uuid,
                gpu.gpm_support(),
                || gpu.gpm_mig_sample(instance),
                &mut reading,
            );
        }
        let name = self.told(index, handle.name());
        Some(Device {
            slice: Some(Slice {
                uuid,
                // Such as `NVIDIA A100-SXM4-40GB MIG 1g.5gb`.
                profile: name.and_then(|name| Some(name.rsplit_once(" MIG ")?.1.to_owned())),
            }),
            reading,
            processes,
            ..whole.clone()
        })
    }

    fn reading(&mut self, index: u32, uuid: &str, gpu: &Handle<'n>) -> Reading {
        let mut followed = self.followed.remove(uuid).unwrap_or_default();
        let (gpu_percent, memory_percent) = self.busy(index, gpu, &mut followed);
        let energy_millijoules = self.told(index, gpu.total_energy_consumption());
        let spent_millijoules = followed.spent(energy_millijoules);
        self.followed.insert(uuid.to_owned(), followed);
        let mut ecc = |error, life| self.told(index, gpu.total_ecc_errors(error, life));
        let mut reading = Reading {
            gpu_percent,
            memory_percent,
            ecc_corrected_volatile: ecc(MemoryError::Corrected, EccCounter::Volatile),
            ecc_uncorrected_volatile: ecc(MemoryError::Uncorrected, EccCounter::Volatile),
            ecc_corrected_aggregate: ecc(MemoryError::Corrected, EccCounter::Aggregate),
            ecc_uncorrected_aggregate: ecc(MemoryError::Uncorrected, EccCounter::Aggregate),
            power_watts: self
                .told(index, gpu.power_usage())
                .map(|milliwatts| f64::from(milliwatts) / 1000.0),
            energy_millijoules,
            spent_millijoules,
            sm_clock_mhz: self.told(index, gpu.clock_info(Clock::SM)).map(f64::from),
            memory_clock_mhz: self.told(index, gpu.clock_info(Clock::Memory)).map(f64::from),
            temperature_celsius: self.told(index, gpu.temperature(TemperatureSensor::Gpu)).map(f64::from),
            clock_event_reasons: self
                .told(index, gpu.current_throttle_reasons())
                .map(|reasons| reasons.bits()),
            ..Reading::default()
        };
        self.memory(index, gpu, &mut reading);
        reading
    }

    /// How busy GPU and memory were, in percent: by the driver's samples, or by the last sample period where it has none.
    fn busy(&mut self, index: u32, gpu: &Handle<'n>, followed: &mut Followed) -> (Option<f64>, Option<f64>) {
        let busy = sampled(gpu, Sampling::GpuUtilization, &mut followed.gpu);
        let memory = sampled(gpu, Sampling::MemoryUtilization, &mut followed.memory);
        if busy.is_some() && memory.is_some() {
            return (busy, memory);
        }
        let last = self.told(index, gpu.utilization_rates());
        (
            busy.or_else(|| Some(f64::from(last.as_ref()?.gpu))),
            memory.or_else(|| Some(f64::from(last.as_ref()?.memory))),
        )
    }

    fn memory(&mut self, index: u32, handle: &Handle<'n>, reading: &mut Reading) {
        if let Some(memory) = self.told(index, handle.memory_info()) {
            reading.memory_used_bytes = Some(memory.used);
            reading.memory_free_bytes = Some(memory.free);
            reading.memory_reserved_bytes = Some(memory.reserved);
        }
    }

    /// Processes, and the GPU instance that they name.
    fn processes(&mut self, index: u32, handle: &Handle<'n>) -> (Vec<Process>, Option<u32>) {
        let found = self.told(index, handle.running_compute_processes()).unwrap_or_default();
        let instance = found.iter().find_map(|process| process.gpu_instance_id);
        let process = |process: &nvml_wrapper::struct_wrappers::device::ProcessInfo| Process {
            pid: process.pid,
            memory_bytes: match process.used_gpu_memory {
                UsedGpuMemory::Used(bytes) => Some(bytes),
                UsedGpuMemory::Unavailable => None,
            },
            pod_uid: pod_uid(process.pid),
        };
        (found.iter().map(process).collect(), instance)
    }

    /// The performance counters since the last reading, as ratios.
    fn count(
        &mut self,
        index: u32,
        uuid: &str,
        supported: Result<bool, NvmlError>,
        now: impl FnOnce() -> Result<GpmSample<'n>, NvmlError>,
        reading: &mut Reading,
    ) {
        if self.told(index, supported) != Some(true) {
            return;
        }
        let Some(now) = self.told(index, now()) else {
            self.counters.remove(uuid);
            return;
        };
        if let Some(before) = self.counters.get(uuid) {
            let counted = gpm_metrics_get(self.nvml, before, &now, &COUNTERS);
            for counter in self.told(index, counted).unwrap_or_default().into_iter().flatten() {
                // A difference may overshoot by rounding.
                let ratio = Some(counter.value / 100.0)
                    .filter(|ratio| *ratio >= 0.0)
                    .map(|ratio| ratio.min(1.0));
                match counter.metric_id {
                    GpmMetricId::GraphicsUtil => reading.engine_active = ratio,
                    GpmMetricId::SmUtil => reading.sm_active = ratio,
                    GpmMetricId::AnyTensorUtil => reading.tensor_active = ratio,
                    GpmMetricId::DramBwUtil => reading.dram_active = ratio,
                    _ => {}
                }
            }
        }
        self.counters.insert(uuid.to_owned(), now);
    }

    /// What NVML tells. Not every GPU and driver knows everything; anything else that fails is worth a word, once per GPU
    /// and cause.
    fn told<T>(&mut self, index: u32, answer: Result<T, NvmlError>) -> Option<T> {
        let error = match answer {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let unknown = matches!(
            error,
            NvmlError::NotSupported | NvmlError::FailedToLoadSymbol(_) | NvmlError::NoData | NvmlError::NotFound
        );
        let gap = Gap::new(
            "gpu-not-read",
            format!("Some figures of GPU {index} on {}", self.node),
            error.to_string(),
            "See what `nvidia-smi` and the kernel's log (Xid) on this node say of it.",
        );
        if !unknown && !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
        None
    }
}

/// The mean of the samples since the last reading. Why there are none is no gap: what is asked instead tells.
fn sampled(gpu: &Handle<'_>, kind: Sampling, buffer: &mut Buffer) -> Option<f64> {
    let samples = gpu.samples(kind, buffer.last()).unwrap_or_default();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    buffer.mean(&samples, u64::try_from(now.as_micros()).ok()?)
}
