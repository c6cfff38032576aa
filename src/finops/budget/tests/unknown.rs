//! What is not known of a budget, and what is not over yet.

use super::*;

#[test]
fn what_has_no_price_may_be_what_is_over_the_budget() {
    let mut ledger = ledger("2026-11-01", &TimeZone::UTC, &[Some(10.0); 15]);
    ledger.days[7].unpriced = 1;
    let row = |ledger: &Ledger, now: &str, monthly| {
        rows(ledger, &TimeZone::UTC, now, &[budget(monthly, MonthKind::Calendar)]).remove(0)
    };
    let end = "2026-11-16T00:00:00Z";
    assert_eq!(row(&ledger, end, 1000.0).status, BudgetStatus::Unknown);
    // Over is over all the same; and what comes later is not yet looked at.
    assert_eq!(row(&ledger, end, 100.0).status, BudgetStatus::Critical);
    assert_eq!(row(&ledger, "2026-11-06T00:00:00Z", 1000.0).status, BudgetStatus::Ok);
    // Without a cost source it is of GPUs alone, which is said.
    ledger.told_by = ToldBy::Prices;
    ledger.days[7].unpriced = 0;
    let told = row(&ledger, end, 1000.0);
    assert_eq!(told.status, BudgetStatus::Ok);
    assert!(told.notes[0].contains("it is of GPU nodes alone"), "{:?}", told.notes);
}

#[test]
fn a_day_that_is_not_over_counts_for_nothing_yet() {
    let ledger = ledger("2026-11-01", &TimeZone::UTC, &[Some(100.0); 15]);
    let row = rows(
        &ledger,
        &TimeZone::UTC,
        "2026-11-10T06:00:00Z",
        &[budget(5_000.0, MonthKind::Calendar)],
    )
    .remove(0);
    assert_eq!((row.spent.unwrap().get(), row.elapsed_days), (900.0, 9.0));
    assert_eq!(row.projected.unwrap().get(), 3000.0);
}

#[test]
fn who_stopped_spending_gives_nothing_back() {
    // Eight weeks of weekdays at 1,000 and weekends at 200; nothing for the last ten days.
    let first: Date = "2026-09-29".parse().unwrap();
    let costs: Vec<Option<f64>> = (0..60)
        .map(|day| {
            let weekend = (first + Span::new().days(day)).weekday().to_monday_zero_offset() > 4;
            Some(match (day >= 50, weekend) {
                (true, _) => 0.0,
                (false, true) => 200.0,
                (false, false) => 1000.0,
            })
        })
        .collect();
    let ledger = ledger("2026-09-29", &TimeZone::UTC, &costs);
    let row = rows(
        &ledger,
        &TimeZone::UTC,
        "2026-11-28T00:00:00Z",
        &[budget(50_000.0, MonthKind::Calendar)],
    )
    .remove(0);
    let (spent, forecast) = (row.spent.unwrap().get(), row.forecast);
    let (low, mid, high) = (forecast.low.unwrap(), forecast.mid.unwrap(), forecast.high.unwrap());
    assert!(spent <= low && low <= mid && mid <= high, "{spent} {forecast:?}");
}

#[test]
fn a_plan_of_a_part_of_the_cluster_tells_nothing_of_budgets() {
    let ledger = ledger("2026-11-01", &TimeZone::UTC, &[Some(10.0); 15]);
    let now: Timestamp = "2026-11-16T00:00:00Z".parse().unwrap();
    let (plan, catalog) = (plan(now), Catalog::shipped().unwrap());
    let books = Books {
        plan: &plan,
        nodes: &[],
        ledger: &ledger,
        attribution: &NOBODY,
        catalog: &catalog,
        zone: &TimeZone::UTC,
    };
    let text = "budgets: [{name: platform, monthly: 1000}]";
    let layer = ("policy.yaml".to_owned(), text.to_owned());
    let judge = crate::engine::Judge::new(&[layer], Catalog::shipped().unwrap()).unwrap();
    let scope = Scope {
        namespaces: vec!["chat".to_owned()],
        ..Scope::default()
    };
    let status = |scope: &Scope| finops(&books, judge.policy(), scope, now).budgets[0].status;
    assert_eq!(status(&Scope::default()), BudgetStatus::Ok);
    assert_eq!(status(&scope), BudgetStatus::Unknown);
}
