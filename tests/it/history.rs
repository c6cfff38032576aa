//! What a plan keeps of each workload over time, told from generated worlds.

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::model::plan::{Plan, WorkloadRow};
use gpuwise::model::progress::Silent;
use gpuwise::model::reading::Reading;
use gpuwise::model::workload::CapacityType;
use gpuwise::{pipeline, report};

use crate::generator::{Size, World};

fn plan(reading: &Reading, zone: &str) -> Plan {
    let judge = Judge::new(&[], Catalog::shipped().unwrap()).unwrap();
    let judge = judge.in_timezone(zone).unwrap();
    pipeline::analyze(reading, &judge, &Scope::default(), &Silent).unwrap()
}

/// Every workload's days come to what its row says of the whole window: its money, its GPUs, and how busy they were.
fn agrees(workload: &WorkloadRow, window_hours: f64) {
    let history = workload.history.as_ref().unwrap();
    let days = history.days.len() as f64;
    let sum = |of: fn(&gpuwise::model::history::HistoryDay) -> f64| history.days.iter().map(of).sum::<f64>();
    assert!(
        (sum(|day| day.hours) - window_hours).abs() < 0.01 * days,
        "{}",
        workload.name
    );
    let gpu_hours = workload.gpus.get() * window_hours;
    let off = (sum(|day| day.gpu_hours) - gpu_hours).abs();
    assert!(off < 0.01 * days + 0.001 * window_hours, "{}: {off}", workload.name);
    if let Some(monthly) = workload.monthly {
        let cost = sum(|day| day.cost.unwrap().get());
        let expected = monthly.get() / 730.0 * window_hours;
        assert!(
            (cost - expected).abs() < 0.006 * days + 0.02,
            "{}: {cost} {expected}",
            workload.name
        );
    }
    let steps: f64 = history.gpus.iter().map(|gpus| gpus.unwrap()).sum();
    let hours = steps * f64::from(history.step_seconds) / 3600.0;
    assert!(
        (hours - gpu_hours).abs() <= 0.005 * gpu_hours + 0.1,
        "{}: {hours} {gpu_hours}",
        workload.name
    );
    for day in &history.days {
        assert!(
            day.busy_gpu_hours.is_none_or(|busy| busy <= day.gpu_hours + 0.011),
            "{day:?}"
        );
    }
}

#[test]
fn days_come_to_the_whole_window_in_any_time_zone() {
    let reading = World::generate(2, Size::Small, 14).to_reading(900);
    for (zone, days) in [("UTC", 14), ("America/St_Johns", 15)] {
        let plan = plan(&reading, zone);
        for workload in &plan.workloads {
            agrees(workload, plan.window.hours());
            assert_eq!(workload.history.as_ref().unwrap().days.len(), days);
        }
        let told = |of: fn(&gpuwise::model::history::HistoryDay) -> bool| {
            let days = plan.workloads.iter().filter_map(|row| row.history.as_ref());
            days.flat_map(|history| &history.days).filter(|day| of(day)).count()
        };
        assert!(told(|day| day.busy_gpu_hours.is_some()) > 100);
        assert!(told(|day| day.requests.is_some_and(|count| count > 0.0)) > 10);
        assert!(told(|day| day.tokens.is_some_and(|count| count > 0.0)) > 10);
        let text = report::json::json(&plan).unwrap();
        assert_eq!(report::json::read(&text).unwrap(), plan);
    }
}

/// What no server told is not said to have been none.
#[test]
fn requests_that_nobody_counted_are_unknown() {
    let mut reading = World::generate(2, Size::Small, 14).to_reading(900);
    reading.series.retain(|series| series.signal.is_gpu());
    reading.requests.clear();
    let plan = plan(&reading, "UTC");
    let mut days = plan
        .workloads
        .iter()
        .flat_map(|row| &row.history.as_ref().unwrap().days);
    assert!(days.all(|day| day.requests.is_none() && day.tokens.is_none() && day.cost.is_some()));
}

/// A sheet whose prices change within the window: each day costs what it cost then.
#[test]
fn a_day_costs_what_its_time_cost() {
    let reading = World::generate(2, Size::Small, 14).to_reading(900);
    let types: std::collections::BTreeSet<String> = reading
        .inventory
        .nodes
        .iter()
        .filter_map(|node| node.labels.get("node.kubernetes.io/instance-type").cloned())
        .collect();
    let mut sheet = String::from("rows:\n");
    for name in &types {
        let row = format!("  - {{instance_type: {name}, confirmed: true, hourly:");
        sheet.push_str(&format!(
            "{row} 16, from: 2026-01-01, until: 2026-11-09}}\n{row} 8, from: 2026-11-09}}\n"
        ));
    }
    let mut bare = reading;
    bare.inventory.node_costs.clear();
    let judge = Judge::with_prices(&[], &[("prices.yaml".to_owned(), sheet)], Catalog::shipped().unwrap()).unwrap();
    let plan = pipeline::analyze(&bare, &judge, &Scope::default(), &Silent).unwrap();
    let mut seen = 0;
    let bought = |row: &&WorkloadRow| row.capacity_type == CapacityType::OnDemand;
    for workload in plan.workloads.iter().filter(bought) {
        agrees(workload, plan.window.hours());
        let days = &workload.history.as_ref().unwrap().days;
        let hour = |at: usize| days[at].cost.unwrap().get() / days[at].gpu_hours;
        if days[2].gpu_hours > 1.0 && (days[2].gpu_hours - days[12].gpu_hours).abs() < 1e-6 {
            assert!(
                (hour(2) / hour(12) - 2.0).abs() < 0.01,
                "{}: {} {}",
                workload.name,
                hour(2),
                hour(12)
            );
            seen += 1;
        }
    }
    assert!(seen > 0);
}
