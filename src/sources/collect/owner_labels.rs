//! The labels by which operators mark the pods of their objects: who owns a pod where the objects between cannot be read.

use crate::model::cluster::{Labels, ObjectRef};

/// The labels that are looked at.
pub(super) const NAMES: [&str; 10] = [
    "pod-template-hash",
    "rollouts-pod-template-hash",
    "leaderworkerset.sigs.k8s.io/name",
    "jobset.sigs.k8s.io/jobset-name",
    "trainer.kubeflow.org/trainjob-ancestor-step",
    "ray.io/originated-from-cr-name",
    "ray.io/originated-from-crd",
    "serving.kserve.io/inferenceservice",
    "app.kubernetes.io/part-of",
    "app.kubernetes.io/name",
];

/// The object above `below` by the labels of a pod under it; `None` where they do not say. Only asked where `below` itself
/// could not be read: an object that was read and has no owner has none.
pub(super) fn above(below: &ObjectRef, pod: &Labels) -> Option<ObjectRef> {
    let label = |name: &str| pod.get(name).filter(|value| !value.is_empty());
    match below.kind.as_str() {
        "ReplicaSet" => {
            let hashed = |hash: &str| below.name.strip_suffix(label(hash)?.as_str())?.strip_suffix('-');
            hashed("pod-template-hash")
                .map(|name| reference("apps/v1", "Deployment", name))
                .or_else(|| {
                    Some(reference(
                        "argoproj.io/v1alpha1",
                        "Rollout",
                        hashed("rollouts-pod-template-hash")?,
                    ))
                })
        }
        "StatefulSet" => {
            let name = label("leaderworkerset.sigs.k8s.io/name")?;
            Some(reference("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", name))
        }
        "Job" => {
            let name = label("jobset.sigs.k8s.io/jobset-name")?;
            Some(reference("jobset.x-k8s.io/v1alpha2", "JobSet", name))
        }
        // Trainer gives a JobSet the name of its TrainJob.
        "JobSet" if label("trainer.kubeflow.org/trainjob-ancestor-step").is_some() => {
            Some(reference("trainer.kubeflow.org/v1alpha1", "TrainJob", &below.name))
        }
        "RayCluster" => {
            let name = label("ray.io/originated-from-cr-name")?;
            match label("ray.io/originated-from-crd")?.as_str() {
                kind @ ("RayJob" | "RayService") => Some(reference("ray.io/v1", kind, name)),
                _ => None,
            }
        }
        "Deployment" | "Revision" | "LeaderWorkerSet" => {
            if let Some(name) = label("serving.kserve.io/inferenceservice") {
                return Some(reference("serving.kserve.io/v1beta1", "InferenceService", name));
            }
            let part = label("app.kubernetes.io/part-of")? == "llminferenceservice";
            let name = label("app.kubernetes.io/name").filter(|_| part)?;
            Some(reference("serving.kserve.io/v1alpha2", "LLMInferenceService", name))
        }
        _ => None,
    }
}

fn reference(api_version: &str, kind: &str, name: &str) -> ObjectRef {
    ObjectRef {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        uid: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: &str, name: &str, labels: &[(&str, &str)]) -> Option<String> {
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        above(&reference("", kind, name), &labels).map(|above| format!("{}/{}", above.kind, above.name))
    }

    #[test]
    fn operators_mark_their_pods() {
        let chat = [("pod-template-hash", "647c6f456b")];
        assert_eq!(
            told("ReplicaSet", "chat-647c6f456b", &chat).as_deref(),
            Some("Deployment/chat")
        );
        let canary = [("rollouts-pod-template-hash", "6774cbb654")];
        assert_eq!(
            told("ReplicaSet", "chat-6774cbb654", &canary).as_deref(),
            Some("Rollout/chat")
        );
        let train = [
            ("jobset.sigs.k8s.io/jobset-name", "sft"),
            ("trainer.kubeflow.org/trainjob-ancestor-step", "trainer"),
        ];
        assert_eq!(told("Job", "sft-node-0", &train).as_deref(), Some("JobSet/sft"));
        assert_eq!(told("JobSet", "sft", &train).as_deref(), Some("TrainJob/sft"));
        let ray = [
            ("ray.io/originated-from-crd", "RayService"),
            ("ray.io/originated-from-cr-name", "rag"),
        ];
        assert_eq!(told("RayCluster", "rag-x7k2p", &ray).as_deref(), Some("RayService/rag"));
        let kserve = [("serving.kserve.io/inferenceservice", "llama")];
        assert_eq!(
            told("Deployment", "llama-predictor", &kserve).as_deref(),
            Some("InferenceService/llama")
        );
    }

    #[test]
    fn what_labels_do_not_say_stays_unsaid() {
        // Another template's hash, a RayCluster that stands for itself, and an operator nobody knows.
        assert_eq!(
            told("ReplicaSet", "chat-647c6f456b", &[("pod-template-hash", "6774cbb654")]),
            None
        );
        let own = [
            ("ray.io/originated-from-crd", "RayCluster"),
            ("ray.io/originated-from-cr-name", "shared"),
        ];
        assert_eq!(told("RayCluster", "shared", &own), None);
        assert_eq!(told("Job", "etl", &[("app.kubernetes.io/name", "etl")]), None);
        assert_eq!(told("Deployment", "api", &[("app.kubernetes.io/name", "api")]), None);
    }
}
