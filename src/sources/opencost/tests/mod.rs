//! Reading servers that the loopback plays.

mod servers;

use serde_json::{Value, json};

use super::*;
use crate::model::cluster::{CostCategory, CostProduct};
use crate::model::progress::Silent;
use crate::model::time::Window;
use crate::sources::endpoint::Endpoint;
use crate::sources::loopback::{Reply, Server};

fn window(start: &str, end: &str) -> Window {
    Window {
        start: start.parse().unwrap(),
        end: end.parse().unwrap(),
    }
}

fn two_days() -> Window {
    window("2026-11-01T12:00:00Z", "2026-11-03T00:00:00Z")
}

async fn reading(url: &str) -> Result<CostReading, OpenCostError> {
    let client = OpenCostClient::new(&Endpoint::new(url))?.hasty();
    read(&client, two_days(), &Silent).await
}

fn data(data: &Value) -> Reply {
    Reply::json(
        200,
        &json!({"code": 200, "status": "success", "data": data, "message": "", "warning": ""}),
    )
}

fn absent() -> Reply {
    Reply::text(404, "text/plain", "404 page not found")
}

/// A node as OpenCost's documentation shows one.
fn node(name: &str, minutes: f64, cost: f64) -> Value {
    json!({"type": "Node",
        "properties": {"category": "Compute", "provider": "GCP", "cluster": "c", "name": name, "providerID": name},
        "labels": {"node_kubernetes_io_instance_type": "a2-highgpu-1g"},
        "window": {"start": "2026-11-01T00:00:00Z", "end": null}, "minutes": minutes, "nodeType": "",
        "GPUHours": 0.0, "preemptible": 1.0, "discount": 0.0, "cpuCost": 1.0, "gpuCost": null, "gpuCount": 8.0,
        "adjustment": 0.0, "totalCost": cost})
}

fn asset(kind: &str, minutes: f64, cost: f64) -> Value {
    json!({"type": kind, "properties": {"cluster": "c", "name": "x"}, "minutes": minutes, "totalCost": cost})
}

fn opencost(mut assets: impl FnMut(&str) -> Reply + Send + 'static) -> Server {
    Server::serve(move |path| match path.split('?').next().unwrap() {
        "/installInfo" => Reply::json(200, &json!({"containers": []})),
        "/assets" => assets(path),
        "/clusterInfo" => data(&json!({"id": "c", "provider": "GCP"})),
        "/allocation" => data(
            &json!([null, {"c": {"name": "c", "properties": {"cluster": "c"}, "minutes": 720.0,
            "networkCost": 2.0, "networkCostAdjustment": 0, "loadBalancerCost": null, "gpuEfficiency": 1.0}, "d": null}]),
        ),
        _ => absent(),
    })
}

#[tokio::test]
async fn days_are_summed_per_node_and_category() {
    let server = opencost(|_| {
        data(
            &json!({"a": node("n", 720.0, 10.0), "b": asset("Disk", 720.0, 3.0), "c": asset("LoadBalancer", 720.0, 1.0),
            "d": asset("ClusterManagement", 720.0, 0.5), "e": null}),
        )
    });
    let reading = reading(&server.url()).await.unwrap();
    let node = &reading.node_costs[0];
    assert_eq!((node.node.as_str(), node.hours, node.total_cost), ("n", 24.0, 20.0));
    assert_eq!(node.told_by, CostProduct::OpenCost);
    assert_eq!(node.instance_type.as_deref(), Some("a2-highgpu-1g"));
    assert_eq!((node.gpus, node.spot, node.adjusted), (Some(8.0), Some(true), false));
    let others: Vec<(CostCategory, f64, f64)> = reading
        .other_costs
        .iter()
        .map(|cost| (cost.category, cost.total_cost, cost.hours))
        .collect();
    // Traffic comes from the allocations; the load balancers are assets already.
    assert_eq!(
        others,
        [
            (CostCategory::Storage, 6.0, 36.0),
            (CostCategory::Network, 6.0, 36.0),
            (CostCategory::Other, 1.0, 36.0)
        ]
    );
    assert_eq!((reading.cluster.as_deref(), reading.currency), (Some("c"), None));
    assert!(reading.gaps.is_empty(), "{:?}", reading.gaps);
    let asked = server.requests();
    assert!(
        asked
            .iter()
            .any(|path| path == "/assets?window=1793534400%2C1793577600"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn kubecost_is_found_behind_its_front_end() {
    let server = Server::serve(|path| match path.split('?').next().unwrap() {
        "/model/aggregatorEnabled" => Reply::json(200, &json!({"aggregatorEnabled": "true"})),
        "/model/getConfigs" => data(&json!({"currencyCode": "EUR"})),
        // Whole days, whatever part was asked for, and costs that were adjusted to the bill.
        "/model/assets" => {
            let mut node = node("n", 1440.0, 24.0);
            node["adjustment"] = json!(-68597.2);
            data(&json!([{"a": node}, {"b": asset("Network", 1440.0, 2.0)}]))
        }
        _ => Reply::text(200, "text/html", "<!doctype html>"),
    });
    let reading = reading(&server.url()).await.unwrap();
    let node = &reading.node_costs[0];
    assert_eq!((node.hours, node.total_cost, node.adjusted), (36.0, 36.0, true));
    assert_eq!(reading.currency.as_deref(), Some("EUR"));
    assert_eq!(reading.other_costs[0].total_cost, 3.0);
}

#[tokio::test]
async fn days_without_data_and_assets_without_cost_are_gaps() {
    let server = opencost(|path| {
        if path.contains("1793534400") {
            return data(&json!([null]));
        }
        let mut unpriced = node("m", 1440.0, 0.0);
        unpriced["totalCost"] = Value::Null;
        data(&json!({"a": node("n", 1440.0, 10.0), "b": unpriced}))
    });
    let reading = reading(&server.url()).await.unwrap();
    assert_eq!(reading.node_costs.len(), 1);
    let gaps: Vec<(&str, &str)> = reading
        .gaps
        .iter()
        .map(|gap| (gap.code.as_str(), gap.what.as_str()))
        .collect();
    assert_eq!(gaps[0].0, "opencost-empty-days");
    assert!(gaps[0].1.contains("1 of 2 days (2026-11-01)"), "{gaps:?}");
    assert_eq!(gaps[1].0, "opencost-unpriced");
}

#[tokio::test]
async fn a_day_that_fails_is_a_gap_and_all_days_are_an_error() {
    let failed = || {
        Reply::json(
            200,
            &json!({"code": 500, "status": "error", "message": "no prometheus"}),
        )
    };
    let server = opencost(move |path| {
        if path.contains("1793534400") {
            failed()
        } else {
            data(&json!({"a": node("n", 1440.0, 10.0)}))
        }
    });
    let partial = reading(&server.url()).await.unwrap();
    assert_eq!(partial.gaps[0].code, "opencost-failed-days");
    assert!(partial.gaps[0].why.contains("no prometheus"), "{:?}", partial.gaps);
    let server = opencost(move |_| failed());
    let error = reading(&server.url()).await.unwrap_err().to_string();
    assert!(error.contains("failed (500): no prometheus"), "{error}");
}

#[tokio::test]
async fn bad_answers_are_errors_that_say_what_to_do() {
    for (answer, says) in [
        (
            Reply::text(400, "text/plain", "Invalid 'window' parameter: x"),
            "(400): Invalid 'window' parameter",
        ),
        (
            Reply::json(500, &json!({"code": 500, "message": "Error: x"})),
            "failed (500): Error: x",
        ),
        (Reply::text(504, "text/html", "<html>"), "failed (504): an HTML page"),
        (
            Reply::text(200, "application/json", "{\"code\":200,\"data\":[{\"a\":"),
            "cut short",
        ),
        (data(&json!([])).cut(), "cut short"),
        (Reply::text(200, "text/html", " <html>Log in</html>"), "HTML page"),
        (absent(), "does not exist (404)"),
        (Reply::text(401, "text/plain", "no"), "does not let us in (401)"),
    ] {
        let server = opencost(move |_| answer.clone());
        let error = reading(&server.url()).await.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        assert!(error.contains(&format!("{}/assets", server.url())), "{error}");
    }
}

#[tokio::test]
async fn what_is_not_opencost_is_said_at_once() {
    let away = reading("http://me:hush@127.0.0.1:1").await.unwrap_err().to_string();
    assert!(away.contains("cannot be reached") && !away.contains("hush"), "{away}");
    let server = Server::serve(|_| absent());
    let other = reading(&server.url()).await.unwrap_err().to_string();
    assert!(other.contains("neither OpenCost nor Kubecost"), "{other}");
    let server = Server::serve(|_| Reply::text(200, "text/html", "<html>"));
    let page = reading(&server.url()).await.unwrap_err();
    assert!(matches!(page, OpenCostError::Html { .. }), "{page}");
}

#[tokio::test]
async fn costs_of_other_clusters_are_left_out() {
    let server = opencost(|_| {
        let mut other = node("m", 720.0, 99.0);
        other["properties"]["cluster"] = json!("d");
        data(&json!({"a": node("n", 720.0, 10.0), "b": other}))
    });
    let reading = reading(&server.url()).await.unwrap();
    assert_eq!(reading.node_costs.len(), 1);
    assert_eq!(reading.cluster.as_deref(), Some("c"));
    assert!(reading.gaps[0].why.contains("c, d"), "{:?}", reading.gaps);
}

#[tokio::test]
async fn what_ends_in_a_time_to_come_costs_an_hour_what_it_costs() {
    // Asked for today, servers answer with the coming midnight as the end, or one further off, and count what was.
    for end in ["2026-11-02T00:00:00Z", "2026-11-05T00:00:00Z", "0001-01-01T00:00:00Z"] {
        let server = opencost(move |path| {
            if !path.contains("1793534400") {
                return data(&json!({}));
            }
            let mut node = node("n", 360.0, 30.0);
            node["start"] = json!("2026-11-01T12:00:00Z");
            node["end"] = json!(end);
            data(&json!({"a": node}))
        });
        let read = reading(&server.url()).await.unwrap();
        let node = &read.node_costs[0];
        assert!(node.hours > 0.0 && node.hours <= 6.0, "{end}: {node:?}");
        assert!((node.total_cost / node.hours - 5.0).abs() < 1e-9, "{end}: {node:?}");
    }
}

#[tokio::test]
async fn an_answer_longer_than_any_is_not_kept_in_memory() {
    let server = opencost(|_| Reply::text(200, "application/json", &"[".repeat(2 << 20)));
    let error = reading(&server.url()).await.unwrap_err();
    assert!(error.to_string().contains("longer than 1048576 bytes"), "{error}");
    assert!(!error.is_outage(), "it is another server, and not one that is down");
}
