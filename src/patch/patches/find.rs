//! Where the objects of a row are written down: the workload's own, its autoscaler's, and what makes nodes.

use serde_json::Value;

use super::refuse;
use crate::model::plan::{Plan, Row, WorkloadRow};
use crate::model::runs::is_run;
use crate::model::scenario::Move;
use crate::model::tree::joined;
use crate::patch::emit::Refusal;
use crate::patch::index::{Index, Object};
use crate::patch::locate::{NoPlace, Place, VALUES, Wanted, in_templates, locate, others_go, scalers, within};
use crate::patch::place::Manifests;
use crate::patch::whereabouts::{Whereabouts, release, whereabouts};
use crate::patch::written::Written;
use crate::policy::patches::Patches;

/// Another workload of the plan that the same document becomes, where that names no namespace.
pub(super) fn same_document<'p>(
    plan: &'p Plan,
    manifests: &Manifests<'_>,
    own: &WorkloadRow,
    place: &Place,
    settings: &Patches,
) -> Option<&'p str> {
    let told = manifests
        .chains
        .namespaces(&place.chain, place.object.namespace.as_deref());
    let alike = |other: &&WorkloadRow| {
        other.id != own.id && other.kind == own.kind && other.name == own.name && other.namespace != own.namespace
    };
    let mut others = plan.workloads.iter().filter(alike).filter(|_| told.is_empty());
    let same = |other: &&WorkloadRow| {
        let live = other.live.clone().unwrap_or_default();
        let known = whereabouts(manifests.tree, &other.cluster, &live, settings);
        let found = known.and_then(|known| find(manifests, other, &known));
        found.is_ok_and(|found| found.object.spot == place.object.spot)
    };
    others.find(same).map(|other| other.id.as_str())
}

/// Whether no other workload of the plan is in its ClusterQueue.
pub(super) fn alone_in_queue(manifests: &Manifests<'_>, plan: &Plan, workload: &WorkloadRow) -> bool {
    let behind = |row: &WorkloadRow| row.queue.as_ref()?.cluster_queue.clone();
    let Some(own) = behind(workload) else { return false };
    let same = |row: &&WorkloadRow| row.cluster == workload.cluster && behind(row).as_ref() == Some(&own);
    // What has no GPUs, or waits, is in no plan: its queue is.
    let queue = workload.queue.as_ref().map(|queue| queue.queue.as_str());
    let is_other = |object: &&Object| {
        let here = object
            .namespace
            .as_deref()
            .is_none_or(|namespace| namespace == workload.namespace);
        object.group() == "kueue.x-k8s.io"
            && object.kind == "LocalQueue"
            && !(here && Some(object.name.as_str()) == queue)
    };
    let leads_there = |object: &Object| {
        let value = manifests.value(&object.spot).unwrap_or_default();
        value.pointer("/spec/clusterQueue").and_then(Value::as_str) == Some(&own)
    };
    let others = manifests.index.objects.iter().filter(is_other).any(leads_there);
    !others && plan.workloads.iter().filter(same).count() == 1
}

/// What makes nodes among the manifests, for a change that needs others.
pub(super) fn nodes_of(
    manifests: &Manifests<'_>,
    row: &Row,
    workload: &WorkloadRow,
    settings: &Patches,
) -> Result<Vec<Written>, Refusal> {
    let moves_nodes = |change: &Move| matches!(change, Move::UseSpot { .. } | Move::UseGpu { .. });
    match row.moves.iter().any(moves_nodes) {
        true if manifests.tree.is_live => manifests.nodes_of(None),
        true => manifests.nodes_of(under(workload, settings).as_deref()),
        false => Ok(Vec::new()),
    }
}

/// The folder that is deployed into its cluster, where somebody tells it.
fn under(workload: &WorkloadRow, settings: &Patches) -> Option<String> {
    let folder = settings.folders.get(&workload.cluster)?;
    joined("", folder.trim_matches('/'))
}

pub(super) fn find(manifests: &Manifests<'_>, workload: &WorkloadRow, known: &Whereabouts) -> Result<Place, Refusal> {
    let wanted = Wanted {
        group: &workload.group,
        kind: &workload.kind,
        namespace: &workload.namespace,
        name: &workload.name,
        under: &known.under,
    };
    locate(manifests.index, &manifests.chains, wanted).map_err(|why| match &why {
        NoPlace::Several { .. } => refuse("several-manifests", why.to_string()),
        NoPlace::Nowhere { templates } => nowhere(manifests.index, workload, templates, known),
    })
}

fn nowhere(index: &Index, workload: &WorkloadRow, templates: &[String], known: &Whereabouts) -> Refusal {
    let sure = known
        .under
        .iter()
        .filter(|under| under.sure)
        .flat_map(|under| &under.paths);
    let sure: Vec<&String> = sure.collect();
    let there = |file: &&String| sure.is_empty() || sure.iter().any(|path| within(file, path));
    let templates: Vec<String> = templates.iter().filter(there).cloned().collect();
    let why = match &known.told {
        Some(told) if known.chart => {
            let written = release(index, workload);
            format!("{told}{written}, and no manifest of it is there: {VALUES}")
        }
        Some(told) => format!("{told}, and no manifest of it is there{}", in_templates(&templates)),
        None => NoPlace::Nowhere {
            templates: templates.clone(),
        }
        .to_string(),
    };
    if let Some((path, broken)) = index.unreadable.first_key_value() {
        let more = match index.unreadable.len() {
            1 => String::new(),
            all => format!(", and {} more", all - 1),
        };
        return refuse(
            "unreadable",
            format!("{why}; and it may be in what cannot be read: {path}: {broken}{more}"),
        );
    }
    if templates.is_empty() && known.told.is_none() && is_run(&workload.kind) {
        return refuse(
            "submitted",
            "no manifest of it is among the files that were read, as of what is submitted for each run: its owner changes what submits it",
        );
    }
    refuse("no-manifest", why)
}

/// The one autoscaler that is written down for a workload.
pub(super) fn scaler(manifests: &Manifests<'_>, of: &Place) -> Result<Option<Place>, Refusal> {
    let found = scalers(manifests.index, &manifests.chains, of);
    match &found[..] {
        [] => Ok(None),
        [one] => {
            // It may come another way than the workload, through patches of its own, and others may share it.
            let last = of.chain.last();
            let own = last.map(|last| manifests.chains.to(&one.spot.file, last));
            let mut own = own.unwrap_or_default().into_iter();
            let chain = own.next().unwrap_or_default();
            let shared = others_go(&chain, &manifests.chains.from(&one.spot.file));
            if own.next().is_some() {
                return Err(refuse(
                    "shared",
                    format!("{} is gathered twice on its way", one.spot.file),
                ));
            }
            let (_, names) = manifests.chains.names(&chain, one.namespace.as_deref(), &one.name);
            Ok(Some(Place {
                object: Clone::clone(*one),
                chain,
                names,
                namespace: of.namespace.clone(),
                shared,
                gathered_by: None,
            }))
        }
        several => {
            let files: Vec<&str> = several.iter().map(|object| object.spot.file.as_str()).collect();
            Err(refuse(
                "several-autoscalers",
                format!("several autoscalers are written down for it: {}", files.join(", ")),
            ))
        }
    }
}
