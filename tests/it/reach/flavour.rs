//! The kin of Prometheus: what each is asked for, and that a partial answer is a gap.

use super::*;

fn build(asked: &Asked, data: &str) -> Reply {
    match asked.path() {
        "/api/v1/status/buildinfo" => plain(200, &format!(r#"{{"status":"success","data":{data}}}"#)),
        "/api/v1/stores" => plain(404, "404 page not found"),
        _ => no_series(asked),
    }
}

fn queries(server: &Server) -> Vec<Asked> {
    let asked = server.asked().into_iter();
    let queries: Vec<Asked> = asked.filter(|asked| asked.path().contains("/query")).collect();
    assert!(!queries.is_empty());
    queries
}

fn with_member(reply: Reply, member: &str) -> Reply {
    let (status, headers, body) = reply;
    (
        status,
        headers,
        format!("{},{member}}}", body.strip_suffix('}').unwrap()),
    )
}

#[test]
fn thanos_gives_raw_samples_and_a_store_that_is_down_is_a_gap() {
    let server = Server::start(|asked| match asked.path() {
        "/api/v1/stores" => plain(200, r#"{"status":"success","data":{"sidecar":[]}}"#),
        "/api/v1/query_range" => with_member(no_series(asked), r#""warnings":["store eu-1 is down"]"#),
        _ => build(asked, r#"{"version":"0.40.1","revision":"e103a81b"}"#),
    });
    let (ran, inventory) = record(&["--prometheus", &server.url], &[]);
    ran.tells(0, &[]);
    assert!(inventory.contains("store eu-1 is down"), "{inventory}");
    for asked in queries(&server) {
        let field = |name: &str| asked.form.get(name).map_or("", String::as_str);
        let fields = [
            field("dedup"),
            field("partial_response"),
            field("max_source_resolution"),
        ];
        assert_eq!(fields, ["true", "true", "0s"], "{asked:?}");
    }
}

#[test]
fn victoria_metrics_leaves_the_grid_alone_and_a_node_that_is_gone_is_a_gap() {
    let server = Server::start(|asked| match asked.path() {
        "/select/0/prometheus/api/v1/query_range" => with_member(no_series(asked), r#""isPartial":true"#),
        path => {
            let mut inner = asked.clone();
            inner.target = path.trim_start_matches("/select/0/prometheus").to_owned();
            build(&inner, r#"{"version":"2.24.0"}"#)
        }
    });
    let url = format!("{}/select/0/prometheus", server.url);
    let (ran, inventory) = record(&["--prometheus", &url], &[]);
    ran.tells(0, &[]);
    assert!(inventory.contains("isPartial"), "{inventory}");
    for asked in queries(&server) {
        assert_eq!(asked.form["nocache"], "1");
        assert!(!asked.form["query"].contains("(rate("), "{}", asked.form["query"]);
    }
}

#[test]
fn prometheus_is_asked_for_the_query_alone() {
    let server = Server::start(|asked| build(asked, r#"{"version":"3.14.0","revision":"d15adb9a"}"#));
    record(&["--prometheus", &server.url], &[]).0.tells(0, &[]);
    for asked in queries(&server) {
        let own = ["query", "start", "end", "step", "time"];
        assert!(asked.form.keys().all(|name| own.contains(&name.as_str())), "{asked:?}");
    }
}

#[test]
fn a_proxy_that_lets_only_queries_through_is_no_obstacle() {
    let server = Server::start(|asked| match asked.path() {
        path if path.contains("/query") => no_series(asked),
        _ => plain(403, "forbidden"),
    });
    record(&["--prometheus", &server.url], &[])
        .0
        .tells(0, &["all are read at once"]);
    analyze(&["--prometheus", &server.url], &[]).tells(NOTHING, &["all are read at once"]);
}

#[test]
fn mimir_is_asked_for_less_where_less_helps() {
    let server = Server::start(|asked| {
        let number = |name: &str| asked.form.get(name).map_or(0, |value| value.parse::<i64>().unwrap());
        if number("end") - number("start") > 1200 {
            let said = "the query exceeded the maximum number of chunks (err-mimir-max-chunks-per-query)";
            return plain(
                422,
                &format!(r#"{{"status":"error","errorType":"execution","error":"{said}"}}"#),
            );
        }
        build(asked, r#"{"application":"Grafana Mimir","version":"2.17.0"}"#)
    });
    let (ran, inventory) = record(&["--prometheus", &server.url], &[]);
    ran.tells(0, &[]);
    assert!(!inventory.contains("prometheus-refused"), "{inventory}");
}
