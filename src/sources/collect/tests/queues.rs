//! What queues say of workloads.

use super::*;
use crate::model::queueing::{ClusterQueue, LocalQueue, QueuedRuns, QueuedWorkload, Queues, Quota};

/// A Job of this name in the queue since then, and admitted, if it is.
fn queued(name: &str, queued: &str, admitted: Option<&str>) -> QueuedWorkload {
    QueuedWorkload {
        namespace: "ml".to_owned(),
        name: format!("job-{name}"),
        owner: Some(ObjectRef {
            api_version: "batch/v1".to_owned(),
            kind: "Job".to_owned(),
            name: name.to_owned(),
            uid: Some(format!("uid-{name}")),
        }),
        queue: "team1".to_owned(),
        gpus: Resources::from([("nvidia.com/gpu".to_owned(), 8.0)]),
        queued: Some(at(queued)),
        admitted: admitted.map(at),
        ..QueuedWorkload::default()
    }
}

#[test]
fn a_workload_knows_its_queue_and_how_long_it_waits() {
    let set_aside = QueuedWorkload {
        inactive: true,
        ..queued("sweep-5", "2026-11-01T00:00:00Z", None)
    };
    let quota = Quota {
        flavor: "h100".to_owned(),
        resource: "nvidia.com/gpu".to_owned(),
        nominal: 8.0,
        borrowing_limit: None,
        used: Some(8.0),
    };
    let gated = Pod {
        node: None,
        phase: "Pending".to_owned(),
        ..pod("sweep-3-x7k2p", Some(("batch/v1", "Job", "sweep-3")), 8.0)
    };
    let inventory = Inventory {
        nodes: vec![node("n")],
        pods: vec![pod("sweep-2-b4c5d", Some(("batch/v1", "Job", "sweep-2")), 8.0), gated],
        queues: Queues {
            cluster_queues: vec![ClusterQueue {
                name: "gpus".to_owned(),
                quotas: vec![quota.clone()],
                ..ClusterQueue::default()
            }],
            local_queues: vec![LocalQueue {
                namespace: "ml".to_owned(),
                name: "team1".to_owned(),
                cluster_queue: "gpus".to_owned(),
            }],
            workloads: vec![
                queued("sweep-2", "2026-11-20T01:00:00Z", Some("2026-11-20T06:00:00Z")),
                queued("sweep-3", "2026-11-20T22:00:00Z", None),
                queued("sweep-4", "2026-11-20T21:00:00Z", None),
                set_aside,
            ],
            ..Queues::default()
        },
        ..Inventory::default()
    };
    let snapshot = joined(&reading(inventory, Vec::new()));
    let [workload] = &snapshot.workloads[..] else {
        panic!("{:?}", held(&snapshot))
    };
    // What waits holds nothing.
    assert_eq!(workload.gpus.get(), 8.0);
    let expected = QueuedRuns {
        admitted: 1,
        waiting: 2,
        gpus_waiting: 16.0,
        waiting_seconds: Some(3 * 3600),
        longest_seconds: Some(5 * 3600),
    };
    let queue = workload.queue.as_ref().unwrap();
    assert_eq!(
        (queue.queue.as_str(), queue.cluster_queue.as_deref()),
        ("team1", Some("gpus"))
    );
    assert_eq!((queue.runs, &queue.quotas), (Some(expected), &vec![quota]));
    assert_eq!(snapshot.queues[0].runs, expected);
}
