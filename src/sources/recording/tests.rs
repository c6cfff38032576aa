//! Round trips, and every way in which a copy can be broken.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bytes::Bytes;
use proptest::prelude::*;

use super::fixture::{grid, labels, reading};
use super::manifest::Fingerprint;
use super::*;
use crate::model::reading::Series;
use crate::model::usage::{Column, Signal};
use crate::sources::prometheus::select::Pods;

type Files = BTreeMap<String, Vec<u8>>;

fn files(reading: &Reading) -> Files {
    encode(reading).unwrap().into_iter().collect()
}

fn decoded(files: &Files) -> Result<Reading, RecordingError> {
    decode(&|name| files.get(name).cloned().map(Bytes::from))
}

/// Columns compare `0.0` and `-0.0` as equal; a recording must not.
fn bits(reading: &Reading) -> Vec<Vec<(usize, u64)>> {
    let samples = |series: &Series| {
        series
            .column
            .samples()
            .map(|(at, value)| (at, value.to_bits()))
            .collect()
    };
    reading.series.iter().map(samples).collect()
}

#[test]
fn a_reading_comes_back_as_it_was() {
    let reading = reading();
    let back = decoded(&files(&reading)).unwrap();
    assert_eq!(back, reading);
    assert_eq!(bits(&back), bits(&reading));
}

#[test]
fn the_same_reading_gives_the_same_bytes_and_the_manifest_last() {
    let (once, again) = (encode(&reading()).unwrap(), encode(&reading()).unwrap());
    assert_eq!(once, again);
    assert_eq!(once.last().unwrap().0, MANIFEST);
}

#[test]
fn an_empty_cluster_is_a_recording_too() {
    let mut empty = reading();
    (empty.inventory, empty.series) = (Inventory::default(), Vec::new());
    assert_eq!(decoded(&files(&empty)).unwrap(), empty);
}

/// The files of a reading that was written in parts, each the series at these places, a part after the other.
fn in_parts(reading: &Reading, parts: &[&[usize]], redacted: bool) -> Files {
    let mut samples = Vec::new();
    let mut writer = Writer::new(reading, &mut samples).unwrap();
    for part in parts {
        let series: Vec<Series> = part.iter().map(|at| reading.series[*at].clone()).collect();
        writer.add(&series).unwrap();
    }
    let files = writer.finish(reading.clone(), redacted).unwrap();
    let mut files: Files = files.into_iter().collect();
    files.insert(SAMPLES.to_owned(), samples);
    files
}

#[test]
fn parts_in_any_order_are_the_same_recording() {
    let reading = reading();
    // The second part holds again what the first did.
    let files = in_parts(&reading, &[&[2], &[0, 2], &[3], &[], &[1]], false);
    let back = decoded(&files).unwrap();
    assert_eq!(back, reading);
    assert_eq!(bits(&back), bits(&reading));
    let whole = encode(&reading).unwrap().into_iter().collect::<Files>();
    assert_eq!(files[INVENTORY], whole[INVENTORY]);
    assert_eq!(in_parts(&reading, &[&[0, 1, 2, 3]], false), whole);
}

#[test]
fn a_name_is_renamed_alike_in_every_part() {
    let mut whole = reading();
    redact(&mut whole);
    for parts in [&[&[2][..], &[0], &[3], &[1]][..], &[&[1, 0], &[3, 2]], &[&[0, 1, 2, 3]]] {
        let back = decoded(&in_parts(&reading(), parts, true)).unwrap();
        assert_eq!(back, whole);
        assert_eq!(bits(&back), bits(&whole));
    }
}

#[test]
fn the_series_of_some_pods_are_read_alone() {
    let mut reading = reading();
    let idle = labels(&[
        ("UUID", "GPU-1d1e"),
        ("namespace", "gpu-operator"),
        ("pod", "dcgm-exporter-x"),
    ]);
    let column = Column::from_options([Some(1.0), Some(2.0), None, Some(3.0)]);
    for (signal, labels) in [
        (Signal::Power, &idle),
        (Signal::Power, &reading.series[0].labels.clone()),
    ] {
        let (labels, column) = (labels.clone(), column.clone());
        reading.series.push(Series { signal, labels, column });
    }
    reading.settle();
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in in_parts(&reading, &[&[3, 0], &[4, 1, 2, 5]], false) {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let recorded = open(folder.path()).unwrap();
    assert_eq!(recorded.samples(), reading.samples());
    let mut pods = Pods::default();
    let pod = |namespace: &str, name: &str| BTreeSet::from([(namespace.to_owned(), name.to_owned())]);
    pods.add(&pod("zeppelinlab", "hindenburg-28400-x7k2p"));
    pods.add(&pod("nowhere", "nobody"));
    pods.add_device("GPU-1d1e");
    let held = |wanted: bool| -> Vec<Series> {
        let of_pods = reading.series.iter().filter(|one| !one.signal.is_histogram());
        let all = of_pods.filter(|one| pods.hold(&one.labels) == wanted);
        all.cloned().collect()
    };
    assert_eq!(held(true).len(), 4, "the pod's own, and the idle GPU's");
    assert_eq!(recorded.of_pods(&pods).unwrap(), held(true));
    for (at_once, portions) in [(1, 1), (1000, 1)] {
        let others = recorded.others(std::slice::from_ref(&pods), at_once);
        assert_eq!(others.len(), portions);
        let read: Vec<Series> = others
            .iter()
            .flat_map(|portion| recorded.series(portion).unwrap())
            .collect();
        assert_eq!(read, held(false));
    }
    assert_eq!(recorded.others(&[], 8).len(), 3, "two series of four points at once");
    let added_up: Vec<Series> = reading
        .series
        .iter()
        .filter(|one| one.signal.is_histogram())
        .cloned()
        .collect();
    assert_eq!(added_up.len(), 1);
    assert_eq!(recorded.histograms().unwrap(), added_up);
    assert_eq!(recorded.whole().unwrap(), reading);
}

/// A disk with room for so many bytes.
struct Small(usize);

impl std::io::Write for Small {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_called_so() {
    let reading = reading();
    let mut rooms = 0;
    for room in (0..3000).step_by(100) {
        let written = Writer::new(&reading, Small(room)).and_then(|mut writer| {
            writer.add(&reading.series)?;
            writer.finish(reading.clone(), false)
        });
        match written {
            Err(RecordingError::Unstored { file, .. }) => assert_eq!(file, SAMPLES),
            Err(error) => panic!("{error}"),
            Ok(_) => rooms += 1,
        }
    }
    assert!(rooms > 0 && rooms < 30, "{rooms} of 30 were large enough");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_samples_and_gaps_come_back(
        columns in prop::collection::vec(
            (0..13_usize, prop::collection::vec(prop::option::weighted(0.7, prop::num::f64::NORMAL | prop::num::f64::ZERO
                | prop::num::f64::SUBNORMAL | prop::num::f64::NEGATIVE), 30)),
            0..12,
        )
    ) {
        let mut reading = reading();
        let hours = reading.series.iter().filter(|series| series.signal.is_histogram()).cloned().collect::<Vec<_>>();
        reading.grid = grid(30);
        reading.series = columns.iter().enumerate().map(|(n, (signal, values))| Series {
            signal: Signal::ALL[*signal],
            labels: labels(&[("pod", &format!("pod-{n}"))]),
            column: Column::from_options(values.iter().copied()),
        }).chain(hours).collect();
        reading.settle();
        let back = decoded(&files(&reading)).unwrap();
        prop_assert_eq!(bits(&back), bits(&reading));
        prop_assert_eq!(back, reading);
    }
}

#[test]
fn a_folder_of_something_else_is_told_what_a_recording_is() {
    let missing = read(Path::new("no/such/folder")).unwrap_err().to_string();
    assert!(
        missing.contains("no/such/folder") && missing.contains("gpuwise record --output DIR"),
        "{missing}"
    );
    let folder = tempfile::tempdir().unwrap();
    let empty = read(folder.path()).unwrap_err().to_string();
    assert!(
        empty.contains("no manifest.json") && empty.contains("gpuwise record --output DIR"),
        "{empty}"
    );
    std::fs::write(folder.path().join(MANIFEST), br#"{"name": "web-app", "version": 3}"#).unwrap();
    let other = read(folder.path()).unwrap_err().to_string();
    assert!(other.contains("this is no recording"), "{other}");
}

#[test]
fn a_folder_on_disk_is_read_and_named_when_it_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files(&reading()) {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    assert_eq!(read(folder.path()).unwrap(), reading());
    std::fs::remove_file(folder.path().join(SERIES)).unwrap();
    let error = read(folder.path()).unwrap_err();
    let RecordingError::In { problem, .. } = &error else {
        panic!("{error}")
    };
    assert!(
        matches!(&**problem, RecordingError::Missing(file) if file == SERIES),
        "{error}"
    );
    assert!(
        error.to_string().contains(&folder.path().display().to_string()),
        "{error}"
    );
}

#[test]
fn a_file_cut_anywhere_is_never_taken_for_whole() {
    let whole = files(&reading());
    for name in [INVENTORY, SERIES, SAMPLES, MANIFEST] {
        let length = whole[name].len();
        // The manifest's last byte is its newline.
        for end in (0..length - 1).step_by(7) {
            let mut cut = whole.clone();
            cut.get_mut(name).unwrap().truncate(end);
            let error = decoded(&cut).unwrap_err();
            match &error {
                RecordingError::CutShort { file, expected, found } => {
                    assert_eq!((file.as_str(), *expected, *found), (name, length as u64, end as u64));
                }
                RecordingError::ManifestCutShort(_) => assert_eq!(name, MANIFEST),
                _ => panic!("{name} cut at {end}: {error}"),
            }
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}

#[test]
fn a_changed_file_is_told_by_its_checksum_or_its_length() {
    for name in [INVENTORY, SERIES, SAMPLES] {
        let mut changed = files(&reading());
        let content = changed.get_mut(name).unwrap();
        let middle = content.len() / 2;
        content[middle] ^= 1;
        assert!(matches!(decoded(&changed), Err(RecordingError::Changed { file, .. }) if file == name));
        let mut longer = files(&reading());
        longer.get_mut(name).unwrap().push(b' ');
        assert!(matches!(decoded(&longer), Err(RecordingError::Changed { file, .. }) if file == name));
    }
}

/// The files with one of them replaced, and the manifest made to agree.
fn forged(name: &str, content: &[u8]) -> Files {
    let reading = reading();
    let mut files = files(&reading);
    files.insert(name.to_owned(), content.to_owned());
    let manifest = files.remove(MANIFEST).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    manifest["files"][name] = serde_json::to_value(Fingerprint::of(content)).unwrap();
    files.insert(MANIFEST.to_owned(), serde_json::to_vec(&manifest).unwrap());
    files
}

/// The files with one member of the manifest replaced.
fn manifested(member: &str, value: impl Into<serde_json::Value>) -> Files {
    let mut files = files(&reading());
    let mut manifest: serde_json::Value = serde_json::from_slice(&files[MANIFEST]).unwrap();
    manifest[member] = value.into();
    files.insert(MANIFEST.to_owned(), serde_json::to_vec(&manifest).unwrap());
    files
}

#[test]
fn broken_json_is_named_with_its_place() {
    let error = decoded(&forged(INVENTORY, b"{\"inventory\": {},\n\"gaps\": 7}")).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(INVENTORY) && text.contains("line 2 column"), "{text}");
}

#[test]
fn samples_that_do_not_fit_are_refused() {
    assert!(matches!(
        decoded(&forged(SAMPLES, b"PAR1 is not enough")),
        Err(RecordingError::Parquet(_))
    ));
    let mut short = reading();
    short.series.truncate(1);
    let unlisted = decoded(&forged(SERIES, &files(&short)[SERIES]))
        .unwrap_err()
        .to_string();
    assert!(
        unlisted.contains("series 2, which series.json does not list"),
        "{unlisted}"
    );
    let twice = br#"[{"id":0,"signal":"power","labels":{}},{"id":0,"signal":"power","labels":{}}]"#;
    let twice = decoded(&forged(SERIES, twice)).unwrap_err().to_string();
    assert!(twice.contains("two series with the id 0"), "{twice}");
    let coarse = decoded(&manifested("step_seconds", 120)).unwrap_err().to_string();
    assert!(coarse.contains("no point of the window"), "{coarse}");
    let still = decoded(&manifested("step_seconds", 0)).unwrap_err().to_string();
    assert!(still.contains("no time at all"), "{still}");
}

#[test]
fn a_newer_recording_is_not_guessed_at() {
    for files in [
        manifested("version", 2),
        manifested("asked", serde_json::json!(["gpu_util", "neural_activity"])),
        forged(SERIES, br#"[{"id":0,"signal":"neural_activity","labels":{}}]"#),
    ] {
        let error = decoded(&files).unwrap_err();
        let newer = matches!(error, RecordingError::Newer(_));
        assert!(newer || error.to_string().contains("does not list"), "{error}");
    }
}

#[test]
fn a_figure_that_json_cannot_hold_is_refused_and_not_lost() {
    let mut reading = reading();
    reading.inventory.node_costs[0].total_cost = f64::NAN;
    assert!(matches!(encode(&reading), Err(RecordingError::NotANumber { what }) if what.contains("cost of node")));
    let mut reading = super::fixture::reading();
    reading.series[0].column = Column::gaps(3);
    assert!(matches!(
        encode(&reading),
        Err(RecordingError::OffGrid {
            expected: 4,
            found: 3,
            ..
        })
    ));
}

#[test]
fn no_byte_of_the_samples_brings_the_reader_down() {
    let whole = files(&reading());
    let mut gave_up = 0;
    for at in 0..whole[SAMPLES].len() {
        let mut content = whole[SAMPLES].clone();
        content[at] = 2;
        let mut forged = whole.clone();
        let mut manifest: serde_json::Value = serde_json::from_slice(&whole[MANIFEST]).unwrap();
        manifest["files"][SAMPLES] = serde_json::to_value(manifest::Fingerprint::of(&content)).unwrap();
        forged.insert(SAMPLES.to_owned(), content);
        forged.insert(MANIFEST.to_owned(), serde_json::to_vec(&manifest).unwrap());
        match decoded(&forged) {
            Err(error) => gave_up += usize::from(error.to_string().contains("gave up on it")),
            Ok(read) => assert_eq!(read.series.len(), reading().series.len(), "byte {at}"),
        }
    }
    assert!(gave_up > 0, "the library no longer panics, and need not be caught");
}

#[test]
fn a_window_without_end_takes_no_memory() {
    let window = serde_json::json!({"start": "0001-01-01T00:00:00Z", "end": "9000-01-01T00:00:00Z"});
    let error = decoded(&manifested("window", window)).unwrap_err().to_string();
    assert!(error.contains("more points than any recording"), "{error}");
}
