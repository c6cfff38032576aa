//! History from answers in the shapes of kube-state-metrics' two dialects.

use super::*;
use crate::model::progress::Silent;
use crate::sources::loopback::{Ask, Reply, Server};

const START: i64 = 1_760_000_000;

fn grid() -> Grid {
    let start = Timestamp::from_second(START).unwrap();
    let end = Timestamp::from_second(START + 7 * 24 * 3600).unwrap();
    Grid {
        window: Window { start, end },
        step_seconds: 60,
    }
}

fn series(metric: &str, points: &[i64], value: u32) -> String {
    let samples: Vec<String> = points.iter().map(|at| format!("[{at},\"{value}\"]")).collect();
    format!(r#"{{"metric":{metric},"values":[{}]}}"#, samples.join(","))
}

/// A kube-state-metrics behind a target that has namespace, pod and container labels of its own.
fn exported(ask: &Ask) -> Reply {
    let (query, points) = (ask.field("query"), ask.points());
    let count = |found: &str| series(&format!(r#"{{"found":"{found}"}}"#), &points, 40);
    if query.contains("label_replace(count(") {
        return Reply::matrix(
            &["pods", "namespace", "pod", "requests", "container"]
                .map(count)
                .join(","),
        );
    }
    assert!(query.contains("on (exported_namespace, "), "{query}");
    let pod = r#""exported_namespace":"ml","exported_pod":"chat-7d9f-x2k","uid":"u1""#;
    if query.contains("kube_pod_status_phase") {
        assert_eq!(ask.number("step"), 300);
        let metric = format!(r#"{{{pod},"node":"gpu-a","resource":"nvidia_com_gpu"}}"#);
        return Reply::matrix(&series(&metric, &points[10..20], 2));
    }
    assert_eq!(ask.number("step"), 3600);
    if query.contains("kube_pod_created") {
        let told = |of: &str, second: i64| {
            series(
                &format!(r#"{{{pod},"of":"{of}"}}"#),
                &points[..1],
                u32::try_from(second).unwrap(),
            )
        };
        let (created, ready) = (START + 2_900, START + 3_140);
        return Reply::matrix(&[told("created", created), told("ready", ready)].join(","));
    }
    if query.contains("kube_replicaset_owner") {
        let metric =
            r#"{"exported_namespace":"ml","replicaset":"chat-7d9f","owner_kind":"Deployment","owner_name":"chat"}"#;
        let bare = r#"{"exported_namespace":"ml","replicaset":"bare","owner_kind":"<none>","owner_name":"<none>"}"#;
        return Reply::matrix(&format!(
            "{},{}",
            series(metric, &points[..2], 1),
            series(bare, &points[..2], 1)
        ));
    }
    assert!(!query.contains("kube_job_owner"), "no pod is owned by a Job: {query}");
    if query.contains("owner_is_controller") {
        return Reply::matrix("");
    }
    let metric = format!(r#"{{{pod},"owner_kind":"ReplicaSet","owner_name":"chat-7d9f"}}"#);
    Reply::matrix(&series(&metric, &points[..2], 1)).warning("store down")
}

#[tokio::test]
async fn a_pod_that_is_gone_still_has_an_owner_in_the_exported_dialect() {
    let server = Server::start(exported);
    let history = read(&server.client(), grid(), &Silent).await.unwrap();
    assert_eq!(history.pods.len(), 1);
    let pod = &history.pods[0];
    assert_eq!((pod.namespace.as_str(), pod.name.as_str()), ("ml", "chat-7d9f-x2k"));
    assert_eq!((pod.uid.as_deref(), pod.node.as_deref()), (Some("u1"), Some("gpu-a")));
    assert_eq!(pod.requests["nvidia.com/gpu"], 2.0);
    let start = (pod.created.unwrap().as_second(), pod.ready.unwrap().as_second());
    assert_eq!(start, (START + 2_900, START + 3_140));
    assert_eq!(pod.first.as_second(), START + 10 * 300);
    assert_eq!(pod.last.as_second(), START + 20 * 300);
    assert_eq!(pod.owner_kind.as_deref(), Some("ReplicaSet"));
    let owners: Vec<(&str, &str)> = history
        .owners
        .iter()
        .map(|o| (o.name.as_str(), o.owner_name.as_str()))
        .collect();
    assert_eq!(owners, [("chat-7d9f", "chat")]);
    assert_eq!(history.gaps.len(), 1);
    assert!(history.gaps[0].what.contains("the owners of GPU pods"));
}

#[tokio::test]
async fn without_kube_state_metrics_there_is_a_gap_and_one_question() {
    let server = Server::start(|_| Reply::matrix(""));
    let history = read(&server.client(), grid(), &Silent).await.unwrap();
    assert_eq!(history.gaps[0].code, "no-kube-state-metrics");
    assert_eq!((history.pods.len(), server.asked().len()), (0, 1));
}

#[tokio::test]
async fn a_refused_probe_does_not_say_that_kube_state_metrics_is_absent() {
    let server = Server::start(|_| Reply::error(422, "execution", "no"));
    let history = read(&server.client(), grid(), &Silent).await.unwrap();
    let codes: Vec<&str> = history.gaps.iter().map(|gap| gap.code.as_str()).collect();
    assert_eq!(codes, ["prometheus-refused"]);
}

#[test]
fn the_last_step_ends_with_the_window() {
    let mut window = grid().window;
    window.start = Timestamp::from_second(window.start.as_second() + 100).unwrap();
    let steps = grid_to_end(window, 3600);
    assert_eq!(steps.second(steps.points() - 1), window.end.as_second());
    assert!(steps.window.start <= window.start);
    assert_eq!(steps.points(), 168);
}
