//! Lifetimes from recorded-shape rows.

use super::*;
use crate::model::time::Window;

const START: i64 = 1_760_000_000;

fn grid() -> Grid {
    let start = Timestamp::from_second(START).unwrap();
    let end = Timestamp::from_second(START + 100 * 300).unwrap();
    Grid {
        window: Window { start, end },
        step_seconds: 60,
    }
}

fn row(labels: &[(&str, &str)], points: impl IntoIterator<Item = i64>, gpus: f64) -> SeriesRow {
    let mut labels: BTreeMap<String, String> = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    labels
        .entry("resource".to_owned())
        .or_insert("nvidia_com_gpu".to_owned());
    labels.insert("namespace".to_owned(), "ml".to_owned());
    SeriesRow {
        labels,
        samples: points.into_iter().map(|i| ((START + i * 300) as f64, gpus)).collect(),
        ..SeriesRow::default()
    }
}

fn records(rows: &[SeriesRow]) -> Vec<PodRecord> {
    let mut lifetimes = Lifetimes::new(Dialect::default(), 300);
    for row in rows.iter().chain(rows) {
        // Twice, as after a request that broke.
        lifetimes.take(row);
    }
    lifetimes.records(grid(), &PodOwners::default())
}

/// First and last, in steps from the window's start.
fn spans(records: &[PodRecord]) -> Vec<(i64, i64)> {
    let steps = |at: Timestamp| (at.as_second() - START) / 300;
    records.iter().map(|r| (steps(r.first), steps(r.last))).collect()
}

#[test]
fn a_pod_lives_from_the_begin_of_its_first_step_to_the_end_of_its_last() {
    let pods = records(&[row(&[("pod", "train-0"), ("node", "n1")], 10..=12, 8.0)]);
    assert_eq!(spans(&pods), [(9, 12)]);
    assert_eq!(pods[0].requests, Resources::from([("nvidia.com/gpu".to_owned(), 8.0)]));
    assert_eq!((pods[0].node.as_deref(), pods[0].uid.as_deref()), (Some("n1"), None));
}

#[test]
fn a_recreated_pod_is_two_pods_by_its_uid() {
    let pods = records(&[
        row(&[("pod", "vllm-0"), ("uid", "b")], 12..=20, 1.0),
        row(&[("pod", "vllm-0"), ("uid", "a")], 1..=12, 1.0),
    ]);
    // Both were seen in step twelve; the name belongs to one at a time.
    assert_eq!(spans(&pods), [(0, 11), (11, 20)]);
    assert_eq!(pods[0].uid.as_deref(), Some("a"));
}

#[test]
fn without_a_uid_a_long_hole_is_a_recreation_and_a_short_one_a_missed_scrape() {
    let short = row(&[("pod", "vllm-0")], (1..=5).chain(9..=10), 1.0);
    assert_eq!(spans(&records(&[short])), [(0, 10)]);
    let long = row(&[("pod", "vllm-0")], (1..=5).chain(10..=11), 1.0);
    assert_eq!(spans(&records(&[long])), [(0, 5), (9, 11)]);
    let known = row(&[("pod", "vllm-0"), ("uid", "a")], (1..=5).chain(50..=51), 1.0);
    assert_eq!(spans(&records(&[known])), [(0, 51)]);
}

#[test]
fn a_second_source_that_knows_less_makes_no_second_pod() {
    let pods = records(&[
        row(&[("pod", "a"), ("uid", "u"), ("node", "n1")], 1..=5, 1.0),
        row(&[("pod", "a"), ("node", "n1")], 1..=5, 1.0),
        row(&[("pod", "a"), ("uid", "u")], 1..=5, 1.0),
    ]);
    assert_eq!(pods.len(), 1);
    assert_eq!(
        (pods[0].uid.as_deref(), pods[0].node.as_deref()),
        (Some("u"), Some("n1"))
    );
}

#[test]
fn several_resources_are_one_pod_and_others_are_none() {
    let pods = records(&[
        row(&[("pod", "a"), ("resource", "nvidia_com_mig_1g_10gb")], 1..=5, 2.0),
        row(&[("pod", "a"), ("resource", "nvidia_com_gpu")], 3..=7, 1.0),
        row(&[("pod", "b"), ("resource", "cpu")], 1..=5, 1.0),
        row(&[("resource", "nvidia_com_gpu")], 1..=5, 1.0),
    ]);
    assert_eq!(spans(&pods), [(0, 7)]);
    let names: Vec<&String> = pods[0].requests.keys().collect();
    assert_eq!(names, ["nvidia.com/gpu", "nvidia.com/mig-1g.10gb"]);
}

#[test]
fn lives_end_with_the_window() {
    let pods = records(&[row(&[("pod", "a")], 0..=200, 1.0)]);
    assert_eq!(spans(&pods), [(0, 100)]);
    assert!(records(&[row(&[("pod", "a")], [0], 1.0)]).is_empty());
}

#[test]
fn a_sample_of_another_time_draws_no_life_out() {
    let mut odd = row(&[("pod", "train-0"), ("node", "n1"), ("uid", "u")], 10..=12, 8.0);
    odd.samples.insert(0, (f64::MAX, 8.0));
    odd.samples.insert(2, (f64::MIN, 8.0));
    odd.samples.push(((START + 5000 * 300) as f64, 8.0));
    odd.samples.push(((START - 5000 * 300) as f64, 8.0));
    assert_eq!(spans(&records(&[odd])), [(9, 12)]);
}
