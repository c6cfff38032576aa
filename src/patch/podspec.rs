//! Pod specs inside any object, known by their shape: kinds that hold pods are many, and new ones come.

use serde_json::Value;

use super::yaml::{Pointer, Step};
use crate::model::gpu::gpu_resource;

/// A place beneath another.
pub(super) fn under(at: &Pointer, steps: &[&str]) -> Pointer {
    let more = steps.iter().map(|step| Step::Key((*step).to_owned()));
    Pointer(at.0.iter().cloned().chain(more).collect())
}

/// An element of a list beneath another place.
pub(super) fn element(at: &Pointer, index: usize) -> Pointer {
    Pointer(at.0.iter().cloned().chain([Step::Index(index)]).collect())
}

/// The value at a place.
pub(super) fn at<'v>(value: &'v Value, pointer: &Pointer) -> Option<&'v Value> {
    pointer.0.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}

/// Places of all pod specs of an object.
pub(super) fn pod_specs(object: &Value) -> Vec<Pointer> {
    let mut found = Vec::new();
    look(object, &mut Pointer(Vec::new()), &mut found);
    found
}

fn look(value: &Value, here: &mut Pointer, found: &mut Vec<Pointer>) {
    let named = |one: &Value| one.get("name").is_some_and(Value::is_string);
    let containers = value.get("containers").and_then(Value::as_array);
    if containers.is_some_and(|all| !all.is_empty() && all.iter().all(named)) {
        found.push(here.clone());
        return;
    }
    let mut go = |step: Step, value: &Value| {
        here.0.push(step);
        look(value, here, found);
        here.0.pop();
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| go(Step::Key(key.clone()), value)),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .for_each(|(at, value)| go(Step::Index(at), value)),
        _ => {}
    }
}

/// A container that asks for GPUs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GpuContainer {
    /// Its pod spec.
    pub(super) pod: Pointer,
    /// Its place in it.
    pub(super) at: Pointer,
    /// Where amounts of GPUs stand, in limits and requests, and how many there are.
    pub(super) amounts: Vec<(Pointer, u32)>,
    /// The resource.
    pub(super) resource: String,
}

/// Containers of an object that ask for GPUs.
pub(super) fn gpu_containers(object: &Value) -> Vec<GpuContainer> {
    let mut found = Vec::new();
    for pod in pod_specs(object) {
        let list = under(&pod, &["containers"]);
        let containers = at(object, &list).and_then(Value::as_array).into_iter().flatten();
        for (index, container) in containers.enumerate() {
            let here = element(&list, index);
            let mut of: Option<GpuContainer> = None;
            for side in ["limits", "requests"] {
                let amounts = container
                    .pointer(&format!("/resources/{side}"))
                    .and_then(Value::as_object);
                for (name, amount) in amounts.into_iter().flatten() {
                    let Some(count) = gpu_resource(name).and_then(|_| devices(amount)) else {
                        continue;
                    };
                    let place = under(&here, &["resources", side, name]);
                    let of = of.get_or_insert_with(|| GpuContainer {
                        pod: pod.clone(),
                        at: here.clone(),
                        amounts: Vec::new(),
                        resource: name.clone(),
                    });
                    of.amounts.push((place, count));
                }
            }
            found.extend(of);
        }
    }
    found
}

/// Whether an init container asks for GPUs.
pub(super) fn init_containers(object: &Value) -> bool {
    let asks = |container: &Value| {
        let amounts =
            ["/resources/limits", "/resources/requests"].map(|path| container.pointer(path).and_then(Value::as_object));
        amounts
            .into_iter()
            .flatten()
            .flatten()
            .any(|(name, _)| gpu_resource(name).is_some())
    };
    pod_specs(object).iter().any(|pod| {
        let list = at(object, &under(pod, &["initContainers"])).and_then(Value::as_array);
        list.into_iter().flatten().any(asks)
    })
}

fn devices(amount: &Value) -> Option<u32> {
    let whole = amount.as_u64().or_else(|| amount.as_str()?.parse().ok())?;
    u32::try_from(whole).ok().filter(|count| *count > 0)
}

/// A number written as another one is: as text where that is text.
pub(super) fn like(before: Option<&Value>, number: u32) -> Value {
    match before {
        Some(Value::String(_)) => Value::String(number.to_string()),
        _ => Value::from(number),
    }
}
