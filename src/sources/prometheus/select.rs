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
    /// Whether what names neither a pod nor a GPU is meant besides.
    nameless: bool,
}

/// Labels of a namespace and a pod, together.
type Pair = (&'static str, &'static str);

const EXPORTED: Pair = ("exported_namespace", "exported_pod");
/// dcgm-exporter's `--use-old-namespace`.
const OLD: Pair = ("pod_namespace", "pod_name");
const PLAIN: Pair = ("namespace", "pod");

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
            ..Self::default()
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

    /// Series that name neither a pod nor a GPU.
    pub fn nameless() -> Self {
        Self {
            nameless: true,
            ..Self::default()
        }
    }

    /// Matchers for the GPUs whose series name no pod, by each label that may hold their UUID.
    pub fn device_matchers(&self) -> Vec<String> {
        let one = |label: &str, uuids: Vec<String>| {
            let uuids = (!uuids.is_empty()).then(|| quoted(&uuids.join("|")))?;
            Some(format!("exported_pod=\"\",pod_name=\"\",{label}=~{uuids}"))
        };
        let all = one("UUID", self.devices.iter().map(|uuid| escaped(uuid)).collect());
        // NVIDIA's begin so, and stand in no other label.
        let others = self.devices.iter().filter(|uuid| !uuid.starts_with("GPU-"));
        let others = one("UUID=\"\",gpu_uuid", others.map(|uuid| escaped(uuid)).collect());
        all.into_iter().chain(others).collect()
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
        let mut all = self.unnamed(of_gpus);
        if self.keys.is_empty() {
            return all;
        }
        let namespaces: Vec<String> = self.namespaces.iter().map(|name| escaped(name)).collect();
        let (namespaces, pods) = (
            quoted(&namespaces.join("|")),
            quoted(&self.patterns.iter().map(String::as_str).collect::<Vec<_>>().join("|")),
        );
        let pair = |(namespace, pod): Pair| format!("{namespace}=~{namespaces},{pod}=~{pods}");
        let plain = format!("exported_pod=\"\",{}", pair(PLAIN));
        all.push(pair(EXPORTED));
        if of_gpus {
            all.push(format!("exported_pod=\"\",{}", pair(OLD)));
            all.push(format!("pod_name=\"\",{plain}"));
        } else {
            all.push(plain);
        }
        all
    }

    /// Matchers for what names neither a pod nor a GPU: in each place one of the two labels that would name a pod is missing.
    fn unnamed(&self, of_gpus: bool) -> Vec<String> {
        if !self.nameless {
            return Vec::new();
        }
        let (pairs, begin): (&[Pair], _) = match of_gpus {
            true => (&[EXPORTED, OLD, PLAIN], "UUID=\"\",gpu_uuid=\"\""),
            false => (&[EXPORTED, PLAIN], ""),
        };
        let further = |found: Vec<String>, (namespace, pod): &Pair| {
            let missing = [format!("{pod}=\"\""), format!("{pod}!=\"\",{namespace}=\"\"")];
            let both = |before: &String| missing.clone().map(|missing| format!("{before},{missing}"));
            found.iter().flat_map(both).collect()
        };
        let all = pairs.iter().fold(vec![begin.to_owned()], further);
        all.iter().map(|text| text.trim_start_matches(',').to_owned()).collect()
    }

    /// Whether a series is of one of these pods.
    pub fn hold(&self, labels: &Labels) -> bool {
        let key = pod_in(labels);
        // The pod beside a GPU that nobody seems to hold is the exporter's own.
        let by_claim = || {
            let device = uuid_in(labels).is_some_and(|uuid| self.devices.contains(uuid));
            device && held_by(labels).is_none()
        };
        let is_nameless = || self.nameless && key.is_none() && uuid_in(labels).is_none();
        key.as_ref().is_some_and(|key| self.keys.contains(key)) || by_claim() || is_nameless()
    }
}

/// The UUID of the GPU that a series is of: AMD's exporter has it in `gpu_uuid`, and so has Triton, of the GPU on which a model is.
pub fn uuid_in(labels: &Labels) -> Option<&String> {
    let amd = || labels.get("gpu_uuid").filter(|_| !labels.contains_key("model"));
    labels.get("UUID").or_else(amd)
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
        assert!(some.device_matchers().is_empty());
        some.add_device("GPU-0");
        assert_eq!(some.device_matchers(), [r#"exported_pod="",pod_name="",UUID=~"GPU-0""#]);
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
