//! Reading clusters that a server on the loopback plays.

mod chains;
mod claims;
mod connecting;
mod granting;
mod kept;
mod laid_over;
mod owning;
mod paging;
mod pods;
mod pools;
mod queues;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Connection, KubernetesError, KubernetesReading, read};
use crate::model::progress::Silent;
use crate::sources::loopback::{Reply, Server};

/// Lists by path; what is not there is not found, as for a resource that is not served.
type Cluster = BTreeMap<&'static str, Value>;

fn cluster(lists: &[(&'static str, Vec<Value>)]) -> Cluster {
    let list = |items: &Vec<Value>| json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items});
    let mut cluster: Cluster = ["/api/v1/nodes", "/api/v1/pods"]
        .map(|path| (path, list(&Vec::new())))
        .into();
    cluster.extend(lists.iter().map(|(path, items)| (*path, list(items))));
    cluster
}

fn status(code: u16, reason: &str) -> Reply {
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": format!("{reason} in words"), "reason": reason, "code": code});
    Reply::json(code, &body)
}

fn serve(cluster: Cluster) -> Server {
    Server::serve(move |path| {
        let path = path.split('?').next().unwrap();
        cluster
            .get(path)
            .map_or_else(|| status(404, "NotFound"), |list| Reply::json(200, list))
    })
}

fn connection(server: &Server) -> Connection {
    Connection::new(kube::Config::new(server.url().parse().unwrap()), None, None).unwrap()
}

async fn reading(server: &Server) -> Result<KubernetesReading, KubernetesError> {
    read(&connection(server), &Silent).await
}

/// An object that `owner` (apiVersion, kind, name, UID) controls.
fn object(name: &str, owner: Option<(&str, &str, &str, &str)>, spec: &Value) -> Value {
    let owners: Vec<Value> = owner
        .into_iter()
        .map(|(version, kind, name, uid)| {
            json!({"apiVersion": version, "kind": kind, "name": name, "uid": uid, "controller": true})
        })
        .collect();
    json!({"metadata": {"name": name, "namespace": "ml", "uid": format!("uid-{name}"), "ownerReferences": owners},
        "spec": spec})
}

/// The spec of a pod that asks for this many GPUs.
fn gpus(count: u32) -> Value {
    let limits = if count == 0 {
        json!({"cpu": "1"})
    } else {
        json!({"nvidia.com/gpu": count.to_string()})
    };
    json!({"containers": [{"name": "main", "image": "i", "resources": {"limits": limits}}]})
}
