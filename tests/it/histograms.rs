//! Histograms of model servers from a real Prometheus: hour by hour what the generator says they are, quantiles where the
//! generator planted them, and nothing of one workload in another's.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use gpuwise::model::reading::Series;
use gpuwise::sources::recording;
use serde_json::Value;

use crate::generator::latency::{FAMILIES, quantile, truth};
use crate::generator::{END, HOUR, SCRAPE, Size, World};
use crate::servers::{self, prometheus_is_installed};

const HOURS: i64 = 12;

/// Runs the binary over the last hours of a Prometheus, without Kubernetes, and answers with what it printed.
fn gpuwise(command: &[&str], prometheus: &str) -> String {
    let until = jiff::Timestamp::from_second(END).unwrap().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_gpuwise"))
        .args(command)
        .args([
            "--no-kubernetes",
            "--prometheus",
            prometheus,
            "--step",
            "60",
            "--until",
            &until,
        ])
        .args(["--window", &format!("{HOURS}h")])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "gpuwise {command:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

fn plan(prometheus: &str) -> Value {
    serde_json::from_str(&gpuwise(&["analyze", "--format", "json"], prometheus)).unwrap()
}

/// The histogram series of a recording.
fn recorded(prometheus: &str, folder: &Path) -> Vec<Series> {
    let path = folder.join("recording");
    gpuwise(&["record", "--output", path.to_str().unwrap()], prometheus);
    let mut series = recording::read(&path).unwrap().series;
    series.retain(|series| series.signal.is_histogram());
    series
}

/// The bucket that a value is counted in.
fn bucket(bounds: &[f64], value: f64) -> (f64, f64) {
    let at = bounds.partition_point(|bound| *bound < value);
    let lower = at.checked_sub(1).map_or(0.0, |at| bounds[at]);
    (lower, bounds.get(at).copied().unwrap_or(f64::INFINITY))
}

#[tokio::test]
async fn what_prometheus_adds_up_is_what_the_servers_counted() {
    if !prometheus_is_installed() {
        return;
    }
    let world = World::generate(4, Size::Small, 2);
    let folder = tempfile::tempdir().unwrap();
    let span = (END - HOURS * HOUR - 600, END);
    let (_running, url) = servers::prometheus(&world, span, folder.path()).await;
    let read = recorded(&url, folder.path());
    let mut expected = world.to_reading(60).series;
    expected.retain(|series| series.signal.is_histogram());
    let last = |series: &Series| -> Vec<Option<f64>> {
        let points = series.column.len();
        (points - HOURS as usize..points)
            .map(|at| series.column.get(at))
            .collect()
    };
    expected.retain(|series| last(series).iter().any(Option::is_some));
    assert!(expected.len() > 300, "{}", expected.len());
    let names = |all: &[Series]| -> Vec<String> {
        all.iter()
            .map(|one| format!("{} {:?}", one.signal, one.labels))
            .collect()
    };
    assert_eq!(names(&read), names(&expected));
    for (is, should) in read.iter().zip(&expected) {
        for (hour, (is, value)) in last(is).into_iter().zip(last(should)).enumerate() {
            // The generator rounds rates to a billionth.
            let near = is
                .zip(value)
                .map_or(is == value, |(is, should)| (is - should).abs() <= 1e-4 + should * 1e-6);
            assert!(
                near,
                "{} {:?} in hour {hour}: {is:?} instead of {value:?}",
                should.signal, should.labels
            );
        }
    }
    let plan = plan(&url);
    let servers = world.workloads.iter().enumerate();
    let servers = servers.filter(|(_, workload)| workload.server.is_some());
    let seen: usize = servers.map(|(index, _)| quantiles(&world, index, &plan)).sum();
    assert!(seen >= 12, "{seen} quantiles");
}

/// Checks what the plan tells of a workload's latencies against every single request; how many quantiles that were.
fn quantiles(world: &World, index: usize, plan: &Value) -> usize {
    const FIELDS: [&str; 3] = [
        "time_to_first_token_seconds",
        "inter_token_latency_seconds",
        "request_latency_seconds",
    ];
    let workload = &world.workloads[index];
    let mut rows = plan["workloads"].as_array().unwrap().iter();
    let of = |row: &&Value| row["name"] == workload.name && row["namespace"] == workload.namespace;
    let Some(row) = rows.find(of) else { return 0 };
    let mut seen = 0;
    for (family, field) in FIELDS.into_iter().enumerate() {
        let observed = truth(world, index, family, END - HOURS * HOUR);
        let total = observed.iter().map(|(_, times)| times).sum::<u64>() as f64;
        let told = &row["serving"][field];
        for (name, q) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
            let Some(value) = told[name].as_f64() else {
                // Six, where the hour's ends cut one off.
                assert!(
                    total * (1.0 - q) < 6.0,
                    "{} has no {name} among {total}: {told}",
                    workload.name
                );
                continue;
            };
            let (lower, upper) = bucket(FAMILIES[family].1, quantile(&observed, q).unwrap());
            assert!(
                lower <= value && value <= upper,
                "{name} of {field}: {value} and not in {lower} to {upper}"
            );
            seen += 1;
        }
        let count = told["count"].as_f64().unwrap();
        assert!((count - total).abs() <= 1.0 + total * 0.05, "{told} of {total}");
    }
    seen
}

/// A pod on a GPU and the histogram that it serves: every request takes this long.
struct Pod {
    name: &'static str,
    metric: &'static str,
    seconds: f64,
    /// Requests a minute.
    requests: i64,
    /// Scrapers that each have it.
    scrapers: &'static [&'static str],
}

const fn pod(name: &'static str, metric: &'static str, seconds: f64, requests: i64) -> Pod {
    Pod {
        name,
        metric,
        seconds,
        requests,
        scrapers: &["a"],
    }
}

const BOUNDS: [f64; 4] = [0.5, 1.0, 2.0, 4.0];

fn write(out: &mut impl Write, pods: &[Pod]) {
    let scrapes = || (END - HOURS * HOUR - 600..=END).step_by(SCRAPE as usize);
    writeln!(out, "# TYPE DCGM_FI_DEV_FB_USED gauge").unwrap();
    for pod in pods {
        let labels = format!("UUID=\"GPU-{0}\",Hostname=\"n\",namespace=\"ml\",pod=\"{0}\"", pod.name);
        scrapes().for_each(|at| writeln!(out, "DCGM_FI_DEV_FB_USED{{{labels}}} 100 {at}").unwrap());
    }
    let mut metrics: Vec<&str> = pods.iter().map(|pod| pod.metric).collect();
    metrics.sort_unstable();
    metrics.dedup();
    for metric in metrics {
        writeln!(out, "# TYPE {metric} histogram").unwrap();
        for pod in pods.iter().filter(|pod| pod.metric == metric) {
            for scraper in pod.scrapers {
                let labels = format!("namespace=\"ml\",pod=\"{}\",prometheus=\"{scraper}\"", pod.name);
                let count = |at: i64| (at - scrapes().next().unwrap()) / SCRAPE * pod.requests;
                for bound in BOUNDS.into_iter().chain([f64::INFINITY]) {
                    let le = if bound.is_finite() {
                        format!("{bound:?}")
                    } else {
                        "+Inf".to_owned()
                    };
                    for at in scrapes() {
                        let counted = if pod.seconds <= bound { count(at) } else { 0 };
                        writeln!(out, "{metric}_bucket{{{labels},le=\"{le}\"}} {counted} {at}").unwrap();
                    }
                }
                scrapes().for_each(|at| writeln!(out, "{metric}_count{{{labels}}} {} {at}", count(at)).unwrap());
                let sum = |at| count(at) as f64 * pod.seconds;
                scrapes().for_each(|at| writeln!(out, "{metric}_sum{{{labels}}} {} {at}", sum(at)).unwrap());
            }
        }
    }
    writeln!(out, "# EOF").unwrap();
}

/// What a plan tells of a workload's end-to-end latency: how many requests, p50 and mean.
fn served(plan: &Value, name: &str) -> Option<(f64, f64, f64)> {
    let rows = plan["workloads"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["name"] == name)
        .unwrap_or_else(|| panic!("{name} is not in {rows:#?}"));
    let told = &row["serving"]["request_latency_seconds"];
    let figure = |field: &str| told[field].as_f64();
    Some((figure("count")?, figure("p50")?, figure("mean")?))
}

#[tokio::test]
async fn pods_whose_names_begin_alike_are_never_mixed() {
    if !prometheus_is_installed() {
        return;
    }
    const VLLM: &str = "vllm:e2e_request_latency_seconds";
    let pods = [
        // A Deployment in the middle of a change of servers, and scraped twice.
        Pod {
            scrapers: &["a", "b"],
            ..pod("chat-7d9f8b6c4b-b4c5d", VLLM, 0.75, 20)
        },
        pod("chat-7d9f8b6c4b-x7k2p", "sglang:e2e_request_latency_seconds", 0.75, 20),
        // A pod with a name of its own, and no dash in it.
        pod("lonely", VLLM, 3.0, 10),
        // An ordinal and a pod that somebody started by hand: both are `guard` to the server.
        pod("guard-0", VLLM, 0.25, 40),
        pod("guard-test", VLLM, 3.0, 40),
    ];
    let folder = tempfile::tempdir().unwrap();
    let (_running, url) = servers::prometheus_over(folder.path(), |out| {
        write(out, &pods);
        Ok(())
    })
    .await;
    let plan = plan(&url);
    let minutes = (HOURS * 60) as f64;
    let (count, p50, mean) = served(&plan, "chat").unwrap();
    assert!(
        (count - 40.0 * minutes).abs() < 1.0 && (p50 - 0.75).abs() < 1e-6 && (mean - 0.75).abs() < 1e-6,
        "{count} {p50} {mean}"
    );
    let (count, p50, _) = served(&plan, "lonely").unwrap();
    assert!(
        (count - 10.0 * minutes).abs() < 1.0 && (p50 - 3.0).abs() < 1e-6,
        "{count} {p50}"
    );
    assert_eq!((served(&plan, "guard-0"), served(&plan, "guard-test")), (None, None));
    let gaps = plan["coverage"]["gaps"].as_array().unwrap();
    let gap = gaps
        .iter()
        .find(|gap| gap["what"].as_str().unwrap().contains("ml/guard-0"))
        .unwrap();
    assert!(gap["why"].as_str().unwrap().ends_with(": guard-test"), "{gap}");
}
