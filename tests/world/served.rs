//! Workloads whose servers are simulated request by request, so that they can be replayed: what each of their pods shows of what
//! all of them did together.

use std::collections::{BTreeMap, BTreeSet};

use gpuwise::model::histogram::Histogram;
use gpuwise::model::reading::{RequestsOf, Series};
use gpuwise::model::requests::{Figure, RequestHistory};
use gpuwise::model::time::Window;
use gpuwise::model::usage::{Column, Signal};
use jiff::Timestamp;

use super::load::HOLD;
use super::pods::Pod;
use super::serving::answers::{folded, present};
use super::serving::autoscaler::Policy;
use super::serving::world::Watched;
use super::streams::ServerSample;
use super::workload::Workload;
use super::{END, HOUR, SCRAPE, World};

/// Days for which the store still has every scrape of them: a week to learn from and enough to prove it on. The weeks before were
/// like these.
const DAYS: i64 = 18;
const WEEK: i64 = 7 * 24 * HOUR;

/// What monitoring saw of each workload that is simulated, by its index.
pub type Served = BTreeMap<usize, Watched>;

/// Simulates what is to be simulated, with its replicas as they are.
pub fn simulate(workloads: &[Workload], start: i64) -> Served {
    let start = start.max(END - DAYS * 24 * HOUR);
    let at = |second| Timestamp::from_second(second).unwrap_or_default();
    let window = Window {
        start: at(start),
        end: at(END),
    };
    let asked = workloads.iter().enumerate();
    asked
        .filter_map(|(index, workload)| {
            let asked = workload.asked.as_ref()?;
            let mut watched = asked.world(Policy::Fixed(workload.replicas), window).watched();
            round(&mut watched.requests);
            Some((index, watched))
        })
        .collect()
}

/// Counters count whole tokens, and a cache is told in thousandths: as servers do, and it compresses.
fn round(history: &mut RequestHistory) {
    let counters = [Figure::PromptTokens, Figure::CachedTokens, Figure::AnswerTokens];
    for figure in counters.into_iter().chain([Figure::CacheUsed]) {
        let Some(column) = history.column(figure) else { continue };
        let mut rounded = Column::gaps(column.len());
        let (mut sum, mut told) = (0.0, 0.0);
        for at in 0..column.len() {
            let Some(value) = column.get(at) else { continue };
            sum += value;
            let whole = match figure {
                Figure::CacheUsed => (value * 1_000.0).round() / 1_000.0,
                _ => sum.round() - told,
            };
            told += whole;
            rounded.set(at, whole);
        }
        history.put(figure, rounded);
    }
}

/// A figure at a scrape, and nothing where there is none.
fn at(column: &Column, point: usize) -> f64 {
    column.get(point).unwrap_or(0.0)
}

/// The scrape that a second is in, or is like.
fn point(begin: i64, second: i64) -> usize {
    let mut into = second - begin - 1;
    while into < 0 {
        into += WEEK;
    }
    (into / SCRAPE) as usize
}

/// What one of so many pods shows of a sum: a whole number, so that all of them show the sum.
fn part(sum: f64, pods: u64, number: u64) -> u64 {
    (sum.round() as u64 + number) / pods
}

impl World {
    /// The scrapes of a pod whose workload is simulated; a balancer gives its replicas the same.
    pub fn served_samples(&self, pod: &Pod) -> Option<Vec<ServerSample>> {
        let history = &self.served.get(&pod.workload)?.requests;
        let workload = &self.workloads[pod.workload];
        let begin = history.grid.window.start.as_second();
        let (pods, number) = (u64::from(workload.replicas), pod.replica as u64);
        let mut counted = [0.0; 4];
        let mut samples = Vec::new();
        let mut second = begin;
        while second - SCRAPE >= self.start {
            second -= SCRAPE;
        }
        while second + SCRAPE <= END {
            second += SCRAPE;
            let point = point(begin, second);
            if second <= pod.ready() || pod.ended.is_some_and(|ended| second > ended) {
                continue;
            }
            let columns = [&history.finished, &history.prompt_tokens, &history.answer_tokens];
            for (sum, column) in counted.iter_mut().zip(columns) {
                *sum += at(column, point);
            }
            counted[3] += history.cached_tokens.as_ref().map_or(0.0, |column| at(column, point));
            let [finished, prompt, tokens, cached] = counted.map(|sum| part(sum, pods, number));
            samples.push(ServerSample {
                second,
                running: part(at(&history.running, point), pods, number),
                waiting: part(at(&history.waiting, point), pods, number),
                cache: history
                    .cache_used
                    .as_ref()
                    .map_or(0, |column| (at(column, point) * 1_000.0).round() as u64),
                stopped: finished - finished / 10,
                cut: finished / 10,
                tokens,
                prompt,
                cached,
                preempted: 0,
            });
        }
        Some(samples)
    }

    /// How busy a pod is whose workload is simulated: requests in execution on it, of those of its busiest ten minutes. A level holds
    /// for ten minutes and is rounded, which compresses.
    pub fn served_level(&self, pod: &Pod, second: i64) -> Option<f64> {
        const LEVELS: f64 = 16.0;
        let requests = &self.served.get(&pod.workload)?.requests;
        let (running, begin) = (&requests.running, requests.grid.window.start.as_second());
        let server = self.workloads[pod.workload].server.as_ref()?;
        let hold = (HOLD / SCRAPE) as usize;
        let first = point(begin, second) / hold * hold;
        let within = first..first + (HOLD / SCRAPE) as usize;
        let mean = within.clone().map(|point| at(running, point)).sum::<f64>() / within.len() as f64;
        let own = mean / f64::from(self.workloads[pod.workload].replicas);
        Some((own / server.in_flight * LEVELS).round().min(LEVELS) / LEVELS)
    }

    /// The requests of every workload that is simulated.
    pub fn served_requests(&self) -> Vec<RequestsOf> {
        let of = |(index, watched): (&usize, &Watched)| RequestsOf {
            group: "apps".to_owned(),
            kind: self.workloads[*index].kind.name().to_owned(),
            namespace: self.workloads[*index].namespace.clone(),
            name: self.workloads[*index].name.clone(),
            history: watched.requests.clone(),
        };
        self.served.iter().map(of).collect()
    }

    /// Their histograms as a store answers: counts up to each bound and their sum, added up over pods whose names are alike but for
    /// what follows their last dash, and which pods are in it.
    pub fn served_histograms(&self) -> Vec<Series> {
        let mut series = Vec::new();
        for (index, watched) in &self.served {
            let histograms = [
                (Signal::TimeToFirstToken, &watched.ttft),
                (Signal::InterTokenLatency, &watched.itl),
                (Signal::RequestLatency, &watched.e2e),
                (Signal::PromptTokens, &watched.prompt),
                (Signal::AnswerTokens, &watched.answer),
            ];
            for (signal, histogram) in histograms {
                self.add_histogram(*index, signal, histogram, &mut series);
            }
        }
        series
    }

    fn add_histogram(&self, index: usize, signal: Signal, histogram: &Histogram, series: &mut Vec<Series>) {
        let hours = (END - self.start) / HOUR;
        let first = (histogram.grid.window.start.as_second() - self.start) / HOUR;
        let step = |hour: i64| histogram.steps.get(usize::try_from(hour - first).ok()?)?.as_ref();
        let there = |pod: &Pod, hour: i64| {
            let (begin, end) = (self.start + hour * HOUR, self.start + (hour + 1) * HOUR);
            hour >= first && pod.ready() < end && pod.ended.is_none_or(|ended| ended > begin)
        };
        let pods: Vec<&Pod> = self.pods.iter().filter(|pod| pod.workload == index).collect();
        let namespace = &self.workloads[index].namespace;
        // A store's sum is over the pods that are there in the hour; those of another template have their part of it.
        let share = |name: &str, hour: i64| {
            let all = pods.iter().filter(|pod| there(pod, hour));
            let own = all.clone().filter(|pod| fold(pod) == name).count();
            (own > 0).then(|| own as f64 / all.count() as f64)
        };
        for name in pods.iter().map(|pod| fold(pod)).collect::<BTreeSet<_>>() {
            let told: Vec<_> = (0..hours).map(|hour| Some((step(hour)?, share(name, hour)?))).collect();
            series.extend(folded(signal, (namespace, name), &told));
        }
        for pod in &pods {
            let hours = (0..hours).map(|hour| there(pod, hour));
            series.push(present(signal, namespace, &pod.name, hours));
        }
    }
}

/// A pod's name up to its last dash.
fn fold(pod: &Pod) -> &str {
    pod.name.rsplit_once('-').map_or(pod.name.as_str(), |(fold, _)| fold)
}
