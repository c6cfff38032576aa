//! One world, told in the words of each exporter and each server: the plan is the same.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::model::cluster::Labels;
use gpuwise::model::progress::Silent;
use gpuwise::model::reading::Reading;
use gpuwise::{pipeline, report};
use serde_json::{Value, json};

use crate::generator::{END, HOUR, Size, World};
use crate::remote_read::{program_of_3, write};
use crate::servers::{self, kubeconfig, prometheus_is_installed, start_prometheus};
use crate::victoria;

fn plan(mut reading: Reading) -> String {
    reading.settle();
    let judge = Judge::new(&[], Catalog::shipped().unwrap()).unwrap();
    let plan = pipeline::analyze(&reading, &judge, &Scope::default(), &Silent).unwrap();
    report::json::json(&plan).unwrap()
}

/// The world as an exporter tells it whose labels are changed so.
fn told(world: &World, change: impl Fn(&mut Labels)) -> String {
    let mut reading = world.to_reading(300);
    for series in reading.series.iter_mut().filter(|series| series.signal.is_gpu()) {
        change(&mut series.labels);
    }
    plan(reading)
}

fn rename(labels: &mut Labels, from: &str, to: &str) {
    if let Some(value) = labels.remove(from) {
        labels.insert(to.to_owned(), value);
    }
}

/// The pod that holds the GPU, under these names instead.
fn pod_as(labels: &mut Labels, names: [&str; 3]) {
    for (own, name) in ["namespace", "pod", "container"].into_iter().zip(names) {
        rename(labels, &format!("exported_{own}"), name);
    }
}

/// What becomes of a series' labels.
type Change<'c> = &'c dyn Fn(&mut Labels);

#[test]
fn every_exporters_words_give_the_same_plan() {
    let mut world = World::generate(2, Size::Medium, 21);
    world.honors_labels = false;
    let expected = plan(world.to_reading(300));
    assert!(expected.contains("\"accepted\": [\n"), "nothing was found: {expected}");
    let dialects: [(&str, Change); 6] = [
        ("honorLabels", &|labels| {
            pod_as(labels, ["namespace", "pod", "container"])
        }),
        ("--use-old-namespace", &|labels| {
            pod_as(labels, ["pod_namespace", "pod_name", "container_name"]);
        }),
        ("before 4.8.3", &|labels| rename(labels, "hostname", "Hostname")),
        ("since 4.8.3", &|labels| rename(labels, "Hostname", "hostname")),
        ("--replace-blanks-in-model-name", &|labels| {
            if let Some(name) = labels.get_mut("modelName") {
                *name = name.replace(' ', "-");
            }
        }),
        ("without the exporter's own pod", &|labels| {
            for own in ["namespace", "pod", "container"] {
                labels.remove(own);
            }
        }),
    ];
    for (dialect, change) in dialects {
        let plan = told(&world, change);
        let first = plan.lines().zip(expected.lines()).find(|(line, other)| line != other);
        assert!(plan == expected, "{dialect}: {first:?}");
    }
}

/// Hours of the worlds that servers tell: enough for a peak to be believed.
const WINDOW_HOURS: i64 = 24;

/// What is read of them, and a little before it.
const SPAN: (i64, i64) = (END - WINDOW_HOURS * HOUR - 600, END - 1);

/// The samples half a second later than a world draws them: just at the edge of a step, Prometheus 2 counts a sample in both, and
/// real scrapes are never just there.
fn later(text: &str) -> String {
    let line = |line: &str| match line.starts_with('#') {
        true => format!("{line}\n"),
        false => format!("{line}.5\n"),
    };
    text.lines().map(line).collect()
}

fn plan_of(prometheus: &str, costs: &str, config: &Path, more: &[&str]) -> String {
    let until = jiff::Timestamp::from_second(END).unwrap().to_string();
    let window = format!("{WINDOW_HOURS}h");
    let output = Command::new(env!("CARGO_BIN_EXE_gpuwise"))
        .args(["analyze", "--format", "json", "--step", "60", "--quiet"])
        .args(["--prometheus", prometheus, "--costs", costs])
        .args(["--until", &until, "--window", &window])
        .args([OsStr::new("--kubeconfig"), config.as_os_str()])
        .args(more)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A plan without what was served, and how many requests each workload served, in all and day by day.
fn without_requests(plan: &str) -> (Value, Vec<f64>) {
    let mut plan: Value = serde_json::from_str(plan).unwrap();
    let rows = plan["workloads"].as_array_mut().unwrap().iter_mut();
    let days = rows
        .filter_map(|row| row.pointer_mut("/history/days")?.as_array_mut())
        .flatten();
    let figures = days.flat_map(|day| ["requests", "tokens"].map(|name| day[name].take()));
    let by_day: Vec<f64> = figures.filter_map(|figure| figure.as_f64()).collect();
    let workloads = plan["workloads"].as_array_mut().unwrap().iter_mut();
    let served = workloads.filter_map(|row| row.as_object_mut()?.remove("serving"));
    let counts = served.filter_map(|serving| serving.pointer("/time_to_first_token_seconds/count")?.as_f64());
    let counts = counts.chain(by_day).collect();
    (plan, counts)
}

#[tokio::test]
async fn every_server_gives_the_same_plan() {
    if !prometheus_is_installed() {
        return;
    }
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let [of_2, of_3, of_victoria] = folders.each_ref().map(tempfile::TempDir::path);
    let world = World::generate(4, Size::Small, 2);
    let samples = later(&world.openmetrics_text(SPAN.0, SPAN.1));
    let server = json!({"server": servers::kubernetes(&world)});
    let config = kubeconfig(&of_2.join("kubeconfig"), &server, &json!({}));
    let costs = servers::opencost(World::generate(4, Size::Small, 2));
    servers::load(&world, SPAN, of_2, |text| later(&text));
    let (_two, url) = start_prometheus("prometheus", &[], of_2).await;
    let expected = plan_of(&url, &costs, &config, &[]);
    assert!(expected.contains("\"accepted\": [\n"), "nothing was found: {expected}");
    let same = |plan: String, server: &str| {
        let first = plan.lines().zip(expected.lines()).find(|(line, other)| line != other);
        assert!(plan == expected, "{server}: {first:?}");
    };
    same(
        plan_of(&url, &costs, &config, &["--no-remote-read"]),
        "Prometheus 2, range queries",
    );
    if let Some(program) = program_of_3() {
        let arguments = ["--web.enable-remote-write-receiver", "--enable-feature=xor2-encoding"];
        let (_three, url) = start_prometheus(&program, &arguments, of_3).await;
        write(&samples, &url).await;
        same(plan_of(&url, &costs, &config, &[]), "Prometheus 3");
        same(
            plan_of(&url, &costs, &config, &["--no-remote-read"]),
            "Prometheus 3, range queries",
        );
    }
    // It takes no samples of a time to come.
    if jiff::Timestamp::now().as_second() < END {
        println!("skipped: VictoriaMetrics, before the world's end");
    } else if let Some((_victoria, port)) = victoria::victoria(of_victoria, &victoria::lines(&samples)) {
        let url = format!("http://127.0.0.1:{port}");
        let plan = plan_of(&url, &costs, &config, &[]);
        let (plan, counted) = without_requests(&plan);
        let (expected, should) = without_requests(&expected);
        assert_eq!(plan, expected, "VictoriaMetrics");
        // It does not extrapolate to an hour's edges: of thirty scrapes' requests, those of one may be missing.
        assert!(should.len() > 1 && counted.len() == should.len());
        let near = |(is, should): (&f64, &f64)| *is <= *should * 1.001 && *is >= *should * 29.0 / 30.0;
        assert!(counted.iter().zip(&should).all(near), "{counted:?} {should:?}");
    } else {
        println!("skipped: victoria-metrics is not installed");
    }
}
