//! What the servers of each workload count, under which names, and how often they are scraped.

use std::collections::{BTreeMap, BTreeSet};

use super::super::decode::SeriesRow;
use super::super::history::grid_to_end;
use super::super::scrape::seconds_between;
use super::super::select::held_by;
use super::PodKey;
use super::grouping::Group;
use crate::model::time::{Grid, Window};

/// Seconds over which scrapes are counted.
pub(super) const SPAN: u32 = 600;

/// Over how many points of a window servers are looked for.
const POINTS: u32 = 56;

/// What is finer than this is no scrape interval of a cluster with a bill to look at.
const FINEST: u32 = 15;

/// Moments spread over a window: a server that was there for some hours of it is found.
pub(super) fn looked_at(window: Window) -> Grid {
    let span = u32::try_from(window.end.as_second() - window.start.as_second()).unwrap_or(u32::MAX);
    grid_to_end(window, (span / POINTS).clamp(SPAN, 6 * 3_600))
}

/// What was found.
#[derive(Debug)]
pub(super) struct Found<'a> {
    of_pod: BTreeMap<&'a PodKey, usize>,
    /// By workload and whether its pods stand in `exported_pod`.
    names: BTreeMap<usize, BTreeSet<(String, bool)>>,
    /// Scrapes within a span, of the pod that was scraped most, by workload and time.
    counts: BTreeMap<usize, BTreeMap<i64, f64>>,
}

impl<'a> Found<'a> {
    pub(super) fn new(workloads: &'a [BTreeSet<PodKey>]) -> Self {
        let all = workloads.iter().enumerate();
        let of_pod = all.flat_map(|(at, pods)| pods.iter().map(move |pod| (pod, at)));
        Self {
            of_pod: of_pod.collect(),
            names: BTreeMap::new(),
            counts: BTreeMap::new(),
        }
    }

    /// Takes a row: how often a pod was scraped for a metric.
    pub(super) fn take(&mut self, row: &SeriesRow) {
        let plain = || Some((row.labels.get("namespace")?.clone(), row.labels.get("pod")?.clone()));
        let held = held_by(&row.labels);
        let is_held = held.is_some();
        let workload = held.or_else(plain).and_then(|pod| self.of_pod.get(&pod).copied());
        let (Some(workload), Some(name)) = (workload, row.labels.get(super::query::FOUND)) else {
            return;
        };
        self.names.entry(workload).or_default().insert((name.clone(), is_held));
        let counts = self.counts.entry(workload).or_default();
        for (time, count) in row.samples.iter().filter(|(_, count)| *count >= 1.0) {
            let most = counts.entry(time.round() as i64).or_insert(*count);
            *most = most.max(*count);
        }
    }

    /// Seconds between the scrapes of a workload's servers, the median over time, so that neither an outage of the scraper nor a
    /// change of its settings decides. `None` where none was scraped.
    pub(super) fn interval(&self, workload: usize) -> Option<u32> {
        let mut counts: Vec<f64> = self.counts.get(&workload)?.values().copied().collect();
        counts.sort_by(f64::total_cmp);
        let median = counts.get(counts.len() / 2)?;
        Some(seconds_between(SPAN, *median).max(FINEST))
    }

    /// Names that some workload of a group has, each with whether its pods stand in `exported_pod`.
    pub(super) fn names(&self, group: &Group) -> BTreeSet<(&str, bool)> {
        let workloads = group.parts.iter().filter_map(|part| self.names.get(&part.workload));
        workloads.flatten().map(|(name, held)| (name.as_str(), *held)).collect()
    }
}
