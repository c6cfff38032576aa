//! Karpenter's NodePools as manifests have them: what each offers, and whom it lets onto its nodes.

use serde_json::{Value, json};

use super::written::{Written, text};
use crate::model::manifest::OWN_NODES;

/// How capacity is bought.
pub const CAPACITY: &str = "karpenter.sh/capacity-type";
/// A node's type.
pub const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";
/// The pool that made a node.
pub const NODE_POOL: &str = "karpenter.sh/nodepool";
/// Domains of Amazon's labels: of its own Karpenter, and of EKS's Auto Mode.
const AMAZON: [&str; 2] = ["karpenter.k8s.aws/", "eks.amazonaws.com/"];

/// Whether a requirement is about what the instance type says of itself.
pub fn of_type(key: &str) -> bool {
    let amazon = of_amazon(key).is_some_and(|label| label.starts_with("instance-") && label != "instance-tenancy");
    amazon || key == INSTANCE_TYPE || key.starts_with("karpenter.azure.com/sku-")
}

fn of_amazon(key: &str) -> Option<&str> {
    AMAZON.into_iter().find_map(|domain| key.strip_prefix(domain))
}

/// Whether a requirement lets this value through; `None` for an operator that compares numbers.
fn lets(requirement: &Value, value: &str) -> Option<bool> {
    let values = requirement.get("values").and_then(Value::as_array);
    let mut values = values.into_iter().flatten().filter_map(Value::as_str);
    match text(requirement, "operator") {
        "In" => Some(values.any(|one| one == value)),
        "NotIn" => Some(!values.any(|one| one == value)),
        "Exists" => Some(true),
        "DoesNotExist" => Some(false),
        _ => None,
    }
}

/// Whether a requirement lets so many through.
fn counts(requirement: &Value, count: u32) -> Option<bool> {
    let first = requirement.pointer("/values/0").and_then(Value::as_str);
    let bound = || first?.parse::<u32>().ok();
    match text(requirement, "operator") {
        "Gt" => Some(count > bound()?),
        "Lt" => Some(count < bound()?),
        "Gte" => Some(count >= bound()?),
        "Lte" => Some(count <= bound()?),
        _ => lets(requirement, &count.to_string()),
    }
}

/// What a NodePool says.
impl Written {
    /// What all of its nodes meet.
    pub fn requirements(&self) -> impl Iterator<Item = &Value> {
        self.list("/spec/template/spec/requirements")
    }

    /// What keeps pods away from its nodes that do not bear it.
    pub fn taints(&self) -> impl Iterator<Item = &Value> {
        self.list("/spec/template/spec/taints")
    }

    /// The workload that has it for itself, where one has.
    pub fn own_of(&self) -> Option<&str> {
        let own = self.taints().find(|taint| text(taint, "key") == OWN_NODES)?;
        Some(text(own, "value"))
    }

    /// Whether its nodes may be bought so; what it says nothing of, it allows.
    pub fn lets_capacity(&self, capacity: &str) -> bool {
        let mut about = self.requirements().filter(|one| text(one, "key") == CAPACITY);
        let label = self
            .object
            .pointer("/spec/template/metadata/labels/karpenter.sh~1capacity-type");
        label.is_none_or(|label| label == capacity) && about.all(|one| lets(one, capacity) != Some(false))
    }

    /// Whether its nodes may have this processor.
    pub fn lets_arch(&self, arch: &str) -> bool {
        let mut about = self
            .requirements()
            .filter(|one| text(one, "key") == "kubernetes.io/arch");
        about.all(|one| lets(one, arch) != Some(false))
    }

    /// Labels that it gives all of its nodes, as requirements, which they are as well.
    fn labels(&self) -> impl Iterator<Item = Value> {
        let labels = self
            .object
            .pointer("/spec/template/metadata/labels")
            .and_then(Value::as_object);
        let labels = labels.into_iter().flatten();
        labels.map(|(key, value)| json!({"key": key, "operator": "In", "values": [value]}))
    }

    /// Whether Karpenter knows beforehand that its nodes have this label; with a value, that one.
    pub fn tells(&self, key: &str, value: Option<&str>) -> bool {
        let labels: Vec<Value> = self.labels().collect();
        let mut about = self.requirements().chain(&labels).filter(|one| text(one, "key") == key);
        about.any(|one| value.is_none_or(|value| lets(one, value) == Some(true)))
    }

    /// Whether it offers an instance type; `None` where its requirements ask for what the type's name does not tell. One of a fixed
    /// size makes no nodes for pods that wait. `device` is what its nodes have, as Karpenter names it, and how many.
    pub fn offers(&self, instance_type: &str, device: Option<(&str, u32)>) -> Option<bool> {
        if self.object.pointer("/spec/replicas").is_some() {
            return Some(false);
        }
        let family = instance_type.split_once('.').map(|(family, _)| family);
        let category = family.and_then(|family| family.split(|c: char| c.is_ascii_digit()).next());
        let labels: Vec<Value> = self.labels().collect();
        let mut sure = true;
        for requirement in self.requirements().chain(&labels) {
            let key = text(requirement, "key");
            let lets = match of_amazon(key) {
                Some("instance-family") => family.and_then(|family| lets(requirement, family)),
                Some("instance-gpu-name") => device.and_then(|(name, _)| lets(requirement, name)),
                Some("instance-gpu-count") => device.and_then(|(_, count)| counts(requirement, count)),
                Some("instance-category") => category.and_then(|category| lets(requirement, category)),
                _ if key == INSTANCE_TYPE || key == "karpenter.azure.com/sku-name" => lets(requirement, instance_type),
                _ if key == "kubernetes.io/arch" => lets(requirement, "amd64").filter(|lets| *lets),
                _ if of_type(key) || key.starts_with("karpenter.k8s.gcp/instance-") => None,
                _ => continue,
            };
            match lets {
                Some(false) => return Some(false),
                Some(true) => {}
                None => sure = false,
            }
        }
        sure.then_some(true)
    }

    /// Taints that keep pods away which do not bear them.
    pub fn hard_taints(&self) -> impl Iterator<Item = &Value> {
        self.taints()
            .filter(|taint| text(taint, "effect") != "PreferNoSchedule")
    }

    /// How many GPUs all of its nodes may have together.
    pub fn most_gpus(&self) -> Option<u64> {
        let most = self.object.pointer("/spec/limits/nvidia.com~1gpu")?;
        most.as_u64().or_else(|| most.as_str()?.parse().ok())
    }
}

/// Whether a toleration of a pod bears a taint.
pub fn bears(toleration: &Value, taint: &Value) -> bool {
    let [key, value, effect] = ["key", "value", "effect"].map(|field| text(toleration, field));
    let exists = text(toleration, "operator") == "Exists";
    (effect.is_empty() || effect == text(taint, "effect"))
        && (key == text(taint, "key") || (key.is_empty() && exists))
        && (exists || value == text(taint, "value"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patch::index::Spot;
    use crate::patch::yaml::Pointer;

    fn pool(requirements: &Value) -> Written {
        Written {
            kind: "NodePool".to_owned(),
            name: "gpu".to_owned(),
            spot: Spot {
                file: "pool.yaml".to_owned(),
                document: 0,
                at: Pointer(Vec::new()),
            },
            object: json!({"spec": {
                "limits": {"nvidia.com/gpu": "64"},
                "template": {"spec": {"requirements": requirements, "taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]}},
            }}),
            changed_by: None,
        }
    }

    #[test]
    fn a_pool_offers_what_its_requirements_let_through_and_no_more_is_claimed() {
        let of = |key: &str, operator: &str, values: &[&str]| {
            pool(&json!([{"key": key, "operator": operator, "values": values}])).offers("g6.xlarge", Some(("l4", 1)))
        };
        assert_eq!(of("karpenter.k8s.aws/instance-family", "In", &["g6", "p5"]), Some(true));
        assert_eq!(of("eks.amazonaws.com/instance-family", "NotIn", &["g6"]), Some(false));
        assert_eq!(of("karpenter.k8s.aws/instance-category", "In", &["p"]), Some(false));
        assert_eq!(of("eks.amazonaws.com/instance-category", "In", &["g"]), Some(true));
        assert_eq!(of(INSTANCE_TYPE, "In", &["g6.2xlarge"]), Some(false));
        assert_eq!(of("karpenter.k8s.aws/instance-gpu-count", "Gt", &["3"]), Some(false));
        assert_eq!(of("karpenter.k8s.aws/instance-gpu-name", "In", &["a100"]), Some(false));
        assert_eq!(of("karpenter.k8s.aws/instance-memory", "Gt", &["3"]), None);
        assert_eq!(of("kubernetes.io/arch", "In", &["arm64"]), None);
        let mut labelled = pool(&json!([]));
        labelled.object["spec"]["template"]["metadata"] =
            json!({"labels": {"karpenter.k8s.aws/instance-family": "p4d"}});
        assert_eq!(labelled.offers("g6.xlarge", None), Some(false));
        labelled.object["spec"] = json!({"replicas": 2});
        assert_eq!(labelled.offers("g6.xlarge", None), Some(false));
        assert_eq!(of("topology.kubernetes.io/zone", "In", &["eu-west-1a"]), Some(true));
    }

    #[test]
    fn a_pool_that_says_nothing_of_capacity_allows_all_of_it() {
        assert!(pool(&json!([])).lets_capacity("spot"));
        let on_demand = pool(&json!([{"key": CAPACITY, "operator": "In", "values": ["on-demand"]}]));
        assert!(!on_demand.lets_capacity("spot") && on_demand.lets_capacity("on-demand"));
        let mut labelled = pool(&json!([]));
        labelled.object["spec"]["template"]["metadata"] = json!({"labels": {CAPACITY: "on-demand"}});
        assert!(!labelled.lets_capacity("spot") && labelled.lets_capacity("on-demand"));
        assert_eq!(on_demand.most_gpus(), Some(64));
        assert_eq!(on_demand.own_of(), None);
    }

    #[test]
    fn a_toleration_bears_its_key_value_and_effect() {
        let taint = json!({"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"});
        let borne = |toleration: Value| bears(&toleration, &taint);
        assert!(borne(json!({"operator": "Exists"})));
        assert!(borne(json!({"key": "nvidia.com/gpu", "operator": "Exists"})));
        assert!(borne(
            json!({"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"})
        ));
        assert!(!borne(json!({"key": "nvidia.com/gpu", "value": "false"})));
        assert!(!borne(
            json!({"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoExecute"})
        ));
        assert!(!borne(json!({"key": "dedicated", "operator": "Exists"})));
    }
}
