//! A node's GPUs for a terminal: a row for each GPU and slice, processes and gaps under it.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::sources::nvml::{Device, Sample};

use super::figures::{UNKNOWN, count};
use super::safe::plain;

/// Columns of the table.
const WIDTH: u16 = 100;

/// The sample as a table.
pub fn table(sample: &Sample) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(["GPU", "Model", "Busy", "Engine", "Memory", "Power", "Held by"]);
    for at in 2..6 {
        if let Some(column) = table.column_mut(at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut processes = String::new();
    for device in &sample.devices {
        table.add_row(row(device));
        for process in &device.processes {
            processes.push_str(&format!(
                "  GPU {} process {}: {}{}\n",
                plain(&name(device)),
                process.pid,
                known(process.memory_bytes, |bytes| gibibytes(bytes as f64)),
                known_or(process.pod_uid.as_deref(), "", |uid| format!(", pod {}", plain(uid))),
            ));
        }
    }
    let gpus = count(gpus(sample), "GPU", "GPUs");
    let mut text = format!("{}: {gpus}\n\n{table}\n", plain(&sample.node));
    if !processes.is_empty() {
        text.push_str(&format!("\nProcesses\n{processes}"));
    }
    for gap in &sample.gaps {
        text.push_str(&format!(
            "\n{}: {}. {}\n",
            plain(&gap.what),
            plain(&gap.why),
            plain(&gap.fix)
        ));
    }
    text
}

fn gpus(sample: &Sample) -> usize {
    sample.devices.iter().filter(|device| device.slice.is_none()).count()
}

fn row(device: &Device) -> [String; 7] {
    let reading = &device.reading;
    let memory = |used: u64| match reading.memory_free_bytes {
        Some(free) => format!("{} of {}", gibibytes(used as f64), gibibytes((used + free) as f64)),
        None => gibibytes(used as f64),
    };
    let held = device
        .holders
        .iter()
        .map(|holder| format!("{}/{}", plain(&holder.namespace), plain(&holder.pod)));
    [
        plain(&name(device)),
        known(device.model.as_deref(), plain),
        known(reading.gpu_percent, |percent| format!("{percent:.0}%")),
        known(reading.engine_active, |ratio| format!("{:.0}%", ratio * 100.0)),
        known(reading.memory_used_bytes, memory),
        known(reading.power_watts, |watts| format!("{watts:.0} W")),
        held.collect::<Vec<_>>().join(", "),
    ]
}

/// `0`, and `0 1g.10gb` of a slice.
fn name(device: &Device) -> String {
    match &device.slice {
        Some(slice) => format!("{} {}", device.index, slice.profile.as_deref().unwrap_or(&slice.uuid)),
        None => device.index.to_string(),
    }
}

fn gibibytes(bytes: f64) -> String {
    format!("{:.1} GiB", bytes / f64::from(1 << 30))
}

fn known<T>(value: Option<T>, shown: impl FnOnce(T) -> String) -> String {
    known_or(value, UNKNOWN, shown)
}

fn known_or<T>(value: Option<T>, otherwise: &str, shown: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| otherwise.to_owned(), shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::gap::Gap;
    use crate::sources::nvml::{Holder, Process, Reading};

    #[test]
    fn what_a_node_calls_things_does_nothing_to_a_terminal() {
        let harm = format!("a\u{1b}[2J\r\nerror: b\u{202e}c\u{9b}0m{}", "x".repeat(1 << 20));
        let holder = Holder {
            namespace: harm.clone(),
            pod: harm.clone(),
            container: harm.clone(),
            share: Some(harm.clone()),
        };
        let process = Process {
            pid: 7,
            memory_bytes: Some(1 << 30),
            pod_uid: Some(harm.clone()),
        };
        let device = Device {
            index: 0,
            uuid: harm.clone(),
            model: Some(harm.clone()),
            pci_bus_id: Some(harm.clone()),
            minor: None,
            slice: None,
            reading: Reading::default(),
            processes: vec![process],
            holders: vec![holder],
        };
        let text = table(&Sample {
            node: harm.clone(),
            devices: vec![device],
            gaps: vec![Gap::new("x", &*harm, &*harm, &*harm)],
            ..Sample::default()
        });
        let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(obeyed), "{text:?}");
        assert!(text.contains("(U+001B)") && !text.lines().any(|line| line.trim_start().starts_with("error:")));
        assert!(text.len() < 1 << 16, "{} bytes", text.len());
    }

    #[test]
    fn one_gpu_is_no_gpus() {
        let device = |index| Device {
            index,
            uuid: format!("GPU-{index}"),
            model: None,
            pci_bus_id: None,
            minor: None,
            slice: None,
            reading: Reading::default(),
            processes: Vec::new(),
            holders: Vec::new(),
        };
        let shown = |count| {
            table(&Sample {
                node: "a".to_owned(),
                devices: (0..count).map(device).collect(),
                ..Sample::default()
            })
        };
        for (count, words) in [(0, "a: 0 GPUs\n"), (1, "a: 1 GPU\n"), (2, "a: 2 GPUs\n")] {
            assert!(shown(count).starts_with(words), "{}", shown(count));
        }
    }
}
