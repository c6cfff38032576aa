//! Which workloads a row of a policy means: those of some namespaces, of some names, with some labels; all where it says none.

use super::located::Mistake;
use super::scope::selector;
use super::section::Section;
use super::selector::Selector;
use crate::model::cluster::Labels;

/// Which workloads are meant; every part must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Which {
    namespaces: Vec<String>,
    names: Vec<String>,
    selector: Selector,
}

impl Which {
    /// Reads `namespaces`, `names` and `selector`, each of which may be left out.
    pub(super) fn read(section: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let texts = |texts: Vec<(String, _)>| texts.into_iter().map(|(text, _)| text).collect();
        Self {
            namespaces: texts(section.optional_texts("namespaces", mistakes)),
            names: texts(section.optional_texts("names", mistakes)),
            selector: selector("selector", section, mistakes)
                .map(|(selector, _)| selector)
                .unwrap_or_default(),
        }
    }

    /// Whether every workload is meant.
    pub fn is_all(&self) -> bool {
        self.namespaces.is_empty() && self.names.is_empty() && self.selector.is_empty()
    }

    /// Whether this workload is meant; `None` where that hangs on labels that nobody could read.
    pub fn means(&self, namespace: &str, name: &str, labels: Option<&Labels>) -> Option<bool> {
        let within = |list: &[String], own: &str| list.is_empty() || list.iter().any(|one| one == own);
        if !within(&self.namespaces, namespace) || !within(&self.names, name) {
            return Some(false);
        }
        match labels {
            Some(labels) => Some(self.selector.holds(labels)),
            None => self.selector.is_empty().then_some(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::located::parse;
    use super::*;

    fn which(text: &str) -> Which {
        let root = parse("mine.yaml", text).unwrap();
        let mut mistakes = Vec::new();
        let mut section = Section::open("row", &root, &mut mistakes);
        let which = Which::read(&mut section, &mut mistakes);
        section.finish(&mut mistakes);
        assert_eq!(mistakes, []);
        which
    }

    #[test]
    fn every_part_that_is_said_must_hold() {
        let labels: Labels = [("tier".to_owned(), "gold".to_owned())].into();
        let means = |text: &str| which(text).means("prod", "chat", Some(&labels));
        for text in [
            "{}",
            "{namespaces: []}",
            "{namespaces: [dev, prod]}",
            "{names: [chat]}",
            "{selector: tier=gold}",
            "{namespaces: [prod], names: [chat], selector: tier}",
        ] {
            assert_eq!(means(text), Some(true), "{text}");
        }
        for text in [
            "{namespaces: [dev]}",
            "{names: [cha]}",
            "{selector: tier!=gold}",
            "{namespaces: [prod], names: [other]}",
        ] {
            assert_eq!(means(text), Some(false), "{text}");
        }
        assert!(which("{names: []}").is_all() && !which("{names: [a]}").is_all());
    }

    #[test]
    fn labels_that_nobody_could_read_leave_it_open_only_where_all_else_holds() {
        let means = |text: &str| which(text).means("prod", "chat", None);
        assert_eq!(means("{namespaces: [prod], selector: tier=gold}"), None);
        assert_eq!(means("{namespaces: [dev], selector: tier=gold}"), Some(false));
        assert_eq!(means("{namespaces: [prod]}"), Some(true));
    }
}
