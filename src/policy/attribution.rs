//! Whose a workload is: by annotation, label, namespace, or by default.

use super::located::Mistake;
use super::section::Section;
use crate::model::cluster::Labels;

/// The annotation by which a workload names its owner.
pub const OWNER: &str = "gpuwise.dev/owner";

/// Whose workloads are; the first that tells wins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attribution {
    /// Whether the annotation counts.
    pub by_annotation: bool,
    /// Labels that name a team, the first that is there wins.
    pub labels: Vec<String>,
    /// Teams by namespace.
    pub namespaces: Vec<(String, String)>,
    /// Whose everything else is.
    pub default: Option<String>,
}

/// Where owners are not asked for.
pub static NOBODY: Attribution = Attribution {
    by_annotation: false,
    labels: Vec::new(),
    namespaces: Vec::new(),
    default: None,
};

impl Attribution {
    /// Reads the section `attribution`.
    pub(super) fn read(section: &mut Section<'_>, by_annotation: bool, mistakes: &mut Vec<Mistake>) -> Self {
        let labels = section.texts("owner_labels", mistakes);
        let namespaces = section.map_of_texts("owners_of_namespaces", mistakes);
        let default = section.optional_text("default_owner", mistakes);
        Self {
            by_annotation,
            labels: labels.into_iter().map(|(label, _)| label).collect(),
            namespaces,
            default: default.map(|(owner, _)| owner).filter(|owner| !owner.is_empty()),
        }
    }

    /// The owner and what says so.
    pub fn owner(&self, namespace: &str, labels: &Labels, annotations: &Labels) -> Option<(String, String)> {
        let said = |all: &Labels, key: &str| all.get(key).filter(|value| !value.is_empty()).cloned();
        let annotation = || {
            let owner = said(annotations, OWNER).filter(|_| self.by_annotation)?;
            Some((owner, format!("annotation {OWNER}")))
        };
        let label = || {
            let found = self.labels.iter().find_map(|label| Some((said(labels, label)?, label)));
            found.map(|(owner, label)| (owner, format!("label {label}")))
        };
        let by_namespace = || {
            let (_, owner) = self.namespaces.iter().find(|(known, _)| known == namespace)?;
            Some((owner.clone(), format!("namespace {namespace}, by the policy")))
        };
        let default = || Some((self.default.clone()?, "nothing else; the policy's default".to_owned()));
        annotation().or_else(label).or_else(by_namespace).or_else(default)
    }
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
        };
        let annotated = map(&[(OWNER, "chat")]);
        let labelled = map(&[("team", ""), ("squad", "red")]);
        let none = Labels::new();
        let told = |attribution: &Attribution, namespace: &str, labels: &Labels, annotations: &Labels| {
            let (owner, because) = attribution.owner(namespace, labels, annotations)?;
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
}
