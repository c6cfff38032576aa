//! Fewer GPUs of a pod, and slices of them.

use serde_json::Value;

use super::{About, Refusal, Wish, pods, remove, set};
use crate::model::gpu::GpuKind;
use crate::patch::podspec::{GpuContainer, at, gpu_containers, init_containers, like, under};

/// Containers with GPUs, which must be as the plan saw them: so many in each pod that has any.
fn seen(about: About<'_>, from: Option<u32>) -> Result<Vec<GpuContainer>, Refusal> {
    let containers = gpu_containers(about.object);
    let Some(first) = containers.first() else {
        return Err(Refusal::new(
            "no-gpus",
            "its manifest asks for no GPUs where pods are described: they come from elsewhere, such as a resource claim or a default",
        ));
    };
    if init_containers(about.object) {
        return Err(Refusal::new(
            "several-containers",
            "an init container asks for GPUs, too, and a pod reserves the larger of both: which of them is to have fewer is for its owner \
             to say",
        ));
    }
    let all = containers.iter().flat_map(|one| one.amounts.iter());
    let other = all
        .map(|(_, amount)| *amount)
        .find(|amount| Some(*amount) != from.or(Some(*amount)));
    if let (Some(other), Some(from)) = (other, from) {
        return Err(Refusal::new(
            "not-as-seen",
            format!(
                "a container of its manifest asks for {other} x {}, and its pods hold {from}",
                first.resource
            ),
        ));
    }
    let pods: std::collections::BTreeSet<_> = containers.iter().map(|one| &one.pod).collect();
    if pods.len() < containers.len() {
        return Err(Refusal::new(
            "several-containers",
            "several containers of one pod ask for GPUs: which of them is to have fewer is for its owner to say",
        ));
    }
    Ok(containers)
}

pub(super) fn fewer(about: About<'_>, (from, to): (u32, u32), wish: &mut Wish) -> Result<(), Refusal> {
    let already = gpu_containers(about.object);
    let mut amounts = already.iter().flat_map(|container| &container.amounts).peekable();
    if amounts.peek().is_some() && amounts.all(|(_, amount)| *amount == to) {
        return Ok(());
    }
    for container in seen(about, Some(from))? {
        for (place, _) in &container.amounts {
            wish.own.push(set(place.clone(), like(at(about.object, place), to)));
        }
    }
    Ok(())
}

/// The resource of a kind, as the device plugin calls it under the `mixed` strategy, where each profile has its own.
pub(in crate::patch) fn resource(kind: &GpuKind) -> String {
    match &kind.mig {
        Some(profile) => format!("nvidia.com/mig-{}", profile.replace('+', ".")),
        None => "nvidia.com/gpu".to_owned(),
    }
}

/// Whether its pods ask for as many GPUs as the plan saw: nodes were chosen by that.
///
/// # Errors
/// Where they ask for another number.
pub(super) fn as_many(about: About<'_>, per_pod: u32) -> Result<(), Refusal> {
    match pods::per_pod(about) {
        Some(asked) if asked != per_pod => Err(Refusal::new(
            "not-as-seen",
            format!("its manifest asks for {asked} GPUs a pod, and its pods hold {per_pod}"),
        )),
        _ => Ok(()),
    }
}

/// Another kind of device: its resource, where that has another name.
pub(super) fn other(
    about: About<'_>,
    (from, to): (&GpuKind, &GpuKind),
    per_pod: u32,
    wish: &mut Wish,
) -> Result<(), Refusal> {
    if from.mig == to.mig {
        return as_many(about, per_pod);
    }
    let (before, after) = (resource(from), resource(to));
    let containers = seen(about, None)?;
    if containers.iter().all(|container| container.resource == after) {
        return Ok(());
    }
    for container in containers {
        if container.resource != before {
            return Err(Refusal::new(
                "not-as-seen",
                format!("it asks for {}, and its pods hold {before}", container.resource),
            ));
        }
        for side in ["limits", "requests"] {
            let amounts = under(&container.at, &["resources", side]);
            let old = under(&amounts, &[&before]);
            if let Some(amount) = at(about.object, &old) {
                wish.own.push(set(under(&amounts, &[&after]), Value::clone(amount)));
                wish.own.push(remove(old));
            }
        }
    }
    wish.notes.push(format!(
        "{after} is what the device plugin calls such a slice under its `mixed` strategy"
    ));
    Ok(())
}
