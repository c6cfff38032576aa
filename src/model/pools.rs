//! Pools of model servers behind an endpoint picker (Gateway API inference extension, llm-d).

use serde::{Deserialize, Serialize};

use super::cluster::Labels;

/// An InferencePool: pods of its namespace among which an endpoint picker chooses for each request.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InferencePool {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Labels that its pods have, all of them; without any, no pod is in it.
    pub selector: Labels,
    /// The service that picks, where it is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picker: Option<String>,
    /// Whether requests pass to any pod while the picker is away (`FailOpen`); `None` where the pool does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fails_open: Option<bool>,
}

impl InferencePool {
    /// Whether a pod with these labels is in it.
    pub fn selects(&self, namespace: &str, labels: &Labels) -> bool {
        let has = |(label, value): (&String, &String)| labels.get(label) == Some(value);
        self.namespace == namespace && !self.selector.is_empty() && self.selector.iter().all(has)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_pool_selects_pods_of_its_namespace_that_have_all_its_labels() {
        let mut pool = InferencePool {
            namespace: "ml".to_owned(),
            name: "chat".to_owned(),
            selector: labels(&[("app", "chat"), ("role", "decode")]),
            ..InferencePool::default()
        };
        let pod = labels(&[("app", "chat"), ("role", "decode"), ("version", "2")]);
        assert!(pool.selects("ml", &pod) && !pool.selects("other", &pod));
        assert!(!pool.selects("ml", &labels(&[("app", "chat")])));
        assert!(!pool.selects("ml", &labels(&[("app", "chat"), ("role", "prefill")])));
        // As the inference extension has it, and unlike a Kubernetes label selector.
        pool.selector.clear();
        assert!(!pool.selects("ml", &pod));
    }
}
