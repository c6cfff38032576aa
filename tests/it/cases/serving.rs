//! What the servers of a case counted: requests of a world of [`crate::serving_worlds`], which shares no code with what judges it.

use gpuwise::model::histogram::Histogram;
use gpuwise::model::reading::{Reading, RequestsOf, Series};
use gpuwise::model::time::Grid;
use gpuwise::model::usage::{Column, Signal};
use serde::Deserialize;
use serde_json::Value;

use super::file::Workload;
use super::inventory::labels;
use crate::serving_worlds::autoscaler::{Hpa, Metric, Policy};
use crate::serving_worlds::fleet::{Routing, Site};
use crate::serving_worlds::load::Load;
use crate::serving_worlds::replica::Law;
use crate::serving_worlds::world::{Objective, World};

/// What a workload is asked, and how quick it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Serves {
    /// Requests a second at the highest hour of a workday.
    pub(crate) peak: f64,
    /// How deep the night is: with 1 half as many come, with 6 none.
    #[serde(default = "usual_night")]
    pub(crate) depth: f64,
    /// How many come on a weekend's day, of a workday's.
    #[serde(default = "usual_weekend")]
    pub(crate) weekend: f64,
    /// Tokens of a prompt, on average.
    pub(crate) prompt: f64,
    /// Tokens of an answer, on average.
    pub(crate) answer: f64,
    /// Seconds from one token to the next of a request alone; each beside it adds a fiftieth.
    pub(crate) token_seconds: f64,
    /// Tokens of prompts that are computed in a second.
    pub(crate) prefill: f64,
    /// Requests in execution at once.
    pub(crate) seats: usize,
    /// The chance that a scrape is missed, with those after it.
    #[serde(default)]
    pub(crate) gaps: f64,
    /// Tokens that a replica's cache holds.
    #[serde(default = "roomy")]
    pub(crate) cache: f64,
    /// Seconds after which clients give up.
    pub(crate) patience: Option<f64>,
}

fn usual_night() -> f64 {
    1.0
}

fn usual_weekend() -> f64 {
    0.7
}

fn roomy() -> f64 {
    400_000.0
}

impl Serves {
    fn world(&self, ran: Policy, grid: Grid) -> World {
        let load = Load {
            peak: self.peak,
            depth: self.depth,
            week: [1.0, 1.0, 1.0, 1.0, 1.0, self.weekend, self.weekend],
            day_sigma: 0.05,
            day_rho: 0.3,
            window_sigma: 0.05,
            bursts: (0.0, 1.0),
            cv: 1.1,
            growth: 0.0,
            prompt: (self.prompt, 0.6),
            answer: (self.answer, 0.6),
            cached: 0.0,
        };
        let law = Law {
            alone: self.token_seconds,
            each: self.token_seconds / 50.0,
            bend: 0.0,
            context: 0.0,
            prompt: 1.0 / self.prefill,
            overlap: 0.1,
            budget: 2_048.0,
            seats: self.seats,
            cache: self.cache,
            noise: 0.02,
            servers: 0.0,
            patience: self.patience.unwrap_or(f64::INFINITY),
        };
        World {
            load,
            site: Site {
                law,
                routing: Routing::Random,
                start: (120.0, 0.2),
                scrape: 60,
            },
            ran,
            objective: Objective {
                ttft: 1.0,
                itl: 1.0,
                refused: 0.0,
            },
            days: usize::try_from((grid.window.end.as_second() - grid.window.start.as_second()) / 86_400).unwrap(),
            start: grid.window.start.as_second(),
            gaps: self.gaps,
            seed: 7,
        }
    }
}

impl Workload {
    /// What decided how many replicas there were: the autoscaler that a case gives, where it looks at requests.
    fn ran(&self) -> Policy {
        let fixed = Policy::Fixed(self.pods.iter().map(|pods| pods.count).sum());
        let Some(spec) = &self.hpa_spec else { return fixed };
        let metric = &spec["metrics"][0]["pods"];
        let of = match metric["metric"]["name"].as_str() {
            Some("vllm:num_requests_running") => Metric::Running,
            Some("vllm:num_requests_waiting") => Metric::Waiting,
            _ => return fixed,
        };
        let count = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
        let target = f64::from(count(&metric["target"]["averageValue"]));
        Policy::Hpa(Hpa::new(
            of,
            target,
            count(&spec["minReplicas"]),
            count(&spec["maxReplicas"]),
        ))
    }

    /// Adds what its servers counted, and how long its pods took to start.
    pub(super) fn add_requests(&self, grid: Grid, reading: &mut Reading) {
        let Some(serves) = &self.serves else { return };
        let own = |pod: &&mut gpuwise::model::cluster::PodRecord| {
            pod.namespace == self.namespace && pod.name.starts_with(&self.name)
        };
        let watched = serves.world(self.ran(), grid).watched();
        let mut names = Vec::new();
        for (pod, seconds) in reading
            .inventory
            .pod_history
            .iter_mut()
            .filter(own)
            .zip(watched.starts.iter().cycle())
        {
            names.push(pod.name.clone());
            pod.created = Some(pod.first);
            let ready = pod.first.as_second() + seconds.round() as i64;
            pod.ready = jiff::Timestamp::from_second(ready).ok();
        }
        let histograms = [
            (Signal::TimeToFirstToken, watched.ttft),
            (Signal::InterTokenLatency, watched.itl),
            (Signal::RequestLatency, watched.e2e),
            (Signal::PromptTokens, watched.prompt),
            (Signal::AnswerTokens, watched.answer),
        ];
        for (signal, histogram) in histograms {
            self.add_histogram(signal, &histogram, &names, &mut reading.series);
        }
        reading.requests.push(RequestsOf {
            group: "apps".to_owned(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            history: watched.requests,
        });
    }

    /// As a store answers: counts up to each bound and their sum, added up over its pods, and which pods were in it.
    fn add_histogram(&self, signal: Signal, histogram: &Histogram, pods: &[String], series: &mut Vec<Series>) {
        let fold = labels([("namespace", &self.namespace), ("pods", &self.name)]);
        let known = |of: &dyn Fn(&gpuwise::model::histogram::Buckets) -> Option<f64>| {
            Column::from_options(histogram.steps.iter().map(|step| of(step.as_ref()?)))
        };
        let first = histogram.steps.iter().flatten().next().unwrap();
        for (at, (bound, _)) in first.up_to().enumerate() {
            let mut labels = fold.clone();
            let bound = if bound.is_finite() {
                bound.to_string()
            } else {
                "+Inf".to_owned()
            };
            labels.insert("le".to_owned(), bound);
            let column = known(&|buckets| buckets.up_to().nth(at).map(|(_, count)| count));
            series.push(Series { signal, labels, column });
        }
        let sum = known(&|buckets| buckets.sum());
        series.push(Series {
            signal,
            labels: fold,
            column: sum,
        });
        for pod in pods {
            series.push(Series {
                signal,
                labels: labels([("namespace", &self.namespace), ("pod", pod)]),
                column: known(&|_| Some(1.0)),
            });
        }
    }
}
