//! Where the settings of a workload stand in a file of values, for a chart of which nobody but its owner knows what it makes of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A file of values, and where each setting stands in it: dotted (`server.args`, `models[0].replicas`, a key with dots in quotes) or
/// as a JSON pointer (`/server/args`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValuesFile {
    /// The file, by its path in the repository.
    pub file: String,
    /// The number of replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<String>,
    /// The number of GPUs of a pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<String>,
    /// The container's resources, with limits and requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<String>,
    /// The server's arguments: a list, or one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<String>,
    /// Values that the chart makes flags of the server, by the flag.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub flags: BTreeMap<String, String>,
    /// The pods' node selector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<String>,
    /// The pods' tolerations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerations: Option<String>,
    /// The pods' affinity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<String>,
}

impl ValuesFile {
    /// All places in the file that are told.
    pub fn places(&self) -> impl Iterator<Item = &String> {
        let named = [
            &self.replicas,
            &self.gpus,
            &self.resources,
            &self.args,
            &self.node_selector,
            &self.tolerations,
            &self.affinity,
        ];
        named.into_iter().flatten().chain(self.flags.values())
    }
}

/// The keys on the way to a place in a file of values, an element of a list by its number; `None` for what is no such place.
pub fn steps(place: &str) -> Option<Vec<String>> {
    if let Some(pointer) = place.strip_prefix('/') {
        return Some(
            pointer
                .split('/')
                .map(|key| key.replace("~1", "/").replace("~0", "~"))
                .collect(),
        );
    }
    let (mut steps, mut rest) = (Vec::new(), place);
    loop {
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (key, after) = match quote {
            Some(quote) => rest[1..].split_once(quote)?,
            None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
        };
        if key.is_empty() {
            return None;
        }
        steps.push(key.to_owned());
        rest = after;
        while let Some(inner) = rest.strip_prefix('[') {
            let (index, after) = inner.split_once(']')?;
            steps.push(index.parse::<usize>().ok()?.to_string());
            rest = after;
        }
        match rest.strip_prefix('.') {
            Some(more) => rest = more,
            None => return rest.is_empty().then_some(steps),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_dotted_or_a_pointer() {
        for (place, keys) in [
            ("replicaCount", &["replicaCount"][..]),
            ("server.args", &["server", "args"]),
            ("models[0].replicas", &["models", "0", "replicas"]),
            ("models.0[12]", &["models", "0", "12"]),
            (
                "resources.limits.\"nvidia.com/gpu\"",
                &["resources", "limits", "nvidia.com/gpu"],
            ),
            ("'a.b'.c", &["a.b", "c"]),
            (
                "/resources/limits/nvidia.com~1gpu",
                &["resources", "limits", "nvidia.com/gpu"],
            ),
        ] {
            assert_eq!(steps(place).unwrap(), keys, "{place}");
        }
        for none in ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[0]b", "\"a", "\"a\"b"] {
            assert_eq!(steps(none), None, "{none}");
        }
    }
}
