//! Karpenter's NodePools among the manifests: whether one offers the nodes that a change needs.

use serde_json::Value;

use super::pen::Pen;
use super::refuse;
use crate::patch::emit::{PoolWish, Refusal};
use crate::patch::index::Object;

const CAPACITY: &str = "karpenter.sh/capacity-type";
const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";
const FAMILY: &str = "karpenter.k8s.aws/instance-family";
const CATEGORY: &str = "karpenter.k8s.aws/instance-category";

/// What all of a pool's nodes meet.
fn requirements(pool: &Value) -> impl Iterator<Item = &Value> {
    let all = pool
        .pointer("/spec/template/spec/requirements")
        .and_then(Value::as_array);
    all.into_iter().flatten()
}

fn text<'v>(requirement: &'v Value, field: &str) -> &'v str {
    requirement.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a requirement lets this value through; `None` for an operator that compares numbers.
fn lets(requirement: &Value, value: &str) -> Option<bool> {
    let values = requirement
        .get("values")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let named = values.filter_map(Value::as_str).any(|one| one == value);
    match text(requirement, "operator") {
        "In" => Some(named),
        "NotIn" => Some(!named),
        "Exists" => Some(true),
        "DoesNotExist" => Some(false),
        _ => None,
    }
}

/// Whether a pool offers an instance type; `None` where its requirements ask for what the type's name does not tell.
fn offers(pool: &Value, instance_type: &str) -> Option<bool> {
    let family = instance_type.split_once('.').map(|(family, _)| family);
    let category = family.map(|family| family.trim_end_matches(|c: char| !c.is_ascii_alphabetic()));
    let category = category.map(|family| family.split(|c: char| c.is_ascii_digit()).next().unwrap_or(family));
    let mut sure = true;
    for requirement in requirements(pool) {
        let lets = match text(requirement, "key") {
            INSTANCE_TYPE => lets(requirement, instance_type),
            FAMILY => family.and_then(|family| lets(requirement, family)),
            CATEGORY => category.and_then(|category| lets(requirement, category)),
            key if key.starts_with("karpenter.k8s.aws/instance-") => None,
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

impl Pen<'_, '_> {
    /// Whether the pools among the manifests offer what a change needs. They are not changed: one that offers more may take in
    /// others, whose pods Karpenter then moves to what is cheaper.
    ///
    /// # Errors
    /// Where none does; nothing is said where none is among the files, or it cannot be told.
    pub(super) fn pool(&self, wish: &PoolWish) -> Result<(), Refusal> {
        let is = |object: &&Object| object.group() == "karpenter.sh" && object.kind == "NodePool";
        let mut pools: Vec<(&Object, Value)> = Vec::new();
        for object in self.manifests.index.objects.iter().filter(is) {
            pools.push((object, self.manifests.value(&object.spot)?));
        }
        match wish {
            PoolWish::Spot { pools: names } => {
                let own = pools.iter().filter(|(object, _)| names.contains(&object.name));
                let forbids = |(_, pool): &&(&Object, Value)| {
                    requirements(pool).any(|one| text(one, "key") == CAPACITY && lets(one, "spot") == Some(false))
                };
                let Some((object, _)) = own.into_iter().find(forbids) else {
                    return Ok(());
                };
                Err(refuse(
                    "no-node-pool",
                    format!(
                        "its NodePool {} ({}) has no spot capacity, and were it allowed there, Karpenter might move others to it: make a pool \
                         of its own, with a taint that only it tolerates, first",
                        object.name, object.spot.file
                    ),
                ))
            }
            PoolWish::Offer { instance_type } => {
                let told: Vec<Option<bool>> = pools.iter().map(|(_, pool)| offers(pool, instance_type)).collect();
                if told.is_empty() || told.iter().any(|told| *told != Some(false)) {
                    return Ok(());
                }
                Err(refuse(
                    "no-node-pool",
                    format!(
                        "no NodePool among the files offers {instance_type}: add one, with a taint that others do not tolerate, first; pods \
                         that asked for it before would wait for ever"
                    ),
                ))
            }
        }
    }
}
