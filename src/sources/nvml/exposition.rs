//! Samples as Prometheus reads them, in the names, units and labels of dcgm-exporter.

use std::fmt::Write;

use super::sample::{Device, Holder, Reading, Sample};

/// A metric: its name, its type, what it says, and where it comes from.
struct Metric(&'static str, &'static str, &'static str, fn(&Reading) -> Option<f64>);

/// Names and units are those of dcgm-exporter 4.5.3's `etc/default-counters.csv` and DCGM's field list.
const METRICS: [Metric; 19] = [
    Metric("DCGM_FI_DEV_GPU_UTIL", "gauge", "GPU utilization (in %).", |r| {
        r.gpu_percent
    }),
    Metric(
        "DCGM_FI_DEV_MEM_COPY_UTIL",
        "gauge",
        "Memory utilization (in %).",
        |r| r.memory_percent,
    ),
    Metric(
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
        "gauge",
        "Ratio of time the graphics engine is active.",
        |r| r.engine_active,
    ),
    Metric(
        "DCGM_FI_PROF_SM_ACTIVE",
        "gauge",
        "The ratio of cycles an SM has at least 1 warp assigned.",
        |r| r.sm_active,
    ),
    Metric(
        "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
        "gauge",
        "Ratio of cycles the tensor (HMMA) pipe is active.",
        |r| r.tensor_active,
    ),
    Metric(
        "DCGM_FI_PROF_DRAM_ACTIVE",
        "gauge",
        "Ratio of cycles the device memory interface is active.",
        |r| r.dram_active,
    ),
    Metric(
        "DCGM_FI_DEV_FB_USED",
        "gauge",
        "Framebuffer memory used (in MiB).",
        |r| mebibytes(r.memory_used_bytes),
    ),
    Metric(
        "DCGM_FI_DEV_FB_FREE",
        "gauge",
        "Framebuffer memory free (in MiB).",
        |r| mebibytes(r.memory_free_bytes),
    ),
    Metric(
        "DCGM_FI_DEV_FB_RESERVED",
        "gauge",
        "Framebuffer memory reserved (in MiB).",
        |r| mebibytes(r.memory_reserved_bytes),
    ),
    Metric("DCGM_FI_DEV_POWER_USAGE", "gauge", "Power draw (in W).", |r| {
        r.power_watts
    }),
    Metric(
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        "counter",
        "Total energy consumption since boot (in mJ).",
        |r| count(r.energy_millijoules),
    ),
    Metric("DCGM_FI_DEV_SM_CLOCK", "gauge", "SM clock frequency (in MHz).", |r| {
        r.sm_clock_mhz
    }),
    Metric(
        "DCGM_FI_DEV_MEM_CLOCK",
        "gauge",
        "Memory clock frequency (in MHz).",
        |r| r.memory_clock_mhz,
    ),
    Metric("DCGM_FI_DEV_GPU_TEMP", "gauge", "GPU temperature (in C).", |r| {
        r.temperature_celsius
    }),
    Metric(
        "DCGM_FI_DEV_CLOCKS_EVENT_REASONS",
        "gauge",
        "Current clock event reasons (bitmask of nvmlClocksEventReason).",
        |r| count(r.clock_event_reasons),
    ),
    Metric(
        "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL",
        "counter",
        "Total number of single-bit volatile ECC errors.",
        |r| count(r.ecc_corrected_volatile),
    ),
    Metric(
        "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL",
        "counter",
        "Total number of double-bit volatile ECC errors.",
        |r| count(r.ecc_uncorrected_volatile),
    ),
    Metric(
        "DCGM_FI_DEV_ECC_SBE_AGG_TOTAL",
        "counter",
        "Total number of single-bit persistent ECC errors.",
        |r| count(r.ecc_corrected_aggregate),
    ),
    Metric(
        "DCGM_FI_DEV_ECC_DBE_AGG_TOTAL",
        "counter",
        "Total number of double-bit persistent ECC errors.",
        |r| count(r.ecc_uncorrected_aggregate),
    ),
];

fn mebibytes(bytes: Option<u64>) -> Option<f64> {
    Some(bytes? as f64 / f64::from(1 << 20))
}

/// Exact below 2^53, as in Prometheus.
fn count(value: Option<u64>) -> Option<f64> {
    Some(value? as f64)
}

/// A sample in Prometheus' text format 0.0.4. What is not known has no line. A device that several containers hold has a
/// line for each, all with the figures of the whole device, told apart by `vgpu` as dcgm-exporter does with
/// `--kubernetes-virtual-gpus`.
///
/// `GPU_I_ID` holds a slice's own UUID where DCGM has the number of its GPU instance, which NVML tells only of some.
pub fn text(sample: &Sample) -> String {
    let labels: Vec<Vec<String>> = sample.devices.iter().map(|device| rows(&sample.node, device)).collect();
    let mut text = String::new();
    for Metric(name, kind, help, of) in &METRICS {
        let mut lines = String::new();
        for (device, rows) in sample.devices.iter().zip(&labels) {
            let Some(value) = of(&device.reading) else { continue };
            for labels in rows {
                // Writing to a string cannot fail.
                let _ = writeln!(lines, "{name}{{{labels}}} {value}");
            }
        }
        if !lines.is_empty() {
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}");
        }
    }
    text
}

/// The labels of a device, once for each container that holds it.
fn rows(node: &str, device: &Device) -> Vec<String> {
    let index = device.index.to_string();
    let mut own = vec![("gpu", index.as_str()), ("UUID", &device.uuid)];
    own.extend(device.pci_bus_id.as_deref().map(|id| ("pci_bus_id", id)));
    let path = device.minor.map(|minor| format!("nvidia{minor}"));
    own.extend(path.as_deref().map(|path| ("device", path)));
    own.extend(device.model.as_deref().map(|model| ("modelName", model)));
    if let Some(slice) = &device.slice {
        own.extend(slice.profile.as_deref().map(|profile| ("GPU_I_PROFILE", profile)));
        own.push(("GPU_I_ID", &slice.uuid));
    }
    own.push(("Hostname", node));
    if device.holders.is_empty() {
        return vec![written(&own)];
    }
    let row = |holder: &Holder| {
        let mut all = own.clone();
        all.extend([
            ("container", holder.container.as_str()),
            ("namespace", &holder.namespace),
            ("pod", &holder.pod),
        ]);
        all.extend(holder.share.as_deref().map(|share| ("vgpu", share)));
        written(&all)
    };
    device.holders.iter().map(row).collect()
}

fn written(labels: &[(&str, &str)]) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    pairs.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_break_out_of_its_quotes() {
        assert_eq!(written(&[("pod", "a\"} 1\n\\")]), r#"pod="a\"} 1\n\\""#);
    }
}
