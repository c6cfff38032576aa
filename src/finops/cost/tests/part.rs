//! What is known in part: nodes that are gone, days before the history or on another grid.

use super::*;

#[test]
fn a_node_that_is_gone_costs_what_those_of_its_type_cost() {
    let gone = |nodes: &[GpuNode]| told(&plan(json!([])), nodes, &ledger(), &asked(&[Key::Namespace])).unwrap();
    let like = GpuNode {
        name: "gpu-2".to_owned(),
        ..reserved("gpu-2")
    };
    let report = gone(std::slice::from_ref(&like));
    adds_up(&report);
    // 30 an hour by contract, though the source says 50.
    assert_eq!(row(&report, "namespace", "chat").total, amount(361.0));
    // Of two prices nobody knows which was its.
    let other = GpuNode {
        hourly: Some(crate::model::units::Hourly::new(20.0)),
        ..reserved("gpu-3")
    };
    assert_eq!(row(&gone(&[like, other]), "namespace", "chat").total, amount(601.0));
}

#[test]
fn of_a_day_outside_of_the_history_nothing_is_made_up_where_gpus_are_counted_on_others() {
    let mut ledger = ledger();
    let mut later = ledger.days[0].clone();
    later.window = day("2026-11-03");
    // The head is there, workers of eight GPUs come a day later.
    ledger.days[0].entries[1].gpu_hours = 0.0;
    ledger.days.push(later);
    let history = json!({"day": "2026-11-03", "hours": 24.0, "gpu_hours": 48.0, "busy_gpu_hours": null, "cost": null,
        "requests": null, "tokens": null});
    let report = told(
        &plan(json!([workload("ml", "train", history)])),
        &[],
        &ledger,
        &asked(&[Key::Namespace]),
    )
    .unwrap();
    adds_up(&report);
    assert!(
        report
            .rows
            .iter()
            .all(|row| row.key["namespace"].as_deref() != Some("ml"))
    );
    assert_eq!(report.total.measures.gpu_hours, Some(96.0));
}

#[test]
fn of_a_day_of_which_history_has_a_part_slices_are_of_the_whole_day_and_tokens_of_none() {
    let mut ledger = ledger();
    ledger.days[0].entries[1].gpu_hours = 0.0;
    let part = json!({"day": "2026-11-02", "hours": 6.0, "gpu_hours": 6.0, "busy_gpu_hours": 3.0, "cost": null,
        "requests": null, "tokens": 1e6});
    let report = told(
        &plan(json!([workload("ml", "train", part)])),
        &[],
        &ledger,
        &asked(&[Key::Namespace]),
    )
    .unwrap();
    adds_up(&report);
    let ml = row(&report, "namespace", "ml");
    // A GPU at all hours: an eighth of the node, not a 32nd.
    assert_eq!((ml.total, ml.measures.gpu_hours), (amount(150.0), Some(24.0)));
    assert_eq!((ml.measures.busy_gpu_hours, ml.measures.tokens), (Some(12.0), None));
}

#[test]
fn days_of_utc_are_dated_as_the_day_they_mostly_are() {
    let los_angeles = TimeZone::get("America/Los_Angeles").unwrap();
    let mut ledger = ledger();
    let first = ledger.days.remove(0);
    // Whole days of UTC, the first from where history begins, the last as far as it has come.
    for (from, to) in [
        ("2026-11-17T15:00:00Z", "2026-11-18T00:00:00Z"),
        ("2026-11-18T00:00:00Z", "2026-11-19T00:00:00Z"),
        ("2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z"),
        ("2026-11-20T00:00:00Z", "2026-11-20T13:00:00Z"),
    ] {
        ledger.days.push(crate::model::ledger::LedgerDay {
            window: window(from, to),
            ..first.clone()
        });
    }
    let (plan, catalog) = (plan(json!([])), Catalog::shipped().unwrap());
    let books = Books {
        plan: &plan,
        nodes: &[],
        ledger: &ledger,
        attribution: &NOBODY,
        catalog: &catalog,
        zone: &los_angeles,
    };
    let dates: Vec<String> = ledger.days.iter().map(|day| books.date(day).to_string()).collect();
    assert_eq!(dates, ["2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20"]);
    let at = |at: &str| at.parse::<Timestamp>().unwrap();
    let is_over = |index: usize, at: Timestamp| books.is_over(&ledger.days[index], at);
    assert!(is_over(3, at("2026-11-20T13:00:00Z")) && !is_over(2, at("2026-11-19T12:00:00Z")));
}
