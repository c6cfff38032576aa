//! Recordings of clusters that fit in no memory: written and judged part by part, they say what those that were made as a
//! whole say, and one that was interrupted says nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::model::cluster::Labels;
use gpuwise::model::progress::{Progress, Silent};
use gpuwise::model::reading::{Reading, Series};
use gpuwise::model::usage::{Column, Signal};
use gpuwise::pipeline::{self, Source};
use gpuwise::report;
use gpuwise::sources::recording;

use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::binary::{self, SOURCE};
use crate::generator::{Size, World};
use crate::reach::{Server, no_series};

/// More than any world here has.
pub(crate) const WHOLE: u64 = u64::MAX;

fn judge() -> Judge {
    Judge::new(&[], Catalog::shipped().unwrap()).unwrap()
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(work)
}

fn source(folder: &Path, samples_at_once: u64) -> Source {
    Source::Recording {
        folder: folder.to_owned(),
        samples_at_once,
        replay_limit: 50,
    }
}

/// A recording of a reading, made as a whole.
pub(crate) fn written(reading: &Reading, folder: &Path) -> PathBuf {
    let folder = folder.join("whole");
    fs::create_dir(&folder).unwrap();
    for (name, content) in recording::encode(reading).unwrap() {
        fs::write(folder.join(name), content).unwrap();
    }
    folder
}

/// A recording of a recording, in parts of so many samples.
fn copied(from: &Path, samples_at_once: u64, redacted: bool, name: &str) -> PathBuf {
    let folder = from.with_file_name(name);
    run(pipeline::record(
        &source(from, samples_at_once),
        redacted,
        &folder,
        &Silent,
    ))
    .unwrap();
    folder
}

pub(crate) fn plan(folder: &Path, samples_at_once: u64) -> String {
    let source = source(folder, samples_at_once);
    let plan = run(pipeline::plan(&source, &judge(), &Scope::default(), &Silent)).unwrap();
    report::json::json(&plan).unwrap()
}

/// Everything that other commands print of it.
pub(crate) fn told(folder: &Path, samples_at_once: u64) -> String {
    let source = source(folder, samples_at_once);
    let checkup = run(pipeline::doctor(&source, &judge(), &Scope::default(), &Silent)).unwrap();
    let prices = run(pipeline::prices(&source, &judge(), &Silent)).unwrap();
    report::doctor::json(&checkup).unwrap() + &report::prices::json(&prices).unwrap()
}

/// A GPU that nobody holds, as its exporter tells it, and what names no pod at all.
fn idle(reading: &mut Reading) {
    let labels = |pairs: &[(&str, &str)]| -> Labels {
        let owned = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        owned.collect()
    };
    let idle = [
        ("Hostname", "a-node"),
        ("UUID", "GPU-1d1e"),
        ("namespace", "gpu-operator"),
        ("pod", "dcgm-exporter-x"),
    ];
    for labels in [labels(&idle), labels(&idle[..2]), labels(&[("model_name", "nameless")])] {
        let signal = if labels.contains_key("UUID") {
            Signal::MemoryUsed
        } else {
            Signal::RequestsRunning
        };
        let column = Column::from_options((0..reading.grid.points()).map(|at| Some(at as f64)));
        reading.series.push(Series { signal, labels, column });
    }
    reading.settle();
}

#[test]
fn in_parts_and_as_a_whole_a_recording_is_the_same() {
    for (seed, size, days) in [(4, Size::Small, 2), (2, Size::Medium, 3)] {
        let folder = tempfile::tempdir().unwrap();
        let mut reading = World::generate(seed, size, days).to_reading(3600);
        idle(&mut reading);
        let whole = written(&reading, folder.path());
        let wanted = plan(&whole, WHOLE);
        let told_whole = told(&whole, WHOLE);
        for at_once in [1, 2_000] {
            assert!(plan(&whole, at_once) == wanted, "judged in parts of {at_once}");
            assert!(told(&whole, at_once) == told_whole, "told in parts of {at_once}");
            let parts = copied(&whole, at_once, false, &format!("parts-{at_once}"));
            assert_eq!(recording::read(&parts).unwrap(), reading);
            assert!(plan(&parts, WHOLE) == wanted && plan(&parts, at_once) == wanted);
            let inventory = |folder: &Path| fs::read_to_string(folder.join("inventory.json")).unwrap();
            assert_eq!(inventory(&parts), inventory(&whole));
        }
    }
}

#[test]
fn names_are_renamed_alike_in_parts_and_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut reading = World::generate(4, Size::Small, 2).to_reading(1800);
    idle(&mut reading);
    let whole = written(&reading, folder.path());
    let redacted = copied(&whole, WHOLE, true, "redacted");
    let parts = copied(&whole, 1, true, "redacted-in-parts");
    let (one, other) = (recording::read(&redacted).unwrap(), recording::read(&parts).unwrap());
    assert!(one != reading, "nothing was renamed");
    assert_eq!(one, other);
    assert_eq!(plan(&parts, 1), plan(&redacted, WHOLE));
}

#[test]
fn a_part_takes_the_memory_of_a_part() {
    let folder = tempfile::tempdir().unwrap();
    let whole = written(&World::generate(4, Size::Small, 2).to_reading(1800), folder.path());
    let parts = copied(&whole, 1, false, "parts");
    let samples = SerializedFileReader::new(fs::File::open(parts.join("samples.parquet")).unwrap()).unwrap();
    let groups = samples.metadata().row_groups();
    let rows: Vec<i64> = groups.iter().map(|group| group.num_rows()).collect();
    let all: i64 = rows.iter().sum();
    // A row group has one workload's series, so that others need not be read for it.
    assert!(rows.iter().all(|own| *own < all / 10), "{rows:?} of {all}");
    assert!(rows.len() > 30, "{rows:?}");
}

/// Counts what it is told.
#[derive(Default)]
struct Watched(std::sync::Mutex<Vec<(String, Option<u64>, u64)>>);

impl Progress for Watched {
    fn stage(&self, name: &str, total: Option<u64>) {
        self.0.lock().unwrap().push((name.to_owned(), total, 0));
    }
    fn advance(&self, done: u64) {
        self.0.lock().unwrap().last_mut().unwrap().2 += done;
    }
}

#[test]
fn progress_comes_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut reading = World::generate(4, Size::Small, 2).to_reading(3600);
    idle(&mut reading);
    let whole = written(&reading, folder.path());
    let watched = Watched::default();
    let to = folder.path().join("parts");
    run(pipeline::record(&source(&whole, 1), false, &to, &watched)).unwrap();
    let stages = watched.0.into_inner().unwrap();
    let (_, total, done) = stages.last().unwrap();
    assert!(*done > 5 && Some(*done) == *total, "{stages:?}");
}

#[test]
fn what_fails_leaves_nothing_and_an_earlier_recording_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let reading = World::generate(4, Size::Small, 2).to_reading(3600);
    let whole = written(&reading, folder.path());
    let nowhere = source(&folder.path().join("nowhere"), WHOLE);
    let fresh = folder.path().join("fresh");
    run(pipeline::record(&nowhere, false, &fresh, &Silent)).unwrap_err();
    assert!(!fresh.exists());
    run(pipeline::record(&nowhere, false, &whole, &Silent)).unwrap_err();
    assert_eq!(recording::read(&whole).unwrap(), reading);
    assert_eq!(fs::read_dir(&whole).unwrap().count(), 6);
}

#[test]
fn a_run_that_is_killed_leaves_nothing_that_reads() {
    // It answers what a server is asked first, and hangs where metrics are read.
    let server = Server::start(|asked| {
        if asked.form.contains_key("step") {
            std::thread::sleep(Duration::from_secs(120));
        }
        no_series(asked)
    });
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("recording");
    let path = recording.to_str().unwrap();
    let arguments = ["record", "--no-kubernetes", "--window", "1h", "--output", path];
    let mut command = binary::command(folder.path());
    let mut child = command
        .args(arguments)
        .args(["--prometheus", &server.url])
        .spawn()
        .unwrap();
    let began = Instant::now();
    while !server.asked().iter().any(|asked| asked.form.contains_key("step")) {
        assert!(began.elapsed() < Duration::from_secs(60), "it never read");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(recording.join("samples.parquet.part").exists());
    let ran = binary::run(&["analyze", "--recording", path]);
    ran.fails(SOURCE, &["no manifest.json", path]);
    let quick = Server::start(no_series);
    binary::run(&[&arguments[..], &["--prometheus", &quick.url]].concat()).printed();
    assert_eq!(fs::read_dir(&recording).unwrap().count(), 4);
    recording::read(&recording).unwrap();
}

#[test]
fn what_was_killed_reads_as_nothing_and_is_recorded_over() {
    let folder = tempfile::tempdir().unwrap();
    let reading = World::generate(4, Size::Small, 2).to_reading(3600);
    let whole = written(&reading, folder.path());
    let killed = folder.path().join("killed");
    fs::create_dir(&killed).unwrap();
    // What it leaves: at first the samples so far, at last all but the manifest.
    fs::write(killed.join("samples.parquet.part"), b"PAR1").unwrap();
    let says = |folder: &Path| recording::read(folder).unwrap_err().to_string();
    assert!(says(&killed).contains("no manifest.json"), "{}", says(&killed));
    for name in ["samples.parquet", "inventory.json", "series.json"] {
        fs::copy(whole.join(name), killed.join(name)).unwrap();
        assert!(says(&killed).contains("no manifest.json"), "{}", says(&killed));
    }
    run(pipeline::record(&source(&whole, 1), false, &killed, &Silent)).unwrap();
    assert_eq!(recording::read(&killed).unwrap(), reading);
    assert_eq!(fs::read_dir(&killed).unwrap().count(), 6);
}
