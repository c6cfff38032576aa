//! Interruptions of spot capacity: each way of telling them passes its tests, and in a real Prometheus the counter of a cluster tells
//! what has happened, and not what an outage of scraping looks like.

use std::collections::BTreeMap;
use std::io::Write as _;

use gpuwise::model::metrics::{MetricFacts, MetricRole};
use gpuwise::sources::endpoint::Endpoint;
use gpuwise::sources::prometheus::client::PrometheusClient;
use jiff::Timestamp;

use super::{checked, facts_of, made, promtool_is_installed, test_files};
use crate::generator::{Size, World};
use crate::servers::{self, prometheus_is_installed};

const DISRUPTIONS: (&str, MetricRole, &str) = (
    "karpenter_nodeclaims_disrupted_total",
    MetricRole::NodeDisruptions,
    "reason",
);

/// With a counter whose kinds stand in a label.
fn with_counter(facts: &MetricFacts, (name, role, label): (&str, MetricRole, &str)) -> MetricFacts {
    let mut facts = facts.clone();
    let mut counter = facts.of(MetricRole::NodeLabels).unwrap().clone();
    (counter.role, counter.name, counter.node) = (role, name.to_owned(), Vec::new());
    let target = [("job", "karpenter"), ("instance", "k:1")];
    counter.labels = [label, "job", "instance"].map(str::to_owned).into();
    counter.examples.truncate(1);
    counter.examples[0].labels = target.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    facts.metrics.push(counter);
    facts
}

/// Each way in which a cluster may tell of spot capacity.
#[test]
fn interruptions_are_told_by_whatever_there_is() {
    if !promtool_is_installed() {
        return;
    }
    let world = World::generate(4, Size::Small, 2);
    let counters = [
        (
            "karpenter_interruption_received_messages_total",
            MetricRole::SpotNotices,
            "message_type",
        ),
        DISRUPTIONS,
        ("actions_node_total", MetricRole::NodeActions, "node_action"),
    ];
    let with = |facts: &MetricFacts| {
        let mut made = made(&world, facts);
        made.groups.retain(|group| group.name == "gpuwise-spot");
        let (rules, tests) = test_files(&made);
        checked(&rules, &tests).unwrap_or_else(|said| panic!("{said}\n{rules}"));
        rules
    };
    let plain = facts_of(&world);
    assert!(with(&plain).contains("kubecost_node_is_spot"));
    let mut labels = plain.clone();
    labels.metrics.retain(|metric| metric.role != MetricRole::NodeIsSpot);
    assert!(with(&labels).contains(r#"label_karpenter_sh_capacity_type="spot""#));
    for (name, role, label) in counters {
        let mut facts = with_counter(&plain, (name, role, label));
        assert!(with(&facts).contains(name), "{name}");
        // Without nodes that tell, the counter does alone.
        let nodes = [MetricRole::NodeIsSpot, MetricRole::NodeLabels];
        facts.metrics.retain(|metric| !nodes.contains(&metric.role));
        assert!(with(&facts).contains(name), "{name} alone");
    }
}

/// A day of Karpenter, once a minute: its target is down from 10:00 to 10:29; a node goes at 12:00 without a word about spot; the first
/// interruption, of two nodes, is counted at 14:00, three more at 16:00; a node is consolidated at 18:00.
fn samples() -> Vec<u8> {
    let midnight = "2026-11-10T00:00:00Z".parse::<Timestamp>().unwrap().as_second();
    let minutes = |from: i64, to: i64| (from..to).map(move |minute| (minute, midnight + 60 * minute));
    let hour = |minute: i64| minute / 60;
    let is_out = |minute: i64| (600..630).contains(&minute);
    let mut out = Vec::new();
    let target = r#"job="karpenter",instance="k:1""#;
    writeln!(out, "# TYPE up gauge").unwrap();
    for (minute, at) in minutes(0, 1440) {
        writeln!(out, "up{{{target}}} {} {at}", u8::from(!is_out(minute))).unwrap();
    }
    writeln!(out, "# TYPE karpenter_nodeclaims_disrupted counter").unwrap();
    for (reason, from) in [("drifted", 0), ("spot_interrupted", 840)] {
        for (minute, at) in minutes(from, 1440).filter(|(minute, _)| !is_out(*minute)) {
            let count = match reason {
                "drifted" => 412,
                _ if hour(minute) < 16 => 2,
                _ => 5,
            };
            writeln!(out, "{}{{reason=\"{reason}\",{target}}} {count} {at}", DISRUPTIONS.0).unwrap();
        }
    }
    writeln!(out, "# TYPE kubecost_node_is_spot gauge").unwrap();
    for (node, until) in [("a", 1440), ("b", 720), ("c", 1080)] {
        for (_, at) in minutes(0, until) {
            writeln!(out, "kubecost_node_is_spot{{node=\"{node}\"}} 1 {at}").unwrap();
        }
    }
    writeln!(out, "# EOF").unwrap();
    out
}

#[tokio::test]
async fn what_happened_is_told_and_an_outage_of_scraping_is_not() {
    if !prometheus_is_installed() {
        return;
    }
    let world = World::generate(4, Size::Small, 2);
    let folder = tempfile::tempdir().unwrap();
    let (_running, url) = servers::prometheus_over(folder.path(), |out| out.write_all(&samples())).await;
    let client = PrometheusClient::new(&Endpoint::new(url.as_str())).unwrap();
    let both = with_counter(&facts_of(&world), DISRUPTIONS);
    let mut alone = both.clone();
    let nodes = [MetricRole::NodeIsSpot, MetricRole::NodeLabels];
    alone.metrics.retain(|metric| !nodes.contains(&metric.role));
    // Whatever its reason, as if all were interruptions: then the outage would be told.
    let mut found = BTreeMap::new();
    for (name, facts) in [("both", &both), ("alone", &alone)] {
        let made = made(&world, facts);
        let rules = made.groups.iter().flat_map(|group| &group.rules);
        let rule = rules
            .into_iter()
            .find(|rule| rule.alert == "GpuwiseSpotInterrupted")
            .unwrap();
        let any_reason = rule.expr.replace("(?i:.*spot.*)", ".*");
        for (kind, expr) in [("", &rule.expr), (" of any reason", &any_reason)] {
            for at in [
                "09:00", "10:33", "10:40", "12:10", "13:00", "14:05", "15:00", "16:05", "17:00", "18:10",
            ] {
                let moment = format!("2026-11-10T{at}:00Z").parse().unwrap();
                let (rows, _) = client.instant(expr, moment).await.unwrap();
                for row in rows {
                    found.insert(format!("{name}{kind} {at}"), row.samples[0].1);
                }
            }
        }
    }
    let expected = [
        ("alone 14:05", 2.0),
        ("alone 16:05", 3.0),
        ("alone of any reason 14:05", 2.0),
        ("alone of any reason 16:05", 3.0),
        ("both 12:10", 1.0),
        ("both 14:05", 2.0),
        ("both 16:05", 3.0),
        ("both of any reason 14:05", 2.0),
        ("both of any reason 16:05", 3.0),
    ];
    let expected: BTreeMap<String, f64> = expected.into_iter().map(|(at, value)| (at.to_owned(), value)).collect();
    assert_eq!(found, expected);
}
