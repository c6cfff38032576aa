//! Histories by the clock, of workloads that are made here.

use std::collections::BTreeMap;

use super::*;
use crate::model::gpu::{GpuKind, GpuModel};
use crate::model::scheduling::Scheduling;
use crate::model::units::GpuCount;
use crate::model::workload::{CapacityType, Class, Classified, DeviceUse};

/// A window in steps of ten minutes.
pub(in crate::recommenders) fn grid(start: &str, days: i64) -> Grid {
    let start: Timestamp = start.parse().unwrap();
    let end = Timestamp::from_second(start.as_second() + days * 86_400).unwrap();
    Grid {
        window: Window { start, end },
        step_seconds: 600,
    }
}

/// A Deployment of one pod with one GPU, whose activity at every point is this.
pub(in crate::recommenders) fn workload(grid: Grid, activity: impl Fn(i64) -> Option<f64>) -> Workload {
    let column = Column::from_options((0..grid.points()).map(|at| activity(grid.second(at) - 1)));
    let device = DeviceUse {
        device: None,
        signals: BTreeMap::from([(Signal::EngineActive, column)]),
    };
    let pod = PodUse {
        name: "chat-1".to_owned(),
        node: Some("n1".to_owned()),
        run: None,
        capacity: CapacityType::OnDemand,
        from: grid.window.start,
        to: grid.window.end,
        running: true,
        pinned: false,
        shared: false,
        gpus: 1,
        share: 1.0,
        gpu: None,
        hourly: None,
        price_steps: Vec::new(),
        devices: vec![device],
        server: BTreeMap::new(),
    };
    Workload {
        id: "c/prod/Deployment.apps/chat".to_owned(),
        cluster: "c".to_owned(),
        group: "apps".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: "prod".to_owned(),
        name: "chat".to_owned(),
        labels: BTreeMap::new(),
        overrides: BTreeMap::new(),
        owner: None,
        owner_because: None,
        class: Classified {
            class: Class::Inference,
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
        gpu: Some(GpuKind {
            model: GpuModel("L4".to_owned()),
            mig: None,
        }),
        capacity: CapacityType::OnDemand,
        pod_requests: BTreeMap::new(),
        scheduling: Scheduling::default(),
        monthly: None,
        price: None,
        serving: None,
        histograms: BTreeMap::new(),
        requests: None,
        start_seconds: Vec::new(),
        pods: vec![pod],
    }
}

/// Its days by the clock of a zone.
pub(in crate::recommenders) fn days(workload: &Workload, grid: Grid, zone: &str) -> Vec<Day> {
    let measured = workload.measured(Signal::EngineActive, grid);
    let activity = Activity {
        signals: vec![(Signal::EngineActive, measured, 1.0)],
    };
    let zone = TimeZone::get(zone).unwrap();
    Rested::of(workload, grid, &zone, (&activity, 0.005)).history.days
}

fn hour_of_the_day(second: i64, zone: &TimeZone) -> i8 {
    Timestamp::from_second(second).unwrap().to_zoned(zone.clone()).hour()
}

#[test]
fn hours_are_those_of_the_clock_when_clocks_are_set_back_and_forward() {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let by_day = |second: i64| Some(f64::from(u8::from((8..18).contains(&hour_of_the_day(second, &zone)))));
    // On the 25th of October an hour came twice; on the 29th of March one was left out.
    for (start, odd, held) in [
        ("2026-10-18T22:00:00Z", "2026-10-25", 25.0),
        ("2026-03-22T23:00:00Z", "2026-03-29", 23.0),
    ] {
        let grid = grid(start, 14);
        let all = days(&workload(grid, by_day), grid, "Europe/Berlin");
        let number = i64::from((odd.parse::<jiff::civil::Date>().unwrap() - jiff::civil::date(1970, 1, 1)).get_days());
        for day in all.iter().filter(|day| day.whole) {
            let sum: f64 = day.hours.iter().map(|hour| hour.held).sum();
            let wanted = if day.number == number { held } else { 24.0 };
            assert!((sum - wanted).abs() < 1e-9, "{sum} hours on day {}", day.number);
            let worked: Vec<usize> = (0..24).filter(|hour| day.hours[*hour].at_work > 0).collect();
            assert_eq!(worked, (8..18).collect::<Vec<usize>>(), "day {}", day.number);
        }
        let of = all.iter().find(|day| day.number == number).unwrap();
        assert_eq!((of.whole, of.hours[2].points), (true, if held > 24.0 { 12 } else { 0 }));
    }
}

#[test]
fn a_hole_is_not_known_and_neither_at_rest_nor_at_work() {
    let grid = grid("2026-11-02T00:00:00Z", 2);
    let hole = grid.window.start.as_second() + 30 * 3_600;
    let all = days(&workload(grid, |second| (second < hole).then_some(0.0)), grid, "UTC");
    let of = all[1].hours;
    assert_eq!((of[5].expected, of[5].known, of[5].at_rest), (6, 6, 6));
    assert_eq!((of[6].expected, of[6].known, of[6].seen()), (6, 0, false));
    assert!((of[6].held - 1.0).abs() < 1e-9, "it held its GPU all the same");
}

#[test]
fn one_busy_replica_is_work_and_a_gpu_that_no_series_names_is_a_hole() {
    let grid = grid("2026-11-02T00:00:00Z", 2);
    let mut two = workload(grid, |_| Some(0.0));
    let mut other = workload(grid, |_| Some(0.9)).pods.remove(0);
    other.gpus = 2;
    two.pods.push(other);
    let hour = days(&two, grid, "UTC")[0].hours[3];
    assert!((hour.held - 3.0).abs() < 1e-9);
    assert_eq!((hour.at_work, hour.at_rest), (6, 0));
    assert_eq!((hour.expected, hour.known), (18, 12));
}

#[test]
fn a_pod_that_comes_within_the_window_holds_from_then_on() {
    let grid = grid("2026-11-02T00:00:00Z", 2);
    let mut late = workload(grid, |_| Some(0.0));
    late.pods[0].from = "2026-11-02T12:05:00Z".parse().unwrap();
    let all = days(&late, grid, "UTC");
    let held: f64 = all.iter().flat_map(|day| &day.hours).map(|hour| hour.held).sum();
    assert!((held - (36.0 - 5.0 / 60.0)).abs() < 1e-9, "{held}");
    // Of its first minutes nobody knows whether it held its GPU yet: only what lies beyond them is expected.
    assert_eq!(
        (
            all[0].hours[11].there,
            all[0].hours[12].there,
            all[0].hours[12].expected
        ),
        (0, 6, 5)
    );
}

#[test]
fn a_day_that_the_window_cuts_is_not_whole() {
    let grid = grid("2026-11-02T06:00:00Z", 2);
    let whole: Vec<bool> = days(&workload(grid, |_| Some(0.0)), grid, "UTC")
        .iter()
        .map(|day| day.whole)
        .collect();
    assert_eq!(whole, [false, true, false]);
}
