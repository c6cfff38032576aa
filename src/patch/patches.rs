//! The rows of a plan as patches: each found, wished and made in the folder as the ones before it left it.

use serde::Serialize;

use super::emit::{About, Refusal, wish};
use super::handover::Handover;
use super::index::{Index, refresh};
use super::locate::{NoPlace, Place, Wanted, in_templates, locate, others_go, scalers, within};
use super::place::{Changes, FileChange, Manifests, OnItsWay};
use super::values;
use super::whereabouts::{VALUES, Whereabouts, of_chart, release, whereabouts};
use super::written::Written;
use crate::catalog::Catalog;
use crate::model::manifest::{Deployer, Live};
use crate::model::plan::{Plan, Row, WorkloadRow};
use crate::model::scenario::Move;
use crate::model::tree::{Tree, TreeFile};
use crate::policy::patches::Patches;

/// A row made text.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch {
    /// The row's id.
    pub row: String,
    /// Its title.
    pub title: String,
    /// Where the workload is written down.
    pub file: String,
    /// The files that it changes; none where they say it already.
    pub changes: Changes,
    /// What whoever merges it should know.
    pub notes: Vec<String>,
}

/// A row that is no patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The row's id.
    pub row: String,
    /// Its title.
    pub title: String,
    /// A stable code.
    pub code: &'static str,
    /// Why, and what to do.
    pub why: String,
}

impl Refused {
    /// Whether something is wrong with the manifests, and not only nothing to be changed in them.
    pub fn is_failure(&self) -> bool {
        const WRONG: [&str; 10] = [
            "several-workloads",
            "not-valid",
            "unreadable",
            "not-editable",
            "in-the-way",
            "several-manifests",
            "several-autoscalers",
            "patch-not-followed",
            "shared",
            "not-in-plan",
        ];
        WRONG.contains(&self.code)
    }
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Made {
    /// A patch.
    Patch(Patch),
    /// None.
    Refused(Refused),
}

/// What patches are made with.
#[derive(Debug, Clone, Copy)]
pub struct With<'a> {
    /// Metric names.
    pub catalog: &'a Catalog,
    /// What owners decided.
    pub settings: &'a Patches,
}

/// Rows made one after the other, in a folder that is changed with each.
pub fn patches(plan: &Plan, rows: &[&Row], tree: &mut Tree, index: &mut Index, with: With<'_>) -> Vec<Made> {
    let mut made = Vec::new();
    // What a pool's nodes cost beyond their workloads follows from the other rows.
    for row in rows.iter().filter(|row| row.subject.kind == "Workload") {
        let refused = |refusal: Refusal| {
            Made::Refused(Refused {
                row: row.id.clone(),
                title: row.title.clone(),
                code: refusal.code,
                why: refusal.why,
            })
        };
        match one(plan, row, (tree, index), with) {
            Ok(patch) => {
                apply(&patch.changes, tree, index);
                made.push(Made::Patch(patch));
            }
            Err(refusal) => made.push(refused(refusal)),
        }
    }
    made
}

/// All changes as one: each file as it was before the first and as it is after the last.
pub fn together(made: &[Made]) -> Changes {
    let mut all = Changes::new();
    for made in made {
        let Made::Patch(patch) = made else { continue };
        for (path, change) in &patch.changes {
            let before = all
                .get(path)
                .map_or_else(|| change.before.clone(), |earlier: &FileChange| earlier.before.clone());
            all.insert(
                path.clone(),
                FileChange {
                    before,
                    after: change.after.clone(),
                },
            );
        }
    }
    all
}

fn apply(changes: &Changes, tree: &mut Tree, index: &mut Index) {
    for (path, change) in changes {
        let executable = tree.files.get(path).is_some_and(|file| file.executable);
        let text = change.after.clone();
        tree.files.insert(path.clone(), TreeFile { text, executable });
    }
    refresh(index, tree, changes.keys());
}

fn refuse(code: &'static str, why: impl Into<String>) -> Refusal {
    Refusal { code, why: why.into() }
}

fn one(plan: &Plan, row: &Row, (tree, index): (&Tree, &Index), with: With<'_>) -> Result<Patch, Refusal> {
    let workload = plan.workload(&row.subject.id);
    let workload = workload.ok_or_else(|| refuse("not-in-plan", "the plan has no such workload"))?;
    let (Some(live), false) = (&workload.live, row.moves.is_empty()) else {
        return Err(refuse(
            "old-plan",
            "the plan does not tell what an edit must know: an earlier version made it, make it again",
        ));
    };
    let manifests = Manifests::new(tree, index);
    if !tree.is_live && values::of(workload, with.settings).is_some() {
        return in_values(plan, row, (workload, live), &manifests, with);
    }
    let known = whereabouts(tree, &workload.cluster, live, with.settings)?;
    let place = find(&manifests, workload, &known)?;
    if let Some(other) = same_document(plan, &manifests, workload, &place, with.settings) {
        return Err(refuse(
            "several-workloads",
            format!(
                "{} names no namespace and may become {other} as well: name one in it",
                place.file()
            ),
        ));
    }
    let deployer = live.deployed.as_ref().and_then(|deployed| deployed.deployer.as_ref());
    if let (Some(Deployer::Helm { release } | Deployer::FluxHelm { release }), None) =
        (deployer, &place.object.namespace)
    {
        return Err(refuse(
            "no-manifest",
            format!(
                "release {release} of Helm makes it, and {} is another one of that name: {VALUES}",
                place.file()
            ),
        ));
    }
    let own = manifests.follow(&place)?;
    let scaler = scaler(&manifests, &place)?;
    let scaler = scaler.as_ref().map(|place| manifests.follow(place)).transpose()?;
    let patch = made(
        plan,
        row,
        (workload, live),
        &manifests,
        (&own, scaler.as_ref(), &place),
        with,
    )?;
    Ok(Patch {
        notes: patch.notes.into_iter().chain(known.notes).collect(),
        ..patch
    })
}

/// A change of what a chart makes, through a file of values.
fn in_values(
    plan: &Plan,
    row: &Row,
    (workload, live): (&WorkloadRow, &Live),
    manifests: &Manifests<'_>,
    with: With<'_>,
) -> Result<Patch, Refusal> {
    let filled = values::fill(manifests.tree, plan, row, workload, with.settings)?;
    let nodes_of = nodes_of(manifests, row, workload, with.settings)?;
    let wish = wish(About {
        row,
        workload,
        live,
        object: &filled.object,
        written: filled.replicas(),
        name: &workload.name,
        namespace: &workload.namespace,
        scaler: None,
        nodes_of: &nodes_of,
        alone_in_queue: alone_in_queue(plan, workload),
        guarded_by: None,
        until: plan.window.end,
        catalog: with.catalog,
        settings: with.settings,
    })?;
    let edits = filled.back(&wish, live)?;
    let deployed = live.deployed.as_ref();
    let told = deployed.map(|deployed| of_chart(deployed, manifests.tree));
    Ok(Patch {
        row: row.id.clone(),
        title: row.title.clone(),
        changes: manifests.set((&filled.file, filled.document), &edits, &wish)?,
        notes: [wish.notes.clone(), filled.notes(&wish), told.unwrap_or_default()].concat(),
        file: filled.file,
    })
}

fn made(
    plan: &Plan,
    row: &Row,
    (workload, live): (&WorkloadRow, &Live),
    manifests: &Manifests<'_>,
    (own, scaler, place): (&OnItsWay<'_>, Option<&OnItsWay<'_>>, &Place),
    with: With<'_>,
) -> Result<Patch, Refusal> {
    let nodes_of = nodes_of(manifests, row, workload, with.settings)?;
    let wish = wish(About {
        row,
        workload,
        live,
        object: own.object(),
        written: manifests.replicas(own),
        name: &workload.name,
        namespace: &workload.namespace,
        scaler: scaler.map(OnItsWay::object),
        nodes_of: &nodes_of,
        alone_in_queue: alone_in_queue(plan, workload),
        guarded_by: live.unguarded.then(|| manifests.guarded_by(own)).flatten(),
        until: plan.window.end,
        catalog: with.catalog,
        settings: with.settings,
    })?;
    let changes = manifests.make(own, scaler, &wish)?;
    let mut notes = wish.notes;
    match wish.handover {
        Some(Handover::Stays { note } | Handover::Goes { note }) => notes.push(note),
        Some(Handover::Ignored { application }) => notes.push(format!(
            "the Application {application} of Argo CD leaves spec.replicas to the autoscaler (ignoreDifferences, and \
             RespectIgnoreDifferences for its syncs); the manifest keeps it for the first creation"
        )),
        _ => {}
    }
    Ok(Patch {
        row: row.id.clone(),
        title: row.title.clone(),
        file: place.file().to_owned(),
        changes,
        notes,
    })
}

/// Another workload of the plan that the same document becomes, where that names no namespace.
fn same_document<'p>(
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
fn alone_in_queue(plan: &Plan, workload: &WorkloadRow) -> bool {
    let behind = |row: &WorkloadRow| row.queue.as_ref()?.cluster_queue.clone();
    let own = behind(workload);
    let same = |row: &&WorkloadRow| row.cluster == workload.cluster && behind(row) == own;
    own.is_some() && plan.workloads.iter().filter(same).count() == 1
}

/// What makes nodes among the manifests, for a change that needs others.
fn nodes_of(
    manifests: &Manifests<'_>,
    row: &Row,
    workload: &WorkloadRow,
    settings: &Patches,
) -> Result<Vec<Written>, Refusal> {
    let moves_nodes = |change: &Move| matches!(change, Move::UseSpot { .. } | Move::UseGpu { .. });
    match row.moves.iter().any(moves_nodes) {
        true if manifests.tree.is_live => manifests.nodes_of(None),
        true => manifests.nodes_of(under(workload, settings)),
        false => Ok(Vec::new()),
    }
}

/// The folder that is deployed into its cluster, where somebody tells it.
fn under<'s>(workload: &WorkloadRow, settings: &'s Patches) -> Option<&'s str> {
    let folder = settings.folders.get(&workload.cluster)?;
    Some(folder.trim_matches('/'))
}

fn find(manifests: &Manifests<'_>, workload: &WorkloadRow, known: &Whereabouts) -> Result<Place, Refusal> {
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

/// Kinds that people and pipelines submit for one run, and keep nowhere.
const SUBMITTED: [&str; 12] = [
    "Job",
    "JobSet",
    "TrainJob",
    "PyTorchJob",
    "TFJob",
    "MPIJob",
    "JAXJob",
    "XGBoostJob",
    "PaddleJob",
    "RayJob",
    "SparkApplication",
    "Workflow",
];

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
    if templates.is_empty() && known.told.is_none() && SUBMITTED.contains(&workload.kind.as_str()) {
        return refuse(
            "submitted",
            "no manifest of it is among the files that were read, as of what is submitted for each run: its owner changes what submits it",
        );
    }
    refuse("no-manifest", why)
}

/// The one autoscaler that is written down for a workload.
fn scaler(manifests: &Manifests<'_>, of: &Place) -> Result<Option<Place>, Refusal> {
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
