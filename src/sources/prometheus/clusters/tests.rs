//! One cluster is told from others by what cannot be of both, and else not at all.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::model::gap::SERVERS_LEFT_OUT;
use crate::sources::loopback::{Ask, Reply, Server};
use jiff::Timestamp;

type Row<'r> = &'r [(&'r str, &'r str)];

/// A GPU of a cluster; an empty label is none.
fn gpu<'r>(cluster: &'r str, uuid: &'r str, node: &'r str) -> Vec<(&'r str, &'r str)> {
    vec![
        ("found", "gpus"),
        ("cluster", cluster),
        ("UUID", uuid),
        ("Hostname", node),
    ]
}

/// A pod that asks for GPUs, as kube-state-metrics tells of it.
fn pod<'r>(cluster: &'r str, node: &'r str) -> Vec<(&'r str, &'r str)> {
    vec![("found", "pods"), ("cluster", cluster), ("node", node)]
}

/// Answers with the rows that equal the query's matchers of `cluster`, by the labels that it counts by.
fn answer(ask: &Ask, rows: &[Vec<(String, String)>]) -> Reply {
    let query = ask.field("query");
    assert!(promql_parser::parser::parse(query).is_ok(), "{query}");
    let by = query.split_once("count by (").unwrap().1.split_once(')').unwrap().0;
    let by: Vec<&str> = by.split(", ").chain(["found"]).collect();
    let wanted = query
        .split_once("cluster=\"")
        .map(|(_, rest)| rest.split('"').next().unwrap());
    let is_wanted = |row: &&Vec<(String, String)>| {
        wanted.is_none_or(|wanted| row.iter().any(|(name, value)| name == "cluster" && value == wanted))
    };
    let told = rows.iter().filter(is_wanted).map(|row| {
        let labels = row
            .iter()
            .filter(|(name, value)| by.contains(&name.as_str()) && !value.is_empty());
        let labels: Vec<String> = labels.map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        ask.flat(&format!("{{{}}}", labels.join(",")), "1")
    });
    Reply::matrix(&told.collect::<Vec<_>>().join(","))
}

fn store(rows: &[Vec<(&str, &str)>]) -> Server {
    let owned = |row: Row<'_>| -> Vec<(String, String)> {
        row.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    let rows: Vec<_> = rows.iter().map(|row| owned(row)).collect();
    Server::start(move |ask| answer(ask, &rows))
}

fn known(nodes: &[&str], names: &[&str]) -> Known {
    Known {
        held: BTreeMap::new(),
        nodes: nodes.iter().map(|node| (*node).to_owned()).collect(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// The matchers that are chosen, and the gaps.
async fn told(server: &Server, said: &str, known: &Known) -> Result<(String, Vec<Gap>), PrometheusError> {
    let time = |second| Timestamp::from_second(second).unwrap();
    let window = Window {
        start: time(1_760_000_000),
        end: time(1_761_209_600),
    };
    let mut client = server.client();
    if !said.is_empty() {
        client = client.within(said.parse().unwrap());
    }
    let catalog = Catalog::shipped().unwrap();
    let (client, gaps) = narrowed(client, &catalog, window, known).await?;
    Ok((client.matchers().to_string(), gaps))
}

#[tokio::test]
async fn one_cluster_costs_one_request_and_gets_no_matcher() {
    // kube-state-metrics comes from another scraper, without the label.
    let alone = store(&[gpu("a", "GPU-1", "n1"), gpu("a", "GPU-2", "n2"), pod("", "n1")]);
    let (matchers, gaps) = told(&alone, "", &known(&["n1"], &[])).await.unwrap();
    assert_eq!((matchers.as_str(), gaps.as_slice()), ("", &[][..]));
    assert_eq!(alone.asked().len(), 1);
    let points = alone.asked()[0].points().len();
    assert!((48..=50).contains(&points), "{points} points");
}

#[tokio::test]
async fn nodes_tell_which_is_ours_and_it_is_said() {
    let two = store(&[
        gpu("a", "GPU-1", "n1"),
        pod("a", "n1"),
        gpu("b", "GPU-2", "n2"),
        pod("b", "n2"),
        gpu("", "GPU-3", "n3"),
    ]);
    let (matchers, gaps) = told(&two, "", &known(&["n2", "n9"], &["admin@b"])).await.unwrap();
    assert_eq!(matchers, r#"cluster="b""#);
    let [gap] = gaps.as_slice() else { panic!("{gaps:?}") };
    assert_eq!(gap.code, CHOSEN);
    assert!(gap.what.contains(r#"cluster="", cluster="a""#), "{gap:?}");
    assert!(gap.fix.contains(r#"--prometheus-matcher 'cluster="b"'"#), "{gap:?}");
    assert_eq!(two.asked().len(), 2);
}

/// Only kube-state-metrics sees the other cluster: its pods would be joined to our GPUs.
#[tokio::test]
async fn a_cluster_without_gpu_metrics_is_one_too() {
    let rows = [gpu("a", "GPU-1", "n1"), pod("a", "n1"), pod("b", "n2")];
    let (matchers, _) = told(&store(&rows), "", &known(&["n1"], &[])).await.unwrap();
    assert_eq!(matchers, r#"cluster="a""#);
}

#[tokio::test]
async fn what_cannot_be_told_is_refused_with_every_name_and_the_flag() {
    let rows = [gpu("a", "GPU-1", "worker-1"), gpu("b", "GPU-2", "worker-1")];
    let two = store(&rows);
    for known in [
        known(&[], &[]),
        known(&["elsewhere"], &["c"]),
        known(&["worker-1"], &[]),
        known(&["worker-1"], &["a", "b"]),
    ] {
        let error = told(&two, "", &known).await.unwrap_err();
        assert!(matches!(error, PrometheusError::SeveralClusters { .. }), "{error}");
        let said = error.to_string();
        assert!(said.contains(r#"(cluster="a", cluster="b")"#), "{said}");
        assert!(said.contains(r#"--prometheus-matcher 'cluster="a"'"#), "{said}");
    }
    for nodes in [&["worker-1"][..], &[]] {
        let (matchers, gaps) = told(&two, "", &known(nodes, &["b"])).await.unwrap();
        assert_eq!(matchers, r#"cluster="b""#);
        assert!(gaps[0].why.contains("called so"), "{gaps:?}");
    }
    // The nodes are a's, whatever the cluster is to be called.
    let rows = [gpu("a", "GPU-1", "n1"), gpu("b", "GPU-2", "n2")];
    let error = told(&store(&rows), "", &known(&["n1"], &["b"])).await.unwrap_err();
    assert!(matches!(error, PrometheusError::SeveralClusters { .. }), "{error}");
}

#[tokio::test]
async fn a_label_that_was_changed_is_one_cluster_still() {
    let moved = [gpu("", "GPU-1", "n1"), gpu("a", "GPU-1", "n1"), gpu("a", "GPU-2", "n2")];
    let (matchers, gaps) = told(&store(&moved), "", &known(&[], &[])).await.unwrap();
    assert_eq!((matchers.as_str(), gaps.as_slice()), ("", &[][..]));
    let beside = [&moved[..], &[gpu("b", "GPU-3", "n3")]].concat();
    let (matchers, _) = told(&store(&beside), "", &known(&["n2"], &[])).await.unwrap();
    assert_eq!(matchers, r#"cluster=~"|a""#);
}

#[tokio::test]
async fn two_labels_that_both_tell_are_both_asked_for_only_where_they_must() {
    let with = |mut row: Vec<(&'static str, &'static str)>, id| {
        row.push(("cluster_id", id));
        row
    };
    let rows = [
        with(gpu("prod", "GPU-1", "n1"), "1"),
        with(gpu("prod", "GPU-2", "n2"), "2"),
        with(gpu("test", "GPU-3", "n3"), "3"),
    ];
    let (matchers, _) = told(&store(&rows), "", &known(&["n2"], &[])).await.unwrap();
    assert_eq!(matchers, r#"cluster="prod",cluster_id="2""#);
    let (matchers, _) = told(&store(&rows), "", &known(&["n3"], &[])).await.unwrap();
    assert_eq!(matchers, r#"cluster="test""#);
}

#[tokio::test]
async fn what_was_said_holds_and_a_name_that_is_not_there_is_told() {
    let two = store(&[gpu("a", "GPU-1", "n1"), gpu("b", "GPU-2", "n2")]);
    for said in [r#"cluster="a""#, r#"cluster=~"a|b""#, r#"cluster!="c""#] {
        let (matchers, gaps) = told(&two, said, &known(&[], &[])).await.unwrap();
        assert_eq!((matchers.as_str(), gaps.as_slice()), (said, &[][..]));
    }
    let error = told(&two, r#"cluster="aa""#, &known(&["n1"], &[])).await.unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, PrometheusError::NoSuchCluster { .. }), "{said}");
    assert!(
        said.contains(r#"has cluster="aa""#) && said.contains(r#"there is cluster="a", cluster="b""#),
        "{said}"
    );
    // An exporter that is down everywhere is not the matcher's fault.
    let (matchers, _) = told(&store(&[]), r#"cluster="a""#, &known(&[], &[])).await.unwrap();
    assert_eq!(matchers, r#"cluster="a""#);
}

/// Two clusters in a store that refuses the question of this number, and those after it.
fn refusing(first: usize) -> Server {
    let rows: Vec<Vec<(String, String)>> = [gpu("a", "GPU-1", "n1"), gpu("b", "GPU-2", "n2")]
        .iter()
        .map(|row| row.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
        .collect();
    let asked = AtomicUsize::new(0);
    Server::start(move |ask| match asked.fetch_add(1, Ordering::Relaxed) < first {
        true => answer(ask, &rows),
        false => Reply::error(422, "execution", "no such function"),
    })
}

/// Pods of one name in two clusters would be one pod.
#[tokio::test]
async fn a_server_that_refuses_to_tell_is_not_read_as_one_cluster() {
    for first in [0, 1] {
        let error = told(&refusing(first), "", &known(&["n1"], &["a"])).await.unwrap_err();
        assert!(matches!(error, PrometheusError::ClustersUntold { .. }), "{error}");
        let said = error.to_string();
        for part in [
            "no such function",
            r#"--prometheus-matcher 'cluster="NAME"'"#,
            r#"'cluster=""'"#,
        ] {
            assert!(said.contains(part), "{said}");
        }
    }
    let excluded = told(&refusing(0), r#"cluster!="b""#, &known(&[], &[])).await;
    assert!(
        matches!(excluded, Err(PrometheusError::ClustersUntold { .. })),
        "{excluded:?}"
    );
}

#[tokio::test]
async fn whoever_named_a_cluster_needs_no_answer() {
    let (matchers, gaps) = told(&refusing(0), r#"cluster="a""#, &known(&[], &[])).await.unwrap();
    assert_eq!(matchers, r#"cluster="a""#);
    assert!(gaps[0].what.contains("keeps several clusters"), "{gaps:?}");
}

#[test]
fn the_question_names_each_metric_and_is_short() {
    let catalog = Catalog::shipped().unwrap();
    let within: Matchers = r#"cluster="prod-eu",env=~"a|b""#.parse().unwrap();
    let labels = [&LABELS[..], &OF_GOOGLE].concat();
    let query = query(&catalog, &labels, DEVICE, &within);
    assert!(promql_parser::parser::parse(&query).is_ok(), "{query}");
    assert!(!query.contains("__name__") && query.len() < 8_000, "{}", query.len());
}

/// A model server of a cluster.
fn server(cluster: &str) -> Vec<(&str, &str)> {
    vec![("found", "servers"), ("cluster", cluster)]
}

fn codes(gaps: &[Gap]) -> Vec<&str> {
    gaps.iter().map(|gap| gap.code.as_str()).collect()
}

/// Another agent scrapes the model servers, and sends no label: whoever is asked would look idle.
#[tokio::test]
async fn series_without_the_label_are_not_left_out_in_silence() {
    let rows = [
        gpu("a", "GPU-1", "n1"),
        gpu("b", "GPU-2", "n2"),
        server(""),
        pod("", "n1"),
    ];
    let store = store(&rows);
    let left_out = [STATE_LEFT_OUT, SERVERS_LEFT_OUT];
    let (_, gaps) = told(&store, "", &known(&["n1"], &[])).await.unwrap();
    assert_eq!(codes(&gaps), [&[CHOSEN], &left_out[..]].concat());
    assert!(gaps[2].fix.contains("model servers send `cluster`"), "{gaps:?}");
    let (_, gaps) = told(&store, r#"cluster="a""#, &known(&["n1"], &[])).await.unwrap();
    assert_eq!(codes(&gaps), left_out);
    // Some of them have it.
    let some = [&rows[..], &[server("a")]].concat();
    let (_, gaps) = told(&self::store(&some), "", &known(&["n1"], &[])).await.unwrap();
    assert_eq!(codes(&gaps), [&[CHOSEN], &left_out[..]].concat());
    // All have it, and this cluster has none.
    let rows = [
        gpu("a", "GPU-1", "n1"),
        gpu("b", "GPU-2", "n2"),
        server("b"),
        pod("b", "n2"),
    ];
    for said in ["", r#"cluster="a""#] {
        let (_, gaps) = told(&self::store(&rows), said, &known(&["n1"], &[])).await.unwrap();
        assert!(!codes(&gaps).iter().any(|code| left_out.contains(code)), "{gaps:?}");
    }
}

#[tokio::test]
async fn gpus_that_lack_the_label_are_said_to() {
    let rows = [gpu("", "GPU-1", "n1"), pod("a", "n1"), pod("b", "n2"), server("a")];
    for said in ["", r#"cluster="a""#] {
        let (_, gaps) = told(&store(&rows), said, &known(&["n1"], &[])).await.unwrap();
        assert!(codes(&gaps).contains(&GPUS_LEFT_OUT), "{gaps:?}");
    }
}

/// The central store scrapes its own cluster, too, whose series lack the label that others send.
#[tokio::test]
async fn a_cluster_without_the_label_keeps_what_is_its_own() {
    let rows = [
        gpu("a", "GPU-1", "n1"),
        pod("a", "n1"),
        gpu("", "GPU-2", "n2"),
        pod("", "n2"),
        server(""),
    ];
    for said in ["", r#"cluster="a""#] {
        let (_, gaps) = told(&store(&rows), said, &known(&["n1"], &[])).await.unwrap();
        assert!(!codes(&gaps).contains(&SERVERS_LEFT_OUT), "{gaps:?}");
    }
}

/// A matcher or a URL of yesterday: pods of one name, such as `chat-0`, would be joined to the other cluster's series.
#[tokio::test]
async fn series_of_other_nodes_are_of_another_cluster() {
    let held = |node: &str, since: i64| {
        let since = Timestamp::from_second(since).unwrap();
        Known {
            held: [(node.to_owned(), since)].into(),
            ..known(&[node, "cpu-1"], &[])
        }
    };
    let (long_ago, just_now) = (1_760_000_000, 1_761_209_000);
    let rows = [gpu("staging", "GPU-1", "stage-1"), pod("staging", "stage-1")];
    for said in ["", r#"cluster="staging""#] {
        let error = told(&store(&rows), said, &held("prod-1", long_ago)).await.unwrap_err();
        let words = error.to_string();
        assert!(matches!(error, PrometheusError::OtherNodes { .. }), "{words}");
        for part in ["node stage-1", "node prod-1", "--kube-context", said] {
            assert!(words.contains(part), "{words}");
        }
    }
    // A name alone does not overrule the nodes.
    let several = [&rows[..], &[gpu("prod", "GPU-2", "other-1")]].concat();
    let called = Known {
        names: vec!["prod".to_owned()],
        ..held("prod-1", long_ago)
    };
    let error = told(&store(&several), "", &called).await.unwrap_err();
    assert!(matches!(error, PrometheusError::OtherNodes { .. }), "{error}");
    // What may be so in one cluster: nodes that are gone, a pod that has just begun, names with and without a domain.
    for (node, since) in [
        ("prod-1", just_now),
        ("stage-1", long_ago),
        ("STAGE-1.example.com", long_ago),
    ] {
        told(&store(&rows), "", &held(node, since)).await.unwrap();
    }
    told(&store(&rows), "", &known(&["prod-1"], &[])).await.unwrap();
    // An exporter that is not told its node gives its pod's name.
    let rows = [gpu("", "GPU-1", "dcgm-exporter-x7k2p")];
    told(&store(&rows), "", &held("prod-1", long_ago)).await.unwrap();
}
