//! What the metric store added up over pods, joined to workloads: only where every pod that is in a sum is the workload's own.

use std::collections::{BTreeMap, BTreeSet};

use super::lives::Life;
use super::naming::PodKey;
use super::unseen::listed;
use super::workloads::{Key, groups};
use crate::model::gap::Gap;
use crate::model::histogram::{Buckets, Histogram};
use crate::model::reading::Series;
use crate::model::time::Grid;
use crate::model::usage::{Column, Signal};
use crate::model::workload::Workload;
use crate::sources::prometheus::folds::Fold;
use crate::sources::prometheus::select::held_by;

/// The histograms of a cluster, by the pods that the server added up.
#[derive(Debug, Default)]
pub(super) struct Folds {
    folds: BTreeMap<(Signal, Fold), Sums>,
    /// Where each pod was added.
    of_pod: BTreeMap<PodKey, BTreeSet<(Signal, Fold)>>,
}

/// What pods counted together, and in which hours which of them was in it.
#[derive(Debug, Default)]
struct Sums {
    counts: Vec<(f64, Column)>,
    sum: Option<Column>,
    pods: BTreeMap<PodKey, Column>,
}

impl Sums {
    fn buckets(&self, at: usize) -> Option<Buckets> {
        let counts = self.counts.iter();
        let counts = counts.filter_map(|(bound, column)| Some((*bound, column.get(at)?)));
        Buckets::new(counts, self.sum.as_ref().and_then(|sum| sum.get(at)))
    }

    fn pods(&self, at: usize) -> impl Iterator<Item = &PodKey> {
        let there = move |(pod, column): (_, &Column)| column.get(at).map(|_| pod);
        self.pods.iter().filter_map(there)
    }
}

impl Folds {
    /// The folds of these series.
    pub(super) fn of(series: Vec<Series>) -> Self {
        let mut found = Self::default();
        for Series { signal, labels, column } in series {
            let key = (signal, Fold::of(&labels));
            let sums = found.folds.entry(key.clone()).or_default();
            let pair = || Some((labels.get("namespace")?.clone(), labels.get("pod")?.clone()));
            if labels.contains_key("pods") {
                match labels.get("le").map(|bound| bound.parse()) {
                    None => sums.sum = Some(column),
                    Some(Ok(bound)) => sums.counts.push((bound, column)),
                    // No number, no bound: what is left is no histogram without it, or one that is coarser.
                    Some(Err(_)) => {}
                }
            } else if let Some(pod) = held_by(&labels).or_else(pair) {
                found.of_pod.entry(pod.clone()).or_default().insert(key);
                // Two rows of one pod differ in a label that does not tell pods apart.
                match sums.pods.get_mut(&pod) {
                    Some(there) => there.merge_max(&column),
                    None => _ = sums.pods.insert(pod, column),
                }
            }
        }
        found
    }

    /// How many values they are.
    pub(super) fn values(&self) -> u64 {
        let of = |sums: &Sums| {
            let counts = sums.counts.iter().map(|(_, column)| column);
            let columns = counts.chain(&sums.sum).chain(sums.pods.values());
            columns.map(|column| column.count() as u64).sum::<u64>()
        };
        self.folds.values().map(of).sum()
    }

    /// Gives a workload its histograms. An hour in which pods of others are in the sum is left unknown: the gap.
    pub(super) fn attach(&self, workload: &mut Workload, reused: &BTreeSet<PodKey>, grid: Grid) -> Option<Gap> {
        let key = |name: &str| (workload.namespace.clone(), name.to_owned());
        let own: BTreeSet<PodKey> = workload.pods.iter().map(|pod| key(&pod.name)).collect();
        let folds: BTreeSet<&(Signal, Fold)> = own.iter().filter_map(|pod| self.of_pod.get(pod)).flatten().collect();
        let mut others: BTreeSet<&PodKey> = BTreeSet::new();
        let mut found: BTreeMap<Signal, Histogram> = BTreeMap::new();
        let is_own = |pod: &PodKey| own.contains(pod) && !reused.contains(pod);
        for at in 0..Signal::HISTOGRAMS
            .map(|signal| signal.grid(grid).points())
            .into_iter()
            .max()?
        {
            let mut hours: BTreeMap<Signal, Vec<Option<Buckets>>> = BTreeMap::new();
            for key in &folds {
                let Some(sums) = self.folds.get(key) else { continue };
                // A pod of the workload must be in it now, and not only at another time.
                let (told, untold) = self.told_before(key, sums, at);
                if !sums.pods(at).any(|pod| own.contains(pod)) || (told > 0 && untold == 0) {
                    continue;
                }
                let strangers = || sums.pods(at).filter(|pod| !is_own(pod));
                others.extend(strangers());
                let is_clear = told == 0 && strangers().next().is_none();
                let buckets = is_clear.then(|| sums.buckets(at)).flatten();
                hours.entry(key.0).or_default().push(buckets);
            }
            for (signal, parts) in hours {
                let all = parts.into_iter().reduce(|sum, part| {
                    let (mut sum, part) = (sum?, part?);
                    sum.add(&part);
                    Some(sum)
                });
                let histogram = found.entry(signal);
                let histogram = histogram.or_insert_with(|| Histogram::unknown(signal.grid(grid)));
                if let Some(step) = histogram.steps.get_mut(at) {
                    *step = all.flatten();
                }
            }
        }
        found.retain(|_, histogram| histogram.known() > 0);
        workload.histograms = found;
        (!others.is_empty()).then(|| mixed(workload, &others))
    }

    /// Of how many pods in a native histogram the classic one beside it tells the same at this time, and of how many not.
    fn told_before(&self, (signal, fold): &(Signal, Fold), sums: &Sums, at: usize) -> (usize, usize) {
        let classic = self.folds.get(&(*signal, fold.classic()));
        let Some(classic) = classic.filter(|_| fold.is_native()) else {
            return (0, 0);
        };
        let is_told = |pod: &&PodKey| classic.pods.get(*pod).is_some_and(|column| column.get(at).is_some());
        let (told, untold): (Vec<_>, Vec<_>) = sums.pods(at).partition(is_told);
        (told.len(), untold.len())
    }
}

/// Names that pods of several workloads had, one after the other.
pub(super) fn reused(lives: &[Life<'_>]) -> BTreeSet<PodKey> {
    let mut owners: BTreeMap<&PodKey, BTreeSet<Key>> = BTreeMap::new();
    for (workload, lives) in groups(lives) {
        for life in lives {
            owners.entry(&life.key).or_default().insert(workload.clone());
        }
    }
    let several = owners.into_iter().filter(|(_, workloads)| workloads.len() > 1);
    several.map(|(pod, _)| pod.clone()).collect()
}

fn mixed(workload: &Workload, others: &BTreeSet<&PodKey>) -> Gap {
    let Workload {
        kind, namespace, name, ..
    } = workload;
    Gap::new(
        "histograms-mixed",
        format!(
            "latencies and tokens of the requests of {kind} {namespace}/{name}, all of them or those of some hours"
        ),
        format!(
            "their histograms are read as sums over pods whose names begin alike, and pods that are not known as its own are among \
             them: {}",
            listed(others.iter().map(|(_, pod)| pod.as_str()))
        ),
        "give the pods of each workload a name of their own, as Deployments do; pods that are gone are known where \
         kube-state-metrics runs",
    )
}

#[cfg(test)]
mod tests;
