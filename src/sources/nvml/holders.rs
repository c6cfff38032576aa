//! Which containers a node's GPUs are handed to, as the kubelet's pod-resources socket tells: idle holders, too.

use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;

use super::sample::{Device, Holder, Sample};

/// Where the kubelet listens.
pub const SOCKET: &str = "/var/lib/kubelet/pod-resources/kubelet.sock";

/// A node has at most some hundred pods of some hundred bytes each.
const LIMIT: usize = 64 << 20;

/// Why the kubelet did not tell.
#[derive(Debug, thiserror::Error)]
pub enum KubeletError {
    /// The socket is not there or not ours to use.
    #[error(
        "cannot connect to the kubelet's socket {socket}: {cause}; mount its folder, and run as a user that may open it"
    )]
    Socket {
        /// Its path.
        socket: String,
        /// Why.
        cause: std::io::Error,
    },
    /// It answers something else.
    #[error(
        "the kubelet at {socket} does not list pod resources: {cause}; v1 of that API is needed (Kubernetes 1.20 or newer)"
    )]
    Refused {
        /// Its path.
        socket: String,
        /// Why.
        cause: String,
    },
}

/// A device as the kubelet names it, and who holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The resource, such as `nvidia.com/gpu`.
    pub resource: String,
    /// The device plugin's name of the device.
    pub device: String,
    /// Who.
    pub holder: Holder,
}

// Of k8s.io/kubelet/pkg/apis/podresources/v1/api.proto, what is needed.
#[derive(Clone, PartialEq, Message)]
struct ListPodResourcesResponse {
    #[prost(message, repeated, tag = "1")]
    pod_resources: Vec<PodResources>,
}

#[derive(Clone, PartialEq, Message)]
struct PodResources {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    namespace: String,
    #[prost(message, repeated, tag = "3")]
    containers: Vec<ContainerResources>,
}

#[derive(Clone, PartialEq, Message)]
struct ContainerResources {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    devices: Vec<ContainerDevices>,
}

#[derive(Clone, PartialEq, Message)]
struct ContainerDevices {
    #[prost(string, tag = "1")]
    resource_name: String,
    #[prost(string, repeated, tag = "2")]
    device_ids: Vec<String>,
}

/// Asks the kubelet. Needs a tokio runtime around it.
///
/// # Errors
/// As [`KubeletError`] says; also when it takes longer than ten seconds.
pub async fn held(socket: &Path) -> Result<Vec<Held>, KubeletError> {
    let shown = socket.display().to_string();
    let stream = tokio::net::UnixStream::connect(socket)
        .await
        .map_err(|cause| KubeletError::Socket {
            socket: shown.clone(),
            cause,
        })?;
    let refused = |cause: String| KubeletError::Refused {
        socket: shown.clone(),
        cause,
    };
    match tokio::time::timeout(Duration::from_secs(10), list(stream)).await {
        Ok(Ok(held)) => Ok(held),
        Ok(Err(cause)) => Err(refused(cause)),
        Err(_) => Err(refused("no answer within ten seconds".to_owned())),
    }
}

/// One gRPC call: five bytes of a frame's head (no compression, no bytes of request), and back the same with the answer.
async fn list(stream: tokio::net::UnixStream) -> Result<Vec<Held>, String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|error| told(&error))?;
    // It ends when the sender is dropped.
    tokio::spawn(connection);
    let request = Request::post("http://localhost/v1.PodResourcesLister/List")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(Bytes::from_static(&[0; 5])))
        .map_err(|error| told(&error))?;
    let response = sender.send_request(request).await.map_err(|error| told(&error))?;
    if response.status() != StatusCode::OK {
        return Err(format!("HTTP status {}", response.status()));
    }
    let (head, body) = response.into_parts();
    let body = Limited::new(body, LIMIT)
        .collect()
        .await
        .map_err(|error| told(&error))?;
    // An answer without a message has its trailers in its head.
    let trailers = body.trailers().unwrap_or(&head.headers);
    let word = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok());
    match word("grpc-status") {
        Some("0") => decode(&body.to_bytes()),
        Some(code) => Err(format!(
            "gRPC status {code}: {}",
            word("grpc-message").unwrap_or_default()
        )),
        None => Err("it does not speak gRPC".to_owned()),
    }
}

/// The devices in a frame that holds a `ListPodResourcesResponse`.
///
/// # Errors
/// When it is compressed, cut off, longer than it says, or no such message.
pub fn decode(frame: &[u8]) -> Result<Vec<Held>, String> {
    let (head, message) = frame.split_at_checked(5).ok_or("the answer is cut off")?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    if head[0] != 0 || length != message.len() {
        return Err("the answer is compressed or cut off".to_owned());
    }
    let answer = ListPodResourcesResponse::decode(message).map_err(|error| error.to_string())?;
    let mut held = Vec::new();
    for pod in answer.pod_resources {
        for container in pod.containers {
            for devices in container.devices {
                held.extend(devices.device_ids.into_iter().map(|device| Held {
                    resource: devices.resource_name.clone(),
                    device,
                    holder: Holder {
                        namespace: pod.namespace.clone(),
                        pod: pod.name.clone(),
                        container: container.name.clone(),
                        share: None,
                    },
                }));
            }
        }
    }
    Ok(held)
}

/// Names the holders of a sample's devices.
pub fn name(sample: &mut Sample, held: &[Held]) {
    for device in &mut sample.devices {
        device.holders = held
            .iter()
            .filter_map(|held| {
                let share = share_of(device, &held.device)?;
                Some(Holder {
                    share,
                    ..held.holder.clone()
                })
            })
            .collect();
        device.holders.sort();
    }
}

/// Whether a device plugin means this device by `id`, and which share of it. NVIDIA's plugin says the UUID of the GPU or
/// slice, and `UUID::N` for the Nth share; that of GKE `nvidiaN`, and `nvidiaN/vgpuM`.
fn share_of(device: &Device, id: &str) -> Option<Option<String>> {
    let (id, share) = match id.split_once("::").or_else(|| id.split_once("/vgpu")) {
        Some((id, share)) => (id, Some(share.to_owned())),
        None => (id, None),
    };
    let own = device.slice.as_ref().map_or(&device.uuid, |slice| &slice.uuid);
    let path = device.minor.filter(|_| device.slice.is_none());
    let is = id == own || path.is_some_and(|minor| id == format!("nvidia{minor}"));
    is.then_some(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_cut_off_or_garbage_is_refused() {
        for frame in [
            &[0_u8][..],
            &[0, 0, 0, 0, 9, 1],
            &[1, 0, 0, 0, 0],
            &[0, 0, 0, 0, 2, 10, 200],
        ] {
            assert!(decode(frame).is_err(), "{frame:?}");
        }
        assert_eq!(decode(&[0; 5]), Ok(Vec::new()));
    }
}
