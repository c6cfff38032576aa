//! Cost reports and budgets end to end: what a cost source says, to the cent, whatever people ask by.

use std::fs;

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::finops::cost::{Asked, Books, CostReport, Key, report};
use gpuwise::model::ledger::Ledger;
use gpuwise::model::plan::Plan;
use gpuwise::model::progress::Silent;
use gpuwise::model::time::Window;
use gpuwise::pipeline::{self, before};
use gpuwise::sources::endpoint::Endpoint;
use gpuwise::sources::opencost::ledger::ledger_of_answers;
use gpuwise::sources::opencost::{OpenCostClient, ledger};
use gpuwise::sources::recording;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::binary;
use crate::generator::{END, HOUR, Size, World};
use crate::servers;

fn reported(plan: &Plan, ledger: &Ledger, period: Window, by: &[Key]) -> CostReport {
    let judge = Judge::new(&[], Catalog::shipped().unwrap()).unwrap();
    let books = Books {
        plan,
        nodes: &[],
        ledger,
        attribution: &judge.policy().attribution,
        catalog: judge.catalog(),
        zone: &TimeZone::UTC,
    };
    let asked = Asked {
        period,
        before: before(period, &TimeZone::UTC),
        by: by.to_vec(),
        scope: Scope::default(),
        limit: None,
    };
    report(&books, &asked).unwrap()
}

fn adds_up(report: &CostReport, source_total: f64) {
    let told = report.reconciliation.source_total.get();
    assert!((told - source_total).abs() < 1e-4, "{told} {source_total}");
    let steps: f64 = report
        .reconciliation
        .corrections
        .iter()
        .map(|step| step.amount.get())
        .sum();
    assert!((told + steps - report.total.total.get()).abs() < 1e-4);
    let rows: i64 = report.rows.iter().map(|row| row.total.cents()).sum();
    assert_eq!(rows, report.total.total.cents());
}

/// What an answer of `/allocation` adds up to, read by nothing of ours.
fn total_of(answer: &Value) -> f64 {
    let sets = answer["data"].as_array().unwrap();
    let entries = sets.iter().filter_map(Value::as_object).flatten();
    entries.filter_map(|(_, entry)| entry["totalCost"].as_f64()).sum()
}

fn judged(world: &World) -> Plan {
    let judge = Judge::new(&[], Catalog::shipped().unwrap()).unwrap().without_levers();
    pipeline::analyze(&world.to_reading(600), &judge, &Scope::default(), &Silent).unwrap()
}

fn at(second: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(second).unwrap()
}

#[test]
fn reports_reconcile_with_what_opencost_answers_by_whatever_they_are_asked() {
    let world = World::generate(5, Size::Small, 15);
    let plan = judged(&world);
    let day = 24 * HOUR;
    let period = Window {
        start: at(END - 7 * day),
        end: at(END),
    };
    let own: f64 = (1..=7)
        .map(|n| total_of(&world.opencost_allocation(END - n * day, END - (n - 1) * day, true)))
        .sum();
    let url = servers::opencost(World::generate(5, Size::Small, 15));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = OpenCostClient::new(&Endpoint::new(&url)).unwrap();
    let whole = Window {
        start: at(END - 14 * day),
        end: at(END),
    };
    let (told, gaps) = runtime
        .block_on(ledger(&client, (whole, &TimeZone::UTC), None, &Silent))
        .unwrap();
    assert!(gaps.is_empty(), "{gaps:?}");
    for by in [
        "namespace",
        "team",
        "workload",
        "gpu,capacity",
        "node",
        "category",
        "day",
        "label:team",
        "annotation:x",
    ] {
        let keys: Vec<Key> = by.split(',').map(|key| key.parse().unwrap()).collect();
        adds_up(&reported(&plan, &told, period, &keys), own);
    }
    // The same days as the recording of the world has them.
    let recorded = world.to_reading(600).inventory.ledger.unwrap();
    let days = |ledger: &Ledger| -> Vec<Vec<i64>> {
        let totals = |day: &gpuwise::model::ledger::LedgerDay| {
            day.entries.iter().map(|entry| entry.costs.total().cents()).collect()
        };
        let within = ledger.days.iter().filter(|day| day.window.start >= period.start);
        within.map(totals).collect()
    };
    assert_eq!(days(&told), days(&recorded));
    // A node's cost in the report is what the assets say.
    let by_node = reported(&plan, &told, period, &[Key::Node]);
    let node = &world.nodes[0];
    let row = by_node
        .rows
        .iter()
        .find(|row| row.key["node"].as_deref() == Some(node.name.as_str()))
        .unwrap();
    assert!(
        (row.total.get() - row.columns.storage.get() - node.hourly() * 7.0 * 24.0).abs() < 0.05,
        "{row:?}"
    );
}

#[test]
fn months_in_another_zone_are_asked_for_as_they_begin_there() {
    let url = servers::opencost(World::generate(5, Size::Small, 15));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = OpenCostClient::new(&Endpoint::new(&url)).unwrap();
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let window = Window {
        start: at(END - 48 * HOUR),
        end: at(END),
    };
    let (told, _) = runtime
        .block_on(ledger(&client, (window, &berlin), None, &Silent))
        .unwrap();
    let hours: Vec<f64> = told.days.iter().map(|day| day.window.hours()).collect();
    assert_eq!(hours, [23.0, 24.0, 1.0]);
}

#[test]
fn what_opencost_really_answered_reconciles() {
    let root = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let given = std::env::var_os("GPUWISE_OPENCOST").map(std::path::PathBuf::from);
    let folder = given.unwrap_or_else(|| root.join("../shared/data/opencost-real"));
    let Ok(body) = fs::read(folder.join("allocation-example-output.json")) else {
        println!("skipped: GPUWISE_OPENCOST does not name a folder with allocation-example-output.json");
        return;
    };
    let week = Window {
        start: "2023-07-12T11:02:46Z".parse().unwrap(),
        end: "2023-07-19T11:02:46Z".parse().unwrap(),
    };
    let told = ledger_of_answers(&[(week, &body, br#"{"code": 200, "data": {}}"#)]).unwrap();
    let plan = judged(&World::generate(5, Size::Small, 3));
    let own = total_of(&serde_json::from_slice(&body).unwrap());
    let report = reported(&plan, &told, week, &[Key::Namespace]);
    adds_up(&report, own);
    let namespaces: Vec<Option<&str>> = report.rows.iter().map(|row| row.key["namespace"].as_deref()).collect();
    assert_eq!(namespaces.len(), 3, "{namespaces:?}");
}

/// A cost source tells direct controllers, and of pods of operators none at all; every GPU hour is a workload's all the same.
#[test]
fn every_gpu_hour_is_of_a_workload() {
    let json = binary::run(&["cost", "--demo", "--by", "class", "--format", "json"]).printed();
    let told: Value = serde_json::from_str(&json).unwrap();
    let hours = |row: &Value| row["measures"]["gpu_hours"].as_f64().unwrap_or(0.0);
    let rows = told["rows"].as_array().unwrap();
    let nobodys: f64 = rows.iter().filter(|row| row["key"]["class"].is_null()).map(hours).sum();
    let all = hours(&told["total"]);
    assert!(all > 50_000.0 && nobodys < 1e-6, "{nobodys} of {all}");
}

#[test]
fn the_demos_report_is_the_plans_spend_in_every_form() {
    let demo = recording::demo().unwrap();
    let json = binary::run(&["cost", "--demo", "--by", "team,gpu", "--format", "json"]).printed();
    let told: Value = serde_json::from_str(&json).unwrap();
    let total = told["total"]["total"].as_f64().unwrap();
    let rows = told["rows"].as_array().unwrap();
    let sum: f64 = rows.iter().map(|row| row["total"].as_f64().unwrap()).sum();
    assert!((sum - total).abs() < 0.005, "{sum} {total}");
    // Half of the window, at the rate that the plan calls a month of 730 hours.
    let judge = Judge::new(&[], Catalog::shipped().unwrap()).unwrap().without_levers();
    let plan = pipeline::analyze(&demo, &judge, &Scope::default(), &Silent).unwrap();
    let monthly = plan.spend.unwrap().monthly.get();
    assert!((total - monthly / 730.0 * 14.0 * 24.0).abs() < 1.0, "{total} {monthly}");
    let ledger = demo.inventory.ledger.unwrap();
    let start: jiff::Timestamp = told["period"]["start"].as_str().unwrap().parse().unwrap();
    let own: f64 = ledger
        .days
        .iter()
        .filter(|day| day.window.start >= start)
        .flat_map(|day| &day.entries)
        .filter(|entry| ledger.account(entry).unwrap().holder != gpuwise::model::ledger::Holder::Assets)
        .map(|entry| entry.costs.total().get())
        .sum();
    assert!((told["reconciliation"]["source_total"].as_f64().unwrap() - own).abs() < 0.001);
    // What was held and left alone is no small part of it, and in no other column.
    assert!(told["total"]["columns"]["unused"].as_f64().unwrap() > 10_000.0);

    as_csv(total, rows.len());
    as_focus(total);
    let markdown = binary::run(&[
        "cost",
        "--demo",
        "--by",
        "namespace",
        "--format",
        "markdown",
        "--limit",
        "4",
    ])
    .printed();
    assert!(markdown.contains("others) |"), "{markdown}");
    assert!(
        markdown.contains("control planes, which allocations leave out"),
        "{markdown}"
    );
}

fn as_csv(total: f64, rows: usize) {
    let csv = binary::run(&["cost", "--demo", "--by", "team,gpu", "--format", "csv"]).printed();
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let at = reader
        .headers()
        .unwrap()
        .iter()
        .position(|head| head == "total")
        .unwrap();
    let lines: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(lines.len(), rows + 1);
    let cells: Vec<f64> = lines.iter().map(|line| line[at].parse().unwrap()).collect();
    let (last, others) = cells.split_last().unwrap();
    assert!((others.iter().sum::<f64>() - last).abs() < 0.005 && (last - total).abs() < 0.005);
}

fn as_focus(total: f64) {
    let focus = binary::run(&["cost", "--demo", "--format", "focus"]).printed();
    let mut reader = csv::Reader::from_reader(focus.as_bytes());
    let head = reader.headers().unwrap().clone();
    let column = |name: &str| head.iter().position(|one| one == name).unwrap();
    let (cost, from, to) = (
        column("BilledCost"),
        column("ChargePeriodStart"),
        column("ChargePeriodEnd"),
    );
    let mut sum = 0.0;
    for line in reader.records() {
        let line = line.unwrap();
        sum += line[cost].parse::<f64>().unwrap();
        assert!(line[from].parse::<jiff::Timestamp>().unwrap() < line[to].parse::<jiff::Timestamp>().unwrap());
        serde_json::from_str::<Value>(&line[column("Tags")]).unwrap();
    }
    assert!((sum - total).abs() < 0.01, "{sum} {total}");
}

#[test]
fn a_month_is_told_as_far_as_there_is_data_and_one_without_is_refused() {
    let october = binary::run(&["cost", "--demo", "--month", "2026-10", "--format", "json"]).printed();
    let told: Value = serde_json::from_str(&october).unwrap();
    assert_eq!(
        (told["days"]["asked"].as_u64(), told["days"]["told"].as_u64()),
        (Some(31), Some(13))
    );
    assert!(told["total"]["previous"].is_null(), "September has no data");
    let note = told["notes"][0].as_str().unwrap();
    assert!(
        note.contains("18 of 31 days have no data (2026-10-01 to 2026-10-18)"),
        "{note}"
    );
    // Days of UTC are called by the name that most of their hours have elsewhere.
    let west = [
        "cost",
        "--demo",
        "--month",
        "2026-11",
        "--timezone",
        "America/Los_Angeles",
        "--format",
        "json",
    ];
    let west: Value = serde_json::from_str(&binary::run(&west).stdout).unwrap();
    assert_eq!(west["days"]["told"].as_u64(), Some(15));
    let stranger = binary::run(&["cost", "--demo", "--namespace", "chta"]);
    assert_eq!(stranger.code, 2);
    assert!(
        stranger.stderr.contains("there are the namespaces chat, "),
        "{}",
        stranger.stderr
    );
    let none = binary::run(&["cost", "--demo", "--month", "2026-08"]);
    assert_eq!(none.code, 5);
    assert!(
        none.stderr.contains("28 days from 2026-10-19 to 2026-11-15"),
        "{}",
        none.stderr
    );
    let wrong = binary::run(&["cost", "--demo", "--by", "colour"]);
    assert_eq!(wrong.code, 2);
}

#[test]
fn a_budget_that_does_not_hold_fails_the_pipeline() {
    let folder = tempfile::tempdir().unwrap();
    let policy = |text: &str| {
        let path = folder.path().join("policy.yaml");
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let run = |text: &str, check: &str| binary::run(&["budget", "--demo", "--policy", &policy(text), check]);
    let over = "budgets: [{name: platform, monthly: 600000}]\n";
    assert_eq!(run(over, "--check").code, 10);
    assert_eq!(run(over, "--check=critical").code, 0);
    let stranger = run("budgets: [{name: ours, teams: [nobody], monthly: 1}]\n", "--check");
    assert_eq!(stranger.code, 3);
    assert!(
        stranger
            .stdout
            .contains("no cost of team nobody was ever seen; there are teams: ")
    );
    let none = run("permissions: {}\n", "--check");
    assert_eq!(none.code, 2);
    assert!(
        none.stderr.contains("budgets: [{name: platform, monthly: 50000}]"),
        "{}",
        none.stderr
    );
}
