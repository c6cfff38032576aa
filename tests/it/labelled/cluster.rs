//! Manifests as a cluster would hold them: what controllers make of them, served to the reader as the API serves it.

use std::collections::BTreeMap;

use gpuwise::catalog::Catalog;
use gpuwise::model::cluster::Inventory;
use gpuwise::model::progress::Silent;
use gpuwise::model::reading::Reading;
use gpuwise::model::time::{Grid, Window};
use gpuwise::model::workload::Classified;
use gpuwise::policy::price_sheet::PriceSheet;
use gpuwise::sources::collect::Outline;
use gpuwise::sources::kubernetes;
use serde_json::{Map, Value, json};

use crate::servers::{kubeconfig, serve};

/// Objects by the path under which they are listed.
#[derive(Default)]
struct Cluster {
    lists: BTreeMap<String, Vec<Value>>,
    made: usize,
}

/// The classes of the workloads that each set of objects comes to.
pub(super) async fn classes(sets: &[&[Value]]) -> Vec<Vec<Classified>> {
    let mut cluster = Cluster::default();
    for (number, objects) in sets.iter().enumerate() {
        objects
            .iter()
            .for_each(|object| cluster.create(&format!("case-{number}"), object));
    }
    let reading = cluster.read().await;
    let catalog = Catalog::shipped().unwrap();
    let sheet = PriceSheet::default();
    let outline = Outline::of(
        &reading,
        std::iter::empty(),
        std::iter::empty(),
        &catalog,
        &gpuwise::policy::attribution::NOBODY,
        &sheet,
    );
    let workloads = outline.part(Vec::new(), None).workloads;
    let of = |number: usize| {
        let namespace = format!("case-{number}");
        let own = workloads.iter().filter(|workload| workload.namespace == namespace);
        own.map(|workload| workload.class.clone()).collect()
    };
    (0..sets.len()).map(of).collect()
}

impl Cluster {
    async fn read(self) -> Reading {
        let lists: BTreeMap<String, Value> = self
            .lists
            .into_iter()
            .map(|(path, items)| {
                (
                    path,
                    json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}),
                )
            })
            .collect();
        let empty = json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": []});
        let url = serve(move |path, _| match path {
            "/version" => Some(json!({"major": "1", "minor": "35", "gitVersion": "v1.35.2"})),
            "/api/v1/nodes" => Some(empty.clone()),
            path => lists.get(path).cloned(),
        });
        let folder = tempfile::tempdir().unwrap();
        let config = kubeconfig(&folder.path().join("config"), &json!({"server": url}), &json!({}));
        let connection = kubernetes::connect(Some(&config), None, None).await.unwrap();
        let read = kubernetes::read(&connection, &Silent).await.unwrap();
        let end = "2026-11-21T00:00:00Z".parse().unwrap();
        let start = "2026-11-20T00:00:00Z".parse().unwrap();
        Reading {
            cluster: "test".to_owned(),
            grid: Grid {
                window: Window { start, end },
                step_seconds: 60,
            },
            currency: "USD".to_owned(),
            inventory: Inventory {
                pods: read.pods,
                controllers: read.controllers,
                hpas: read.hpas,
                pools: read.pools,
                ..Inventory::default()
            },
            series: Vec::new(),
            requests: Vec::new(),
            asked: Vec::new(),
            gaps: Vec::new(),
        }
    }

    /// What a cluster does with a manifest: keeps it, and makes the pods that it asks for.
    fn create(&mut self, namespace: &str, manifest: &Value) {
        let (version, kind) = (manifest["apiVersion"].as_str(), manifest["kind"].as_str());
        let (Some(version), Some(kind)) = (version, kind) else {
            return;
        };
        if matches!(kind, "Namespace" | "Secret" | "ConfigMap" | "Ingress" | "Service" if !version.contains("knative"))
        {
            return;
        }
        let mut object = manifest.clone();
        object["metadata"]["namespace"] = namespace.into();
        if kind == "Pod" {
            let template = json!({"metadata": object["metadata"], "spec": object["spec"]});
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            return self.pod(namespace, &name, &template, None);
        }
        let this = self.keep(version, kind, object.clone(), None);
        if kind == "HorizontalPodAutoscaler" {
            return;
        }
        let owner = self.between(namespace, kind, this);
        let mut found = Vec::new();
        templates(&object["spec"], &mut found);
        if found.is_empty() {
            // What an operator makes of its own accord; the image is its own affair.
            let limits = json!({"limits": {"nvidia.com/gpu": 1}});
            let container =
                json!({"name": "main", "image": "registry.example.com/operator/made:1", "resources": limits});
            found.push(json!({"spec": {"containers": [container]}}));
        }
        for (number, template) in found.iter().enumerate() {
            let name = format!("{}-{number}", owner["name"].as_str().unwrap());
            self.pod(namespace, &name, template, Some(&owner));
        }
    }

    /// The objects between one that a person writes and its pods, and the lowest of them.
    fn between(&mut self, namespace: &str, kind: &str, this: Value) -> Value {
        let chain: &[(&str, &str, &str)] = match kind {
            "Deployment" => &[("apps/v1", "ReplicaSet", "647c6f456b")],
            "InferenceService" | "NIMService" | "VLLMRuntime" => &[
                ("apps/v1", "Deployment", "made"),
                ("apps/v1", "ReplicaSet", "647c6f456b"),
            ],
            "CronJob" => &[("batch/v1", "Job", "29384756")],
            "JobSet" => &[("batch/v1", "Job", "workers-0")],
            "TrainJob" => &[
                ("jobset.x-k8s.io/v1alpha2", "JobSet", "set"),
                ("batch/v1", "Job", "node-0"),
            ],
            "RayService" | "RayJob" => &[("ray.io/v1", "RayCluster", "x7k2p")],
            "Notebook" | "LeaderWorkerSet" => &[("apps/v1", "StatefulSet", "0")],
            _ => &[],
        };
        let mut owner = this;
        for (version, kind, suffix) in chain {
            let name = format!("{}-{suffix}", owner["name"].as_str().unwrap());
            let object = json!({"metadata": {"name": name, "namespace": namespace}, "spec": {}});
            owner = self.keep(version, kind, object, Some(&owner));
        }
        owner
    }

    /// Keeps an object, and says how what it owns refers to it.
    fn keep(&mut self, version: &str, kind: &str, mut object: Value, owner: Option<&Value>) -> Value {
        let base = if version.contains('/') {
            format!("/apis/{version}")
        } else {
            format!("/api/{version}")
        };
        let path = format!("{base}/{}s", kind.to_lowercase());
        let uid = self.uid();
        object["metadata"]["uid"] = uid.clone().into();
        object["metadata"]["ownerReferences"] = owner.into_iter().cloned().collect();
        let name = object["metadata"]["name"].clone();
        self.lists.entry(path).or_default().push(object);
        json!({"apiVersion": version, "kind": kind, "name": name, "uid": uid, "controller": true})
    }

    fn pod(&mut self, namespace: &str, name: &str, template: &Value, owner: Option<&Value>) {
        let mut metadata = template
            .get("metadata")
            .cloned()
            .unwrap_or_else(|| Value::Object(Map::new()));
        metadata["name"] = name.into();
        metadata["namespace"] = namespace.into();
        metadata["uid"] = self.uid().into();
        metadata["ownerReferences"] = owner.into_iter().cloned().collect();
        let mut spec = template["spec"].clone();
        spec["nodeName"] = "n".into();
        quote(&mut spec);
        let status = json!({"phase": "Running", "startTime": "2026-11-01T00:00:00Z"});
        let pod = json!({"metadata": metadata, "spec": spec, "status": status});
        self.lists.entry("/api/v1/pods".to_owned()).or_default().push(pod);
    }

    fn uid(&mut self) -> String {
        self.made += 1;
        format!("00000000-0000-4000-8000-{:012}", self.made)
    }
}

/// Pod templates, wherever an object has them.
fn templates(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(members) => {
            if value.pointer("/spec/containers").is_some_and(Value::is_array) {
                found.push(value.clone());
                return;
            }
            members.values().for_each(|member| templates(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| templates(item, found)),
        _ => {}
    }
}

/// Amounts as text: a server answers so, however they were written.
fn quote(spec: &mut Value) {
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            for amounts in ["limits", "requests"] {
                let Some(amounts) = container.pointer_mut(&format!("/resources/{amounts}")) else {
                    continue;
                };
                for amount in amounts
                    .as_object_mut()
                    .into_iter()
                    .flat_map(|members| members.values_mut())
                {
                    if amount.is_number() {
                        *amount = amount.to_string().into();
                    }
                }
            }
        }
    }
}
