//! Chains of owners.

use super::*;

fn kinds(reading: &KubernetesReading) -> Vec<String> {
    let name =
        |controller: &crate::model::cluster::Controller| format!("{}/{}", controller.this.kind, controller.this.name);
    reading.controllers.iter().map(name).collect()
}

fn pod(name: &str, owner: (&str, &str, &str, &str), count: u32) -> Value {
    object(name, Some(owner), &gpus(count))
}

#[tokio::test]
async fn a_deployment_is_reached_through_its_replica_set() {
    let server = serve(cluster(&[
        (
            "/api/v1/pods",
            vec![
                pod("p", ("apps/v1", "ReplicaSet", "rs", "uid-rs"), 2),
                pod("cpu", ("apps/v1", "ReplicaSet", "rs2", "uid-rs2"), 0),
            ],
        ),
        (
            "/apis/apps/v1/replicasets",
            vec![
                object(
                    "rs",
                    Some(("apps/v1", "Deployment", "d", "uid-d")),
                    &json!({"replicas": 1}),
                ),
                object(
                    "rs2",
                    Some(("apps/v1", "Deployment", "d2", "uid-d2")),
                    &json!({"replicas": 1}),
                ),
            ],
        ),
        (
            "/apis/apps/v1/deployments",
            vec![
                object("d", None, &json!({"replicas": 3, "template": {"spec": gpus(2)}})),
                object("d2", None, &json!({"replicas": 3, "template": {"spec": gpus(0)}})),
                object("asleep", None, &json!({"replicas": 0, "template": {"spec": gpus(1)}})),
            ],
        ),
    ]));
    let reading = reading(&server).await.unwrap();
    assert_eq!(kinds(&reading), ["Deployment/asleep", "Deployment/d", "ReplicaSet/rs"]);
    assert_eq!(reading.controllers[1].replicas, Some(3));
    assert_eq!(reading.controllers[2].owner.as_ref().unwrap().name, "d");
    assert_eq!(reading.pods.len(), 1);
    assert!(reading.gaps.is_empty());
    let lists = server.requests();
    let of_replica_sets = lists.iter().filter(|path| path.contains("replicasets")).count();
    assert_eq!(of_replica_sets, 1, "{lists:?}");
}

#[tokio::test]
async fn a_leader_pod_without_gpus_is_kept_as_the_way_up() {
    let lws = "leaderworkerset.x-k8s.io/v1";
    let server = serve(cluster(&[
        (
            "/api/v1/pods",
            vec![
                pod("leader", ("apps/v1", "StatefulSet", "lws", "uid-lws-sts"), 0),
                pod("worker", ("apps/v1", "StatefulSet", "lws-0", "uid-lws-0"), 8),
                pod("other", ("apps/v1", "StatefulSet", "db", "uid-db"), 0),
            ],
        ),
        (
            "/apis/apps/v1/statefulsets",
            vec![
                object(
                    "lws-0",
                    Some(("v1", "Pod", "leader", "uid-leader")),
                    &json!({"replicas": 1}),
                ),
                object(
                    "lws-sts",
                    Some((lws, "LeaderWorkerSet", "lws", "uid-lws")),
                    &json!({"replicas": 1}),
                ),
            ],
        ),
        (
            "/apis/leaderworkerset.x-k8s.io/v1/leaderworkersets",
            vec![
                object("lws", None, &json!({"replicas": 1})),
                // An operator may write quantities as numbers.
                object(
                    "asleep",
                    None,
                    &json!({"replicas": 0, "leaderWorkerTemplate": {"workerTemplate": {"spec":
                {"containers": [{"resources": {"limits": {"nvidia.com/gpu": 8}}}]}}}}),
                ),
            ],
        ),
    ]));
    let reading = reading(&server).await.unwrap();
    let pods: Vec<&str> = reading.pods.iter().map(|pod| pod.name.as_str()).collect();
    assert_eq!(pods, ["leader", "worker"]);
    assert_eq!(
        kinds(&reading),
        [
            "StatefulSet/lws-0",
            "StatefulSet/lws-sts",
            "LeaderWorkerSet/asleep",
            "LeaderWorkerSet/lws"
        ]
    );
}

#[tokio::test]
async fn training_jobs_are_reached_through_every_generation() {
    let server = serve(cluster(&[
        (
            "/api/v1/pods",
            vec![
                pod("a", ("batch/v1", "Job", "job", "uid-job"), 8),
                pod("b", ("kubeflow.org/v1", "PyTorchJob", "torch", "uid-torch"), 8),
                pod("c", ("example.com/v1", "Thing", "thing", "uid-thing"), 1),
            ],
        ),
        (
            "/apis/batch/v1/jobs",
            vec![object(
                "job",
                Some(("jobset.x-k8s.io/v1alpha2", "JobSet", "set", "uid-set")),
                &json!({"parallelism": 2}),
            )],
        ),
        (
            "/apis/jobset.x-k8s.io/v1alpha2/jobsets",
            vec![object(
                "set",
                Some(("trainer.kubeflow.org/v1alpha1", "TrainJob", "train", "uid-train")),
                &json!({}),
            )],
        ),
        (
            "/apis/kubeflow.org/v1/pytorchjobs",
            vec![object("torch", None, &json!({}))],
        ),
    ]));
    let reading = reading(&server).await.unwrap();
    // The server does not serve TrainJobs any more, and Things are nobody's: both stay references.
    assert_eq!(kinds(&reading), ["Job/job", "JobSet/set", "PyTorchJob/torch"]);
    assert_eq!(reading.controllers[1].owner.as_ref().unwrap().kind, "TrainJob");
    assert_eq!(reading.pods[2].owner.as_ref().unwrap().group(), "example.com");
    assert!(reading.gaps.is_empty());
}

#[tokio::test]
async fn owners_in_a_circle_end() {
    let server = serve(cluster(&[
        ("/api/v1/pods", vec![pod("p", ("batch/v1", "Job", "a", "uid-a"), 1)]),
        (
            "/apis/batch/v1/jobs",
            vec![
                object("a", Some(("batch/v1", "Job", "b", "uid-b")), &json!({})),
                object("b", Some(("batch/v1", "Job", "a", "uid-a")), &json!({})),
            ],
        ),
    ]));
    assert_eq!(kinds(&reading(&server).await.unwrap()), ["Job/a", "Job/b"]);
}

#[tokio::test]
async fn what_an_object_has_others_run_is_kept_without_secrets() {
    let ray = ("ray.io/v1", "RayJob", "recsys", "uid-recsys");
    let spark = ("sparkoperator.k8s.io/v1beta2", "SparkApplication", "join", "uid-join");
    let entrypoint = json!({"entrypoint": "python train.py --api-key hush --epochs 3"});
    let application = json!({"mainClass": "com.example.Join", "mainApplicationFile": "s3a://jars/etl.jar",
        "arguments": ["--password", "hush", "2026-11-20"]});
    let cron = ("batch/v1", "CronJob", "nightly", "uid-nightly");
    let scheduled = json!({"jobTemplate": {"spec": {"template": {"spec": {"containers": [
        {"name": "proxy", "command": ["proxy"]},
        {"name": "main", "command": ["python"], "args": ["score.py", "--token=hush"],
            "resources": {"limits": {"nvidia.com/gpu": 1}}},
    ]}}}}});
    let mpi = ("kubeflow.org/v2beta1", "MPIJob", "nccl", "uid-nccl");
    let launched = json!({"mpiReplicaSpecs": {
        "Launcher": {"template": {"spec": {"containers": [{"command": ["mpirun"], "args": ["all_reduce_perf", "--token=hush"]}]}}},
        "Worker": {"template": {"spec": {"containers": [{"command": ["sshd"]}]}}},
    }});
    let server = serve(cluster(&[
        (
            "/api/v1/pods",
            vec![
                pod("recsys-0", ray, 1),
                pod("join-0", spark, 1),
                pod("nightly-0", cron, 1),
                pod("nccl-worker-0", mpi, 8),
            ],
        ),
        ("/apis/batch/v1/cronjobs", vec![object("nightly", None, &scheduled)]),
        ("/apis/ray.io/v1/rayjobs", vec![object("recsys", None, &entrypoint)]),
        (
            "/apis/kubeflow.org/v2beta1/mpijobs",
            vec![object("nccl", None, &launched)],
        ),
        (
            "/apis/sparkoperator.k8s.io/v1beta2/sparkapplications",
            vec![object("join", None, &application)],
        ),
    ]));
    let reading = reading(&server).await.unwrap();
    let args = |kind: &str| {
        let mut all = reading.controllers.iter();
        all.find(|controller| controller.this.kind == kind)
            .unwrap()
            .args
            .join(" ")
    };
    assert_eq!(args("CronJob"), "python score.py --token=…");
    assert_eq!(args("MPIJob"), "mpirun all_reduce_perf --token=…");
    assert_eq!(args("RayJob"), "sh -c python train.py --api-key … --epochs 3");
    assert_eq!(
        args("SparkApplication"),
        "s3a://jars/etl.jar com.example.Join --password … 2026-11-20"
    );
}

#[tokio::test]
async fn of_a_controllers_annotations_those_for_us_are_kept() {
    let mut deployment = object("d", None, &json!({"replicas": 1, "template": {"spec": gpus(1)}}));
    deployment["metadata"]["annotations"] = json!({
        "gpuwise.dev/ignore": "true",
        "gpuwise.devil/x": "y",
        "kubectl.kubernetes.io/last-applied-configuration": "{\"secret\": 1}",
    });
    let server = serve(cluster(&[("/apis/apps/v1/deployments", vec![deployment])]));
    let reading = reading(&server).await.unwrap();
    let kept: Vec<(&str, &str)> = reading.controllers[0]
        .annotations
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(kept, [("gpuwise.dev/ignore", "true")]);
}
