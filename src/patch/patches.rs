//! The rows of a plan as patches: each found, wished and made in the folder as the ones before it left it.

mod find;

use serde::Serialize;

use super::emit::{About, Refusal, wish};
use super::handover::Handover;
use super::helm_values;
use super::index::{Index, refresh};
use super::locate::{Place, VALUES};
use super::place::{Changes, FileChange, Manifests, OnItsWay};
use super::whereabouts::{of_chart, whereabouts};
use crate::catalog::Catalog;
use crate::model::manifest::{Deployer, Live};
use crate::model::plan::{Plan, Row, WorkloadRow};
use crate::model::tree::{Tree, TreeFile};
use crate::policy::patches::Patches;
use find::{alone_in_queue, find, nodes_of, same_document, scaler};

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
    if !tree.is_live && helm_values::of(workload, with.settings).is_some() {
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
    if let (Some(other), None) = (&place.gathered_by, &live.manifest) {
        return Err(refuse(
            "shared",
            format!(
                "what is deployed of {} is gathered by the kustomization in {other:?} as well, which gets each change of it: say by the \
                 annotation gpuwise.dev/manifest that it may, or change it where only this workload is made of it",
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
    let filled = helm_values::fill(manifests.tree, plan, row, workload, with.settings)?;
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
        alone_in_queue: alone_in_queue(manifests, plan, workload),
        guarded_by: None,
        until: plan.window.end,
        catalog: with.catalog,
        settings: with.settings,
    })?;
    let edits = filled.back(&wish, live)?;
    filled.alone(manifests, &edits)?;
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
        alone_in_queue: alone_in_queue(manifests, plan, workload),
        guarded_by: live.unguarded.then(|| manifests.guarded_by(own)).flatten(),
        until: plan.window.end,
        catalog: with.catalog,
        settings: with.settings,
    })?;
    let changes = manifests.make(own, scaler, &wish)?;
    let mut notes = wish.notes;
    match wish.handover {
        Some(Handover::Goes { note }) if manifests.tree.is_live => notes.push(format!(
            "take spec.replicas out of its manifest, or each apply of it sets them back: {note}"
        )),
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
