//! Kueue's queues.

use super::*;
use crate::model::queueing::Queues;

/// A workload that asks for 8 GPUs on each of two pods, owned by a suspended Job.
fn workload(name: &str, conditions: &Value) -> Value {
    let mut workload = object(
        &format!("job-{name}"),
        Some(("batch/v1", "Job", name, &format!("uid-{name}"))),
        &json!({"queueName": "gpu-local-queue",
            "podSets": [{"name": "main", "count": 2, "template": {"spec": gpus(8)}}]}),
    );
    workload["metadata"]["creationTimestamp"] = "2026-11-20T10:00:00Z".into();
    workload["status"] = json!({"conditions": conditions});
    workload
}

fn condition(name: &str, status: &str, at: &str) -> Value {
    json!({"type": name, "status": status, "lastTransitionTime": at, "reason": "X", "message": ""})
}

/// The queues of cncf/k8s-ai-conformance, v1.35 upcloud, gang scheduling, at this version of the API.
fn kueue(version: &str, cohort: &str) -> Cluster {
    let queue = json!({"metadata": {"name": "gpu-cluster-queue"}, "spec": {cohort: "ml", "resourceGroups": [{
            "coveredResources": ["cpu", "nvidia.com/gpu.shared"], "flavors": [{"name": "l40s-slice", "resources": [
                {"name": "cpu", "nominalQuota": "64"}, {"name": "nvidia.com/gpu.shared", "nominalQuota": 10}]}]}]},
        "status": {"flavorsUsage": [{"name": "l40s-slice", "resources": [
            {"name": "nvidia.com/gpu.shared", "total": "7", "borrowed": "0"}]}]}});
    let local = json!({"metadata": {"name": "gpu-local-queue", "namespace": "ml"},
        "spec": {"clusterQueue": "gpu-cluster-queue"}});
    let flavor = json!({"metadata": {"name": "l40s-slice"}, "spec": {"nodeLabels": {"gpu": "l40s"}}});
    let mut admitted = workload(
        "a",
        &json!([
            condition("QuotaReserved", "True", "2026-11-20T10:59:00Z"),
            condition("Admitted", "True", "2026-11-20T11:00:00Z"),
        ]),
    );
    admitted["status"]["admission"] = json!({"clusterQueue": "gpu-cluster-queue"});
    let waits = workload(
        "b",
        &json!([condition("QuotaReserved", "False", "2026-11-20T10:00:01Z")]),
    );
    let evicted = workload("c", &json!([condition("Evicted", "True", "2026-11-20T12:00:00Z")]));
    let again = json!([
        condition("Evicted", "False", "2026-11-20T13:00:00Z"),
        condition("Admitted", "True", "2026-11-20T13:00:00Z"),
    ]);
    let mut without = workload("cpu", &json!([]));
    without["spec"]["podSets"][0]["template"]["spec"] = gpus(0);
    let list = |items: Vec<Value>| json!({"kind": "List", "metadata": {}, "items": items});
    let mut cluster = cluster(&[(
        "/apis/batch/v1/jobs",
        vec![object(
            "b",
            Some(("jobset.x-k8s.io/v1alpha2", "JobSet", "sweep", "uid-sweep")),
            &json!({"suspend": true}),
        )],
    )]);
    let paths: [(&str, Vec<Value>); 4] = [
        ("clusterqueues", vec![queue]),
        ("localqueues", vec![local]),
        ("resourceflavors", vec![flavor]),
        (
            "workloads",
            vec![admitted, waits, evicted, workload("d", &again), without],
        ),
    ];
    for (plural, items) in paths {
        cluster.insert(format!("/apis/kueue.x-k8s.io/{version}/{plural}").leak(), list(items));
    }
    let served = json!({"groupVersion": format!("kueue.x-k8s.io/{version}"), "version": version});
    cluster.insert(
        "/apis",
        json!({"kind": "APIGroupList", "groups": [{"name": "kueue.x-k8s.io", "versions": [served]}]}),
    );
    cluster
}

fn check(queues: &Queues) {
    let queue = &queues.cluster_queues[0];
    assert_eq!(queue.cohort.as_deref(), Some("ml"));
    let [quota] = &queue.quotas[..] else {
        panic!("{queue:?}")
    };
    assert_eq!(
        (quota.flavor.as_str(), quota.nominal, quota.used),
        ("l40s-slice", 10.0, Some(7.0))
    );
    assert_eq!(queues.local_queues[0].cluster_queue, "gpu-cluster-queue");
    assert_eq!(queues.flavors[0].node_labels["gpu"], "l40s");
    // The one without GPUs is nobody's concern.
    let [a, b, c, d] = &queues.workloads[..] else {
        panic!("{:?}", queues.workloads)
    };
    assert_eq!(a.gpus["nvidia.com/gpu"], 16.0);
    assert_eq!(a.admitted.unwrap().to_string(), "2026-11-20T11:00:00Z");
    assert_eq!(a.cluster_queue.as_deref(), Some("gpu-cluster-queue"));
    assert_eq!(
        (b.admitted, b.queued.unwrap().to_string().as_str()),
        (None, "2026-11-20T10:00:00Z")
    );
    assert_eq!(
        (c.admitted, c.queued.unwrap().to_string().as_str()),
        (None, "2026-11-20T12:00:00Z")
    );
    // Since when it had been waiting before it was admitted again, nothing tells.
    assert!(d.admitted.is_some() && d.queued.is_none());
}

#[tokio::test]
async fn queues_are_read_in_both_versions() {
    for (version, cohort) in [("v1beta2", "cohortName"), ("v1beta1", "cohort")] {
        let reading = reading(&serve(kueue(version, cohort))).await.unwrap();
        check(&reading.queues);
        assert!(reading.gaps.is_empty(), "{:?}", reading.gaps);
        // A suspended Job has no pod that leads to it; its queue does.
        let owned = reading.controllers.iter().find(|one| one.this.name == "b").unwrap();
        assert_eq!(owned.owner.as_ref().unwrap().name, "sweep");
    }
}
