//! Matchers are read as PromQL reads them, and no selector leaves without them.

use std::collections::BTreeSet;

use super::*;
use jiff::Timestamp;
use promql_parser::parser::{Expr, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use proptest::prelude::*;

use crate::catalog::Catalog;
use crate::model::progress::Silent;
use crate::model::time::{Grid, Window};
use crate::sources::loopback::{Ask, Reply, Server};
use crate::sources::prometheus::client::PrometheusClient;
use crate::sources::prometheus::clusters::Known;
use crate::sources::prometheus::error::PrometheusError;
use crate::sources::prometheus::select::Pods;
use crate::sources::prometheus::{clusters, histograms, history, probe, read as series, scrape};

fn read(text: &str) -> Matchers {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn what_promql_takes_is_taken() {
    let prod = Matcher::equal("cluster", "prod-eu");
    assert_eq!(read(r#"cluster="prod-eu""#).0, std::slice::from_ref(&prod));
    let two = read(r#" { cluster = "prod-eu" , env =~ 'a|b', } "#);
    let env = Matcher {
        name: "env".to_owned(),
        op: Op::Match,
        value: "a|b".to_owned(),
    };
    assert_eq!(two.0, [prod, env]);
    assert_eq!(two.to_string(), r#"cluster="prod-eu",env=~"a|b""#);
    let others = read(r#"a!="x",b!~`\d+`,"k8s.cluster.name"="c\"\\""#);
    assert_eq!(others.0[1].value, r"\d+");
    assert_eq!(others.to_string(), r#"a!="x",b!~"\\d+","k8s.cluster.name"="c\"\\""#);
}

#[test]
fn what_is_wrong_is_said() {
    for (text, said) in [
        ("", "names no label"),
        ("{}", "names no label"),
        ("prod-eu", "one of =, !=, =~ and !~ belongs after `prod`"),
        ("cluster=prod-eu", "the value of `cluster` must be quoted"),
        (r#"cluster="prod"#, "is not closed"),
        (r#"{cluster="prod""#, "its brace is not closed"),
        (r#"cluster="a" env="b""#, "a comma belongs before"),
        (r#"__name__="up""#, "not the metric"),
        (r#"9a="b""#, "no label's name"),
        (r#"a=~"\d""#, "no escape of PromQL"),
    ] {
        let error = text.parse::<Matchers>().unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
        assert!(error.contains(r#"'cluster="prod-eu"'"#), "{error}");
    }
}

#[test]
fn a_selector_holds_what_is_asked_and_what_is_said() {
    let none = Matchers::default();
    assert_eq!(none.selector("up", &[""]), "up");
    assert_eq!(none.selector("up", &[r#"job="x""#]), r#"up{job="x"}"#);
    let some = read(r#"cluster="a""#);
    assert_eq!(some.selector("up", &[]), r#"up{cluster="a"}"#);
    assert_eq!(some.selector("up", &["", r#"job="x""#]), r#"up{job="x",cluster="a"}"#);
    assert_eq!(
        some.each(["up", "down"]),
        [r#"up{cluster="a"}"#, r#"down{cluster="a"}"#]
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(name in "[a-z.]{1,6}", value in any::<String>()) {
        for op in [Op::Equal, Op::NotEqual, Op::Match, Op::NotMatch] {
            let one = Matchers(vec![Matcher { name: name.clone(), op, value: value.clone() }]);
            prop_assert_eq!(read(&one.to_string()), one.clone());
        }
        let one = Matchers(vec![Matcher::equal("cluster", &value)]);
        let query = one.selector("up", &[]);
        prop_assert!(promql_parser::parser::parse(&query).is_ok(), "{}", query);
    }
}

/// The selectors of a query.
#[derive(Default)]
struct Selectors(Vec<VectorSelector>);

impl ExprVisitor for Selectors {
    type Error = String;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, String> {
        match expression {
            Expr::VectorSelector(selector) => self.0.push(selector.clone()),
            Expr::MatrixSelector(selector) => self.0.push(selector.vs.clone()),
            _ => {}
        }
        Ok(true)
    }
}

fn selectors(query: &str) -> Vec<VectorSelector> {
    let parsed = promql_parser::parser::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let mut found = Selectors::default();
    walk_expr(&mut found, &parsed).unwrap();
    assert!(!found.0.is_empty(), "{query} selects nothing");
    found.0
}

/// Something for every question, so that the next one is asked.
fn answer(ask: &Ask) -> Reply {
    if ask.path.starts_with("/api/v1/series") {
        return Reply::new(
            200,
            r#"{"status":"success","data":[{"UUID":"GPU-1","namespace":"ml","pod":"a"}]}"#,
        );
    }
    if ask.path == "/api/v1/query" {
        return Reply::vector("");
    }
    let all = |metric: &str| ask.flat(metric, "1");
    if ask.field("query").contains("label_replace(count(") {
        return Reply::matrix(
            &["pods", "requests"]
                .map(|found| all(&format!(r#"{{"found":"{found}"}}"#)))
                .join(","),
        );
    }
    if ask.field("query").contains("\"found\", \"gpus\"") {
        let ids = ["1", "2"].map(|id| all(&format!(r#"{{"found":"gpus","cluster_id":"{id}"}}"#)));
        return Reply::matrix(&ids.join(","));
    }
    let rows = ["ReplicaSet", "Job"].map(|kind| {
        all(&format!(
            r#"{{"namespace":"ml","pod":"{kind}-0","resource":"nvidia_com_gpu","owner_kind":"{kind}","owner_name":"x"}}"#
        ))
    });
    Reply::matrix(&rows.join(","))
}

async fn ask_everything(client: &PrometheusClient) -> Result<(), PrometheusError> {
    let catalog = Catalog::shipped().unwrap();
    let (start, end) = (1_760_000_000, 1_760_003_600);
    let time = |second| Timestamp::from_second(second).unwrap();
    let window = Window {
        start: time(start),
        end: time(end),
    };
    let grid = Grid {
        window,
        step_seconds: 600,
    };
    let mut pods = Pods::default();
    pods.add(&[("ml".to_owned(), "chat-0".to_owned())].into());
    pods.add_device("GPU-0");
    // Of the other clusters nothing is known: both are asked about, and neither is chosen.
    let undecided = clusters::narrowed(client.clone(), &catalog, window, &Known::default()).await;
    assert!(
        matches!(undecided, Err(PrometheusError::SeveralClusters { .. })),
        "{undecided:?}"
    );
    scrape::scrape_interval(client, &catalog, window.end).await?;
    probe::probe(client, &catalog, window).await?;
    history::read(client, grid, &Silent).await?;
    series::series(client, &catalog, grid, None, &Silent).await?;
    series::series(client, &catalog, grid, Some(&pods), &Silent).await?;
    histograms::histograms(client, &catalog, grid, &Silent).await?;
    Ok(())
}

#[tokio::test]
async fn every_selector_that_is_sent_carries_them() {
    let server = Server::start(answer);
    let client = server.client().within(read(r#"cluster="a",env!~"dev|test""#));
    ask_everything(&client).await.unwrap();
    let mut metrics = BTreeSet::new();
    for ask in server.asked() {
        let query = match ask.path.starts_with("/api/v1/series") {
            true => {
                let url = reqwest::Url::parse(&format!("http://x{}", ask.path)).unwrap();
                let matches = url.query_pairs().filter(|(name, _)| name == "match[]");
                matches.map(|(_, value)| value).collect::<Vec<_>>().join(" or ")
            }
            false => ask.field("query").to_owned(),
        };
        // Google's server takes a metric's name only as it is.
        assert!(!query.contains("__name__"), "{query}");
        for selector in selectors(&query) {
            let said: Vec<String> = selector.matchers.matchers.iter().map(ToString::to_string).collect();
            let has = |wanted: &str| said.iter().any(|matcher| matcher == wanted);
            // What lacks the label that was named is looked for once, to say that it is left out.
            let is_of_ours = has(r#"cluster="a""#) || (query.contains("\"found\"") && has(r#"cluster="""#));
            assert!(is_of_ours && has(r#"env!~"dev|test""#), "{said:?} of {query}");
            metrics.insert(selector.name.expect("a selector that names its metric"));
        }
    }
    // That the questions were asked at all.
    for metric in [
        "DCGM_FI_DEV_FB_USED",
        "vllm:num_requests_running",
        "kube_pod_container_resource_requests",
        "kube_pod_status_phase",
        "kube_pod_owner",
        "kube_replicaset_owner",
        "kube_job_owner",
        "vllm:time_to_first_token_seconds_bucket",
        "vllm:time_to_first_token_seconds_sum",
    ] {
        assert!(metrics.contains(metric), "{metric} was not asked for: {metrics:?}");
    }
}
