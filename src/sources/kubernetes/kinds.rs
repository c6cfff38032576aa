//! The kinds of objects that own GPU pods, and where each is listed.

use super::served::Kind;
#[cfg(test)]
use super::{autoscalers, devices, kept, manifests, node_pools, pools, queues};

/// Every kind that is listed, with the version to ask for where no reference names one. A kind that is not here stays a
/// reference: its name is known, its owner and its replicas are not.
const OWNER_KINDS: [(Kind, &str); 40] = [
    (kind("apps", "ReplicaSet", "replicasets"), "v1"),
    (kind("apps", "Deployment", "deployments"), "v1"),
    (kind("apps", "StatefulSet", "statefulsets"), "v1"),
    (kind("apps", "DaemonSet", "daemonsets"), "v1"),
    (kind("", "ReplicationController", "replicationcontrollers"), "v1"),
    (kind("batch", "Job", "jobs"), "v1"),
    (kind("batch", "CronJob", "cronjobs"), "v1"),
    (
        kind("leaderworkerset.x-k8s.io", "LeaderWorkerSet", "leaderworkersets"),
        "v1",
    ),
    (
        kind("disaggregatedset.x-k8s.io", "DisaggregatedSet", "disaggregatedsets"),
        "v1",
    ),
    (kind("jobset.x-k8s.io", "JobSet", "jobsets"), "v1alpha2"),
    (kind("trainer.kubeflow.org", "TrainJob", "trainjobs"), "v1alpha1"),
    (kind("kubeflow.org", "PyTorchJob", "pytorchjobs"), "v1"),
    (kind("kubeflow.org", "TFJob", "tfjobs"), "v1"),
    (kind("kubeflow.org", "MPIJob", "mpijobs"), "v1"),
    (kind("kubeflow.org", "JAXJob", "jaxjobs"), "v1"),
    (kind("kubeflow.org", "XGBoostJob", "xgboostjobs"), "v1"),
    (kind("kubeflow.org", "PaddleJob", "paddlejobs"), "v1"),
    (kind("kubeflow.org", "Notebook", "notebooks"), "v1"),
    (kind("ray.io", "RayCluster", "rayclusters"), "v1"),
    (kind("ray.io", "RayJob", "rayjobs"), "v1"),
    (kind("ray.io", "RayCronJob", "raycronjobs"), "v1"),
    (kind("ray.io", "RayService", "rayservices"), "v1"),
    (
        kind("serving.kserve.io", "InferenceService", "inferenceservices"),
        "v1beta1",
    ),
    (
        kind("serving.kserve.io", "LLMInferenceService", "llminferenceservices"),
        "v1alpha2",
    ),
    (kind("serving.knative.dev", "Revision", "revisions"), "v1"),
    (kind("serving.knative.dev", "Configuration", "configurations"), "v1"),
    (kind("serving.knative.dev", "Service", "services"), "v1"),
    (kind("argoproj.io", "Rollout", "rollouts"), "v1alpha1"),
    (kind("argoproj.io", "Workflow", "workflows"), "v1alpha1"),
    (kind("argoproj.io", "CronWorkflow", "cronworkflows"), "v1alpha1"),
    (
        kind("sparkoperator.k8s.io", "SparkApplication", "sparkapplications"),
        "v1beta2",
    ),
    (
        kind(
            "sparkoperator.k8s.io",
            "ScheduledSparkApplication",
            "scheduledsparkapplications",
        ),
        "v1beta2",
    ),
    (kind("batch.volcano.sh", "Job", "jobs"), "v1alpha1"),
    (kind("workload.codeflare.dev", "AppWrapper", "appwrappers"), "v1beta2"),
    (kind("apps.nvidia.com", "NIMService", "nimservices"), "v1alpha1"),
    (
        kind("nvidia.com", "DynamoGraphDeployment", "dynamographdeployments"),
        "v1alpha1",
    ),
    (
        kind("nvidia.com", "DynamoComponentDeployment", "dynamocomponentdeployments"),
        "v1alpha1",
    ),
    (kind("grove.io", "PodCliqueSet", "podcliquesets"), "v1alpha1"),
    (
        kind("grove.io", "PodCliqueScalingGroup", "podcliquescalinggroups"),
        "v1alpha1",
    ),
    (kind("grove.io", "PodClique", "podcliques"), "v1alpha1"),
];

/// Kinds that may be scaled to zero, so that no pod leads to them.
pub(super) const SCALABLE: [(&str, &str); 3] = [
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("leaderworkerset.x-k8s.io", "LeaderWorkerSet"),
];

const fn kind(group: &'static str, kind: &'static str, plural: &'static str) -> Kind {
    Kind { group, kind, plural }
}

/// Where objects of this kind are listed, and in which version by default; `None` for a kind that is passed through.
pub(super) fn known(group: &str, kind: &str) -> Option<(Kind, &'static str)> {
    let found = OWNER_KINDS
        .iter()
        .find(|(known, _)| known.kind == kind && known.group == group);
    found.copied()
}

/// Whether objects of this kind are read, so that one which is not there was kept from us or is gone.
pub fn is_read(group: &str, kind: &str) -> bool {
    known(group, kind).is_some()
}

/// API group and plural of everything that may be listed: what an account needs to be let.
#[cfg(test)]
pub(super) fn listed() -> impl Iterator<Item = (&'static str, &'static str)> {
    let owners = OWNER_KINDS.iter().map(|(kind, _)| (kind.group, kind.plural));
    let queues = queues::KINDS.iter().map(|kind| (kind.group, kind.plural));
    let pools = pools::KINDS.iter().map(|(kind, _)| (kind.group, kind.plural));
    let kept = kept::KINDS.iter().map(|kind| (kind.group, kind.plural));
    owners.chain(queues).chain(pools).chain(kept).chain([
        ("", "nodes"),
        ("", "pods"),
        ("autoscaling", "horizontalpodautoscalers"),
        ("policy", "poddisruptionbudgets"),
        (autoscalers::SCALED_OBJECTS.group, autoscalers::SCALED_OBJECTS.plural),
        (node_pools::NODE_POOLS.group, node_pools::NODE_POOLS.plural),
        (manifests::DEFINITIONS.group, manifests::DEFINITIONS.plural),
        (devices::SLICES.group, devices::SLICES.plural),
        (devices::CLAIMS.group, devices::CLAIMS.plural),
    ])
}
