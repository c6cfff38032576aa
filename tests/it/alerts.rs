//! Alert rules of worlds: promtool takes them, their own tests hold, and in a real Prometheus every expression finds the series that it
//! is about, in each dialect in which exporters are scraped.

mod command;
mod dialect;
mod live;
mod money;
mod spot;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use gpuwise::catalog::Catalog;
use gpuwise::engine::Judge;
use gpuwise::finops::alerts::{Alerts, Budget, alerts};
use gpuwise::model::metrics::{MetricFacts, MetricRole};
use gpuwise::report::alerts::{rules, tests};

use crate::generator::{Size, World};
use dialect::Dialect;

pub(crate) fn promtool_is_installed() -> bool {
    let run = Command::new("promtool")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let is_there = run.is_ok_and(|status| status.success());
    if !is_there {
        println!("skipped: promtool is not installed");
    }
    is_there
}

/// Budgets for everything, and for a namespace of the world with GPUs.
fn budgets(world: &World) -> Vec<Budget> {
    let budget = |name: &str, monthly, namespaces| Budget {
        name: name.to_owned(),
        monthly,
        months: BTreeMap::new(),
        namespaces,
    };
    let namespace = world.workloads[0].namespace.clone();
    vec![
        budget("everything", 60_000.0, Vec::new()),
        budget("{{ first }} \"team\"", 4_000.0, vec![namespace, "other.ns".to_owned()]),
    ]
}

fn made(world: &World, facts: &MetricFacts) -> Alerts {
    let judge = Judge::new(&[], Catalog::shipped().unwrap()).unwrap();
    alerts(facts, &judge.policy().alerts, &budgets(world), ("prod", Some("USD")))
}

/// Without the tests of budgets, which take promtool long.
fn made_but_for_budgets(world: &World, facts: &MetricFacts) -> Alerts {
    let mut made = made(world, facts);
    made.groups.retain(|group| !group.name.starts_with("gpuwise-budgets"));
    made
}

fn facts_of(world: &World) -> MetricFacts {
    world.to_reading(600).inventory.metrics.unwrap()
}

/// Runs promtool in a folder, and answers with what it said where it does not agree.
fn promtool(folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let ran = Command::new("promtool")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    match ran.status.success() {
        true => Ok(()),
        false => Err(format!(
            "{}{}",
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        )),
    }
}

/// Whether promtool takes the rules, and their tests hold.
fn checked(rules_text: &str, tests_text: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yaml"), rules_text).unwrap();
    std::fs::write(folder.path().join("tests.yaml"), tests_text).unwrap();
    promtool(folder.path(), &["check", "rules", "--lint-fatal", "rules.yaml"])?;
    promtool(folder.path(), &["test", "rules", "tests.yaml"])
}

fn test_files(made: &Alerts) -> (String, String) {
    (rules(made), tests(made, &["rules.yaml".to_owned()]))
}

fn names(made: &Alerts) -> Vec<&str> {
    let mut names: Vec<&str> = made
        .groups
        .iter()
        .flat_map(|group| &group.rules)
        .map(|rule| rule.alert)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

const ALL: [&str; 12] = [
    "GpuwiseBudgetBurnsFast",
    "GpuwiseBudgetBurnsSlow",
    "GpuwiseBudgetProjectedOver",
    "GpuwiseCostMetricsLost",
    "GpuwiseCostRateHigh",
    "GpuwiseCostSpike",
    "GpuwiseDailyCostHigh",
    "GpuwiseGpuMetricsLost",
    "GpuwiseIdleGpus",
    "GpuwisePodMetricsLost",
    "GpuwiseSpotInterrupted",
    "GpuwiseUnheldGpus",
];

#[test]
fn rules_of_each_dialect_pass_the_tests_that_come_with_them() {
    if !promtool_is_installed() {
        return;
    }
    // Even seeds are scraped without `honorLabels`; in each world some exporters say `Hostname` and others `hostname`.
    for (seed, honors) in [(4, false), (3, true)] {
        let world = World::generate(seed, Size::Small, 2);
        assert_eq!(world.honors_labels, honors);
        let facts = facts_of(&world);
        let engine = facts.of(MetricRole::GpuActivity).unwrap();
        let mut dialects = engine.node.clone();
        dialects.sort();
        assert_eq!(dialects, ["Hostname", "hostname"], "{engine:#?}");
        let pod = if honors { "pod" } else { "exported_pod" };
        assert_eq!(
            engine.pod.as_ref().map(|pod| (pod.name.as_str(), pod.others)),
            Some((pod, honors))
        );
        let made = made(&world, &facts);
        assert_eq!(names(&made), ALL, "{:?}", made.left_out);
        let (rules, tests) = test_files(&made);
        checked(&rules, &tests).unwrap_or_else(|said| panic!("seed {seed}: {said}\n{rules}\n{tests}"));
    }
}

#[test]
fn what_a_store_lacks_is_left_out_and_the_rest_still_holds() {
    if !promtool_is_installed() {
        return;
    }
    let world = World::generate(4, Size::Small, 2);
    let gpus = [MetricRole::GpuActivity, MetricRole::GpuUtil];
    let costs = [
        MetricRole::NodeCost,
        MetricRole::NodeGpus,
        MetricRole::NodeIsSpot,
        MetricRole::GpuAllocation,
    ];
    let state = [
        MetricRole::PodRequests,
        MetricRole::PodRunning,
        MetricRole::NodeAllocatable,
        MetricRole::NodeLabels,
    ];
    for (lacking, left, quiet) in [
        (
            &gpus[..],
            ["GpuwiseIdleGpus", "GpuwiseGpuMetricsLost"],
            "GpuwiseDailyCostHigh",
        ),
        (&gpus[..1], ["", ""], "GpuwiseIdleGpus"),
        (
            &costs[..],
            ["GpuwiseDailyCostHigh", "GpuwiseBudgetBurnsFast"],
            "GpuwiseIdleGpus",
        ),
        (&costs[3..], ["", ""], "GpuwiseBudgetBurnsFast"),
        (
            &state[..],
            ["GpuwiseGpuMetricsLost", "GpuwisePodMetricsLost"],
            "GpuwiseIdleGpus",
        ),
    ] {
        let mut facts = facts_of(&world);
        facts.metrics.retain(|metric| !lacking.contains(&metric.role));
        let about_budgets = lacking.iter().any(|role| costs[3..].contains(role));
        let made = if about_budgets {
            made(&world, &facts)
        } else {
            made_but_for_budgets(&world, &facts)
        };
        let left_out: Vec<&str> = made.left_out.iter().map(|one| one.alert).collect();
        for alert in left.into_iter().filter(|alert| !alert.is_empty()) {
            assert!(
                left_out.contains(&alert),
                "{alert} is made without {lacking:?}: {left_out:?}"
            );
        }
        assert!(
            names(&made).contains(&quiet),
            "{quiet} is not made without {lacking:?}: {:?}",
            made.left_out
        );
        let (rules, tests) = test_files(&made);
        checked(&rules, &tests).unwrap_or_else(|said| panic!("without {lacking:?}: {said}\n{rules}"));
    }
}

/// The classical mistake: DCGM's series are joined to those of nodes by `node`, which they do not have.
#[test]
fn a_rule_that_joins_by_labels_that_do_not_match_fails_its_test() {
    if !promtool_is_installed() {
        return;
    }
    let world = World::generate(4, Size::Small, 2);
    let mut made = made(&world, &facts_of(&world));
    made.groups.retain(|group| group.name == "gpuwise-waste");
    let (right, tests) = test_files(&made);
    checked(&right, &tests).unwrap();
    let wrong = [
        (r#""node", "$1", "Hostname""#, r#""host", "$1", "Hostname""#),
        (
            r#""namespace", "$1", "exported_namespace""#,
            r#""team", "$1", "exported_namespace""#,
        ),
        (r#"* on (node)"#, r#"* on (instance)"#),
        ("exported_pod!=\"\"", "pod!=\"\""),
    ];
    for (from, to) in wrong {
        let rules = right.replace(from, to);
        assert!(rules != right, "no {from} in the rules");
        let said = checked(&rules, &tests).expect_err(&format!("`{to}` passes the tests of `{from}`"));
        assert!(
            said.contains("exp:") || said.contains("many-to-many") || said.contains("FAILED"),
            "{said}"
        );
    }
}

/// What stands in the way of a store of several clusters: rules of one are not about the other.
#[test]
fn every_selector_names_the_cluster_where_the_store_keeps_several() {
    if !promtool_is_installed() {
        return;
    }
    let world = Dialect::SEVERAL.world(4);
    let mut facts = facts_of(&world);
    facts.within = r#"cluster="one""#.to_owned();
    let made = made_but_for_budgets(&world, &facts);
    let (rules, tests) = test_files(&made);
    checked(&rules, &tests).unwrap_or_else(|said| panic!("{said}\n{rules}"));
    for metric in &facts.metrics {
        for after in rules.split(&format!("{}{{", metric.name)).skip(1) {
            assert!(
                after.split('}').next().unwrap().contains(r#"cluster="one""#),
                "{}",
                metric.name
            );
        }
        assert!(!rules.contains(&format!("({})", metric.name)), "{} bare", metric.name);
    }
}

/// Each vendor's exporter tells of its own nodes, and nothing is lost that any of them tells.
#[test]
fn rules_of_two_vendors_pass_their_tests() {
    if !promtool_is_installed() {
        return;
    }
    let world = World::generate(4, Size::Small, 2);
    let mut facts = facts_of(&world);
    let mut other = facts.of(MetricRole::GpuUtil).unwrap().clone();
    (other.name, other.series) = ("gpu_gfx_activity".to_owned(), 3);
    facts.metrics.push(other);
    let made = made_but_for_budgets(&world, &facts);
    let (rules, tests) = test_files(&made);
    assert!(rules.contains("gpu_gfx_activity"), "{rules}");
    checked(&rules, &tests).unwrap_or_else(|said| panic!("{said}\n{rules}"));
}
