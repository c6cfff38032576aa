//! What the servers of a workload counted and held, step by step, as `reading` has it: the second file that speaks the product's
//! nouns.

use gpuwise::model::reading::RequestsOf;
use gpuwise::model::requests::{Figure, RequestHistory};
use gpuwise::model::time::{Grid, Window};
use gpuwise::model::usage::Column;
use jiff::Timestamp;

use super::streams::{self, ServerSample};
use super::workload::Kind;
use super::{END, SCRAPE, Size, World};

/// Seconds for which a scrape counts.
const REACH: i64 = SCRAPE + SCRAPE / 2;

/// Seconds within which a server that falls silent and speaks again was there all along.
const HOLE: i64 = 300;

/// How a counter or a gauge reads in a sample.
type Value = fn(&ServerSample) -> f64;

const COUNTS: [(Figure, Value); 6] = [
    (Figure::Finished, |s| (s.stopped + s.cut) as f64),
    (Figure::Rejected, |_| 0.0),
    (Figure::PromptTokens, |s| s.prompt as f64),
    (Figure::CachedTokens, |s| s.cached as f64),
    (Figure::AnswerTokens, |s| s.tokens as f64),
    (Figure::Preemptions, |s| s.preempted as f64),
];

const GAUGES: [(Figure, Value); 4] = [
    (Figure::Servers, |_| 1.0),
    (Figure::Running, |s| s.running as f64),
    (Figure::Waiting, |s| s.waiting as f64),
    (Figure::CacheUsed, |s| s.cache as f64 / 1000.0),
];

impl World {
    /// The requests of every workload that has servers; in worlds that are recorded for the binary of those alone that are
    /// simulated: the others' would be most of it.
    pub fn requests(&self) -> Vec<RequestsOf> {
        if self.size == Size::Demo {
            return self.served_requests();
        }
        let served = self.workloads.iter().enumerate();
        served.filter_map(|(index, _)| self.requests_of(index)).collect()
    }

    fn requests_of(&self, index: usize) -> Option<RequestsOf> {
        let workload = &self.workloads[index];
        let pods = streams::servers(self).filter(|(pod, _)| pod.workload == index);
        let pods: Vec<Vec<ServerSample>> = pods
            .map(|(pod, server)| streams::server_samples(self, pod, server))
            .collect();
        let points = ((END - self.start) / SCRAPE) as usize;
        let mut told: Vec<Vec<Option<f64>>> = vec![vec![None; points]; COUNTS.len() + GAUGES.len()];
        for samples in &pods {
            let at = |second: i64| {
                let after = samples.partition_point(|sample| sample.second <= second);
                let last = samples.get(after.checked_sub(1)?)?;
                (last.second > second - REACH).then_some(last)
            };
            let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
                continue;
            };
            let place = |second: i64| ((second - self.start) / SCRAPE).max(1) as usize;
            for point in place(first.second) - 1..(place(last.second) + 2).min(points) {
                let second = self.start + (point as i64 + 1) * SCRAPE;
                let Some(now) = at(second) else { continue };
                for (column, (figure, value)) in told.iter_mut().zip(GAUGES) {
                    let sum = column[point].get_or_insert(0.0);
                    *sum = match figure {
                        Figure::CacheUsed => value(now).max(*sum),
                        _ => *sum + value(now),
                    };
                }
                let Some(before) = at(second - SCRAPE) else { continue };
                for (column, (_, value)) in told[GAUGES.len()..].iter_mut().zip(COUNTS) {
                    let (now, before) = (value(now), value(before));
                    let new = if now < before { now } else { now - before };
                    *column[point].get_or_insert(0.0) += new;
                }
            }
        }
        let servers = told[0].clone();
        if servers.iter().all(Option::is_none) {
            return None;
        }
        let holes: Vec<bool> = (0..points).map(|at| is_hole(&servers, at)).collect();
        let at = |second| Timestamp::from_second(second).unwrap_or_default();
        let grid = Grid {
            window: Window {
                start: at(END - points as i64 * SCRAPE),
                end: at(END),
            },
            step_seconds: SCRAPE as u32,
        };
        let mut history = RequestHistory::unknown(grid);
        for (number, column) in told.into_iter().enumerate() {
            let counted = number >= GAUGES.len();
            let figure = match counted {
                true => COUNTS[number - GAUGES.len()].0,
                false => GAUGES[number].0,
            };
            let mut kept = Column::gaps(points);
            for (at, value) in column.into_iter().enumerate() {
                let since_hole = counted && at > 0 && holes[at - 1];
                if let Some(value) = value.filter(|_| !holes[at] && !since_hole) {
                    kept.set(at, value);
                }
            }
            history.put(figure, kept);
        }
        let (group, kind) = match workload.kind {
            Kind::Deployment => ("apps", "Deployment"),
            Kind::StatefulSet => ("apps", "StatefulSet"),
            Kind::LeaderWorkerSet => ("leaderworkerset.x-k8s.io", "LeaderWorkerSet"),
            _ => return None,
        };
        Some(RequestsOf {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: workload.namespace.clone(),
            name: workload.name.clone(),
            history,
        })
    }
}

/// Whether more servers spoke within a while before, and within a while after.
fn is_hole(servers: &[Option<f64>], at: usize) -> bool {
    let reach = (HOLE / SCRAPE) as usize;
    let most = |from: usize, to: usize| servers[from..=to].iter().flatten().copied().fold(0.0, f64::max);
    let before = most(at.saturating_sub(reach), at);
    let after = most(at, (at + reach).min(servers.len() - 1));
    servers[at].unwrap_or(0.0) < before.min(after)
}
