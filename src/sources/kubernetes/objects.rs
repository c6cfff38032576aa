//! Kubernetes objects as the model has them: what is kept of a node and a pod.

use jiff::Timestamp;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelectorRequirement;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use super::{devices, redact, requests, scheduling};
use crate::model::budget::{DisruptionBudget, Requirement};
use crate::model::cluster::{Container, Labels, Mount, Node, ObjectRef, Pod, Port, Resources};
use crate::model::gpu::gpu_resource;

/// Environment that says what runs, beside what the prefixes allow.
const VARIABLES: [&str; 55] = [
    "CUDA_MEMORY_FRACTION",
    "CUDA_MPS_ACTIVE_THREAD_PERCENTAGE",
    "CUDA_MPS_PINNED_DEVICE_MEM_LIMIT",
    "CUDA_VISIBLE_DEVICES",
    "DATA_PARALLEL_SIZE",
    "DTYPE",
    "EMBEDDING_MODEL",
    "EPOCHS",
    "GPU_MEMORY_UTILIZATION",
    "GRADIENT_ACCUMULATION_STEPS",
    "HF_MODEL_ID",
    "HOST",
    "KV_CACHE_DTYPE",
    "LEARNING_RATE",
    "LLM_MODEL",
    "LORA_RANK",
    "LR",
    "LWS_GROUP_SIZE",
    "MASTER_PORT",
    "MAX_BATCH_PREFILL_TOKENS",
    "MAX_BATCH_SIZE",
    "MAX_BATCH_TOTAL_TOKENS",
    "MAX_CONCURRENT_REQUESTS",
    "MAX_EPOCHS",
    "MAX_INPUT_LENGTH",
    "MAX_INPUT_TOKENS",
    "MAX_MODEL_LEN",
    "MAX_TOTAL_TOKENS",
    "MLFLOW_EXPERIMENT_NAME",
    "MODEL",
    "MODEL_DIR",
    "MODEL_ID",
    "MODEL_NAME",
    "MODEL_PATH",
    "NB_USER",
    "NNODES",
    "NPROC_PER_NODE",
    "NUM_EPOCHS",
    "NUM_SHARD",
    "NUM_TRAIN_EPOCHS",
    "NVIDIA_VISIBLE_DEVICES",
    "PET_NNODES",
    "PET_NPROC_PER_NODE",
    "PIPELINE_PARALLEL_SIZE",
    "PORT",
    "QUANTIZATION",
    "QUANTIZE",
    "REVISION",
    "SERVED_MODEL_NAME",
    "SHARDED",
    "TENSOR_PARALLEL_SIZE",
    "WANDB_PROJECT",
    "WARMUP_STEPS",
    "WEIGHT_DECAY",
    "WORLD_SIZE",
];

/// Settings of inference servers, all of which say how a model is served; secrets among them go by their names.
const VARIABLE_PREFIXES: [&str; 3] = ["VLLM_", "SGLANG_", "NIM_"];

const ANNOTATIONS: [&str; 2] = [
    "karpenter.sh/do-not-disrupt",
    "cluster-autoscaler.kubernetes.io/safe-to-evict",
];

/// What may remove a node, and which machine and set of machines it is.
const NODE_ANNOTATIONS: [&str; 5] = [
    "karpenter.sh/do-not-disrupt",
    "cluster-autoscaler.kubernetes.io/scale-down-disabled",
    "machine.openshift.io/machine",
    "cluster.x-k8s.io/owner-kind",
    "cluster.x-k8s.io/owner-name",
];

const ANNOTATION_PREFIXES: [&str; 4] = [
    "gpuwise",
    "kueue.x-k8s.io/",
    "leaderworkerset.sigs.k8s.io/",
    "jobset.sigs.k8s.io/",
];

/// Whether some GPU is among what is asked for.
pub(super) fn ask_for_gpus(requests: &Resources) -> bool {
    requests
        .iter()
        .any(|(name, amount)| gpu_resource(name).is_some() && *amount > 0.0)
}

/// A node.
pub(super) fn node(node: core::Node) -> Node {
    let status = node.status.unwrap_or_default();
    let taints = node.spec.and_then(|spec| spec.taints).unwrap_or_default();
    Node {
        name: node.metadata.name.unwrap_or_default(),
        labels: node.metadata.labels.unwrap_or_default(),
        annotations: kept(node.metadata.annotations.unwrap_or_default(), &NODE_ANNOTATIONS, &[]),
        allocatable: requests::resources(status.allocatable),
        taints: taints.iter().map(taint).collect(),
        created: node.metadata.creation_timestamp.map(|time| time.0),
        other_pods: 0,
        strict_daemons: None,
    }
}

/// When its kubelet last told how it is; every five minutes it does, whatever happens.
pub(super) fn heard(node: &core::Node) -> Option<Timestamp> {
    let conditions = node.status.as_ref()?.conditions.iter().flatten();
    conditions
        .filter_map(|one| Some(one.last_heartbeat_time.as_ref()?.0))
        .max()
}

fn taint(taint: &core::Taint) -> String {
    match taint.value.as_deref() {
        Some(value) if !value.is_empty() => format!("{}={value}:{}", taint.key, taint.effect),
        _ => format!("{}:{}", taint.key, taint.effect),
    }
}

/// A pod disruption budget. One without selector is about no pod.
pub(super) fn disruption_budget(budget: PodDisruptionBudget) -> Option<DisruptionBudget> {
    let selector = budget.spec?.selector?;
    let requirement = |one: LabelSelectorRequirement| Requirement {
        key: one.key,
        operator: one.operator,
        values: one.values.unwrap_or_default(),
    };
    Some(DisruptionBudget {
        namespace: budget.metadata.namespace.unwrap_or_default(),
        name: budget.metadata.name.unwrap_or_default(),
        match_labels: selector.match_labels.unwrap_or_default(),
        match_expressions: selector
            .match_expressions
            .into_iter()
            .flatten()
            .map(requirement)
            .collect(),
        allowed: budget
            .status
            .and_then(|status| u32::try_from(status.disruptions_allowed?).ok())
            .unwrap_or(0),
    })
}

/// A pod; `None` for one without UID, which no server sends.
pub(super) fn pod(pod: core::Pod) -> Option<Pod> {
    let meta = pod.metadata;
    let spec = pod.spec.unwrap_or_default();
    let status = pod.status.unwrap_or_default();
    let phase = status.phase.clone().unwrap_or_else(|| "Unknown".to_owned());
    let (counted, scheduling) = (requests::counted(&spec), scheduling::of(&spec));
    let (claims, extended_claim) = (devices::of_pod(&spec, &status), devices::extended(&status));
    let sidecars = spec.init_containers.unwrap_or_default().into_iter();
    let sidecars = sidecars.filter(requests::is_sidecar);
    let volumes = spec.volumes.unwrap_or_default();
    let containers = spec.containers.into_iter().chain(sidecars);
    Some(Pod {
        namespace: meta.namespace.unwrap_or_default(),
        name: meta.name.unwrap_or_default(),
        uid: meta.uid?,
        node: spec.node_name,
        labels: meta.labels.unwrap_or_default(),
        annotations: kept(meta.annotations.unwrap_or_default(), &ANNOTATIONS, &ANNOTATION_PREFIXES),
        owner: controller_of(meta.owner_references.as_deref().unwrap_or_default()),
        pod_group: spec.scheduling_group.and_then(|group| group.pod_group_name),
        containers: containers.map(|one| container(one, &volumes)).collect(),
        node_selector: spec.node_selector.unwrap_or_default(),
        scheduling,
        counted,
        claims_devices: extended_claim.is_some() || spec.resource_claims.is_some_and(|claims| !claims.is_empty()),
        claims,
        extended_claim,
        created: meta.creation_timestamp.map(|time| time.0),
        ready: ready(&status),
        started: started(&status),
        finished: finished(&phase, &status),
        phase,
    })
}

/// The one owner that controls an object; others are there for garbage collection only.
pub(super) fn controller_of(owners: &[OwnerReference]) -> Option<ObjectRef> {
    owners
        .iter()
        .find(|owner| owner.controller == Some(true))
        .map(reference)
}

/// An owner as the model refers to it.
pub(super) fn reference(owner: &OwnerReference) -> ObjectRef {
    ObjectRef {
        api_version: owner.api_version.clone(),
        kind: owner.kind.clone(),
        name: owner.name.clone(),
        uid: Some(owner.uid.clone()),
    }
}

/// Annotations that are meant for us.
pub(super) fn for_us(all: Labels) -> Labels {
    kept(all, &[], &["gpuwise.dev/"])
}

fn kept(all: Labels, names: &[&str], prefixes: &[&str]) -> Labels {
    let tells = |key: &str| names.contains(&key) || prefixes.iter().any(|prefix| key.starts_with(prefix));
    all.into_iter().filter(|(key, _)| tells(key)).collect()
}

fn container(container: core::Container, volumes: &[core::Volume]) -> Container {
    let requests = requests::of_container(&container);
    let probes = [
        &container.readiness_probe,
        &container.liveness_probe,
        &container.startup_probe,
    ];
    let over_network =
        |probe: &core::Probe| probe.http_get.is_some() || probe.grpc.is_some() || probe.tcp_socket.is_some();
    let probed = probes.into_iter().flatten().any(over_network);
    let mounts = container.volume_mounts.unwrap_or_default();
    let command = container.command.unwrap_or_default();
    let arguments = container.args.unwrap_or_default();
    Container {
        name: container.name,
        image: container.image.unwrap_or_default(),
        args: redact::command_line(command.iter().chain(&arguments)),
        env: environment(container.env.unwrap_or_default()),
        requests,
        ports: container.ports.into_iter().flatten().filter_map(port).collect(),
        probed,
        mounts: mounts.into_iter().filter_map(|one| mount(one, volumes)).collect(),
    }
}

fn port(port: core::ContainerPort) -> Option<Port> {
    Some(Port {
        number: u16::try_from(port.container_port).ok()?,
        name: port.name.unwrap_or_default(),
    })
}

/// A volume that holds data. What is empty at the start, configuration and secrets say nothing of the work.
fn mount(mount: core::VolumeMount, volumes: &[core::Volume]) -> Option<Mount> {
    let volume = volumes.iter().find(|volume| volume.name == mount.name)?;
    let empty = volume.empty_dir.is_some() || volume.image.is_some();
    let configures = volume.config_map.is_some() || volume.secret.is_some();
    let told = volume.projected.is_some() || volume.downward_api.is_some();
    let claim = volume.persistent_volume_claim.as_ref();
    (!empty && !configures && !told).then(|| Mount {
        path: mount.mount_path,
        claim: claim.map(|claim| claim.claim_name.clone()),
    })
}

fn environment(variables: Vec<core::EnvVar>) -> Labels {
    let tells =
        |name: &str| VARIABLES.contains(&name) || VARIABLE_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    variables
        .into_iter()
        .filter(|variable| tells(&variable.name))
        .filter_map(|variable| {
            let value = redact::variable(&variable.name, &variable.value?)?;
            Some((variable.name, value))
        })
        .collect()
}

fn states(status: &core::PodStatus) -> impl Iterator<Item = &core::ContainerStatus> {
    status.container_statuses.iter().flatten()
}

/// When it was ready. Where a container was restarted, that is no longer told.
fn ready(status: &core::PodStatus) -> Option<Timestamp> {
    let conditions = status.conditions.as_ref()?.iter();
    let mut ready = conditions.filter(|one| one.type_ == "Ready" && one.status == "True");
    let at = ready.next()?.last_transition_time.as_ref()?.0;
    states(status)
        .all(|container| container.restart_count == 0)
        .then_some(at)
}

/// When the first container began; where that is forgotten, or none has begun, when the kubelet took the pod.
fn started(status: &core::PodStatus) -> Option<Timestamp> {
    let accepted = status.start_time.as_ref().map(|time| time.0);
    let began = states(status).filter_map(|container| {
        // The status remembers the present and the last run only.
        if container.restart_count > 1 {
            return accepted;
        }
        let seen = [container.state.as_ref(), container.last_state.as_ref()];
        seen.into_iter().flatten().filter_map(run_start).min()
    });
    began.min().or(accepted)
}

fn run_start(state: &core::ContainerState) -> Option<Timestamp> {
    let running = state.running.as_ref().and_then(|run| run.started_at.as_ref());
    let ended = state.terminated.as_ref().and_then(|run| run.started_at.as_ref());
    running.or(ended).map(|time| time.0)
}

fn finished(phase: &str, status: &core::PodStatus) -> Option<Timestamp> {
    if !matches!(phase, "Succeeded" | "Failed") {
        return None;
    }
    states(status)
        .filter_map(|container| container.state.as_ref()?.terminated.as_ref()?.finished_at.as_ref())
        .map(|time| time.0)
        .max()
}
