//! One reading of a cluster: nodes, GPU pods, their owners, and autoscalers.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::core::ApiResource;

use super::connect::Connection;
use super::error::KubernetesError;
use super::list::{Need, Reader};
use super::served::Served;
use super::{autoscalers, devices, kept, node_pools, objects, owners, pools, queues};
use crate::model::budget::DisruptionBudget;
use crate::model::cluster::{Controller, Hpa, Node, Pod};
use crate::model::devices::{DeviceClaim, OfferedDevice};
use crate::model::gap::Gap;
use crate::model::manifest::OWN_NODES;
use crate::model::node_pool::NodePool;
use crate::model::pools::InferencePool;
use crate::model::progress::Progress;
use crate::model::queueing::Queues;

/// What the Kubernetes API told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KubernetesReading {
    /// All nodes.
    pub nodes: Vec<Node>,
    /// Pods that ask for GPUs, and pods that own such pods.
    pub pods: Vec<Pod>,
    /// Who owns those pods, directly or through others, and who would but is scaled to zero.
    pub controllers: Vec<Controller>,
    /// All horizontal pod autoscalers.
    pub hpas: Vec<Hpa>,
    /// Pod disruption budgets.
    pub disruption_budgets: Vec<DisruptionBudget>,
    /// Karpenter's node pools.
    pub node_pools: Vec<NodePool>,
    /// GPUs that DRA drivers offer.
    pub devices: Vec<OfferedDevice>,
    /// Resource claims that have their devices.
    pub device_claims: Vec<DeviceClaim>,
    /// Pools of model servers behind an endpoint picker.
    pub pools: Vec<InferencePool>,
    /// Kueue's queues and what waits in them.
    pub queues: Queues,
    /// The newest time that nodes and GPU pods tell, by which it is known of when all this is.
    pub newest: Option<Timestamp>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// Reads the cluster with one list per resource; nothing is asked object by object.
///
/// # Errors
/// When the server cannot be reached, does not accept the credentials, or fails to list nodes or pods. What may not be
/// listed is a gap.
pub async fn read(connection: &Connection, progress: &dyn Progress) -> Result<KubernetesReading, KubernetesError> {
    let mut reader = Reader {
        connection,
        progress,
        gaps: Vec::new(),
    };
    let served = Served::ask(connection).await;
    let mut newest: Option<Timestamp> = None;
    let mut nodes = reader
        .list(
            &[ApiResource::erase::<core::Node>(&())],
            Need::Essential,
            "which nodes exist, with which GPUs",
            |node: core::Node| {
                newest = newest.max(objects::heard(&node));
                Some(objects::node(node))
            },
        )
        .await?;
    let (mut pods, others) = gpu_pods(&mut reader).await?;
    tell_of_others(&mut nodes, &others);
    let (devices, mut device_claims) = devices::read(&mut reader, &served, &pods).await?;
    let queues = queues::read(&mut reader, &served, &pods).await?;
    let pools = pools::read(&mut reader, &served).await?;
    let node_pools = node_pools::read(&mut reader, &served, &nodes).await?;
    let mut controllers = owners::of(&mut reader, &served, &mut pods, others, &queues::owners(&queues)).await?;
    kept::tell(&mut reader, &served, &mut controllers).await?;
    let hpas = autoscalers::read(&mut reader, &served).await?;
    let mut disruption_budgets = reader
        .list(
            &[ApiResource::erase::<PodDisruptionBudget>(&())],
            Need::Useful,
            "which pods may be disrupted, and how many at a time",
            objects::disruption_budget,
        )
        .await?;
    let of_pods = pods.iter().flat_map(|pod| [pod.started, pod.finished]);
    let newest = of_pods
        .chain(nodes.iter().map(|node| node.created))
        .fold(newest, Ord::max);
    // The server's order is that of its store; a reading of the same cluster is to be the same.
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    pods.sort_by(|a, b| (&a.namespace, &a.name, &a.uid).cmp(&(&b.namespace, &b.name, &b.uid)));
    controllers.sort_by(|a, b| (&a.namespace, &a.this).cmp(&(&b.namespace, &b.this)));
    disruption_budgets.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    device_claims.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    Ok(KubernetesReading {
        nodes,
        pods,
        controllers,
        hpas,
        disruption_budgets,
        node_pools,
        devices,
        device_claims,
        pools,
        queues,
        newest,
        gaps: reader.gaps,
    })
}

/// Tells nodes how many pods without GPUs keep them from being empty: all but those that are on every node, and what is over. Of
/// those that are on every node it tells which would not be on a workload's own ones.
fn tell_of_others(nodes: &mut [Node], others: &HashMap<String, Pod>) {
    let mut counts: HashMap<&str, u32> = HashMap::new();
    let mut strict: HashMap<&str, BTreeSet<String>> = HashMap::new();
    let living = others
        .values()
        .filter(|pod| !matches!(pod.phase.as_str(), "Succeeded" | "Failed"));
    for pod in living {
        let Some(node) = pod.node.as_deref() else { continue };
        let owner = pod.owner.as_ref().map(|owner| (owner.kind.as_str(), &owner.name));
        match owner {
            Some(("DaemonSet", name)) => {
                let tolerations = &pod.scheduling.tolerations;
                if !tolerations.iter().any(|one| one.bears(OWN_NODES, "", "NoSchedule")) {
                    strict
                        .entry(node)
                        .or_default()
                        .insert(format!("{}/{name}", pod.namespace));
                }
            }
            Some(("Node", _)) => {}
            _ => *counts.entry(node).or_insert(0) += 1,
        }
    }
    for node in nodes {
        node.other_pods = counts.get(node.name.as_str()).copied().unwrap_or(0);
        node.strict_daemons = Some(strict.remove(node.name.as_str()).unwrap_or_default());
    }
}

/// Pods that ask for GPUs, and all others by UID: any of them may turn out to own a GPU pod, as the leader of a
/// LeaderWorkerSet or a Spark driver does.
async fn gpu_pods(reader: &mut Reader<'_>) -> Result<(Vec<Pod>, HashMap<String, Pod>), KubernetesError> {
    let all = reader
        .list(
            &[ApiResource::erase::<core::Pod>(&())],
            Need::Essential,
            "which pods run on GPUs",
            objects::pod,
        )
        .await?;
    let (gpu, others): (Vec<Pod>, Vec<Pod>) = all
        .into_iter()
        .partition(|pod| pod.claims_devices || objects::ask_for_gpus(&pod.requests()));
    let others = others.into_iter().map(|pod| (pod.uid.clone(), pod)).collect();
    Ok((gpu, others))
}
