//! Where a workload is kept, as far as somebody tells: its owner by annotation, its deployer, the policy. What is said of another
//! repository is no place for an edit here.

use super::emit::Refusal;
use super::index::{Index, Object};
use super::locate::{Said, Under, VALUES, within};
use crate::model::manifest::{Deployed, Deployer, Live};
use crate::model::plan::WorkloadRow;
use crate::model::repository::{Alike, Kept};
use crate::model::tree::{Tree, joined};
use crate::policy::patches::Patches;

/// What is told of a workload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Whereabouts {
    /// Where it may be, who is asked first before the others.
    pub(super) under: Vec<Under>,
    /// Who told, where it must be there, for whoever looks for it in vain.
    pub(super) told: Option<String>,
    /// Whether a chart makes it.
    pub(super) chart: bool,
    /// What whoever merges an edit should know.
    pub(super) notes: Vec<String>,
}

fn refuse(code: &'static str, why: String) -> Refusal {
    Refusal { code, why }
}

/// Where a workload of a cluster is kept.
///
/// # Errors
/// Where it is kept elsewhere, or is told to be where nothing is.
pub(super) fn whereabouts(tree: &Tree, cluster: &str, live: &Live, settings: &Patches) -> Result<Whereabouts, Refusal> {
    let deployer = live.deployed.as_ref().and_then(|deployed| deployed.deployer.as_ref());
    if tree.is_live {
        // The object itself is there, whoever keeps its manifest.
        return Ok(Whereabouts {
            notes: deployer.map(written_back).into_iter().collect(),
            ..Whereabouts::default()
        });
    }
    let helm = deployer.filter(|deployer| matches!(deployer, Deployer::Helm { .. } | Deployer::FluxHelm { .. }));
    let mut found = Whereabouts {
        told: helm.map(|helm| format!("{} makes it", who(helm))),
        chart: helm.is_some(),
        ..Whereabouts::default()
    };
    if let Some(written) = &live.manifest {
        annotated(tree, written, &mut found)?;
    }
    if let Some(deployed) = live.deployed.as_ref().filter(|deployed| !deployed.kept.is_empty()) {
        kept(tree, deployed, &mut found)?;
    }
    let folder = settings.folders.get(cluster);
    let folder = folder.and_then(|folder| joined("", folder.trim_matches('/')));
    found.under.extend(folder.map(|folder| Under {
        said: Said::Mapped,
        paths: vec![folder],
        flat: Vec::new(),
        name: None,
        sure: false,
    }));
    Ok(found)
}

fn holds(tree: &Tree, path: &str) -> bool {
    let in_it = |file: &String| {
        let rest = file.strip_prefix(path);
        rest.is_some_and(|rest| path.is_empty() || rest.is_empty() || rest.starts_with('/'))
    };
    // Files are in order, so that the first one that may be is the one that tells.
    let from = tree.files.range(path.to_owned()..).map(|(file, _)| file);
    from.take_while(|file| file.starts_with(path)).any(in_it)
}

fn annotated(tree: &Tree, written: &str, found: &mut Whereabouts) -> Result<(), Refusal> {
    let (path, name) = written.split_once('#').unwrap_or((written, ""));
    let path = path.trim_matches('/');
    let told = format!("its annotation gpuwise.dev/manifest says that it is written down in {written}");
    let here = tree.origin.path(path).filter(|here| holds(tree, here));
    let Some(here) = here else {
        return Err(refuse(
            "no-manifest",
            format!("{told}, which is not among the files that were read"),
        ));
    };
    found.told = Some(told);
    found.under.push(Under {
        said: Said::Written,
        paths: vec![here],
        flat: Vec::new(),
        name: (!name.is_empty()).then(|| name.to_owned()),
        sure: true,
    });
    Ok(())
}

/// What becomes of a change that its deployer does not know.
fn written_back(deployer: &Deployer) -> String {
    let when = match deployer {
        Deployer::ArgoCd { .. } | Deployer::Flux { .. } => "within minutes",
        Deployer::FluxHelm { .. } | Deployer::Helm { .. } => "with the next upgrade",
        Deployer::ServerSideApply { .. } | Deployer::ClientSideApply => "the next time",
    };
    format!(
        "{} writes it back {when}, unless the component is gathered where it renders its manifests",
        who(deployer)
    )
}

/// What a deployer is called, and what it does to get there.
pub(super) fn who(deployer: &Deployer) -> String {
    match deployer {
        Deployer::ArgoCd { application } => format!("the Application {application} of Argo CD"),
        Deployer::Flux { kustomization } => format!("the Kustomization {kustomization} of Flux"),
        Deployer::FluxHelm { release } => format!("the HelmRelease {release} of Flux"),
        Deployer::Helm { release } => format!("release {release} of Helm"),
        Deployer::ServerSideApply { manager } => manager.clone(),
        Deployer::ClientSideApply => "kubectl apply".to_owned(),
    }
}

/// Where the HelmRelease that makes a workload is written down, as it may hold the values.
pub(super) fn release(index: &Index, workload: &WorkloadRow) -> String {
    let deployed = workload.live.as_ref().and_then(|live| live.deployed.as_ref());
    let Some(Deployer::FluxHelm { release }) = deployed.and_then(|deployed| deployed.deployer.as_ref()) else {
        return String::new();
    };
    let (namespace, name) = release.split_once('/').unwrap_or(("", release));
    let is = |object: &&Object| {
        let here = object.namespace.as_deref().is_none_or(|own| own == namespace);
        object.kind == "HelmRelease" && object.name == name && here
    };
    let files: Vec<&str> = index
        .objects
        .iter()
        .filter(is)
        .map(|object| object.spot.file.as_str())
        .collect();
    match &files[..] {
        [] => String::new(),
        all => format!(
            " (it is written down in {}, with values in spec.values)",
            all.join(", ")
        ),
    }
}

/// `apps/chat in https://git.example.com/acme/deploy`.
fn of(kept: &Kept) -> String {
    match (&kept.chart, kept.path.as_deref()) {
        (Some(chart), None) => format!("the chart {chart} of {}", kept.repository),
        (_, Some("") | None) => format!("the root of {}", kept.repository),
        (_, Some(path)) => format!("{path} in {}", kept.repository),
    }
}

/// From where a deployer takes it, with which values, and what it does to it.
fn told(who: &str, kept: &[Kept]) -> String {
    let listed = |of: fn(&Kept) -> &[String], before: &str, after: &str| {
        let all: Vec<&str> = kept.iter().flat_map(of).map(String::as_str).collect();
        match &all[..] {
            [] => String::new(),
            all => format!("{before}{}{after}", all.join(", ")),
        }
    };
    let all: Vec<String> = kept.iter().map(of).collect();
    format!(
        "{who} takes it from {}{}{}",
        all.join(" or "),
        listed(|one| &one.values, " with the values of ", ""),
        listed(|one| &one.changed_by, ", and changes it on its way (", ")")
    )
}

fn kept(tree: &Tree, deployed: &Deployed, found: &mut Whereabouts) -> Result<(), Refusal> {
    let who = deployed
        .deployer
        .as_ref()
        .map_or_else(|| "its deployer".to_owned(), who);
    let folders: Vec<(&Kept, &str)> = deployed
        .kept
        .iter()
        .filter_map(|one| Some((one, one.path.as_deref()?)))
        .collect();
    let annotated = !found.under.is_empty();
    found.chart |= deployed.kept.iter().any(|one| one.chart.is_some());
    let told = told(&who, &deployed.kept);
    if folders.is_empty() && !annotated {
        return Err(refuse("no-manifest", format!("{told}: {VALUES}")));
    }
    let alike = |one: &Kept| tree.origin.is(&one.repository);
    if !annotated && folders.iter().all(|(one, _)| alike(one) == Alike::Other) {
        return Err(refuse(
            "kept-elsewhere",
            format!(
                "{told}, and the files that were read are of {}: give that repository, or say by the annotation gpuwise.dev/manifest \
                 where it is in this one",
                tree.origin.repositories.join(", ")
            ),
        ));
    }
    let here = folders.iter().filter(|(one, _)| alike(one) != Alike::Other);
    let here: Vec<(&Kept, Option<String>)> = here
        .map(|(one, path)| (*one, tree.origin.path(path).filter(|path| holds(tree, path))))
        .collect();
    let paths: Vec<String> = here.iter().filter_map(|(_, path)| path.clone()).collect();
    // Of what lies above the files that were read nobody knows whether it holds a kustomization.
    let argo = matches!(deployed.deployer, Some(Deployer::ArgoCd { .. }));
    let is_flat = |one: &Kept| {
        let inside = one
            .path
            .as_deref()
            .is_some_and(|path| within(path, &tree.origin.folder));
        argo && !one.recurse && one.chart.is_none() && inside
    };
    let flat = here.iter().filter(|(one, _)| is_flat(one));
    let flat: Vec<String> = flat.filter_map(|(_, path)| path.clone()).collect();
    // What may be of another repository says nothing of files that are not there.
    let sure = |(one, path): &(&Kept, Option<String>)| path.is_some() || alike(one) == Alike::Same;
    if paths.is_empty() && !annotated && here.iter().any(sure) {
        return Err(refuse(
            "no-manifest",
            format!("{told}, which is not among the files that were read"),
        ));
    }
    for (one, _) in here.iter().filter(|(_, path)| path.is_some()) {
        found.notes.extend(notes(&who, one, tree));
    }
    if !paths.is_empty() {
        if !annotated {
            found.told = Some(told);
        }
        found.under.push(Under {
            said: Said::Deployed,
            paths,
            flat,
            name: None,
            sure: !annotated,
        });
    }
    Ok(())
}

/// What whoever merges a change of values should know of who deploys the chart.
pub(super) fn of_chart(deployed: &Deployed, tree: &Tree) -> Vec<String> {
    let who = deployed
        .deployer
        .as_ref()
        .map_or_else(|| "its deployer".to_owned(), who);
    // The version of a chart from elsewhere says nothing of the values.
    let kept = deployed.kept.iter().map(|one| Kept {
        revision: one.revision.clone().filter(|_| one.path.is_some()),
        ..one.clone()
    });
    kept.flat_map(|one| notes(&who, &one, tree)).collect()
}

fn notes(who: &str, kept: &Kept, tree: &Tree) -> Vec<String> {
    let mut notes = Vec::new();
    let revision = kept.revision.as_deref();
    if let (Some(revision), true) = (revision, kept.pinned) {
        notes.push(format!(
            "{who} deploys {revision}, which stays where it is: nothing is deployed before its revision is moved to one with this change"
        ));
    }
    let base = tree.origin.branch.as_deref();
    if let (Some(revision), Some(base), false) = (revision, base, kept.pinned)
        && revision != base
    {
        notes.push(format!("{who} deploys the branch {revision}, and this goes to {base}"));
    }
    if !kept.changed_by.is_empty() {
        notes.push(format!(
            "{who} changes what it deploys on its way ({}): see that this leaves alone what is changed here",
            kept.changed_by.join(", ")
        ));
    }
    notes
}
