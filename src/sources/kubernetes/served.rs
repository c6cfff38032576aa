//! Which API groups the server serves, in which versions.

use std::collections::BTreeMap;

use kube::core::{ApiResource, GroupVersionKind};

use super::connect::Connection;

/// What discovery told.
#[derive(Debug, Default)]
pub(super) struct Served {
    /// Versions by group, the preferred one first; `None` where discovery was refused.
    groups: Option<BTreeMap<String, Vec<String>>>,
}

/// A kind of object: its API group, its name, and the name of its lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) group: &'static str,
    pub(super) kind: &'static str,
    pub(super) plural: &'static str,
}

impl Served {
    /// Asks the server.
    pub(super) async fn ask(connection: &Connection) -> Self {
        let Ok(list) = connection.client.list_api_groups().await else {
            return Self::default();
        };
        let versions = |group: &k8s_openapi::apimachinery::pkg::apis::meta::v1::APIGroup| {
            let preferred = group.preferred_version.iter();
            let mut versions: Vec<String> = Vec::new();
            for served in preferred.chain(&group.versions) {
                if !versions.contains(&served.version) {
                    versions.push(served.version.clone());
                }
            }
            versions
        };
        let groups = list.groups.iter().map(|group| (group.name.clone(), versions(group)));
        Self {
            groups: Some(groups.collect()),
        }
    }

    /// Whether the group is served; `None` where discovery was refused.
    pub(super) fn has(&self, group: &str) -> Option<bool> {
        let groups = self.groups.as_ref()?;
        Some(group.is_empty() || groups.contains_key(group))
    }

    /// The kind in every version worth asking for, best first: those that we or an owner reference named, newest first, and
    /// then whatever else is served. A reference keeps the version in which it was written, and a server may have dropped
    /// that one since.
    pub(super) fn versions(&self, kind: Kind, named: &[&str]) -> Vec<ApiResource> {
        let served = self.groups.as_ref().and_then(|groups| groups.get(kind.group));
        let served = served.map_or(&[][..], Vec::as_slice);
        let mut versions: Vec<&str> = named.to_vec();
        if !served.is_empty() {
            versions.retain(|version| served.iter().any(|one| one == version));
            for version in served {
                if !versions.contains(&version.as_str()) {
                    versions.push(version);
                }
            }
        }
        let of = |version: &str| {
            let gvk = GroupVersionKind::gvk(kind.group, version, kind.kind);
            ApiResource::from_gvk_with_plural(&gvk, kind.plural)
        };
        versions.into_iter().map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUEUE: Kind = Kind {
        group: "kueue.x-k8s.io",
        kind: "Workload",
        plural: "workloads",
    };

    fn asked(served: &Served, named: &[&str]) -> Vec<String> {
        let versions = served.versions(KUEUE, named);
        versions.into_iter().map(|resource| resource.version).collect()
    }

    #[test]
    fn only_served_versions_are_asked_for() {
        let of = |versions: &[&str]| Served {
            groups: Some(BTreeMap::from([(
                "kueue.x-k8s.io".to_owned(),
                versions.iter().map(|version| (*version).to_owned()).collect(),
            )])),
        };
        assert_eq!(asked(&of(&["v1beta1"]), &["v1beta2", "v1beta1"]), ["v1beta1"]);
        assert_eq!(
            asked(&of(&["v1beta2", "v1beta1"]), &["v1beta1"]),
            ["v1beta1", "v1beta2"]
        );
        assert_eq!(asked(&of(&["v1"]), &["v1beta2"]), ["v1"]);
        // Without discovery, what is named is tried in turn.
        assert_eq!(
            asked(&Served::default(), &["v1beta2", "v1beta1"]),
            ["v1beta2", "v1beta1"]
        );
    }
}
