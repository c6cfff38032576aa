//! Which server it is, how it is asked, and what each says of a node's price.

use super::*;

fn install(image: &str) -> Reply {
    Reply::json(
        200,
        &json!({"containers": [{"containerName": "cost-model", "image": image, "restarts": 0}],
            "clusterInfo": {"nodeCount": "1", "podCount": "12"}, "version": "dev (HEAD)"}),
    )
}

/// A Kubecost front end: a page for whatever it does not know.
fn kubecost(image: &'static str, mut answer: impl FnMut(&str) -> Option<Reply> + Send + 'static) -> Server {
    Server::serve(move |path| match path.split('?').next().unwrap() {
        "/model/installInfo" => install(image),
        "/model/assets" => data(&json!([{"a": node("n", 1440.0, 24.0)}])),
        _ => answer(path).unwrap_or_else(|| Reply::text(200, "text/html", "<!doctype html>")),
    })
}

#[tokio::test]
async fn kubecost_is_asked_for_whole_days_without_idle_and_in_pages() {
    // A thousand clusters on the first page, one on the second; the window's second day has none.
    let server = kubecost("gcr.io/kubecost1/cost-model:prod-2.3.4", |path| {
        path.starts_with("/model/allocation?").then(|| {
            let page = |from: usize, to: usize| {
                let rows = (from..to).map(|at| (format!("c{at}"), json!({"minutes": 720.0, "networkCost": 1.0})));
                data(&json!([rows.collect::<serde_json::Map<_, _>>()]))
            };
            match (path.contains("2026-11-01"), path.contains("offset=0")) {
                (true, true) => page(0, 1000),
                (true, false) => page(1000, 1001),
                (false, _) => data(&json!([{"__idle__": {"minutes": 1440.0, "networkCost": 7.0}}])),
            }
        })
    });
    let reading = reading(&server.url()).await.unwrap();
    assert_eq!(reading.node_costs[0].told_by, CostProduct::Kubecost);
    assert_eq!(reading.other_costs.len(), 1);
    assert_eq!(
        (reading.other_costs[0].total_cost, reading.other_costs[0].hours),
        (1001.0, 12.0)
    );
    let asked = server.requests();
    let has = |wanted: &str| asked.iter().any(|path| path == wanted);
    assert!(
        has("/model/assets?window=2026-11-01T00%3A00%3A00Z%2C2026-11-02T00%3A00%3A00Z"),
        "{asked:?}"
    );
    let first = "/model/allocation?window=2026-11-01T00%3A00%3A00Z%2C2026-11-02T00%3A00%3A00Z&aggregate=cluster\
                 &idle=false&accumulate=true&offset=0&limit=1000";
    assert!(
        has(first) && has(&first.replace("offset=0", "offset=1000")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_server_that_knows_no_pages_is_not_counted_twice() {
    let server = kubecost("gcr.io/kubecost1/cost-model:prod-1.108.1", |path| {
        path.starts_with("/model/allocation?").then(|| {
            let rows = (0..1000).map(|at| (format!("c{at}"), json!({"minutes": 1440.0, "networkCost": 1.0})));
            data(&json!([rows.collect::<serde_json::Map<_, _>>()]))
        })
    });
    let reading = reading(&server.url()).await.unwrap();
    // A day, and the half of another.
    assert_eq!(reading.other_costs[0].total_cost, 1500.0);
}

#[tokio::test]
async fn opencost_behind_its_front_end_is_asked_as_opencost() {
    let server = Server::serve(|path| match path.split('?').next().unwrap() {
        "/model/installInfo" => Reply::json(200, &json!({"containers": [], "clusterInfo": {}, "version": "1.118"})),
        "/model/assets" => data(&json!({"a": node("n", 720.0, 10.0)})),
        "/model/allocation" => data(&json!([{"c": {"minutes": 720.0, "networkCost": 1.0}}])),
        _ => absent(),
    });
    reading(&server.url()).await.unwrap();
    let asked = server.requests();
    let last = asked.iter().rfind(|path| path.contains("allocation")).unwrap();
    let window = "window=1793534400%2C1793577600";
    assert_eq!(
        *last,
        format!("/model/allocation?{window}&aggregate=cluster&includeIdle=false")
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_by_name() {
    let old = kubecost("gcr.io/kubecost1/cost-model:prod-1.93.2", |_| None);
    let error = reading(&old.url()).await.unwrap_err();
    assert!(
        matches!(error, OpenCostError::TooOld { ref version, .. } if version == "1.93"),
        "{error}"
    );
    assert!(error.to_string().contains("1.106 and newer"), "{error}");
    let agent = Server::serve(|path| match path {
        "/healthz" => Reply::text(200, "text/plain", "ok"),
        _ => absent(),
    });
    let error = reading(&agent.url()).await.unwrap_err();
    assert!(matches!(error, OpenCostError::AgentOnly { .. }), "{error}");
    let login = Server::serve(|_| Reply::text(200, "text/html", "<html><form action=login>"));
    let error = reading(&login.url()).await.unwrap_err();
    assert!(matches!(error, OpenCostError::Html { .. }), "{error}");
    let off = Server::serve(|path| match path.split('?').next().unwrap() {
        "/installInfo" => install("quay.io/kubecost1/kubecost-cost-model:prod-1.107.0"),
        "/assets" => Reply::text(204, "text/plain", ""),
        _ => absent(),
    });
    let error = reading(&off.url()).await.unwrap_err();
    assert!(error.to_string().contains("switched off"), "{error}");
}

#[tokio::test]
async fn a_base_path_is_kept_and_not_doubled() {
    let server = Server::serve(|path| match path.split('?').next().unwrap() {
        "/kubecost/model/aggregatorEnabled" => Reply::json(200, &json!({"aggregatorEnabled": "true"})),
        "/kubecost/model/assets" => data(&json!([{"a": node("n", 720.0, 10.0), "b": asset("Network", 720.0, 0.0)}])),
        _ => absent(),
    });
    let found = reading(&format!("{}/kubecost/model/", server.url())).await.unwrap();
    assert_eq!(found.node_costs.len(), 1);
    let found = reading(&format!("{}/kubecost", server.url())).await.unwrap();
    assert_eq!(found.node_costs.len(), 1);
}

#[tokio::test]
async fn a_node_costs_its_total_whatever_the_parts_say() {
    // Kubecost's documentation shows such a node: parts from before the adjustment to the bill.
    let server = opencost(|_| {
        let mut adjusted = node("n", 720.0, 29.86);
        adjusted["cpuCost"] = json!(59016.6);
        adjusted["adjustment"] = json!(-68597.2);
        data(&json!({"a": adjusted}))
    });
    let read = reading(&server.url()).await.unwrap();
    let node = &read.node_costs[0];
    assert_eq!((node.total_cost, node.adjusted, node.by_default), (59.72, true, false));
}

/// A node with 192 cores, 2 TiB and eight GPUs for twelve hours, at these prices of a core, a GiB and a GPU.
fn big(prices: [f64; 3]) -> Value {
    let [cpu, ram, gpu] = [192.0 * prices[0], 2048.0 * prices[1], 8.0 * prices[2]].map(|hourly| hourly * 12.0);
    let mut big = node("n", 720.0, cpu + ram + gpu);
    for (key, value) in [
        ("cpuCoreHours", 192.0 * 12.0),
        ("ramByteHours", 2048.0 * 1_073_741_824.0 * 12.0),
        ("GPUHours", 96.0),
        ("cpuCost", cpu),
        ("ramCost", ram),
        ("gpuCost", gpu),
    ] {
        big[key] = json!(value);
    }
    big
}

#[tokio::test]
async fn built_in_prices_are_told_from_a_split_of_a_real_one() {
    let by_default = |prices: [f64; 3]| async move {
        let server = opencost(move |_| data(&json!({"a": big(prices)})));
        reading(&server.url()).await.unwrap().node_costs[0].by_default
    };
    assert!(by_default([0.031_611, 0.004_237, 0.95]).await);
    assert!(by_default([0.039, 0.001_917, 0.042_892_5]).await);
    // A p5.48xlarge at 55.04 an hour, split in the same proportion.
    let scale = 55.04 / (192.0 * 0.031_611 + 2048.0 * 0.004_237 + 8.0 * 0.95);
    assert!(!by_default([0.031_611 * scale, 0.004_237 * scale, 0.95 * scale]).await);
}

#[tokio::test]
async fn what_was_there_outside_the_window_is_not_in_it() {
    // Asked for half a day, Kubecost answers for all of it; this node was gone before the window began.
    let gone = |start: &str, end: &str, minutes: f64| {
        let mut gone = node("m", minutes, minutes / 60.0);
        gone["start"] = json!(start);
        gone["end"] = json!(end);
        gone
    };
    let server = Server::serve(move |path| match path.split('?').next().unwrap() {
        "/model/aggregatorEnabled" => Reply::json(200, &json!({"aggregatorEnabled": "true"})),
        "/model/assets" if path.contains("2026-11-01") => data(&json!([{
            "a": gone("2026-11-01T00:00:00Z", "2026-11-01T06:00:00Z", 360.0),
            "b": {"type": "Node", "properties": {"name": "n"}, "start": "2026-11-01T06:00:00Z",
                "end": "2026-11-01T18:00:00Z", "minutes": 720.0, "totalCost": 12.0},
        }])),
        "/model/assets" => data(&json!([null])),
        _ => absent(),
    });
    let read = reading(&server.url()).await.unwrap();
    let hours: Vec<(&str, f64, f64)> = read
        .node_costs
        .iter()
        .map(|cost| (cost.node.as_str(), cost.hours, cost.total_cost))
        .collect();
    assert_eq!(hours, [("n", 6.0, 6.0)]);
}
