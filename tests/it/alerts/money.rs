//! Money of days and months, held to what is known by hand: by promtool, and in real stores that hold a part of a month.

use std::collections::BTreeMap;
use std::io::Write as _;

use gpuwise::catalog::Catalog;
use gpuwise::engine::Judge;
use gpuwise::finops::alerts::{Alerts, Budget, RuleTest, alerts};
use gpuwise::sources::endpoint::Endpoint;
use gpuwise::sources::prometheus::client::PrometheusClient;
use jiff::Timestamp;

use super::{checked, facts_of, promtool_is_installed, test_files};
use crate::generator::{Size, World};
use crate::servers::{self, prometheus_is_installed};
use crate::victoria::{lines, victoria};

/// Thresholds that whatever is told exceeds, but for budgets.
const LOW: &str = "alerts: {daily_cost: 0, burn_fast: 1, burn_slow: 1}\n";

fn budget(name: &str, monthly: f64, months: &[(&str, f64)], namespaces: &[&str]) -> Budget {
    let own = |text: &&str| (*text).to_owned();
    Budget {
        name: name.to_owned(),
        monthly,
        months: months.iter().map(|(month, amount)| (own(month), *amount)).collect(),
        namespaces: namespaces.iter().map(own).collect(),
    }
}

fn made(budgets: &[Budget]) -> Alerts {
    let facts = facts_of(&World::generate(4, Size::Small, 2));
    let judge = Judge::new(&[("low.yaml".to_owned(), LOW.to_owned())], Catalog::shipped().unwrap()).unwrap();
    let mut made = alerts(&facts, &judge.policy().alerts, budgets, ("prod", Some("USD")));
    let is_money = |alert: &str| alert.starts_with("GpuwiseBudget") || alert == "GpuwiseDailyCostHigh";
    for group in &mut made.groups {
        group.rules.retain(|rule| is_money(rule.alert));
    }
    made.groups.retain(|group| !group.rules.is_empty());
    made
}

/// Whether the projection is over where all costs 100 an hour throughout January.
fn is_over(budget: Budget) -> bool {
    let mut made = made(&[budget]);
    made.groups.retain(|group| group.name == "gpuwise-budgets-month");
    let rule = &mut made.groups[0].rules[0];
    rule.tests = vec![RuleTest {
        name: "a steady hundred".to_owned(),
        interval: "1h",
        input: vec![("node_total_hourly_cost{node=\"a\"}".to_owned(), "100+0x200".to_owned())],
        at: "123h",
        expected: Vec::new(),
    }];
    let (rules, tests) = test_files(&made);
    match checked(&rules, &tests) {
        Ok(()) => false,
        Err(said) if said.contains("this month comes to 74400 USD") => true,
        Err(said) => panic!("{said}\n{rules}"),
    }
}

/// A month of 31 days has 744 hours.
#[test]
fn a_budget_that_holds_to_the_cent_is_not_over() {
    if !promtool_is_installed() {
        return;
    }
    assert!(!is_over(budget("whole", 74_400.0, &[], &[])));
    assert!(is_over(budget("short", 74_399.0, &[], &[])));
}

#[test]
fn the_amount_is_that_of_the_month() {
    if !promtool_is_installed() {
        return;
    }
    assert!(!is_over(budget("own", 1.0, &[("1970-01", 74_400.0)], &[])));
    assert!(is_over(budget(
        "own",
        1e6,
        &[("1969-12", 1e6), ("1970-01", 74_399.0)],
        &[]
    )));
    assert!(!is_over(budget(
        "another's",
        74_400.0,
        &[("1970-02", 1.0), ("1971-01", 1.0)],
        &[]
    )));
}

/// The tests that come with the rules hold for amounts by month, and for nothing.
#[test]
fn rules_of_odd_amounts_pass_their_tests() {
    if !promtool_is_installed() {
        return;
    }
    let made = made(&[
        budget(
            "by month",
            60_000.0,
            &[("1970-01", 50_000.0), ("2026-12", 70_000.0)],
            &[],
        ),
        budget("from december", 0.0, &[("2026-12", 730.0)], &[]),
        budget("nothing", 0.0, &[], &["team-b"]),
    ]);
    let left: Vec<&str> = made
        .left_out
        .iter()
        .map(|one| one.about.as_deref().unwrap_or_default())
        .collect();
    assert_eq!(left, ["budget nothing"; 2]);
    let (rules, tests) = test_files(&made);
    checked(&rules, &tests).unwrap_or_else(|said| panic!("{said}\n{rules}\n{tests}"));
}

fn second(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_second()
}

/// Series of one metric: labels, and from when to when they have which value.
type Said<'t> = (&'t str, &'t [(&'t str, &'t str, f64)]);

fn family(name: &str, series: &[Said<'_>]) -> String {
    let mut text = format!("# TYPE {name} gauge\n");
    for (labels, spans) in series {
        for (from, to, value) in *spans {
            let seconds = (second(from)..second(to)).step_by(240);
            text.extend(seconds.map(|at| format!("{name}{{{labels}}} {value} {at}\n")));
        }
    }
    text
}

/// Costs of two nodes, the first with 8 GPUs, 4 of which a pod holds after a while. October is there, the first days of November are
/// not, and one node gets dearer on the tenth. October ends early: without a staleness marker, as a scraper writes it, VictoriaMetrics
/// looks back a whole step of a subquery, an hour.
fn samples() -> String {
    let (october, gone) = ("2026-10-30T00:00:00Z", "2026-10-31T22:30:00Z");
    let (begins, dearer) = ("2026-11-05T06:00:00Z", "2026-11-10T00:00:00Z");
    let (held, end) = ("2026-11-12T00:00:00Z", "2026-11-16T00:00:00Z");
    let costs = [
        (r#"node="a""#, &[(october, gone, 500.0), (begins, end, 60.0)][..]),
        (r#"node="b""#, &[(begins, dearer, 40.0), (dearer, end, 100.0)][..]),
    ];
    let gpus = [(r#"node="a""#, &[(october, gone, 8.0), (begins, end, 8.0)][..])];
    let pod = [(
        r#"node="a",namespace="team",pod="p",container="c""#,
        &[(held, end, 4.0)][..],
    )];
    let families = [
        family("node_total_hourly_cost", &costs),
        family("node_gpu_count", &gpus),
        family("container_gpu_allocation", &pod),
    ];
    families.concat() + "# EOF\n"
}

type Told = BTreeMap<(String, String), f64>;

/// What each rule's expression tells, by alert and budget.
async fn told(url: &str, made: &Alerts, at: &str) -> Told {
    let client = PrometheusClient::new(&Endpoint::new(url)).unwrap();
    let mut told = Told::new();
    for rule in made.groups.iter().flat_map(|group| &group.rules) {
        let (rows, _) = client
            .instant(&rule.expr, at.parse().unwrap())
            .await
            .unwrap_or_else(|error| panic!("{error}\n{}", rule.expr));
        let budget = rule.labels.get("budget").cloned().unwrap_or_default();
        for row in rows {
            told.insert((rule.alert.to_owned(), budget.clone()), row.samples[0].1);
        }
    }
    told
}

/// What is known by hand, half past noon on the fifteenth: 114 hours at 100 and 133 at 160 are past, and 371 are left; the pod's share
/// is 30 an hour, of which 85 are past.
fn expected() -> Told {
    let (all, team) = (114.0 * 100.0 + 133.0 * 160.0 + 371.0 * 160.0, (85.0 + 371.0) * 30.0);
    let november = 7_300.0;
    let rows = [
        ("GpuwiseDailyCostHigh", "", 24.0 * 160.0),
        ("GpuwiseBudgetBurnsFast", "all", 160.0 * 730.0 / november),
        ("GpuwiseBudgetBurnsSlow", "all", 160.0 * 730.0 / november),
        ("GpuwiseBudgetProjectedOver", "all", all),
        ("GpuwiseBudgetBurnsFast", "team", 30.0 * 730.0 / 1_000.0),
        ("GpuwiseBudgetBurnsSlow", "team", 30.0 * 730.0 / 1_000.0),
        ("GpuwiseBudgetProjectedOver", "team", team),
    ];
    let rows = rows.map(|(alert, budget, value)| ((alert.to_owned(), budget.to_owned()), value));
    rows.into_iter().collect()
}

async fn holds(store: &str, url: &str) {
    let made = made(&[
        budget("all", 1.0, &[("2026-11", 7_300.0)], &[]),
        budget("team", 1_000.0, &[("2026-12", 1e9)], &["team", "other"]),
        budget("enough", 1.0, &[("2026-11", 1e9)], &[]),
    ]);
    let (found, expected) = (told(url, &made, "2026-11-15T12:34:56Z").await, expected());
    let close = |(key, value): (&(String, String), &f64)| {
        found
            .get(key)
            .is_some_and(|found| (found - value).abs() <= 1e-6 * value)
    };
    assert!(
        found.len() == expected.len() && expected.iter().all(close),
        "{store}: {found:#?}\nand by hand {expected:#?}"
    );
    // An hour after costs are known again, nothing is told of days and months; and nothing is spent while nothing is known.
    for at in ["2026-11-05T07:00:30Z", "2026-11-03T12:00:00Z"] {
        let early = told(url, &made, at).await;
        assert!(early.is_empty(), "{store} at {at}: {early:#?}");
    }
}

#[tokio::test]
async fn projections_and_burns_are_those_computed_by_hand() {
    if !prometheus_is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (running, url) = servers::prometheus_over(folder.path(), |out| write!(out, "{}", samples())).await;
    holds("Prometheus 2", &url).await;
    drop(running);
    let Some(third) = std::env::var("GPUWISE_PROMETHEUS3")
        .ok()
        .filter(|path| !path.is_empty())
    else {
        println!("skipped: GPUWISE_PROMETHEUS3 names no Prometheus 3");
        return;
    };
    let (_running, url) = servers::start_prometheus(&third, &[], folder.path()).await;
    holds("Prometheus 3", &url).await;
}

#[tokio::test]
async fn victoria_metrics_computes_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_running, port)) = victoria(folder.path(), &lines(&samples())) else {
        println!("skipped: victoria-metrics is not installed");
        return;
    };
    holds("VictoriaMetrics", &format!("http://127.0.0.1:{port}")).await;
}
