//! Whose a workload is: by annotation, label, CODEOWNERS file, namespace, or by default.

use super::codeowners::Codeowners;
use super::located::{Located, Mistake, Place};
use super::manifests::written_at;
use super::overrides::{Overrides, Refused};
use super::section::Section;
use super::which::Which;
use crate::model::cluster::Labels;
use crate::model::workload::Workload;

/// The annotation by which a workload names its owner.
pub const OWNER: &str = "gpuwise.dev/owner";

/// The annotation by which a workload names its manifest, from the root of the repository.
pub const MANIFEST: &str = "gpuwise.dev/manifest";

/// Whose workloads are; the first that tells wins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attribution {
    /// Whether the annotation that names the owner counts.
    pub by_annotation: bool,
    /// Labels that name a team, the first that is there wins.
    pub labels: Vec<String>,
    /// Whether the annotation that names the manifest counts.
    pub by_manifest: bool,
    /// Where manifests lie, for what no annotation tells; the first row that means a workload wins.
    pub manifests: Vec<Manifest>,
    /// The CODEOWNERS file, as the policy names it, and where.
    pub codeowners_at: Option<(String, Place)>,
    /// What that says; `None` where it was not read.
    pub codeowners: Option<Codeowners>,
    /// Teams by namespace.
    pub namespaces: Vec<(String, String)>,
    /// Whose everything else is.
    pub default: Option<String>,
}

/// Where the manifests of some workloads lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    which: Which,
    path: String,
    place: Place,
}

/// Where owners are not asked for.
pub static NOBODY: Attribution = Attribution {
    by_annotation: false,
    labels: Vec::new(),
    by_manifest: false,
    manifests: Vec::new(),
    codeowners_at: None,
    codeowners: None,
    namespaces: Vec::new(),
    default: None,
};

impl Attribution {
    /// Reads the section `attribution`.
    pub(super) fn read(section: &mut Section<'_>, overrides: &Overrides, mistakes: &mut Vec<Mistake>) -> Self {
        let labels = section.texts("owner_labels", mistakes);
        let codeowners_at = section.optional_text("codeowners", mistakes);
        let manifests = section.list("manifests", mistakes);
        let manifests: Vec<Manifest> = manifests.iter().filter_map(|item| manifest(item, mistakes)).collect();
        let by_manifest = overrides.allows("manifest");
        let mut wrong = |place: &Place, what: &str| {
            mistakes.push(Mistake {
                place: place.clone(),
                what: what.to_owned(),
            });
        };
        match (&codeowners_at, manifests.first()) {
            (None, Some(first)) => wrong(
                &first.place,
                "a manifest tells an owner only with `attribution.codeowners`",
            ),
            (Some((_, place)), None) if !by_manifest => wrong(
                place,
                "nothing says where manifests lie: give `attribution.manifests`, or let `permissions.overrides` have manifest",
            ),
            _ => {}
        }
        let namespaces = section.map_of_texts("owners_of_namespaces", mistakes);
        let default = section.optional_text("default_owner", mistakes);
        Self {
            by_annotation: overrides.allows("owner"),
            labels: labels.into_iter().map(|(label, _)| label).collect(),
            by_manifest,
            manifests,
            codeowners_at: codeowners_at.filter(|(file, _)| !file.is_empty()),
            codeowners: None,
            namespaces,
            default: default.map(|(owner, _)| owner).filter(|owner| !owner.is_empty()),
        }
    }

    /// The owner and what says so.
    pub fn owner(
        &self,
        (namespace, name): (&str, &str),
        labels: &Labels,
        annotations: &Labels,
    ) -> Option<(String, String)> {
        let said = |all: &Labels, key: &str| all.get(key).filter(|value| !value.is_empty()).cloned();
        let annotation = || {
            let owner = said(annotations, OWNER).filter(|_| self.by_annotation)?;
            Some((owner, format!("annotation {OWNER}")))
        };
        let label = || {
            let found = self.labels.iter().find_map(|label| Some((said(labels, label)?, label)));
            found.map(|(owner, label)| (owner, format!("label {label}")))
        };
        let by_file = || self.by_file(&self.manifest((namespace, name), labels, annotations)?);
        let by_namespace = || {
            let (_, owner) = self.namespaces.iter().find(|(known, _)| known == namespace)?;
            Some((owner.clone(), format!("namespace {namespace}, by the policy")))
        };
        let default = || Some((self.default.clone()?, "nothing else; the policy's default".to_owned()));
        annotation()
            .or_else(label)
            .or_else(by_file)
            .or_else(by_namespace)
            .or_else(default)
    }

    /// Where a workload's manifest lies: as its annotation says, or the first row that means it.
    fn manifest(&self, (namespace, name): (&str, &str), labels: &Labels, annotations: &Labels) -> Option<String> {
        self.codeowners.as_ref()?;
        let annotated = annotations.get(MANIFEST).filter(|_| self.by_manifest);
        if let Some((path, _)) = annotated.and_then(|path| written_at(path).ok()) {
            return Some(path);
        }
        // What has no labels may be what nobody could read.
        let labels = Some(labels).filter(|labels| !labels.is_empty());
        for row in &self.manifests {
            match row.which.means(namespace, name, labels) {
                Some(false) => {}
                Some(true) => return Some(row.path.replace("{namespace}", namespace).replace("{name}", name)),
                None => return None,
            }
        }
        None
    }

    fn by_file(&self, path: &str) -> Option<(String, String)> {
        let codeowners = self.codeowners.as_ref()?;
        let owners = codeowners.owners(path)?;
        let lines: Vec<String> = owners.lines.iter().map(u64::to_string).collect();
        let because = format!("{}:{} for {path}", codeowners.file, lines.join(","));
        Some((owners.names.join(", "), because))
    }

    /// Why a workload's word on its manifest has no effect, where it has none.
    pub fn refused(&self, workload: &Workload) -> Option<Refused> {
        let (key, value) = workload
            .overrides
            .get_key_value(MANIFEST)
            .filter(|_| self.by_manifest)?;
        // One that tells no owner still tells where patches go.
        let why = written_at(value).err()?;
        Some(Refused {
            key: key.clone(),
            value: value.clone(),
            why: why.to_owned(),
        })
    }
}

fn manifest(item: &Located, mistakes: &mut Vec<Mistake>) -> Option<Manifest> {
    let before = mistakes.len();
    let mut section = Section::open("attribution.manifests", item, mistakes);
    let which = Which::read(&mut section, mistakes);
    let (path, place) = section.text("path", mistakes);
    section.finish(mistakes);
    let path = match clean(&path) {
        Ok(path) => path,
        Err(_) if mistakes.len() > before => return None,
        Err(why) => {
            let what = format!("`{path}`: {why}");
            mistakes.push(Mistake { place, what });
            return None;
        }
    };
    (mistakes.len() == before).then(|| Manifest {
        which,
        path,
        place: item.place.clone(),
    })
}

/// A path from the root of a repository, without what leads to that.
pub(super) fn clean(path: &str) -> Result<String, &'static str> {
    let path = path.trim();
    let inner = path.trim_start_matches("./").trim_start_matches('/');
    let is_odd = |part: &str| matches!(part, "" | "." | "..");
    let parts = inner.strip_suffix('/').unwrap_or(inner);
    if parts.split('/').any(is_odd) || inner.chars().any(char::is_control) || inner.len() > 4096 {
        return Err("it must be a path from the root of the repository, such as deploy/chat.yaml or deploy/");
    }
    Ok(inner.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn the_first_that_tells_wins_and_says_what_told() {
        let mut attribution = Attribution {
            by_annotation: true,
            labels: vec!["team".to_owned(), "squad".to_owned()],
            namespaces: vec![("ml".to_owned(), "platform".to_owned())],
            default: Some("finops".to_owned()),
            ..NOBODY.clone()
        };
        let annotated = map(&[(OWNER, "chat")]);
        let labelled = map(&[("team", ""), ("squad", "red")]);
        let none = Labels::new();
        let told = |attribution: &Attribution, namespace: &str, labels: &Labels, annotations: &Labels| {
            let (owner, because) = attribution.owner((namespace, "chat"), labels, annotations)?;
            Some(format!("{owner}: {because}"))
        };
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(
            told(&attribution, "ml", &labelled, &annotated),
            is("chat: annotation gpuwise.dev/owner")
        );
        assert_eq!(told(&attribution, "ml", &labelled, &none), is("red: label squad"));
        assert_eq!(
            told(&attribution, "ml", &none, &none),
            is("platform: namespace ml, by the policy")
        );
        assert_eq!(
            told(&attribution, "dev", &none, &none),
            is("finops: nothing else; the policy's default")
        );
        attribution.by_annotation = false;
        assert_eq!(told(&attribution, "ml", &labelled, &annotated), is("red: label squad"));
        attribution.default = None;
        assert_eq!(told(&attribution, "dev", &none, &annotated), None);
    }
    /// What a policy says, with a CODEOWNERS file of this text beside it.
    fn with_file(text: &str, file: &str) -> Attribution {
        let mut attribution = read(text).unwrap();
        attribution.codeowners = Some(Codeowners::read("CODEOWNERS", file));
        attribution
    }

    fn read(text: &str) -> Result<Attribution, Vec<String>> {
        let root = super::super::layered(&[("mine.yaml".to_owned(), text.to_owned())], &[]).unwrap();
        let mut mistakes = Vec::new();
        let mut section = Section::open("", &root, &mut mistakes);
        let catalog = crate::catalog::Catalog::shipped().unwrap();
        let policy = super::super::Policy::read(&mut section, &catalog, &mut mistakes);
        match mistakes.is_empty() {
            true => Ok(policy.attribution),
            false => Err(mistakes.iter().map(ToString::to_string).collect()),
        }
    }

    const FILE: &str = "/deploy/ @org/deploy\n/deploy/prod/ @org/prod @lead\n/deploy/prod/nobody.yaml\n";

    const POLICY: &str = "attribution:\n  codeowners: .github/CODEOWNERS\n  manifests:\n    \
        - {namespaces: [prod], path: 'deploy/{namespace}/{name}.yaml'}\n    - {selector: tier=gold, path: /deploy/gold/}\n    \
        - {namespaces: [dev], path: deploy/dev}\n  owners_of_namespaces: {dev: team-dev, prod: team-prod}\n  \
        default_owner: finops\n";

    #[test]
    fn a_codeowners_file_tells_after_labels_and_before_namespaces() {
        let attribution = with_file(POLICY, FILE);
        let owner = |namespace: &str, name: &str, labels: &[(&str, &str)], annotations: &[(&str, &str)]| {
            let (owner, because) = attribution
                .owner((namespace, name), &map(labels), &map(annotations))
                .unwrap();
            format!("{owner}: {because}")
        };
        let any = [("app", "x")];
        let prod = "@org/prod, @lead: CODEOWNERS:2 for deploy/prod/chat.yaml";
        assert_eq!(owner("prod", "chat", &any, &[]), prod);
        assert_eq!(owner("prod", "chat", &[("team", "red")], &[]), "red: label team");
        assert_eq!(
            owner("ml", "chat", &[("tier", "gold")], &[]),
            "@org/deploy: CODEOWNERS:1 for deploy/gold/"
        );
        // A line without owners, a row for others, and labels that are not known.
        let by_namespace = "team-prod: namespace prod, by the policy";
        assert_eq!(owner("prod", "nobody", &any, &[]), by_namespace);
        assert_eq!(
            owner("ml", "chat", &any, &[]),
            "finops: nothing else; the policy's default"
        );
        assert_eq!(owner("dev", "chat", &[], &[]), "team-dev: namespace dev, by the policy");
        assert_eq!(
            owner("dev", "chat", &any, &[]),
            "@org/deploy: CODEOWNERS:1 for deploy/dev"
        );
        let said = |path| owner("prod", "chat", &any, &[(MANIFEST, path)]);
        assert_eq!(said("./deploy/a.yaml"), "@org/deploy: CODEOWNERS:1 for deploy/a.yaml");
        assert_eq!(said("src/a.yaml"), by_namespace);
        // What is no path is told elsewhere, and the policy's row holds.
        assert_eq!(said("../a.yaml"), prod);
    }

    #[test]
    fn an_annotation_of_the_manifest_counts_where_the_policy_lets_it() {
        let text = "permissions: {overrides: [owner]}\n".to_owned() + POLICY;
        let attribution = with_file(&text, FILE);
        let annotated = map(&[(MANIFEST, "deploy/a.yaml")]);
        let (owner, _) = attribution.owner(("prod", "chat"), &map(&[]), &annotated).unwrap();
        assert_eq!(owner, "@org/prod, @lead");
        // A file that is named and was not read names nobody.
        let unread = read(POLICY).unwrap();
        assert_eq!(
            unread.owner(("prod", "chat"), &map(&[]), &annotated).unwrap().0,
            "team-prod"
        );
        assert_eq!(unread.codeowners_at.unwrap().0, ".github/CODEOWNERS");
    }

    #[test]
    fn manifests_that_can_tell_nobody_are_mistakes() {
        let alone = read("attribution:\n  manifests:\n    - {path: deploy/}\n").unwrap_err();
        assert_eq!(
            alone,
            ["mine.yaml:3:7: a manifest tells an owner only with `attribution.codeowners`"]
        );
        let nowhere = read("permissions: {overrides: []}\nattribution: {codeowners: CODEOWNERS}\n").unwrap_err();
        assert!(
            nowhere[0].starts_with("mine.yaml:2:27: nothing says where manifests lie"),
            "{nowhere:?}"
        );
        let odd = read(
            "attribution:\n  codeowners: C\n  manifests:\n    - {path: ../deploy}\n    - {path: ''}\n    - {names: [a]}\n    \
             - {path: a//b}\n    - {path: a, label: b}\n",
        )
        .unwrap_err();
        for expected in [
            "mine.yaml:4:14: `../deploy`: it must be a path from the root of the repository",
            "mine.yaml:5:14: ``: it must be a path",
            "mine.yaml:6:7: `attribution.manifests.path` is missing",
            "mine.yaml:7:14: `a//b`: it must be a path",
            "mine.yaml:8:17: unknown key `attribution.manifests.label`",
        ] {
            assert!(
                odd.iter().any(|line| line.starts_with(expected)),
                "{expected}\nnot in\n{}",
                odd.join("\n")
            );
        }
        assert_eq!(odd.len(), 5, "{}", odd.join("\n"));
    }
}
