//! What a node's labels tell of its GPUs, in the dialects of clouds, autoscalers and GPU feature discovery.

use crate::catalog::Catalog;
use crate::catalog::instances::InstanceType;
use crate::model::cluster::{Labels, Node, Resources};
use crate::model::gpu::{GpuModel, GpuResource, gpu_resource};
use crate::model::node_pool::{NodePool, Removes};
use crate::model::workload::CapacityType;

/// Labels that carry a board's name.
const PRODUCT_LABELS: [&str; 4] = [
    "nvidia.com/gpu.product",
    "cloud.google.com/gke-accelerator",
    "aliyun.accelerator/nvidia_name",
    "alibabacloud.com/gpu-card-model",
];

/// Name, memory in MiB and count of an instance's GPUs, as Karpenter's providers and EKS Auto Mode label them; Azure tells no
/// memory.
const INSTANCE_GPU_LABELS: [(&str, &str, &str); 3] = [
    (
        "karpenter.k8s.aws/instance-gpu-name",
        "karpenter.k8s.aws/instance-gpu-memory",
        "karpenter.k8s.aws/instance-gpu-count",
    ),
    (
        "eks.amazonaws.com/instance-gpu-name",
        "eks.amazonaws.com/instance-gpu-memory",
        "eks.amazonaws.com/instance-gpu-count",
    ),
    (
        "karpenter.azure.com/sku-gpu-name",
        "",
        "karpenter.azure.com/sku-gpu-count",
    ),
];

const COUNT_LABELS: [&str; 2] = [
    "cloud.google.com/gke-accelerator-count",
    "aliyun.accelerator/nvidia_count",
];

/// Labels that name the pool a node belongs to. The first is Karpenter's.
const POOL_LABELS: [&str; 14] = [
    "karpenter.sh/nodepool",
    "karpenter.sh/provisioner-name",
    "eks.amazonaws.com/nodegroup",
    "alpha.eksctl.io/nodegroup-name",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "agentpool",
    "compute.coreweave.com/node-pool",
    "doks.digitalocean.com/node-pool",
    "k8s.scaleway.com/pool-name",
    "ibm-cloud.kubernetes.io/worker-pool-name",
    "lke.linode.com/pool-id",
    "alibabacloud.com/nodepool-id",
    "kops.k8s.io/instancegroup",
];

fn parsed<T: std::str::FromStr>(labels: &Labels, label: &str) -> Option<T> {
    labels.get(label)?.parse().ok()
}

/// Whether the node has part of a GPU and none of its own, as EC2's G6f has: then no name and no count is a whole GPU's.
pub(super) fn is_fraction(labels: &Labels) -> bool {
    let mut named = INSTANCE_GPU_LABELS
        .iter()
        .filter(|(name, _, _)| labels.contains_key(*name));
    named.any(|(_, _, count)| parsed(labels, count) == Some(0))
}

/// The model of a node's GPUs; what no label names and the catalogue does not know stays unknown.
pub(super) fn model(labels: &Labels, listed: Option<&InstanceType>, catalog: &Catalog) -> Option<GpuModel> {
    if is_fraction(labels) {
        return None;
    }
    let products = PRODUCT_LABELS.iter().filter_map(|label| labels.get(*label));
    let product = products.into_iter().find_map(|name| catalog.model_named(name));
    let by_instance = || {
        INSTANCE_GPU_LABELS.iter().find_map(|(name, memory, _)| {
            let memory = parsed(labels, memory);
            catalog.model_from_karpenter(labels.get(*name)?, memory)
        })
    };
    let coreweave = || {
        let names = ["gpu.nvidia.com/model", "gpu.nvidia.com/class"];
        let named = names.iter().find_map(|label| labels.get(*label))?;
        catalog.model_from_karpenter(&board(named), None)
    };
    product
        .or_else(|| listed.map(|row| &row.gpu))
        .or_else(by_instance)
        .or_else(coreweave)
        .cloned()
}

/// CoreWeave's `A100_PCIE_80GB` as the catalogue has it: `A100-80GB-PCIE`; a board on NVLink is the usual one.
fn board(name: &str) -> String {
    let mut parts: Vec<&str> = name.split('_').filter(|part| *part != "NVLINK").collect();
    if let Some(at) = parts.iter().position(|part| *part == "PCIE") {
        let form = parts.remove(at);
        parts.push(form);
    }
    parts.join("-")
}

/// The profile under MIG's `single` strategy, where GPU feature discovery counts and measures slices as if they were GPUs.
pub(super) fn single_slice(labels: &Labels) -> Option<String> {
    let (_, profile) = labels.get("nvidia.com/gpu.product")?.split_once("-MIG-")?;
    Some(profile.trim_end_matches("-SHARED").to_owned())
}

/// Into how many shares each device behind a resource is handed out: time slices, or MPS. `None` where it is not shared;
/// `Some(None)` where it is, and nobody says into how many.
pub(super) fn replicas(labels: &Labels, resource: &str) -> Option<Option<u32>> {
    let label = match gpu_resource(resource)? {
        GpuResource::Slice(profile) => format!("nvidia.com/mig-{profile}"),
        GpuResource::Gpu | GpuResource::Shared => "nvidia.com/gpu".to_owned(),
    };
    let replicas = parsed(labels, &format!("{label}.replicas")).filter(|replicas| *replicas > 1);
    let product = labels.get(&format!("{label}.product"));
    let is_shared = resource.ends_with(".shared") || product.is_some_and(|product| product.ends_with("-SHARED"));
    (is_shared || replicas.is_some()).then_some(replicas)
}

/// How many GPUs a node has, whole ones also where they are cut or shared, as labels, the catalogue and what it offers tell.
pub(super) fn count(node: &Node, listed: Option<&InstanceType>, catalog: &Catalog) -> Option<u32> {
    let labels = &node.labels;
    if is_fraction(labels) {
        return Some(0);
    }
    let counts = INSTANCE_GPU_LABELS
        .iter()
        .map(|(_, _, count)| count)
        .chain(&COUNT_LABELS);
    let labelled = counts.into_iter().find_map(|label| parsed::<u32>(labels, label));
    let single = single_slice(labels);
    let discovered = parsed::<u32>(labels, "nvidia.com/gpu.count").filter(|_| single.is_none());
    let known = listed.map(|row| row.gpus).or(labelled).or(discovered);
    known.filter(|count| *count > 0).or_else(|| match single {
        None => offered_gpus(&node.allocatable, labels),
        Some(profile) => {
            let slices = offered_gpus(&node.allocatable, labels)?;
            let gpu = model(labels, listed, catalog)?;
            let row = catalog.mig_profiles(&gpu).find(|row| row.profile == profile)?;
            // A GPU that is not cut to the end leaves a remainder, and no count.
            slices.is_multiple_of(row.max_per_gpu).then(|| slices / row.max_per_gpu)
        }
    })
}

/// Devices that a node offers as whole GPUs, each once however often it is handed out.
fn offered_gpus(allocatable: &Resources, labels: &Labels) -> Option<u32> {
    let devices = allocatable
        .iter()
        .filter_map(|(name, amount)| match gpu_resource(name)? {
            GpuResource::Slice(_) => None,
            GpuResource::Gpu | GpuResource::Shared => match replicas(labels, name) {
                None => Some(*amount),
                Some(replicas) => Some(*amount / f64::from(replicas?)),
            },
        });
    let sum: f64 = devices.sum();
    (sum >= 1.0).then(|| sum.round() as u32)
}

/// The pool that a node belongs to.
pub(super) fn pool(node: &Node) -> Option<String> {
    let labelled = POOL_LABELS.iter().find_map(|label| node.labels.get(*label));
    let annotation = |name: &str| node.annotations.get(name);
    // A Machine has its MachineSet's name and a random suffix; OpenShift puts the namespace before it.
    let machine = || {
        let machine = annotation("machine.openshift.io/machine")?;
        let name = machine.rsplit('/').next()?;
        name.rsplit_once('-').map(|(set, _)| set.to_owned())
    };
    let owner = || {
        let is_set = annotation("cluster.x-k8s.io/owner-kind")? == "MachineSet";
        annotation("cluster.x-k8s.io/owner-name").filter(|_| is_set).cloned()
    };
    labelled.cloned().or_else(machine).or_else(owner)
}

/// Whether the node's own annotations keep autoscalers from removing it.
fn is_kept(node: &Node) -> bool {
    let says = |name: &str| node.annotations.get(name).is_some_and(|value| value == "true");
    says("cluster-autoscaler.kubernetes.io/scale-down-disabled") || says("karpenter.sh/do-not-disrupt")
}

/// Whether something, or somebody, removes the node when its pool shrinks.
pub(super) fn is_elastic(node: &Node, pools: &[NodePool]) -> bool {
    let goes = match removes(node, pools) {
        Some(Removes::Nothing) => false,
        // Nobody moves what else is on it.
        Some(Removes::Empty) => node.other_pods == 0,
        Some(Removes::Underutilized) | None => true,
    };
    pool(node).is_some() && !is_kept(node) && goes
}

/// Whether pods are moved together to empty it: by Karpenter, and EKS Auto Mode, which is Karpenter, where its pool says so.
pub(super) fn consolidates(node: &Node, pools: &[NodePool]) -> bool {
    removes(node, pools) == Some(Removes::Underutilized) && !is_kept(node)
}

/// Hours until an empty node goes by itself. What pools of a cloud do at night no label tells.
pub(super) fn goes_after_hours(node: &Node, pools: &[NodePool]) -> Option<f64> {
    karpenters(node, pools)?.after_hours.filter(|_| !is_kept(node))
}

/// What Karpenter removes of the node's pool; `None` where its pool is none of Karpenter's, or nobody could read it.
fn removes(node: &Node, pools: &[NodePool]) -> Option<Removes> {
    Some(karpenters(node, pools)?.removes)
}

fn karpenters<'p>(node: &Node, pools: &'p [NodePool]) -> Option<&'p NodePool> {
    let name = node.labels.get(POOL_LABELS[0])?;
    pools.iter().find(|pool| pool.name == *name)
}

/// How a node is bought. On GKE and AKS only spot pools are labelled: any other may run on a reservation, so that it stays
/// unknown.
pub(super) fn capacity(labels: &Labels) -> CapacityType {
    let label = |name: &str| labels.get(name).map(|value| value.to_lowercase());
    let is = |name: &str, value: &str| label(name).as_deref() == Some(value);
    let reservation = [
        "karpenter.k8s.aws/capacity-reservation-id",
        "cloud.google.com/reservation-name",
    ];
    let bought = ["karpenter.sh/capacity-type", "eks.amazonaws.com/capacityType"];
    match bought.iter().find_map(|name| label(name)).as_deref() {
        Some("spot") => return CapacityType::Spot,
        Some("reserved" | "capacity_block") => return CapacityType::Reserved,
        Some("on-demand" | "on_demand") if reservation.iter().all(|name| label(name).is_none()) => {
            return CapacityType::OnDemand;
        }
        _ => {}
    }
    let spot = is("cloud.google.com/gke-spot", "true")
        || is("cloud.google.com/gke-preemptible", "true")
        || is("cloud.google.com/gke-provisioning", "spot")
        || is("cloud.google.com/gke-provisioning", "preemptible")
        || is("kubernetes.azure.com/scalesetpriority", "spot")
        || is("node.kubernetes.io/lifecycle", "spot")
        || is("spotinst.io/node-lifecycle", "spot")
        || labels.contains_key("machine.openshift.io/interruptible-instance");
    if spot {
        return CapacityType::Spot;
    }
    if reservation.iter().any(|name| label(name).is_some()) {
        return CapacityType::Reserved;
    }
    CapacityType::Unknown
}

#[cfg(test)]
mod tests;
