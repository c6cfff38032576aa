//! Answers that OpenCost and Kubecost really gave. OpenCost's documentation holds one of a week by namespace; the file is
//! not part of the project, and without it (`GPUWISE_OPENCOST`) the test says so.

use std::path::PathBuf;

use gpuwise::sources::opencost::BodyError;
use gpuwise::sources::opencost::allocation::{Held, Holder, allocations};

fn file(name: &str) -> Option<Vec<u8>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let given = std::env::var_os("GPUWISE_OPENCOST").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| root.join("../shared/data/opencost-real"));
    let path = folder.join(name);
    path.is_file().then(|| std::fs::read(path).unwrap())
}

fn row<'a>(rows: &'a [Held], key: &str) -> &'a Held {
    rows.iter().find(|row| row.key == key).unwrap()
}

#[test]
fn a_week_by_namespace_as_opencost_answered() {
    let Some(body) = file("allocation-example-output.json") else {
        println!("skipped: GPUWISE_OPENCOST does not name a folder with allocation-example-output.json");
        return;
    };
    let rows = allocations(&body).unwrap();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.holder == Holder::Pods));
    let kube_system = &row(&rows, "kube-system").allocation;
    // A week has 10,080 minutes; the last of it was not over, and an hour costs what it cost over what was there.
    let hours = kube_system.minutes.unwrap() / 60.0;
    assert!((hours - 167.987).abs() < 0.001, "{hours}");
    assert_eq!(kube_system.cpu(), Some(1.43086));
    assert_eq!(kube_system.memory(), Some(0.09657));
    assert_eq!(kube_system.total_cost, Some(1.52743));
    let parts = [
        kube_system.cpu(),
        kube_system.memory(),
        kube_system.gpu(),
        kube_system.storage(),
    ];
    let sum: f64 = parts.into_iter().flatten().sum();
    assert!((sum - kube_system.total_cost.unwrap()).abs() < 1e-9);
    // No GPU was there: known to be none, which is not the same as not known.
    assert_eq!((kube_system.gpu_hours, kube_system.gpu()), (Some(0.0), Some(0.0)));
    assert_eq!(kube_system.gpus_requested(), None);
    let properties = kube_system.properties.as_ref().unwrap();
    assert_eq!(properties.cluster.as_deref(), Some("default-cluster"));
    // Its pods ran on several nodes, on which they do not agree; those of the other ran on one.
    assert_eq!(properties.node, None);
    let opencost = row(&rows, "opencost").allocation.properties.as_ref().unwrap();
    assert_eq!(opencost.controller_kind.as_deref(), Some("deployment"));
    assert!(
        opencost
            .node
            .as_ref()
            .unwrap()
            .ends_with("ap-southeast-2.compute.internal")
    );
}

/// Kubecost in 2025 by cluster and namespace: efficiency and idle beside each cost, GPUs in a place of their own that has no
/// device, and labels of the node among those of the pods.
#[test]
fn an_hour_by_namespace_as_kubecost_answers() {
    let body = br#"{"code": 200, "data": [{"one/utc": {
        "name": "one/utc", "minutes": 35, "cpuCoreHours": 0.02917, "cpuCost": 0.00092, "cpuCostAdjustment": 0,
        "cpuCostIdle": 0, "cpuEfficiency": 0.52538, "gpuAllocation": {"gpuRequestAverage": 0, "gpuUsageAverage": 0,
        "isGPUShared": false}, "gpuCost": 0, "gpuCostAdjustment": 0, "gpuCostIdle": 0, "gpuCount": 0,
        "gpuEfficiency": 0, "gpuHours": 0, "lbAllocations": null, "networkCost": 0, "pvs": null, "ramCost": 0.00064,
        "rawAllocationOnly": {"cpuCoreUsageMax": 0.05, "gpuUsageMax": 0}, "totalCost": 0.00156,
        "properties": {"cluster": "one", "namespace": "utc", "labels": {"app": "tool",
        "topology_kubernetes_io_region": "chinanorth3", "version": "159"}},
        "window": {"start": "2025-10-06T23:00:00Z", "end": "2025-10-07T00:00:00Z"},
        "start": "2025-10-06T23:00:00Z", "end": "2025-10-06T23:35:00Z"}}]}"#;
    let rows = allocations(body).unwrap();
    let allocation = &row(&rows, "one/utc").allocation;
    // Thirty-five minutes of the hour: an hour costs 60/35 of it.
    let hourly = allocation.total_cost.unwrap() / (allocation.minutes.unwrap() / 60.0);
    assert!((hourly - 0.002_674).abs() < 1e-6, "{hourly}");
    assert_eq!(allocation.gpus_requested(), Some(0.0));
    // Nothing is said of load balancers.
    assert_eq!(allocation.load_balancers(), None);
    let properties = allocation.properties.as_ref().unwrap();
    assert_eq!(properties.namespace.as_deref(), Some("utc"));
    let region = &properties.labels.as_ref().unwrap()["topology_kubernetes_io_region"];
    assert_eq!(region.as_str(), Some("chinanorth3"));
}

#[test]
fn a_failure_inside_an_answer_of_200_is_no_empty_cluster() {
    let error = allocations(br#"{"code": 500, "status": "error", "message": "no thanos", "data": null}"#).unwrap_err();
    assert!(
        matches!(error, BodyError::Code(500, ref said) if said == "no thanos"),
        "{error}"
    );
}
