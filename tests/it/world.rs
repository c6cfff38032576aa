//! The generator of worlds keeps its own promises: the same seed gives the same bytes, planted truths show in the data, and
//! real tools read what it writes.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Command;
use std::sync::LazyLock;

use gpuwise::model::reading::{Reading, Series};
use gpuwise::model::usage::{Signal, quantile};
use serde_json::{Value, json};

use crate::apiserver::{self, ApiServer};
use crate::generator::truth::Expect;
use crate::generator::workload::{Intent, Workload};
use crate::generator::{END, HOUR, Size, World};

const GIB: f64 = 1024.0;

/// One world and its reading for the tests that only look.
static MEDIUM: LazyLock<(World, Reading)> = LazyLock::new(|| {
    let world = World::generate(3, Size::Medium, 14);
    let reading = world.to_reading(300);
    (world, reading)
});

/// The series of a signal that pods of this workload show, whatever the exporter's dialect.
fn series_of<'r>(world: &World, reading: &'r Reading, name: &str, signal: Signal) -> Vec<&'r Series> {
    let index = world.workloads.iter().position(|w| w.name == name).unwrap();
    let of = |pod: &&crate::generator::pods::Pod| pod.workload == index;
    let pods: BTreeSet<&str> = world.pods.iter().filter(of).map(|pod| pod.name.as_str()).collect();
    let pod = |series: &Series| {
        let label = |name| series.labels.get(name).map(String::as_str);
        label("exported_pod").or_else(|| label("pod")).map(str::to_owned)
    };
    let own = |series: &&Series| series.signal == signal && pod(series).is_some_and(|pod| pods.contains(pod.as_str()));
    reading.series.iter().filter(own).collect()
}

fn values(series: &[&Series]) -> Vec<f64> {
    series
        .iter()
        .flat_map(|s| s.column.samples().map(|(_, value)| value))
        .collect()
}

fn max(series: &[&Series]) -> f64 {
    values(series).into_iter().fold(0.0, f64::max)
}

fn named<'w>(world: &'w World, name: &str) -> &'w Workload {
    world.workloads.iter().find(|w| w.name == name).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let raw = |seed| {
        let world = World::generate(seed, Size::Small, 2);
        let mut bytes = Vec::new();
        world.openmetrics_between(&mut bytes, END - HOUR, END).unwrap();
        (
            bytes,
            format!("{:?}", world.truths),
            serde_json::to_string(&world.kubernetes()).unwrap(),
        )
    };
    assert!(raw(7) == raw(7), "one seed, two worlds");
    assert!(raw(7).0 != raw(8).0, "two seeds, one world");
}

#[test]
fn margins_hold_for_every_seed() {
    for seed in 0..60 {
        for size in [Size::Small, Size::Medium, Size::Demo] {
            // Generation itself refuses a plant without its margin.
            let world = World::generate(seed, size, 14);
            for truth in &world.truths {
                if let Expect::Change { to } = &truth.expect {
                    assert!(!to.is_empty(), "{truth:?}");
                }
            }
            let places: BTreeSet<_> = world.workloads.iter().map(|w| (&w.namespace, &w.name)).collect();
            assert_eq!(places.len(), world.workloads.len(), "a name is given twice");
        }
    }
}

#[test]
fn planted_idleness_is_flat_and_its_controls_are_not() {
    let (world, reading) = &*MEDIUM;
    for workload in world
        .workloads
        .iter()
        .filter(|w| w.idle.0 == Intent::Change && w.idle.1 == "scale-to-zero")
    {
        for signal in [
            Signal::GpuUtil,
            Signal::EngineActive,
            Signal::DramActive,
            Signal::RequestsFinished,
        ] {
            assert!(
                max(&series_of(world, reading, &workload.name, signal)) <= 0.0,
                "{} {signal}",
                workload.name
            );
        }
        let power = values(&series_of(world, reading, &workload.name, Signal::Power));
        let spread = max(&series_of(world, reading, &workload.name, Signal::Power)) - quantile(power, 0.0).unwrap();
        assert!(spread <= 2.0, "{}: power wavers by {spread} W", workload.name);
    }
    for workload in world
        .workloads
        .iter()
        .filter(|w| w.idle.0 == Intent::Keep && !w.kind.runs())
    {
        let engine = max(&series_of(world, reading, &workload.name, Signal::EngineActive));
        assert!(engine > 0.003, "{} never works", workload.name);
    }
    let blind = |signal| series_of(world, reading, "query-rewrite", signal);
    assert!(max(&blind(Signal::GpuUtil)) <= 0.0 && max(&blind(Signal::RequestsFinished)) > 0.0);
    assert!(quantile(values(&blind(Signal::EngineActive)), 0.5).unwrap() > 0.1);
}

#[test]
fn office_hours_are_silent_at_night_and_on_weekends_and_busy_otherwise() {
    let (world, reading) = &*MEDIUM;
    for series in series_of(world, reading, "code-dev", Signal::EngineActive) {
        for (index, value) in series.column.samples() {
            let second = reading.grid.second(index) - 150;
            let (weekday, hour) = (
                crate::generator::load::weekday(second),
                second.rem_euclid(86_400) / HOUR,
            );
            let open = weekday < 5 && (8..19).contains(&hour);
            assert!(open || value <= 0.0, "works at {second}");
        }
        let busy = series.column.samples().filter(|(_, value)| *value > 0.0).count() as f64;
        assert!(busy / series.column.count() as f64 > 0.28, "too little office");
    }
}

#[test]
fn what_cannot_be_known_lacks_its_evidence() {
    let (world, reading) = &*MEDIUM;
    let seen = values(&series_of(world, reading, "dr-standby", Signal::EngineActive)).len() as f64;
    let share = seen / reading.grid.points() as f64;
    assert!((0.5..0.92).contains(&share), "{share} of a standby with holes is there");
    let whole = values(&series_of(world, reading, "image-gen", Signal::EngineActive)).len() as f64;
    let replicas = f64::from(named(world, "image-gen").replicas);
    assert!(
        whole / replicas / reading.grid.points() as f64 > 0.99,
        "others have gaps, but short ones"
    );
    let young = values(&series_of(world, reading, "prototype", Signal::Power)).len();
    assert!((560..=576).contains(&young), "{young} steps of 300 s in two days");
    assert!(
        named(world, "assistant")
            .args
            .iter()
            .all(|argument| !argument.contains("Qwen"))
    );
}

#[test]
fn a_spike_of_a_minute_is_in_every_two_hours_of_maxima() {
    for step in [60, 300, 600] {
        let world = World::generate(9, Size::Small, 2);
        let reading = world.to_reading(step);
        for series in series_of(&world, &reading, "layout", Signal::MemoryUsed) {
            let high = series.column.samples().filter(|(_, mib)| *mib >= 71.0 * GIB).count();
            assert!(high <= 25, "{high} steps above 71 GiB");
            assert!(series.column.max().is_none_or(|mib| mib <= 71.0 * GIB));
        }
        let spikes = values(&series_of(&world, &reading, "layout", Signal::MemoryUsed));
        let high = spikes.iter().filter(|mib| **mib >= 71.0 * GIB).count();
        assert!((22..=25).contains(&high), "{high} spikes in 48 hours at {step} s");
    }
}

#[test]
fn light_services_stay_below_their_margin_and_busy_ones_above() {
    let (world, reading) = &*MEDIUM;
    for workload in &world.workloads {
        let engine = values(&series_of(world, reading, &workload.name, Signal::EngineActive));
        let p99 = quantile(engine, 0.99).unwrap();
        assert!(p99 <= workload.need.engine + 0.001, "{}: {p99}", workload.name);
        if workload.smaller.0 == Intent::Change {
            assert!(p99 <= 0.19, "{}: {p99}", workload.name);
        }
        if workload.server.is_none() {
            let memory = max(&series_of(world, reading, &workload.name, Signal::MemoryUsed));
            assert!(
                (memory - workload.need.memory_mib).abs() <= 1.0,
                "{}: {memory}",
                workload.name
            );
        }
    }
    let upscale = values(&series_of(world, reading, "upscale", Signal::EngineActive));
    let mean = upscale.iter().sum::<f64>() / upscale.len() as f64;
    assert!(mean < 0.15 && quantile(upscale, 0.99).unwrap() > 0.85, "mean {mean}");
    let decode = |signal| quantile(values(&series_of(world, reading, "answers-14b", signal)), 0.9).unwrap();
    assert!(decode(Signal::DramActive) > 0.5 && decode(Signal::TensorActive) < 0.12);
    let cache = max(&series_of(world, reading, "chat-70b", Signal::KvCacheUsage));
    assert!(cache > 0.7, "the large model's cache is used to {cache}");
    assert!(max(&series_of(world, reading, "chat-8b", Signal::KvCacheUsage)) < 0.1);
}

#[test]
fn the_demo_has_the_sizes_and_distributions_of_a_real_platform() {
    let world = World::generate(1, Size::Demo, 7);
    let gpus: usize = world.nodes.iter().map(|node| node.uuids.len()).sum();
    assert!((210..=235).contains(&gpus), "{gpus} GPUs");
    assert!(
        (48..=54).contains(&world.workloads.len()),
        "{} workloads",
        world.workloads.len()
    );
    let reading = world.to_reading(600);
    let training: Vec<&Workload> = world
        .workloads
        .iter()
        .filter(|w| w.behaviour.saturates_util && w.gpus >= 8)
        .collect();
    let all = |signal| -> Vec<f64> {
        let of = |w: &&Workload| values(&series_of(&world, &reading, &w.name, signal));
        training.iter().flat_map(of).collect()
    };
    let (util, sm) = (
        quantile(all(Signal::GpuUtil), 0.5).unwrap(),
        quantile(all(Signal::SmActive), 0.5).unwrap(),
    );
    assert!(
        (95.0..=100.0).contains(&util),
        "median utilization of training is {util}"
    );
    assert!((0.30..=0.50).contains(&sm), "median SM activity of training is {sm}");
    let utils: Vec<f64> = reading
        .series
        .iter()
        .filter(|s| s.signal == Signal::GpuUtil)
        .flat_map(|s| values(&[s]))
        .collect();
    let zeros = utils.iter().filter(|util| **util <= 0.0).count() as f64 / utils.len() as f64;
    assert!((0.2..=0.45).contains(&zeros), "{zeros} of all samples are zero");
}

#[test]
fn costs_of_days_add_up_to_those_of_the_window() {
    let world = World::generate(2, Size::Small, 2);
    let total = |answer: &serde_json::Value| -> f64 {
        answer["data"]
            .as_object()
            .unwrap()
            .values()
            .map(|asset| asset["totalCost"].as_f64().unwrap())
            .sum()
    };
    let whole = total(&world.opencost_assets(world.start - 5 * HOUR, END + HOUR));
    let days = total(&world.opencost_assets(world.start, END - 24 * HOUR))
        + total(&world.opencost_assets(END - 24 * HOUR, END));
    assert!((whole - days).abs() < 0.01, "{whole} and {days}");
    let read = world.to_reading(600).inventory;
    let costs = read.node_costs.iter().map(|cost| cost.total_cost).sum::<f64>();
    let others = read.other_costs.iter().map(|cost| cost.total_cost).sum::<f64>();
    assert!((whole - costs - others).abs() < 0.01, "{whole} and {costs} + {others}");
    let allocation = world.opencost_allocation(END - HOUR, END, false);
    let set = allocation["data"][0].as_object().unwrap();
    assert!(set.values().all(|one| one["minutes"].as_f64().unwrap() <= 60.0) && set.len() > 10);
}

#[test]
fn promtool_takes_the_samples() {
    if Command::new("promtool").arg("--version").output().is_err() {
        _ = writeln!(std::io::stderr(), "skipped: promtool is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (text, blocks) = (folder.path().join("world.om"), folder.path().join("blocks"));
    let world = World::generate(4, Size::Small, 2);
    let mut file = std::io::BufWriter::new(std::fs::File::create(&text).unwrap());
    world.openmetrics_between(&mut file, END - 3 * HOUR, END).unwrap();
    file.flush().unwrap();
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&text, &blocks])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[tokio::test]
async fn a_real_api_server_admits_every_object() {
    let Some(assets) = apiserver::assets() else {
        return;
    };
    let lists = apiserver::lists(&World::generate(3, Size::Medium, 2));
    let mut kinds = lists.clone();
    for list in kinds.values_mut() {
        list["items"] = json!([]);
    }
    let server = ApiServer::start(&assets, &kinds).await;
    let mut objects: Vec<Value> = lists.values().flat_map(apiserver::objects).collect();
    let namespaces: BTreeSet<&str> = objects
        .iter()
        .filter_map(|o| o["metadata"]["namespace"].as_str())
        .collect();
    for name in namespaces {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        server.apply(&namespace).await.unwrap();
    }
    let mut refused = Vec::new();
    for object in &mut objects {
        // The server's to give.
        let meta = object["metadata"].as_object_mut().unwrap();
        meta.retain(|name, _| !matches!(name.as_str(), "uid" | "resourceVersion" | "managedFields"));
        refused.extend(server.admit(object).await.err().map(|error| error.to_string()));
    }
    assert!(refused.is_empty(), "refused:\n{}", refused.join("\n"));
}
