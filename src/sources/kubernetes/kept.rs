//! Where deployers take what they apply from: repository, path and revision, as Applications of Argo CD and Kustomizations of Flux
//! have them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::error::KubernetesError;
use super::list::{Need, Reader};
use super::served::{Kind, Served};
use crate::model::cluster::Controller;
use crate::model::manifest::Deployer;
use crate::model::repository::{Kept, without_login};
use crate::model::tree::joined;

const APPLICATIONS: Kind = Kind {
    group: "argoproj.io",
    kind: "Application",
    plural: "applications",
};
const KUSTOMIZATIONS: Kind = Kind {
    group: "kustomize.toolkit.fluxcd.io",
    kind: "Kustomization",
    plural: "kustomizations",
};
const REPOSITORIES: Kind = Kind {
    group: "source.toolkit.fluxcd.io",
    kind: "GitRepository",
    plural: "gitrepositories",
};

#[cfg(test)]
pub(super) const KINDS: [Kind; 3] = [APPLICATIONS, KUSTOMIZATIONS, REPOSITORIES];

/// As much of an object as is needed; what its controller writes is read leniently.
#[derive(Deserialize)]
struct Object {
    metadata: Meta,
    #[serde(default)]
    spec: Value,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    namespace: String,
    name: String,
}

/// Specifications by namespace and name.
type Specs = BTreeMap<(String, String), Value>;

/// Tells each object that one of these deployers made where it is kept. Nothing is asked where none did.
pub(super) async fn tell(
    reader: &mut Reader<'_>,
    served: &Served,
    controllers: &mut [Controller],
) -> Result<(), KubernetesError> {
    let made_by = |is: fn(&Deployer) -> bool| controllers.iter().filter_map(deployer).any(is);
    let (argo, flux) = (
        made_by(|by| matches!(by, Deployer::ArgoCd { .. })),
        made_by(|by| matches!(by, Deployer::Flux { .. })),
    );
    let unknown = "in which repository and folder manifests are kept";
    let mut list = async |kind: Kind, versions: &[&str], wanted: bool| -> Result<Specs, KubernetesError> {
        // What a hub deploys into other clusters has its marks, and no Application beside it.
        if !wanted || served.has(kind.group) == Some(false) {
            return Ok(Specs::new());
        }
        let versions = served.versions(kind, versions);
        let keep = |object: Object| Some(((object.metadata.namespace, object.metadata.name), object.spec));
        let found: Vec<((String, String), Value)> = reader.list(&versions, Need::Useful, unknown, keep).await?;
        Ok(found.into_iter().collect())
    };
    let applications = list(APPLICATIONS, &["v1alpha1"], argo).await?;
    let kustomizations = list(KUSTOMIZATIONS, &["v1", "v1beta2"], flux).await?;
    let repositories = list(REPOSITORIES, &["v1", "v1beta2"], !kustomizations.is_empty()).await?;
    for controller in controllers {
        let kept = match deployer(controller) {
            Some(Deployer::ArgoCd { application }) => {
                named(&applications, application).map(|(_, spec)| of_application(spec, controller))
            }
            Some(Deployer::Flux { kustomization }) => named(&kustomizations, kustomization)
                .map(|((namespace, _), spec)| of_kustomization(spec, namespace, &repositories, controller)),
            _ => None,
        };
        if let (Some(kept), Some(deployed)) = (kept, &mut controller.deployed) {
            deployed.kept = kept;
        }
    }
    Ok(())
}

fn deployer(controller: &Controller) -> Option<&Deployer> {
    controller.deployed.as_ref()?.deployer.as_ref()
}

/// The one object of a name, `namespace/name` where that is told; `None` where several have it.
fn named<'s>(specs: &'s Specs, told: &str) -> Option<(&'s (String, String), &'s Value)> {
    if let Some((namespace, name)) = told.split_once('/') {
        return specs.get_key_value(&(namespace.to_owned(), name.to_owned()));
    }
    let mut found = specs.iter().filter(|((_, name), _)| name == told);
    found.next().filter(|_| found.next().is_none())
}

fn text(value: &Value, path: &str) -> Option<String> {
    let text = value.pointer(path)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A folder as deployers write it (`./apps`, `/apps`, `.`), from the repository's root; `None` where it leads out of it.
fn folder(path: &str) -> Option<String> {
    joined("", path.trim_start_matches('/'))
}

fn all<'v>(value: &'v Value, path: &str) -> impl Iterator<Item = &'v Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

/// The sources of an Application: those of the list where it has one, those that are yet to be hydrated where it hydrates.
fn of_application(spec: &Value, controller: &Controller) -> Vec<Kept> {
    let several: Vec<&Value> = all(spec, "/sources").collect();
    let one = spec
        .pointer("/sourceHydrator/drySource")
        .filter(|source| source.is_object());
    let sources = match one {
        Some(dry) => vec![dry],
        None if several.is_empty() => spec.get("source").into_iter().collect(),
        None => several,
    };
    let mut kept: Vec<Kept> = sources
        .into_iter()
        .filter_map(|source| of_source(source, controller))
        .collect();
    // One that only holds values for the others makes no object.
    if kept.iter().any(|one| one.chart.is_some() || one.path.is_some()) {
        kept.retain(|one| one.chart.is_some() || one.path.is_some());
    }
    kept
}

fn of_source(source: &Value, controller: &Controller) -> Option<Kept> {
    let repository = without_login(&text(source, "/repoURL")?);
    let chart = text(source, "/chart");
    let path = text(source, "/path").and_then(|path| folder(&path));
    // Without a path it is the root, unless it has another use.
    let path = path.or_else(|| (chart.is_none() && source.get("ref").is_none()).then(String::new));
    let revision = text(source, "/targetRevision").filter(|revision| revision != "HEAD");
    let from = path.clone().unwrap_or_default();
    let values = all(source, "/helm/valueFiles").filter_map(Value::as_str);
    let values = values.filter_map(|file| match file.strip_prefix('$') {
        // `$name/path`, from the root of the source that has this name.
        Some(named) => named.split_once('/').and_then(|(_, path)| folder(path)),
        None => joined(&from, file),
    });
    let helm = source.get("helm").is_some_and(Value::is_object);
    let told = source.pointer("/directory/recurse").and_then(Value::as_bool);
    Some(Kept {
        repository,
        chart: chart.or_else(|| path.clone().filter(|_| helm)),
        path,
        // What a plugin makes of a folder nobody else knows.
        recurse: told == Some(true) || source.get("plugin").is_some(),
        pinned: revision.as_deref().is_some_and(is_pinned),
        revision,
        values: values.collect(),
        changed_by: changes(
            source,
            &["kustomize.patches", "kustomize.replicas", "kustomize.components"],
            controller,
        )
        .chain(said(
            source,
            &[
                "kustomize.namePrefix",
                "kustomize.nameSuffix",
                "helm.parameters",
                "helm.values",
                "helm.valuesObject",
            ],
        ))
        .collect(),
    })
}

fn of_kustomization(spec: &Value, namespace: &str, repositories: &Specs, controller: &Controller) -> Vec<Kept> {
    // An artifact of a registry or a bucket has folders of its own, which need not be those of any repository.
    if text(spec, "/sourceRef/kind").as_deref() != Some(REPOSITORIES.kind) {
        return Vec::new();
    }
    let Some(name) = text(spec, "/sourceRef/name") else {
        return Vec::new();
    };
    let namespace = text(spec, "/sourceRef/namespace").unwrap_or_else(|| namespace.to_owned());
    let source = repositories.get(&(namespace, name));
    let Some((source, url)) = source.and_then(|source| Some((source, text(source, "/url")?))) else {
        return Vec::new();
    };
    // In the order in which Flux takes them.
    let of = |field: &str| text(source, &format!("/ref/{field}"));
    let pinned = of("commit").map(|commit| (commit, true));
    let pinned = pinned.or_else(|| of("name").map(|name| (name.clone(), !name.starts_with("refs/heads/"))));
    let pinned = pinned.or_else(|| of("semver").or_else(|| of("tag")).map(|tag| (tag, true)));
    let revision = pinned.or_else(|| of("branch").map(|branch| (branch, false)));
    let (revision, pinned) = revision.map_or((None, false), |(name, pinned)| (Some(name), pinned));
    vec![Kept {
        repository: without_login(&url),
        path: folder(&text(spec, "/path").unwrap_or_default()),
        revision: revision.map(|name| name.strip_prefix("refs/heads/").map(str::to_owned).unwrap_or(name)),
        pinned,
        changed_by: changes(spec, &["patches", "components"], controller)
            .chain(said(spec, &["namePrefix", "nameSuffix"]))
            .collect(),
        ..Kept::default()
    }]
}

/// Whether a revision of Argo CD's is a tag, a commit or a range of versions, as far as its looks tell: branches are seldom called so.
fn is_pinned(revision: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let hexadecimal = revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    let commit = hexadecimal && revision.len() >= 7 && revision.bytes().any(|byte| byte.is_ascii_digit());
    let range = revision.contains(['*', '^', '~', '<', '>']);
    let bare = revision.strip_prefix('v').unwrap_or(revision);
    let mut numbers = bare.split(['-', '+']).next().unwrap_or(bare).split('.').peekable();
    let version = bare.contains('.') && numbers.all(|number| !number.is_empty() && digits(number));
    commit || range || version || revision.starts_with("refs/tags/")
}

fn at<'v>(value: &'v Value, dotted: &str) -> Option<&'v Value> {
    value.pointer(&format!("/{}", dotted.replace('.', "/")))
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(_) => false,
    }
}

/// Which of these settings say anything.
fn said<'f>(settings: &Value, fields: &'f [&'f str]) -> Vec<String> {
    let said = fields.iter().filter(|field| !is_empty(at(settings, field)));
    said.map(|field| (*field).to_owned()).collect()
}

/// Which of these lists of changes have one that may be about an object.
fn changes<'f>(
    settings: &Value,
    fields: &'f [&'f str],
    controller: &Controller,
) -> impl Iterator<Item = String> + use<'f> {
    let means = |change: &Value| match change {
        // A component does whatever it does.
        Value::String(_) => true,
        change => may_mean(change, &controller.this.kind, &controller.this.name),
    };
    let found: Vec<bool> = fields
        .iter()
        .map(|field| {
            let list = at(settings, field).and_then(Value::as_array);
            list.into_iter().flatten().any(means)
        })
        .collect();
    let fields = fields.iter().zip(found).filter(|(_, found)| *found);
    fields.map(|(field, _)| (*field).to_owned())
}

/// Whether a patch, or a number of replicas, may be about an object of this kind and name. Names in targets are patterns.
fn may_mean(change: &Value, kind: &str, name: &str) -> bool {
    let target = change.get("target").filter(|target| target.is_object());
    let fits = |field: &str, own: &str| match target.and_then(|target| target.get(field)).and_then(Value::as_str) {
        None | Some("") => true,
        Some(pattern) => own.contains(pattern) || pattern.contains(['*', '.', '|', '[', '(', '^', '$', '?', '+', '\\']),
    };
    let said = |field: &str| change.get(field).and_then(Value::as_str);
    match (target, said("name"), said("patch")) {
        (Some(_), ..) => fits("kind", kind) && fits("name", name),
        (None, Some(counted), _) => name.contains(counted),
        (None, None, Some(patch)) => patch.contains(kind),
        _ => true,
    }
}
