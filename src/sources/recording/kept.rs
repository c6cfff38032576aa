//! Which labels a redacted recording keeps as they are, and how the others read.

use super::names::Text;

/// Labels whose value is a fact of the hardware, the provider or the framework, by the beginning of their key.
const KEPT_PREFIXES: [&str; 12] = [
    "nvidia.com/",
    "gpu.nvidia.com/",
    "topology.kubernetes.io/",
    "failure-domain.beta.kubernetes.io/",
    "karpenter.k8s.aws/instance-",
    "karpenter.azure.com/sku-",
    "eks.amazonaws.com/instance-",
    "aliyun.accelerator/",
    "alibabacloud.com/gpu-",
    "cloud.google.com/gke-accelerator",
    "cloud.google.com/gke-gpu",
    "cloud.google.com/gke-tpu",
];

/// The same, by their key.
const KEPT_KEYS: [&str; 36] = [
    "node.kubernetes.io/instance-type",
    "beta.kubernetes.io/instance-type",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "karpenter.sh/capacity-type",
    "eks.amazonaws.com/capacityType",
    "cloud.google.com/gke-spot",
    "cloud.google.com/gke-preemptible",
    "cloud.google.com/gke-provisioning",
    "cloud.google.com/machine-family",
    "kubernetes.azure.com/scalesetpriority",
    "kubernetes.azure.com/accelerator",
    "node.kubernetes.io/lifecycle",
    "spotinst.io/node-lifecycle",
    "cluster.x-k8s.io/owner-kind",
    "ray.io/originated-from-crd",
    "training.kubeflow.org/replica-type",
    "training.kubeflow.org/job-role",
    "ray.io/node-type",
    "kserve.io/component",
    "llm-d.ai/role",
    "modelName",
    "GPU_I_ID",
    "GPU_I_PROFILE",
    "num_gpu_blocks",
    "block_size",
    "cache_dtype",
    "gpuwise.dev/ignore",
    "gpuwise.dev/levers",
    "gpuwise.dev/freeze-until",
    "gpuwise.dev/min-replicas",
    "engine",
    "le",
    "native",
];

/// How a label's value is read; `None` where it is kept.
pub(super) fn reads_as(key: &str, value: &str) -> Option<Text> {
    let kept = KEPT_KEYS.contains(&key) || KEPT_PREFIXES.iter().any(|prefix| key.starts_with(prefix));
    if kept || matches!(value, "true" | "false") {
        return None;
    }
    let last = key.rsplit('/').next().unwrap_or(key).to_ascii_lowercase();
    let id = last.ends_with("uid") || last.contains("host") || matches!(last.as_str(), "node" | "instance");
    Some(if id { Text::Id } else { Text::Name })
}
