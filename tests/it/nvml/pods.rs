//! Whose the GPUs are, as a kubelet on a socket of its own tells `gpuwise sample`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

use gpuwise::catalog::Catalog;
use gpuwise::model::cluster::Labels;
use gpuwise::sources::collect::naming::Naming;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::TempDir;

use super::{WHOLE, printed, sample, stub, value};

/// A length-delimited protobuf field.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = content.len();
    while length > 127 {
        bytes.push((length & 127) as u8 | 128);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(content);
    bytes
}

/// A pod of namespace `ml` with one container `main` and one device, as the kubelet encodes it.
fn pod(name: &str, device: &str) -> Vec<u8> {
    let devices = [field(1, b"nvidia.com/gpu"), field(2, device.as_bytes())].concat();
    let container = [field(1, b"main"), field(2, &devices)].concat();
    field(
        1,
        &[field(1, name.as_bytes()), field(2, b"ml"), field(3, &container)].concat(),
    )
}

/// A kubelet that lists these pods, or refuses with this gRPC status.
fn kubelet(socket: &Path, pods: Vec<u8>, status: &'static str) {
    let listener = tokio::net::UnixListener::bind(socket).unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let pods = pods.clone();
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let length = u32::try_from(pods.len()).unwrap().to_be_bytes();
                let body = [&[0][..], &length, &pods].concat();
                async move {
                    assert_eq!(request.uri().path(), "/v1.PodResourcesLister/List");
                    assert_eq!(request.headers()["content-type"], "application/grpc");
                    assert_eq!(request.into_body().collect().await.unwrap().to_bytes().len(), 5);
                    let mut trailers = HeaderMap::new();
                    trailers.insert("grpc-status", status.parse().unwrap());
                    let body = Full::new(Bytes::from(body)).with_trailers(async { Some(Ok(trailers)) });
                    Ok::<_, hyper::Error>(Response::new(body))
                }
            });
            let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
}

async fn ran(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

#[tokio::test]
async fn pods_are_those_that_the_kubelet_hands_gpus_to() {
    let folder = TempDir::new().unwrap();
    let Some(library) = stub(folder.path()) else { return };
    let socket = folder.path().join("kubelet.sock");
    // GPU 0 is handed out in shares; the second slice of GPU 1 is held and idle.
    let pods = [
        pod("chat-0", "GPU-stub-0::0"),
        pod("chat-1", "GPU-stub-0::1"),
        pod("notebook", "MIG-slice-1"),
        pod("other", "some-network-card"),
    ];
    kubelet(&socket, pods.concat(), "0");
    let arguments = ["--format", "metrics", "--kubelet", socket.to_str().unwrap()];
    let metrics = printed(&ran(sample(&library, &arguments)).await);
    let used = |labels: &[&str]| value(&metrics, "DCGM_FI_DEV_FB_USED", labels);
    for (pod, share) in [("chat-0", "0"), ("chat-1", "1")] {
        let labels = format!(r#"container="main",namespace="ml",pod="{pod}",vgpu="{share}""#);
        assert_eq!(used(&[WHOLE, &labels]), Some(30000.0), "{metrics}");
    }
    assert_eq!(used(&[r#"pod="notebook""#]), Some(1001.0), "{metrics}");
    assert_eq!(used(&[r#"pod="other""#]), None);
    let free = metrics
        .lines()
        .find(|line| line.contains("FB_USED") && line.contains("3g.40gb"))
        .unwrap();
    assert!(!free.contains("pod="), "{free}");

    // As the reader of Prometheus joins them.
    let labels: Vec<Labels> = metrics
        .lines()
        .filter(|line| line.contains("FB_USED{"))
        .map(labels)
        .collect();
    let catalog = Catalog::shipped().unwrap();
    let naming = Naming {
        known: &BTreeSet::new(),
        claimed: &BTreeMap::new(),
        by_claim: &BTreeMap::new(),
        exported: false,
        servers_exported: false,
        catalog: &catalog,
    };
    let joined = naming.devices(labels.iter());
    let held = &joined.devices[&("ml".to_owned(), "notebook".to_owned())];
    let (device, series) = held.first_key_value().unwrap();
    assert_eq!((device.node.as_str(), device.uuid.as_str()), ("node-a", "GPU-stub-1"));
    assert_eq!(series.kind.as_ref().unwrap().mig.as_deref(), Some("1g.10gb"));
    assert_eq!(
        joined.devices.len(),
        3,
        "only pods hold GPUs: {:?}",
        joined.devices.keys()
    );
}

/// The labels of a line whose values hold neither quotes nor commas.
fn labels(line: &str) -> Labels {
    let inside = line.split_once('{').unwrap().1.rsplit_once('}').unwrap().0;
    let pairs = inside.split(',').map(|pair| pair.split_once('=').unwrap());
    pairs
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect()
}

#[tokio::test]
async fn a_kubelet_that_refuses_is_a_gap() {
    let folder = TempDir::new().unwrap();
    let Some(library) = stub(folder.path()) else { return };
    let socket = folder.path().join("kubelet.sock");
    kubelet(&socket, Vec::new(), "12");
    let arguments = ["--format", "json", "--kubelet", socket.to_str().unwrap()];
    let json: serde_json::Value = serde_json::from_str(&printed(&ran(sample(&library, &arguments)).await)).unwrap();
    assert_eq!(json["gaps"][0]["code"], "no-pods", "{json}");
    assert!(
        json["gaps"][0]["why"].as_str().unwrap().contains("gRPC status 12"),
        "{json}"
    );
}
