//! A recording that was damaged: what the manifest's checksums cover is refused when it is not what was recorded; what
//! passes, because the manifest was made to fit, comes back the same when it is recorded again.

#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use gpuwise::model::cluster::{Inventory, Labels, Node, Pod};
use gpuwise::model::reading::{Reading, Series};
use gpuwise::model::time::{Grid, Window};
use gpuwise::model::usage::{Column, Signal};
use gpuwise::sources::recording::{decode, encode};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

const FILES: [&str; 4] = ["manifest.json", "inventory.json", "series.json", "samples.parquet"];

static WHOLE: LazyLock<BTreeMap<String, Vec<u8>>> =
    LazyLock::new(|| encode(&reading()).expect("a recording").into_iter().collect());

/// The Parquet library panics on some files, which must end in an error and not in the fuzzer's hook.
static QUIET: LazyLock<()> = LazyLock::new(|| {
    let abort = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|place| place.file().contains("/parquet-")) {
            abort(panic);
        }
    }));
});

// A byte says which file, whether the manifest is made to fit, and how the file is damaged; two say where; the rest is laid there.
fuzz_target!(|data: &[u8]| {
    LazyLock::force(&QUIET);
    let [how, high, low, new @ ..] = data else { return };
    let mut files = WHOLE.clone();
    let name = FILES[usize::from(how & 3)];
    let fits = how & 4 != 0;
    let at = usize::from(u16::from_be_bytes([*high, *low]));
    if let Some(file) = files.get_mut(name) {
        damage(file, how >> 4, at, new);
    }
    let damaged = files[name] != WHOLE[name];
    if fits {
        fit(&mut files);
    }
    let outcome = decode(&|name| files.get(name).cloned().map(Bytes::from));
    let Ok(reading) = outcome else {
        assert!(damaged, "a whole recording is refused: {outcome:?}");
        return;
    };
    assert!(
        fits || !damaged || name == "manifest.json",
        "{name} was damaged, and nobody saw"
    );
    let again: BTreeMap<String, Vec<u8>> = encode(&reading)
        .expect("what was read can be recorded")
        .into_iter()
        .collect();
    let back = decode(&|name| again.get(name).cloned().map(Bytes::from)).expect("what was recorded can be read");
    assert_eq!(back, reading);
    for series in &reading.series {
        assert_eq!(series.column.len(), reading.grid.points());
        assert!(series.column.samples().all(|(_, value)| value.is_finite()));
    }
});

fn damage(file: &mut Vec<u8>, kind: u8, at: usize, new: &[u8]) {
    let at = at.min(file.len());
    match kind % 4 {
        0 => new.clone_into(file),
        1 => file.truncate(at),
        2 => _ = file.splice(at..at, new.iter().copied()),
        _ => _ = file.splice(at..(at + new.len()).min(file.len()), new.iter().copied()),
    }
}

/// Sizes and checksums of the files as they are now, where the manifest can still be read.
fn fit(files: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(mut manifest) = serde_json::from_slice::<serde_json::Value>(&files[FILES[0]]) else {
        return;
    };
    for name in &FILES[1..] {
        if let Some(print) = manifest.pointer_mut(&format!("/files/{name}")) {
            let content = &files[*name];
            *print = serde_json::json!({"bytes": content.len(), "crc32": format!("{:08x}", crc32fast::hash(content))});
        }
    }
    files.insert(FILES[0].to_owned(), manifest.to_string().into_bytes());
}

fn reading() -> Reading {
    let at = |second| Timestamp::from_second(second).expect("a time");
    let grid = Grid {
        window: Window {
            start: at(1_793_491_200),
            end: at(1_793_498_400),
        },
        step_seconds: 60,
    };
    let series = |(signal, gpu): (Signal, u32)| {
        let value = |point: usize| (!point.is_multiple_of(7)).then_some(point as f64 * 0.1 + f64::from(gpu));
        Series {
            signal,
            labels: Labels::from([("UUID".to_owned(), format!("GPU-{gpu}"))]),
            column: Column::from_options((0..grid.points()).map(value)),
        }
    };
    let pod = Pod {
        namespace: "ml".to_owned(),
        name: "chat-0".to_owned(),
        ..Pod::default()
    };
    let node = Node {
        name: "n".to_owned(),
        ..Node::default()
    };
    Reading {
        cluster: "c".to_owned(),
        grid,
        currency: "USD".to_owned(),
        inventory: Inventory {
            nodes: vec![node],
            pods: vec![pod],
            ..Inventory::default()
        },
        series: [(Signal::GpuUtil, 0), (Signal::GpuUtil, 1), (Signal::Power, 0)]
            .map(series)
            .to_vec(),
        requests: Vec::new(),
        asked: vec![Signal::GpuUtil, Signal::Power],
        gaps: Vec::new(),
    }
}
