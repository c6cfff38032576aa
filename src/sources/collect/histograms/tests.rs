//! Sums over pods and the workloads they are of: what is not one workload's alone is unknown, whatever the names.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::catalog::Catalog;
use crate::model::cluster::{Inventory, Labels, PodRecord, Resources};
use crate::model::reading::Reading;
use crate::model::time::Window;
use crate::policy::price_sheet::PriceSheet;
use crate::sources::collect::bins::Signals;
use crate::sources::collect::{Outline, Part};

const HOURS: usize = 4;

fn at(second: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(second).unwrap()
}

fn grid() -> Grid {
    Grid {
        window: Window {
            start: at(0),
            end: at(HOURS as i64 * 3_600),
        },
        step_seconds: 600,
    }
}

/// A pod that held a GPU between two hours, under an owner.
fn record(pod: &str, (kind, name): (&str, &str), from: i64, to: i64) -> PodRecord {
    PodRecord {
        namespace: "ml".to_owned(),
        name: pod.to_owned(),
        uid: None,
        node: Some("n".to_owned()),
        owner_kind: Some(kind.to_owned()),
        owner_name: Some(name.to_owned()),
        requests: Resources::from([("nvidia.com/gpu".to_owned(), 1.0)]),
        first: at(from * 3_600),
        last: at(to * 3_600),
        created: None,
        ready: None,
    }
}

fn series(labels: &[(&str, &str)], values: [Option<f64>; HOURS]) -> Series {
    let labels: Labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Series {
        signal: Signal::TimeToFirstToken,
        labels,
        column: Column::from_options(values),
    }
}

/// The sums of pods, half of which took no longer than a second, and the pods that are in them.
fn fold(name: &str, total: [Option<f64>; HOURS], pods: &[(&str, [bool; HOURS])]) -> Vec<Series> {
    let base = [("namespace", "ml"), ("pods", name)];
    let bound = |le: &str, share: f64| {
        let values = total.map(|total| Some(total? * share));
        series(&[&base[..], &[("le", le)]].concat(), values)
    };
    let mut all = vec![bound("0.5", 0.25), bound("1", 0.5), bound("2", 1.0), bound("+Inf", 1.0)];
    all.push(series(&base, total.map(|total| Some(total? * 1.1))));
    let there = |(pod, hours): &(&str, [bool; HOURS])| {
        series(&[("namespace", "ml"), ("pod", pod)], hours.map(|is| is.then_some(1.0)))
    };
    all.extend(pods.iter().map(there));
    all
}

const ALL: [bool; HOURS] = [true; HOURS];
const TEN: [Option<f64>; HOURS] = [Some(10.0); HOURS];

fn reading(records: Vec<PodRecord>) -> Reading {
    Reading {
        cluster: "c".to_owned(),
        grid: grid(),
        currency: "USD".to_owned(),
        inventory: Inventory {
            pod_history: records,
            ..Inventory::default()
        },
        series: Vec::new(),
        requests: Vec::new(),
        asked: Signal::every().collect(),
        gaps: Vec::new(),
    }
}

fn part(records: Vec<PodRecord>, series: Vec<Series>) -> Part {
    let reading = reading(records);
    let (catalog, sheet) = (Catalog::shipped().unwrap(), PriceSheet::default());
    let outline = Outline::of(
        &reading,
        [].iter(),
        [].iter(),
        &catalog,
        &crate::policy::attribution::NOBODY,
        &sheet,
    );
    let whole = outline.part(series.clone(), None);
    // As it is read in parts, with the histograms of all of them before.
    let before = outline.with_histograms(series).part(Vec::new(), None);
    assert_eq!(whole.workloads, before.workloads);
    whole
}

/// Requests an hour of a workload, where they are known.
fn counts(part: &Part, kind: &str) -> Vec<Option<f64>> {
    let workload = part.workloads.iter().find(|workload| workload.kind == kind).unwrap();
    let none = || vec![None; HOURS];
    let told = workload.histograms.get(&Signal::TimeToFirstToken);
    told.map_or_else(none, |told| {
        let counts = told.steps.iter().map(|step| step.as_ref().map(Buckets::count));
        counts.collect()
    })
}

#[test]
fn the_pods_of_a_workload_are_its_own_sum() {
    let records = vec![
        record("chat-7d9f-aaaaa", ("ReplicaSet", "chat-7d9f"), 0, 4),
        record("chat-7d9f-bbbbb", ("ReplicaSet", "chat-7d9f"), 0, 4),
    ];
    let values = [Some(10.0), None, Some(0.0), Some(4.0)];
    let pods = [
        ("chat-7d9f-aaaaa", [true, false, true, true]),
        ("chat-7d9f-bbbbb", [true, false, false, true]),
    ];
    let part = part(records, fold("chat-7d9f", values, &pods));
    assert_eq!(counts(&part, "ReplicaSet"), values);
    let total = part.workloads[0].histograms[&Signal::TimeToFirstToken].total().unwrap();
    assert_eq!((total.quantile(0.25), total.mean()), (Some(0.5), Some(1.1)));
    assert!(part.tally().gaps.is_empty(), "{:?}", part.tally().gaps);
}

/// A thousand workloads' histograms are larger than the part of their history that is in memory.
#[test]
fn histograms_are_there_while_a_workload_is_heard() {
    let names = ["one", "two"];
    let records = names.map(|name| record(&format!("{name}-0"), ("StatefulSet", name), 0, 4));
    let folds = || {
        names
            .map(|name| fold(name, TEN, &[(&format!("{name}-0"), ALL)]))
            .concat()
    };
    let reading = reading(records.into());
    let (catalog, sheet) = (Catalog::shipped().unwrap(), PriceSheet::default());
    let outline = || {
        Outline::of(
            &reading,
            [].iter(),
            [].iter(),
            &catalog,
            &crate::policy::attribution::NOBODY,
            &sheet,
        )
    };
    let before = outline();
    let unheard = before.unheard(folds(), None);
    assert!(unheard.workloads.iter().all(|workload| workload.histograms.is_empty()));
    let (heard, tally) = unheard.each(|workload| workload);
    assert_eq!(heard, before.part(folds(), None).workloads);
    assert!(heard.iter().all(|workload| workload.histograms.len() == 1));
    // Four bounds of four hours, of two workloads.
    assert_eq!(tally.samples, 32);
    for mut workload in heard {
        workload.forget_samples();
        let told = &workload.histograms[&Signal::TimeToFirstToken];
        assert_eq!((told.values(), told.steps.capacity()), (0, 0));
    }
    // What they take is taken from the room that parts have: a pod is 24 points, and their histograms are 48 values.
    let signals = Signals { gpu: 1, server: 0 };
    assert_eq!(outline().bins(signals, 48).len(), 1);
    assert_eq!(outline().with_histograms(folds()).bins(signals, 48).len(), 2);
    assert_eq!(outline().with_histograms(folds()).bins(signals, 96).len(), 1);
}

#[test]
fn a_sum_of_two_workloads_is_of_neither() {
    // A StatefulSet's `chat-0` and a bare `chat-x` fall together, but only while both serve.
    let records = vec![
        record("chat-0", ("StatefulSet", "chat"), 0, 4),
        record("chat-x", ("Notebook", "x"), 2, 4),
    ];
    let pods = [("chat-0", ALL), ("chat-x", [false, false, true, true])];
    let part = part(records, fold("chat", TEN, &pods));
    assert_eq!(counts(&part, "StatefulSet"), [Some(10.0), Some(10.0), None, None]);
    assert_eq!(counts(&part, "Notebook"), [None; HOURS]);
    let gaps = part.tally().gaps;
    assert_eq!(gaps.len(), 2, "{gaps:?}");
    assert!(
        gaps.iter()
            .any(|gap| gap.what.contains("ml/chat") && gap.why.ends_with(": chat-x")),
        "{gaps:?}"
    );
}

#[test]
fn a_pod_that_nobody_knows_makes_a_sum_unknown() {
    let records = vec![record("chat-0", ("StatefulSet", "chat"), 0, 4)];
    let pods = [("chat-0", ALL), ("chat-cpu", [false, true, false, false])];
    let part = part(records, fold("chat", TEN, &pods));
    assert_eq!(counts(&part, "StatefulSet"), [Some(10.0), None, Some(10.0), Some(10.0)]);
    assert_eq!(part.tally().gaps.len(), 1);
}

#[test]
fn a_name_that_was_used_again_is_of_neither() {
    let records = vec![
        record("chat-0", ("StatefulSet", "chat"), 0, 2),
        record("chat-0", ("LeaderWorkerSet", "chat"), 2, 4),
    ];
    let part = part(records, fold("chat", TEN, &[("chat-0", ALL)]));
    assert_eq!(counts(&part, "StatefulSet"), [None; HOURS]);
    assert_eq!(counts(&part, "LeaderWorkerSet"), [None; HOURS]);
    assert_eq!(part.tally().gaps.len(), 2);
}

#[test]
fn sums_of_pods_that_serve_nobodys_gpus_say_nothing() {
    // No GPU, no workload of ours, and no reason to blame anybody.
    let records = vec![record("train-0", ("StatefulSet", "train"), 0, 4)];
    let part = part(records, fold("router-5c7", TEN, &[("router-5c7-aaaaa", ALL)]));
    assert_eq!(counts(&part, "StatefulSet"), [None; HOURS]);
    assert!(part.tally().gaps.is_empty());
}

#[test]
fn a_new_version_with_other_buckets_is_added_where_both_have_bounds() {
    let records = vec![
        record("chat-1a-aaaaa", ("StatefulSet", "chat"), 0, 4),
        record("chat-2b-bbbbb", ("StatefulSet", "chat"), 0, 4),
    ];
    let mut series = fold("chat-1a", TEN, &[("chat-1a-aaaaa", ALL)]);
    let mut other = fold("chat-2b", TEN, &[("chat-2b-bbbbb", ALL)]);
    other.retain(|series| series.labels.get("le").is_none_or(|le| le != "1"));
    series.extend(other);
    let part = part(records, series);
    assert_eq!(counts(&part, "StatefulSet"), [Some(20.0); HOURS]);
    let total = part.workloads[0].histograms[&Signal::TimeToFirstToken].total().unwrap();
    assert_eq!(total.len(), 3);
}

#[test]
fn sums_that_are_no_histogram_are_unknown() {
    let records = vec![record("chat-0", ("StatefulSet", "chat"), 0, 4)];
    let mut series = fold("chat", TEN, &[("chat-0", ALL)]);
    let falling = series
        .iter_mut()
        .find(|series| series.labels.get("le").is_some_and(|le| le == "1"));
    falling.unwrap().column = Column::from_options([Some(1.0), Some(5.0), Some(99.0), None]);
    let part = part(records, series);
    assert_eq!(counts(&part, "StatefulSet"), [None, Some(10.0), None, Some(10.0)]);
}

#[test]
fn a_native_histogram_beside_its_classic_one_counts_once() {
    let records = vec![
        record("chat-0", ("StatefulSet", "chat"), 0, 4),
        record("chat-1", ("StatefulSet", "chat"), 0, 4),
    ];
    let native = |pods: &[(&str, [bool; HOURS])]| {
        let mut series = fold("chat", TEN, pods);
        series
            .iter_mut()
            .for_each(|series| _ = series.labels.insert("native".to_owned(), "1".to_owned()));
        series
    };
    let classic = fold("chat", TEN, &[("chat-0", ALL)]);
    let both = [classic.clone(), native(&[("chat-0", ALL)])].concat();
    assert_eq!(counts(&part(records.clone(), both), "StatefulSet"), TEN);
    // What only one pod tells natively is added; what is told half in both ways can be told apart by nobody.
    let each = [classic.clone(), native(&[("chat-1", ALL)])].concat();
    assert_eq!(counts(&part(records.clone(), each), "StatefulSet"), [Some(20.0); HOURS]);
    let half = [
        classic,
        native(&[("chat-0", ALL), ("chat-1", [true, false, false, false])]),
    ]
    .concat();
    assert_eq!(
        counts(&part(records, half), "StatefulSet"),
        [None, Some(10.0), Some(10.0), Some(10.0)]
    );
}

/// Names that fold in every way: hashes, ordinals, workers of a leader, none of these.
const NAMES: [&str; 8] = [
    "chat",
    "chat-0",
    "chat-1",
    "chat-0-1",
    "chat-0-2",
    "chat-7d9f-aaaaa",
    "chat-7d9f",
    "chat-x",
];

proptest! {
    #[test]
    fn no_request_is_ever_given_to_a_workload_that_did_not_answer_it(
        owners in prop::collection::vec(prop::option::of(0..3_usize), NAMES.len()),
        serves in prop::collection::vec(prop::array::uniform4(any::<bool>()), NAMES.len()),
    ) {
        let kinds = ["StatefulSet", "LeaderWorkerSet", "RayCluster"];
        let records = owners.iter().enumerate().filter_map(|(pod, owner)| {
            Some(record(NAMES[pod], (kinds[(*owner)?], "o"), 0, 4))
        });
        // Each pod answers 2^n requests an hour, so that a sum tells whose they were.
        let mut folds: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (pod, name) in NAMES.iter().enumerate() {
            folds.entry(name.rsplit_once('-').map_or(*name, |(rest, _)| rest)).or_default().push(pod);
        }
        let answered = |pod: usize, hour: usize| serves[pod][hour].then(|| f64::from(1_u32 << pod));
        let mut series = Vec::new();
        for (name, pods) in folds {
            let mut total = [None; HOURS];
            for (hour, total) in total.iter_mut().enumerate() {
                let sum: f64 = pods.iter().filter_map(|pod| answered(*pod, hour)).sum();
                *total = (sum > 0.0).then_some(sum);
            }
            let there: Vec<_> = pods.iter().map(|pod| (NAMES[*pod], serves[*pod])).collect();
            series.extend(fold(name, total, &there));
        }
        let part = part(records.collect(), series);
        for (index, kind) in kinds.iter().enumerate().filter(|(_, kind)| part.workloads.iter().any(|w| w.kind == **kind)) {
            for (hour, told) in counts(&part, kind).into_iter().enumerate() {
                let own = owners.iter().enumerate().filter(|(_, owner)| **owner == Some(index));
                let all: f64 = own.filter_map(|(pod, _)| answered(pod, hour)).sum();
                prop_assert!(told.is_none_or(|told| told == all), "{kind} in hour {hour}: {told:?} of {all}");
            }
        }
    }
}
