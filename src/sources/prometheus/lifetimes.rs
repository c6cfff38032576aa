//! From samples of running pods to the pods themselves: who ran, where, with which GPUs, from when to when.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::decode::SeriesRow;
use super::kube_state::{Dialect, resource_name};
use crate::model::cluster::{PodRecord, Resources};
use crate::model::time::Grid;

/// Steps without a sample that a pod without a UID survives: a scrape or two may fail.
const HOLE_STEPS: i64 = 3;

/// What tells pods apart. A second source may know less of a pod: no UID, no node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    namespace: String,
    name: String,
    uid: Option<String>,
    node: Option<String>,
}

impl Identity {
    /// Whether `other` may be the same pod and says more of it.
    fn is_surpassed_by(&self, other: &Self) -> bool {
        let less = |mine: &Option<String>, theirs: &Option<String>| mine.is_none() && theirs.is_some();
        let fits = |mine: &Option<String>, theirs: &Option<String>| mine.is_none() || mine == theirs;
        fits(&self.uid, &other.uid)
            && fits(&self.node, &other.node)
            && (less(&self.uid, &other.uid) || less(&self.node, &other.node))
    }
}

#[derive(Debug, Default)]
struct Seen {
    requests: Resources,
    /// Unix seconds of the first and last point of each unbroken run, in any order.
    runs: Vec<(i64, i64)>,
}

/// Running pods as they come together from several answers.
#[derive(Debug)]
pub(super) struct Lifetimes {
    dialect: Dialect,
    step: i64,
    seen: BTreeMap<Identity, Seen>,
}

/// Who controls pods: kind and name by namespace, pod and UID, the UID empty where none is told.
#[derive(Debug, Default)]
pub(super) struct PodOwners {
    by_pod: BTreeMap<(String, String), BTreeMap<String, (String, String)>>,
}

/// A label's value; an empty one and kube-state-metrics' `<none>` are none.
pub(super) fn told(row: &SeriesRow, label: &str) -> Option<String> {
    let value = row.labels.get(label)?;
    (!value.is_empty() && value != "<none>").then(|| value.clone())
}

impl PodOwners {
    /// Takes a row of owners; the first owner of a pod stays.
    pub(super) fn take(&mut self, dialect: Dialect, row: &SeriesRow) {
        let place = (told(row, dialect.namespace()), told(row, dialect.pod()));
        let owner = (told(row, "owner_kind"), told(row, "owner_name"));
        if let ((Some(namespace), Some(pod)), (Some(kind), Some(name))) = (place, owner) {
            let by_uid = self.by_pod.entry((namespace, pod)).or_default();
            by_uid
                .entry(told(row, "uid").unwrap_or_default())
                .or_insert((kind, name));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_pod.is_empty()
    }

    fn of(&self, pod: &Identity) -> Option<&(String, String)> {
        let by_uid = self.by_pod.get(&(pod.namespace.clone(), pod.name.clone()))?;
        let exact = pod.uid.as_ref().and_then(|uid| by_uid.get(uid));
        // Pods that share a name share an owner: only a StatefulSet, or its like, uses a name again.
        exact.or_else(|| by_uid.values().next())
    }
}

impl Lifetimes {
    pub(super) fn new(dialect: Dialect, step_seconds: u32) -> Self {
        Self {
            dialect,
            step: i64::from(step_seconds),
            seen: BTreeMap::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Takes a row of [`Dialect::running`].
    pub(super) fn take(&mut self, row: &SeriesRow) {
        let dialect = self.dialect;
        let place = (told(row, dialect.namespace()), told(row, dialect.pod()));
        let resource = row.labels.get("resource").and_then(|written| resource_name(written));
        let ((Some(namespace), Some(name)), Some(resource)) = (place, resource) else {
            return;
        };
        let amount = row.samples.iter().map(|(_, v)| *v).filter(|v| v.is_finite());
        let Some(amount) = amount.reduce(f64::max) else {
            return;
        };
        let pod = Identity {
            namespace,
            name,
            uid: told(row, "uid"),
            node: told(row, dialect.node()),
        };
        let seen = self.seen.entry(pod).or_default();
        let known = seen.requests.entry(resource).or_insert(amount);
        *known = known.max(amount);
        let points = row.samples.iter().map(|(time, _)| time.round() as i64);
        seen.runs.extend(joined(points.map(|at| (at, at)).collect(), self.step));
    }

    /// The pods, each from the begin of its first step to the end of its last, within the window.
    pub(super) fn records(self, grid: Grid, owners: &PodOwners) -> Vec<PodRecord> {
        let mut records: Vec<PodRecord> = Vec::new();
        let identities: Vec<Identity> = self.seen.keys().cloned().collect();
        let (start, end) = (grid.window.start.as_second(), grid.window.end.as_second());
        for (pod, mut seen) in self.seen {
            // What lies in a time that nobody asked for would draw a life out over all that lies between.
            seen.runs
                .retain(|(first, last)| *last > start && first.saturating_sub(self.step) < end);
            let namesakes = identities
                .iter()
                .skip(identities.partition_point(|other| (&other.namespace, &other.name) < (&pod.namespace, &pod.name)))
                .take_while(|other| (&other.namespace, &other.name) == (&pod.namespace, &pod.name));
            if namesakes.into_iter().any(|other| pod.is_surpassed_by(other)) {
                continue;
            }
            // With a UID it is one pod however long nobody looked; without, a pod of the same name may have followed.
            let hole = if pod.uid.is_some() {
                i64::MAX
            } else {
                self.step * (HOLE_STEPS + 1)
            };
            for (first, last) in joined(seen.runs, hole) {
                records.extend(record(
                    &pod,
                    &seen.requests,
                    grid,
                    (first.saturating_sub(self.step), last),
                    owners,
                ));
            }
        }
        part_namesakes(&mut records);
        records
    }
}

/// Runs in time order, those that lie no further apart than `reach` made one.
fn joined(mut runs: Vec<(i64, i64)>, reach: i64) -> Vec<(i64, i64)> {
    runs.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (first, last) in runs {
        match joined.last_mut() {
            Some(before) if first.saturating_sub(before.1) <= reach => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

fn record(
    pod: &Identity,
    requests: &Resources,
    grid: Grid,
    (begin, end): (i64, i64),
    owners: &PodOwners,
) -> Option<PodRecord> {
    let owner = owners.of(pod);
    let first = Timestamp::from_second(begin).ok()?.max(grid.window.start);
    let last = Timestamp::from_second(end).ok()?.min(grid.window.end);
    (first < last).then(|| PodRecord {
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        node: pod.node.clone(),
        owner_kind: owner.map(|(kind, _)| kind.clone()),
        owner_name: owner.map(|(_, name)| name.clone()),
        requests: requests.clone(),
        first,
        last,
        created: None,
        ready: None,
    })
}

/// Within the step in which a pod was recreated both were seen; the name belongs to one at a time, so the step goes to
/// the successor.
fn part_namesakes(records: &mut [PodRecord]) {
    records.sort_by(|a, b| (&a.namespace, &a.name, a.first, &a.uid).cmp(&(&b.namespace, &b.name, b.first, &b.uid)));
    for index in 1..records.len() {
        let (before, after) = records.split_at_mut(index);
        let (Some(earlier), Some(later)) = (before.last_mut(), after.first()) else {
            continue;
        };
        let same = earlier.namespace == later.namespace && earlier.name == later.name;
        if same && earlier.first < later.first && later.first < earlier.last {
            earlier.last = later.first;
        }
    }
}

#[cfg(test)]
mod tests;
