//! A real Kubernetes API on loopback: etcd and kube-apiserver out of the folder that `KUBEBUILDER_ASSETS` names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gpuwise::sources::kubernetes;
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::{DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{GroupVersionKind, Request};
use kube::discovery::Scope;
use serde_json::{Value, json};

use crate::generator::World;
use crate::servers::{Running, free_ports, get, kubeconfig};

/// What the tools of controller authors call the folder that holds both binaries.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// The most operations that etcd takes in one transaction.
const BATCH: usize = 128;

/// Lists of objects by the path at which the API serves them.
pub(crate) type Lists = BTreeMap<String, Value>;

/// An API server with RBAC and no controllers: nothing is scheduled, nothing is collected.
pub(crate) struct ApiServer {
    /// May do everything.
    pub(crate) admin: kube::Client,
    port: u16,
    // Stopped in this order, before their folder goes away.
    server: Running,
    _etcd: Running,
    folder: tempfile::TempDir,
}

/// Where the binaries are; `None`, and a line that says so, where no folder is named.
///
/// # Panics
/// When a folder is named that lacks one of them.
pub(crate) fn assets() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os(ASSETS).map(PathBuf::from) else {
        println!("skipped: {ASSETS} names no folder with `kube-apiserver` and `etcd`");
        return None;
    };
    for binary in ["kube-apiserver", "etcd"] {
        let path = folder.join(binary);
        assert!(path.is_file(), "{ASSETS} is set, but there is no `{}`", path.display());
    }
    Some(folder)
}

impl ApiServer {
    /// Starts one that holds these objects.
    pub(crate) async fn start(assets: &Path, lists: &Lists) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [client, peer, port] = free_ports();
        let etcd = etcd(assets, folder.path(), client, peer).await;
        restore(client, lists).await;
        let (server, admin) = kube_apiserver(assets, folder.path(), client, port).await;
        let mut started = Self {
            admin,
            port,
            server,
            _etcd: etcd,
            folder,
        };
        for path in lists.keys().filter(|path| group(path).contains('.')) {
            started.define_like(path, &lists[path]).await;
        }
        started
    }

    /// Makes a custom kind of the one that a list is of, and waits until it is served.
    async fn define_like(&mut self, path: &str, list: &Value) {
        let parts: Vec<&str> = path.split('/').collect();
        let &[_, _, group, version, plural] = &parts[..] else {
            panic!("{path} is not /apis/GROUP/VERSION/PLURAL");
        };
        // Nodes are in no namespace, and neither are their pools.
        let scope = if plural == "nodepools" { "Cluster" } else { "Namespaced" };
        let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{group}")},
            "spec": {
                "group": group, "scope": scope, "names": {"plural": plural, "kind": kind_in(list)},
                "versions": [{
                    "name": version, "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
                }],
            },
        });
        self.define(&definition, path).await;
    }

    /// Makes a custom kind, and waits until it is served at this path.
    pub(crate) async fn define(&mut self, definition: &Value, path: &str) {
        self.apply(definition).await.unwrap();
        let admin = self.admin.clone();
        let is_served = async || answers(&admin, path).await;
        self.server.until(is_served).await;
    }

    /// What `kubectl apply --server-side --validate=strict` does.
    pub(crate) async fn apply(&self, object: &Value) -> kube::Result<DynamicObject> {
        self.patch(object, PatchParams::apply("gpuwise").validation_strict())
            .await
    }

    /// The same with `--dry-run=server`.
    pub(crate) async fn admit(&self, object: &Value) -> kube::Result<DynamicObject> {
        let params = PatchParams::apply("gpuwise").validation_strict();
        self.patch(object, params.dry_run()).await
    }

    async fn patch(&self, object: &Value, params: PatchParams) -> kube::Result<DynamicObject> {
        let object: DynamicObject = serde_json::from_value(object.clone()).unwrap();
        let kind = GroupVersionKind::try_from(object.types.as_ref().unwrap()).unwrap();
        let (resource, capabilities) = kube::discovery::pinned_kind(&self.admin, &kind).await?;
        let objects: Api<DynamicObject> = match (&object.metadata.namespace, capabilities.scope) {
            (Some(namespace), Scope::Namespaced) => Api::namespaced_with(self.admin.clone(), namespace, &resource),
            (None, Scope::Cluster) => Api::all_with(self.admin.clone(), &resource),
            (namespace, scope) => panic!("a {} ({scope:?}) in namespace {namespace:?}", kind.kind),
        };
        let name = object.metadata.name.as_deref().unwrap();
        objects.patch(name, &params, &Patch::Apply(&object)).await
    }

    /// A kubeconfig for whoever may do everything.
    pub(crate) fn admin_kubeconfig(&self) -> PathBuf {
        self.folder.path().join("admin")
    }

    /// A kubeconfig for a service account, with a token as its pods get one.
    pub(crate) async fn kubeconfig(&self, namespace: &str, account: &str) -> PathBuf {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.admin.clone(), namespace);
        let asked = TokenRequest::default();
        let granted = accounts
            .create_token_request(account, &PostParams::default(), &asked)
            .await
            .unwrap();
        let token = granted.status.unwrap().token.unwrap();
        login(&self.folder.path().join(account), self.folder.path(), self.port, &token)
    }
}

/// A kubeconfig that trusts what the server signed for itself.
fn login(path: &Path, folder: &Path, port: u16, token: &str) -> PathBuf {
    let authority = folder.join("certificates/apiserver.crt");
    let cluster = json!({"server": format!("https://127.0.0.1:{port}"), "certificate-authority": authority});
    kubeconfig(path, &cluster, &json!({"token": token}))
}

async fn etcd(assets: &Path, folder: &Path, client: u16, peer: u16) -> Running {
    let (clients, peers) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
    let mut running = Running::start(
        Command::new(assets.join("etcd"))
            .arg(format!("--data-dir={}", folder.join("etcd").display()))
            .args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients])
            .args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers])
            .args(["--name=one", &format!("--initial-cluster=one={peers}")]),
        folder,
    );
    running.until(async || get(client, "/health") == Some(200)).await;
    running
}

async fn kube_apiserver(assets: &Path, folder: &Path, etcd: u16, port: u16) -> (Running, kube::Client) {
    let key = folder.join("account.key");
    let made = Command::new("openssl")
        .args(["genrsa", "-out", key.to_str().unwrap(), "2048"])
        .output();
    let made = made.unwrap_or_else(|error| panic!("openssl: {error}"));
    assert!(made.status.success(), "openssl made no key: {made:?}");
    let tokens = folder.join("tokens.csv");
    std::fs::write(&tokens, "admin,admin,admin,system:masters\n").unwrap();
    let mut running = Running::start(
        Command::new(assets.join("kube-apiserver"))
            .arg(format!("--etcd-servers=http://127.0.0.1:{etcd}"))
            .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
            .arg(format!("--secure-port={port}"))
            .arg(format!("--cert-dir={}", folder.join("certificates").display()))
            .arg(format!("--token-auth-file={}", tokens.display()))
            .arg(format!("--service-account-signing-key-file={}", key.display()))
            .arg(format!("--service-account-key-file={}", key.display()))
            .arg("--service-account-issuer=https://kubernetes.default.svc")
            .args(["--service-cluster-ip-range=10.0.0.0/24", "--authorization-mode=RBAC"])
            // The endpoints of the server itself may not be on loopback.
            .arg("--endpoint-reconciler-type=none")
            // It waits for accounts that a controller would make.
            .arg("--disable-admission-plugins=ServiceAccount"),
        folder,
    );
    let config = login(&folder.join("admin"), folder, port, "admin");
    let connect = async || kubernetes::connect(Some(&config), None, None).await.map(|to| to.client);
    let is_ready = async || {
        let Ok(admin) = connect().await else {
            return false;
        };
        answers(&admin, "/readyz").await
    };
    running.until(is_ready).await;
    (running, connect().await.unwrap())
}

/// Whether a GET of this path succeeds.
async fn answers(client: &kube::Client, path: &str) -> bool {
    // Of all requests, a list alone asks for its path as it is.
    let request = Request::new(path).list(&ListParams::default()).unwrap();
    client.request_text(request).await.is_ok()
}

/// Puts objects where the API server will find them, as a backup is restored. Through the API they would get other UIDs,
/// to which no owner refers, and the present as the time at which they were made.
async fn restore(etcd: u16, lists: &Lists) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let puts: Vec<Value> = lists.iter().flat_map(|(path, list)| stored(path, list)).collect();
    for batch in puts.chunks(BATCH) {
        let answer = client
            .post(format!("http://127.0.0.1:{etcd}/v3/kv/txn"))
            .json(&json!({"success": batch}))
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "etcd: {}", answer.text().await.unwrap());
    }
}

/// The objects of a list as operations of etcd.
fn stored(path: &str, list: &Value) -> impl Iterator<Item = Value> {
    let plural = path.rsplit('/').next().unwrap();
    let prefix = match group(path) {
        "" if plural == "nodes" => "minions".to_owned(),
        custom if custom.contains('.') => format!("{custom}/{plural}"),
        _ => plural.to_owned(),
    };
    objects(list).map(move |object| {
        let meta = &object["metadata"];
        let place = [meta["namespace"].as_str(), meta["name"].as_str()];
        let place: Vec<&str> = place.into_iter().flatten().collect();
        let key = format!("/registry/{prefix}/{}", place.join("/"));
        json!({"requestPut": {"key": BASE64.encode(key), "value": BASE64.encode(object.to_string())}})
    })
}

/// What a world lists, without what discovery says of it.
pub(crate) fn lists(world: &World) -> Lists {
    let mut answers = world.kubernetes();
    answers.retain(|_, answer| answer.get("items").is_some());
    answers
}

/// The objects of a list, each with the kind that the list says once for all.
pub(crate) fn objects(list: &Value) -> impl Iterator<Item = Value> {
    list["items"].as_array().unwrap().iter().map(|item| {
        let mut object = item.clone();
        object["apiVersion"] = list["apiVersion"].clone();
        object["kind"] = kind_in(list).into();
        object
    })
}

fn kind_in(list: &Value) -> &str {
    list["kind"].as_str().unwrap().strip_suffix("List").unwrap()
}

/// The API group of a path: empty for the core. Of those that a world has, the custom ones have a dot.
fn group(path: &str) -> &str {
    let mut parts = path.split('/').skip(1);
    match parts.next() {
        Some("apis") => parts.next().unwrap(),
        _ => "",
    }
}
