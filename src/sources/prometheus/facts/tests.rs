//! Labels are found by what they hold, in each dialect in which exporters are scraped.

use super::*;
use crate::model::cluster::{Node, Pod};
use crate::sources::loopback::{Reply, Server};

const AT: i64 = 1_760_000_000;

fn inventory() -> Inventory {
    let node = |name: &str| Node {
        name: name.to_owned(),
        ..Node::default()
    };
    let pod = |namespace: &str, name: &str| Pod {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ..Pod::default()
    };
    Inventory {
        nodes: ["n1", "n2", "n3"].map(node).to_vec(),
        pods: vec![pod("chat", "chat-0"), pod("chat", "chat-1")],
        ..Inventory::default()
    }
}

fn fact(role: MetricRole, rows: &[&[(&str, &str)]]) -> MetricFact {
    let row = |pairs: &&[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let asked = Asked {
        role,
        name: "metric".to_owned(),
        matcher: String::new(),
    };
    let rows: Vec<Labels> = rows.iter().map(row).collect();
    Known::of(&inventory()).fact(&asked, rows.len() as u64, rows)
}

#[test]
fn a_targets_own_node_is_not_taken_for_the_one_that_is_told_of() {
    // OpenCost runs on n1 and tells of three nodes, without `honorLabels`.
    let rows: [&[(&str, &str)]; 3] = [
        &[("exported_node", "n1"), ("node", "n1"), ("instance", "10.0.0.1:9003")],
        &[("exported_node", "n2"), ("node", "n1"), ("instance", "10.0.0.1:9003")],
        &[("exported_node", "n3"), ("node", "n1"), ("instance", "10.0.0.1:9003")],
    ];
    assert_eq!(fact(MetricRole::NodeCost, &rows).node, ["exported_node"]);
    // Of one node both hold the same.
    assert_eq!(fact(MetricRole::NodeCost, &rows[..1]).node, ["exported_node"]);
}

#[test]
fn two_dialects_of_one_exporter_are_both_found() {
    let rows: [&[(&str, &str)]; 3] = [
        &[
            ("Hostname", "n1"),
            ("UUID", "a"),
            ("exported_namespace", "chat"),
            ("exported_pod", "chat-0"),
        ],
        &[
            ("Hostname", "n2"),
            ("UUID", "b"),
            ("namespace", "gpu"),
            ("pod", "exporter-1"),
        ],
        &[
            ("hostname", "n3"),
            ("UUID", "c"),
            ("exported_namespace", "chat"),
            ("exported_pod", "chat-1"),
        ],
    ];
    let found = fact(MetricRole::GpuActivity, &rows);
    assert_eq!(
        (found.node.as_slice(), found.on_nodes),
        (["Hostname".to_owned(), "hostname".to_owned()].as_slice(), 3)
    );
    let pod = found.pod.unwrap();
    assert_eq!(
        (pod.namespace.as_str(), pod.name.as_str(), pod.others),
        ("exported_namespace", "exported_pod", false)
    );
    assert_eq!(found.device.as_deref(), Some("UUID"));
    assert_eq!(found.examples.len(), 3, "each dialect, and a GPU that nobody holds");
}

#[test]
fn the_exporters_pod_in_the_same_labels_is_told() {
    let rows: [&[(&str, &str)]; 2] = [
        &[
            ("Hostname", "n1"),
            ("UUID", "a"),
            ("namespace", "chat"),
            ("pod", "chat-0"),
        ],
        &[
            ("Hostname", "n2"),
            ("UUID", "b"),
            ("namespace", "gpu"),
            ("pod", "exporter-1"),
        ],
    ];
    let pod = fact(MetricRole::GpuActivity, &rows).pod.unwrap();
    assert_eq!((pod.name.as_str(), pod.others), ("pod", true));
}

#[test]
fn names_that_are_nobodys_are_none() {
    let rows: [&[(&str, &str)]; 1] = [&[("instance", "10.0.0.1:9400"), ("node", "elsewhere")]];
    let found = fact(MetricRole::NodeCost, &rows);
    assert!(found.node.is_empty() && found.pod.is_none() && found.examples.len() == 1);
}

#[tokio::test]
async fn few_queries_tell_and_each_carries_the_clusters_matchers() {
    let server = Server::start(|ask| {
        let query = ask.field("query");
        for part in query.split("count(").skip(1) {
            let selector = part.split(r#"), "found""#).next().unwrap();
            assert!(selector.contains(r#"cluster="eu""#), "{selector}");
        }
        assert!(promql_parser::parser::parse(query).is_ok(), "{query}");
        Reply::vector(match query.contains("count(") {
            // The first that is looked for besides those of GPUs has the place behind them.
            true => r#"{"metric":{"found":"0"},"value":[1760000000,"3000"]}"#,
            false => {
                r#"{"metric":{"__name__":"x","Hostname":"n2","UUID":"a","cluster":"eu"},"value":[1760000000,"1"]}"#
            }
        })
    });
    let client = server.client().within(r#"cluster="eu""#.parse().unwrap());
    let at = Timestamp::from_second(AT).unwrap();
    let catalog = Catalog::shipped().unwrap();
    let (facts, gaps) = metric_facts(&client, &catalog, &inventory(), at).await.unwrap();
    assert!(gaps.is_empty(), "{gaps:?}");
    assert_eq!((facts.within.as_str(), facts.metrics.len()), (r#"cluster="eu""#, 1));
    let metric = &facts.metrics[0];
    assert_eq!(
        (metric.series, metric.node.as_slice()),
        (3000, ["Hostname".to_owned()].as_slice())
    );
    let asked = server.asked();
    assert!(asked.len() <= 4, "{} queries", asked.len());
    let last = asked.last().unwrap().field("query");
    assert!(
        last.starts_with("topk(1000, ") && last.contains(" or bottomk(1000, "),
        "{last}"
    );
}

#[tokio::test]
async fn what_the_server_refuses_is_a_gap_and_nothing_is_there() {
    let server = Server::start(|_| Reply::error(422, "execution", "query processing would load too many samples"));
    let at = Timestamp::from_second(AT).unwrap();
    let answer = metric_facts(&server.client(), &Catalog::shipped().unwrap(), &inventory(), at).await;
    let (facts, gaps) = answer.unwrap();
    assert!(facts.metrics.is_empty() && !gaps.is_empty());
}
