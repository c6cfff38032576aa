//! Prices end to end: what the demo's GPUs cost, and what becomes of a price that cannot be.

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::model::prices::{GpuPrices, Prices};
use gpuwise::model::progress::Silent;
use gpuwise::model::reading::Reading;
use gpuwise::model::units::Hourly;
use gpuwise::pipeline;
use gpuwise::sources::recording;
use serde_json::Value;

use crate::binary;

fn judge(sheet: &str) -> Judge {
    let sheets = [("prices.yaml".to_owned(), sheet.to_owned())];
    let judge = Judge::with_prices(&[], &sheets, Catalog::shipped().unwrap()).unwrap();
    judge.only(&["smaller-gpu".to_owned()]).unwrap()
}

fn prices(reading: Reading) -> Prices {
    pipeline::prices_of(reading, &judge("rows: []\n"), &Silent).unwrap()
}

fn of<'p>(prices: &'p Prices, gpu: &str) -> &'p GpuPrices {
    prices.gpus.iter().find(|row| row.gpu == gpu).unwrap()
}

#[test]
fn the_demo_tells_every_price_with_its_source_and_day() {
    let printed = binary::run(&["prices", "--demo", "--format", "json"]).printed();
    let told: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(told["currency"], "USD");
    let gpus = told["gpus"].as_array().unwrap();
    let h100 = gpus.iter().find(|row| row["gpu"] == "H100-80GB").unwrap();
    // An eighth of a p5.48xlarge, listed and paid.
    assert_eq!(h100["on_demand"]["hourly"].as_f64(), Some(6.88));
    assert_eq!(h100["on_demand"]["as_of"], "2026-07-20");
    assert_eq!(h100["effective"]["source"], "OpenCost assets");
    for row in gpus {
        for name in ["on_demand", "effective", "committed", "spot", "busy_hour"] {
            let figure = &row[name];
            assert!(row.get(name).is_some(), "{row}");
            if !figure.is_null() {
                assert!(figure["hourly"].as_f64().unwrap() > 0.0, "{row}");
                assert!(figure["source"].is_string() && figure["as_of"].is_string(), "{row}");
            }
        }
        // Nobody's GPUs are always busy: an hour of work costs more than an hour.
        let hour = |name: &str| row[name]["hourly"].as_f64();
        let pair = hour("busy_hour").zip(hour("effective"));
        assert!(pair.is_none_or(|(busy, held)| busy > held), "{row}");
    }
}

#[test]
fn what_was_not_measured_is_no_figure() {
    let mut dark = recording::demo().unwrap();
    dark.series.clear();
    assert_eq!(of(&prices(dark), "H100-80GB").busy_hour, None);
    let mut unbilled = recording::demo().unwrap();
    unbilled.inventory.node_costs.clear();
    let listed = prices(unbilled);
    let h100 = of(&listed, "H100-80GB");
    assert_eq!(h100.effective, None);
    assert_eq!(h100.on_demand.as_ref().unwrap().hourly, Hourly::new(6.88));
    // Spot has no list price on AWS.
    assert_eq!(of(&listed, "A100-40GB").spot, None);
}

/// The demo with what its L4 nodes cost multiplied.
fn with_odd_prices(factor: f64) -> Reading {
    let mut reading = recording::demo().unwrap();
    let costs = reading.inventory.node_costs.iter_mut();
    let of_l4 = costs.filter(|cost| cost.instance_type.as_deref() == Some("g6.xlarge") && cost.spot != Some(true));
    let changed = of_l4.map(|cost| cost.total_cost *= factor).count();
    assert!(changed > 0, "the demo has no g6.xlarge");
    reading
}

#[test]
fn a_plan_does_not_save_what_was_never_paid() {
    let plan =
        |reading: &Reading, sheet: &str| pipeline::analyze(reading, &judge(sheet), &Scope::default(), &Silent).unwrap();
    let right = plan(&recording::demo().unwrap(), "rows: []\n");
    let odd = with_odd_prices(10.0);
    let refused = plan(&odd, "rows: []\n");
    let gap = refused
        .coverage
        .gaps
        .iter()
        .find(|gap| gap.what.contains("what a g6.xlarge costs"))
        .unwrap();
    assert!(
        gap.why.contains("8.0480 an hour") && gap.why.contains("10.0 times"),
        "{}",
        gap.why
    );
    assert!(gap.monthly.is_some());
    // They cost their list price in the demo, so that the plan is the one that it should be.
    let spent = |plan: &gpuwise::model::plan::Plan| plan.spend.as_ref().unwrap().monthly.get();
    assert!(
        (spent(&refused) - spent(&right)).abs() < 1.0,
        "{} {}",
        spent(&refused),
        spent(&right)
    );
    assert_eq!(refused.saving, right.saving);
    let confirmed = plan(
        &odd,
        "rows: [{instance_type: g6.xlarge, hourly: 8.048, confirmed: true}]\n",
    );
    assert!(spent(&confirmed) > spent(&right) + 1000.0);
    assert!(
        confirmed
            .coverage
            .gaps
            .iter()
            .all(|gap| !gap.what.contains("g6.xlarge"))
    );
}
