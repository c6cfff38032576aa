//! The same on a real Kubernetes API, with its own owners of fields and defaults, and what kubectl does on its side.

use gpuwise::model::manifest::Deployed;
use gpuwise::model::progress::Silent;
use gpuwise::sources::kubernetes;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::{Applier, CLIENT, Cluster, FLUX, forgotten, left_out, never_lowered};
use crate::apiserver::{self, ApiServer};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

struct Live<'s> {
    server: &'s ApiServer,
    objects: Api<Deployment>,
}

fn manifest(replicas: Option<u32>) -> Value {
    let labels = json!({"app": "llama"});
    let mut manifest = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "llama", "namespace": "chat"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{
                    "name": "vllm", "image": "vllm/vllm-openai:v0.12.0", "resources": {"limits": {"nvidia.com/gpu": "1"}},
                }]},
            },
        },
    });
    if let Some(replicas) = replicas {
        manifest["spec"]["replicas"] = replicas.into();
    }
    manifest
}

impl Cluster for Live<'_> {
    async fn apply(&mut self, by: Applier, replicas: Option<u32>) -> bool {
        match by {
            Applier::Client => self.client_side(replicas).await,
            Applier::Server { manager, force } => {
                let mut object = manifest(replicas);
                if manager == FLUX {
                    object["metadata"]["labels"] = json!({
                        "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
                    });
                }
                if manager == super::KEEPER {
                    object["spec"] = json!({"replicas": replicas});
                }
                let params = PatchParams {
                    force,
                    ..PatchParams::apply(manager)
                };
                self.objects
                    .patch("llama", &params, &Patch::Apply(&object))
                    .await
                    .is_ok()
            }
        }
    }

    async fn scale(&mut self, to: u32) {
        let params = PatchParams {
            field_manager: Some("kube-controller-manager".to_owned()),
            ..PatchParams::default()
        };
        let patch = json!({"spec": {"replicas": to}});
        self.objects
            .patch_scale("llama", &params, &Patch::Merge(&patch))
            .await
            .unwrap();
    }

    async fn forget_applied(&mut self) {
        let patch = json!({"metadata": {"annotations": {LAST_APPLIED: manifest(None).to_string()}}});
        self.objects
            .patch("llama", &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .unwrap();
    }

    async fn replicas(&mut self) -> u32 {
        let object = self.objects.get("llama").await.unwrap();
        u32::try_from(object.spec.replicas.unwrap()).unwrap()
    }

    async fn deployed(&mut self) -> Deployed {
        let config = self.server.admin_kubeconfig();
        let connection = kubernetes::connect(Some(&config), None, None).await.unwrap();
        let reading = kubernetes::read(&connection, &Silent).await.unwrap();
        let own = reading
            .controllers
            .into_iter()
            .find(|controller| controller.this.name == "llama");
        own.unwrap().deployed.unwrap()
    }
}

impl Live<'_> {
    /// What `kubectl apply` does: it creates, or sends the difference between what it applied last, what it applies now and what is.
    async fn client_side(&self, replicas: Option<u32>) -> bool {
        let mut object = manifest(replicas);
        object["metadata"]["annotations"] = json!({LAST_APPLIED: manifest(replicas).to_string()});
        let Some(live) = self.objects.get_opt("llama").await.unwrap() else {
            let created = serde_json::from_value(object).unwrap();
            let params = PostParams {
                field_manager: Some(CLIENT.to_owned()),
                ..PostParams::default()
            };
            return self.objects.create(&params, &created).await.is_ok();
        };
        let annotations = live.metadata.annotations.unwrap_or_default();
        let last: Value = annotations
            .get(LAST_APPLIED)
            .map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
        if replicas.is_none() && !last["spec"]["replicas"].is_null() {
            object["spec"]["replicas"] = Value::Null;
        }
        let params = PatchParams {
            field_manager: Some(CLIENT.to_owned()),
            ..PatchParams::default()
        };
        self.objects
            .patch("llama", &params, &Patch::Strategic(&object))
            .await
            .is_ok()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_never_go_down_on_a_real_api_server() {
    let Some(assets) = apiserver::assets() else { return };
    let server = ApiServer::start(&assets, &apiserver::Lists::new()).await;
    let namespaces: Api<Namespace> = Api::all(server.admin.clone());
    let chat = serde_json::from_value(json!({"metadata": {"name": "chat"}})).unwrap();
    namespaces.create(&PostParams::default(), &chat).await.unwrap();
    let fresh = async || {
        let objects: Api<Deployment> = Api::namespaced(server.admin.clone(), "chat");
        // There is no garbage collector, and nothing to be collected.
        _ = objects.delete("llama", &DeleteParams::default()).await;
        while objects.get_opt("llama").await.unwrap().is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        Live {
            server: &server,
            objects,
        }
    };
    never_lowered(fresh).await;
    forgotten(fresh).await;
    let trap = left_out(fresh).await;
    assert!(
        trap.values().all(|replicas| *replicas == 1),
        "leaving replicas out sets them to one: {trap:?}"
    );
}
