//! What is kept of pods, nodes and autoscalers.

use super::*;

fn full_pod() -> Value {
    json!({
        "metadata": {
            "name": "p", "namespace": "ml", "uid": "u", "labels": {"app": "p"},
            "annotations": {"karpenter.sh/do-not-disrupt": "true", "gpuwise.dev/keep": "yes",
                "kubectl.kubernetes.io/last-applied-configuration": "{\"secret\": 1}"},
        },
        "spec": {
            "nodeName": "n", "nodeSelector": {"pool": "a"},
            "initContainers": [
                {"name": "load", "image": "i", "resources": {"limits": {"nvidia.com/gpu": "1"}}},
                {"name": "proxy", "image": "i", "restartPolicy": "Always", "resources": {"requests": {"cpu": "250m"}}},
            ],
            "containers": [{
                "name": "main", "image": "vllm:v1", "command": ["vllm", "serve"],
                "args": ["m", "--api-key", "hush", "--max-num-batched-tokens", "8192"],
                "env": [
                    {"name": "MODEL_ID", "value": "org/m"},
                    {"name": "MAX_TOTAL_TOKENS", "value": "4096"},
                    {"name": "VLLM_API_KEY", "value": "hush"},
                    {"name": "VLLM_USE_V1", "value": "1"},
                    {"name": "HF_MODEL_ID", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                    {"name": "DATABASE_URL", "value": "hush"},
                ],
                "ports": [{"containerPort": 8000, "name": "http"}, {"containerPort": 9000}],
                "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}},
                "volumeMounts": [{"name": "weights", "mountPath": "/models"}, {"name": "token", "mountPath": "/hush"},
                    {"name": "shm", "mountPath": "/dev/shm"}, {"name": "scratch", "mountPath": "/scratch"},
                    {"name": "nobody", "mountPath": "/nowhere"}],
                "resources": {"requests": {"cpu": "500m", "memory": "64Gi"},
                    "limits": {"cpu": "1", "nvidia.com/mig-1g.10gb": "2"}},
            }],
            "volumes": [
                {"name": "weights", "persistentVolumeClaim": {"claimName": "llama"}},
                {"name": "token", "secret": {"secretName": "hush"}}, {"name": "shm", "emptyDir": {"medium": "Memory"}},
                {"name": "scratch", "hostPath": {"path": "/mnt/nvme"}},
            ],
        },
        "status": {
            "phase": "Succeeded", "startTime": "2026-11-20T10:00:00Z",
            "containerStatuses": [{"name": "main", "image": "i", "imageID": "", "ready": false, "restartCount": 1,
                "state": {"terminated": {"exitCode": 0, "startedAt": "2026-11-20T12:00:00Z",
                    "finishedAt": "2026-11-20T14:00:00Z"}},
                "lastState": {"terminated": {"exitCode": 1, "startedAt": "2026-11-20T11:00:00Z",
                    "finishedAt": "2026-11-20T11:59:00Z"}}}],
        },
    })
}

#[tokio::test]
async fn a_pod_is_kept_without_its_secrets() {
    let server = serve(cluster(&[("/api/v1/pods", vec![full_pod()])]));
    let reading = reading(&server).await.unwrap();
    let pod = &reading.pods[0];
    assert!(!format!("{pod:?}").contains("hush"), "{pod:?}");
    let main = &pod.containers[0];
    assert_eq!(main.args[..5], ["vllm", "serve", "m", "--api-key", "…"]);
    assert_eq!(main.args[6], "8192");
    let environment: Vec<(&str, &str)> = main.env.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(
        environment,
        [
            ("MAX_TOTAL_TOKENS", "4096"),
            ("MODEL_ID", "org/m"),
            ("VLLM_USE_V1", "1")
        ]
    );
    let asked = pod.requests();
    assert_eq!(asked["cpu"], 0.75);
    assert_eq!(asked["memory"], 68_719_476_736.0);
    assert_eq!(asked["nvidia.com/mig-1g.10gb"], 2.0);
    // The init container has had its GPU, and the pod keeps it.
    assert_eq!(asked["nvidia.com/gpu"], 1.0);
    assert_eq!(pod.annotations.len(), 2);
    assert_eq!(pod.started.unwrap().to_string(), "2026-11-20T11:00:00Z");
    assert_eq!(pod.finished.unwrap().to_string(), "2026-11-20T14:00:00Z");
}

#[tokio::test]
async fn ports_probes_and_volumes_with_data_are_kept() {
    let server = serve(cluster(&[("/api/v1/pods", vec![full_pod()])]));
    let reading = reading(&server).await.unwrap();
    let [main, proxy] = &reading.pods[0].containers[..] else {
        panic!("{:?}", reading.pods[0]);
    };
    let ports: Vec<(u16, &str)> = main
        .ports
        .iter()
        .map(|port| (port.number, port.name.as_str()))
        .collect();
    assert_eq!(ports, [(8000, "http"), (9000, "")]);
    assert!(main.probed && !proxy.probed);
    let mounts: Vec<(&str, Option<&str>)> = main
        .mounts
        .iter()
        .map(|mount| (mount.path.as_str(), mount.claim.as_deref()))
        .collect();
    assert_eq!(mounts, [("/models", Some("llama")), ("/scratch", None)]);
}

#[tokio::test]
async fn pods_that_claim_devices_are_kept_and_pods_without_gpus_are_not() {
    let mut claims = object("dra", None, &gpus(0));
    claims["spec"]["resourceClaims"] = json!([{"name": "gpu", "resourceClaimTemplateName": "t"}]);
    let mut amd = object("amd", None, &gpus(0));
    amd["spec"]["containers"][0]["resources"]["limits"] = json!({"amd.com/gpu": "1"});
    amd["spec"]["schedulingGroup"] = json!({"podGroupName": "gang"});
    let mut none = object("none", None, &gpus(0));
    none["spec"]["containers"][0]["resources"]["limits"] = json!({"nvidia.com/gpu": "0"});
    let server = serve(cluster(&[("/api/v1/pods", vec![claims, amd, none])]));
    let reading = reading(&server).await.unwrap();
    let names: Vec<&str> = reading.pods.iter().map(|pod| pod.name.as_str()).collect();
    assert_eq!(names, ["amd", "dra"]);
    assert!(reading.pods[1].claims_devices);
    assert_eq!(reading.pods[0].phase, "Unknown");
    assert_eq!(
        (reading.pods[0].pod_group.as_deref(), &reading.pods[1].pod_group),
        (Some("gang"), &None)
    );
}

#[tokio::test]
async fn nodes_and_autoscalers_are_read() {
    let node = json!({
        "metadata": {"name": "n", "creationTimestamp": "2026-11-01T00:00:00Z", "labels": {"nvidia.com/gpu.product": "L4"}},
        "spec": {"taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"},
            {"key": "spot", "effect": "NoExecute"}]},
        "status": {"allocatable": {"cpu": "64000m", "memory": "262144Mi", "nvidia.com/gpu": "8", "pods": "1001"}},
    });
    let hpa = json!({"metadata": {"name": "h", "namespace": "ml"}, "spec": {"maxReplicas": 4,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}});
    let server = serve(cluster(&[
        ("/api/v1/nodes", vec![node]),
        ("/apis/autoscaling/v2/horizontalpodautoscalers", vec![hpa]),
    ]));
    let reading = reading(&server).await.unwrap();
    let node = &reading.nodes[0];
    assert_eq!(node.allocatable["cpu"], 64.0);
    assert_eq!(node.allocatable["nvidia.com/gpu"], 8.0);
    assert_eq!(node.taints, ["nvidia.com/gpu=present:NoSchedule", "spot:NoExecute"]);
    assert_eq!(node.created.unwrap().to_string(), "2026-11-01T00:00:00Z");
    let hpa = &reading.hpas[0];
    assert_eq!((hpa.min_replicas, hpa.max_replicas), (1, 4));
    assert_eq!(
        (hpa.target.kind.as_str(), hpa.target.name.as_str()),
        ("Deployment", "d")
    );
}

#[tokio::test]
async fn pods_that_keep_a_node_from_being_empty_are_counted() {
    let pod = |name: &str, owner: &str, phase: &str| {
        json!({
            "metadata": {"name": name, "namespace": "ml", "uid": name, "ownerReferences": [
                {"apiVersion": "v1", "kind": owner, "name": "o", "uid": "o", "controller": true},
            ]},
            "spec": {"nodeName": "n", "containers": [{"name": "main", "image": "i"}]},
            "status": {"phase": phase},
        })
    };
    let pods = vec![
        pod("exporter", "DaemonSet", "Running"),
        pod("mirror", "Node", "Running"),
        pod("done", "Job", "Succeeded"),
        pod("web", "ReplicaSet", "Running"),
        full_pod(),
    ];
    let nodes = ["n", "other"].map(|name| json!({"metadata": {"name": name}})).to_vec();
    let server = serve(cluster(&[("/api/v1/pods", pods), ("/api/v1/nodes", nodes)]));
    let reading = reading(&server).await.unwrap();
    let counts: Vec<(&str, u32)> = reading
        .nodes
        .iter()
        .map(|node| (node.name.as_str(), node.other_pods))
        .collect();
    assert_eq!(counts, [("n", 1), ("other", 0)]);
}

#[tokio::test]
async fn daemon_sets_that_would_not_be_on_nodes_of_a_workloads_own_are_told() {
    let pod = |name: &str, owner: &str, tolerations: Value| {
        json!({
            "metadata": {"name": name, "namespace": "gpu", "uid": name, "ownerReferences": [
                {"apiVersion": "v1", "kind": owner, "name": format!("{name}s"), "uid": "o", "controller": true},
            ]},
            "spec": {"nodeName": "n", "containers": [{"name": "main", "image": "i"}], "tolerations": tolerations},
            "status": {"phase": "Running"},
        })
    };
    let own = "gpuwise.dev/workload";
    let pods = vec![
        // As NVIDIA's device plugin comes.
        pod(
            "plugin",
            "DaemonSet",
            json!([{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]),
        ),
        pod("bare", "DaemonSet", Value::Null),
        pod("one", "DaemonSet", json!([{"key": own, "value": "chat.llama"}])),
        pod(
            "evicted",
            "DaemonSet",
            json!([{"operator": "Exists", "effect": "NoExecute"}]),
        ),
        pod("proxy", "DaemonSet", json!([{"operator": "Exists"}])),
        pod("agent", "DaemonSet", json!([{"key": own, "operator": "Exists"}])),
        pod("mirror", "Node", Value::Null),
        pod("web", "ReplicaSet", Value::Null),
    ];
    let nodes = ["n", "other"].map(|name| json!({"metadata": {"name": name}})).to_vec();
    let server = serve(cluster(&[("/api/v1/pods", pods), ("/api/v1/nodes", nodes)]));
    let reading = reading(&server).await.unwrap();
    let told: Vec<Vec<&str>> = reading
        .nodes
        .iter()
        .map(|node| node.strict_daemons.iter().flatten().map(String::as_str).collect())
        .collect();
    assert_eq!(told[0], ["gpu/bares", "gpu/evicteds", "gpu/ones", "gpu/plugins"]);
    assert_eq!(reading.nodes[1].strict_daemons, Some(std::collections::BTreeSet::new()));
}
