//! Workloads as they are handed on to be judged, and what was read of them all.

use std::collections::BTreeSet;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::histograms::Folds;
use super::naming::PodKey;
use super::requests::{self, Requests};
use crate::model::gap::Gap;
use crate::model::requests::RequestHistory;
use crate::model::time::Grid;
use crate::model::usage::Signal;
use crate::model::workload::Workload;

/// Workloads with their history, and what was read of it.
#[derive(Debug, Default)]
pub struct Part {
    /// The workloads, by id.
    pub workloads: Vec<Workload>,
    pub(super) tally: Tally,
}

/// What parts add up to.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub(super) present: BTreeSet<Signal>,
    pub(super) samples: u64,
    pub(super) ownerless: usize,
    /// What could not be read of them.
    pub gaps: BTreeSet<Gap>,
}

/// Workloads of which the histograms are given to each just before it is heard.
#[derive(Debug)]
pub struct Unheard<'o> {
    /// The workloads, by id.
    pub workloads: Vec<Workload>,
    /// The histograms that were among the series, or else those of the outline.
    pub(super) own: Option<Folds>,
    pub(super) folds: &'o Folds,
    pub(super) requests: &'o Requests,
    pub(super) reused: &'o BTreeSet<PodKey>,
    pub(super) grid: Grid,
    pub(super) ownerless: usize,
}

impl Unheard<'_> {
    /// Hands over the workloads, on all cores; what was made of them, in their order, and what was read of them all.
    pub fn each<T: Send>(self, hear: impl Fn(Workload) -> T + Sync) -> (Vec<T>, Tally) {
        let folds = self.own.as_ref().unwrap_or(self.folds);
        let one = |mut workload: Workload| {
            let gaps = folds.attach(&mut workload, self.reused, self.grid);
            requests::attach(&mut workload, self.requests);
            let mut tally = Tally::of(&workload);
            tally.gaps.extend(gaps);
            (hear(workload), tally)
        };
        let heard: Vec<(T, Tally)> = self.workloads.into_par_iter().map(one).collect();
        let mut all = Tally {
            ownerless: self.ownerless,
            ..Tally::default()
        };
        let heard = heard.into_iter().map(|(made, tally)| {
            all.add(tally);
            made
        });
        (heard.collect(), all)
    }
}

impl Part {
    /// What was read of it.
    pub fn tally(&self) -> Tally {
        self.tally.clone()
    }
}

impl Tally {
    fn of(workload: &Workload) -> Self {
        let mut tally = Self::default();
        for (signal, histogram) in &workload.histograms {
            tally.present.insert(*signal);
            tally.samples += histogram.values() as u64;
        }
        tally.samples += workload.requests.as_ref().map_or(0, RequestHistory::values) as u64;
        for pod in &workload.pods {
            let devices = pod.devices.iter().flat_map(|device| &device.signals);
            for (signal, column) in devices.chain(&pod.server) {
                tally.present.insert(*signal);
                tally.samples += column.count() as u64;
            }
        }
        tally
    }

    /// Adds another part's.
    pub fn add(&mut self, other: Self) {
        self.present.extend(other.present);
        self.samples += other.samples;
        self.ownerless += other.ownerless;
        self.gaps.extend(other.gaps);
    }
}
