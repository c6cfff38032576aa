//! Pages, expired tokens, and refusals.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn page(name: &str, next: &str) -> Reply {
    Reply::json(
        200,
        &json!({"metadata": {"continue": next}, "items": [{"metadata": {"name": name}}]}),
    )
}

fn empty() -> Reply {
    Reply::json(200, &json!({"metadata": {}, "items": null}))
}

fn names(reading: &KubernetesReading) -> Vec<&str> {
    reading.nodes.iter().map(|node| node.name.as_str()).collect()
}

#[tokio::test]
async fn pages_are_read_to_the_end() {
    let server = Server::serve(|path| match path {
        "/api/v1/nodes?&limit=500" => page("b", "t1"),
        "/api/v1/nodes?&limit=500&continue=t1" => page("a", ""),
        path if path.starts_with("/api/v1/pods") => empty(),
        _ => status(404, "NotFound"),
    });
    let reading = reading(&server).await.unwrap();
    assert_eq!(names(&reading), ["a", "b"]);
    assert!(reading.gaps.is_empty(), "{:?}", reading.gaps);
}

#[tokio::test]
async fn an_expired_token_begins_the_list_anew() {
    let calls = AtomicUsize::new(0);
    let server = Server::serve(move |path| {
        if !path.starts_with("/api/v1/nodes") {
            return empty();
        }
        match calls.fetch_add(1, Ordering::SeqCst) {
            0 => page("old", "t1"),
            1 => status(410, "Expired"),
            2 => page("new-1", "t2"),
            _ => page("new-2", ""),
        }
    });
    assert_eq!(names(&reading(&server).await.unwrap()), ["new-1", "new-2"]);
}

#[tokio::test]
async fn a_list_that_keeps_expiring_is_asked_for_at_once() {
    let server = Server::serve(|path| match path {
        path if !path.starts_with("/api/v1/nodes") => empty(),
        path if path.contains("continue") => status(410, "Expired"),
        path if path.contains("limit") => page("part", "t"),
        _ => page("whole", ""),
    });
    assert_eq!(names(&reading(&server).await.unwrap()), ["whole"]);
}

#[tokio::test]
async fn what_may_not_be_listed_is_a_gap() {
    let server = Server::serve(|_| status(403, "Forbidden"));
    let reading = reading(&server).await.unwrap();
    assert!(reading.gaps.iter().all(|gap| gap.code == "kubernetes-forbidden"));
    let fixes: String = reading.gaps.iter().map(|gap| gap.fix.as_str()).collect();
    for resource in ["nodes", "pods", "deployments", "horizontalpodautoscalers"] {
        assert!(
            fixes.contains(&format!("[\"{resource}\"]")),
            "{resource} is not in {fixes}"
        );
    }
}

#[tokio::test]
async fn an_operator_that_is_not_installed_is_no_missing_permission() {
    let server = Server::serve(|path| match path {
        "/apis" => Reply::json(
            200,
            &json!({"kind": "APIGroupList", "groups": [{"name": "apps", "versions": []}]}),
        ),
        path if path.contains("x-k8s.io") => status(403, "Forbidden"),
        _ => empty(),
    });
    assert!(reading(&server).await.unwrap().gaps.is_empty());
}

#[tokio::test]
async fn a_failing_operator_is_a_gap_and_failing_pods_an_error() {
    let broken = |place: &'static str| {
        Server::serve(move |path| match path {
            "/apis" => status(404, "NotFound"),
            path if path.contains(place) => status(500, "InternalError"),
            _ => empty(),
        })
    };
    let partial = reading(&broken("leaderworkersets")).await.unwrap();
    assert_eq!(partial.gaps[0].code, "kubernetes-unreadable");
    assert!(partial.gaps[0].why.contains("InternalError in words"));
    let error = reading(&broken("/pods")).await.unwrap_err().to_string();
    assert!(error.contains("pods (500)"), "{error}");
}

#[tokio::test]
async fn other_answers_are_errors_that_say_what_to_do() {
    for (answer, says) in [
        (status(401, "Unauthorized"), "log in again"),
        (Reply::text(200, "text/html", "<html>Log in</html>"), "login or proxy"),
        (Reply::json(200, &json!({"ok": true})), "not the Kubernetes API's"),
        (empty().cut(), "cannot be reached"),
    ] {
        let server = Server::serve(move |_| answer.clone());
        let error = reading(&server).await.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        assert!(error.contains(&server.url()), "{error}");
    }
}
