//! Whose price wins, which is not believed, and what holds when.

use std::collections::BTreeMap;

use super::*;
use crate::catalog::Catalog;
use crate::model::cluster::{CostProduct, Node};
use crate::model::time::Window;
use crate::policy::section::Section;
use crate::policy::{Policy, layered};
use crate::sources::collect::nodes::{facts, share_of_node};

fn window(start: &str, end: &str) -> Window {
    Window {
        start: format!("{start}T00:00:00Z").parse().unwrap(),
        end: format!("{end}T00:00:00Z").parse().unwrap(),
    }
}

/// Two weeks of November.
fn lately() -> Window {
    window("2026-11-02", "2026-11-16")
}

fn sheet(text: &str) -> PriceSheet {
    let files = [("prices.yaml".to_owned(), text.to_owned())];
    let root = layered(&[], &files).unwrap();
    let mut mistakes = Vec::new();
    let mut section = Section::open("", &root, &mut mistakes);
    let policy = Policy::read(&mut section, &Catalog::shipped().unwrap(), &mut mistakes);
    assert_eq!(mistakes, []);
    policy.objectives.prices
}

fn node(instance: &str, gpus: f64, region: &str) -> Node {
    let labels = [
        ("node.kubernetes.io/instance-type", instance),
        ("topology.kubernetes.io/region", region),
        ("karpenter.sh/capacity-type", "on-demand"),
    ];
    Node {
        name: "n".to_owned(),
        labels: labels.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        allocatable: BTreeMap::from([("nvidia.com/gpu".to_owned(), gpus)]),
        ..Node::default()
    }
}

/// A day's bill at this price an hour.
fn bill(hourly: f64) -> NodeCost {
    NodeCost {
        node: "n".to_owned(),
        instance_type: None,
        region: None,
        hours: 24.0,
        total_cost: 24.0 * hourly,
        gpus: Some(8.0),
        spot: Some(false),
        adjusted: false,
        by_default: false,
        told_by: CostProduct::default(),
    }
}

struct Found {
    price: Price,
    /// Of one of its GPUs.
    each: Option<f64>,
    gaps: Vec<PricedGap>,
}

impl Found {
    fn hourly(&self) -> Option<f64> {
        self.price.hourly.map(Hourly::get)
    }

    fn source(&self) -> &str {
        self.price.source.as_ref().map_or("", |source| source.source.as_str())
    }

    fn codes(&self) -> Vec<&str> {
        self.gaps.iter().map(|gap| gap.gap.code.as_str()).collect()
    }
}

fn found(node: Node, cost: Option<NodeCost>, sheet: &PriceSheet, currency: &str, window: Window) -> Found {
    let inventory = Inventory {
        nodes: vec![node],
        node_costs: cost.into_iter().collect(),
        ..Inventory::default()
    };
    let catalog = Catalog::shipped().unwrap();
    let book = PriceBook::new(&catalog, sheet, currency, window);
    let facts = facts(&inventory, &catalog, &book, "2026-11-16");
    let share = share_of_node(None, &facts["n"], &catalog);
    let price = facts["n"].price.clone();
    Found {
        each: price.hourly.zip(share).map(|(hourly, share)| hourly.get() * share),
        gaps: gaps(&facts, &book, currency),
        price,
    }
}

fn p5(cost: Option<NodeCost>, text: &str) -> Found {
    found(
        node("p5.48xlarge", 8.0, "us-east-1"),
        cost,
        &sheet(text),
        "USD",
        lately(),
    )
}

#[test]
fn measured_comes_before_the_sheet_and_the_sheet_before_the_list() {
    let row = "rows:\n  - {instance_type: p5.48xlarge, hourly: 41.28, from: 2026-01-01, note: private offer}\n";
    let measured = p5(Some(bill(40.0)), row);
    assert_eq!((measured.hourly(), measured.source()), (Some(40.0), "OpenCost assets"));
    let billed = NodeCost {
        told_by: CostProduct::Kubecost,
        ..bill(40.0)
    };
    assert_eq!(p5(Some(billed), row).source(), "Kubecost assets");
    let by_sheet = p5(None, row);
    assert_eq!(by_sheet.hourly(), Some(41.28));
    assert_eq!(by_sheet.source(), "price sheet (prices.yaml:2), private offer");
    assert_eq!(by_sheet.price.source.as_ref().unwrap().as_of, "2026-01-01");
    assert!(by_sheet.price.effective);
    let listed = p5(None, "rows: []\n");
    assert_eq!(
        (listed.hourly(), listed.source()),
        (Some(55.04), "aws list price, us-east-1")
    );
    assert_eq!(listed.price.source.unwrap().as_of, "2026-07-20");
    assert!(measured.gaps.is_empty() && by_sheet.gaps.is_empty() && listed.gaps.is_empty());
}

#[test]
fn a_row_holds_for_its_region_its_days_and_its_kind_of_capacity() {
    for row in [
        "{instance_type: p5.48xlarge, hourly: 41, region: eu-north-1}",
        "{instance_type: p5.48xlarge, hourly: 41, until: 2026-11-02}",
        "{instance_type: p5.48xlarge, hourly: 41, from: 2026-11-16}",
        "{instance_type: p5.48xlarge, hourly: 20, capacity_type: spot}",
        "{gpu: A100-80GB, hourly: 2}",
    ] {
        assert_eq!(p5(None, &format!("rows: [{row}]\n")).hourly(), Some(55.04), "{row}");
    }
    // The row for the node and its region says more than the one for its GPU.
    let both =
        "rows:\n  - {gpu: H100-80GB, hourly: 5}\n  - {instance_type: p5.48xlarge, region: us-east-1, hourly: 41}\n";
    assert_eq!(p5(None, both).hourly(), Some(41.0));
    assert_eq!(p5(None, "rows: [{gpu: H100-80GB, hourly: 5}]\n").hourly(), Some(40.0));
}

#[test]
fn a_price_ten_times_too_high_is_named_and_the_list_is_used() {
    let g4dn = || node("g4dn.xlarge", 1.0, "us-east-1");
    let none = PriceSheet::default();
    let odd = found(g4dn(), Some(bill(5.223)), &none, "USD", lately());
    assert_eq!((odd.hourly(), odd.codes()), (Some(0.526), vec!["odd-price"]));
    let gap = &odd.gaps[0];
    for said in [
        "5.2230 an hour",
        "9.9 times",
        "0.526",
        "2026-07-20",
        "aws list price, us-east-1",
    ] {
        assert!(gap.gap.why.contains(said), "{said} in {}", gap.gap.why);
    }
    assert!(gap.gap.what.contains("g4dn.xlarge") && gap.gap.fix.contains("confirmed: true"));
    assert_eq!(gap.monthly, Some(Hourly::new(5.223).monthly()));
    let sure = sheet("rows: [{instance_type: g4dn.xlarge, hourly: 5.223, confirmed: true}]\n");
    let confirmed = found(g4dn(), Some(bill(5.223)), &sure, "USD", lately());
    assert_eq!((confirmed.hourly(), confirmed.gaps.len()), (Some(5.223), 0));
    // Confirming one price confirms no other.
    let other = found(g4dn(), Some(bill(8.0)), &sure, "USD", lately());
    assert_eq!((other.hourly(), other.codes()), (Some(5.223), vec!["odd-price"]));
}

#[test]
fn the_price_of_a_node_in_the_sheet_as_that_of_a_gpu_is_named_and_not_used() {
    let a2 = || node("a2-highgpu-1g", 1.0, "us-central1");
    let row = |more: &str| sheet(&format!("rows:\n  - {{gpu: A100-40GB, hourly: 32.77{more}}}\n"));
    let odd = found(a2(), None, &row(""), "USD", lately());
    assert_eq!((odd.hourly(), odd.codes()), (Some(3.673385), vec!["odd-sheet-price"]));
    let gap = &odd.gaps[0].gap;
    assert!(gap.what.contains("32.77 an hour at prices.yaml:2:5"), "{}", gap.what);
    assert!(
        gap.why.contains("whole p4d.24xlarge") && gap.why.contains("8 x A100-40GB"),
        "{}",
        gap.why
    );
    let confirmed = found(a2(), None, &row(", confirmed: true"), "USD", lately());
    assert_eq!((confirmed.hourly(), confirmed.gaps.len()), (Some(32.77), 0));
}

#[test]
fn what_opencost_makes_up_is_no_measurement() {
    let built_in = NodeCost {
        by_default: true,
        ..bill(22.35)
    };
    let known = p5(Some(built_in.clone()), "rows: []\n");
    assert_eq!((known.hourly(), known.codes()), (Some(55.04), vec!["default-prices"]));
    let none = PriceSheet::default();
    let cellar = || node("dgx-in-the-cellar", 8.0, "cellar");
    let unknown = found(cellar(), Some(built_in.clone()), &none, "USD", lately());
    assert_eq!((unknown.hourly(), unknown.codes()), (None, vec!["default-prices"]));
    let own = sheet("rows: [{instance_type: dgx-in-the-cellar, hourly: 18}]\n");
    assert_eq!(
        found(cellar(), Some(built_in), &own, "USD", lately()).hourly(),
        Some(18.0)
    );
}

#[test]
fn one_gpu_costs_its_share_of_the_whole_node() {
    // OpenCost's split would say 1.344, 2.340 and 4.843.
    for (name, hourly, each) in [
        ("p4d.24xlarge", 21.957642, 2.744705),
        ("p5.48xlarge", 55.04, 6.88),
        ("p6-b200.48xlarge", 113.9328, 14.2416),
    ] {
        let of = found(
            node(name, 8.0, "us-east-1"),
            Some(bill(hourly)),
            &PriceSheet::default(),
            "USD",
            lately(),
        );
        assert!((of.each.unwrap() - each).abs() < 1e-6, "{name}: {:?}", of.each);
    }
}

#[test]
fn a_window_over_a_change_of_price_weighs_both_and_ends_with_the_last() {
    // AWS's cut of June 2025: three days at the old price, one at the new.
    let june = window("2025-06-20", "2025-06-24");
    let p5 = || node("p5.48xlarge", 8.0, "us-east-1");
    let none = PriceSheet::default();
    let of = found(p5(), None, &none, "USD", june);
    assert_eq!(of.hourly(), Some(55.04));
    let mean = of.price.between(june.start, june.end).unwrap().get();
    assert!((mean - (3.0 * 98.32 + 55.04) / 4.0).abs() < 1e-9, "{mean}");
    let early = of
        .price
        .between(june.start, june.start + jiff::SignedDuration::from_hours(24))
        .unwrap();
    assert_eq!(early.get(), 98.32);
    assert!(
        of.source().contains("98.3200 from 2025-06-20, 55.0400 from 2025-06-23"),
        "{}",
        of.source()
    );
    // The window before it knows one price, and that one is right for it.
    let before = found(
        p5(),
        Some(bill(98.32)),
        &none,
        "USD",
        window("2025-06-01", "2025-06-15"),
    );
    assert_eq!((before.hourly(), before.gaps.len()), (Some(98.32), 0));
    let stale = found(p5(), Some(bill(98.32)), &none, "USD", lately());
    assert_eq!((stale.hourly(), stale.codes()), (Some(55.04), vec!["odd-price"]));
    assert!(stale.gaps[0].gap.why.contains("was the list price until 2025-06-23"));
}

#[test]
fn dollars_are_not_taken_for_another_currency() {
    let p5 = || node("p5.48xlarge", 8.0, "us-east-1");
    // 55.04 dollars are 396 yuan: no reason to doubt the bill, and no price of a list without a rate.
    let billed = found(p5(), Some(bill(396.0)), &PriceSheet::default(), "CNY", lately());
    assert_eq!((billed.hourly(), billed.codes()), (Some(396.0), vec!["price-currency"]));
    let unbilled = found(p5(), None, &PriceSheet::default(), "CNY", lately());
    assert_eq!(unbilled.hourly(), None);
    let rate = sheet("currency: CNY\nper_usd: 7.2\n");
    let converted = found(p5(), None, &rate, "CNY", lately());
    assert!((converted.hourly().unwrap() - 396.288).abs() < 1e-9);
    let odd = found(p5(), Some(bill(3960.0)), &rate, "CNY", lately());
    assert_eq!(odd.codes(), ["odd-price"]);
    let mixed = found(
        p5(),
        None,
        &sheet("currency: EUR\nrows: [{gpu: L4, hourly: 1}]\n"),
        "USD",
        lately(),
    );
    assert_eq!(mixed.codes(), ["price-sheet-currency"]);
}

#[test]
fn a_short_bill_proves_nothing() {
    let minutes = NodeCost {
        hours: 0.1,
        total_cost: 55.04,
        adjusted: true,
        ..bill(0.0)
    };
    assert!(p5(Some(minutes), "rows: []\n").gaps.is_empty());
}
