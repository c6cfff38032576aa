//! Servers within a cluster, asked through the Kubernetes API and found there.

use serde_json::{Value, json};

use super::*;

fn status(code: u16, message: &str) -> Reply {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message, "metadata": {}});
    let json = vec![("content-type", "application/json".to_owned())];
    (code, json, body.to_string())
}

fn list(items: &Value) -> Reply {
    plain(
        200,
        &json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}).to_string(),
    )
}

/// A Kubernetes API with these services, behind which `behind` answers by the service's name and the path.
pub(super) fn cluster(services: Value, behind: impl Fn(&str, &Asked) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |asked| {
        if let Some((service, path)) = proxied(asked.path()) {
            let mut inner = asked.clone();
            inner.target = path;
            return behind(&service, &inner);
        }
        match asked.path() {
            "/version" => plain(
                200,
                r#"{"major":"1","minor":"34","gitVersion":"v1.34.0","gitCommit":"","gitTreeState":"","buildDate":"","goVersion":"","compiler":"","platform":""}"#,
            ),
            "/api/v1/nodes" | "/api/v1/pods" => list(&json!([])),
            "/api/v1/services" => list(&services),
            _ => status(404, "not found"),
        }
    })
}

/// `NAMESPACE/NAME:PORT` and what the server behind the proxy is asked.
fn proxied(path: &str) -> Option<(String, String)> {
    let rest = path.strip_prefix("/api/v1/namespaces/")?;
    let (namespace, rest) = rest.split_once("/services/")?;
    let (service, path) = rest.split_once("/proxy")?;
    Some((format!("{namespace}/{service}"), path.to_owned()))
}

fn service(namespace: &str, name: &str, port: u16) -> Value {
    json!({
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": port}]},
    })
}

/// A folder with a kubeconfig for this server, and the path of that.
pub(super) fn kubeconfig(server: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": server}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "users": [{"name": "me", "user": {"token": "cluster-token"}}],
    });
    std::fs::write(&path, text.to_string()).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

fn in_cluster(server: &Server, arguments: &[&str]) -> Ran {
    let (_folder, config) = kubeconfig(&server.url);
    let fixed = ["analyze", "--window", "1h", "--kubeconfig", &config];
    run(&[&fixed[..], arguments].concat(), &[])
}

/// Answers as a Prometheus that has GPU metrics for as long as it is asked for them by moment.
fn with_gpus(asked: &Asked) -> Reply {
    match asked.path() {
        "/api/v1/query" => plain(
            200,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"40"]}]}}"#,
        ),
        _ => no_series(asked),
    }
}

fn costs(asked: &Asked) -> Reply {
    match asked.path() {
        "/installInfo" => plain(200, r#"{"version":"1.118"}"#),
        "/allocation" => plain(200, r#"{"code":200,"data":[{}]}"#),
        "/assets" => plain(200, r#"{"code":200,"data":{}}"#),
        _ => plain(404, "404 page not found"),
    }
}

#[test]
fn a_service_is_asked_through_the_api_with_the_clusters_own_login_and_get_alone() {
    let server = cluster(json!([]), |service, asked| match service {
        "monitoring/https:prometheus:web" if asked.header("x-scope-orgid") == "team" => no_series(asked),
        "opencost/opencost:9003" => costs(asked),
        _ => status(404, "services not found"),
    });
    let prometheus = [
        "--prometheus",
        "svc:monitoring/https:prometheus:web",
        "--prometheus-header",
        "X-Scope-OrgID: team",
    ];
    let both = [&prometheus[..], &["--costs", "svc:opencost/opencost:9003"]].concat();
    in_cluster(&server, &both).tells(NOTHING, &[]);
    let asked = server.asked();
    assert!(
        asked
            .iter()
            .any(|asked| asked.target.contains("/proxy/api/v1/query_range?query="))
    );
    assert!(
        asked.iter().all(|asked| asked.method == "GET"),
        "GET needs the least rights"
    );
    assert!(
        asked
            .iter()
            .all(|asked| asked.header("authorization") == "Bearer cluster-token")
    );
}

#[test]
fn what_stands_in_the_way_of_a_service_is_told_with_its_remedy() {
    let server = cluster(json!([]), |service, _| match service {
        "a/forbidden:1" => status(
            403,
            r#"services "forbidden" is forbidden: User "me" cannot get resource "services/proxy""#,
        ),
        "a/gone:1" => status(404, r#"services "gone" not found"#),
        "a/dead:1" => status(503, r#"no endpoints available for service "dead""#),
        // In its own words, not the Kubernetes API's.
        _ => plain(401, "who are you"),
    });
    let ask = |service: &str| in_cluster(&server, &["--prometheus", service]);
    ask("svc:a/forbidden:1").tells(
        SOURCE,
        &["svc:a/forbidden:1", "get on services/proxy", "cannot get resource"],
    );
    ask("svc:a/gone:1").tells(SOURCE, &[r#"services "gone" not found"#, "kubectl get services"]);
    ask("svc:a/dead:1").tells(SOURCE, &["no endpoints available", "pods are ready"]);
    ask("svc:a/other:1").tells(SOURCE, &["HTTP 401: who are you"]);
    ask("svc:a").tells(USAGE, &["svc:NAMESPACE/NAME:PORT"]);
    let login = [
        "--prometheus",
        "svc:a/other:1",
        "--prometheus-header",
        "Authorization: Bearer hush",
    ];
    let ran = in_cluster(&server, &login);
    ran.tells(USAGE, &["passes no login on", "kubectl port-forward"]);
    ran.hides(&["hush"]);
    analyze(&["--prometheus", "svc:a/other:1"], &[]).tells(USAGE, &["--no-kubernetes"]);
}

#[test]
fn the_only_prometheus_with_gpus_is_found_and_told_with_its_flag() {
    let services = json!([
        service("monitoring", "prometheus-operated", 9090),
        service("apps", "prometheus-server", 80),
        service("broken", "prometheus-k8s", 9090),
        service("opencost", "opencost", 9003),
        service("default", "kubernetes", 443),
    ]);
    let server = cluster(services, |service, asked| match service {
        "monitoring/prometheus-operated:9090" => with_gpus(asked),
        "apps/prometheus-server:80" => no_series(asked),
        "opencost/opencost:9003" => costs(asked),
        _ => status(503, "no endpoints available"),
    });
    let ran = in_cluster(&server, &[]);
    ran.tells(
        NOTHING,
        &[
            "--prometheus svc:monitoring/prometheus-operated:9090 takes it",
            "--costs svc:opencost/opencost:9003 takes it",
        ],
    );
    assert!(!in_cluster(&server, &["--quiet"]).stderr.contains("takes it"));
}

#[test]
fn several_that_fit_are_the_callers_choice() {
    let services = json!([
        service("a", "prometheus-server", 80),
        service("b", "thanos-query", 9090)
    ]);
    let server = cluster(services, |_, asked| with_gpus(asked));
    in_cluster(&server, &[]).tells(
        USAGE,
        &["--prometheus svc:a/prometheus-server:80 or --prometheus svc:b/thanos-query:9090"],
    );
}

#[test]
fn where_nothing_fits_it_is_said_what_was_looked_for_and_why_not() {
    let services = json!([
        service("a", "prometheus-server", 80),
        service("b", "prometheus-k8s", 9090)
    ]);
    let server = cluster(services, |service, asked| match service {
        "a/prometheus-server:80" => no_series(asked),
        _ => status(403, "forbidden"),
    });
    in_cluster(&server, &[]).tells(
        USAGE,
        &[
            "svc:a/prometheus-server:80: it has no GPU metrics",
            "svc:b/prometheus-k8s:9090",
            "services/proxy",
            "--prometheus svc:NAMESPACE/NAME:PORT",
        ],
    );
    let empty = cluster(json!([]), |_, _| plain(404, ""));
    in_cluster(&empty, &[]).tells(
        USAGE,
        &["there is none", "Thanos", "--prometheus URL", "--demo", "--recording"],
    );
    run(&["analyze"], &[]).tells(USAGE, &["--demo", "--recording", "--prometheus", "No cluster"]);
}
