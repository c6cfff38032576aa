//! From a pod to the object that its owner would edit: owner chains by UID while the objects exist, by kube-state-metrics'
//! history once they are gone; runs of one template become one workload.

use std::collections::{BTreeMap, BTreeSet};

use super::owner_labels;
use crate::model::cluster::{Controller, Inventory, Labels, ObjectRef, OwnerRecord, Pod, PodRecord};
use crate::model::runs::{is_random, is_run, tells_runs_apart};

/// Longer chains are a mistake in the data.
const DEPTH: usize = 8;

/// The object at the top of an owner chain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Top {
    /// API group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// The job below it, where it is one that runs jobs (CronJob), or the job itself: what tells runs apart.
    pub run: Option<String>,
}

/// Looks up owners.
#[derive(Debug)]
pub struct Owners<'a> {
    by_uid: BTreeMap<&'a str, Link<'a>>,
    by_name: BTreeMap<(&'a str, &'a str, &'a str), &'a Controller>,
    history: BTreeMap<(&'a str, &'a str, &'a str), &'a OwnerRecord>,
}

#[derive(Debug, Clone, Copy)]
enum Link<'a> {
    Controller(&'a Controller),
    Pod(&'a Pod),
}

impl<'a> Owners<'a> {
    /// Everything that owns something in this inventory.
    pub fn of(inventory: &'a Inventory) -> Self {
        let mut by_uid = BTreeMap::new();
        let mut by_name = BTreeMap::new();
        for controller in &inventory.controllers {
            if let Some(uid) = &controller.this.uid {
                by_uid.insert(uid.as_str(), Link::Controller(controller));
            }
            let key = (
                controller.namespace.as_str(),
                controller.this.kind.as_str(),
                controller.this.name.as_str(),
            );
            by_name.insert(key, controller);
        }
        for pod in &inventory.pods {
            by_uid.insert(pod.uid.as_str(), Link::Pod(pod));
        }
        let key = |record: &'a OwnerRecord| (record.namespace.as_str(), record.kind.as_str(), record.name.as_str());
        let history = inventory
            .owner_history
            .iter()
            .map(|record| (key(record), record))
            .collect();
        Self {
            by_uid,
            by_name,
            history,
        }
    }

    /// The controller of this kind and name, while it exists.
    pub fn controller(&self, namespace: &str, kind: &str, name: &str) -> Option<&'a Controller> {
        self.by_name.get(&(namespace, kind, name)).copied()
    }

    /// The top of a living pod's chain; a pod without an owner is its own.
    pub fn of_pod(&self, pod: &Pod) -> Top {
        match &pod.owner {
            Some(owner) => self.top(
                &pod.namespace,
                self.chain(&pod.namespace, owner.clone(), Some(&pod.labels)),
            ),
            None => match &pod.pod_group {
                // Pods that are scheduled together or not at all are one thing, also where nothing owns them.
                Some(group) => self.of_reference(&pod.namespace, named("PodGroup", group)),
                None => itself(&pod.namespace, &pod.name),
            },
        }
    }

    /// The top of a pod's chain as history knows it.
    pub fn of_record(&self, record: &PodRecord) -> Top {
        match (&record.owner_kind, &record.owner_name) {
            (Some(kind), Some(name)) if kind != "<none>" && kind != "Node" && !name.is_empty() => {
                self.of_reference(&record.namespace, named(kind, name))
            }
            _ => itself(&record.namespace, &record.name),
        }
    }

    /// The top of the chain that begins with this object.
    pub fn of_reference(&self, namespace: &str, start: ObjectRef) -> Top {
        self.top(namespace, self.chain(namespace, start, None))
    }

    /// The same, by the labels of its pods where objects between are not known.
    pub fn of_labelled(&self, namespace: &str, start: ObjectRef, labels: &Labels) -> Top {
        self.top(namespace, self.chain(namespace, start, Some(labels)))
    }

    /// Owners of a living pod that no object answers for, from the pod upwards: they were kept from us, or are gone.
    pub fn unread(&self, pod: &Pod) -> Vec<ObjectRef> {
        let Some(owner) = &pod.owner else {
            return Vec::new();
        };
        let chain = self.chain(&pod.namespace, owner.clone(), Some(&pod.labels));
        let unread = chain
            .into_iter()
            .filter(|link| matches!(self.above(&pod.namespace, link), Above::Unread));
        unread.collect()
    }

    /// The owners from `start` upwards, at most [`DEPTH`] above it. A cycle cannot be climbed; what was reached so far stands.
    fn chain(&self, namespace: &str, start: ObjectRef, labels: Option<&Labels>) -> Vec<ObjectRef> {
        let mut seen = BTreeSet::from([(start.kind.clone(), start.name.clone())]);
        let mut chain = vec![start];
        while let Some(top) = chain.last().filter(|_| chain.len() <= DEPTH) {
            let above = match self.above(namespace, top) {
                Above::Owner(above) => Some(above),
                Above::Nobody => None,
                Above::Unread => labels.and_then(|labels| owner_labels::above(top, labels)),
            };
            match above {
                Some(above) if seen.insert((above.kind.clone(), above.name.clone())) => chain.push(above),
                _ => break,
            }
        }
        chain
    }

    fn top(&self, namespace: &str, chain: Vec<ObjectRef>) -> Top {
        let run = chain.iter().rev().find(|link| is_run(&link.kind));
        let run = run.map(|link| link.name.clone());
        let Some(top) = chain.into_iter().next_back() else {
            return itself(namespace, "");
        };
        let group = match self.controller(namespace, &top.kind, &top.name) {
            Some(controller) if !controller.this.api_version.is_empty() => controller.this.group().to_owned(),
            _ if !top.api_version.is_empty() => top.group().to_owned(),
            _ => group_of(&top.kind).to_owned(),
        };
        Top {
            group,
            kind: top.kind,
            namespace: namespace.to_owned(),
            name: top.name,
            run,
        }
    }

    fn above(&self, namespace: &str, below: &ObjectRef) -> Above {
        let owner = |owner: &Option<ObjectRef>| owner.clone().map_or(Above::Nobody, Above::Owner);
        let living = below.uid.as_deref().and_then(|uid| self.by_uid.get(uid));
        match living {
            Some(Link::Controller(controller)) => return owner(&controller.owner),
            Some(Link::Pod(pod)) => return owner(&pod.owner),
            None => {}
        }
        if let Some(controller) = self.controller(namespace, &below.kind, &below.name) {
            return owner(&controller.owner);
        }
        let record = (namespace, below.kind.as_str(), below.name.as_str());
        match self.history.get(&record) {
            Some(record) => Above::Owner(named(&record.owner_kind, &record.owner_name)),
            None => Above::Unread,
        }
    }
}

/// What stands above an object.
enum Above {
    /// This one.
    Owner(ObjectRef),
    /// Nothing: the object was read and has no owner.
    Nobody,
    /// The object itself was not read.
    Unread,
}

fn named(kind: &str, name: &str) -> ObjectRef {
    ObjectRef {
        api_version: String::new(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        uid: None,
    }
}

fn itself(namespace: &str, name: &str) -> Top {
    Top {
        group: String::new(),
        kind: "Pod".to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        run: Some(name.to_owned()),
    }
}

/// The API group of a kind that history names without one.
fn group_of(kind: &str) -> &'static str {
    match kind {
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" => "apps",
        "Job" | "CronJob" => "batch",
        "JobSet" => "jobset.x-k8s.io",
        "TrainJob" => "trainer.kubeflow.org",
        "PyTorchJob" | "TFJob" | "MPIJob" | "JAXJob" | "XGBoostJob" | "PaddleJob" | "Notebook" => "kubeflow.org",
        "RayCluster" | "RayJob" | "RayCronJob" | "RayService" => "ray.io",
        "LeaderWorkerSet" => "leaderworkerset.x-k8s.io",
        "PodGroup" => "scheduling.k8s.io",
        "DisaggregatedSet" => "disaggregatedset.x-k8s.io",
        "InferenceService" | "LLMInferenceService" => "serving.kserve.io",
        "Workflow" | "CronWorkflow" | "Rollout" => "argoproj.io",
        "SparkApplication" | "ScheduledSparkApplication" => "sparkoperator.k8s.io",
        _ => "",
    }
}

/// A pod's name with what its controller appended taken off the end: an ordinal, a random suffix, or a template's hash and a
/// random suffix. No more than one controller is undone, since where only metrics name a pod nothing says that what is left
/// are runs of one thing: `gpt-4-0` is of `gpt-4`, and not of the `gpt` that `gpt-5-0` would be of, too.
pub fn pod_stem(name: &str) -> &str {
    let Some((rest, last)) = name.rsplit_once('-').filter(|(rest, _)| !rest.is_empty()) else {
        return name;
    };
    if is_random(last) {
        // A pod-template-hash is a number in an alphabet of ten: `0` is written 4, `9` is f.
        let is_hash = |part: &str| part.len() >= 7 && part.chars().all(|c| "456789bcdf".contains(c));
        return match rest.rsplit_once('-') {
            Some((base, hash)) if !base.is_empty() && is_hash(hash) && tells_runs_apart(hash) => base,
            _ => rest,
        };
    }
    let ordinal = !last.is_empty() && last.len() < 5 && last.chars().all(|c| c.is_ascii_digit());
    if ordinal { rest } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn controller(kind: &str, name: &str, owner: Option<(&str, &str)>) -> Controller {
        let reference = |kind: &str, name: &str| ObjectRef {
            uid: Some(format!("{kind}/{name}")),
            ..named(kind, name)
        };
        Controller {
            this: reference(kind, name),
            namespace: "ml".to_owned(),
            owner: owner.map(|(kind, name)| reference(kind, name)),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            replicas: None,
            deployed: None,
            args: Vec::new(),
        }
    }

    fn record(pod: &str, kind: &str, name: &str) -> PodRecord {
        PodRecord {
            namespace: "ml".to_owned(),
            name: pod.to_owned(),
            owner_kind: Some(kind.to_owned()),
            owner_name: Some(name.to_owned()),
            ..PodRecord::default()
        }
    }

    #[test]
    fn a_pod_that_is_gone_is_owned_through_history_and_what_still_exists() {
        let inventory = Inventory {
            controllers: vec![controller("Deployment", "chat", None)],
            owner_history: vec![OwnerRecord {
                namespace: "ml".to_owned(),
                kind: "ReplicaSet".to_owned(),
                name: "chat-5d9".to_owned(),
                owner_kind: "Deployment".to_owned(),
                owner_name: "chat".to_owned(),
            }],
            ..Inventory::default()
        };
        let top = Owners::of(&inventory).of_record(&record("chat-5d9-x", "ReplicaSet", "chat-5d9"));
        assert_eq!(
            (top.group.as_str(), top.kind.as_str(), top.name.as_str()),
            ("apps", "Deployment", "chat")
        );
        assert_eq!(top.run, None);
    }

    #[test]
    fn runs_of_a_cron_job_share_their_top() {
        let inventory = Inventory {
            controllers: vec![
                controller("CronJob", "nightly", None),
                controller("Job", "nightly-1", Some(("CronJob", "nightly"))),
            ],
            ..Inventory::default()
        };
        let top = Owners::of(&inventory).of_record(&record("nightly-1-abc", "Job", "nightly-1"));
        assert_eq!((top.kind.as_str(), top.run.as_deref()), ("CronJob", Some("nightly-1")));
    }

    #[test]
    fn a_cycle_ends() {
        let inventory = Inventory {
            controllers: vec![
                controller("A", "a", Some(("B", "b"))),
                controller("B", "b", Some(("A", "a"))),
            ],
            ..Inventory::default()
        };
        assert_eq!(Owners::of(&inventory).of_record(&record("p", "A", "a")).kind, "B");
    }

    #[test]
    fn a_pods_stem_undoes_one_controller() {
        assert_eq!(pod_stem("chat-647c6f456b-sdsh9"), "chat");
        assert_eq!(pod_stem("gpt-4-0"), "gpt-4");
        assert_eq!(pod_stem("train-28400-x7k2p"), "train-28400");
        assert_eq!(pod_stem("exporter-b4c5d"), "exporter");
        // No hash of a template, and an hour, which is no ordinal.
        assert_eq!(pod_stem("run-3fa9c12-b4c5d"), "run-3fa9c12");
        assert_eq!(pod_stem("run-20261120"), "run-20261120");
        assert_eq!(pod_stem("notebook"), "notebook");
        assert_eq!(pod_stem("-0"), "-0");
    }
}
