//! Rows that are read, rows that cannot be meant, and what of them holds for a workload with annotations of its own.

use std::collections::BTreeMap;

use super::super::{Mistakes, Policy, layered};
use super::*;
use crate::catalog::Catalog;
use crate::model::cluster::Labels;
use crate::model::scheduling::Scheduling;
use crate::model::units::GpuCount;
use crate::model::workload::{CapacityType, Classified};

fn read(text: &str) -> Result<LatencyObjectives, Vec<String>> {
    let told = |mistakes: &[Mistake]| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>();
    let root = layered(&[("mine.yaml".to_owned(), text.to_owned())], &[]).map_err(|Mistakes(all)| told(&all))?;
    let mut mistakes = Vec::new();
    let mut section = Section::open("", &root, &mut mistakes);
    let policy = Policy::read(&mut section, &Catalog::shipped().unwrap(), &mut mistakes);
    match mistakes.is_empty() {
        true => Ok(policy.objectives.latency),
        false => Err(told(&mistakes)),
    }
}

fn rows(rows: &str) -> Result<LatencyObjectives, Vec<String>> {
    read(&format!("objectives:\n  latency:\n{rows}"))
}

/// `prod/chat`, a server with the label `tier: gold`.
fn workload(class: Class, annotations: &[(&str, &str)]) -> Workload {
    let map = |pairs: &[(&str, &str)], prefix: &str| -> Labels {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| (format!("{prefix}{key}"), (*value).to_owned()))
            .collect()
    };
    Workload {
        id: "c/prod/Deployment.apps/chat".to_owned(),
        cluster: "c".to_owned(),
        group: "apps".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: "prod".to_owned(),
        name: "chat".to_owned(),
        labels: map(&[("tier", "gold")], ""),
        overrides: map(annotations, PREFIX),
        owner: None,
        owner_because: None,
        class: Classified {
            class,
            confidence: 0.9,
            because: Vec::new(),
        },
        runs: 1,
        family: false,
        replicas: Some(1),
        deployed: None,
        autoscaler: None,
        budget: None,
        queue: None,
        pools: Vec::new(),
        gpus: GpuCount::new(1.0),
        gpu: None,
        capacity: CapacityType::OnDemand,
        pod_requests: BTreeMap::new(),
        scheduling: Scheduling::default(),
        monthly: None,
        price: None,
        serving: None,
        histograms: BTreeMap::new(),
        requests: None,
        start_seconds: Vec::new(),
        pods: Vec::new(),
    }
}

/// What counts for a workload, as `ttft_p95 500ms mine.yaml:3`.
fn counts(objectives: &LatencyObjectives, workload: &Workload, known: Known) -> Vec<String> {
    let objective = objectives.of(workload, known).objective;
    let latencies = objective
        .latencies
        .iter()
        .map(|target| format!("{} {:?} {}", target.name, target.at_most, target.place));
    let rejected = objective.rejected.iter();
    latencies
        .chain(rejected.map(|target| format!("rejected {}% {}", target.at_most.percent(), target.place)))
        .collect()
}

#[test]
fn the_first_row_that_means_a_workload_counts_alone() {
    let objectives = rows(
        "    - {namespaces: [dev], ttft_p95: 10s}\n\
         \x20   - {selector: tier=gold, ttft_p95: 500ms, itl_p50: 0.02s, e2e_p99: 1.5m, rejected: 0.1%}\n\
         \x20   - {names: [chat], ttft_p50: 1ms}\n\
         \x20   - {ttft_p95: 2s}\n",
    )
    .unwrap();
    let chat = workload(Class::Inference, &[]);
    let gold = [
        "ttft_p95 500ms mine.yaml:4",
        "itl_p50 20ms mine.yaml:4",
        "e2e_p99 90s mine.yaml:4",
        "rejected 0.1% mine.yaml:4",
    ];
    assert_eq!(counts(&objectives, &chat, Known::labels_read(true)), gold);
    let mut plain = chat.clone();
    plain.labels.clear();
    assert_eq!(
        counts(&objectives, &plain, Known::labels_read(true)),
        ["ttft_p50 1ms mine.yaml:5"]
    );
    plain.name = "other".to_owned();
    assert_eq!(
        counts(&objectives, &plain, Known::labels_read(true)),
        ["ttft_p95 2s mine.yaml:6"]
    );
    plain.namespace = "dev".to_owned();
    assert_eq!(
        counts(&objectives, &plain, Known::labels_read(true)),
        ["ttft_p95 10s mine.yaml:3"]
    );
    // What has no name for its work may answer requests; what is known for something else does not.
    assert_eq!(
        counts(&objectives, &workload(Class::Unknown, &[]), Known::labels_read(true)),
        gold
    );
    for class in [Class::Training, Class::Batch, Class::Notebook] {
        assert!(counts(&objectives, &workload(class, &[]), Known::labels_read(true)).is_empty());
    }
    assert!(counts(&read("").unwrap(), &chat, Known::labels_read(true)).is_empty());
}

#[test]
fn without_labels_the_strictest_of_what_may_be_meant_counts() {
    let objectives = rows(
        "    - {selector: tier=gold, ttft_p95: 500ms, itl_p95: 90ms}\n\
         \x20   - {selector: tier=silver, ttft_p95: 1s, itl_p95: 50ms}\n\
         \x20   - {namespaces: [dev], ttft_p95: 1ms}\n\
         \x20   - {namespaces: [prod], ttft_p95: 2s, e2e_p95: 30s}\n\
         \x20   - {ttft_p95: 2ms}\n",
    )
    .unwrap();
    let mut blind = workload(Class::Inference, &[]);
    blind.labels.clear();
    assert_eq!(
        counts(&objectives, &blind, Known::labels_read(false)),
        [
            "ttft_p95 500ms mine.yaml:3",
            "itl_p95 50ms mine.yaml:4",
            "e2e_p95 30s mine.yaml:6"
        ]
    );
}

#[test]
fn what_cannot_be_meant_is_told_with_its_place() {
    let told = rows(
        "    - {ttft_p95: 0s, itl_p95: -80ms, e2e_p95: 2, e2e_p99: soon, rejected: 0.1}\n\
         \x20   - {namespaces: [a], ttft_p50: 3s, ttft_p99: 2s}\n\
         \x20   - {namespaces: [b], ttft_p95: 40s, e2e_p95: 30s}\n\
         \x20   - {namespaces: [c], rejected: 100%, ttft_p98: 1s, itl_p95: 2h}\n\
         \x20   - {namespaces: [d]}\n\
         \x20   - {selector: 'tier=', ttft_p95: 25h}\n",
    )
    .unwrap_err();
    let expected = [
        "mine.yaml:3:18: `ttft_p95` is `0s`; it must be from 1us to a day",
        "mine.yaml:3:31: `itl_p95` is `-80ms`; it must be a time with its unit, such as 500ms, 2s or 1.5m",
        "mine.yaml:3:47: `objectives.latency.e2e_p95` must be a time such as 500ms, not a number",
        "mine.yaml:3:59: `e2e_p99` is `soon`; it must be a time with its unit",
        "mine.yaml:3:75: `objectives.latency.rejected` must be a share such as 0.1%, not a number",
        "mine.yaml:4:35: `ttft_p50` is 3s, above `ttft_p99`, which is 2s at mine.yaml:4:49, and could never be more than that",
        "mine.yaml:5:35: `ttft_p95` is 40s, above `e2e_p95`, which is 30s at mine.yaml:5:49",
        "mine.yaml:6:35: `rejected` is `100%`; it must be less than 100%",
        "mine.yaml:6:41: unknown key `objectives.latency.ttft_p98`; did you mean `ttft_p9",
        "mine.yaml:6:64: `itl_p95` is `2h`; it must be a time with its unit",
        "mine.yaml:7:7: the row bounds nothing; give it one such as ttft_p95: 2s",
        "mine.yaml:8:37: `ttft_p95` is `25h`; it must be a time with its unit",
    ];
    for expected in expected {
        let found = told.iter().any(|line| line.starts_with(expected));
        assert!(found, "{expected}\nnot in\n{}", told.join("\n"));
    }
    assert_eq!(told.len(), expected.len(), "{}", told.join("\n"));
}

#[test]
fn a_row_behind_one_that_means_all_and_a_bound_that_stands_twice_are_told() {
    let behind = rows("    - {ttft_p95: 2s}\n    - {names: [chat], ttft_p95: 1s}\n").unwrap_err();
    assert_eq!(
        behind,
        [
            "mine.yaml:4:7: nothing is left for this row: the first that means a workload counts, and the one at \
          mine.yaml:3:7 means all"
        ]
    );
    let twice = rows("    - {ttft_p95: 2s, ttft_p95: 1s}\n").unwrap_err();
    assert_eq!(twice.len(), 1);
    assert!(twice[0].starts_with("mine.yaml:3:"), "{}", twice[0]);
    assert!(twice[0].contains("ttft_p95"), "{}", twice[0]);
}

#[test]
fn an_annotation_may_ask_for_more_and_never_for_less() {
    let objectives = rows("    - {ttft_p95: 1s, ttft_p50: 200ms, rejected: 1%}\n").unwrap();
    let asked = |pairs: &[(&str, &str)]| {
        let chat = workload(Class::Inference, pairs);
        let refused = objectives.of(&chat, Known::labels_read(true)).refused.into_iter();
        let refused: Vec<String> = refused.map(|one| format!("{}: {}", one.key, one.why)).collect();
        (counts(&objectives, &chat, Known::labels_read(true)), refused)
    };
    let (counted, refused) = asked(&[("ttft-p95", "500ms"), ("itl-p99", "50ms"), ("rejected", "0.5%")]);
    assert_eq!(
        counted,
        [
            "ttft_p50 200ms mine.yaml:3",
            "ttft_p95 500ms annotation gpuwise.dev/ttft-p95",
            "itl_p99 50ms annotation gpuwise.dev/itl-p99",
            "rejected 0.5% annotation gpuwise.dev/rejected"
        ]
    );
    assert_eq!(refused, Vec::<String>::new());
    let plain = asked(&[]).0;
    for (key, value, why) in [
        (
            "ttft-p95",
            "1001ms",
            "it asks for less than ttft_p95: 1s (mine.yaml:3), which it may not loosen",
        ),
        // What holds for 95 in a hundred holds for 90.
        ("ttft-p90", "2s", "it asks for less than ttft_p95: 1s (mine.yaml:3)"),
        ("rejected", "2%", "it asks for less than rejected: 1% (mine.yaml:3)"),
        ("itl-p95", "0ms", "it must be from 1us to a day"),
        ("itl-p95", "fast", "it must be a time with its unit"),
        ("rejected", "few", "it must be a share in percent"),
    ] {
        let (counted, refused) = asked(&[(key, value)]);
        assert_eq!(counted, plain, "{key}: {value}");
        assert_eq!(refused.len(), 1, "{key}: {value}");
        assert!(
            refused[0].starts_with(&format!("gpuwise.dev/{key}: {why}")),
            "{}",
            refused[0]
        );
    }
    // One of its own annotations against the other.
    let (counted, refused) = asked(&[("e2e-p99", "5s"), ("e2e-p50", "6s")]);
    assert!(counted.contains(&"e2e_p99 5s annotation gpuwise.dev/e2e-p99".to_owned()));
    assert_eq!(
        refused,
        [
            "gpuwise.dev/e2e-p50: it asks for less than e2e_p99: 5s (annotation gpuwise.dev/e2e-p99), which it may not loosen"
        ]
    );
}

#[test]
fn annotations_count_only_where_the_policy_lets_them_and_the_workload_answers_requests() {
    let text = "permissions: {overrides: [ignore]}\nobjectives: {latency: [{ttft_p95: 1s}]}\n";
    let meant = read(text).unwrap().of(
        &workload(Class::Inference, &[("ttft-p95", "1ms")]),
        Known::labels_read(true),
    );
    // That it is not allowed is told where all annotations are.
    assert_eq!(
        (meant.objective.latencies[0].at_most.as_millis(), meant.refused.len()),
        (1_000, 0)
    );
    let trains = workload(Class::Training, &[("ttft-p95", "1ms")]);
    let meant = read("").unwrap().of(&trains, Known::labels_read(true));
    assert!(meant.objective.is_empty());
    assert_eq!(
        meant.refused[0].why,
        "it is taken for training, which answers no requests"
    );
}
