//! Rules of made-up facts: what parses, what is joined by which labels, and what is left out.

mod unlike;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::*;
use crate::catalog::Catalog;
use crate::model::metrics::{Example, MetricFact, MetricRole, PodLabels};
use crate::policy::section::Section;
use crate::policy::{Policy, layered};

fn thresholds() -> Thresholds {
    let root = layered(&[], &[]).unwrap();
    let mut mistakes = Vec::new();
    let mut section = Section::open("", &root, &mut mistakes);
    Policy::read(&mut section, &Catalog::shipped().unwrap(), &mut mistakes).alerts
}

/// A metric with these labels, of which `node` and the pair hold names.
fn metric(
    role: MetricRole,
    name: &str,
    labels: &[(&str, &str)],
    node: &[&str],
    pod: Option<(&str, &str, bool)>,
) -> MetricFact {
    let labels: Vec<(String, String)> = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    MetricFact {
        role,
        name: name.to_owned(),
        matcher: String::new(),
        series: 10,
        looked_at: 10,
        labels: labels.iter().map(|(name, _)| name.clone()).collect(),
        node: node.iter().map(|label| (*label).to_owned()).collect(),
        on_nodes: 10,
        pod: pod.map(|(namespace, name, others)| PodLabels {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            others,
        }),
        device: labels.iter().any(|(name, _)| name == "UUID").then(|| "UUID".to_owned()),
        examples: vec![Example {
            labels: labels.into_iter().collect(),
            held: pod.is_some(),
        }],
        week_before: Some(true),
    }
}

fn facts() -> MetricFacts {
    let of_pod = [("exported_namespace", "chat"), ("exported_pod", "chat-0")];
    let engine = [&[("Hostname", "n1"), ("UUID", "a"), ("cluster", "eu")][..], &of_pod].concat();
    let pod = Some(("exported_namespace", "exported_pod", false));
    MetricFacts {
        at: Timestamp::UNIX_EPOCH,
        within: r#"cluster="eu""#.to_owned(),
        metrics: [
            metric(
                MetricRole::GpuActivity,
                "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
                &engine,
                &["Hostname"],
                pod,
            ),
            metric(
                MetricRole::NodeCost,
                "node_total_hourly_cost",
                &[("node", "n1"), ("instance", "n1")],
                &["node"],
                None,
            ),
            metric(
                MetricRole::NodeGpus,
                "node_gpu_count",
                &[("node", "n1")],
                &["node"],
                None,
            ),
            metric(
                MetricRole::NodeIsSpot,
                "kubecost_node_is_spot",
                &[("node", "n1")],
                &["node"],
                None,
            ),
        ]
        .into_iter()
        .chain(of_pods())
        .collect(),
    }
}

fn of_pods() -> [MetricFact; 4] {
    let own = Some(("namespace", "pod", true));
    [
        metric(
            MetricRole::GpuAllocation,
            "container_gpu_allocation",
            &[
                ("node", "n1"),
                ("namespace", "chat"),
                ("pod", "chat-0"),
                ("container", "vllm"),
            ],
            &["node"],
            own,
        ),
        metric(
            MetricRole::NodeAllocatable,
            "kube_node_status_allocatable",
            &[("node", "n1")],
            &["node"],
            None,
        ),
        metric(
            MetricRole::PodRequests,
            "kube_pod_container_resource_requests",
            &[("namespace", "chat"), ("pod", "chat-0"), ("node", "n1")],
            &["node"],
            own,
        ),
        metric(
            MetricRole::PodRunning,
            "kube_pod_status_phase",
            &[("namespace", "x"), ("pod", "y")],
            &[],
            None,
        ),
    ]
}

fn budgets() -> Vec<Budget> {
    let budget = |name: &str, monthly, namespaces: &[&str]| Budget {
        name: name.to_owned(),
        monthly,
        months: BTreeMap::new(),
        namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect(),
    };
    vec![
        budget("everything", 30_000.0, &[]),
        budget("chat {{ x }}", 5_000.0, &["chat", "ch.t"]),
    ]
}

fn made(facts: &MetricFacts) -> Alerts {
    alerts(facts, &thresholds(), &budgets(), ("eu", Some("USD")))
}

fn rules(made: &Alerts) -> impl Iterator<Item = &Rule> {
    made.groups.iter().flat_map(|group| &group.rules)
}

#[test]
fn every_expression_parses_and_every_selector_is_of_this_cluster() {
    let made = made(&facts());
    assert!(made.left_out.is_empty(), "{:#?}", made.left_out);
    let names: BTreeSet<&str> = rules(&made).map(|rule| rule.alert).collect();
    assert_eq!(names.len(), 12, "{names:?}");
    let known = facts();
    for rule in rules(&made) {
        assert!(
            promql_parser::parser::parse(&rule.expr).is_ok(),
            "{}: {}",
            rule.alert,
            rule.expr
        );
        for metric in &known.metrics {
            for after in rule.expr.split(metric.name.as_str()).skip(1) {
                let selector = after.split('}').next().unwrap();
                assert!(
                    selector.starts_with('{') && selector.contains(r#"cluster="eu""#),
                    "{}: {}",
                    rule.alert,
                    rule.expr
                );
            }
        }
    }
}

#[test]
fn every_rule_has_a_test_that_fires_and_one_that_does_not() {
    for rule in rules(&made(&facts())) {
        let fires = |test: &&RuleTest| !test.expected.is_empty();
        assert!(rule.tests.iter().any(|test| fires(&test)), "{}", rule.alert);
        assert!(rule.tests.iter().any(|test| test.expected.is_empty()), "{}", rule.alert);
        for expected in rule.tests.iter().flat_map(|test| &test.expected) {
            let left = expected.annotations.values().any(|text| text.contains("{{"));
            assert!(!left, "{:?}", expected.annotations);
        }
    }
}

#[test]
fn a_label_of_another_name_is_joined_under_the_common_one() {
    let made = made(&facts());
    let idle = rules(&made).find(|rule| rule.alert == "GpuwiseIdleGpus").unwrap();
    for said in [
        r#""node", "$1", "Hostname", "(.+)""#,
        r#""pod", "$1", "exported_pod", "(.+)""#,
        r#"exported_pod!="""#,
        "on (node) group_left ()",
    ] {
        assert!(idle.expr.contains(said), "no {said} in {}", idle.expr);
    }
}

#[test]
fn without_a_metric_what_it_would_tell_is_left_out_with_what_to_do() {
    let without = |roles: &[MetricRole]| {
        let mut facts = facts();
        facts.metrics.retain(|metric| !roles.contains(&metric.role));
        made(&facts)
    };
    let left = |made: &Alerts| made.left_out.iter().map(|one| one.alert).collect::<BTreeSet<_>>();
    let no_gpus = without(&[MetricRole::GpuActivity]);
    assert_eq!(
        left(&no_gpus),
        [
            "GpuwiseIdleGpus",
            "GpuwiseUnheldGpus",
            "GpuwiseGpuMetricsLost",
            "GpuwisePodMetricsLost"
        ]
        .into()
    );
    assert!(no_gpus.left_out.iter().all(|one| one.fix.contains("dcgm-exporter")));
    let no_costs = without(&[MetricRole::NodeCost]);
    assert!(left(&no_costs).contains("GpuwiseDailyCostHigh") && !left(&no_costs).contains("GpuwiseIdleGpus"));
    let idle = rules(&no_costs).find(|rule| rule.alert == "GpuwiseIdleGpus").unwrap();
    assert!(
        idle.annotations["summary"].starts_with("{{ printf \"%.0f\" $value }} GPUs are held"),
        "{idle:?}"
    );
    // Of namespaces, requests tell where nothing is billed.
    let unbilled = without(&[MetricRole::GpuAllocation]);
    assert!(unbilled.left_out.is_empty(), "{:?}", unbilled.left_out);
}

#[test]
fn a_metric_whose_labels_name_no_node_is_not_joined() {
    let mut facts = facts();
    for metric in &mut facts.metrics {
        if metric.role == MetricRole::NodeCost {
            metric.node.clear();
        }
    }
    let made = made(&facts);
    let day = made
        .left_out
        .iter()
        .find(|one| one.alert == "GpuwiseDailyCostHigh")
        .unwrap();
    assert!(
        day.why.contains("no label of node_total_hourly_cost holds names"),
        "{day:?}"
    );
}

#[test]
fn the_exporters_own_pods_are_told_apart_by_requests_or_not_at_all() {
    let mut facts = facts();
    for metric in &mut facts.metrics {
        if metric.role == MetricRole::GpuActivity {
            metric.pod.as_mut().unwrap().others = true;
        }
    }
    let alone = made(&facts);
    let unheld = rules(&alone).find(|rule| rule.alert == "GpuwiseUnheldGpus").unwrap();
    assert!(
        unheld.expr.contains("kube_pod_container_resource_requests"),
        "{}",
        unheld.expr
    );
    facts.metrics.retain(|metric| metric.role != MetricRole::PodRequests);
    let made = made(&facts);
    assert!(
        made.left_out
            .iter()
            .any(|one| one.alert == "GpuwiseUnheldGpus" && one.fix.contains("kube-state-metrics"))
    );
}
