//! What pods hold through DRA resource claims: each device counted once, however many pods share it.

use std::collections::{BTreeMap, BTreeSet};

use super::naming::PodKey;
use crate::model::cluster::{Inventory, Pod, Resources};
use crate::model::devices::{DeviceAddress, DeviceClaim, OfferedDevice};

/// The GPUs that one pod holds through its claims.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Held {
    /// Its devices, under the names that the same vendor's device plugin has for them.
    pub requests: Resources,
    /// How much of them is its own: one, or one over the pods that hold the same device.
    pub share: f64,
    /// Resources in its requests for which these devices stand.
    pub stands_for: Vec<String>,
}

/// Claims and devices, looked up.
#[derive(Debug, Default)]
pub struct Claims<'a> {
    claims: BTreeMap<(&'a str, &'a str), &'a DeviceClaim>,
    offered: BTreeMap<&'a DeviceAddress, &'a OfferedDevice>,
    holders: BTreeMap<&'a DeviceAddress, BTreeSet<&'a str>>,
}

impl<'a> Claims<'a> {
    /// Everything that is claimed in this inventory.
    pub fn of(inventory: &'a Inventory) -> Self {
        let mut found = Self::default();
        for device in &inventory.devices {
            found.offered.insert(&device.address, device);
        }
        for claim in &inventory.device_claims {
            found
                .claims
                .insert((claim.namespace.as_str(), claim.name.as_str()), claim);
            for device in &claim.devices {
                let holders = found.holders.entry(device).or_default();
                holders.extend(claim.reserved_for.iter().map(String::as_str));
            }
        }
        found
    }

    fn of_pod(&self, pod: &'a Pod) -> impl Iterator<Item = Option<&'a DeviceClaim>> {
        let extended = pod.extended_claim.iter().map(|extended| &extended.claim);
        let named: BTreeSet<&String> = pod.claims.iter().chain(extended).collect();
        named
            .into_iter()
            .map(|name| self.claims.get(&(pod.namespace.as_str(), name.as_str())).copied())
    }

    /// Whether a pod claims devices of which nobody told us: its claims could not be read, or say nothing yet.
    pub fn is_unread(&self, pod: &'a Pod) -> bool {
        let mut found = 0;
        let all = self.of_pod(pod).all(|claim| {
            found += 1;
            claim.is_some()
        });
        // An extended resource is told by the pod's requests, too.
        pod.claims_devices && pod.extended_claim.is_none() && !(all && found > 0)
    }

    /// What a pod holds; `None` where it holds nothing through claims.
    pub fn held(&self, pod: &'a Pod) -> Option<Held> {
        let mut held = Held::default();
        let mut devices: BTreeSet<&DeviceAddress> = BTreeSet::new();
        for claim in self.of_pod(pod).flatten() {
            devices.extend(&claim.devices);
        }
        for device in &devices {
            let holders = self.holders.get(device).map_or(1, BTreeSet::len).max(1);
            held.share += 1.0 / holders as f64;
            let resource = self.resource(device);
            *held.requests.entry(resource).or_insert(0.0) += 1.0;
        }
        held.share /= devices.len() as f64;
        let extended = pod.extended_claim.as_ref();
        let told = extended.filter(|extended| {
            let claim = self.claims.get(&(pod.namespace.as_str(), extended.claim.as_str()));
            claim.is_some_and(|claim| !claim.devices.is_empty())
        });
        held.stands_for = told.map(|extended| extended.resources.clone()).unwrap_or_default();
        (!devices.is_empty()).then_some(held)
    }

    /// The resource under which a device plugin would offer such a device.
    fn resource(&self, device: &DeviceAddress) -> String {
        let profile = self.offered.get(device).and_then(|offered| offered.profile.as_ref());
        match (device.driver.as_str(), profile) {
            ("gpu.nvidia.com", Some(profile)) => format!("nvidia.com/mig-{}", profile.replace('+', ".")),
            ("gpu.amd.com", _) => "amd.com/gpu".to_owned(),
            ("gpu.intel.com", _) => "gpu.intel.com/xe".to_owned(),
            ("gaudi.intel.com", _) => "habana.ai/gaudi".to_owned(),
            _ => "nvidia.com/gpu".to_owned(),
        }
    }

    /// The pod for which a claim is reserved alone, by the claim's namespace and name.
    pub fn holders_by_claim(&self, inventory: &'a Inventory) -> BTreeMap<(String, String), PodKey> {
        let pods: BTreeMap<&str, &Pod> = inventory.pods.iter().map(|pod| (pod.uid.as_str(), pod)).collect();
        let claims = self.claims.iter().filter_map(|((namespace, name), claim)| {
            let [uid] = &claim.reserved_for[..] else { return None };
            let pod = pods.get(uid.as_str())?;
            let claim = ((*namespace).to_owned(), (*name).to_owned());
            Some((claim, (pod.namespace.clone(), pod.name.clone())))
        });
        claims.collect()
    }

    /// The pod that holds a whole GPU alone through a claim, by the GPU's UUID: exporters that do not know of DRA name no pod.
    pub fn holders_by_uuid(&self, inventory: &'a Inventory) -> BTreeMap<String, PodKey> {
        let mut found = BTreeMap::new();
        let pods: BTreeMap<&str, &Pod> = inventory.pods.iter().map(|pod| (pod.uid.as_str(), pod)).collect();
        for (device, holders) in &self.holders {
            let offered = self.offered.get(device).filter(|device| device.profile.is_none());
            let uuid = offered.and_then(|device| device.uuid.clone());
            let mut pods = holders.iter().filter_map(|uid| pods.get(uid));
            if let (Some(uuid), Some(pod), None) = (uuid, pods.next(), pods.next()) {
                found.insert(uuid, (pod.namespace.clone(), pod.name.clone()));
            }
        }
        found
    }
}
