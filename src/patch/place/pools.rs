//! Karpenter's NodePools among the manifests: whether one offers the nodes that a change needs, and the edit or the new pool where
//! none does. A value that is added to a requirement replaces no node; what is in a pool's template would.

use serde_json::{Value, json};

use super::pen::Pen;
use super::refuse;
use crate::model::tree::{folder, joined};
use crate::patch::emit::{PoolWish, Refusal};
use crate::patch::index::Object;
use crate::patch::podspec::{at, element, under};
use crate::patch::yaml::{self, Change, Edit, Pointer};

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
    /// Lets the pools among the manifests offer what a change needs; nothing where none is among them.
    pub(super) fn pool(&mut self, wish: &PoolWish) -> Result<(), Refusal> {
        let is = |object: &&Object| object.group() == "karpenter.sh" && object.kind == "NodePool";
        let found: Vec<&Object> = self.manifests.index.objects.iter().filter(is).collect();
        let mut pools: Vec<(&Object, Value)> = Vec::new();
        for object in found {
            pools.push((object, self.manifests.value(&object.spot)?));
        }
        match wish {
            PoolWish::Spot { pools: names } => {
                let own = pools.iter().filter(|(object, _)| names.contains(&object.name));
                own.into_iter()
                    .try_for_each(|(object, value)| self.let_spot(object, value))
            }
            PoolWish::Offer { instance_type, like } => {
                let told: Vec<Option<bool>> = pools.iter().map(|(_, pool)| offers(pool, instance_type)).collect();
                let none_does = !told.is_empty() && told.iter().all(|told| *told == Some(false));
                let model = pools.iter().find(|(object, _)| like.contains(&object.name));
                match model.filter(|_| none_does) {
                    Some((object, pool)) => self.new_pool(object, pool, instance_type),
                    None => Ok(()),
                }
            }
        }
    }

    fn let_spot(&mut self, object: &Object, pool: &Value) -> Result<(), Refusal> {
        let list = under(&object.spot.at, &["spec", "template", "spec", "requirements"]);
        let own = requirements(pool)
            .enumerate()
            .find(|(_, one)| text(one, "key") == CAPACITY);
        let Some((index, requirement)) = own.filter(|(_, one)| lets(one, "spot") == Some(false)) else {
            return Ok(());
        };
        let values = under(&element(&list, index), &["values"]);
        let here = under(
            &element(
                &under(&Pointer(Vec::new()), &["spec", "template", "spec", "requirements"]),
                index,
            ),
            &["values"],
        );
        let last = at(pool, &here).and_then(Value::as_array).map_or(0, Vec::len);
        if text(requirement, "operator") != "In" {
            return Err(refuse(
                "not-editable",
                format!(
                    "the NodePool {} forbids spot capacity: allow it there first",
                    object.name
                ),
            ));
        }
        let edit = Edit {
            at: element(&values, last),
            change: Change::Set(json!("spot")),
        };
        self.change(&object.spot.file, object.spot.document, &[edit])
    }

    /// A pool like another one, of this instance type alone.
    fn new_pool(&mut self, like: &Object, pool: &Value, instance_type: &str) -> Result<(), Refusal> {
        let name = instance_type.to_lowercase().replace(['.', '_'], "-");
        let mut spec = pool.get("spec").cloned().unwrap_or_default();
        if let Some(fields) = spec.as_object_mut() {
            fields.remove("weight");
        }
        if let Some(Value::Array(list)) = spec.pointer_mut("/template/spec/requirements") {
            let of_instances = |one: &Value| {
                let key = text(one, "key");
                key == INSTANCE_TYPE || key.starts_with("karpenter.k8s.aws/instance-")
            };
            list.retain(|one| !of_instances(one));
            list.push(json!({"key": INSTANCE_TYPE, "operator": "In", "values": [instance_type]}));
        }
        let object = json!({
            "apiVersion": like.api_version, "kind": "NodePool", "metadata": {"name": name}, "spec": spec,
        });
        let chain = self
            .manifests
            .chains
            .from(&like.spot.file)
            .into_iter()
            .next()
            .unwrap_or_default();
        let level = chain.first();
        let into = level.map_or_else(|| folder(&like.spot.file), String::as_str);
        let file = format!("{name}-nodepool.yaml");
        let path = joined(into, &file).unwrap_or_else(|| file.clone());
        let document = yaml::document(&object);
        match self.text(&path) {
            Some(there) if there == document => return Ok(()),
            Some(_) => {
                return Err(refuse(
                    "in-the-way",
                    format!("{path} is there already, and says something else"),
                ));
            }
            None => self.write(&path, document),
        }
        match level {
            Some(level) => self.list(level, "resources", json!(file)),
            None => Ok(()),
        }
    }
}
