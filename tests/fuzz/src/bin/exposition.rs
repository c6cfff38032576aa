//! What `gpuwise sample` serves to Prometheus: whatever devices and pods are called, the text says just their labels and
//! figures, line by line.

#![no_main]

use gpuwise::sources::nvml::{Device, Holder, Reading, Sample, Slice, exposition};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(sample) = sample(&mut Unstructured::new(data)) else {
        return;
    };
    let text = exposition::text(&sample);
    let lines: Vec<&str> = text.split_terminator('\n').collect();
    let mut expected = Vec::new();
    for (name, of) in FIGURES {
        for device in &sample.devices {
            let Some(value) = of(&device.reading) else { continue };
            for holder in each(&device.holders) {
                expected.push((name.to_owned(), labels(&sample.node, device, holder), bits(value)));
            }
        }
    }
    let read: Vec<_> = lines
        .iter()
        .filter(|line| !line.starts_with('#'))
        .map(|line| parsed(line))
        .collect();
    assert_eq!(read, expected, "{text}");
});

/// There is more than one NaN, and none of them is written.
fn bits(value: f64) -> u64 {
    if value.is_nan() {
        f64::NAN.to_bits()
    } else {
        value.to_bits()
    }
}

type Figure = (&'static str, fn(&Reading) -> Option<f64>);

const FIGURES: [Figure; 3] = [
    ("DCGM_FI_DEV_GPU_UTIL", |r| r.gpu_percent),
    ("DCGM_FI_DEV_FB_USED", |r| {
        Some(r.memory_used_bytes? as f64 / 1_048_576.0)
    }),
    ("DCGM_FI_DEV_POWER_USAGE", |r| r.power_watts),
];

fn each(holders: &[Holder]) -> Vec<Option<&Holder>> {
    match holders {
        [] => vec![None],
        some => some.iter().map(Some).collect(),
    }
}

fn labels(node: &str, device: &Device, holder: Option<&Holder>) -> Vec<(String, String)> {
    let mut all = vec![("gpu", device.index.to_string()), ("UUID", device.uuid.clone())];
    all.extend(device.model.clone().map(|model| ("modelName", model)));
    if let Some(slice) = &device.slice {
        all.extend(slice.profile.clone().map(|profile| ("GPU_I_PROFILE", profile)));
        all.push(("GPU_I_ID", slice.uuid.clone()));
    }
    all.push(("Hostname", node.to_owned()));
    if let Some(holder) = holder {
        all.push(("container", holder.container.clone()));
        all.push(("namespace", holder.namespace.clone()));
        all.push(("pod", holder.pod.clone()));
        all.extend(holder.share.clone().map(|share| ("vgpu", share)));
    }
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn sample(input: &mut Unstructured<'_>) -> Result<Sample> {
    let mut devices = Vec::new();
    for index in 0..input.int_in_range(0..=3)? {
        let holder = |input: &mut Unstructured<'_>| -> Result<Holder> {
            Ok(Holder {
                namespace: input.arbitrary()?,
                pod: input.arbitrary()?,
                container: input.arbitrary()?,
                share: input.arbitrary()?,
            })
        };
        let slice = match input.arbitrary()? {
            true => Some(Slice {
                uuid: input.arbitrary()?,
                profile: input.arbitrary()?,
            }),
            false => None,
        };
        devices.push(Device {
            index,
            uuid: input.arbitrary()?,
            model: input.arbitrary()?,
            pci_bus_id: None,
            minor: None,
            slice,
            reading: Reading {
                gpu_percent: input.arbitrary()?,
                memory_used_bytes: input.arbitrary()?,
                power_watts: input.arbitrary()?,
                ..Reading::default()
            },
            processes: Vec::new(),
            holders: (0..input.int_in_range(0..=2)?)
                .map(|_| holder(input))
                .collect::<Result<_>>()?,
        });
    }
    Ok(Sample {
        node: input.arbitrary()?,
        devices,
        gaps: Vec::new(),
        ..Sample::default()
    })
}

/// A line as Prometheus' text format 0.0.4 has it: a name, labels in quotes with three escapes, a number.
fn parsed(line: &str) -> (String, Vec<(String, String)>, u64) {
    let (name, mut rest) = line.split_once('{').expect("labels");
    let mut labels = Vec::new();
    loop {
        let (label, quoted) = rest.split_once("=\"").expect("a label");
        let mut value = String::new();
        let mut letters = quoted.char_indices();
        let end = loop {
            match letters.next().expect("a closing quote") {
                (at, '"') => break at,
                (_, '\\') => match letters.next().expect("an escape").1 {
                    'n' => value.push('\n'),
                    plain @ ('\\' | '"') => value.push(plain),
                    other => panic!("`\\{other}` is no escape"),
                },
                (_, letter) => value.push(letter),
            }
        };
        labels.push((label.to_owned(), value));
        let behind = &quoted[end + 1..];
        match behind.strip_prefix(',') {
            Some(more) => rest = more,
            None => {
                let value = behind.strip_prefix("} ").expect("the end of labels");
                let value: f64 = value.parse().expect("a number");
                return (name.to_owned(), labels, bits(value));
            }
        }
    }
}
