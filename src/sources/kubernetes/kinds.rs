//! The kinds of objects that own GPU pods, and where each is listed.

use kube::core::{ApiResource, GroupVersionKind};

use crate::model::cluster::ObjectRef;

/// Kind, API group, plural. The version is the one that the owner reference names, since operators serve several. A kind
/// that is not here stays a reference: its name is known, its owner and its replicas are not.
pub(super) const OWNER_KINDS: [(&str, &str, &str); 26] = [
    ("ReplicaSet", "apps", "replicasets"),
    ("Deployment", "apps", "deployments"),
    ("StatefulSet", "apps", "statefulsets"),
    ("DaemonSet", "apps", "daemonsets"),
    ("ReplicationController", "", "replicationcontrollers"),
    ("Job", "batch", "jobs"),
    ("CronJob", "batch", "cronjobs"),
    ("LeaderWorkerSet", "leaderworkerset.x-k8s.io", "leaderworkersets"),
    ("JobSet", "jobset.x-k8s.io", "jobsets"),
    ("TrainJob", "trainer.kubeflow.org", "trainjobs"),
    ("PyTorchJob", "kubeflow.org", "pytorchjobs"),
    ("TFJob", "kubeflow.org", "tfjobs"),
    ("MPIJob", "kubeflow.org", "mpijobs"),
    ("JAXJob", "kubeflow.org", "jaxjobs"),
    ("XGBoostJob", "kubeflow.org", "xgboostjobs"),
    ("PaddleJob", "kubeflow.org", "paddlejobs"),
    ("Notebook", "kubeflow.org", "notebooks"),
    ("RayCluster", "ray.io", "rayclusters"),
    ("RayJob", "ray.io", "rayjobs"),
    ("RayService", "ray.io", "rayservices"),
    ("InferenceService", "serving.kserve.io", "inferenceservices"),
    ("LLMInferenceService", "serving.kserve.io", "llminferenceservices"),
    ("Revision", "serving.knative.dev", "revisions"),
    ("Configuration", "serving.knative.dev", "configurations"),
    ("Service", "serving.knative.dev", "services"),
    ("Rollout", "argoproj.io", "rollouts"),
];

/// Kinds that may be scaled to zero, so that no pod leads to them.
pub(super) const SCALABLE: [(&str, &str); 3] = [
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"),
];

/// Where objects of this kind are listed; `None` for a kind that is passed through.
pub(super) fn resource_of(api_version: &str, kind: &str) -> Option<ApiResource> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let (_, _, plural) = OWNER_KINDS
        .iter()
        .find(|(known, of_group, _)| *known == kind && *of_group == group)?;
    let kind = GroupVersionKind::gvk(group, version, kind);
    Some(ApiResource::from_gvk_with_plural(&kind, plural))
}

/// The kind of an owner, as the lists are keyed.
pub(super) fn kind_of(owner: &ObjectRef) -> (String, String) {
    (owner.api_version.clone(), owner.kind.clone())
}
