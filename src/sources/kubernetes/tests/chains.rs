//! Every operator's chain from a GPU pod up to what a person wrote.

use super::*;
use crate::model::cluster::Inventory;
use crate::sources::collect::owners::Owners;

/// One object of a chain: apiVersion, kind, name, and where its kind is listed; nothing for a kind that is not listed.
type Link = (&'static str, &'static str, &'static str, &'static str);

const REPLICA_SET: Link = ("apps/v1", "ReplicaSet", "x-647c6f456b", "/apis/apps/v1/replicasets");
const DEPLOYMENT: Link = ("apps/v1", "Deployment", "x", "/apis/apps/v1/deployments");
const JOB: Link = ("batch/v1", "Job", "x-1", "/apis/batch/v1/jobs");
const JOB_SET: Link = (
    "jobset.x-k8s.io/v1alpha2",
    "JobSet",
    "x-set",
    "/apis/jobset.x-k8s.io/v1alpha2/jobsets",
);
const LWS: Link = (
    "leaderworkerset.x-k8s.io/v1",
    "LeaderWorkerSet",
    "x-lws",
    "/apis/leaderworkerset.x-k8s.io/v1/leaderworkersets",
);
const RAY_CLUSTER: Link = ("ray.io/v1", "RayCluster", "x-ray", "/apis/ray.io/v1/rayclusters");
const RAY_JOB: Link = ("ray.io/v1", "RayJob", "x-job", "/apis/ray.io/v1/rayjobs");
const LEADER_SET: Link = ("apps/v1", "StatefulSet", "x-lws", "/apis/apps/v1/statefulsets");
const LEADER: Link = ("v1", "Pod", "x-lws-0", "/api/v1/pods");
const WORKER_SET: Link = ("apps/v1", "StatefulSet", "x-lws-0", "/apis/apps/v1/statefulsets");

/// The lists of a cluster with one GPU pod at the bottom of this chain.
fn chained(chain: &[Link]) -> Cluster {
    let uid = |(_, kind, name, _): &Link| format!("{kind}-{name}");
    let mut items: BTreeMap<&'static str, Vec<Value>> = BTreeMap::new();
    let mut below = object("gpu-pod", None, &gpus(8));
    let mut path = "/api/v1/pods";
    for link in chain {
        let (version, kind, name, listed) = *link;
        below["metadata"]["ownerReferences"] =
            json!([{"apiVersion": version, "kind": kind, "name": name, "uid": uid(link), "controller": true}]);
        items.entry(path).or_default().push(below);
        below = object(name, None, &json!({}));
        below["metadata"]["uid"] = uid(link).into();
        path = listed;
    }
    if !path.is_empty() {
        items.entry(path).or_default().push(below);
    }
    cluster(&items.into_iter().collect::<Vec<_>>())
}

async fn top(chain: &[Link]) -> String {
    let reading = reading(&serve(chained(chain))).await.unwrap();
    assert!(reading.gaps.is_empty(), "{:?}", reading.gaps);
    let inventory = Inventory {
        pods: reading.pods,
        controllers: reading.controllers,
        ..Inventory::default()
    };
    let pod = inventory.pods.iter().find(|pod| pod.name == "gpu-pod").unwrap();
    let top = Owners::of(&inventory).of_pod(pod);
    format!("{}.{}/{}", top.kind, top.group, top.name)
}

const LLM: Link = (
    "serving.kserve.io/v1alpha2",
    "LLMInferenceService",
    "qwen",
    "/apis/serving.kserve.io/v1alpha2/llminferenceservices",
);

async fn agree(cases: &[(&[Link], &str)]) {
    for (chain, expected) in cases {
        assert_eq!(top(chain).await, *expected);
    }
}

#[tokio::test]
async fn replicas_and_groups_of_replicas_lead_to_what_was_written() {
    let set: Link = (
        "disaggregatedset.x-k8s.io/v1",
        "DisaggregatedSet",
        "pd",
        "/apis/disaggregatedset.x-k8s.io/v1/disaggregatedsets",
    );
    let notebook: Link = ("kubeflow.org/v1", "Notebook", "lab", "/apis/kubeflow.org/v1/notebooks");
    let rollout: Link = (
        "argoproj.io/v1alpha1",
        "Rollout",
        "canary",
        "/apis/argoproj.io/v1alpha1/rollouts",
    );
    // A kind nobody told us of passes through by its name.
    let own: Link = ("ai.example.com/v1", "ModelServer", "own", "");
    agree(&[
        (&[REPLICA_SET, DEPLOYMENT], "Deployment.apps/x"),
        (&[REPLICA_SET, rollout], "Rollout.argoproj.io/canary"),
        (&[REPLICA_SET, DEPLOYMENT, own], "ModelServer.ai.example.com/own"),
        (
            &[WORKER_SET, LEADER, LEADER_SET, LWS],
            "LeaderWorkerSet.leaderworkerset.x-k8s.io/x-lws",
        ),
        (
            &[WORKER_SET, LEADER, LEADER_SET, LWS, set],
            "DisaggregatedSet.disaggregatedset.x-k8s.io/pd",
        ),
        (&[LEADER_SET, notebook], "Notebook.kubeflow.org/lab"),
    ])
    .await;
}

#[tokio::test]
async fn inference_services_are_reached_in_every_mode() {
    let isvc: Link = (
        "serving.kserve.io/v1beta1",
        "InferenceService",
        "llama",
        "/apis/serving.kserve.io/v1beta1/inferenceservices",
    );
    let knative = |kind, path| ("serving.knative.dev/v1", kind, "llama-predictor", path);
    let revision = knative("Revision", "/apis/serving.knative.dev/v1/revisions");
    let configuration = knative("Configuration", "/apis/serving.knative.dev/v1/configurations");
    let service = knative("Service", "/apis/serving.knative.dev/v1/services");
    let rag: Link = ("ray.io/v1", "RayService", "rag", "/apis/ray.io/v1/rayservices");
    agree(&[
        (
            &[REPLICA_SET, DEPLOYMENT, isvc],
            "InferenceService.serving.kserve.io/llama",
        ),
        (
            &[REPLICA_SET, DEPLOYMENT, revision, configuration, service, isvc],
            "InferenceService.serving.kserve.io/llama",
        ),
        (
            &[REPLICA_SET, DEPLOYMENT, LLM],
            "LLMInferenceService.serving.kserve.io/qwen",
        ),
        (
            &[WORKER_SET, LEADER, LEADER_SET, LWS, LLM],
            "LLMInferenceService.serving.kserve.io/qwen",
        ),
        (&[RAY_CLUSTER, rag], "RayService.ray.io/rag"),
    ])
    .await;
}

#[tokio::test]
async fn runs_are_reached_through_every_generation() {
    let cron: Link = ("batch/v1", "CronJob", "nightly", "/apis/batch/v1/cronjobs");
    let train: Link = (
        "trainer.kubeflow.org/v1alpha1",
        "TrainJob",
        "sft",
        "/apis/trainer.kubeflow.org/v1alpha1/trainjobs",
    );
    let ray_cron: Link = ("ray.io/v1", "RayCronJob", "hourly", "/apis/ray.io/v1/raycronjobs");
    let mpi: Link = (
        "kubeflow.org/v2beta1",
        "MPIJob",
        "nccl",
        "/apis/kubeflow.org/v2beta1/mpijobs",
    );
    let driver: Link = ("v1", "Pod", "etl-driver", "/api/v1/pods");
    let spark: Link = (
        "sparkoperator.k8s.io/v1beta2",
        "SparkApplication",
        "etl",
        "/apis/sparkoperator.k8s.io/v1beta2/sparkapplications",
    );
    agree(&[
        (&[JOB, cron], "CronJob.batch/nightly"),
        (&[JOB, JOB_SET], "JobSet.jobset.x-k8s.io/x-set"),
        (&[JOB, JOB_SET, train], "TrainJob.trainer.kubeflow.org/sft"),
        (&[mpi], "MPIJob.kubeflow.org/nccl"),
        (&[RAY_CLUSTER, RAY_JOB], "RayJob.ray.io/x-job"),
        // The pod that submits the job.
        (&[JOB, RAY_JOB], "RayJob.ray.io/x-job"),
        (&[RAY_CLUSTER, RAY_JOB, ray_cron], "RayCronJob.ray.io/hourly"),
        (&[driver, spark], "SparkApplication.sparkoperator.k8s.io/etl"),
        (&[driver], "Pod./etl-driver"),
    ])
    .await;
}

#[tokio::test]
async fn an_owner_is_found_in_the_version_that_is_served_now() {
    let mut lists = chained(&[
        REPLICA_SET,
        DEPLOYMENT,
        (
            "serving.kserve.io/v1alpha1",
            "LLMInferenceService",
            "qwen",
            "/apis/serving.kserve.io/v1alpha2/llminferenceservices",
        ),
    ]);
    let version = |version: &str| json!({"groupVersion": format!("serving.kserve.io/{version}"), "version": version});
    lists.insert(
        "/apis",
        json!({"kind": "APIGroupList", "groups": [
            {"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}]},
            {"name": "serving.kserve.io", "versions": [version("v1beta1"), version("v1alpha2")],
                "preferredVersion": version("v1beta1")},
        ]}),
    );
    let server = serve(lists);
    let reading = reading(&server).await.unwrap();
    assert!(
        reading.controllers.iter().any(|one| one.this.name == "qwen"),
        "{:?}",
        server.requests()
    );
    let asked = server.requests();
    assert!(asked.iter().all(|path| !path.contains("v1alpha1")), "{asked:?}");
    assert!(reading.gaps.is_empty());
}

#[tokio::test]
async fn a_server_of_1_25_is_asked_for_nothing_it_lacks() {
    let mut lists = chained(&[REPLICA_SET, DEPLOYMENT]);
    let group = |name: &str, versions: &[&str]| {
        let versions: Vec<Value> = versions
            .iter()
            .map(|version| json!({"groupVersion": format!("{name}/{version}"), "version": version}))
            .collect();
        json!({"name": name, "versions": versions, "preferredVersion": versions[0]})
    };
    // What kube-apiserver 1.25 serves of what we read.
    lists.insert(
        "/apis",
        json!({"kind": "APIGroupList", "groups": [
            group("apps", &["v1"]), group("batch", &["v1"]), group("autoscaling", &["v2", "v1", "v2beta2"]),
            group("policy", &["v1"]),
        ]}),
    );
    for path in [
        "/apis/apps/v1/statefulsets",
        "/apis/autoscaling/v2/horizontalpodautoscalers",
        "/apis/policy/v1/poddisruptionbudgets",
    ] {
        lists.insert(path, json!({"kind": "List", "metadata": {}, "items": []}));
    }
    let served: Vec<&str> = lists.keys().copied().collect();
    let server = serve(lists);
    let reading = reading(&server).await.unwrap();
    assert!(reading.gaps.is_empty(), "{:?}", reading.gaps);
    for asked in server.requests() {
        let path = asked.split('?').next().unwrap();
        assert!(served.contains(&path), "{path} is not served by 1.25");
    }
}
