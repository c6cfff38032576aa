//! Pods as patterns of their names, in parts that fit a query.

use std::collections::{BTreeMap, BTreeSet};

use super::super::folds::fold;
use super::super::matcher::escaped;
use super::{Asked, PodKey};

/// Characters of patterns in a query: a counter says them four times, and its rows once more.
const LONGEST: usize = 600;

/// Pods of a workload in one namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Which workload.
    pub(super) workload: usize,
    pub(super) namespace: String,
    /// Patterns (RE2) of the pods' names.
    pub(super) names: Vec<String>,
}

impl Part {
    pub(super) fn length(&self) -> usize {
        self.namespace.len() + self.names.iter().map(|name| name.len() + 1).sum::<usize>()
    }
}

/// Parts that are asked about together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) parts: Vec<Part>,
}

impl Group {
    pub(super) fn halved(&self) -> Option<(Self, Self)> {
        let middle = self.parts.len() / 2;
        let (one, other) = self.parts.split_at(middle);
        let half = |parts: &[Part]| Self { parts: parts.to_vec() };
        (middle > 0).then(|| (half(one), half(other)))
    }
}

/// The pods of all workloads in parts, none longer than a query takes.
pub(super) fn parts(asked: &Asked) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (workload, pods) in asked.workloads.iter().enumerate() {
        let mut by_namespace: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (namespace, name) in patterns(pods, &asked.known) {
            by_namespace.entry(namespace).or_default().insert(name);
        }
        for (namespace, names) in by_namespace {
            let mut part = Part {
                workload,
                namespace: namespace.to_owned(),
                names: Vec::new(),
            };
            for name in names {
                if !part.names.is_empty() && part.length() + name.len() > LONGEST {
                    let names = std::mem::take(&mut part.names);
                    parts.push(Part { names, ..part.clone() });
                }
                part.names.push(name);
            }
            parts.push(part);
        }
    }
    parts
}

/// A pattern for each pod, one for many whose names differ in what their controller appended: there it is known how that looks.
/// Not where a pod that is known and not theirs would be meant, too.
fn patterns<'p>(pods: &'p BTreeSet<PodKey>, known: &BTreeSet<PodKey>) -> BTreeSet<(&'p str, String)> {
    let mut alike: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
    for (namespace, name) in pods {
        let ending = ending(name).unwrap_or_default();
        alike.entry((namespace, fold(name), ending)).or_default().push(name);
    }
    let mut found = BTreeSet::new();
    for ((namespace, beginning, ending), names) in alike {
        let first = (namespace.to_owned(), beginning.to_owned());
        let near = known
            .range(first..)
            .take_while(|(there, name)| there == namespace && name.starts_with(beginning));
        let mut strangers = near.filter(|key| !pods.contains(*key) && fold(&key.1) == beginning);
        let is_clear =
            names.len() > 2 && !ending.is_empty() && strangers.all(|key| self::ending(&key.1) != Some(ending));
        match is_clear {
            true => _ = found.insert((namespace, format!("{}-{ending}", escaped(beginning)))),
            false => found.extend(names.iter().map(|name| (namespace, escaped(name)))),
        }
    }
    found
}

/// The pattern of what stands behind the last dash: an ordinal, or the five characters that a ReplicaSet appends.
fn ending(name: &str) -> Option<&'static str> {
    let (_, last) = name.rsplit_once('-')?;
    let all = |is: fn(&u8) -> bool| !last.is_empty() && last.as_bytes().iter().all(is);
    if all(u8::is_ascii_digit) && last.len() < 5 {
        return Some("[0-9]+");
    }
    let is_drawn = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (last.len() == 5 && all(is_drawn)).then_some("[a-z0-9]{5}")
}

/// Parts that agree in a figure, as many together as a query takes.
pub(super) fn groups(parts: &[Part], alike: impl Fn(&Part) -> u32) -> Vec<Group> {
    let mut groups: BTreeMap<u32, Vec<Group>> = BTreeMap::new();
    for part in parts {
        let of_kind = groups.entry(alike(part)).or_default();
        let fits = |group: &&mut Group| {
            let length: usize = group.parts.iter().map(Part::length).sum();
            length + part.length() <= LONGEST && group.parts.len() < 16
        };
        match of_kind.last_mut().filter(fits) {
            Some(group) => group.parts.push(part.clone()),
            None => of_kind.push(Group {
                parts: vec![part.clone()],
            }),
        }
    }
    groups.into_values().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> BTreeSet<PodKey> {
        let key = |name: &&str| ("ml".to_owned(), (*name).to_owned());
        names.iter().map(key).collect()
    }

    fn said(own: &[&str], others: &[&str]) -> Vec<String> {
        let own = keys(own);
        let known = &own | &keys(others);
        patterns(&own, &known).into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn pods_of_a_replica_set_are_one_pattern_and_no_others_pods_are_in_it() {
        let three = [
            "chat-7d9f8b6c4b-b4c5d",
            "chat-7d9f8b6c4b-x7k2p",
            "chat-7d9f8b6c4b-q8w9e",
        ];
        assert_eq!(said(&three, &["chat-test"]), ["chat-7d9f8b6c4b-[a-z0-9]{5}"]);
        assert_eq!(
            said(&three, &["chat-7d9f8b6c4b-start"]).len(),
            3,
            "a pod of somebody else"
        );
        assert_eq!(said(&three[..2], &[]), three[..2]);
        assert_eq!(
            said(&["guard-0", "guard-1", "guard-2"], &["guard-test"]),
            ["guard-[0-9]+"]
        );
        assert_eq!(said(&["guard-0", "guard-1", "guard-2"], &["guard-3"]).len(), 3);
        assert_eq!(said(&["a.b"], &[]), ["a\\.b"]);
    }

    #[test]
    fn what_is_long_is_asked_in_parts_and_what_is_short_together() {
        let names: Vec<String> = (0..40)
            .map(|at| format!("a-long-name-of-a-pod-with-{at:05}x"))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let asked = Asked {
            workloads: vec![keys(&names), keys(&["b"]), keys(&["c"])],
            known: BTreeSet::new(),
        };
        let all = parts(&asked);
        assert!(all.iter().all(|part| part.length() <= LONGEST + 40), "{all:?}");
        let count: usize = all.iter().map(|part| part.names.len()).sum();
        assert_eq!(count, 42);
        let grouped = groups(&all, |_| 15);
        assert_eq!(grouped.iter().map(|group| group.parts.len()).sum::<usize>(), all.len());
        assert!(grouped.len() < all.len(), "{grouped:?}");
        assert_eq!(groups(&all, |part| part.workload as u32).len(), all.len());
    }
}
