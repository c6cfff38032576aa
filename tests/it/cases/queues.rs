//! A queue of Kueue in which somebody waits.

use gpuwise::model::cluster::{Pod, Resources};
use gpuwise::model::queueing::{ClusterQueue, Flavor, LocalQueue, QueuedWorkload, Queues, Quota};
use gpuwise::model::time::Grid;

/// A pod that asks for so many GPUs, and has no node.
pub(crate) fn pending(gpus: u32) -> Option<Pod> {
    (gpus > 0).then(|| Pod {
        namespace: "research".to_owned(),
        name: "next-0".to_owned(),
        uid: "research/next-0".to_owned(),
        phase: "Pending".to_owned(),
        counted: Some(Resources::from([("nvidia.com/gpu".to_owned(), f64::from(gpus))])),
        ..Pod::default()
    })
}

/// A queue with quota on every node, in which a job is waiting for so many GPUs.
pub(crate) fn queues(waiting: u32, grid: Grid) -> Queues {
    if waiting == 0 {
        return Queues::default();
    }
    let resource = || "nvidia.com/gpu".to_owned();
    Queues {
        cluster_queues: vec![ClusterQueue {
            name: "all".to_owned(),
            quotas: vec![Quota {
                flavor: "any".to_owned(),
                resource: resource(),
                nominal: 64.0,
                ..Quota::default()
            }],
            ..ClusterQueue::default()
        }],
        local_queues: vec![LocalQueue {
            namespace: "research".to_owned(),
            name: "train".to_owned(),
            cluster_queue: "all".to_owned(),
        }],
        flavors: vec![Flavor {
            name: "any".to_owned(),
            ..Flavor::default()
        }],
        workloads: vec![QueuedWorkload {
            namespace: "research".to_owned(),
            name: "job-next-1f3a".to_owned(),
            queue: "train".to_owned(),
            gpus: Resources::from([(resource(), f64::from(waiting))]),
            queued: Some(grid.window.start),
            ..QueuedWorkload::default()
        }],
    }
}
