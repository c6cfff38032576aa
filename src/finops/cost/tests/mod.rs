//! Small ledgers, by hand: what reports make of them.

mod made;
mod part;

use jiff::tz::TimeZone;
use serde_json::json;

use super::*;
use crate::model::ledger::Holder;
use crate::policy::attribution::NOBODY;
use made::{amount, asked, day, entry, ledger, nobody, plan, pods, reserved, window, workload};

fn told(plan: &Plan, nodes: &[GpuNode], ledger: &Ledger, asked: &Asked) -> Result<CostReport, NoReport> {
    let catalog = Catalog::shipped().unwrap();
    let books = Books {
        plan,
        nodes,
        ledger,
        attribution: &NOBODY,
        catalog: &catalog,
        zone: &TimeZone::UTC,
    };
    report(&books, asked)
}

fn row<'r>(report: &'r CostReport, key: &str, value: &str) -> &'r CostRow {
    let is = |row: &&CostRow| row.key[key].as_deref() == Some(value);
    report.rows.iter().find(is).unwrap()
}

/// What must hold of every report: rows add up to the total, columns to rows, and the total is the source's with its corrections.
fn adds_up(report: &CostReport) {
    let rows: Amount = report.rows.iter().map(|row| row.total).sum();
    assert_eq!(rows, report.total.total);
    for at in 0..Columns::COUNT {
        let column: Amount = report.rows.iter().map(|row| row.columns.all()[at]).sum();
        assert_eq!(column, report.total.columns.all()[at], "{}", Columns::NAMES[at]);
    }
    for row in &report.rows {
        assert_eq!(row.columns.total(), row.total);
        let cents = Amount::from_cents(row.total.cents());
        assert_eq!(cents, row.total, "a row has fractions of a cent");
    }
    let steps: Amount = report.reconciliation.corrections.iter().map(|step| step.amount).sum();
    assert_eq!(report.reconciliation.source_total + steps, report.reconciliation.total);
    assert_eq!(report.reconciliation.total, report.total.total);
}

#[test]
fn a_gpu_costs_its_part_of_the_whole_node_and_nothing_is_lost() {
    let report = told(&plan(json!([])), &[], &ledger(), &asked(&[Key::Namespace])).unwrap();
    adds_up(&report);
    // 4 of 8 GPUs are half of 1,200, whatever the source splits; traffic is theirs, too.
    let chat = row(&report, "namespace", "chat");
    assert_eq!((chat.columns.gpu, chat.columns.compute), (amount(600.0), Amount::ZERO));
    assert_eq!((chat.columns.network, chat.total), (amount(1.0), amount(601.0)));
    assert_eq!(row(&report, "namespace", "ml").total, amount(300.0));
    // Nodes without GPUs stay as they were told, a credit included.
    let web = row(&report, "namespace", "web");
    assert_eq!((web.columns.compute, web.columns.network), (amount(8.0), amount(-0.25)));
    let idle = report
        .rows
        .iter()
        .find(|row| row.holder.as_deref() == Some("idle"))
        .unwrap();
    assert_eq!((idle.columns.idle, idle.idle_gpu), (amount(302.0), amount(300.0)));
    assert_eq!(report.reconciliation.source_total, amount(1218.25));
    assert_eq!(report.total.total, amount(1220.65));
    let codes: Vec<&str> = report.reconciliation.corrections.iter().map(|step| step.code).collect();
    assert_eq!(codes, ["assets", "gpu-nodes"]);
    assert_eq!(report.reconciliation.corrections[1].amount, Amount::ZERO);
    // 600 instead of 230, 300 instead of 115.
    assert_eq!(report.reconciliation.corrections[1].moved, amount(555.0));
}

#[test]
fn what_was_held_and_left_alone_is_a_column_of_its_own() {
    let day = json!({"day": "2026-11-02", "hours": 24.0, "gpu_hours": 96.0, "busy_gpu_hours": 24.0, "cost": null,
        "requests": null, "tokens": 3_000_000.0});
    let plan = plan(json!([workload("chat", "router", day)]));
    let report = told(&plan, &[], &ledger(), &asked(&[Key::Workload])).unwrap();
    adds_up(&report);
    let router = row(&report, "workload", "chat/router");
    assert_eq!(
        (router.columns.gpu, router.columns.unused),
        (amount(150.0), amount(450.0))
    );
    assert_eq!(router.measures.per_busy_gpu_hour, Some(25.0));
    assert_eq!(router.measures.per_million_tokens, Some(601.0 / 3.0));
    // Of the other nothing was measured: all of it stands as GPU, and no hour of work has a price.
    let train = row(&report, "workload", "ml/train");
    assert_eq!((train.columns.gpu, train.columns.unused), (amount(300.0), Amount::ZERO));
    assert_eq!(
        (train.measures.busy_gpu_hours, train.measures.per_busy_gpu_hour),
        (None, None)
    );
    assert_eq!(report.total.measures.measured_share, Some(96.0 / 144.0));
}

#[test]
fn slices_that_the_source_calls_idle_are_laid_on_who_holds_them() {
    let mut ledger = ledger();
    ledger.days[0].entries[1].gpu_hours = 0.0;
    ledger.days[0].entries[1].costs = entry(1, 0.0, [0.0, 10.0, 5.0, 0.0, 0.0]).costs;
    ledger.days[0].entries[3].costs = entry(3, 0.0, [200.0, 500.0, 255.0, 0.0, 0.0]).costs;
    let day = json!({"day": "2026-11-02", "hours": 24.0, "gpu_hours": 24.0, "busy_gpu_hours": null, "cost": null,
        "requests": null, "tokens": null});
    let report = told(
        &plan(json!([workload("ml", "train", day)])),
        &[],
        &ledger,
        &asked(&[Key::Namespace]),
    )
    .unwrap();
    adds_up(&report);
    // 24 of 192 GPU hours: an eighth of the node.
    assert_eq!(row(&report, "namespace", "ml").total, amount(150.0));
    let slices = report
        .reconciliation
        .corrections
        .iter()
        .find(|step| step.code == "unseen-slices")
        .unwrap();
    assert_eq!((slices.amount, slices.moved), (Amount::ZERO, amount(150.0)));
}

#[test]
fn of_days_outside_of_the_history_slices_are_as_many_as_on_average() {
    let mut ledger = ledger();
    ledger.days[0].entries[1].gpu_hours = 0.0;
    let day = json!({"day": "2026-11-09", "hours": 12.0, "gpu_hours": 12.0, "busy_gpu_hours": null, "cost": null,
        "requests": null, "tokens": null});
    let report = told(
        &plan(json!([workload("ml", "train", day)])),
        &[],
        &ledger,
        &asked(&[Key::Namespace]),
    )
    .unwrap();
    adds_up(&report);
    // One GPU at all hours is an eighth of the node, on this day, too.
    assert_eq!(row(&report, "namespace", "ml").total, amount(150.0));
}

#[test]
fn a_deployment_is_no_run_of_another_whose_name_it_begins_with() {
    let mut ledger = ledger();
    ledger.accounts[2].namespace = Some("chat".to_owned());
    ledger.accounts[2].controller = Some("router-gateway".to_owned());
    let day = json!({"day": "2026-11-02", "hours": 24.0, "gpu_hours": 96.0, "busy_gpu_hours": null, "cost": null,
        "requests": null, "tokens": null});
    let report = told(
        &plan(json!([workload("chat", "router", day)])),
        &[],
        &ledger,
        &asked(&[Key::Workload]),
    )
    .unwrap();
    assert_eq!(row(&report, "workload", "chat/router").total, amount(601.0));
    assert_eq!(row(&report, "workload", "chat/router-gateway").total, amount(8.25));
    // Nor is a job that installs it.
    ledger.accounts[2].kind = Some("job".to_owned());
    let day = json!({"day": "2026-11-02", "hours": 24.0, "gpu_hours": 96.0, "busy_gpu_hours": null, "cost": null,
        "requests": null, "tokens": null});
    let mut nightly = workload("chat", "router-gateway", day.clone());
    nightly["kind"] = json!("CronJob");
    let workloads = json!([workload("chat", "router", day), nightly]);
    let by_workload = |ledger: &Ledger| told(&plan(workloads.clone()), &[], ledger, &asked(&[Key::Workload])).unwrap();
    assert_eq!(
        row(&by_workload(&ledger), "workload", "chat/router").total,
        amount(601.0)
    );
    // Runs of a schedule are its own, whether their names are theirs or their pods'.
    ledger.accounts[2].controller = Some("router-gateway-29384756".to_owned());
    let runs = row(&by_workload(&ledger), "workload", "chat/router-gateway").total;
    assert_eq!(runs, amount(8.25));
    ledger.accounts[2].kind = None;
    ledger.accounts[2].controller = Some("router-gateway-29384756-x7k2p".to_owned());
    let runs = row(&by_workload(&ledger), "workload", "chat/router-gateway").total;
    assert_eq!(runs, amount(8.25));
}

#[test]
fn who_spent_before_and_no_more_has_a_row() {
    let mut ledger = ledger();
    let mut before = ledger.days[0].clone();
    before.window = day("2026-11-01");
    ledger.days[0].entries.remove(2);
    ledger.days.insert(0, before);
    let report = told(&plan(json!([])), &[], &ledger, &asked(&[Key::Namespace])).unwrap();
    adds_up(&report);
    let web = row(&report, "namespace", "web");
    assert_eq!(
        (web.total, web.previous, web.change),
        (Amount::ZERO, Some(amount(8.25)), Some(-1.0))
    );
    let before: Amount = report.rows.iter().filter_map(|row| row.previous).sum();
    assert_eq!(Some(before), report.total.previous);
}

#[test]
fn by_category_hours_of_work_are_of_nobody() {
    let report = told(&plan(json!([])), &[], &ledger(), &asked(&[Key::Category])).unwrap();
    adds_up(&report);
    assert!(report.rows.iter().all(|row| row.measures.gpu_hours.is_none()));
    assert_eq!(report.total.measures.gpu_hours, Some(144.0));
}

#[test]
fn idle_told_of_the_whole_cluster_is_not_counted_twice() {
    let mut ledger = ledger();
    // An older server: one figure for what is idle of all nodes.
    ledger.accounts[3] = nobody(Holder::Idle, None);
    let mut entries = std::mem::take(&mut ledger.days[0].entries);
    entries[3] = entry(3, 0.0, [100.0, 501.0, 256.0, 0.0, 0.0]);
    entries.remove(4);
    ledger.days[0].entries = entries;
    let report = told(&plan(json!([])), &[], &ledger, &asked(&[Key::Namespace])).unwrap();
    adds_up(&report);
    assert_eq!(report.total.total, amount(1220.65));
    assert_eq!(report.total.columns.idle, amount(302.0));
}

#[test]
fn a_node_under_contract_costs_what_the_contract_says_in_a_row_of_its_own() {
    let node = reserved("gpu-1");
    let report = told(&plan(json!([])), &[node], &ledger(), &asked(&[Key::Gpu, Key::Capacity])).unwrap();
    adds_up(&report);
    let price = report
        .reconciliation
        .corrections
        .iter()
        .find(|step| step.code == "price")
        .unwrap();
    assert_eq!(price.amount, amount(720.0 - 1200.0));
    let reserved = row(&report, "capacity", "reserved");
    assert_eq!(reserved.key["gpu"].as_deref(), Some("H100-80GB"));
    assert_eq!(reserved.columns.gpu + reserved.columns.idle, amount(720.0));
    // What the list says stands beside it.
    assert!(report.total.list.is_some_and(|list| list > amount(720.0)));
}

#[test]
fn a_long_tail_is_one_row_and_loses_nothing() {
    let mut ledger = ledger();
    for at in 0..1000 {
        let account = u32::try_from(ledger.accounts.len()).unwrap();
        ledger.accounts.push(pods(
            "cpu-1",
            "jobs",
            &format!("job-{at}"),
            &[("experiment", &format!("e{at}"))],
        ));
        ledger.days[0]
            .entries
            .push(entry(account, 0.0, [0.0, 0.003 + f64::from(at) * 1e-5, 0.0, 0.0, 0.0]));
    }
    let by = [Key::Label("experiment".to_owned())];
    let all = told(&plan(json!([])), &[], &ledger, &asked(&by)).unwrap();
    adds_up(&all);
    let short = told(
        &plan(json!([])),
        &[],
        &ledger,
        &Asked {
            limit: Some(20),
            ..asked(&by)
        },
    )
    .unwrap();
    adds_up(&short);
    assert_eq!((short.rows.len(), short.total.total), (20, all.total.total));
    let others = short.rows.last().unwrap();
    assert_eq!(others.holder.as_deref(), Some("others"));
    assert_eq!(others.rows, all.rows.len() - 19);
}

#[test]
fn days_without_data_are_no_days_at_no_cost() {
    let mut ledger = ledger();
    let untold = |date: &str| LedgerDay {
        window: day(date),
        told: false,
        entries: Vec::new(),
        nodes: std::collections::BTreeMap::new(),
        unpriced: 0,
    };
    ledger.days.insert(0, untold("2026-11-01"));
    ledger.days.push(untold("2026-11-03"));
    let two = Asked {
        period: window("2026-11-02T00:00:00Z", "2026-11-04T00:00:00Z"),
        ..asked(&[Key::Namespace])
    };
    let report = told(&plan(json!([])), &[], &ledger, &two).unwrap();
    assert_eq!((report.days.asked, report.days.told), (2, 1));
    assert!(report.notes[0].contains("2026-11-03"), "{:?}", report.notes);
    // The day before has no data: that is no rise from nothing.
    assert_eq!((report.total.previous, report.total.change), (None, None));
    let none = Asked {
        period: window("2026-09-01T00:00:00Z", "2026-10-01T00:00:00Z"),
        ..asked(&[Key::Namespace])
    };
    let error = told(&plan(json!([])), &[], &ledger, &none).unwrap_err();
    assert!(error.to_string().contains("2026-09-01 to 2026-09-30"), "{error}");
    assert!(error.to_string().contains("1 days from 2026-11-02"), "{error}");
}

#[test]
fn keys_are_read_as_people_write_them() {
    for (text, name) in [
        ("owner", "team"),
        ("capacity-type", "capacity"),
        ("cost-center", "cost-center"),
        ("label:app.kubernetes.io/name", "label:app.kubernetes.io/name"),
    ] {
        assert_eq!(text.parse::<Key>().unwrap().name(), name);
    }
    let error = "colour".parse::<Key>().unwrap_err();
    assert!(error.contains("label:NAME"), "{error}");
    // A label is found by its own name, though metric stores write it otherwise.
    let report = told(
        &plan(json!([])),
        &[],
        &ledger(),
        &asked(&["cost-center".parse().unwrap()]),
    )
    .unwrap();
    assert_eq!(row(&report, "cost-center", "R-D").total, amount(601.0));
}

#[test]
fn a_part_of_the_cluster_says_what_is_left_out() {
    let scope = Scope {
        namespaces: vec!["chat".to_owned()],
        ..Scope::default()
    };
    let report = told(
        &plan(json!([])),
        &[],
        &ledger(),
        &Asked {
            scope,
            ..asked(&[Key::Namespace])
        },
    )
    .unwrap();
    adds_up(&report);
    assert_eq!(report.total.total, amount(601.0));
    assert_eq!(report.reconciliation.corrections.last().unwrap().code, "out-of-scope");
}
