//! Which workloads are asked about.

use crate::model::plan::WorkloadRow;
use crate::model::workload::Workload;
use crate::policy::selector::Selector;

/// Which workloads are asked about; empty lists and an empty selector ask about all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// Only these namespaces.
    pub namespaces: Vec<String>,
    /// Only what these teams own.
    pub owners: Vec<String>,
    /// Only what has such labels, on itself or on its newest pod.
    pub selector: Selector,
}

impl Scope {
    /// Whether a workload is asked about.
    pub fn holds(&self, workload: &Workload) -> bool {
        self.covers(&workload.namespace, workload.owner.as_ref()) && self.selector.holds(&workload.labels)
    }

    /// Whether a workload of an earlier plan surely is: a plan keeps no labels.
    pub(super) fn surely_held(&self, workload: &WorkloadRow) -> bool {
        self.selector.is_empty() && self.covers(&workload.namespace, workload.owner.as_ref())
    }

    /// Whether everything is asked about.
    pub fn is_everything(&self) -> bool {
        self.namespaces.is_empty() && self.owners.is_empty() && self.selector.is_empty()
    }

    /// Whether what is of this namespace and team is asked about, whatever its labels.
    pub fn covers(&self, namespace: &String, owner: Option<&String>) -> bool {
        // A CODEOWNERS file may name several for one.
        let is_asked = |owner: &String| {
            let mut names = std::iter::once(owner.as_str()).chain(owner.split(", "));
            names.any(|name| self.owners.iter().any(|asked| asked == name))
        };
        let owned = self.owners.is_empty() || owner.is_some_and(is_asked);
        owned && (self.namespaces.is_empty() || self.namespaces.contains(namespace))
    }
}
