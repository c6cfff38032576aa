//! A whole cluster, read and judged, against decoding what was read.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use futures_util::{StreamExt, stream};
use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::model::progress::Silent;
use gpuwise::pipeline::{self, Kubernetes, Live, Source};
use gpuwise::sources::endpoint::Endpoint;
use gpuwise::sources::prometheus::matcher::Matchers;
use jiff::{SignedDuration, Timestamp};

use super::cluster::{Asked, Cluster};

/// What the binary holds in memory at once unless told otherwise.
const AT_ONCE: u64 = 52_000_000;

/// The end of every window.
pub(crate) const END: i64 = 1_795_000_020;

/// Runs the judge in a process of its own, then decodes what it asked for.
pub(crate) fn measure(gpus: usize, days: usize) {
    let cluster = Cluster::start(gpus);
    println!("{} GPUs, {days} days of minutes, six signals", cluster.gpus);
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["judge", &cluster.url, &days.to_string()])
        .status()
        .unwrap();
    assert!(child.success());
    let asked = cluster.asked();
    let of = |metric: &str| asked.iter().filter(|asked| asked.query.contains(metric)).count();
    println!(
        "range requests: {} in all, {} for memory in use",
        asked.len(),
        of("DCGM_FI_DEV_FB_USED")
    );
    let began = Instant::now();
    let samples = tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(decode_alone(&cluster.url, asked));
    let alone = began.elapsed().as_secs_f64();
    println!(
        "decoding the same answers alone: {alone:.1} s, {:.1} million samples a second",
        samples as f64 / alone / 1e6
    );
}

/// Asks for the same answers, as many at once as the product does, and throws the samples away.
async fn decode_alone(url: &str, asked: Vec<Asked>) -> u64 {
    let http = reqwest::Client::new();
    let samples = AtomicU64::new(0);
    stream::iter(asked)
        .map(|asked| {
            let form = [
                ("query", asked.query.clone()),
                ("start", asked.start.to_string()),
                ("end", asked.end.to_string()),
                ("step", asked.step.to_string()),
            ];
            let request = http.post(format!("{url}/api/v1/query_range")).form(&form);
            let samples = &samples;
            async move {
                let sink = |row: gpuwise::sources::prometheus::decode::SeriesRow| {
                    samples.fetch_add(row.samples.len() as u64, Ordering::Relaxed);
                };
                let response = request.send().await.unwrap();
                gpuwise::sources::prometheus::body::decode_response(response, &sink)
                    .await
                    .unwrap();
            }
        })
        .buffered(2)
        .collect::<Vec<()>>()
        .await;
    samples.into_inner()
}

/// The cluster at this URL; its kubeconfig lies in the folder.
fn live(url: &str, days: usize, folder: &Path) -> Source {
    let kubeconfig = folder.join("kubeconfig");
    let text = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "bench",
        "clusters": [{"name": "bench", "cluster": {"server": url}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "nobody"}}],
        "users": [{"name": "nobody", "user": {}}],
    });
    std::fs::write(&kubeconfig, text.to_string()).unwrap();
    Source::Live(Box::new(Live {
        prometheus: Some(Endpoint::new(url)),
        within: Matchers::default(),
        looked_for: Endpoint::new(""),
        costs: None,
        kubernetes: Kubernetes::Read {
            kubeconfig: Some(kubeconfig),
            context: None,
        },
        cluster: None,
        window: SignedDuration::from_hours(24 * days as i64),
        until: Some(Timestamp::from_second(END).unwrap()),
        step_seconds: Some(60),
        samples_at_once: AT_ONCE,
        replay_limit: 50,
        ledger: None,
        remote_read: false,
        metric_facts: false,
    }))
}

/// The most memory that this process has had.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.unwrap_or("unknown").trim().to_owned()
}

/// Reads and judges, and tells how long it took and how much memory.
pub(crate) fn judge(url: &str, days: usize) {
    let folder = tempfile::tempdir().unwrap();
    judged(&live(url, days, folder.path()), "read and judged");
}

fn judged(source: &Source, what: &str) {
    let judge = Judge::new(&[], Catalog::shipped().unwrap()).unwrap();
    let began = Instant::now();
    let scope = Scope::default();
    let run = pipeline::plan(source, &judge, &scope, &Silent);
    let plan = tokio::runtime::Runtime::new().unwrap().block_on(run).unwrap();
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{what}: {seconds:.1} s, {:.1} million samples a second, {} workloads, {} samples; memory at its peak {}",
        plan.coverage.samples as f64 / seconds / 1e6,
        plan.workloads.len(),
        plan.coverage.samples,
        peak()
    );
}

/// Records a cluster, and judges its recording in a process of its own.
pub(crate) fn record(gpus: usize, days: usize) {
    let cluster = Cluster::start(gpus);
    println!("{} GPUs, {days} days of minutes, six signals", cluster.gpus);
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("recording");
    let itself = std::env::current_exe().unwrap();
    let path = recording.to_str().unwrap();
    for work in [["write", &cluster.url, path], ["read", &cluster.url, path]] {
        let mut child = Command::new(&itself);
        assert!(child.args(work).arg(days.to_string()).status().unwrap().success());
    }
}

/// Writes a recording and tells how long it took, how much memory, and how large it is.
pub(crate) fn write(url: &str, recording: &Path, days: usize) {
    let folder = tempfile::tempdir().unwrap();
    let source = live(url, days, folder.path());
    let began = Instant::now();
    let run = pipeline::record(&source, false, recording, &Silent);
    tokio::runtime::Runtime::new().unwrap().block_on(run).unwrap();
    let samples = std::fs::metadata(recording.join("samples.parquet")).unwrap().len();
    println!(
        "read and written: {:.1} s, {:.0} MB of samples; memory at its peak {}",
        began.elapsed().as_secs_f64(),
        samples as f64 / 1e6,
        peak()
    );
}

/// Judges a recording.
pub(crate) fn read(recording: &Path) {
    let source = Source::Recording {
        folder: recording.to_owned(),
        samples_at_once: AT_ONCE,
        replay_limit: 50,
    };
    judged(&source, "the recording, judged");
}
