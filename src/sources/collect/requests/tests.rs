//! Which workloads are read, and what the lives of pods say of gaps.

use jiff::Timestamp;

use super::*;
use crate::catalog::Catalog;
use crate::model::cluster::{Inventory, Labels, PodRecord, Resources};
use crate::model::reading::{Reading, Series};
use crate::model::requests::Figure;
use crate::model::time::{Grid, Window};
use crate::model::usage::Signal;
use crate::policy::attribution::NOBODY;
use crate::policy::price_sheet::PriceSheet;

const HOUR: i64 = 3_600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn grid(step_seconds: u32) -> Grid {
    Grid {
        window: Window {
            start: at(0),
            end: at(10 * HOUR),
        },
        step_seconds,
    }
}

/// A pod of a StatefulSet that held so many GPUs between two hours.
fn record(pod: &str, owner: &str, gpus: f64, (from, to): (i64, i64)) -> PodRecord {
    PodRecord {
        namespace: "ml".to_owned(),
        name: pod.to_owned(),
        uid: Some(format!("{pod}-{from}")),
        node: Some("n".to_owned()),
        owner_kind: Some("StatefulSet".to_owned()),
        owner_name: Some(owner.to_owned()),
        requests: Resources::from([("nvidia.com/gpu".to_owned(), gpus)]),
        first: at(from * HOUR),
        last: at(to * HOUR),
        ..PodRecord::default()
    }
}

fn server(pod: &str) -> Series {
    let labels = [("namespace", "ml"), ("pod", pod)];
    Series {
        signal: Signal::RequestsRunning,
        labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        column: Column::from_options((0..60).map(|_| Some(1.0))),
    }
}

fn reading(records: Vec<PodRecord>) -> Reading {
    Reading {
        cluster: "c".to_owned(),
        grid: grid(600),
        currency: "USD".to_owned(),
        inventory: Inventory {
            pod_history: records,
            ..Inventory::default()
        },
        series: Vec::new(),
        requests: Vec::new(),
        asked: Vec::new(),
        gaps: Vec::new(),
    }
}

fn with<T>(reading: &Reading, servers: &[Series], look: impl FnOnce(Outline<'_>) -> T) -> T {
    let (catalog, sheet) = (Catalog::shipped().unwrap(), PriceSheet::default());
    let labels: Vec<&Labels> = servers.iter().map(|one| &one.labels).collect();
    look(Outline::of(
        reading,
        [].iter(),
        labels.into_iter(),
        &catalog,
        &NOBODY,
        &sheet,
    ))
}

#[test]
fn the_largest_that_serve_are_read_and_no_name_that_was_anothers() {
    let whole = (0, 10);
    let reading = reading(vec![
        record("small-0", "small", 1.0, whole),
        record("large-0", "large", 4.0, whole),
        record("train-0", "train", 8.0, whole),
        record("used-0", "used", 2.0, (0, 4)),
        record("used-0", "again", 2.0, (5, 10)),
    ]);
    let servers = ["small-0", "large-0", "used-0"].map(server);
    with(&reading, &servers, |outline| {
        let names = |limit| -> Vec<String> {
            let served = outline.served(limit);
            assert_eq!(served.keys.len(), served.asked.workloads.len());
            served.keys.into_iter().map(|key| key.3).collect()
        };
        assert_eq!(names(50), ["large", "small"]);
        assert_eq!(names(1), ["large"]);
        assert!(names(0).is_empty());
        let gaps = outline.served(50).gaps;
        assert!(
            gaps.len() == 2 && gaps.iter().all(|gap| gap.why.contains("used-0")),
            "{gaps:?}"
        );
    });
}

/// What a workload's history says at the ends of these hours, after it was joined.
fn joined(
    records: Vec<PodRecord>,
    servers: &[&str],
    told: std::ops::Range<usize>,
    hours: &[usize],
) -> Vec<Option<f64>> {
    let reading = reading(records);
    let series: Vec<Series> = servers.iter().map(|pod| server(pod)).collect();
    let mut history = RequestHistory::unknown(grid(60));
    for figure in [Figure::Servers, Figure::Finished] {
        let mut column = Column::gaps(600);
        told.clone().for_each(|at| column.set(at, 2.0));
        history.put(figure, column);
    }
    let of = RequestsOf {
        group: "apps".to_owned(),
        kind: "StatefulSet".to_owned(),
        namespace: "ml".to_owned(),
        name: "chat".to_owned(),
        history,
    };
    with(&reading, &series, |outline| {
        let outline = outline.with_requests(vec![of]);
        let part = outline.part(series.clone(), None);
        let chat = part.workloads.into_iter().find(|one| one.name == "chat").unwrap();
        let requests = chat.requests.unwrap();
        assert_eq!(requests.rejected, None);
        hours.iter().map(|hour| requests.finished.get(hour * 60 - 1)).collect()
    })
}

#[test]
fn without_a_pod_there_were_no_requests_and_with_a_silent_one_nobody_knows() {
    // Told from the third hour to the fifth; alive from the second to the sixth.
    let one = || vec![record("chat-0", "chat", 1.0, (2, 6))];
    let told = joined(one(), &["chat-0"], 180..300, &[1, 3, 4, 6, 8]);
    assert_eq!(told, [Some(0.0), None, Some(2.0), None, Some(0.0)]);
    let beside = vec![
        record("chat-0", "chat", 1.0, (2, 6)),
        record("chat-1", "chat", 1.0, (4, 6)),
    ];
    let told = joined(beside, &["chat-0"], 120..360, &[3, 4, 5, 6]);
    assert_eq!(told, [Some(2.0), Some(2.0), None, None], "the second has no metrics");
}
