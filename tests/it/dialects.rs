//! One world, told in the words of each exporter and each server: the plan is the same.

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::model::cluster::Labels;
use gpuwise::model::progress::Silent;
use gpuwise::model::reading::Reading;
use gpuwise::{pipeline, report};

use crate::generator::{Size, World};

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

#[test]
fn every_exporters_words_give_the_same_plan() {
    let mut world = World::generate(2, Size::Medium, 21);
    world.honors_labels = false;
    let expected = plan(world.to_reading(300));
    assert!(expected.contains("\"accepted\": [\n"), "nothing was found: {expected}");
    let dialects: [(&str, &dyn Fn(&mut Labels)); 6] = [
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
