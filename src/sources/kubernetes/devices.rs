//! Dynamic resource allocation: which devices drivers offer, and which resource claims have them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use serde::Deserialize;
use serde_json::Value;

use super::error::KubernetesError;
use super::list::{Need, Reader};
use super::served::{Kind, Served};
use crate::model::cluster::Pod;
use crate::model::devices::{DeviceAddress, DeviceClaim, ExtendedClaim, OfferedDevice, is_gpu_driver};

const GROUP: &str = "resource.k8s.io";

/// General since 1.34, beta since 1.32; what came before is not served by default.
const VERSIONS: [&str; 3] = ["v1", "v1beta2", "v1beta1"];

pub(super) const SLICES: Kind = Kind {
    group: GROUP,
    kind: "ResourceSlice",
    plural: "resourceslices",
};

pub(super) const CLAIMS: Kind = Kind {
    group: GROUP,
    kind: "ResourceClaim",
    plural: "resourceclaims",
};

#[derive(Deserialize)]
struct Slice {
    spec: SliceSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SliceSpec {
    driver: String,
    pool: Pool,
    #[serde(default)]
    node_name: Option<String>,
    #[serde(default)]
    devices: Option<Vec<Device>>,
}

#[derive(Deserialize)]
struct Pool {
    name: String,
    #[serde(default)]
    generation: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Device {
    name: String,
    #[serde(flatten)]
    facts: Facts,
    /// Where v1beta1 keeps the facts.
    #[serde(default)]
    basic: Option<Facts>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Facts {
    #[serde(default)]
    node_name: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
    #[serde(default)]
    consumes_counters: Vec<Value>,
}

#[derive(Deserialize)]
struct Claim {
    metadata: ClaimMeta,
    #[serde(default)]
    status: Option<ClaimStatus>,
}

#[derive(Deserialize)]
struct ClaimMeta {
    #[serde(default)]
    namespace: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClaimStatus {
    #[serde(default)]
    allocation: Option<Allocation>,
    #[serde(default)]
    reserved_for: Option<Vec<Consumer>>,
}

#[derive(Deserialize)]
struct Allocation {
    #[serde(default)]
    devices: Option<Allocated>,
}

#[derive(Deserialize)]
struct Allocated {
    #[serde(default)]
    results: Option<Vec<AllocatedDevice>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AllocatedDevice {
    #[serde(flatten)]
    address: DeviceAddress,
    #[serde(default)]
    admin_access: Option<bool>,
}

#[derive(Deserialize)]
struct Consumer {
    uid: String,
}

/// The GPUs that drivers offer and the claims that have devices, where the server knows of such.
pub(super) async fn read(
    reader: &mut Reader<'_>,
    served: &Served,
    pods: &[Pod],
) -> Result<(Vec<OfferedDevice>, Vec<DeviceClaim>), KubernetesError> {
    let claimed = pods.iter().any(|pod| pod.claims_devices);
    // Without discovery, a refusal would look like a missing permission on a server that has nothing of the kind.
    if !served.has(GROUP).unwrap_or(claimed) {
        return Ok((Vec::new(), Vec::new()));
    }
    let unknown = "which GPUs drivers offer through DRA, and their models";
    let slices = reader
        .list(
            &served.versions(SLICES, &VERSIONS),
            Need::Useful,
            unknown,
            |slice: Slice| is_gpu_driver(&slice.spec.driver).then_some(slice.spec),
        )
        .await?;
    let unknown = "which GPUs pods hold through DRA resource claims";
    let claims = reader
        .list(&served.versions(CLAIMS, &VERSIONS), Need::Useful, unknown, claim)
        .await?;
    Ok((offered(slices), claims))
}

/// The devices of each pool's newest generation: a driver writes a pool anew while its former slices are still there.
fn offered(slices: Vec<SliceSpec>) -> Vec<OfferedDevice> {
    let mut newest: BTreeMap<(String, String), i64> = BTreeMap::new();
    for slice in &slices {
        let pool = (slice.driver.clone(), slice.pool.name.clone());
        let generation = newest.entry(pool).or_insert(slice.pool.generation);
        *generation = slice.pool.generation.max(*generation);
    }
    let mut devices = Vec::new();
    for slice in slices {
        let pool = (slice.driver.clone(), slice.pool.name.clone());
        if newest.get(&pool) == Some(&slice.pool.generation) {
            let (driver, pool) = pool;
            let of = |one| device(&driver, &pool, slice.node_name.as_ref(), one);
            devices.extend(slice.devices.into_iter().flatten().map(of));
        }
    }
    devices.sort();
    devices.dedup();
    devices
}

fn device(driver: &str, pool: &str, node: Option<&String>, device: Device) -> OfferedDevice {
    let facts = device.basic.unwrap_or(device.facts);
    // An attribute without a domain is of the driver's own.
    let text = |name: &str| {
        let own = facts.attributes.get(name);
        let qualified = || {
            let named = |(key, _): &(&String, &Value)| key.rsplit('/').next() == Some(name);
            facts.attributes.iter().find(named).map(|(_, value)| value)
        };
        let value = own.or_else(qualified)?.get("string")?.as_str()?;
        Some(value.to_owned())
    };
    OfferedDevice {
        address: DeviceAddress {
            driver: driver.to_owned(),
            pool: pool.to_owned(),
            device: device.name,
        },
        node: node.cloned().or_else(|| facts.node_name.clone()),
        product: text("productName"),
        uuid: text("uuid"),
        parent_uuid: text("parentUUID"),
        pci_bus_id: text("pciBusID").or_else(|| text("pcieBusID")),
        profile: text("profile"),
        on_demand: !facts.consumes_counters.is_empty(),
    }
}

fn claim(claim: Claim) -> Option<DeviceClaim> {
    let status = claim.status?;
    let results = status.allocation?.devices.and_then(|devices| devices.results);
    let taken = |one: &AllocatedDevice| is_gpu_driver(&one.address.driver) && one.admin_access != Some(true);
    let mut reserved_for: Vec<String> = status.reserved_for.into_iter().flatten().map(|one| one.uid).collect();
    reserved_for.sort();
    let mut devices: Vec<DeviceAddress> = results
        .into_iter()
        .flatten()
        .filter(taken)
        .map(|one| one.address)
        .collect();
    devices.sort();
    Some(DeviceClaim {
        namespace: claim.metadata.namespace,
        name: claim.metadata.name,
        devices,
        reserved_for,
    })
}

/// The names of the claims that a pod uses: those it names, and those made for it from templates.
pub(super) fn of_pod(spec: &core::PodSpec, status: &core::PodStatus) -> Vec<String> {
    let made = |name: &str| {
        let statuses = status.resource_claim_statuses.iter().flatten();
        statuses
            .filter(|one| one.name == name)
            .find_map(|one| one.resource_claim_name.clone())
    };
    let used = spec.resource_claims.iter().flatten();
    used.filter_map(|used| used.resource_claim_name.clone().or_else(|| made(&used.name)))
        .collect()
}

/// The claim that the scheduler made for the pod's extended resources.
pub(super) fn extended(status: &core::PodStatus) -> Option<ExtendedClaim> {
    let made = status.extended_resource_claim_status.as_ref()?;
    let mut resources: Vec<String> = made
        .request_mappings
        .iter()
        .map(|one| one.resource_name.clone())
        .collect();
    resources.sort();
    resources.dedup();
    Some(ExtendedClaim {
        claim: made.resource_claim_name.clone(),
        resources,
    })
}
