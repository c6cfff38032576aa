//! Objects among the manifests that say which nodes a cluster may have, and who is admitted onto them.

use serde_json::Value;

use super::index::Spot;

/// Their groups and kinds, and the versions of which others may be made after them.
pub const KINDS: [(&str, &str, &[&str]); 4] = [
    ("karpenter.sh", "NodePool", &["v1"]),
    ("cloud.google.com", "ComputeClass", &["v1"]),
    ("kueue.x-k8s.io", "ResourceFlavor", &["v1beta1", "v1beta2"]),
    ("kueue.x-k8s.io", "ClusterQueue", &["v1beta1", "v1beta2"]),
];

/// One of them. None of these kinds is in a namespace.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// Its kind.
    pub kind: String,
    /// Its name in the cluster.
    pub name: String,
    /// Where it is written down.
    pub spot: Spot,
    /// The object.
    pub object: Value,
    /// What keeps others from being made after it, and it from being edited: something changes it on its way into the cluster.
    pub changed_by: Option<String>,
}

impl Written {
    /// `gpu (nodes/pool.yaml)`.
    pub fn told(&self) -> String {
        format!("{} {} ({})", self.kind, self.name, self.spot.file)
    }

    /// The elements of a list.
    pub fn list(&self, path: &str) -> impl Iterator<Item = &Value> {
        let list = self.object.pointer(path).and_then(Value::as_array);
        list.into_iter().flatten()
    }
}

/// A field as text; empty where there is none.
pub fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}
