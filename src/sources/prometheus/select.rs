//! Which pods a query is about, as label matchers that fit into a query.

use std::collections::BTreeSet;

use super::matcher::{escaped, quoted};
use crate::model::cluster::Labels;

/// Namespace and name.
type PodKey = (String, String);

/// The longest pattern that is sent: several of them fit into a query.
pub const LONGEST_PATTERN: usize = 2_000;

/// Some pods: what a query selects, which may be more, and which series belong to them, which is exact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pods {
    keys: BTreeSet<PodKey>,
    namespaces: BTreeSet<String>,
    patterns: BTreeSet<String>,
    /// UUIDs of GPUs whose series name no pod, but which one of these pods holds.
    devices: BTreeSet<String>,
}

impl Pods {
    /// Adds pods, said by their whole names.
    pub fn add(&mut self, pods: &BTreeSet<PodKey>) {
        for (namespace, name) in pods {
            self.namespaces.insert(namespace.clone());
            self.patterns.insert(escaped(name));
        }
        self.keys.extend(pods.iter().cloned());
    }

    /// Of all the pods there are, these: said by the shortest beginnings of names that none of the others in their namespaces has,
    /// so that neighbours in the order of names are a short text, however many they are.
    pub fn among(pods: BTreeSet<PodKey>, all: &BTreeSet<PodKey>) -> Self {
        let namespaces: BTreeSet<String> = pods.iter().map(|(namespace, _)| namespace.clone()).collect();
        // A query names namespaces and pods apart from each other, so that every pair of them is meant.
        let is_near = |key: &&PodKey| namespaces.contains(&key.0) && !pods.contains(*key);
        let others: BTreeSet<&str> = all.iter().filter(is_near).map(|(_, name)| name.as_str()).collect();
        Self {
            patterns: pods.iter().map(|(_, name)| beginning(name, &others)).collect(),
            namespaces,
            keys: pods,
            devices: BTreeSet::new(),
        }
    }

    /// Characters that these pods' names and namespaces add to a query, without those of GPUs.
    pub fn length(&self) -> usize {
        let texts = self.patterns.iter().chain(&self.namespaces);
        texts.map(|text| text.len() + 1).sum()
    }

    /// Adds a GPU that one of the pods holds by a resource claim, and of which the exporter names no pod.
    pub fn add_device(&mut self, uuid: &str) {
        self.devices.insert(uuid.to_owned());
    }

    /// A matcher for the GPUs whose series name no pod.
    pub fn device_matcher(&self) -> Option<String> {
        let uuids: Vec<String> = self.devices.iter().map(|uuid| escaped(uuid)).collect();
        (!uuids.is_empty()).then(|| format!("exported_pod=\"\",pod_name=\"\",UUID=~{}", quoted(&uuids.join("|"))))
    }

    /// The pods.
    pub fn keys(&self) -> &BTreeSet<PodKey> {
        &self.keys
    }

    /// The GPUs that were added by their UUID.
    pub fn devices(&self) -> &BTreeSet<String> {
        &self.devices
    }

    /// Matchers, without braces, for each place in which a GPU's or a server's series may name its pod; together they select all
    /// series of these pods, and no series twice.
    pub fn matchers(&self, of_gpus: bool) -> Vec<String> {
        let namespaces: Vec<String> = self.namespaces.iter().map(|name| escaped(name)).collect();
        let (namespaces, pods) = (
            quoted(&namespaces.join("|")),
            quoted(&self.patterns.iter().map(String::as_str).collect::<Vec<_>>().join("|")),
        );
        let exported = format!("exported_namespace=~{namespaces},exported_pod=~{pods}");
        let plain = format!("exported_pod=\"\",namespace=~{namespaces},pod=~{pods}");
        if !of_gpus {
            return vec![exported, plain];
        }
        // dcgm-exporter's --use-old-namespace.
        let old = format!("exported_pod=\"\",pod_namespace=~{namespaces},pod_name=~{pods}");
        vec![exported, old, format!("pod_name=\"\",{plain}")]
    }

    /// Whether a series is of one of these pods.
    pub fn hold(&self, labels: &Labels) -> bool {
        let key = pod_in(labels);
        // The pod beside a GPU that nobody seems to hold is the exporter's own.
        let by_claim = || {
            let device = labels.get("UUID").is_some_and(|uuid| self.devices.contains(uuid));
            device && held_by(labels).is_none()
        };
        key.is_some_and(|key| self.keys.contains(&key)) || by_claim()
    }
}

/// The pod that a series names: the holder's before the exporter's.
pub fn pod_in(labels: &Labels) -> Option<PodKey> {
    let plain = || Some((labels.get("namespace")?.clone(), labels.get("pod")?.clone()));
    held_by(labels).or_else(plain)
}

/// The pod that a series names apart from the one that exports it: in `exported_*` where the scraper's labels win, in `pod_*` under
/// dcgm-exporter's `--use-old-namespace`.
pub fn held_by(labels: &Labels) -> Option<PodKey> {
    let pair = |namespace: &str, pod: &str| Some((labels.get(namespace)?.clone(), labels.get(pod)?.clone()));
    pair("exported_namespace", "exported_pod").or_else(|| pair("pod_namespace", "pod_name"))
}

/// A pattern of the shortest beginning of a name that none of the others has; the name itself where another begins with it.
fn beginning(name: &str, others: &BTreeSet<&str>) -> String {
    let before = others.range(..name).next_back();
    let after = others.range(name..).next();
    let alike = |other: &&str| name.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let shared = before.into_iter().chain(after).map(alike).max();
    let own = shared.map_or(0, |shared| shared + 1);
    match (own..=name.len()).find(|at| name.is_char_boundary(*at)) {
        Some(at) => format!("{}.*", escaped(&name[..at])),
        None => escaped(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods(namespace: &str, names: &[&str]) -> BTreeSet<PodKey> {
        names
            .iter()
            .map(|name| (namespace.to_owned(), (*name).to_owned()))
            .collect()
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn pods_are_selected_in_every_place_that_may_name_them() {
        let mut some = Pods::default();
        some.add(&pods("ml", &["train.a", "train.b"]));
        let matchers = some.matchers(false);
        assert_eq!(
            matchers[0],
            r#"exported_namespace=~"ml",exported_pod=~"train\\.a|train\\.b""#
        );
        assert!(matchers[1].starts_with(r#"exported_pod="","#), "{}", matchers[1]);
    }

    #[test]
    fn neighbours_are_said_by_what_no_other_begins_with() {
        let all = pods(
            "ml",
            &[
                "chat-0", "chat-1", "chat-10", "embed-a", "embed-b", "train-é", "train-è",
            ],
        );
        let said = |names: &[&str]| -> Vec<String> {
            let some = Pods::among(pods("ml", names), &all);
            some.patterns.into_iter().collect()
        };
        assert_eq!(said(&["embed-a", "embed-b"]), ["e.*"]);
        assert_eq!(said(&["embed-b", "train-é"]), ["embed-b.*", "train-é.*"]);
        // `chat-1.*` would be the other one, too.
        assert_eq!(said(&["chat-1"]), ["chat-1"]);
        assert_eq!(said(&["chat-10"]), ["chat-10.*"]);
        let elsewhere = &pods("ml", &["chat-0"]) | &pods("web", &["chat-0", "db"]);
        let both = Pods::among(&pods("ml", &["chat-0"]) | &pods("web", &["db"]), &elsewhere);
        assert_eq!(both.patterns, ["chat-0".to_owned(), "d.*".to_owned()].into());
        assert_eq!(
            Pods::among(pods("ml", &["x"]), &pods("ml", &["x"])).patterns,
            [".*".to_owned()].into()
        );
    }

    #[test]
    fn what_a_pattern_selects_too_much_is_not_held() {
        let mut some = Pods::default();
        some.add(&pods("ml", &["chat-0"]));
        assert!(some.hold(&labels(&[("namespace", "ml"), ("pod", "chat-0")])));
        assert!(!some.hold(&labels(&[("namespace", "ml"), ("pod", "chat-0-x")])));
        assert!(!some.hold(&labels(&[("namespace", "other"), ("pod", "chat-0")])));
        // The exporter's own pod of that name means nothing where the GPU's stands beside it.
        let exported = [
            ("namespace", "ml"),
            ("pod", "chat-0"),
            ("exported_namespace", "ml"),
            ("exported_pod", "train-1"),
        ];
        assert!(!some.hold(&labels(&exported)));
    }

    #[test]
    fn the_old_label_names_are_selected_and_held() {
        let mut some = Pods::default();
        some.add(&pods("ml", &["chat-0"]));
        let old = r#"pod_namespace=~"ml",pod_name=~"chat-0""#;
        assert!(some.matchers(true).iter().any(|matcher| matcher.contains(old)));
        let series = |pod| {
            labels(&[
                ("pod_namespace", "ml"),
                ("pod_name", pod),
                ("namespace", "ml"),
                ("pod", "chat-0"),
            ])
        };
        assert!(some.hold(&series("chat-0")));
        // The exporter's own pod beside it means nothing.
        assert!(!some.hold(&series("train-1")));
    }

    #[test]
    fn a_gpu_of_a_claim_is_asked_for_by_its_uuid() {
        let mut some = Pods::default();
        some.add(&pods("ml", &["chat-0"]));
        assert_eq!(some.device_matcher(), None);
        some.add_device("GPU-0");
        assert_eq!(
            some.device_matcher().as_deref(),
            Some(r#"exported_pod="",pod_name="",UUID=~"GPU-0""#)
        );
        assert!(some.hold(&labels(&[
            ("UUID", "GPU-0"),
            ("namespace", "gpu"),
            ("pod", "exporter-x")
        ])));
        assert!(!some.hold(&labels(&[
            ("UUID", "GPU-1"),
            ("namespace", "gpu"),
            ("pod", "exporter-x")
        ])));
        let named = [
            ("UUID", "GPU-0"),
            ("exported_namespace", "ml"),
            ("exported_pod", "other"),
        ];
        assert!(!some.hold(&labels(&named)));
    }

    #[test]
    fn a_hostile_name_stays_a_name() {
        let mut some = Pods::default();
        some.add(&pods("ml", &["a\"} or vector(1) #", "ü\n\\"]));
        for matcher in some.matchers(true) {
            let query = format!("max(x{{{matcher}}})");
            assert!(promql_parser::parser::parse(&query).is_ok(), "{query}");
        }
    }
}
