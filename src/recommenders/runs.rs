//! Runs of a workload as its pods show them: the spans in which each was there, and how long one takes that nothing interrupts.

use std::collections::BTreeMap;

use crate::model::time::Window;
use crate::model::workload::{PodUse, Workload};

/// Runs that went through at once without which no length is usual.
const LEAST_RUNS: usize = 3;

/// Share by which usual runs may differ in length.
pub(super) const SPREAD_AT_MOST: f64 = 0.3;

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// Seconds from and to which at least one of its pods was there, in order.
    pub(super) parts: Vec<(i64, i64)>,
    /// Whether it began and ended within the window.
    pub(super) complete: bool,
}

impl Run {
    /// Hours of its parts.
    pub(super) fn hours(&self) -> Vec<f64> {
        let hours = |(from, to): &(i64, i64)| (to - from) as f64 / 3600.0;
        self.parts.iter().map(hours).collect()
    }

    /// Hours that it was there in all.
    pub(super) fn together(&self) -> f64 {
        self.hours().iter().sum()
    }
}

/// How long a run takes that nothing interrupts, in hours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usual {
    /// The shortest.
    pub(super) least: f64,
    /// Half of them take longer.
    pub(super) median: f64,
    /// The longest.
    pub(super) most: f64,
}

/// Every run of the window, by name. Pods that are of no run are together one that nobody saw begin or end.
pub(super) fn of(workload: &Workload, window: Window) -> Vec<Run> {
    let mut runs: BTreeMap<Option<&str>, Vec<&PodUse>> = BTreeMap::new();
    for pod in &workload.pods {
        runs.entry(pod.run.as_deref()).or_default().push(pod);
    }
    let inside = |pod: &&PodUse| pod.from > window.start && pod.to < window.end && !pod.running;
    runs.into_iter()
        .map(|(name, pods)| Run {
            parts: parts(&pods),
            complete: name.is_some() && pods.iter().all(inside),
        })
        .collect()
}

/// The length of runs that went through at once; how many those are, where they do not tell one.
pub(super) fn usual<'r>(complete: impl IntoIterator<Item = &'r Run>) -> Result<Usual, usize> {
    let whole = complete.into_iter().filter(|run| run.parts.len() == 1);
    let mut whole: Vec<f64> = whole.map(Run::together).collect();
    whole.sort_by(f64::total_cmp);
    let found = match whole[..] {
        [least, .., most] => Usual {
            least,
            median: whole[whole.len() / 2],
            most,
        },
        _ => return Err(whole.len()),
    };
    let alike = found.most - found.least <= found.median * SPREAD_AT_MOST;
    (alike && whole.len() >= LEAST_RUNS).then_some(found).ok_or(whole.len())
}

fn parts(pods: &[&PodUse]) -> Vec<(i64, i64)> {
    let mut spans: Vec<(i64, i64)> = pods
        .iter()
        .map(|pod| (pod.from.as_second(), pod.to.as_second()))
        .collect();
    spans.sort_unstable();
    let mut parts: Vec<(i64, i64)> = Vec::new();
    for (from, to) in spans {
        match parts.last_mut() {
            Some(last) if from < last.1 => last.1 = last.1.max(to),
            _ => parts.push((from, to)),
        }
    }
    parts
}
