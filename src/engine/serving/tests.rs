//! Figures of small histograms, by hand.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::*;
use crate::engine::arrivals::{requests, starts};
use crate::model::requests::{Figure, RequestHistory};
use crate::model::scheduling::Scheduling;
use crate::model::time::Window;
use crate::model::units::GpuCount;
use crate::model::usage::Column;
use crate::model::workload::{CapacityType, Class, Classified, PodUse};

const HOUR: i64 = 3_600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn grid() -> Grid {
    Grid {
        window: Window {
            start: at(0),
            end: at(4 * HOUR),
        },
        step_seconds: 3_600,
    }
}

fn pod(from: i64, to: i64) -> PodUse {
    PodUse {
        name: "chat-0".to_owned(),
        node: None,
        from: at(from),
        to: at(to),
        running: true,
        pinned: false,
        run: None,
        capacity: CapacityType::OnDemand,
        shared: false,
        gpus: 1,
        share: 1.0,
        gpu: None,
        hourly: None,
        price_steps: Vec::new(),
        devices: Vec::new(),
        server: BTreeMap::new(),
    }
}

fn workload(pods: Vec<PodUse>, steps: [Option<Buckets>; 4]) -> Workload {
    let histogram = Histogram {
        grid: grid(),
        steps: steps.to_vec(),
    };
    Workload {
        id: "c/ml/Deployment.apps/chat".to_owned(),
        cluster: "c".to_owned(),
        group: "apps".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: "ml".to_owned(),
        name: "chat".to_owned(),
        labels: BTreeMap::new(),
        overrides: BTreeMap::new(),
        owner: None,
        owner_because: None,
        class: Classified {
            class: Class::Inference,
            confidence: 1.0,
            because: Vec::new(),
        },
        runs: 1,
        family: false,
        replicas: None,
        deployed: None,
        autoscaler: None,
        budget: None,
        queue: None,
        pools: Vec::new(),
        gpus: GpuCount::new(1.0),
        gpu: None,
        capacity: CapacityType::Unknown,
        pod_requests: BTreeMap::new(),
        scheduling: Scheduling::default(),
        monthly: None,
        price: None,
        serving: None,
        histograms: BTreeMap::from([(Signal::TimeToFirstToken, histogram)]),
        requests: None,
        start_seconds: Vec::new(),
        pods,
    }
}

fn hour(fast: f64, all: f64) -> Option<Buckets> {
    Buckets::new([(0.1, fast), (1.0, all), (f64::INFINITY, all)], Some(all / 4.0))
}

#[test]
fn hours_that_are_not_known_lower_the_coverage_and_are_no_zeros() {
    let whole = vec![pod(0, 4 * HOUR)];
    let told = serving(&workload(
        whole,
        [hour(100.0, 200.0), None, hour(300.0, 300.0), hour(0.0, 0.0)],
    ))
    .unwrap();
    let row = told.time_to_first_token_seconds.unwrap();
    // Of 500 requests 400 took up to a tenth of a second; the hour without requests is known.
    assert_eq!((row.count, row.coverage, row.mean), (500.0, 0.75, Some(0.25)));
    assert_eq!((row.p50, row.p95), (Some(0.0625), Some(0.775)));
    assert_eq!(row.p99, Some(0.955));
    assert_eq!(
        (told.request_latency_seconds, told.prompt_tokens_per_request),
        (None, None)
    );
    // Before it began, and after it ended, nothing is missing.
    let late = vec![pod(2 * HOUR + 600, 4 * HOUR)];
    let told = serving(&workload(late, [None, None, None, hour(300.0, 300.0)])).unwrap();
    assert_eq!(told.time_to_first_token_seconds.unwrap().coverage, 1.0);
}

#[test]
fn a_tail_above_the_last_bucket_and_too_few_requests_are_unknown() {
    let above = Buckets::new([(1.0, 90.0), (f64::INFINITY, 200.0)], None);
    let told = serving(&workload(vec![pod(0, 4 * HOUR)], [above, None, None, None])).unwrap();
    let row = told.time_to_first_token_seconds.unwrap();
    assert_eq!((row.p50, row.p95, row.mean, row.coverage), (None, None, None, 0.25));
    let few = serving(&workload(vec![pod(0, 4 * HOUR)], [hour(3.0, 4.0), None, None, None])).unwrap();
    let row = few.time_to_first_token_seconds.unwrap();
    assert_eq!((row.p50, row.mean, row.count), (None, None, 4.0));
}

#[test]
fn what_requests_may_take_stands_beside_what_they_took() {
    use crate::model::objective::{Latency, Percentile, RejectedTarget};
    let target = |name, of, at| LatencyTarget {
        name,
        of,
        at,
        at_most: std::time::Duration::from_millis(500),
        place: "mine.yaml:3".to_owned(),
    };
    let objective = Objective {
        latencies: vec![
            target("ttft_p90", Latency::FirstToken, Percentile::P90),
            target("ttft_p99", Latency::FirstToken, Percentile::P99),
            target("e2e_p50", Latency::Whole, Percentile::P50),
        ],
        rejected: Some(RejectedTarget {
            at_most: crate::model::units::Share::from_percent(0.1).unwrap(),
            place: "mine.yaml:4".to_owned(),
        }),
    };
    let hours = [hour(100.0, 200.0), None, hour(100.0, 200.0), None];
    let rows = objectives(&workload(vec![pod(0, 4 * HOUR)], hours), &objective);
    let told: Vec<(&str, f64, &str, Option<f64>)> = rows
        .iter()
        .map(|row| (row.what.as_str(), row.at_most, row.unit.as_str(), row.seen))
        .collect();
    // Half of the requests took up to a tenth of a second, the others up to one: nine in ten took 0.1 + 0.8 * 0.9. Of 400 four
    // lie above the last percentile, too few to tell.
    assert_eq!(
        told,
        [
            ("ttft_p90", 0.5, "seconds", Some(0.82)),
            ("ttft_p99", 0.5, "seconds", None),
            ("e2e_p50", 0.5, "seconds", None),
            ("rejected", 0.001, "share", None),
        ]
    );
}

#[test]
fn a_workload_without_histograms_has_no_figures() {
    let mut silent = workload(vec![pod(0, 4 * HOUR)], [None, None, None, None]);
    silent.histograms.clear();
    assert_eq!(serving(&silent), None);
}

#[test]
fn a_minute_with_a_hole_is_no_minute_and_a_start_that_nobody_saw_is_none() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let grid = Grid {
        window: Window {
            start: at(0),
            end: at(180),
        },
        step_seconds: 15,
    };
    let mut history = RequestHistory::unknown(grid);
    // A minute of 40, one with a hole, and one of 12.
    let counts = [10, 10, 10, 10, 90, 90, -1, 90, 3, 3, 3, 3].map(|count| (count >= 0).then_some(f64::from(count)));
    history.put(Figure::Finished, Column::from_options(counts));
    let mut served = workload(Vec::new(), [None, None, None, None]);
    assert_eq!((requests(&served), starts(&served)), (None, None));
    served.requests = Some(history);
    served.start_seconds = vec![300.0, 100.0, 200.0];
    let row = requests(&served).unwrap();
    assert_eq!(row.per_second_p95, Some(rounded(40.0 / 60.0)));
    assert_eq!(row.per_second, Some(rounded(322.0 / 11.0 / 15.0)));
    assert_eq!(
        (row.prompt_tokens_per_second, row.coverage),
        (None, rounded(11.0 / 12.0))
    );
    let starts = starts(&served).unwrap();
    assert_eq!((starts.p50, starts.p95, starts.count), (200.0, 300.0, 3));
}
