//! Recordings of clusters that fit in no memory: written and judged part by part, they say what those that were made as a
//! whole say, and one that was interrupted says nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
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

use jiff::Timestamp;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::binary::{self, SOURCE};
use crate::generator::{END, HOUR, Size, World};
use crate::reach::{Server, no_series};
use crate::servers;

/// More than any world here has.
const WHOLE: u64 = u64::MAX;

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
    }
}

/// A recording of a reading, made as a whole.
fn written(reading: &Reading, folder: &Path) -> PathBuf {
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

fn plan(folder: &Path, samples_at_once: u64) -> String {
    let source = source(folder, samples_at_once);
    let plan = run(pipeline::plan(&source, &judge(), &Scope::default(), &Silent)).unwrap();
    report::json::json(&plan).unwrap()
}

/// Everything that other commands print of it.
fn told(folder: &Path, samples_at_once: u64) -> String {
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

/// The same world where nothing but metrics tells of pods, and every third GPU is held by a pod of another namespace besides: as
/// long as the first (time-slicing), or when the first is gone.
fn handed_on(reading: &Reading) -> Reading {
    let mut reading = reading.clone();
    reading.inventory.pods.clear();
    reading.inventory.pod_history.clear();
    let of_gpus = reading.series.iter().filter(|series| series.signal.is_gpu());
    let uuids: BTreeSet<String> = of_gpus
        .filter_map(|series| series.labels.get("UUID").cloned())
        .collect();
    let place: BTreeMap<&String, usize> = uuids.iter().zip(0..).collect();
    let half = reading.grid.points() / 2;
    let mut more = Vec::new();
    for series in reading.series.iter_mut().filter(|series| series.signal.is_gpu()) {
        let Some(place) = place[&series.labels["UUID"]].checked_rem(3) else {
            continue;
        };
        if place == 0 || !series.labels.contains_key("exported_pod") {
            continue;
        }
        let mut other = series.clone();
        other
            .labels
            .insert("exported_namespace".to_owned(), "zz-others".to_owned());
        if place == 2 {
            (0..half).for_each(|at| other.column.clear(at));
            (half..half * 2 + 2).for_each(|at| series.column.clear(at));
        }
        more.push(other);
    }
    reading.series.extend(more);
    reading.settle();
    reading
}

/// Whether two pods hold a GPU together or one after the other, samples tell where nothing else does, in whichever parts they are.
#[test]
fn who_shares_a_gpu_is_seen_across_parts() {
    let world = World::generate(4, Size::Small, 2).to_reading(3600);
    // A pod of which kube-state-metrics saw two lives.
    let mut again = handed_on(&world);
    again.inventory.pod_history.clone_from(&world.inventory.pod_history);
    for pod in world.inventory.pod_history.iter().take(12) {
        let third = (pod.last.as_second() - pod.first.as_second()) / 3;
        let mut beside = pod.clone();
        beside.namespace = "zz-others".to_owned();
        beside.last = Timestamp::from_second(pod.first.as_second() + third).unwrap();
        let mut later = beside.clone();
        (later.first, later.last) = (Timestamp::from_second(pod.last.as_second() - third).unwrap(), pod.last);
        again.inventory.pod_history.extend([beside, later]);
    }
    again.settle();
    for (what, reading) in [("strangers", handed_on(&world)), ("two lives", again)] {
        let folder = tempfile::tempdir().unwrap();
        let whole = written(&reading, folder.path());
        let (wanted, told_whole) = (plan(&whole, WHOLE), told(&whole, WHOLE));
        for at_once in [1, 2_000] {
            assert!(plan(&whole, at_once) == wanted, "{what}: judged in parts of {at_once}");
            assert!(
                told(&whole, at_once) == told_whole,
                "{what}: told in parts of {at_once}"
            );
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
    assert_eq!(fs::read_dir(&whole).unwrap().count(), 4);
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
    assert_eq!(fs::read_dir(&killed).unwrap().count(), 4);
}

/// Series whose labels name their pod or GPU in full, in part or not at all.
const NAMED: [(&str, &str); 9] = [
    (
        "DCGM_FI_DEV_FB_USED",
        r#"UUID="GPU-1",Hostname="n",namespace="ml",pod="chat-0""#,
    ),
    ("DCGM_FI_DEV_FB_USED", r#"UUID="GPU-2",Hostname="n""#),
    ("DCGM_FI_DEV_FB_USED", r#"gpu="3",Hostname="n",pod="exporter""#),
    (
        "DCGM_FI_DEV_FB_USED",
        r#"gpu="4",Hostname="n",exported_pod="a",namespace="b""#,
    ),
    // AMD's exporter, scraped from a list of addresses.
    ("gpu_used_vram", r#"gpu_uuid="ccff74a1-0000",hostname="m",gpu_id="0""#),
    (
        "gpu_used_vram",
        r#"gpu_uuid="ccff74a1-0001",hostname="m",gpu_id="1",exported_namespace="ml",exported_pod="train-0""#,
    ),
    // Model servers outside Kubernetes.
    (
        "nv_inference_pending_request_count",
        r#"model="a",version="1",gpu_uuid="GPU-2""#,
    ),
    ("vllm:num_requests_running", r#"model_name="b""#),
    ("vllm:num_requests_running", r#"model_name="c",pod="vllm""#),
];

#[tokio::test]
async fn what_names_no_pod_is_recorded_in_parts_too() {
    if !servers::prometheus_is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (_running, url) = servers::prometheus_over(folder.path(), |out| {
        let mut before = "";
        for (metric, labels) in NAMED {
            if metric != before {
                writeln!(out, "# TYPE {metric} gauge")?;
                before = metric;
            }
            for at in (END - 2 * HOUR..=END).step_by(30) {
                writeln!(out, "{metric}{{{labels}}} 7 {at}")?;
            }
        }
        writeln!(out, "# EOF")
    })
    .await;
    let until = Timestamp::from_second(END).unwrap().to_string();
    for more in [&[][..], &["--no-remote-read"]] {
        let read = |at_once: &str| {
            let to = folder.path().join(format!("{at_once}-{}", more.len()));
            let place = [
                "record",
                "--output",
                to.to_str().unwrap(),
                "--no-kubernetes",
                "--prometheus",
                &url,
            ];
            let window = [
                "--window",
                "1h",
                "--step",
                "60",
                "--until",
                &until,
                "--samples-at-once",
                at_once,
            ];
            binary::run(&[&place[..], &window[..], more].concat()).printed();
            recording::read(&to).unwrap()
        };
        let whole = read("1000000");
        assert_eq!(whole.series.len(), NAMED.len());
        assert_eq!(read("1"), whole, "{more:?}");
    }
}
