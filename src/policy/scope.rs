//! What a policy lets be changed at all: namespaces, labels and levers, each as a list of those alone or of all but those.

use super::located::{Mistake, Place};
use super::section::Section;
use super::selector::Selector;
use crate::model::cluster::Labels;
use crate::model::gap::NO_KUBERNETES;
use crate::model::snapshot::Snapshot;
use crate::model::workload::Workload;

/// What is known of workloads beyond their metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    labels: bool,
}

impl Known {
    /// What this snapshot knows.
    pub fn of(snapshot: &Snapshot) -> Self {
        let unread = |gap: &crate::model::snapshot::PricedGap| gap.gap.code == NO_KUBERNETES;
        Self {
            labels: !snapshot.gaps.iter().any(unread),
        }
    }

    /// Where everything could be read, or labels could not.
    #[cfg(test)]
    pub(super) fn labels_read(labels: bool) -> Self {
        Self { labels }
    }

    /// A workload's labels; `None` where nobody could read them.
    pub fn labels(self, workload: &Workload) -> Option<&Labels> {
        (self.labels || !workload.labels.is_empty()).then_some(&workload.labels)
    }
}

/// What may be changed.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyScope {
    namespaces: Names,
    levers: Names,
    selector: Option<(Selector, Place)>,
    except_selector: Option<(Selector, Place)>,
}

/// Names that alone are meant, where there are any, and those that are not.
#[derive(Debug, Clone, PartialEq)]
struct Names {
    only: Vec<(String, Place)>,
    only_place: Place,
    except: Vec<(String, Place)>,
}

impl Names {
    fn read(only: &'static str, except: &'static str, section: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let only_place = section.place_of(only);
        let names = Self {
            only: section.texts(only, mistakes),
            only_place,
            except: section.texts(except, mistakes),
        };
        for (name, place) in &names.except {
            if let Some((_, wanted)) = names.only.iter().find(|(wanted, _)| wanted == name) {
                let what = format!("`{name}` is in `{only}` at {wanted}, and here in `{except}`; it cannot be in both");
                mistakes.push(Mistake {
                    place: place.clone(),
                    what,
                });
            }
        }
        names
    }

    /// The place that leaves a name out.
    fn leaves_out(&self, name: &str) -> Option<&Place> {
        if let Some((_, place)) = self.except.iter().find(|(except, _)| except == name) {
            return Some(place);
        }
        let outside = !self.only.is_empty() && !self.only.iter().any(|(only, _)| only == name);
        outside.then_some(&self.only_place)
    }
}

impl PolicyScope {
    pub(super) fn read(
        section: &mut Section<'_>,
        frozen: &[(String, Place)],
        levers: &[String],
        mistakes: &mut Vec<Mistake>,
    ) -> Self {
        let scope = Self {
            namespaces: Names::read("namespaces", "except_namespaces", section, mistakes),
            levers: Names::read("levers", "except_levers", section, mistakes),
            selector: selector("selector", section, mistakes),
            except_selector: selector("except_selector", section, mistakes),
        };
        for (name, place) in scope.levers.only.iter().chain(&scope.levers.except) {
            if !levers.contains(name) {
                let what = format!("`{name}` is no lever; there are {}", levers.join(", "));
                mistakes.push(Mistake {
                    place: place.clone(),
                    what,
                });
            }
        }
        for (name, place) in &scope.namespaces.only {
            if let Some((_, frozen)) = frozen.iter().find(|(frozen, _)| frozen == name) {
                mistakes.push(Mistake {
                    place: place.clone(),
                    what: format!("`{name}` is let in here, and nothing of it may be changed by {frozen}"),
                });
            }
        }
        if let Some((_, place)) = scope.levers.except.last()
            && levers.iter().all(|lever| scope.leaves_lever_out(lever).is_some())
        {
            mistakes.push(Mistake {
                place: place.clone(),
                what: "no lever is left that may change anything".to_owned(),
            });
        }
        scope
    }

    /// The place that leaves a lever out.
    pub fn leaves_lever_out(&self, lever: &str) -> Option<&Place> {
        self.levers.leaves_out(lever)
    }

    /// Why this lever may not change this workload, and where that stands.
    pub fn leaves_out(&self, workload: &Workload, lever: &str, known: Known) -> Option<(String, &Place)> {
        if let Some(place) = self.namespaces.leaves_out(&workload.namespace) {
            return Some((
                format!("the policy's scope leaves the namespace {} out", workload.namespace),
                place,
            ));
        }
        if let Some(place) = self.levers.leaves_out(lever) {
            return Some((format!("the policy's scope leaves the lever {lever} out"), place));
        }
        for (part, wanted) in [(&self.selector, true), (&self.except_selector, false)] {
            let Some((selector, place)) = part else { continue };
            let rule = match known.labels(workload) {
                Some(labels) if selector.holds(labels) == wanted => continue,
                Some(_) => "the policy's scope leaves its labels out",
                None => "the policy's scope asks for labels, which are not known without the Kubernetes API",
            };
            return Some((rule.to_owned(), place));
        }
        None
    }
}

/// A selector of labels, where there is one.
pub(super) fn selector(
    key: &'static str,
    section: &mut Section<'_>,
    mistakes: &mut Vec<Mistake>,
) -> Option<(Selector, Place)> {
    let (text, place) = section.optional_text(key, mistakes)?;
    match text.parse::<Selector>() {
        Ok(selector) => (!selector.is_empty()).then_some((selector, place)),
        Err(error) => {
            let what = format!("`{text}`: {error}");
            mistakes.push(Mistake { place, what });
            None
        }
    }
}
