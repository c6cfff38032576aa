//! Budgets over small ledgers, by hand.

mod unknown;

use std::collections::BTreeMap;

use super::super::cost::{Books, lines};
use super::*;
use crate::catalog::Catalog;
use crate::finops::finops;
use crate::model::ledger::{Account, Costs, Entry, Ledger, LedgerDay, ToldBy};
use crate::model::plan::Plan;
use crate::policy::attribution::NOBODY;
use crate::policy::budgets::MonthKind;
use crate::policy::located::Place;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// Days from a first one on, in a zone, of these costs; `None` is a day of which nobody told.
fn ledger(first: &str, zone: &TimeZone, costs: &[Option<f64>]) -> Ledger {
    let first: Date = first.parse().unwrap();
    let at = |day: usize| {
        let date = first + Span::new().days(i64::try_from(day).unwrap());
        date.to_zoned(zone.clone()).unwrap().timestamp()
    };
    let account = |namespace: &str| Account {
        namespace: Some(namespace.to_owned()),
        controller: Some("web".to_owned()),
        ..Account::default()
    };
    let day = |(index, cost): (usize, &Option<f64>)| LedgerDay {
        window: Window {
            start: at(index),
            end: at(index + 1),
        },
        told: cost.is_some(),
        entries: cost
            .iter()
            .map(|cost| Entry {
                account: 0,
                gpu_hours: 0.0,
                costs: Costs {
                    cpu: Amount::new(*cost).unwrap(),
                    ..Costs::default()
                },
            })
            .collect(),
        nodes: BTreeMap::new(),
        unpriced: 0,
    };
    Ledger {
        told_by: ToldBy::OpenCost,
        accounts: vec![account("chat")],
        nodes: BTreeMap::new(),
        days: costs.iter().enumerate().map(day).collect(),
    }
}

fn budget(monthly: f64, month: MonthKind) -> Budget {
    Budget {
        name: "platform".to_owned(),
        scope: crate::policy::budgets::BudgetScope::default(),
        monthly,
        months: BTreeMap::new(),
        currency: None,
        month,
        place: Place {
            file: "policy.yaml".to_owned(),
            line: 2,
            column: 5,
        },
    }
}

fn plan(end: Timestamp) -> Plan {
    serde_json::from_value(serde_json::json!({
        "apiVersion": "gpuwise/v1alpha1", "kind": "Plan", "window": {"start": "2026-10-01T00:00:00Z", "end": end},
        "timezone": "UTC", "currency": "USD",
        "coverage": {"clusters": ["c"], "gpus": 0, "gpus_with_metrics": 0, "workloads": 0, "samples": 0, "spend_judged": null,
            "spend_unknown": null, "spend_out_of_scope": null, "gaps": []},
        "spend": null, "workloads": [], "accepted": [], "experiments": [], "held_back": [], "kept": [], "unknown": [],
        "saving": {"monthly": {"low": null, "mid": null, "high": null}, "leaves_bill_monthly": 0.0,
            "frees_capacity_monthly": 0.0, "overlap_monthly": 0.0},
    }))
    .unwrap()
}

fn rows(ledger: &Ledger, zone: &TimeZone, now: &str, all: &[Budget]) -> Vec<BudgetRow> {
    let now: Timestamp = now.parse().unwrap();
    let (plan, catalog) = (plan(now), Catalog::shipped().unwrap());
    let books = Books {
        plan: &plan,
        nodes: &[],
        ledger,
        attribution: &NOBODY,
        catalog: &catalog,
        zone,
    };
    let span = Window {
        start: ledger.days.first().unwrap().window.start,
        end: ledger.days.last().unwrap().window.end,
    };
    budgets(
        &books,
        &lines(&books, span, &Scope::default()).0,
        all,
        now,
        &PriceSheet::default(),
    )
}

fn after_15_days(spent: f64, month: MonthKind) -> BudgetRow {
    let costs = vec![Some(spent / 15.0); 15];
    let ledger = ledger("2026-11-01", &TimeZone::UTC, &costs);
    rows(
        &ledger,
        &TimeZone::UTC,
        "2026-11-16T00:00:00Z",
        &[budget(50_000.0, month)],
    )
    .remove(0)
}

#[test]
fn half_of_the_month_and_of_the_money_is_ok_and_more_is_not() {
    for month in [MonthKind::Calendar, MonthKind::ThirtyDays] {
        let cases = [
            (25_000.0, BudgetStatus::Ok, 50_000.0, None),
            (25_900.0, BudgetStatus::Warning, 51_800.0, Some("2026-11-29")),
            (28_000.0, BudgetStatus::Critical, 56_000.0, Some("2026-11-27")),
        ];
        for (spent, status, projected, runs_out) in cases {
            let row = after_15_days(spent, month);
            assert_eq!(row.status, status, "{spent}");
            assert!((row.spent.unwrap().get() - spent).abs() < 0.01);
            assert!(
                (row.projected.unwrap().get() - projected).abs() < 0.01,
                "{:?}",
                row.projected
            );
            assert_eq!(
                row.runs_out.map(|date| date.to_string()).as_deref(),
                runs_out,
                "{spent}"
            );
            assert_eq!((row.elapsed_days, row.days), (15.0, 30.0));
        }
    }
    // To the cent: 110 % is still a warning.
    let status = |projected: f64| super::status(Amount::new(projected).unwrap(), Amount::new(50_000.0).unwrap());
    assert_eq!(status(50_000.004), BudgetStatus::Ok);
    assert_eq!(status(50_000.01), BudgetStatus::Warning);
    assert_eq!(status(55_000.0), BudgetStatus::Warning);
    assert_eq!(status(55_000.01), BudgetStatus::Critical);
}

#[test]
fn a_month_is_the_calendars_in_the_policys_zone() {
    let berlin = zone("Europe/Berlin");
    // October has an hour more there, and a day more than thirty.
    let ledger = ledger("2026-10-01", &berlin, &vec![Some(100.0); 31]);
    let now = "2026-10-31T23:00:00Z";
    let row = |month| rows(&ledger, &berlin, now, &[budget(3_100.0, month)]).remove(0);
    let calendar = row(MonthKind::Calendar);
    assert_eq!(calendar.month, "2026-10");
    assert_eq!(calendar.period.start.to_string(), "2026-09-30T22:00:00Z");
    assert!((calendar.days - (31.0 + 1.0 / 24.0)).abs() < 1e-9);
    assert_eq!(
        (calendar.projected.unwrap().get(), calendar.status),
        (3100.0, BudgetStatus::Ok)
    );
    assert_eq!(calendar.daily.len(), 31);
    let thirty = row(MonthKind::ThirtyDays);
    assert_eq!(thirty.month, "30 days from 2026-10-01");
    assert_eq!((thirty.spent.unwrap().get(), thirty.daily.len()), (3000.0, 30));
}

#[test]
fn days_without_data_are_said_and_not_taken_for_free() {
    let mut costs = vec![Some(1000.0); 15];
    costs[3..8].fill(None);
    let ledger = ledger("2026-11-01", &TimeZone::UTC, &costs);
    let row = rows(
        &ledger,
        &TimeZone::UTC,
        "2026-11-16T00:00:00Z",
        &[budget(29_000.0, MonthKind::Calendar)],
    )
    .remove(0);
    assert_eq!((row.spent.unwrap().get(), row.elapsed_days), (10_000.0, 10.0));
    assert_eq!(
        (row.projected.unwrap().get(), row.status),
        (30_000.0, BudgetStatus::Warning)
    );
    assert!(row.notes[0].contains("5.0 of the 15.0 days"), "{:?}", row.notes);
    assert_eq!(row.daily.iter().filter(|day| day.cost.is_none()).count(), 5);
    // 30,000 over 30 days: 29,000 are used up on the last but one, whatever of the 15 days was told.
    assert_eq!(row.runs_out.unwrap().to_string(), "2026-11-30");
    // Nothing at all is unknown, and no zero.
    let ledger = self::ledger("2026-11-01", &TimeZone::UTC, &[None; 15]);
    let row = rows(
        &ledger,
        &TimeZone::UTC,
        "2026-11-16T00:00:00Z",
        &[budget(29_000.0, MonthKind::Calendar)],
    )
    .remove(0);
    assert_eq!(
        (row.status, row.spent, row.projected),
        (BudgetStatus::Unknown, None, None)
    );
    assert_eq!(row.notes, ["there is no cost data of 2026-11"]);
}

#[test]
fn the_first_hour_of_a_month_does_not_page_anybody() {
    // Four weeks at 1,000 a day; in the first hour a job of 500 begins.
    let mut ledger = ledger("2026-10-04", &TimeZone::UTC, &vec![Some(1000.0); 29]);
    let last = ledger.days.last_mut().unwrap();
    last.window.end = last.window.start + jiff::SignedDuration::from_hours(1);
    last.entries[0].costs.cpu = Amount::new(540.0).unwrap();
    let row = rows(
        &ledger,
        &TimeZone::UTC,
        "2026-11-01T01:00:00Z",
        &[budget(32_000.0, MonthKind::Calendar)],
    )
    .remove(0);
    assert_eq!(row.projected.unwrap().get(), 540.0 * 720.0);
    assert_eq!(row.status, BudgetStatus::Ok, "{:?}", row.forecast);
    // What an hour says of the month is no date either.
    assert_eq!((row.stands_on, row.runs_out), (Some(StandsOn::Forecast), None));
    assert!(
        row.notes
            .iter()
            .any(|note| note.contains("status is that of the forecast")),
        "{:?}",
        row.notes
    );
}

#[test]
fn a_scope_that_does_not_exist_is_named() {
    let mut stranger = budget(100.0, MonthKind::Calendar);
    stranger.scope.namespaces = vec!["chta".to_owned()];
    let mut known = budget(100.0, MonthKind::Calendar);
    known.scope.namespaces = vec!["chat".to_owned()];
    let ledger = ledger("2026-11-01", &TimeZone::UTC, &[Some(10.0); 15]);
    let rows = rows(&ledger, &TimeZone::UTC, "2026-11-16T00:00:00Z", &[stranger, known]);
    assert_eq!((rows[0].status, rows[0].spent), (BudgetStatus::Unknown, None));
    assert_eq!(
        rows[0].notes,
        ["no cost of namespace chta was ever seen; there are namespaces: chat"]
    );
    assert_eq!(
        (rows[1].status, rows[1].spent.unwrap().get()),
        (BudgetStatus::Critical, 150.0)
    );
}

#[test]
fn credits_lower_what_was_spent_and_other_currencies_are_not_guessed() {
    let ledger = ledger("2026-11-01", &TimeZone::UTC, &[Some(100.0), Some(-40.0), Some(0.0)]);
    let mut euros = budget(900.0, MonthKind::Calendar);
    euros.currency = Some("EUR".to_owned());
    let now = "2026-11-04T00:00:00Z";
    let all = rows(
        &ledger,
        &TimeZone::UTC,
        now,
        &[budget(900.0, MonthKind::Calendar), euros],
    );
    assert_eq!(
        (all[0].spent.unwrap().get(), all[0].projected.unwrap().get()),
        (60.0, 600.0)
    );
    assert_eq!((all[1].status, all[1].amount), (BudgetStatus::Unknown, None));
    assert!(
        all[1].notes[0].contains("in EUR and costs are in USD"),
        "{:?}",
        all[1].notes
    );
}

#[test]
fn the_forecast_knows_weekends_and_the_projection_does_not() {
    // Five weeks; weekdays cost 1,000, weekends nothing. The month has seen no weekend yet.
    let first: Date = "2026-09-28".parse().unwrap();
    let costs: Vec<Option<f64>> = (0..39)
        .map(|day| {
            let date = first + Span::new().days(day);
            let weekend = matches!(
                date.weekday(),
                jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday
            );
            Some(if weekend { 0.0 } else { 1000.0 })
        })
        .collect();
    let ledger = ledger("2026-09-28", &TimeZone::UTC, &costs);
    // 1 November is a Sunday: five working days and a Sunday are over.
    let row = rows(
        &ledger,
        &TimeZone::UTC,
        "2026-11-06T00:00:00Z",
        &[budget(22_000.0, MonthKind::Calendar)],
    )
    .remove(0);
    assert_eq!(row.projected.unwrap().get(), 24_000.0);
    assert_eq!(row.status, BudgetStatus::Warning);
    let mid = row.forecast.mid.unwrap();
    assert!((mid - 21_000.0).abs() < 300.0, "{mid}");
    assert!(row.forecast.low.unwrap() <= mid && mid <= row.forecast.high.unwrap());
}

#[test]
fn without_a_ledger_only_the_composition_is_told() {
    let empty = Ledger {
        told_by: ToldBy::Prices,
        accounts: Vec::new(),
        nodes: BTreeMap::new(),
        days: Vec::new(),
    };
    let (plan, catalog) = (
        plan("2026-11-16T00:00:00Z".parse().unwrap()),
        Catalog::shipped().unwrap(),
    );
    let books = Books {
        plan: &plan,
        nodes: &[],
        ledger: &empty,
        attribution: &NOBODY,
        catalog: &catalog,
        zone: &TimeZone::UTC,
    };
    let judge = crate::engine::Judge::new(&[], Catalog::shipped().unwrap()).unwrap();
    let now = plan.window.end;
    let told = finops(&books, judge.policy(), &Scope::default(), now);
    assert!(told.budgets.is_empty() && told.anomalies.is_empty() && told.days_judged == 0);
    // A budget of which nothing is known is no budget that holds.
    let row = budgets(
        &books,
        &[],
        &[budget(100.0, MonthKind::Calendar)],
        now,
        &PriceSheet::default(),
    )
    .remove(0);
    assert_eq!((row.status, row.spent), (BudgetStatus::Unknown, None));
    assert!(row.notes[0].contains("no cost source told"), "{:?}", row.notes);
}
