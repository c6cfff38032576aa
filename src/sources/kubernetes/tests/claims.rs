//! Resource claims and the devices that drivers offer.

use super::*;

/// The slice of two T4 of cncf/k8s-ai-conformance, v1.35 openshift, DRA support.
fn slice(generation: i64, devices: &[(&str, &str, &str)]) -> Value {
    let devices: Vec<Value> = devices
        .iter()
        .map(|(name, bus, uuid)| {
            json!({"name": name, "capacity": {"memory": {"value": "15Gi"}}, "attributes": {
                "productName": {"string": "Tesla T4"}, "type": {"string": "gpu"}, "uuid": {"string": uuid},
                "cudaComputeCapability": {"version": "7.5.0"},
                "resource.kubernetes.io/pciBusID": {"string": bus},
            }})
        })
        .collect();
    json!({"metadata": {"name": format!("slice-{generation}")}, "spec": {
        "driver": "gpu.nvidia.com", "nodeName": "harpatil4220c-g9kfm-gpu-c-rd8r8",
        "pool": {"name": "harpatil4220c-g9kfm-gpu-c-rd8r8", "generation": generation, "resourceSliceCount": 1},
        "devices": devices,
    }})
}

const T4S: [(&str, &str, &str); 2] = [
    ("gpu-0", "0000:00:04.0", "GPU-da96f367-6e47-8dc4-fd29-4f0b97b9f174"),
    ("gpu-1", "0000:00:05.0", "GPU-204349eb-0405-e927-278b-8804172f1be3"),
];

fn result(driver: &str, device: &str) -> Value {
    json!({"request": "req-0", "driver": driver, "pool": "harpatil4220c-g9kfm-gpu-c-rd8r8", "device": device})
}

fn claim(name: &str, results: &[Value], pods: &[&str]) -> Value {
    let consumers: Vec<Value> = pods
        .iter()
        .map(|uid| json!({"resource": "pods", "name": "p", "uid": uid}))
        .collect();
    let mut claim = object(name, None, &json!({}));
    claim["status"] = json!({"allocation": {"devices": {"results": results}}, "reservedFor": consumers});
    claim
}

fn groups(versions: &[&str]) -> Value {
    let served: Vec<Value> = versions
        .iter()
        .map(|version| json!({"groupVersion": format!("resource.k8s.io/{version}"), "version": version}))
        .collect();
    json!({"kind": "APIGroupList", "groups": [{"name": "resource.k8s.io", "versions": served}]})
}

#[tokio::test]
async fn claims_of_pods_and_of_templates_lead_to_devices() {
    // The pod of cncf/k8s-ai-conformance, v1.35 ericsson-ccd, DRA plugin: its claim is made from a template.
    let mut templated = object("test-app-647c6f456b-sdsh9", None, &gpus(0));
    templated["spec"]["resourceClaims"] = json!([{"name": "single-gpu", "resourceClaimTemplateName": "single-gpu"}]);
    templated["status"] = json!({"resourceClaimStatuses": [
        {"name": "single-gpu", "resourceClaimName": "test-app-647c6f456b-sdsh9-single-gpu-tc77s"}]});
    let mut named = object("dra-gpu-test", None, &gpus(0));
    named["spec"]["resourceClaims"] = json!([{"name": "gpu", "resourceClaimName": "gpu-claim"}]);
    let mut monitor = result("gpu.nvidia.com", "gpu-1");
    monitor["adminAccess"] = true.into();
    let mut pending = object("unallocated", None, &json!({}));
    pending["status"] = json!({});
    let mut cluster = cluster(&[
        ("/api/v1/pods", vec![templated, named]),
        (
            "/apis/resource.k8s.io/v1/resourceslices",
            // The driver has written its pool anew, and the former slice is still there.
            vec![slice(1, &[("gpu-9", "0000:00:09.0", "GPU-gone")]), slice(2, &T4S)],
        ),
        (
            "/apis/resource.k8s.io/v1/resourceclaims",
            vec![
                claim(
                    "test-app-647c6f456b-sdsh9-single-gpu-tc77s",
                    &[
                        result("gpu.nvidia.com", "gpu-0"),
                        result("compute-domain.nvidia.com", "channel-0"),
                    ],
                    &["uid-test-app-647c6f456b-sdsh9"],
                ),
                claim("gpu-claim", &[monitor], &["uid-dra-gpu-test"]),
                pending,
            ],
        ),
    ]);
    cluster.insert("/apis", groups(&["v1"]));
    let reading = reading(&serve(cluster)).await.unwrap();
    assert!(reading.gaps.is_empty(), "{:?}", reading.gaps);
    let devices: Vec<(&str, &str)> = reading
        .devices
        .iter()
        .map(|device| (device.address.device.as_str(), device.uuid.as_deref().unwrap()))
        .collect();
    assert_eq!(devices, [("gpu-0", T4S[0].2), ("gpu-1", T4S[1].2)]);
    assert_eq!(reading.devices[0].pci_bus_id.as_deref(), Some("0000:00:04.0"));
    let [administrators, apps] = &reading.device_claims[..] else {
        panic!("{:?}", reading.device_claims)
    };
    // Administrator's access takes the GPU from nobody, and a channel is no GPU.
    assert!(administrators.devices.is_empty());
    assert_eq!(apps.devices.len(), 1);
    let pods = &reading.pods;
    assert_eq!(pods[0].claims, ["gpu-claim"]);
    assert_eq!(pods[1].claims, ["test-app-647c6f456b-sdsh9-single-gpu-tc77s"]);
}

#[tokio::test]
async fn the_beta_of_1_32_is_read_where_it_is_all_there_is() {
    let mut slice = slice(1, &[]);
    slice["spec"]["devices"] = json!([{"name": "gpu-0-mig-19-0-1", "basic": {
        "attributes": {"type": {"string": "mig"}, "profile": {"string": "1g.10gb"},
            "gpu.nvidia.com/productName": {"string": "NVIDIA H100 80GB HBM3"}, "parentUUID": {"string": "GPU-parent"}},
        "consumesCounters": [{"counterSet": "gpu-0-counters"}]}}]);
    let mut cluster = cluster(&[
        ("/apis/resource.k8s.io/v1beta1/resourceslices", vec![slice]),
        ("/apis/resource.k8s.io/v1beta1/resourceclaims", Vec::new()),
    ]);
    cluster.insert("/apis", groups(&["v1beta1"]));
    let reading = reading(&serve(cluster)).await.unwrap();
    let device = &reading.devices[0];
    assert_eq!(device.profile.as_deref(), Some("1g.10gb"));
    assert_eq!(device.product.as_deref(), Some("NVIDIA H100 80GB HBM3"));
    assert_eq!(device.parent_uuid.as_deref(), Some("GPU-parent"));
    assert!(device.on_demand);
}

#[tokio::test]
async fn a_claim_for_extended_resources_is_remembered_with_what_it_stands_for() {
    let mut pod = object("p", None, &gpus(1));
    pod["status"] = json!({"extendedResourceClaimStatus": {"resourceClaimName": "p-extended-resources-x7k2p",
        "requestMappings": [{"containerName": "main", "resourceName": "nvidia.com/gpu", "requestName": "container-0"}]}});
    let reading = reading(&serve(cluster(&[("/api/v1/pods", vec![pod])]))).await.unwrap();
    let claim = reading.pods[0].extended_claim.as_ref().unwrap();
    assert_eq!(claim.claim, "p-extended-resources-x7k2p");
    assert_eq!(claim.resources, ["nvidia.com/gpu"]);
}
