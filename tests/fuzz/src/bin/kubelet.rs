//! The kubelet's answer of who holds which device: a frame that is cut, too long or compressed is no answer, and holders are
//! given to the devices that it names and to no others.

#![no_main]

use gpuwise::sources::nvml::holders::{decode, name};
use gpuwise::sources::nvml::{Device, Reading, Sample};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|frame: &[u8]| {
    let Ok(held) = decode(frame) else { return };
    let length = u32::from_be_bytes([frame[1], frame[2], frame[3], frame[4]]) as usize;
    assert_eq!((frame[0], length), (0, frame.len() - 5));
    assert!(decode(&frame[..frame.len() - 1]).is_err());
    assert!(decode(&[frame, &[0]].concat()).is_err());
    let ids = held.iter().map(|held| held.device.as_str());
    let own = |id: &str| id.split("::").next().unwrap_or_default().to_owned();
    let uuids: Vec<String> = ids.map(own).chain(["GPU-of-nobody".to_owned()]).take(8).collect();
    let device = |uuid: &String| Device {
        index: 0,
        uuid: uuid.clone(),
        model: None,
        pci_bus_id: None,
        minor: None,
        slice: None,
        reading: Reading::default(),
        processes: Vec::new(),
        holders: Vec::new(),
    };
    let mut sample = Sample {
        node: String::new(),
        devices: uuids.iter().map(device).collect(),
        gaps: Vec::new(),
        ..Sample::default()
    };
    name(&mut sample, &held);
    for device in &sample.devices {
        for holder in &device.holders {
            let same = held.iter().any(|held| {
                let pod = (&held.holder.namespace, &held.holder.pod, &held.holder.container);
                pod == (&holder.namespace, &holder.pod, &holder.container) && held.device.starts_with(&device.uuid)
            });
            assert!(same, "{holder:?} on {}", device.uuid);
        }
        assert!(
            device.uuid != "GPU-of-nobody"
                || device.holders.is_empty()
                || held.iter().any(|held| held.device.starts_with("GPU-of-nobody"))
        );
    }
});
