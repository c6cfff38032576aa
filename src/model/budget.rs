//! Pod disruption budgets: how many of a workload's pods may be away at a time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cluster::Labels;

/// A PodDisruptionBudget.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisruptionBudget {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `spec.selector.matchLabels`.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub match_labels: Labels,
    /// `spec.selector.matchExpressions`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<Requirement>,
    /// Pods that may be disrupted now (`status.disruptionsAllowed`).
    #[serde(default)]
    pub allowed: u32,
}

/// A requirement of a label selector.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// The values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

impl Requirement {
    /// Whether a node's labels meet it: there are two operators more than a label selector has.
    pub fn is_met_by_node(&self, labels: &BTreeMap<String, String>) -> bool {
        let number = |text: &String| text.parse::<i64>().ok();
        let compared = || {
            let value = labels.get(&self.key).and_then(number)?;
            Some(value.cmp(&self.values.first().and_then(number)?))
        };
        match self.operator.as_str() {
            "Gt" => compared().is_some_and(std::cmp::Ordering::is_gt),
            "Lt" => compared().is_some_and(std::cmp::Ordering::is_lt),
            _ => self.is_met(labels),
        }
    }

    /// Whether labels meet it; one of an operator that nobody knows is met by none.
    pub fn is_met(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        match self.operator.as_str() {
            "In" => value.is_some_and(|value| self.values.contains(value)),
            "NotIn" => value.is_none_or(|value| !self.values.contains(value)),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    }
}

impl DisruptionBudget {
    /// Whether it is about a pod. An empty selector is about every pod of the namespace.
    pub fn selects(&self, namespace: &str, labels: &Labels) -> bool {
        let equal = |(name, value): (&String, &String)| labels.get(name) == Some(value);
        self.namespace == namespace
            && self.match_labels.iter().all(equal)
            && self.match_expressions.iter().all(|one| one.is_met(labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_selects_as_kubernetes_does() {
        let labels = |pairs: &[(&str, &str)]| -> Labels {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let requirement = |operator: &str, values: &[&str]| Requirement {
            key: "tier".to_owned(),
            operator: operator.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let budget = |match_expressions| DisruptionBudget {
            namespace: "ml".to_owned(),
            match_labels: labels(&[("app", "chat")]),
            match_expressions,
            ..DisruptionBudget::default()
        };
        let (gold, plain) = (labels(&[("app", "chat"), ("tier", "gold")]), labels(&[("app", "chat")]));
        let selects = |requirement: Requirement, labels: &Labels| budget(vec![requirement]).selects("ml", labels);
        assert!(budget(Vec::new()).selects("ml", &plain) && !budget(Vec::new()).selects("other", &plain));
        assert!(selects(requirement("In", &["gold"]), &gold) && !selects(requirement("In", &["gold"]), &plain));
        assert!(!selects(requirement("NotIn", &["gold"]), &gold) && selects(requirement("NotIn", &["gold"]), &plain));
        assert!(selects(requirement("Exists", &[]), &gold) && !selects(requirement("Exists", &[]), &plain));
        assert!(!selects(requirement("DoesNotExist", &[]), &gold) && selects(requirement("DoesNotExist", &[]), &plain));
        assert!(!selects(requirement("Near", &["gold"]), &gold));
        assert!(
            DisruptionBudget {
                namespace: "ml".to_owned(),
                ..DisruptionBudget::default()
            }
            .selects("ml", &plain)
        );
    }
}
